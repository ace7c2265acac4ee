//! `background-agents restart` and `pause`: one command to each agent, one line for each.

use super::Done;
use crate::arguments::{Global, Which};
use crate::failure::Kind;
use crate::{chosen, connection, output};
use onboard_domain::Command;
use onboard_web::api::CommandAnswer;
use std::process::ExitCode;

/// Which.
#[derive(Clone, Copy)]
pub enum Turn {
    Restart { now: bool },
    Pause,
}

pub fn run(global: &Global, which: &Which, turn: Turn) -> Done {
    let (client, _) = connection::client()?;
    let rows = match turn {
        Turn::Restart { .. } => chosen::to_start(&client, global, which)?,
        Turn::Pause => chosen::agents(&client, global, which)?,
    };
    let agents = chosen::ids(&rows)?;
    let (command, done, already) = match turn {
        Turn::Restart { now } => (Command::Restart { agents, now }, "restarted", "not restarted"),
        Turn::Pause => (Command::Pause { agents }, "paused", "already paused"),
    };
    let answer = client.command(command, "")?;
    tell(global, &answer, done, already)?;
    let waits = answer.agents.iter().any(|agent| agent.waits.is_some());
    Ok(if waits { Kind::Waiting.exit_code() } else { ExitCode::SUCCESS })
}

/// One line for each agent: what was done, or that it already was so.
///
/// # Errors
/// When stdout can't be written.
pub fn tell(
    global: &Global,
    answer: &CommandAnswer,
    done: &str,
    already: &str,
) -> Result<(), crate::failure::Failure> {
    if global.is_json() {
        return output::json(answer);
    }
    for agent in &answer.agents {
        if let Some(waits) = &agent.waits {
            output::note(&format!(
                "{}: {} waits for {}",
                agent.name, waits.approval, waits.missing
            ));
            continue;
        }
        let line = match (global.is_quiet(), agent.changed) {
            (true, _) => format!("{}\n", agent.name),
            (false, true) => format!("{} {done}\n", agent.name),
            (false, false) => format!("{} {already}\n", agent.name),
        };
        output::data(&line)?;
    }
    Ok(())
}
