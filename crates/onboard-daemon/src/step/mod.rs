//! `step`: state and inputs in, events and effects out. Synchronous, no clock, no I/O.
//!
//! The simulation runs this very function; the shell around it in the daemon only collects inputs,
//! appends events, performs effects and delivers answers.

mod agents;
mod calls;
mod commands;
mod council;
mod findings;
mod forecasts;
mod hooks;
mod leases;
pub mod models;
mod oversight;
mod projects;
mod proposals;
mod runs;
mod storage;
#[cfg(test)]
mod tests;
pub mod trials;
mod wording;

pub(crate) use council::{is_agreed, is_to_be_put};

use crate::input::{Input, Token};
use onboard_domain::apply::Illegal;
use onboard_domain::{
    Actor, Answer, Batch, CallAnswer, CallRefusal, Cause, Effect, Event, FORMAT, Refusal, RunId,
    State, Time, Turn, Via,
};
use onboard_policy::{Council, Escalation, Policy, StorageQuota};
use onboard_scheduler::{HostSample, ScheduleCache, Settings, Zones};

/// What decisions read besides the state.
pub struct World<'a> {
    pub now: Time,
    pub host: &'a HostSample,
    pub settings: &'a Settings,
    pub zones: &'a dyn Zones,
    pub policies: &'a dyn Escalations,
}

/// The part of the projects' policies that decisions read.
pub trait Escalations {
    /// What calls people for agents of the project at `root`, and what follows.
    fn escalation(&self, root: &str) -> Escalation;

    /// How much is kept for each agent of the project at `root`.
    fn storage(&self, root: &str) -> StorageQuota;

    /// Who decides what only people may.
    fn council(&self) -> Council {
        Council::default()
    }
}

/// The same for every project.
impl Escalations for Policy {
    fn escalation(&self, _: &str) -> Escalation {
        Policy::escalation(self)
    }

    fn storage(&self, _: &str) -> StorageQuota {
        Policy::storage(self)
    }
}

/// The same for every project.
impl Escalations for Escalation {
    fn escalation(&self, _: &str) -> Escalation {
        self.clone()
    }

    /// No policy says anything: what an agent keeps has its other bounds.
    fn storage(&self, _: &str) -> StorageQuota {
        StorageQuota { bytes: u64::MAX, source: "nobody".into() }
    }
}

/// What a step decided.
#[derive(Debug)]
pub struct Step {
    /// To be made durable before anything else is done.
    pub batch: Batch,
    pub effects: Vec<Effect>,
    pub replies: Vec<(Token, Result<Answer, Refusal>)>,
    pub answers: Vec<(Token, Result<CallAnswer, CallRefusal>)>,
    pub reserved: Vec<(Token, models::Reserved)>,
    /// Runs that wait for a lease, and nobody is before them.
    pub turns: Vec<(RunId, String)>,
    /// When to come again, if nothing else happens.
    pub wake: Option<Time>,
}

/// Decides about a batch of inputs, folding each event as it is decided.
///
/// # Errors
/// A decision was illegal (a bug): the state is void and must be folded again from the journal.
pub fn step(
    state: &mut State,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    inputs: Vec<Input>,
) -> Result<Step, Illegal> {
    let newest = state.time;
    state.advance(world.now)?;
    let mut turn = Turn::new(state);
    let mut out = Outbox::default();
    for input in inputs {
        let (cause, recorded) = (cause(turn.state(), &input), turn.events().len());
        let asked_by_people = matches!(input, Input::Command { .. });
        one(&mut turn, world, cache, &mut out, input);
        // A call that changed nothing is no fact: an agent in a loop must not fill the journal.
        if asked_by_people || turn.events().len() > recorded {
            out.causes.extend(cause);
        }
    }
    trials::queue_due(&mut turn);
    let wake = schedule(&mut turn, world, cache);
    let (turns, given_up) = leases::turns(turn.state(), world);
    let wake = [wake, given_up].into_iter().flatten().min();
    let (events, effects) = turn.finish()?;
    if events.is_empty() && out.causes.is_empty() {
        // Nothing will be appended, so time has not moved either: replay gives these very bytes.
        state.time = newest;
    }
    let batch = Batch { format: FORMAT, time: world.now, causes: out.causes, events };
    Ok(Step {
        batch,
        effects,
        replies: out.replies,
        answers: out.answers,
        reserved: out.reserved,
        turns,
        wake,
    })
}

