//! Whether something that is measured again and again became slower or faster for good.
//!
//! Two judges have to agree. Splits by the ranks of [`crate::trend`], at a threshold that lets
//! changes pass that are a few points old, says where the level changed: bursts do not move ranks,
//! and the threshold grows with autocorrelation. Then the size has to be right: the medians differ by
//! several robust standard errors, inflated in the same way, and by [`LEAST_CHANGE`] at least, and the
//! newest points are still at the new level: what went away is no news.
//!
//! What moves little by little has no two levels: there a line has to fit, and to rise or fall by more.

use crate::draw::Draw;
use crate::statistics::{median, quantile, ranks, robust_sigma};
use crate::trend::strongest_split;

/// A smaller change is within what a reader would call the same.
pub const LEAST_CHANGE: f64 = 0.05;
/// Points on either side: fewer before are no level, fewer after may be one bad hour.
pub const LEAST_BEFORE: usize = 10;
pub const LEAST_AFTER: usize = 4;
/// Points looked at, the newest: older levels say nothing about now.
pub const MOST_POINTS: usize = 200;
/// Of the splits by ranks: by itself it would alarm too often.
const WEAK: f64 = 2.5;
/// Splits in one series at most.
const MOST_SPLITS: usize = 8;
/// Autocorrelation is clamped here; above it no series of this length proves anything.
const HIGHEST_AUTOCORRELATION: f64 = 0.9;
/// Robust standard errors between the medians.
const STRONG: f64 = 5.5;
/// A median's standard error, beside a mean's.
const MEDIAN_ERROR: f64 = 1.2533;
/// A series without any spread is known to half a percent.
const LEAST_SPREAD: f64 = 0.005;
/// A drift has no two levels to compare: it has to be larger, longer and surer.
pub const LEAST_DRIFT: f64 = 0.1;
pub const SHORTEST_DRIFT: usize = 30;
const STRONG_DRIFT: f64 = 6.5;
/// Nine tenths of a normal distribution lie within so many standard deviations.
const NORMAL_TAIL: f64 = 1.645;
/// The newest points, which have to be nearer to the new level than to the old one.
const NEWEST: usize = 3;
/// Draws for the interval.
const DRAWS: usize = 400;
/// The interval's share.
const SHARE: f64 = 0.9;

/// A lasting change of level.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The first point at the new level.
    pub at: usize,
    /// Where it was over: the same, but for a drift, which has no one place.
    pub until: usize,
    /// Medians before, back to the change before this one, and since, up to the one after it.
    pub before: f64,
    pub after: f64,
    /// As a share of what it was: 0.1 is a tenth more.
    pub size: f64,
    /// Where nine of ten redrawn series have it.
    pub interval: (f64, f64),
    /// Points at the new level.
    pub points: usize,
}

impl Change {
    /// Whether it came little by little.
    pub fn is_drift(&self) -> bool {
        self.until > self.at
    }
}

/// Every change of level that is large, sure and still so, the oldest first. Values are times, sizes or
/// counts: positive.
///
/// Weak splits are taken away one by one, the least sure first, until each that is left divides two
/// levels by itself: a split that is noise must not hide the change before it.
pub fn lasting(series: &[f64]) -> Vec<Change> {
    let from = series.len().saturating_sub(MOST_POINTS);
    let window = &series[from..];
    let mut splits = splits(window, WEAK);
    while let Some(weakest) = weakest(window, &splits) {
        splits.remove(weakest);
    }
    if let Some(drift) = drift(window).filter(|_| is_line(window, &splits)) {
        return placed(vec![drift], from, window);
    }
    let mut found: Vec<Change> = (0..splits.len())
        .filter_map(|number| {
            let (before, after) = sides(window, &splits, number);
            change(before, after, splits[number])
        })
        .collect();
    let steady = splits.last().copied().unwrap_or(0);
    found.extend(drift(&window[steady..]).map(|change| Change {
        at: change.at + steady,
        until: change.until + steady,
        ..change
    }));
    placed(found, from, window)
}

