//! The loop: collect what is ready, decide, make durable, then act and answer.
//!
//! One thread owns the state and the journal. Everything else is a message to it. An append that
//! fails ends the daemon: what is in memory is then ahead of the journal, and every agent dies with
//! the process.

use crate::clock::Clock;
use crate::effects::Effects;
use crate::handle::{
    CallAnswered, Paths, Published, Reply, Request, ReservationAnswered, Shared, Wake,
};
use crate::input::{Input, Token};
use crate::latch::{self, AtStart};
use crate::policies::Wanted;
use crate::pressure;
use crate::step::{Step, World, is_agreed, models::Reserved, step};
use crate::store::{Store, StoreError};
use crate::watch::Watch;
use crate::zones::HostZones;
use onboard_domain::apply::Illegal;
use onboard_domain::council::Subject;
use onboard_domain::state::Agent;
use onboard_domain::{
    AgentId, Answer, Batch, CallAnswer, CallRefusal, Command, Effect, Event, ProjectId, Refusal,
    RunId, State, Time,
};
use onboard_scheduler::{HostSample, ScheduleCache, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TrySendError};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Inputs decided and made durable together: enough to share one sync among all clients that a
/// socket serves, few enough that the first of them does not wait for long.
const BATCH_MAX: usize = 1024;

/// Bytes of requests decided together, beside the one that passes it: what follows from them has
/// about their size, and the journal takes four times this in an entry.
const BATCH_BYTES: usize = 4 << 20;

/// A sample of the host's pressure is good for this long: the kernel's own averages are over 10 s.
const HOST_SAMPLE_MS: i64 = 5_000;

/// The longest sleep while something is planned. The timer stands still while the machine is
/// suspended and does not hear of a clock that is set: so late a slot may be after either. Two
/// turns a minute that write nothing cost nothing that can be measured.
const SLEEP_TO_PLAN: Duration = Duration::from_secs(30);

/// The longest sleep otherwise; it bounds what a lost wake-up could cost.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// Why the loop ended before it was told to.
#[derive(Debug)]
pub enum Fault {
    Store(StoreError),
    /// A decision that does not fit the state: a bug, with its place.
    Illegal(Illegal),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Store(error) => write!(f, "{error}"),
            Fault::Illegal(illegal) => write!(
                f,
                "a decision does not fit the state ({illegal}); nothing of it was written; please \
                 report this with the daemon's log"
            ),
        }
    }
}

impl std::error::Error for Fault {}

pub(crate) struct Loop {
    pub(crate) wakes: Receiver<Wake>,
    pub(crate) store: Store,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) effects: Effects,
    pub(crate) zones: HostZones,
    pub(crate) cache: ScheduleCache,
    pub(crate) host: HostSample,
    pub(crate) waiting: Waiting,
    /// Who was told that a lease is free for it, and has not taken it yet.
    pub(crate) told_turns: BTreeSet<(RunId, String)>,
    /// The watching thread ends when this goes.
    pub(crate) watch: Arc<Sender<Watch>>,
}

/// Whoever waits for an answer.
#[derive(Default)]
pub(crate) struct Waiting {
    next: Token,
    requests: BTreeMap<Token, Reply>,
    calls: BTreeMap<Token, CallAnswered>,
    reservations: BTreeMap<Token, ReservationAnswered>,
}

impl Waiting {
    fn request(&mut self, request: Request) -> Input {
        let token = self.token();
        self.requests.insert(token, request.reply);
        let Request { actor, via, why, command, .. } = request;
        Input::Command { token, actor, via, why, command }
    }

    fn token(&mut self) -> Token {
        self.next += 1;
        self.next
    }
}

impl Loop {
    /// The first turn: what the daemon before left is recorded as ended. Before it nothing may be
    /// shown.
    ///
    /// # Errors
    /// When the journal can't be appended to, or a decision was illegal.
    pub(crate) fn begin(&mut self, first: Vec<Input>) -> Result<Turned, Fault> {
        self.turn(first)
    }

    /// Runs on from a turn until the daemon is told to end.
    ///
    /// # Errors
    /// When the journal can't be appended to, or a decision was illegal.
    pub(crate) fn run(mut self, mut turned: Turned) -> Result<(), Fault> {
        loop {
            let Turned::Sleep(wake) = turned else { return self.end() };
            // When every handle is gone nobody could ever ask for anything again.
            let Some(inputs) = self.collect(wake) else { return self.end() };
            turned = self.turn(inputs)?;
        }
    }

    fn end(mut self) -> Result<(), Fault> {
        self.effects.house.layout.leave(&self.effects.instance);
        let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
        self.store.snapshot(&state).map_err(Fault::Store)
    }

