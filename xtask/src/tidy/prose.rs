//! Rules for every text file: white space, open work, and words of places that are not ours.

use super::{File, Problem, Rule, exempt, problem};

/// Words that tie the text to one machine.
const PLACES: &[&str] = &["/work/", "/root/.cargo"];
/// Words that tie it to one registry.
const REGISTRIES: &[&str] =
    &["crates.io", "static.rust-lang.org", "registry.npmjs.org", "pypi.org", "proxy.golang.org"];

pub fn problems(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    if !exempt(Rule::Whitespace, &file.path) {
        found.extend(whitespace(file));
    }
    if !exempt(Rule::OpenWork, &file.path) {
        found.extend(open_work(file));
    }
    for (rule, words) in [(Rule::Places, PLACES), (Rule::Registries, REGISTRIES)] {
        if !exempt(rule, &file.path) {
            found.extend(places(file, words));
        }
    }
    found
}

fn whitespace(file: &File) -> Vec<Problem> {
    let trailing = |line: &str| line.trim_end_matches('\r').ends_with([' ', '\t']);
    let mut found: Vec<Problem> = file
        .lines()
        .filter(|(_, line)| trailing(line))
        .map(|(number, _)| problem(file, number, "white space ends the line", "delete it"))
        .collect();
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        let last = file.text.lines().count();
        found.push(problem(file, last, "the file ends without a newline", "add one"));
    }
    found
}

fn open_work(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        let words = line.split(|letter: char| !letter.is_alphanumeric());
        if let Some(word) = words.into_iter().find(|word| matches!(*word, "TODO" | "FIXME" | "XXX"))
        {
            let remedy = "finish it, or write down as an issue what is left";
            found.push(problem(file, number, format!("`{word}` marks open work"), remedy));
        }
    }
    found
}

fn places(file: &File, words: &[&str]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        for place in words.iter().filter(|place| line.contains(**place)) {
            let remedy = "say it without naming one machine's folder or one registry's host";
            found.push(problem(file, number, format!("`{place}` is not ours"), remedy));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn white_space() {
        check(
            "--- a.sh\nx \ny\t\nz",
            expect![[r#"
            a.sh:1: white space ends the line; delete it
            a.sh:2: white space ends the line; delete it"#]],
        );
        check("--- LICENSE-MIT\nx ", expect![[""]]);
    }

    #[test]
    fn open_work() {
        check(
            "--- a.md\nTODO: later\nno TODOS here\n# FIXME(x)",
            expect![[r#"
            a.md:1: `TODO` marks open work; finish it, or write down as an issue what is left
            a.md:3: `FIXME` marks open work; finish it, or write down as an issue what is left"#]],
        );
        check("--- crates/onboard-agents/x.md\nTODO counts", expect![[""]]);
    }

    #[test]
    fn places() {
        check(
            "--- a.md\nsee /work/x and https://crates.io/y\nfine",
            expect![[r#"
            a.md:1: `/work/` is not ours; say it without naming one machine's folder or one registry's host
            a.md:1: `crates.io` is not ours; say it without naming one machine's folder or one registry's host"#]],
        );
        // Who asks registries may name them, and no machine.
        check(
            "--- docs/agents/external-tool-integration.md\nsee /work/x and https://crates.io/y",
            expect![[r#"
            docs/agents/external-tool-integration.md:1: `/work/` is not ours; say it without naming one machine's folder or one registry's host"#]],
        );
    }
}
