//! What history teaches, and what of it is worth a word: functions of what the index shows.

pub mod chains;
pub mod companions;
pub mod past;
pub mod shapes;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use onboard_analysis::facts::PastCommit;

use self::chains::Chain;
use self::companions::{Coupled, Habits, Hint};
use self::past::Past;
use self::shapes::Lesson;
use super::knowledge::{Entry, Kind, id};
use crate::facts::ProjectFacts;
use crate::host::{Evidence, Finding, Fingerprint, Severity};
use crate::manual::Rule;

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] =
    &[&companions::LEFT_OUT, &chains::FIX_ON_FIX, &companions::SHOTGUN, &shapes::WHAT_WORKS];

/// Pairs, and pairs across modules, that are kept as known.
const MOST_PAIRS: usize = 120;
const MOST_COUPLED: usize = 20;
/// A lesson is a finding where commits without the shape are fixed this much more often, for sure.
const LEAST_LOSS: f64 = 1.25;
/// Commits that show something.
const SHOWN: usize = 3;

/// Everything that history teaches.
pub struct Lessons<'a> {
    pub past: Past<'a>,
    pub habits: Habits,
    pub hints: Vec<Hint>,
    pub coupled: Vec<Coupled>,
    pub chains: Vec<Chain>,
    pub shapes: Vec<Lesson>,
    known: Vec<(u64, onboard_analysis::co_change::Companion)>,
}

/// Learns.
pub fn learn(facts: &ProjectFacts, now_ms: i64) -> Lessons<'_> {
    let here: HashSet<&str> = facts.files.iter().map(|row| row.path.as_str()).collect();
    let is_here = |path: &str| here.contains(path);
    let past = Past::of(&facts.history, now_ms);
    let habits = companions::learn(&past, now_ms);
    let hints = match habits.trial.is_good() {
        true => habits.hints(&past, &is_here),
        false => Vec::new(),
    };
    Lessons {
        hints,
        coupled: companions::coupled(&past, &habits, &is_here),
        chains: chains::chains(&past, now_ms),
        shapes: shapes::lessons(&facts.history, now_ms),
        known: habits.known(&past, &is_here, MOST_PAIRS),
        habits,
        past,
    }
}

