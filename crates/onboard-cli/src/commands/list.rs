//! `background-agents list`

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::{chosen, connection, output, render};
use onboard_text::nearest;
use onboard_web::api::{AgentRow, Items, StateWord};
use std::process::ExitCode;

pub fn run(global: &Global, all_projects: bool, state: Option<&str>) -> Done {
    let state = state.map(word).transpose()?;
    let (client, _) = connection::client()?;
    let mut rows: Vec<AgentRow> = if all_projects {
        client.items("/agents", &[])?
    } else {
        chosen::of_project(&client, global)?
    };
    rows.retain(|row| state.is_none_or(|wanted| wanted == row.state));
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else if global.is_quiet() {
        output::data(&rows.iter().map(|row| format!("{}\n", row.name)).collect::<String>())?;
    } else if rows.is_empty() {
        output::note(
            "no agents here; `ai_onboard background-agents start --all` adds this project",
        );
    } else {
        output::data(&render::agents::list(&rows, global.is_wide(), &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn word(text: &str) -> Result<StateWord, Failure> {
    StateWord::ALL.into_iter().find(|word| word.word() == text).ok_or_else(|| {
        let words = StateWord::ALL.map(StateWord::word);
        let failure = Failure::new(Kind::Usage, format!("there is no state `{text}`"));
        match nearest(text, &words) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint(format!("states are {}", words.join(", "))),
        }
    })
}
