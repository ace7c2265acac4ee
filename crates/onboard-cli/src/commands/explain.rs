//! `explain`: what a rule says, why, when, and how to end it.

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::render::manual as render;
use onboard_agents::manual::{self, Manual, Rule};
use onboard_text::nearest;
use onboard_web::api::Items;
use serde::Serialize;
use std::process::ExitCode;

/// A rule with whose it is and what it says of a planted project.
#[derive(Serialize)]
struct Page<'a> {
    agent: &'a str,
    #[serde(flatten)]
    rule: &'a Rule,
    example: Option<&'a str>,
}

pub fn run(global: &Global, what: Option<&str>) -> Done {
    let chosen = match what {
        None => manual::all()
            .flat_map(|manual| manual.rules.iter().map(move |rule| (manual, *rule)))
            .collect(),
        Some(what) => find(what)?,
    };
    if global.is_json() {
        let page = |(manual, rule): &(&'static Manual, &'static Rule)| Page {
            agent: manual.name,
            rule,
            example: manual.example(rule.id),
        };
        output::json(&Items::all(chosen.iter().map(page).collect()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let look = output::look(global);
    output::data(&match (what, of_agent(what), chosen.first()) {
        (None, ..) => render::list(&look),
        (Some(_), Some(manual), _) => render::text(&manual::markdown(manual), &look),
        (Some(_), None, Some((manual, rule))) => render::rule(manual, rule, &look),
        (Some(_), None, None) => String::new(),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn of_agent(name: Option<&str>) -> Option<&'static Manual> {
    manual::all().find(|manual| Some(manual.name) == name)
}

/// The rules that a word names: one, or all of an agent.
fn find(what: &str) -> Result<Vec<(&'static Manual, &'static Rule)>, Failure> {
    if let Some(manual) = of_agent(Some(what)) {
        return Ok(manual.rules.iter().map(|rule| (manual, *rule)).collect());
    }
    manual::rule(what).map(|found| vec![found]).ok_or_else(|| unknown(what))
}

/// Says what was probably meant.
pub fn unknown(what: &str) -> Failure {
    let known: Vec<&str> = manual::all()
        .flat_map(|manual| manual.rules.iter().map(|rule| rule.id).chain([manual.name]))
        .collect();
    let hint = match nearest(what, &known) {
        Some(near) => format!("did you mean `{near}`? `ai_onboard explain` lists all"),
        None => "`ai_onboard explain` lists the rules of the agents that come with it".to_owned(),
    };
    Failure::new(Kind::Usage, format!("there is no page of `{what}`")).hint(hint)
}
