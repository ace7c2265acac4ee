//! `background-agents metrics`

use super::Done;
use crate::arguments::{Global, Which};
use crate::failure::Failure;
use crate::{chosen, connection, output, project, render};
use onboard_agents::project_index;
use onboard_domain::state::Totals;
use onboard_web::api::{AgentDetail, Items, OrderGain, ProblemKind, RuleRow, ScoreRow, SharedRow};
use onboard_web::client::{Client, ClientError};
use serde::Serialize;
use serde_json::Value;
use std::process::ExitCode;

/// One agent's figures, over its whole life.
#[derive(Serialize)]
struct Metrics<'a> {
    agent: &'a str,
    totals: &'a Totals,
    rules: &'a [RuleRow],
    scores: &'a [ScoreRow],
    /// What a model said of commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_kinds: Option<&'a Value>,
}

/// What concerns a project, not one agent alone.
#[derive(Default)]
struct OfProject {
    order: OrderGain,
    /// What a model said of commits, and which agent asked it.
    kinds: Option<SharedRow>,
}

impl<'a> Metrics<'a> {
    fn of(detail: &'a AgentDetail, of_project: &'a OfProject) -> Self {
        Self {
            commit_kinds: of_project.kinds_of(detail),
            agent: &detail.agent.name,
            totals: &detail.totals,
            rules: &detail.rules,
            scores: &detail.scores,
        }
    }
}

/// All of it, for programs.
#[derive(Serialize)]
struct Measured<'a> {
    #[serde(flatten)]
    items: Items<Metrics<'a>>,
    order: &'a OrderGain,
}

impl OfProject {
    /// Nothing where no project is known here.
    fn read(client: &Client, global: &Global) -> Result<OfProject, Failure> {
        let root = project::find(global)?.root.to_string_lossy().into_owned();
        let of = [("project", root.as_str())];
        let known = |problem: &ProblemKind| {
            matches!(problem, ProblemKind::UnknownProject | ProblemKind::Unknown)
        };
        let order = match client.get("/order", &of) {
            Err(ClientError::Problem(problem)) if known(&problem.kind) => OrderGain::default(),
            order => order?,
        };
        let kinds = match client.get(&format!("/shared/{}", project_index::COMMIT_KINDS), &of) {
            Err(ClientError::Problem(problem)) if known(&problem.kind) => None,
            kinds => Some(kinds?),
        };
        Ok(OfProject { order, kinds })
    }

    /// What an agent asked about commits: only the one that reads them is believed.
    fn kinds_of(&self, detail: &AgentDetail) -> Option<&Value> {
        let kinds = self.kinds.as_ref().filter(|row| row.by == project_index::NAME)?;
        (detail.agent.name == kinds.by).then_some(&kinds.value)
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
    let of_project = OfProject::read(&client, global)?;
    if global.is_json() {
        let metrics = details.iter().map(|detail| Metrics::of(detail, &of_project)).collect();
        output::json(&Measured { items: Items::all(metrics), order: &of_project.order })?;
    } else if details.is_empty() {
        output::note("no agents here: ai_onboard background-agents start --all");
    } else {
        let look = output::look(global);
        let draw = |detail| {
            let kinds = of_project.kinds_of(detail).unwrap_or(&Value::Null);
            render::metrics::draw(detail, kinds, &look)
        };
        let mut texts: Vec<String> = details.iter().map(draw).collect();
        texts.extend(Some(render::metrics::order(&of_project.order)).filter(|it| !it.is_empty()));
        output::data(&texts.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
