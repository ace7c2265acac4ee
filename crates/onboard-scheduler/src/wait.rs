//! What keeps a queued run from being placed. Admission and explanation both ask here.

use crate::demand::{self, Short, Taken};
use crate::host::{HostSample, Pressure, Verdict};
use crate::settings::Settings;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use onboard_domain::lease::{Holder, Mode, Waiter};
use onboard_domain::spec::Priority;
use onboard_domain::state::{Agent, Breaker, Desired, Outcome, Run, Trigger};
use onboard_domain::{AgentName, ProjectId, RunId, State, Time};

/// One reason why a run is not placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Its time has not come: a back-off, a change that still settles.
    Time {
        until: Time,
        now: Time,
    },
    Emergency {
        reason: String,
    },
    /// The daemon was asked to end.
    DaemonStopping,
    Stopped,
    Paused,
    Quarantined,
    Breaker {
        until: Time,
        now: Time,
    },
    /// The agent's run before it is not over.
    RunBefore {
        run: RunId,
    },
    Dependency {
        name: AgentName,
        why: DependencyState,
    },
    Pressure {
        cause: &'static str,
        until: Time,
        now: Time,
    },
    Lock {
        name: String,
        run: RunId,
        agent: Option<AgentName>,
    },
    /// A run that works waits for it, and comes first.
    Queue {
        name: String,
        run: RunId,
        agent: Option<AgentName>,
        until: Time,
    },
    /// As many runs as may have a process have one.
    Slots {
        max: u32,
    },
    /// Declared or measured needs would add up to too much.
    Room {
        of: &'static str,
    },
    /// The limits of the runs with a process would add up to more than the machine's budget.
    Budget {
        of: &'static str,
        wanted: u32,
        reserved: u32,
        total: u32,
    },
    /// A run that has waited long has this kept free for it.
    KeptFor {
        run: RunId,
        what: Option<String>,
    },
}

/// Why a dependency is not fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyState {
    Unknown,
    Queued,
    Running,
    Failed,
    NeverSucceeded,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wait::Time { until, now } => write!(f, "its time, in {}", Length(until.since(*now))),
            Wait::Emergency { reason } => write!(f, "the emergency to be lifted: {reason}"),
            Wait::DaemonStopping => f.write_str("the daemon, which is stopping, to start again"),
            Wait::Stopped => f.write_str("its agent, which is stopped"),
            Wait::Paused => f.write_str("its agent, which is paused"),
            Wait::Quarantined => f.write_str("its agent, which is quarantined"),
            Wait::Breaker { until, now } => {
                write!(f, "its circuit breaker, open for another {}", Length(until.since(*now)))
            }
            Wait::RunBefore { run } => write!(f, "its run before, {run}, which is not over"),
            Wait::Dependency { name, why } => write!(f, "`{name}`, which {why}"),
            Wait::Pressure { cause, .. } => write!(f, "the host: {cause}"),
            Wait::Lock { name, run, agent: Some(agent) } => {
                write!(f, "`{name}`, held by {run} of `{agent}`")
            }
            Wait::Lock { name, run, agent: None } => write!(f, "`{name}`, held by {run}"),
            Wait::Queue { name, run, agent, .. } => {
                write!(f, "`{name}`, which {run}")?;
                if let Some(agent) = agent {
                    write!(f, " of `{agent}`")?;
                }
                f.write_str(" waits for and comes first")
            }
            Wait::Slots { max } => write!(f, "one of the {max} runs at a time to end"),
            Wait::Room { of } => write!(f, "room: the {of} is taken by other runs"),
            Wait::Budget { of, wanted, reserved, total } => {
                let unit = if *of == "memory" { "MB" } else { "%" };
                write!(
                    f,
                    "the {of} budget: its limit is {wanted} {unit}, and {reserved} of {total} {unit} \
                     are reserved"
                )
            }
            Wait::KeptFor { run, what: Some(what) } => {
                write!(f, "`{what}`, kept for {run}, which has waited longer")
            }
            Wait::KeptFor { run, what: None } => {
                write!(f, "room, kept for {run}, which has waited longer")
            }
        }
    }
}

