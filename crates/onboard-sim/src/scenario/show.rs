//! Events as a story shows them: a line each, with names instead of numbers.

use crate::tally::{adaptation_word, passed_word};
use onboard_domain::council::{self, Ballot, Subject};
use onboard_domain::incident::Fact;
use onboard_domain::state::{Outcome, State, Trigger};
use onboard_domain::{AgentId, Event, MotionId, RunId, Time};

/// `project/agent`.
pub(super) fn name(state: &State, id: AgentId) -> String {
    let Some(agent) = state.agents.get(&id) else { return id.to_string() };
    let project = state.projects.get(&agent.project).map_or("?", |project| project.name.as_str());
    format!("{project}/{}", agent.spec.name)
}

/// Whose run it is or was: the events of a batch are shown after all of them are folded.
fn owner(state: &State, run: RunId) -> String {
    if let Some(run) = state.runs.get(&run) {
        return name(state, run.agent);
    }
    let ended = |agent: &onboard_domain::state::Agent| agent.recent.iter().any(|e| e.run == run);
    let owner = state.agents.iter().find(|(_, agent)| ended(agent));
    owner.map_or_else(|| "?".into(), |(id, _)| name(state, *id))
}

/// The event in words; `None` for what a story need not tell.
pub(super) fn event(event: &Event, state: &State) -> Option<String> {
    let of = |agent: &AgentId| name(state, *agent);
    Some(match event {
        Event::DaemonStarted { .. } => "the daemon begins".into(),
        Event::DaemonStopping => "the daemon is asked to end".into(),
        Event::DaemonStopped => "the daemon ends".into(),
        Event::TimeLeapt { ms } => {
            format!("time leapt by {} s: deadlines move with it", ms / 1_000)
        }
        Event::EmergencyDeclared { reason } => format!("emergency: {reason}"),
        Event::EmergencyLifted { reason } => format!("emergency lifted: {reason}"),
        Event::AgentStarted { agent } => format!("{} started", of(agent)),
        Event::AgentStopped { agent } => format!("{} stopped", of(agent)),
        Event::AgentPaused { agent } => format!("{} paused", of(agent)),
        Event::AgentResumed { agent } => format!("{} resumed", of(agent)),
        Event::AgentConfigured { agent, .. } => format!("{} configured", of(agent)),
        Event::AgentQuarantined { agent, why } => format!("{} in quarantine: {why}", of(agent)),
        Event::QuarantineLifted { agent, .. } => format!("{} out of quarantine", of(agent)),
        Event::BreakerOpened { agent, failures, until } => {
            let minutes = until.since(state.time) / 60_000;
            let name = of(agent);
            format!("{name} breaker open for {minutes} min after {failures} failures")
        }
        Event::BreakerClosed { agent } => format!("{} breaker closed", of(agent)),
        Event::IntervalAdapted { agent, permille, why } => {
            let times = permille / 1000;
            format!("{} every {times}. slot: {}", of(agent), adaptation_word(*why))
        }
        Event::SlotPassed { agent, count, why, .. } => {
            format!("{} passed over {count}: {}", of(agent), passed_word(why))
        }
        Event::ViolationRecorded { agent, run, violation } => {
            let times =
                if violation.count > 1 { format!(" x{}", violation.count) } else { String::new() };
            format!(
                "{} {run} {} {}: {}{times}",
                of(agent),
                violation.what,
                violation.rule,
                violation.target
            )
        }
        Event::PersonAsked { agent, text, .. } => {
            format!("{} asks for a person: {text}", of(agent))
        }
        Event::Incident { incident, fact } => match fact.as_ref() {
            Fact::Escalated { agent, consequence, why, .. } => {
                format!("{} {incident}: {consequence}, as {why}", of(agent))
            }
            Fact::Noted { by, text } => format!("{incident} noted by {by}: {text}"),
            Fact::Closed { by, reason } => format!("{incident} closed by {by}: {reason}"),
        },
        Event::Motion { motion, fact } => return motion_event(*motion, fact),
        _ => return run_event(event, state),
    })
}

