//! When the next release comes, from the gaps between past ones and the days since the last.
//!
//! Half of the sample are past gaps, the recent ones drawn more often; half comes from Student's t
//! over the gaps' logarithms, cut off where it runs away. Both are conditional on the gap being
//! longer than what has already passed. Gaps are irregular: give the interval, not a date.

use crate::distribution::{t_cdf, t_quantile};
use crate::draw::Draw;
use crate::throughput::Forecast;

/// Gaps looked back on.
const MOST_GAPS: usize = 30;
/// A gap counts half as much as one this many releases later.
const HALF_LIFE_GAPS: f64 = 8.0;
/// Fewer gaps than this are no rhythm.
const LEAST_GAPS: usize = 3;
/// The fitted tail ends at this multiple of the longest gap.
const LONGEST_MULTIPLE: f64 = 2.0;
const DRAWS: usize = 400;

/// Days from the last release to the next. `gaps` are days between releases, oldest first;
/// `elapsed` are the days since the last. `None` from fewer than three gaps.
pub fn forecast(gaps: &[f64], elapsed: f64, seed: u64) -> Option<Forecast> {
    let gaps: Vec<f64> = gaps.iter().copied().filter(|gap| *gap > 0.0).collect();
    let gaps = &gaps[gaps.len().saturating_sub(MOST_GAPS)..];
    if gaps.len() < LEAST_GAPS {
        return None;
    }
    let mut draw = Draw::new(seed);
    let mut sample = recent(gaps, elapsed, &mut draw);
    sample.extend(fitted(gaps, elapsed, &mut draw));
    sample.sort_by(f64::total_cmp);
    Some(Forecast { sample })
}

/// Past gaps that were longer than what has passed; none where all were shorter.
fn recent(gaps: &[f64], elapsed: f64, draw: &mut Draw) -> Vec<f64> {
    let weighed: Vec<(f64, f64)> = (gaps.iter().rev().enumerate())
        .map(|(age, gap)| (*gap, 0.5_f64.powf(age as f64 / HALF_LIFE_GAPS)))
        .filter(|(gap, _)| *gap > elapsed)
        .collect();
    let total: f64 = weighed.iter().map(|(_, weight)| weight).sum();
    let mut one = || {
        let mut left = draw.unit() * total;
        weighed.iter().find(|(_, weight)| {
            left -= weight;
            left <= 0.0
        })
    };
    (0..DRAWS).filter_map(|_| one()).map(|(gap, _)| *gap).collect()
}

fn fitted(gaps: &[f64], elapsed: f64, draw: &mut Draw) -> Vec<f64> {
    let logs: Vec<f64> = gaps.iter().map(|gap| gap.ln()).collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0);
    // A rhythm to the day has no spread; a tenth is what a weekend does to it.
    let spread = (variance * (1.0 + 1.0 / count)).sqrt().max(0.1);
    let df = count - 1.0;
    let passed = t_cdf((elapsed.max(1e-3).ln() - mean) / spread, df);
    let longest = gaps.iter().copied().fold(elapsed, f64::max) * LONGEST_MULTIPLE;
    (0..DRAWS)
        .map(|_| (mean + spread * t_quantile(passed + draw.unit() * (1.0 - passed), df)).exp())
        .map(|days| days.clamp(elapsed, longest))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rhythm_and_what_has_passed() {
        let monthly = [30.0, 31.0, 28.0, 30.0, 33.0, 29.0, 30.0, 31.0];
        let early = forecast(&monthly, 3.0, 1).expect("a rhythm");
        let (low, high) = early.interval(0.8).expect("a sample");
        assert!((24.0..31.0).contains(&low) && (30.0..37.0).contains(&high), "{low} {high}");
        let late = forecast(&monthly, 50.0, 1).expect("a rhythm");
        assert!(late.quantile(0.0).is_some_and(|first| first >= 50.0));
        assert!(late.quantile(0.5).is_some_and(|middle| middle < 100.0));
        assert_eq!(forecast(&[30.0, 30.0], 1.0, 1), None);
    }
}
