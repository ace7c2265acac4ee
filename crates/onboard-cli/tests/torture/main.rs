//! The real daemon, killed, starved and damaged: nothing that it answered is lost.
//!
//! `TORTURE_CYCLES` and `TORTURE_SEED` choose how often and from which seed; `cargo xtask torture`
//! sets them.

mod clients;
mod cycles;
mod emergency;
mod faults;
mod leaks;
mod ledger;
mod processes;
mod random;
mod soak;
mod starts;
mod world;

use cycles::Trial;
use std::sync::{Mutex, PoisonError};

/// Cycles in the tests.
const CYCLES: u64 = 100;
/// The seed in the tests.
const SEED: u64 = 1;
/// Cycles between two words about how far it is.
const TELL_EVERY: u64 = 25;

/// Orphans come to the whole process, so the trials in it take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Waits for this trial's turn.
fn turn() -> std::sync::MutexGuard<'static, ()> {
    // A trial that failed left nothing that another depends on.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number of the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: `{text}` is not a number")))
}

#[test]
fn killed_at_any_moment_the_daemon_keeps_what_it_answered() {
    let _turn = turn();
    let cycles = number("TORTURE_CYCLES").unwrap_or(CYCLES);
    let seed = number("TORTURE_SEED").unwrap_or(SEED);
    processes::adopt_orphans();
    let mut trial = Trial::new(seed).expect("a first start");
    for cycle in 1..=cycles {
        if let Err(why) = trial.cycle(cycle) {
            let kept = trial.keep();
            panic!(
                "seed {seed}, cycle {cycle}: {why}\nits home is {}\nagain: cargo xtask torture \
                 --cycles {cycles} --seed {seed}",
                kept.display()
            );
        }
        if cycle.is_multiple_of(TELL_EVERY) {
            let (entries, runs) = trial.sizes();
            let (answers, drops) = (trial.answers, trial.drops);
            println!(
                "{cycle} cycles: {answers} answers, {entries} entries, {runs} runs; the journal's \
                 oldest dropped in {drops}"
            );
        }
    }
    if let Err(why) = trial.finish() {
        panic!("seed {seed}, after {cycles} cycles: {why}\nits home is {}", trial.keep().display());
    }
    assert!(cycles < CYCLES || trial.drops > 0, "the journal never reached its bound");
}
