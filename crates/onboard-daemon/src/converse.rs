//! The conversation with one running agent: its calls, and what it prints.

use crate::bell::Bell;
use crate::blobs::Blobs;
use crate::clock::{self, Pace};
use crate::cut::cut;
use crate::handle::{Progress, Shared, Wake};
use crate::logs::{self, Level, RunLog};
use crate::machine;
use crate::output_budget::Budget;
use crate::propose::look_over;
use crate::screen::{Screened, screen, secret_in, what};
use onboard_domain::proposal::Proposed;
use onboard_domain::state::BlobRef;
use onboard_domain::violation::{Action, Rule, Sensor};
use onboard_domain::{
    AgentCall, AgentId, CallAnswer, CallRefusal, Evidence, Generation, RunId, Under, Violation,
};
use onboard_protocol::host::{Level as AgentLevel, Refused, lease_is_free};
use onboard_protocol::{HostAction, HostAnswer, HostCall, HostSession, Machine, Task};
use onboard_sandbox::Reports;
use onboard_validation::patch::paths::Fence;
use onboard_validation::secrets::LineScreen;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long an agent may take to read an answer before it is cut off from its host.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes read at once from an agent.
const CHUNK: usize = 64 * 1024;
/// Bytes of one printed line; what is longer is cut into lines.
const LINE_MAX: usize = 8 * 1024;
/// Bytes of a progress note that are kept.
const NOTE_MAX: usize = 200;

/// One agent's conversation, in its own thread.
pub(crate) struct Conversation {
    pub(crate) run: RunId,
    pub(crate) generation: Generation,
    pub(crate) task: Task,
    pub(crate) shared: Arc<Shared>,
    pub(crate) blobs: Blobs,
    pub(crate) wakes: SyncSender<Wake>,
    pub(crate) output: Output,
    /// Where the run's agent may not propose changes.
    pub(crate) fence: Fence,
    /// What the run may still add.
    pub(crate) budget: Budget,
    /// Rings when it is the run's turn for what it waits for.
    pub(crate) bell: Arc<Bell>,
    /// Whether the agent wants to be told so: one that reads a line for each that it writes would take it
    /// for an answer.
    pub(crate) is_told: bool,
}

/// What an agent says of its patch.
struct Draft {
    title: String,
    reason: String,
    evidence: Vec<Evidence>,
    under: Option<Under>,
}

/// Where a run's lines go: without secrets, into its log, as long as there is room.
pub(crate) struct Output {
    pub(crate) log: RunLog,
    /// What was wrong with them.
    pub(crate) reports: Reports,
}

/// What is read from the agent.
pub(crate) struct Ends {
    pub(crate) host: UnixStream,
    pub(crate) stdout: File,
    pub(crate) stderr: File,
}

/// A stream of printed bytes, cut into lines.
struct Printed {
    file: Option<File>,
    source: &'static str,
    partial: Vec<u8>,
    screen: LineScreen,
}

impl Printed {
    fn of(file: File, source: &'static str) -> Printed {
        Printed { file: Some(file), source, partial: Vec::new(), screen: LineScreen::default() }
    }
}

impl Output {
    fn line(&mut self, screen: &mut LineScreen, level: Level, source: &'static str, text: &str) {
        if source == "stdout" && self.log.is_full() {
            // Nothing of it is kept, so there is nothing to look over: a flood costs little.
            self.log.leave_out();
            return self.too_large(source);
        }
        let clean = screen.line(text);
        if let Some((_, rules)) = &clean {
            for rule in rules {
                self.reports.push(secret_in(source, "", rule));
            }
        }
        let text = clean.as_ref().map_or(text, |(clean, _)| clean);
        if !self.log.line(clock::wall(), level, source, text) {
            self.too_large(source);
        }
    }

    fn too_large(&self, source: &str) {
        let limit = format!("a run's log of {} bytes", logs::RUN_BYTES_MAX);
        let rule = Rule::OutputTooLarge;
        self.reports.push(Violation::new(Sensor::Host, rule, source, limit.as_bytes()));
    }

    /// A call that was refused because of what it said, or how often.
    fn refused(&self, tool: &str, code: &str) {
        let (rule, action) = match code {
            "invalid" | "bounds" => (Rule::OutputInvalid, Action::Denied),
            "limit" => (Rule::OutputFlood, Action::Denied),
            "forbidden_key" => (Rule::ForbiddenKey, Action::Denied),
            "quota" => (Rule::StorageQuota, Action::Denied),
            "busy" => (Rule::OutputFlood, Action::Throttled),
            _ => return,
        };
        self.reports.push(Violation::new(Sensor::Host, rule, tool, code.as_bytes()).with(action));
    }
}

