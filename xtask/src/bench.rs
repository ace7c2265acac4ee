//! `cargo xtask bench`: measures the product beside references in the same run, and writes
//! `docs/benchmarks.md`. Links nothing of the product: it builds the program and the examples that
//! measure, starts them, and reads what they print.

mod code;
mod commands;
mod cost;
mod emergency;
mod foreground;
mod health;
mod history;
mod idle;
mod index;
mod inside;
mod judge;
mod launch;
mod machine;
mod page;
mod process;
mod proxy;
mod replay;
mod served;
mod spread;
mod start;
mod subject;

use crate::command;
use crate::packages::{self, Need};
use crate::tools;
use crate::workspace::Workspace;
use machine::Machine;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use subject::Subject;

const USAGE: &str = "usage: cargo xtask bench [--only ROW] [--quick] [--repository PATH]";

/// Where measurements keep their files: on a real disk, since syncs are measured, and short, since
/// a socket's path has little room.
const FOLDER: &str = "/var/tmp";

/// One thing that is measured.
struct Row {
    /// Its name for `--only`.
    name: &'static str,
    measure: fn(&Bench) -> Result<Vec<Line>, String>,
}

/// One line of the table.
struct Line {
    what: &'static str,
    /// Our figure with its spread.
    ours: String,
    /// What was measured beside it, with its figure.
    reference: String,
    aim: &'static str,
    /// The aim as a number, and our figure in the same terms; at most the aim is met.
    limit: f64,
    judged: f64,
    /// Why it is as it is, where that is not plain: printed when the aim is missed.
    why_missed: &'static str,
}

const ROWS: &[Row] = &[
    Row { name: "start", measure: start::measure },
    Row { name: "idle", measure: idle::seven },
    Row { name: "registered", measure: idle::seven_hundred },
    Row { name: "commands", measure: commands::measure },
    Row { name: "due", measure: launch::due },
    Row { name: "sandbox", measure: launch::bare },
    Row { name: "inside", measure: inside::measure },
    Row { name: "proxy", measure: proxy::measure },
    Row { name: "foreground", measure: foreground::measure },
    Row { name: "replay", measure: replay::measure },
    Row { name: "emergency", measure: emergency::measure },
    Row { name: "health", measure: health::measure },
    Row { name: "judge", measure: judge::measure },
    Row { name: "history", measure: history::measure },
    Row { name: "metrics", measure: code::metrics },
    Row { name: "duplication", measure: code::duplication },
    Row { name: "index", measure: index::runs },
    Row { name: "check", measure: index::check },
];

/// What every row needs.
struct Bench {
    /// Fewer rounds: for trying, not for the record.
    quick: bool,
    /// The folder of built programs.
    built: PathBuf,
    /// Removed at the end.
    folder: PathBuf,
    /// Where tools to be measured beside are installed.
    tools: PathBuf,
    /// The project that is read.
    subject: Subject,
}

impl Bench {
    /// How many rounds: many for the record, few for trying.
    fn rounds(&self, record: usize, quick: usize) -> usize {
        if self.quick { quick } else { record }
    }

    /// The product's program.
    fn program(&self) -> PathBuf {
        self.built.join("ai_onboard")
    }

    /// Runs one of the examples and reads the last line that it prints as JSON.
    fn example(&self, name: &str, arguments: &[&str]) -> Result<Value, String> {
        let mut command = Command::new(self.built.join("examples").join(name));
        let text = command::output(command.args(arguments))?;
        let line = text.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(|error| format!("{name} printed `{line}`: {error}"))
    }

    /// A new folder for one row.
    fn new_folder(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{}: {error}", path.display()));
            }
            _ => {}
        }
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

