//! Weights that were fitted to many open histories, for a repository whose own past is too short.
//!
//! `cargo xtask eval --train REPOSITORY…` writes them, with the repositories and commits that they
//! were fitted to; how they do on repositories that nothing was fitted to is in
//! `docs/evaluation.md`. Whoever has a past of its own goes on from them with
//! [`Logistic::fit_near`].

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::logistic::Logistic;
use crate::{co_change, commit_risk};

/// Raised whenever files would be misread.
pub const VERSION: u32 = 1;

/// Weights with where they are from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    pub version: u32,
    /// What a positive outcome is.
    pub outcome: String,
    pub features: Vec<String>,
    pub ridge: f64,
    pub fitted_to: Vec<Source>,
    pub model: Logistic,
    pub trial: Trial,
}

/// A history that was fitted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub repository: String,
    /// Its newest commit.
    pub commit: String,
    pub rows: usize,
    pub positives: usize,
}

/// How weights of the others did on each of the histories in turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The mean over the histories.
    pub auc: f64,
    /// The share of positives among all rows, each history weighing the same.
    pub base: f64,
    /// From this chance on a row was among the tenth rated highest,
    pub high: f64,
    /// and of those this share was positive.
    pub high_positive: f64,
}

impl Weights {
    /// Reads a file of weights; `None` where it is not of these features.
    pub fn read(text: &str, features: &[&str]) -> Option<Self> {
        let read: Self = serde_json::from_str(text).ok()?;
        let width = features.len();
        let model = &read.model;
        let fits = [&model.weights, &model.means, &model.deviations];
        let is_whole = fits.iter().all(|list| list.len() == width);
        (read.version == VERSION && read.features == features && is_whole).then_some(read)
    }
}

/// Those of [`commit_risk`]. `None` only where the program was built with a file that does not fit.
pub fn of_commit_risk() -> Option<&'static Weights> {
    static READ: OnceLock<Option<Weights>> = OnceLock::new();
    let read = || Weights::read(include_str!("weights/commit-risk.json"), &commit_risk::FEATURES);
    READ.get_or_init(read).as_ref()
}

/// Those of [`co_change`]. `None` only where the program was built with a file that does not fit.
pub fn of_co_change() -> Option<&'static Weights> {
    static READ: OnceLock<Option<Weights>> = OnceLock::new();
    let read = || Weights::read(include_str!("weights/co-change.json"), &co_change::FEATURES);
    READ.get_or_init(read).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_fits() {
        for weights in [of_commit_risk(), of_co_change()] {
            let weights = weights.expect("its features are today's");
            assert!(weights.fitted_to.len() >= 8, "{:?}", weights.fitted_to);
            let is_commit = |source: &Source| {
                source.commit.len() == 40 && source.repository.contains('/') && source.rows > 0
            };
            assert!(weights.fitted_to.iter().all(is_commit), "{:?}", weights.fitted_to);
            let Trial { auc, base, high_positive, .. } = weights.trial;
            assert!(auc > 0.65 && high_positive > base, "{:?}", weights.trial);
        }
        let other = include_str!("weights/commit-risk.json");
        assert_eq!(Weights::read(other, &co_change::FEATURES), None, "of other features");
        assert_eq!(Weights::read("{}", &co_change::FEATURES), None);
    }
}
