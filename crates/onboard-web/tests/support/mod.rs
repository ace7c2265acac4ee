//! A daemon for tests: a small loop that decides the plain commands over the real journal, views
//! and logs. What is tested with it is the server and its clients, not the decisions.

use onboard_daemon::handle::{Handle, LoopEnd, Paths, Published, Request};
use onboard_daemon::logs::{self, Level, RunLog};
use onboard_daemon::manifests::BuiltInManifest;
use onboard_daemon::store::Store;
use onboard_daemon::views::{Applied, ViewWriter};
use onboard_domain::command::AgentAnswer;
use onboard_domain::spec::{Classes, Limits, Program, SharedKeys};
use onboard_domain::state::{Outcome, Process, Trigger, Usage};
use onboard_domain::{
    AgentId, AgentName, AgentSpec, Answer, Batch, Cause, Command, Event, Evidence, EvidenceKind,
    FORMAT, Finding, Fingerprint, Generation, ProjectId, Refusal, RefusalKind, RunId, Severity,
    State, Time, Turn,
};
use onboard_journal::SqliteJournal;
use onboard_web::server::{self, Server, Sources};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The time at which every test daemon stands: 2026-11-18T11:06:40Z.
pub const NOW: Time = Time(1_795_000_000_000);

/// The manifest of the one built-in agent.
const MANIFEST: &str = "\
name: monitor
description: Looks at the project's history.
program: built-in
schedule: every 15 minutes
priority: high
reads: [git]
";

/// A daemon that serves on `folder`/run/daemon.sock.
pub struct TestDaemon {
    pub handle: Handle,
    pub server: Option<Server>,
    looping: Option<std::thread::JoinHandle<()>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
}

