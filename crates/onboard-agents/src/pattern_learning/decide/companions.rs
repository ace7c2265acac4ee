//! Files that change together: what a new commit may have left out.

use std::collections::{HashMap, HashSet};

use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::co_change::{CoChange, Companion};
use onboard_analysis::ledger::is_program;
use onboard_analysis::path::file_name;
use onboard_analysis::weights;

use super::past::{Change, Past};
use crate::manual::{Bound, Rule};

/// `patterns/left-out`
pub const LEFT_OUT: Rule = Rule {
    id: "patterns/left-out",
    says: "which file a commit probably needs, too.",
    why: "Files that change together have a reason, and whoever forgets one of them finds out later and \
          at a higher price.",
    when: &[
        Bound::at(
            "the file changes with it in {} % of the cases or more, ever and of late",
            LEAST_CONFIDENCE * 100.0,
            "co-change as in ROSE (ICSE 2004); with less, half of the hints were wrong",
        ),
        Bound::at(
            "{} times at least",
            LEAST_TOGETHER as f64,
            "with three, half were sweeps that had come by",
        ),
        Bound::at(
            "the commit is at most {} days old, and none within three days around it brought the file",
            (NEWS_MS / DAY_MS) as f64,
            "judgement: then its author can still complete it",
        ),
        Bound::at(
            "the chance that it belongs to a change now is {} % or more, by weights fitted to ten repositories",
            LEAST_CHANCE * 100.0,
            "of what is said so, more is right than by the share alone (docs/evaluation.md)",
        ),
        Bound::at(
            "such habits, tried on {} of the project's latest changes or more, were right in half of the cases",
            LEAST_ANSWERS as f64,
            "a project without such habits hears nothing; measured in docs/evaluation.md",
        ),
    ],
    silence: "bring the file, or `ai_onboard knowledge forget ID`, with the id that the finding names, so \
              that the pair is neither said nor kept again.",
};

/// `patterns/shotgun`
pub const SHOTGUN: Rule = Rule {
    id: "patterns/shotgun",
    says: "which two files are one thing in two places.",
    why: "Who changes one has to know of the other, and its module does not say so.",
    when: &[
        Bound::at(
            "code of different modules changed together {} times within a year",
            LEAST_COUPLED as f64,
            "judgement: fewer may be one piece of work",
        ),
        Bound::at(
            "in {} % of the changes of either",
            LEAST_COUPLED_SHARE * 100.0,
            "judgement: neither changes often without the other",
        ),
    ],
    silence: "bring what both know together, or `ai_onboard knowledge forget ID`.",
};

/// A habit: this often together, and in half of the changes of the first, ever and of late. With
/// three of four, half of the hints were of sweeps that had come by.
const LEAST_TOGETHER: u32 = 4;
const LEAST_CONFIDENCE: f64 = 0.5;
/// What is less likely than a coin is no hint.
const LEAST_CHANCE: f64 = 0.5;
/// The latest changes that habits are tried on, as a share and at most.
const TRIED: f64 = 0.25;
const MOST_TRIED: usize = 1_000;
/// Fewer answers say nothing about how good they are.
const LEAST_ANSWERS: usize = 20;
/// Commits of the last days can still be completed; of more than people can look at, the newest.
const NEWS_MS: i64 = 3 * DAY_MS;
const MOST_NEWS: usize = 1_000;
/// A habit worth knowing was seen this often, the first of a pair in as many changes or more.
const LEAST_KNOWN: u32 = 5;
/// How often a pair across modules changed together in a year, to be one thing in two places.
const LEAST_COUPLED: usize = 8;
const LEAST_COUPLED_SHARE: f64 = 0.6;

/// How often what the habits name was part of the change, tried in the order of time: from each
/// code file of a change another one is named, also where the change is of that file alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    pub answers: usize,
    pub right: usize,
}

impl Trial {
    /// Whether there were enough answers to tell.
    pub fn is_telling(self) -> bool {
        self.answers >= LEAST_ANSWERS
    }

