//! The agent's side: a blocking client over any stream of bytes.

use crate::frame::{Frame, Framer};
use crate::host::{LEASE_IS_FREE, META_CAPABILITIES, META_CLIENT, META_VERSION, MODERN};
use crate::rpc::{self, Id, Incoming};
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use core::fmt;
use core::time::Duration;
use onboard_domain::{CallRefusal, Evidence, Finding, Fingerprint, forecast};
use serde_json::{Value, json};

/// Environment variable with the number of the inherited socket.
pub const HOST_FD_VARIABLE: &str = "AI_ONBOARD_HOST_FD";
/// Its number when the variable is not set.
pub const HOST_FD: i32 = 3;

/// Bytes asked of the stream at once.
const READ: usize = 16 * 1024;

/// A connected stream; the crate that owns sockets implements it for one.
pub trait Stream {
    type Error: fmt::Display;

    /// Waits for bytes and puts them at the start of `buffer`; 0 when the other end has closed.
    ///
    /// # Errors
    /// What the stream says.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// Writes all bytes.
    ///
    /// # Errors
    /// What the stream says.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// A stream that can be waited for.
pub trait Patient: Stream {
    /// As [`Stream::read`], and `None` when nothing came for so long.
    ///
    /// # Errors
    /// What the stream says.
    fn read_within(
        &mut self,
        buffer: &mut [u8],
        patience: Duration,
    ) -> Result<Option<usize>, Self::Error>;
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum ClientError<E> {
    Stream(E),
    /// The host has closed the connection: the run is over.
    Closed,
    /// The host said no; the agent may go on.
    Refused(CallRefusal),
    /// What came is not an answer.
    Protocol(String),
}

impl<E: fmt::Display> fmt::Display for ClientError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Stream(error) => write!(f, "can't talk to the host: {error}"),
            ClientError::Closed => f.write_str("the host has closed the connection"),
            ClientError::Refused(refusal) => write!(f, "{}: {}", refusal.code, refusal.message),
            ClientError::Protocol(why) => write!(f, "the host answered what is no answer: {why}"),
        }
    }
}

impl<E: fmt::Display + fmt::Debug> core::error::Error for ClientError<E> {}

/// A connection to the host, for one thread.
#[derive(Debug)]
pub struct HostClient<S> {
    stream: S,
    framer: Framer,
    arrived: VecDeque<Frame>,
    next: i64,
    name: String,
}

impl<S: Stream> HostClient<S> {
    /// A client over a connected stream, by the name that the host's logs show.
    pub fn new(stream: S, name: &str) -> HostClient<S> {
        HostClient {
            stream,
            framer: Framer::new(),
            arrived: VecDeque::new(),
            next: 0,
            name: name.to_string(),
        }
    }

