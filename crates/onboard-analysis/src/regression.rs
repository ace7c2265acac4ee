//! Whether something that is measured again and again became slower or faster for good.
//!
//! Two judges have to agree. Splits by the ranks of [`crate::trend`], at a threshold that lets
//! changes pass that are a few points old, says where the level changed: bursts do not move ranks,
//! and the threshold grows with autocorrelation. Then the size has to be right: the medians differ by
//! several robust standard errors, inflated in the same way, and by [`LEAST_CHANGE`] at least, and the
//! newest points are still at the new level: what went away is no news.

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
/// Of those that are sure by themselves: one false alarm in a hundred series of a hundred points.
const SURE: f64 = 3.6;
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
    /// Medians before, back to the change before this one, and since.
    pub before: f64,
    pub after: f64,
    /// As a share of what it was: 0.1 is a tenth more.
    pub size: f64,
    /// Where nine of ten redrawn series have it.
    pub interval: (f64, f64),
}

/// The last change of level, if it is large, sure and still so. Values are times, sizes or counts:
/// positive.
pub fn latest(series: &[f64]) -> Option<Change> {
    let from = series.len().saturating_sub(MOST_POINTS);
    let window = &series[from..];
    let at = *splits(window, WEAK).last()?;
    // What went before is cut only where that is sure, or little would be left to compare with.
    let start = splits(&window[..at], SURE).last().copied().unwrap_or(0);
    let (before, after) = (&window[start..at], &window[at..]);
    if before.len() < LEAST_BEFORE || after.len() < LEAST_AFTER {
        return None;
    }
    let (was, is) = (median(before)?, median(after)?);
    let size = (was > 0.0).then(|| is / was - 1.0)?;
    let is_sure = errors(before, after)? >= STRONG;
    if size.abs() < LEAST_CHANGE || !is_sure || went_away(after, was, is) {
        return None;
    }
    let interval = interval(before, after)?;
    let is_one_sided = interval.0.signum() == interval.1.signum();
    is_one_sided.then_some(Change { at: from + at, before: was, after: is, size, interval })
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

fn went_away(after: &[f64], was: f64, is: f64) -> bool {
    let middle = (was + is) / 2.0;
    let newest = &after[after.len().saturating_sub(NEWEST)..];
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

    const NOISES: [Noise; 6] = [
        Noise::Normal(1.0),
        Noise::Normal(2.0),
        Noise::Tailed(2.0),
        Noise::Dragging(1.5, 0.4),
        Noise::Bursts(1.5),
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
                later += usize::from((44..=54).any(|count| latest(&series[..count]).is_some()));
                let change = (44..=46).find_map(|count| latest(&series[..count]));
                found += usize::from(change.is_some());
                misplaced += usize::from(change.is_some_and(|change| change.at.abs_diff(40) > 2));
            }
            assert!(found >= least && misplaced <= 10, "{noise:?}: {found}, {misplaced} elsewhere");
            assert!(later >= 95, "{noise:?}: {later} within fourteen");
        }
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
                    let at = latest(&series[..count]).map(|change| change.at);
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
        assert_eq!(latest(&small), None);
        let mut gone = series(Noise::Normal(0.5), 60, 2);
        gone[40..56].iter_mut().for_each(|value| *value *= 1.3);
        assert!(latest(&gone[..52]).is_some());
        // Back at what it was: faster than of late, and no regression.
        assert!(latest(&gone).is_none_or(|change| change.size < 0.0));
        assert_eq!(latest(&[]), None);
        assert_eq!(latest(&[0.0; 50]), None);
    }

    #[test]
    fn size_and_interval() {
        let mut faster = series(Noise::Normal(1.0), 60, 3);
        faster[40..].iter_mut().for_each(|value| *value *= 0.8);
        let change = latest(&faster).expect("a fifth less");
        assert!((change.size + 0.2).abs() < 0.02, "{change:?}");
        assert!(change.interval.0 < -0.19 && change.interval.1 > -0.21, "{change:?}");
        assert_eq!(change.at, 40);
    }
}
