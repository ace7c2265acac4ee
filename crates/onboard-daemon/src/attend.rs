//! Attending to one run, from its launch to the proof of its end. A thread a run: the thread that
//! starts the process stays until it is gone, because the kernel ties their fates together.

use crate::bell::Bell;
use crate::blobs::{self, Blobs};
use crate::brokerage::Trust;
use crate::clock::{self, Pace};
use crate::converse::{Conversation, Ends, Output};
use crate::facts::Facts;
use crate::handle::{LiveUsage, Paths, Shared, Wake};
use crate::input::{Exit, Input};
use crate::latch;
use crate::ledger::Ledger;
use crate::logs::RunLog;
use crate::network::{self, Meters, Reach};
use crate::output_budget::Budget;
use crate::records;
use crate::sightings::Sightings;
use crate::walls;
use onboard_domain::state::{Process, Usage};
use onboard_domain::{AgentId, Generation, RunId, Violation};
use onboard_policy::Wall;
use onboard_protocol::Task;
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::{AgentFiles, Ended, LaunchError, Outcome, Permitted, RunRecord, Running};
use onboard_validation::patch::paths::Fence;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a running process tree is measured.
const SAMPLE_EVERY: Duration = Duration::from_millis(SAMPLE_MS as u64);
const SAMPLE_MS: i64 = 1_000;
/// How long one attempt to prove a tree dead may take; the scheduler asks again.
const PROOF_PATIENCE: Duration = Duration::from_secs(10);
/// Between such attempts where nobody else asks again.
const PROOF_PAUSE: Duration = Duration::from_secs(1);
/// The stack of a thread that kills: it waits on a descriptor.
const KILL_STACK: usize = 128 * 1024;

/// One run's work, ready to start.
pub(crate) struct Assignment {
    pub(crate) run: RunId,
    pub(crate) generation: Generation,
    pub(crate) agent: AgentId,
    pub(crate) permitted: Permitted,
    pub(crate) task: Task,
    pub(crate) deadline_ms: i64,
    pub(crate) memory_limit_mb: u64,
    /// Walls that it runs without.
    pub(crate) missing: Vec<Wall>,
    pub(crate) fence: Fence,
    /// What the logs of its agent may have together.
    pub(crate) log_bytes: u64,
    /// What it may reach, if it has a network.
    pub(crate) reach: Option<Reach>,
    /// Not swept while the run may still open them.
    pub(crate) facts: Facts,
}

/// What every attendant needs.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) shared: Arc<Shared>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) blobs: Blobs,
    pub(crate) wakes: SyncSender<Wake>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) trust: Trust,
    pub(crate) serve: network::Serve,
}

/// Where a kill finds the run.
#[derive(Clone, Default)]
pub(crate) struct Grip(Arc<Mutex<Held>>);

#[derive(Default)]
enum Held {
    #[default]
    Launching,
    /// Told to die before its process was known.
    Doomed,
    Running(Arc<Running>),
    Gone,
}

impl Grip {
    /// Tells the run's processes that they are to end. A kill follows, so what goes wrong here
    /// costs the agent its last words, nothing else.
    pub(crate) fn terminate(&self) {
        if let Some(running) = self.running()
            && let Err(error) = running.terminate()
        {
            eprintln!("run {} can't be told to end: {error}", running.record().run);
        }
    }

    /// Kills the run's process tree, or sees to it that it dies as soon as it is known.
    pub(crate) fn kill(&self) {
        let running = {
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &*held {
                Held::Running(running) => Arc::clone(running),
                Held::Launching => {
                    *held = Held::Doomed;
                    return;
                }
                Held::Doomed | Held::Gone => return,
            }
        };
        let name = format!("kill {}", running.record().run);
        let proving = std::thread::Builder::new().name(name).stack_size(KILL_STACK);
        if let Err(error) = proving.spawn(move || prove_dead(&running)) {
            // The scheduler asks again.
            eprintln!("no thread to kill a run: {error}");
        }
    }