/// Changes that have not gone away, counted from the series' beginning.
fn placed(mut found: Vec<Change>, from: usize, window: &[f64]) -> Vec<Change> {
    let newest = &window[window.len().saturating_sub(NEWEST)..];
    found.retain(|change| !went_away(newest, change.before, change.after));
    for change in &mut found {
        (change.at, change.until) = (change.at + from, change.until + from);
    }
    found
}

/// Whether a line lies nearer to the points than the levels between the splits do: what moves little
/// by little looks like stairs, and none of them is where something happened.
fn is_line(window: &[f64], splits: &[usize]) -> bool {
    let Some((begin, slope)) = line(window) else { return false };
    let beside_line =
        window.iter().enumerate().map(|(at, value)| (value - begin - slope * at as f64).abs());
    let edges: Vec<usize> = [&[0], splits, &[window.len()]].concat();
    let beside_levels = edges.windows(2).flat_map(|edge| {
        let part = &window[edge[0]..edge[1]];
        let level = median(part).unwrap_or(0.0);
        part.iter().map(move |value| (value - level).abs())
    });
    beside_line.sum::<f64>() < beside_levels.sum::<f64>()
}

/// The points on either side of a split, up to the next ones.
fn sides<'a>(window: &'a [f64], splits: &[usize], number: usize) -> (&'a [f64], &'a [f64]) {
    let start = number.checked_sub(1).map_or(0, |before| splits[before]);
    let end = splits.get(number + 1).copied().unwrap_or(window.len());
    (&window[start..splits[number]], &window[splits[number]..end])
}

/// The split that is the least sure of those that divide no two levels.
fn weakest(window: &[f64], splits: &[usize]) -> Option<usize> {
    let judged = (0..splits.len()).filter_map(|number| {
        let (before, after) = sides(window, splits, number);
        let sure = errors(before, after).unwrap_or(0.0);
        let is_long = before.len() >= LEAST_BEFORE && after.len() >= LEAST_AFTER;
        let is_large = size(before, after).is_some_and(|size| size.abs() >= LEAST_CHANGE);
        let is_change = is_long && is_large && sure >= STRONG;
        (!is_change).then_some((number, sure))
    });
    judged.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(number, _)| number)
}

fn size(before: &[f64], after: &[f64]) -> Option<f64> {
    let (was, is) = (median(before)?, median(after)?);
    (was > 0.0).then(|| is / was - 1.0)
}

fn change(before: &[f64], after: &[f64], at: usize) -> Option<Change> {
    let (was, is) = (median(before)?, median(after)?);
    let interval = interval(before, after)?;
    let is_one_sided = interval.0.signum() == interval.1.signum();
    let size = size(before, after)?;
    is_one_sided.then_some(Change {
        at,
        until: at,
        before: was,
        after: is,
        size,
        interval,
        points: after.len(),
    })
}

/// A level that moved little by little, over all of these points: a line fits them, its ends lie apart
/// by several of its errors and by [`LEAST_DRIFT`] at least, and each third of the points is further
/// on than the one before.
fn drift(points: &[f64]) -> Option<Change> {
    let third = points.len() / 3;
    if points.len() < SHORTEST_DRIFT {
        return None;
    }
    let [first, middle, last] = [0, third, points.len() - third].map(|at| &points[at..at + third]);
    let [was, between, is] = [median(first)?, median(middle)?, median(last)?];
    let is_steady = (was < between && between < is) || (was > between && between > is);
    let (begin, slope) = line(points)?;
    let along = slope * (points.len() - 1) as f64;
    let end = begin + along;
    let residuals: Vec<f64> =
        points.iter().enumerate().map(|(at, value)| value - begin - slope * at as f64).collect();
    let sigma = robust_sigma(&residuals)?.max(LEAST_SPREAD * was.abs());
    let inflation = inflation(&ranks(&residuals), points.len() / 2);
    // Of the difference of two thirds' medians, as far as the whole is longer than they lie apart.
    let apart = points.len() as f64 / (points.len() - third) as f64;
    let error = MEDIAN_ERROR * sigma * (2.0 / third as f64 * inflation).sqrt() * apart;
    let size = (begin > 0.0).then(|| end / begin - 1.0)?;
    let is_sure = along.abs() >= STRONG_DRIFT * error;
    let spread = NORMAL_TAIL * error / begin;
    (is_steady && is_sure && size.abs() >= LEAST_DRIFT).then_some(Change {
        at: 0,
        until: points.len() - 1,
        before: begin,
        after: end,
        size,
        interval: (size - spread, size + spread),
        points: points.len(),
    })
}

