//! The checkers: what must hold whatever happens, kept apart from the state that it judges. The
//! ledger reads the durable events alone, so a state that forgets something is found out.

use crate::ladder::Ladder;
use crate::minutes::Minutes;
use onboard_domain::lease::{Mode, overlap};
use onboard_domain::spec::Priority;
use onboard_domain::state::{Breaker, Desired, Phase, Run, Trigger, bounds};
use onboard_domain::{
    AgentId, Batch, Effect, Event, Generation, KillReason, ProjectId, RunId, State, Time,
};
use onboard_policy::Council;
use onboard_scheduler::Settings;
use std::collections::BTreeMap;

/// A run may wait this long although nothing excuses it: longer than the longest wait for
/// dependencies (6 h) and than the ageing that lifts a low run over a critical one (30 min).
pub const WAIT_MAX_MS: i64 = 8 * 3_600_000;

/// A run told to die must be proven dead within this: kills are asked again after 5 min at most.
const DYING_MAX_MS: i64 = 3_600_000;

/// A deadline may be off by what the clock has not told yet, when the run starts and when it ends.
const DEADLINE_OFF_MS: i64 = 15_000;

/// One thing that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub at: Time,
    pub rule: &'static str,
    pub what: String,
}

#[derive(Clone, Debug, Default)]
struct AgentNotes {
    project: Option<ProjectId>,
    /// The newest slot of the schedule that led to a run.
    last_slot: Option<Time>,
    active: Option<RunId>,
}

#[derive(Clone, Debug)]
struct RunNotes {
    agent: AgentId,
    generation: Generation,
    placed: bool,
    /// In real time: when it started, and for how long it may run.
    started: Option<(i64, i64)>,
    /// Whether the inspection before found it waiting with nothing to excuse it.
    waited: bool,
    /// Time between inspections that found it so, and that found it dying.
    waiting_ms: i64,
    dying_ms: i64,
}

#[derive(Clone, Debug)]
struct LeaseNotes {
    run: RunId,
    token: u64,
    expires: Option<Time>,
    mode: Mode,
}

/// What the events said so far.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Real time, which only the shell knows.
    pub real: i64,
    time: Time,
    agents: BTreeMap<AgentId, AgentNotes>,
    runs: BTreeMap<RunId, RunNotes>,
    leases: BTreeMap<(ProjectId, String), Vec<LeaseNotes>>,
    last_token: Option<u64>,
    ladder: Ladder,
    minutes: Minutes,
    emergency: bool,
    stopping: bool,
    /// Real time and the journal's, at the inspection before.
    inspected_at: (i64, Time),
    found: Vec<Violation>,
}

impl Ledger {
    /// Everything found so far is taken out.
    pub fn take_found(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }

    /// Notes something that the shell around the ledger found.
    pub fn report(&mut self, rule: &'static str, what: impl Into<String>) {
        self.found.push(Violation { at: self.time, rule, what: what.into() });
    }

    /// From now on this council's votes are needed.
    pub fn expect_votes(&mut self, council: &Council) {
        self.minutes.expect(council);
    }

    /// Judges a batch that became durable and folded to `state`.
    pub fn durable(&mut self, batch: &Batch, state: &State, settings: &Settings) {
        if batch.time < self.time {
            self.report("time moves forward", format!("batch at {}", batch.time.0));
        }
        self.time = batch.time;
        for event in &batch.events {
            self.event(event);
        }
        for (rule, what) in self.ladder.durable(batch, state) {
            self.report(rule, what);
        }
        for (rule, what) in self.minutes.durable(batch, state) {
            self.report(rule, what);
        }
        if state.active.len() > settings.max_running as usize {
            let what = format!("{} runs have a place", state.active.len());
            self.report("limits kept", what);
        }
        if state.runs.len() > bounds::RUNS {
            self.report("queues bounded", format!("{} runs", state.runs.len()));
        }
    }

