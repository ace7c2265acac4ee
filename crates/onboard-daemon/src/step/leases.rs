//! Leases that running agents take on the way: who has them, who waits, and what a write under one may.

use super::calls::{Answered, Caller, key, limit};
use onboard_domain::lease::{self, Holder, Mode, Waiter, may_wait, plain};
use onboard_domain::spec::Priority;
use onboard_domain::state::{Lease, Project, State, bounds};
use onboard_domain::{CallAnswer, CallRefusal, Event, RunId, Time, Turn, Under};
use std::cmp::Reverse;

/// Longest lease: an agent that needs longer asks again.
const TTL_MAX_MS: i64 = 3_600_000;

/// Takes a lease, or renews it; where others are before this run, it may stand in the queue.
pub(super) fn take(
    turn: &mut Turn<'_>,
    caller: Caller,
    name: &str,
    (mode, ttl_ms, wait_ms): (Mode, i64, i64),
) -> Answered {
    key("name", name)?;
    let name = plain_name(name)?;
    within("ttl_ms", ttl_ms, 1..=TTL_MAX_MS)?;
    within("wait_ms", wait_ms, 0..=lease::WAIT_MAX_MS)?;
    let Caller { run, project, .. } = caller;
    let state = turn.state();
    let (now, known) = (state.time, &state.projects[&project]);
    if let Some(own) = known.leases.get(name).and_then(|lease| lease.of(run))
        && own.expires.is_none()
    {
        // Given with the run's place and kept to its end.
        return Ok(CallAnswer::Lease { token: own.token, expires: Time(i64::MAX) });
    }
    if known.held_by(run, now).filter(|held| *held != name).count() >= bounds::LEASES_PER_RUN {
        return Err(limit(format!("a run holds at most {} leases", bounds::LEASES_PER_RUN)));
    }
    if let Some(why) = in_the_way(state, known, name, mode, run) {
        if wait_ms == 0 {
            return Err(CallRefusal::new("held", why));
        }
        return Err(wait(turn, caller, name, mode, wait_ms, &why));
    }
    let (token, expires) = (state.next.lease_token, now.plus(ttl_ms));
    turn.record(Event::LeaseTaken { project, name: name.into(), run, token, expires, mode });
    Ok(CallAnswer::Lease { token, expires })
}

fn plain_name(name: &str) -> Result<&str, CallRefusal> {
    plain(name).map_err(|why| CallRefusal::new("bounds", format!("`{name}`: {why}")))
}

fn within(what: &str, ms: i64, range: std::ops::RangeInclusive<i64>) -> Result<(), CallRefusal> {
    match range.contains(&ms) {
        true => Ok(()),
        false => {
            let (least, most) = range.into_inner();
            let why = format!("`{what}` is {least} to {most}, not {ms}");
            Err(CallRefusal::new("bounds", why))
        }
    }
}

/// Why a run can't have a lease now: another has one that overlaps it, or waits for that and comes first.
fn in_the_way(
    state: &State,
    project: &Project,
    name: &str,
    mode: Mode,
    run: RunId,
) -> Option<String> {
    let now = state.time;
    if let Some((held, holder)) = project.held_against(name, mode, Some(run), now) {
        return Some(match held == name {
            true => format!("`{name}` is held by {}", holder.run),
            false => format!("`{name}` overlaps `{held}`, which is held by {}", holder.run),
        });
    }
    // Who holds something goes on: that others wait is no reason to wait for them.
    if project.held_by(run, now).next().is_some() {
        return None;
    }
    let own = project.waiting.iter().find(|waiter| waiter.run == run && waiter.name == name);
    let since = own.filter(|own| own.until > now).map_or(now, |own| own.since);
    let rank = |run: RunId, since: Time| (Reverse(priority(state, run)), since, run);
    let mut others = project.waiting_for(name, mode, now).filter(|waiter| waiter.run != run);
    let first = others.find(|waiter| rank(waiter.run, waiter.since) < rank(run, since))?;
    Some(format!("{} waits for `{}` and comes first", first.run, first.name))
}

fn priority(state: &State, run: RunId) -> Option<Priority> {
    Some(state.agents.get(&state.runs.get(&run)?.agent)?.spec.priority)
}

/// Puts a run into the queue, where it may stand there; why it does not have the lease yet.
fn wait(
    turn: &mut Turn<'_>,
    caller: Caller,
    name: &str,
    mode: Mode,
    wait_ms: i64,
    why: &str,
) -> CallRefusal {
    let Caller { run, project, .. } = caller;
    let state = turn.state();
    let (now, known) = (state.time, &state.projects[&project]);
    if let Err(held) = may_wait(name, known.held_by(run, now)) {
        let mend = "give that back first, or take leases in the order of their names";
        return CallRefusal::new(
            "order",
            format!(
                "{why}; waiting for `{name}` while this run holds `{held}` could last for ever: {mend}"
            ),
        );
    }
    let live = |waiter: &&Waiter| waiter.until > now;
    let own = |waiter: &&Waiter| waiter.run == run && waiter.name == name && waiter.mode == mode;
    let until = match known.waiting.iter().filter(live).find(own) {
        Some(waiter) => waiter.until,
        None if known.waiting.iter().filter(live).count() >= lease::WAITING => {
            return limit(format!("at most {} waits in a project", lease::WAITING));
        }
        None => {
            let until = now.plus(wait_ms);
            turn.record(Event::LeaseWaited { project, name: name.into(), mode, run, until });
            until
        }
    };
    let left = until.since(now).max(0).div_euclid(1_000);
    CallRefusal::new("waits", format!("{why}; this run waits for {left} s more: ask again"))
}

/// Refuses a write under a lease that is over or is somebody else's by now. Judged with the write, in
/// one turn: nothing comes between.
pub(super) fn fenced(
    turn: &Turn<'_>,
    caller: Caller,
    under: Option<&Under>,
) -> Result<(), CallRefusal> {
    let Some(Under { name, token }) = under else { return Ok(()) };
    let plain = plain_name(name)?;
    let state = turn.state();
    let lease = state.projects[&caller.project].leases.get(plain);
    let live = lease.into_iter().flat_map(Lease::holders);
    let live: Vec<Holder> = live.filter(|holder| holder.is_live(state.time)).collect();
    let own = live.iter().find(|holder| holder.run == caller.run);
    let now = match own.or(live.first()) {
        Some(own) if own.token == *token && own.run == caller.run => return Ok(()),
        Some(other) => format!("held by {} with token {}", other.run, other.token),
        None => "not held".into(),
    };
    Err(CallRefusal::new(
        "conflict",
        format!("`{name}` is {now}; this run does not hold it with {token}"),
    ))
}

/// Gives a lease back.
pub(super) fn release(turn: &mut Turn<'_>, caller: Caller, name: &str) -> Answered {
    let plain = plain_name(name)?;
    let leases = &turn.state().projects[&caller.project].leases;
    let Some(held) = leases.get(plain).and_then(|lease| lease.of(caller.run)) else {
        return Err(CallRefusal::new("unknown", format!("this run does not hold `{name}`")));
    };
    if held.expires.is_none() {
        let why = format!("`{name}` came with the run's place and is kept until it ends");
        return Err(CallRefusal::new("held", why));
    }
    let token = held.token;
    let name = plain.to_string();
    turn.record(Event::LeaseReleased { project: caller.project, name, token });
    Ok(CallAnswer::Done)
}
