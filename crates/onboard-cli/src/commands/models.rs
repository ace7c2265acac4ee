//! `models …`: which models agents may ask, and what that may cost. Needs no daemon.

use super::Done;
use crate::arguments::{Global, ModelsCommand};
use crate::failure::{Failure, Kind};
use crate::render::table::Table;
use crate::{output, paths};
use onboard_daemon::models::{self, EXAMPLE, Models};
use onboard_domain::model::Amount;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Serialize)]
struct Row {
    name: String,
    model: String,
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    agents: Vec<String>,
    projects: Vec<String>,
    max_output_tokens: u64,
    /// Millionths for a million tokens.
    input_price_micros: u64,
    output_price_micros: u64,
}

#[derive(Serialize)]
struct Limit {
    budget: String,
    /// Tokens, or millionths of money.
    limit: u64,
    origin: String,
    #[serde(skip)]
    shown: String,
}

#[derive(Serialize)]
struct Listed {
    file: PathBuf,
    items: Vec<Row>,
    budgets: Vec<Limit>,
}

pub fn run(global: &Global, command: ModelsCommand) -> Done {
    match command {
        ModelsCommand::Manual => output::data(EXAMPLE)?,
        ModelsCommand::List { file } => {
            let path = match file {
                Some(path) => path,
                None => paths::find()?.models(),
            };
            let read = models::read(&path).map_err(|problem| {
                Failure::new(Kind::Failed, problem).hint("until it is mended no agent has a model")
            })?;
            list(global, path, read)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(global: &Global, file: PathBuf, read: Models) -> Result<(), Failure> {
    let items: Vec<Row> = read
        .models
        .into_iter()
        .map(|model| Row {
            name: model.terms.name,
            model: model.terms.model,
            endpoint: model.endpoint.to_string(),
            credential: model.credential,
            agents: model.binding.agents,
            projects: model.binding.projects,
            max_output_tokens: model.terms.max_output_tokens,
            input_price_micros: model.terms.input_price,
            output_price_micros: model.terms.output_price,
        })
        .collect();
    let budgets: Vec<Limit> = read
        .budgets
        .into_iter()
        .map(|budget| Limit {
            budget: format!("{}.{}", budget.scope, budget.unit),
            limit: budget.limit,
            shown: Amount { unit: budget.unit, amount: budget.limit }.to_string(),
            origin: budget.origin,
        })
        .collect();
    if global.is_json() {
        return output::json(&Listed { file, items, budgets });
    }
    if items.is_empty() {
        output::note(&format!(
            "no model: `ai_onboard models manual > {}` has a beginning",
            file.display()
        ));
        return Ok(());
    }
    let plain = |text: String| (text, None);
    let mut table = Table::new(&["NAME", "MODEL", "ENDPOINT", "CREDENTIAL", "AGENTS"]);
    for row in items {
        table.row(vec![
            plain(row.name),
            plain(row.model),
            plain(row.endpoint),
            plain(row.credential.unwrap_or_else(|| "-".into())),
            plain(row.agents.join(", ")),
        ]);
    }
    let look = output::look(global);
    let mut out = table.draw(&look);
    let mut table = Table::new(&["BUDGET", "LIMIT", "WRITTEN IN"]);
    for budget in budgets {
        table.row(vec![plain(budget.budget), plain(budget.shown), plain(budget.origin)]);
    }
    out.push('\n');
    out.push_str(&table.draw(&look));
    output::data(&out)
}
