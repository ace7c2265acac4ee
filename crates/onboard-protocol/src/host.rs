//! The host's side of one agent's connection: an MCP server as a pure state machine.
//!
//! Bytes and the time go in, actions come out; the caller performs the calls and hands the answers
//! back. Nothing that an agent sends can make it panic, wait or hold more than its bounds.

use crate::arguments;
use crate::frame::{FRAME, Frame, Framer};
use crate::reply::{HostAnswer, call_result};
use crate::rpc::{
    self, INVALID_PARAMS, INVALID_REQUEST, Id, Incoming, METHOD_NOT_FOUND, OVER_LIMIT, RpcError,
    UNSUPPORTED_VERSION,
};
use crate::tool::{TOOLS, Tool};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use onboard_domain::{AgentCall, CallRefusal, Evidence, Time, Under};
use serde_json::{Map, Value, json};

/// The stateless MCP revision: every request carries its version.
pub const MODERN: &str = "2026-07-28";
/// Revisions that open with `initialize`, newest first. 2025-03-26 is not among them: it obliges
/// its servers to take batches.
pub const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2024-11-05"];
/// How this host names itself.
pub const SERVER_NAME: &str = "ai_onboard";

/// Requests a run may make: a call every ten milliseconds of the longest default run. A run that
/// needs more is in a loop.
pub const REQUESTS_PER_RUN: u32 = 100_000;
/// Requests that may come at once.
pub const BURST: u32 = 200;
/// Requests a second after that; people read none of them faster, and the journal's disk is shared.
pub const REQUESTS_PER_SECOND: u32 = 100;
/// Bytes of a frame that count as one more request: a checkpoint of the largest size is then worth
/// a second of requests.
pub const BYTES_PER_REQUEST: usize = 64 * 1024;
/// Calls that may wait for their answers at once: an agent that asks further ahead does not read.
pub const PENDING: usize = 64;

/// Key of a request's `_meta`.
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Key of a request's `_meta`.
pub const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Key of a request's `_meta`.
pub const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";
/// Key of a result's `_meta`.
const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// How long a client may keep lists: they don't change while the host runs.
const LIST_TTL_MS: u64 = 3_600_000;

/// The notification for a run that waits for a lease and asked to be told: nobody is before it any more. Its parameter is the
/// lease's `name`.
pub const LEASE_IS_FREE: &str = "notifications/ai_onboard/lease_is_free";

/// That notification's line.
pub fn lease_is_free(name: &str) -> Vec<u8> {
    rpc::notification(LEASE_IS_FREE, &json!({ "name": name }))
}

const INSTRUCTIONS: &str = "Start with get_task. Report what you find with record_finding, \
    keep what the next run needs with save_checkpoint, and end with finish.";

/// One call that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(u64);

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// The word in logs.
    pub fn word(self) -> &'static str {
        arguments::LEVELS.iter().find(|(_, level)| *level == self).map_or("info", |(word, _)| word)
    }
}

/// What an agent asked for, inside every bound.
#[derive(Clone, Debug, PartialEq)]
pub enum HostCall {
    /// Reads or changes the state.
    Agent(AgentCall),
    GetTask,
    /// Look at the machine, and at the project's newest runs.
    GetMachine,
    /// Find the blob by [`AgentCall::FindCheckpoint`], then answer with its content.
    LoadCheckpoint {
        name: String,
    },
    /// Make the content durable, then make it the agent's by [`AgentCall::SaveCheckpoint`].
    SaveCheckpoint {
        name: String,
        content: Vec<u8>,
        under: Option<Under>,
    },
    /// Look the patch over, make it durable, then propose it by [`AgentCall::ProposeChange`].
    ProposeChange {
        title: String,
        reason: String,
        patch: String,
        evidence: Vec<Evidence>,
        under: Option<Under>,
    },
    Progress {
        done: u64,
        total: Option<u64>,
        note: String,
    },
    Log {
        level: Level,
        text: String,
    },
    Heartbeat,
}

/// What the caller is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum HostAction {
    /// Write these bytes to the agent.
    Reply(Vec<u8>),
    /// Carry this out, then write what [`HostSession::reply_to`] gives.
    Call { id: CallId, call: HostCall },
}

