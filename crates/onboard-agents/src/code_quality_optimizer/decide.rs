//! What the index shows, as values: which files are hot, which of them are hard to follow, and what
//! is worth saying about them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use onboard_analysis::code::{FileMetrics, Function};
use onboard_analysis::commit_kind::{CommitKind, kind};
use onboard_analysis::facts::PastCommit;
use onboard_analysis::hotspot::{self, Decayed};
use onboard_analysis::path::{Class, class};
use onboard_text::counted;
use serde::{Deserialize, Serialize};

use super::copies::{self, Copy};
use crate::facts::ProjectFacts;
use crate::host::{Evidence, Finding, Fingerprint, Severity};
use crate::manual::{Bound, Rule};

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] = &[&HOTSPOT, &DEBT, &copies::COPY, &TREND];

/// `quality/hotspot`
pub const HOTSPOT: Rule = Rule {
    id: "quality/hotspot",
    says: "which function to split first, where the code is hard to follow, changed often and being \
           worked on.",
    why: "Simplifying pays where the next change comes. One of the three alone is no reason to act: \
          hard code that nobody touches costs nothing, and easy code that changes costs little.",
    when: &[
        Bound::at(
            "the file is among the hottest {} % by its changes and its fixes, each half as much after 180 \
             days, its size and its cognitive complexity",
            HOT_SHARE * 100.0,
            "of all scores that were tried the best at naming files with a fix in the next half-year \
             (docs/evaluation.md)",
        ),
        Bound::at(
            "its changes weigh {} or more",
            LEAST_CHANGES,
            "judgement: fewer say nothing about where work goes on",
        ),
        Bound::at(
            "the last is at most {} days ago",
            RECENT_DAYS,
            "judgement, after Google's experience (ICSE 2013): what is not about current work is not acted on",
        ),
        Bound::at(
            "a function has a cognitive complexity of {} or more",
            HARD_COGNITIVE as f64,
            "SonarSource warns from 15; r = .54 with the time it takes to understand code, over 24,000 \
             judgements (arXiv 2007.12520)",
        ),
        Bound::at(
            "or control structures nested {} deep",
            HARD_NESTING as f64,
            "where CodeScene's nested complexity begins",
        ),
    ],
    silence: "split the function, or leave the file alone for a month. Tests, and files that are \
              generated, vendored or minified, do not count.",
};

/// `quality/debt`
pub const DEBT: Rule = Rule {
    id: "quality/debt",
    says: "which notes of unfinished work to finish, in a file that is worked on.",
    why: "Whoever changes the file next works around what its notes say.",
    when: &[
        Bound::that(
            "the file is as hot as for `quality/hotspot`, and as lately changed",
            "as there",
        ),
        Bound::at(
            "it has {} notes or more (TODO, FIXME, HACK, XXX)",
            MANY_NOTES as f64,
            "judgement: fewer are ordinary",
        ),
    ],
    silence: "finish or drop some, or turn them into issues.",
};

/// `quality/trend`
pub const TREND: Rule = Rule {
    id: "quality/trend",
    says: "that functions which are hard to follow become more, beyond what the code grew by.",
    why: "Those who wrote them still know them: it is the cheapest moment to split them.",
    when: &[
        Bound::at(
            "compared with {} to 90 days ago",
            TREND_DAYS as f64,
            "judgement: shorter is one piece of work, longer is no news",
        ),
        Bound::at("{} more functions", TREND_LEAST as f64, "judgement: fewer may be one file"),
        Bound::at(
            "and {} % more, and more than the lines of code grew by",
            TREND_SHARE * 100.0,
            "judgement: a larger project has more of them",
        ),
    ],
    silence: "it ends when they become fewer again, or after 90 days.",
};

const DAY_MS: f64 = 86_400_000.0;
/// SonarSource's rule warns from 15; from 25 on reviewers agree that a function should be split.
const HARD_COGNITIVE: u32 = 25;
/// As deep as CodeScene's "nested complexity" begins.
const HARD_NESTING: u32 = 5;
/// Share of the files that counts as hot.
const HOT_SHARE: f64 = 0.1;
/// Fewer changes, decayed, say nothing about where work goes on.
pub const LEAST_CHANGES: f64 = 3.0;
/// Code that nobody works on now is not worth a word today.
pub const RECENT_DAYS: f64 = 30.0;
/// Notes of unfinished work in one file.
const MANY_NOTES: u32 = 4;
/// Worse than this is worth more than a remark.
const WORST_COGNITIVE: u32 = 60;
/// A trend needs this many days, this many more hard functions, and this share more.
const TREND_DAYS: i64 = 28;
const TREND_LEAST: u32 = 5;
const TREND_SHARE: f64 = 0.2;
/// A comparison further back than this says nothing about what happens now.
const TREND_FARTHEST_DAYS: i64 = 90;

