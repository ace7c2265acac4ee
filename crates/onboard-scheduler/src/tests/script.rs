//! The scenarios' language: a line is `agent NAME = SCHEDULE | key=value …`, `set key=value`, or a
//! time and an input.

use crate::host::HostSample;
use crate::tests::show;
use crate::tests::world::{DAY, HOUR, MIDNIGHT, MINUTE, SECOND, Utc, World, changed, spec};
use crate::{Haste, explain, run_now, start_agent, stop_runs};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use expect_test::Expect;
use onboard_domain::finding::{Finding, Severity};
use onboard_domain::lease::Mode;
use onboard_domain::spec::{Class, Missed, Overlap, Priority, Source};
use onboard_domain::state::{Outcome, Usage};
use onboard_domain::{
    AgentId, AgentName, AgentSpec, Event, Fingerprint, KillReason, MessageId, ProjectId, Time,
};

const PROJECT: ProjectId = ProjectId(0);

/// Runs a scenario and compares what was decided.
pub fn check(script: &str, expect: Expect) {
    let mut world = World::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        perform(&mut world, line);
    }
    let text: String = world.told.iter().map(|line| format!("{line}\n")).collect();
    expect.assert_eq(&text);
}

fn perform(world: &mut World, line: &str) {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    match first {
        "agent" => {
            let (name, rest) = rest.split_once(" = ").expect("agent NAME = SCHEDULE");
            let (schedule, keys) = rest.split_once(" | ").unwrap_or((rest, ""));
            let id = world.add(agent(name, schedule, keys));
            if let Some(takes) = keys.split(' ').find_map(|key| key.strip_prefix("takes=")) {
                world.takes.insert(id, length(takes));
            }
        }
        "set" => rest.split(' ').for_each(|key| set(world, key)),
        time => {
            let now = at(time);
            let words: Vec<&str> = rest.split(' ').collect();
            if words[0] == "up" {
                world.turn(now, |_| {});
                return;
            }
            world.advance(now);
            if !rest.is_empty() {
                input(world, now, words[0], &words[1..]);
            }
        }
    }
}

fn set(world: &mut World, key: &str) {
    let (key, value) = key.split_once('=').expect("key=value");
    let number = || value.parse().expect("a number");
    match key {
        "max_running" => world.settings.max_running = number(),
        "capacity_memory" => world.settings.capacity.memory = number(),
        "capacity_cpu" => world.settings.capacity.cpu = number(),
        "budget_cpu" => world.settings.budget.cpu_percent = number(),
        "budget_memory" => world.settings.budget.memory_mb = number(),
        "dependency_wait" => world.settings.dependency_wait_ms = length(value),
        "idle_slots" => world.settings.adapt.idle_slots = number(),
        "failures" => world.settings.breaker.failures = number(),
        _ => panic!("unknown setting {key}"),
    }
}

/// `[DAYSd]HH:MM[:SS]` from the world's first midnight.
fn at(text: &str) -> Time {
    let (days, clock) = text.split_once('d').unwrap_or(("0", text));
    let parts: Vec<i64> = clock.split(':').map(|part| part.parse().expect("a time")).collect();
    let seconds = parts.get(2).copied().unwrap_or(0);
    let days: i64 = days.parse().expect("days");
    MIDNIGHT.plus(days * DAY + parts[0] * HOUR + parts[1] * MINUTE + seconds * SECOND)
}

fn length(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: i64 = number.parse().expect("a length of time");
    number
        * match unit {
            "s" => SECOND,
            "m" => MINUTE,
            "h" => HOUR,
            _ => DAY,
        }
}

