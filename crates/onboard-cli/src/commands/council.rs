//! `council`: who decides, and what was decided.

use super::{Done, approvals};
use crate::arguments::{CouncilCommand, Global};
use crate::{connection, output, render};
use onboard_web::api::{CouncilView, Items};
use std::process::ExitCode;

pub fn run(global: &Global, command: CouncilCommand) -> Done {
    let (client, _) = connection::client()?;
    let look = output::look(global);
    match command {
        CouncilCommand::Status => {
            let council: CouncilView = client.get("/council", &[])?;
            if global.is_json() {
                output::json(&council)?;
            } else {
                output::data(&render::council::status(&council, &look))?;
            }
        }
        CouncilCommand::Log { all_projects } => {
            let rows = approvals::rows(&client, global, all_projects)?;
            if global.is_json() {
                output::json(&Items::all(rows))?;
            } else if rows.is_empty() {
                output::note("the council has not decided anything yet");
            } else {
                output::data(&render::council::log(&rows, &look))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
