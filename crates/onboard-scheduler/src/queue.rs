//! Putting runs into the queue, at most one per agent for all that triggers it.

use crate::decide::Round;
use onboard_domain::state::{Breaker, Desired, Trigger, bounds};
use onboard_domain::{AgentId, Event, RunId, Time, Turn};

/// Queues a run; `None` when no more runs are taken.
pub(crate) fn queue(
    turn: &mut Turn<'_>,
    agent: AgentId,
    slot: Time,
    trigger: Trigger,
    attempt: u32,
    not_before: Time,
) -> Option<RunId> {
    let state = turn.state();
    if state.runs.len() >= bounds::RUNS || !state.agents.contains_key(&agent) {
        return None;
    }
    let run = RunId(state.next.run);
    turn.record(Event::RunQueued { run, agent, slot, trigger, attempt, not_before });
    Some(run)
}

impl Round<'_, '_> {
    /// The agent's queued run, the oldest if there are several.
    pub fn queued_run(&self, agent: AgentId) -> Option<RunId> {
        self.state().runs_of(agent).find(|(_, run)| !run.is_active()).map(|(id, _)| id)
    }

    /// The agent's run that has, or may have, a process.
    pub fn active_run(&self, agent: AgentId) -> Option<RunId> {
        self.state().runs_of(agent).find(|(_, run)| run.is_active()).map(|(id, _)| id)
    }

    /// Queues a run because something happened. What comes before it starts is covered by it; an
    /// open breaker delays it, since what happened would else be forgotten.
    pub fn trigger(&mut self, id: AgentId, trigger: Trigger) {
        let Some(agent) = self.state().agents.get(&id) else { return };
        if agent.desired == Desired::Stopped
            || agent.quarantine.is_some()
            || self.queued_run(id).is_some()
        {
            return;
        }
        let settled = self.now.plus(self.settings.settle_ms);
        let spaced = agent.last_queued.map_or(settled, |at| at.plus(self.settings.spacing_ms));
        let breaker = match agent.breaker {
            Breaker::Open { until, .. } => until,
            Breaker::Closed => settled,
        };
        let not_before = settled.max(spaced).max(breaker);
        queue(self.turn, id, self.now, trigger, 1, not_before);
    }
}
