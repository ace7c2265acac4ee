//! Code that is in two files which are worked on together: what is changed in one of them has to be
//! changed in the other.
//!
//! A copy alone is no reason to act, and most of what token counters report is idiom. So files are
//! compared only where history shows that they change together, and only within functions.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use onboard_analysis::clones::{ClonePair, Index, Place, fingerprints};
use onboard_analysis::code::{FileMetrics, Function, Token, measure_with_tokens};
use onboard_analysis::history::ChangeKind;
use onboard_text::counted;

use super::decide::{HotFile, LEAST_CHANGES, Quality, RECENT_DAYS};
use crate::facts::ProjectFacts;
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `quality/copy`
pub const COPY: Rule = Rule {
    id: "quality/copy",
    says: "which two functions are copies of one another, in files that change together.",
    why: "What is changed in one of them has to be changed in the other, and sooner or later it is not.",
    when: &[
        Bound::at(
            "the files changed together {} times or more within a year",
            LEAST_TOGETHER as f64,
            "judgement: fewer may be chance, and a copy that rests costs nothing",
        ),
        Bound::at(
            "the changes of each weigh {} or more, one of them changed within 30 days",
            LEAST_CHANGES,
            "as for `quality/hotspot`",
        ),
        Bound::at(
            "a function of one has {} words and signs in common with a function of the other, names and \
             constants aside, a line more or less stepped over",
            LEAST_TOKENS as f64,
            "judgement: some ten full lines; what is found of planted copies is in docs/evaluation.md",
        ),
    ],
    silence: "unite them, or let them grow apart. Lists of imports and tables do not count, nor does \
              what is outside of functions.",
};

/// Files that are looked at, the hottest: their tokens are some megabytes.
const MOST_FILES: usize = 150;
/// Tokens kept of them all: eight bytes each.
const MOST_TOKENS: usize = 2_000_000;
/// Pairs of files that are compared, those that change together most.
const MOST_PAIRS: usize = 300;
/// A commit over more files than this says nothing about pairs.
const MOST_CHANGED: usize = 15;
/// Changes of both within a year; fewer may be chance.
const LEAST_TOGETHER: usize = 3;
const YEAR_MS: i64 = 365 * 86_400_000;
/// Equal tokens of a copy that is worth uniting, some ten full lines; half as many is idiom.
const LEAST_TOKENS: u32 = 100;
/// The share of a copy's lines that one function holds: lists of imports and tables are alike too.
const LEAST_WITHIN: f64 = 0.7;
/// Newest commits named as evidence.
const NEWEST: usize = 2;

/// A copy, with what its two sides are.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// In [`Quality::files`], the hotter first.
    files: [usize; 2],
    places: [Place; 2],
    functions: [String; 2],
    tokens: u32,
    /// Other copies that the two share.
    more: usize,
    /// Commits of the last year that changed both, the newest first, in
    /// [`onboard_analysis::facts::History::commits`].
    commits: Vec<usize>,
}

/// Finds them; `content` gives the content of a file of the index, where it can be read.
pub fn copies(
    facts: &ProjectFacts,
    quality: &Quality,
    content: &dyn Fn(&str) -> Option<Vec<u8>>,
    now_ms: i64,
) -> Vec<Copy> {
    let pairs = changed_together(facts, quality, now_ms);
    let mut wanted: Vec<usize> = pairs.iter().flat_map(|(pair, _)| *pair).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let read = read(facts, quality, &wanted, content);
    let mut index = Index::default();
    for (file, (_, tokens)) in &read {
        index.add(u32::try_from(*file).unwrap_or(u32::MAX), &fingerprints(tokens));
    }
    let found = index.clones(|file| read.get(&(file as usize)).map(|(_, tokens)| tokens.clone()));
    let mut by_pair: BTreeMap<[usize; 2], Vec<&ClonePair>> = BTreeMap::new();
    for pair in found.pairs.iter().filter(|pair| pair.tokens >= LEAST_TOKENS) {
        by_pair.entry([pair.one.file as usize, pair.other.file as usize]).or_default().push(pair);
    }
    let copy = |(files, commits): ([usize; 2], Vec<usize>)| {
        let shared = by_pair.get(&files)?;
        let function = |place: &Place| function_of(&read.get(&(place.file as usize))?.0, place);
        let mut within: Vec<(&ClonePair, [String; 2])> = shared
            .iter()
            .filter_map(|pair| Some((*pair, [function(&pair.one)?, function(&pair.other)?])))
            .collect();
        within.sort_by_key(|(pair, _)| core::cmp::Reverse((pair.tokens, pair.one)));
        let more = within.len().saturating_sub(1);
        let (pair, functions) = within.into_iter().next()?;
        let places = [pair.one, pair.other];
        Some(Copy { files, places, functions, tokens: pair.tokens, more, commits })
    };
    pairs.into_iter().filter_map(copy).collect()
}