    /// Whether the habits of this project say more than a coin.
    pub fn is_good(self) -> bool {
        self.is_telling() && self.right * 2 >= self.answers
    }
}

/// A commit that left out what usually comes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// In [`onboard_analysis::facts::History::commits`].
    pub place: usize,
    pub file: u64,
    pub companion: Companion,
}

/// What is known of the whole history.
pub struct Habits {
    counts: CoChange,
    pub trial: Trial,
    now_ms: i64,
}

/// Habits of a file of a change: what usually comes with it, and by the weights of [many
/// histories](weights) more likely than not comes now; the likeliest first.
fn expected(counts: &CoChange, key: u64, now_ms: i64) -> Vec<Companion> {
    let Some(weights) = weights::of_co_change() else { return Vec::new() };
    let rated = counts.rated(key, LEAST_TOGETHER, now_ms, &weights.model).into_iter();
    let likely = rated.filter(|(chance, companion)| *chance >= LEAST_CHANCE && is_habit(companion));
    likely.map(|(_, companion)| companion).collect()
}

fn is_habit(companion: &Companion) -> bool {
    companion.confidence() >= LEAST_CONFIDENCE && companion.decayed_confidence() >= LEAST_CONFIDENCE
}

/// Learns change by change, and tries what it has learned on the latest.
pub fn learn(past: &Past<'_>, now_ms: i64) -> Habits {
    let mut habits = Habits { counts: CoChange::default(), trial: Trial::default(), now_ms };
    let tried = ((past.changes.len() as f64 * TRIED) as usize).min(MOST_TRIED);
    let from = past.changes.len() - tried;
    for (number, change) in past.changes.iter().enumerate() {
        if number >= from {
            for key in change.files.iter().filter(|key| past.is_code(**key)) {
                if let Some(best) = expected(&habits.counts, *key, change.at_ms).first() {
                    habits.trial.answers += 1;
                    habits.trial.right += usize::from(change.files.contains(&best.key));
                }
            }
        }
        past.fold(&mut habits.counts, change);
    }
    habits
}

impl Habits {
    /// The changes that are so new that they can still be completed, the newest first.
    pub fn news<'p>(&self, past: &'p Past<'_>) -> impl Iterator<Item = &'p Change> + use<'p> {
        let since_ms = self.now_ms - NEWS_MS;
        past.changes.iter().rev().take_while(move |one| one.at_ms >= since_ms).take(MOST_NEWS)
    }

    /// What has changed together with a file often enough to be said of it.
    pub fn companions(&self, file: u64) -> impl Iterator<Item = u64> + use<> {
        let known = self.counts.companions(file, LEAST_TOGETHER, self.now_ms);
        known.into_iter().map(|companion| companion.key)
    }

    /// Commits of the last days that left something out which none around them brought, the surest
    /// first; `is_here` tells whether a file still is.
    pub fn hints(&self, past: &Past<'_>, is_here: &dyn Fn(&str) -> bool) -> Vec<Hint> {
        let changed =
            past.changes.iter().flat_map(|one| one.files.iter().map(|key| (*key, one.at_ms)));
        // Changes are in the order of time: the last one stays.
        let last_ms: HashMap<u64, i64> = changed.collect();
        let hint = |change: &Change| {
            let from_ms = change.at_ms - NEWS_MS;
            let is_brought = |key| last_ms.get(&key).is_some_and(|last_ms| *last_ms >= from_ms);
            self.hint(past, change, &is_brought, is_here)
        };
        let mut hints: Vec<Hint> = self.news(past).filter_map(hint).collect();
        hints.sort_by(|a, b| b.companion.confidence().total_cmp(&a.companion.confidence()));
        // Of a pair, the first.
        let mut said = HashSet::new();
        hints.retain(|hint| said.insert((hint.file, hint.companion.key)));
        hints
    }

    /// What one change left out that no other one brought.
    pub fn hint(
        &self,
        past: &Past<'_>,
        change: &Change,
        is_brought: &dyn Fn(u64) -> bool,
        is_here: &dyn Fn(&str) -> bool,
    ) -> Option<Hint> {
        let commit = &past.history.commits[change.place];
        // A program leaves nothing out, and what takes something back takes no more than that.
        if commit.revert || is_program(&past.history.people[commit.author]) {
            return None;
        }
        let of_file = |key: &u64| {
            let mut likely = expected(&self.counts, *key, self.now_ms).into_iter();
            let missing = likely.find(|one| !is_brought(one.key) && is_here(past.path(one.key)));
            missing.map(|companion| Hint { place: change.place, file: *key, companion })
        };
        // Tests are made better without what they test; the other way round it is news.
        let code = change.files.iter().filter(|key| past.is_code(**key));
        let hints = code.filter_map(of_file);
        hints.max_by(|a, b| a.companion.confidence().total_cmp(&b.companion.confidence()))
    }

    /// Pairs that are worth knowing, those with the most evidence first.
    pub fn known(
        &self,
        past: &Past<'_>,
        is_here: &dyn Fn(&str) -> bool,
        most: usize,
    ) -> Vec<(u64, Companion)> {
        let here = |key: &u64| is_here(past.path(*key));
        let of = |key: u64| {
            let companions = self.counts.companions(key, LEAST_KNOWN, self.now_ms).into_iter();
            companions.filter(is_habit).map(move |companion| (key, companion))
        };
        let mut pairs: Vec<(u64, Companion)> = self
            .counts
            .keys()
            .filter(|key| here(key))
            .flat_map(of)
            .filter(|(_, companion)| here(&companion.key))
            .collect();
        pairs.sort_by(|a, b| b.1.decayed.total_cmp(&a.1.decayed).then(a.0.cmp(&b.0)));
        pairs.truncate(most);
        pairs
    }
}