    /// Judges what a step asked for besides.
    pub fn asked(&mut self, effects: &[Effect], wake: Option<Time>, now: Time, state: &State) {
        if wake.is_some_and(|wake| wake <= now) {
            self.report("wake times move forward", format!("wake {wake:?} at {}", now.0));
        }
        if let Some((at, run)) = state.deadlines.first().filter(|(at, _)| *at <= now) {
            self.report("deadlines kept", format!("{run} should have ended by {}", at.0));
        }
        for effect in effects {
            let (Effect::Launch { run, generation }
            | Effect::Terminate { run, generation }
            | Effect::Kill { run, generation, .. }) = effect
            else {
                continue;
            };
            let current = state.runs.get(run).is_some_and(|r| r.generation == *generation);
            if !current {
                self.report("effects name live runs", format!("{effect:?}"));
            }
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::AgentRegistered { agent, project, .. } => {
                self.agents.entry(*agent).or_default().project = Some(*project);
            }
            Event::AgentTerminated { agent } => {
                self.agents.remove(agent);
            }
            Event::RunQueued { run, agent, slot, trigger, .. } => {
                self.queued(*run, *agent, *slot, trigger);
            }
            Event::RunPlaced { run, generation, leases, .. } => {
                self.placed(*run, *generation);
                let project = self.project_of(*run);
                for grant in leases {
                    let (run, token, expires) = (*run, grant.token, None);
                    let mode = Mode::Exclusive;
                    self.lease(project, &grant.name, LeaseNotes { run, token, expires, mode });
                }
            }
            Event::RunStarted { run, generation, deadline, .. } => {
                self.started(*run, *generation, deadline.since(self.time));
            }
            Event::RunStopping { run, why: KillReason::Deadline, .. } => self.overdue(*run),
            Event::RunEnded { run, .. } => self.ended(*run),
            Event::LeaseTaken { project, name, run, token, expires, mode } => {
                let (run, token, expires, mode) = (*run, *token, Some(*expires), *mode);
                self.lease(Some(*project), name, LeaseNotes { run, token, expires, mode });
            }
            Event::LeaseReleased { project, name, token } => {
                let key = (*project, name.clone());
                let held = self.leases.entry(key.clone()).or_default();
                let before = held.len();
                held.retain(|lease| lease.token != *token);
                if held.len() == before {
                    let what = format!("{key:?} released with {token}: {held:?}");
                    self.report("leases exclusive", what);
                }
            }
            Event::TimeLeapt { ms } => {
                let leases = self.leases.values_mut().flatten();
                let ends = leases.filter_map(|lease| lease.expires.as_mut());
                ends.for_each(|expires| *expires = expires.plus(*ms));
            }
            Event::EmergencyDeclared { .. } => self.emergency = true,
            Event::EmergencyLifted { .. } => self.emergency = false,
            Event::DaemonStarted { .. } => self.stopping = false,
            Event::DaemonStopping => self.stopping = true,
            _ => {}
        }
    }

    fn project_of(&self, run: RunId) -> Option<ProjectId> {
        self.agents.get(&self.runs.get(&run)?.agent)?.project
    }

    fn queued(&mut self, run: RunId, agent: AgentId, slot: Time, trigger: &Trigger) {
        let notes = self.agents.entry(agent).or_default();
        if matches!(trigger, Trigger::Schedule | Trigger::CatchUp { .. }) {
            let before = notes.last_slot.replace(slot);
            if before.is_some_and(|before| slot <= before) {
                let what = format!("{run} of {agent} for slot {} after {before:?}", slot.0);
                self.report("no run twice for a slot", what);
            }
        }
        let fresh = RunNotes {
            agent,
            generation: Generation(0),
            placed: false,
            started: None,
            waited: false,
            waiting_ms: 0,
            dying_ms: 0,
        };
        if self.runs.insert(run, fresh).is_some() {
            self.report("runs are queued once", format!("{run}"));
        }
    }

    fn placed(&mut self, run: RunId, generation: Generation) {
        if self.emergency || self.stopping {
            self.report("nothing starts while stopped", format!("{run} placed"));
        }
        let Some(notes) = self.runs.get_mut(&run) else {
            return self.report("runs are queued first", format!("{run} placed"));
        };
        let twice = notes.placed || generation <= notes.generation;
        (notes.placed, notes.generation) = (true, generation);
        let agent = notes.agent;
        if self.ladder.is_quarantined(agent) {
            self.report("nothing of a quarantined agent starts", format!("{run} of {agent}"));
        }
        if twice {
            self.report("a run is placed once", format!("{run} {generation}"));
        }
        let before = self.agents.entry(agent).or_default().active.replace(run);
        if let Some(before) = before {
            let what = format!("{agent} has {before} and {run}");
            self.report("one active run an agent", what);
        }
    }

