//! Properties over many small worlds made from seeds.

use super::world::{DAY, HOUR, MIDNIGHT, MINUTE, SECOND, World, changed, spec};
use crate::ScheduleCache;
use crate::demand::Taken;
use crate::host::HostSample;
use crate::slot::EVENTS_A_TURN;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use onboard_domain::spec::{Class, Missed, Overlap, Priority, Source};
use onboard_domain::state::{Breaker, Desired, Outcome, Trigger};
use onboard_domain::{
    AgentId, AgentName, AgentSpec, Event, MessageId, ProjectId, RunId, State, Time,
};

/// Worlds a test runs, enough to catch each rule when it is broken; thousands ran while it was built.
const SEEDS: u64 = 25;

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

const SCHEDULES: [&str; 8] = [
    "continuous",
    "every 5 minutes",
    "every 15 minutes",
    "0 * * * *",
    "hourly",
    "daily at 10:00",
    "events",
    "manual",
];

fn random_spec(dice: &mut Dice, index: u64) -> AgentSpec {
    let mut spec = spec(&format!("a{index}"), dice.pick::<&str>(&SCHEDULES));
    let priorities = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];
    let classes = [Class::Low, Class::Medium, Class::High];
    spec.priority = *dice.pick(&priorities);
    spec.classes.cpu = *dice.pick(&classes);
    spec.classes.memory = *dice.pick(&classes);
    spec.classes.io = *dice.pick(&classes);
    spec.retry.attempts = dice.below(3) as u32;
    spec.missed = *dice.pick(&[Missed::Skip, Missed::RunOnce, Missed::RunAll { cap: 3 }]);
    spec.overlap = *dice.pick(&[Overlap::Skip, Overlap::QueueOne, Overlap::Replace]);
    spec.limits.deadline_ms = Some(20 * MINUTE);
    spec.locks =
        ["db", "web", "net"].iter().filter(|_| dice.one_in(3)).map(|l| l.to_string()).collect();
    if index > 0 && dice.one_in(3) {
        let before = AgentName::new(&format!("a{}", dice.below(index))).expect("a name");
        spec.depends_on.push(before);
    }
    if dice.one_in(2) {
        spec.reads = [Source::Git, Source::Plan, Source::Inbox].into_iter().collect();
    }
    if dice.one_in(3) {
        spec.wakes_on.push("build".into());
    }
    spec
}

fn random_world(dice: &mut Dice) -> World {
    let mut world = World::new();
    world.settings.max_running = 1 + dice.below(4) as u32;
    let room = 4 + dice.below(8) as u32;
    world.settings.capacity = crate::settings::Capacity { cpu: room, memory: room, io: room };
    for index in 0..3 + dice.below(5) {
        let spec = random_spec(dice, index);
        world.add(spec);
    }
    world
}

/// What must hold after each turn, besides what the world itself asserts.
fn check(world: &World, seed: u64) {
    let taken = Taken::of(&world.state);
    let (units, room) = (taken.units, world.settings.capacity);
    let fits = units.cpu <= room.cpu && units.memory <= room.memory && units.io <= room.io;
    assert!(taken.runs <= world.settings.max_running, "seed {seed}: {} run", taken.runs);
    assert!(fits || taken.runs == 1, "seed {seed}: {units:?} of {room:?}");
    let mut holders: BTreeMap<String, RunId> = BTreeMap::new();
    for run in &world.state.active {
        for lock in &world.state.agents[&world.state.runs[run].agent].spec.locks {
            let other = holders.insert(lock.clone(), *run);
            assert!(other.is_none(), "seed {seed}: {run} and {other:?} share `{lock}`");
        }
    }
}

/// One input of any kind.
fn disturb(world: &mut World, dice: &mut Dice) {
    let now = world.state.time;
    let agents: Vec<AgentId> = world.state.agents.keys().copied().collect();
    let agent = *dice.pick(&agents);
    let active: Vec<RunId> = world.state.active.iter().copied().collect();
    match dice.below(14) {
        0 | 1 => command(world, now, Event::AgentStarted { agent }),
        2 if dice.one_in(3) => command(world, now, Event::AgentStopped { agent }),
        3 if dice.one_in(2) => command(world, now, Event::AgentPaused { agent }),
        4 => world.turn(now, |turn| {
            crate::run_now(turn, now, agent);
        }),
        5 | 6 => {
            let (git, plan) = (format!("g{}", dice.below(4)), format!("p{}", dice.below(2)));
            world.turn(now, |turn| turn.record(changed(&git, &plan)));
        }
        7 if world.state.agents[&agent].inbox.len() < 20 => {
            let id = MessageId(world.state.next.message);
            let message = Event::MessageSent { id, from: agent, to: agent, body: String::new() };
            world.turn(now, |turn| turn.record(message));
        }
        8 => emergency(world, now, dice),
        9 => {
            let psi = [None, Some(20.0), Some(90.0)];
            world.host = HostSample {
                cores: 2,
                psi_cpu_some10: *dice.pick(&psi),
                psi_memory_some10: *dice.pick(&psi),
                ..HostSample::default()
            };
            world.turn(now, |_| {});
        }
        10 => {
            let later = now.plus(dice.below(6 * 60) as i64 * MINUTE);
            world.turn(later, |_| {});
        }
        11 => restart(world),
        _ => {
            if let Some(run) = active.first() {
                touch_run(world, now, *run, dice);
            }
        }
    }
}

