//! The daemon's memory over minutes of work.

use crate::options;
use crate::torture::trial;
use crate::workspace::Workspace;

/// Minutes when none are asked for.
const MINUTES: u64 = 10;

/// The test that the soak is.
const TEST: &str = "soak::memory_stays_flat_while_agents_run";

/// `cargo xtask soak [--minutes N]`.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let [minutes] = options::numbers(["--minutes"], arguments)?;
    let minutes = minutes.unwrap_or(MINUTES);
    trial(workspace, TEST, &[("SOAK_SECONDS", minutes.saturating_mul(60))])
}
