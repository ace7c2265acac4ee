//! A run's life: queued → placed → running → (stopping) → ended.
//!
//! A run may end from every phase: refused before it is placed, lost with the daemon, killed while
//! queued. It can't be placed, started or stopped twice in one generation.

use super::{Illegal, illegal};
use crate::effect::KillReason;
use crate::event::{Event, LeaseGrant};
use crate::ids::{AgentId, Generation, ProjectId, RunId, Time};
use crate::lease::{Holder, Mode};
use crate::state::{
    Agent, EndedRun, Finished, Outcome, Phase, Process, Run, State, Trigger, Usage, bounds,
};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) fn apply(state: &mut State, event: &Event) -> Result<(), Illegal> {
    match event {
        Event::RunQueued { run, agent, slot, trigger, attempt, not_before } => {
            queue(state, *run, *agent, *slot, trigger, *attempt, *not_before)
        }
        Event::RunPlaced { run, generation, leases, deadline_ms } => {
            place(state, *run, *generation, leases, *deadline_ms)
        }
        Event::RunStarted { run, generation, process, deadline, degraded: _ } => {
            start(state, *run, *generation, process, *deadline)
        }
        Event::RunStopping { run, generation, why, grace_ms } => {
            stopping(state, *run, *generation, *why, *grace_ms)
        }
        Event::RunFinished { run, nothing_to_report, summary } => {
            state.run_mut(*run)?.finished =
                Some(Finished { nothing_to_report: *nothing_to_report, summary: summary.clone() });
            Ok(())
        }
        Event::RunEnded { run, outcome, usage } => end(state, *run, outcome, *usage),
        other => illegal!("not a run's event: {other:?}"),
    }
}

fn queue(
    state: &mut State,
    id: RunId,
    agent: AgentId,
    slot: Time,
    trigger: &Trigger,
    attempt: u32,
    not_before: Time,
) -> Result<(), Illegal> {
    if id.0 != state.next.run {
        illegal!("run {id} queued, next is r{}", state.next.run);
    }
    let now = state.time;
    let project = state.agent_mut(agent)?.project;
    let (git, plan) = {
        let project = state.project_mut(project)?;
        (project.git.clone(), project.plan.clone())
    };
    if let Trigger::Answered { approval } = trigger
        && let Some(motion) = state.motions.get_mut(approval)
    {
        motion.untold = false;
    }
    let owner = state.agent_mut(agent)?;
    owner.live.push(id);
    owner.last_queued = Some(now);
    owner.idle_slots = 0;
    state.next.run += 1;
    state.queued.insert((not_before, id));
    let run = Run {
        agent,
        slot,
        trigger: trigger.clone(),
        attempt,
        queued: now,
        not_before,
        generation: Generation(0),
        phase: Phase::Queued,
        git,
        plan,
        seen: BTreeSet::new(),
        new_findings: 0,
        emitted: 0,
        proposals: 0,
        asked: 0,
        waits_for: None,
        violations: Vec::new(),
        finished: None,
    };
    state.runs.insert(id, run);
    Ok(())
}

fn place(
    state: &mut State,
    id: RunId,
    generation: Generation,
    leases: &[LeaseGrant],
    deadline_ms: i64,
) -> Result<(), Illegal> {
    let now = state.time;
    let run = state.run_mut(id)?;
    if run.phase != Phase::Queued || generation.0 != run.generation.0 + 1 {
        illegal!("{id} can't be placed as {generation} from {:?} {}", run.phase, run.generation);
    }
    run.generation = generation;
    run.phase = Phase::Placed { at: now, deadline_ms };
    let (agent, not_before, given_up) = (run.agent, run.not_before, run.deadline());
    state.queued.remove(&(not_before, id));
    state.deadlines.extend(given_up.map(|at| (at, id)));
    state.active.insert(id);
    let project = state.agent_mut(agent)?.project;
    see_project(state, id, project)?;
    for grant in leases {
        let holder = Holder { run: id, token: grant.token, since: now, expires: None };
        super::shared::grant(state, project, &grant.name, Mode::Exclusive, holder)?;
    }
    Ok(())
}

/// Its process starts after this, so it sees the project at least as new as it is now.
fn see_project(state: &mut State, id: RunId, project: ProjectId) -> Result<(), Illegal> {
    let project = state.project_mut(project)?;
    let (git, plan) = (project.git.clone(), project.plan.clone());
    let run = state.run_mut(id)?;
    (run.git, run.plan) = (git, plan);
    Ok(())
}

