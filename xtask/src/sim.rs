//! `cargo xtask sim`: hunts over seeds of the simulation; a failure is a seed and a commit.

use crate::command;
use crate::workspace::Workspace;

/// What a hunt covers when nothing is said: a few minutes on one core.
struct Hunt {
    first: u64,
    seeds: u64,
    days: u32,
    projects: u32,
    faults: String,
}

const USAGE: &str =
    "usage: cargo xtask sim [--seeds N] [--first N] [--days D] [--projects P] [--faults LIST]";

impl Hunt {
    fn parse(arguments: &[String]) -> Result<Hunt, String> {
        let mut hunt = Hunt { first: 1, seeds: 100, days: 4, projects: 3, faults: "all".into() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (word.as_str(), words.next().ok_or(USAGE)?.clone()),
            };
            match name {
                "--first" => hunt.first = number(&value)?,
                "--seeds" => hunt.seeds = number(&value)?,
                "--days" => hunt.days = number(&value)?,
                "--projects" => hunt.projects = number(&value)?,
                "--faults" => hunt.faults = value,
                _ => return Err(format!("`{name}` is unknown; {USAGE}")),
            }
        }
        Ok(hunt)
    }

    /// The words that the hunting program takes.
    fn words(&self) -> [String; 5] {
        [
            self.first.to_string(),
            self.seeds.to_string(),
            self.days.to_string(),
            self.projects.to_string(),
            self.faults.clone(),
        ]
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number here; {USAGE}"))
}

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let hunt = Hunt::parse(arguments)?;
    let mut cargo = command::cargo(&workspace.root);
    cargo.args(["run", "--quiet", "--release", "--package", "onboard-sim", "--example", "hunt"]);
    cargo.arg("--").args(hunt.words());
    if command::run(&mut cargo)?.success {
        return Ok(());
    }
    Err(format!("not every seed was sound, at commit {}", commit(workspace)))
}

/// The commit that a failing seed belongs to, and whether the tree differs from it.
fn commit(workspace: &Workspace) -> String {
    let git = |words: &[&str]| {
        let mut git = std::process::Command::new("git");
        command::output(git.current_dir(&workspace.root).args(words))
    };
    let Ok(commit) = git(&["rev-parse", "HEAD"]) else { return "unknown".into() };
    let changed = git(&["status", "--porcelain"]).is_ok_and(|text| !text.trim().is_empty());
    let with = if changed { " with changes" } else { "" };
    format!("{}{with}", commit.trim())
}

#[cfg(test)]
mod tests {
    use super::Hunt;

    fn check(text: &str, expected: &str) {
        let words: Vec<String> = text.split_whitespace().map(Into::into).collect();
        let found = Hunt::parse(&words).map(|hunt| hunt.words().join(" "));
        assert_eq!(found.unwrap_or_else(|why| why), expected);
    }

    #[test]
    fn arguments() {
        check("", "1 100 4 3 all");
        check("--seeds 5 --days=30 --faults=crash,kill --first 9", "9 5 30 3 crash,kill");
        check("--days many", &format!("`many` is not a number here; {}", super::USAGE));
        check("--fast", super::USAGE);
        check("--fast 1", &format!("`--fast` is unknown; {}", super::USAGE));
    }
}
