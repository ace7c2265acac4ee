//! Judging by the policy.

use super::spread::Spread;
use super::{Bench, Line};

/// How long each side goes in a round.
const ROUND_MS: &str = "500";
/// What is aimed at, a second on one core.
const AIM: f64 = 1_000_000.0;

/// Runs, and attempts of runs; beside them the hash sets of the standard library.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let (mut runs, mut attempts, mut lookups) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds(9, 3) {
        let told = bench.example("judgements", &[ROUND_MS])?;
        runs.extend(told["runs_per_second"].as_f64());
        attempts.extend(told["attempts_per_second"].as_f64());
        lookups.extend(told["lookups_per_second"].as_f64());
    }
    let (runs, attempts) = (Spread::of(runs)?, Spread::of(attempts)?);
    let lookups = Spread::of(lookups)?;
    let beside = format!("the same keys in hash sets: {}", lookups.show("/s"));
    let line = |what, ours: &Spread| Line {
        what,
        ours: ours.show("/s"),
        reference: beside.clone(),
        aim: "≥ 1,000,000 /s",
        limit: 1.0,
        judged: AIM / ours.median(),
        why_missed: "One thread judges, and other work on the machine takes from its core.",
    };
    Ok(vec![
        line("policy judgements of runs, one core", &runs),
        line("policy judgements of a path, a host or a command, one core", &attempts),
    ])
}
