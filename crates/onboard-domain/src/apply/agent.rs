//! An agent's life: registered, started, paused, adapted, quarantined, terminated.

use super::{Illegal, illegal};
use crate::event::{Event, Passed};
use crate::ids::{AgentId, ProjectId, Time};
use crate::incident::Conduct;
use crate::spec::AgentSpec;
use crate::state::{AS_WRITTEN, Agent, Breaker, Desired, Noise, State, Totals};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

pub(super) fn apply(state: &mut State, event: &Event) -> Result<(), Illegal> {
    match event {
        Event::AgentRegistered { agent, project, spec } => register(state, *agent, *project, spec),
        Event::AgentConfigured { agent, spec } => configure(state, *agent, spec),
        Event::AgentTerminated { agent } => terminate(state, *agent),
        Event::SlotPlanned { agent, due } => plan(state, *agent, *due),
        Event::SlotPassed { agent, count, why, next, .. } => {
            pass(state, *agent, *count, why, *next)
        }
        Event::AgentStarted { agent } => desire(state, *agent, Desired::Started),
        Event::AgentResumed { agent } => desire(state, *agent, Desired::Started),
        Event::AgentPaused { agent } => desire(state, *agent, Desired::Paused),
        Event::AgentStopped { agent } => {
            desire(state, *agent, Desired::Stopped)?;
            plan(state, *agent, None)
        }
        _ => change(state, event),
    }
}

/// Events that change fields of one agent and nothing else.
fn change(state: &mut State, event: &Event) -> Result<(), Illegal> {
    match event {
        Event::AgentQuarantined { agent, why } => {
            state.agent_mut(*agent)?.quarantine = Some(why.clone());
        }
        Event::QuarantineLifted { agent, .. } => {
            let agent = state.agent_mut(*agent)?;
            agent.quarantine = None;
            agent.breaker = Breaker::Closed;
            agent.consecutive_failures = 0;
            agent.interval_permille = AS_WRITTEN;
            agent.interval_why = None;
        }
        Event::BreakerOpened { agent, until, .. } => {
            let agent = state.agent_mut(*agent)?;
            let times = match agent.breaker {
                Breaker::Open { times, .. } => times + 1,
                Breaker::Closed => 1,
            };
            agent.breaker = Breaker::Open { until: *until, times };
        }
        Event::BreakerClosed { agent } => state.agent_mut(*agent)?.breaker = Breaker::Closed,
        Event::IntervalAdapted { agent, permille, why } => {
            let agent = state.agent_mut(*agent)?;
            agent.interval_permille = *permille;
            agent.interval_why = Some(*why);
        }
        Event::CheckpointSaved { agent, name, blob } => {
            state.agent_mut(*agent)?.checkpoints.insert(name.clone(), blob.clone());
        }
        other => illegal!("not an agent's event: {other:?}"),
    }
    Ok(())
}

fn register(
    state: &mut State,
    id: AgentId,
    project: ProjectId,
    spec: &AgentSpec,
) -> Result<(), Illegal> {
    if id.0 != state.next.agent {
        illegal!("agent {id} registered, next is a{}", state.next.agent);
    }
    let since = state.time;
    let known = state.project_mut(project)?.agents.insert(spec.name.clone(), id);
    if known.is_some() {
        illegal!("agent `{}` is registered twice in {project}", spec.name);
    }
    state.next.agent += 1;
    state.agents.insert(id, fresh(project, spec, since));
    Ok(())
}

fn fresh(project: ProjectId, spec: &AgentSpec, since: Time) -> Agent {
    Agent {
        project,
        spec: spec.clone(),
        desired: Desired::Stopped,
        started_before: false,
        deployed: None,
        asked: VecDeque::new(),
        since,
        due: None,
        interval_permille: AS_WRITTEN,
        interval_why: None,
        breaker: Breaker::Closed,
        quarantine: None,
        seen_git: String::new(),
        seen_plan: String::new(),
        last_queued: None,
        last_success: None,
        consecutive_failures: 0,
        idle_slots: 0,
        recent: VecDeque::new(),
        totals: Totals::default(),
        rules: BTreeMap::new(),
        scores: BTreeMap::new(),
        checkpoints: BTreeMap::new(),
        live: Vec::new(),
        inbox: Vec::new(),
        noise: Noise::default(),
        conduct: Conduct::default(),
    }
}

fn configure(state: &mut State, id: AgentId, spec: &AgentSpec) -> Result<(), Illegal> {
    let agent = state.agent_mut(id)?;
    if agent.spec.name != spec.name {
        illegal!("agent {id} can't change its name from `{}` to `{}`", agent.spec.name, spec.name);
    }
    agent.started_before &= agent.spec.hash == spec.hash;
    agent.spec = spec.clone();
    agent.interval_permille = AS_WRITTEN;
    agent.interval_why = None;
    Ok(())
}

fn terminate(state: &mut State, id: AgentId) -> Result<(), Illegal> {
    plan(state, id, None)?;
    let agent = state.agent_mut(id)?;
    if !agent.live.is_empty() {
        illegal!("agent {id} is terminated while runs of it live");
    }
    let (project, name) = (agent.project, agent.spec.name.clone());
    let inbox = core::mem::take(&mut agent.inbox);
    for message in inbox {
        state.messages.remove(&message);
    }
    state.agents.remove(&id);
    state.project_mut(project)?.agents.remove(&name);
    Ok(())
}

fn desire(state: &mut State, id: AgentId, desired: Desired) -> Result<(), Illegal> {
    let now = state.time;
    let agent = state.agent_mut(id)?;
    agent.desired = desired;
    agent.started_before |= desired == Desired::Started;
    agent.since = now;
    Ok(())
}

fn pass(
    state: &mut State,
    id: AgentId,
    count: u32,
    why: &Passed,
    next: Option<Time>,
) -> Result<(), Illegal> {
    let agent = state.agent_mut(id)?;
    match why {
        Passed::NothingChanged => {
            agent.idle_slots = agent.idle_slots.saturating_add(count);
            agent.totals.slots_nothing_changed += u64::from(count);
        }
        Passed::Missed => agent.totals.slots_missed += u64::from(count),
        Passed::Overlap | Passed::Paused | Passed::BreakerOpen => {}
    }
    match next {
        Some(next) => plan(state, id, Some(next)),
        None => Ok(()),
    }
}

fn plan(state: &mut State, id: AgentId, due: Option<Time>) -> Result<(), Illegal> {
    let agent = state.agent_mut(id)?;
    let before = core::mem::replace(&mut agent.due, due);
    if let Some(before) = before {
        state.due.remove(&(before, id));
    }
    if let Some(due) = due {
        state.due.insert((due, id));
    }
    Ok(())
}

impl State {
    pub(crate) fn agent_mut(&mut self, id: AgentId) -> Result<&mut Agent, Illegal> {
        self.agents.get_mut(&id).ok_or_else(|| Illegal(alloc::format!("no agent {id}")))
    }
}
