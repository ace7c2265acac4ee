//! Weights fitted to many histories, and how those of the others do on each in turn.
//!
//! Histories differ in how much of a kind there is: each gets an intercept of its own, so that the
//! weights say what tells the rows of one history apart, and the mean of the intercepts is kept.

use onboard_analysis::accuracy::auc;
use onboard_analysis::logistic::Logistic;
use onboard_analysis::statistics::quantile;
use onboard_analysis::weights::{Source, Trial, VERSION, Weights};

use super::history::History;

/// Rows of features and their outcomes.
pub type Rows = Vec<(Vec<f64>, bool)>;

/// One history's rows.
pub struct Part {
    source: Source,
    rows: Rows,
}

impl Part {
    pub fn of(history: &History, rows: Rows) -> Self {
        let positives = rows.iter().filter(|(_, outcome)| *outcome).count();
        let source = Source {
            repository: history.name.clone(),
            commit: history.head.clone(),
            rows: rows.len(),
            positives,
        };
        eprintln!("{}: {} rows, {positives} positive", source.repository, source.rows);
        Self { source, rows }
    }
}

/// Fits weights to all parts.
pub fn fit(parts: &[Part], features: &[&str], outcome: &str, ridge: f64) -> Option<Weights> {
    let all: Vec<&Part> = parts.iter().collect();
    Some(Weights {
        version: VERSION,
        outcome: outcome.to_owned(),
        features: features.iter().map(|name| (*name).to_owned()).collect(),
        ridge,
        fitted_to: parts.iter().map(|part| part.source.clone()).collect(),
        model: rounded(pooled(&all, features.len(), ridge)?),
        trial: tried(parts, features.len(), ridge)?,
    })
}

/// One model with an intercept a part, and the mean of these.
fn pooled(parts: &[&Part], width: usize, ridge: f64) -> Option<Logistic> {
    let (mut rows, mut outcomes) = (Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        for (features, outcome) in &part.rows {
            let own = (0..parts.len()).map(|other| f64::from(u8::from(other == at)));
            rows.push(features.iter().copied().chain(own).collect::<Vec<f64>>());
            outcomes.push(*outcome);
        }
    }
    let mut fit = Logistic::fit(&rows, &outcomes, ridge)?;
    let intercept = |at: usize| {
        let mut row = fit.means[..width].to_vec();
        row.extend((0..parts.len()).map(|other| f64::from(u8::from(other == at))));
        fit.contributions(&row).iter().sum::<f64>()
    };
    let mean = (0..parts.len()).map(intercept).sum::<f64>() / parts.len() as f64;
    fit.intercept += mean;
    fit.weights.truncate(width);
    fit.means.truncate(width);
    fit.deviations.truncate(width);
    Some(fit)
}

/// The weights of all others on each part.
fn tried(parts: &[Part], width: usize, ridge: f64) -> Option<Trial> {
    let mut rated: Vec<(Vec<f64>, Vec<bool>)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let others: Vec<&Part> = parts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, one)| one)
            .collect();
        let model = pooled(&others, width, ridge)?;
        let chances = part.rows.iter().map(|(row, _)| model.probability(row)).collect();
        rated.push((chances, part.rows.iter().map(|(_, outcome)| *outcome).collect()));
    }
    let count = rated.len() as f64;
    let mean = |of: &dyn Fn(&[f64], &[bool]) -> f64| {
        rated.iter().map(|(chances, outcomes)| of(chances, outcomes)).sum::<f64>() / count
    };
    let highs = |chances: &[f64], _: &[bool]| quantile(chances, 0.9).unwrap_or(1.0);
    let high = mean(&highs);
    let share = |outcomes: &mut dyn Iterator<Item = bool>| {
        let (mut all, mut positive) = (0.0_f64, 0.0);
        outcomes.for_each(|outcome| (all, positive) = (all + 1.0, positive + f64::from(outcome)));
        positive / all.max(1.0)
    };
    let (mut above, mut positive) = (0.0, 0.0);
    for (chances, outcomes) in &rated {
        let of_part = chances.iter().zip(outcomes).filter(|(chance, _)| **chance >= high);
        // Each history weighs the same.
        let weight = 1.0 / chances.len().max(1) as f64;
        for (_, outcome) in of_part {
            above += weight;
            positive += weight * f64::from(*outcome);
        }
    }
    for ((chances, outcomes), part) in rated.iter().zip(parts) {
        eprintln!("{}\t{:.3}", part.source.repository, auc(chances, outcomes).unwrap_or(0.5));
    }
    Some(Trial {
        auc: round(mean(&|chances, outcomes| auc(chances, outcomes).unwrap_or(0.5))),
        base: round(mean(&|_, outcomes| share(&mut outcomes.iter().copied()))),
        high: round(high),
        high_positive: round(positive / f64::max(above, f64::MIN_POSITIVE)),
    })
}

/// Five digits behind the point: more are noise, and a file of them is hard to read.
fn round(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

fn rounded(model: Logistic) -> Logistic {
    let all = |list: Vec<f64>| list.into_iter().map(round).collect();
    Logistic {
        intercept: round(model.intercept),
        weights: all(model.weights),
        means: all(model.means),
        deviations: all(model.deviations),
    }
}