fn agent(name: &str, schedule: &str, keys: &str) -> AgentSpec {
    let mut spec = spec(name, schedule);
    for key in keys.split(' ').filter(|key| !key.is_empty()) {
        let (key, value) = key.split_once('=').expect("key=value");
        let list = || value.split('+').map(str::to_string).collect::<Vec<String>>();
        match key {
            "prio" => {
                spec.priority = match value {
                    "low" => Priority::Low,
                    "high" => Priority::High,
                    "critical" => Priority::Critical,
                    _ => Priority::Medium,
                }
            }
            "cpu" => spec.classes.cpu = if value == "high" { Class::High } else { Class::Low },
            "depends" => {
                spec.depends_on =
                    list().iter().map(|name| AgentName::new(name).expect("a name")).collect();
            }
            "locks" => spec.locks = list(),
            "wakes" => spec.wakes_on = list(),
            "reads" => {
                spec.reads = list()
                    .iter()
                    .map(|source| match source.as_str() {
                        "git" => Source::Git,
                        "plan" => Source::Plan,
                        _ => Source::Inbox,
                    })
                    .collect();
            }
            "missed" => {
                spec.missed = match value {
                    "skip" => Missed::Skip,
                    "once" => Missed::RunOnce,
                    cap => Missed::RunAll { cap: cap.parse().expect("a cap") },
                }
            }
            "overlap" => {
                spec.overlap = match value {
                    "queue" => Overlap::QueueOne,
                    "replace" => Overlap::Replace,
                    _ => Overlap::Skip,
                }
            }
            "cpu_percent" => spec.limits.cpu_percent = Some(value.parse().expect("percent")),
            "memory_mb" => spec.limits.memory_mb = Some(value.parse().expect("megabytes")),
            "retry" => spec.retry.attempts = value.parse().expect("a number"),
            "deadline" => spec.limits.deadline_ms = Some(length(value)),
            "zone" => spec.zone = Some(value.to_string()),
            "takes" => {}
            _ => panic!("unknown key {key}"),
        }
    }
    spec
}

fn input(world: &mut World, now: Time, verb: &str, words: &[&str]) {
    match verb {
        "start" | "stop" | "pause" | "resume" | "restart" | "run" | "quarantine" | "lift" => {
            for name in words {
                command(world, now, verb, world.id(name));
            }
        }
        "git" => {
            let plan = world.state.projects[&PROJECT].plan.clone();
            let event = changed(words[0], &plan);
            world.turn(now, |turn| turn.record(event));
        }
        "end" => {
            let run = world.active(words[0]);
            let outcome = match words[1] {
                "ok" => Outcome::Succeeded,
                "lost" => Outcome::Lost { why: "the daemon died".into() },
                _ => Outcome::Failed { why: "exit status 1".into() },
            };
            let memory_mb: u64 = words.get(2).map_or(0, |mb| mb.parse().expect("megabytes"));
            let usage = Usage { memory_peak_bytes: memory_mb << 20, ..Usage::default() };
            world.end_with(now, run, outcome, usage);
        }
        "takes" => {
            let id = world.id(words[0]);
            world.takes.insert(id, length(words[1]));
        }
        "dead" => {
            let run = world.active(words[0]);
            world.dead(now, run);
        }
        "emit" => {
            let (agent, run) = (world.id(words[0]), world.active(words[0]));
            let (kind, data) = (words[1].to_string(), String::new());
            world.turn(now, |turn| {
                turn.record(Event::EventEmitted { project: PROJECT, agent, run, kind, data });
            });
        }
        "send" => {
            let (from, to) = (world.id(words[0]), world.id(words[1]));
            let id = MessageId(world.state.next.message);
            world.turn(now, |turn| {
                turn.record(Event::MessageSent { id, from, to, body: "hello".into() });
            });
        }
        "read" | "ack" => read(world, now, verb, words[0]),
        "lease" => {
            let (run, token) = (world.active(words[0]), world.state.next.lease_token);
            let (name, expires) = (words[1].to_string(), now.plus(length(words[2])));
            world.turn(now, |turn| {
                let mode = Mode::Exclusive;
                turn.record(Event::LeaseTaken {
                    project: PROJECT,
                    name,
                    run,
                    token,
                    expires,
                    mode,
                });
            });
        }
        "waits" => {
            let (run, name) = (world.active(words[0]), words[1].to_string());
            let (mode, until) = (Mode::Exclusive, now.plus(length(words[2])));
            world.turn(now, |turn| {
                turn.record(Event::LeaseWaited { project: PROJECT, name, mode, run, until });
            });
        }
        "find" => find(world, now, words[0], words[1].parse().expect("a number")),
        "dismiss" => dismiss(world, now, words[0].parse().expect("a number")),
        "host" => {
            world.host = HostSample { cores: 2, ..HostSample::default() };
            words.iter().for_each(|word| sample(&mut world.host, word));
            world.turn(now, |_| {});
        }
        "waiting" => {
            for (run, wait) in crate::waiting(&world.state, now, &world.host, &world.settings) {
                let shared = wait.shared().unwrap_or("its agent");
                world.told.push(format!("    {run} waits ({shared}) for {wait}"));
            }
        }
        "emergency" => world.turn(now, |turn| {
            turn.record(Event::EmergencyDeclared { reason: "drill".into() });
        }),
        "calm" => world.turn(now, |turn| {
            turn.record(Event::EmergencyLifted { reason: "over".into() });
        }),
        "explain" => tell(world, now, words[0]),
        _ => panic!("unknown input {verb}"),
    }
}

