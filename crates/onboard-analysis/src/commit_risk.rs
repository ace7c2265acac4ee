//! How likely a commit brings a fault that will have to be fixed.
//!
//! A logistic regression over measures of the change, of the files' past and of the author's
//! (Kamei et al., "A large-scale empirical study of just-in-time quality assurance", 2013), fitted
//! to commits whose faults are known. [`RiskHistory`] is folded commit by commit, and a commit is
//! judged before it is folded.

use std::collections::{BTreeMap, HashMap};

use crate::commit_kind::{CommitKind, kind};
use crate::history::{CommitFacts, FileChange};
use crate::hotspot::Decayed;
use crate::logistic::Logistic;
use crate::path::{Class, class, key};

/// The features, in the order of the model's weights.
pub const FEATURES: [&str; 22] = [
    "lines added",
    "lines removed",
    "files changed",
    "folders changed",
    "top folders changed",
    "spread over files",
    "size of the files",
    "revisions of the files",
    "most revised file",
    "earlier fixes of the files",
    "people who changed the files",
    "days since the files changed",
    "commits of the author",
    "recent commits of the author",
    "author's part in the files",
    "says it fixes",
    "says it adds",
    "changes tests",
    "share of test lines",
    "share of new files",
    "share of code files",
    "length of the subject",
];

/// Files and authors kept; beyond that new ones are not told apart.
const MOST_KEPT: usize = 300_000;
/// Authors counted of one file.
const MOST_AUTHORS: usize = 32;
const DAY_MS: f64 = 86_400_000.0;

#[derive(Clone, Debug, Default)]
struct File {
    lines: i64,
    revisions: Decayed,
    fixes: Decayed,
    last_ms: i64,
    authors: BTreeMap<u64, u32>,
    all: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Author {
    commits: u32,
    recent: Decayed,
}

/// What the judgement of the next commit needs of all before.
#[derive(Clone, Debug, Default)]
pub struct RiskHistory {
    files: HashMap<u64, File>,
    authors: HashMap<u64, Author>,
}

/// A commit's risk with what speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    pub probability: f64,
    /// The features that raise it most, with what they add to the log-odds.
    pub reasons: Vec<(&'static str, f64)>,
}

/// Reasons given: what fits into one sentence.
const MOST_REASONS: usize = 3;

/// Judges a commit by its features; reasons are where it differs from a usual one.
pub fn judge(features: &[f64; FEATURES.len()], usual: &[f64], model: &Logistic) -> Risk {
    let parts = model.contributions(features).into_iter().zip(model.contributions(usual));
    let mut reasons: Vec<(&str, f64)> = FEATURES
        .into_iter()
        .zip(parts.map(|(part, usual)| part - usual))
        .filter(|(_, part)| *part > 0.0)
        .collect();
    reasons.sort_by(|a, b| b.1.total_cmp(&a.1));
    reasons.truncate(MOST_REASONS);
    Risk { probability: model.probability(features), reasons }
}

impl RiskHistory {
    /// The features of a commit that is not folded yet; `None` where it changes no code.
    pub fn features(&self, facts: &CommitFacts) -> Option<[f64; FEATURES.len()]> {
        let at_ms = facts.commit.committed_ms;
        let changes = facts.changes.as_deref()?;
        let touched: Vec<Touched<'_>> = changes.iter().filter_map(Touched::of).collect();
        let code = touched.iter().filter(|one| !one.is_test).count();
        if code == 0 {
            return None;
        }
        let count = touched.len() as f64;
        let sum = |of: fn(&Touched<'_>) -> f64| touched.iter().map(of).sum::<f64>();
        let (added, removed) = (sum(|one| one.added), sum(|one| one.removed));
        let test_lines = sum(|one| if one.is_test { one.lines() } else { 0.0 });
        let folders = |depth: fn(&str) -> &str| {
            let mut all: Vec<&str> = touched.iter().map(|one| depth(one.path)).collect();
            all.sort_unstable();
            all.dedup();
            all.len() as f64
        };
        let past: Vec<&File> = touched.iter().filter_map(|one| self.files.get(&one.past)).collect();
        let mean =
            |of: &dyn Fn(&File) -> f64| past.iter().map(|file| of(file)).sum::<f64>() / count;
        let who = author_key(facts);
        let author = self.authors.get(&who).copied().unwrap_or_default();
        let part = mean(&|file| {
            f64::from(file.authors.get(&who).copied().unwrap_or(0)) / f64::from(file.all.max(1))
        });
        let days =
            |file: &File| (at_ms.saturating_sub(file.last_ms).max(0) as f64 / DAY_MS).ln_1p();
        let most = past.iter().map(|file| file.revisions.at(at_ms)).fold(0.0, f64::max);
        let people = past.iter().map(|file| file.authors.len()).max().unwrap_or(0);
        let (said, _) = kind(&facts.commit.subject);
        let tests = sum(|one| f64::from(one.is_test));
        Some([
            added.ln_1p(),
            removed.ln_1p(),
            count.ln_1p(),
            folders(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder)).ln_1p(),
            folders(|path| path.split('/').next().unwrap_or_default()).ln_1p(),
            spread(touched.iter().map(Touched::lines), added + removed),
            mean(&|file| file.lines.max(0) as f64).ln_1p(),
            past.iter().map(|file| file.revisions.at(at_ms)).sum::<f64>().ln_1p(),
            most.ln_1p(),
            past.iter().map(|file| file.fixes.at(at_ms)).sum::<f64>().ln_1p(),
            (people as f64).ln_1p(),
            mean(&|file| days(file)),
            f64::from(author.commits).ln_1p(),
            author.recent.at(at_ms).ln_1p(),
            part,
            f64::from(said == CommitKind::Fix),
            f64::from(said == CommitKind::Feature),
            f64::from(tests > 0.0),
            if added + removed > 0.0 { test_lines / (added + removed) } else { 0.0 },
            sum(|one| f64::from(one.is_new)) / count,
            code as f64 / changes.len() as f64,
            (facts.commit.subject.chars().count() as f64).ln_1p(),
        ])
    }

