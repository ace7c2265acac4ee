//! Slots: planning the next one, and settling those whose time has come.

use crate::cache::Timing;
use crate::decide::Round;
use crate::overdue::{self, Haste};
use crate::schedule::Kind;
use alloc::vec::Vec;
use onboard_domain::event::Passed;
use onboard_domain::spec::{Missed, Overlap, Source};
use onboard_domain::state::{Agent, Breaker, Desired, Project, Trigger};
use onboard_domain::{AgentId, Event, KillReason, Time};

/// Events of a turn after which no further agent's slots are settled in it; the turn after goes on.
/// A turn is one entry of the journal, of at most 16 MiB: so each may have over a kilobyte, several
/// times what the longest of them has.
pub(crate) const EVENTS_A_TURN: usize = 10_000;

/// The slots of an agent that are due: usually one, more after a time when nothing could run.
struct Due {
    total: u32,
    /// The newest of them, oldest first: at least one, and one more than may be caught up on.
    newest: Vec<Time>,
    next: Option<Time>,
    /// The stride they were counted by.
    every: u32,
}

/// How a due agent's slots are to be settled.
struct Settling {
    id: AgentId,
    due: Due,
    /// Not yet told with another event.
    next: Option<Time>,
}

impl Round<'_, '_> {
    /// Plans the first slot after now.
    pub fn plan_next(&mut self, id: AgentId) {
        let state = self.turn.state();
        let Some(agent) = state.agents.get(&id) else { return };
        let due = if agent.desired == Desired::Stopped || agent.quarantine.is_some() {
            None
        } else {
            let timing = self.cache.timing(state, self.zones, id, agent);
            match timing.kind() {
                Some(Kind::Continuous) => Some(self.now.plus(self.settings.fallback_ms)),
                _ => stride(timing, self.now, every(agent)),
            }
        };
        if due != agent.due {
            self.turn.record(Event::SlotPlanned { agent: id, due });
        }
    }

    /// The kind of the agent's schedule, if it can be read.
    pub fn kind(&mut self, id: AgentId) -> Option<Kind> {
        let state = self.turn.state();
        let agent = state.agents.get(&id)?;
        self.cache.timing(state, self.zones, id, agent).kind()
    }

    /// Settles the slots that are due, agent by agent; those that are too many for one turn stay due,
    /// which ends the sleep after it at once. While the emergency latch is on, time stands still for the
    /// schedule: its slots are settled as missed when it is lifted.
    pub fn settle_slots(&mut self) {
        if self.state().emergency.is_some() {
            return;
        }
        let due: Vec<(Time, AgentId)> =
            self.state().due.iter().take_while(|(at, _)| *at <= self.now).copied().collect();
        for (at, id) in due {
            if self.state().agents[&id].quarantine.is_some() {
                self.turn.record(Event::SlotPlanned { agent: id, due: None });
            } else if self.kind(id) == Some(Kind::Continuous) {
                self.settle_continuous(id, at);
            } else {
                self.settle(id, at);
            }
            if self.turn.events().len() >= EVENTS_A_TURN {
                return;
            }
        }
    }

    fn settle(&mut self, id: AgentId, at: Time) {
        let due = self.due(id, at);
        let (next, total) = (due.next, due.total);
        let mut settling = Settling { id, due, next };
        if let Some(why) = self.barred(id) {
            self.pass(&mut settling, total, why);
        } else if self.has_changed(id) {
            self.wake_from_idle_at_slot(id);
            self.adapt_to_pressure(id);
            self.plan_again(&mut settling);
            self.run_slots(&mut settling);
        } else {
            self.adapt_idle(id, total);
            self.plan_again(&mut settling);
            self.pass(&mut settling, total, Passed::NothingChanged);
        }
        self.conclude(&settling);
    }

    /// The next slot by the interval as it is now.
    fn plan_again(&mut self, settling: &mut Settling) {
        let state = self.turn.state();
        let agent = &state.agents[&settling.id];
        if every(agent) == settling.due.every {
            return;
        }
        let newest = settling.due.newest.last().copied().unwrap_or(self.now);
        let timing = self.cache.timing(state, self.zones, settling.id, agent);
        let next = match stride(timing, newest, every(agent)) {
            Some(next) if next <= self.now => timing.next_after(self.now),
            next => next,
        };
        (settling.due.next, settling.next) = (next, next);
    }