fn command(world: &mut World, now: Time, verb: &str, agent: AgentId) {
    let settings = world.settings.clone();
    let mut cache = core::mem::take(&mut world.cache);
    world.turn(now, |turn| match verb {
        "start" => {
            start_agent(turn, now, &settings, &Utc, &mut cache, agent);
        }
        "stop" => {
            turn.record(Event::AgentStopped { agent });
            stop_runs(turn, agent, KillReason::Stopped, Haste::Grace);
        }
        "restart" => {
            turn.record(Event::AgentStopped { agent });
            stop_runs(turn, agent, KillReason::Stopped, Haste::Grace);
            start_agent(turn, now, &settings, &Utc, &mut cache, agent);
        }
        "pause" => turn.record(Event::AgentPaused { agent }),
        "resume" => turn.record(Event::AgentResumed { agent }),
        "quarantine" => turn.record(Event::AgentQuarantined { agent, why: "by hand".into() }),
        "lift" => turn.record(Event::QuarantineLifted { agent, reason: "mended".into() }),
        _ => {
            run_now(turn, now, agent);
        }
    });
}

/// The agent's run reads its inbox; `ack` also acknowledges all of it.
fn read(world: &mut World, now: Time, verb: &str, name: &str) {
    let (agent, run) = (world.id(name), world.active(name));
    let inbox = world.state.agents[&agent].inbox.clone();
    world.turn(now, |turn| {
        for id in inbox {
            turn.record(Event::MessageDelivered { id, run });
            if verb == "ack" {
                turn.record(Event::MessageAcked { id });
            }
        }
    });
}

fn find(world: &mut World, now: Time, name: &str, count: usize) {
    let (agent, run) = (world.id(name), world.active(name));
    let known = world.state.agents[&agent].totals.findings;
    world.turn(now, |turn| {
        for index in 0..count {
            let finding = Finding {
                rule: "test".into(),
                severity: Severity::Low,
                title: "a finding".into(),
                detail: String::new(),
                evidence: Vec::new(),
                action: String::new(),
                target: String::new(),
                fingerprint: Fingerprint(format!("{known}-{index}")),
                forecast: None,
                worded: None,
            };
            let finding = alloc::boxed::Box::new(finding);
            turn.record(Event::FindingRecorded { project: PROJECT, agent, run, finding });
        }
    });
}

fn dismiss(world: &mut World, now: Time, count: usize) {
    let known = world.state.projects[&PROJECT].findings.keys().take(count).cloned();
    let fingerprints: Vec<Fingerprint> = known.collect();
    world.turn(now, |turn| {
        for fingerprint in fingerprints {
            let reason = "noise".into();
            turn.record(Event::FindingDismissed { project: PROJECT, fingerprint, reason });
        }
    });
}

fn sample(host: &mut HostSample, word: &str) {
    let (key, value) = word.split_once('=').unwrap_or((word, "0"));
    let value: f64 = value.parse().expect("a number");
    match key {
        "cpu" => host.psi_cpu_some10 = Some(value),
        "io" => host.psi_io_some10 = Some(value),
        "load" => host.load1 = value,
        "battery" => host.on_battery = Some(true),
        "memory" => {
            host.memory_total_bytes = 1_000_000;
            host.memory_available_bytes = (value * 10_000.0) as u64;
        }
        "calm" => {}
        _ => panic!("unknown measure {key}"),
    }
}

fn tell(world: &mut World, now: Time, name: &str) {
    let id = world.id(name);
    world.host.at = now;
    let told = explain(&world.state, now, &world.host, &world.settings, &Utc, id).expect("known");
    let next = told.next.map_or("never".to_string(), show::clock);
    world.told.push(format!("{} {name} is {}, next {next}", show::clock(now), told.state));
    world.told.extend(told.reasons.iter().map(|reason| format!("    {reason}")));
}