/// Sums over the project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Source files with metrics, tests left out.
    pub files: u32,
    pub functions: u32,
    pub code_lines: u64,
    pub cognitive: u64,
    /// Functions that are hard to follow.
    pub hard: u32,
    pub notes: u32,
}

/// A source file and how much it is worked on.
#[derive(Clone, Debug, PartialEq)]
pub struct HotFile {
    /// In [`ProjectFacts::files`].
    pub row: usize,
    /// Its [score](hotspot::score).
    pub heat: f64,
    /// Decayed.
    pub weight: f64,
    /// In the last year.
    pub changes: u32,
    pub authors: usize,
    /// Days since the last change.
    pub idle_days: f64,
    /// Its newest changes, in [`onboard_analysis::facts::History::commits`].
    pub newest: Vec<usize>,
}

/// What the index amounts to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    pub totals: Totals,
    /// The hottest first.
    pub files: Vec<HotFile>,
}

/// Newest commits named as evidence.
const NEWEST: usize = 2;

#[derive(Default)]
struct Past {
    weight: Decayed,
    fixes: Decayed,
    changes: u32,
    authors: BTreeSet<usize>,
    last_ms: i64,
    newest: Vec<usize>,
}

/// Puts changes and metrics together.
pub fn measure(facts: &ProjectFacts, now_ms: i64) -> Quality {
    let past = changes_by_path(facts, now_ms);
    let mut quality = Quality::default();
    for (row, file) in facts.files.iter().enumerate() {
        let Some(metrics) = file.measured.file() else { continue };
        if class(&file.path) != Class::Code {
            continue;
        }
        add(&mut quality.totals, metrics);
        let Some(past) = past.get(file.path.as_str()) else { continue };
        quality.files.push(HotFile {
            row,
            heat: hotspot::score(hotspot::Known {
                revisions: past.weight.at(now_ms),
                fixes: past.fixes.at(now_ms),
                bytes: metrics.bytes,
                cognitive: metrics.cognitive(),
            }),
            weight: past.weight.at(now_ms),
            changes: past.changes,
            authors: past.authors.len(),
            idle_days: days(past.last_ms, now_ms),
            newest: past.newest.clone(),
        });
    }
    quality.files.sort_by(|a, b| b.heat.total_cmp(&a.heat).then(a.row.cmp(&b.row)));
    quality
}

fn add(totals: &mut Totals, metrics: &FileMetrics) {
    totals.files += 1;
    totals.functions += u32::try_from(metrics.functions.len()).unwrap_or(u32::MAX);
    totals.code_lines += u64::from(metrics.lines.code);
    totals.cognitive += u64::from(metrics.cognitive());
    totals.hard += u32::try_from(hard(metrics).count()).unwrap_or(u32::MAX);
    totals.notes += metrics.note_count;
}

fn days(from_ms: i64, to_ms: i64) -> f64 {
    // A commit that says it comes from the future is of today.
    (to_ms.saturating_sub(from_ms) as f64 / DAY_MS).max(0.0)
}

/// Changes of every path, under the name it has now.
fn changes_by_path(facts: &ProjectFacts, now_ms: i64) -> HashMap<&str, Past> {
    let history = &facts.history;
    let mut past: HashMap<usize, Past> = HashMap::new();
    for (place, commit) in history.commits.iter().enumerate() {
        for change in &commit.changes {
            // What was moved takes its past along.
            if let Some(from) = change.from.and_then(|from| past.remove(&from)) {
                past.insert(change.path, from);
            }
            note(past.entry(change.path).or_default(), place, commit, now_ms);
        }
    }
    past.into_iter().map(|(path, past)| (history.paths[path].as_str(), past)).collect()
}

