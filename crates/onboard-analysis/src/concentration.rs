//! How unevenly something is spread over those who have it.

/// Gini's coefficient: 0 where all have as much, towards 1 where one has it all. Of nothing, 0.
pub fn gini(amounts: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = amounts.iter().copied().filter(|amount| *amount >= 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let (count, total) = (sorted.len() as f64, sorted.iter().sum::<f64>());
    if total <= 0.0 {
        return 0.0;
    }
    let weighted: f64 =
        sorted.iter().enumerate().map(|(rank, amount)| (rank as f64 + 1.0) * amount).sum();
    2.0 * weighted / (count * total) - (count + 1.0) / count
}

#[cfg(test)]
mod tests {
    use super::gini;

    #[test]
    fn even_and_uneven() {
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found}");
        close(gini(&[]), 0.0);
        close(gini(&[0.0, 0.0]), 0.0);
        close(gini(&[3.0, 3.0, 3.0]), 0.0);
        close(gini(&[0.0, 0.0, 0.0, 8.0]), 0.75);
        close(gini(&[1.0, 2.0, 3.0]), 2.0 / 9.0);
    }
}
