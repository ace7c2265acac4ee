//! A small world around `decide`: it keeps the journal, wakes when asked to, and starts what is
//! launched.

use crate::tests::show;
use crate::{HostSample, ScheduleCache, Settings, Zones, decide};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use jiff::tz::TimeZone;
use onboard_domain::spec::{
    Classes, Limits, Missed, Overlap, Priority, Program, Retry, SharedKeys,
};
use onboard_domain::state::{Outcome, Phase, Process, Usage};
use onboard_domain::{
    AgentId, AgentName, AgentSpec, Batch, Effect, Event, FORMAT, Generation, KillReason, ProjectId,
    RunId, State, Time, Turn,
};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// 2026-01-05, a Monday, 00:00 UTC.
pub const MIDNIGHT: Time = Time(1_767_571_200_000);

pub struct Utc;

impl Zones for Utc {
    fn host(&self) -> TimeZone {
        TimeZone::UTC
    }

    fn named(&self, name: &str) -> Option<TimeZone> {
        TimeZone::get(name).ok()
    }
}

pub struct World {
    pub state: State,
    pub cache: ScheduleCache,
    /// Whether each admission looks at everything anew.
    pub forgets: bool,
    pub settings: Settings,
    pub host: HostSample,
    pub wake: Option<Time>,
    pub journal: Vec<Batch>,
    /// How long the runs of an agent take before they end well; others end when told.
    pub takes: BTreeMap<AgentId, i64>,
    /// Runs that end well by themselves.
    pub ending: BTreeMap<RunId, Time>,
    pub kills: Vec<RunId>,
    pub told: Vec<String>,
}

impl World {
    pub fn new() -> World {
        let mut world = World {
            state: State { time: MIDNIGHT, ..State::default() },
            cache: ScheduleCache::default(),
            forgets: false,
            settings: Settings::default(),
            host: HostSample { cores: 2, ..HostSample::default() },
            wake: None,
            journal: Vec::new(),
            takes: BTreeMap::new(),
            ending: BTreeMap::new(),
            kills: Vec::new(),
            told: Vec::new(),
        };
        let project = Event::ProjectRegistered {
            project: ProjectId(0),
            root: "/home/ada/loom".into(),
            name: "loom".into(),
        };
        let digests = changed("g1", "p1");
        world.turn(MIDNIGHT, |turn| {
            turn.record(project);
            turn.record(digests);
        });
        world.told.clear();
        world
    }

    /// One turn: the inputs, then the decisions, durable, shown; then what was launched starts.
    pub fn turn(&mut self, now: Time, inputs: impl FnOnce(&mut Turn<'_>)) {
        self.state.advance(now).expect("time goes on");
        self.host.at = now;
        if self.forgets {
            self.cache.standing = None;
        }
        let mut turn = Turn::new(&mut self.state);
        inputs(&mut turn);
        let wake = decide(&mut turn, now, &self.host, &self.settings, &Utc, &mut self.cache);
        let (events, effects) = turn.finish().expect("every event is legal");
        assert!(
            wake.is_none_or(|wake| wake > now),
            "wakes at {wake:?}, which is not after {now:?}"
        );
        self.wake = wake;
        let line = show::turn(&self.state, now, &events, &effects);
        self.told.extend(line);
        if !events.is_empty() {
            self.journal.push(Batch { format: FORMAT, time: now, causes: Vec::new(), events });
        }
        let notes = onboard_domain::check::check(&self.state);
        assert!(notes.is_empty(), "{notes:?}");
        self.perform(now, &effects);
    }

    fn perform(&mut self, now: Time, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Launch { run, generation } => self.launch(now, *run, *generation),
                Effect::Kill { run, .. } => self.kills.push(*run),
                Effect::Terminate { .. }
                | Effect::Exit
                | Effect::SetLatch { .. }
                | Effect::ClearLatch
                | Effect::Proposal { .. } => {}
            }
        }
    }

    fn launch(&mut self, now: Time, run: RunId, generation: Generation) {
        let Phase::Placed { deadline_ms, .. } = self.state.runs[&run].phase else { return };
        let process = Process { pid: 1, start_ticks: run.0 };
        let deadline = now.plus(deadline_ms);
        if let Some(takes) = self.takes.get(&self.state.runs[&run].agent) {
            self.ending.insert(run, now.plus(*takes));
        }
        self.turn(now, |turn| {
            turn.record(Event::RunStarted {
                run,
                generation,
                process,
                deadline,
                degraded: Vec::new(),
            });
        });
    }

    /// Lets time pass to `until`, waking when asked to and ending runs whose work is done.
    pub fn advance(&mut self, until: Time) {
        loop {
            let ends = self.ending.iter().map(|(run, at)| (*at, *run)).min();
            let wake = self.wake.filter(|at| *at <= until);
            match ends.filter(|(at, _)| *at <= until) {
                Some((at, run)) if wake.is_none_or(|wake| at <= wake) => {
                    self.end(at, run, Outcome::Succeeded);
                }
                _ => match wake {
                    Some(at) => self.turn(at, |_| {}),
                    None => return,
                },
            }
        }
    }

    pub fn end(&mut self, at: Time, run: RunId, outcome: Outcome) {
        self.end_with(at, run, outcome, Usage::default());
    }

    pub fn end_with(&mut self, at: Time, run: RunId, outcome: Outcome, usage: Usage) {
        self.ending.remove(&run);
        if self.state.runs.contains_key(&run) {
            self.turn(at, |turn| turn.record(Event::RunEnded { run, outcome, usage }));
        }
    }

    /// The process of a run that was told to die is gone.
    pub fn dead(&mut self, at: Time, run: RunId) {
        if let Some(Phase::Stopping { why, .. }) = self.state.runs.get(&run).map(|r| &r.phase) {
            let outcome = match why {
                KillReason::Deadline => Outcome::TimedOut,
                why => Outcome::Killed { why: *why },
            };
            self.end(at, run, outcome);
        }
    }

    pub fn add(&mut self, spec: AgentSpec) -> AgentId {
        let agent = AgentId(self.state.next.agent);
        let (now, spec) = (self.state.time, alloc::boxed::Box::new(spec));
        self.turn(now, |turn| {
            turn.record(Event::AgentRegistered { agent, project: ProjectId(0), spec });
        });
        agent
    }

    pub fn id(&self, name: &str) -> AgentId {
        self.state.agent_named(ProjectId(0), name).unwrap_or_else(|| panic!("no agent {name}"))
    }

    /// The agent's run with a process.
    pub fn active(&self, name: &str) -> RunId {
        let mut runs = self.state.runs_of(self.id(name));
        runs.find(|(_, run)| run.is_active()).expect("a run with a process").0
    }
}

pub fn changed(git: &str, plan: &str) -> Event {
    Event::ProjectChanged { project: ProjectId(0), git: git.into(), plan: plan.into() }
}

/// A plain agent: medium in everything, no retries.
pub fn spec(name: &str, schedule: &str) -> AgentSpec {
    AgentSpec {
        name: AgentName::new(name).expect("a name"),
        description: String::new(),
        program: Program::BuiltIn,
        schedule: schedule.to_string(),
        zone: None,
        priority: Priority::Medium,
        classes: Classes::default(),
        depends_on: Vec::new(),
        locks: Vec::new(),
        limits: Limits::default(),
        missed: Missed::RunOnce,
        overlap: Overlap::Skip,
        retry: Retry { attempts: 0, backoff_ms: MINUTE, backoff_max_ms: 15 * MINUTE },
        reads: Vec::new(),
        wakes_on: Vec::new(),
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: "test".into(),
        hash: String::new(),
    }
}