impl fmt::Display for DependencyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DependencyState::Unknown => "is not an agent of this project",
            DependencyState::Queued => "is queued",
            DependencyState::Running => "is running",
            DependencyState::Failed => "failed in its newest run",
            DependencyState::NeverSucceeded => "has not succeeded yet",
        })
    }
}

/// A length of time for people: its two largest units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length(pub i64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0) / 1000;
        let (d, h, m, s) =
            (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        match (d, h, m) {
            (0, 0, 0) => write!(f, "{s} s"),
            (0, 0, _) if s == 0 || m >= 10 => write!(f, "{m} min"),
            (0, 0, _) => write!(f, "{m} min {s} s"),
            (0, _, 0) => write!(f, "{h} h"),
            (0, ..) => write!(f, "{h} h {m} min"),
            (_, 0, _) => write!(f, "{d} d"),
            _ => write!(f, "{d} d {h} h"),
        }
    }
}

impl Wait {
    /// When time alone may end it: the same time whenever it is asked.
    pub(crate) fn until(&self, settings: &Settings, run: &Run) -> Option<Time> {
        match self {
            Wait::Time { until, .. } | Wait::Breaker { until, .. } | Wait::Queue { until, .. } => {
                Some(*until)
            }
            Wait::Dependency { .. } => Some(ready(run).plus(settings.dependency_wait_ms)),
            Wait::Pressure { until, now, .. } => Some(*until).filter(|until| *until > *now),
            _ => None,
        }
    }

    /// Whether waiting long for it earns the run that it is kept free.
    pub(crate) fn may_be_kept(&self) -> bool {
        matches!(
            self,
            Wait::Lock { .. } | Wait::Queue { .. } | Wait::Room { .. } | Wait::Budget { .. }
        )
    }

    /// The word for what runs share that it is for; `None` when the agent itself is why.
    pub fn shared(&self) -> Option<&'static str> {
        match self {
            Wait::Lock { .. } | Wait::Queue { .. } | Wait::KeptFor { what: Some(_), .. } => {
                Some("lock")
            }
            Wait::Budget { .. } => Some("budget"),
            Wait::Room { .. } | Wait::KeptFor { what: None, .. } => Some("room"),
            Wait::Slots { .. } => Some("places"),
            Wait::Pressure { .. } => Some("host"),
            _ => None,
        }
    }
}

/// What a look at a run's chances takes into account.
pub(crate) struct Sight<'a> {
    pub state: &'a State,
    pub now: Time,
    pub settings: &'a Settings,
    pub verdict: Verdict,
    pub taken: Taken,
}

/// Since when a run waits.
pub(crate) fn ready(run: &Run) -> Time {
    run.queued.max(run.not_before)
}

