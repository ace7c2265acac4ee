//! Which of the newest commits will need a fix.
//!
//! The weights begin as those of [many open histories](onboard_analysis::weights) and become this
//! repository's own as its past grows. Where that is long enough, they are tried on its later part;
//! where it is not, how they did on histories that they were not fitted to has to do.

use onboard_analysis::accuracy::{auc, brier};
use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::commit_risk::{FEATURES, RiskHistory, judge};
use onboard_analysis::facts::History;
use onboard_analysis::follow_up::{MOST_FILES, WITHIN_MS, as_read, code_files, fixes};
use onboard_analysis::logistic::Logistic;
use onboard_analysis::statistics::{median, quantile};
use onboard_analysis::weights::{self, Weights};

/// Commits that are learned from: the latest, up to three years back.
const LEARNED_MS: i64 = 3 * 365 * DAY_MS;
const MOST_LEARNED: usize = 6_000;
/// The part of them, the latest, on which the model is tried; and the part before it, on which it is
/// chosen how high is risky.
const TRIED: f64 = 0.3;
const CHOSEN_ON: f64 = 0.2;
/// With fewer commits of either kind there are too few to learn from and to be tried on; with fewer
/// among the tried ones the trial says nothing.
const LEAST_OF_KIND: usize = 40;
const LEAST_TRIED: usize = 10;
/// With fewer commits no file has a past, which is half of what a commit is judged by.
const LEAST_COMMITS: usize = 30;
/// A model that orders no better than this is not shown to people.
const LEAST_AUC: f64 = 0.65;
/// Commits count as risky where a fix is more likely than not; where that says too little, the
/// riskiest of so many.
const CUTS: [Cut; 3] = [Cut::Chance(0.5), Cut::Share(0.1), Cut::Share(0.05)];
/// They must have been followed by a fix this many times as often as all.
const LEAST_LIFT: f64 = 2.0;
/// How hard the fit is held to the shipped weights: like some hundred commits of which one in five
/// was fixed. Chosen on the repositories that those are fitted to.
const RIDGE: f64 = 30.0;
/// What adds less to the log-odds than this is no reason: a third more likely.
const LEAST_PART: f64 = 0.3;

/// What makes a commit risky.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Chance(f64),
    Share(f64),
}

impl Cut {
    /// From which of these chances on commits are risky.
    fn threshold(self, chances: &[f64]) -> f64 {
        match self {
            Self::Chance(least) => least,
            Self::Share(share) => quantile(chances, 1.0 - share).unwrap_or(1.0),
        }
    }
}

/// A commit that changes code.
#[derive(Clone, Debug)]
pub struct Row {
    /// In [`History::commits`].
    pub place: usize,
    pub at_ms: i64,
    features: [f64; FEATURES.len()],
    /// When a fix followed.
    pub fixed_ms: Option<i64>,
    pub chance: f64,
}

/// How the model did on commits that it had not seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    pub learned: usize,
    pub tried: usize,
    /// The share of tried commits that a fix followed.
    pub base: f64,
    pub auc: f64,
    pub brier: f64,
    pub brier_of_base: f64,
    /// Tried commits rated as high as the riskiest, and how many of them a fix followed.
    pub risky: usize,
    pub risky_fixed: usize,
    /// Whether that is so much more often than all that it pays to say so.
    pub warns: bool,
}

/// What speaks for a model.
#[derive(Clone, Copy, Debug)]
pub enum Proof {
    /// It was tried on this repository.
    Here(Trial),
    /// This repository's past is too short for that.
    Elsewhere {
        /// Commits whose time for a fix is over, and those of them that were fixed.
        settled: usize,
        fixed: usize,
        weights: &'static Weights,
    },
}

impl Proof {
    /// Whether those rated highest needed a fix so much more often than all that it pays to say so.
    pub fn warns(&self) -> bool {
        match self {
            Self::Here(trial) => trial.warns,
            Self::Elsewhere { weights, .. } => {
                weights.trial.high_positive >= LEAST_LIFT * weights.trial.base
            }
        }
    }

