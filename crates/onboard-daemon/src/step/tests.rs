//! `step` over synthetic times: quiet turns, and clocks that are set.

use super::{Step, World, step};
use crate::input::{Exit, Input};
use crate::zones::HostZones;
use onboard_domain::event::Passed;
use onboard_domain::spec::{
    Classes, Limits, Missed, Overlap, Priority, Program, Retry, SharedKeys,
};
use onboard_domain::state::{Process, Usage};
use onboard_domain::{
    Actor, AgentId, AgentName, AgentSpec, Batch, Command, Effect, Event, State, Time, Via,
};
use onboard_policy::Escalation;
use onboard_scheduler::{HostSample, ScheduleCache, Settings};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A daemon without a shell: its state, and every batch that it would have made durable.
struct Daemon {
    state: State,
    cache: ScheduleCache,
    batches: Vec<Batch>,
    now: Time,
}

impl Daemon {
    /// With one started agent whose first run is over.
    fn new(missed: Missed) -> Daemon {
        let mut daemon = Daemon {
            state: State::default(),
            cache: ScheduleCache::default(),
            batches: Vec::new(),
            now: Time(1_800_000_000_000),
        };
        daemon.input(Input::Began { version: "0".into(), pid: 1 });
        daemon.command(Command::RegisterProject {
            root: "/p".into(),
            name: "p".into(),
            agents: vec![spec(missed)],
            git: String::new(),
            plan: String::new(),
        });
        daemon.command(Command::Start { agents: vec![AgentId(0)] });
        daemon
    }

    fn command(&mut self, command: Command) {
        let (actor, via, why) = (Actor::Daemon, Via::Daemon, String::new());
        self.input(Input::Command { token: 1, actor, via, why, command });
    }

    /// One turn as the loop does it, and the whole life of each run that it places.
    fn input(&mut self, input: Input) {
        let mut inputs = vec![input];
        while !inputs.is_empty() {
            let step = self.turn(std::mem::take(&mut inputs));
            for effect in step.effects {
                if let Effect::Launch { run, generation } = effect {
                    let process = Process { pid: 1, start_ticks: 1 };
                    let exit = Exit::Code { code: 0, last_words: String::new() };
                    let usage = Usage::default();
                    let deadline_ms = HOUR;
                    let degraded = Vec::new();
                    inputs.push(Input::Launched {
                        run,
                        generation,
                        process,
                        deadline_ms,
                        degraded,
                    });
                    inputs.push(Input::Gone { run, generation, exit, usage });
                }
            }
        }
    }

    fn turn(&mut self, inputs: Vec<Input>) -> Step {
        let settings = Settings::default();
        let host = HostSample::default();
        let world = World {
            now: self.now.max(self.state.time),
            host: &host,
            settings: &settings,
            zones: &HostZones::default(),
            policies: &Escalation::strictest(),
        };
        let step = step(&mut self.state, &world, &mut self.cache, inputs).unwrap();
        if !step.batch.events.is_empty() || !step.batch.causes.is_empty() {
            self.batches.push(step.batch.clone());
        }
        step
    }

    /// Turns in which only time passes, a minute of the wall clock each.
    fn minutes(&mut self, count: i64) {
        for _ in 0..count {
            self.now = self.now.plus(MINUTE);
            self.input(Input::Timer);
        }
    }

    fn replayed(&self) -> State {
        let mut state = State::default();
        for batch in &self.batches {
            state.apply_batch(batch).unwrap();
        }
        state
    }

    fn count(&self, wanted: impl Fn(&Event) -> u32) -> u32 {
        self.batches.iter().flat_map(|batch| &batch.events).map(wanted).sum()
    }

    fn runs(&self) -> u32 {
        self.count(|event| u32::from(matches!(event, Event::RunStarted { .. })))
    }

    fn missed(&self) -> u32 {
        self.count(|event| match event {
            Event::SlotPassed { why: Passed::Missed, count, .. } => *count,
            _ => 0,
        })
    }

    /// The slots that runs were queued for.
    fn slots(&self) -> Vec<Time> {
        let events = self.batches.iter().flat_map(|batch| &batch.events);
        events
            .filter_map(|event| match event {
                Event::RunQueued { slot, .. } => Some(*slot),
                _ => None,
            })
            .collect()
    }
}

fn spec(missed: Missed) -> AgentSpec {
    AgentSpec {
        name: AgentName::new("clock").unwrap(),
        description: String::new(),
        program: Program::BuiltIn,
        schedule: "every 10 minutes".into(),
        zone: None,
        priority: Priority::Critical,
        classes: Classes::default(),
        depends_on: Vec::new(),
        locks: Vec::new(),
        limits: Limits::default(),
        missed,
        overlap: Overlap::default(),
        retry: Retry::default(),
        reads: Vec::new(),
        wakes_on: Vec::new(),
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: String::new(),
        hash: String::new(),
    }
}

