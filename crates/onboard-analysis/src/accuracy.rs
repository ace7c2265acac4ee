//! How good predictions were: of order, of probability, of a whole distribution.
//!
//! Area under the ROC curve as the Mann-Whitney statistic (Hanley and McNeil, "The meaning and use
//! of the area under a ROC curve", 1982); average precision and precision at k as in Manning et al.,
//! "Introduction to Information Retrieval" (2008), 8.4; Brier (1950); CRPS of a sample by its energy
//! form and PIT by Gneiting and Raftery, "Strictly proper scoring rules" (2007).

use crate::statistics::ranks;

/// The chance that a positive is scored above a negative; ties count half. `None` without both.
pub fn auc(scores: &[f64], truths: &[bool]) -> Option<f64> {
    let positives = truths.iter().filter(|truth| **truth).count();
    let negatives = truths.len().checked_sub(positives)?;
    if positives == 0 || negatives == 0 || scores.len() != truths.len() {
        return None;
    }
    let ranks = ranks(scores);
    let sum: f64 =
        ranks.iter().zip(truths).filter(|(_, truth)| **truth).map(|(rank, _)| rank).sum();
    let (positives, negatives) = (positives as f64, negatives as f64);
    Some((sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// Places by score, the highest first; ties in their order.
fn best_first(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

/// The mean of the precision at each positive, best score first.
pub fn average_precision(scores: &[f64], truths: &[bool]) -> Option<f64> {
    let (mut found, mut sum) = (0.0, 0.0);
    for (place, at) in best_first(scores).into_iter().enumerate() {
        if *truths.get(at)? {
            found += 1.0;
            sum += found / (place as f64 + 1.0);
        }
    }
    (found > 0.0).then(|| sum / found)
}

/// The share of positives among the `k` best.
pub fn precision_at(scores: &[f64], truths: &[bool], k: usize) -> Option<f64> {
    let best = best_first(scores);
    let best = &best[..k.min(best.len())];
    let found = best.iter().filter(|at| truths.get(**at) == Some(&true)).count();
    (!best.is_empty()).then(|| found as f64 / best.len() as f64)
}

/// The share of all positives among the best `share` of all.
pub fn capture_at(scores: &[f64], truths: &[bool], share: f64) -> Option<f64> {
    let all = truths.iter().filter(|truth| **truth).count();
    let most = (share * scores.len() as f64).ceil() as usize;
    let best = best_first(scores);
    let best = &best[..most.min(best.len())];
    let found = best.iter().filter(|at| truths.get(**at) == Some(&true)).count();
    (all > 0).then(|| found as f64 / all as f64)
}

/// The mean squared error of probabilities: 0 is perfect.
pub fn brier(probabilities: &[f64], truths: &[bool]) -> Option<f64> {
    let pairs = probabilities.iter().zip(truths);
    let sum: f64 = pairs.map(|(p, truth)| (p - f64::from(*truth)).powi(2)).sum();
    (!truths.is_empty()).then(|| sum / truths.len() as f64)
}

/// The continuous ranked probability score of a sample as a forecast of `actual`: the mean distance
/// to it less half of the mean distance between two members.
pub fn crps(sample: &[f64], actual: f64) -> Option<f64> {
    let count = sample.len() as f64;
    if sample.is_empty() {
        return None;
    }
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let distance: f64 = sorted.iter().map(|value| (value - actual).abs()).sum::<f64>() / count;
    // Sum over pairs of |xi − xj| from the sorted order: each value weighs 2i − n + 1.
    let weighed =
        sorted.iter().enumerate().map(|(at, value)| (2.0 * at as f64 - count + 1.0) * value);
    Some(distance - weighed.sum::<f64>() / (count * count))
}

/// The share of the forecast that lies below what came: over many forecasts it should be uniform.
pub fn pit(sample: &[f64], actual: f64) -> Option<f64> {
    let below = sample.iter().filter(|value| **value < actual).count() as f64;
    let equal = sample.iter().filter(|value| **value == actual).count() as f64;
    (!sample.is_empty()).then(|| (below + equal / 2.0) / sample.len() as f64)
}

/// The share of intervals that hold what came.
pub fn coverage(intervals: &[(f64, f64)], actuals: &[f64]) -> Option<f64> {
    let pairs = intervals.iter().zip(actuals);
    let held = pairs.filter(|((low, high), actual)| (low..=high).contains(actual)).count();
    (!actuals.is_empty()).then(|| held as f64 / actuals.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, wanted: f64) {
        assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{found:?} for {wanted}");
    }

    #[test]
    fn small_cases_by_hand() {
        let scores = [0.9, 0.8, 0.7, 0.6];
        let truths = [true, false, true, false];
        close(auc(&scores, &truths), 0.75);
        close(auc(&[1.0, 1.0], &[true, false]), 0.5);
        close(average_precision(&scores, &truths), (1.0 + 2.0 / 3.0) / 2.0);
        close(precision_at(&scores, &truths, 2), 0.5);
        close(capture_at(&scores, &truths, 0.25), 0.5);
        close(brier(&[1.0, 0.5], &[true, false]), 0.125);
        close(crps(&[3.0], 5.0), 2.0);
        close(crps(&[0.0, 2.0], 1.0), 0.5);
        close(pit(&[1.0, 2.0, 3.0, 4.0], 2.5), 0.5);
        close(coverage(&[(0.0, 1.0), (0.0, 1.0)], &[1.0, 2.0]), 0.5);
        assert_eq!(auc(&[1.0], &[true]), None);
        assert_eq!(crps(&[], 1.0), None);
    }
}
