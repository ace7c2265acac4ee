//! Projects: registered with their agents, and looked at for changes.

use super::{World, agents, council};
use onboard_domain::council::Subject;
use onboard_domain::spec::Program;
use onboard_domain::state::bounds;
use onboard_domain::{
    Actor, AgentId, AgentSpec, Answer, Event, ProjectId, Refusal, RefusalKind, Turn,
};
use onboard_scheduler::{Haste, ScheduleCache};
use std::collections::BTreeSet;

pub(super) fn register(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    root: String,
    name: String,
    specs: Vec<AgentSpec>,
) -> Result<Answer, Refusal> {
    let known = turn.state().project_at(&root);
    check(turn, world, known, &root, &specs)?;
    let project = match known {
        Some(project) => project,
        None => {
            let project = ProjectId(turn.state().next.project);
            turn.record(Event::ProjectRegistered { project, root, name });
            project
        }
    };
    let adopt = |spec| adopt(turn, world, cache, actor, project, spec);
    let ids = specs.into_iter().map(adopt).collect::<Result<_, _>>()?;
    Ok(Answer::Project { project, agents: ids })
}

fn check(
    turn: &Turn<'_>,
    world: &World<'_>,
    known: Option<ProjectId>,
    root: &str,
    specs: &[AgentSpec],
) -> Result<(), Refusal> {
    if known.is_none() && turn.state().projects.len() >= bounds::PROJECTS {
        let message = format!("{} projects are registered, the bound", bounds::PROJECTS);
        return Err(Refusal::new(RefusalKind::Limit, message));
    }
    let is_new = |spec: &&AgentSpec| {
        known.is_none_or(|id| turn.state().agent_named(id, spec.name.as_str()).is_none())
    };
    if turn.state().agents.len() + specs.iter().filter(is_new).count() > bounds::AGENTS {
        let message = format!("at most {} agents can be registered", bounds::AGENTS);
        return Err(Refusal::new(RefusalKind::Limit, message));
    }
    if !root.starts_with('/') {
        let message = format!("a project's folder is named by its full path, not `{root}`");
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = specs.iter().find(|spec| !names.insert(spec.name.clone())) {
        let message = format!("two agents are called `{}` ({})", twice.name, twice.origin);
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    agents::validate(specs, world)
}

/// Registers an agent, or gives a known one what its manifest says now. A program that changed is
/// not the one that a person started: it is stopped until a person starts it again.
fn adopt(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    project: ProjectId,
    mut spec: AgentSpec,
) -> Result<AgentId, Refusal> {
    let Some(agent) = turn.state().agent_named(project, spec.name.as_str()) else {
        let agent = AgentId(turn.state().next.agent);
        turn.record(Event::AgentRegistered { agent, project, spec: Box::new(spec) });
        return Ok(agent);
    };
    let wanted = agents::hold_limits(&turn.state().agents[&agent], &mut spec);
    if let Some(limits) = wanted {
        // Files say it, and nobody yet: it waits for people.
        let hash = spec.hash.clone();
        council::suggest(turn, world, actor, Subject::Widen { agent, limits, hash })?;
    }
    let known = &turn.state().agents[&agent].spec;
    if *known == spec {
        return Ok(agent);
    }
    let other_program = spec.program != Program::BuiltIn && known.hash != spec.hash;
    agents::reconfigure(turn, world, cache, agent, spec);
    if other_program {
        agents::stop_one(turn, agent, Haste::Grace);
    }
    Ok(agent)
}

pub(super) fn observed(turn: &mut Turn<'_>, project: ProjectId, git: String, plan: String) {
    let Some(before) = turn.state().projects.get(&project) else { return };
    if before.git != git || before.plan != plan {
        turn.record(Event::ProjectChanged { project, git, plan });
    }
}
