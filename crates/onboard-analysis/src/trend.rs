//! Where a series changed its level for good, or its slope where it has no level.
//!
//! # Method
//!
//! Ranks are compared before and after each point of many stretches of the series, long and short
//! ones laid out evenly (seeded binary segmentation: Kovács, Bühlmann, Li and Munk, Biometrika 2023), so
//! that a change is seen without the others around it. Of the stretches that show one, the shortest
//! are believed first (narrowest over threshold: Baranowski, Chen and Fryzlewicz, JRSS B 2019). Ranks
//! make the test indifferent to bursts.
//!
//! Points that drag each other along say less than they are: the threshold grows with the correlation
//! of neighbours. That is estimated from differences of points one and two apart, which few changes of
//! level do not disturb (after Chakar, Lebarbier, Lévy-Leduc and Robin, Bernoulli 2017, with trimmed
//! means, which waver less than their medians). A series that never
//! returns has no level; its steps are looked at instead, and a change of theirs is one of slope.

use crate::statistics::{median, ranks, robust_sigma};

/// The least number of points on either side of a change: four weeks of persistence.
pub const SHORTEST_SEGMENT: usize = 4;
/// Correlation of neighbours from which on a series has no level to come back to.
const HIGHEST_AUTOCORRELATION: f64 = 0.9;
/// Changes of one series at most; a series with more is noise to a reader.
const MOST_CHANGES: usize = 32;
/// Each layer of stretches is shorter than the one above by this.
const DECAY: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// How often a series of independent points may be said to change though it does not. The standardised
/// rank sum of the strongest of all stretches grows as √(2 ln n); what is added was simulated, for 50 to
/// 200 points: the values that one series in twenty and one in a hundred exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarms {
    /// Five series in a hundred: for whoever looks at a series.
    Usual,
    /// One in a hundred: for what is said unasked.
    Rare,
}

impl Alarms {
    fn critical(self, count: usize) -> f64 {
        let above = match self {
            Self::Usual => 0.33,
            Self::Rare => 0.75,
        };
        (2.0 * (count.max(2) as f64).ln()).sqrt() + above
    }
}

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

/// Indices at which the level changes, or the slope of a series without one, ascending.
pub fn change_points(series: &[f64]) -> Vec<usize> {
    let correlation = correlation(series);
    if correlation < HIGHEST_AUTOCORRELATION {
        return levels(series, correlation, Alarms::Usual);
    }
    let steps: Vec<f64> = series.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let correlation = self::correlation(&steps);
    if correlation >= HIGHEST_AUTOCORRELATION {
        return Vec::new();
    }
    levels(&steps, correlation, Alarms::Usual).into_iter().map(|at| at + 1).collect()
}

