//! Logistic regression with a ridge, by iteratively re-weighted least squares.
//!
//! Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning" (2nd ed.), 4.4.1 and
//! 3.4.1. Features are standardised inside; the intercept is not held back.

use serde::{Deserialize, Serialize};

/// Newton's steps; with halving it converges in about ten.
const MOST_STEPS: usize = 40;
/// Halvings of one step; a step that is no gain then is at the optimum, to rounding.
const MOST_HALVINGS: usize = 30;
/// A step smaller than this changes no probability that anybody reads.
const SMALL: f64 = 1e-8;

/// A fitted model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    pub intercept: f64,
    /// Per standard deviation of a feature.
    pub weights: Vec<f64>,
    pub means: Vec<f64>,
    /// 0 for a feature that never varied; it has no say.
    pub deviations: Vec<f64>,
}

/// What the coefficients are held to, and how hard.
struct Pull<'a> {
    /// Without it the weights are held to 0, and the intercept to nothing.
    prior: Option<&'a Logistic>,
    ridge: f64,
}

impl Pull<'_> {
    /// How hard the coefficient at this place (the intercept's is 0) is held, and how far it is
    /// from where it is held to.
    fn on(&self, model: &Logistic, place: usize) -> (f64, f64) {
        match (place.checked_sub(1), self.prior) {
            (None, None) => (0.0, 0.0),
            (None, Some(prior)) => (self.ridge, model.intercept - prior.intercept),
            (Some(at), prior) => {
                let centre = prior.and_then(|prior| prior.weights.get(at)).copied();
                (self.ridge, model.weights[at] - centre.unwrap_or(0.0))
            }
        }
    }
}

impl Logistic {
    /// Fits to rows of features and their outcomes; `None` where the outcomes are all alike, rows
    /// differ in length, the system has no solution, or the steps do not come to rest.
    pub fn fit(rows: &[Vec<f64>], outcomes: &[bool], ridge: f64) -> Option<Self> {
        let width = rows.first()?.len();
        let positives = outcomes.iter().filter(|outcome| **outcome).count();
        if !is_even(rows, outcomes, width) || positives == 0 || positives == outcomes.len() {
            return None;
        }
        let (means, deviations) = moments(rows, width);
        let rate = positives as f64 / outcomes.len() as f64;
        let intercept = (rate / (1.0 - rate)).ln();
        let start = Self { intercept, weights: vec![0.0; width], means, deviations };
        start.climbed(rows, outcomes, &Pull { prior: None, ridge })
    }

    /// Fits as [`Self::fit`] does, holding every coefficient to those of a model that was fitted
    /// elsewhere instead of to 0: the maximum a posteriori under a normal prior around that model.
    /// Without rows it is that model; the more rows, the more it is their own. `None` where rows
    /// are not of the model's width, or the steps do not come to rest.
    pub fn fit_near(
        prior: &Self,
        rows: &[Vec<f64>],
        outcomes: &[bool],
        ridge: f64,
    ) -> Option<Self> {
        if !is_even(rows, outcomes, prior.weights.len()) {
            return None;
        }
        prior.clone().climbed(rows, outcomes, &Pull { prior: Some(prior), ridge })
    }

    /// Newton's steps from here to the optimum.
    fn climbed(self, rows: &[Vec<f64>], outcomes: &[bool], pull: &Pull<'_>) -> Option<Self> {
        let mut model = self;
        let scaled: Vec<Vec<f64>> = rows.iter().map(|row| model.scaled(row)).collect();
        let mut fits = model.log_likelihood(&scaled, outcomes, pull);
        for _ in 0..MOST_STEPS {
            let mut step = model.step(&scaled, outcomes, pull)?;
            // Where outcomes are rare a whole step leads far beyond the optimum, and the next
            // further still: half of it is tried, and half of that, until it is a gain.
            let gain = (0..MOST_HALVINGS).find_map(|_| {
                let moved = model.moved(&step);
                let likelihood = moved.log_likelihood(&scaled, outcomes, pull);
                step.iter_mut().for_each(|change| *change /= 2.0);
                (likelihood >= fits).then_some((moved, likelihood))
            });
            let Some((moved, likelihood)) = gain else { return Some(model) };
            // What was taken is twice what is left of the step.
            let is_small = step.iter().all(|change| change.abs() * 2.0 < SMALL);
            (model, fits) = (moved, likelihood);
            if is_small {
                return Some(model);
            }
        }
        None
    }

