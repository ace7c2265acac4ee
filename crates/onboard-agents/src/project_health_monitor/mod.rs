//! The project health monitor: how far the project is, where it is heading, and what needs
//! attention before it hurts. From git and the project's plan alone.

mod decide;
mod manual;
mod observe;
pub mod replay;
mod report;
mod state;

use crate::host::{AgentError, Host, Outcome};

pub use manual::MANUAL;

pub const NAME: &str = "project-health-monitor";
pub const DESCRIPTION: &str = "Watches progress, activity, ownership and open work of a project and says what needs attention.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings handed over in one run; what is left comes in the next ones. A list longer than
/// this is read by nobody.
pub const MOST_FINDINGS: usize = 5;
/// Commits between two checkpoints of a first walk: under a second of cpu lost to a kill.
const CHECKPOINT_STRIDE: usize = 5_000;

/// One run: look, decide, report, remember.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    run_with_stride(host, CHECKPOINT_STRIDE)
}

/// As [`run`], saving a first walk every `stride` commits.
pub fn run_with_stride(host: &mut dyn Host, stride: usize) -> Result<Outcome, AgentError> {
    let task = host.task().clone();
    let glance = observe::glance(&task);
    let mut reports = state::load_reports(host)?;
    if !reports.seen.is_empty() && reports.seen == glance.seen {
        let summary = format!("nothing changed since the last look; {}", reports.standing);
        return Ok(Outcome::NothingToReport { summary });
    }
    let seen = glance.seen.clone();
    let facts = observe::observe(host, glance, stride.max(1))?;
    let assessment = decide::assess(&facts);
    let outcome = report::deliver(host, &facts, assessment, &mut reports)?;
    // Findings are handed over before they are remembered: a run killed in between says them
    // again, and the host knows them by their fingerprints.
    reports.seen = seen;
    state::save_reports(host, &mut reports)?;
    Ok(outcome)
}
