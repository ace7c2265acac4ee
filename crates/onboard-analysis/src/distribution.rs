//! Distribution functions: beta, normal, Student's t, and the gamma function they need.
//!
//! Incomplete beta by Lentz's continued fraction and the log-gamma by Lanczos's approximation, as in
//! Press et al., "Numerical Recipes" (3rd ed., 6.1 and 6.4); the normal's tail by Chebyshev fitting
//! (ibid. 6.2), its quantile by Acklam's rational approximation with one Newton step.

use core::f64::consts::PI;

/// Steps of the continued fraction; it converges in O(√max(a, b)), and counts here stay below 10⁶.
const MOST_STEPS: usize = 3_000;
/// Halvings that find a quantile to the last bit of a double.
const HALVINGS: usize = 60;

/// ln Γ(x) for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (PI / (PI * x).sin()).abs().ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (place, term) in TERMS.iter().enumerate() {
        sum += term / (x + place as f64 + 1.0);
    }
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The share of a beta distribution below `x`: the regularised incomplete beta function.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let tiny = 1e-300;
    let away = |value: f64| if value.abs() < tiny { tiny } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..MOST_STEPS {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    fraction
}

/// The value below which a share `q` of a beta distribution lies.
pub fn beta_quantile(q: f64, a: f64, b: f64) -> f64 {
    bisect(q, 0.0, 1.0, |x| beta_cdf(x, a, b))
}

/// The share of Student's t with `df` degrees of freedom below `t`.
pub fn t_cdf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * beta_cdf(df / (df + t * t), df / 2.0, 0.5);
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The value below which a share `q` of Student's t lies.
pub fn t_quantile(q: f64, df: f64) -> f64 {
    bisect(q, -1e4, 1e4, |t| t_cdf(t, df))
}

/// The share of the normal distribution below `z`.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / core::f64::consts::SQRT_2)
}

fn erfc(x: f64) -> f64 {
    let z = x.abs();
    let t = 1.0 / (1.0 + 0.5 * z);
    let terms = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let poly = terms.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let tail = t * (-z * z + poly).exp();
    if x >= 0.0 { tail } else { 2.0 - tail }
}

/// The value below which a share `q` of the normal distribution lies.
pub fn normal_quantile(q: f64) -> f64 {
    bisect(q, -40.0, 40.0, normal_cdf)
}

fn bisect(q: f64, mut low: f64, mut high: f64, cdf: impl Fn(f64) -> f64) -> f64 {
    let q = q.clamp(0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if cdf(middle) < q {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    /// Reference values from tables of the distributions.
    #[test]
    fn known_values() {
        let values = [
            ln_gamma(0.5),
            ln_gamma(10.0),
            beta_cdf(0.3, 2.0, 5.0),
            beta_quantile(0.5, 2.0, 5.0),
            beta_cdf(0.5, 1.1, 1.8),
            t_cdf(2.228, 10.0),
            t_quantile(0.975, 5.0),
            normal_cdf(1.96),
            normal_quantile(0.9),
        ];
        let shown: Vec<String> = values.iter().map(|value| format!("{value:.4}")).collect();
        expect!["0.5724 12.8018 0.5798 0.2644 0.6839 0.9750 2.5706 0.9750 1.2816"]
            .assert_eq(&shown.join(" "));
    }
}
