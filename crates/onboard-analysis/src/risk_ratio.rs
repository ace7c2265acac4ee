//! How much more often something happens under one condition than without it, at equal circumstances.
//!
//! Mantel and Haenszel's pooled risk ratio over strata ("Statistical aspects of the analysis of data
//! from retrospective studies of disease", 1959), with the interval of Greenland and Robins
//! ("Estimation of a common effect parameter from sparse follow-up data", 1985).

use crate::distribution::normal_quantile;

/// Counts of one stratum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stratum {
    /// Under the condition: how often it happened, and of how many.
    pub with: (u32, u32),
    /// Without it.
    pub without: (u32, u32),
}

/// A ratio of risks and the interval that holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskRatio {
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
}

impl RiskRatio {
    /// Whether the interval leaves out that there is no difference.
    pub fn differs(&self) -> bool {
        self.low > 1.0 || self.high < 1.0
    }
}

/// The pooled ratio with its interval of this share; `None` where it never happened on one side.
pub fn pooled(strata: &[Stratum], share: f64) -> Option<RiskRatio> {
    let (mut over, mut under, mut spread) = (0.0, 0.0, 0.0);
    for stratum in strata {
        let [a, n1, c, n0] =
            [stratum.with.0, stratum.with.1, stratum.without.0, stratum.without.1].map(f64::from);
        let total = n1 + n0;
        // A stratum without one of the sides compares nothing.
        if n1 == 0.0 || n0 == 0.0 {
            continue;
        }
        over += a * n0 / total;
        under += c * n1 / total;
        spread += ((a + c) * n1 * n0 - a * c * total) / (total * total);
    }
    if over <= 0.0 || under <= 0.0 {
        return None;
    }
    let ratio = over / under;
    let reach = normal_quantile(0.5 + share / 2.0) * (spread / (over * under)).max(0.0).sqrt();
    Some(RiskRatio { ratio, low: ratio * (-reach).exp(), high: ratio * reach.exp() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(strata: &[[u32; 4]], expected: Expect) {
        let strata: Vec<Stratum> = strata
            .iter()
            .map(|[a, n1, c, n0]| Stratum { with: (*a, *n1), without: (*c, *n0) })
            .collect();
        let text = pooled(&strata, 0.95).map_or("nothing to compare".to_owned(), |found| {
            let RiskRatio { ratio, low, high } = found;
            format!("{ratio:.2} ({low:.2} to {high:.2}) differs: {}", found.differs())
        });
        expected.assert_eq(&text);
    }

    #[test]
    fn ratios_by_hand() {
        // One stratum: (30/100) / (15/100), and Katz's interval of its logarithm.
        check(&[[30, 100, 15, 100]], expect!["2.00 (1.15 to 3.48) differs: true"]);
        // Large changes are fixed more often and have tests more often: together it looks as if
        // tests did harm, at equal size they do not.
        check(&[[2, 20, 20, 200], [40, 100, 8, 20]], expect!["1.00 (0.58 to 1.73) differs: false"]);
        check(&[[42, 120, 28, 220]], expect!["2.75 (1.80 to 4.20) differs: true"]);
        check(&[[5, 10, 0, 10]], expect!["nothing to compare"]);
        check(&[[5, 10, 0, 0]], expect!["nothing to compare"]);
    }
}