    fn started(&mut self, run: RunId, generation: Generation, deadline_ms: i64) {
        let real = self.real;
        match self.runs.get_mut(&run).filter(|r| r.placed && r.generation == generation) {
            Some(notes) => notes.started = Some((real, deadline_ms)),
            None => self.report("a run starts in its place", format!("{run} {generation}")),
        }
    }

    /// However clocks are set and machines sleep, a deadline is a length of real time.
    fn overdue(&mut self, run: RunId) {
        let Some((started, deadline_ms)) = self.runs.get(&run).and_then(|notes| notes.started)
        else {
            return;
        };
        let ran = self.real - started;
        if (ran - deadline_ms).abs() > DEADLINE_OFF_MS {
            let what = format!("{run} ran {ran} ms of {deadline_ms}");
            self.report("a deadline is real time", what);
        }
    }

    fn ended(&mut self, run: RunId) {
        let Some(notes) = self.runs.remove(&run) else {
            return self.report("a run ends once", format!("{run}"));
        };
        let agent = self.agents.entry(notes.agent).or_default();
        if agent.active == Some(run) {
            agent.active = None;
        }
        self.leases.values_mut().for_each(|held| held.retain(|lease| lease.run != run));
        self.leases.retain(|_, held| !held.is_empty());
    }

    fn lease(&mut self, project: Option<ProjectId>, name: &str, lease: LeaseNotes) {
        let LeaseNotes { run, token, mode, .. } = lease;
        let Some(project) = project else {
            return self.report("leases exclusive", format!("{name} of {run} in no project"));
        };
        if self.last_token.is_some_and(|last| token <= last) {
            self.report("fencing tokens grow", format!("{name} token {token}"));
        }
        self.last_token = Some(token);
        let now = self.time;
        let excludes = |held: &LeaseNotes| {
            held.run != run
                && held.expires.is_none_or(|at| at > now)
                && (mode, held.mode) != (Mode::Shared, Mode::Shared)
        };
        let overlapping =
            self.leases.iter().filter(|((of, held), _)| *of == project && overlap(held, name));
        let against = overlapping.flat_map(|((_, held), all)| all.iter().map(move |l| (held, l)));
        let against = against.filter(|(_, held)| excludes(held)).map(|(of, held)| {
            let named = if of == name { String::new() } else { format!(" (by {of})") };
            format!("{name} of {project} is {}'s{named} and given to {run}", held.run)
        });
        let against: Vec<String> = against.collect();
        against.into_iter().for_each(|what| self.report("leases exclusive", what));
        let held = self.leases.entry((project, name.to_owned())).or_default();
        held.retain(|before| before.run != run && before.expires.is_none_or(|at| at > now));
        held.push(lease);
    }

    /// Compares with the state, and looks for runs that wait or die for too long, at the real time
    /// `real` with a daemon that runs. Expensive: for now and then.
    pub fn inspect(&mut self, state: &State, now: Time, real: i64) {
        self.time = self.time.max(now);
        for note in onboard_domain::check::check(state) {
            self.report("a state is sound", note);
        }
        let known: Vec<RunId> = self.runs.keys().copied().collect();
        if !known.iter().eq(state.runs.keys()) {
            self.report("the ledger's runs are the state's", format!("{} runs", known.len()));
        }
        // A wall clock that was set forward has made nobody wait, and one that was set back slows
        // the time that every decision goes by.
        let (real_before, before) = self.inspected_at;
        let passed = (real - real_before).min(now.since(before));
        self.inspected_at = (real, now);
        for (id, run) in &state.runs {
            if let Some((rule, what)) = self.inspect_run(*id, run, state, passed) {
                self.report(rule, what);
            }
        }
    }

    fn inspect_run(
        &mut self,
        id: RunId,
        run: &Run,
        state: &State,
        passed: i64,
    ) -> Option<(&'static str, String)> {
        let notes = self.runs.get_mut(&id)?;
        if let Phase::Stopping { since, .. } = run.phase {
            notes.dying_ms += passed;
            let late = notes.dying_ms > DYING_MAX_MS + passed;
            return late.then(|| ("kills end in proof", format!("{id} dies since {}", since.0)));
        }
        let waits = run.phase == Phase::Queued && !excused(run, state, self.time);
        if waits && notes.waited {
            notes.waiting_ms += passed;
        }
        notes.waited = waits;
        if notes.waiting_ms <= WAIT_MAX_MS {
            return None;
        }
        let priority = state.agents.get(&run.agent).map(|agent| agent.spec.priority);
        let what = format!("{id} of {} ({})", run.agent, priority_word(priority));
        Some(("no starvation", what))
    }
}

