//! Measures files named on standard input, one a line, and prints a line of JSON for each: what
//! `cargo xtask eval` compares with other tools' figures.

#![expect(clippy::disallowed_methods, reason = "a program beside the crate reads the files")]

use std::io::{BufRead, BufWriter, Write};

use onboard_analysis::code::{Measured, measure};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for path in std::io::stdin().lock().lines() {
        let path = path?;
        let Ok(content) = std::fs::read(&path) else { continue };
        let measured = measure(&path, &content);
        if measured == Measured::Unknown {
            continue;
        }
        let line = serde_json::json!({ "path": path, "measured": measured });
        writeln!(out, "{line}")?;
    }
    out.flush()
}
