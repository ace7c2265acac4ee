//! Which files will need a fix next: those that change much and are large.
//!
//! `ln(1 + revisions, decayed by half in 180 days) + ½ ln(1 + bytes)`, chosen on twelve open histories
//! beside revisions, size, fix counts and time-weighted risk alone. How it does on histories that
//! nothing was chosen on is in `docs/evaluation.md`. It names files; it is no probability.

use serde::{Deserialize, Serialize};

use crate::calendar::DAY_MS;

/// Half-life of a revision's weight.
pub const HALF_LIFE_DAYS: i64 = 180;

/// A count whose old parts fade, kept as one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decayed {
    value: f64,
    at_ms: i64,
}

impl Decayed {
    /// Counts one at this time. Times may come out of order; an older one counts as little as it
    /// would have.
    pub fn add(&mut self, at_ms: i64) {
        if self.value == 0.0 {
            self.at_ms = at_ms;
        }
        let now = self.at_ms.max(at_ms);
        self.value = self.at(now) + fade(at_ms, now);
        self.at_ms = now;
    }

    /// What is left of it at this time.
    pub fn at(self, now_ms: i64) -> f64 {
        self.value * fade(self.at_ms, now_ms)
    }
}

fn fade(then_ms: i64, now_ms: i64) -> f64 {
    let days = now_ms.saturating_sub(then_ms).max(0) as f64 / DAY_MS as f64;
    0.5_f64.powf(days / HALF_LIFE_DAYS as f64)
}

/// The score of a file.
pub fn score(decayed_revisions: f64, bytes: u64) -> f64 {
    decayed_revisions.ln_1p() + 0.5 * (bytes as f64).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_fade() {
        let day = |days: i64| days * DAY_MS;
        let mut count = Decayed::default();
        count.add(day(0));
        count.add(day(180));
        assert!((count.at(day(180)) - 1.5).abs() < 1e-9);
        assert!((count.at(day(360)) - 0.75).abs() < 1e-9);
        count.add(day(0));
        assert!((count.at(day(180)) - 2.0).abs() < 1e-9, "an old one that comes late");
        assert!(score(3.0, 10_000) > score(1.0, 10_000) && score(1.0, 10_000) > score(1.0, 100));
    }
}
