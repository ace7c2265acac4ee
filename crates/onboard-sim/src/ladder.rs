//! The ladder of consequences, climbed by a second counter: from the durable events alone it finds
//! what is due, and whether it was drawn, once, and came to pass. Its numbers are the default
//! policy's, written down a second time.

use onboard_domain::incident::{Consequence, FULL_WEIGHT, Fact, Trigger, weight};
use onboard_domain::state::Desired;
use onboard_domain::violation::bounds::PER_RUN;
use onboard_domain::{AgentId, Batch, Event, IncidentId, RunId, State, Time, Violation};
use std::collections::{BTreeMap, BTreeSet};

/// Attempts of one day count together.
const WINDOW_MS: i64 = 86_400_000;

/// From how many attempts of full weight on.
const RUNGS: [(Consequence, usize); 4] = [
    (Consequence::Quarantine, 20),
    (Consequence::Pause, 10),
    (Consequence::Throttle, 5),
    (Consequence::Warn, 1),
];

/// Agents in quarantine at once that stop everything.
const EMERGENCY: usize = 3;

#[derive(Debug, Default)]
struct Climber {
    marks: BTreeMap<Trigger, Vec<Time>>,
    reached: BTreeMap<Trigger, (Consequence, Time)>,
    quarantined: bool,
    incident: Option<IncidentId>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    climbers: BTreeMap<AgentId, Climber>,
    /// What is on record of each run, by what makes two attempts one.
    runs: BTreeMap<RunId, Vec<Violation>>,
    emergency: bool,
    /// Whose conduct led to quarantine, within a batch, and whether that is one too many.
    escalating: Option<AgentId>,
    emergency_due: bool,
}

