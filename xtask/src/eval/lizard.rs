//! Cyclomatic complexity beside lizard's. Functions are paired by file, name and last line; what only one
//! of the tools takes for a function is counted apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::miscounts::{FOLDED, too_many};

/// Languages that lizard knows as well.
pub const SHARED: &[&str] = &[
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

/// What lizard says of a file's functions: name, last line, cyclomatic complexity.
type Theirs = BTreeMap<String, Vec<(String, u64, i64)>>;

/// One of our functions.
struct Ours<'a> {
    name: &'a str,
    first: u64,
    last: u64,
    complexity: i64,
}

/// What became of the functions of a language.
#[derive(Default)]
struct Tally {
    ours: usize,
    theirs: usize,
    paired: usize,
    equal: usize,
    /// With a construct that lizard is known to miscount by nobody can say how many.
    aside: BTreeMap<&'static str, usize>,
    /// Equal among those that are not set aside, with what is known taken back.
    corrected: usize,
}

/// Runs lizard on the files of our metrics, and prints a line for each language.
///
/// # Errors
/// When lizard does not run.
pub fn compare(name: &str, lizard: &Path, ours: &BTreeMap<String, Value>) -> Result<(), String> {
    let theirs = measured(lizard, ours)?;
    let mut tallies = BTreeMap::<&str, Tally>::new();
    for (path, file) in ours {
        let language = file["language"].as_str().unwrap_or_default();
        if SHARED.contains(&language) {
            let theirs = theirs.get(path).map(Vec::as_slice).unwrap_or_default();
            let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
            tallies.entry(language).or_default().add(language, &functions(file), theirs, &text);
        }
    }
    for (language, tally) in tallies {
        println!("{name}\t{language}\t{}", tally.shown());
    }
    Ok(())
}

impl Tally {
    fn add(&mut self, language: &str, all: &[Ours<'_>], theirs: &[(String, u64, i64)], text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        self.ours += all.len();
        self.theirs += theirs.len();
        for (name, last, complexity) in theirs {
            let mut same = all.iter().filter(|it| it.last == *last && short(it.name) == name);
            let Some(function) = same.next() else { continue };
            self.paired += 1;
            let is_equal =
                same.chain([function]).any(|function| function.complexity == *complexity);
            self.equal += usize::from(is_equal);
            match too_many(language, &own_text(function, all, &lines)) {
                Err(what) => *self.aside.entry(what).or_default() += 1,
                Ok(many) => {
                    let many = many + folded(language, function, all);
                    let is_corrected = function.complexity == complexity - many;
                    self.corrected += usize::from(is_equal || is_corrected);
                }
            }
        }
    }

    fn shown(&self) -> String {
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        let aside: usize = self.aside.values().sum();
        let reasons: Vec<String> =
            self.aside.iter().map(|(what, count)| format!("{count} with {what}")).collect();
        format!(
            "functions {}\tlizard {}\tpaired {}\tequal {:.2} %\tset aside {aside} ({})\t\
             corrected {:.2} %",
            self.ours,
            self.theirs,
            self.paired,
            share(self.equal, self.paired),
            reasons.join(", "),
            share(self.corrected, self.paired - aside),
        )
    }
}

fn functions<'a>(file: &'a Value) -> Vec<Ours<'a>> {
    let all = file["functions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap_or(0);
    let function = |row: &'a Value| Ours {
        name: row["name"].as_str().unwrap_or_default(),
        first: number(row, "first_line"),
        last: number(row, "last_line"),
        complexity: row["cyclomatic"].as_i64().unwrap_or(0),
    };
    all.iter().map(function).collect()
}

/// The lines of a function without those that only functions inside of it have.
fn own_text(function: &Ours<'_>, all: &[Ours<'_>], lines: &[&str]) -> String {
    let inside = |line: u64| {
        let mut inner =
            all.iter().filter(|it| it.first > function.first && it.last < function.last);
        inner.any(|it| it.first < line && line < it.last)
    };
    let numbered = (1..).zip(lines).skip(function.first.saturating_sub(1) as usize);
    let own = numbered.take_while(|(line, _)| *line <= function.last);
    let own: Vec<&str> = own.filter(|(line, _)| !inside(*line)).map(|(_, text)| *text).collect();
    own.join("\n")
}

/// The decisions of the functions inside of this one, where lizard gives them to it.
fn folded(language: &str, function: &Ours<'_>, all: &[Ours<'_>]) -> i64 {
    if !FOLDED.contains(&language) {
        return 0;
    }
    let is_inside = |it: &&Ours<'_>| {
        it.first >= function.first && it.last <= function.last && !std::ptr::eq(*it, function)
    };
    all.iter().filter(is_inside).map(|inner| inner.complexity - 1).sum()
}

fn measured(lizard: &Path, ours: &BTreeMap<String, Value>) -> Result<Theirs, String> {
    let shared =
        |file: &Value| file["language"].as_str().is_some_and(|name| SHARED.contains(&name));
    let files = ours.iter().filter(|(_, file)| shared(file)).map(|(path, _)| path.as_str());
    let list = std::env::temp_dir().join(format!("onboard-eval-{}.list", std::process::id()));
    fs::write(&list, files.collect::<Vec<_>>().join("\n")).map_err(|error| error.to_string())?;
    // Its exit code says that something was too complex, which is no failure here.
    let output = Command::new(lizard).args(["--csv", "-t", "2", "-f"]).arg(&list).output();
    let _ = fs::remove_file(&list);
    let output = output.map_err(|error| error.to_string())?;
    let mut theirs = Theirs::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let row = csv(line);
        let [_, complexity, _, _, _, _, path, name, _, _, last, ..] = row.as_slice() else {
            continue;
        };
        if let (Ok(last), Ok(complexity)) = (last.parse(), complexity.parse()) {
            let function = (short(name).to_owned(), last, complexity);
            theirs.entry(path.clone()).or_default().push(function);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quoted_fields() {
        assert_eq!(csv("1,\"a, b\",,x"), ["1", "a, b", "", "x"]);
        assert_eq!([short("A::b(int)"), short("a.b.c"), short("f")], ["b", "c", "f"]);
    }

    #[test]
    fn what_is_known_is_taken_back_and_the_rest_differs() {
        let text = "fn a() {\n    b(|| 1)\n}\nfn c() {\n    d || e\n}\n";
        let ours = |name, first, last, complexity| Ours { name, first, last, complexity };
        let all = [ours("a", 1, 3, 1), ours("c", 4, 6, 3)];
        let mut tally = Tally::default();
        tally.add("Rust", &all, &[("a".into(), 3, 2), ("c".into(), 6, 2)], text);
        expect_test::expect![[
            "functions 2\tlizard 2\tpaired 2\tequal 0.00 %\tset aside 0 ()\tcorrected 50.00 %"
        ]]
        .assert_eq(&tally.shown());
    }
}
