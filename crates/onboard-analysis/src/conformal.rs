//! Quantiles corrected by how past forecasts fared.
//!
//! Where past outcomes fell within their forecasts (their [PIT](crate::accuracy::pit) values) says
//! which nominal quantile to ask for: if 85 % of outcomes lay below the nominal 93 %, ask for that.
//! Kuleshov, Fenner and Ermon, "Accurate uncertainties for deep learning using calibrated
//! regression" (2018), with the finite-sample rank of conformal prediction (Vovk et al., 2005).

/// Fewer past forecasts than this move quantiles by chance.
const LEAST: usize = 20;
/// Only the latest this many count: projects change.
const MOST: usize = 200;

/// The nominal quantile to ask for to get `wanted`. `pits` are past values, oldest first; with too
/// few of them it is `wanted` itself.
pub fn level(pits: &[f64], wanted: f64) -> f64 {
    let recent = &pits[pits.len().saturating_sub(MOST)..];
    if recent.len() < LEAST {
        return wanted;
    }
    let mut sorted = recent.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The middle is looked for from below, either side outward: the safe rank is the farther one.
    let rank = wanted * (sorted.len() as f64 + 1.0);
    let rank = if wanted >= 0.5 { rank.ceil() } else { rank.floor() };
    match rank as usize {
        0 => 0.0,
        rank if rank > sorted.len() => 1.0,
        rank => sorted[rank - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_that_is_too_sure_is_widened() {
        // Outcomes pile up at both ends: intervals were too narrow.
        let sure: Vec<f64> = (0..100).map(|at| if at % 2 == 0 { 0.03 } else { 0.97 }).collect();
        assert_eq!((level(&sure, 0.1), level(&sure, 0.9)), (0.03, 0.97));
        let fair: Vec<f64> = (0..99).map(|at| f64::from(at + 1) / 100.0).collect();
        assert!((level(&fair, 0.9) - 0.9).abs() < 1e-9 && (level(&fair, 0.1) - 0.1).abs() < 1e-9);
        assert!((level(&[0.5; 19], 0.9) - 0.9).abs() < 1e-9, "too few to learn from");
    }
}
