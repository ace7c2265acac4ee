//! The daemon's shell under virtual time: collects inputs, calls the production `step`, keeps the
//! journal, performs effects on a made-up world, dies and comes back.

use crate::clock::Clock;
use crate::journal::{Journal, Keeping};
use crate::ledger::Ledger;
use crate::nature::{Fate, Look, Nature, Plan};
use onboard_daemon::input::{Exit, Input};
use onboard_daemon::step::{Escalations, Step, World, step};
use onboard_domain::state::{Phase, Process, Usage};
use onboard_domain::{
    Actor, AgentCall, Answer, CallAnswer, Command, Effect, Event, Generation, MessageId, ProjectId,
    Refusal, RunId, State, Time, Via,
};
use onboard_policy::{Council, Escalation, StorageQuota, default_layer, merge};
use onboard_scheduler::{HostSample, ScheduleCache, Settings, Zones};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A sample of the host is good for this long, as in the daemon.
const HOST_SAMPLE_MS: i64 = 5_000;

/// The daemon's longest sleep.
const SLEEP_MAX_MS: i64 = 3_600_000;

/// How often a run's sensors are asked, and how much they tell at once.
const TOLD_MS: i64 = 40;
const TOLD_AT_ONCE: usize = 7;

/// Messages are acknowledged this long after they were read.
const ACK_MS: i64 = 50;

/// Where the daemon dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// What the step decided never became durable.
    BeforeAppend,
    /// What it decided is durable; nothing of it was done or answered.
    AfterAppend,
}

/// What calls people, and who they are: the policy's defaults, and a council.
#[derive(Clone, Debug)]
struct Rules {
    escalation: Escalation,
    council: Council,
}

impl Escalations for Rules {
    fn escalation(&self, _: &str) -> Escalation {
        self.escalation.clone()
    }

    fn storage(&self, root: &str) -> StorageQuota {
        self.escalation.storage(root)
    }

    fn council(&self) -> Council {
        self.council.clone()
    }
}

/// A run's process in the made-up world.
#[derive(Clone, Debug)]
struct Running {
    generation: Generation,
    plan: Plan,
    /// Told to end.
    told: bool,
    dying: bool,
}

/// What happens at some instant.
enum Happening<D> {
    Started(RunId, Generation),
    Calls(RunId, Generation),
    Tries(RunId, Generation),
    Ack(RunId, Generation, Vec<MessageId>),
    Gone(RunId, Generation),
    /// A kill found nothing to kill.
    Absent(RunId, Generation),
    Refused(RunId, Generation, Box<(String, String)>),
    Boot,
    Observed(ProjectId),
    Deed(D),
}

struct Entry<D> {
    at: i64,
    seq: u64,
    /// The life of the daemon that it belongs to; agents die with theirs.
    life: u32,
    what: Happening<D>,
}

impl<D> PartialEq for Entry<D> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.seq) == (other.at, other.seq)
    }
}

impl<D> Eq for Entry<D> {}

impl<D> PartialOrd for Entry<D> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<D> Ord for Entry<D> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

/// The simulated machine with its daemon.
pub struct Shell<N: Nature, Z: Zones> {
    pub nature: N,
    pub clock: Clock,
    pub state: State,
    pub settings: Settings,
    pub zones: Z,
    policies: Rules,
    pub ledger: Ledger,
    pub host: HostSample,
    journal: Journal,
    cache: ScheduleCache,
    agenda: BinaryHeap<Reverse<Entry<N::Deed>>>,
    seq: u64,
    life: u32,
    processes: BTreeMap<RunId, Box<Running>>,
    /// Launches that were refused and not yet recorded so: asked again, they are no new ones.
    refused: BTreeMap<RunId, Generation>,
    /// What a look at each project shows.
    projects: BTreeMap<ProjectId, (String, String)>,
    /// In real time.
    wake: Option<i64>,
    up: bool,
    armed: Option<(Crash, i64)>,
    broken: bool,
}

