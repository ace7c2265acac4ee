//! Agents: started, stopped, paused, run, configured, terminated. Each is idempotent.

use super::{World, commands, council, findings};
use onboard_domain::command::AgentAnswer;
use onboard_domain::council::Subject;
use onboard_domain::spec::{Limits, Program};
use onboard_domain::state::{Agent, Desired, Phase, bounds};
use onboard_domain::{
    Actor, AgentId, AgentName, AgentSpec, Answer, Event, KillReason, Refusal, RefusalKind, RunId,
    Turn,
};
use onboard_scheduler::{Haste, ScheduleCache};

fn known(turn: &Turn<'_>, agent: AgentId) -> Result<(), Refusal> {
    if turn.state().agents.contains_key(&agent) {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::UnknownAgent, format!("there is no agent {agent}")))
}

fn all_known(turn: &Turn<'_>, agents: &[AgentId]) -> Result<(), Refusal> {
    agents.iter().try_for_each(|agent| known(turn, *agent))
}

/// Schedules parse, dependencies exist and have no cycle.
pub(super) fn validate(specs: &[AgentSpec], world: &World<'_>) -> Result<(), Refusal> {
    onboard_scheduler::validate(specs, world.zones).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Refusal::new(RefusalKind::Invalid, lines.join("\n"))
    })
}

pub(super) fn not_in_emergency(turn: &Turn<'_>) -> Result<(), Refusal> {
    match &turn.state().emergency {
        None => Ok(()),
        Some(emergency) => Err(Refusal::new(
            RefusalKind::Forbidden,
            format!(
                "an emergency shutdown is in force ({}); a person lifts it with \
                 `ai_onboard background-agents resume --reason …`",
                emergency.reason
            ),
        )),
    }
}

pub(super) fn start(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    agents: &[AgentId],
) -> Result<Answer, Refusal> {
    not_in_emergency(turn)?;
    all_known(turn, agents)?;
    room_for(turn, agents.len())?;
    let (mut answers, mut lost) = (Vec::new(), None);
    for agent in agents {
        match council::deploy(turn, world, actor, *agent, false) {
            Ok(None) => answers.push(start_one(turn, world, cache, *agent)),
            Ok(Some(waits)) => answers.push(council::waiting(*agent, waits)),
            // The others are started all the same.
            Err(refusal) => lost = lost.or(Some(refusal)),
        }
    }
    lost.map_or(Ok(Answer::Agents(answers)), Err)
}

pub(super) fn start_one(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    agent: AgentId,
) -> AgentAnswer {
    let World { now, settings, zones, .. } = *world;
    let changed = turn.state().agents[&agent].desired != Desired::Started;
    let first = changed
        .then(|| onboard_scheduler::start_agent(turn, now, settings, zones, cache, agent))
        .flatten();
    let run = first.or_else(|| newest_live(turn, agent));
    AgentAnswer { agent, changed, run, waits: None }
}

/// The agent's newest run that is not on its way out.
fn newest_live(turn: &Turn<'_>, agent: AgentId) -> Option<RunId> {
    let stopping = |phase: &Phase| matches!(phase, Phase::Stopping { .. });
    let live = turn.state().runs_of(agent).filter(|(_, run)| !stopping(&run.phase));
    live.map(|(id, _)| id).last()
}

pub(super) fn stop(
    turn: &mut Turn<'_>,
    agents: &[AgentId],
    haste: Haste,
) -> Result<Answer, Refusal> {
    all_known(turn, agents)?;
    let answers = agents.iter().map(|agent| stop_one(turn, *agent, haste)).collect();
    Ok(Answer::Agents(answers))
}

pub(super) fn stop_one(turn: &mut Turn<'_>, agent: AgentId, haste: Haste) -> AgentAnswer {
    let recorded = turn.events().len();
    let run = turn.state().runs_of(agent).map(|(id, _)| id).last();
    if turn.state().agents[&agent].desired != Desired::Stopped {
        turn.record(Event::AgentStopped { agent });
    }
    onboard_scheduler::stop_runs(turn, agent, KillReason::Stopped, haste);
    council::agent_stopped(turn, agent);
    AgentAnswer { agent, changed: turn.events().len() > recorded, run, waits: None }
}

