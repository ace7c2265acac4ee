//! Do two samples differ: a test that assumes no distribution.

use crate::distribution::normal_cdf;
use crate::statistics::ranks;

/// What the Mann-Whitney test says of two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// The chance that a value of the second sample exceeds one of the first; half is no difference.
    pub superiority: f64,
    /// Of so large a difference either way, if there were none.
    pub p: f64,
}

/// Mann and Whitney, "On a test of whether one of two random variables is stochastically larger
/// than the other" (1947), by the normal approximation with ties and continuity corrected. `None`
/// for samples of fewer than four values, where the approximation says nothing.
pub fn mann_whitney(before: &[f64], after: &[f64]) -> Option<MannWhitney> {
    const LEAST: usize = 4;
    if before.len() < LEAST || after.len() < LEAST {
        return None;
    }
    let all: Vec<f64> = before.iter().chain(after).copied().collect();
    let ranked = ranks(&all);
    let (m, n) = (before.len() as f64, after.len() as f64);
    let sum: f64 = ranked[before.len()..].iter().sum();
    let u = sum - n * (n + 1.0) / 2.0;
    let mut sorted = all;
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|group| group.len() as f64)
        .map(|count| count.powi(3) - count)
        .sum();
    let total = m + n;
    let variance = m * n / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let distance = ((u - m * n / 2.0).abs() - 0.5).max(0.0);
    let p = if variance > 0.0 { 2.0 * normal_cdf(-distance / variance.sqrt()) } else { 1.0 };
    Some(MannWhitney { superiority: u / (m * n), p: p.min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn differences() {
        let show = |before: &[f64], after: &[f64]| match mann_whitney(before, after) {
            Some(test) => format!("{:.2} p {:.4}", test.superiority, test.p),
            None => "too few".to_owned(),
        };
        let low = [1.0, 2.0, 3.0, 4.0, 5.0];
        let high = [6.0, 7.0, 8.0, 9.0, 10.0];
        expect!["1.00 p 0.0122"].assert_eq(&show(&low, &high));
        expect!["0.50 p 1.0000"].assert_eq(&show(&low, &low));
        expect!["0.50 p 1.0000"].assert_eq(&show(&[3.0; 6], &[3.0; 6]));
        expect!["too few"].assert_eq(&show(&low, &[1.0]));
    }
}
