//! Order statistics of small samples.

/// The value below which a share `q` (0 to 1) of the sample lies, interpolated; `None` of nothing.
pub fn quantile(sample: &[f64], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = sample.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    Some(sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64))
}

/// The middle of the sample.
pub fn median(sample: &[f64]) -> Option<f64> {
    quantile(sample, 0.5)
}

/// A spread that a few wild values do not move: 1.4826 × the median absolute deviation, which
/// equals the standard deviation where the sample is normal.
pub fn robust_sigma(sample: &[f64]) -> Option<f64> {
    let centre = median(sample)?;
    let deviations: Vec<f64> = sample.iter().map(|value| (value - centre).abs()).collect();
    median(&deviations).map(|mad| 1.4826 * mad)
}

/// Mid-ranks of the sample, 1-based; equal values share the mean of their ranks.
pub fn ranks(sample: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..sample.len()).collect();
    order.sort_by(|&a, &b| sample[a].total_cmp(&sample[b]));
    let mut ranks = vec![0.0; sample.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start;
        while end + 1 < order.len() && sample[order[end + 1]] == sample[order[start]] {
            end += 1;
        }
        let shared = (start + end) as f64 / 2.0 + 1.0;
        for &index in &order[start..=end] {
            ranks[index] = shared;
        }
        start = end + 1;
    }
    ranks
}
