//! `background-agents run`: one run now.

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::follow::Follow;
use crate::{chosen, connection, output};
use onboard_domain::Command;
use onboard_web::api::RunRow;
use std::process::ExitCode;

/// How a run ended that waits for people, as the daemon says it.
const WAITING: &str = "waiting_for_approval";

pub fn run(global: &Global, name: &str, wait: bool, timeout: i64) -> Done {
    let (client, _) = connection::client()?;
    let row = chosen::agent(&client, global, name)?;
    let follow = wait.then(|| Follow::open(&client, global)).transpose()?;
    let Some(agent) = chosen::ids(std::slice::from_ref(&row))?.pop() else {
        return Err(Failure::new(Kind::NoSuchAgent, format!("no agent `{name}`")));
    };
    let answer = client.command(Command::Run { agent }, "")?;
    if let Some(waits) = &answer.waits {
        return Err(super::approvals::waiting(waits));
    }
    let run = answer.run.clone().unwrap_or_default();
    let Some(follow) = follow else {
        if global.is_json() {
            output::json(&answer)?;
        } else {
            output::data(&format!("{run}\n"))?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let (ended, _) = follow.runs(std::slice::from_ref(&run), timeout)?;
    match ended.first() {
        Some(ended) => finished(global, ended),
        None => Err(Failure::new(Kind::TimedOut, format!("{run} is not over yet"))
            .hint(format!("ai_onboard background-agents status {name}"))),
    }
}

fn finished(global: &Global, run: &RunRow) -> Done {
    if global.is_json() {
        output::json(run)?;
    } else {
        output::data(&format!("{}\n", run.id))?;
        if run.result == WAITING {
            output::note("ai_onboard approvals list shows what it asks for, and how to answer");
        }
    }
    Ok(match run.result.as_str() {
        _ if run.is_success() => ExitCode::SUCCESS,
        "refused" => Kind::Refused.exit_code(),
        "timed_out" => Kind::TimedOut.exit_code(),
        WAITING => Kind::Waiting.exit_code(),
        _ => Kind::Failed.exit_code(),
    })
}
