//! What agents of one project share: versioned values and leases.

use super::{Illegal, illegal};
use crate::event::Event;
use crate::ids::{AgentId, ProjectId, RunId};
use crate::state::{Lease, SharedValue, State};
use alloc::{string::String, vec::Vec};

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
            let released = leases.remove(name);
            forget_expiry(state, *project, name, released);
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
    let expires = lease.expires;
    let before = leases.insert(name.into(), lease);
    forget_expiry(state, project, name, before);
    if let Some(expires) = expires {
        state.expiring.insert((expires, project, name.into()));
    }
    state.next.lease_token += 1;
    Ok(())
}

fn forget_expiry(state: &mut State, project: ProjectId, name: &str, lease: Option<Lease>) {
    if let Some(expires) = lease.and_then(|lease| lease.expires) {
        state.expiring.remove(&(expires, project, name.into()));
    }
}

/// A run that ended holds nothing.
pub(super) fn release_all(state: &mut State, agent: AgentId, run: RunId) -> Result<(), Illegal> {
    let project = state.agent_mut(agent)?.project;
    let leases = &mut state.project_mut(project)?.leases;
    let held: Vec<String> =
        leases.iter().filter(|(_, lease)| lease.run == run).map(|(name, _)| name.clone()).collect();
    for name in held {
        let released = state.project_mut(project)?.leases.remove(&name);
        forget_expiry(state, project, &name, released);
    }
    Ok(())
}
