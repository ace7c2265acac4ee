//! The council's minutes, kept by a second clerk: from the durable events alone it counts votes again,
//! and finds what was done without them, and runs that kept their place while people thought.

use onboard_domain::council::{Ballot, Fact, Kind, Seat, Subject, Vote, bounds};
use onboard_domain::incident;
use onboard_domain::state::{Outcome, Phase};
use onboard_domain::{Actor, AgentId, Batch, Event, IncidentId, MotionId, RunId, State, Time};
use onboard_policy::Council;
use std::collections::{BTreeMap, BTreeSet};

/// The seats of people, as a quorum counts them.
const PEOPLE: [Seat; 2] = [Seat::UserRepresentative, Seat::SystemAdministrator];

/// A rule that was broken, and by what.
type Broken = (&'static str, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Open,
    Carried { at: Time },
    Over,
}

#[derive(Debug)]
struct Matter {
    subject: Subject,
    expires: Time,
    votes: BTreeMap<Seat, Ballot>,
    stand: Stand,
}

/// What was put, said and decided so far.
#[derive(Debug, Default)]
pub(crate) struct Minutes {
    /// Quorum and vetoes that are not the defaults.
    needed: BTreeMap<Kind, (usize, Vec<Seat>)>,
    matters: BTreeMap<MotionId, Matter>,
    /// Runs that asked, within a batch.
    asking: BTreeMap<RunId, MotionId>,
}

impl Minutes {
    /// From now on this council's votes are needed.
    pub fn expect(&mut self, council: &Council) {
        let needed = |kind: &Kind| {
            let rule = council.rule(*kind);
            (*kind, (rule.quorum as usize, rule.veto))
        };
        self.needed = Kind::ALL.iter().map(needed).collect();
    }

    /// Judges a batch that folded to `state`.
    pub fn durable(&mut self, batch: &Batch, state: &State) -> Vec<Broken> {
        let mut broken = Vec::new();
        let answered = answered_by(batch);
        for event in &batch.events {
            self.event(event, batch.time, &answered, state, &mut broken);
        }
        for (run, motion) in std::mem::take(&mut self.asking) {
            let waits = self.matters.get(&motion).is_some_and(|matter| matter.stand == Stand::Open);
            if waits && keeps_its_place(run, state) {
                let what = format!("{run} waits for {motion} and runs");
                broken.push(("a run that waits holds no place", what));
            }
        }
        broken
    }

    fn event(
        &mut self,
        event: &Event,
        now: Time,
        answered: &BTreeSet<MotionId>,
        state: &State,
        broken: &mut Vec<Broken>,
    ) {
        match event {
            Event::Motion { motion, fact } => {
                let wrong = self.fact(*motion, fact, now);
                broken.extend(wrong.map(|(rule, what)| (rule, format!("{motion} {what}"))));
                if self.is_unheard(*motion, fact, answered, state) {
                    broken.push(("who asked is answered", format!("{motion}: nothing goes on")));
                }
            }
            Event::QuarantineLifted { agent, .. } => self.demand(
                |subject| matches!(subject, Subject::LiftQuarantine { agent: of, .. } if of == agent),
                || format!("quarantine of {agent} lifted"),
                broken,
            ),
            Event::EmergencyLifted { .. } => self.demand(
                |subject| matches!(subject, Subject::LiftEmergency { .. }),
                || "emergency lifted".into(),
                broken,
            ),
            Event::Incident { incident, fact } if is_closing(fact) => self.demand(
                |subject| is_about(subject, *incident),
                || format!("{incident} closed"),
                broken,
            ),
            Event::RunEnded { run, outcome: Outcome::WaitingForApproval { approval }, .. }
                if !self.matters.contains_key(approval) =>
            {
                broken.push(("a run waits for something", format!("{run}: {approval}")));
            }
            _ => {}
        }
    }

