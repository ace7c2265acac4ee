//! Our figures of a repository's files beside lizard's and tokei's.
//!
//! Both are looked for on the path and passed over, with how to get them, where they are not:
//! `pip install lizard` and `cargo install tokei`. The tables were made with lizard 1.24.3 and tokei 15.0.0. Functions are
//! paired by file, name and last line; what only one of the tools takes for a function is counted
//! apart.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command;

/// Languages that lizard knows as well.
const SHARED: &[&str] = &[
    "Rust",
    "Python",
    "JavaScript",
    "TypeScript",
    "TSX",
    "Go",
    "Java",
    "C",
    "C++",
    "C#",
    "Ruby",
    "PHP",
];

pub fn compare(program: &Path, repositories: &[String]) -> Result<(), String> {
    for repository in repositories {
        let folder = unpacked(repository)?;
        let outcome = compare_one(program, repository, &folder);
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

fn compare_one(program: &Path, repository: &str, folder: &Path) -> Result<(), String> {
    let name = repository.trim_end_matches("/repo").rsplit(['/', '+']).next().unwrap_or(repository);
    let ours = measured(program, folder)?;
    match lizard(&ours) {
        Ok(theirs) => print_functions(name, &ours, &theirs),
        Err(why) => println!("{name}\tlizard is passed over ({why}); `pip install lizard` gets it"),
    }
    match tokei(folder) {
        Ok(theirs) => print_lines(name, &ours, &theirs),
        Err(why) => println!("{name}\ttokei is passed over ({why}); `cargo install tokei` gets it"),
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

/// A function as lizard sees it: name, last line, cyclomatic complexity.
type Theirs = BTreeMap<String, Vec<(String, u64, u64)>>;

fn lizard(ours: &BTreeMap<String, Value>) -> Result<Theirs, String> {
    let shared =
        |file: &Value| file["language"].as_str().is_some_and(|name| SHARED.contains(&name));
    let files = ours.iter().filter(|(_, file)| shared(file)).map(|(path, _)| path.as_str());
    let list = std::env::temp_dir().join(format!("onboard-eval-{}.list", std::process::id()));
    fs::write(&list, files.collect::<Vec<_>>().join("\n")).map_err(|error| error.to_string())?;
    // Its exit code says that something was too complex, which is no failure here.
    let mut program = Command::new("lizard");
    let output = program.args(["--csv", "-t", "2", "-f"]).arg(&list).output();
    let _ = fs::remove_file(&list);
    let output = output.map_err(|error| error.to_string())?;
    let mut theirs = Theirs::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let row = csv(line);
        let [_, complexity, _, _, _, _, path, name, _, _, last, ..] = row.as_slice() else {
            continue;
        };
        if let (Ok(last), Ok(complexity)) = (last.parse(), complexity.parse()) {
            theirs.entry(path.clone()).or_default().push((
                short(name).to_owned(),
                last,
                complexity,
            ));
        }
    }
    Ok(theirs)
}

/// The fields of a line with quotes.
fn csv(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().into_iter().for_each(|field| field.push(letter)),
        }
    }
    fields
}

/// A function's own name, without what it belongs to.
fn short(name: &str) -> &str {
    let name = name.split('(').next().unwrap_or(name).trim();
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

fn print_functions(name: &str, ours: &BTreeMap<String, Value>, theirs: &Theirs) {
    let mut tallies = BTreeMap::<String, [u64; 4]>::new();
    for (path, file) in ours {
        let language = file["language"].as_str().unwrap_or_default();
        if !SHARED.contains(&language) {
            continue;
        }
        let tally = tallies.entry(language.to_owned()).or_default();
        let functions = file["functions"].as_array().map(Vec::as_slice).unwrap_or_default();
        tally[0] += functions.len() as u64;
        for (name, last, complexity) in theirs.get(path).into_iter().flatten() {
            tally[1] += 1;
            let mut same = functions.iter().filter(|function| {
                function["last_line"].as_u64() == Some(*last)
                    && short(function["name"].as_str().unwrap_or_default()) == name
            });
            let found: Vec<u64> =
                same.by_ref().filter_map(|function| function["cyclomatic"].as_u64()).collect();
            tally[2] += u64::from(!found.is_empty());
            tally[3] += u64::from(found.contains(complexity));
        }
    }
    for (language, [ours, theirs, paired, equal]) in tallies {
        let share = 100.0 * equal as f64 / paired.max(1) as f64;
        println!(
            "{name}\t{language}\tfunctions {ours}\tlizard {theirs}\tpaired {paired}\tequal {share:.2} %"
        );
    }
}

/// tokei's code, comment and blank lines by path.
fn tokei(folder: &Path) -> Result<BTreeMap<String, [u64; 3]>, String> {
    let mut program = Command::new("tokei");
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
            if let Some(path) = report["name"].as_str() {
                lines.insert(path.to_owned(), [count("code"), count("comments"), count("blanks")]);
            }
        }
    }
    Ok(lines)
}

fn print_lines(name: &str, ours: &BTreeMap<String, Value>, theirs: &BTreeMap<String, [u64; 3]>) {
    let mut tallies = BTreeMap::<&str, [u64; 2]>::new();
    for (path, file) in ours {
        let language = file["language"].as_str().unwrap_or_default();
        let Some(theirs) =
            theirs.get(path).filter(|_| SHARED.contains(&language) || language == "Shell")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quoted_fields() {
        assert_eq!(csv("1,\"a, b\",,x"), ["1", "a, b", "", "x"]);
        assert_eq!([short("A::b(int)"), short("a.b.c"), short("f")], ["b", "c", "f"]);
    }
}