impl TestDaemon {
    /// Starts one whose folders are under `folder`.
    pub fn start(folder: &Path) -> TestDaemon {
        let paths = Paths {
            state: folder.join("state"),
            runtime: folder.join("run"),
            config: folder.join("config"),
        };
        std::fs::create_dir_all(&paths.state).expect("a folder for the state");
        let journal = SqliteJournal::open(&paths.state.join("journal.db")).expect("a journal");
        let (store, state) = Store::open(Box::new(journal)).expect("a store");
        let applied = Arc::new(Applied::default());
        let views = ViewWriter::open(&paths.views(), Arc::clone(&applied)).expect("views");
        let logs = paths.logs();
        let built_in = vec![BuiltInManifest { name: "monitor", text: MANIFEST }];
        let (handle, end) = Handle::apart(state.clone(), paths, applied, built_in);
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let looping = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || Loop { end, store, views, logs, state }.run(&stop)
        });
        let server = server::start(Sources {
            handle: handle.clone(),
            clock: Arc::new(|| NOW.plus(5_000)),
            version: "0.1.0-test",
            ends_on_signals: false,
            hooks: Arc::default(),
        })
        .expect("the server starts");
        TestDaemon { handle, server: Some(server), looping: Some(looping), stop }
    }

    /// Ends the server, then the loop.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop("the test is over");
        }
        self.end_loop();
    }

    /// Ends the loop alone, as a crash of it would.
    pub fn end_loop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(looping) = self.looping.take() {
            looping.join().expect("the loop ends");
        }
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An agent's settings as a manifest would give them.
pub fn spec(name: &str) -> AgentSpec {
    AgentSpec {
        name: AgentName::new(name).expect("a name"),
        description: format!("the {name} of a test"),
        program: Program::BuiltIn,
        schedule: "every 15 minutes".into(),
        zone: None,
        priority: onboard_domain::spec::Priority::High,
        classes: Classes::default(),
        depends_on: vec![],
        locks: vec![],
        limits: Limits::default(),
        missed: Default::default(),
        overlap: Default::default(),
        retry: Default::default(),
        reads: vec![onboard_domain::spec::Source::Git],
        wakes_on: vec![],
        settings: Default::default(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: "built-in".into(),
        hash: "0".repeat(64),
    }
}

/// What its runs report.
pub fn finding() -> Finding {
    Finding {
        rule: "health/bus-factor".into(),
        severity: Severity::High,
        title: "one person wrote 93 % of src/engine".into(),
        detail: "Of 214 commits that touched it, 199 are by one author.".into(),
        evidence: vec![
            Evidence {
                kind: EvidenceKind::File,
                text: "largest file".into(),
                path: Some("src/engine/step.rs".into()),
                line: Some(12),
                oid: None,
                value: None,
            },
            Evidence {
                kind: EvidenceKind::Number,
                text: "share of commits".into(),
                path: None,
                line: None,
                oid: None,
                value: Some(0.93),
            },
        ],
        action: "Have a second person review and change src/engine this week.".into(),
        target: "src/engine".into(),
        fingerprint: Fingerprint("5f3a9c20d1".into()),
        forecast: None,
        worded: None,
    }
}

struct Loop {
    end: LoopEnd,
    store: Store,
    views: ViewWriter,
    logs: PathBuf,
    state: State,
}

impl Loop {
    fn run(mut self, stop: &std::sync::atomic::AtomicBool) {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            if let Some(request) = self.end.request_within(Duration::from_millis(20)) {
                self.handle(request);
            }
        }
    }

    fn handle(&mut self, request: Request) {
        let cause = Cause {
            actor: request.actor,
            via: request.via,
            what: request.command.name().into(),
            why: request.why,
        };
        let time = self.state.time.max(NOW);
        self.state.advance(time).expect("time goes on");
        let mut turn = Turn::new(&mut self.state);
        let answer = decide(&mut turn, request.command);
        let (events, _) = turn.finish().expect("the test's events fit");
        self.publish(vec![cause], events);
        (request.reply)(answer);
        self.work();
    }

    /// Runs what is queued at once: one batch for the start, one for the finding, one for the end.
    fn work(&mut self) {
        while let Some((_, run)) = self.state.queued.first().copied() {
            let agent = self.state.runs[&run].agent;
            let project = self.state.agents[&agent].project;
            let generation = Generation(1);
            let deadline = NOW.plus(60_000);
            let process = Process { pid: 4242, start_ticks: 1 };
            self.step(vec![
                Event::RunPlaced { run, generation, leases: vec![], deadline_ms: 60_000 },
                Event::RunStarted { run, generation, process, deadline, degraded: Vec::new() },
            ]);
            let known = self.state.projects[&project].findings.contains_key(&finding().fingerprint);
            if !known {
                let finding = Box::new(finding());
                self.step(vec![Event::FindingRecorded { project, agent, run, finding }]);
            }
            let mut log =
                RunLog::create(&self.logs, agent, run, logs::RUN_BYTES_MAX).expect("a log");
            log.line(NOW, Level::Info, "log", "reading history");
            log.line(NOW, Level::Warn, "log", "shallow clone");
            log.close(NOW);
            self.step(vec![
                Event::RunFinished {
                    run,
                    nothing_to_report: known,
                    summary: "looked at 214 commits".into(),
                },
                Event::RunEnded {
                    run,
                    outcome: if known { Outcome::NothingToReport } else { Outcome::Succeeded },
                    usage: Usage { cpu_ms: 120, memory_peak_bytes: 9 << 20, throttled_ms: 0 },
                },
            ]);
        }
    }

    fn step(&mut self, events: Vec<Event>) {
        let mut turn = Turn::new(&mut self.state);
        events.into_iter().for_each(|event| turn.record(event));
        let (events, _) = turn.finish().expect("the test's events fit");
        self.publish(vec![], events);
    }

    fn publish(&mut self, causes: Vec<Cause>, events: Vec<Event>) {
        let batch = Batch { format: FORMAT, time: self.state.time, causes, events };
        let seq = self.store.append(&batch).expect("the journal takes it");
        let published = Published { seq, batch: Arc::new(batch) };
        let (send, batches) = std::sync::mpsc::channel();
        send.send(published.clone()).expect("the receiver is here");
        drop(send);
        self.views.follow(&batches).expect("the views take it");
        self.end.show(self.state.clone());
        self.end.publish(&published);
    }
}

