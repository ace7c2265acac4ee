//! Why an agent is, or is not, running.

use crate::admit::{Kept, in_order};
use crate::cache::{Timing, Zones};
use crate::demand::Taken;
use crate::host::{HostSample, Pressure};
use crate::settings::Settings;
use crate::slot::{every, has_changed};
use crate::wait::{Length, Sight, Wait, ready};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use onboard_domain::event::Adaptation;
use onboard_domain::state::{Agent, Breaker, Desired, Phase, Run};
use onboard_domain::{AgentId, RunId, State, Time};

/// An agent's state in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateWord {
    /// Started, and waits for something other than a time.
    Idle,
    Scheduled,
    /// A run is queued and goes as soon as its time comes or a place is free.
    Queued,
    Running,
    /// A run is queued and something keeps it back.
    Waiting,
    Paused,
    Stopping,
    Stopped,
    /// Its circuit breaker is open, or its newest run failed.
    Failed,
    Quarantined,
    /// The emergency latch is on: nothing starts.
    Disabled,
}

impl StateWord {
    /// The stable word for people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            StateWord::Idle => "idle",
            StateWord::Scheduled => "scheduled",
            StateWord::Queued => "queued",
            StateWord::Running => "running",
            StateWord::Waiting => "waiting",
            StateWord::Paused => "paused",
            StateWord::Stopping => "stopping",
            StateWord::Stopped => "stopped",
            StateWord::Failed => "failed",
            StateWord::Quarantined => "quarantined",
            StateWord::Disabled => "disabled",
        }
    }
}

impl fmt::Display for StateWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The answer to "why is it not running?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub state: StateWord,
    /// Sentences without a final period, the most telling first.
    pub reasons: Vec<String>,
    /// When a run of it is next expected to be wanted.
    pub next: Option<Time>,
    /// What keeps its queued run back.
    pub waiting_for: Option<Wait>,
}

/// Explains an agent's state at `now`; `None` when there is no such agent.
pub fn explain(
    state: &State,
    now: Time,
    host: &HostSample,
    settings: &Settings,
    zones: &dyn Zones,
    agent: AgentId,
) -> Option<Explanation> {
    let known = state.agents.get(&agent)?;
    let queued = state.runs_of(agent).find(|(_, run)| !run.is_active());
    let active = state.runs_of(agent).find(|(_, run)| run.is_active());
    // What nothing else keeps back is kept back by pressure that was felt and is not yet over.
    let sights = [Pressure::Calm, Pressure::Severe].map(|felt| Sight {
        state,
        now,
        settings,
        verdict: host.judge(now, settings, felt),
        taken: Taken::of(state),
    });
    let waiting_for = queued
        .and_then(|(id, run)| sights.iter().find_map(|sight| what_keeps(sight, id, run, known)));
    let [sight, _] = sights;
    let word = word(&sight, known, active.map(|(_, run)| run), waiting_for.as_ref(), queued);
    let mut reasons = Vec::new();
    if let Some((id, run)) = active {
        reasons.push(activity(id, run, now));
    }
    if let Some((id, run)) = queued {
        reasons.push(match &waiting_for {
            Some(wait) => alloc::format!("{id} waits for {wait}"),
            None => alloc::format!("{id} goes next, queued {} ago", Length(now.since(ready(run)))),
        });
    }
    standing(state, known, now, &mut reasons);
    let timing = Timing::new(state, zones, known);
    schedule(&sight, known, &timing, &mut reasons);
    let next = queued.map(|(_, run)| run.not_before).filter(|at| *at > now);
    let next = next.or_else(|| next_slot(known, &timing));
    Some(Explanation { state: word, reasons, next, waiting_for })
}