impl Lessons<'_> {
    fn pair_id(&self, file: u64, companion: u64) -> String {
        id(Kind::Companion, &[self.past.path(file), self.past.path(companion)])
    }

    fn coupled_id(&self, pair: &Coupled) -> String {
        let mut paths = pair.files.map(|key| self.past.path(key));
        paths.sort_unstable();
        id(Kind::Coupling, &paths)
    }

    fn ids(&self, places: &[usize]) -> Vec<String> {
        places.iter().map(|place| self.past.history.commits[*place].id.clone()).collect()
    }

    /// What is to be known, by id.
    pub fn knowledge(&self) -> Vec<(String, Entry)> {
        let entry = |kind, statement, seen, commits, strength| Entry {
            kind,
            statement,
            seen,
            commits,
            strength,
            first_ms: 0,
            confirmed_ms: 0,
        };
        let pairs = self.known.iter().map(|(file, companion)| {
            let (path, other) = (self.past.path(*file), self.past.path(companion.key));
            let statement = format!(
                "When {path} changes, {other} changes with it in {} of {} cases.",
                companion.together, companion.of
            );
            let commits = self.ids(&self.past.newest_with(&[*file, companion.key], SHOWN));
            let seen = (companion.together, companion.of);
            let entry = entry(Kind::Companion, statement, seen, commits, companion.decayed);
            (self.pair_id(*file, companion.key), entry)
        });
        let coupled = self.coupled.iter().take(MOST_COUPLED).map(|pair| {
            let [one, other] = pair.files.map(|key| self.past.path(key));
            let statement = format!(
                "{one} and {other} are of different modules and changed together {} times within a \
                 year.",
                pair.together
            );
            let commits = self.ids(&self.past.newest_with(&pair.files, SHOWN));
            let most = pair.of.into_iter().max().unwrap_or_default();
            let seen = (pair.together as u32, most as u32);
            let entry = entry(Kind::Coupling, statement, seen, commits, pair.together as f64);
            (self.coupled_id(pair), entry)
        });
        let shapes = self.shapes.iter().map(|lesson| {
            let statement = lesson_words(lesson);
            let strength = f64::from(lesson.with.1.min(lesson.without.1));
            let entry = entry(Kind::Lesson, statement, lesson.with, Vec::new(), strength);
            (id(Kind::Lesson, &[lesson.shape.name()]), entry)
        });
        pairs.chain(coupled).chain(shapes).collect()
    }

    /// What is worth a word, the most urgent first; not what people had forgotten.
    pub fn judge(&self, forgotten: &BTreeSet<String>) -> Vec<Finding> {
        let is_kept = |id: &str| !forgotten.contains(id);
        let hints =
            self.hints.iter().filter(|hint| is_kept(&self.pair_id(hint.file, hint.companion.key)));
        let mut findings: Vec<Finding> = hints.map(|hint| self.left_out(hint)).collect();
        findings.extend(self.chains.iter().map(|chain| self.chain(chain)));
        let coupled = self.coupled.iter().filter(|pair| is_kept(&self.coupled_id(pair)));
        findings.extend(coupled.map(|pair| self.shotgun(pair)));
        let shapes = self.shapes.iter().filter(|lesson| {
            lesson.shape.is_news()
                && lesson.ratio.high <= 1.0 / LEAST_LOSS
                && is_kept(&id(Kind::Lesson, &[lesson.shape.name()]))
        });
        let mut shapes: Vec<&Lesson> = shapes.collect();
        shapes.sort_by(|a, b| a.ratio.high.total_cmp(&b.ratio.high));
        findings.extend(shapes.into_iter().map(habit));
        findings
    }

    /// Of what was said of files that were left out: the first commits that brought them since.
    pub fn done(&self, reported: &BTreeSet<Fingerprint>) -> BTreeMap<Fingerprint, String> {
        let mut recent: Vec<&past::Change> = self.habits.news(&self.past).collect();
        recent.reverse();
        let changed: BTreeSet<u64> =
            recent.iter().flat_map(|change| &change.files).copied().collect();
        let brought_by = |file: u64| recent.iter().find(|change| change.files.contains(&file));
        let said = changed
            .iter()
            .flat_map(|file| self.habits.companions(*file).map(move |other| (*file, other)));
        let done = said.filter_map(|(file, other)| {
            let fingerprint = left_out(self.past.path(file), self.past.path(other)).fingerprint;
            let place = reported.contains(&fingerprint).then(|| brought_by(other))??.place;
            Some((fingerprint, self.commit(place).id.clone()))
        });
        done.collect()
    }

    fn commit(&self, place: usize) -> &PastCommit {
        &self.past.history.commits[place]
    }

    fn show(&self, place: usize, what: &str) -> Evidence {
        let commit = self.commit(place);
        Evidence::commit(&commit.id, format!("{what}{}", commit.subject))
    }

    fn left_out(&self, hint: &Hint) -> Finding {
        let (path, other) = (self.past.path(hint.file), self.past.path(hint.companion.key));
        let commit = self.commit(hint.place);
        let short = commit.id.get(..10).unwrap_or(&commit.id);
        let (together, of) = (hint.companion.together, hint.companion.of);
        let share = hint.companion.confidence() * 100.0;
        let trial = self.habits.trial;
        let mut evidence = vec![
            self.show(hint.place, ""),
            Evidence::number(share.round(), format!("per cent: {together} of {of} changes")),
        ];
        let before = self.past.newest_with(&[hint.file, hint.companion.key], SHOWN);
        evidence.extend(before.iter().map(|place| self.show(*place, "both: ")));
        Finding::new(
            companions::LEFT_OUT.id,
            Severity::Info,
            &format!("{path} without {other}"),
            format!("{short} changed {path} without {other}"),
            format!(
                "In {share:.0} % of the changes of {path} ({together} of {of}) {other} changes with \
                 it, and no commit around this one brought it. Tried on the latest changes here, such \
                 habits were right {} of {} times. Known as {}.",
                trial.right,
                trial.answers,
                self.pair_id(hint.file, hint.companion.key)
            ),
            format!("See whether {other} needs the same change; if not, dismiss this."),
            evidence,
        )
    }

    fn chain(&self, chain: &Chain) -> Finding {
        let path = self.past.path(chain.file);
        let count = chain.fixes.len();
        let newest = chain.fixes.iter().rev().take(5);
        Finding::new(
            chains::FIX_ON_FIX.id,
            Severity::Low,
            path,
            format!("{path} was fixed {count} times within {} days", chain.days.max(1)),
            format!(
                "Each within three days of the one before, and not as one piece of work; in the {} days \
                 before it was fixed {} times, so that this is hardly chance. What was mended may not \
                 have stayed mended, or was not tried where it failed.",
                chain.days_before, chain.before
            ),
            format!(
                "Before the next fix of {path}, write the test that would have failed for all of them."
            ),
            newest.map(|place| self.show(*place, "")).collect(),
        )
    }

    fn shotgun(&self, pair: &Coupled) -> Finding {
        let [one, other] = pair.files.map(|key| self.past.path(key));
        let newest = self.past.newest_with(&pair.files, SHOWN);
        let mut evidence = vec![
            Evidence::number(pair.together as f64, "changes of both within a year"),
            Evidence::number(pair.of[0] as f64, format!("changes of {one}")),
            Evidence::number(pair.of[1] as f64, format!("changes of {other}")),
        ];
        evidence.extend(newest.iter().map(|place| self.show(*place, "both: ")));
        Finding::new(
            companions::SHOTGUN.id,
            Severity::Info,
            &format!("{one} and {other}"),
            format!("{one} and {other} change as one"),
            format!(
                "{} times within a year, of {} and {} changes, though one is of {} and the other of {}. \
                 Who changes one of them has to know of the other. Known as {}.",
                pair.together,
                pair.of[0],
                pair.of[1],
                pair.modules[0],
                pair.modules[1],
                self.coupled_id(pair)
            ),
            "Move what both know into one of them, or write into each that the other follows.",
            evidence,
        )
    }
}

