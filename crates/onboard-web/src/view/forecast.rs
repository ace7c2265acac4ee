//! Forecasts in words, and how good those of a rule were.

use crate::api::{ScoreRow, Stamp};
use onboard_domain::Forecast;
use onboard_domain::forecast::{Estimate, Outcome, Score};
use onboard_domain::state::{Agent, Project};

/// With fewer settled forecasts their shares say nothing: of ten that are right eight times in ten, the
/// share lies between half and all.
pub const LEAST_SETTLED: u32 = 10;

/// What is expected, and by when.
pub fn words(forecast: &Forecast) -> String {
    let by = Stamp(forecast.resolve_by);
    match forecast.estimate {
        Estimate::Chance(chance) => {
            format!("{} % that {} by {by}", percent(chance), forecast.expects)
        }
        Estimate::Interval { low, high, share } => {
            format!("{}: {low} to {high} ({} %), known by {by}", forecast.expects, percent(share))
        }
    }
}

/// What came of it.
pub fn came(outcome: Outcome) -> String {
    match outcome {
        Outcome::Came { .. } => "what was expected came".to_owned(),
        Outcome::DidNotCome => "what was expected did not come".to_owned(),
        Outcome::Amount(amount) => format!("{amount} came"),
        Outcome::Expired => "nobody said what came".to_owned(),
        Outcome::Void => "what came will never be known".to_owned(),
    }
}

fn percent(share: f64) -> f64 {
    (share * 100.0).round()
}

/// How good the forecasts of an agent's rules were, by name: rules that made any.
pub fn scores(agent: &Agent, project: Option<&Project>) -> Vec<ScoreRow> {
    let id = project.and_then(|project| project.agents.get(&agent.spec.name));
    let open_of = |rule: &str| {
        let open = project.into_iter().flat_map(|project| project.forecasts.values());
        open.filter(|open| Some(&open.agent) == id && open.rule == rule).count()
    };
    let open = project.into_iter().flat_map(|project| project.forecasts.values());
    let mut rules: Vec<&String> = open
        .filter(|open| Some(&open.agent) == id)
        .map(|open| &open.rule)
        .chain(agent.scores.keys())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let row = |rule: &String| {
        let score = agent.scores.get(rule).copied().unwrap_or_default();
        score_row(rule, score, open_of(rule))
    };
    rules.into_iter().map(row).collect()
}

fn score_row(rule: &str, score: Score, open: usize) -> ScoreRow {
    let of_chances = score.chances >= LEAST_SETTLED;
    let (held, wanted) = match score.coverage().filter(|_| score.intervals >= LEAST_SETTLED) {
        Some((held, wanted)) => (Some(held), Some(wanted)),
        None => (None, None),
    };
    let base = score.precision().filter(|_| of_chances);
    ScoreRow {
        rule: rule.to_owned(),
        open,
        chances: score.chances,
        came: score.came,
        precision: base,
        brier: score.brier().filter(|_| of_chances),
        brier_of_mean: base.map(|base| base * (1.0 - base)),
        lead_days: score.lead_ms().filter(|_| of_chances).map(|ms| ms / 86_400_000.0),
        intervals: score.intervals,
        held: score.held,
        coverage: held,
        coverage_wanted: wanted,
        unknown: score.unknown,
    }
}
