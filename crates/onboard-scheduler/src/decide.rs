//! One round of decisions, and the entry points for the commands that queue runs themselves.

use crate::cache::{ScheduleCache, Zones};
use crate::host::HostSample;
use crate::overdue::Haste;
use crate::settings::Settings;
use onboard_domain::state::{Desired, Trigger};
use onboard_domain::{AgentId, Event, KillReason, RunId, State, Time, Turn};

/// All that a decision looks at, and the turn it writes to.
pub(crate) struct Round<'r, 's> {
    pub turn: &'r mut Turn<'s>,
    pub now: Time,
    pub settings: &'r Settings,
    pub zones: &'r dyn Zones,
    pub cache: &'r mut ScheduleCache,
}

/// Decides everything that is to be decided at `now`: call it once, as the last act of each turn,
/// whose state stands at `now`. Returns when to call again if nothing happens before; `None`: not
/// before something happens.
pub fn decide(
    turn: &mut Turn<'_>,
    now: Time,
    host: &HostSample,
    settings: &Settings,
    zones: &dyn Zones,
    cache: &mut ScheduleCache,
) -> Option<Time> {
    cache.verdict = host.judge(now, settings, cache.verdict.pressure);
    let mut round = Round { turn, now, settings, zones, cache };
    round.end_overdue();
    round.follow_facts();
    round.settle_slots();
    let admission = round.admit();
    let kills = round.ask_kills_again();
    round.next_wake([admission, kills])
}

/// Puts an agent on its schedule and queues its first run; nothing changes for one that is on it.
/// Returns the run that is queued, if any.
pub fn start_agent(
    turn: &mut Turn<'_>,
    now: Time,
    settings: &Settings,
    zones: &dyn Zones,
    cache: &mut ScheduleCache,
    agent: AgentId,
) -> Option<RunId> {
    let again = turn.state().agents.get(&agent)?.desired == Desired::Started;
    if !again {
        turn.record(Event::AgentStarted { agent });
    }
    let mut round = Round { turn, now, settings, zones, cache };
    if !again {
        round.started(agent);
    }
    round.queued_run(agent)
}

/// Plans an agent's next slot from `now` on, as after a change of its schedule.
pub fn plan_next(
    turn: &mut Turn<'_>,
    now: Time,
    settings: &Settings,
    zones: &dyn Zones,
    cache: &mut ScheduleCache,
    agent: AgentId,
) {
    Round { turn, now, settings, zones, cache }.plan_next(agent);
}

/// Queues one run because a person asks, whatever the schedule says. A second request before the
/// run was placed gets the same run. `None` when the bound of runs is reached or there is no such
/// agent.
pub fn run_now(turn: &mut Turn<'_>, now: Time, agent: AgentId) -> Option<RunId> {
    let asked = turn
        .state()
        .runs_of(agent)
        .find(|(_, run)| !run.is_active() && run.trigger == Trigger::Manual)
        .map(|(id, _)| id);
    asked.or_else(|| crate::queue::queue(turn, agent, now, Trigger::Manual, 1, now))
}

/// Ends every run that has a process; its end is awaited.
pub fn stop_active(turn: &mut Turn<'_>, why: KillReason, haste: Haste) {
    for run in turn.state().active.clone() {
        crate::overdue::stop(turn, run, why, haste);
    }
}

/// Queues a run for something that only one run of this agent can do. `None` when the bound of runs is
/// reached or there is no such agent.
pub fn queue_now(turn: &mut Turn<'_>, agent: AgentId, trigger: Trigger) -> Option<RunId> {
    let now = turn.state().time;
    crate::queue::queue(turn, agent, now, trigger, 1, now)
}

/// Ends one run that has a process, in `haste`; its end is awaited.
pub fn stop_run(turn: &mut Turn<'_>, run: RunId, why: KillReason, haste: Haste) {
    crate::overdue::stop(turn, run, why, haste);
}

/// Ends an agent's runs: queued ones at once, those with a process in `haste`; their end is awaited.
pub fn stop_runs(turn: &mut Turn<'_>, agent: AgentId, why: KillReason, haste: Haste) {
    for (run, active) in live_runs(turn.state(), agent) {
        if active {
            crate::overdue::stop(turn, run, why, haste);
        } else {
            crate::overdue::end_queued(turn, run, onboard_domain::state::Outcome::Killed { why });
        }
    }
}

/// The agent's runs that have not ended, and whether each has a process.
pub(crate) fn live_runs(state: &State, agent: AgentId) -> alloc::vec::Vec<(RunId, bool)> {
    state.runs_of(agent).map(|(id, run)| (id, run.is_active())).collect()
}

impl Round<'_, '_> {
    pub fn state(&self) -> &State {
        self.turn.state()
    }

    /// The earliest time at which something is to be done without anything happening before.
    fn next_wake(&self, found: [Option<Time>; 2]) -> Option<Time> {
        let state = self.state();
        let after = (self.now, RunId(u64::MAX));
        let slots = state.due.first().map(|(at, _)| *at);
        let queued = state.queued.range(after..).next().map(|(at, _)| *at);
        let latched = state.emergency.is_some();
        let times = [
            slots.filter(|_| !latched),
            queued.filter(|_| !latched),
            state.deadlines.first().map(|(at, _)| *at),
            state.expiring.first().map(|(at, ..)| *at),
        ];
        let earliest = times.into_iter().chain(found).flatten().min()?;
        // Everything due by now is done; a time not after `now` would only spin.
        Some(earliest.max(self.now.plus(1)))
    }
}
