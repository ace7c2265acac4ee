//! What runs tried, counted with their agent, and the incidents that came of it.

use super::{Illegal, illegal};
use crate::ids::{AgentId, IncidentId, RunId, Time};
use crate::incident::{Conduct, Fact, Incident, Moment, Reached, Seen, Trigger, bounds, weight};
use crate::state::State;
use crate::violation::{self, Violation};
use alloc::collections::VecDeque;

pub(super) fn violation(
    state: &mut State,
    agent: AgentId,
    run: RunId,
    violation: &Violation,
) -> Result<(), Illegal> {
    let now = state.time;
    let totals = &mut state.agent_mut(agent)?.totals;
    totals.violations = totals.violations.saturating_add(violation.count);
    let known = &mut state.run_mut(run)?.violations;
    if let Some(same) = known.iter_mut().find(|same| same.is_like(violation)) {
        same.count = same.count.saturating_add(violation.count);
        return again(&mut state.agent_mut(agent)?.conduct, run, violation);
    }
    if known.len() >= violation::bounds::PER_RUN {
        illegal!("{run} has {} violations, no more are kept", known.len());
    }
    known.push(violation.clone());
    let conduct = &mut state.agent_mut(agent)?.conduct;
    *conduct.totals.entry(violation.rule).or_default() += 1;
    if let Some(trigger) = Trigger::of(violation) {
        (0..weight(violation.rule)).for_each(|_| conduct.mark(trigger, now));
    }
    if conduct.recent.len() >= bounds::RECENT {
        conduct.recent.pop_front();
    }
    conduct.recent.push_back(Seen { at: now, run, violation: violation.clone() });
    Ok(())
}

/// The same attempt of the same run is one attempt, however often it was made.
fn again(conduct: &mut Conduct, run: RunId, violation: &Violation) -> Result<(), Illegal> {
    let of_run = |seen: &&mut Seen| seen.run == run && seen.violation.is_like(violation);
    if let Some(seen) = conduct.recent.iter_mut().rev().find(of_run) {
        seen.violation.count = seen.violation.count.saturating_add(violation.count);
    }
    Ok(())
}

pub(super) fn incident(state: &mut State, id: IncidentId, fact: &Fact) -> Result<(), Illegal> {
    let now = state.time;
    if let Fact::Escalated { agent, trigger, consequence, .. } = fact {
        if !state.incidents.contains_key(&id) {
            open(state, id, *agent, fact)?;
        }
        let reached = Reached { consequence: *consequence, at: now };
        let conduct = &mut state.agent_mut(*agent)?.conduct;
        conduct.reached.insert(*trigger, reached);
    }
    let Some(incident) = state.incidents.get_mut(&id) else { illegal!("no incident {id}") };
    match fact {
        Fact::Escalated { consequence, .. } => {
            if !incident.is_open() {
                illegal!("{id} is closed and escalates");
            }
            incident.reached = incident.reached.max(*consequence);
        }
        Fact::Noted { .. } => {}
        Fact::Closed { .. } => {
            if !incident.is_open() {
                illegal!("{id} is closed twice");
            }
            incident.closed = Some(now);
        }
    }
    tell(incident, now, fact);
    Ok(())
}

fn open(state: &mut State, id: IncidentId, agent: AgentId, fact: &Fact) -> Result<(), Illegal> {
    if id.0 != state.next.incident {
        illegal!("incident {id} opened, next is i{}", state.next.incident);
    }
    let Fact::Escalated { consequence, .. } = fact else { illegal!("not a beginning: {fact:?}") };
    if state.open_incident(agent).is_some() {
        illegal!("{agent} has an open incident, and {id} is another");
    }
    state.next.incident += 1;
    let owner = state.agent_mut(agent)?;
    let (project, by) = (owner.project, owner.spec.name.clone());
    let incident = Incident {
        project,
        agent,
        by,
        opened: state.time,
        closed: None,
        reached: *consequence,
        timeline: VecDeque::new(),
        dropped: 0,
    };
    state.incidents.insert(id, incident);
    forget_oldest_closed(state);
    Ok(())
}

/// The beginning and the newest are what people read; between them something may go.
fn tell(incident: &mut Incident, at: Time, fact: &Fact) {
    if incident.timeline.len() >= bounds::TIMELINE {
        incident.timeline.remove(bounds::TIMELINE / 2);
        incident.dropped = incident.dropped.saturating_add(1);
    }
    incident.timeline.push_back(Moment { at, fact: fact.clone() });
}

fn forget_oldest_closed(state: &mut State) {
    if state.incidents.len() <= bounds::KEPT {
        return;
    }
    let closed = state.incidents.iter().find(|(_, incident)| !incident.is_open());
    if let Some(oldest) = closed.map(|(id, _)| *id) {
        state.incidents.remove(&oldest);
    }
}

impl State {
    /// The incident of an agent that somebody still has to look at.
    pub fn open_incident(&self, agent: AgentId) -> Option<(IncidentId, &Incident)> {
        let open = |(_, incident): &(&IncidentId, &Incident)| {
            incident.agent == agent && incident.is_open()
        };
        self.incidents.iter().rev().find(open).map(|(id, incident)| (*id, incident))
    }
}
