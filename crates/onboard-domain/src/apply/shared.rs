//! What agents of one project share: versioned values and leases.

use super::{Illegal, illegal};
use crate::event::Event;
use crate::ids::{AgentId, ProjectId, RunId, Time};
use crate::lease::{Holder, Mode, Waiter};
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
        Event::LeaseTaken { project, name, run, token, expires, mode } => {
            let since = state.time;
            let holder = Holder { run: *run, token: *token, since, expires: Some(*expires) };
            grant(state, *project, name, *mode, holder)
        }
        Event::LeaseWaited { project, name, mode, run, until } => {
            let (since, until) = (state.time, *until);
            let waiting = &mut state.project_mut(*project)?.waiting;
            waiting.retain(|waiter| {
                waiter.until > since && (waiter.run, &waiter.name) != (*run, name)
            });
            waiting.push(Waiter { name: name.clone(), mode: *mode, run: *run, since, until });
            Ok(())
        }
        Event::LeaseReleased { project, name, token } => {
            let lease = state.project_mut(*project)?.leases.get(name).cloned();
            let (mode, mut holders) = holders(lease.as_ref());
            let before = holders.len();
            holders.retain(|holder| holder.token != *token);
            if holders.len() == before {
                illegal!("lease `{name}` is not held with token {token}");
            }
            put(state, *project, name, Lease::of_all(mode, holders))
        }
        other => illegal!("not an event of shared things: {other:?}"),
    }
}

fn holders(lease: Option<&Lease>) -> (Mode, Vec<Holder>) {
    let mode = lease.map_or(Mode::Exclusive, |lease| lease.mode);
    (mode, lease.map(|lease| lease.holders().collect()).unwrap_or_default())
}

/// Gives a lease that nobody holds against it, or renews the holder's own.
pub(super) fn grant(
    state: &mut State,
    project: ProjectId,
    name: &str,
    mode: Mode,
    holder: Holder,
) -> Result<(), Illegal> {
    let (now, next) = (state.time, state.next.lease_token);
    if holder.token != next {
        illegal!("lease token {} given, next is {next}", holder.token);
    }
    let entry = state.project_mut(project)?;
    let (was, mut all) = holders(entry.leases.get(name));
    all.retain(|other| other.run != holder.run && other.is_live(now));
    if let Some(held) = all.first()
        && (was, mode) != (Mode::Shared, Mode::Shared)
    {
        illegal!("lease `{name}` is held by {} and given to {}", held.run, holder.run);
    }
    entry.waiting.retain(|waiter| waiter.run != holder.run || waiter.name != name);
    all.push(holder);
    put(state, project, name, Lease::of_all(mode, all))?;
    state.next.lease_token += 1;
    Ok(())
}

/// Puts a lease in the place of the one before, and its ends into the index.
fn put(
    state: &mut State,
    project: ProjectId,
    name: &str,
    lease: Option<Lease>,
) -> Result<(), Illegal> {
    let leases = &mut state.project_mut(project)?.leases;
    let before = match lease.clone() {
        Some(lease) => leases.insert(name.into(), lease),
        None => leases.remove(name),
    };
    let ends = |lease: Option<&Lease>| -> Vec<Time> {
        lease.into_iter().flat_map(Lease::holders).filter_map(|holder| holder.expires).collect()
    };
    for at in ends(before.as_ref()) {
        state.expiring.remove(&(at, project, name.into()));
    }
    for at in ends(lease.as_ref()) {
        state.expiring.insert((at, project, name.into()));
    }
    Ok(())
}

/// A run that ended holds nothing, and waits for nothing.
pub(super) fn release_all(state: &mut State, agent: AgentId, run: RunId) -> Result<(), Illegal> {
    let project = state.agent_mut(agent)?.project;
    let entry = state.project_mut(project)?;
    entry.waiting.retain(|waiter| waiter.run != run);
    let held: Vec<(String, Lease)> = entry
        .leases
        .iter()
        .filter(|(_, lease)| lease.of(run).is_some())
        .map(|(name, lease)| (name.clone(), lease.clone()))
        .collect();
    for (name, lease) in held {
        let (mode, mut rest) = holders(Some(&lease));
        rest.retain(|holder| holder.run != run);
        put(state, project, &name, Lease::of_all(mode, rest))?;
    }
    Ok(())
}