/// `cargo xtask bench`.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let asked = Asked::parse(arguments)?;
    packages::ensure(Need::Bench)?;
    packages::ensure(Need::Tests)?;
    let machine = Machine::look();
    let built = build(workspace)?;
    let bench = Bench {
        quick: asked.quick,
        tools: tools::folder(workspace)?,
        built,
        subject: Subject::of(asked.repository.clone()),
        folder: Path::new(FOLDER).join(format!("ai-bench-{}", std::process::id())),
    };
    fs::create_dir_all(&bench.folder).map_err(|error| format!("{FOLDER}: {error}"))?;
    let (lines, failures) = measure(&bench, &asked);
    let subject = bench.subject.shown();
    // What is left of a measurement is in nobody's way, and the next one has another name.
    let _ = fs::remove_dir_all(&bench.folder);
    let page = page::write(&lines, &machine, &Machine::look(), subject.as_deref());
    println!("{page}");
    if asked.only.is_some() || asked.quick {
        println!("(a part or a quick look: docs/benchmarks.md is left as it was)");
    } else {
        let path = workspace.root.join("docs/benchmarks.md");
        fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// Every row that is asked for, and what failed: the page then lacks that row, and the others stand.
fn measure(bench: &Bench, asked: &Asked) -> (Vec<Line>, Vec<String>) {
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for row in ROWS.iter().filter(|row| asked.only.as_deref().is_none_or(|only| only == row.name)) {
        eprintln!("measuring {}", row.name);
        match (row.measure)(bench) {
            Ok(measured) => {
                for line in &measured {
                    eprintln!("  {}: {} ({})", line.what, line.ours, line.reference);
                }
                lines.extend(measured);
            }
            Err(error) => failures.push(format!("{}: {error}", row.name)),
        }
    }
    (lines, failures)
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    only: Option<String>,
    quick: bool,
    repository: Option<PathBuf>,
}

impl Asked {
    fn parse(arguments: &[String]) -> Result<Asked, String> {
        let mut asked = Asked { only: None, quick: false, repository: None };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => asked.quick = true,
                "--repository" => asked.repository = Some(words.next().ok_or(USAGE)?.into()),
                "--only" => asked.only = Some(row_name(words.next().ok_or(USAGE)?)?),
                _ => return Err(format!("`{word}` is unknown; {USAGE}")),
            }
        }
        Ok(asked)
    }
}

fn row_name(name: &str) -> Result<String, String> {
    let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    match names.contains(&name) {
        true => Ok(name.into()),
        false => Err(format!("no row is called `{name}`; they are {}", names.join(", "))),
    }
}

/// Builds what is measured, then what measures; returns the folder of programs. Two builds: in one,
/// features that only an example wants would be part of the product.
fn build(workspace: &Workspace) -> Result<PathBuf, String> {
    let mut product = command::cargo(&workspace.root);
    product.args(["build", "--release", "--package", "onboard-cli"]);
    let mut examples = command::cargo(&workspace.root);
    examples.args(["build", "--release", "--examples"]);
    for package in ["agents", "analysis", "daemon", "egress", "sandbox", "sim", "web"] {
        examples.arg("--package").arg(format!("onboard-{package}"));
    }
    for cargo in [&mut product, &mut examples] {
        if !command::run(cargo)?.success {
            return Err("what is to be measured does not build".into());
        }
    }
    let metadata = workspace.metadata()?;
    let target = metadata["target_directory"].as_str().unwrap_or_default();
    Ok(Path::new(target).join("release"))
}

#[cfg(test)]
mod tests {
    use super::{Asked, USAGE};

    fn check(text: &str, expected: Result<(Option<&str>, bool), &str>) {
        let words: Vec<String> = text.split_whitespace().map(Into::into).collect();
        let expected = expected
            .map(|(only, quick)| Asked { only: only.map(Into::into), quick, repository: None })
            .map_err(Into::into);
        assert_eq!(Asked::parse(&words), expected);
    }

    #[test]
    fn arguments() {
        check("", Ok((None, false)));
        check("--quick --only replay", Ok((Some("replay"), true)));
        check("--only", Err(USAGE));
        check("--fast", Err(&format!("`--fast` is unknown; {USAGE}")));
        let names = "start, idle, registered, commands, due, sandbox, inside, proxy, foreground, \
                     replay, emergency, health, judge, history, metrics, duplication, index, check";
        check("--only fun", Err(&format!("no row is called `fun`; they are {names}")));
    }
}
