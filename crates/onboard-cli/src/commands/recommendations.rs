//! `recommendations`: what agents found, and what people make of it.

use super::Done;
use crate::arguments::{FindingsCommand, Global};
use crate::failure::{Failure, Kind};
use crate::{connection, output, project, render};
use onboard_domain::{Command, Fingerprint, ProjectId};
use onboard_validation::show;
use onboard_web::api::{FindingRow, Items, ProblemKind};
use onboard_web::client::{Client, ClientError};
use std::process::ExitCode;

pub fn run(global: &Global, command: FindingsCommand) -> Done {
    let (client, _) = connection::client()?;
    match command {
        FindingsCommand::List { all_projects } => list(&client, global, all_projects),
        FindingsCommand::Show { id } => {
            let finding = find(&client, global, &id)?;
            if global.is_json() {
                output::json(&finding)?;
            } else {
                output::data(&render::findings::show(&finding, &output::look(global)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        FindingsCommand::Accept { id } => {
            let finding = find(&client, global, &id)?;
            let (project, fingerprint) = place(&finding)?;
            let command = Command::AcceptFinding { project, fingerprint };
            tell(&client, global, &finding, command, "", "accepted")
        }
        FindingsCommand::Dismiss { id, reason } => {
            let finding = find(&client, global, &id)?;
            let (project, fingerprint) = place(&finding)?;
            let why = reason.clone();
            let command = Command::DismissFinding { project, fingerprint, reason };
            tell(&client, global, &finding, command, &why, "dismissed, and stays so")
        }
    }
}

fn of_project(client: &Client, global: &Global) -> Result<Vec<FindingRow>, Failure> {
    let root = project::find(global)?.root.to_string_lossy().into_owned();
    match client.items("/findings", &[("project", &root)]) {
        Err(ClientError::Problem(problem)) if problem.kind == ProblemKind::UnknownProject => {
            Ok(Vec::new())
        }
        rows => Ok(rows?),
    }
}

fn list(client: &Client, global: &Global, all_projects: bool) -> Done {
    let rows: Vec<FindingRow> = match all_projects {
        true => client.items("/findings", &[])?,
        false => of_project(client, global)?,
    };
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else if global.is_quiet() {
        let ids = rows.iter().map(|row| format!("{}\n", render::findings::id(row)));
        output::data(&ids.collect::<String>())?;
    } else if rows.is_empty() {
        output::note("nothing found that is open");
    } else {
        output::data(&render::findings::list(&rows, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The one finding whose fingerprint begins so.
fn find(client: &Client, global: &Global, id: &str) -> Result<FindingRow, Failure> {
    let rows = of_project(client, global)?;
    let mut matching = rows.into_iter().filter(|row| row.fingerprint.starts_with(id));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err(Failure::new(Kind::Failed, format!("several findings begin with `{id}`")).hint(
                "give more of its id: `ai_onboard recommendations list --json` has all of it",
            ))
        }
        (None, _) => Err(Failure::new(Kind::Failed, format!("no open finding `{id}`"))
            .hint("ai_onboard recommendations list")),
    }
}

fn place(finding: &FindingRow) -> Result<(ProjectId, Fingerprint), Failure> {
    let project = finding.project_id.parse().map_err(|()| {
        let id = &finding.project_id;
        Failure::new(Kind::Failed, format!("the daemon gave `{id}` as a project's id"))
    })?;
    Ok((project, Fingerprint(finding.fingerprint.clone())))
}

fn tell(
    client: &Client,
    global: &Global,
    finding: &FindingRow,
    command: Command,
    why: &str,
    done: &str,
) -> Done {
    let answer = client.command(command, why)?;
    if global.is_json() {
        output::json(&answer)?;
    } else {
        let (id, title) = (render::findings::id(finding), show::line(&finding.title));
        output::data(&format!("{id} {done}: {title}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