/// Where a line through the points begins and how much it rises from one to the next: through the
/// medians of the first and the last third (Tukey's resistant line), so bursts do not tilt it.
fn line(points: &[f64]) -> Option<(f64, f64)> {
    let third = points.len() / 3;
    let (first, last) = (&points[..third], &points[points.len() - third..]);
    let slope = (median(last)? - median(first)?) / (points.len() - third) as f64;
    let begins = points.iter().enumerate().map(|(at, value)| value - slope * at as f64);
    Some((median(&begins.collect::<Vec<_>>())?, slope))
}

/// Indices at which the level changes, ascending: the strongest change first, then those on either
/// side of it.
fn splits(series: &[f64], critical: f64) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open = vec![(0, series.len())];
    while let Some((start, end)) = open.pop() {
        if found.len() == MOST_SPLITS {
            break;
        }
        let part = &series[start..end];
        let Some((split, statistic)) = strongest_split(part) else { continue };
        if statistic / inflation(&ranks(part), split).sqrt() >= critical {
            found.push(start + split);
            open.push((start, start + split));
            open.push((start + split, end));
        }
    }
    found.sort_unstable();
    found
}

/// How much longer a series must be to say as much as one without autocorrelation.
fn inflation(ranked: &[f64], split: usize) -> f64 {
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

/// How many robust standard errors the medians lie apart.
fn errors(before: &[f64], after: &[f64]) -> Option<f64> {
    let (was, is) = (median(before)?, median(after)?);
    let around =
        |part: &[f64], level: f64| part.iter().map(|value| value - level).collect::<Vec<_>>();
    let residuals = [around(before, was), around(after, is)].concat();
    let sigma = robust_sigma(&residuals)?.max(LEAST_SPREAD * was.abs());
    let all = [before, after].concat();
    let inflation = inflation(&ranks(&all), before.len());
    let share = 1.0 / before.len() as f64 + 1.0 / after.len() as f64;
    Some((is - was).abs() / (MEDIAN_ERROR * sigma * (share * inflation).sqrt()))
}

fn went_away(newest: &[f64], was: f64, is: f64) -> bool {
    let middle = (was + is) / 2.0;
    median(newest).is_none_or(|newest| (newest > middle) != (is > middle))
}

/// The change's size in series drawn anew from both sides.
fn interval(before: &[f64], after: &[f64]) -> Option<(f64, f64)> {
    let mut draw = Draw::new(before.len() as u64 * 1_000 + after.len() as u64);
    let mut level = |part: &[f64]| {
        let drawn: Vec<f64> = (0..part.len()).filter_map(|_| draw.of(part).copied()).collect();
        median(&drawn)
    };
    let sizes: Vec<f64> =
        (0..DRAWS).filter_map(|_| Some(level(after)? / level(before)? - 1.0)).collect();
    let tail = (1.0 - SHARE) / 2.0;
    Some((quantile(&sizes, tail)?, quantile(&sizes, 1.0 - tail)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::collections::BTreeMap;

    /// Series of times around 100, as benchmarks and machines give them.
    #[derive(Clone, Copy, Debug)]
    enum Noise {
        /// Even, with this standard deviation.
        Normal(f64),
        /// With a long tail to the slow side.
        Tailed(f64),
        /// One value drags the next along.
        Dragging(f64, f64),
        /// Now and then half as slow again.
        Bursts(f64),
    }

    const NOISES: [Noise; 7] = [
        Noise::Normal(1.0),
        Noise::Normal(2.0),
        Noise::Tailed(2.0),
        Noise::Dragging(1.5, 0.4),
        Noise::Bursts(1.5),
        Noise::Dragging(1.0, 0.8),
        Noise::Normal(10.0),
    ];

    fn series(noise: Noise, count: usize, seed: u64) -> Vec<f64> {
        let mut draw = Draw::new(seed);
        let mut dragged = 0.0;
        (0..count)
            .map(|_| {
                100.0
                    + match noise {
                        Noise::Normal(sigma) => sigma * draw.normal(),
                        Noise::Tailed(sigma) => sigma * (0.7 * draw.normal()).exp() * 2.0,
                        Noise::Dragging(sigma, rho) => {
                            dragged = rho * dragged + sigma * draw.normal();
                            dragged
                        }
                        Noise::Bursts(sigma) => {
                            let burst = if draw.unit() < 0.04 { 50.0 } else { 0.0 };
                            sigma * draw.normal() + burst
                        }
                    }
            })
            .collect()
    }

    /// A tenth slower from the fortieth point on is found before the seventh point after it.
    #[test]
    fn planted_steps_are_found_within_six_points() {
        // Of a hundred. A long tail, and values that drag each other along, hide some of them longer.
        let wanted = [98, 95, 80, 80, 95];
        for (noise, least) in NOISES.into_iter().zip(wanted) {
            let (mut found, mut later, mut misplaced) = (0, 0, 0);
            for seed in 0..100 {
                let mut series = series(noise, 54, seed);
                series[40..].iter_mut().for_each(|value| *value += 10.0);
                later += usize::from((44..=54).any(|count| !lasting(&series[..count]).is_empty()));
                let change = (44..=46).find_map(|count| lasting(&series[..count]).pop());
                found += usize::from(change.is_some());
                misplaced += usize::from(change.is_some_and(|change| change.at.abs_diff(40) > 2));
            }
            assert!(found >= least && misplaced <= 10, "{noise:?}: {found}, {misplaced} elsewhere");
            assert!(later >= 95, "{noise:?}: {later} within fourteen");
        }
    }

    /// What was planted, and where; what forty series of each noise say of it.
    fn check(plant: impl Fn(usize, f64) -> f64, count: usize, expected: Expect) {
        let lines = NOISES.map(|noise| {
            let mut said: BTreeMap<String, usize> = BTreeMap::new();
            for seed in 0..40 {
                let mut series = series(noise, count, 500 + seed);
                series.iter_mut().enumerate().for_each(|(at, value)| *value = plant(at, *value));
                let changes: Vec<&str> = lasting(&series)
                    .iter()
                    .map(|change| match (change.is_drift(), change.size > 0.0) {
                        (true, true) => "rises",
                        (true, false) => "falls",
                        (false, true) => "up",
                        (false, false) => "down",
                    })
                    .collect();
                let words = if changes.is_empty() { "-".to_owned() } else { changes.join(" ") };
                *said.entry(words).or_default() += 1;
            }
            let said: Vec<String> =
                said.iter().map(|(words, count)| format!("{words} {count}")).collect();
            format!("{noise:?}: {}", said.join(", "))
        });
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn two_steps_are_two_changes() {
        check(
            |at, value| value * [1.0, 1.1, 1.3][at / 40],
            120,
            expect![[r#"
                Normal(1.0): up up 40
                Normal(2.0): up up 40
                Tailed(2.0): up up 40
                Dragging(1.5, 0.4): up up 40
                Bursts(1.5): up up 40
                Dragging(1.0, 0.8): - 12, rises 2, up 1, up up 25
                Normal(10.0): - 1, rises 12, up 26, up up 1"#]],
        );
    }

    #[test]
    fn a_drift_is_no_step() {
        check(
            |at, value| value * (1.0 + at as f64 / 400.0),
            120,
            expect![[r#"
                Normal(1.0): rises 40
                Normal(2.0): rises 40
                Tailed(2.0): rises 38, up up up up 2
                Dragging(1.5, 0.4): rises 40
                Bursts(1.5): rises 40
                Dragging(1.0, 0.8): rises 40
                Normal(10.0): - 11, rises 13, up 16"#]],
        );
    }

    #[test]
    fn noise_alone_is_no_change() {
        check(
            |_, value| value,
            120,
            expect![[r#"
                Normal(1.0): - 40
                Normal(2.0): - 40
                Tailed(2.0): - 40
                Dragging(1.5, 0.4): - 40
                Bursts(1.5): - 40
                Dragging(1.0, 0.8): - 40
                Normal(10.0): - 40"#]],
        );
    }

    #[test]
    fn what_follows_does_not_hide_a_step() {
        // Within five percent, and sure enough to be a split: it was the only one that was judged.
        let bent = |at: usize, value: f64| value * [1.0, 1.2, 1.235, 1.2][at / 30];
        check(
            bent,
            120,
            expect![[r#"
                Normal(1.0): up 40
                Normal(2.0): up 40
                Tailed(2.0): up 39, up up 1
                Dragging(1.5, 0.4): up 40
                Bursts(1.5): up 40
                Dragging(1.0, 0.8): - 15, up 25
                Normal(10.0): - 6, up 34"#]],
        );
    }

    /// Where nothing changes, looked at after every point: less than one in a thousand.
    #[test]
    fn false_alarms_are_rare() {
        for noise in NOISES {
            let (mut alarms, mut points) = (0, 0);
            for seed in 0..12 {
                let series = series(noise, 220, 1_000 + seed);
                let mut last: Option<usize> = None;
                for count in 20..=series.len() {
                    points += 1;
                    let at = lasting(&series[..count]).last().map(|change| change.at);
                    // One change is one alarm, however long it is seen.
                    let is_new = |at: usize| last.is_none_or(|last| last.abs_diff(at) > 3);
                    alarms += usize::from(at.is_some_and(is_new));
                    last = at.or(last);
                }
            }
            assert!(alarms * 1_000 <= points, "{noise:?}: {alarms} in {points} points");
        }
    }

    #[test]
    fn what_is_small_or_went_away_is_no_change() {
        let mut small = series(Noise::Normal(0.5), 80, 1);
        small[40..].iter_mut().for_each(|value| *value *= 1.03);
        assert_eq!(lasting(&small), []);
        let mut gone = series(Noise::Normal(0.5), 60, 2);
        gone[40..56].iter_mut().for_each(|value| *value *= 1.3);
        assert_eq!(lasting(&gone[..52]).len(), 1);
        // Back at what it was: faster than of late, and no regression.
        assert!(lasting(&gone).iter().all(|change| change.size < 0.0));
        assert_eq!(lasting(&[]), []);
        assert_eq!(lasting(&[0.0; 50]), []);
    }

    #[test]
    fn size_and_interval() {
        let mut faster = series(Noise::Normal(1.0), 60, 3);
        faster[40..].iter_mut().for_each(|value| *value *= 0.8);
        let change = lasting(&faster).pop().expect("a fifth less");
        assert!((change.size + 0.2).abs() < 0.02, "{change:?}");
        assert!(change.interval.0 < -0.19 && change.interval.1 > -0.21, "{change:?}");
        assert_eq!(change.at, 40);
    }
}
