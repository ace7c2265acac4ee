//! `cargo xtask fuzz`: everything that reads what others wrote, fed with anything, a while each.
//!
//! The targets are built with coverage on any toolchain: LLVM's pass and its options are stable
//! flags of rustc, and the fuzzer is a library. What is found stands in `fuzz/artifacts`, what is
//! kept to start from in `fuzz/corpus`; what a hunt learns goes into the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command;
use crate::packages::{self, Need};
use crate::report::Outcome;
use crate::workspace::Workspace;

/// Seconds a target when nothing is said.
const SECONDS: u64 = 60;
/// Among the tests: so many inputs a target, always the same ones, so that the stage fails for what
/// changed and not by chance,
const TEST_RUNS: &str = "-runs=50000";
const TEST_SEED: &str = "-seed=1";
/// and no longer than this a target, in seconds, on a slow machine.
const TEST_SECONDS: u64 = 15;
/// Longest input that is tried: no format here says more in more.
const LENGTH: &str = "-max_len=4096";
/// One input that takes longer than this, in seconds, is a finding.
const TIMEOUT: &str = "-timeout=20";
/// Memory, in MiB, from which on an input is a finding.
const MEMORY: &str = "-rss_limit_mb=1024";

/// What makes a program tell the fuzzer where it has been.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table \
                        -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Hunt {
    target: Option<String>,
    seconds: u64,
}

const USAGE: &str = "usage: cargo xtask fuzz [--target T] [--seconds N]";

impl Hunt {
    fn parse(arguments: &[String]) -> Result<Hunt, String> {
        let mut hunt = Hunt { target: None, seconds: SECONDS };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value; {USAGE}"))?;
            match word.as_str() {
                "--target" => hunt.target = Some(value.clone()),
                "--seconds" => {
                    let why = |_| format!("--seconds: `{value}` is not a number; {USAGE}");
                    hunt.seconds = value.parse().map_err(why)?;
                }
                _ => return Err(format!("`{word}` is unknown; {USAGE}")),
            }
        }
        Ok(hunt)
    }
}

/// `cargo xtask fuzz [--target T] [--seconds N]`.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let hunt = Hunt::parse(arguments)?;
    let known = targets(workspace)?;
    let chosen = match &hunt.target {
        None => known,
        Some(name) if known.contains(name) => vec![name.clone()],
        Some(name) => return Err(format!("no target is `{name}`; there is {}", known.join(", "))),
    };
    packages::ensure(Need::Fuzz)?;
    let folder = build(workspace, &chosen)?;
    let failed: Vec<String> = chosen
        .into_iter()
        .filter(|target| !try_out(workspace, &folder, target, hunt.seconds, Start::Learned))
        .collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("{} failed; the inputs are in fuzz/artifacts", failed.join(", "))),
    }
}

/// The stage of `cargo xtask test`: every target for a moment.
pub fn briefly(workspace: &Workspace) -> Result<Outcome, String> {
    if let Err(message) = packages::ensure(Need::Fuzz) {
        return Ok(Outcome::NotRun(message));
    }
    let targets = targets(workspace)?;
    let folder = build(workspace, &targets)?;
    let is_fine = |target: &&String| try_out(workspace, &folder, target, TEST_SECONDS, Start::Same);
    let passed = targets.iter().filter(is_fine).count();
    let failed = targets.len() - passed;
    Ok(Outcome::Counted { passed: passed as u64, failed: failed as u64 })
}

/// What a hunt begins with beside the kept inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// What earlier hunts learned, and chance.
    Learned,
    /// Nothing, and the same draws each time.
    Same,
}

/// The targets, by their files.
fn targets(workspace: &Workspace) -> Result<Vec<String>, String> {
    let folder = workspace.root.join("fuzz/fuzz_targets");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_string());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// Builds targets and returns the folder that they are in.
