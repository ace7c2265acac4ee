//! `background-agents terminate`: a stopped agent is removed, with its findings and checkpoints.

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::{chosen, connection, output};
use onboard_domain::Command;
use std::process::ExitCode;

pub fn run(global: &Global, name: &str, is_agreed: bool) -> Done {
    let (client, _) = connection::client()?;
    let row = chosen::agent(&client, global, name)?;
    if !is_agreed {
        ask(global, name)?;
    }
    for agent in chosen::ids(std::slice::from_ref(&row))? {
        let answer = client.command(Command::Terminate { agent }, "")?;
        if global.is_json() {
            output::json(&answer)?;
        } else {
            let how = if global.is_quiet() { "" } else { " terminated" };
            output::data(&format!("{name}{how}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What can't be undone is not done without a word: where nobody can be asked, `--yes` is the word.
fn ask(global: &Global, name: &str) -> Result<(), Failure> {
    if !output::can_ask(global) {
        return Err(Failure::new(Kind::Usage, format!("terminate {name}? it can't be undone"))
            .hint("say --yes"));
    }
    let question = format!("Remove {name}, resolve its findings and delete its checkpoints?");
    match output::confirm(global, &question) {
        true => Ok(()),
        false => Err(Failure::new(Kind::Failed, "nothing was changed")),
    }
}
