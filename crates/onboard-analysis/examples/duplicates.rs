//! Finds copied code among files named on standard input, one a line, as the agents would: prints how
//! many clones there are and how many lines: `duplicates [THREADS]`. What `cargo xtask bench` measures.

#![expect(clippy::disallowed_methods, reason = "a program beside the crate reads the files")]

use std::io::BufRead;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use onboard_analysis::clones::{Fingerprint, Index, fingerprints};
use onboard_analysis::code::{Token, measure_with_tokens};

/// What one file amounts to.
struct Read {
    code_lines: u32,
    prints: Vec<Fingerprint>,
    tokens: Box<[Token]>,
}

fn main() -> std::io::Result<()> {
    let threads = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    let paths = std::io::stdin().lock().lines().collect::<Result<Vec<String>, _>>()?;
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let work = || {
            let mut own = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = paths.get(at) else { break };
                own.extend(read(path).map(|read| (at, read)));
            }
            all.lock().map(|mut all| all.extend(own)).unwrap_or_default();
        };
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut all = all.into_inner().unwrap_or_default();
    all.sort_by_key(|(at, _)| *at);
    let lines: u64 = all.iter().map(|(_, read)| u64::from(read.code_lines)).sum();
    let (mut index, mut tokens) = (Index::default(), Vec::with_capacity(all.len()));
    for (number, (_, read)) in (0..).zip(all) {
        index.add(number, &read.prints);
        tokens.push(Rc::<[Token]>::from(read.tokens));
    }
    let clones = index.clones(|file| tokens.get(file as usize).cloned());
    let duplicated: u64 = clones.duplicated_lines().values().map(|lines| u64::from(*lines)).sum();
    let (files, pairs) = (tokens.len(), clones.pairs.len());
    println!(
        "{}",
        serde_json::json!({ "files": files, "code_lines": lines, "clones": pairs,
            "duplicated_lines": duplicated, "cut": clones.cut })
    );
    Ok(())
}

fn read(path: &str) -> Option<Read> {
    let content = std::fs::read(path).ok()?;
    let (measured, tokens) = measure_with_tokens(path, &content);
    let code_lines = measured.file()?.lines.code;
    Some(Read { code_lines, prints: fingerprints(&tokens), tokens: tokens.into() })
}
