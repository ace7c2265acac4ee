//! Measures files named on standard input, one a line, and prints a line of JSON for each: what
//! `cargo xtask eval` and `cargo xtask bench` compare with other tools: `measure_code [THREADS]`.

#![expect(clippy::disallowed_methods, reason = "a program beside the crate reads the files")]

use std::io::{BufRead, BufWriter, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use onboard_analysis::code::{Measured, measure};

fn main() -> std::io::Result<()> {
    let threads = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    let paths = std::io::stdin().lock().lines().collect::<Result<Vec<String>, _>>()?;
    let (next, out) = (AtomicUsize::new(0), Mutex::new(BufWriter::new(std::io::stdout())));
    std::thread::scope(|scope| {
        let work = || {
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                let Some(line) = line(path) else { continue };
                let mut out = out.lock().map_err(|_| std::io::Error::other("a thread ended"))?;
                writeln!(out, "{line}")?;
            }
            Ok(())
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own: std::io::Result<()> = work();
        let mut ended = others.into_iter().map(|other| other.join().unwrap_or(Ok(())));
        ended.try_for_each(|ended| ended).and(own)
    })?;
    out.into_inner().map_err(|_| std::io::Error::other("a thread ended"))?.flush()
}

fn line(path: &str) -> Option<String> {
    let content = std::fs::read(path).ok()?;
    let measured = measure(path, &content);
    let is_known = measured != Measured::Unknown;
    is_known.then(|| serde_json::json!({ "path": path, "measured": measured }).to_string())
}