fn build(workspace: &Workspace, targets: &[String]) -> Result<PathBuf, String> {
    let into = target_folder(workspace)?.join("fuzz");
    let mut cargo = command::cargo(&workspace.root.join("fuzz"));
    // Named, so that what runs while building (macros, scripts) is built without coverage.
    let host = host()?;
    cargo.args(["build", "--release", "--locked", "--target", &host]);
    cargo.arg("--target-dir").arg(&into).env("RUSTFLAGS", COVERAGE);
    for target in targets {
        cargo.args(["--bin", target]);
    }
    match command::run(&mut cargo)?.success {
        true => Ok(into.join(host).join("release")),
        false => Err("the targets do not build".to_string()),
    }
}

/// This machine, as the compiler calls it.
fn host() -> Result<String, String> {
    let told = command::output(std::process::Command::new("rustc").arg("-vV"))?;
    let named = told.lines().find_map(|line| line.strip_prefix("host: "));
    named.map(ToString::to_string).ok_or_else(|| "rustc names no host".to_string())
}

fn target_folder(workspace: &Workspace) -> Result<PathBuf, String> {
    let metadata = workspace.metadata()?;
    let named = metadata["target_directory"].as_str();
    named.map(PathBuf::from).ok_or_else(|| "cargo names no target folder".to_string())
}

/// Runs a target over what is kept and what was learned, then on. Whether nothing was found.
fn try_out(workspace: &Workspace, folder: &Path, target: &str, seconds: u64, start: Start) -> bool {
    let fuzz = workspace.root.join("fuzz");
    let learned = folder.join(if start == Start::Same { "brief" } else { "learned" }).join(target);
    if start == Start::Same {
        // What it learned last time would make this one another.
        let _ = fs::remove_dir_all(&learned);
    }
    let artifacts = fuzz.join("artifacts").join(target);
    for needed in [&learned, &artifacts] {
        if let Err(error) = fs::create_dir_all(needed) {
            eprintln!("{}: {error}", needed.display());
            return false;
        }
    }
    println!("{target}: {seconds} s at most");
    let mut program = std::process::Command::new(folder.join(target));
    program.args([LENGTH, TIMEOUT, MEMORY, "-verbosity=0", "-print_final_stats=1"]);
    program.arg(format!("-max_total_time={seconds}"));
    if start == Start::Same {
        program.args([TEST_RUNS, TEST_SEED]);
    }
    program.arg(format!("-artifact_prefix={}/", artifacts.display()));
    program.arg(&learned).args(Some(fuzz.join("corpus").join(target)).filter(|kept| kept.is_dir()));
    match command::run(&mut program) {
        Ok(ended) => ended.success,
        Err(message) => {
            eprintln!("{message}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let check = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(Into::into).collect();
            Hunt::parse(&words).map(|hunt| (hunt.target.unwrap_or_default(), hunt.seconds))
        };
        assert_eq!(check(""), Ok((String::new(), SECONDS)));
        assert_eq!(check("--target dns --seconds 9"), Ok(("dns".into(), 9)));
        assert_eq!(check("--seconds"), Err(format!("`--seconds` needs a value; {USAGE}")));
        assert_eq!(check("--fast 1"), Err(format!("`--fast` is unknown; {USAGE}")));
    }

    #[test]
    fn every_target_has_its_program_its_property_and_something_to_start_from() {
        let workspace = Workspace::find().unwrap();
        let manifest = fs::read_to_string(workspace.root.join("fuzz/Cargo.toml")).unwrap();
        let library = fs::read_to_string(workspace.root.join("fuzz/src/lib.rs")).unwrap();
        for target in targets(&workspace).unwrap() {
            assert!(manifest.contains(&format!("name = \"{target}\"\n")), "{target}");
            assert!(library.contains(&format!("pub mod {target};\n")), "{target}");
            let kept = workspace.root.join("fuzz/corpus").join(&target);
            assert!(fs::read_dir(kept).unwrap().next().is_some(), "{target}");
        }
    }
}