impl Sight<'_> {
    /// The first thing that keeps the run back: what people decided, then what it needs, then what
    /// the host has.
    pub fn wait(&self, run: &Run, agent: &Agent) -> Option<Wait> {
        self.held(run, agent)
            .or_else(|| dependency(self.state, run, agent))
            .or_else(|| self.pressed(run, agent))
            .or_else(|| self.lock(run, agent))
            .or_else(|| self.room(agent))
    }

    fn held(&self, run: &Run, agent: &Agent) -> Option<Wait> {
        let now = self.now;
        if let Some(emergency) = &self.state.emergency {
            return Some(Wait::Emergency { reason: emergency.reason.clone() });
        }
        if self.state.is_stopping() {
            return Some(Wait::DaemonStopping);
        }
        // A person who asks for one run of a stopped agent gets it.
        let asked = run.trigger == Trigger::Manual;
        // So does one who answers what a run of it asked.
        let wanted = asked || is_answered(run);
        match (agent.desired, &agent.breaker) {
            _ if agent.quarantine.is_some() => return Some(Wait::Quarantined),
            (Desired::Stopped, _) if !wanted => return Some(Wait::Stopped),
            (Desired::Paused, _) => return Some(Wait::Paused),
            (_, Breaker::Open { until, .. }) if *until > now && !asked => {
                return Some(Wait::Breaker { until: *until, now });
            }
            _ => {}
        }
        if run.not_before > now {
            return Some(Wait::Time { until: run.not_before, now });
        }
        let before = agent.live.iter().find(|id| self.state.active.contains(id));
        before.map(|run| Wait::RunBefore { run: *run })
    }

    fn pressed(&self, run: &Run, agent: &Agent) -> Option<Wait> {
        let pressure = &self.settings.pressure;
        let Verdict { pressure: verdict, cause } = self.verdict;
        let waits = |until| Some(Wait::Pressure { cause, until, now: self.now });
        let priority = urgency(run, agent);
        match verdict {
            Pressure::Calm => None,
            Pressure::Pressed => {
                let missing = class(Priority::High) - class(priority);
                let until = ready(run).plus(missing.max(0) * pressure.ageing_ms);
                if until <= self.now { None } else { waits(until) }
            }
            Pressure::Severe => {
                let patience =
                    if priority == Priority::Critical { 0 } else { pressure.severe_wait_ms };
                let until = ready(run).plus(patience);
                if until <= self.now && self.taken.runs == 0 { None } else { waits(until) }
            }
        }
    }

    /// The first of its locks that another run holds, or waits for and comes first.
    fn lock(&self, run: &Run, agent: &Agent) -> Option<Wait> {
        let (state, now) = (self.state, self.now);
        let project = state.projects.get(&agent.project)?;
        let own = rank(ready(run), agent.spec.priority, self.settings);
        agent.spec.locks.iter().find_map(|name| {
            let held = project.held_against(name, Mode::Exclusive, None, now);
            if let Some((held, Holder { run, .. })) = held {
                let (name, agent) = (held.into(), agent_of(state, run));
                return Some(Wait::Lock { name, run, agent });
            }
            // Of two that are equal the one that has its place already is done sooner.
            let comes_first = |waiter: &&Waiter| {
                rank_in_queue(state, self.settings, waiter.run, waiter.since).0 <= own
            };
            let mut waiting = project.waiting_for(name, Mode::Exclusive, now);
            let Waiter { name, run, until, .. } = waiting.find(comes_first)?;
            let (name, run, until) = (name.clone(), *run, *until);
            Some(Wait::Queue { name, run, agent: agent_of(state, run), until })
        })
    }

    fn room(&self, agent: &Agent) -> Option<Wait> {
        if self.taken.runs >= self.settings.max_running {
            return Some(Wait::Slots { max: self.settings.max_running });
        }
        let short = self.taken.short_of(demand::of(agent), self.settings.capacity);
        if let Some(of) = short {
            return Some(Wait::Room { of });
        }
        let short = self.taken.over_budget(demand::reserved(agent), self.settings.budget)?;
        let Short { of, wanted, reserved, total } = short;
        Some(Wait::Budget { of, wanted, reserved, total })
    }
}

/// How urgent a run is: someone waits for a first run, one asked for by hand, or the check of what is to
/// be decided.
fn urgency(run: &Run, agent: &Agent) -> Priority {
    match run.trigger {
        Trigger::Manual
        | Trigger::Started
        | Trigger::Proposal { .. }
        | Trigger::Answered { .. } => agent.spec.priority.max(Priority::High),
        _ => agent.spec.priority,
    }
}

/// A priority as a number of classes.
pub(crate) fn class(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Medium => 1,
        Priority::High => 2,
        Priority::Critical => 3,
    }
}

/// Whether a run goes on after one that ended to wait for an approval.
fn is_answered(run: &Run) -> bool {
    matches!(run.trigger, Trigger::Answered { .. })
}

/// The first dependency that is not fulfilled. A run asked for by hand doesn't wait for any, nor does
/// one that goes on after an approval.
pub(crate) fn dependency(state: &State, run: &Run, agent: &Agent) -> Option<Wait> {
    if run.trigger == Trigger::Manual || is_answered(run) {
        return None;
    }
    agent.spec.depends_on.iter().find_map(|name| {
        let why = unfulfilled(state, agent.project, name)?;
        Some(Wait::Dependency { name: name.clone(), why })
    })
}