/// A call that was refused before anybody carried it out, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The tool's name; `message` for what was no call.
    pub tool: &'static str,
    /// The code of a [`CallRefusal`].
    pub code: String,
}

/// Refusals that are remembered until they are taken; the caller takes them after each read.
const REFUSED: usize = 256;

/// How a request says which revision it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Era {
    Modern,
    Legacy,
}

#[derive(Debug)]
struct Waiting {
    id: Id,
    era: Era,
}

/// One agent's connection.
#[derive(Debug)]
pub struct HostSession {
    /// This program's version, shown to clients.
    version: String,
    framer: Framer,
    /// After `initialize`, requests without a version of their own follow the older lifecycle.
    initialized: bool,
    waiting: BTreeMap<CallId, Waiting>,
    next: u64,
    budget: Budget,
    refused: Vec<Refused>,
}

impl HostSession {
    /// A session of a host of this version.
    pub fn new(version: &str) -> HostSession {
        HostSession {
            version: version.into(),
            framer: Framer::new(),
            initialized: false,
            waiting: BTreeMap::new(),
            next: 0,
            budget: Budget::new(),
            refused: Vec::new(),
        }
    }

    /// Takes what was read from the agent at `now`.
    pub fn on_bytes(&mut self, bytes: &[u8], now: Time) -> Vec<HostAction> {
        let frames = self.framer.push(bytes);
        frames
            .into_iter()
            .flat_map(|frame| match frame {
                Frame::Whole(line) => self.on_frame(&line, now),
                Frame::TooLong => {
                    self.note("message", "bounds");
                    let why = alloc::format!("a line has at most {FRAME} bytes");
                    Some(refuse(None, &RpcError::new(INVALID_REQUEST, why)))
                }
            })
            .collect()
    }

    /// Takes one frame, without its newline. At most one action follows.
    pub fn on_frame(&mut self, frame: &[u8], now: Time) -> Option<HostAction> {
        let room = self.budget.spend(now, frame.len());
        match rpc::read(frame) {
            // Who sends more garbage than requests would be allowed gets no answer to it.
            Err((id, error)) => {
                self.note("message", "invalid");
                room.is_ok().then(|| refuse(id.as_ref(), &error))
            }
            Ok(Incoming::Request { id, method, params }) => {
                Some(self.on_request(id, &method, params, room))
            }
            Ok(Incoming::Notification { method, params }) => {
                if method == "notifications/cancelled" {
                    self.cancel(&params);
                }
                None
            }
            // The host asks nothing, so nothing is answered.
            Ok(Incoming::Response { .. }) => None,
        }
    }

    /// The line that answers a call. `None` when the agent has cancelled it, or it is not waiting.
    pub fn reply_to(
        &mut self,
        call: CallId,
        outcome: &Result<HostAnswer, CallRefusal>,
    ) -> Option<Vec<u8>> {
        let Waiting { id, era } = self.waiting.remove(&call)?;
        Some(rpc::result(&id, &self.result(era, call_result(outcome))))
    }

    /// Milliseconds for which the caller had better not read from this agent: its requests would
    /// be refused, and reading them costs the host.
    pub fn pause_ms(&self, now: Time) -> i64 {
        self.budget.pause_ms(now)
    }

    /// The calls that were refused here since the last time.
    pub fn take_refused(&mut self) -> Vec<Refused> {
        core::mem::take(&mut self.refused)
    }

    fn note(&mut self, tool: &'static str, code: &str) {
        if self.refused.len() < REFUSED {
            self.refused.push(Refused { tool, code: code.into() });
        }
    }