impl<N: Nature, Z: Zones> Shell<N, Z> {
    /// A machine that is switched on at `clock`, with a daemon that begins.
    pub fn new(nature: N, zones: Z, clock: Clock, settings: Settings, keeping: Keeping) -> Self {
        let defaults = default_layer().and_then(|layer| merge(&[layer]));
        let escalation =
            defaults.map_or_else(|_| Escalation::strictest(), |policy| policy.escalation());
        let policies = Rules { escalation, council: Council::default() };
        let mut shell = Shell {
            nature,
            clock,
            state: State::default(),
            settings,
            zones,
            policies,
            ledger: Ledger::default(),
            host: HostSample { at: Time(i64::MIN / 2), ..HostSample::default() },
            journal: Journal::new(keeping),
            cache: ScheduleCache::default(),
            agenda: BinaryHeap::new(),
            seq: 0,
            life: 0,
            processes: BTreeMap::new(),
            refused: BTreeMap::new(),
            projects: BTreeMap::new(),
            wake: None,
            up: true,
            armed: None,
            broken: false,
        };
        let began = shell.began();
        shell.turn(vec![began]);
        shell
    }

    /// Whether a daemon runs.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether a fault was found after which nothing can go on.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// How many processes of agents there are.
    pub fn processes(&self) -> usize {
        self.processes.len()
    }

    /// Plans a deed of the driver, `after_ms` from now.
    pub fn plan_deed(&mut self, after_ms: i64, deed: N::Deed) {
        self.put(after_ms, Happening::Deed(deed));
    }

    /// A project looks different from now on; the daemon is told a little later.
    pub fn change(&mut self, project: ProjectId, git: String, plan: String, after_ms: i64) {
        self.projects.insert(project, (git, plan));
        self.put(after_ms, Happening::Observed(project));
    }

    /// What a look at a project shows.
    pub fn look_of(&self, project: ProjectId) -> (String, String) {
        self.projects.get(&project).cloned().unwrap_or_default()
    }

    /// From now on these people decide, and the ledger knows who has to.
    pub fn set_council(&mut self, council: Council) {
        self.ledger.expect_votes(&council);
        self.policies.council = council;
    }

    /// A person asks for something. `None`: no daemon answered.
    pub fn command(&mut self, why: &str, command: Command) -> Option<Result<Answer, Refusal>> {
        self.command_of(Actor::Person { uid: 1000, name: "ada".into() }, why, command)
    }

    /// Another person does.
    pub fn command_of(
        &mut self,
        actor: Actor,
        why: &str,
        command: Command,
    ) -> Option<Result<Answer, Refusal>> {
        if !self.up {
            return None;
        }
        let why = why.to_owned();
        let input = Input::Command { token: 0, actor, via: Via::Cli, why, command };
        let step = self.turn(vec![input])?;
        step.replies.into_iter().next().map(|(_, reply)| reply)
    }

    /// The daemon dies in its next step, and another begins `down_ms` later.
    pub fn arm(&mut self, crash: Crash, down_ms: i64) {
        self.armed = Some((crash, down_ms));
    }

    /// The machine sleeps: the wall clock goes on, nothing else does.
    pub fn suspend(&mut self, ms: i64) {
        self.clock.suspend(ms);
    }

    /// Lives on until a deed's time comes, which is returned, or until `real`, which is `None`.
    pub fn live_until(&mut self, real: i64) -> Option<N::Deed> {
        loop {
            if self.broken {
                return None;
            }
            let next = self.agenda.peek().map(|Reverse(entry)| entry.at);
            let wake = self.wake.filter(|_| self.up);
            let at = match (next, wake) {
                (Some(next), Some(wake)) => next.min(wake),
                (Some(at), None) | (None, Some(at)) => at,
                (None, None) => i64::MAX,
            };
            if at > real {
                self.clock.pass_until(real);
                return None;
            }
            self.clock.pass_until(at);
            let inputs = self.collect(at);
            if !inputs.is_empty() {
                self.turn(inputs);
            } else if let Some(deed) = self.take_deed(at) {
                return Some(deed);
            } else if wake == Some(at) {
                self.turn(vec![Input::Timer]);
            }
        }
    }

    /// Everything that is ready at `at`, up to the next deed.
    fn collect(&mut self, at: i64) -> Vec<Input> {
        let mut inputs = Vec::new();
        while let Some(Reverse(entry)) = self.agenda.peek() {
            if entry.at > at || matches!(entry.what, Happening::Deed(_)) {
                break;
            }
            let Some(Reverse(entry)) = self.agenda.pop() else { break };
            self.happen(entry, &mut inputs);
        }
        inputs
    }