/// Pairs of hot files, one of them just worked on, with the commits of the last year that changed
/// both.
fn changed_together(
    facts: &ProjectFacts,
    quality: &Quality,
    now_ms: i64,
) -> Vec<([usize; 2], Vec<usize>)> {
    let hot = quality.files.iter().enumerate().take(MOST_FILES);
    let hot = hot.filter(|(_, file)| file.weight >= LEAST_CHANGES);
    let by_path: HashMap<&str, usize> =
        hot.map(|(at, file)| (facts.files[file.row].path.as_str(), at)).collect();
    let history = &facts.history;
    // What a path of then is called today; it is walked back in time.
    let mut today: HashMap<usize, usize> = HashMap::new();
    let mut pairs: BTreeMap<[usize; 2], Vec<usize>> = BTreeMap::new();
    for (place, commit) in history.commits.iter().enumerate().rev() {
        if commit.committed_ms < now_ms - YEAR_MS {
            break;
        }
        let changes = commit.changes.iter().filter(|change| change.kind != ChangeKind::Deleted);
        let mut files: Vec<usize> = Vec::new();
        for change in changes {
            let name = today.get(&change.path).copied().unwrap_or(change.path);
            if let Some(from) = change.from {
                today.insert(from, name);
            }
            files.extend(by_path.get(history.paths[name].as_str()));
        }
        files.sort_unstable();
        files.dedup();
        if commit.merge || commit.changes.len() > MOST_CHANGED {
            continue;
        }
        for (at, one) in files.iter().enumerate() {
            for other in &files[at + 1..] {
                pairs.entry([*one, *other]).or_default().push(place);
            }
        }
    }
    let is_recent = |at: usize| quality.files[at].idle_days <= RECENT_DAYS;
    let mut pairs: Vec<([usize; 2], Vec<usize>)> = pairs
        .into_iter()
        .filter(|(pair, commits)| {
            commits.len() >= LEAST_TOGETHER && pair.iter().any(|at| is_recent(*at))
        })
        .collect();
    pairs.sort_by_key(|(pair, commits)| (core::cmp::Reverse(commits.len()), *pair));
    pairs.truncate(MOST_PAIRS);
    pairs
}

type Read = BTreeMap<usize, (FileMetrics, Rc<[Token]>)>;

fn read(
    facts: &ProjectFacts,
    quality: &Quality,
    wanted: &[usize],
    content: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Read {
    let mut read = Read::new();
    let mut left = MOST_TOKENS;
    for at in wanted {
        let row = &facts.files[quality.files[*at].row];
        let Some(content) = content(&row.blob) else { continue };
        let (measured, tokens) = measure_with_tokens(&row.path, &content);
        let (Some(metrics), Some(less)) = (measured.file(), left.checked_sub(tokens.len())) else {
            continue;
        };
        left = less;
        read.insert(*at, (metrics.clone(), tokens.into()));
    }
    read
}

/// The function that most of a place is in.
fn function_of(metrics: &FileMetrics, place: &Place) -> Option<String> {
    let shared = |function: &Function| {
        let last = function.last_line.min(place.last_line) + 1;
        last.saturating_sub(function.first_line.max(place.first_line))
    };
    let most = metrics.functions.iter().max_by_key(|function| {
        // Of one inside of another, the inner.
        (shared(function), core::cmp::Reverse(function.length()))
    })?;
    let lines = place.last_line - place.first_line + 1;
    (f64::from(shared(most)) >= LEAST_WITHIN * f64::from(lines)).then(|| most.full_name())
}

/// What is to be said of a copy, with what it is worth.
pub fn finding(facts: &ProjectFacts, quality: &Quality, copy: &Copy) -> (f64, Finding) {
    let hot: [&HotFile; 2] = copy.files.map(|at| &quality.files[at]);
    let [one, other] = hot.map(|file| facts.files[file.row].path.as_str());
    let lines = |place: &Place| place.last_line - place.first_line + 1;
    let side = |at: usize, path: &str| {
        let place = &copy.places[at];
        let text =
            format!("{}: lines {} to {}", copy.functions[at], place.first_line, place.last_line);
        Evidence::file(path, Some(place.first_line), text)
    };
    let mut evidence = vec![side(0, one), side(1, other)];
    let together = copy.commits.len();
    evidence.push(Evidence::number(together as f64, "changes of both in a year"));
    evidence.extend(copy.commits.iter().take(NEWEST).map(|place| {
        let commit = &facts.history.commits[*place];
        Evidence::commit(&commit.id, format!("both: {}", commit.subject))
    }));
    let more = match copy.more {
        0 => String::new(),
        more => format!(" They share {} more.", counted(more, "stretch", "stretches")),
    };
    let [f, g] = &copy.functions;
    let finding = Finding::new(
        COPY.id,
        Severity::Low,
        &format!("{one} and {other}"),
        format!(
            "{one} and {other} have {} lines in common and change together",
            lines(&copy.places[0])
        ),
        format!(
            "{} words and signs of {f} are those of {g}, names and constants aside, and {together} \
             commits of the last year changed both files.{more}",
            copy.tokens
        ),
        format!(
            "Give {f} and {g} one function for it before the next change, or note in each that the other has to follow."
        ),
        evidence,
    );
    (hot[0].heat * f64::from(copy.tokens / 50).ln_1p(), finding)
}