fn priority_word(priority: Option<Priority>) -> &'static str {
    match priority {
        Some(Priority::Low) => "low",
        Some(Priority::Medium) => "medium",
        Some(Priority::High) => "high",
        Some(Priority::Critical) => "critical",
        None => "unknown",
    }
}

/// Whether its time, people or a breaker keep the run back.
fn excused(run: &Run, state: &State, now: Time) -> bool {
    let Some(agent) = state.agents.get(&run.agent) else { return true };
    let asked = run.trigger == Trigger::Manual;
    run.not_before > now
        || state.emergency.is_some()
        || agent.quarantine.is_some()
        || agent.desired == Desired::Paused
        || (agent.desired == Desired::Stopped && !asked)
        || matches!(agent.breaker, Breaker::Open { until, .. } if until > now)
}

#[cfg(test)]
mod tests {
    use super::Ledger;
    use expect_test::{Expect, expect};
    use onboard_domain::event::LeaseGrant;
    use onboard_domain::state::{Outcome, Trigger, Usage};
    use onboard_domain::{
        AgentId, Batch, Event, FORMAT, Generation, ProjectId, RunId, State, Time,
    };
    use onboard_scheduler::Settings;

    fn queued(run: u64, slot: i64, trigger: Trigger) -> Event {
        Event::RunQueued {
            run: RunId(run),
            agent: AgentId(0),
            slot: Time(slot),
            trigger,
            attempt: 1,
            not_before: Time(slot),
        }
    }

    fn placed(run: u64, generation: u32) -> Event {
        let leases = vec![LeaseGrant { name: "db".into(), token: run }];
        let generation = Generation(generation);
        Event::RunPlaced { run: RunId(run), generation, leases, deadline_ms: 1 }
    }

    fn check(events: Vec<Event>, expect: Expect) {
        let mut ledger = Ledger::default();
        let agent = ledger.agents.entry(AgentId(0)).or_default();
        agent.project = Some(ProjectId(0));
        let batch = Batch { format: FORMAT, time: Time(5), causes: vec![], events };
        ledger.durable(&batch, &State::default(), &Settings::default());
        let found = ledger.take_found();
        let lines: Vec<_> = found.iter().map(|v| format!("{}: {}\n", v.rule, v.what)).collect();
        expect.assert_eq(&lines.concat());
    }

    #[test]
    fn a_sound_life_is_left_alone() {
        let (outcome, usage) = (Outcome::Succeeded, Usage::default());
        let ended = Event::RunEnded { run: RunId(0), outcome, usage };
        let next = queued(1, 2, Trigger::Schedule);
        let events = vec![queued(0, 1, Trigger::Schedule), placed(0, 1), ended, next, placed(1, 1)];
        check(events, expect![""]);
    }

    #[test]
    fn a_slot_that_runs_twice_is_found() {
        let again = queued(1, 1, Trigger::CatchUp { missed: 1 });
        check(
            vec![queued(0, 1, Trigger::Schedule), again],
            expect![[r#"
            no run twice for a slot: r1 of a0 for slot 1 after Some(Time(1))
        "#]],
        );
    }

    #[test]
    fn two_places_and_one_lease_are_found() {
        let events = vec![
            queued(0, 1, Trigger::Schedule),
            queued(1, 2, Trigger::Manual),
            placed(0, 1),
            placed(1, 1),
            placed(1, 1),
        ];
        check(
            events,
            expect![[r#"
                one active run an agent: a0 has r0 and r1
                leases exclusive: db of p0 is r0's and given to r1
                a run is placed once: r1 g1
                one active run an agent: a0 has r1 and r1
                fencing tokens grow: db token 1
                leases exclusive: db of p0 is r0's and given to r1
            "#]],
        );
    }

    #[test]
    fn nothing_starts_in_an_emergency() {
        let declared = Event::EmergencyDeclared { reason: "smoke".into() };
        check(
            vec![queued(0, 1, Trigger::Schedule), declared, placed(0, 1)],
            expect![[r#"
            nothing starts while stopped: r0 placed
        "#]],
        );
    }
}