    fn take_deed(&mut self, at: i64) -> Option<N::Deed> {
        let Reverse(entry) = self.agenda.peek()?;
        if entry.at > at || !matches!(entry.what, Happening::Deed(_)) {
            return None;
        }
        match self.agenda.pop()?.0.what {
            Happening::Deed(deed) => Some(deed),
            _ => None,
        }
    }

    fn put(&mut self, after_ms: i64, what: Happening<N::Deed>) {
        let at = self.clock.real().saturating_add(after_ms.max(0));
        self.seq += 1;
        self.agenda.push(Reverse(Entry { at, seq: self.seq, life: self.life, what }));
    }

    fn happen(&mut self, entry: Entry<N::Deed>, inputs: &mut Vec<Input>) {
        let mine = entry.life == self.life && self.up;
        match entry.what {
            Happening::Boot => self.boot(inputs),
            Happening::Observed(project) if self.up => inputs.push(self.observed(project)),
            Happening::Started(run, generation) if mine => {
                inputs.extend(self.started(run, generation));
            }
            Happening::Calls(run, generation) if mine => {
                if let Some(running) = self.running(run, generation) {
                    let calls = std::mem::take(&mut running.plan.calls);
                    inputs.extend(calls.into_iter().map(|call| self::call(run, generation, call)));
                }
            }
            Happening::Tries(run, generation) if mine => {
                inputs.extend(self.tries(run, generation));
            }
            Happening::Ack(run, generation, ids)
                if mine && self.running(run, generation).is_some() =>
            {
                let calls = ids.into_iter().map(|id| AgentCall::AckMessage { id });
                inputs.extend(calls.map(|call| self::call(run, generation, call)));
            }
            Happening::Gone(run, generation) if mine => inputs.extend(self.gone(run, generation)),
            Happening::Absent(run, generation) if mine => {
                let exit = Exit::Fault { why: "there was no process".into() };
                inputs.push(Input::Gone { run, generation, exit, usage: Usage::default() });
            }
            Happening::Refused(run, generation, said) if mine => {
                self.refused.remove(&run);
                let (rule, why) = *said;
                inputs.push(Input::LaunchRefused { run, generation, rule, why });
            }
            _ => {}
        }
    }

    fn running(&mut self, run: RunId, generation: Generation) -> Option<&mut Running> {
        let running = self.processes.get_mut(&run)?;
        (running.generation == generation && !running.dying).then_some(&mut **running)
    }

    fn started(&mut self, run: RunId, generation: Generation) -> Option<Input> {
        let seq = self.seq;
        let deadline_ms = match &self.state.runs.get(&run)?.phase {
            Phase::Placed { deadline_ms, .. } => *deadline_ms,
            _ => self.settings.deadline_ms,
        };
        let running = self.running(run, generation)?;
        let plan = &running.plan;
        let (calls_at, any) = (plan.calls_at_ms, !plan.calls.is_empty());
        let tries = !plan.tries.is_empty();
        let life = plan.life_ms;
        if any {
            self.put(calls_at, Happening::Calls(run, generation));
        }
        if tries {
            self.put(TOLD_MS, Happening::Tries(run, generation));
        }
        if let Some(life) = life {
            self.put(life, Happening::Gone(run, generation));
        }
        let pid = u32::try_from(1000 + run.0 % 30_000).unwrap_or(1000);
        let process = Process { pid, start_ticks: seq };
        Some(Input::Launched { run, generation, process, deadline_ms, degraded: Vec::new() })
    }

    /// What the sensors saw since they were last asked, a part of a storm at a time.
    fn tries(&mut self, run: RunId, generation: Generation) -> Option<Input> {
        let tries = &mut self.running(run, generation)?.plan.tries;
        let violations: Vec<_> = tries.drain(..tries.len().min(TOLD_AT_ONCE)).collect();
        if !tries.is_empty() {
            self.put(TOLD_MS, Happening::Tries(run, generation));
        }
        Some(Input::Violations { run, generation, violations })
    }

