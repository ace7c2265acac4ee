//! Which files will need a fix next: those that change much and are large.
//!
//! `ln(1 + revisions) + 0.3 ln(1 + fixes) + 0.4 ln(1 + bytes) + 0.2 ln(1 + cognitive complexity)`,
//! revisions and fixes decayed by half in 180 days. Chosen on nineteen open histories, beside revisions and
//! size alone, time-weighted risk and regressions over up to 45 measures, none of which did better on
//! histories that it was not fitted to. How it does on ones that nothing was chosen on is in
//! `docs/evaluation.md`. It names files; it is no probability.

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

/// What is known of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known {
    /// Decayed.
    pub revisions: f64,
    /// Revisions that mended something, decayed.
    pub fixes: f64,
    pub bytes: u64,
    /// Of all of its functions together.
    pub cognitive: u32,
}

/// The score of a file.
pub fn score(file: Known) -> f64 {
    file.revisions.ln_1p()
        + 0.3 * file.fixes.ln_1p()
        + 0.4 * (file.bytes as f64).ln_1p()
        + 0.2 * f64::from(file.cognitive).ln_1p()
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
    }

    #[test]
    fn each_part_counts() {
        let usual = Known { revisions: 1.0, fixes: 0.0, bytes: 1_000, cognitive: 10 };
        for more in [
            Known { revisions: 3.0, ..usual },
            Known { fixes: 1.0, ..usual },
            Known { bytes: 10_000, ..usual },
            Known { cognitive: 40, ..usual },
        ] {
            assert!(score(more) > score(usual), "{more:?}");
        }
    }
}
