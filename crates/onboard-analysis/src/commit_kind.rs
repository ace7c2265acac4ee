//! What a commit is for, by what its subject says.
//!
//! A Conventional Commits type is believed. Without one, words decide: outside of such projects
//! this finds about half of the fixes, and says so by its [`Certainty`].

use serde::{Deserialize, Serialize};

/// What a commit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitKind {
    Fix,
    Feature,
    /// Refactoring, performance, style.
    Change,
    Test,
    Docs,
    /// Building, continuous integration, dependencies, releases.
    Chore,
    Revert,
    Unknown,
}

/// Why it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The commit declares it.
    Declared,
    /// Its words suggest it.
    Words,
    None,
}

const TYPES: &[(&str, CommitKind)] = &[
    ("fix", CommitKind::Fix),
    ("bugfix", CommitKind::Fix),
    ("hotfix", CommitKind::Fix),
    ("feat", CommitKind::Feature),
    ("feature", CommitKind::Feature),
    ("refactor", CommitKind::Change),
    ("perf", CommitKind::Change),
    ("style", CommitKind::Change),
    ("update", CommitKind::Change),
    ("test", CommitKind::Test),
    ("tests", CommitKind::Test),
    ("docs", CommitKind::Docs),
    ("doc", CommitKind::Docs),
    ("chore", CommitKind::Chore),
    ("build", CommitKind::Chore),
    ("ci", CommitKind::Chore),
    ("deps", CommitKind::Chore),
    ("release", CommitKind::Chore),
    ("upgrade", CommitKind::Chore),
    ("revert", CommitKind::Revert),
];

/// Words that say what a commit without a type is about; the first row with a hit decides.
const WORDS: &[(CommitKind, &[&str])] = &[
    (CommitKind::Revert, &["revert", "reverts", "reverted"]),
    (
        CommitKind::Docs,
        &[
            "doc",
            "docs",
            "documentation",
            "readme",
            "changelog",
            "typo",
            "typos",
            "comment",
            "comments",
            "spelling",
        ],
    ),
    (
        CommitKind::Chore,
        &[
            "bump",
            "bumps",
            "release",
            "ci",
            "workflow",
            "dependabot",
            "renovate",
            "merge",
            "version",
        ],
    ),
    (
        CommitKind::Fix,
        &[
            "fix",
            "fixes",
            "fixed",
            "fixing",
            "bug",
            "bugs",
            "crash",
            "crashes",
            "regression",
            "leak",
            "panic",
            "segfault",
            "overflow",
            "broken",
            "wrong",
            "incorrect",
            "deadlock",
            "race",
            "correct",
            "avoid",
            "prevent",
        ],
    ),
    (CommitKind::Test, &["test", "tests", "testing"]),
    (
        CommitKind::Feature,
        &[
            "add",
            "adds",
            "added",
            "implement",
            "implements",
            "introduce",
            "support",
            "new",
            "allow",
        ],
    ),
    (
        CommitKind::Change,
        &[
            "refactor",
            "refactoring",
            "cleanup",
            "clean",
            "simplify",
            "rename",
            "remove",
            "removes",
            "move",
            "improve",
            "optimize",
            "speed",
            "use",
        ],
    ),
];

/// Letters of a type with its scope: `fix(server)!:`.
const LONGEST_TYPE: usize = 60;

/// The kind of a commit, from the first line of its message.
pub fn kind(subject: &str) -> (CommitKind, Certainty) {
    if let Some(kind) = declared(subject) {
        return (kind, Certainty::Declared);
    }
    let lower = subject.to_lowercase();
    let words: Vec<&str> = lower.split(|letter: char| !letter.is_alphanumeric()).collect();
    let hit = WORDS.iter().find(|(_, known)| words.iter().any(|word| known.contains(word)));
    match hit {
        Some((kind, _)) => (*kind, Certainty::Words),
        None => (CommitKind::Unknown, Certainty::None),
    }
}

/// The type that a subject like `fix(server)!: text` declares.
fn declared(subject: &str) -> Option<CommitKind> {
    let (head, _) = subject.split_once(':').filter(|(head, _)| head.len() <= LONGEST_TYPE)?;
    let word = head.split(['(', '!', ' ']).next()?.to_lowercase();
    let rest = &head[word.len().min(head.len())..];
    let well_formed = rest.is_empty() || rest == "!" || rest.starts_with('(');
    let found = TYPES.iter().find(|(name, _)| *name == word)?;
    well_formed.then_some(found.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(subject: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", kind(subject)));
    }

    #[test]
    fn declared_and_guessed() {
        check("fix(server)!: close the socket", expect!["(Fix, Declared)"]);
        check("Feat: more", expect!["(Feature, Declared)"]);
        check("http: fix a leak", expect!["(Fix, Words)"]);
        check("Fix typo in readme", expect!["(Docs, Words)"]);
        check("Revert \"fix: x\"", expect!["(Revert, Words)"]);
        check("prefix everything", expect!["(Unknown, None)"]);
        check("", expect!["(Unknown, None)"]);
    }
}
