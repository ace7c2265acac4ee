//! What is worth saying about a change: a few things, the most useful first.

use std::collections::{BTreeSet, HashSet};

use onboard_analysis::facts::PastCommit;
use onboard_analysis::history::LineChange;
use onboard_analysis::path::{Class, class};

use super::grown;
use super::learned::Learned;
use super::read::Change;
use crate::git::Repository;
use crate::host::{Evidence, Finding, Severity};
use crate::pattern_learning::decide::companions::{self, Habits, Hint};
use crate::pattern_learning::decide::past::{Change as Touched, Past};
use crate::pattern_learning::{Kind, id};
use crate::predictive_analytics::decide::{RISKY_COMMIT, risk};

/// Things said of one change: what a person reads before pushing.
pub const MOST_SAID: usize = 3;
/// Of those, of one kind.
const MOST_OF_KIND: usize = 2;
/// Commits that show a habit.
const SHOWN: usize = 2;
/// Reasons given for a risk.
const MOST_REASONS: usize = 2;

/// What people and the crew said before.
#[derive(Debug, Default)]
pub struct Crew {
    /// Rules that people found useless.
    pub muted: BTreeSet<String>,
    /// Fingerprints that people answered: dismissed, snoozed, accepted.
    pub answered: BTreeSet<String>,
    /// Ids of what `pattern-learning` is to forget.
    pub forgotten: BTreeSet<String>,
    /// What is open, the most worthwhile first.
    pub open: Vec<Finding>,
}

/// What is worth saying.
#[derive(Debug, Default)]
pub struct Judged {
    /// At most [`MOST_SAID`].
    pub findings: Vec<Finding>,
    /// What could not be judged, and why.
    pub not_judged: Vec<String>,
}

/// Judges a change by what was learned before it.
pub fn judge(
    repository: &Repository,
    change: &Change,
    learned: &Learned,
    crew: &Crew,
    now_ms: i64,
) -> Judged {
    let mut not_judged = change.limits.clone();
    let mut note = |result: Result<Vec<Finding>, String>| {
        result.unwrap_or_else(|why| {
            not_judged.push(why);
            Vec::new()
        })
    };
    let left_out = note(left_out(repository, change, learned, crew, now_ms));
    let risky = note(risky(learned, now_ms));
    let (grown, limits) = grown::grown(repository, &change.files);
    not_judged.extend(limits);
    let kinds = [left_out, grown, risky, open(change, crew)];
    let is_wanted = |finding: &Finding| {
        !crew.muted.contains(&finding.rule) && !crew.answered.contains(&finding.fingerprint.0)
    };
    let kinds = kinds.map(|kind| kind.into_iter().filter(is_wanted).collect());
    Judged { findings: choose(kinds), not_judged }
}

/// The few that are said: what is high first, then one of each kind, then the second ones.
fn choose(kinds: [Vec<Finding>; 4]) -> Vec<Finding> {
    let mut ordered: Vec<(bool, usize, usize, Finding)> = Vec::new();
    for (kind, findings) in kinds.into_iter().enumerate() {
        for (place, finding) in findings.into_iter().take(MOST_OF_KIND).enumerate() {
            ordered.push((finding.severity < Severity::High, place, kind, finding));
        }
    }
    ordered.sort_by_key(|(is_lesser, place, kind, _)| (*is_lesser, *place, *kind));
    ordered.into_iter().map(|(.., finding)| finding).take(MOST_SAID).collect()
}

/// Paths that the change touches, as they are and as they were.
fn touched(change: &Change) -> HashSet<&str> {
    let of_files = change.files.iter();
    of_files
        .flat_map(|file| [Some(file.path.as_str()), file.old_path.as_deref()])
        .flatten()
        .collect()
}

/// What usually comes with what was changed, and did not.
fn left_out(
    repository: &Repository,
    change: &Change,
    learned: &Learned,
    crew: &Crew,
    now_ms: i64,
) -> Result<Vec<Finding>, String> {
    let why = |why: String| format!("what usually changes together: {why}");
    let listing = repository.files(change.head).map_err(|unreadable| why(unreadable.why))?;
    let is_here = |path: &str| listing.by_path(path).is_some();
    let mut past = Past::of(&learned.history, now_ms);
    let changes = std::mem::take(&mut past.changes).into_iter();
    let (own, before): (Vec<Touched>, Vec<Touched>) =
        changes.partition(|one| one.place >= learned.first_new);
    past.changes = before;
    let habits = companions::learn(&past, now_ms);
    let trial = habits.trial;
    if !trial.is_telling() {
        let changes = past.changes.len();
        return Err(why(format!(
            "too little of it yet to be tried; changes of few files so far: {changes}"
        )));
    }
    if !trial.is_good() {
        return Err(why(format!(
            "tried on the latest changes, it was right {} of {} times only",
            trial.right, trial.answers
        )));
    }
    let touched = touched(change);
    let brought = past.keys_of(&|path| touched.contains(path));
    let is_kept = |hint: &Hint| {
        let pair = [past.path(hint.file), past.path(hint.companion.key)];
        touched.contains(pair[0]) && !crew.forgotten.contains(&id(Kind::Companion, &pair))
    };
    let own = own.into_iter().map(|one| edited(&past, one));
    let hints =
        own.filter_map(|one| habits.hint(&past, &one, &|key| brought.contains(&key), &is_here));
    let mut hints: Vec<Hint> = hints.filter(is_kept).collect();
    hints.sort_by(|a, b| b.companion.confidence().total_cmp(&a.companion.confidence()));
    let mut said = HashSet::new();
    hints.retain(|hint| said.insert(hint.companion.key));
    Ok(hints.iter().map(|hint| without(&past, &habits, hint)).collect())
}

