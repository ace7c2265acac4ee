//! What a running agent may ask of its host that reads or changes the state.
//!
//! Progress and log lines are not here: they are not facts, and never enter the journal.

use crate::council;
use crate::finding::Finding;
use crate::forecast;
use crate::ids::{Fingerprint, MessageId, MotionId, ProposalId, Time};
use crate::lease::Mode;
use crate::proposal::{self, Proposed};
use crate::state::{BlobRef, Message, SharedValue};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The lease that a write relies on, with the token that it was given with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Under {
    pub name: String,
    pub token: u64,
}

/// A call of an agent, parsed and bounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentCall {
    RecordFinding(Finding),
    /// What came of what a finding of this agent expected; nothing where no such forecast is open.
    SettleForecast {
        fingerprint: Fingerprint,
        outcome: forecast::Outcome,
    },
    /// A finding of this agent is no longer so, since a commit did what it said.
    ResolveFinding {
        fingerprint: Fingerprint,
        commit: String,
    },
    /// Publish on a topic; agents of the project that wake on it are queued.
    EmitEvent {
        kind: String,
        data: String,
    },
    SendMessage {
        to: String,
        body: String,
    },
    ReadInbox {
        limit: u32,
    },
    AckMessage {
        id: MessageId,
    },
    GetState {
        key: String,
    },
    /// Last writer wins, unless `expect` names the version that must be there (0: absent).
    PutState {
        key: String,
        value: String,
        expect: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        under: Option<Under>,
    },
    /// With a time to wait, a run that can't have it yet stands in the queue, and asks again.
    TakeLease {
        name: String,
        ttl_ms: i64,
        #[serde(default, skip_serializing_if = "Mode::is_exclusive")]
        mode: Mode,
        #[serde(default, skip_serializing_if = "crate::state::is_none_yet")]
        wait_ms: i64,
        /// Whether the agent reads the word that it is its turn.
        #[serde(default, skip_serializing_if = "crate::state::is_none_yet")]
        tell: bool,
    },
    ReleaseLease {
        name: String,
    },
    /// The content is already durable under its hash; this makes it the agent's.
    SaveCheckpoint {
        name: String,
        blob: BlobRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        under: Option<Under>,
    },
    FindCheckpoint {
        name: String,
    },
    /// A change of the project, for people to decide on. The patch is already durable.
    ProposeChange(Proposed),
    /// Somebody should look: people are called.
    AskPerson {
        text: String,
    },
    /// May this be done? The run ends, and another goes on with the answer; asked again with the
    /// same words, it gets it.
    RequestApproval {
        action: String,
        what: String,
        reason: String,
        /// How long people have to answer.
        expires_ms: i64,
    },
    /// How the agent itself sees its run's end; the exit decides whether it counts.
    Finish {
        nothing_to_report: bool,
        summary: String,
    },
}

/// The host's answer to an [`AgentCall`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallAnswer {
    Done,
    /// Whether the finding is new to people, known already, or was dismissed by them.
    Finding {
        status: String,
        /// What became of the forecast that came with it: `kept`, `known` (an earlier one counts until
        /// it is settled), `full` (the project has as many as it may), `over` (its time has come) or `none` (the finding is not
        /// kept, or another agent's).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forecast: Option<String>,
    },
    /// Whether a forecast was settled, or a finding resolved; false where there was none of the
    /// agent's, which a repeated call is told as well.
    Changed(bool),
    Messages(Vec<Message>),
    Sent(MessageId),
    Value(Option<SharedValue>),
    Stored {
        version: u64,
    },
    /// The fencing token; writes under the lease carry it.
    Lease {
        token: u64,
        expires: Time,
    },
    Checkpoint(Option<BlobRef>),
    /// The proposal, and where it is: one that is known already is not made again.
    Proposal {
        id: ProposalId,
        status: proposal::Status,
    },
    /// How it stands with an approval. `executed` is a yes, given with this very answer and never
    /// again.
    Approval {
        id: MotionId,
        status: council::Status,
        /// The hash of exactly what was asked.
        hash: String,
        note: String,
    },
}

/// Why a call was not carried out; the agent lives on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRefusal {
    /// Stable word: `invalid`, `bounds`, `unknown`, `conflict`, `held`, `waits` (it stands in the
    /// queue; repeat it), `order` (it could wait for ever), `busy` (repeat it later),
    /// `limit` (no more in this run), `secret` (it holds one), `ended`.
    pub code: String,
    pub message: String,
}

impl CallRefusal {
    /// A refusal with a stable code and a sentence for people.
    pub fn new(code: &str, message: impl Into<String>) -> CallRefusal {
        CallRefusal { code: code.into(), message: message.into() }
    }
}