    fn gone(&mut self, run: RunId, generation: Generation) -> Option<Input> {
        if self.processes.get(&run)?.generation != generation {
            return None;
        }
        let Running { plan, dying, .. } = *self.processes.remove(&run)?;
        let (exit, usage) = if dying {
            (Exit::Signal { signal: 9, last_words: String::new() }, plan.usage)
        } else {
            (plan.exit, plan.usage)
        };
        Some(Input::Gone { run, generation, exit, usage })
    }

    fn observed(&self, project: ProjectId) -> Input {
        let (git, plan) = self.look_of(project);
        Input::Observed { project, git, plan }
    }

    fn began(&self) -> Input {
        Input::Began { version: "simulated".into(), pid: 100 + self.life }
    }

    fn boot(&mut self, inputs: &mut Vec<Input>) {
        if self.up {
            return;
        }
        self.up = true;
        self.clock.continue_after(self.state.time);
        self.host.at = Time(i64::MIN / 2);
        inputs.push(self.began());
        inputs.extend(self.state.projects.keys().map(|project| self.observed(*project)));
    }

    /// One turn of the daemon's loop. `None` when it died in it or there is none.
    fn turn(&mut self, mut inputs: Vec<Input>) -> Option<Step> {
        let now = self.clock.now().max(self.state.time);
        if let Some(ms) = self.clock.take_leap() {
            inputs.insert(0, Input::Leapt { ms });
        }
        if now.since(self.host.at) >= HOST_SAMPLE_MS {
            self.host = self.nature.host(now);
        }
        let tokens: Vec<Option<(RunId, Generation)>> = inputs.iter().map(caller).collect();
        let inputs = numbered(inputs);
        let world = World {
            now,
            host: &self.host,
            settings: &self.settings,
            zones: &self.zones,
            policies: &self.policies,
        };
        let decided = match step(&mut self.state, &world, &mut self.cache, inputs) {
            Ok(decided) => decided,
            Err(illegal) => {
                self.ledger.report("decisions are legal", illegal.to_string());
                self.broken = true;
                return None;
            }
        };
        let armed = self.armed.take();
        if let Some((Crash::BeforeAppend, down_ms)) = armed {
            self.die(down_ms);
            return None;
        }
        self.append(&decided);
        self.ledger.asked(&decided.effects, decided.wake, now, &self.state);
        if let Some((Crash::AfterAppend, down_ms)) = armed {
            self.die(down_ms);
            return None;
        }
        let sleep = |wake: Time| wake.since(now).clamp(1, SLEEP_MAX_MS);
        self.wake = Some(self.clock.real() + decided.wake.map_or(SLEEP_MAX_MS, sleep));
        for effect in &decided.effects {
            self.perform(effect);
        }
        self.acknowledge(&decided, &tokens);
        Some(decided)
    }

    fn append(&mut self, decided: &Step) {
        let batch = &decided.batch;
        if batch.events.is_empty() && batch.causes.is_empty() {
            return;
        }
        if let Err(why) = self.journal.append(batch, &self.state) {
            self.ledger.report("replay equals live state", why);
            self.broken = true;
        }
        self.ledger.real = self.clock.real();
        self.ledger.durable(batch, &self.state, &self.settings);
        for event in &batch.events {
            if let Event::RunEnded { run, .. } = event
                && self.processes.contains_key(run)
            {
                self.ledger.report("an end is proven", format!("{run} ended and lives"));
            }
        }
        self.nature.durable(batch, &self.state);
    }

    /// The daemon and everything it started are gone. What comes back knows its journal alone.
    fn die(&mut self, down_ms: i64) {
        self.processes.clear();
        self.refused.clear();
        self.life += 1;
        self.up = false;
        self.wake = None;
        self.cache = ScheduleCache::default();
        match self.journal.fold() {
            Ok(state) => self.state = state,
            Err(why) => {
                self.ledger.report("a journal can be read", why);
                self.broken = true;
            }
        }
        self.put(down_ms, Happening::Boot);
    }

    fn perform(&mut self, effect: &Effect) {
        match self.nature.fate(effect) {
            Fate::Once => self.perform_once(effect),
            Fate::Twice => {
                self.perform_once(effect);
                self.perform_once(effect);
            }
            Fate::Lost => {}
        }
    }

