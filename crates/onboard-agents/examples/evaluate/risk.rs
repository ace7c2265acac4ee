//! Which commits need a fix: a model trained on the repository's earlier commits, one of many other
//! repositories, both together, and the number of lines added alone (Zeng et al., "Deep just-in-time
//! defect prediction: how far are we?", ISSTA 2021).
//!
//! By two outcomes: a fix of the same files followed within thirty days, which is what agents forecast
//! and weights are shipped for; and a fix, whenever, removed lines that the commit wrote.

use onboard_analysis::accuracy::{auc, brier, capture_at};
use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::commit_risk::{FEATURES, RiskHistory};
use onboard_analysis::facts::{History as Facts, HistoryWriter};
use onboard_analysis::follow_up::{self, WITHIN_MS};
use onboard_analysis::logistic::Logistic;
use onboard_analysis::weights::Weights;

use super::Table;
use super::history::History;
use super::train::Rows;

const FOLD_MS: i64 = 182 * DAY_MS;
const FOLDS: i64 = 6;
const LEAST_POSITIVES: usize = 10;

/// What a model of many repositories is fitted to.
pub const OUTCOME: &str = "a fix of files that the commit changed last followed within thirty days";
pub const RIDGE: f64 = 1.0;
/// How hard a repository's own fit is held to the shipped weights.
const OWN_RIDGE: f64 = 30.0;
/// Commits of one repository that such a model is fitted to, its latest: large ones are not to
/// drown the others.
const MOST_TRAINING: usize = 4_000;

/// What makes a commit one that needed a fix.
#[derive(Clone, Copy)]
struct Outcome {
    name: &'static str,
    of: fn(&Row) -> Option<i64>,
    /// Whether it is asked of commits over many files.
    of_sweeps: bool,
    /// Labels of commits younger than this are not known yet; they do not train.
    latency_ms: i64,
}

const FOLLOWED: Outcome = Outcome {
    name: "fix within 30 days",
    of: |row| row.followed_ms,
    of_sweeps: false,
    latency_ms: WITHIN_MS,
};
const FAULTY: Outcome = Outcome {
    name: "lines later fixed",
    of: |row| row.known_ms,
    of_sweeps: true,
    latency_ms: 90 * DAY_MS,
};

struct Row {
    at_ms: i64,
    followed_ms: Option<i64>,
    known_ms: Option<i64>,
    is_sweep: bool,
    features: [f64; FEATURES.len()],
}

fn judged(history: &History) -> Vec<Row> {
    let mut writer = HistoryWriter::default();
    for facts in &history.commits {
        writer.push(facts, facts.commit.subject.clone());
    }
    let kept = Facts::join([writer.part().clone()]);
    let followed = follow_up::fixes(&kept);
    let mut past = RiskHistory::default();
    let mut rows = Vec::new();
    for (place, facts) in history.commits.iter().enumerate() {
        if let Some(features) = past.features(facts) {
            rows.push(Row {
                at_ms: facts.commit.committed_ms,
                followed_ms: followed[place].map(|fix| kept.commits[fix].committed_ms),
                known_ms: history.known_ms[place],
                is_sweep: follow_up::code_files(&kept, &kept.commits[place])
                    > follow_up::MOST_FILES,
                features,
            });
        }
        past.fold(facts);
    }
    rows
}

/// Rows to train on: all but the last half-year, on which nobody is judged by them either.
pub fn rows(history: &History) -> Rows {
    let last_ms = history.last_ms() - FOLD_MS;
    let is_wanted = |row: &Row| row.at_ms < last_ms && !row.is_sweep;
    let rows: Vec<Row> = judged(history).into_iter().filter(is_wanted).collect();
    let latest = &rows[rows.len().saturating_sub(MOST_TRAINING)..];
    latest.iter().map(|row| (row.features.to_vec(), row.followed_ms.is_some())).collect()
}