    /// The run's process, once it is known.
    fn running(&self) -> Option<Arc<Running>> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Held::Running(running) => Some(Arc::clone(running)),
            Held::Launching | Held::Doomed | Held::Gone => None,
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(*self.0.lock().unwrap_or_else(PoisonError::into_inner), Held::Gone)
    }

    /// Takes the process; true when it is to die at once.
    fn hold(&self, running: &Arc<Running>) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let doomed = matches!(*held, Held::Doomed);
        *held = Held::Running(Arc::clone(running));
        doomed
    }

    fn let_go(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Held::Gone;
    }
}

/// The attendant's own wait sees the end; a kill that can't be proven is asked for again.
fn prove_dead(running: &Running) {
    if let Err(error) = running.kill_and_prove(PROOF_PATIENCE) {
        eprintln!("run {}: {error}", running.record().run);
    }
}

/// Kills what is left of a run and returns when it is proven gone, however long that takes: no run
/// may be told ended while something of it lives.
fn bury(running: &Running) {
    while let Err(error) = running.kill_and_prove(PROOF_PATIENCE) {
        eprintln!("run {}: {error}", running.record().run);
        std::thread::park_timeout(PROOF_PAUSE);
    }
}

/// Attends to a run; returns when it is proven gone and that was told.
pub(crate) fn attend(house: House, assignment: Assignment, grip: &Grip) {
    let Assignment { run, generation, .. } = assignment;
    let wakes = house.wakes.clone();
    let state = house.shared.paths.state.clone();
    let told = catch_unwind(AssertUnwindSafe(|| attend_to_end(&house, assignment, grip)));
    let told = told.unwrap_or_else(|_| {
        if let Some(running) = grip.running() {
            bury(&running);
        }
        Told::fault("the thread that attended to it failed; please report this with the log")
    });
    records::remove(&state, run);
    grip.let_go();
    {
        let mut live = house.shared.live.write().unwrap_or_else(PoisonError::into_inner);
        live.progress.remove(&run);
        live.usage.remove(&run);
        live.bells.remove(&run);
    }
    sweep_blobs(&house);
    let input = match told {
        Told::Refused { rule, why } => Input::LaunchRefused { run, generation, rule, why },
        Told::Gone { exit, usage } => Input::Gone { run, generation, exit, usage },
    };
    // When the loop is gone the process is ending, and with it everything else.
    drop(wakes.send(Wake::Input(input)));
}

/// Checkpoints that were replaced go now and then, here rather than in the loop.
fn sweep_blobs(house: &House) {
    let named = || {
        let state = house.shared.state.read().unwrap_or_else(PoisonError::into_inner);
        blobs::named(&state)
    };
    if house.blobs.is_sweep_due()
        && let Err(error) = house.blobs.sweep(named)
    {
        eprintln!("old checkpoints can't be removed: {error}");
    }
}

enum Told {
    Refused { rule: String, why: String },
    Gone { exit: Exit, usage: Usage },
}

impl Told {
    fn fault(why: impl ToString) -> Told {
        Told::Gone { exit: Exit::Fault { why: why.to_string() }, usage: Usage::default() }
    }
}