    fn perform_once(&mut self, effect: &Effect) {
        match effect {
            Effect::Launch { run, generation } => self.launch(*run, *generation),
            Effect::Terminate { run, generation } => self.terminate(*run, *generation),
            Effect::Kill { run, generation, .. } => self.kill(*run, *generation),
            Effect::Exit => {
                self.up = false;
                self.life += 1;
                self.wake = None;
                self.armed = None;
                if !self.processes.is_empty() {
                    let left = self.processes.len();
                    self.ledger.report("nothing outlives the daemon", format!("{left} processes"));
                    self.processes.clear();
                }
            }
            Effect::SetLatch { .. } | Effect::ClearLatch => {}
            // No agent of this world proposes a change.
            Effect::Proposal { .. } => {}
        }
    }

    /// Starts a daemon that was shut down in order.
    pub fn start_daemon(&mut self) {
        if !self.up {
            self.life -= 1;
            self.die(0);
        }
    }

    fn launch(&mut self, id: RunId, generation: Generation) {
        if self.processes.contains_key(&id) || self.refused.get(&id) == Some(&generation) {
            return;
        }
        let Some(run) = self.state.runs.get(&id).filter(|r| r.generation == generation) else {
            return;
        };
        let (agent_id, state) = (run.agent, &self.state);
        let look = Look { id, run, agent_id, agent: &state.agents[&agent_id], state };
        let plan = self.nature.plan(state.time, look);
        let start_ms = plan.start_ms;
        if let Some(said) = plan.refused {
            self.refused.insert(id, generation);
            return self.put(start_ms, Happening::Refused(id, generation, Box::new(said)));
        }
        self.processes
            .insert(id, Box::new(Running { generation, plan, told: false, dying: false }));
        self.put(start_ms, Happening::Started(id, generation));
    }

    fn terminate(&mut self, id: RunId, generation: Generation) {
        let Some(running) = self.running(id, generation).filter(|running| !running.told) else {
            return;
        };
        running.told = true;
        if let Some(after) = running.plan.term_ms {
            self.put(after, Happening::Gone(id, generation));
        }
    }

    fn kill(&mut self, id: RunId, generation: Generation) {
        match self.processes.get_mut(&id).filter(|running| running.generation == generation) {
            None => self.put(1, Happening::Absent(id, generation)),
            Some(running) if !running.dying => {
                running.dying = true;
                let after = running.plan.kill_ms;
                self.put(after, Happening::Gone(id, generation));
            }
            Some(_) => {}
        }
    }

    /// Messages that were read are acknowledged a little later, by those who do.
    fn acknowledge(&mut self, decided: &Step, tokens: &[Option<(RunId, Generation)>]) {
        for (token, answer) in &decided.answers {
            let Ok(CallAnswer::Messages(messages)) = answer else { continue };
            let index = usize::try_from(*token).unwrap_or(usize::MAX);
            let Some(Some((run, generation))) = tokens.get(index).copied() else { continue };
            let acks = self.running(run, generation).is_some_and(|running| running.plan.acks);
            if acks && !messages.is_empty() {
                let ids = messages.iter().map(|message| message.id).collect();
                self.put(ACK_MS, Happening::Ack(run, generation, ids));
            }
        }
    }

    /// The expensive checks, while a daemon runs: state against ledger, runs against processes, replay.
    pub fn inspect(&mut self) {
        if !self.up || self.broken {
            return;
        }
        let now = self.clock.now().max(self.state.time);
        self.ledger.inspect(&self.state, now, self.clock.real());
        for run in self.processes.keys() {
            if !self.state.active.contains(run) {
                self.ledger.report("no orphan process", format!("{run} lives without a run"));
            }
        }
        if let Err(why) = self.journal.compare(&self.state) {
            self.ledger.report("replay equals live state", why);
        }
    }
}

fn call(run: RunId, generation: Generation, call: AgentCall) -> Input {
    Input::Call { token: 0, run, generation, call }
}

fn caller(input: &Input) -> Option<(RunId, Generation)> {
    match input {
        Input::Call { run, generation, .. } => Some((*run, *generation)),
        _ => None,
    }
}

/// Each answer names its input's place in the turn.
fn numbered(mut inputs: Vec<Input>) -> Vec<Input> {
    for (index, input) in inputs.iter_mut().enumerate() {
        if let Input::Command { token, .. } | Input::Call { token, .. } = input {
            *token = index as u64;
        }
    }
    inputs
}