    fn moved(&self, step: &[f64]) -> Self {
        let weights = self.weights.iter().zip(&step[1..]).map(|(weight, change)| weight + change);
        Self { intercept: self.intercept + step[0], weights: weights.collect(), ..self.clone() }
    }

    /// What the fit makes as large as it can: how likely the outcomes are, less the pull.
    fn log_likelihood(&self, rows: &[Vec<f64>], outcomes: &[bool], pull: &Pull<'_>) -> f64 {
        let of_row = |(row, outcome): (&Vec<f64>, &bool)| {
            let sum: f64 =
                row.iter().zip(&self.weights).map(|(value, weight)| value * weight).sum();
            let odds = if *outcome { self.intercept + sum } else { -self.intercept - sum };
            // ln(sigmoid(odds)), without losing small ones.
            odds.min(0.0) - (-odds.abs()).exp().ln_1p()
        };
        let likely: f64 = rows.iter().zip(outcomes).map(of_row).sum();
        let held = (0..=self.weights.len()).map(|place| pull.on(self, place));
        likely - held.map(|(ridge, far)| ridge * far * far / 2.0).sum::<f64>()
    }

    /// The probability of a row.
    pub fn probability(&self, row: &[f64]) -> f64 {
        let parts = self.contributions(row).into_iter().sum::<f64>();
        sigmoid(self.intercept + parts)
    }

    /// What each feature adds to the log-odds of a row, compared with an average one.
    pub fn contributions(&self, row: &[f64]) -> Vec<f64> {
        self.scaled(row).iter().zip(&self.weights).map(|(value, weight)| value * weight).collect()
    }

    fn scaled(&self, row: &[f64]) -> Vec<f64> {
        let scale = |((value, mean), deviation): ((&f64, &f64), &f64)| {
            if *deviation > 0.0 { (value - mean) / deviation } else { 0.0 }
        };
        row.iter().zip(&self.means).zip(&self.deviations).map(scale).collect()
    }

    /// One of Newton's steps: the intercept's, then the weights'.
    fn step(&self, rows: &[Vec<f64>], outcomes: &[bool], pull: &Pull<'_>) -> Option<Vec<f64>> {
        let size = self.weights.len() + 1;
        let mut gradient = vec![0.0; size];
        let mut hessian = vec![vec![0.0; size]; size];
        for (row, outcome) in rows.iter().zip(outcomes) {
            let sum: f64 =
                row.iter().zip(&self.weights).map(|(value, weight)| value * weight).sum();
            let p = sigmoid(self.intercept + sum);
            let (error, weight) = (f64::from(*outcome) - p, (p * (1.0 - p)).max(1e-10));
            let at = |place: usize| if place == 0 { 1.0 } else { row[place - 1] };
            for i in 0..size {
                gradient[i] += error * at(i);
                for (j, cell) in hessian[i][..=i].iter_mut().enumerate() {
                    *cell += weight * at(i) * at(j);
                }
            }
        }
        for i in 0..size {
            let (ridge, far) = pull.on(self, i);
            gradient[i] -= ridge * far;
            hessian[i][i] += ridge;
        }
        solve(hessian, gradient)
    }
}