    /// The share of commits that a fix follows, where it was tried.
    pub fn base(&self) -> f64 {
        match self {
            Self::Here(trial) => trial.base,
            Self::Elsewhere { weights, .. } => weights.trial.base,
        }
    }

    /// On what it was tried, and what came of those that it rated as high as the riskiest.
    pub fn words(&self) -> String {
        match self {
            Self::Here(trial) => format!(
                "Tried on {} commits of this project that it had not seen: of {} rated as high {} were \
                 followed by such a fix, of all {:.0} %.",
                trial.tried,
                trial.risky,
                trial.risky_fixed,
                trial.base * 100.0
            ),
            Self::Elsewhere { settled, fixed, weights } => format!(
                "This project's past is too short to try it on: {fixed} of {settled} commits were \
                 followed by such a fix. Tried on each of {} other projects with what the rest taught: \
                 of commits rated as high {:.0} % were followed by one, of all {:.0} %.",
                weights.fitted_to.len(),
                weights.trial.high_positive * 100.0,
                weights.trial.base * 100.0
            ),
        }
    }
}

/// A model that was tried and found fit.
#[derive(Clone, Debug)]
pub struct Model {
    logistic: Logistic,
    pub proof: Proof,
    /// From this chance on a commit is among the riskiest.
    pub threshold: f64,
    usual: Vec<f64>,
    /// How long fixes took to come, ascending.
    delays_ms: Vec<i64>,
}

/// Commits that change code, in the order of history, judged where a model is fit for it; else why
/// none is.
#[derive(Debug)]
pub struct Risks {
    pub rows: Vec<Row>,
    pub model: Result<Model, String>,
}

/// Learns from commits whose time for a fix is over, and judges all.
pub fn risks(history: &History, now_ms: i64) -> Risks {
    risks_of_new(history, history.commits.len(), now_ms)
}

/// As [`risks`]; commits from this place on are judged and not learned from.
pub fn risks_of_new(history: &History, first_new: usize, now_ms: i64) -> Risks {
    let mut rows = rows(history, now_ms);
    let learned = rows.partition_point(|row| row.place < first_new);
    let mut by_time: Vec<&Row> = rows[..learned].iter().collect();
    by_time.sort_by_key(|row| row.at_ms);
    let model = model(&by_time, now_ms);
    if let Ok(model) = &model {
        for row in &mut rows {
            row.chance = model.logistic.probability(&row.features);
        }
    }
    Risks { rows, model }
}

fn rows(history: &History, now_ms: i64) -> Vec<Row> {
    let followed = fixes(history);
    let mut past = RiskHistory::default();
    let mut rows = Vec::new();
    for (place, commit) in history.commits.iter().enumerate() {
        let facts = as_read(history, commit);
        let is_one_change = !commit.merge && code_files(history, commit) <= MOST_FILES;
        let features = is_one_change.then(|| past.features(&facts)).flatten();
        let is_learned = commit.committed_ms >= now_ms - LEARNED_MS - WITHIN_MS;
        if let Some(features) = features.filter(|_| is_learned) {
            let fixed_ms = followed[place].map(|fix| history.commits[fix].committed_ms.min(now_ms));
            let at_ms = commit.committed_ms.min(now_ms);
            rows.push(Row { place, at_ms, features, fixed_ms, chance: 0.0 });
        }
        past.fold(&facts);
    }
    rows
}

