//! The consistency checker: what must hold of every state, for tests, the simulation and operators.

use crate::command::Actor;
use crate::council::{self, Motion};
use crate::forecast;
use crate::hook;
use crate::ids::AgentId;
use crate::incident;
use crate::lease::{self, Mode};
use crate::proposal;
use crate::state::{Desired, Phase, State, bounds};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

/// Everything that is wrong with a state; empty for a sound one.
pub fn check(state: &State) -> Vec<String> {
    let mut notes = Vec::new();
    check_runs(state, &mut notes);
    check_agents(state, &mut notes);
    check_projects(state, &mut notes);
    check_incidents(state, &mut notes);
    check_motions(state, &mut notes);
    check_hooks(state, &mut notes);
    check_indexes(state, &mut notes);
    notes
}

fn check_runs(state: &State, notes: &mut Vec<String>) {
    for (id, run) in &state.runs {
        match state.agents.get(&run.agent) {
            None => notes.push(alloc::format!("{id} belongs to no agent")),
            Some(agent) if !agent.live.contains(id) => {
                notes.push(alloc::format!("{id} is not among the runs of {}", run.agent));
            }
            Some(_) => {}
        }
        if run.phase == Phase::Queued && run.generation.0 != 0 {
            notes.push(alloc::format!("{id} is queued again after a placement"));
        }
    }
}

fn check_agents(state: &State, notes: &mut Vec<String>) {
    if state.agents.len() > bounds::AGENTS {
        notes.push(alloc::format!("{} agents, bound {}", state.agents.len(), bounds::AGENTS));
    }
    for (id, agent) in &state.agents {
        let active = state.runs_of(*id).filter(|(_, run)| run.is_active()).count();
        if active > 1 {
            notes.push(alloc::format!("{id} has {active} active runs"));
        }
        if agent.desired == Desired::Stopped && agent.due.is_some() {
            notes.push(alloc::format!("{id} is stopped and has a next slot"));
        }
        if agent.inbox.len() > bounds::INBOX || agent.recent.len() > bounds::RECENT {
            notes.push(alloc::format!("{id} holds more than its bounds"));
        }
        for run in &agent.live {
            if !state.runs.contains_key(run) {
                notes.push(alloc::format!("{id} names {run}, which is not live"));
            }
        }
    }
}

fn check_projects(state: &State, notes: &mut Vec<String>) {
    for (id, project) in &state.projects {
        for (name, lease) in &project.leases {
            for holder in lease.holders().filter(|holder| !state.runs.contains_key(&holder.run)) {
                let run = holder.run;
                notes.push(alloc::format!("lease `{name}` of {id} is held by ended {run}"));
            }
            if lease.mode == Mode::Exclusive && !lease.others.is_empty() {
                notes.push(alloc::format!("exclusive lease `{name}` of {id} is shared"));
            }
        }
        for waiter in project.waiting.iter().filter(|w| !state.runs.contains_key(&w.run)) {
            notes.push(alloc::format!("ended {} waits for `{}` of {id}", waiter.run, waiter.name));
        }
        if project.waiting.len() > lease::WAITING {
            notes.push(alloc::format!("{} waits in {id}", project.waiting.len()));
        }
        if project.findings.len() > bounds::FINDINGS
            || project.dismissed.len() > bounds::DISMISSED
            || project.shared.len() > bounds::SHARED
            || project.forecasts.len() > forecast::bounds::OPEN
        {
            notes.push(alloc::format!("{id} holds more than its bounds"));
        }
        for (fingerprint, open) in &project.forecasts {
            if state.agents.get(&open.agent).is_none_or(|agent| agent.project != *id) {
                notes.push(alloc::format!("the forecast of {fingerprint} in {id} is of no agent"));
            }
        }
        let proposals = state.proposals.values().filter(|proposal| proposal.project == *id);
        if proposals.count() > proposal::bounds::KEPT + proposal::bounds::OPEN {
            notes.push(alloc::format!("{id} remembers more proposals than its bound"));
        }
        for fingerprint in project.dismissed_of.keys() {
            if !project.dismissed.contains_key(fingerprint) {
                notes.push(alloc::format!("{fingerprint} of {id} is somebody's and not dismissed"));
            }
        }
        for fingerprint in project.findings.keys() {
            if project.dismissed.contains_key(fingerprint) {
                notes.push(alloc::format!("finding {fingerprint} of {id} is live and dismissed"));
            }
        }
    }
}

fn check_incidents(state: &State, notes: &mut Vec<String>) {
    let open = state.incidents.values().filter(|incident| incident.is_open());
    let agents: BTreeSet<AgentId> = open.clone().map(|incident| incident.agent).collect();
    if agents.len() < open.clone().count() {
        notes.push("an agent has two open incidents".into());
    }
    if state.incidents.len() > bounds::AGENTS + incident::bounds::KEPT {
        notes.push(alloc::format!("{} incidents are remembered", state.incidents.len()));
    }
    for (id, incident) in &state.incidents {
        if incident.timeline.len() > incident::bounds::TIMELINE {
            notes.push(alloc::format!("{id} holds more than its bounds"));
        }
    }
    for (id, agent) in &state.agents {
        let marks = agent.conduct.marks.values().map(VecDeque::len).max().unwrap_or(0);
        if marks > incident::bounds::MARKS || agent.conduct.recent.len() > incident::bounds::RECENT
        {
            notes.push(alloc::format!("{id} holds more than its bounds"));
        }
    }
}

fn check_motions(state: &State, notes: &mut Vec<String>) {
    let open = |motion: &&Motion| motion.status == council::Status::Open;
    if state.motions.values().filter(open).count() > council::bounds::OPEN
        || state.motions.len() > council::bounds::OPEN + council::bounds::KEPT
    {
        notes.push(alloc::format!("{} motions are remembered", state.motions.len()));
    }
    for (id, motion) in &state.motions {
        if motion.digest != motion.subject.digest() {
            notes.push(alloc::format!("{id} is bound to another subject than it has"));
        }
        let by_an_agent = |cast: &council::Cast| matches!(cast.vote.by, Some(Actor::Agent { .. }));
        if motion.votes.values().any(by_an_agent) {
            notes.push(alloc::format!("an agent voted on {id}"));
        }
    }
}

fn check_hooks(state: &State, notes: &mut Vec<String>) {
    use hook::bounds::{HOOKS, KEYS, RECENT};
    let over = |known: &hook::Known| known.keys.len() > KEYS || known.recent.len() > RECENT;
    if state.hooks.len() > HOOKS || state.hooks.values().any(over) {
        notes.push("webhooks hold more than their bounds".into());
    }
}

fn check_indexes(state: &State, notes: &mut Vec<String>) {
    let mut rebuilt = state.clone();
    rebuilt.reindex();
    if rebuilt.due != state.due
        || rebuilt.queued != state.queued
        || rebuilt.deadlines != state.deadlines
        || rebuilt.active != state.active
        || rebuilt.expiring != state.expiring
        || rebuilt.waiting != state.waiting
    {
        notes.push("a derived index differs from what it is derived from".into());
    }
}
