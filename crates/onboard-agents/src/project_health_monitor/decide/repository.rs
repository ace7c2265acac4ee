//! Can the repository be read, and what does its state leave unseen?

use onboard_text::counted;

use super::{Facts, OpenFacts, RepositoryFacts};
use crate::git::{Head, MEND_OBJECTS, OpenError};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/repository-damaged`
pub const REPOSITORY_DAMAGED: Rule = Rule {
    id: "health/repository-damaged",
    says: "that objects, HEAD or the git folder can't be read, and what mends it.",
    why: "Damage is mended from another clone while there is one. Until then figures are of what can \
          still be read, so there is no health score.",
    when: &[Bound::that("something that git needs can't be read", "a fact, not a judgement")],
    silence: "mend it.",
};

/// `health/head-unborn`
pub const HEAD_UNBORN: Rule = Rule {
    id: "health/head-unborn",
    says: "that HEAD names a branch that does not exist, and which was looked at instead.",
    why: "The next commit would begin a history of its own.",
    when: &[Bound::that(
        "HEAD leads to no commit, and other branches have some",
        "a fact, not a judgement",
    )],
    silence: "check out a branch that exists.",
};

/// `health/broken-references`
pub const BROKEN_REFERENCES: Rule = Rule {
    id: "health/broken-references",
    says: "which branches and tags lead nowhere.",
    why: "What they named may be lost here and still be in another clone; tools that list branches \
          fail on them.",
    when: &[Bound::that(
        "a name under `refs` leads to no object, or can't be read",
        "a fact, not a judgement",
    )],
    silence: "fetch them again, or delete them.",
};

pub fn judge(facts: &Facts) -> Vec<Finding> {
    match &facts.repository {
        RepositoryFacts::Closed(OpenError::Absent | OpenError::Unsupported(_)) => Vec::new(),
        RepositoryFacts::Closed(OpenError::Broken { what, mend }) => {
            vec![damaged(what, mend, Vec::new())]
        }
        RepositoryFacts::Empty { head: Head::Broken(what) } => {
            vec![damaged(&format!("HEAD: {what}"), MEND_HEAD, Vec::new())]
        }
        RepositoryFacts::Empty { .. } => Vec::new(),
        RepositoryFacts::Open(open) => judge_open(open),
    }
}

fn judge_open(open: &OpenFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !open.unreadable.is_empty() {
        let what =
            format!("{} cannot be read", counted(open.unreadable.len(), "object", "objects"));
        let evidence = open.unreadable.iter().map(|(id, why)| Evidence::commit(id, why.clone()));
        findings.push(damaged(&what, MEND_OBJECTS, evidence.collect()));
    }
    if let Head::Broken(what) = &open.head {
        findings.push(damaged(&format!("HEAD: {what}"), MEND_HEAD, Vec::new()));
    }
    if let Head::Unborn(branch) = &open.head {
        findings.push(Finding::new(
            HEAD_UNBORN.id,
            Severity::Medium,
            "HEAD",
            format!("HEAD names the branch {branch}, which does not exist"),
            format!("{} was looked at instead.", open.mainline),
            format!("Check out an existing branch, such as {}.", open.mainline),
            vec![Evidence::branch(&open.tip, open.mainline.clone())],
        ));
    }
    if !open.broken_references.is_empty() {
        findings.push(Finding::new(
            BROKEN_REFERENCES.id,
            Severity::Medium,
            "references",
            format!(
                "{} lead nowhere",
                counted(open.broken_references.len(), "branch or tag name", "branch or tag names")
            ),
            format!(
                "{}.",
                open.broken_references.iter().take(8).cloned().collect::<Vec<_>>().join(", ")
            ),
            "Fetch them again from a healthy clone, or delete them.",
            Vec::new(),
        ));
    }
    findings
}

fn damaged(what: &str, mend: &str, evidence: Vec<Evidence>) -> Finding {
    Finding::new(
        REPOSITORY_DAMAGED.id,
        Severity::High,
        "repository",
        "The git repository cannot be read as it should",
        format!("{what}."),
        mend,
        evidence,
    )
}

const MEND_HEAD: &str = "Write the branch into .git/HEAD again: one line, `ref: refs/heads/main`.";

/// What the state of the repository hides.
pub fn limits(open: &OpenFacts) -> Vec<String> {
    let mut limits = Vec::new();
    if open.shallow {
        limits.push(format!(
            "a shallow clone: {} commits are here, so ownership is unknown and trends are short",
            open.ledger.commits
        ));
    }
    if open.partial {
        limits.push("a partial clone: what is not here was not read".to_owned());
    }
    if !open.unreadable.is_empty() {
        limits.push(format!(
            "damaged objects: {} commits could be read, so ownership is unknown and trends may be wrong",
            open.ledger.commits
        ));
    }
    if open.bare {
        limits.push("a bare repository: only what is committed was looked at".to_owned());
    }
    if open.submodules > 0 {
        limits.push(format!(
            "{} not looked into",
            counted(open.submodules, "submodule", "submodules")
        ));
    }
    if open.ledger.future_dated > 0 {
        let commits = counted(open.ledger.future_dated as usize, "commit", "commits");
        limits.push(format!("{commits} with impossible dates left out of all trends"));
    }
    if open.ledger.dropped_files > 0 {
        limits.push(format!(
            "authors of the {} files changed longest ago are not kept",
            open.ledger.dropped_files
        ));
    }
    if let Head::Detached(_) = open.head {
        limits.push(format!("HEAD is detached; {} was looked at", open.mainline));
    }
    if let Head::Branch(name) = &open.head
        && *name != open.mainline
    {
        limits.push(format!("HEAD is on {name}; {} was looked at", open.mainline));
    }
    limits
}
