//! The workflow optimizer: how work gets from its first commit to the main line and into a release,
//! and where it waits. From git alone, so it says what git can't know.
//!
//! # Rules
//!
//! - `workflow/slower`: in the last quarter of a year a stage took at least half as long again, and a
//!   day longer, than in the three quarters before, in its earlier and in its later half; a rank test
//!   would call it chance once in a hundred times.
//!
//! - `workflow/bottleneck`: branches that take longest are finished for at least half of their time,
//!   and one in seven waits three days or more after its last commit; or they are written for at least
//!   half of it, and one in seven for two weeks or more; or what is merged waits two months and more
//!   for a release, in a project without a rhythm of releases.
//!
//! - `workflow/overdue-branch`: an open branch is older, and longer finished, than 85 of 100 branches
//!   of its size were that were merged within a year. Not said within three days of a commit, nor of
//!   what was forgotten for a quarter of a year (which is the health monitor's to say).
//!
//! - `workflow/one-merger`: in a part of the project one person merges nearly all that others wrote,
//!   and work waits longer there than elsewhere.
//!
//! - `workflow/repeated-commit`: people made the same small commit on five days or more in a year:
//!   the same files, the same message but for its numbers.
//!
//! Where pull requests are squashed, no branch is left to be timed; then the first four say nothing,
//! and the summary says so. Of overdue branches, repeated commits and people who merge, few stand at a
//! time; what stands stays until it no longer holds.

mod decide;
mod observe;
mod report;

use crate::facts;
use crate::host::{AgentError, Host, Outcome};
use crate::telling::Room;

pub const NAME: &str = "workflow-optimizer";
pub const DESCRIPTION: &str = "Says where finished work waits, which branches wait too long, and what is done by hand again and again.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run, and it runs weekly: nobody changes more habits than that in a week. Two
/// branches to ask about, two routines and one part of the project are enough to work on at a time.
pub const ROOM: Room<'_> = Room {
    new: 3,
    of_rule: &[
        ("workflow/overdue-branch", 2),
        ("workflow/repeated-commit", 2),
        ("workflow/one-merger", 1),
    ],
};
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
