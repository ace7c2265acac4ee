//! What agents of one project share: versioned values and leases.

use super::{Illegal, illegal};
use crate::event::Event;
use crate::ids::{AgentId, ProjectId, RunId};
use crate::state::{Lease, SharedValue, State};

pub(super) fn apply(state: &mut State, event: &Event) -> Result<(), Illegal> {
    match event {
        Event::StatePut { project, key, value, version, by } => {
            let at = state.time;
            let shared = &mut state.project_mut(*project)?.shared;
            let before = shared.get(key).map_or(0, |value| value.version);
            if *version != before + 1 {
                illegal!("`{key}` goes from version {before} to {version}");
            }
            let value = SharedValue { value: value.clone(), version: *version, by: *by, at };
            shared.insert(key.clone(), value);
            Ok(())
        }
        Event::LeaseTaken { project, name, run, token, expires } => {
            let since = state.time;
            let lease = Lease { run: *run, token: *token, since, expires: Some(*expires) };
            grant(state, *project, name, lease)
        }
        Event::LeaseReleased { project, name, token } => {
            let leases = &mut state.project_mut(*project)?.leases;
            if leases.get(name).map(|lease| lease.token) != Some(*token) {
                illegal!("lease `{name}` is not held with token {token}");
            }
            leases.remove(name);
            Ok(())
        }
        other => illegal!("not an event of shared things: {other:?}"),
    }
}

/// Gives a lease that nobody holds, or renews the holder's own.
pub(super) fn grant(
    state: &mut State,
    project: ProjectId,
    name: &str,
    lease: Lease,
) -> Result<(), Illegal> {
    if lease.token != state.next.lease_token {
        illegal!("lease token {} given, next is {}", lease.token, state.next.lease_token);
    }
    let now = state.time;
    let leases = &mut state.project_mut(project)?.leases;
    if let Some(held) = leases.get(name)
        && held.run != lease.run
        && held.expires.is_none_or(|expires| expires > now)
    {
        illegal!("lease `{name}` is held by {} and given to {}", held.run, lease.run);
    }
    leases.insert(name.into(), lease);
    state.next.lease_token += 1;
    Ok(())
}

/// A run that ended holds nothing.
pub(super) fn release_all(state: &mut State, agent: AgentId, run: RunId) -> Result<(), Illegal> {
    let project = state.agent_mut(agent)?.project;
    state.project_mut(project)?.leases.retain(|_, lease| lease.run != run);
    Ok(())
}