    /// Tells the next slot, unless an event did.
    fn conclude(&mut self, settling: &Settling) {
        let id = settling.id;
        if settling.next.is_some() || settling.due.next.is_none() {
            self.turn.record(Event::SlotPlanned { agent: id, due: settling.due.next });
        }
    }

    /// Lets the `count` slots pass that come before the newest `run` ones.
    fn pass_before(&mut self, settling: &mut Settling, run: usize, count: u32, why: Passed) {
        if count > 0 {
            let newest = &settling.due.newest;
            let index = newest.len().saturating_sub(run + 1);
            let slot = newest.get(index).copied().unwrap_or(self.now);
            let (agent, next) = (settling.id, settling.next.take());
            self.turn.record(Event::SlotPassed { agent, slot, count, why, next });
        }
    }

    /// Lets the newest `count` slots pass.
    fn pass(&mut self, settling: &mut Settling, count: u32, why: Passed) {
        self.pass_before(settling, 0, count, why);
    }

    fn due(&mut self, id: AgentId, at: Time) -> Due {
        let state = self.turn.state();
        let agent = &state.agents[&id];
        let timing = self.cache.timing(state, self.zones, id, agent);
        let every = every(agent);
        match stride(timing, at, every) {
            Some(next) if next <= self.now => {
                several(timing, at, self.now, every, self.settings.catch_up_max)
            }
            next => Due { total: 1, newest: alloc::vec![at], next, every },
        }
    }

    fn barred(&self, id: AgentId) -> Option<Passed> {
        let agent = &self.state().agents[&id];
        match agent.breaker {
            _ if agent.desired == Desired::Paused => Some(Passed::Paused),
            Breaker::Open { until, .. } if until > self.now => Some(Passed::BreakerOpen),
            // The run that asked goes on later: it is not over.
            _ if self.state().waits_for_approval(id) => Some(Passed::Overlap),
            _ => None,
        }
    }

    /// Whether anything that the agent reads changed since it last ended well.
    fn has_changed(&self, id: AgentId) -> bool {
        let state = self.state();
        let agent = &state.agents[&id];
        state.projects.get(&agent.project).is_none_or(|project| has_changed(agent, project))
    }

    /// Runs due slots by the agent's policies for missed and overlapping ones.
    fn run_slots(&mut self, settling: &mut Settling) {
        let newest = *settling.due.newest.last().unwrap_or(&self.now);
        let on_time = self.now.since(newest) <= self.settings.missed_after_ms;
        let missed = settling.due.total - u32::from(on_time);
        if missed == 0 {
            return self.run_slot(settling, newest, Trigger::Schedule);
        }
        match self.state().agents[&settling.id].spec.missed {
            Missed::Skip => {
                self.pass_before(settling, usize::from(on_time), missed, Passed::Missed);
                if on_time {
                    self.run_slot(settling, newest, Trigger::Schedule);
                }
            }
            Missed::RunOnce if on_time => {
                self.pass_before(settling, 1, missed, Passed::Missed);
                self.run_slot(settling, newest, Trigger::CatchUp { missed });
            }
            Missed::RunOnce => self.catch_up_once(settling, newest, missed),
            Missed::RunAll { cap } => self.catch_up(settling, cap, on_time),
        }
    }

    /// One run for all missed slots; a run that waits already does as well.
    fn catch_up_once(&mut self, settling: &mut Settling, newest: Time, missed: u32) {
        if self.queued_run(settling.id).is_some() {
            return self.pass(settling, missed, Passed::Missed);
        }
        self.pass_before(settling, 1, missed - 1, Passed::Missed);
        self.run_slot(settling, newest, Trigger::CatchUp { missed });
    }

