//! The host over the inherited socket: what a built-in agent speaks through in its sandbox.

use crate::BuiltIn;
use crate::host::{
    AgentError, Change, Doors, Finding, Fingerprint, Host, HostError, Level, Machine, Model,
    Outcome, Standing, Task, forecast,
};
use onboard_protocol::{ClientError, HostClient, Stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A socket as the protocol's client wants it.
struct Socket(UnixStream);

impl Stream for Socket {
    type Error = io::Error;

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

struct SocketHost {
    client: HostClient<Socket>,
    task: Task,
    model: Option<Box<dyn Model>>,
    doors: Box<dyn Doors>,
}

/// Runs a built-in agent over its socket, to its last word. `git_dir` is where the project's git
/// folder is seen, when it lies outside of the project; `model` is the one that the user meant for it,
/// and `doors` the way to hosts on the network.
///
/// # Errors
/// When the agent failed, or the host is gone.
pub fn run(
    agent: &BuiltIn,
    socket: UnixStream,
    git_dir: Option<PathBuf>,
    model: Option<Box<dyn Model>>,
    doors: Box<dyn Doors>,
) -> Result<(), AgentError> {
    let mut client = HostClient::new(Socket(socket), agent.name);
    let task = Task { git_dir, ..task(&client.task().map_err(gone)?)? };
    let mut host = SocketHost { client, task, model, doors };
    let (nothing_to_report, summary) = match (agent.run)(&mut host)? {
        Outcome::Succeeded { summary } => (false, summary),
        Outcome::NothingToReport { summary } => (true, summary),
    };
    host.client.finish(nothing_to_report, &summary).map_err(gone)?;
    Ok(())
}

fn gone<E: Display>(error: ClientError<E>) -> HostError {
    HostError(error.to_string())
}

fn task(answer: &Value) -> Result<Task, HostError> {
    let missing = |name: &str| HostError(format!("the task has no `{name}`"));
    let settings = answer["settings"].as_object().map_or_else(BTreeMap::new, |settings| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        settings.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    });
    Ok(Task {
        project_root: answer["root"].as_str().ok_or_else(|| missing("root"))?.into(),
        now_ms: answer["now_ms"].as_i64().ok_or_else(|| missing("now_ms"))?,
        git_dir: None,
        settings,
        facts: facts(&answer["facts"]),
    })
}

fn facts(answer: &Value) -> BTreeMap<String, BTreeMap<String, PathBuf>> {
    let files = |of: &Value| {
        let files = of.as_object().into_iter().flatten();
        files.filter_map(|(name, path)| Some((name.clone(), path.as_str()?.into()))).collect()
    };
    let agents = answer.as_object().into_iter().flatten();
    agents.map(|(agent, of)| (agent.clone(), files(of))).collect()
}

impl SocketHost {
    fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, HostError> {
        self.client.call(tool, arguments).map_err(gone)
    }
}

impl Host for SocketHost {
    fn task(&self) -> &Task {
        &self.task
    }

    fn load_checkpoint(&mut self, name: &str) -> Result<Option<String>, HostError> {
        self.client.load_checkpoint(name).map_err(gone)
    }

    fn save_checkpoint(&mut self, name: &str, content: &str) -> Result<(), HostError> {
        self.client.save_checkpoint(name, content).map_err(gone)
    }

    fn save_bytes(&mut self, name: &str, content: &[u8]) -> Result<(), HostError> {
        self.client.save_bytes(name, content).map_err(gone)
    }

    fn progress(&mut self, done: u64, total: Option<u64>, doing: &str) -> Result<(), HostError> {
        let mut arguments = json!({ "done": done, "note": doing });
        if let Some(total) = total {
            arguments["total"] = json!(total.max(1));
        }
        self.call("report_progress", arguments).map(drop)
    }

    fn record_finding(&mut self, finding: Finding) -> Result<Standing, HostError> {
        let arguments =
            serde_json::to_value(finding).map_err(|error| HostError(error.to_string()))?;
        let answer = self.call("record_finding", arguments)?;
        Ok(match answer["status"].as_str() {
            Some("dismissed") => Standing::Dismissed,
            Some("suppressed") => Standing::Suppressed,
            _ => Standing::Open,
        })
    }

    fn settle_forecast(
        &mut self,
        fingerprint: &Fingerprint,
        outcome: forecast::Outcome,
    ) -> Result<(), HostError> {
        self.client.settle_forecast(fingerprint, outcome).map(drop).map_err(gone)
    }

    fn resolve_finding(
        &mut self,
        fingerprint: &Fingerprint,
        commit: &str,
    ) -> Result<(), HostError> {
        self.client.resolve_finding(fingerprint, commit).map(drop).map_err(gone)
    }

    fn emit_event(&mut self, kind: &str, data: Value) -> Result<(), HostError> {
        self.client.emit_event(kind, &data).map_err(gone)
    }

    fn put_state(&mut self, key: &str, value: Value) -> Result<(), HostError> {
        self.call("put_state", json!({ "key": key, "value": value })).map(drop)
    }

    fn propose(&mut self, change: &Change) -> Result<String, HostError> {
        let Change { title, reason, patch, evidence } = change;
        let answer = self.client.propose_change(title, reason, patch, evidence);
        answer.map(|(id, status)| format!("{id}, {status}")).map_err(gone)
    }

    fn model(&mut self) -> Option<&mut dyn Model> {
        self.model.as_deref_mut().map(|model| model as &mut dyn Model)
    }

    fn machine(&mut self) -> Result<Machine, HostError> {
        let answer = self.call("get_machine", json!({}))?;
        serde_json::from_value(answer).map_err(|error| HostError(error.to_string()))
    }

    fn doors(&mut self) -> &mut dyn Doors {
        self.doors.as_mut()
    }

    fn log(&mut self, level: Level, text: &str) {
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warn",
            Level::Error => "error",
        };
        // A line that can't be told is no reason to fail: the next call will say that the host is gone.
        drop(self.client.log(level, text));
    }
}
