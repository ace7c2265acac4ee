//! Intervals that follow what was measured: longer when runs are idle, slow, failing, ignored or
//! the host is pressed; back to the schedule when they are useful and cheap.
//!
//! The interval grows by doubling, so an agent takes every 2nd, 4th or 8th time of its schedule and
//! stays on the schedule's own grid.

use crate::decide::Round;
use crate::host::Pressure;
use crate::settings::AdaptSettings;
use crate::slot::every;
use onboard_domain::event::Adaptation;
use onboard_domain::spec::Priority;
use onboard_domain::state::AS_WRITTEN;
use onboard_domain::state::{Agent, Outcome};
use onboard_domain::{AgentId, Event};

impl Round<'_, '_> {
    /// Slots in which nothing had changed, and `passed` more, make the next ones rarer.
    pub fn adapt_idle(&mut self, id: AgentId, passed: u32) {
        let idle = self.state().agents[&id].idle_slots;
        let step = self.settings.adapt.idle_slots.max(1);
        if idle.saturating_add(passed) / step > idle / step {
            self.lengthen(id, Adaptation::NothingChanged);
        }
    }

    /// Something changed: an agent that slept because nothing did is back on its schedule.
    pub fn wake_from_idle(&mut self, id: AgentId) {
        let agent = &self.state().agents[&id];
        let project = &self.state().projects[&agent.project];
        if crate::slot::has_changed(agent, project) && self.wake_from_idle_at_slot(id) {
            self.plan_next(id);
        }
    }

    /// The same while a slot is being settled, which plans the next one itself.
    pub fn wake_from_idle_at_slot(&mut self, id: AgentId) -> bool {
        let agent = &self.state().agents[&id];
        let idle = agent.interval_permille > AS_WRITTEN
            && agent.interval_why == Some(Adaptation::NothingChanged);
        if idle {
            self.adapt(id, AS_WRITTEN, Adaptation::Useful);
        }
        idle
    }

    /// What can wait is rarer on a host that is short of something.
    pub fn adapt_to_pressure(&mut self, id: AgentId) {
        let agent = &self.state().agents[&id];
        let pressed = self.cache.verdict.pressure >= Pressure::Pressed;
        let for_pressure = agent.interval_why == Some(Adaptation::Pressed);
        if pressed && agent.spec.priority <= Priority::Medium && !for_pressure {
            self.lengthen(id, Adaptation::Pressed);
        } else if !pressed && for_pressure {
            self.shorten(id);
        }
    }

    /// Judges an agent by its runs, once in several.
    pub fn adapt_after(&mut self, id: AgentId) {
        let Some(interval_ms) = self.interval_ms(id) else { return };
        let settings = &self.settings.adapt;
        let agent = &self.state().agents[&id];
        if failing(agent, settings) {
            return self.lengthen(id, Adaptation::Failing);
        }
        if !agent.totals.runs.is_multiple_of(u64::from(settings.runs.max(1))) {
            return;
        }
        let scaled = interval_ms.saturating_mul(i64::from(every(agent)));
        let last_good = agent.recent.back().is_some_and(|ended| ended.outcome.is_success());
        if slow(agent, settings, scaled) {
            self.lengthen(id, Adaptation::Slow);
        } else if dismissed_permille(agent, settings) >= settings.ignored_permille {
            self.lengthen(id, Adaptation::Ignored);
        } else if last_good
            && !slow(agent, settings, scaled / 2 * 7 / 10)
            && dismissed_permille(agent, settings) < settings.heeded_permille
            && agent.interval_why.is_some_and(answered_by_runs)
        {
            self.shorten(id);
        }
    }

    fn lengthen(&mut self, id: AgentId, why: Adaptation) {
        let longest = self.longest_permille(id);
        let agent = &self.state().agents[&id];
        let permille = agent.interval_permille.saturating_mul(2).min(longest);
        if permille > agent.interval_permille {
            self.adapt(id, permille, why);
        }
    }

    fn shorten(&mut self, id: AgentId) {
        let before = self.state().agents[&id].interval_permille;
        let permille = (before / 2).max(AS_WRITTEN);
        if permille < before {
            self.adapt(id, permille, Adaptation::Useful);
        }
    }

    fn adapt(&mut self, agent: AgentId, permille: u32, why: Adaptation) {
        self.turn.record(Event::IntervalAdapted { agent, permille, why });
    }

    /// The bound of the agent's interval: critical agents and those without a clock keep theirs.
    fn longest_permille(&mut self, id: AgentId) -> u32 {
        let Some(interval_ms) = self.interval_ms(id) else { return AS_WRITTEN };
        let settings = &self.settings.adapt;
        if self.state().agents[&id].spec.priority == Priority::Critical {
            return AS_WRITTEN;
        }
        let times = (settings.longest_ms / interval_ms.max(1))
            .min(i64::from(settings.permille_max / AS_WRITTEN))
            .max(1);
        // The largest power of two in it, so that doubling and halving meet.
        AS_WRITTEN << times.ilog2()
    }

    fn interval_ms(&mut self, id: AgentId) -> Option<i64> {
        let state = self.turn.state();
        let agent = state.agents.get(&id)?;
        let timing = self.cache.timing(state, self.zones, id, agent);
        timing.schedule.as_ref()?.nominal_interval_ms()
    }
}

/// Each further row of failures makes the interval longer, until the breaker opens.
fn failing(agent: &Agent, settings: &AdaptSettings) -> bool {
    agent.consecutive_failures > 0
        && agent.consecutive_failures.is_multiple_of(settings.failures.max(1))
        && agent.recent.back().is_some_and(|ended| ended.outcome.is_failure())
}

/// Runs that the mean duration is taken of: recent enough to follow a change in a few runs.
const MEASURED_RUNS: usize = 5;

/// Fewest runs that make a mean.
const MEASURED_LEAST: i64 = 3;

/// Whether the recent runs took more than their part of `interval_ms`.
fn slow(agent: &Agent, settings: &AdaptSettings, interval_ms: i64) -> bool {
    let took = agent.recent.iter().rev().filter_map(|ended| {
        let tells = ended.outcome.is_success() || ended.outcome == Outcome::TimedOut;
        ended.started.filter(|_| tells).map(|started| ended.ended.since(started))
    });
    let (sum, count) = took.take(MEASURED_RUNS).fold((0, 0), |(sum, n), ms| (sum + ms, n + 1));
    let bound = i128::from(interval_ms) * i128::from(settings.slow_permille) / 1000;
    count >= MEASURED_LEAST && i128::from(sum / count) > bound
}

/// The part of the shown findings that people dismissed; 0 while too few were shown to tell.
fn dismissed_permille(agent: &Agent, settings: &AdaptSettings) -> u64 {
    if agent.totals.findings < settings.shown.max(1) {
        return 0;
    }
    agent.totals.dismissed.saturating_mul(1000) / agent.totals.findings
}

/// Whether good runs answer the reason; an idle or pressed agent is helped by other things.
fn answered_by_runs(why: Adaptation) -> bool {
    !matches!(why, Adaptation::NothingChanged | Adaptation::Pressed)
}
