//! `background-agents resume`: with names, paused agents; without names, the emergency latch.

use super::{Done, turn};
use crate::arguments::{Global, Which};
use crate::failure::{Failure, Kind};
use crate::{chosen, connection, output};
use onboard_daemon::latch;
use onboard_domain::Command;
use onboard_web::api::{AgentRow, StateWord};
use onboard_web::client::Client;
use std::process::ExitCode;

pub fn run(global: &Global, names: Vec<String>, all: bool, reason: Option<String>) -> Done {
    match reason {
        Some(reason) if names.is_empty() && !all => lift_emergency(global, &reason),
        None if names.is_empty() && !all => Err(Failure::new(Kind::Usage, "resume what?").hint(
            "NAME or --all resumes paused agents; --reason TEXT alone lifts an emergency shutdown",
        )),
        reason => {
            let which = Which { names, all };
            resume(global, &which, reason.as_deref())
        }
    }
}

fn resume(global: &Global, which: &Which, reason: Option<&str>) -> Done {
    let (client, _) = connection::client()?;
    let rows = chosen::agents(&client, global, which)?;
    let quarantined = rows.iter().filter(|row| row.state == StateWord::Quarantined);
    for row in quarantined {
        lift_quarantine(&client, row, reason)?;
    }
    let command = Command::Resume { agents: chosen::ids(&rows)? };
    let answer = client.command(command, reason.unwrap_or_default())?;
    turn::tell(global, &answer, "resumed", "was not paused")?;
    Ok(ExitCode::SUCCESS)
}

fn lift_quarantine(client: &Client, row: &AgentRow, reason: Option<&str>) -> Result<(), Failure> {
    let Some(reason) = reason else {
        return Err(Failure::new(Kind::Refused, format!("{} is quarantined", row.name))
            .hint("say why it may run again: --reason TEXT"));
    };
    for agent in chosen::ids(std::slice::from_ref(row))? {
        let reason = reason.to_string();
        let answer = client.command(Command::LiftQuarantine { agent, reason }, "")?;
        if let Some(waits) = &answer.waits {
            return Err(super::approvals::waiting(waits));
        }
        output::note(&format!("{}: quarantine lifted", row.name));
    }
    Ok(())
}

fn lift_emergency(global: &Global, reason: &str) -> Done {
    if reason.trim().is_empty() {
        return Err(Failure::new(Kind::Usage, "the reason is empty")
            .hint("say what was done about it: it goes into the audit log"));
    }
    if !output::confirm(global, "Lift the emergency shutdown and let agents run again?") {
        return Err(Failure::new(Kind::Failed, "nothing was changed"));
    }
    // A daemon that starts while the latch is set records it, and can then lift it.
    let (client, paths) = connection::client_of_running()?;
    // One that somebody sets from now on is not the one that is lifted here.
    let seen = latch::seen(&paths);
    let command = Command::LiftEmergency { reason: reason.to_string() };
    let answer = client.command(command, reason)?;
    if let Some(waits) = &answer.waits {
        return Err(super::approvals::waiting(waits));
    }
    let is_free = latch::clear(&paths, &seen)
        .map_err(|error| Failure::file("remove the latch in", &paths.state, &error))?;
    if !is_free {
        let message = "the emergency shutdown was lifted, and another was declared meanwhile";
        return Err(Failure::new(Kind::Refused, message)
            .hint("its reason: ai_onboard background-agents status"));
    }
    if global.is_json() {
        output::json(&answer)?;
    } else {
        let told = if answer.changed { "emergency shutdown lifted" } else { "no emergency holds" };
        output::data(&format!("{told}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