fn model(rows: &[&Row], now_ms: i64) -> Result<Model, String> {
    let settled: Vec<&Row> =
        rows.iter().filter(|row| row.at_ms + WITHIN_MS <= now_ms).copied().collect();
    let settled = &settled[settled.len().saturating_sub(MOST_LEARNED)..];
    let fixed = fixed(settled);
    let is_short = fixed.min(settled.len() - fixed) < LEAST_OF_KIND;
    let shipped = weights::of_commit_risk();
    let (proof, cut) = match shipped {
        Some(weights) if is_short && rows.len() >= LEAST_COMMITS => {
            let settled = settled.len();
            (Proof::Elsewhere { settled, fixed, weights }, Cut::Chance(weights.trial.high))
        }
        _ if is_short => {
            return Err(format!(
                "of {} commits of the last three years {fixed} were followed by a fix of what they \
                 changed; that is too few to learn from",
                settled.len()
            ));
        }
        _ => tried(settled).map(|(trial, cut)| (Proof::Here(trial), cut))?,
    };
    let logistic = fit(settled).ok_or("no model fits this history".to_owned())?;
    let threshold = cut.threshold(&chances(&logistic, settled));
    let usual = |place: usize| {
        let values: Vec<f64> = rows.iter().map(|row| row.features[place]).collect();
        median(&values).unwrap_or_default()
    };
    let usual = (0..FEATURES.len()).map(usual).collect();
    let delay = |row: &&Row| row.fixed_ms.map(|fixed_ms| fixed_ms.saturating_sub(row.at_ms));
    let mut delays_ms: Vec<i64> = settled.iter().filter_map(delay).collect();
    delays_ms.sort_unstable();
    Ok(Model { logistic, proof, threshold, usual, delays_ms })
}

/// The shipped weights, gone on from with these commits.
fn fit(rows: &[&Row]) -> Option<Logistic> {
    let features: Vec<Vec<f64>> = rows.iter().map(|row| row.features.to_vec()).collect();
    let fixed: Vec<bool> = rows.iter().map(|row| row.fixed_ms.is_some()).collect();
    Logistic::fit_near(&weights::of_commit_risk()?.model, &features, &fixed, RIDGE)
}

fn chances(model: &Logistic, rows: &[&Row]) -> Vec<f64> {
    rows.iter().map(|row| model.probability(&row.features)).collect()
}

fn fixed(rows: &[&Row]) -> usize {
    rows.iter().filter(|row| row.fixed_ms.is_some()).count()
}

/// Of these, what was known when the first of `later` came.
fn known_by<'a>(rows: &[&'a Row], later: &[&Row]) -> Vec<&'a Row> {
    let from_ms = later.first().map_or(i64::MAX, |row| row.at_ms);
    rows.iter().filter(|row| row.at_ms + WITHIN_MS <= from_ms).copied().collect()
}

/// Learns from the earlier part and tries it on the later one, which nothing was chosen on; says why
/// it is not good enough.
fn tried(settled: &[&Row]) -> Result<(Trial, Cut), String> {
    let part = |share: f64| (settled.len() as f64 * share) as usize;
    let (before, test) = settled.split_at(settled.len() - part(TRIED));
    let weak = |why: String| format!("its own past does not tell which commits need a fix: {why}");
    let fixed_of_test = fixed(test);
    if fixed_of_test.min(test.len() - fixed_of_test) < LEAST_TRIED {
        return Err(weak(format!("of the last {} commits {fixed_of_test} did", test.len())));
    }
    let train = known_by(before, test);
    let model = fit(&train).ok_or_else(|| weak("no model fits it".to_owned()))?;
    let cut = chosen(&train, part(CHOSEN_ON));
    let rated = Rated::of(&model, cut, &train, test);
    let truths: Vec<bool> = test.iter().map(|row| row.fixed_ms.is_some()).collect();
    let chances = chances(&model, test);
    let base = fixed_of_test as f64 / test.len() as f64;
    let trial = Trial {
        learned: train.len(),
        tried: test.len(),
        base,
        auc: auc(&chances, &truths).unwrap_or(0.5),
        brier: brier(&chances, &truths).unwrap_or(1.0),
        brier_of_base: brier(&vec![base; test.len()], &truths).unwrap_or(0.0),
        risky: rated.risky,
        risky_fixed: rated.fixed,
        warns: rated.pays(base),
    };
    if trial.auc < LEAST_AUC || trial.brier >= trial.brier_of_base {
        return Err(weak(format!("tried on the last {}, AUC {:.2}", trial.tried, trial.auc)));
    }
    Ok((trial, cut))
}

