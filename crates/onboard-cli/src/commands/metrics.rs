//! `background-agents metrics`

use super::Done;
use crate::arguments::{Global, Which};
use crate::{chosen, connection, output, render};
use onboard_domain::state::Totals;
use onboard_web::api::{AgentDetail, Items, RuleRow, ScoreRow};
use serde::Serialize;
use std::process::ExitCode;

/// One agent's figures, over its whole life.
#[derive(Serialize)]
struct Metrics<'a> {
    agent: &'a str,
    totals: &'a Totals,
    rules: &'a [RuleRow],
    scores: &'a [ScoreRow],
}

impl<'a> Metrics<'a> {
    fn of(detail: &'a AgentDetail) -> Self {
        Self {
            agent: &detail.agent.name,
            totals: &detail.totals,
            rules: &detail.rules,
            scores: &detail.scores,
        }
    }
}

pub fn run(global: &Global, agent: Option<&str>) -> Done {
    let (client, _) = connection::client()?;
    let names = agent.map(str::to_owned).into_iter().collect();
    let which = Which { names, all: agent.is_none() };
    let rows = chosen::agents(&client, global, &which)?;
    let details: Result<Vec<AgentDetail>, _> =
        rows.iter().map(|row| client.get(&format!("/agents/{}", row.id), &[])).collect();
    let details = details?;
    if global.is_json() {
        output::json(&Items::all(details.iter().map(Metrics::of).collect()))?;
    } else if details.is_empty() {
        output::note("no agents here: ai_onboard background-agents start --all");
    } else {
        let look = output::look(global);
        let texts: Vec<String> =
            details.iter().map(|detail| render::metrics::draw(detail, &look)).collect();
        output::data(&texts.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