fn attend_to_end(house: &House, assignment: Assignment, grip: &Grip) -> Told {
    let Assignment {
        run,
        generation,
        agent,
        permitted,
        task,
        deadline_ms,
        memory_limit_mb,
        missing,
        fence,
        log_bytes,
        reach,
        facts: _held,
    } = assignment;
    let paths = &house.shared.paths;
    let mut log = match RunLog::create(&paths.logs(), agent, run, log_bytes) {
        Ok(log) => log,
        Err(error) => return Told::fault(format!("its log can't be written: {error}")),
    };
    log.without(clock::wall(), &missing);
    let (files, ends) = match ends() {
        Ok(pair) => pair,
        Err(error) => return Told::fault(format!("no pipes for it: {error}")),
    };
    let record = |record: &_| announce(paths, run, record);
    let running = match onboard_sandbox::launch(permitted, files, &house.layout, record) {
        Ok(running) => Arc::new(running),
        Err(error) => {
            if error.layer().is_some() {
                // What was found of this host no longer holds: the next start finds out anew.
                walls::forget(&paths.runtime);
            }
            return not_launched(&error, latch::is_set(paths));
        }
    };
    let serve = |reach| {
        let ledger = Ledger { wakes: house.wakes.clone(), run, generation };
        let meters = &house.meters;
        network::serve(&house.serve, meters, agent, reach, (&house.trust, ledger), &running)
    };
    let egress = match reach.map(serve).transpose() {
        Ok(egress) => egress,
        Err(error) => {
            bury(&running);
            return Told::fault(format!("its network can't be served: {error}"));
        }
    };
    if grip.hold(&running) {
        prove_dead(&running);
    }
    let bell = match Bell::new() {
        Ok(bell) => Arc::new(bell),
        Err(error) => {
            bury(&running);
            return Told::fault(format!("no descriptor for it: {error}"));
        }
    };
    {
        let mut live = house.shared.live.write().unwrap_or_else(PoisonError::into_inner);
        live.bells.insert(run, Arc::clone(&bell));
    }
    tell_launched(house, run, generation, &running, deadline_ms);
    let conversation = Conversation {
        run,
        generation,
        task,
        shared: Arc::clone(&house.shared),
        blobs: house.blobs.clone(),
        wakes: house.wakes.clone(),
        output: Output { log, reports: running.reports().clone() },
        fence,
        budget: Budget::new(),
        bell,
        is_told: false,
    };
    let speaking = std::thread::Builder::new().name(format!("{run} host"));
    let speaking = match speaking.spawn(move || conversation.hold(ends)) {
        Ok(speaking) => speaking,
        Err(error) => {
            bury(&running);
            return Told::fault(format!("no thread to speak with it: {error}"));
        }
    };
    let teller = Teller { house, run, generation };
    let mut sightings = Sightings::default();
    let ended = watch(&teller, &running, &mut sightings).or_else(|error| {
        bury(&running);
        running.wait(Some(SAMPLE_EVERY))?.ok_or(error)
    });
    let last_words = speaking.join().unwrap_or_default();
    // Nothing of it is on its way any more, and what it said last is looked over, too.
    drop(egress);
    let mut last = sightings.new_among(running.take_violations());
    last.extend(sightings.rest());
    teller.tell(last);
    match ended {
        Ok(ended) => gone(ended, last_words, memory_limit_mb),
        Err(error) => Told::fault(format!("its end could not be observed: {error}")),
    }
}

/// A wall that is missing refuses the run, and so does an emergency, whatever a launch that it cut off
/// died of: nothing of that is the agent's fault. Anything else is a fault that may pass.
fn not_launched(error: &LaunchError, in_emergency: bool) -> Told {
    match error {
        _ if in_emergency => {
            Told::Refused { rule: "emergency".into(), why: "an emergency shutdown holds".into() }
        }
        LaunchError::Record(why) if why.get_ref().is_some_and(|inner| inner.is::<CutOff>()) => {
            Told::Refused { rule: "emergency".into(), why: why.to_string() }
        }
        LaunchError::Missing { layer, .. } | LaunchError::Sensor { layer, .. } => {
            Told::Refused { rule: format!("sandbox/{layer}"), why: error.to_string() }
        }
        LaunchError::Profile(_) => Told::Refused { rule: "profile".into(), why: error.to_string() },
        _ => Told::fault(format!("it could not be started: {error}")),
    }
}

/// An emergency that was declared during a launch; told apart from a disk that failed.
#[derive(Debug)]
struct CutOff;

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an emergency shutdown holds")
    }
}

impl std::error::Error for CutOff {}

/// Writes the run's record, and then looks at the latch once more, for a launch may take long.
/// Whoever sets the latch looks for records after it: so either this sees the latch, or they the
/// record.
fn announce(paths: &Paths, run: RunId, record: &RunRecord) -> io::Result<()> {
    records::write(&paths.state, run, record)?;
    match latch::is_set(paths) {
        true => Err(io::Error::other(CutOff)),
        false => Ok(()),
    }
}

/// The agent's ends of its three channels, and ours.
fn ends() -> io::Result<(AgentFiles, Ends)> {
    let (host, agent_host) = UnixStream::pair()?;
    let (stdout, agent_stdout) = io::pipe()?;
    let (stderr, agent_stderr) = io::pipe()?;
    let files = AgentFiles {
        stdout: agent_stdout.into(),
        stderr: agent_stderr.into(),
        host: agent_host.into(),
    };
    let file = |reader: io::PipeReader| File::from(std::os::fd::OwnedFd::from(reader));
    Ok((files, Ends { host, stdout: file(stdout), stderr: file(stderr) }))
}