/// Two files of different modules that change as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Coupled {
    pub files: [u64; 2],
    /// Changes within a year: of both, of the first, of the second.
    pub together: usize,
    pub of: [usize; 2],
    pub modules: [String; 2],
}

/// Pairs across modules, those that change together most first.
pub fn coupled(past: &Past<'_>, habits: &Habits, is_here: &dyn Fn(&str) -> bool) -> Vec<Coupled> {
    let since = habits.now_ms - 365 * DAY_MS;
    let of_year = || past.changes.iter().rev().take_while(|change| change.at_ms >= since);
    let mut counts = CoChange::default();
    let recent: Vec<&Change> = of_year().collect();
    recent.iter().rev().for_each(|change| past.fold(&mut counts, change));
    let mut keys: Vec<u64> = counts.keys().filter(|key| past.is_code(*key)).collect();
    keys.retain(|key| is_here(past.path(*key)));
    keys.sort_unstable();
    let paths: Vec<&str> = keys.iter().map(|key| past.path(*key)).collect();
    let modules = onboard_analysis::path::modules(paths.iter().copied());
    let module = |key: u64| keys.binary_search(&key).ok().map(|at| modules[at].clone());
    let mut pairs = Vec::new();
    for key in &keys {
        let least = LEAST_COUPLED as u32;
        for companion in counts.companions(*key, least, habits.now_ms) {
            let (Some(one), Some(other)) = (module(*key), module(companion.key)) else { continue };
            let back = counts.companions(companion.key, least, habits.now_ms);
            let back = back.iter().find(|back| back.key == *key).map_or(0, |back| back.of);
            let of = [companion.of as usize, back as usize];
            let together = companion.together as usize;
            let share = together as f64 / *of.iter().max().unwrap_or(&1) as f64;
            // Files of one name are the same role in two places, not one thing.
            let names = [past.path(*key), past.path(companion.key)].map(file_name);
            if *key < companion.key
                && one != other
                && names[0] != names[1]
                && share >= LEAST_COUPLED_SHARE
            {
                let files = [*key, companion.key];
                pairs.push(Coupled { files, together, of, modules: [one, other] });
            }
        }
    }
    pairs.sort_by(|a, b| b.together.cmp(&a.together).then(a.files.cmp(&b.files)));
    pairs
}
