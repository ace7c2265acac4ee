//! Admission: which of the runs that wait get a place now.
//!
//! Runs go in the order of the time since which they wait, moved back by a fixed length for each
//! class of priority. So a class is worth that much waiting, the order of two runs never changes
//! while they wait, and no stream of new runs can pass an old one for ever. Smaller runs may go
//! past one that lacks room or a lock, until it has waited long; then both are kept free for it.

use crate::decide::Round;
use crate::demand::Taken;
use crate::host::Pressure;
use crate::settings::Settings;
use crate::wait::{Sight, Wait, rank, ready};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Included};
use onboard_domain::event::LeaseGrant;
use onboard_domain::lease::{FILE, overlap};
use onboard_domain::state::{Agent, Run, bounds};
use onboard_domain::{Effect, Event, Generation, ProjectId, RunId, State, Time};

/// What is kept free for runs that have waited long.
#[derive(Default)]
pub(crate) struct Kept {
    room: Option<RunId>,
    locks: BTreeMap<ProjectId, BTreeMap<String, RunId>>,
}

impl Kept {
    /// What of the agent's needs is kept free for another run.
    pub fn from(&self, agent: &Agent) -> Option<Wait> {
        if let Some(run) = self.room {
            return Some(Wait::KeptFor { run, what: None });
        }
        agent.spec.locks.iter().find_map(|name| {
            let (what, run) = self.lock(agent.project, name)?;
            Some(Wait::KeptFor { run, what: Some(what.clone()) })
        })
    }

    /// What is kept that overlaps a name.
    fn lock(&self, project: ProjectId, name: &str) -> Option<(&String, RunId)> {
        let kept = self.locks.get(&project)?;
        if !name.starts_with(FILE) {
            return kept.get_key_value(name).map(|(name, run)| (name, *run));
        }
        let mut kept = kept.iter();
        kept.find(|(what, _)| overlap(what, name)).map(|(what, run)| (what, *run))
    }

    /// Notes what a run that may not go yet has earned.
    pub fn keep(&mut self, id: RunId, agent: &Agent, wait: &Wait) {
        if matches!(wait, Wait::Room { .. } | Wait::Budget { .. }) {
            self.room = Some(id);
        }
        let kept = self.locks.entry(agent.project).or_default();
        for name in &agent.spec.locks {
            kept.entry(name.clone()).or_insert(id);
        }
    }
}

/// A run whose time has come, with what decides about it at hand.
struct Candidate<'s> {
    id: RunId,
    run: &'s Run,
    agent: &'s Agent,
}

/// The runs whose time has come, in the order in which they get places.
pub(crate) fn in_order(state: &State, now: Time, settings: &Settings) -> Vec<RunId> {
    candidates(state, now, settings).into_iter().map(|candidate| candidate.id).collect()
}

fn candidates<'s>(state: &'s State, now: Time, settings: &Settings) -> Vec<Candidate<'s>> {
    let mut order: Vec<(Time, Candidate<'_>)> = state
        .queued
        .iter()
        .take_while(|(at, _)| *at <= now)
        .filter_map(|(_, id)| {
            let run = &state.runs[id];
            let agent = state.agents.get(&run.agent)?;
            let rank = rank(ready(run), agent.spec.priority, settings);
            Some((rank, Candidate { id: *id, run, agent }))
        })
        .collect();
    order.sort_unstable_by_key(|(rank, candidate)| (*rank, candidate.id));
    order.into_iter().map(|(_, candidate)| candidate).collect()
}

/// What the look at one run after another comes to.
struct Look {
    taken: Taken,
    kept: Kept,
    ends: Ends,
}

/// When a look is worth repeating although nothing happened.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    /// When time alone may let another run go.
    at: Option<Time>,
    /// Whether a run waits for the host, which is looked at now and then.
    by_host: bool,
}

impl Ends {
    fn wake(self, now: Time, settings: &Settings) -> Option<Time> {
        let again = self.by_host.then(|| now.plus(settings.pressure.again_ms));
        [self.at, again].into_iter().flatten().min()
    }
}

/// The end of a look that let nothing more go. As long as it holds, another would end the same.
#[derive(Debug)]
pub(crate) struct Standing {
    at: Time,
    pressure: Pressure,
    ends: Ends,
    queued: usize,
    active: usize,
}

impl Standing {
    /// Whether time has let no run go and brought none since. What events may have done is another
    /// question: see [`lets_go`].
    fn holds(&self, state: &State, now: Time, pressure: Pressure) -> bool {
        let since = (Excluded((self.at, RunId(u64::MAX))), Included((now, RunId(u64::MAX))));
        self.pressure == pressure
            && self.at <= now
            && self.ends.at.is_none_or(|end| now < end)
            && (self.queued, self.active) == (state.queued.len(), state.active.len())
            && (self.at == now || state.queued.range(since).next().is_none())
    }
}

