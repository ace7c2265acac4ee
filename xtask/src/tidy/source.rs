//! Rules for Rust files: their subject line, names, and words that mark unfinished work.

use super::{File, Problem, Rule, exempt, problem};
use crate::fences::PURE;

/// Words that name nothing: a truer word is the thing's job.
const EMPTY_NAMES: &[&str] = &["manager", "handler", "helper", "util", "common", "base"];

/// Text that may not be in a source, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("todo!", "write the code or leave the case out of the type"),
    ("unimplemented!", "write the code or leave the case out of the type"),
    ("dbg!", "delete it, or make it a line of the log"),
    ("#[ignore", "a test runs or is not there: detect what it needs and test what holds here"),
    ("allow(dead_code", "delete what nobody calls"),
    ("expect(dead_code", "delete what nobody calls"),
    ("allow(unused", "delete what nobody uses"),
];

/// Lines above a call in which its reason may stand.
const REASON_LINES: usize = 4;

pub fn problems(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    found.extend(subject(file));
    found.extend(file_name(file));
    if !exempt(Rule::Words, &file.path) {
        found.extend(type_names(file));
        found.extend(refused_words(file));
        found.extend(sleeps(file));
        found.extend(lifted_fences(file));
    }
    found.extend(purity(file));
    found
}

fn subject(file: &File) -> Option<Problem> {
    let first = file.text.lines().find(|line| !line.starts_with("#!/")).unwrap_or_default();
    (!first.starts_with("//! ")).then(|| {
        problem(file, 1, "the file does not say its subject", "begin it with a `//! …` line")
    })
}

fn is_empty_name(word: &str) -> bool {
    let word = word.to_lowercase();
    EMPTY_NAMES.iter().any(|name| word == *name || word.strip_suffix('s') == Some(*name))
}

fn file_name(file: &File) -> Option<Problem> {
    let inside = file.path.trim_end_matches(".rs");
    let worst =
        inside.split('/').find(|part| part.rsplit(['_', '-']).next().is_some_and(is_empty_name))?;
    let remedy = "name it after what it does";
    Some(problem(file, 1, format!("`{worst}` is a name that says nothing"), remedy))
}

/// The last word of a camel-case name.
fn last_word(name: &str) -> &str {
    let from = name.rfind(|letter: char| letter.is_uppercase()).unwrap_or(0);
    &name[from..]
}

fn type_names(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let mut code = line.trim_start();
        while let Some(rest) =
            code.strip_prefix("pub ").or_else(|| code.strip_prefix("pub(crate) "))
        {
            code = rest;
        }
        let declares = ["struct ", "enum ", "trait ", "type ", "union ", "unsafe trait "];
        if !declares.iter().any(|keyword| code.starts_with(keyword)) {
            continue;
        }
        let name = words.find(|word| word.starts_with(|letter: char| letter.is_uppercase()));
        if let Some(name) = name.filter(|name| is_empty_name(last_word(name))) {
            let remedy = "name it after what it does";
            found.push(problem(
                file,
                number,
                format!("`{name}` is a name that says nothing"),
                remedy,
            ));
        }
    }
    found
}

fn refused_words(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        for (word, remedy) in REFUSED.iter().filter(|(word, _)| line.contains(word)) {
            found.push(problem(file, number, format!("`{word}`"), *remedy));
        }
    }
    found
}

/// The line and the few above it, where a reason would stand.
fn neighbourhood(file: &File, number: usize) -> impl Iterator<Item = &str> {
    let from = number.saturating_sub(REASON_LINES + 1);
    file.text.lines().skip(from).take(number - from)
}

fn sleeps(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, line) in file.lines().filter(|(_, line)| line.contains("thread::sleep")) {
        let code = line.trim_start();
        let has_reason =
            neighbourhood(file, number).any(|near| near.contains("//") || near.contains("reason"));
        if !has_reason && !code.starts_with("use ") {
            let remedy =
                "wait for the condition itself, or say in a comment why nothing can be waited for";
            found.push(problem(file, number, "a sleep without its reason", remedy));
        }
    }
    found
}

/// A lifted fence says why it is lifted; the pure crates lift none.
fn lifted_fences(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    let lines: Vec<&str> = file.text.lines().collect();
    for (idx, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let lifts = code.starts_with('#') || code.starts_with("clippy::disallowed_");
        if !lifts || !code.contains("clippy::disallowed_") {
            continue;
        }
        let attribute = lines[idx..lines.len().min(idx + REASON_LINES)].concat();
        if !attribute.split(']').next().unwrap_or_default().contains("reason") {
            let remedy = "add `reason = \"…\"` to the attribute";
            found.push(problem(file, idx + 1, "a fence is lifted without a reason", remedy));
        }
        if in_pure_crate(&file.path) && !is_beside(&file.path) {
            let remedy = "take the value as an argument";
            found.push(problem(file, idx + 1, "a pure crate lifts no fence", remedy));
        }
    }
    found
}

fn in_pure_crate(path: &str) -> bool {
    PURE.iter().any(|name| {
        path.strip_prefix("crates/").is_some_and(|rest| rest.starts_with(&format!("{name}/")))
    })
}

/// Whether the file is a test by its place: the tests' folder, or a module named `tests`.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Whether the file is no part of the crate itself: its tests, and its programs that measure it.
fn is_beside(path: &str) -> bool {
    is_test(path) || path.contains("/examples/")
}