fn note(past: &mut Past, place: usize, commit: &PastCommit, now_ms: i64) {
    let age = days(commit.committed_ms, now_ms);
    past.weight.add(commit.committed_ms.min(now_ms));
    if kind(&commit.subject).0 == CommitKind::Fix {
        past.fixes.add(commit.committed_ms.min(now_ms));
    }
    if age <= 365.0 {
        past.changes += 1;
        past.authors.insert(commit.author);
    }
    past.last_ms = past.last_ms.max(commit.committed_ms);
    past.newest.push(place);
    if past.newest.len() > NEWEST {
        past.newest.remove(0);
    }
}

fn is_hard(function: &Function) -> bool {
    function.cognitive >= HARD_COGNITIVE || function.nesting >= HARD_NESTING
}

fn hard(metrics: &FileMetrics) -> impl Iterator<Item = &Function> {
    metrics.functions.iter().filter(|function| !function.included && is_hard(function))
}

/// What is worth saying, the most worthwhile first.
pub fn judge(
    facts: &ProjectFacts,
    quality: &Quality,
    copies: &[Copy],
    days: &[(i64, Totals)],
    now_ms: i64,
) -> Vec<Finding> {
    let most = (quality.files.len() as f64 * HOT_SHARE).ceil() as usize;
    let mut ranked: Vec<(f64, Finding)> = Vec::new();
    for (rank, file) in quality.files.iter().take(most).enumerate() {
        if file.weight < LEAST_CHANGES || file.idle_days > RECENT_DAYS {
            continue;
        }
        let Some(metrics) = facts.files[file.row].measured.file() else { continue };
        if let Some(finding) = hotspot(facts, quality, file, metrics, rank, now_ms) {
            let worst = metrics.worst().map_or(0, |function| function.cognitive);
            ranked.push((file.heat * f64::from(worst + 1).ln(), finding));
        }
        if let Some(finding) = debt(facts, file, metrics) {
            ranked.push((file.heat, finding));
        }
    }
    ranked.extend(copies.iter().map(|copy| copies::finding(facts, quality, copy)));
    ranked.extend(trend(days).map(|finding| (f64::MAX, finding)));
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().map(|(_, finding)| finding).collect()
}

fn hotspot(
    facts: &ProjectFacts,
    quality: &Quality,
    file: &HotFile,
    metrics: &FileMetrics,
    rank: usize,
    now_ms: i64,
) -> Option<Finding> {
    let mut functions: Vec<&Function> = hard(metrics).collect();
    functions.sort_by_key(|function| std::cmp::Reverse((function.cognitive, function.length())));
    let worst = *functions.first()?;
    let path = facts.files[file.row].path.as_str();
    let name = worst.full_name();
    let what = match worst.cognitive >= HARD_COGNITIVE {
        true => format!("has cognitive complexity {}", worst.cognitive),
        false => format!("nests {} levels deep", worst.nesting),
    };
    let severity =
        if worst.cognitive >= WORST_COGNITIVE { Severity::Medium } else { Severity::Low };
    let mut evidence: Vec<Evidence> = functions
        .iter()
        .take(3)
        .map(|function| Evidence::file(path, Some(function.first_line), measures(function)))
        .collect();
    let changes = format!("changes in a year, by {}", counted(file.authors, "person", "people"));
    evidence.push(Evidence::number(f64::from(file.changes), changes));
    evidence.extend(file.newest.iter().rev().map(|place| {
        let commit = &facts.history.commits[*place];
        let ago = days(commit.committed_ms, now_ms).floor();
        Evidence::commit(&commit.id, format!("{ago:.0} days ago: {}", commit.subject))
    }));
    Some(Finding::new(
        HOTSPOT.id,
        severity,
        path,
        format!("{path} changes often and is hard to follow: {name} {what}"),
        format!(
            "{} in a year, the last {:.0} days ago: number {} of {} source files by changes and \
             size. {} hard to follow here (cognitive complexity of {HARD_COGNITIVE} or nesting of \
             {HARD_NESTING} and more).",
            counted(file.changes as usize, "change", "changes"),
            file.idle_days.floor(),
            rank + 1,
            quality.files.len(),
            match functions.len() {
                1 => "One function is".to_owned(),
                more => format!("{more} functions are"),
            },
        ),
        format!(
            "Before the next change, split {name} (lines {} to {}): give its most deeply nested \
             parts functions of their own.",
            worst.first_line, worst.last_line
        ),
        evidence,
    ))
}

