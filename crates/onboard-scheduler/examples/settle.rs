//! What deciding costs: 100 projects of seven agents over simulated days, quiet and busy.
//!
//! `cargo run --release -p onboard-scheduler --example settle`
#![expect(clippy::disallowed_methods, reason = "it measures real time; decisions read none")]

use onboard_domain::spec::{
    Classes, Limits, Missed, Overlap, Priority, Program, Retry, SharedKeys, Source,
};
use onboard_domain::state::{Outcome, Phase, Process, Usage};
use onboard_domain::{
    AgentId, AgentName, AgentSpec, Effect, Event, ProjectId, RunId, State, Time, Turn,
};
use onboard_scheduler::{HostSample, ScheduleCache, Settings, Zones, decide};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const PROJECTS: u32 = 100;
const DAYS: i64 = 10;
const DAY_MS: i64 = 86_400_000;
const RUN_MS: i64 = 2_000;
const BEGIN: Time = Time(1_767_571_200_000);

/// Schedules of seven agents such as a project has.
const SCHEDULES: [&str; 7] = [
    "continuous",
    "every 5 minutes",
    "daily",
    "weekly",
    "hourly",
    "daily at 03:00",
    "every 15 minutes",
];

struct Utc;

impl Zones for Utc {
    fn host(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::UTC
    }

    fn named(&self, _: &str) -> Option<jiff::tz::TimeZone> {
        None
    }
}

struct Fleet {
    state: State,
    cache: ScheduleCache,
    settings: Settings,
    wake: Option<Time>,
    ending: BTreeSet<(Time, RunId)>,
    spent: Duration,
    counts: BTreeMap<&'static str, u64>,
}

fn main() {
    println!("{PROJECTS} projects, {} agents, {DAYS} days", PROJECTS * 7);
    measure("nothing ever changes", vec![Source::Git]);
    measure("every slot runs", Vec::new());
}

fn measure(title: &str, reads: Vec<Source>) {
    let mut fleet = Fleet {
        state: State { time: BEGIN, ..State::default() },
        cache: ScheduleCache::default(),
        settings: Settings::default(),
        wake: None,
        ending: BTreeSet::new(),
        spent: Duration::ZERO,
        counts: BTreeMap::new(),
    };
    fleet.found(&reads);
    // The first runs are over after an hour; what is measured is the life after.
    fleet.live_until(BEGIN.plus(3_600_000));
    (fleet.spent, fleet.counts) = (Duration::ZERO, BTreeMap::new());
    let begun = Instant::now();
    fleet.live_until(BEGIN.plus(DAYS * DAY_MS));
    fleet.tell(title, begun.elapsed());
}

impl Fleet {
    fn found(&mut self, reads: &[Source]) {
        let specs: Vec<AgentSpec> =
            SCHEDULES.iter().enumerate().map(|(i, text)| spec(i, text, reads)).collect();
        for index in 0..PROJECTS {
            let project = ProjectId(index);
            let name = format!("project-{index}");
            let mut events = vec![
                Event::ProjectRegistered { project, root: format!("/home/ada/{name}"), name },
                Event::ProjectChanged { project, git: "g".into(), plan: "p".into() },
            ];
            for (position, spec) in specs.iter().enumerate() {
                let agent = AgentId(index * 7 + position as u32);
                let spec = Box::new(spec.clone());
                events.push(Event::AgentRegistered { agent, project, spec });
                events.push(Event::AgentStarted { agent });
            }
            self.turn(BEGIN, events);
        }
    }

    fn turn(&mut self, now: Time, events: Vec<Event>) {
        self.state.advance(now).expect("time goes on");
        let host = HostSample { cores: 2, at: now, ..HostSample::default() };
        let mut turn = Turn::new(&mut self.state);
        events.into_iter().for_each(|event| turn.record(event));
        let begun = Instant::now();
        self.wake = decide(&mut turn, now, &host, &self.settings, &Utc, &mut self.cache);
        self.spent += begun.elapsed();
        let (events, effects) = turn.finish().expect("legal events");
        *self.counts.entry("turns").or_default() += 1;
        *self.counts.entry("events").or_default() += events.len() as u64;
        for event in &events {
            match event {
                Event::SlotPassed { .. } => *self.counts.entry("slots passed").or_default() += 1,
                Event::RunQueued { .. } => *self.counts.entry("runs queued").or_default() += 1,
                _ => {}
            }
        }
        self.launch(now, &effects);
    }

    fn launch(&mut self, now: Time, effects: &[Effect]) {
        let mut started = Vec::new();
        for effect in effects {
            if let Effect::Launch { run, generation } = effect
                && let Phase::Placed { deadline_ms, .. } = self.state.runs[run].phase
            {
                let process = Process { pid: 1, start_ticks: 1 };
                let (run, generation, deadline) = (*run, *generation, now.plus(deadline_ms));
                started.push(Event::RunStarted {
                    run,
                    generation,
                    process,
                    deadline,
                    degraded: Vec::new(),
                });
                self.ending.insert((now.plus(RUN_MS), run));
            }
        }
        if !started.is_empty() {
            self.turn(now, started);
        }
    }

    fn live_until(&mut self, until: Time) {
        loop {
            let end = self.ending.first().map(|(at, _)| *at);
            let Some(now) = end.into_iter().chain(self.wake).min().filter(|at| *at <= until) else {
                return;
            };
            let mut events = Vec::new();
            while let Some((at, run)) = self.ending.first().copied().filter(|(at, _)| *at <= now) {
                self.ending.remove(&(at, run));
                let outcome = Outcome::Succeeded;
                events.push(Event::RunEnded { run, outcome, usage: Usage::default() });
            }
            self.turn(now, events);
        }
    }

    fn tell(&self, title: &str, whole: Duration) {
        let count = |name| self.counts.get(name).copied().unwrap_or(0);
        let slots = count("slots passed") + count("runs queued");
        let nanos = self.spent.as_nanos() as u64;
        println!("{title}: {:?}", self.counts);
        println!(
            "  decide: {:.2} s, {} ns a slot, {} ns a turn, {} ns an event; all: {:.2} s",
            self.spent.as_secs_f64(),
            nanos / slots.max(1),
            nanos / count("turns").max(1),
            nanos / count("events").max(1),
            whole.as_secs_f64(),
        );
    }
}

fn spec(index: usize, schedule: &str, reads: &[Source]) -> AgentSpec {
    AgentSpec {
        name: AgentName::new(&format!("agent-{index}")).expect("a name"),
        description: String::new(),
        program: Program::BuiltIn,
        schedule: schedule.into(),
        zone: None,
        priority: Priority::Medium,
        classes: Classes::default(),
        depends_on: Vec::new(),
        locks: Vec::new(),
        limits: Limits::default(),
        missed: Missed::RunOnce,
        overlap: Overlap::Skip,
        retry: Retry::default(),
        reads: reads.to_vec(),
        wakes_on: Vec::new(),
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: "example".into(),
        hash: String::new(),
    }
}