    /// A run for each of the newest slots, as many as may wait.
    fn catch_up(&mut self, settling: &mut Settling, cap: u32, on_time: bool) {
        let id = settling.id;
        let waiting = self.state().runs_of(id).filter(|(_, run)| !run.is_active()).count();
        let room = (cap.min(self.settings.catch_up_max) as usize).saturating_sub(waiting);
        let newest = &settling.due.newest;
        let wanted: Vec<Time> = newest[newest.len() - room.min(newest.len())..].to_vec();
        let left = settling.due.total - wanted.len() as u32;
        self.pass_before(settling, wanted.len(), left, Passed::Missed);
        for (index, slot) in wanted.iter().enumerate() {
            let punctual = on_time && index + 1 == wanted.len();
            let trigger = if punctual { Trigger::Schedule } else { Trigger::CatchUp { missed: 1 } };
            self.queue_slot(settling, *slot, trigger);
        }
    }

    /// Runs one slot, by the agent's policy for a run before it that is not over.
    fn run_slot(&mut self, settling: &mut Settling, slot: Time, trigger: Trigger) {
        let agent = &self.state().agents[&settling.id];
        let (idle, overlap) = (agent.live.is_empty(), agent.spec.overlap);
        let waits = self.queued_run(settling.id).is_some();
        if !idle && (waits || overlap == Overlap::Skip) {
            return self.pass(settling, 1, Passed::Overlap);
        }
        if overlap == Overlap::Replace
            && let Some(active) = self.active_run(settling.id)
        {
            overdue::stop(self.turn, active, KillReason::Replaced, Haste::Grace);
        }
        self.queue_slot(settling, slot, trigger);
    }

    fn queue_slot(&mut self, settling: &mut Settling, slot: Time, trigger: Trigger) {
        let queued = crate::queue::queue(self.turn, settling.id, slot, trigger, 1, self.now);
        if queued.is_none() {
            self.pass(settling, 1, Passed::Missed);
        }
    }

    /// A continuous agent wakes on change. Now and then it looks whether it has dealt with all of
    /// it: a run may have failed, a breaker have been open.
    fn settle_continuous(&mut self, id: AgentId, at: Time) {
        let next = Some(self.now.plus(self.settings.fallback_ms));
        let due = Due { total: 1, newest: alloc::vec![at], next, every: 1 };
        let mut settling = Settling { id, due, next };
        if let Some(why) = self.barred(id) {
            self.pass(&mut settling, 1, why);
        } else if !self.has_changed(id) {
            self.pass(&mut settling, 1, Passed::NothingChanged);
        } else if self.state().agents[&id].live.is_empty() {
            self.queue_slot(&mut settling, at, Trigger::Schedule);
        }
        self.conclude(&settling);
    }
}

/// Whether what the agent reads differs from what its last good run saw. An agent that names
/// nothing always runs, and so does one that never ended well.
pub(crate) fn has_changed(agent: &Agent, project: &Project) -> bool {
    let reads = &agent.spec.reads;
    reads.is_empty()
        || agent.last_success.is_none()
        || reads.iter().any(|source| match source {
            Source::Git => project.git != agent.seen_git,
            Source::Plan => project.plan != agent.seen_plan,
            Source::Inbox => !agent.inbox.is_empty(),
        })
}

/// Of how many of its schedule's times the agent takes one.
pub(crate) fn every(agent: &Agent) -> u32 {
    (agent.interval_permille / onboard_domain::state::AS_WRITTEN).max(1)
}

/// The `every`th time after `after`.
fn stride(timing: &Timing, after: Time, every: u32) -> Option<Time> {
    (0..every).try_fold(after, |at, _| timing.next_after(at))
}

/// All slots from `first` to `now`.
fn several(timing: &Timing, first: Time, now: Time, every: u32, cap: u32) -> Due {
    let wanted = (cap as usize + 2).saturating_mul(every as usize);
    let (times, listed) = timing.between(first.plus(-1), now, wanted);
    let skipped = times - listed.len() as u64;
    let newest: Vec<Time> = listed
        .iter()
        .enumerate()
        .filter(|(index, _)| (skipped + *index as u64).is_multiple_of(u64::from(every)))
        .map(|(_, at)| *at)
        .collect();
    let total = u32::try_from(times.div_ceil(u64::from(every))).unwrap_or(u32::MAX);
    let last = newest.last().copied().unwrap_or(first);
    let next = stride(timing, last, every);
    Due { total: total.max(1), newest, next, every }
}