fn measures(function: &Function) -> String {
    format!(
        "{}: cognitive complexity {}, cyclomatic {}, nesting {}, {} lines",
        function.full_name(),
        function.cognitive,
        function.cyclomatic,
        function.nesting,
        function.length()
    )
}

fn debt(facts: &ProjectFacts, file: &HotFile, metrics: &FileMetrics) -> Option<Finding> {
    if metrics.note_count < MANY_NOTES {
        return None;
    }
    let path = facts.files[file.row].path.as_str();
    let first = metrics.notes.first()?;
    let notes = metrics.notes.iter().take(5);
    let mut evidence: Vec<Evidence> =
        notes.map(|note| Evidence::file(path, Some(note.line), note.text.trim())).collect();
    evidence.push(Evidence::number(f64::from(file.changes), "changes in a year"));
    Some(Finding::new(
        DEBT.id,
        Severity::Low,
        path,
        format!("{path} changes often and has {} notes of unfinished work", metrics.note_count),
        format!(
            "{} in a year, the last {:.0} days ago; whoever changes it next works around what its \
             notes say.",
            counted(file.changes as usize, "change", "changes"),
            file.idle_days.floor(),
        ),
        format!(
            "Finish or drop the note in line {}, and turn those that stay into issues.",
            first.line
        ),
        evidence,
    ))
}

/// Of what was said of a file: where it is no longer so of its content, the commit that changed that
/// last. What is no longer worked on, and stays as it was, was not done.
pub fn done(
    facts: &ProjectFacts,
    reported: &BTreeSet<Fingerprint>,
) -> BTreeMap<Fingerprint, String> {
    let newest: HashMap<&str, &PastCommit> = changes(facts).collect();
    let mut done = BTreeMap::new();
    for file in &facts.files {
        let Some(metrics) = file.measured.file() else { continue };
        let Some(commit) = newest.get(file.path.as_str()) else { continue };
        let is_split = hard(metrics).next().is_none();
        let is_paid = metrics.note_count < MANY_NOTES;
        for (rule, is_done) in [(HOTSPOT.id, is_split), (DEBT.id, is_paid)] {
            for severity in [Severity::Low, Severity::Medium].into_iter().filter(|_| is_done) {
                let said = Finding::new(rule, severity, &file.path, "", "", "", Vec::new());
                if reported.contains(&said.fingerprint) {
                    done.insert(said.fingerprint, commit.id.clone());
                }
            }
        }
    }
    done
}

/// Paths and the commits that changed them, the newest last.
fn changes(facts: &ProjectFacts) -> impl Iterator<Item = (&str, &PastCommit)> {
    let history = &facts.history;
    history.commits.iter().flat_map(move |commit| {
        commit.changes.iter().map(move |change| (history.paths[change.path].as_str(), commit))
    })
}

/// Whether hard functions become more, beyond what the code grew by.
fn trend(days: &[(i64, Totals)]) -> Option<Finding> {
    let (today, now) = days.last()?;
    let is_apart =
        |(day, _): &&(i64, Totals)| (TREND_DAYS..=TREND_FARTHEST_DAYS).contains(&(today - *day));
    let (then, before) = days.iter().find(is_apart)?;
    let gained = now.hard.saturating_sub(before.hard);
    let share = f64::from(gained) / f64::from(before.hard.max(1));
    let growth = now.code_lines as f64 / before.code_lines.max(1) as f64 - 1.0;
    if gained < TREND_LEAST || share < TREND_SHARE || share <= growth {
        return None;
    }
    let span = today - then;
    Some(Finding::new(
        TREND.id,
        Severity::Medium,
        "project",
        format!("{gained} more functions are hard to follow than {span} days ago"),
        format!(
            "From {} to {} ({:+.0} %), while the code went from {} to {} lines ({:+.0} %).",
            before.hard,
            now.hard,
            share * 100.0,
            before.code_lines,
            now.code_lines,
            growth * 100.0
        ),
        "Split the new ones while those who wrote them still know them: see the hotspots.",
        vec![
            Evidence::number(f64::from(now.hard), "functions that are hard to follow now"),
            Evidence::number(f64::from(before.hard), format!("{span} days ago")),
        ],
    ))
}