    /// Sleeps until something is to be done, then takes all that is ready, up to a batch.
    fn collect(&mut self, wake: Option<Time>) -> Option<Vec<Input>> {
        let mut inputs = self.effects.take_news();
        if inputs.is_empty() {
            let patience = self.sleep(wake);
            match self.wakes.recv_timeout(patience) {
                Ok(wake) => self.accept(wake, &mut inputs),
                Err(RecvTimeoutError::Timeout) => inputs.push(Input::Timer),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        let mut bytes: usize = inputs.iter().map(bytes_of).sum();
        while inputs.len() < BATCH_MAX && bytes < BATCH_BYTES {
            let Ok(wake) = self.wakes.try_recv() else { break };
            self.accept(wake, &mut inputs);
            bytes += inputs.last().map_or(0, bytes_of);
        }
        Some(inputs)
    }

    fn sleep(&mut self, wake: Option<Time>) -> Duration {
        let Some(wake) = wake else { return SLEEP_MAX };
        let ms = wake.since(self.clock.now()).max(0);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0)).min(SLEEP_TO_PLAN)
    }

    fn accept(&mut self, wake: Wake, inputs: &mut Vec<Input>) {
        match wake {
            Wake::Request(request) => inputs.push(self.waiting.request(request)),
            Wake::Input(input) => {
                if let Input::Observed { project, .. } = &input {
                    self.effects.look_at_policy(&self.shared, *project);
                }
                inputs.push(input);
            }
            Wake::Call { run, generation, call, answer } => {
                let token = self.waiting.token();
                self.waiting.calls.insert(token, answer);
                inputs.push(Input::Call { token, run, generation, call });
            }
            Wake::ReserveModel { run, generation, model, spend, budgets, answer } => {
                let token = self.waiting.token();
                self.waiting.reservations.insert(token, answer);
                let asked = Input::ReserveModel { token, run, generation, model, spend, budgets };
                inputs.push(asked);
            }
            Wake::Probed(walls) => {
                let shared = Arc::clone(&self.shared);
                self.effects.set_walls(&shared, walls);
            }
        }
    }

    /// One turn: decide and append under the lock, so that readers see only what is durable.
    fn turn(&mut self, mut inputs: Vec<Input>) -> Result<Turned, Fault> {
        let now = self.clock.now();
        // Before anything is decided by the time that it is.
        if let Some(ms) = self.clock.take_leap() {
            inputs.insert(0, Input::Leapt { ms });
        }
        self.refresh_host(now);
        let shared = Arc::clone(&self.shared);
        let wanted = {
            let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
            wanted(&state, &inputs)
        };
        self.effects.read_for_turn(wanted);
        let (decided, seq) = {
            let mut state = shared.state.write().unwrap_or_else(PoisonError::into_inner);
            self.effects.latch_seen = heed_latch(&shared.paths, &state, &mut inputs);
            self.decide(&mut state, now, inputs).inspect_err(|_| {
                // Readers may still come before the process ends: they see what is durable.
                *state = self.store.durable().unwrap_or_default();
            })?
        };
        let Step { batch, effects, replies, answers, reserved, turns, wake } = decided;
        let batch = Arc::new(batch);
        self.watch_new_projects(&batch);
        self.publish(seq, batch);
        // Effects first: whoever is answered finds them begun.
        let ended = self.perform(effects);
        self.answer(replies, answers);
        self.answer_reservations(reserved);
        self.tell_turns(turns);
        self.trim(now);
        Ok(if ended { Turned::Ended } else { Turned::Sleep(wake) })
    }

    fn decide(
        &mut self,
        state: &mut State,
        now: Time,
        inputs: Vec<Input>,
    ) -> Result<(Step, Option<u64>), Fault> {
        let world = World {
            now: now.max(state.time),
            host: &self.host,
            settings: &self.settings,
            zones: &self.zones,
            policies: &self.effects.policies,
        };
        let decided = step(state, &world, &mut self.cache, inputs).map_err(Fault::Illegal)?;
        let seq = self.append(&decided)?;
        self.shared.folded.store(self.store.seq(), Ordering::Relaxed);
        self.store.snapshot_when_due(state).map_err(Fault::Store)?;
        Ok((decided, seq))
    }

    /// After the answers, which need not wait for it. What can't be dropped stays, and is no reason
    /// to end: whatever ails the disk shows in the next append.
    fn trim(&mut self, now: Time) {
        let seen = self.shared.views.applied().seq();
        if let Err(error) = self.store.trim(now, seen) {
            eprintln!("{error}; the journal's old entries stay and are tried again later");
        }
    }

    fn refresh_host(&mut self, now: Time) {
        if now.since(self.host.at) >= HOST_SAMPLE_MS {
            self.host = pressure::sample(now);
        }
    }

    /// A turn in which nothing happened and nobody asked leaves no entry.
    fn append(&mut self, decided: &Step) -> Result<Option<u64>, Fault> {
        if decided.batch.events.is_empty() && decided.batch.causes.is_empty() {
            return Ok(None);
        }
        self.store.append(&decided.batch).map(Some).map_err(Fault::Store)
    }

