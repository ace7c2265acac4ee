//! The workflow optimizer: how work gets from its first commit to the main line and into a release,
//! and where it waits. From git alone, so it says what git can't know.
//!
//! # Rules
//!
//! - `workflow/slower`: a stage takes at least half as long again, and a day longer, than in the
//!   year before. It lasted a quarter of a year, holds in both halves of it, and a rank test would
//!   call it chance once in a hundred times.
//!
//! - `workflow/bottleneck`: branches that take longest are finished for at least half of their time,
//!   and one in seven waits three days or more after its last commit; or what is merged waits two
//!   months and more for a release, in a project without a rhythm of releases.
//!
//! - `workflow/overdue-branch`: an open branch is older, and longer finished, than 85 of 100 merged
//!   branches of its size ever were. Not said within a day of a commit, nor of what was forgotten for
//!   a quarter of a year (which is the health monitor's to say).
//!
//! - `workflow/one-merger`: in a part of the project one person merges nearly all that others wrote,
//!   and work waits longer there than elsewhere.
//!
//! - `workflow/repeated-commit`: people made the same small commit on five days or more in a year:
//!   the same files, the same message but for its numbers.
//!
//! Where pull requests are squashed, no branch is left to be timed; then the first four say nothing,
//! and the summary says so.

mod decide;
mod observe;
mod report;

use crate::facts;
use crate::host::{AgentError, Host, Outcome};

pub const NAME: &str = "workflow-optimizer";
pub const DESCRIPTION: &str = "Says where finished work waits, which branches wait too long, and what is done by hand again and again.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run, and it runs weekly: nobody changes more habits than that in a week.
pub const MOST_FINDINGS: usize = 3;
/// Merges compared between two checkpoints: about a second of work lost to a kill.
pub const STRIDE: usize = 200;

/// One run: follows what landed since the last one, and judges a year of it.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    run_with_stride(host, STRIDE)
}

/// As [`run`], with a checkpoint every `stride` merges.
pub fn run_with_stride(host: &mut dyn Host, stride: usize) -> Result<Outcome, AgentError> {
    let mut memory = report::load(host)?;
    let facts = match facts::read(host.task()) {
        Ok(facts) => facts,
        Err(why) => return Ok(Outcome::NothingToReport { summary: why }),
    };
    let flow = match observe::observe(host, &facts, &mut memory, stride.max(1))? {
        Ok(flow) => flow,
        Err(why) => return Ok(Outcome::NothingToReport { summary: why }),
    };
    let assessment = decide::assess(&facts, &flow);
    report::deliver(host, &facts, &assessment, &mut memory)
}
