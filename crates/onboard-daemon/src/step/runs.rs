//! Runs: what follows from processes that started, were refused, or are proven gone.

use super::{World, council, findings, forecasts, models, oversight, trials};
use crate::cut::cut;
use crate::input::Exit;
use onboard_domain::state::{Outcome, Phase, Process, Run, Trigger, Usage};
use onboard_domain::{Effect, Event, Generation, KillReason, RunId, Turn};

/// Bytes of an agent's last words that are kept with its outcome: the line of an error, which
/// every state keeps for twenty runs of each agent. The log has all of it.
const LAST_WORDS_MAX: usize = 400;

/// The daemon begins: what ran under the one before is proven dead, so it is recorded as lost.
pub(super) fn began(turn: &mut Turn<'_>, version: String, pid: u32) {
    turn.record(Event::DaemonStarted { version, pid });
    let active: Vec<(RunId, Outcome)> = turn
        .state()
        .runs
        .iter()
        .filter(|(_, run)| run.is_active())
        .map(|(id, run)| (*id, outcome_of_lost(run)))
        .collect();
    models::settle_rest(turn, None);
    for (run, outcome) in active {
        trials::ended(turn, run, None, &outcome);
        end(turn, run, outcome, Usage::default());
    }
    if turn.state().emergency.is_some() {
        super::agents::end_all(turn, KillReason::Emergency);
    }
}

/// A run that was already told to stop ends as told; any other one was lost with its daemon.
fn outcome_of_lost(run: &Run) -> Outcome {
    match &run.phase {
        Phase::Stopping { why, .. } => stopped(run, *why),
        _ => Outcome::Lost { why: "the daemon ended while it ran".into() },
    }
}

/// Whether news of a run is about its present generation.
fn current(turn: &Turn<'_>, run: RunId, generation: Generation) -> bool {
    turn.state().runs.get(&run).is_some_and(|r| r.generation == generation && r.is_active())
}

pub(super) fn launched(
    turn: &mut Turn<'_>,
    id: RunId,
    generation: Generation,
    process: Process,
    deadline_ms: i64,
    degraded: Vec<String>,
) {
    if !current(turn, id, generation) {
        return;
    }
    if let Phase::Stopping { why, .. } = turn.state().runs[&id].phase {
        turn.effect(Effect::Kill { run: id, generation, why });
        return;
    }
    // News that came before.
    if !matches!(turn.state().runs[&id].phase, Phase::Placed { .. }) {
        return;
    }
    let deadline = turn.state().time.plus(deadline_ms);
    turn.record(Event::RunStarted { run: id, generation, process, deadline, degraded });
}

/// A run's deadline is a length of time in which it could run. Where nothing has such an end there
/// is nothing to record.
pub(super) fn leapt(turn: &mut Turn<'_>, ms: i64) {
    let state = turn.state();
    if !state.deadlines.is_empty() || !state.expiring.is_empty() {
        turn.record(Event::TimeLeapt { ms });
    }
}

pub(super) fn refused(
    turn: &mut Turn<'_>,
    run: RunId,
    generation: Generation,
    rule: String,
    why: String,
) {
    if current(turn, run, generation) {
        let outcome = Outcome::Refused { rule, why };
        trials::ended(turn, run, None, &outcome);
        end(turn, run, outcome, Usage::default());
    }
}

/// Records a run's end. One that an emergency cut off may be proven gone only after that was lifted: an
/// answer that it was to go on with is then told now.
fn end(turn: &mut Turn<'_>, run: RunId, outcome: Outcome, usage: Usage) {
    let is_late = council::is_cut_off(&outcome) && turn.state().emergency.is_none();
    turn.record(Event::RunEnded { run, outcome, usage });
    if is_late {
        council::tell_late(turn);
    }
}

pub(super) fn gone(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    run: RunId,
    generation: Generation,
    exit: Exit,
    usage: Usage,
) {
    if !current(turn, run, generation) {
        return;
    }
    let known = &turn.state().runs[&run];
    let outcome = trials::outcome(known, &exit, outcome(known, exit.clone()));
    // What a check sees is another project than the one whose findings are known.
    let is_check = matches!(known.trigger, Trigger::Proposal { .. });
    if outcome == Outcome::Succeeded && !is_check {
        findings::resolve_unseen(turn, run);
    }
    if outcome.is_success() && !is_check {
        forecasts::settle_due(turn, run);
    }
    if outcome == Outcome::TimedOut {
        oversight::deadline(turn, world, run);
    }
    oversight::failed(turn, world, run, &outcome);
    models::settle_rest(turn, Some(run));
    trials::ended(turn, run, Some(&exit), &outcome);
    end(turn, run, outcome, usage);
}

/// What a proven end means for the run.
fn outcome(run: &Run, exit: Exit) -> Outcome {
    if let Phase::Stopping { why, .. } = run.phase {
        return stopped(run, why);
    }
    match exit {
        Exit::Code { code: 0, .. } => match &run.finished {
            Some(finished) if finished.nothing_to_report => Outcome::NothingToReport,
            _ => Outcome::Succeeded,
        },
        Exit::Code { code, last_words } => {
            Outcome::Failed { why: with_last_words(format!("exit code {code}"), &last_words) }
        }
        Exit::Signal { signal, last_words } => Outcome::Failed {
            why: with_last_words(format!("ended by signal {signal}"), &last_words),
        },
        Exit::OutOfMemory { limit_mb } => {
            Outcome::Failed { why: format!("memory limit of {limit_mb} MB reached") }
        }
        Exit::Fault { why } => Outcome::Failed { why },
    }
}

fn stopped(run: &Run, why: KillReason) -> Outcome {
    match why {
        KillReason::Approval => match run.waits_for {
            Some(approval) => Outcome::WaitingForApproval { approval },
            None => Outcome::Killed { why },
        },
        KillReason::Deadline => Outcome::TimedOut,
        KillReason::Shutdown => Outcome::Lost { why: "the daemon was stopped".into() },
        _ => Outcome::Killed { why },
    }
}

fn with_last_words(what: String, last_words: &str) -> String {
    if last_words.is_empty() {
        return what;
    }
    let kept = cut(last_words, LAST_WORDS_MAX);
    let more = if kept.len() < last_words.len() { "…" } else { "" };
    format!("{what}: {kept}{more}")
}
