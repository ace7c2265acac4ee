//! After a run's end: retries, the circuit breaker, quarantine.

use crate::decide::Round;
use crate::schedule::Kind;
use onboard_domain::incident::Consequence;
use onboard_domain::spec::Retry;
use onboard_domain::state::{Agent, Breaker, Desired, EndedRun, Outcome, Trigger};
use onboard_domain::{AgentId, Event, RunId, Time};

impl Round<'_, '_> {
    pub fn judge(&mut self, id: AgentId, ended: &EndedRun) {
        let agent = &self.state().agents[&id];
        let open = agent.breaker != Breaker::Closed;
        if ended.outcome.is_success() {
            if open && !throttled_in(agent, ended) {
                self.turn.record(Event::BreakerClosed { agent: id });
            }
        } else if matches!(ended.trigger, Trigger::Proposal { .. }) {
            // Its own word says what follows, and what is still to be checked is queued anew.
        } else if is_lost(&ended.outcome) {
            self.retry_lost(id, ended);
        } else if ended.outcome.is_failure() {
            let exhausted = agent.consecutive_failures >= self.settings.breaker.failures;
            if open {
                self.open_breaker(id, ended);
            } else if ended.attempt <= agent.spec.retry.attempts {
                self.retry(id, ended, ended.attempt + 1);
            } else if exhausted {
                self.open_breaker(id, ended);
            }
        }
    }

    /// The daemon's death is not the agent's fault: the run is repeated at once, as the same
    /// attempt. If that is lost as well it may be its fault, and counts.
    fn retry_lost(&mut self, id: AgentId, ended: &EndedRun) {
        let agent = &self.state().agents[&id];
        let again = match &ended.trigger {
            Trigger::Retry { of } => was_lost(agent, *of),
            answered @ Trigger::Answered { .. } => {
                let mut before = agent.recent.iter().filter(|other| other.run != ended.run);
                before.any(|other| other.trigger == *answered && is_lost(&other.outcome))
            }
            _ => false,
        };
        if !again {
            let at = self.now;
            self.queue_retry(id, ended, ended.attempt, at);
        } else if ended.attempt <= agent.spec.retry.attempts {
            self.retry(id, ended, ended.attempt + 1);
        }
    }

    fn retry(&mut self, id: AgentId, ended: &EndedRun, attempt: u32) {
        let wait = backoff_ms(&self.state().agents[&id].spec.retry, ended.run, ended.attempt);
        let at = self.now.plus(wait);
        self.queue_retry(id, ended, attempt, at);
    }

    /// A run that is queued already does as well.
    fn queue_retry(&mut self, id: AgentId, ended: &EndedRun, attempt: u32, not_before: Time) {
        let agent = &self.state().agents[&id];
        let is_lost_answer =
            is_lost(&ended.outcome) && matches!(ended.trigger, Trigger::Answered { .. });
        // What people answered is told to an agent that they only ever run by hand, too.
        if agent.desired == Desired::Stopped && !is_lost_answer
            || agent.quarantine.is_some()
            || self.queued_run(id).is_some()
        {
            return;
        }
        let trigger = match is_lost_answer {
            true => ended.trigger.clone(),
            false => Trigger::Retry { of: ended.run },
        };
        crate::queue::queue(self.turn, id, ended.slot, trigger, attempt, not_before);
    }

    /// Opens the breaker, for twice as long as the time before; once too often is quarantine.
    fn open_breaker(&mut self, id: AgentId, ended: &EndedRun) {
        let agent = &self.state().agents[&id];
        let times = match agent.breaker {
            Breaker::Open { times, .. } => times.saturating_add(1),
            Breaker::Closed => 1,
        };
        let failures = agent.consecutive_failures;
        let settings = &self.settings.breaker;
        if times >= settings.quarantine_after {
            let why = alloc::format!(
                "{failures} runs failed in a row, {} trials among them; the last: {}",
                times - 1,
                failure(&ended.outcome)
            );
            self.turn.record(Event::AgentQuarantined { agent: id, why });
            return;
        }
        let open_ms = doubled(settings.open_ms, times - 1).min(settings.open_max_ms);
        // What it was held back for before is not over sooner because it failed as well.
        let held = match agent.breaker {
            Breaker::Open { until, .. } => until,
            Breaker::Closed => self.now,
        };
        let until = self.now.plus(open_ms).max(held);
        let scheduled = agent.due.is_some();
        self.turn.record(Event::BreakerOpened { agent: id, until, failures });
        if scheduled && self.kind(id) == Some(Kind::Continuous) {
            // Its own times are far apart: the trial comes when the breaker lets it.
            self.turn.record(Event::SlotPlanned { agent: id, due: Some(until) });
        }
    }
}

/// Whether the run was throttled for what it tried: that it ended well does not undo it.
fn throttled_in(agent: &Agent, ended: &EndedRun) -> bool {
    let mut reached = agent.conduct.reached.values();
    reached.any(|reached| {
        reached.consequence == Consequence::Throttle && Some(reached.at) >= ended.started
    })
}

fn was_lost(agent: &Agent, run: RunId) -> bool {
    let of = agent.recent.iter().rev().find(|ended| ended.run == run);
    of.is_some_and(|ended| is_lost(&ended.outcome))
}

fn is_lost(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Lost { .. })
}

/// What went wrong, for people.
fn failure(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed { why } => why,
        other => other.word(),
    }
}

/// The wait before the retry after `attempt`: doubling, bounded, and up to a quarter longer by a
/// hash of the run, so that what failed together is not retried together.
fn backoff_ms(retry: &Retry, run: RunId, attempt: u32) -> i64 {
    let wait = doubled(retry.backoff_ms.max(0), attempt.saturating_sub(1));
    let wait = wait.min(retry.backoff_max_ms.max(0));
    let hash = (run.0 ^ u64::from(attempt) << 48).wrapping_add(1).wrapping_mul(GOLDEN);
    let quarter = i128::from(wait / 4);
    let jitter = (quarter * i128::from(hash >> 32)) >> 32;
    wait.saturating_add(jitter as i64)
}

/// 2^64 over the golden ratio: its multiples spread evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn doubled(ms: i64, times: u32) -> i64 {
    // 2^40 ms are 34 years; every use has a bound far below.
    ms.saturating_mul(1 << times.min(40))
}