/// Pure crates have no `std`; `unsafe` is the sandbox's alone.
fn purity(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    if in_pure_crate(&file.path)
        && file.path.ends_with("/src/lib.rs")
        && !has_line(file, "#![no_std]")
    {
        let remedy = "add `#![no_std]` and `extern crate alloc;`";
        found.push(problem(file, 1, "a pure crate has `std`", remedy));
    }
    let mut previous = "";
    for (number, line) in file.lines() {
        let brings_std = line.trim_start().starts_with("extern crate std");
        let for_tests = previous.trim() == "#[cfg(test)]" || is_test(&file.path);
        if in_pure_crate(&file.path) && brings_std && !for_tests {
            let remedy = "only tests have it: put `#[cfg(test)]` on the line above";
            found.push(problem(file, number, "a pure crate brings `std` in", remedy));
        }
        let allows_unsafe = line.contains("allow(unsafe_code") && !exempt(Rule::Words, &file.path);
        if allows_unsafe && !file.path.starts_with("crates/onboard-sandbox/") {
            let remedy = "unsafe code lives in onboard-sandbox: call it there, or use rustix";
            found.push(problem(file, number, "`unsafe` outside the sandbox", remedy));
        }
        previous = line;
    }
    found
}

fn has_line(file: &File, wanted: &str) -> bool {
    file.text.lines().any(|line| line.trim() == wanted)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn subject_line() {
        check(
            "--- src/a.rs\nfn f() {}\n--- src/b.rs\n//! Said.",
            expect!["src/a.rs:1: the file does not say its subject; begin it with a `//! …` line"],
        );
    }

    #[test]
    fn names_that_say_nothing() {
        check(
            "--- src/utils.rs\n//! X.\n--- src/run_helper.rs\n//! X.\n--- tests/common/mod.rs\n//! X.\n\
             --- src/database.rs\n//! X.\npub struct Database;\npub(crate) struct RunManager<T>(T);\n\
             enum EventHandlers {}\npub trait Base {}\nfn f(x: HandlerOf) {}",
            expect![[r#"
                src/database.rs:3: `RunManager` is a name that says nothing; name it after what it does
                src/database.rs:4: `EventHandlers` is a name that says nothing; name it after what it does
                src/database.rs:5: `Base` is a name that says nothing; name it after what it does
                src/run_helper.rs:1: `run_helper` is a name that says nothing; name it after what it does
                src/utils.rs:1: `utils` is a name that says nothing; name it after what it does
                tests/common/mod.rs:1: `common` is a name that says nothing; name it after what it does
                tests/common/mod.rs:1: no test reaches this file; read it in a test (by its name or its folder's), or delete it"#]],
        );
    }

    #[test]
    fn unfinished_work() {
        check(
            "--- src/a.rs\n//! X.\nfn f() { todo!() }\nfn g() { dbg!(1); }\n#[allow(dead_code)]\n\
             fn h() { unimplemented!() }\n#[ignore = \"slow\"]",
            expect![[r#"
                src/a.rs:2: `todo!`; write the code or leave the case out of the type
                src/a.rs:3: `dbg!`; delete it, or make it a line of the log
                src/a.rs:4: `allow(dead_code`; delete what nobody calls
                src/a.rs:5: `unimplemented!`; write the code or leave the case out of the type
                src/a.rs:6: `#[ignore`; a test runs or is not there: detect what it needs and test what holds here"#]],
        );
    }

    #[test]
    fn sleep_needs_a_reason() {
        check(
            "--- tests/a.rs\n//! X.\nfn f() {\n    x();\n    x();\n    x();\n    x();\n    std::thread::sleep(d);\n}\n\
             --- tests/b.rs\n//! X.\nfn f() {\n    // The kernel offers no event for this.\n    std::thread::sleep(d);\n}",
            expect![[r#"
                tests/a.rs:1: no test reaches this file; read it in a test (by its name or its folder's), or delete it
                tests/a.rs:7: a sleep without its reason; wait for the condition itself, or say in a comment why nothing can be waited for
                tests/b.rs:1: no test reaches this file; read it in a test (by its name or its folder's), or delete it"#]],
        );
    }

    #[test]
    fn lifted_fences_have_reasons_and_pure_crates_lift_none() {
        check(
            "--- src/a.rs\n//! X.\n#[allow(clippy::disallowed_methods)]\n#[allow(\n    clippy::disallowed_types,\n    \
             reason = \"the one clock\"\n)]\n\
             --- crates/onboard-policy/src/rule.rs\n//! X.\n#[allow(clippy::disallowed_methods, reason = \"x\")]\n\
             --- crates/onboard-policy/examples/cost.rs\n//! X.\n#![expect(clippy::disallowed_methods, reason = \"x\")]",
            expect![[r#"
                crates/onboard-policy/src/rule.rs:2: a pure crate lifts no fence; take the value as an argument
                src/a.rs:2: a fence is lifted without a reason; add `reason = "…"` to the attribute"#]],
        );
    }

    #[test]
    fn purity() {
        check(
            "--- crates/onboard-domain/src/lib.rs\n//! X.\nextern crate std;\n\
             --- crates/onboard-policy/src/lib.rs\n//! X.\n#![no_std]\n#[cfg(test)]\nextern crate std;\n\
             --- crates/onboard-policy/src/rule/tests.rs\n//! X.\nextern crate std;\n\
             --- crates/onboard-web/src/lib.rs\n//! X.\n#![allow(unsafe_code)]\n\
             --- crates/onboard-sandbox/src/lib.rs\n//! X.\n#![allow(unsafe_code)]",
            expect![[r#"
                crates/onboard-domain/src/lib.rs:1: a pure crate has `std`; add `#![no_std]` and `extern crate alloc;`
                crates/onboard-domain/src/lib.rs:2: a pure crate brings `std` in; only tests have it: put `#[cfg(test)]` on the line above
                crates/onboard-web/src/lib.rs:2: `unsafe` outside the sandbox; unsafe code lives in onboard-sandbox: call it there, or use rustix"#]],
        );
    }
}