/// The runs whose time has come and what keeps each back, in the order in which they get places.
pub fn waiting(
    state: &State,
    now: Time,
    host: &HostSample,
    settings: &Settings,
) -> Vec<(RunId, Wait)> {
    let verdict = host.judge(now, settings, Pressure::Calm);
    let sight = Sight { state, now, settings, verdict, taken: Taken::of(state) };
    let mut kept = Kept::default();
    let mut waiting = Vec::new();
    for id in in_order(state, now, settings) {
        let run = &state.runs[&id];
        let agent = &state.agents[&run.agent];
        let own = sight.wait(run, agent);
        let waited = now.since(ready(run));
        if let Some(wait) = own.as_ref().filter(|wait| wait.may_be_kept())
            && waited >= settings.reserve_after_ms
        {
            kept.keep(id, agent, wait);
        } else if own.is_none()
            && let Some(wait) = kept.from(agent)
        {
            waiting.push((id, wait));
        }
        waiting.extend(own.map(|wait| (id, wait)));
    }
    waiting
}

fn word(
    sight: &Sight<'_>,
    agent: &Agent,
    active: Option<&Run>,
    wait: Option<&Wait>,
    queued: Option<(RunId, &Run)>,
) -> StateWord {
    let newest_failed = agent.recent.back().is_some_and(|ended| ended.outcome.is_failure());
    let open = matches!(agent.breaker, Breaker::Open { until, .. } if until > sight.now);
    match active.map(|run| &run.phase) {
        Some(Phase::Stopping { .. }) => return StateWord::Stopping,
        Some(_) => return StateWord::Running,
        None => {}
    }
    if agent.quarantine.is_some() {
        StateWord::Quarantined
    } else if sight.state.emergency.is_some() {
        StateWord::Disabled
    } else if agent.desired == Desired::Paused {
        StateWord::Paused
    } else if open {
        StateWord::Failed
    } else if queued.is_some() {
        let soon = matches!(wait, None | Some(Wait::Time { .. } | Wait::Slots { .. }));
        if soon { StateWord::Queued } else { StateWord::Waiting }
    } else if agent.desired == Desired::Stopped {
        StateWord::Stopped
    } else if newest_failed {
        StateWord::Failed
    } else if agent.due.is_some() {
        StateWord::Scheduled
    } else {
        StateWord::Idle
    }
}

/// What keeps a run back, runs before it in the order included.
fn what_keeps(sight: &Sight<'_>, id: RunId, run: &Run, agent: &Agent) -> Option<Wait> {
    let own = sight.wait(run, agent);
    if own.is_some() {
        return own;
    }
    let mut kept = Kept::default();
    for before in in_order(sight.state, sight.now, sight.settings) {
        if before == id {
            break;
        }
        let other = &sight.state.runs[&before];
        let owner = &sight.state.agents[&other.agent];
        let waited = sight.now.since(ready(other));
        if waited >= sight.settings.reserve_after_ms
            && let Some(wait) = sight.wait(other, owner)
            && wait.may_be_kept()
        {
            kept.keep(before, owner, &wait);
        }
    }
    kept.from(agent)
}

/// The first slot that will not pass for the breaker.
fn next_slot(agent: &Agent, timing: &Timing) -> Option<Time> {
    match (agent.due, &agent.breaker) {
        (Some(due), Breaker::Open { until, .. }) if due < *until => {
            timing.next_after(until.plus(-1))
        }
        (due, _) => due,
    }
}

fn activity(id: RunId, run: &Run, now: Time) -> String {
    match &run.phase {
        Phase::Placed { at, .. } => {
            alloc::format!("{id} is being started, for {}", Length(now.since(*at)))
        }
        Phase::Stopping { since, kill_at: Some(at), .. } => alloc::format!(
            "{id} was told to end {} ago, and is killed in {}",
            Length(now.since(*since)),
            Length(at.since(now))
        ),
        Phase::Stopping { since, .. } => {
            alloc::format!("{id} was told to die {} ago", Length(now.since(*since)))
        }
        Phase::Running { started, deadline, .. } => alloc::format!(
            "{id} runs since {}, for at most another {}",
            Length(now.since(*started)),
            Length(deadline.since(now))
        ),
        Phase::Queued => alloc::format!("{id} is queued"),
    }
}

