//! What people ask for, decided.

use super::{World, agents, council, findings, hooks, oversight, projects, proposals};
use crate::cut::cut;
use onboard_domain::council::Subject;
use onboard_domain::state::bounds;
use onboard_domain::{
    Actor, Answer, Command, Effect, Event, KillReason, ProjectId, Refusal, RefusalKind, Turn,
};
use onboard_scheduler::{Haste, ScheduleCache};

pub(super) fn decide(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    command: Command,
) -> Result<Answer, Refusal> {
    let what = command.name();
    let answer = dispatch(turn, world, cache, actor, command);
    if let Err(refusal) = &answer {
        turn.record(Event::CommandRefused {
            what: what.into(),
            kind: refusal.kind,
            message: refusal.message.clone(),
        });
    }
    answer
}

fn dispatch(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    command: Command,
) -> Result<Answer, Refusal> {
    match command {
        Command::RegisterProject { root, name, agents, git, plan } => {
            let answer = projects::register(turn, world, cache, actor, root, name, agents)?;
            if let Answer::Project { project, .. } = &answer {
                projects::observed(turn, *project, git, plan);
            }
            Ok(answer)
        }
        Command::Start { agents } => agents::start(turn, world, cache, actor, &agents),
        Command::Stop { agents, now } => agents::stop(turn, &agents, haste(now)),
        Command::Restart { agents, now } => {
            agents::restart(turn, world, cache, actor, &agents, haste(now))
        }
        Command::Pause { agents } => agents::pause(turn, &agents),
        Command::Resume { agents } => agents::resume(turn, world, cache, &agents),
        Command::Run { agent } => agents::run_now(turn, world, actor, agent),
        Command::Terminate { agent } => agents::terminate(turn, agent),
        Command::Configure { agent, spec } => {
            agents::configure(turn, world, cache, actor, agent, *spec)
        }
        Command::LiftQuarantine { agent, reason } => {
            agents::lift_quarantine(turn, world, cache, actor, agent, reason)
        }
        Command::EmergencyShutdown { reason } => Ok(emergency(turn, &reason)),
        Command::NoteIncident { incident, text } => oversight::note(turn, actor, incident, text),
        Command::CloseIncident { incident, reason } => {
            oversight::close(turn, world, cache, actor, incident, reason)
        }
        Command::LiftEmergency { reason } => lift_emergency(turn, world, cache, actor, reason),
        Command::AcceptFinding { project, fingerprint } => {
            findings::accept(turn, project, fingerprint)
        }
        Command::DismissFinding { project, fingerprint, reason } => {
            findings::dismiss(turn, project, fingerprint, reason)
        }
        Command::SnoozeFinding { project, fingerprint, for_ms } => {
            findings::snooze(turn, project, fingerprint, for_ms)
        }
        Command::ForgetRule { agent, rule } => findings::forget_rule(turn, agent, rule),
        Command::DecideProposal { proposal, decision, reason } => {
            proposals::decide(turn, world, cache, actor, proposal, decision, reason)
        }
        Command::Vote { motion, digest, ballot, reason } => {
            let ballot = council::Said { motion, digest, ballot, reason };
            council::vote(turn, world, cache, actor, ballot)
        }
        Command::AdoptPolicy { hash, origin, project } => {
            adopt_policy(turn, world, cache, actor, (hash, origin, project))
        }
        Command::RefusePolicy { project, why } => Ok(refuse_policy(turn, project, &why)),
        Command::ReceiveHook { root, hook, key, data } => {
            hooks::receive(turn, &root, hook, key, data)
        }
        Command::Shutdown => Ok(shutdown(turn, Haste::Grace)),
        Command::ShutdownNow => Ok(shutdown(turn, Haste::Now)),
    }
}

/// A sentence of a person, kept with what it explains.
pub(super) fn reason(text: String) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "a reason is needed: say it with --reason"));
    }
    if text.len() > bounds::PAYLOAD {
        let message = format!("the reason has {} bytes, at most {}", text.len(), bounds::PAYLOAD);
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    Ok(text)
}

/// Stops everything, and keeps it stopped until a person lifts it.
pub(super) fn emergency(turn: &mut Turn<'_>, reason: &str) -> Answer {
    let changed = turn.state().emergency.is_none();
    // Never refused: what is too long is cut.
    let reason = cut(reason, bounds::PAYLOAD).to_string();
    if changed {
        turn.record(Event::EmergencyDeclared { reason: reason.clone() });
    }
    turn.effect(Effect::SetLatch { reason });
    agents::end_all(turn, KillReason::Emergency);
    Answer::Done { changed }
}

fn lift_emergency(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    why: String,
) -> Result<Answer, Refusal> {
    let reason = reason(why)?;
    let Some(emergency) = &turn.state().emergency else {
        // A file may have stayed behind without an emergency; people asked for it to go.
        turn.effect(Effect::ClearLatch);
        proposals::resume(turn);
        return Ok(Answer::Done { changed: false });
    };
    let subject = Subject::LiftEmergency { since: emergency.since, why: emergency.reason.clone() };
    council::put_and_do(turn, world, cache, actor, subject, &reason)
}

/// As the council decided.
pub(super) fn lift(turn: &mut Turn<'_>, reason: String) {
    if turn.state().emergency.is_some() {
        turn.record(Event::EmergencyLifted { reason });
        council::tell_late(turn);
    }
    turn.effect(Effect::ClearLatch);
    proposals::resume(turn);
}

fn adopt_policy(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    (hash, origin, project): (String, String, Option<ProjectId>),
) -> Result<Answer, Refusal> {
    let done = |changed| Ok(Answer::Done { changed });
    if project.is_some_and(|id| !turn.state().projects.contains_key(&id)) {
        return done(false);
    }
    council::policy_changed_again(turn, project, &hash);
    let own = match project {
        Some(id) => turn.state().projects[&id].policy.as_ref(),
        None => turn.state().policy.as_ref(),
    };
    if own.is_some_and(|p| p.hash == hash && p.origin == origin) {
        return done(false);
    }
    // The first one changes nothing, and one that was decided on is known.
    if council::is_agreed(turn.state(), project, &hash) {
        turn.record(Event::PolicyAdopted { hash, origin, project });
        return done(true);
    }
    if !council::is_to_be_put(turn.state(), &hash) {
        return done(false);
    }
    let subject = Subject::ChangePolicy { hash, origin, project };
    council::put_and_do(turn, world, cache, actor, subject, "its files changed")
}

/// Told once for each reason by whoever reads the files; a project that is gone has none.
fn refuse_policy(turn: &mut Turn<'_>, project: ProjectId, why: &str) -> Answer {
    let changed = turn.state().projects.contains_key(&project);
    if changed {
        let why = cut(why, bounds::PAYLOAD).to_string();
        turn.record(Event::PolicyRefused { project, why });
    }
    Answer::Done { changed }
}

fn haste(now: bool) -> Haste {
    if now { Haste::Now } else { Haste::Grace }
}

/// A daemon that ends already may still be told to hurry.
fn shutdown(turn: &mut Turn<'_>, haste: Haste) -> Answer {
    let recorded = turn.events().len();
    let running = turn.state().daemon.as_ref().is_some_and(|d| d.running);
    if running && !turn.state().is_stopping() {
        turn.record(Event::DaemonStopping);
    }
    if turn.state().is_stopping() {
        onboard_scheduler::stop_active(turn, KillReason::Shutdown, haste);
    }
    Answer::Done { changed: turn.events().len() > recorded }
}
