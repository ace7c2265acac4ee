//! The workflow optimizer: how work gets from its first commit to the main line and into a release,
//! and where it waits. From git, which does not know
//! everything, and says so; and from a forge's requests, where one is connected.
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

mod decide;
mod manual;
mod observe;
pub mod replay;
mod report;

use crate::facts;
use crate::host::{AgentError, Host, Outcome};
use crate::requests;
use crate::telling::Room;

pub use manual::MANUAL;

pub const NAME: &str = "workflow-optimizer";
pub const DESCRIPTION: &str = "Says where finished work waits, which branches wait too long, and what is done by hand again and again.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run, and it runs weekly: nobody changes more habits than that in a week. Two
/// branches to ask about, two routines and one part of the project are enough to work on at a time.
pub const ROOM: Room<'_> = Room {
    new: 3,
    of_rule: &[
        (decide::OVERDUE_REQUEST.id, 2),
        (decide::OVERDUE_BRANCH.id, 2),
        (decide::REPEATED_COMMIT.id, 2),
        (decide::ONE_MERGER.id, 1),
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
    let asked = requests::shared(host.task());
    let assessment = decide::assess(&facts, &flow, asked.as_ref(), host.task().now_ms);
    report::deliver(host, &facts, &assessment, &mut memory)
}
