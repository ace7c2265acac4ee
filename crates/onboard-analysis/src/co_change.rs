//! Which files change together: what else a change of this one usually needs.
//!
//! Counts of pairs, kept commit by commit; candidates ranked by a logistic model over eleven
//! features (confidence both ways, recency, popularity, same stem and folder …) that is fitted to
//! earlier commits. Association rules as in Zimmermann et al., "Mining
//! version histories to guide software changes" (ICSE 2004) are the baseline it is measured by.

use std::collections::{BTreeMap, HashMap};

use crate::hotspot::Decayed;
use crate::logistic::Logistic;
use crate::path::{Class, class, file_name};

/// A commit over more code files than this says nothing about pairs.
pub const MOST_FILES: usize = 15;
/// Files kept; a project has rarely more than this many that still change.
const MOST_KEPT: usize = 200_000;
/// Partners kept of one file: the ones seen least are dropped.
const MOST_PARTNERS: usize = 256;
/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// The features, in the order of the model's weights.
pub const FEATURES: [&str; 11] = [
    "confidence",
    "decayed confidence",
    "reverse confidence",
    "support",
    "popularity",
    "recency of the file",
    "recency of the pair",
    "same stem",
    "same folder",
    "same top folder",
    "code and its test",
];

#[derive(Clone, Debug, Default)]
struct File {
    path: String,
    revisions: u32,
    decayed: Decayed,
    last_ms: i64,
    /// By the other's key.
    partners: BTreeMap<u64, Pair>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    count: u32,
    decayed: Decayed,
    last_ms: i64,
}

/// What is known of files that change together.
#[derive(Clone, Debug, Default)]
pub struct CoChange {
    files: HashMap<u64, File>,
    /// Files of a folder, the other source of candidates.
    folders: HashMap<String, Vec<u64>>,
}

/// A file that probably belongs into the change.
#[derive(Clone, Debug, PartialEq)]
pub struct Partner {
    pub key: u64,
    pub path: String,
    /// Changes of the file that came with the other, and of the file at all.
    pub together: u32,
    pub of: u32,
    pub features: [f64; FEATURES.len()],
}

impl Partner {
    /// The share of the file's changes that came with this one.
    pub fn confidence(&self) -> f64 {
        f64::from(self.together) / f64::from(self.of.max(1))
    }
}

/// A file that came with another one often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Companion {
    pub key: u64,
    /// Changes of the file that came with this one, and of the file at all.
    pub together: u32,
    pub of: u32,
    /// The same, each change half as much after half a year.
    pub decayed: f64,
    pub decayed_of: f64,
}

impl Companion {
    /// The share of the file's changes that came with this one.
    pub fn confidence(&self) -> f64 {
        f64::from(self.together) / f64::from(self.of.max(1))
    }

    /// The same of late.
    pub fn decayed_confidence(&self) -> f64 {
        if self.decayed_of > 0.0 { (self.decayed / self.decayed_of).min(1.0) } else { 0.0 }
    }
}

impl CoChange {
    /// Files that came with this one at least so often, the most confident first.
    pub fn companions(&self, key: u64, least: u32, now_ms: i64) -> Vec<Companion> {
        let Some(file) = self.files.get(&key) else { return Vec::new() };
        let often = file.partners.iter().filter(|(_, pair)| pair.count >= least);
        let companion = |(key, pair): (&u64, &Pair)| Companion {
            key: *key,
            together: pair.count,
            of: file.revisions,
            decayed: pair.decayed.at(now_ms),
            decayed_of: file.decayed.at(now_ms),
        };
        let mut companions: Vec<Companion> = often.map(companion).collect();
        companions
            .sort_by(|a, b| b.confidence().total_cmp(&a.confidence()).then(a.key.cmp(&b.key)));
        companions
    }

    /// As [`Self::companions`], each with the chance that it belongs into a change of this file
    /// now, the likeliest first.
    pub fn rated(
        &self,
        key: u64,
        least: u32,
        now_ms: i64,
        model: &Logistic,
    ) -> Vec<(f64, Companion)> {
        let Some(file) = self.files.get(&key) else { return Vec::new() };
        let companions = self.companions(key, least, now_ms).into_iter();
        let chance = |other| Some(model.probability(&self.partner(file, other, now_ms)?.features));
        let mut rated: Vec<(f64, Companion)> =
            companions.filter_map(|one| Some((chance(one.key)?, one))).collect();
        // Stable: of equal ones the more confident stays first.
        rated.sort_by(|a, b| b.0.total_cmp(&a.0));
        rated
    }