impl Conversation {
    /// Speaks until the agent has closed all its ends; returns its last words of trouble.
    pub(crate) fn hold(mut self, ends: Ends) -> String {
        let mut session = HostSession::new(env!("CARGO_PKG_VERSION"));
        let pace = Pace::begin();
        // A socket that refuses a timeout refuses everything else as well.
        drop(ends.host.set_write_timeout(Some(WRITE_PATIENCE)));
        let mut host = Some(ends.host);
        let mut printed = [Printed::of(ends.stdout, "stdout"), Printed::of(ends.stderr, "stderr")];
        let mut chunk = vec![0; CHUNK];
        loop {
            let pause_ms = session.pause_ms(pace.now());
            let Some(ready) = wait(host.as_ref(), &printed, &self.bell, pause_ms) else { break };
            if ready[3] && !self.tell_turns(&mut host) {
                host = None;
            }
            if ready[0] && !self.hear(&mut host, &mut session, &pace, &mut chunk) {
                host = None;
            }
            for (ready, printed) in ready[1..3].iter().zip(&mut printed) {
                if *ready {
                    printed.read(&mut chunk, &mut self.output);
                }
            }
        }
        self.output.log.close(clock::wall())
    }

    /// Tells the agent which leases are free for it; false when it is to be heard no more.
    fn tell_turns(&self, host: &mut Option<UnixStream>) -> bool {
        let names = self.bell.take();
        if !self.is_told {
            return true;
        }
        let Some(stream) = host else { return false };
        names.iter().all(|name| stream.write_all(&lease_is_free(name)).is_ok())
    }

    /// Takes what the agent said and answers; false when it is to be heard no more.
    fn hear(
        &mut self,
        host: &mut Option<UnixStream>,
        session: &mut HostSession,
        pace: &Pace,
        chunk: &mut [u8],
    ) -> bool {
        let Some(stream) = host else { return false };
        let count = match stream.read(chunk) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) => return error.kind() == std::io::ErrorKind::Interrupted,
        };
        for action in session.on_bytes(&chunk[..count], pace.now()) {
            let reply = match action {
                HostAction::Reply(bytes) => Some(bytes),
                HostAction::Call { id, call } => {
                    let tool = what(&call);
                    let answer = self.carry_out_screened(call);
                    if let Err(refusal) = &answer {
                        self.output.refused(tool, &refusal.code);
                    }
                    session.reply_to(id, &answer)
                }
            };
            for Refused { tool, code } in session.take_refused() {
                self.output.refused(tool, &code);
            }
            if let Some(bytes) = reply
                && stream.write_all(&bytes).is_err()
            {
                return false;
            }
        }
        true
    }

    fn carry_out_screened(&mut self, call: HostCall) -> Result<HostAnswer, CallRefusal> {
        let Screened { call, violations } = screen(call);
        violations.into_iter().for_each(|violation| self.output.reports.push(violation));
        let call = call?;
        self.budget.spend(&call)?;
        self.carry_out(call)
    }

    fn carry_out(&mut self, call: HostCall) -> Result<HostAnswer, CallRefusal> {
        match call {
            HostCall::Agent(call) => {
                if let AgentCall::TakeLease { tell, .. } = call {
                    self.is_told = tell;
                }
                self.answer(call)
            }
            HostCall::GetTask => Ok(HostAnswer::Task(Box::new(self.task.clone()))),
            HostCall::GetMachine => Ok(HostAnswer::Machine(Box::new(self.machine()))),
            HostCall::LoadCheckpoint { name } => self.answer(AgentCall::FindCheckpoint { name }),
            HostCall::SaveCheckpoint { name, content, under } => self.save(name, &content, under),
            HostCall::ProposeChange { title, reason, patch, evidence, under } => {
                self.propose(Draft { title, reason, evidence, under }, &patch)
            }
            HostCall::Progress { done, total, note } => {
                let doing = cut(&note, NOTE_MAX).to_string();
                let mut live = self.shared.live.write().unwrap_or_else(PoisonError::into_inner);
                live.progress.insert(self.run, Progress { done, total, doing });
                Ok(HostAnswer::Done)
            }
            HostCall::Log { level, text } => {
                let mut screen = LineScreen::default();
                for line in text.lines() {
                    self.output.line(&mut screen, log_level(level), "agent", line);
                }
                Ok(HostAnswer::Done)
            }
            HostCall::Heartbeat => Ok(HostAnswer::Done),
        }
    }

    fn save(
        &mut self,
        name: String,
        content: &[u8],
        under: Option<Under>,
    ) -> Result<HostAnswer, CallRefusal> {
        let stored = self.blobs.put(content).map_err(|error| {
            CallRefusal::new("storage", format!("the checkpoint can't be stored: {error}"))
        })?;
        // Kept until the answer: the event is durable then.
        self.answer(AgentCall::SaveCheckpoint { name, blob: stored.blob.clone(), under })
    }

    fn propose(&self, draft: Draft, patch: &str) -> Result<HostAnswer, CallRefusal> {
        let files = look_over(patch, &self.fence).map_err(|rejected| {
            if let Some(violation) = rejected.violation {
                self.output.reports.push(*violation);
            }
            rejected.refusal
        })?;
        let stored = self.blobs.put(patch.as_bytes()).map_err(|error| {
            CallRefusal::new("storage", format!("the patch can't be stored: {error}"))
        })?;
        let Draft { title, reason, evidence, under } = draft;
        let patch = stored.blob.clone();
        // Kept until the answer, as above.
        let proposed = Proposed { title, reason, evidence, patch, files, under };
        self.answer(AgentCall::ProposeChange(proposed))
    }

    fn answer(&self, call: AgentCall) -> Result<HostAnswer, CallRefusal> {
        let answer = self.ask(call)?;
        HostAnswer::of(answer, |agent| self.name_of(agent)).or_else(|blob| self.content(&blob))
    }

    fn content(&self, blob: &BlobRef) -> Result<HostAnswer, CallRefusal> {
        let lost =
            |why: String| CallRefusal::new("storage", format!("the checkpoint is lost: {why}"));
        let bytes = self.blobs.get(blob).map_err(|error| lost(error.to_string()))?;
        Ok(HostAnswer::Checkpoint(Some(bytes)))
    }

    /// Puts a call before the loop and waits until its answer is durable.
    fn ask(&self, call: AgentCall) -> Result<CallAnswer, CallRefusal> {
        let ended = || CallRefusal::new("ended", "the daemon is ending");
        let (send, receive) = sync_channel(1);
        let answer = Box::new(move |answer| {
            // Whoever asked may be gone by now; the fact stays.
            drop(send.send(answer));
        });
        let Conversation { run, generation, .. } = *self;
        self.wakes.send(Wake::Call { run, generation, call, answer }).map_err(|_| ended())?;
        receive.recv().map_err(|_| ended())?
    }

    /// Read-only, and nothing of it enters the journal.
    fn machine(&self) -> Machine {
        let (root, runs) = {
            let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
            let agent = state.runs.get(&self.run).and_then(|run| state.agents.get(&run.agent));
            let project = agent.map(|agent| agent.project);
            let root = project.and_then(|id| state.projects.get(&id)).map(|one| one.root.clone());
            (root, project.map(|id| machine::runs(&state, id)).unwrap_or_default())
        };
        // The state's lock is free again: a disk may take its time.
        machine::look(root.as_deref().unwrap_or_default().as_ref(), runs)
    }

    fn name_of(&self, agent: AgentId) -> String {
        let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
        state.agents.get(&agent).map_or_else(|| agent.to_string(), |a| a.spec.name.to_string())
    }
}