/// The probability of these log-odds.
pub fn sigmoid(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

fn is_even(rows: &[Vec<f64>], outcomes: &[bool], width: usize) -> bool {
    rows.len() == outcomes.len() && rows.iter().all(|row| row.len() == width)
}

fn moments(rows: &[Vec<f64>], width: usize) -> (Vec<f64>, Vec<f64>) {
    let count = rows.len() as f64;
    let mean = |at: usize| rows.iter().map(|row| row[at]).sum::<f64>() / count;
    let means: Vec<f64> = (0..width).map(mean).collect();
    let deviation = |at: usize| {
        let squares = rows.iter().map(|row| (row[at] - means[at]).powi(2)).sum::<f64>();
        let deviation = (squares / count).sqrt();
        if deviation > 1e-12 { deviation } else { 0.0 }
    };
    let deviations = (0..width).map(deviation).collect();
    (means, deviations)
}

/// Solves a symmetric positive system, given by its lower triangle, by Cholesky's decomposition.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let size = b.len();
    for i in 0..size {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            let rest = a[i][j] - sum;
            if i != j {
                a[i][j] = rest / a[j][j];
            } else if rest > 0.0 {
                a[i][i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    for i in 0..size {
        let sum: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i][i];
    }
    for i in (0..size).rev() {
        let sum: f64 = (i + 1..size).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i][i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;

    #[test]
    fn planted_weights_are_found() {
        let mut draw = Draw::new(7);
        let rows: Vec<Vec<f64>> =
            (0..4_000).map(|_| vec![draw.normal(), 3.0 + 2.0 * draw.normal(), 5.0]).collect();
        let outcomes: Vec<bool> = rows
            .iter()
            .map(|row| draw.unit() < sigmoid(-0.5 + 1.5 * row[0] - 0.4 * (row[1] - 3.0)))
            .collect();
        let model = Logistic::fit(&rows, &outcomes, 1e-3).expect("a fit");
        let per_unit =
            [model.weights[0] / model.deviations[0], model.weights[1] / model.deviations[1]];
        assert!((per_unit[0] - 1.5).abs() < 0.15, "{per_unit:?}");
        assert!((per_unit[1] + 0.4).abs() < 0.06, "{per_unit:?}");
        assert_eq!((model.weights[2], model.deviations[2]), (0.0, 0.0));
        let mean: f64 = rows.iter().map(|row| model.probability(row)).sum::<f64>() / 4_000.0;
        let rate = outcomes.iter().filter(|outcome| **outcome).count() as f64 / 4_000.0;
        assert!((mean - rate).abs() < 1e-6, "{mean} {rate}");
    }

    /// Rare outcomes and features with long tails that say nearly the same: a whole first step goes
    /// too far.
    #[test]
    fn rare_outcomes_are_fitted() {
        let mut draw = Draw::new(3);
        let mut row = || {
            let far = draw.normal().exp().powi(2);
            vec![far, far + 0.1 * draw.normal(), draw.normal()]
        };
        let rows: Vec<Vec<f64>> = (0..6_000).map(|_| row()).collect();
        let chance = |row: &Vec<f64>| sigmoid(-5.0 + 0.4 * row[0].min(8.0) + 0.5 * row[2]);
        let outcomes: Vec<bool> = rows.iter().map(|row| draw.unit() < chance(row)).collect();
        let model = Logistic::fit(&rows, &outcomes, 1.0).expect("a fit");
        let rate = outcomes.iter().filter(|outcome| **outcome).count() as f64 / 6_000.0;
        let mean = rows.iter().map(|row| model.probability(row)).sum::<f64>() / 6_000.0;
        assert!(rate < 0.1 && (mean - rate).abs() < 1e-6, "{mean} {rate}");
        assert!(model.weights.iter().all(|weight| weight.abs() < 10.0), "{:?}", model.weights);
    }

    /// With no rows of its own a fit is what it is held to, with many it is theirs.
    #[test]
    fn a_fit_near_another_goes_over_to_its_own_rows() {
        let mut draw = Draw::new(11);
        let rows: Vec<Vec<f64>> = (0..20_000).map(|_| vec![draw.normal()]).collect();
        let chance = |row: &Vec<f64>| sigmoid(-1.0 + 2.0 * row[0]);
        let outcomes: Vec<bool> = rows.iter().map(|row| draw.unit() < chance(row)).collect();
        let prior = Logistic {
            intercept: 1.0,
            weights: vec![-1.0],
            means: vec![0.0],
            deviations: vec![1.0],
        };
        let near = |count: usize| {
            let fit = Logistic::fit_near(&prior, &rows[..count], &outcomes[..count], 20.0);
            let fit = fit.expect("a fit");
            (fit.intercept, fit.weights[0])
        };
        assert_eq!(near(0), (1.0, -1.0));
        let (few, some, many) = (near(30), near(300), near(20_000));
        assert!(-1.0 < few.1 && few.1 < some.1 && some.1 < many.1, "{few:?} {some:?} {many:?}");
        assert!((many.0 + 1.0).abs() < 0.2 && (many.1 - 2.0).abs() < 0.2, "{many:?}");
        assert_eq!(Logistic::fit_near(&prior, &[vec![1.0, 2.0]], &[true], 20.0), None);
    }

    #[test]
    fn what_cannot_be_fitted() {
        assert_eq!(Logistic::fit(&[], &[], 1.0), None);
        assert_eq!(Logistic::fit(&[vec![1.0], vec![2.0]], &[true, true], 1.0), None);
        let apart =
            Logistic::fit(&[vec![1.0], vec![2.0]], &[false, true], 1.0).expect("a ridge holds it");
        assert!(apart.probability(&[2.0]) > 0.5 && apart.probability(&[2.0]) < 0.9);
    }
}