    /// Every file that changed.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.files.keys().copied()
    }

    /// Counts one commit's code and test files: keys and paths.
    pub fn fold(&mut self, at_ms: i64, changed: &[(u64, &str)]) {
        if changed.is_empty() || changed.len() > MOST_FILES {
            return;
        }
        for (key, path) in changed {
            if self.files.len() >= MOST_KEPT && !self.files.contains_key(key) {
                continue;
            }
            if !self.files.contains_key(key) {
                self.folders.entry(folder(path).to_owned()).or_default().push(*key);
            }
            let file = self.files.entry(*key).or_default();
            if file.path.is_empty() {
                (*path).clone_into(&mut file.path);
            }
            file.revisions += 1;
            file.decayed.add(at_ms);
            file.last_ms = file.last_ms.max(at_ms);
            for (other, _) in changed.iter().filter(|(other, _)| other != key) {
                let pair = file.partners.entry(*other).or_default();
                pair.count += 1;
                pair.decayed.add(at_ms);
                pair.last_ms = pair.last_ms.max(at_ms);
            }
            drop_rarest(&mut file.partners);
        }
    }

    /// Every file that may belong to a change of this one, unordered.
    pub fn candidates(&self, key: u64, now_ms: i64) -> Vec<Partner> {
        let Some(file) = self.files.get(&key) else { return Vec::new() };
        let beside = self.folders.get(folder(&file.path)).into_iter().flatten();
        let mut keys: Vec<u64> = file.partners.keys().chain(beside).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        let known = keys.into_iter().filter(|other| *other != key);
        known.filter_map(|other| self.partner(file, other, now_ms)).collect()
    }

    /// Candidates with their probabilities, the likeliest first.
    pub fn ranked(&self, key: u64, now_ms: i64, model: &Logistic) -> Vec<(f64, Partner)> {
        let candidates = self.candidates(key, now_ms).into_iter();
        let mut ranked: Vec<(f64, Partner)> =
            candidates.map(|one| (model.probability(&one.features), one)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.path.cmp(&b.1.path)));
        ranked
    }

    fn partner(&self, file: &File, other_key: u64, now_ms: i64) -> Option<Partner> {
        let other = self.files.get(&other_key)?;
        let pair = file.partners.get(&other_key).copied().unwrap_or_default();
        let days = |then: i64| (now_ms.saturating_sub(then).max(0) as f64 / DAY_MS).ln_1p();
        let share = |part: f64, whole: f64| if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 };
        let flag = f64::from;
        let (stem_a, stem_b) = (stem(&file.path), stem(&other.path));
        let is_test = |path: &str| class(path) == Class::Test;
        let pair_days = if pair.count > 0 { days(pair.last_ms) } else { days(0) };
        let features = [
            share(f64::from(pair.count), f64::from(file.revisions)),
            share(pair.decayed.at(now_ms), file.decayed.at(now_ms)),
            share(f64::from(pair.count), f64::from(other.revisions)),
            f64::from(pair.count).ln_1p(),
            f64::from(other.revisions).ln_1p(),
            days(other.last_ms),
            pair_days,
            flag(stem_a == stem_b),
            flag(folder(&file.path) == folder(&other.path)),
            flag(top(&file.path) == top(&other.path)),
            flag(is_test(&file.path) != is_test(&other.path)),
        ];
        let (together, of) = (pair.count, file.revisions);
        Some(Partner { key: other_key, path: other.path.clone(), together, of, features })
    }
}

fn drop_rarest(partners: &mut BTreeMap<u64, Pair>) {
    while partners.len() > MOST_PARTNERS {
        let rarest = partners.iter().min_by_key(|(_, pair)| (pair.count, pair.last_ms));
        if let Some(key) = rarest.map(|(key, _)| *key) {
            partners.remove(&key);
        }
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn top(path: &str) -> &str {
    path.split_once('/').map_or("", |(top, _)| top)
}

/// A file's name without what marks it as a test, and without its extensions.
fn stem(path: &str) -> String {
    let name = file_name(path).to_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_start_matches("test_");
    stem.trim_end_matches("_test").trim_end_matches("test").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_together_before() {
        let mut counts = CoChange::default();
        let day = |day: i64| day * 86_400_000;
        for number in 0..10 {
            counts.fold(day(number), &[(1, "src/a.rs"), (2, "tests/a_test.rs")]);
            counts.fold(day(number), &[(1, "src/a.rs"), (3 + number as u64, "src/x.rs")]);
        }
        counts.fold(day(11), &(0..20).map(|key| (key, "src/sweep.rs")).collect::<Vec<_>>());
        let mut model = Logistic {
            intercept: -3.0,
            weights: vec![0.0; FEATURES.len()],
            means: vec![0.0; FEATURES.len()],
            deviations: vec![1.0; FEATURES.len()],
        };
        model.weights[0] = 4.0;
        let ranked = counts.ranked(1, day(12), &model);
        assert_eq!((ranked[0].1.path.as_str(), ranked[0].1.together), ("tests/a_test.rs", 10));
        assert!((ranked[0].1.confidence() - 0.5).abs() < 1e-9);
        assert!(ranked[0].0 > ranked[1].0);
        assert!(counts.candidates(99, 0).is_empty());
        let rated = counts.rated(1, 3, day(12), &model);
        assert_eq!(rated.iter().map(|(_, one)| one.key).collect::<Vec<_>>(), [2]);
        assert!((rated[0].0 - ranked[0].0).abs() < 1e-9, "{rated:?}");
        let companions = counts.companions(1, 3, day(12));
        assert_eq!(companions.iter().map(|one| one.key).collect::<Vec<_>>(), [2]);
        assert!((companions[0].confidence() - 0.5).abs() < 1e-9);
        assert!((companions[0].decayed_confidence() - 0.5).abs() < 0.01);
    }
}