    /// Calls that wait for their answers.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn cancel(&mut self, params: &Map<String, Value>) {
        if let Some(id) = params.get("requestId").and_then(Id::read) {
            self.waiting.retain(|_, waiting| waiting.id != id);
        }
    }

    fn on_request(
        &mut self,
        id: Id,
        method: &str,
        params: Map<String, Value>,
        room: Result<(), CallRefusal>,
    ) -> HostAction {
        let outcome = match method {
            "initialize" => Ok(self.initialize(&params)),
            _ => match self.era(&params) {
                Err(error) => Err(error),
                Ok(era) if method == "tools/call" => return self.call(id, era, params, room),
                Ok(_) if room.is_err() => Err(RpcError::new(
                    OVER_LIMIT,
                    room.err().map_or_else(String::new, |r| r.message),
                )),
                Ok(era) => self.answer(era, method, &params),
            },
        };
        match outcome {
            Ok(result) => HostAction::Reply(rpc::result(&id, &result)),
            Err(error) => refuse(Some(&id), &error),
        }
    }

    /// Which lifecycle a request follows.
    fn era(&self, params: &Map<String, Value>) -> Result<Era, RpcError> {
        let meta = params.get("_meta");
        match meta.and_then(|meta| meta.get(META_VERSION)) {
            Some(Value::String(version)) if version == MODERN => {
                match meta.and_then(|meta| meta.get(META_CAPABILITIES)) {
                    Some(Value::Object(_)) => Ok(Era::Modern),
                    _ => Err(RpcError::new(
                        INVALID_PARAMS,
                        alloc::format!("`_meta` has no `{META_CAPABILITIES}`"),
                    )),
                }
            }
            Some(Value::String(requested)) => Err(RpcError {
                code: UNSUPPORTED_VERSION,
                message: "Unsupported protocol version".into(),
                data: Some(json!({ "supported": [MODERN], "requested": requested })),
            }),
            None if self.initialized => Ok(Era::Legacy),
            _ => Err(RpcError::new(
                INVALID_PARAMS,
                alloc::format!("`_meta` has no `{META_VERSION}`, and nothing was initialized"),
            )),
        }
    }

    fn initialize(&mut self, params: &Map<String, Value>) -> Value {
        self.initialized = true;
        let asked = params.get("protocolVersion").and_then(Value::as_str);
        let version = LEGACY.into_iter().find(|v| Some(*v) == asked).unwrap_or(LEGACY[0]);
        json!({
            "protocolVersion": version,
            "capabilities": capabilities(),
            "serverInfo": self.server(),
            "instructions": INSTRUCTIONS,
        })
    }

    fn answer(
        &self,
        era: Era,
        method: &str,
        params: &Map<String, Value>,
    ) -> Result<Value, RpcError> {
        match (era, method) {
            (Era::Modern, "server/discover") => {
                let mut result = Map::new();
                result.insert("supportedVersions".into(), json!([MODERN]));
                result.insert("capabilities".into(), capabilities());
                result.insert("instructions".into(), INSTRUCTIONS.into());
                Ok(self.result(era, cacheable(result)))
            }
            (_, "tools/list") => {
                if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
                    return Err(RpcError::new(INVALID_PARAMS, "the list has one page: no cursor"));
                }
                let mut result = Map::new();
                result.insert("tools".into(), TOOLS.into_iter().map(Tool::listing).collect());
                let result = if era == Era::Modern { cacheable(result) } else { result };
                Ok(self.result(era, result))
            }
            (Era::Legacy, "ping") => Ok(json!({})),
            _ => {
                let name: String = method.chars().take(80).collect();
                Err(RpcError::new(METHOD_NOT_FOUND, alloc::format!("no method `{name}`")))
            }
        }
    }

    fn call(
        &mut self,
        id: Id,
        era: Era,
        mut params: Map<String, Value>,
        room: Result<(), CallRefusal>,
    ) -> HostAction {
        let tool = match named_tool(&params) {
            Ok(tool) => tool,
            Err(error) => return refuse(Some(&id), &error),
        };
        let arguments = match params.remove("arguments") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(arguments)) => arguments,
            Some(_) => {
                let error = RpcError::new(INVALID_PARAMS, "`arguments` is a JSON object");
                return refuse(Some(&id), &error);
            }
        };
        if self.waiting.values().any(|waiting| waiting.id == id) {
            let error = RpcError::new(INVALID_REQUEST, "this id is waiting for its answer");
            return refuse(Some(&id), &error);
        }
        let read = room
            .and_then(|()| self.place_to_wait())
            .and_then(|()| arguments::read(tool, arguments));
        match read {
            Ok(call) => {
                let call_id = CallId(self.next);
                self.next += 1;
                self.waiting.insert(call_id, Waiting { id, era });
                HostAction::Call { id: call_id, call }
            }
            Err(refusal) => {
                self.note(tool.name(), &refusal.code);
                let result = self.result(era, call_result(&Err(refusal)));
                HostAction::Reply(rpc::result(&id, &result))
            }
        }
    }

    fn place_to_wait(&self) -> Result<(), CallRefusal> {
        if self.waiting.len() < PENDING {
            return Ok(());
        }
        let message = alloc::format!("{PENDING} calls wait for their answers: read them first");
        Err(CallRefusal::new("busy", message))
    }

    /// A result as the era wants it.
    fn result(&self, era: Era, mut result: Map<String, Value>) -> Value {
        if era == Era::Modern {
            result.insert("resultType".into(), "complete".into());
            result.insert("_meta".into(), json!({ META_SERVER: self.server() }));
        }
        Value::Object(result)
    }

    fn server(&self) -> Value {
        json!({ "name": SERVER_NAME, "version": self.version })
    }
}

