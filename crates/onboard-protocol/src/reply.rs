//! The host's answers as an agent sees them: structured content, and the same as short text.

use crate::machine::Machine;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use onboard_domain::council;
use onboard_domain::hook::Delivery;
use onboard_domain::proposal::Status;
use onboard_domain::state::{BlobRef, Trigger};
use onboard_domain::{
    AgentId, AgentName, CallAnswer, CallRefusal, MessageId, MotionId, ProposalId, RunId, Time,
};
use serde_json::{Map, Value, json};

/// What a run is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub agent: AgentName,
    /// The project's name.
    pub project: String,
    /// Where the project is for the agent's process.
    pub root: String,
    pub run: RunId,
    pub trigger: Trigger,
    /// 0 for the first attempt.
    pub attempt: u32,
    pub now: Time,
    /// The run is stopped then.
    pub deadline: Time,
    pub settings: BTreeMap<String, String>,
    /// Leases given with the run's place, with their fencing tokens.
    pub leases: BTreeMap<String, u64>,
    /// Names of what earlier runs kept.
    pub checkpoints: Vec<String>,
    /// Files with what agents share, for the agent's process: by agent, by checkpoint.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
    /// What the webhook brought that woke the run, oldest first: the sender's words, never to be
    /// trusted as the project's or a person's.
    pub deliveries: Vec<Delivery>,
    /// What the private copy is made of that the run works on, if it works on one.
    pub copy: Option<WorkCopy>,
}

/// A private copy of the project's newest commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkCopy {
    /// Applied to it; of the proposal that the run is to check.
    pub patch: Option<String>,
    /// Paths that are left out.
    pub forbidden: Vec<String>,
    /// Bytes that all its files may have together.
    pub bytes_max: u64,
}

/// A message as its receiver sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub id: MessageId,
    /// The sender's name.
    pub from: String,
    pub sent: Time,
    pub body: String,
    pub deliveries: u32,
}

/// A shared value as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateValue {
    /// JSON text.
    pub value: String,
    pub version: u64,
    /// The writer's name.
    pub by: String,
    pub at: Time,
}

/// An answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum HostAnswer {
    Done,
    Task(Box<Task>),
    Machine(Box<Machine>),
    Finding {
        status: String,
        /// Of the forecast that came with it, if one did.
        forecast: Option<String>,
    },
    Changed(bool),
    Letters(Vec<Letter>),
    Sent(MessageId),
    Value(Option<StateValue>),
    Stored {
        version: u64,
    },
    Lease {
        token: u64,
        expires: Time,
    },
    /// A checkpoint's content, or that there is none of that name.
    Checkpoint(Option<Vec<u8>>),
    Proposal {
        id: ProposalId,
        status: Status,
    },
    Approval {
        id: MotionId,
        status: council::Status,
        hash: String,
        note: String,
    },
}

impl HostAnswer {
    /// The answer to an agent's call, with names where the state has ids.
    ///
    /// # Errors
    /// The blob whose content is the answer: the host reads it and answers
    /// [`HostAnswer::Checkpoint`].
    pub fn of(answer: CallAnswer, name: impl Fn(AgentId) -> String) -> Result<HostAnswer, BlobRef> {
        Ok(match answer {
            CallAnswer::Done => HostAnswer::Done,
            CallAnswer::Finding { status, forecast } => HostAnswer::Finding { status, forecast },
            CallAnswer::Changed(changed) => HostAnswer::Changed(changed),
            CallAnswer::Messages(messages) => HostAnswer::Letters(
                messages
                    .into_iter()
                    .map(|message| Letter {
                        id: message.id,
                        from: name(message.from),
                        sent: message.sent,
                        body: message.body,
                        deliveries: message.deliveries,
                    })
                    .collect(),
            ),
            CallAnswer::Sent(id) => HostAnswer::Sent(id),
            CallAnswer::Value(value) => HostAnswer::Value(value.map(|value| StateValue {
                value: value.value,
                version: value.version,
                by: name(value.by),
                at: value.at,
            })),
            CallAnswer::Stored { version } => HostAnswer::Stored { version },
            CallAnswer::Lease { token, expires } => HostAnswer::Lease { token, expires },
            CallAnswer::Proposal { id, status } => HostAnswer::Proposal { id, status },
            CallAnswer::Approval { id, status, hash, note } => {
                HostAnswer::Approval { id, status, hash, note }
            }
            CallAnswer::Checkpoint(None) => HostAnswer::Checkpoint(None),
            CallAnswer::Checkpoint(Some(blob)) => return Err(blob),
        })
    }