/// Whether a run that had to wait may go after this event. What is not listed may do so.
fn lets_go(event: &Event) -> bool {
    !matches!(
        event,
        Event::RunStarted { .. }
            | Event::RunStopping { .. }
            | Event::RunFinished { .. }
            | Event::SlotPlanned { .. }
            | Event::SlotPassed { .. }
            | Event::ProjectChanged { .. }
            | Event::CheckpointSaved { .. }
            | Event::EventEmitted { .. }
            | Event::HookReceived { .. }
            | Event::FindingRecorded { .. }
            | Event::FindingSeen { .. }
            | Event::FindingResolved { .. }
            | Event::FindingAccepted { .. }
            | Event::FindingDismissed { .. }
            | Event::FindingSnoozed { .. }
            | Event::RuleForgotten { .. }
            | Event::ForecastMade { .. }
            | Event::ForecastSettled { .. }
            | Event::MessageSent { .. }
            | Event::MessageDelivered { .. }
            | Event::MessageAcked { .. }
            | Event::MessageDied { .. }
            | Event::StatePut { .. }
            | Event::LeaseTaken { .. }
            | Event::CommandRefused { .. }
            | Event::PolicyAdopted { .. }
            | Event::PolicyRefused { .. }
    )
}

impl Round<'_, '_> {
    /// Places what may go. Returns when time alone may let another run go.
    pub fn admit(&mut self) -> Option<Time> {
        let (state, pressure) = (self.turn.state(), self.cache.verdict.pressure);
        let standing = self.cache.standing.take();
        let halted = state.emergency.is_some() || state.is_stopping();
        if halted || state.queued.first().is_none_or(|(at, _)| *at > self.now) {
            return None;
        }
        if state.active.len() >= self.settings.max_running as usize {
            // Ranking those that wait would be for nothing: the end of a run comes first.
            return None;
        }
        if let Some(standing) = standing
            && standing.holds(state, self.now, pressure)
            && !self.turn.events().iter().any(lets_go)
        {
            let ends = standing.ends;
            self.cache.standing = Some(standing);
            return ends.wake(self.now, self.settings);
        }
        let ends = self.look(Taken::of(state));
        let state = self.turn.state();
        let (queued, active) = (state.queued.len(), state.active.len());
        self.cache.standing = Some(Standing { at: self.now, pressure, ends, queued, active });
        ends.wake(self.now, self.settings)
    }

    fn look(&mut self, taken: Taken) -> Ends {
        let mut look = Look { taken, kept: Kept::default(), ends: Ends::default() };
        for id in self.pass_over(&mut look) {
            if look.taken.runs >= self.settings.max_running {
                // The end of a run is what comes next, and that is an input.
                break;
            }
            let state = self.turn.state();
            let run = &state.runs[&id];
            let candidate = Candidate { id, run, agent: &state.agents[&run.agent] };
            if !self.must_wait(&candidate, &mut look) {
                self.place(id, &mut look.taken);
            }
        }
        look.ends
    }

    /// Looks at the runs up to the first that may go; returns that one and those after it. Placing
    /// changes the state, so from there on each is looked up anew; mostly there is none.
    fn pass_over(&self, look: &mut Look) -> Vec<RunId> {
        let mut candidates = candidates(self.turn.state(), self.now, self.settings).into_iter();
        let first = candidates.find(|candidate| !self.must_wait(candidate, look));
        first.into_iter().chain(candidates).map(|candidate| candidate.id).collect()
    }

    /// Whether the run has to wait, noting what for.
    fn must_wait(&self, candidate: &Candidate<'_>, look: &mut Look) -> bool {
        let Candidate { id, run, agent } = *candidate;
        let Some(wait) = self.wait_of(candidate, look) else { return false };
        let until = wait.until(self.settings, run);
        look.ends.at = [look.ends.at, until].into_iter().flatten().min();
        look.ends.by_host |= matches!(wait, Wait::Pressure { .. });
        let waited = self.now.since(ready(run));
        if wait.may_be_kept() && waited >= self.settings.reserve_after_ms {
            look.kept.keep(id, agent, &wait);
        }
        true
    }

    fn wait_of(&self, candidate: &Candidate<'_>, look: &Look) -> Option<Wait> {
        let (state, now, settings) = (self.turn.state(), self.now, self.settings);
        let sight = Sight { state, now, settings, verdict: self.cache.verdict, taken: look.taken };
        let Candidate { run, agent, .. } = *candidate;
        sight.wait(run, agent).or_else(|| look.kept.from(agent))
    }

    /// Gives a run its place and all its leases at once.
    fn place(&mut self, id: RunId, taken: &mut Taken) {
        let state = self.state();
        let run = &state.runs[&id];
        let agent = &state.agents[&run.agent];
        taken.add(agent);
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
    }
}