fn refuse(id: Option<&Id>, error: &RpcError) -> HostAction {
    HostAction::Reply(rpc::error(id, error))
}

fn capabilities() -> Value {
    json!({ "tools": { "listChanged": false } })
}

fn cacheable(mut result: Map<String, Value>) -> Map<String, Value> {
    result.insert("ttlMs".into(), LIST_TTL_MS.into());
    result.insert("cacheScope".into(), "private".into());
    result
}

fn named_tool(params: &Map<String, Value>) -> Result<Tool, RpcError> {
    let Some(name) = params.get("name").and_then(Value::as_str) else {
        return Err(RpcError::new(INVALID_PARAMS, "`name` is missing"));
    };
    Tool::named(name).ok_or_else(|| {
        let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name()).collect();
        let shown: String = name.chars().take(80).collect();
        let near = match onboard_text::nearest(name, &names) {
            Some(near) => alloc::format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        RpcError::new(INVALID_PARAMS, alloc::format!("no tool `{shown}`{near}"))
    })
}

/// Requests a run may still make: a bucket that fills with time, and a total.
#[derive(Debug)]
struct Budget {
    spent: u32,
    /// Thousandths of a request; below none after a large frame.
    bucket: i64,
    filled: Option<Time>,
}

/// A full bucket, in thousandths of a request.
const FULL: i64 = BURST as i64 * 1_000;

impl Budget {
    fn new() -> Budget {
        Budget { spent: 0, bucket: FULL, filled: None }
    }

    fn spend(&mut self, now: Time, bytes: usize) -> Result<(), CallRefusal> {
        if self.spent >= REQUESTS_PER_RUN {
            let message = alloc::format!("a run makes at most {REQUESTS_PER_RUN} requests");
            return Err(CallRefusal::new("limit", message));
        }
        self.bucket = self.level(now);
        self.filled = Some(self.filled.map_or(now, |filled| filled.max(now)));
        if self.bucket < 1_000 {
            let message = alloc::format!(
                "more than {REQUESTS_PER_SECOND} requests a second: wait a moment and repeat it"
            );
            return Err(CallRefusal::new("busy", message));
        }
        let large = i64::try_from(bytes / BYTES_PER_REQUEST).unwrap_or(i64::from(BURST));
        self.bucket -= 1_000 + large * 1_000;
        self.spent += 1;
        Ok(())
    }

    /// What the bucket holds by `now`.
    fn level(&self, now: Time) -> i64 {
        let passed = self.filled.map_or(0, |filled| now.since(filled).max(0));
        let gained = passed.saturating_mul(i64::from(REQUESTS_PER_SECOND));
        self.bucket.saturating_add(gained).min(FULL)
    }

    fn pause_ms(&self, now: Time) -> i64 {
        let missing = 1_000 - self.level(now);
        if missing <= 0 { 0 } else { missing / i64::from(REQUESTS_PER_SECOND) + 1 }
    }
}
