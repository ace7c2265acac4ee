//! Writes a made-up history for `git fast-import`: `synthetic_history COMMITS | git fast-import`.
//!
//! Forty people, two thousand files in twenty modules, a merge every eighth commit, a release
//! every three hundred. The same number always gives the same bytes.

use std::io::{BufWriter, Write};

const PEOPLE: u64 = 40;
const FILES: u64 = 2_000;
const MODULES: u64 = 20;
/// 2016-01-01.
const START_S: u64 = 1_451_606_400;
/// Commits are an hour and a half apart.
const STEP_S: u64 = 5_400;

fn main() -> std::io::Result<()> {
    let commits = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(50_000);
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "reset refs/heads/main")?;
    for number in 1..=commits {
        write_commit(&mut out, number)?;
        if number % 300 == 0 {
            writeln!(out, "reset refs/tags/v1.{}.0\nfrom :{number}\n", number / 300)?;
        }
    }
    writeln!(out, "done")?;
    out.flush()
}

fn write_commit(out: &mut impl Write, number: u64) -> std::io::Result<()> {
    // Every eighth commit merges a side line that started three commits before it.
    let (branch, parents) = match number % 8 {
        _ if number == 1 => ("main", vec![]),
        7 if number > 8 => ("side", vec![number - 3]),
        0 => ("main", vec![number - 2, number - 1]),
        _ => ("main", vec![number - 1]),
    };
    let who = skewed(number, PEOPLE);
    let at = START_S + number * STEP_S;
    writeln!(out, "commit refs/heads/{branch}\nmark :{number}")?;
    for role in ["author", "committer"] {
        writeln!(out, "{role} Person {who} <person{who}@example.org> {at} +0000")?;
    }
    let message = format!("change {number}");
    writeln!(out, "data {}\n{message}", message.len())?;
    for (word, parent) in ["from", "merge"].iter().zip(&parents) {
        writeln!(out, "{word} :{parent}")?;
    }
    if parents.len() < 2 {
        for turn in 0..1 + mix(number) % 4 {
            write_file(out, number, skewed(number * 7 + turn, FILES))?;
        }
    }
    writeln!(out)
}

fn write_file(out: &mut impl Write, number: u64, file: u64) -> std::io::Result<()> {
    let folder = if file.is_multiple_of(5) { "tests" } else { "src" };
    let module = file % MODULES;
    let note = if mix(number + file).is_multiple_of(9) { "// TODO: finish\n" } else { "" };
    let content = format!("{note}fn f{file}() -> u64 {{ {number} }}\n");
    writeln!(out, "M 100644 inline module{module}/{folder}/part{}/file{file}.rs", file % 7)?;
    writeln!(out, "data {}\n{content}", content.len())
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
