//! The health score: an index of named parts, each with its weight and what was measured.
//!
//! It orders a project's own weeks, not projects among each other, and it is no probability:
//! nothing calibrates a weighted sum of unlike things. Parts that could not be measured are left
//! out and said so, never guessed.

/// One part of the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub name: &'static str,
    /// Points of 100 this part would carry if all parts were measured.
    pub weight: u32,
    /// 0 (bad) to 1 (good); `None` where there is nothing to measure it by.
    pub value: Option<f64>,
    /// What was measured, or why nothing was.
    pub why: String,
}

/// The index and what it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// 0 to 100; `None` where less than half of the weight could be measured.
    pub index: Option<u32>,
    /// Points of 100 that were measured.
    pub measured: u32,
    pub parts: Vec<Part>,
}

/// Under half of the weight, an index would describe what is missing, not the project.
const LEAST_MEASURED: u32 = 50;

/// Sums the measured parts, scaled to 100.
pub fn score(parts: Vec<Part>) -> Score {
    let measured: u32 =
        parts.iter().filter(|part| part.value.is_some()).map(|part| part.weight).sum();
    let points: f64 = parts
        .iter()
        .filter_map(|part| Some(part.value?.clamp(0.0, 1.0) * f64::from(part.weight)))
        .sum();
    let index =
        (measured >= LEAST_MEASURED).then(|| (100.0 * points / f64::from(measured)).round() as u32);
    Score { index, measured, parts }
}

/// 1 at `good` and better, 0 at `bad` and worse, a straight line between.
pub fn graded(value: f64, good: f64, bad: f64) -> f64 {
    ((value - bad) / (good - bad)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(parts: &[(u32, Option<f64>)], expected: Expect) {
        let parts = parts
            .iter()
            .map(|(weight, value)| Part {
                name: "part",
                weight: *weight,
                value: *value,
                why: String::new(),
            })
            .collect();
        let score = score(parts);
        expected.assert_eq(&format!("{:?} of {} measured", score.index, score.measured));
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        check(&[(40, Some(1.0)), (20, Some(0.5)), (40, None)], expect!["Some(83) of 60 measured"]);
        check(&[(40, Some(1.0)), (60, None)], expect!["None of 40 measured"]);
        check(&[], expect!["None of 0 measured"]);
        assert_eq!(
            [graded(5.0, 0.0, 10.0), graded(-1.0, 0.0, 10.0), graded(3.0, 10.0, 2.0)],
            [0.5, 1.0, 0.125]
        );
    }
}