/// Models by their names; `None` where there is nothing to fit.
type Fits = Vec<(&'static str, Option<Logistic>)>;

fn fits(train: &[Vec<f64>], labels: &[bool], weights: Option<&Weights>) -> Fits {
    let added: Vec<Vec<f64>> = train.iter().map(|row| row[..1].to_vec()).collect();
    let near = |weights: &Weights| Logistic::fit_near(&weights.model, train, labels, OWN_RIDGE);
    vec![
        ("own model", Logistic::fit(train, labels, RIDGE)),
        ("shipped model", weights.map(|weights| weights.model.clone())),
        ("both", weights.and_then(near)),
        ("lines added", Logistic::fit(&added, labels, RIDGE)),
        ("base rate", Logistic::fit(&vec![Vec::new(); labels.len()], labels, RIDGE)),
    ]
}

pub fn evaluate(history: &History, weights: Option<&Weights>, table: &mut Table) {
    let rows = judged(history);
    for outcome in [FOLLOWED, FAULTY] {
        let mut sums: Vec<(&str, [f64; 3])> = Vec::new();
        let mut folds = 0.0;
        // The last half-year is left out: its labels are not in.
        for from_ms in (2..FOLDS + 2).map(|back| history.last_ms() - back * FOLD_MS) {
            let Some(measured) = fold(&rows, outcome, from_ms, weights) else { continue };
            folds += 1.0;
            for (name, values) in measured {
                match sums.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, sum)) => (0..3).for_each(|at| sum[at] += values[at]),
                    None => sums.push((name, values)),
                }
            }
        }
        for (method, sum) in sums {
            let names = ["AUC", "capture@10%", "Brier"];
            let mut measures: super::Measures =
                names.into_iter().zip(sum.map(|sum| sum / folds)).collect();
            measures.push(("half-years", folds));
            table.add(&history.name, &format!("{}: {method}", outcome.name), measures);
        }
    }
}

/// How each model does on the half-year from here on, fitted to what was known before it; `None`
/// where that is too little.
fn fold(
    rows: &[Row],
    outcome: Outcome,
    from_ms: i64,
    weights: Option<&Weights>,
) -> Option<Vec<(&'static str, [f64; 3])>> {
    let rows = || rows.iter().filter(|row| outcome.of_sweeps || !row.is_sweep);
    let is_known = |row: &&Row| row.at_ms < from_ms - outcome.latency_ms;
    let label = |row: &Row| (outcome.of)(row).is_some_and(|known_ms| known_ms < from_ms);
    let past: Vec<&Row> = rows().filter(is_known).collect();
    let test: Vec<&Row> =
        rows().filter(|row| (from_ms..from_ms + FOLD_MS).contains(&row.at_ms)).collect();
    let truths: Vec<bool> = test.iter().map(|row| (outcome.of)(row).is_some()).collect();
    let positives = truths.iter().filter(|truth| **truth).count();
    let train: Vec<Vec<f64>> = past.iter().map(|row| row.features.to_vec()).collect();
    let labels: Vec<bool> = past.iter().map(|row| label(row)).collect();
    let is_telling = positives >= LEAST_POSITIVES && positives < truths.len();
    let learns = labels.contains(&true) && labels.contains(&false);
    if !is_telling || !learns {
        return None;
    }
    let measured = fits(&train, &labels, weights).into_iter().filter_map(|(name, model)| {
        let model = model?;
        let of = |row: &&Row| model.probability(&row.features[..model.weights.len()]);
        let scores: Vec<f64> = test.iter().map(of).collect();
        Some((name, measures(&scores, &truths)))
    });
    Some(measured.collect())
}

fn measures(scores: &[f64], truths: &[bool]) -> [f64; 3] {
    [
        auc(scores, truths).unwrap_or(0.5),
        capture_at(scores, truths, 0.1).unwrap_or(0.0),
        brier(scores, truths).unwrap_or(1.0),
    ]
}
