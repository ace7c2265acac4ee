//! Pages about agents and rules: for the terminal, and as manual pages.

use super::{Ink, Look};
use onboard_agents::manual::{self, Manual, Rule};
use roff::{Roff, roman};

/// A part of a page, as Markdown has it.
#[derive(Debug, PartialEq)]
enum Block {
    Heading(String),
    Paragraph(String),
    Item(String),
    /// Lines as they are: code, examples, tables.
    Verbatim(Vec<String>),
}

/// The parts of a page, in order.
fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let (mut in_code, mut goes_on) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
            if in_code {
                found.push(Block::Verbatim(Vec::new()));
            }
            goes_on = false;
            continue;
        }
        match found.last_mut() {
            Some(Block::Verbatim(lines)) if in_code => lines.push(line.to_owned()),
            _ if line.is_empty() => goes_on = false,
            Some(Block::Verbatim(lines)) if goes_on && line.starts_with('|') => {
                lines.push(plain(line));
            }
            Some(Block::Paragraph(text) | Block::Item(text))
                if goes_on && !line.starts_with("- ") =>
            {
                text.push_str(&format!(" {}", plain(line.trim_start())));
            }
            _ => {
                found.push(begun(line));
                goes_on = true;
            }
        }
    }
    found
}

fn begun(line: &str) -> Block {
    if line.starts_with('#') {
        return Block::Heading(plain(line.trim_start_matches('#').trim()));
    }
    match (line.strip_prefix("- "), line.starts_with('|')) {
        (Some(item), _) => Block::Item(plain(item)),
        (None, true) => Block::Verbatim(vec![plain(line)]),
        (None, false) => Block::Paragraph(plain(line)),
    }
}

