//! Our figures of a repository's files beside lizard's and tokei's, which are installed where they are
//! missing; where one can't be, that is said.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::lizard;
use crate::command;
use crate::tools::{LIZARD, TOKEI};

/// Compares all of them, with the tools of this folder.
pub fn compare(program: &Path, tools: &Path, repositories: &[String]) -> Result<(), String> {
    for repository in repositories {
        let folder = unpacked(repository)?;
        let outcome = compare_one(program, tools, repository, &folder);
        let removed = fs::remove_dir_all(&folder).map_err(|error| error.to_string());
        outcome.and(removed)?;
    }
    Ok(())
}

/// The files of HEAD in a folder of their own.
fn unpacked(repository: &str) -> Result<PathBuf, String> {
    let folder = std::env::temp_dir().join(format!("onboard-eval-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let script = "git -C \"$0\" archive HEAD | tar x -C \"$1\"";
    let mut shell = Command::new("sh");
    command::output(shell.args(["-c", script, repository]).arg(&folder))?;
    Ok(folder)
}

fn compare_one(
    program: &Path,
    tools: &Path,
    repository: &str,
    folder: &Path,
) -> Result<(), String> {
    let name = repository.trim_end_matches("/repo").rsplit(['/', '+']).next().unwrap_or(repository);
    let ours = measured(program, folder)?;
    match LIZARD.program(tools).and_then(|lizard| lizard::compare(name, &lizard, &ours)) {
        Ok(()) => {}
        Err(why) => println!("{name}\tlizard is passed over: {why}"),
    }
    match TOKEI.program(tools).and_then(|tokei| counted(&tokei, folder)) {
        Ok(theirs) => print_lines(name, &ours, &theirs),
        Err(why) => println!("{name}\ttokei is passed over: {why}"),
    }
    Ok(())
}

/// Our metrics by path.
fn measured(program: &Path, folder: &Path) -> Result<BTreeMap<String, Value>, String> {
    let mut find = Command::new("find");
    let files = command::output(find.arg(folder).args(["-type", "f"]))?;
    let text = fed(&mut Command::new(program), &files)?;
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let file = &row["measured"]["file"];
        if let Some(path) = row["path"].as_str().filter(|_| file.is_object()) {
            all.insert(path.to_owned(), file.clone());
        }
    }
    Ok(all)
}

/// Runs a program with this on its standard input.
fn fed(program: &mut Command, input: &str) -> Result<String, String> {
    let why = |error: std::io::Error| error.to_string();
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(why)?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(why)?;
    writer.join().map_err(|_| "the writer ended early")?.map_err(why)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// tokei's code, comment and blank lines by path.
fn counted(tokei: &Path, folder: &Path) -> Result<BTreeMap<String, [u64; 3]>, String> {
    let mut program = Command::new(tokei);
    program.args(["--files", "--hidden", "--no-ignore", "--output", "json"]).arg(folder);
    let text = command::output(&mut program)?;
    let all: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut lines = BTreeMap::new();
    for (language, counted) in all.as_object().into_iter().flatten() {
        for report in
            counted["reports"].as_array().into_iter().flatten().filter(|_| language != "Total")
        {
            let stats = &report["stats"];
            let count = |name: &str| stats[name].as_u64().unwrap_or(0);
            let docs = if language == "Rust" { documents(&stats["blobs"]) } else { 0 };
            if let Some(path) = report["name"].as_str() {
                let counts = [count("code"), count("comments") + docs, count("blanks")];
                lines.insert(path.to_owned(), counts);
            }
        }
    }
    Ok(lines)
}

/// Lines of doc comments, which tokei counts as Markdown of its own.
fn documents(blobs: &Value) -> u64 {
    let all = blobs.as_object().into_iter().flatten();
    let lines = all.flat_map(|(_, blob)| ["code", "comments", "blanks"].map(|name| &blob[name]));
    lines.filter_map(Value::as_u64).sum()
}

fn print_lines(name: &str, ours: &BTreeMap<String, Value>, theirs: &BTreeMap<String, [u64; 3]>) {
    let mut tallies = BTreeMap::<&str, [u64; 2]>::new();
    for (path, file) in ours {
        let language = file["language"].as_str().unwrap_or_default();
        let Some(theirs) =
            theirs.get(path).filter(|_| lizard::SHARED.contains(&language) || language == "Shell")
        else {
            continue;
        };
        let lines = &file["lines"];
        let ours = ["code", "comment", "blank"].map(|name| lines[name].as_u64().unwrap_or(0));
        let tally = tallies.entry(language).or_default();
        tally[0] += 1;
        tally[1] += u64::from(ours == *theirs);
    }
    for (language, [files, equal]) in tallies {
        let share = 100.0 * equal as f64 / files.max(1) as f64;
        println!("{name}\t{language}\tfiles {files}\tlines equal to tokei's {share:.2} %");
    }
}