    /// Calls a tool and waits for its structured content.
    ///
    /// # Errors
    /// When the host refuses, closes or answers nonsense, or the stream fails.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, ClientError<S::Error>> {
        let params = json!({ "name": tool, "arguments": arguments });
        let result = self.request("tools/call", params)?;
        let structured = result.get("structuredContent").cloned().unwrap_or(Value::Null);
        if result.get("isError") != Some(&Value::Bool(true)) {
            return Ok(structured);
        }
        let part = |name| structured.get(name).and_then(Value::as_str);
        match (part("code"), part("message")) {
            (Some(code), Some(message)) => {
                Err(ClientError::Refused(CallRefusal::new(code, message)))
            }
            _ => Err(ClientError::Protocol("a refusal without a code".into())),
        }
    }

    /// Sends a request of the stateless lifecycle and waits for its result.
    ///
    /// # Errors
    /// When the host errs, closes or answers nonsense, or the stream fails.
    pub fn request(
        &mut self,
        method: &str,
        mut params: Value,
    ) -> Result<Value, ClientError<S::Error>> {
        let id = Id::Number(self.next);
        self.next += 1;
        params["_meta"] = json!({
            META_VERSION: MODERN,
            META_CAPABILITIES: {},
            META_CLIENT: { "name": self.name, "version": env!("CARGO_PKG_VERSION") },
        });
        let line = rpc::request(&id, method, &params);
        self.stream.write_all(&line).map_err(ClientError::Stream)?;
        loop {
            match rpc::read(&self.frame()?) {
                Ok(Incoming::Response { id: answered, outcome }) if answered == id => {
                    return outcome.map_err(|error| {
                        ClientError::Protocol(alloc::format!("{} ({})", error.message, error.code))
                    });
                }
                // An answer to what was given up, or a notification.
                Ok(_) => {}
                Err((_, error)) => return Err(ClientError::Protocol(error.message)),
            }
        }
    }

    fn frame(&mut self) -> Result<Vec<u8>, ClientError<S::Error>> {
        loop {
            if let Some(line) = self.arrived()? {
                return Ok(line);
            }
            let mut buffer = alloc::vec![0; READ];
            let read = self.stream.read(&mut buffer).map_err(ClientError::Stream)?;
            self.take(read, &buffer)?;
        }
    }

    /// The next frame of what has come.
    fn arrived(&mut self) -> Result<Option<Vec<u8>>, ClientError<S::Error>> {
        match self.arrived.pop_front() {
            Some(Frame::Whole(line)) => Ok(Some(line)),
            Some(Frame::TooLong) => Err(ClientError::Protocol("a line beyond the bound".into())),
            None => Ok(None),
        }
    }

    fn take(&mut self, read: usize, buffer: &[u8]) -> Result<(), ClientError<S::Error>> {
        if read == 0 {
            return Err(ClientError::Closed);
        }
        self.arrived.extend(self.framer.push(buffer.get(..read).unwrap_or(buffer)));
        Ok(())
    }

    /// What this run is for, as the `get_task` schema says.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn task(&mut self) -> Result<Value, ClientError<S::Error>> {
        self.call("get_task", json!({}))
    }

    /// Says how far the run is.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn progress(
        &mut self,
        done: u64,
        total: u64,
        note: &str,
    ) -> Result<(), ClientError<S::Error>> {
        let arguments = json!({ "done": done, "total": total.max(1), "note": note });
        self.call("report_progress", arguments).map(drop)
    }

    /// Reports a finding; the answer is `new`, `known` or `dismissed`.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn record_finding(&mut self, finding: &Finding) -> Result<String, ClientError<S::Error>> {
        let arguments = serde_json::to_value(finding)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        let answer = self.call("record_finding", arguments)?;
        text(&answer, "status")
    }

    /// Says what came of what an earlier finding expected: whether such a forecast was open.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn settle_forecast(
        &mut self,
        fingerprint: &Fingerprint,
        outcome: forecast::Outcome,
    ) -> Result<bool, ClientError<S::Error>> {
        let (word, value) = match outcome {
            forecast::Outcome::Came { at } => ("came", at.map(|at| json!(at.0))),
            forecast::Outcome::DidNotCome => ("did_not_come", None),
            forecast::Outcome::Amount(amount) => ("amount", Some(json!(amount))),
            forecast::Outcome::Void | forecast::Outcome::Expired => ("void", None),
        };
        let mut arguments = json!({ "fingerprint": fingerprint.0, "outcome": word });
        if let Some(value) = value {
            arguments["value"] = value;
        }
        let answer = self.call("settle_forecast", arguments)?;
        Ok(answer.get("changed").and_then(Value::as_bool).unwrap_or(false))
    }

    /// Says that a commit did what an earlier finding suggested: whether that finding was open.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn resolve_finding(
        &mut self,
        fingerprint: &Fingerprint,
        commit: &str,
    ) -> Result<bool, ClientError<S::Error>> {
        let arguments = json!({ "fingerprint": fingerprint.0, "commit": commit });
        let answer = self.call("resolve_finding", arguments)?;
        Ok(answer.get("changed").and_then(Value::as_bool).unwrap_or(false))
    }

    /// Proposes a change as a patch: the proposal's id, and where it is.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn propose_change(
        &mut self,
        title: &str,
        reason: &str,
        patch: &str,
        evidence: &[Evidence],
    ) -> Result<(String, String), ClientError<S::Error>> {
        let evidence = serde_json::to_value(evidence)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        let arguments =
            json!({ "title": title, "reason": reason, "patch": patch, "evidence": evidence });
        let answer = self.call("propose_change", arguments)?;
        Ok((text(&answer, "id")?, text(&answer, "status")?))
    }

    /// Asks for a person to look.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn ask_person(&mut self, text: &str) -> Result<(), ClientError<S::Error>> {
        self.call("ask_person", json!({ "text": text })).map(drop)
    }

    /// Writes a line to the agent's log.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn log(&mut self, level: &str, text: &str) -> Result<(), ClientError<S::Error>> {
        self.call("log", json!({ "level": level, "text": text })).map(drop)
    }

    /// Publishes an event.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn emit_event(&mut self, kind: &str, data: &Value) -> Result<(), ClientError<S::Error>> {
        self.call("emit_event", json!({ "kind": kind, "data": data })).map(drop)
    }

    /// Keeps a text for the next run.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn save_checkpoint(
        &mut self,
        name: &str,
        content: &str,
    ) -> Result<(), ClientError<S::Error>> {
        self.call("save_checkpoint", json!({ "name": name, "content": content })).map(drop)
    }

    /// Keeps bytes for the next run, and for agents that read its facts.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn save_bytes(&mut self, name: &str, content: &[u8]) -> Result<(), ClientError<S::Error>> {
        let arguments = json!({
            "name": name, "content": BASE64_STANDARD.encode(content), "encoding": "base64",
        });
        self.call("save_checkpoint", arguments).map(drop)
    }

    /// The text that was kept under a name.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn load_checkpoint(&mut self, name: &str) -> Result<Option<String>, ClientError<S::Error>> {
        let answer = self.call("load_checkpoint", json!({ "name": name }))?;
        match answer.get("content") {
            Some(Value::String(content)) => Ok(Some(content.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(ClientError::Protocol("no `content`".into())),
        }
    }

    /// Says how the run ended.
    ///
    /// # Errors
    /// As [`HostClient::call`].
    pub fn finish(
        &mut self,
        nothing_to_report: bool,
        summary: &str,
    ) -> Result<(), ClientError<S::Error>> {
        let arguments = json!({ "nothing_to_report": nothing_to_report, "summary": summary });
        self.call("finish", arguments).map(drop)
    }
}

impl<S: Patient> HostClient<S> {
    /// Waits until the host says that a lease is free that this run waits for; false when it has said
    /// nothing for so long. Whichever lease it is: whoever waits asks again.
    ///
    /// # Errors
    /// When the host closes or says nonsense, or the stream fails.
    pub fn lease_is_free(&mut self, patience: Duration) -> Result<bool, ClientError<S::Error>> {
        loop {
            while let Some(line) = self.arrived()? {
                match rpc::read(&line) {
                    Ok(Incoming::Notification { method, .. }) if method == LEASE_IS_FREE => {
                        return Ok(true);
                    }
                    Ok(_) => {}
                    Err((_, error)) => return Err(ClientError::Protocol(error.message)),
                }
            }
            let mut buffer = alloc::vec![0; READ];
            let read = self.stream.read_within(&mut buffer, patience);
            let Some(read) = read.map_err(ClientError::Stream)? else { return Ok(false) };
            self.take(read, &buffer)?;
        }
    }
}

fn text<E>(answer: &Value, name: &str) -> Result<String, ClientError<E>> {
    match answer.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_string()),
        None => Err(ClientError::Protocol(alloc::format!("no `{name}`"))),
    }
}