/// What people, the breaker or its last run made of the agent.
fn standing(state: &State, agent: &Agent, now: Time, reasons: &mut Vec<String>) {
    if let Some(why) = &agent.quarantine {
        reasons.push(alloc::format!("quarantined: {why}"));
    }
    if let Some(emergency) = &state.emergency {
        reasons.push(alloc::format!(
            "nothing starts, an emergency was declared: {}",
            emergency.reason
        ));
    }
    let since = Length(now.since(agent.since));
    match agent.desired {
        Desired::Stopped => reasons.push("stopped: it is not on its schedule".to_string()),
        Desired::Paused => reasons.push(alloc::format!("paused {since} ago")),
        Desired::Started => {}
    }
    match agent.breaker {
        Breaker::Open { until, .. } if until > now && agent.consecutive_failures == 0 => {
            reasons.push(alloc::format!(
                "held back for another {} after what it tried (`ai_onboard incidents list`)",
                Length(until.since(now))
            ));
        }
        Breaker::Open { until, times } if until > now => reasons.push(alloc::format!(
            "{} runs failed in a row, so its circuit breaker is open for another {}, time {times}",
            agent.consecutive_failures,
            Length(until.since(now))
        )),
        Breaker::Open { .. } => {
            reasons.push("its circuit breaker lets one trial run through".to_string());
        }
        Breaker::Closed => {}
    }
    if let Some(ended) = agent.recent.back().filter(|ended| !ended.outcome.is_success()) {
        let why = match &ended.outcome {
            onboard_domain::state::Outcome::WaitingForApproval { approval } => {
                let ago = Length(now.since(ended.ended));
                reasons.push(alloc::format!(
                    "{} ended {ago} ago to wait for {approval}: ai_onboard approvals show {approval}",
                    ended.run
                ));
                return;
            }
            onboard_domain::state::Outcome::Failed { why }
            | onboard_domain::state::Outcome::Refused { why, .. }
            | onboard_domain::state::Outcome::Lost { why } => alloc::format!(": {why}"),
            _ => String::new(),
        };
        let ago = Length(now.since(ended.ended));
        reasons.push(alloc::format!("{} {} {ago} ago{why}", ended.run, ended.outcome.word()));
    }
}

/// When the schedule next wants a run, and what made its interval what it is.
fn schedule(sight: &Sight<'_>, agent: &Agent, timing: &Timing, reasons: &mut Vec<String>) {
    match &timing.schedule {
        None => {
            reasons.push(alloc::format!("its schedule `{}` can't be read", agent.spec.schedule))
        }
        Some(schedule) if agent.desired != Desired::Stopped => {
            let next = match agent.due {
                Some(due) => alloc::format!(", next in {}", Length(due.since(sight.now))),
                None => String::new(),
            };
            reasons.push(alloc::format!("its schedule: {}{next}", schedule.describe()));
        }
        Some(_) => {}
    }
    if every(agent) > 1 {
        let because = agent.interval_why.map_or("", adaptation);
        let every = every(agent);
        reasons.push(alloc::format!("it takes one in {every} of its schedule's times{because}"));
    }
    let project = sight.state.projects.get(&agent.project);
    if agent.desired == Desired::Started
        && project.is_some_and(|project| !has_changed(agent, project))
    {
        reasons.push("nothing that it reads has changed since its last good run".to_string());
    }
}

fn adaptation(why: Adaptation) -> &'static str {
    match why {
        Adaptation::NothingChanged => ": nothing that it reads changed for long",
        Adaptation::Slow => ": its runs take long",
        Adaptation::Failing => ": its runs fail",
        Adaptation::Ignored => ": most of its findings are dismissed",
        Adaptation::Pressed => ": the host is short of something",
        Adaptation::Useful => ", on its way back to all of them",
    }
}