    /// What a motion's step breaks.
    fn fact(&mut self, id: MotionId, fact: &Fact, now: Time) -> Option<Broken> {
        if let Fact::Opened { subject, by, expires, .. } = fact {
            if let (Subject::Act { .. }, Actor::Agent { run, .. }) = (subject.as_ref(), by) {
                self.asking.insert(*run, id);
            }
            let matter = Matter {
                subject: Subject::clone(subject),
                expires: *expires,
                votes: BTreeMap::new(),
                stand: Stand::Open,
            };
            let twice = self.matters.insert(id, matter).is_some();
            return twice.then(|| ("a motion is put once", "is put again".into()));
        }
        let matter = self.matters.get_mut(&id)?;
        let before = matter.stand;
        let is_word = matches!(fact, Fact::Voted { .. } | Fact::Decided { .. });
        if is_word && before == Stand::Open && now >= matter.expires {
            let what = format!("at {}, its time was over at {}", now.0, matter.expires.0);
            return Some(("nothing is decided after its time", what));
        }
        let rule = "a motion is decided once, on its votes";
        match fact {
            Fact::Opened { .. } => None,
            Fact::Repeated { run } => {
                self.asking.insert(*run, id);
                None
            }
            Fact::Voted { votes, .. } => {
                matter.votes.extend(votes.iter().map(|vote| (vote.seat, vote.ballot)));
                let by_rules = votes.iter().find(|vote| is_usurped(vote));
                by_rules.map(|vote| ("seats of people are held by people", vote.seat.to_string()))
            }
            Fact::Decided { carried, .. } => {
                matter.stand = if *carried { Stand::Carried { at: now } } else { Stand::Over };
                let says = matter.counted(&self.needed);
                let wrong = before != Stand::Open || says != Some(*carried);
                wrong.then(|| (rule, format!("{before:?}: carried {carried}, votes say {says:?}")))
            }
            Fact::Expired => {
                let early = before != Stand::Open || now < matter.expires;
                matter.stand = Stand::Over;
                early.then(|| ("silence is over time, and nothing else", format!("{before:?}")))
            }
            Fact::Withdrawn { .. } => {
                matter.stand = Stand::Over;
                (before == Stand::Over).then(|| (rule, "is withdrawn when it is over".into()))
            }
            Fact::Executed => {
                matter.stand = Stand::Over;
                let Stand::Carried { at } = before else {
                    return Some(("nothing is done without its votes", format!("{before:?}")));
                };
                let late = now.since(at) > bounds::USED_WITHIN_MS;
                late.then(|| ("a yes is used within a day", format!("after {}", now.since(at))))
            }
        }
    }

    /// What people decide happens only while it is carried and was not done.
    fn demand(
        &self,
        is_subject: impl Fn(&Subject) -> bool,
        what: impl FnOnce() -> String,
        broken: &mut Vec<Broken>,
    ) {
        let carried = |matter: &&Matter| matches!(matter.stand, Stand::Carried { .. });
        if !self.matters.values().filter(carried).any(|matter| is_subject(&matter.subject)) {
            broken.push(("nothing is done without its votes", what()));
        }
    }

    /// Whether an answer, or that there is none, goes to nobody although its agent may run.
    fn is_unheard(
        &self,
        id: MotionId,
        fact: &Fact,
        answered: &BTreeSet<MotionId>,
        state: &State,
    ) -> bool {
        let ends = matches!(fact, Fact::Decided { .. } | Fact::Expired);
        let Some(Subject::Act { agent, .. }) = self.matters.get(&id).map(|m| &m.subject) else {
            return false;
        };
        ends && !answered.contains(&id) && may_run(*agent, state)
    }
}

impl Matter {
    /// Whether the votes carry it; `None` while they are not enough either way.
    fn counted(&self, needed: &BTreeMap<Kind, (usize, Vec<Seat>)>) -> Option<bool> {
        let said = |seat: &Seat, ballot| self.votes.get(seat) == Some(&ballot);
        let (quorum, veto) = needed.get(&self.subject.kind())?;
        let count = |ballot| PEOPLE.iter().filter(|seat| said(seat, ballot)).count();
        let (yes, no) = (count(Ballot::Approve), count(Ballot::Reject));
        if veto.iter().any(|seat| said(seat, Ballot::Reject)) {
            return Some(false);
        }
        if yes >= *quorum && (*quorum > 0 || no == 0) {
            return Some(true);
        }
        (PEOPLE.len() - no < (*quorum).max(1)).then_some(false)
    }
}

/// The approvals whose answers runs were queued for.
fn answered_by(batch: &Batch) -> BTreeSet<MotionId> {
    let of = |event: &Event| match event {
        Event::RunQueued {
            trigger: onboard_domain::state::Trigger::Answered { approval }, ..
        } => Some(*approval),
        _ => None,
    };
    batch.events.iter().filter_map(of).collect()
}

/// A vote of a seat of people that no person gave.
fn is_usurped(vote: &Vote) -> bool {
    PEOPLE.contains(&vote.seat) && !matches!(vote.by, Some(Actor::Person { .. }))
}