/// How high is risky: the first of [`CUTS`] that pays on the latest `count` of these, by a model of
/// what was known before them; the first of all where none does.
fn chosen(train: &[&Row], count: usize) -> Cut {
    let (before, recent) = train.split_at(train.len() - count.min(train.len()));
    let earlier = known_by(before, recent);
    let pays = |model: &Logistic, cut: Cut| {
        let base = fixed(recent) as f64 / recent.len().max(1) as f64;
        Rated::of(model, cut, &earlier, recent).pays(base)
    };
    let found = fit(&earlier).and_then(|model| CUTS.into_iter().find(|cut| pays(&model, *cut)));
    found.unwrap_or(CUTS[0])
}

/// Commits rated as high as a cut says, and how many of them a fix followed.
#[derive(Clone, Copy, Debug)]
struct Rated {
    risky: usize,
    fixed: usize,
}

impl Rated {
    /// What a share of commits is, is read off those that were learned from.
    fn of(model: &Logistic, cut: Cut, learned: &[&Row], tried: &[&Row]) -> Self {
        let threshold = cut.threshold(&chances(model, learned));
        let is_risky = |row: &&&Row| model.probability(&row.features) >= threshold;
        let risky: Vec<&Row> = tried.iter().filter(is_risky).copied().collect();
        Self { risky: risky.len(), fixed: fixed(&risky) }
    }

    /// Whether they were fixed so much more often than all that it is worth saying.
    fn pays(self, base: f64) -> bool {
        self.risky >= LEAST_TRIED && self.fixed as f64 >= LEAST_LIFT * base * self.risky as f64
    }
}

impl Model {
    /// What speaks for a commit's risk: each with its value and the usual one.
    pub fn reasons(&self, row: &Row) -> Vec<String> {
        let risk = judge(&row.features, &self.usual, &self.logistic);
        let place = |name: &str| FEATURES.iter().position(|known| *known == name);
        let telling = risk.reasons.iter().filter(|(_, part)| *part >= LEAST_PART);
        let named = telling.filter_map(|(name, _)| Some((*name, place(name)?)));
        named.map(|(name, at)| reason(name, row.features[at], self.usual[at])).collect()
    }

    /// The chance that a fix still comes, after so long without one.
    pub fn remaining(&self, chance: f64, age_ms: i64) -> f64 {
        let passed = self.delays_ms.partition_point(|delay| *delay <= age_ms) as f64
            / self.delays_ms.len().max(1) as f64;
        chance * (1.0 - passed) / (1.0 - chance * passed).max(1e-9)
    }
}

/// Features that are yes or no.
const FLAGS: [&str; 3] = ["says it fixes", "says it adds", "changes tests"];
/// Features that are shares of a whole.
const SHARES: [&str; 5] = [
    "spread over files",
    "author's part in the files",
    "share of test lines",
    "share of new files",
    "share of code files",
];

fn reason(name: &str, value: f64, usual: f64) -> String {
    if FLAGS.contains(&name) {
        return format!("{name}: {}", if value > 0.5 { "yes" } else { "no" });
    }
    if SHARES.contains(&name) {
        return format!("{name}: {:.0} %, usually {:.0} %", value * 100.0, usual * 100.0);
    }
    // The others are logarithms of one more than was counted.
    format!("{name}: {}, usually {}", short(value.exp_m1()), short(usual.exp_m1()))
}

fn short(value: f64) -> String {
    if value < 9.95 && (value - value.round()).abs() > 0.05 {
        format!("{value:.1}")
    } else {
        format!("{:.0}", value)
    }
}

/// How many fixes are still to come for these commits, with the middle four fifths of where it may
/// lie: a sum of independent chances.
pub fn expected(chances: &[f64]) -> (f64, f64, f64) {
    let mean: f64 = chances.iter().sum();
    let spread = chances.iter().map(|p| p * (1.0 - p)).sum::<f64>().sqrt();
    let reach = 1.2816 * spread;
    (mean, (mean - reach).max(0.0), mean + reach)
}