    fn publish(&self, seq: Option<u64>, batch: Arc<Batch>) {
        let Some(seq) = seq else { return };
        let published = Published { seq, batch };
        let mut followers = self.shared.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| match follower.try_send(published.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        });
    }

    /// Performs the effects; true when the daemon is to end.
    fn perform(&mut self, effects: Vec<Effect>) -> bool {
        let mut ended = false;
        for effect in effects {
            if effect == Effect::Exit {
                ended = true;
            } else {
                self.effects.perform(&self.shared, effect);
            }
        }
        ended
    }

    fn answer(
        &mut self,
        replies: Vec<(Token, Result<Answer, Refusal>)>,
        answers: Vec<(Token, Result<CallAnswer, CallRefusal>)>,
    ) {
        for (token, reply) in replies {
            if let Some(answer) = self.waiting.requests.remove(&token) {
                answer(reply);
            }
        }
        for (token, reply) in answers {
            if let Some(answer) = self.waiting.calls.remove(&token) {
                answer(reply);
            }
        }
    }
}

impl Loop {
    fn answer_reservations(&mut self, reserved: Vec<(Token, Reserved)>) {
        for (token, reserved) in reserved {
            if let Some(answer) = self.waiting.reservations.remove(&token) {
                answer(reserved);
            }
        }
    }

    /// Tells who waits for a lease that it is free, once for each time that it becomes so.
    fn tell_turns(&mut self, turns: Vec<(RunId, String)>) {
        let turns: BTreeSet<(RunId, String)> = turns.into_iter().collect();
        if !turns.is_empty() {
            let live = self.shared.live.read().unwrap_or_else(PoisonError::into_inner);
            for (run, name) in turns.difference(&self.told_turns) {
                if let Some(bell) = live.bells.get(run) {
                    bell.ring(name.clone());
                }
            }
        }
        self.told_turns = turns;
    }

    /// A new project is watched from its registration on.
    fn watch_new_projects(&self, batch: &Batch) {
        for event in &batch.events {
            if let Event::ProjectRegistered { project, root, .. } = event {
                // The watching thread ends only with the process.
                drop(self.watch.send(Watch::Project { project: *project, root: root.into() }));
            }
        }
    }
}

/// What an input of people may add to the journal; the others are bounded one by one.
fn bytes_of(input: &Input) -> usize {
    let Input::Command { command, why, .. } = input else { return 0 };
    let said = match command {
        // The usual ones, which are many: a list of numbers is known without writing it down.
        Command::Start { agents }
        | Command::Stop { agents, .. }
        | Command::Restart { agents, .. }
        | Command::Pause { agents }
        | Command::Resume { agents } => agents.len() * size_of::<AgentId>(),
        _ => serde_json::to_vec(command).map_or(0, |text| text.len()),
    };
    why.len() + said
}

/// The hashes of the policies that may be in force for a project; `None` where any may.
fn agreed(state: &State, project: ProjectId) -> Option<BTreeSet<String>> {
    state.policy.as_ref()?;
    let put = state.motions.values().filter_map(|motion| match &motion.subject {
        Subject::ChangePolicy { hash, .. } => Some(hash),
        _ => None,
    });
    let known = state.projects.values().filter_map(|project| project.policy.as_ref());
    let known = known.chain(&state.policy).map(|policy| &policy.hash);
    let all = known.chain(put).filter(|hash| is_agreed(state, Some(project), hash));
    Some(all.cloned().collect())
}

/// What deciding on these inputs may need of the policies.
fn wanted(state: &State, inputs: &[Input]) -> Wanted {
    let runs = inputs.iter().filter_map(Input::judged);
    let agents = runs.filter_map(|run| state.agents.get(&state.runs.get(&run)?.agent));
    let of = |agent: &Agent| Some((agent.project, state.projects.get(&agent.project)?));
    let projects = agents.filter_map(of);
    let roots = projects.map(|(id, known)| (known.root.clone(), agreed(state, id))).collect();
    Wanted { roots, council: inputs.iter().any(Input::is_councils) }
}

/// A latch file that somebody set while this daemon ran, or hung, is recorded before anything else
/// is decided. Gives what is set.
fn heed_latch(paths: &Paths, state: &State, inputs: &mut Vec<Input>) -> latch::Seen {
    if !latch::is_set(paths) {
        return latch::Seen::default();
    }
    let seen = latch::seen(paths);
    let declared = |input: &Input| {
        matches!(input, Input::Command { command: Command::EmergencyShutdown { .. }, .. })
    };
    if state.emergency.is_none()
        && !inputs.iter().any(declared)
        && let AtStart::Declare(latch) = latch::at_start(state, latch::read(paths))
    {
        let why = "the latch file was set";
        inputs.insert(0, latch::declaration(latch, why));
    }
    seen
}

/// What follows a turn.
pub(crate) enum Turned {
    Sleep(Option<Time>),
    Ended,
}