/// The last change of level that is at least one robust standard deviation large.
pub fn last_shift(series: &[f64]) -> Option<Shift> {
    let correlation = correlation(series);
    if correlation >= HIGHEST_AUTOCORRELATION {
        return None;
    }
    let changes = levels(series, correlation, Alarms::Rare);
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

/// How much a point drags the next along: 0 not at all, 1 and more where nothing comes back.
fn correlation(series: &[f64]) -> f64 {
    // Steps over a change of level are large and few: the tenth that is largest is left out.
    let usual = |apart: usize| -> Option<f64> {
        let step = |part: &[f64]| (part[apart] - part[0]).powi(2);
        let mut squares: Vec<f64> = series.windows(apart + 1).map(step).collect();
        squares.sort_by(f64::total_cmp);
        let kept = squares.len() - squares.len() / 10;
        (kept > 0).then(|| squares[..kept].iter().sum::<f64>() / kept as f64)
    };
    match (usual(1), usual(2)) {
        (Some(one), Some(two)) if one > 0.0 => (two / one - 1.0).max(0.0),
        _ => 0.0,
    }
}

/// One stretch's strongest change.
struct Candidate {
    start: usize,
    end: usize,
    at: usize,
    statistic: f64,
}

fn levels(series: &[f64], correlation: f64, alarms: Alarms) -> Vec<usize> {
    let inflation = ((1.0 + correlation) / (1.0 - correlation)).sqrt();
    let critical = alarms.critical(series.len()) * inflation;
    let of = |(start, end): (usize, usize)| {
        let (split, statistic) = strongest_split(&series[start..end])?;
        Some(Candidate { start, end, at: start + split, statistic })
    };
    let mut found: Vec<Candidate> = stretches(series.len())
        .into_iter()
        .filter_map(of)
        .filter(|one| one.statistic >= critical)
        .collect();
    found.sort_by(|a, b| {
        (a.end - a.start).cmp(&(b.end - b.start)).then(b.statistic.total_cmp(&a.statistic))
    });
    let mut changes: Vec<usize> = Vec::new();
    for one in found {
        // What another change is inside of is explained by that one.
        let is_explained = changes.iter().any(|at| one.start < *at && *at < one.end);
        if !is_explained && changes.len() < MOST_CHANGES {
            changes.push(one.at);
        }
    }
    changes.sort_unstable();
    changes
}

/// Stretches from the whole down to the shortest that can show a change, each layer overlapping by
/// half: some 2 n in all.
fn stretches(count: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    if count >= 2 * SHORTEST_SEGMENT {
        found.push((0, count));
    }
    let mut length = count as f64 * DECAY;
    while length.ceil() as usize >= 2 * SHORTEST_SEGMENT {
        let whole = length.ceil() as usize;
        let last = 2 * (count as f64 / length).ceil() as usize - 2;
        for place in 0..=last {
            let start = place * (count - whole) / last.max(1);
            if found.last() != Some(&(start, start + whole)) {
                found.push((start, start + whole));
            }
        }
        length *= DECAY;
    }
    found
}

/// Where ranks before and after differ most, and by how many standard deviations.
pub(crate) fn strongest_split(series: &[f64]) -> Option<(usize, f64)> {
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
    (best.0 > 0).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
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
        expected.assert_eq(&format!("{shift}; {:?}", change_points(series)));
    }

    #[test]
    fn a_lasting_drop_is_found_and_a_short_one_is_not() {
        let drop: Vec<f64> = (0..60)
            .map(|week| if week < 48 { 15.0 + noise(week, 6) } else { noise(week, 4) })
            .collect();
        check(&drop, expect!["from 17.5 to 1.0 at 48 (7.4 sigma); [46]"]);
        let gap: Vec<f64> =
            (0..60).map(|week| if week < 58 { 15.0 + noise(week, 6) } else { 0.0 }).collect();
        check(&gap, expect!["no lasting change; []"]);
    }

    #[test]
    fn noise_bursts_and_empty_series_are_not_trends() {
        let flat: Vec<f64> = (0..104).map(|week| 10.0 + noise(week, 8)).collect();
        check(&flat, expect!["no lasting change; [45]"]);
        let bursts: Vec<f64> =
            (0..104).map(|week| if week % 17 == 0 { 90.0 } else { 5.0 + noise(week, 5) }).collect();
        check(&bursts, expect!["no lasting change; []"]);
        check(&[], expect!["no lasting change; []"]);
        check(&[3.0; 50], expect!["no lasting change; []"]);
        check(&[3.0; 7], expect!["no lasting change; []"]);
    }

    #[test]
    fn a_slow_wander_is_not_a_staircase() {
        let wander: Vec<f64> =
            (0..104).map(|week| 20.0 + 8.0 * (week as f64 / 12.0).sin()).collect();
        check(&wander, expect!["no lasting change; []"]);
    }

    /// A level that rises and falls back is two changes, and each is seen without the other.
    #[test]
    fn a_spell_has_a_beginning_and_an_end() {
        let spell: Vec<f64> = (0..120)
            .map(|week| noise(week, 6) + if (50..62).contains(&week) { 12.0 } else { 0.0 })
            .collect();
        check(&spell, expect!["no lasting change; [50, 62]"]);
    }

    /// What grows all the time has no level; a bend in it is found.
    #[test]
    fn a_bend_in_a_slope() {
        let bent: Vec<f64> = (0..120)
            .map(|week| {
                let week_f = week as f64;
                let slope = if week < 70 { 10.0 * week_f } else { 700.0 + 30.0 * (week_f - 70.0) };
                slope + noise(week, 3)
            })
            .collect();
        check(&bent, expect!["no lasting change; [71]"]);
    }

    /// Of a thousand series without a change, each of a hundred independent points.
    #[test]
    fn false_alarms_are_as_rare_as_they_are_said_to_be() {
        let (mut usual, mut rare) = (0, 0);
        for seed in 0..1_000 {
            let mut draw = Draw::new(seed);
            let series: Vec<f64> = (0..100).map(|_| draw.normal()).collect();
            let correlation = correlation(&series);
            let alarms = |alarms| usize::from(!levels(&series, correlation, alarms).is_empty());
            usual += alarms(Alarms::Usual);
            rare += alarms(Alarms::Rare);
        }
        assert!((20..=80).contains(&usual) && rare <= 20, "{usual} and {rare} of a thousand");
    }
}