    /// The `structuredContent`.
    pub fn structured(&self) -> Value {
        match self {
            HostAnswer::Done => json!({ "done": true }),
            HostAnswer::Task(task) => task_value(task),
            HostAnswer::Machine(machine) => serde_json::to_value(machine).unwrap_or(Value::Null),
            HostAnswer::Finding { status, forecast: None } => json!({ "status": status }),
            HostAnswer::Finding { status, forecast: Some(forecast) } => {
                json!({ "status": status, "forecast": forecast })
            }
            HostAnswer::Changed(changed) => json!({ "changed": changed }),
            HostAnswer::Letters(letters) => {
                json!({ "messages": letters.iter().map(letter).collect::<Vec<_>>() })
            }
            HostAnswer::Sent(id) => json!({ "id": id.to_string() }),
            HostAnswer::Value(None) => json!({ "value": null, "version": 0 }),
            HostAnswer::Value(Some(value)) => json!({
                "value": shared(&value.value),
                "version": value.version,
                "by": value.by,
                "at_ms": value.at.0,
            }),
            HostAnswer::Stored { version } => json!({ "version": version }),
            HostAnswer::Lease { token, expires } => {
                json!({ "token": token, "expires_ms": expires.0 })
            }
            HostAnswer::Checkpoint(content) => checkpoint(content.as_deref()),
            HostAnswer::Proposal { id, status } => {
                json!({ "id": id.to_string(), "status": status.word() })
            }
            HostAnswer::Approval { id, status, hash, note } => json!({
                "id": id.to_string(),
                "status": approval_word(*status),
                "hash": hash,
                "note": note,
            }),
        }
    }
}

/// Text as text, other bytes as base64.
fn checkpoint(content: Option<&[u8]>) -> Value {
    let (content, encoding) = match content.map(|bytes| (bytes, core::str::from_utf8(bytes))) {
        None => (None, "text"),
        Some((_, Ok(text))) => (Some(text.to_string()), "text"),
        Some((bytes, Err(_))) => (Some(BASE64_STANDARD.encode(bytes)), "base64"),
    };
    json!({ "content": content, "encoding": encoding })
}

/// The word for an agent: a yes is given in the moment in which it is used up.
fn approval_word(status: council::Status) -> &'static str {
    match status {
        council::Status::Open => "waiting",
        council::Status::Approved | council::Status::Executed => "approved",
        other => other.word(),
    }
}

fn task_value(task: &Task) -> Value {
    let mut value = json!({
        "agent": task.agent.as_str(),
        "project": task.project,
        "root": task.root,
        "run": task.run.to_string(),
        "trigger": serde_json::to_value(&task.trigger).unwrap_or(Value::Null),
        "attempt": task.attempt,
        "now_ms": task.now.0,
        "deadline_ms": task.deadline.0,
        "settings": task.settings,
        "leases": task.leases,
        "checkpoints": task.checkpoints,
        "facts": task.facts,
    });
    if !task.deliveries.is_empty() {
        value["deliveries"] = task.deliveries.iter().map(delivery).collect();
    }
    if let Some(WorkCopy { patch, forbidden, bytes_max }) = &task.copy {
        value["copy"] = json!({ "patch": patch, "forbidden": forbidden, "bytes_max": bytes_max });
    }
    value
}

fn delivery(delivery: &Delivery) -> Value {
    json!({ "at_ms": delivery.at.0, "said": shared(&delivery.data) })
}

fn letter(letter: &Letter) -> Value {
    json!({
        "id": letter.id.to_string(),
        "from": letter.from,
        "sent_ms": letter.sent.0,
        "body": letter.body,
        "deliveries": letter.deliveries,
    })
}

/// The value as JSON; what an older writer stored as bare text stays a text.
fn shared(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into()))
}

/// The result of `tools/call`: content for models, structured content for programs.
pub(crate) fn call_result(outcome: &Result<HostAnswer, CallRefusal>) -> Map<String, Value> {
    let (text, structured, is_error) = match outcome {
        Ok(HostAnswer::Done) => ("done".to_string(), HostAnswer::Done.structured(), false),
        Ok(answer) => {
            let structured = answer.structured();
            (structured.to_string(), structured, false)
        }
        Err(refusal) => (
            alloc::format!("{}: {}", refusal.code, refusal.message),
            json!({ "code": refusal.code, "message": refusal.message }),
            true,
        ),
    };
    let mut result = Map::new();
    result.insert("content".into(), json!([{ "type": "text", "text": text }]));
    result.insert("structuredContent".into(), structured);
    result.insert("isError".into(), Value::Bool(is_error));
    result
}