/// A rule that was broken, and by what.
type Broken = (&'static str, String);

impl Ladder {
    /// Whether the agent is in quarantine.
    pub fn is_quarantined(&self, agent: AgentId) -> bool {
        self.climbers.get(&agent).is_some_and(|climber| climber.quarantined)
    }

    /// Judges a batch that folded to `state`.
    pub fn durable(&mut self, batch: &Batch, state: &State) -> Vec<Broken> {
        let (mut broken, mut touched) = (Vec::new(), BTreeSet::new());
        for event in &batch.events {
            self.event(event, batch, state, &mut touched, &mut broken);
        }
        let since = batch.time.plus(-WINDOW_MS);
        for agent in touched {
            let skipped = self.climbers.get(&agent).into_iter().flat_map(|c| c.skipped(since));
            broken.extend(
                skipped.map(|what| ("no consequence is skipped", format!("{agent}: {what}"))),
            );
        }
        self.escalating = None;
        if std::mem::take(&mut self.emergency_due) && !self.emergency {
            broken.push(("many quarantines stop everything", "no emergency".into()));
        }
        broken
    }

    fn event(
        &mut self,
        event: &Event,
        batch: &Batch,
        state: &State,
        touched: &mut BTreeSet<AgentId>,
        broken: &mut Vec<Broken>,
    ) {
        match event {
            Event::ViolationRecorded { agent, run, violation } => {
                touched.insert(*agent);
                let known = self.runs.entry(*run).or_default();
                if known.iter().any(|same| same.is_like(violation)) {
                    return;
                }
                known.push(Violation::clone(violation));
                if known.len() > PER_RUN {
                    broken.push(("records are bounded", format!("{run} has {}", known.len())));
                }
                if let Some(trigger) = Trigger::of(violation) {
                    let marks = self.climbers.entry(*agent).or_default().marks.entry(trigger);
                    marks.or_default().extend(vec![batch.time; weight(violation.rule)]);
                }
            }
            Event::RunEnded { run, .. } => drop(self.runs.remove(run)),
            Event::AgentTerminated { agent } => drop(self.climbers.remove(agent)),
            Event::AgentQuarantined { agent, .. } => {
                self.climbers.entry(*agent).or_default().quarantined = true;
                let locked = self.climbers.values().filter(|climber| climber.quarantined).count();
                // One that keeps failing is in quarantine too; what calls for more is conduct.
                self.emergency_due |= self.escalating == Some(*agent) && locked >= EMERGENCY;
            }
            Event::QuarantineLifted { agent, .. } => {
                self.climbers.entry(*agent).or_default().quarantined = false;
            }
            Event::EmergencyDeclared { .. } => self.emergency = true,
            Event::EmergencyLifted { .. } => self.emergency = false,
            Event::Incident { incident, fact } => match fact.as_ref() {
                Fact::Escalated { agent, trigger, consequence, .. } => {
                    let is_hard = *consequence == Consequence::Quarantine;
                    self.escalating = is_hard.then_some(*agent);
                    let climber = self.climbers.entry(*agent).or_default();
                    let wrong = climber.climb(*incident, *trigger, *consequence, batch.time);
                    broken.extend(wrong.map(|(rule, what)| (rule, format!("{agent}: {what}"))));
                    if !came_to_pass(*agent, *consequence, batch, state) {
                        broken
                            .push(("consequences come to pass", format!("{agent}: {consequence}")));
                    }
                }
                Fact::Closed { .. } => {
                    let of = self.climbers.values_mut().find(|c| c.incident == Some(*incident));
                    if let Some(climber) = of {
                        climber.incident = None;
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
}

impl Climber {
    /// The consequence that so many marks of a trigger have.
    fn due(&self, trigger: Trigger, since: Time) -> Option<Consequence> {
        let hardest = match trigger {
            Trigger::ResourceLimitExceeded => Consequence::Throttle,
            _ => Consequence::Quarantine,
        };
        let count = self.marks.get(&trigger)?.iter().filter(|at| **at > since).count();
        let rungs = RUNGS.iter().filter(|(consequence, _)| *consequence <= hardest);
        let reached = |(_, from): &&(Consequence, usize)| count >= from * FULL_WEIGHT;
        rungs.into_iter().find(reached).map(|(consequence, _)| *consequence)
    }

    fn drawn(&self, trigger: Trigger, since: Time) -> Option<Consequence> {
        let (consequence, at) = self.reached.get(&trigger)?;
        (*at > since).then_some(*consequence)
    }

    fn skipped(&self, since: Time) -> impl Iterator<Item = String> + '_ {
        self.marks.keys().filter_map(move |trigger| {
            let due = self.due(*trigger, since)?;
            let drawn = self.drawn(*trigger, since);
            (drawn < Some(due)).then(|| format!("{trigger}: {due} is due, drawn is {drawn:?}"))
        })
    }

    fn climb(
        &mut self,
        incident: IncidentId,
        trigger: Trigger,
        consequence: Consequence,
        now: Time,
    ) -> Option<Broken> {
        let since = now.plus(-WINDOW_MS);
        let before = self.drawn(trigger, since);
        self.reached.insert(trigger, (consequence, now));
        let open = *self.incident.get_or_insert(incident);
        if open != incident {
            return Some(("one open incident an agent", format!("{open} and {incident}")));
        }
        // Asking for a person calls one each time, and is bounded by its own count.
        if before.is_some_and(|before| before >= consequence)
            && trigger != Trigger::HumanInterventionRequested
        {
            return Some((
                "a consequence is drawn once",
                format!("{trigger}: {consequence} after {before:?}"),
            ));
        }
        let counted =
            !matches!(trigger, Trigger::HumanInterventionRequested | Trigger::UnexpectedErrorRate);
        if counted && self.due(trigger, since) != Some(consequence) {
            let due = self.due(trigger, since);
            return Some((
                "consequences have their cause",
                format!("{trigger}: {consequence}, due is {due:?}"),
            ));
        }
        None
    }
}

/// Whether what an escalation says was done was done with it.
fn came_to_pass(agent: AgentId, consequence: Consequence, batch: &Batch, state: &State) -> bool {
    let Some(known) = state.agents.get(&agent) else { return true };
    let is_of = |of: &AgentId| *of == agent;
    match consequence {
        Consequence::Warn => true,
        Consequence::Throttle => batch
            .events
            .iter()
            .any(|e| matches!(e, Event::BreakerOpened { agent, .. } if is_of(agent))),
        Consequence::Pause => known.desired != Desired::Started,
        Consequence::Quarantine => known.quarantine.is_some(),
        Consequence::Emergency => state.emergency.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use onboard_domain::FORMAT;
    use onboard_domain::violation::{Rule, Sensor};

    fn tried(count: usize) -> Vec<Event> {
        let one = |at: usize| Event::ViolationRecorded {
            agent: AgentId(0),
            run: RunId(0),
            violation: Box::new(Violation::new(
                Sensor::Mask,
                Rule::ForbiddenPath,
                "open",
                format!("file-{at}").as_bytes(),
            )),
        };
        (0..count).map(one).collect()
    }

    fn escalated(incident: u32, consequence: Consequence) -> Event {
        let fact = Fact::Escalated {
            agent: AgentId(0),
            run: RunId(0),
            trigger: Trigger::ForbiddenActionAttempted,
            consequence,
            why: String::new(),
            evidence: Vec::new(),
        };
        Event::Incident { incident: IncidentId(incident.into()), fact: Box::new(fact) }
    }

    fn check(batches: Vec<Vec<Event>>, expect: Expect) {
        let mut ladder = Ladder::default();
        let mut lines = String::new();
        for (at, events) in batches.into_iter().enumerate() {
            let time = Time(at as i64);
            let batch = Batch { format: FORMAT, time, causes: vec![], events };
            for (rule, what) in ladder.durable(&batch, &State::default()) {
                lines += &format!("{rule}: {what}\n");
            }
        }
        expect.assert_eq(&lines);
    }

    #[test]
    fn each_rung_at_its_time_is_left_alone() {
        let warn = [tried(1), vec![escalated(0, Consequence::Warn)]].concat();
        let more = [tried(20), vec![escalated(0, Consequence::Quarantine)]].concat();
        check(vec![warn, vec![], more], expect![""]);
    }

    #[test]
    fn what_is_skipped_repeated_or_without_cause_is_found() {
        let warn = || vec![escalated(0, Consequence::Warn)];
        let other = vec![escalated(1, Consequence::Quarantine)];
        check(
            vec![tried(5), warn(), warn(), other],
            expect![[r#"
                no consequence is skipped: a0: forbidden_action_attempted: throttle is due, drawn is None
                consequences have their cause: a0: forbidden_action_attempted: warn, due is Some(Throttle)
                a consequence is drawn once: a0: forbidden_action_attempted: warn after Some(Warn)
                one open incident an agent: a0: i0 and i1
            "#]],
        );
    }

    #[test]
    fn more_records_than_a_run_may_have_are_found() {
        check(
            vec![[tried(101), vec![escalated(0, Consequence::Quarantine)]].concat()],
            expect![[r#"
                records are bounded: r0 has 101
            "#]],
        );
    }
}