    /// Takes a commit in.
    pub fn fold(&mut self, facts: &CommitFacts) {
        let Some(changes) = &facts.changes else { return };
        let at_ms = facts.commit.committed_ms;
        let who = author_key(facts);
        if self.authors.len() < MOST_KEPT || self.authors.contains_key(&who) {
            let author = self.authors.entry(who).or_default();
            author.commits += 1;
            author.recent.add(at_ms);
        }
        let fixes = kind(&facts.commit.subject).0 == CommitKind::Fix;
        for change in changes {
            let before = self.files.remove(&past_key(change)).unwrap_or_default();
            if change.new.is_none() || self.files.len() >= MOST_KEPT {
                continue;
            }
            let mut file = before;
            let lines = change.lines.unwrap_or_default();
            file.lines += i64::from(lines.added) - i64::from(lines.removed);
            file.revisions.add(at_ms);
            file.last_ms = file.last_ms.max(at_ms);
            file.all += 1;
            if fixes {
                file.fixes.add(at_ms);
            }
            if file.authors.len() < MOST_AUTHORS || file.authors.contains_key(&who) {
                *file.authors.entry(who).or_default() += 1;
            }
            self.files.insert(change.key, file);
        }
    }
}

/// A code or test file in a commit.
struct Touched<'a> {
    path: &'a str,
    past: u64,
    is_test: bool,
    is_new: bool,
    added: f64,
    removed: f64,
}