fn command(world: &mut World, now: Time, event: Event) {
    world.turn(now, |turn| {
        if let Event::AgentStopped { agent } = event {
            crate::stop_runs(turn, agent, onboard_domain::KillReason::Stopped, crate::Haste::Grace);
        }
        turn.record(event);
    });
}

fn emergency(world: &mut World, now: Time, dice: &mut Dice) {
    if world.state.emergency.is_some() {
        world.turn(now, |turn| turn.record(Event::EmergencyLifted { reason: String::new() }));
    } else if dice.one_in(4) {
        world.turn(now, |turn| turn.record(Event::EmergencyDeclared { reason: String::new() }));
    }
}

/// Memory is lost and folded again; what is cached is gone.
fn restart(world: &mut World) {
    world.state = State::decode(&world.state.encode()).expect("a state");
    world.cache = ScheduleCache::default();
}

fn touch_run(world: &mut World, now: Time, run: RunId, dice: &mut Dice) {
    let agent = world.state.runs[&run].agent;
    let project = ProjectId(0);
    match dice.below(6) {
        0 => world.turn(now, |turn| {
            let (kind, data) = ("build.done".into(), String::new());
            turn.record(Event::EventEmitted { project, agent, run, kind, data });
        }),
        1 => {
            let inbox = world.state.agents[&agent].inbox.clone();
            world.turn(now, |turn| {
                inbox.into_iter().for_each(|id| turn.record(Event::MessageDelivered { id, run }));
            });
        }
        2 => world.end(now, run, Outcome::Lost { why: String::new() }),
        3 => world.end(now, run, Outcome::Failed { why: String::new() }),
        4 => world.dead(now, run),
        _ => world.end(now, run, Outcome::Succeeded),
    }
}

/// Some hours of trouble: inputs of all kinds, then time passes.
fn trouble(world: &mut World, dice: &mut Dice, seed: u64) {
    for _ in 0..150 {
        disturb(world, dice);
        check(world, seed);
        pass(world, dice.below(600) as i64 * SECOND, seed);
    }
}

/// Lets time pass turn by turn, and killed processes die.
fn pass(world: &mut World, ms: i64, seed: u64) {
    let until = world.state.time.plus(ms);
    while let Some(at) = next_moment(world).filter(|at| *at <= until) {
        world.advance(at);
        check(world, seed);
        for run in core::mem::take(&mut world.kills) {
            let now = world.state.time;
            world.dead(now, run);
        }
    }
    world.advance(until);
    world.state.advance(until).expect("time goes on");
}

fn next_moment(world: &World) -> Option<Time> {
    world.wake.into_iter().chain(world.ending.values().copied()).min()
}

#[test]
fn invariants_hold_and_replay_agrees() {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed);
        let mut world = random_world(&mut dice);
        trouble(&mut world, &mut dice, seed);
        let mut replayed = State { time: MIDNIGHT, ..State::default() };
        for batch in &world.journal {
            replayed.apply_batch(batch).expect("a legal batch");
        }
        // Turns without events leave no batch, only time.
        replayed.advance(world.state.time).expect("time goes on");
        assert_eq!(replayed, world.state, "seed {seed}");
    }
}

/// After the trouble is over every run that waits gets its place or is refused, and all that keeps
/// an agent from its work ends.
#[test]
fn nothing_starves_once_the_world_is_well() {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed ^ 0xfeed);
        let mut world = random_world(&mut dice);
        trouble(&mut world, &mut dice, seed);
        heal(&mut world);
        let waiting: Vec<RunId> = world.state.runs.keys().copied().collect();
        for hour in 0..36 {
            pass(&mut world, HOUR, seed);
            let now = world.state.time;
            let oldest = world.state.runs.values().map(|run| now.since(run.queued)).max();
            assert!(oldest.unwrap_or(0) <= 9 * HOUR, "seed {seed}, hour {hour}: {oldest:?}");
        }
        for run in waiting {
            assert!(!world.state.runs.contains_key(&run), "seed {seed}: {run} still waits");
        }
        for (id, agent) in &world.state.agents {
            let next = agent.due.is_some() || matches!(&*agent.spec.schedule, "events" | "manual");
            assert!(next, "seed {seed}: {id} has no next slot");
            assert_eq!(agent.breaker, Breaker::Closed, "seed {seed}: {id}");
        }
    }
}