pub(super) fn restart(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    agents: &[AgentId],
    haste: Haste,
) -> Result<Answer, Refusal> {
    not_in_emergency(turn)?;
    all_known(turn, agents)?;
    room_for(turn, agents.len())?;
    for agent in agents {
        stop_one(turn, *agent, haste);
    }
    start(turn, world, cache, actor, agents)
}

pub(super) fn pause(turn: &mut Turn<'_>, agents: &[AgentId]) -> Result<Answer, Refusal> {
    all_known(turn, agents)?;
    // All or none: what is refused has changed nothing.
    let known = &turn.state().agents;
    if let Some(stopped) = agents.iter().find(|id| known[id].desired == Desired::Stopped) {
        let name = &known[stopped].spec.name;
        return Err(Refusal::new(
            RefusalKind::Invalid,
            format!(
                "`{name}` is stopped; only a started agent can be paused: \
                 `ai_onboard background-agents start {name}`"
            ),
        ));
    }
    let pause_one = |agent: &AgentId| {
        let changed = turn.state().agents[agent].desired == Desired::Started;
        if changed {
            turn.record(Event::AgentPaused { agent: *agent });
        }
        AgentAnswer { agent: *agent, changed, run: None, waits: None }
    };
    Ok(Answer::Agents(agents.iter().map(pause_one).collect()))
}

pub(super) fn resume(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    agents: &[AgentId],
) -> Result<Answer, Refusal> {
    not_in_emergency(turn)?;
    all_known(turn, agents)?;
    let resume_one = |agent: &AgentId| {
        let changed = turn.state().agents[agent].desired == Desired::Paused;
        if changed {
            turn.record(Event::AgentResumed { agent: *agent });
            onboard_scheduler::plan_next(
                turn,
                world.now,
                world.settings,
                world.zones,
                cache,
                *agent,
            );
        }
        AgentAnswer { agent: *agent, changed, run: None, waits: None }
    };
    Ok(Answer::Agents(agents.iter().map(resume_one).collect()))
}

pub(super) fn run_now(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    actor: &Actor,
    agent: AgentId,
) -> Result<Answer, Refusal> {
    not_in_emergency(turn)?;
    known(turn, agent)?;
    room_for(turn, 1)?;
    let entry = &turn.state().agents[&agent];
    if let Some(why) = &entry.quarantine {
        let message = format!(
            "`{}` is in quarantine ({why}); lift it with `ai_onboard background-agents \
             resume {} --reason …`",
            entry.spec.name, entry.spec.name
        );
        return Err(Refusal::new(RefusalKind::Forbidden, message));
    }
    if let Some((motion, missing)) = council::deploy(turn, world, actor, agent, true)? {
        return Ok(Answer::Waiting { motion, missing });
    }
    run_one(turn, world, agent)
}

/// Queues the one run that was asked for.
///
/// # Errors
/// When no more runs can be queued.
pub(super) fn run_one(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    agent: AgentId,
) -> Result<Answer, Refusal> {
    match onboard_scheduler::run_now(turn, world.now, agent) {
        Some(run) => Ok(Answer::Run { run }),
        None => {
            Err(Refusal::new(RefusalKind::Limit, "no more runs can be queued; try again later"))
        }
    }
}

pub(super) fn room_for(turn: &Turn<'_>, count: usize) -> Result<(), Refusal> {
    if turn.state().runs.len() + count <= bounds::RUNS {
        return Ok(());
    }
    let message = format!("{} runs wait or run, the bound; try again later", bounds::RUNS);
    Err(Refusal::new(RefusalKind::Limit, message))
}