#[derive(Default)]
struct Outbox {
    causes: Vec<Cause>,
    replies: Vec<(Token, Result<Answer, Refusal>)>,
    answers: Vec<(Token, Result<CallAnswer, CallRefusal>)>,
    reserved: Vec<(Token, models::Reserved)>,
}

fn one(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    out: &mut Outbox,
    input: Input,
) {
    // What comes after its time finds it over. A daemon first takes note of what ended without it.
    if !matches!(input, Input::Began { .. }) {
        council::expire(turn);
    }
    match input {
        Input::Began { version, pid } => {
            runs::began(turn, version, pid);
            proposals::resume(turn);
        }
        Input::Command { token, actor, command, .. } => {
            let reply = commands::decide(turn, world, cache, &actor, command);
            out.replies.push((token, reply));
        }
        Input::Call { token, run, generation, call } => {
            out.answers.push((token, calls::decide(turn, world, run, generation, call)));
        }
        Input::Launched { run, generation, process, deadline_ms, degraded } => {
            runs::launched(turn, run, generation, process, deadline_ms, degraded);
        }
        Input::LaunchRefused { run, generation, rule, why } => {
            runs::refused(turn, run, generation, rule, why);
        }
        Input::Gone { run, generation, exit, usage } => {
            runs::gone(turn, world, run, generation, exit, usage);
        }
        Input::Violations { run, generation, violations } => {
            oversight::violations(turn, world, run, generation, violations);
        }
        Input::Observed { project, git, plan } => projects::observed(turn, project, git, plan),
        Input::Proposal { proposal, news } => proposals::news(turn, proposal, news),
        Input::ReserveModel { token, run, generation, model, spend, budgets } => {
            let reserved = models::reserve(turn, run, generation, model, spend, &budgets);
            out.reserved.push((token, reserved));
        }
        Input::ModelSettled { id, spend, ending } => models::settle(turn, id, spend, ending),
        Input::Leapt { ms } => runs::leapt(turn, ms),
        Input::Timer => {}
    }
}

/// The scheduler's turn, and the end of a daemon that was asked to stop and has nothing running.
fn schedule(turn: &mut Turn<'_>, world: &World<'_>, cache: &mut ScheduleCache) -> Option<Time> {
    let World { now, host, settings, zones, .. } = *world;
    let expires = council::look_after(turn);
    let wake = onboard_scheduler::decide(turn, now, host, settings, zones, cache);
    let wake = [wake, expires].into_iter().flatten().min();
    if turn.state().is_stopping() && turn.state().active.is_empty() {
        turn.record(Event::DaemonStopped);
        turn.effect(Effect::Exit);
    }
    wake
}

/// Who asked, how and why; what the kernel or a timer brought needs no entry of its own.
fn cause(state: &State, input: &Input) -> Option<Cause> {
    match input {
        Input::Command { actor, via, why, command, .. } => Some(Cause {
            actor: actor.clone(),
            via: *via,
            what: command.name().into(),
            why: why.clone(),
        }),
        Input::Call { run, call, .. } => {
            let agent = state.agents.get(&state.runs.get(run)?.agent)?;
            let what = calls::audited(call)?;
            let actor = Actor::Agent { run: *run, name: agent.spec.name.clone() };
            Some(Cause { actor, via: Via::HostSocket, what: what.into(), why: String::new() })
        }
        _ => None,
    }
}
