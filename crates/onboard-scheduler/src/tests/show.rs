//! Turns as text: one line a turn, what was decided and what is to be done.

use crate::tests::world::{DAY, HOUR, MIDNIGHT, MINUTE, SECOND};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use onboard_domain::event::Passed;
use onboard_domain::state::Trigger;
use onboard_domain::{AgentId, Effect, Event, State, Time};

pub fn turn(state: &State, now: Time, events: &[Event], effects: &[Effect]) -> Option<String> {
    let mut parts: Vec<String> = events.iter().filter_map(|e| event(state, now, e)).collect();
    parts.extend(effects.iter().filter_map(effect));
    (!parts.is_empty()).then(|| format!("{} {}", clock(now), parts.join(", ")))
}

pub fn clock(at: Time) -> String {
    let ms = at.since(MIDNIGHT);
    let (day, ms) = (ms.div_euclid(DAY), ms.rem_euclid(DAY));
    let mut text = if day == 0 { String::new() } else { format!("{day}d") };
    text += &format!("{:02}:{:02}", ms / HOUR, ms / MINUTE % 60);
    if ms % MINUTE != 0 {
        text += &format!(":{:02}", ms / SECOND % 60);
    }
    text
}

fn effect(effect: &Effect) -> Option<String> {
    match effect {
        // Each placement has one; the world starts it.
        Effect::Launch { .. } => None,
        Effect::Terminate { run, .. } => Some(format!("tell {run} to end!")),
        Effect::Kill { run, .. } => Some(format!("kill {run}!")),
        Effect::Exit | Effect::SetLatch { .. } | Effect::ClearLatch | Effect::Proposal { .. } => {
            None
        }
    }
}

fn event(state: &State, now: Time, event: &Event) -> Option<String> {
    let name = |id: &AgentId| {
        state.agents.get(id).map_or_else(|| id.to_string(), |agent| agent.spec.name.to_string())
    };
    Some(match event {
        Event::SlotPlanned { agent, due } => {
            format!("{} due {}", name(agent), due.map_or("never".to_string(), clock))
        }
        Event::SlotPassed { agent, slot, count, why, next } => {
            let why = match why {
                Passed::NothingChanged => "nothing changed",
                Passed::Missed => "missed",
                Passed::Overlap => "overlap",
                Passed::Paused => "paused",
                Passed::BreakerOpen => "breaker open",
            };
            let many = if *count == 1 { String::new() } else { format!(" {count}x") };
            let next = next.map_or(String::new(), |next| format!(" due {}", clock(next)));
            format!("{} passed {}{many} {why}{next}", name(agent), clock(*slot))
        }
        Event::RunQueued { run, agent, slot, trigger, attempt, not_before } => {
            let trigger = match trigger {
                Trigger::Schedule => format!("for {}", clock(*slot)),
                Trigger::Started => "started".to_string(),
                Trigger::Manual => "by hand".to_string(),
                Trigger::Changed => "changed".to_string(),
                Trigger::Event { kind } => format!("on {kind}"),
                Trigger::Message => "on message".to_string(),
                Trigger::Retry { of } => format!("retry of {of} attempt {attempt}"),
                Trigger::CatchUp { missed } => {
                    format!("for {} catching up {missed}", clock(*slot))
                }
                Trigger::Proposal { proposal } => format!("to check {proposal}"),
                Trigger::Answered { approval } => format!("after {approval}"),
            };
            let wait = if *not_before > now {
                format!(" not before {}", clock(*not_before))
            } else {
                String::new()
            };
            format!("{} {run} queued {trigger}{wait}", name(agent))
        }
        Event::RunPlaced { run, leases, .. } => {
            let leases: Vec<String> =
                leases.iter().map(|lease| format!(" {}#{}", lease.name, lease.token)).collect();
            format!("{run} placed{}", leases.concat())
        }
        Event::RunStopping { run, why, grace_ms: 0, .. } => format!("{run} stopping {why:?}"),
        Event::RunStopping { run, why, grace_ms, .. } => {
            format!("{run} stopping {why:?} within {grace_ms} ms")
        }
        Event::RunEnded { run, outcome, .. } => match outcome {
            onboard_domain::state::Outcome::Refused { rule, why } => {
                format!("{run} refused by {rule}: {why}")
            }
            outcome => format!("{run} {}", outcome.word()),
        },
        Event::BreakerOpened { agent, until, failures } => {
            format!("{} breaker open until {} after {failures}", name(agent), clock(*until))
        }
        Event::BreakerClosed { agent } => format!("{} breaker closed", name(agent)),
        Event::AgentQuarantined { agent, why } => format!("{} quarantined: {why}", name(agent)),
        Event::IntervalAdapted { agent, permille, why } => {
            format!("{} interval {permille} {why:?}", name(agent))
        }
        Event::LeaseReleased { name, token, .. } => format!("{name}#{token} released"),
        Event::MessageDied { id } => format!("{id} died"),
        // Inputs, which the script tells.
        _ => return None,
    })
}
