//! `background-agents stop`: off the schedule, and running ones proven gone.

use super::Done;
use crate::arguments::{Global, Which};
use crate::failure::{Failure, Kind};
use crate::follow::Follow;
use crate::{chosen, connection, output};
use onboard_domain::Command;
use onboard_web::api::{AgentDetail, AgentRow};
use onboard_web::client::Client;
use std::process::ExitCode;

pub fn run(global: &Global, which: &Which, timeout: i64, now: bool) -> Done {
    let (client, _) = connection::client()?;
    let rows = chosen::agents(&client, global, which)?;
    let follow = Follow::open(&client, global)?;
    let live = live_runs(&client, &rows)?;
    let answer = client.command(Command::Stop { agents: chosen::ids(&rows)?, now }, "")?;
    let (ended, unfinished) = follow.runs(&live, timeout)?;
    if global.is_json() {
        output::json(&answer)?;
    } else {
        for agent in &answer.agents {
            let how = match ended.iter().any(|run| run.agent_id == agent.id) {
                _ if global.is_quiet() => "",
                true => " stopped, its run is proven gone",
                false if agent.changed => " stopped",
                false => " already stopped",
            };
            output::data(&format!("{}{how}\n", agent.name))?;
        }
    }
    if unfinished.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::new(Kind::TimedOut, format!("not yet proven gone: {}", unfinished.join(", ")))
        .hint("ai_onboard background-agents emergency-shutdown"))
}

/// Runs of agents that have not ended.
pub fn live_runs(client: &Client, rows: &[AgentRow]) -> Result<Vec<String>, Failure> {
    let mut live = Vec::new();
    for row in rows {
        let detail: AgentDetail = client.get(&format!("/agents/{}", row.id), &[])?;
        live.extend(detail.live_runs.into_iter().map(|run| run.id));
    }
    Ok(live)
}