/// Without what only a browser shows: links keep their words.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        match after.split_once("](").and_then(|(words, link)| Some((words, link.split_once(')')?)))
        {
            Some((words, (_, after))) if !words.contains('\n') => {
                out.push_str(words);
                rest = after;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out + rest
}

/// A page in the terminal.
pub fn text(page: &str, look: &Look) -> String {
    let mut out = String::new();
    let mut was_item = false;
    for block in blocks(page) {
        let is_item = matches!(block, Block::Item(_));
        let goes_on = is_item && was_item;
        if !goes_on && !out.is_empty() {
            out.push('\n');
        }
        match block {
            Block::Heading(heading) => {
                out.push_str(&format!("{}\n", look.paint(Ink::Bold, &heading)));
            }
            Block::Paragraph(text) => out.push_str(&look.paragraph(0, &text)),
            Block::Item(text) => out.push_str(&look.paragraph(2, &format!("• {text}"))),
            Block::Verbatim(lines) => {
                lines.iter().for_each(|line| out.push_str(&format!("    {line}\n")));
            }
        }
        was_item = is_item;
    }
    out
}

/// A rule's page in the terminal.
pub fn rule(manual: &Manual, rule: &Rule, look: &Look) -> String {
    let head = look.paint(Ink::Bold, rule.id);
    format!("{head}, of {}\n\n{}", manual.name, text(&manual::of_rule(manual, rule), look))
}

/// Every agent with its rules, a line each.
pub fn list(look: &Look) -> String {
    let mut out = String::new();
    for manual in manual::all() {
        out.push_str(&format!("{}\n", look.paint(Ink::Bold, manual.name)));
        out.push_str(&look.paragraph(2, manual.description));
        for rule in manual.rules {
            out.push_str(&look.paragraph(4, &format!("{}: {}", rule.id, rule.says)));
        }
    }
    out.push_str("\nai_onboard explain RULE says why, when, and how to end it.\n");
    out
}

/// The name of an agent's manual page: section 7 is for what is no program.
pub fn file_name(manual: &Manual) -> String {
    format!("ai_onboard-{}.7", manual.name)
}

/// An agent's page for `man`.
pub fn man(manual: &Manual) -> String {
    let mut page = Roff::new();
    let version = format!("ai_onboard {}", env!("CARGO_PKG_VERSION"));
    let name = format!("ai_onboard-{}", manual.name);
    page.control("TH", [name.as_str(), "7", version.as_str()]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} - {}", manual.description.trim_end_matches('.')))]);
    let text = manual::markdown(manual);
    // The page's own title is the name above.
    for block in blocks(&text).into_iter().skip(1) {
        match block {
            Block::Heading(heading) => {
                page.control("SH", [heading.replace('`', "").to_uppercase().as_str()]);
            }
            Block::Paragraph(text) => {
                page.control("PP", []);
                page.text([roman(text)]);
            }
            Block::Item(text) => {
                page.control("IP", ["\\(bu", "2"]);
                page.text([roman(text)]);
            }
            Block::Verbatim(lines) => {
                page.control("PP", []);
                page.control("nf", []);
                for line in &lines {
                    page.text([roman(line.as_str())]);
                }
                page.control("fi", []);
            }
        }
    }
    page.to_roff()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::in_all;
    use expect_test::expect;

    const PAGE: &str = "# one\n\nSome [words](../x.md) that\ngo on.\n\n- first\n  of them\n- second\n\n```text\n.x \\ y\n\n  z\n```\n\n| a | b |\n|---|---|\n";

    #[test]
    fn the_parts_of_a_page() {
        expect![[r#"
            [
                Heading(
                    "one",
                ),
                Paragraph(
                    "Some words that go on.",
                ),
                Item(
                    "first of them",
                ),
                Item(
                    "second",
                ),
                Verbatim(
                    [
                        ".x \\ y",
                        "",
                        "  z",
                    ],
                ),
                Verbatim(
                    [
                        "| a | b |",
                        "|---|---|",
                    ],
                ),
            ]
        "#]]
        .assert_debug_eq(&blocks(PAGE));
    }

    #[test]
    fn a_rule_in_all_widths() {
        let (manual, found) = manual::rule("change/complexity").expect("a page");
        expect![[r#"
            --- 40
            change/complexity, of check

            It says which function your change made
            harder to follow.

            Before it is pushed is the cheapest
            moment to split it: nobody else has
            built on it yet.

            When:

              • cognitive complexity rose by 5 or
              more (judgement: less is one more
              condition)
              • and by 25 % (judgement: less is no
              change of kind)
              • to 15 or more (SonarSource's rule
              warns from here on)
              • or a new function has 25 or more
              (from here on reviewers agree that a
              function should be split)

            For example:

                [low] hard is new and hard to follow: cognitive complexity 36
                  Warned of from 15, where the change adds 5 and a quarter of what it was; a
                  new function from 25.
                    src/a.rs:1  cognitive complexity 36, nesting 8, 3 lines
                  → Give the most deeply nested parts of hard (lines 1 to 3) functions of
                  their own while the change is fresh.

            To end it: split it; or dismiss it in
            `ai_onboard recommendations` where the
            crew has told it, too.
            --- 80
            change/complexity, of check

            It says which function your change made harder to follow.

            Before it is pushed is the cheapest moment to split it: nobody else has built on
            it yet.

            When:

              • cognitive complexity rose by 5 or more (judgement: less is one more
              condition)
              • and by 25 % (judgement: less is no change of kind)
              • to 15 or more (SonarSource's rule warns from here on)
              • or a new function has 25 or more (from here on reviewers agree that a
              function should be split)

            For example:

                [low] hard is new and hard to follow: cognitive complexity 36
                  Warned of from 15, where the change adds 5 and a quarter of what it was; a
                  new function from 25.
                    src/a.rs:1  cognitive complexity 36, nesting 8, 3 lines
                  → Give the most deeply nested parts of hard (lines 1 to 3) functions of
                  their own while the change is fresh.

            To end it: split it; or dismiss it in `ai_onboard recommendations` where the
            crew has told it, too.
            --- 200
            change/complexity, of check

            It says which function your change made harder to follow.

            Before it is pushed is the cheapest moment to split it: nobody else has built on it yet.

            When:

              • cognitive complexity rose by 5 or more (judgement: less is one more condition)
              • and by 25 % (judgement: less is no change of kind)
              • to 15 or more (SonarSource's rule warns from here on)
              • or a new function has 25 or more (from here on reviewers agree that a function should be split)

            For example:

                [low] hard is new and hard to follow: cognitive complexity 36
                  Warned of from 15, where the change adds 5 and a quarter of what it was; a
                  new function from 25.
                    src/a.rs:1  cognitive complexity 36, nesting 8, 3 lines
                  → Give the most deeply nested parts of hard (lines 1 to 3) functions of
                  their own while the change is fresh.

            To end it: split it; or dismiss it in `ai_onboard recommendations` where the crew has told it, too.
            --- 80 in colour
            ␛[1mchange/complexity␛[0m, of check

            It says which function your change made harder to follow.

            Before it is pushed is the cheapest moment to split it: nobody else has built on
            it yet.

            When:

              • cognitive complexity rose by 5 or more (judgement: less is one more
              condition)
              • and by 25 % (judgement: less is no change of kind)
              • to 15 or more (SonarSource's rule warns from here on)
              • or a new function has 25 or more (from here on reviewers agree that a
              function should be split)

            For example:

                [low] hard is new and hard to follow: cognitive complexity 36
                  Warned of from 15, where the change adds 5 and a quarter of what it was; a
                  new function from 25.
                    src/a.rs:1  cognitive complexity 36, nesting 8, 3 lines
                  → Give the most deeply nested parts of hard (lines 1 to 3) functions of
                  their own while the change is fresh.

            To end it: split it; or dismiss it in `ai_onboard recommendations` where the
            crew has told it, too.
        "#]].assert_eq(&in_all(|look| rule(manual, found, look)));
    }

    #[test]
    fn a_page_for_man() {
        let manual = Manual {
            name: "x",
            description: "Does x.",
            manifest: None,
            about: "About - x.\n\n```text\n.x \\ y\n```",
            rules: &[],
            publishes: &[("a.b", "when c.")],
            shares: &[],
            examples: "",
        };
        expect![[r#"
            .TH ai_onboard-x 7 "ai_onboard VERSION"
            .SH NAME
            ai_onboard\-x \- Does x
            .PP
            Does x.
            .PP
            About \- x.
            .PP
            .nf
            \&.x \\ y
            .fi
            .SH "WHAT IT PUBLISHES"
            .IP \(bu 2
            `a.b`: when c.
        "#]]
        .assert_eq(&man(&manual).replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }
}
