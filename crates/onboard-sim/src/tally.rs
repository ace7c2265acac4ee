//! Counts of what happened, from the events alone.

use onboard_domain::council::{self, Subject};
use onboard_domain::event::{Adaptation, Passed};
use onboard_domain::incident::Fact;
use onboard_domain::state::Trigger;
use onboard_domain::{Batch, Event, IncidentId, RunId, State, Time};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Counts by a stable word.
pub type Counts = BTreeMap<&'static str, u64>;

/// What happened so far.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    pub events: u64,
    pub batches: u64,
    pub queued: Counts,
    pub runs: Counts,
    /// Slots that led to no run.
    pub passed: Counts,
    pub adapted: Counts,
    pub commands_refused: u64,
    pub breakers_opened: u64,
    pub quarantined: u64,
    pub findings: u64,
    pub messages: u64,
    pub messages_dead: u64,
    pub leases: u64,
    pub daemon_starts: u64,
    pub emergencies: u64,
    /// What agents tried and were refused, by rule; what followed; people who were asked for.
    pub violations: Counts,
    pub escalations: Counts,
    pub people_asked: u64,
    pub incidents_opened: u64,
    pub incidents_closed: u64,
    /// What became of what was put before the council, and how often agents asked it.
    pub motions: Counts,
    pub approvals_asked: u64,
    /// Most runs that waited or ran at a time.
    pub runs_peak: u64,
    /// Time that places were taken, over all runs.
    pub placed_ms: u64,
    pub cpu_ms: u64,
    /// From due to placed.
    #[serde(skip)]
    pub lateness: Histogram,
    #[serde(skip)]
    incidents: BTreeSet<IncidentId>,
    #[serde(skip)]
    live: BTreeMap<RunId, Live>,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    due: Time,
    placed: Option<Time>,
}

impl Tally {
    /// Counts a batch that folded to `state`.
    pub fn count(&mut self, batch: &Batch, state: &State) {
        self.batches += 1;
        self.events += batch.events.len() as u64;
        for event in &batch.events {
            self.count_event(event, batch.time);
        }
        self.runs_peak = self.runs_peak.max(state.runs.len() as u64);
    }

    fn count_event(&mut self, event: &Event, now: Time) {
        match event {
            Event::RunQueued { run, slot, trigger, not_before, .. } => {
                *self.queued.entry(trigger_word(trigger)).or_default() += 1;
                let due = if *trigger == Trigger::Schedule { *slot } else { *not_before };
                self.live.insert(*run, Live { due, placed: None });
            }
            Event::RunPlaced { run, .. } => {
                if let Some(live) = self.live.get_mut(run) {
                    live.placed = Some(now);
                    self.lateness.record(now.since(live.due));
                }
            }
            Event::RunEnded { run, outcome, usage } => {
                *self.runs.entry(outcome.word()).or_default() += 1;
                self.cpu_ms += usage.cpu_ms;
                let placed = self.live.remove(run).and_then(|live| live.placed);
                self.placed_ms += placed.map_or(0, |at| u64::try_from(now.since(at)).unwrap_or(0));
            }
            Event::SlotPassed { count, why, .. } => {
                *self.passed.entry(passed_word(why)).or_default() += u64::from(*count);
            }
            Event::IntervalAdapted { why, .. } => {
                *self.adapted.entry(adaptation_word(*why)).or_default() += 1;
            }
            Event::CommandRefused { .. } => self.commands_refused += 1,
            Event::BreakerOpened { .. } => self.breakers_opened += 1,
            Event::AgentQuarantined { .. } => self.quarantined += 1,
            Event::FindingRecorded { .. } => self.findings += 1,
            Event::MessageSent { .. } => self.messages += 1,
            Event::MessageDied { .. } => self.messages_dead += 1,
            Event::LeaseTaken { .. } => self.leases += 1,
            Event::DaemonStarted { .. } => self.daemon_starts += 1,
            Event::EmergencyDeclared { .. } => self.emergencies += 1,
            Event::ViolationRecorded { violation, .. } => {
                *self.violations.entry(violation.rule.word()).or_default() += 1;
            }
            Event::PersonAsked { .. } => self.people_asked += 1,
            Event::Incident { incident, fact } => self.count_incident(*incident, fact),
            Event::Motion { fact, .. } => self.count_motion(fact),
            _ => {}
        }
    }

