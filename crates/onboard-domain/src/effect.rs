//! What the world is asked to do, after the events that decided it are durable.
//!
//! Each effect is safe to perform twice: it names a run and the generation it belongs to, or a
//! proposal, whose work gives the same commit each time.

use crate::ids::{Generation, ProposalId, RunId};
use crate::proposal::Work;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// One touch of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Start the run's process behind its walls, if the current policy still permits it.
    Launch { run: RunId, generation: Generation },
    /// Tell every process of the run that it is to end, which it may do in its own way; a kill
    /// follows when it does not.
    Terminate { run: RunId, generation: Generation },
    /// Kill the run's whole process tree, see that it is gone, then report the exit.
    Kill { run: RunId, generation: Generation, why: KillReason },
    /// Write the emergency latch file that every dispatch reads.
    SetLatch { reason: String },
    /// Remove the latch file.
    ClearLatch,
    /// Have a separate process work on a proposal, then report what came of it.
    Proposal { proposal: ProposalId, work: Work },
    /// End the process of the daemon; nothing runs any more.
    Exit,
}

/// Why a run is being ended; it becomes the run's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillReason {
    Stopped,
    Deadline,
    Replaced,
    Emergency,
    Shutdown,
    /// A limit that the host watches itself. Not given: where the kernel can't hold a limit the run's
    /// own launcher does, and the run fails by it. Old journals may have it.
    Limit,
    /// What its agent tried had this consequence.
    Violation,
    /// It asked for an approval: it gives its place back while people think.
    Approval,
}

impl KillReason {
    /// The reason in words.
    pub fn explanation(self) -> &'static str {
        match self {
            KillReason::Stopped => "it was stopped",
            KillReason::Deadline => "its deadline passed",
            KillReason::Replaced => "a newer run replaced it",
            KillReason::Emergency => "an emergency shutdown",
            KillReason::Shutdown => "the daemon was stopped",
            KillReason::Limit => "a limit that the host watches",
            KillReason::Violation => "what it tried is not allowed",
            KillReason::Approval => "it waits for an approval",
        }
    }
}