fn tell_launched(
    house: &House,
    run: RunId,
    generation: Generation,
    running: &Running,
    deadline_ms: i64,
) {
    let record = running.record();
    let process =
        Process { pid: u32::try_from(record.pid).unwrap_or(0), start_ticks: record.start_ticks };
    let degraded = running.degraded().iter().map(ToString::to_string).collect();
    let input = Input::Launched { run, generation, process, deadline_ms, degraded };
    // As above: without the loop this process is ending.
    drop(house.wakes.send(Wake::Input(input)));
}

/// Brings what one run's sensors saw before the loop.
struct Teller<'a> {
    house: &'a House,
    run: RunId,
    generation: Generation,
}

impl Teller<'_> {
    fn tell(&self, violations: Vec<Violation>) {
        let Teller { house, run, generation } = *self;
        if !violations.is_empty() {
            let input = Input::Violations { run, generation, violations };
            // As above: without the loop this process is ending.
            drop(house.wakes.send(Wake::Input(input)));
        }
    }
}

/// Waits for the end, measuring on the way and telling what the run tried.
fn watch(teller: &Teller<'_>, running: &Running, sightings: &mut Sightings) -> io::Result<Ended> {
    let pace = Pace::begin();
    let (mut before, mut measured) = (running.usage(), pace.now());
    loop {
        if let Some(ended) = running.wait(Some(SAMPLE_EVERY))? {
            return Ok(ended);
        }
        teller.tell(sightings.new_among(running.take_violations()));
        let passed_ms = pace.now().since(measured);
        // Woken by a report: the next sample comes in its time.
        if passed_ms < SAMPLE_MS / 2 {
            continue;
        }
        let now = running.usage();
        let used_us = now.cpu_us.saturating_sub(before.cpu_us);
        (before, measured) = (now, pace.now());
        let usage = LiveUsage {
            cpu_percent: used_us as f64 / (passed_ms * 1_000) as f64 * 100.0,
            cpu_ms: now.cpu_us / 1000,
            memory_bytes: now.memory,
        };
        let live = &teller.house.shared.live;
        live.write().unwrap_or_else(PoisonError::into_inner).usage.insert(teller.run, usage);
    }
}

fn gone(ended: Ended, last_words: String, limit_mb: u64) -> Told {
    let usage = Usage {
        cpu_ms: ended.cpu_us / 1000,
        memory_peak_bytes: ended.max_memory,
        throttled_ms: ended.throttled_us.unwrap_or(0) / 1000,
    };
    let exit = match ended.outcome {
        // A child may hit the limit and the agent live on: then its own word counts.
        Outcome::Code(0) => Exit::Code { code: 0, last_words },
        _ if ended.oom || ended.memory_limit_kill => Exit::OutOfMemory { limit_mb },
        Outcome::Code(code) => Exit::Code { code, last_words },
        Outcome::Signal(signal) => Exit::Signal { signal, last_words },
    };
    Told::Gone { exit, usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latch_that_was_set_while_a_run_was_launched_ends_the_launch() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let paths = Paths { state: at("state"), runtime: at("run"), config: at("config") };
        let text = r#"{"instance":"i","run":"r0","pid":2,"start_ticks":3,"boot_id":"b","group":{"parts":[]}}"#;
        let record: RunRecord = serde_json::from_str(text).unwrap();
        assert!(announce(&paths, RunId(0), &record).is_ok());
        let set = latch::Latch { reason: "now".into(), since_ms: 1 };
        latch::set(&paths, &set).unwrap();
        let cut_off = LaunchError::Record(announce(&paths, RunId(1), &record).unwrap_err());
        let is_refused = |error: &LaunchError, in_emergency| matches!(not_launched(error, in_emergency), Told::Refused { rule, .. } if rule == "emergency");
        assert!(is_refused(&cut_off, true) && is_refused(&cut_off, false), "no fault of its run");
        // The kill of whoever set it may come before.
        let broken = LaunchError::Launcher(io::ErrorKind::BrokenPipe.into());
        assert!(is_refused(&broken, true) && !is_refused(&broken, false));
        // Whoever set it finds both, and kills what they name.
        assert_eq!(records::look(&paths.state).records.len(), 2);
    }
}
