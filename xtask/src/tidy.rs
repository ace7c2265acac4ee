//! Project checks that no compiler does: each problem names file, line and remedy.
//!
//! The checks are functions of (path, text), grouped by what they read: `source` (Rust), `manifest`
//! (Cargo.toml), `prose` (any text), `links` (Markdown), `reached` (files under
//! `tests/`), `agreement` (files that repeat each other) and `unused` (dependencies).

mod agreement;
mod links;
mod manifest;
mod prose;
mod reached;
mod source;
mod unused;

use std::fmt;
use std::path::Path;

use crate::workspace::Workspace;

/// A text file of the workspace: its path from the root, with `/`, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Lines with their numbers, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(idx, line)| (idx + 1, line))
    }
}

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub path: String,
    pub line: usize,
    pub what: String,
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.what, self.remedy)
    }
}

fn problem(
    file: &File,
    line: usize,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    Problem { path: file.path.clone(), line, what: what.into(), remedy: remedy.into() }
}

/// Rules that some file has a reason to be free of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Words that mark unfinished or careless code.
    Words,
    /// Marks of open work in comments.
    OpenWork,
    /// Paths of a workplace.
    Places,
    /// Hosts of registries.
    Registries,
    /// White space at the end of a line, and the newline at the end of a file.
    Whitespace,
}

/// Rules with the places (path prefixes) they do not hold for, and above each the reason.
const EXEMPTIONS: &[(Rule, &[&str])] = &[
    // The rules and their tests spell what they refuse.
    (Rule::Words, &["xtask/src/tidy"]),
    (Rule::Places, &["xtask/src/tidy"]),
    // Public registries are named where the product asks them what they know of a project's packages,
    // where that is tested, and where people read whom they would allow.
    (
        Rule::Registries,
        &[
            "xtask/src/tidy",
            "crates/onboard-agents/src/external_tool_integration/",
            "crates/onboard-agents/tests/crew/registry_",
            "crates/onboard-agents/tests/support/registry.rs",
            "crates/onboard-cli/tests/commands/registry.rs",
            "docs/agents/external-tool-integration.md",
        ],
    ),
    (Rule::Whitespace, &["xtask/src/tidy"]),
    // Marks of open work are data of those who count them, the health monitor and an example:
    // in their sources, in the tests that run them, and where their findings are explained.
    (
        Rule::OpenWork,
        &[
            "xtask/src/tidy",
            "crates/onboard-agents/",
            "crates/onboard-analysis/",
            "crates/onboard-cli/tests/",
            "crates/onboard-protocol/tests/",
            "examples/agents/todo-counter-sh/",
            "docs/",
            "README.md",
        ],
    ),
    // The licences' texts are kept as published.
    (Rule::Whitespace, &["LICENSE-"]),
];

fn exempt(rule: Rule, path: &str) -> bool {
    let mut places = EXEMPTIONS.iter().filter(|(freed, _)| *freed == rule).flat_map(|(_, at)| *at);
    places.any(|place| path.starts_with(place))
}

/// Every problem in these files, in order of place.
pub fn problems(files: &[File]) -> Vec<Problem> {
    let mut found = Vec::new();
    for file in files {
        found.extend(prose::problems(file));
        if file.is_rust() {
            found.extend(source::problems(file));
        }
        if file.name() == "Cargo.toml" {
            found.extend(manifest::problems(file));
        }
        if file.path.ends_with(".md") {
            found.extend(links::problems(file, files));
        }
    }
    found.extend(reached::problems(files));
    found.extend(agreement::problems(files));
    found.extend(unused::problems(files));
    found.sort();
    found.dedup();
    found
}

/// Whether people write this file: the lock file is made by cargo, and what fuzzing starts from is
/// bytes that may look like text.
fn is_ours(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name != "Cargo.lock") && !path.starts_with("fuzz/corpus")
}

/// Reads the workspace's text files; what is not UTF-8 is not text and is left out.
fn read(workspace: &Workspace) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for path in workspace.files()?.into_iter().filter(|path| is_ours(path)) {
        let bytes = std::fs::read(workspace.root.join(&path))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.to_string_lossy().into_owned(), text });
        }
    }
    Ok(files)
}

/// `cargo xtask tidy`.
pub fn run(workspace: &Workspace, _: &[String]) -> Result<(), String> {
    let files = read(workspace)?;
    let found = problems(&files);
    if found.is_empty() {
        println!("tidy: {} files", files.len());
        return Ok(());
    }
    let lines: Vec<String> = found.iter().map(Problem::to_string).collect();
    Err(format!("{} to mend\n{}", found.len(), lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::Expect;

    /// Checks a tree written as `--- path` headings followed by each file's text.
    pub fn check(tree: &str, expected: Expect) {
        let mut files: Vec<File> = Vec::new();
        for line in tree.lines() {
            if let Some(path) = line.strip_prefix("--- ") {
                files.push(File { path: path.to_string(), text: String::new() });
            } else if let Some(file) = files.last_mut() {
                file.text.push_str(line);
                file.text.push('\n');
            }
        }
        let found: Vec<String> = problems(&files).iter().map(Problem::to_string).collect();
        expected.assert_eq(&found.join("\n"));
    }

    #[test]
    fn this_workspace_is_tidy() {
        if let Err(message) = run(&Workspace::find().unwrap(), &[]) {
            panic!("{message}");
        }
    }
}