fn unfulfilled(state: &State, project: ProjectId, name: &AgentName) -> Option<DependencyState> {
    let dependency = state.agent_named(project, name.as_str()).and_then(|id| state.agents.get(&id));
    let Some(dependency) = dependency else { return Some(DependencyState::Unknown) };
    if let Some(run) = dependency.live.last() {
        let running = state.active.contains(run);
        return Some(if running { DependencyState::Running } else { DependencyState::Queued });
    }
    // A run that people stopped or that was lost says nothing about the work.
    let telling = dependency.recent.iter().rev().map(|ended| &ended.outcome).find(|outcome| {
        !matches!(outcome, Outcome::Lost { .. } | Outcome::Refused { .. })
            && (outcome.is_success() || outcome.is_failure())
    });
    match telling {
        Some(outcome) if outcome.is_failure() => Some(DependencyState::Failed),
        _ if dependency.last_success.is_none() => Some(DependencyState::NeverSucceeded),
        _ => None,
    }
}

/// The agent of a run, for people.
fn agent_of(state: &State, run: RunId) -> Option<AgentName> {
    let agent = state.agents.get(&state.runs.get(&run)?.agent)?;
    Some(agent.spec.name.clone())
}

/// How early a wait comes, the lowest first: since when it is, moved back by a fixed length for each
/// class of priority. So a class is worth that much waiting, and no stream of urgent ones can pass an old
/// one for ever.
pub(crate) fn rank(since: Time, priority: Priority, settings: &Settings) -> Time {
    since.plus(-class(priority).saturating_mul(settings.ageing_ms))
}

/// What queued runs of a project have waited so long for that runs at work leave it to them: the locks of
/// those that lack nothing but one of these.
pub fn long_queued(
    state: &State,
    now: Time,
    host: &HostSample,
    settings: &Settings,
    project: ProjectId,
) -> Vec<Waiter> {
    let Some(known) = state.projects.get(&project) else { return Vec::new() };
    let agents = known.agents.values().filter_map(|id| Some((*id, state.agents.get(id)?)));
    let runs = agents.filter(|(_, agent)| !agent.spec.locks.is_empty()).flat_map(|(id, agent)| {
        let queued = state.runs_of(id).filter(|(_, run)| !run.is_active());
        queued.map(move |(id, run)| (id, run, agent))
    });
    let long = |run: &Run| now.since(ready(run)) >= settings.reserve_after_ms;
    let runs: Vec<(RunId, &Run, &Agent)> = runs.filter(|(_, run, _)| long(run)).collect();
    if runs.is_empty() {
        return Vec::new();
    }
    let verdict = host.judge(now, settings, Pressure::Calm);
    let sight = Sight { state, now, settings, verdict, taken: Taken::of(state) };
    let lacks_a_lock = |run: &Run, agent: &Agent| {
        matches!(sight.wait(run, agent), Some(Wait::Lock { .. } | Wait::Queue { .. }))
    };
    let runs = runs.into_iter().filter(|(_, run, agent)| lacks_a_lock(run, agent));
    let locks = runs.flat_map(|(id, run, agent)| {
        let waiter = move |name: &String| Waiter {
            name: name.clone(),
            mode: Mode::Exclusive,
            run: id,
            since: ready(run),
            until: Time(i64::MAX),
        };
        agent.spec.locks.iter().map(waiter)
    });
    locks.collect()
}

/// Who comes first of runs that work and wait for a lease since then: the lowest.
pub fn rank_in_queue(state: &State, settings: &Settings, run: RunId, since: Time) -> (Time, RunId) {
    let agent = state.runs.get(&run).and_then(|run| state.agents.get(&run.agent));
    let priority = agent.map_or(Priority::Low, |agent| agent.spec.priority);
    (rank(since, priority, settings), run)
}
