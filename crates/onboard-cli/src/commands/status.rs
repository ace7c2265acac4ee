//! `background-agents status`

use super::{Done, schedule, stop};
use crate::arguments::{Global, Which};
use crate::failure::{Failure, Kind};
use crate::follow::Follow;
use crate::{chosen, connection, output, render};
use onboard_web::api::{AgentDetail, AgentRow, DaemonView, Items, LogLine, StateWord};
use onboard_web::client::Client;
use std::process::ExitCode;

/// Log lines shown.
const LINES: &str = "10";
/// Times of the schedule shown.
const TIMES: usize = 3;

pub fn run(global: &Global, which: &Which, wait_ms: Option<i64>) -> Done {
    let (client, _) = connection::client()?;
    let mut rows = chosen::agents(&client, global, which)?;
    if let Some(timeout) = wait_ms {
        wait(&client, global, &rows, timeout)?;
        rows = chosen::agents(&client, global, which)?;
    }
    if which.all {
        return all(&client, global, rows);
    }
    let details: Result<Vec<AgentDetail>, _> =
        rows.iter().map(|row| client.get(&format!("/agents/{}", row.id), &[])).collect();
    let details = details?;
    if global.is_json() {
        match details.as_slice() {
            [one] => output::json(one)?,
            many => output::json(&Items::all(many.to_vec()))?,
        }
    } else {
        let texts: Result<Vec<String>, Failure> =
            details.iter().map(|detail| draw(&client, global, detail)).collect();
        output::data(&texts?.join("\n"))?;
    }
    Ok(code(&rows))
}

fn draw(client: &Client, global: &Global, detail: &AgentDetail) -> Result<String, Failure> {
    let query = [("agent", detail.agent.id.as_str()), ("limit", LINES)];
    let log: Vec<LogLine> = client.items("/logs", &query)?;
    let look = output::look(global);
    let fires =
        schedule::fires(&detail.agent.schedule, detail.agent.zone.as_deref(), look.now, TIMES);
    // An agent with a planned run shows that; the schedule's own times are in `config`.
    let fires = fires.map(|fires| match detail.agent.next_run {
        Some(_) => render::status::Fires { times: Vec::new(), ..fires },
        None => fires,
    })?;
    Ok(render::status::draw(detail, &fires, &log, &look))
}

/// Waits until no run of the agents is queued or running.
fn wait(client: &Client, global: &Global, rows: &[AgentRow], timeout: i64) -> Result<(), Failure> {
    let follow = Follow::open(client, global)?;
    let live = stop::live_runs(client, rows)?;
    let (_, unfinished) = follow.runs(&live, timeout)?;
    if unfinished.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Kind::TimedOut, format!("not over yet: {}", unfinished.join(", "))))
}

fn all(client: &Client, global: &Global, rows: Vec<AgentRow>) -> Done {
    if global.is_json() {
        output::json(&Items::all(rows))?;
        return Ok(ExitCode::SUCCESS);
    }
    let look = output::look(global);
    let daemon: DaemonView = client.get("/daemon", &[])?;
    output::data(&render::agents::list(&rows, global.is_wide(), &look))?;
    output::data(&format!("\n{}", render::daemon::status(&daemon, &look)))?;
    Ok(ExitCode::SUCCESS)
}

/// 3 when an agent that was asked for would not run, as `systemctl status` has it.
fn code(rows: &[AgentRow]) -> ExitCode {
    let is_off = |row: &AgentRow| {
        matches!(
            row.state,
            StateWord::Stopped | StateWord::Failed | StateWord::Quarantined | StateWord::Disabled
        )
    };
    if rows.iter().any(is_off) { Kind::NotRunning.exit_code() } else { ExitCode::SUCCESS }
}
