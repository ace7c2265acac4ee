//! How much will get done in the next weeks: an interval that holds as often as it says.
//!
//! The usual Monte-Carlo forecast draws past weeks one by one and so forgets that a project's pace
//! drifts; its 80 % interval holds about half of the time. Here the recent level is multiplied by
//! ratios that were seen: what a past level was followed by, over the same number of weeks. Half of
//! the sample comes from there, half from drawing the last year's weeks.

use crate::draw::Draw;
use crate::statistics::quantile;

/// Weeks that make the level: long enough to average a release's rhythm, short enough to follow.
const LEVEL_WEEKS: usize = 12;
/// Weeks that single weeks are drawn from.
pub const DRAWN_WEEKS: usize = 52;
/// How far back ratios are taken: three years.
const RATIO_WEEKS: usize = 156;
/// Fewer ratios than this are no distribution; then only weeks are drawn.
const LEAST_RATIOS: usize = 12;
/// Draws from each half. The 10 % quantile of this many moves by about a percent of its rank.
const DRAWS: usize = 500;

/// A sample of what may come, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    pub sample: Vec<f64>,
}

impl Forecast {
    fn of(mut sample: Vec<f64>) -> Self {
        sample.retain(|value| value.is_finite());
        sample.sort_by(f64::total_cmp);
        Self { sample }
    }

    /// The value that a share `q` of the sample lies below.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        quantile(&self.sample, q)
    }

    /// The middle `share` of what may come.
    pub fn interval(&self, share: f64) -> Option<(f64, f64)> {
        let tail = (1.0 - share) / 2.0;
        Some((self.quantile(tail)?, self.quantile(1.0 - tail)?))
    }
}

/// The sum of the next `weeks`, from the counts of past weeks, oldest first. `None` from less than
/// a quarter of a year, which says nothing about the next.
pub fn forecast(past: &[f64], weeks: usize, seed: u64) -> Option<Forecast> {
    let mut sample = drawn(past, weeks, DRAWN_WEEKS, seed)?.sample;
    let ratios = ratios(past, weeks);
    if ratios.len() >= LEAST_RATIOS {
        let level = level(past) * weeks as f64;
        let mut draw = Draw::new(seed ^ 1);
        let drawn = (0..DRAWS).filter_map(|_| draw.of(&ratios).copied());
        sample.extend(drawn.map(|ratio| level * ratio));
    }
    Some(Forecast::of(sample))
}

/// The usual forecast: sums of single weeks of the last `window`, drawn with replacement.
pub fn drawn(past: &[f64], weeks: usize, window: usize, seed: u64) -> Option<Forecast> {
    if past.len() < LEVEL_WEEKS || weeks == 0 {
        return None;
    }
    let recent = &past[past.len().saturating_sub(window)..];
    let mut draw = Draw::new(seed);
    let mut sum = || (0..weeks).filter_map(|_| draw.of(recent)).sum::<f64>();
    Some(Forecast::of((0..DRAWS).map(|_| sum()).collect()))
}

fn level(past: &[f64]) -> f64 {
    let recent = &past[past.len().saturating_sub(LEVEL_WEEKS)..];
    // A level of nothing would forbid everything; half a unit a quarter is as low as it gets.
    (recent.iter().sum::<f64>() / recent.len().max(1) as f64).max(0.5 / LEVEL_WEEKS as f64)
}

/// What each past level was followed by, as a multiple of it.
fn ratios(past: &[f64], weeks: usize) -> Vec<f64> {
    let Some(last) = past.len().checked_sub(weeks) else { return Vec::new() };
    let first = LEVEL_WEEKS.max(last.saturating_sub(RATIO_WEEKS));
    (first..=last)
        .map(|at| past[at..at + weeks].iter().sum::<f64>() / (level(&past[..at]) * weeks as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pace that wanders: the pooled interval holds about as often as it says, and the drawn one
    /// does not.
    #[test]
    fn intervals_hold_where_the_level_drifts() {
        let mut draw = Draw::new(3);
        let mut level = 20.0_f64;
        let weeks: Vec<f64> = (0..600)
            .map(|_| {
                level = (level * (0.08 * draw.normal()).exp()).clamp(4.0, 80.0);
                (level + level.sqrt() * draw.normal()).max(0.0).round()
            })
            .collect();
        let held = |forecast: &dyn Fn(&[f64]) -> Option<Forecast>| {
            let origins = (200..588).step_by(2);
            let count = origins.clone().count() as f64;
            let inside = origins.filter(|at| {
                let actual: f64 = weeks[*at..at + 12].iter().sum();
                let (low, high) =
                    forecast(&weeks[..*at]).and_then(|f| f.interval(0.8)).expect("a year");
                (low..=high).contains(&actual)
            });
            inside.count() as f64 / count
        };
        let pooled = held(&|past| forecast(past, 12, 1));
        let usual = held(&|past| drawn(past, 12, 12, 1));
        assert!((0.7..0.95).contains(&pooled), "{pooled}");
        assert!(usual < pooled - 0.15, "{usual} {pooled}");
    }

    #[test]
    fn little_history_and_the_same_seed() {
        assert_eq!(forecast(&[1.0; 11], 4, 1), None);
        let steady = forecast(&[5.0; 60], 4, 1).expect("a year");
        assert_eq!(steady.interval(0.8), Some((20.0, 20.0)));
        assert_eq!(
            forecast(&[1.0, 9.0, 4.0].repeat(20), 4, 1),
            forecast(&[1.0, 9.0, 4.0].repeat(20), 4, 1)
        );
    }
}
