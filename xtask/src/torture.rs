//! The real daemon, killed and restarted as often as asked, from a seed that is printed.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::command;
use crate::options;
use crate::workspace::Workspace;

/// Cycles when none are asked for: some ten minutes.
const CYCLES: u64 = 1_000;

/// The test that the harness is.
const TEST: &str = "killed_at_any_moment_the_daemon_keeps_what_it_answered";

/// `cargo xtask torture [--cycles N] [--seed S]`.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let [cycles, seed] = options::numbers(["--cycles", "--seed"], arguments)?;
    let cycles = cycles.unwrap_or(CYCLES);
    let seed = seed.unwrap_or_else(any_seed);
    println!("{cycles} cycles, seed {seed}");
    trial(workspace, TEST, &[("TORTURE_CYCLES", cycles), ("TORTURE_SEED", seed)])
}

/// Runs one test of the harness, with what it is to do in the environment.
pub fn trial(workspace: &Workspace, test: &str, environment: &[(&str, u64)]) -> Result<(), String> {
    let mut cargo = command::cargo(&workspace.root);
    cargo.args(["test", "--package", "onboard-cli", "--test", "torture", "--"]);
    cargo.args(["--nocapture", "--exact", test]);
    for (name, value) in environment {
        cargo.env(name, value.to_string());
    }
    match command::run(&mut cargo)?.success {
        true => Ok(()),
        false => Err("failed; what differed is said above".to_string()),
    }
}

/// Another seed each time; a failure is repeated with the one that was printed.
fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}
