//! What else changes: a ranker fitted to the first three quarters of history beside association
//! rules (ROSE), on the last quarter of commits of two to fifteen code files, each of up to three of them asked about in turn.

use onboard_analysis::co_change::{CoChange, Companion, MOST_FILES, Partner};
use onboard_analysis::history::CommitFacts;
use onboard_analysis::logistic::Logistic;
use onboard_analysis::path::{Class, class};
use onboard_analysis::weights::Weights;

use super::Table;
use super::history::History;
use super::train::Rows;

const QUERIES: usize = 3;
/// Candidates of one query that train, those that come together most.
const TRAINED: usize = 60;

fn files(facts: &CommitFacts) -> Vec<(u64, &str)> {
    let changes = facts.changes.iter().flatten().filter(|change| change.new.is_some());
    let code = changes.filter(|change| matches!(class(&change.path), Class::Code | Class::Test));
    code.map(|change| (change.key, change.path.as_str())).collect()
}

/// Walks through history and shows each query of the part between these shares of its commits.
fn queries(
    history: &History,
    from: f64,
    to: f64,
    mut each: impl FnMut(&CoChange, i64, u64, &[u64]),
) {
    let total = history.commits.iter().filter(fits).count() as f64;
    let mut counts = CoChange::default();
    let mut seen = 0.0;
    for facts in &history.commits {
        let changed = files(facts);
        let at_ms = facts.commit.committed_ms;
        if fits(&facts) {
            seen += 1.0;
            if seen > to * total {
                return;
            }
            if seen > from * total {
                let keys: Vec<u64> = changed.iter().map(|(key, _)| *key).collect();
                for key in keys.iter().take(QUERIES) {
                    each(&counts, at_ms, *key, &keys);
                }
            }
        }
        counts.fold(at_ms, &changed);
    }
}

/// What a model of many repositories is fitted to.
pub const OUTCOME: &str = "a file that may belong to a change was part of it";
pub const RIDGE: f64 = 1.0;
/// Commits of one repository that such a model is fitted to, its latest: large ones are not to
/// drown the others.
const MOST_TRAINING: f64 = 600.0;

/// Rows of the latest commits, of the later half at most, for a model of many repositories.
pub fn rows(history: &History) -> Rows {
    let total = history.commits.iter().filter(fits).count().max(1) as f64;
    part(history, (1.0 - MOST_TRAINING / total).max(0.5), 1.0)
}

fn fits(facts: &&CommitFacts) -> bool {
    (2..=MOST_FILES).contains(&files(facts).len())
}

fn part(history: &History, from: f64, to: f64) -> Rows {
    let mut rows = Vec::new();
    queries(history, from, to, |counts, at_ms, key, truth| {
        let mut candidates = counts.candidates(key, at_ms);
        candidates.sort_by(|a, b| b.together.cmp(&a.together).then(a.path.cmp(&b.path)));
        let kept = candidates.into_iter().take(TRAINED);
        rows.extend(kept.map(|one| (one.features.to_vec(), truth.contains(&one.key))));
    });
    rows
}

#[derive(Default)]
struct Tally {
    asked: f64,
    first: f64,
    within_three: f64,
    warned: f64,
    right: f64,
    /// How sure each first answer was, and whether it was right.
    firsts: Vec<(f64, bool)>,
}

/// The share of questions that a ranker which warns should answer.
const ANSWERED: f64 = 0.3;

impl Tally {
    fn note(&mut self, ranked: &[(f64, u64)], truth: &[u64], warns: bool) {
        let hit = |most: usize| ranked.iter().take(most).any(|(_, key)| truth.contains(key));
        self.asked += 1.0;
        self.first += f64::from(hit(1));
        self.within_three += f64::from(hit(3));
        self.firsts.push((ranked.first().map_or(0.0, |(chance, _)| *chance), hit(1)));
        if warns {
            self.warned += 1.0;
            self.right += f64::from(hit(1));
        }
    }

    /// Of the questions whose first answer is surest: how many of these are right, and how sure the
    /// least sure of them is.
    fn surest(&self) -> (f64, f64) {
        let mut firsts = self.firsts.clone();
        firsts.sort_by(|a, b| b.0.total_cmp(&a.0));
        firsts.truncate((firsts.len() as f64 * ANSWERED).ceil() as usize);
        let right = firsts.iter().filter(|(_, is_right)| *is_right).count();
        (right as f64 / firsts.len().max(1) as f64, firsts.last().map_or(0.0, |first| first.0))
    }

