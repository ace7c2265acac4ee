//! Writes a made-up project for `git fast-import`: `synthetic_project LINES COMMITS`.
//!
//! Files of some 250 lines in five languages, a tenth of their functions copied from elsewhere; then
//! commits by forty people that each change a function or two in a few files. The same numbers always
//! give the same bytes.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};

const PEOPLE: u64 = 40;
const FUNCTIONS: u64 = 16;
/// What a file comes to, about.
const FILE_LINES: u64 = 250;
/// Files that the first commits bring, each.
const IMPORTED: u64 = 200;
/// 2016-01-01.
const START_S: u64 = 1_451_606_400;
/// Commits are two and a half hours apart.
const STEP_S: u64 = 9_000;

/// How a language writes what the functions are made of. `N`, `A` and `B` stand for numbers.
struct Style {
    ending: &'static str,
    head: &'static str,
    open: &'static str,
    choice: &'static str,
    turn: &'static str,
    set: &'static str,
    call: &'static str,
    back: &'static str,
    close: &'static str,
    tail: &'static str,
}

const STYLES: [Style; 5] = [
    Style {
        ending: "rs",
        head: "use crate::tools::note;\n",
        open: "pub fn NAME(mut a: u64, b: u64) -> u64 {",
        choice: "if a > N && b < A {",
        turn: "while a < N {",
        set: "a = a.wrapping_mul(N) + b % A;",
        call: "note(\"step N\", a, b + A);",
        back: "a + b",
        close: "}",
        tail: "",
    },
    Style {
        ending: "java",
        head: "package org.example.parts;\n\npublic final class Part {\n",
        open: "static long NAME(long a, long b) {",
        choice: "if (a > N && b < A) {",
        turn: "while (a < N) {",
        set: "a = a * N + b % A;",
        call: "Tools.note(\"step N\", a, b + A);",
        back: "return a + b;",
        close: "}",
        tail: "}\n",
    },
    Style {
        ending: "py",
        head: "from tools import note\n\n",
        open: "def NAME(a, b):",
        choice: "if a > N and b < A:",
        turn: "while a < N:",
        set: "a = a * N + b % A",
        call: "note(\"step N\", a, b + A)",
        back: "return a + b",
        close: "",
        tail: "",
    },
    Style {
        ending: "ts",
        head: "import { note } from './tools';\n\n",
        open: "export function NAME(a: number, b: number): number {",
        choice: "if (a > N && b < A) {",
        turn: "while (a < N) {",
        set: "a = a * N + (b % A);",
        call: "note('step N', a, b + A);",
        back: "return a + b;",
        close: "}",
        tail: "",
    },
    Style {
        ending: "go",
        head: "package parts\n\n",
        open: "func NAME(a int64, b int64) int64 {",
        choice: "if a > N && b < A {",
        turn: "for a < N {",
        set: "a = a*N + b%A",
        call: "note(\"step N\", a, b+A)",
        back: "return a + b",
        close: "}",
        tail: "",
    },
];

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<u64>().unwrap_or(1));
    let (lines, commits) = (words.next().unwrap_or(1_000_000), words.next().unwrap_or(10_000));
    let files = (lines / FILE_LINES).max(1);
    let mut versions = vec![[0_u32; FUNCTIONS as usize]; files as usize];
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "reset refs/heads/main")?;
    let imports = files.div_ceil(IMPORTED);
    for number in 0..commits.max(imports) {
        let touched: Vec<u64> = match number < imports {
            true => (number * IMPORTED..files.min((number + 1) * IMPORTED)).collect(),
            false => {
                (0..1 + mix(number) % 5).map(|turn| skewed(number * 7 + turn, files)).collect()
            }
        };
        write_commit(&mut out, number, number < imports)?;
        for file in touched {
            if number >= imports {
                let function = mix(number * 31 + file) % FUNCTIONS;
                versions[file as usize][function as usize] += 1;
            }
            write_file(&mut out, file, &versions[file as usize])?;
        }
        writeln!(out)?;
    }
    writeln!(out, "done")?;
    out.flush()
}

fn write_commit(out: &mut impl Write, number: u64, is_import: bool) -> std::io::Result<()> {
    let (who, at) = (skewed(number, PEOPLE), START_S + number * STEP_S);
    writeln!(out, "commit refs/heads/main\nmark :{}", number + 1)?;
    for role in ["author", "committer"] {
        writeln!(out, "{role} Person {who} <person{who}@example.org> {at} +0000")?;
    }
    let message = match (is_import, mix(number).is_multiple_of(4)) {
        (true, _) => format!("import part {number}"),
        (false, true) => format!("fix: step {number}"),
        (false, false) => format!("feat: step {number}"),
    };
    writeln!(out, "data {}\n{message}", message.len())?;
    if number > 0 {
        writeln!(out, "from :{number}")?;
    }
    Ok(())
}

fn write_file(out: &mut impl Write, file: u64, versions: &[u32]) -> std::io::Result<()> {
    let style = &STYLES[(file % STYLES.len() as u64) as usize];
    let mut text = String::from(style.head);
    for (function, version) in (0..).zip(versions) {
        let own = file * FUNCTIONS + function;
        // A tenth is a copy of what a nearby file of the same language has.
        let shape = if mix(own).is_multiple_of(10) { own % 160 } else { own };
        write_function(&mut text, style, own, shape * 1_000 + u64::from(*version));
    }
    text.push_str(style.tail);
    let folder = if file.is_multiple_of(7) { "tests" } else { "src" };
    let path =
        format!("module{}/{folder}/part{}/file{file}.{}", file % 23, file % 11, style.ending);
    writeln!(out, "M 100644 inline {path}")?;
    writeln!(out, "data {}\n{text}", text.len())
}

fn write_function(text: &mut String, style: &Style, name: u64, shape: u64) {
    let _ = writeln!(text, "{}", style.open.replace("NAME", &format!("step_{name}")));
    let mut depth = 1;
    let statements = 4 + mix(shape) % 10;
    for at in 0..statements {
        let draw = mix(shape * 64 + at);
        let line = match draw % 8 {
            0 | 1 if depth < 4 => style.choice,
            2 if depth < 4 => style.turn,
            3 | 4 => style.call,
            _ => style.set,
        };
        let line = line.replace('N', &(draw % 997).to_string());
        let line = line.replace('A', &(2 + draw % 89).to_string());
        indented(text, depth, &line);
        if draw % 8 <= 2 && depth < 4 {
            depth += 1;
            indented(text, depth, &style.set.replace('N', "3").replace('A', "7"));
        } else if depth > 1 && draw.is_multiple_of(3) {
            depth -= 1;
            close(text, style, depth);
        }
    }
    while depth > 1 {
        depth -= 1;
        close(text, style, depth);
    }
    indented(text, 1, style.back);
    close(text, style, 0);
    text.push('\n');
}

fn close(text: &mut String, style: &Style, depth: usize) {
    if !style.close.is_empty() {
        indented(text, depth, style.close);
    }
}

fn indented(text: &mut String, depth: usize, line: &str) {
    let _ = writeln!(text, "{}{line}", "    ".repeat(depth));
}

/// A number below `most`, small ones far more often.
fn skewed(number: u64, most: u64) -> u64 {
    let even = mix(number) % most;
    even * (mix(number + 1) % most) / most
}

fn mix(number: u64) -> u64 {
    let mut value = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value ^= value >> 32;
    value = value.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    value ^ (value >> 29)
}
