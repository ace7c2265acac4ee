//! What the daemon keeps over time: its memory over minutes of work, and what starts leave behind.

use crate::options;
use crate::torture::trial;
use crate::workspace::Workspace;

/// Minutes when none are asked for.
const MINUTES: u64 = 10;
/// How many starts go at once when nothing is said of it.
const PARALLEL: u64 = 50;

/// The tests that the soaks are.
const MEMORY: &str = "soak::memory_stays_flat_while_agents_run";
const STARTS: &str = "starts::starts_leave_nothing_behind";

/// `cargo xtask soak [--minutes N | --starts N [--parallel P]]`.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let names = ["--minutes", "--starts", "--parallel"];
    match options::numbers(names, arguments)? {
        [Some(_), Some(_), _] | [Some(_), _, Some(_)] => {
            Err("--minutes is a soak of the memory, --starts of what starts leave; one at a time"
                .to_string())
        }
        [_, None, Some(_)] => Err("--parallel goes with --starts".to_string()),
        [_, Some(starts), parallel] => {
            let parallel = parallel.unwrap_or(PARALLEL).max(1);
            trial(workspace, STARTS, &[("SOAK_STARTS", starts), ("SOAK_PARALLEL", parallel)])
        }
        [minutes, None, None] => {
            let minutes = minutes.unwrap_or(MINUTES);
            trial(workspace, MEMORY, &[("SOAK_SECONDS", minutes.saturating_mul(60))])
        }
    }
}
