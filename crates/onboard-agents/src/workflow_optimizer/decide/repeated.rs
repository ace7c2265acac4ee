//! The same small commit, made by people again and again: what a program could do.

use std::collections::{BTreeMap, BTreeSet};

use onboard_analysis::calendar::{DAY_MS, day_of};
use onboard_analysis::commit_kind::CommitKind;
use onboard_analysis::facts::PastCommit;
use onboard_analysis::ledger::is_program;
use onboard_analysis::path::{Class, class, file_name};
use onboard_analysis::statistics::median;
use onboard_text::counted;

use super::{Seen, date};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::workflow_optimizer::observe::LOOK_BACK_MS;

/// `workflow/repeated-commit`
pub const REPEATED_COMMIT: Rule = Rule {
    id: "workflow/repeated-commit",
    says: "what a script could do: the same small commit, made by hand again and again.",
    why: "The commits show every step that the script has to make.",
    when: &[
        Bound::at(
            "people made it on {} days or more within a year",
            LEAST_DAYS as f64,
            "judgement: fewer are no routine",
        ),
        Bound::at(
            "the last within {} days",
            (RECENT_MS / DAY_MS) as f64,
            "judgement: what ended needs no script",
        ),
        Bound::that(
            "with the same files, and the same message but for numbers; or of locks and snapshots only",
            "what differs by numbers alone is made by a rule",
        ),
        Bound::at("at most {} files", MOST_FILES as f64, "judgement: more is no routine"),
        Bound::at(
            "and {} lines of each at the median",
            MOST_LINES,
            "judgement: more is written by hand",
        ),
    ],
    silence: "let a program make the commit. Commits of programs do not count, nor those of versions \
              where the project has a release script.",
};

/// Days in a year on which it was done; several times on one day are one time.
const LEAST_DAYS: usize = 5;
/// The last time is no longer ago than a quarter.
const RECENT_MS: i64 = 91 * DAY_MS;
/// A commit of more files is no routine.
const MOST_FILES: usize = 12;
/// Lines a file, at the median: more is written by hand, as a changelog is. Files that programs
/// write do not count.
const MOST_LINES: f64 = 10.0;
/// Code in which more than a version is set is written by hand.
const MOST_CODE_LINES: f64 = 2.0;
/// Commits named.
const MOST_NAMED: usize = 4;
/// Files named.
const MOST_PATHS: usize = 3;

/// Commits of one shape, oldest first.
struct Shape<'a> {
    message: String,
    paths: Vec<String>,
    commits: Vec<&'a PastCommit>,
    days: usize,
    /// Locks, snapshots and what belongs to them: no number tells one commit from another.
    machine_made: bool,
}

pub(super) fn find(seen: &Seen<'_>) -> Vec<Finding> {
    let mut shapes: Vec<Shape<'_>> =
        shapes(seen).into_iter().filter(|shape| is_routine(seen, shape)).collect();
    shapes.sort_by(|a, b| (b.days, &a.message).cmp(&(a.days, &b.message)));
    shapes.iter().map(|shape| finding(shape)).collect()
}

/// Commits of the year by their message and files, numbers left out.
fn shapes<'a>(seen: &Seen<'a>) -> Vec<Shape<'a>> {
    let since_ms = seen.flow.as_of_ms - LOOK_BACK_MS;
    let history = &seen.facts.history;
    let mut groups: BTreeMap<(String, Vec<String>), Vec<&PastCommit>> = BTreeMap::new();
    for commit in &history.commits {
        let is_work = !commit.merge && !commit.revert && commit.committed_ms >= since_ms;
        let files = commit.changes.len();
        if !is_work
            || !(1..=MOST_FILES).contains(&files)
            || is_program(&history.people[commit.author])
        {
            continue;
        }
        let paths: BTreeSet<String> =
            commit.changes.iter().map(|change| shown(&history.paths[change.path])).collect();
        let key = (template(&commit.subject), paths.into_iter().collect());
        groups.entry(key).or_default().push(commit);
    }
    let shape = |((message, paths), commits): ((String, Vec<String>), Vec<&'a PastCommit>)| {
        let days: BTreeSet<i64> = commits.iter().map(|commit| day_of(commit.authored_ms)).collect();
        let machine_made = paths.iter().any(|path| is_machine_made(path))
            && !message.contains('#')
            && paths.iter().all(|path| is_machine_made(path) || is_manifest(path));
        Shape { message, paths, days: days.len(), machine_made, commits }
    };
    groups.into_iter().map(shape).collect()
}