pub(super) fn terminate(turn: &mut Turn<'_>, agent: AgentId) -> Result<Answer, Refusal> {
    known(turn, agent)?;
    if turn.state().runs_of(agent).next().is_some() {
        let message = format!("{agent} has runs that have not ended; stop it first");
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    if let Some(other) = depends_on(turn, agent) {
        let message = format!("`{other}` depends on {agent}; configure or terminate it first");
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    findings::resolve_all(turn, agent);
    turn.record(Event::AgentTerminated { agent });
    Ok(Answer::Done { changed: true })
}

/// An agent that would wait for ever without this one.
fn depends_on(turn: &Turn<'_>, agent: AgentId) -> Option<AgentName> {
    let state = turn.state();
    let gone = &state.agents[&agent];
    let others = state.projects[&gone.project].agents.values().map(|id| &state.agents[id].spec);
    others.filter(|spec| spec.depends_on.contains(&gone.spec.name)).map(|s| s.name.clone()).next()
}

pub(super) fn configure(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    agent: AgentId,
    mut spec: AgentSpec,
) -> Result<Answer, Refusal> {
    known(turn, agent)?;
    let entry = &turn.state().agents[&agent];
    if entry.spec.name != spec.name {
        let message = format!("an agent keeps its name, `{}`", entry.spec.name);
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    if entry.spec == spec {
        return Ok(Answer::Done { changed: false });
    }
    validate(&project_specs_with(turn, agent, &spec), world)?;
    let wanted = hold_limits(entry, &mut spec);
    if turn.state().agents[&agent].spec != spec {
        reconfigure(turn, world, cache, agent, spec);
    }
    match wanted {
        None => Ok(Answer::Done { changed: true }),
        Some(limits) => {
            let hash = turn.state().agents[&agent].spec.hash.clone();
            let subject = Subject::Widen { agent, limits, hash };
            council::put_and_do(turn, world, cache, actor, subject, "its settings changed")
        }
    }
}

/// Keeps what an agent may use that people let run as it was where its new settings want more; gives
/// what they want, for the council. One of ours that came with another `ai_onboard` wants its limits
/// like any other: whoever upgrades has read no manifest.
pub(super) fn hold_limits(agent: &Agent, spec: &mut AgentSpec) -> Option<Limits> {
    let is_other = spec.program != Program::BuiltIn && agent.spec.hash != spec.hash;
    if is_other || !was_let_run(agent) {
        // It is decided on as a whole.
        return None;
    }
    let wanted = spec.limits;
    spec.limits = agent.spec.limits.tightened_by(&wanted);
    (spec.limits != wanted).then_some(wanted)
}

/// Whether anybody agreed to what the agent may use: by a start, or by a run.
fn was_let_run(agent: &Agent) -> bool {
    match agent.spec.program {
        Program::BuiltIn => {
            agent.started_before || agent.desired != Desired::Stopped || agent.last_queued.is_some()
        }
        Program::Command { .. } => agent.is_deployed(),
    }
}

/// As the council decided.
pub(super) fn widen(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    agent: AgentId,
    limits: Limits,
) {
    let spec = AgentSpec { limits, ..turn.state().agents[&agent].spec.clone() };
    reconfigure(turn, world, cache, agent, spec);
}

/// The specs of the agent's whole project, with its own replaced: dependencies are judged together.
fn project_specs_with(turn: &Turn<'_>, agent: AgentId, spec: &AgentSpec) -> Vec<AgentSpec> {
    let state = turn.state();
    let project = &state.projects[&state.agents[&agent].project];
    let others = project.agents.values().filter(|id| **id != agent);
    others.map(|id| state.agents[id].spec.clone()).chain([spec.clone()]).collect()
}

pub(super) fn reconfigure(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    agent: AgentId,
    spec: AgentSpec,
) {
    turn.record(Event::AgentConfigured { agent, spec: Box::new(spec) });
    if turn.state().agents[&agent].desired != Desired::Stopped {
        onboard_scheduler::plan_next(turn, world.now, world.settings, world.zones, cache, agent);
    }
}

pub(super) fn lift_quarantine(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    agent: AgentId,
    why: String,
) -> Result<Answer, Refusal> {
    known(turn, agent)?;
    let reason = commands::reason(why)?;
    let Some(why) = turn.state().agents[&agent].quarantine.clone() else {
        return Ok(Answer::Done { changed: false });
    };
    let subject = Subject::LiftQuarantine { agent, why };
    council::put_and_do(turn, world, cache, actor, subject, &reason)
}

/// As the council decided.
pub(super) fn lift(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    agent: AgentId,
    reason: String,
) {
    turn.record(Event::QuarantineLifted { agent, reason });
    council::tell_late(turn);
    if turn.state().agents[&agent].desired == Desired::Started {
        onboard_scheduler::plan_next(turn, world.now, world.settings, world.zones, cache, agent);
    }
}

/// Ends every run: queued ones here and now, active ones when they are proven dead.
pub(super) fn end_all(turn: &mut Turn<'_>, why: KillReason) {
    let agents: Vec<AgentId> = turn.state().runs.values().map(|run| run.agent).collect();
    for agent in agents {
        onboard_scheduler::stop_runs(turn, agent, why, Haste::Now);
    }
}
