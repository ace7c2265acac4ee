//! Samples and how they are shown: the median and the quartiles.

/// Samples in order.
#[derive(Clone, Debug)]
pub struct Spread(Vec<f64>);

impl Spread {
    /// Of at least one sample.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(mut samples: Vec<f64>) -> Result<Spread, String> {
        if samples.is_empty() {
            return Err("nothing was measured".into());
        }
        samples.sort_by(f64::total_cmp);
        Ok(Spread(samples))
    }

    /// The sample below which so many in a thousand are.
    pub fn permille(&self, permille: usize) -> f64 {
        self.0[(self.0.len() - 1) * permille / 1000]
    }

    pub fn median(&self) -> f64 {
        self.permille(500)
    }

    pub fn most(&self) -> f64 {
        self.permille(1000)
    }

    /// The median with the quartiles, or all there is when there are few.
    pub fn show(&self, unit: &str) -> String {
        let (low, high) = match self.0.len() {
            1 => return format!("{} {unit}", short(self.median())),
            0..=4 => (0, 1000),
            _ => (250, 750),
        };
        let [low, median, high] = [low, 500, high].map(|at| short(self.permille(at)));
        format!("{median} {unit} ({low} to {high})")
    }
}

/// A number with as many digits as mean something.
pub fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    fn check(samples: &[f64], expected: &str) {
        let shown = Spread::of(samples.to_vec()).map(|spread| spread.show("ms"));
        assert_eq!(shown.unwrap_or_else(|why| why), expected);
    }

    #[test]
    fn shown() {
        check(&[], "nothing was measured");
        check(&[1.234], "1.23 ms");
        check(&[3.0, 1.0, 2.0], "2.00 ms (1.00 to 3.00)");
        check(&[900.0, 10.5, 20.0, 0.5, 30.0], "20.0 ms (10.5 to 30.0)");
    }
}