impl<'a> Touched<'a> {
    fn of(change: &'a FileChange) -> Option<Self> {
        let class = class(&change.path);
        let lines = change.lines.unwrap_or_default();
        matches!(class, Class::Code | Class::Test).then(|| Self {
            path: &change.path,
            past: past_key(change),
            is_test: class == Class::Test,
            is_new: change.old.is_none(),
            added: f64::from(lines.added),
            removed: f64::from(lines.removed),
        })
    }

    fn lines(&self) -> f64 {
        self.added + self.removed
    }
}

/// The key under which a change's past is kept: a renamed file's is its old path's.
fn past_key(change: &FileChange) -> u64 {
    change.old_path.as_ref().map_or(change.key, |old| key(old.as_bytes()))
}

fn author_key(facts: &CommitFacts) -> u64 {
    key(facts.commit.author.email.to_lowercase().as_bytes())
}

/// Entropy of the lines over the files, as a share of the most it could be.
fn spread(lines: impl Iterator<Item = f64>, total: f64) -> f64 {
    if total <= 0.0 {
        return 0.0;
    }
    let parts: Vec<f64> = lines.map(|lines| lines / total).collect();
    let entropy: f64 = parts.iter().filter(|part| **part > 0.0).map(|part| -part * part.ln()).sum();
    if parts.len() > 1 { entropy / (parts.len() as f64).ln() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Commit, LineChange, Person};

    fn facts(day: i64, subject: &str, changes: &[(&str, u32)]) -> CommitFacts {
        let at_ms = day * 86_400_000;
        let change = |(path, added): &(&str, u32)| FileChange {
            path: (*path).to_owned(),
            key: key(path.as_bytes()),
            old_path: None,
            old: Some([0; 20]),
            new: Some([1; 20]),
            lines: Some(LineChange { added: *added, removed: 1 }),
        };
        CommitFacts {
            commit: Commit {
                id: String::new(),
                author: Person { name: "Ada".into(), email: "Ada@example.org".into() },
                authored_ms: at_ms,
                committed_ms: at_ms,
                merge: false,
                subject: subject.into(),
                names_reverted: false,
            },
            parents: Vec::new(),
            changes: Some(changes.iter().map(change).collect()),
            cut: false,
        }
    }

    #[test]
    fn a_large_change_of_a_troubled_file_is_riskier() {
        let mut history = RiskHistory::default();
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        for day in 0..60 {
            // Large changes bring faults here, small ones do not.
            let lines = if day % 3 == 0 { 400 } else { 10 + day as u32 % 7 };
            let commit = facts(day, "fix: again", &[("src/troubled.rs", lines)]);
            rows.push(history.features(&commit).expect("code").to_vec());
            faults.push(day % 3 == 0 || day % 13 == 0);
            history.fold(&commit);
        }
        let model = Logistic::fit(&rows, &faults, 1.0).expect("a fit");
        let judge = |changes: &[(&str, u32)]| {
            let features = history.features(&facts(61, "fix: more", changes));
            features.map(|features| judge(&features, &model.means, &model))
        };
        let small = judge(&[("src/troubled.rs", 1)]).expect("code");
        let large = judge(&[("src/troubled.rs", 900)]).expect("code");
        assert!(large.probability > 2.0 * small.probability, "{large:?} {small:?}");
        assert_eq!(large.reasons[0].0, "lines added", "{large:?}");
        assert_eq!(judge(&[("README.md", 5)]), None);
    }

    #[test]
    fn a_renamed_file_keeps_its_past() {
        let mut history = RiskHistory::default();
        history.fold(&facts(1, "fix: x", &[("src/a.rs", 9)]));
        let mut moved = facts(2, "move", &[("src/b.rs", 0)]);
        if let Some(changes) = &mut moved.changes {
            changes[0].old_path = Some("src/a.rs".to_owned());
        }
        let fixes = |facts: &CommitFacts| history.features(facts).expect("code")[9];
        assert!(fixes(&moved) > 0.5);
        assert!(fixes(&facts(2, "other", &[("src/c.rs", 1)])) < 0.1);
    }
}
