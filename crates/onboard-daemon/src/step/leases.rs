//! Leases that running agents take on the way: who has them, who waits, and what a write under one may.

use super::World;
use super::calls::{Answered, Caller, key, limit};
use onboard_domain::lease::{self, Holder, InTheWay, Mode, Waiter, may_wait, plain};
use onboard_domain::state::{Lease, State, bounds};
use onboard_domain::{CallAnswer, CallRefusal, Event, ProjectId, RunId, Time, Turn, Under};

/// Longest lease: an agent that needs longer asks again.
const TTL_MAX_MS: i64 = 3_600_000;

/// Takes a lease, or renews it; where others are before this run, it may stand in the queue.
pub(super) fn take(
    turn: &mut Turn<'_>,
    world: &World<'_>,
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
    if let Some(why) = in_the_way(state, world, project, (name, mode), run) {
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

/// Why a run can't have a lease now, in words.
fn in_the_way(
    state: &State,
    world: &World<'_>,
    project: ProjectId,
    (name, mode): (&str, Mode),
    run: RunId,
) -> Option<String> {
    let (now, settings) = (state.time, world.settings);
    let queued = onboard_scheduler::long_queued(state, now, world.host, settings, project);
    let rank = |run, since| onboard_scheduler::rank_in_queue(state, settings, run, since);
    let project = &state.projects[&project];
    Some(match project.in_the_way((name, mode), run, now, &queued, rank)? {
        InTheWay::Held { name: held, holder } if held == name => {
            format!("`{name}` is held by {}", holder.run)
        }
        InTheWay::Held { name: held, holder } => {
            format!("`{name}` overlaps `{held}`, which is held by {}", holder.run)
        }
        InTheWay::Queue(first) => {
            format!("{} waits for `{}` and comes first", first.run, first.name)
        }
    })
}

/// Who waits for a lease that is free for them by now, and when the next of those who wait gives up: then
/// it may be another's turn.
pub(super) fn turns(state: &State, world: &World<'_>) -> (Vec<(RunId, String)>, Option<Time>) {
    let now = state.time;
    let (mut turns, mut given_up) = (Vec::new(), None);
    for (id, project) in state.projects.iter().filter(|(_, known)| !known.waiting.is_empty()) {
        for waiter in project.waiting.iter().filter(|waiter| waiter.until > now) {
            let Waiter { name, mode, run, until, .. } = waiter;
            given_up = Some(given_up.map_or(*until, |first: Time| first.min(*until)));
            if in_the_way(state, world, *id, (name, *mode), *run).is_none() {
                turns.push((*run, name.clone()));
            }
        }
    }
    (turns, given_up)
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
        None if known.waiting.iter().filter(live).filter(|waiter| waiter.run == run).count()
            >= lease::WAITS_PER_RUN =>
        {
            let most = lease::WAITS_PER_RUN;
            return limit(format!(
                "a run waits for at most {most} leases at once: take one of them, or let a wait end"
            ));
        }
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