fn log_level(level: AgentLevel) -> Level {
    match level {
        AgentLevel::Debug => Level::Debug,
        AgentLevel::Info => Level::Info,
        AgentLevel::Warn => Level::Warn,
        AgentLevel::Error => Level::Error,
    }
}

/// Which ends can be read; `None` when all are closed. An agent that asks too much is not heard for
/// `pause_ms`.
fn wait(
    host: Option<&UnixStream>,
    printed: &[Printed; 2],
    bell: &Bell,
    pause_ms: i64,
) -> Option<[bool; 4]> {
    let mut fds = Vec::with_capacity(4);
    let mut of = Vec::with_capacity(4);
    let paused = host.is_some() && pause_ms > 0;
    if let Some(host) = host
        && !paused
    {
        fds.push(PollFd::new(host, PollFlags::IN));
        of.push(0);
    }
    for (index, printed) in printed.iter().enumerate() {
        if let Some(file) = &printed.file {
            fds.push(PollFd::new(file, PollFlags::IN));
            of.push(index + 1);
        }
    }
    if fds.is_empty() && !paused {
        return None;
    }
    if host.is_some() {
        fds.push(PollFd::new(bell, PollFlags::IN));
        of.push(3);
    }
    let timeout =
        paused.then(|| Timespec { tv_sec: pause_ms / 1000, tv_nsec: pause_ms % 1000 * 1_000_000 });
    let mut ready = [false; 4];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {
            for (fd, index) in fds.iter().zip(of) {
                ready[index] = !fd.revents().is_empty();
            }
            Some(ready)
        }
        Err(rustix::io::Errno::INTR) => Some(ready),
        Err(_) => None,
    }
}

impl Printed {
    fn read(&mut self, chunk: &mut [u8], output: &mut Output) {
        let Some(file) = &mut self.file else { return };
        match file.read(chunk) {
            Ok(0) => {
                self.file = None;
                self.flush(output);
            }
            Ok(count) => self.push(&chunk[..count], output),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.file = None,
        }
    }

    fn push(&mut self, bytes: &[u8], output: &mut Output) {
        for byte in bytes {
            if *byte == b'\n' || self.partial.len() >= LINE_MAX {
                self.flush(output);
            }
            if *byte != b'\n' {
                self.partial.push(*byte);
            }
        }
    }

    fn flush(&mut self, output: &mut Output) {
        if !self.partial.is_empty() {
            let line = String::from_utf8_lossy(&self.partial);
            output.line(&mut self.screen, Level::Info, self.source, &line);
            self.partial.clear();
        }
    }
}
