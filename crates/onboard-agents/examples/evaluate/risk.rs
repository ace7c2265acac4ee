//! Which commits bring a fault: a model trained on the repository's earlier commits, and the number of lines added alone (Zeng et al., "Deep just-in-time defect prediction: how far are we?",
//! ISSTA 2021).

use onboard_analysis::accuracy::{auc, brier, capture_at};
use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::commit_risk::{FEATURES, RiskHistory};
use onboard_analysis::logistic::Logistic;

use super::Table;
use super::history::History;

const FOLD_MS: i64 = 182 * DAY_MS;
const FOLDS: i64 = 6;
/// Labels of commits younger than this are not known yet; they do not train.
const LATENCY_MS: i64 = 90 * DAY_MS;
const LEAST_POSITIVES: usize = 10;

struct Row {
    at_ms: i64,
    known_ms: Option<i64>,
    features: [f64; FEATURES.len()],
}

fn judged(history: &History) -> Vec<Row> {
    let mut past = RiskHistory::default();
    let mut rows = Vec::new();
    for (facts, known_ms) in history.commits.iter().zip(&history.known_ms) {
        let at_ms = facts.commit.committed_ms;
        if let Some(features) = past.features(facts) {
            rows.push(Row { at_ms, known_ms: *known_ms, features });
        }
        past.fold(facts);
    }
    rows
}

/// Rows to train on: all but the last year, whose labels are not in.
pub fn rows(history: &History) -> Vec<(Vec<f64>, bool)> {
    let last_ms = history.last_ms() - 2 * FOLD_MS;
    let rows = judged(history).into_iter().filter(|row| row.at_ms < last_ms);
    rows.map(|row| (row.features.to_vec(), row.known_ms.is_some())).collect()
}

pub fn evaluate(history: &History, table: &mut Table) {
    let rows = judged(history);
    let methods = ["own model", "lines added"];
    let mut sums = [[0.0; 3]; 2];
    let mut folds = 0.0;
    for back in 1..=FOLDS {
        // The last half-year is left out: its labels are not in.
        let from_ms = history.last_ms() - (back + 1) * FOLD_MS;
        let known = |row: &&Row| row.at_ms < from_ms - LATENCY_MS;
        let label = |row: &Row| row.known_ms.is_some_and(|known_ms| known_ms < from_ms);
        let past: Vec<&Row> = rows.iter().filter(known).collect();
        let test: Vec<&Row> =
            rows.iter().filter(|row| (from_ms..from_ms + FOLD_MS).contains(&row.at_ms)).collect();
        let truths: Vec<bool> = test.iter().map(|row| row.known_ms.is_some()).collect();
        let positives = truths.iter().filter(|truth| **truth).count();
        let train: Vec<Vec<f64>> = past.iter().map(|row| row.features.to_vec()).collect();
        let labels: Vec<bool> = past.iter().map(|row| label(row)).collect();
        let added: Vec<Vec<f64>> = past.iter().map(|row| vec![row.features[0]]).collect();
        let fits = (Logistic::fit(&train, &labels, 1.0), Logistic::fit(&added, &labels, 1.0));
        let (Some(own), Some(lines)) = fits else { continue };
        if positives < LEAST_POSITIVES || positives == truths.len() {
            continue;
        }
        folds += 1.0;
        let scores: [Vec<f64>; 2] = [
            test.iter().map(|row| own.probability(&row.features)).collect(),
            test.iter().map(|row| lines.probability(&row.features[..1])).collect(),
        ];
        for (scores, sum) in scores.iter().zip(&mut sums) {
            sum[0] += auc(scores, &truths).unwrap_or(0.5);
            sum[1] += capture_at(scores, &truths, 0.1).unwrap_or(0.0);
            sum[2] += brier(scores, &truths).unwrap_or(1.0);
        }
    }
    for (method, sum) in methods.iter().zip(sums).filter(|_| folds > 0.0) {
        let names = ["AUC", "capture@10%", "Brier"];
        table.add(
            &history.name,
            method,
            names.into_iter().zip(sum.map(|sum| sum / folds)).collect(),
        );
    }
}