    fn measures(&self) -> Vec<(&'static str, f64)> {
        let (surest, from) = self.surest();
        vec![
            ("P@1", self.first / self.asked),
            ("hit@3", self.within_three / self.asked),
            ("warn P@1", self.right / self.warned.max(1.0)),
            ("warn feedback", self.warned / self.asked),
            ("P@1 of the surest 30 %", surest),
            ("these from", from),
        ]
    }
}

/// Rankers with their names: fitted to the third quarter of this history, to many others, and to
/// both.
fn rankers(history: &History, weights: Option<&Weights>) -> Vec<(&'static str, Logistic)> {
    let (features, truths): (Vec<Vec<f64>>, Vec<bool>) =
        part(history, 0.5, 0.75).into_iter().unzip();
    let shipped = weights.map(|weights| weights.model.clone());
    let near = |prior| Logistic::fit_near(prior, &features, &truths, OWN_RIDGE);
    let both = shipped.as_ref().and_then(near);
    let own = Logistic::fit(&features, &truths, RIDGE);
    let all = [("own ranker", own), ("shipped ranker", shipped), ("both", both)];
    all.into_iter().filter_map(|(name, model)| Some((name, model?))).collect()
}

/// How hard a repository's own fit is held to the shipped weights.
const OWN_RIDGE: f64 = 100.0;

pub fn evaluate(history: &History, weights: Option<&Weights>, table: &mut Table) {
    let rankers = rankers(history, weights);
    let mut tallies: Vec<Tally> = rankers.iter().map(|_| Tally::default()).collect();
    let (mut rose, mut habits, mut rated) = (Tally::default(), Tally::default(), Tally::default());
    let shipped = weights.map(|weights| &weights.model);
    queries(history, 0.75, 1.0, |counts, at_ms, key, truth| {
        let candidates = counts.candidates(key, at_ms);
        for ((_, model), tally) in rankers.iter().zip(&mut tallies) {
            let mut ranked: Vec<(f64, u64)> =
                candidates.iter().map(|one| (model.probability(&one.features), one.key)).collect();
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            tally.note(&ranked, truth, ranked.first().is_some_and(|(p, _)| *p >= 0.5));
        }
        let mut rules: Vec<&Partner> = candidates.iter().filter(|one| one.together > 0).collect();
        rules.sort_by(|a, b| {
            let by_confidence = b.confidence().total_cmp(&a.confidence());
            by_confidence.then(b.together.cmp(&a.together)).then(a.key.cmp(&b.key))
        });
        let sure = rules.first().is_some_and(|one| one.confidence() >= 0.5 && one.together >= 3);
        let rules: Vec<(f64, u64)> = rules.iter().map(|one| (one.confidence(), one.key)).collect();
        rose.note(&rules, truth, sure);
        // What agents say: by confidence alone, ever and of late, and where the weights agree.
        let companions = counts.companions(key, 4, at_ms);
        let is_habit = |one: &&Companion| one.confidence().min(one.decayed_confidence()) >= 0.5;
        let said: Vec<(f64, u64)> = companions
            .iter()
            .find(is_habit)
            .map(|one| (one.confidence(), one.key))
            .into_iter()
            .collect();
        habits.note(&said, truth, !said.is_empty());
        let all = shipped.map(|model| counts.rated(key, 4, at_ms, model)).unwrap_or_default();
        let said: Vec<(f64, u64)> = all
            .iter()
            .filter(|(chance, one)| *chance >= 0.5 && is_habit(&one))
            .map(|(chance, one)| (*chance, one.key))
            .collect();
        rated.note(&said, truth, !said.is_empty());
    });
    if rose.asked > 0.0 {
        for ((name, _), tally) in rankers.iter().zip(&tallies) {
            table.add(&history.name, name, tally.measures());
        }
        table.add(&history.name, "ROSE", rose.measures());
        table.add(&history.name, "said by confidence", habits.measures());
        table.add(&history.name, "said by both", rated.measures());
    }
}