    fn count_incident(&mut self, incident: IncidentId, fact: &Fact) {
        match fact {
            Fact::Escalated { consequence, .. } => {
                *self.escalations.entry(consequence.word()).or_default() += 1;
                self.incidents_opened += u64::from(self.incidents.insert(incident));
            }
            Fact::Closed { .. } => self.incidents_closed += 1,
            Fact::Noted { .. } => {}
        }
    }

    fn count_motion(&mut self, fact: &council::Fact) {
        let word = match fact {
            council::Fact::Opened { subject, .. } => {
                self.approvals_asked += u64::from(matches!(**subject, Subject::Act { .. }));
                "put"
            }
            council::Fact::Repeated { .. } | council::Fact::Voted { .. } => return,
            council::Fact::Decided { carried: true, .. } => "carried",
            council::Fact::Decided { carried: false, .. } => "rejected",
            council::Fact::Expired => "expired",
            council::Fact::Withdrawn { .. } => "withdrawn",
            council::Fact::Executed => "executed",
        };
        *self.motions.entry(word).or_default() += 1;
    }

    /// How many runs ended, whatever way.
    pub fn ended(&self) -> u64 {
        self.runs.values().sum()
    }
}

/// A stable word for what caused a run.
pub fn trigger_word(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "schedule",
        Trigger::Started => "started",
        Trigger::Manual => "manual",
        Trigger::Changed => "changed",
        Trigger::Event { .. } => "event",
        Trigger::Message => "message",
        Trigger::Retry { .. } => "retry",
        Trigger::CatchUp { .. } => "catch_up",
        Trigger::Proposal { .. } => "proposal",
        Trigger::Answered { .. } => "answered",
    }
}

/// A stable word for why a slot led to no run.
pub fn passed_word(why: &Passed) -> &'static str {
    match why {
        Passed::NothingChanged => "nothing_changed",
        Passed::Missed => "missed",
        Passed::Overlap => "overlap",
        Passed::Paused => "paused",
        Passed::BreakerOpen => "breaker_open",
    }
}

/// A stable word for why an interval changed.
pub fn adaptation_word(why: Adaptation) -> &'static str {
    match why {
        Adaptation::NothingChanged => "nothing_changed",
        Adaptation::Slow => "slow",
        Adaptation::Failing => "failing",
        Adaptation::Ignored => "ignored",
        Adaptation::Pressed => "pressed",
        Adaptation::Useful => "useful",
    }
}

/// Lengths of time, counted in buckets of at most one percent's width.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    buckets: BTreeMap<u64, u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    /// Counts one length; a negative one as none.
    pub fn record(&mut self, ms: i64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        *self.buckets.entry(floor(ms)).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(ms);
    }

    /// The length that `permille` of all do not exceed, to one percent; 0 when there are none.
    pub fn permille(&self, permille: u64) -> u64 {
        let rank = (self.count * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (ms, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return *ms;
            }
        }
        0
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.max
    }
}

/// The length without what is below a 128th of it.
fn floor(ms: u64) -> u64 {
    let shift = (64 - ms.leading_zeros()).saturating_sub(8);
    ms >> shift << shift
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn percentiles() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.permille(500), histogram.max()), (0, 0));
        for ms in 1..=100 {
            histogram.record(ms);
        }
        histogram.record(-5);
        assert_eq!((histogram.permille(500), histogram.permille(990)), (50, 99));
        histogram.record(1_000_000);
        assert_eq!((histogram.permille(1000), histogram.max()), (999_424, 1_000_000));
    }
}
