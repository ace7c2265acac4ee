//! `incidents`: what agents tried and what followed, and what people make of it.

use super::Done;
use crate::arguments::{Global, IncidentsCommand};
use crate::failure::{Failure, Kind};
use crate::{connection, output, project, render};
use onboard_domain::{Command, IncidentId};
use onboard_web::api::{IncidentRow, Items, ProblemKind};
use onboard_web::client::{Client, ClientError};
use std::process::ExitCode;

pub fn run(global: &Global, command: IncidentsCommand) -> Done {
    let (client, _) = connection::client()?;
    match command {
        IncidentsCommand::List { all_projects, all } => list(&client, global, all_projects, all),
        IncidentsCommand::Show { id } => {
            let row = find(&client, id_of(&id)?)?;
            if global.is_json() {
                output::json(&row)?;
            } else {
                output::data(&render::incidents::show(&row, &output::look(global)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        IncidentsCommand::Note { id, text } => {
            let incident = id_of(&id)?;
            let command = Command::NoteIncident { incident, text: text.clone() };
            tell(&client, global, incident, command, &text, "noted")
        }
        IncidentsCommand::Close { id, reason } => {
            let incident = id_of(&id)?;
            let command = Command::CloseIncident { incident, reason: reason.clone() };
            tell(&client, global, incident, command, &reason, "closed")
        }
    }
}

fn list(client: &Client, global: &Global, all_projects: bool, all: bool) -> Done {
    let mut rows: Vec<IncidentRow> = match all_projects {
        true => client.items("/incidents", &[])?,
        false => of_project(client, global)?,
    };
    if !all {
        rows.retain(|row| row.is_open);
    }
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else if global.is_quiet() {
        output::data(&rows.iter().map(|row| format!("{}\n", row.id)).collect::<String>())?;
    } else if rows.is_empty() {
        let hint = if all { "" } else { "; --all lists closed ones too" };
        output::note(&format!("no incident is open{hint}"));
    } else {
        output::data(&render::incidents::list(&rows, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_project(client: &Client, global: &Global) -> Result<Vec<IncidentRow>, Failure> {
    let root = project::find(global)?.root.to_string_lossy().into_owned();
    match client.items("/incidents", &[("project", &root)]) {
        Err(ClientError::Problem(problem)) if problem.kind == ProblemKind::UnknownProject => {
            Ok(Vec::new())
        }
        rows => Ok(rows?),
    }
}

fn id_of(text: &str) -> Result<IncidentId, Failure> {
    text.parse().map_err(|()| {
        Failure::new(Kind::Usage, format!("an incident's id is `i` and a number, not `{text}`"))
            .hint("ai_onboard incidents list")
    })
}

fn find(client: &Client, id: IncidentId) -> Result<IncidentRow, Failure> {
    client.get(&format!("/incidents/{id}"), &[]).map_err(|error| match error {
        ClientError::Problem(problem) if problem.kind == ProblemKind::Unknown => {
            Failure::new(Kind::Failed, problem.detail).hint("ai_onboard incidents list --all")
        }
        other => other.into(),
    })
}

fn tell(
    client: &Client,
    global: &Global,
    incident: IncidentId,
    command: Command,
    why: &str,
    done: &str,
) -> Done {
    let answer = client.command(command, why)?;
    if let Some(waits) = &answer.waits {
        return Err(super::approvals::waiting(waits));
    }
    let row = find(client, incident)?;
    if global.is_json() {
        output::json(&row)?;
    } else {
        output::data(&format!("{incident} {done}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