/// A motion's step; what rules say of it is only told where it is no yes.
fn motion_event(id: MotionId, fact: &council::Fact) -> Option<String> {
    let what = match fact {
        council::Fact::Opened { subject, .. } => match subject.as_ref() {
            Subject::Act { action, what, .. } => format!("asks for {action}: {what}"),
            other => format!("put: {}", other.kind()),
        },
        council::Fact::Repeated { run } => format!("is asked for by {run} as well"),
        council::Fact::Voted { votes, .. } => {
            let told = votes.iter().filter(|v| v.by.is_some() || v.ballot != Ballot::Approve);
            let told: Vec<String> =
                told.map(|vote| format!("{} {}", vote.seat.title(), vote.ballot)).collect();
            if told.is_empty() {
                return None;
            }
            format!("voted: {}", told.join(", "))
        }
        council::Fact::Decided { carried: true, why } => format!("carried: {why}"),
        council::Fact::Decided { carried: false, why } => format!("rejected: {why}"),
        council::Fact::Expired => "expired: nobody answered".into(),
        council::Fact::Withdrawn { why } => format!("withdrawn: {why}"),
        council::Fact::Executed => "executed".into(),
    };
    Some(format!("{id} {what}"))
}

fn run_event(event: &Event, state: &State) -> Option<String> {
    Some(match event {
        Event::RunQueued { run, agent, trigger, attempt, not_before, .. } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            let later = later(*not_before, state.time);
            format!("{} {run} queued: {}{again}{later}", name(state, *agent), cause(trigger))
        }
        Event::RunStarted { run, .. } => format!("{} {run} started", owner(state, *run)),
        Event::RunStopping { run, why, grace_ms: 0, .. } => {
            format!("{} {run} is killed: {}", owner(state, *run), why.explanation())
        }
        Event::RunStopping { run, why, .. } => {
            format!("{} {run} is told to end: {}", owner(state, *run), why.explanation())
        }
        Event::RunEnded { run, outcome, .. } => {
            format!("{} {run} {}", owner(state, *run), ending(outcome))
        }
        Event::FindingRecorded { run, finding, .. } => {
            format!("{} {run} finds: {}", owner(state, *run), finding.title)
        }
        Event::FindingResolved { fingerprint, .. } => format!("finding {fingerprint} is resolved"),
        Event::ForecastMade { fingerprint, forecast, .. } => {
            format!("finding {fingerprint} expects: {}", forecast.expects)
        }
        Event::ForecastSettled { fingerprint, outcome, .. } => {
            format!("what finding {fingerprint} expects: {outcome:?}")
        }
        Event::EventEmitted { run, kind, .. } => {
            format!("{} {run} emits {kind}", owner(state, *run))
        }
        Event::HookReceived { hook, .. } => format!("webhook `{hook}` brings news"),
        Event::MessageSent { from, to, id, .. } => {
            format!("{} writes {id} to {}", name(state, *from), name(state, *to))
        }
        Event::MessageDelivered { id, run } => format!("{id} delivered to {run}"),
        Event::MessageAcked { id } => format!("{id} acknowledged"),
        Event::MessageDied { id } => format!("{id} is dead: nobody acknowledged it"),
        Event::LeaseTaken { name, run, token, .. } => {
            format!("{} {run} takes `{name}`, token {token}", owner(state, *run))
        }
        Event::LeaseWaited { name, run, .. } => {
            format!("{} {run} waits for `{name}`", owner(state, *run))
        }
        Event::LeaseReleased { name, .. } => format!("`{name}` is free again"),
        _ => return None,
    })
}

fn later(not_before: Time, now: Time) -> String {
    match not_before.since(now) {
        ..=0 => String::new(),
        ms @ 1..=119_999 => format!(", in {} s", ms / 1000),
        ms => format!(", in {} min", ms / 60_000),
    }
}

fn cause(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Schedule => "its time".into(),
        Trigger::Started => "its first run".into(),
        Trigger::Manual => "asked for".into(),
        Trigger::Changed => "the project changed".into(),
        Trigger::Event { kind } => format!("woken by {kind}"),
        Trigger::Message => "a message".into(),
        Trigger::Retry { of } => format!("again after {of}"),
        Trigger::CatchUp { missed } => format!("for {missed} missed"),
        Trigger::Proposal { proposal } => format!("to check {proposal}"),
        Trigger::Answered { approval } => format!("{approval} was answered"),
    }
}

fn ending(outcome: &Outcome) -> String {
    match outcome.explanation().as_str() {
        "" => outcome.word().into(),
        why => format!("{}: {why}", outcome.word()),
    }
}