/// Whether a program could do it: its message is the same but for numbers, or its files are written
/// by programs; it is small; and it is no repair.
fn is_routine(seen: &Seen<'_>, shape: &Shape<'_>) -> bool {
    let Some(last) = shape.commits.last() else { return false };
    let is_recent = seen.flow.as_of_ms - last.committed_ms <= RECENT_MS;
    let is_telling = shape.machine_made || shape.message.contains('#');
    let is_repair =
        matches!(last.kind(), CommitKind::Fix | CommitKind::Feature | CommitKind::Revert);
    let is_release = !shape.machine_made && shape.message.contains('#') && has_release_tool(seen);
    shape.days >= LEAST_DAYS
        && is_recent
        && is_telling
        && !is_repair
        && !is_release
        && is_small(seen, shape)
}

fn is_small(seen: &Seen<'_>, shape: &Shape<'_>) -> bool {
    let paths = &seen.facts.history.paths;
    // The largest change of a file, where a small one of code counts as a large one of text.
    let size = |commit: &&PastCommit| -> Option<f64> {
        let own = commit.changes.iter().filter(|change| {
            let path = &paths[change.path];
            !(is_machine_made(path) || (shape.machine_made && is_manifest(path)))
        });
        own.map(|change| {
            let lines = change.lines.map(|lines| f64::from(lines.added.max(lines.removed)))?;
            let most = if is_code(&paths[change.path]) { MOST_CODE_LINES } else { MOST_LINES };
            Some(lines / most)
        })
        .try_fold(0.0_f64, |most, size| Some(most.max(size?)))
    };
    let sizes: Option<Vec<f64>> = shape.commits.iter().map(size).collect();
    sizes.and_then(|sizes| median(&sizes)).is_some_and(|size| size <= 1.0)
}

fn is_code(path: &str) -> bool {
    matches!(class(path), Class::Code | Class::Test)
}

/// What names dependencies: renewed together with its lock.
fn is_manifest(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    matches!(
        name.as_str(),
        "cargo.toml" | "package.json" | "go.mod" | "pyproject.toml" | "gemfile" | "composer.json"
    ) || (name.starts_with("requirements") && name.ends_with(".txt"))
}

/// Locks, snapshots and the like.
fn is_machine_made(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    let folders = path.to_ascii_lowercase();
    name.ends_with(".lock")
        || name.ends_with(".snap")
        || name.ends_with("-lock.json")
        || name.ends_with("-lock.yaml")
        || name == "go.sum"
        || folders.contains("__snapshots__/")
        || folders.contains("/generated/")
}

/// Whether the project has a tool that makes releases: then its commits are that tool's.
fn has_release_tool(seen: &Seen<'_>) -> bool {
    seen.facts.files.iter().any(|row| {
        let path = row.path.to_ascii_lowercase();
        let name = file_name(&path);
        let in_tools = path.split('/').any(|folder| {
            matches!(
                folder,
                "scripts"
                    | "script"
                    | "tools"
                    | "tool"
                    | "bin"
                    | "hack"
                    | "ci"
                    | "dev"
                    | "xtask"
                    | "admin"
                    | "maint"
                    | "build-tools"
            )
        });
        let is_text =
            [".md", ".txt", ".rst", ".yml", ".yaml"].iter().any(|end| name.ends_with(end));
        let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        let is_named = !is_text
            && words.any(|word| matches!(word, "release" | "publish" | "bump" | "maketgz"));
        let is_configuration = name.starts_with("release-please")
            || name.starts_with(".release")
            || name.starts_with("release-plz")
            || name.starts_with(".bumpversion")
            || name.starts_with(".goreleaser")
            || matches!(name, "release.toml" | "lerna.json" | "cliff.toml")
            || path.starts_with(".changeset/");
        (in_tools && is_named) || is_configuration
    })
}