#[test]
fn a_turn_that_leaves_no_entry_leaves_the_state_as_it_was() {
    let mut daemon = Daemon::new(Missed::RunOnce);
    let entries = daemon.batches.len();
    daemon.now = daemon.now.plus(1_000);
    daemon.input(Input::Timer);
    assert_eq!(daemon.batches.len(), entries);
    assert_eq!(daemon.state.digest(), daemon.replayed().digest());
}

#[test]
fn a_clock_that_jumps_forward_settles_what_was_missed_by_policy() {
    let check = |missed, catch_up: u32| {
        let mut daemon = Daemon::new(missed);
        daemon.minutes(25);
        let before = daemon.runs();
        daemon.now = daemon.now.plus(5 * HOUR);
        daemon.minutes(5);
        let after = daemon.runs() - before;
        // The slots of five hours, caught up on or recorded as missed; one more may come due.
        assert!((catch_up..=catch_up + 1).contains(&after), "{missed:?}: {after} runs");
        assert!(catch_up == 1 || daemon.missed() >= 29, "{missed:?}: {}", daemon.missed());
        assert_eq!(daemon.state.digest(), daemon.replayed().digest());
    };
    check(Missed::Skip, 0);
    check(Missed::RunOnce, 1);
}

#[test]
fn a_clock_that_jumps_back_runs_nothing_twice() {
    let mut daemon = Daemon::new(Missed::RunOnce);
    daemon.minutes(65);
    let before = daemon.runs();
    // What `Clock` makes of a step of an hour back: two hours at half the speed.
    let caught_up = daemon.now;
    for _ in 0..120 {
        daemon.now = daemon.now.plus(MINUTE / 2);
        daemon.input(Input::Timer);
    }
    assert_eq!(daemon.now, caught_up.plus(HOUR));
    assert_eq!(daemon.runs() - before, 6, "an hour of slots in two hours of waiting");
    let mut slots = daemon.slots();
    let all = slots.len();
    slots.sort();
    slots.dedup();
    assert_eq!(slots.len(), all, "a slot was run twice");
    // A wall clock that is behind the journal by far leaves its time where it is.
    daemon.now = Time(0);
    daemon.input(Input::Timer);
    assert_eq!(daemon.state.time, daemon.replayed().time);
}

#[test]
fn what_a_webhook_brings_is_taken_once_and_wakes_who_waits_for_it() {
    let mut daemon = Daemon::new(Missed::Skip);
    let mut waiting = spec(Missed::Skip);
    waiting.wakes_on = vec!["webhook.received".into()];
    let spec = Box::new(waiting);
    daemon.command(Command::Configure { agent: AgentId(0), spec });
    let queued = |daemon: &Daemon| {
        daemon.count(|event| u32::from(matches!(event, Event::RunQueued { trigger: onboard_domain::state::Trigger::Event { kind }, .. } if kind == "webhook.received.forge")))
    };
    let brings = |daemon: &mut Daemon, root: &str, key: &str, bytes: usize| {
        let data = "x".repeat(bytes);
        let (root, hook, key) = (root.into(), "forge".into(), key.into());
        let command = Command::ReceiveHook { root, hook, key, data };
        let (actor, via, why) = (Actor::Hook { name: "forge".into() }, Via::Hook, String::new());
        let step = daemon.turn(vec![Input::Command { token: 1, actor, via, why, command }]);
        match step.replies.into_iter().next().unwrap().1 {
            Ok(answer) => format!("{answer:?}"),
            Err(refusal) => refusal.message,
        }
    };
    let told = [
        brings(&mut daemon, "/p", "1", 9),
        brings(&mut daemon, "/p", "1", 9),
        brings(&mut daemon, "/q", "2", 9),
        brings(&mut daemon, "/p", "3", 5_000),
        brings(&mut daemon, "/p", "4", 9),
    ];
    expect_test::expect![[r#"
        Done { changed: true }
        Done { changed: false }
        no project at /q is known; `ai_onboard bg start` makes it so
        the webhook's data has 5000 bytes, at most 4096
        Done { changed: true }"#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(
        (queued(&daemon), daemon.state.hooks["forge"].received),
        (1, 2),
        "a burst is one run"
    );
    daemon.minutes(2);
    assert_eq!(daemon.replayed(), daemon.state);
}
