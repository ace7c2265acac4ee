//! What `doctor` says of a host, and what a run on that host comes to: with something taken away from
//! it, both must say the same.
//!
//! This program is also what takes it away, so it brings a small harness that speaks the protocol of
//! the usual test runners.

#[path = "../../../onboard-sandbox/tests/walls/lack.rs"]
mod lack;
mod trial;

// Through which the file above, of another crate, speaks to the kernel.
use libc as _;

use lack::Needs;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("lack") => lack::run(&arguments[1], &arguments[2..]),
        _ => harness(&arguments),
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn tests() -> Vec<(String, Box<dyn Fn()>)> {
    let can = |needs: Needs| needs == Needs::Nothing || is_root();
    let of = |begin: &str, what: &str| format!("{begin}{}", what.replace(' ', "_"));
    let mut tests: Vec<(String, Box<dyn Fn()>)> = Vec::new();
    for (what, _) in lack::ALL.into_iter().filter(|(_, needs)| can(*needs)) {
        tests.push((of("doctor_and_runs_agree_without_", what), Box::new(|| trial::agree(what))));
    }
    for (what, _) in lack::ALL.into_iter().filter(|(_, needs)| can(*needs)) {
        let changed = move || trial::lost_after_the_probe(what);
        tests.push((of("an_old_answer_opens_nothing_without_", what), Box::new(changed)));
    }
    tests
}

fn harness(arguments: &[String]) -> ExitCode {
    let tests = tests();
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    if has("--list") {
        if !has("--ignored") {
            tests.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let fits = |name: &str| {
        let fits = |filter: &&&String| match has("--exact") {
            true => name == filter.as_str(),
            false => name.contains(filter.as_str()),
        };
        filters.is_empty() || filters.iter().any(|filter| fits(&filter))
    };
    let mut failed = 0;
    let mut passed = 0;
    for (name, body) in tests.iter().filter(|(name, _)| fits(name)) {
        let is_good = catch_unwind(AssertUnwindSafe(body)).is_ok();
        println!("test {name} ... {}", if is_good { "ok" } else { "FAILED" });
        *if is_good { &mut passed } else { &mut failed } += 1;
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}