fn decide(turn: &mut Turn<'_>, command: Command) -> Result<Answer, Refusal> {
    if turn.state().emergency.is_some() && matches!(command, Command::Start { .. }) {
        return Err(Refusal::new(
            RefusalKind::Forbidden,
            "an emergency shutdown holds; `ai_onboard background-agents resume --reason TEXT` lifts it",
        ));
    }
    match command {
        Command::RegisterProject { root, name, agents, .. } => {
            Ok(register(turn, root, name, agents))
        }
        Command::Start { agents } => each(turn, agents, |turn, agent| {
            let changed =
                turn.state().agents[&agent].desired != onboard_domain::state::Desired::Started;
            if changed {
                turn.record(Event::AgentStarted { agent });
            }
            (changed, changed.then(|| queue(turn, agent, Trigger::Started)))
        }),
        Command::Stop { agents, .. } => each(turn, agents, |turn, agent| {
            let changed =
                turn.state().agents[&agent].desired != onboard_domain::state::Desired::Stopped;
            if changed {
                turn.record(Event::AgentStopped { agent });
            }
            (changed, None)
        }),
        Command::Run { agent } => {
            if !turn.state().agents.contains_key(&agent) {
                return Err(Refusal::new(RefusalKind::UnknownAgent, format!("no agent {agent}")));
            }
            Ok(Answer::Run { run: queue(turn, agent, Trigger::Manual) })
        }
        Command::EmergencyShutdown { reason } => {
            turn.record(Event::EmergencyDeclared { reason });
            Ok(Answer::Done { changed: true })
        }
        Command::LiftEmergency { reason } => {
            let changed = turn.state().emergency.is_some();
            if changed {
                turn.record(Event::EmergencyLifted { reason });
            }
            Ok(Answer::Done { changed })
        }
        Command::AcceptFinding { project, fingerprint } => {
            turn.record(Event::FindingAccepted { project, fingerprint });
            Ok(Answer::Done { changed: true })
        }
        Command::DismissFinding { project, fingerprint, reason } => {
            turn.record(Event::FindingDismissed { project, fingerprint, reason });
            Ok(Answer::Done { changed: true })
        }
        Command::Configure { agent, spec } => {
            turn.record(Event::AgentConfigured { agent, spec });
            Ok(Answer::Done { changed: true })
        }
        other => Err(Refusal::new(RefusalKind::Invalid, format!("a test has no {}", other.name()))),
    }
}

fn register(turn: &mut Turn<'_>, root: String, name: String, specs: Vec<AgentSpec>) -> Answer {
    let project = turn.state().project_at(&root).unwrap_or_else(|| {
        let project = ProjectId(turn.state().next.project);
        turn.record(Event::ProjectRegistered { project, root, name });
        project
    });
    for spec in specs {
        if turn.state().agent_named(project, spec.name.as_str()).is_none() {
            let agent = AgentId(turn.state().next.agent);
            turn.record(Event::AgentRegistered { agent, project, spec: Box::new(spec) });
        }
    }
    let agents = turn.state().projects[&project].agents.values().copied().collect();
    Answer::Project { project, agents }
}

fn each(
    turn: &mut Turn<'_>,
    agents: Vec<AgentId>,
    change: impl Fn(&mut Turn<'_>, AgentId) -> (bool, Option<RunId>),
) -> Result<Answer, Refusal> {
    if let Some(unknown) = agents.iter().find(|id| !turn.state().agents.contains_key(id)) {
        return Err(Refusal::new(RefusalKind::UnknownAgent, format!("no agent {unknown}")));
    }
    let answers = agents.into_iter().map(|agent| {
        let (changed, run) = change(turn, agent);
        AgentAnswer { agent, changed, run, waits: None }
    });
    Ok(Answer::Agents(answers.collect()))
}

fn queue(turn: &mut Turn<'_>, agent: AgentId, trigger: Trigger) -> RunId {
    let run = RunId(turn.state().next.run);
    let now = turn.state().time;
    turn.record(Event::RunQueued { run, agent, slot: now, trigger, attempt: 1, not_before: now });
    run
}