/// A message without what differs each time: `chore: release # (#12)` is `chore: release #`.
fn template(subject: &str) -> String {
    let subject = subject.trim();
    let plain = match super::is_squashed(subject) {
        true => subject.rsplit_once("(#").map_or(subject, |(plain, _)| plain.trim_end()),
        false => subject,
    };
    // The number of an issue is no version.
    let words = plain.split_whitespace().map(|word| {
        match word.trim_matches(['(', ')', ',', ':']).starts_with('#') {
            true => String::new(),
            false => without_numbers(word),
        }
    });
    words.collect::<Vec<String>>().join(" ").to_lowercase()
}

/// A path without numbers: `news/1.2.md` is renewed as `news/1.3.md`. Code is what it is.
fn shown(path: &str) -> String {
    if is_code(path) { path.to_owned() } else { without_numbers(path) }
}

/// Numbers with the dots between them as `#`.
fn without_numbers(text: &str) -> String {
    let mut found = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let goes_on = found.ends_with('#')
            && letter == '.'
            && letters.peek().is_some_and(char::is_ascii_digit);
        if goes_on {
            continue;
        }
        match letter.is_ascii_digit() {
            true if found.ends_with('#') => {}
            true => found.push('#'),
            false => found.push(letter),
        }
    }
    found
}

fn finding(shape: &Shape<'_>) -> Finding {
    let people: BTreeSet<usize> = shape.commits.iter().map(|commit| commit.author).collect();
    let files = match shape.paths.as_slice() {
        [one] => one.clone(),
        [some @ .., last] if some.len() < MOST_PATHS => format!("{} and {last}", some.join(", ")),
        many => {
            format!("{} and {} more files", many[..MOST_PATHS].join(", "), many.len() - MOST_PATHS)
        }
    };
    let newest = shape.commits.iter().rev().take(MOST_NAMED);
    let mut evidence = vec![
        Evidence::number(
            shape.commits.len() as f64,
            format!("commits of this shape in a year, on {} days", shape.days),
        ),
        Evidence::number(people.len() as f64, if people.len() == 1 { "author" } else { "authors" }),
    ];
    evidence.extend(newest.map(|commit| {
        let day = date(commit.committed_ms);
        Evidence::commit(&commit.id, format!("{day}: {}", commit.subject))
    }));
    let model = shape.commits.last().map_or("", |commit| &commit.id[..commit.id.len().min(10)]);
    let action = match shape.machine_made {
        true => format!(
            "Let a job of the continuous integration renew {files} on a schedule and ask for a \
             merge; {model} is what it has to make."
        ),
        false => format!(
            "Put its steps into one script or job, if they are in none yet; {model} is what it has to make."
        ),
    };
    Finding::new(
        REPEATED_COMMIT.id,
        if shape.days >= 4 * LEAST_DAYS { Severity::Low } else { Severity::Info },
        &format!("{} in {}", shape.message, shape.paths.join(" "))
            .chars()
            .take(200)
            .collect::<String>(),
        format!(
            "“{}” was committed on {} days in a year, each time in {}",
            shape.message,
            shape.days,
            match shape.paths.len() {
                1 => files.clone(),
                many => format!("the same {many} files"),
            }
        ),
        format!(
            "{} in {files}, by {}. Message and files are the same each time but for numbers.",
            counted(shape.commits.len(), "commit", "commits"),
            counted(people.len(), "person", "people"),
        ),
        action,
        evidence,
    )
}

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn messages_without_what_differs() {
        let show = |subjects: &[&str]| {
            let templates: Vec<String> = subjects.iter().map(|subject| template(subject)).collect();
            templates.join("\n")
        };
        expect_test::expect![[r#"
            ignore-#
            chore: bump to #; update changelog
            release: v#-beta#
            close  and
            update snapshots
            #-#-#: nightly"#]]
        .assert_eq(&show(&[
            "ignore-0.4.33",
            "chore: bump to 0.101.0; update changelog (#17379)",
            "release: v7.0.0-beta1",
            "Close #12 and (#13)",
            "update snapshots",
            "2026-01-02: nightly",
        ]));
    }
}