/// No more trouble: all is started, calm, short and successful; mail is gone.
fn heal(world: &mut World) {
    let now = world.state.time;
    world.host = HostSample { cores: 2, ..HostSample::default() };
    let agents: Vec<AgentId> = world.state.agents.keys().copied().collect();
    if world.state.emergency.is_some() {
        world.turn(now, |turn| turn.record(Event::EmergencyLifted { reason: String::new() }));
    }
    for run in world.state.active.clone() {
        world.end(now, run, Outcome::Succeeded);
    }
    for agent in agents {
        world.takes.insert(agent, MINUTE);
        let known = &world.state.agents[&agent];
        let (quarantined, started) =
            (known.quarantine.is_some(), known.desired == Desired::Started);
        let open = known.breaker != Breaker::Closed;
        let mail = known.inbox.clone();
        world.turn(now, |turn| {
            if quarantined {
                turn.record(Event::QuarantineLifted { agent, reason: String::new() });
            }
            if !started {
                turn.record(Event::AgentStarted { agent });
            }
            mail.into_iter().for_each(|id| turn.record(Event::MessageAcked { id }));
            if open {
                // An agent without a clock of its own gets its trial from a person.
                crate::run_now(turn, now, agent);
            }
        });
    }
    // Runs that were launched while healing may have been told no length.
    for run in world.state.active.clone() {
        world.ending.entry(run).or_insert(now.plus(MINUTE));
    }
}

/// Each wake that was asked for does something, or is one of the looks that pressure and kills
/// ask for at their own distance.
#[test]
fn no_busy_loop() {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed ^ 0xbeef);
        let mut world = random_world(&mut dice);
        trouble(&mut world, &mut dice, seed);
        let (begin, mut wakes, before) = (world.state.time, 0, world.journal.len());
        while world.wake.is_some_and(|at| at <= begin.plus(DAY)) {
            let at = world.wake.expect("just seen");
            world.turn(at, |_| {});
            for run in world.state.active.clone() {
                world.end(at, run, Outcome::Succeeded);
            }
            wakes += 1;
        }
        let progress = world.journal.len() - before;
        // Pressure is looked at each 15 s while runs wait, for at most two classes of ageing.
        let looks = if world.host.psi_cpu_some10 > Some(60.0)
            || world.host.psi_memory_some10 > Some(10.0)
        {
            4 * 60 * 24
        } else {
            0
        };
        assert!(wakes <= progress + looks + 10, "seed {seed}: {wakes} wakes, {progress} batches");
    }
}

/// A slot has at most one run, but for the retries of that run.
#[test]
fn no_slot_runs_twice() {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed ^ 0xabcd);
        let mut world = random_world(&mut dice);
        trouble(&mut world, &mut dice, seed);
        let mut slots: BTreeMap<(AgentId, Time), RunId> = BTreeMap::new();
        for event in world.journal.iter().flat_map(|batch| &batch.events) {
            if let Event::RunQueued { run, agent, slot, trigger, .. } = event
                && matches!(trigger, Trigger::Schedule | Trigger::CatchUp { .. })
            {
                let other = slots.insert((*agent, *slot), *run);
                assert!(other.is_none(), "seed {seed}: {run} and {other:?} for {slot:?}");
            }
        }
    }
}

/// What the last admission came to may be forgotten at any time: every turn decides the same.
#[test]
fn remembering_an_admission_decides_nothing() {
    for seed in 0..SEEDS {
        let [remembers, forgets] = [false, true].map(|forgets| {
            let mut dice = Dice(seed ^ 0xcafe);
            let mut world = random_world(&mut dice);
            world.forgets = forgets;
            trouble(&mut world, &mut dice, seed);
            world
        });
        assert_eq!(remembers.told, forgets.told, "seed {seed}");
        assert_eq!(remembers.journal, forgets.journal, "seed {seed}");
        assert_eq!((remembers.state, remembers.wake), (forgets.state, forgets.wake), "seed {seed}");
    }
}

/// What a long stop left is too much for one entry of the journal: it is settled over several turns,
/// and nothing of it is lost.
#[test]
fn a_long_stop_is_settled_over_several_turns() {
    const AGENTS: usize = 60;
    const MISSED: usize = 250;
    let mut world = World::new();
    world.settings.catch_up_max = MISSED as u32;
    world.settings.max_running = 1;
    let agents: Vec<AgentId> = (0..AGENTS)
        .map(|index| {
            let mut spec = spec(&format!("a{index}"), "every 5 minutes");
            spec.missed = Missed::RunAll { cap: MISSED as u32 };
            world.add(spec)
        })
        .collect();
    let now = world.state.time;
    world.turn(now, |turn| {
        agents.iter().for_each(|agent| turn.record(Event::AgentStarted { agent: *agent }));
    });
    world.journal.clear();
    let back = now.plus(3 * DAY);
    world.turn(back, |_| {});
    while world.state.due.first().is_some_and(|(at, _)| *at <= back) {
        let wake = world.wake.expect("it goes on");
        assert_eq!(wake, world.state.time.plus(1));
        world.turn(wake, |_| {});
    }
    let sizes: Vec<usize> = world.journal.iter().map(|batch| batch.events.len()).collect();
    let most = EVENTS_A_TURN + MISSED + 2;
    assert!(sizes.iter().all(|size| *size <= most), "{sizes:?}");
    assert!(sizes.iter().sum::<usize>() > most, "one turn would have done: {sizes:?}");
    for agent in agents {
        assert!(world.state.runs_of(agent).count() >= MISSED, "{agent}");
    }
}