/// A change without what it only moved: that needs nothing else.
fn edited(past: &Past<'_>, mut one: Touched) -> Touched {
    let commit = &past.history.commits[one.place];
    let moved = commit.changes.iter().filter(|change| {
        change.from.is_some() && change.lines.is_none_or(|lines| lines == LineChange::default())
    });
    let moved: HashSet<&str> =
        moved.map(|change| past.history.paths[change.path].as_str()).collect();
    one.files.retain(|key| !moved.contains(past.path(*key)));
    one
}

fn without(past: &Past<'_>, habits: &Habits, hint: &Hint) -> Finding {
    let (path, other) = (past.path(hint.file), past.path(hint.companion.key));
    let (together, of) = (hint.companion.together, hint.companion.of);
    let commit = &past.history.commits[hint.place];
    let mut evidence = vec![
        Evidence::file(path, None, format!("changed in {}: {}", short(commit), commit.subject)),
        Evidence::file(other, None, format!("changed with it in {together} of {of} changes")),
    ];
    let before = past.newest_with(&[hint.file, hint.companion.key], SHOWN);
    evidence.extend(before.into_iter().map(|place| {
        let commit = &past.history.commits[place];
        Evidence::commit(&commit.id, format!("both: {}", commit.subject))
    }));
    Finding::new(
        companions::LEFT_OUT.id,
        Severity::Info,
        &format!("{path} without {other}"),
        format!("{path} changed without {other}"),
        format!(
            "In {together} of {of} changes of {path}, {other} changed with it. Tried on the latest \
             changes here, such habits were right {} of {} times.",
            habits.trial.right, habits.trial.answers
        ),
        format!("See whether {other} needs the same change."),
        evidence,
    )
}

/// The commit that is most likely to need a fix, where the model that says so was tried and is fit.
fn risky(learned: &Learned, now_ms: i64) -> Result<Vec<Finding>, String> {
    let why = |why: &str| format!("risk: {why}");
    let risks = risk::risks_of_new(&learned.history, learned.first_new, now_ms);
    let model = risks.model.as_ref().map_err(|reason| why(reason))?;
    if !model.proof.warns() {
        return Err(why(
            "the commits that were rated highest needed no fix much more often than others",
        ));
    }
    let (past, own): (Vec<&risk::Row>, Vec<&risk::Row>) =
        risks.rows.iter().partition(|row| row.place < learned.first_new);
    let risky = own.into_iter().filter(|row| row.chance >= model.threshold);
    let Some(row) = risky.max_by(|a, b| a.chance.total_cmp(&b.chance)) else {
        return Ok(Vec::new());
    };
    let above = past.iter().filter(|other| other.chance >= row.chance).count();
    let share = (above as f64 / past.len().max(1) as f64 * 100.0).ceil().max(1.0);
    Ok(vec![needs_a_look(learned, model, row, share)])
}

fn needs_a_look(learned: &Learned, model: &risk::Model, row: &risk::Row, share: f64) -> Finding {
    let history = &learned.history;
    let commit = &history.commits[row.place];
    let code = commit.changes.iter().filter(|one| class(&history.paths[one.path]) == Class::Code);
    let lines = |lines: LineChange| lines.added.saturating_add(lines.removed);
    let largest = code.max_by_key(|change| change.lines.map_or(0, lines));
    let largest = largest.map(|change| history.paths[change.path].as_str());
    let reasons = model.reasons(row).into_iter().take(MOST_REASONS);
    let place = largest.map(|path| Evidence::file(path, None, "most of its lines"));
    let mut evidence: Vec<Evidence> = place.into_iter().collect();
    evidence.extend(reasons.map(|reason| Evidence::commit(&commit.id, reason)));
    let chance = (row.chance * 100.0).round();
    let base = (model.proof.base() * 100.0).round();
    evidence.push(Evidence::number(
        chance,
        format!("per cent: the chance of a fix within 30 days; of all commits {base:.0}"),
    ));
    let short = short(commit);
    Finding::new(
        RISKY_COMMIT.id,
        Severity::Low,
        &commit.id,
        format!("{short} is among the riskiest {share:.0} % of commits here: {}", commit.subject),
        format!("A fix within 30 days of what it changed. {}", model.proof.words()),
        match largest {
            Some(path) => {
                format!("Let somebody else read it before it lands, beginning with {path}.")
            }
            None => "Let somebody else read it before it lands.".to_owned(),
        },
        evidence,
    )
}

/// What is open of a file that the change touches.
fn open(change: &Change, crew: &Crew) -> Vec<Finding> {
    let touched = touched(change);
    let here = crew.open.iter().filter(|finding| touched.contains(finding.target.as_str()));
    let mut here: Vec<Finding> = here.cloned().collect();
    // Stable: of equal ones the most worthwhile stays first.
    here.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    here
}

fn short(commit: &PastCommit) -> &str {
    commit.id.get(..10).unwrap_or(&commit.id)
}