/// What is said of a file that was left out, before it has words.
fn left_out(path: &str, other: &str) -> Finding {
    let target = format!("{path} without {other}");
    Finding::new(companions::LEFT_OUT.id, Severity::Info, &target, "", "", "", Vec::new())
}

fn share((fixed, all): (u32, u32)) -> f64 {
    f64::from(fixed) / f64::from(all.max(1)) * 100.0
}

fn lesson_words(lesson: &Lesson) -> String {
    let ratio = lesson.ratio;
    format!(
        "Here {} are followed by a fix {:.2} times as often as others of equal size ({:.2} to {:.2}).",
        lesson.shape.words(),
        ratio.ratio,
        ratio.low,
        ratio.high
    )
}

fn habit(lesson: &Lesson) -> Finding {
    let ratio = lesson.ratio;
    Finding::new(
        shapes::WHAT_WORKS.id,
        Severity::Info,
        lesson.shape.name(),
        format!("Here {} are fixed less often", lesson.shape.words()),
        format!(
            "Of {} such commits of the last three years {:.0} % were followed by a fix within 30 days, of \
             {} others {:.0} %. At equal size that is {:.2} times as often ({:.2} to {:.2}, 99 %). It is \
             what was seen, not what made it so. Known as {}.",
            lesson.with.1,
            share(lesson.with),
            lesson.without.1,
            share(lesson.without),
            ratio.ratio,
            ratio.low,
            ratio.high,
            id(Kind::Lesson, &[lesson.shape.name()])
        ),
        lesson.shape.advice(),
        vec![
            Evidence::number(f64::from(lesson.with.0), format!("of {} were fixed", lesson.with.1)),
            Evidence::number(
                f64::from(lesson.without.0),
                format!("of {} without were fixed", lesson.without.1),
            ),
        ],
    )
}
