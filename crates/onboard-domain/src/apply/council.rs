//! A motion's life: opened, voted on, decided, carried out; or nobody answered, or its subject went.

use super::{Illegal, illegal};
use crate::command::Actor;
use crate::council::{Cast, Fact, Motion, Status, Subject, Vote, bounds};
use crate::ids::{MotionId, Time};
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::string::String;

pub(super) fn apply(state: &mut State, id: MotionId, fact: &Fact) -> Result<(), Illegal> {
    if let Fact::Opened { subject, by, reason, expires } = fact {
        return opened(state, id, subject, by, reason, *expires);
    }
    if let Fact::Repeated { run } = fact {
        state.run_mut(*run)?.waits_for = Some(id);
    }
    let now = state.time;
    let Some(motion) = state.motions.get_mut(&id) else { illegal!("no motion {id}") };
    let (before, expired) = (motion.status, motion.expires);
    motion.status = match (before, fact) {
        (Status::Open, Fact::Repeated { .. }) => {
            motion.asked = motion.asked.saturating_add(1);
            return Ok(());
        }
        (Status::Open, Fact::Voted { digest, votes }) => {
            return votes.iter().try_for_each(|vote| cast(motion, id, digest, vote, now));
        }
        (Status::Open, Fact::Decided { carried, why }) => {
            motion.note.clone_from(why);
            if *carried {
                motion.expires = now.plus(bounds::USED_WITHIN_MS);
                Status::Approved
            } else {
                Status::Rejected
            }
        }
        (Status::Open | Status::Approved, Fact::Expired) => {
            motion.note = "nobody answered in time; that is no denial".into();
            Status::Expired
        }
        (Status::Open | Status::Approved, Fact::Withdrawn { why }) => {
            motion.note.clone_from(why);
            Status::Withdrawn
        }
        (Status::Approved, Fact::Executed) => Status::Executed,
        (status, fact) => illegal!("{id} is {status} and this comes: {fact:?}"),
    };
    motion.since = now;
    if let (Subject::Act { agent, .. }, Status::Rejected | Status::Expired) =
        (&motion.subject, motion.status)
    {
        let agent = state.agents.get(agent);
        let locked = agent.is_some_and(|agent| agent.quarantine.is_some());
        motion.untold = state.emergency.is_some() || locked;
    }
    let (expires, status) = (motion.expires, motion.status);
    state.waiting.remove(&(expired, id));
    if status.is_live() {
        state.waiting.insert((expires, id));
    }
    if status == Status::Executed {
        executed(state, id);
    }
    Ok(())
}

fn opened(
    state: &mut State,
    id: MotionId,
    subject: &Subject,
    by: &Actor,
    reason: &str,
    expires: Time,
) -> Result<(), Illegal> {
    if id.0 != state.next.motion {
        illegal!("motion {id} opened, next is v{}", state.next.motion);
    }
    let about = subject.agent(state);
    let agent = about.and_then(|about| Some((about, state.agents.get(&about)?)));
    let project = match subject {
        Subject::ChangePolicy { project, .. } => *project,
        _ => agent.map(|(_, agent)| agent.project),
    };
    let agent = agent.map(|(id, agent)| (id, agent.spec.name.clone()));
    if let (Subject::Act { agent, .. }, Actor::Agent { run, .. }) = (subject, by) {
        state.run_mut(*run)?.waits_for = Some(id);
        let now = state.time;
        let asked = &mut state.agent_mut(*agent)?.asked;
        asked.push_back(now);
        if asked.len() > bounds::ASKED_PER_DAY {
            asked.pop_front();
        }
    }
    state.next.motion += 1;
    let motion = Motion {
        digest: subject.digest(),
        subject: subject.clone(),
        by: by.clone(),
        project,
        agent,
        reason: reason.into(),
        opened: state.time,
        expires,
        asked: 1,
        votes: BTreeMap::new(),
        status: Status::Open,
        since: state.time,
        note: String::new(),
        untold: false,
    };
    state.motions.insert(id, motion);
    state.waiting.insert((expires, id));
    forget_oldest_settled(state);
    Ok(())
}

/// The seat's newest word counts.
fn cast(
    motion: &mut Motion,
    id: MotionId,
    digest: &str,
    vote: &Vote,
    at: Time,
) -> Result<(), Illegal> {
    if motion.digest != digest {
        illegal!("a vote on {id} is about another subject");
    }
    match (&vote.by, vote.seat.is_of_people()) {
        (Some(Actor::Person { .. }), true) | (None, false) => {}
        (by, _) => illegal!("{by:?} votes for {} on {id}", vote.seat),
    }
    motion.votes.insert(vote.seat, Cast { at, vote: vote.clone() });
    Ok(())
}

/// What the fold itself remembers of a decision that was carried out.
fn executed(state: &mut State, id: MotionId) {
    let Some(motion) = state.motions.get(&id) else { return };
    if let Subject::Deploy { agent, hash, .. } = &motion.subject {
        let (agent, hash) = (*agent, hash.clone());
        if let Some(agent) = state.agents.get_mut(&agent) {
            agent.deployed = Some(hash);
        }
    }
}

fn forget_oldest_settled(state: &mut State) {
    if state.motions.len() <= bounds::KEPT {
        return;
    }
    let settled = state.motions.iter().find(|(_, motion)| !motion.status.is_live());
    if let Some(oldest) = settled.map(|(id, _)| *id) {
        state.motions.remove(&oldest);
    }
}