fn keeps_its_place(run: RunId, state: &State) -> bool {
    match state.runs.get(&run).map(|run| &run.phase) {
        None => false,
        // It was told to end for another reason at the same time.
        Some(Phase::Stopping { .. }) => false,
        Some(_) => true,
    }
}

/// Whether an answer finds its agent: one that is gone or locked away is told nothing, nor is one that
/// has a run which asks again anyway.
fn may_run(agent: AgentId, state: &State) -> bool {
    state.emergency.is_none()
        && !state.is_stopping()
        && state
            .agents
            .get(&agent)
            .is_some_and(|agent| agent.quarantine.is_none() && agent.live.is_empty())
}

fn is_closing(fact: &incident::Fact) -> bool {
    matches!(fact, incident::Fact::Closed { .. })
}

fn is_about(subject: &Subject, id: IncidentId) -> bool {
    matches!(subject, Subject::CloseIncident { incident, .. } if *incident == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use onboard_domain::FORMAT;

    fn person() -> Option<Actor> {
        Some(Actor::Person { uid: 0, name: "root".into() })
    }

    fn opened() -> Fact {
        Fact::Opened {
            subject: Box::new(Subject::LiftEmergency { since: Time(1), why: "smoke".into() }),
            by: Actor::Daemon,
            reason: "why".into(),
            expires: Time(90),
        }
    }

    fn voted(seat: Seat, ballot: Ballot, by: Option<Actor>) -> Fact {
        let votes = vec![Vote { seat, ballot, by, reasons: Vec::new() }];
        Fact::Voted { digest: "00".into(), votes }
    }

    fn carried(carried: bool) -> Fact {
        Fact::Decided { carried, why: "why".into() }
    }

    fn check(facts: Vec<Fact>, expect: Expect) {
        check_at(50, facts, expect);
    }

    fn check_at(time: i64, facts: Vec<Fact>, expect: Expect) {
        let mut minutes = Minutes::default();
        minutes.expect(&Council::default());
        let event = |fact| Event::Motion { motion: MotionId(0), fact: Box::new(fact) };
        let mut events: Vec<Event> = facts.into_iter().map(event).collect();
        events.push(Event::EmergencyLifted { reason: "why".into() });
        events.push(event(Fact::Executed));
        let batch = Batch { format: FORMAT, time: Time(time), causes: vec![], events };
        let broken = minutes.durable(&batch, &State::default());
        let lines: String = broken.iter().map(|(rule, what)| format!("{rule}: {what}\n")).collect();
        expect.assert_eq(&lines);
    }

    #[test]
    fn what_people_agreed_to_is_left_alone() {
        let yes = voted(Seat::UserRepresentative, Ballot::Approve, person());
        check(vec![opened(), yes, carried(true)], expect![""]);
    }

    #[test]
    fn what_nobody_agreed_to_is_found() {
        check(
            vec![opened(), carried(true)],
            expect![[r#"
            a motion is decided once, on its votes: v0 Open: carried true, votes say None
        "#]],
        );
        check(
            vec![opened()],
            expect![[r#"
            nothing is done without its votes: emergency lifted
            nothing is done without its votes: v0 Open
        "#]],
        );
        let no = voted(Seat::UserRepresentative, Ballot::Reject, person());
        check(
            vec![opened(), no, carried(true)],
            expect![[r#"
            a motion is decided once, on its votes: v0 Open: carried true, votes say None
        "#]],
        );
        check(
            vec![opened(), Fact::Expired, carried(true)],
            expect![[r#"
            silence is over time, and nothing else: v0 Open
            a motion is decided once, on its votes: v0 Over: carried true, votes say None
        "#]],
        );
    }

    #[test]
    fn a_word_after_its_time_is_found() {
        let yes = || voted(Seat::UserRepresentative, Ballot::Approve, person());
        check_at(89, vec![opened(), yes(), carried(true)], expect![""]);
        check_at(
            90,
            vec![opened(), yes(), carried(true)],
            expect![[r#"
            nothing is decided after its time: v0 at 90, its time was over at 90
            nothing is decided after its time: v0 at 90, its time was over at 90
            nothing is done without its votes: emergency lifted
            nothing is done without its votes: v0 Open
        "#]],
        );
    }

    #[test]
    fn rules_do_not_sit_on_seats_of_people() {
        let yes = voted(Seat::SystemAdministrator, Ballot::Approve, None);
        check(
            vec![opened(), yes, carried(true)],
            expect![[r#"
            seats of people are held by people: v0 system_administrator
        "#]],
        );
    }
}