fn start(
    state: &mut State,
    id: RunId,
    generation: Generation,
    process: &Process,
    deadline: Time,
) -> Result<(), Illegal> {
    let now = state.time;
    let run = state.run_mut(id)?;
    if !matches!(run.phase, Phase::Placed { .. }) || generation != run.generation {
        illegal!("{id} can't start as {generation} from {:?} {}", run.phase, run.generation);
    }
    let before = run.deadline();
    run.phase = Phase::Running { started: now, deadline, process: process.clone() };
    if let Some(before) = before {
        state.deadlines.remove(&(before, id));
    }
    state.deadlines.insert((deadline, id));
    Ok(())
}

fn stopping(
    state: &mut State,
    id: RunId,
    generation: Generation,
    why: KillReason,
    grace_ms: i64,
) -> Result<(), Illegal> {
    let now = state.time;
    let run = state.run_mut(id)?;
    let sooner = matches!(run.phase, Phase::Stopping { kill_at: Some(_), .. }) && grace_ms == 0;
    if !run.is_active() || matches!(run.phase, Phase::Stopping { .. }) && !sooner {
        illegal!("{id} can't be told to stop from {:?}", run.phase);
    }
    if generation != run.generation {
        illegal!("{id} is at {}, not {generation}", run.generation);
    }
    let before = run.deadline();
    let kill_at = (grace_ms > 0).then(|| now.plus(grace_ms));
    run.phase = Phase::Stopping { started: run.started(), since: now, why, kill_at };
    if let Some(before) = before {
        state.deadlines.remove(&(before, id));
    }
    state.deadlines.extend(kill_at.map(|at| (at, id)));
    Ok(())
}

fn end(state: &mut State, id: RunId, outcome: &Outcome, usage: Usage) -> Result<(), Illegal> {
    let now = state.time;
    let Some(run) = state.runs.remove(&id) else { illegal!("no run {id}") };
    match run.deadline() {
        Some(deadline) => state.deadlines.remove(&(deadline, id)),
        None => state.queued.remove(&(run.not_before, id)),
    };
    state.active.remove(&id);
    state.models.runs.remove(&id);
    super::shared::release_all(state, run.agent, id)?;
    let agent = state.agent_mut(run.agent)?;
    agent.live.retain(|live| *live != id);
    count(agent, &run, outcome, usage, now);
    if outcome.is_success() {
        agent.last_success = Some(now);
        agent.seen_git.clone_from(&run.git);
        agent.seen_plan.clone_from(&run.plan);
        agent.consecutive_failures = 0;
    } else if outcome.is_failure() {
        agent.consecutive_failures = agent.consecutive_failures.saturating_add(1);
    }
    while agent.recent.len() >= bounds::RECENT {
        agent.recent.pop_front();
    }
    agent.recent.push_back(ended(id, run, outcome, usage, now));
    Ok(())
}

fn count(agent: &mut Agent, run: &Run, outcome: &Outcome, usage: Usage, now: Time) {
    let totals = &mut agent.totals;
    totals.runs += 1;
    totals.cpu_ms += usage.cpu_ms;
    if let Some(started) = run.started() {
        totals.wall_ms += u64::try_from(now.since(started)).unwrap_or(0);
    }
    match outcome {
        Outcome::Succeeded => totals.succeeded += 1,
        Outcome::NothingToReport => totals.nothing_to_report += 1,
        _ if outcome.is_failure() => totals.failed += 1,
        _ => {}
    }
}

fn ended(id: RunId, run: Run, outcome: &Outcome, usage: Usage, now: Time) -> EndedRun {
    let started = run.started();
    EndedRun {
        run: id,
        slot: run.slot,
        trigger: run.trigger,
        attempt: run.attempt,
        queued: run.queued,
        started,
        ended: now,
        outcome: outcome.clone(),
        usage,
        findings: run.new_findings,
        summary: run.finished.map_or(String::new(), |finished| finished.summary),
    }
}

impl State {
    pub(crate) fn run_mut(&mut self, id: RunId) -> Result<&mut Run, Illegal> {
        self.runs.get_mut(&id).ok_or_else(|| Illegal(alloc::format!("no run {id}")))
    }
}
