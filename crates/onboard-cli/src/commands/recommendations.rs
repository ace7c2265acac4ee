//! `recommendations`: what agents found, and what people make of it.

use super::Done;
use crate::arguments::{FindingsCommand, Global};
use crate::failure::{Failure, Kind};
use crate::{chosen, connection, output, project, render};
use onboard_domain::{Command, Fingerprint, ProjectId};
use onboard_validation::show;
use onboard_web::api::{AgentDetail, AgentRow, FindingRow, Items, ProblemKind};
use onboard_web::client::{Client, ClientError};
use std::process::ExitCode;

pub fn run(global: &Global, command: FindingsCommand) -> Done {
    let (client, _) = connection::client()?;
    match command {
        FindingsCommand::List { all_projects, all } => list(&client, global, all_projects, all),
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
        FindingsCommand::Snooze { id, for_ms } => {
            let finding = find(&client, global, &id)?;
            let (project, fingerprint) = place(&finding)?;
            let command = Command::SnoozeFinding { project, fingerprint, for_ms };
            let done = format!("not shown for {}", onboard_text::duration::show(for_ms));
            tell(&client, global, &finding, command, "", &done)
        }
        FindingsCommand::Unmute { rule } => unmute(&client, global, &rule),
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

fn list(client: &Client, global: &Global, all_projects: bool, all: bool) -> Done {
    let rows: Vec<FindingRow> = match all_projects {
        true => client.items("/findings", &[])?,
        false => of_project(client, global)?,
    };
    let is_shown = |row: &&FindingRow| all || row.rank.is_some();
    let shown: Vec<FindingRow> = rows.iter().filter(is_shown).cloned().collect();
    let left_out = render::findings::left_out(&rows, shown.len());
    if global.is_json() {
        output::json(&Items::all(shown))?;
        return Ok(ExitCode::SUCCESS);
    }
    if global.is_quiet() {
        let ids = shown.iter().map(|row| format!("{}\n", render::findings::id(row)));
        output::data(&ids.collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    match shown.is_empty() {
        true => output::note("nothing found that is open and worth showing"),
        false => output::data(&render::findings::list(&shown, &output::look(global)))?,
    }
    if !all && !left_out.is_empty() {
        output::note(&left_out);
    }
    Ok(ExitCode::SUCCESS)
}

fn unmute(client: &Client, global: &Global, rule: &str) -> Done {
    let agent = whose(client, global, rule)?;
    let ids = chosen::ids(&[agent])?;
    let agent = ids[0];
    let answer = client.command(Command::ForgetRule { agent, rule: rule.to_owned() }, "")?;
    if global.is_json() {
        output::json(&answer)?;
    } else {
        output::data(&format!("{rule} is judged anew, as if nobody had answered yet\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The agent that told of the rule, which may have no finding left.
fn whose(client: &Client, global: &Global, rule: &str) -> Result<AgentRow, Failure> {
    for row in chosen::of_project(client, global)? {
        let detail: AgentDetail = client.get(&format!("/agents/{}", row.id), &[])?;
        if detail.rules.iter().any(|one| one.rule == rule) {
            return Ok(row);
        }
    }
    Err(Failure::new(Kind::Failed, format!("no agent here told of a rule `{rule}`"))
        .hint("ai_onboard background-agents metrics names the rules"))
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
            .hint("ai_onboard recommendations list --all")),
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
