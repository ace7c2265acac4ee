//! Admission: which of the runs that wait get a place now.
//!
//! Runs go in the order of the time since which they wait, moved back by a fixed length for each
//! class of priority. So a class is worth that much waiting, the order of two runs never changes
//! while they wait, and no stream of new runs can pass an old one for ever. Smaller runs may go
//! past one that lacks room or a lock, until it has waited long; then both are kept free for it.

use crate::decide::Round;
use crate::demand::{self, Taken};
use crate::settings::Settings;
use crate::wait::{Sight, Wait, class, ready};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use onboard_domain::event::LeaseGrant;
use onboard_domain::state::{Agent, Run, bounds};
use onboard_domain::{Effect, Event, Generation, ProjectId, RunId, State, Time};

/// What is kept free for runs that have waited long.
#[derive(Default)]
pub(crate) struct Kept {
    room: Option<RunId>,
    locks: BTreeMap<(ProjectId, String), RunId>,
}

impl Kept {
    /// What of the agent's needs is kept free for another run.
    pub fn from(&self, agent: &Agent) -> Option<Wait> {
        if let Some(run) = self.room {
            return Some(Wait::KeptFor { run, what: None });
        }
        agent.spec.locks.iter().find_map(|name| {
            let run = *self.locks.get(&(agent.project, name.clone()))?;
            Some(Wait::KeptFor { run, what: Some(name.clone()) })
        })
    }

    /// Notes what a run that may not go yet has earned.
    pub fn keep(&mut self, id: RunId, agent: &Agent, wait: &Wait) {
        if matches!(wait, Wait::Room { .. }) {
            self.room = Some(id);
        }
        for name in &agent.spec.locks {
            self.locks.entry((agent.project, name.clone())).or_insert(id);
        }
    }
}

/// The runs whose time has come, in the order in which they get places.
pub(crate) fn in_order(state: &State, now: Time, settings: &Settings) -> Vec<RunId> {
    let mut order: Vec<(Time, RunId)> = state
        .queued
        .iter()
        .take_while(|(at, _)| *at <= now)
        .filter_map(|(_, id)| Some((rank(&state.runs[id], state, settings)?, *id)))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, id)| id).collect()
}

fn rank(run: &Run, state: &State, settings: &Settings) -> Option<Time> {
    let priority = state.agents.get(&run.agent)?.spec.priority;
    Some(ready(run).plus(-class(priority).saturating_mul(settings.ageing_ms)))
}

impl Round<'_, '_> {
    /// Places what may go. Returns when time alone may let another run go.
    pub fn admit(&mut self) -> Option<Time> {
        let state = self.state();
        let halted = state.emergency.is_some() || state.is_stopping();
        if halted || state.queued.first().is_none_or(|(at, _)| *at > self.now) {
            return None;
        }
        let mut taken = Taken::of(state);
        if taken.runs >= self.settings.max_running {
            // Ranking those that wait would be for nothing: the end of a run comes first.
            return None;
        }
        let mut kept = Kept::default();
        let mut wake: Option<Time> = None;
        for id in in_order(state, self.now, self.settings) {
            if taken.runs >= self.settings.max_running {
                // The end of a run is what comes next, and that is an input.
                return wake;
            }
            match self.wait_of(id, taken, &kept) {
                None => self.place(id, &mut taken),
                Some(wait) => {
                    let run = &self.state().runs[&id];
                    let again = wait.until(self.settings, run);
                    wake = [wake, again].into_iter().flatten().min();
                    let waited = self.now.since(ready(run));
                    if wait.may_be_kept() && waited >= self.settings.reserve_after_ms {
                        kept.keep(id, &self.state().agents[&run.agent], &wait);
                    }
                }
            }
        }
        wake
    }

    fn wait_of(&self, id: RunId, taken: Taken, kept: &Kept) -> Option<Wait> {
        let state = self.state();
        let run = &state.runs[&id];
        let agent = &state.agents[&run.agent];
        let (now, settings, verdict) = (self.now, self.settings, self.cache.verdict);
        let sight = Sight { state, now, settings, verdict, taken };
        sight.wait(run, agent).or_else(|| kept.from(agent))
    }

    /// Gives a run its place and all its leases at once.
    fn place(&mut self, id: RunId, taken: &mut Taken) {
        let state = self.state();
        let run = &state.runs[&id];
        let agent = &state.agents[&run.agent];
        let demand = demand::of(agent);
        let generation = Generation(run.generation.0 + 1);
        let names: BTreeSet<&String> = agent.spec.locks.iter().collect();
        let leases = names
            .into_iter()
            .take(bounds::LEASES_PER_RUN)
            .zip(state.next.lease_token..)
            .map(|(name, token)| LeaseGrant { name: name.clone(), token })
            .collect();
        let deadline_ms = agent.spec.limits.deadline_ms.unwrap_or(self.settings.deadline_ms);
        self.turn.record(Event::RunPlaced { run: id, generation, leases, deadline_ms });
        self.turn.effect(Effect::Launch { run: id, generation });
        taken.add(demand);
    }
}
