//! Matters before the council: put, voted on, decided, carried out, or left without an answer.
//!
//! Whoever asks for something that a seat of theirs decides votes with it: where that is enough, one
//! command is all. Where it is not, the motion waits, and what was asked for is done when the votes
//! are there.

use super::{World, agents, commands, oversight, proposals};
use crate::cut::cut;
use onboard_domain::command::AgentAnswer;
use onboard_domain::council::{Ballot, Fact, Motion, Status, Subject, Vote, bounds};
use onboard_domain::state::{Outcome, Trigger};
use onboard_domain::{
    Actor, AgentId, Answer, CallAnswer, CallRefusal, Event, KillReason, MotionId, ProjectId,
    Refusal, RefusalKind, RunId, State, Time, Turn,
};
use onboard_policy::{Council, Room, Tally, automatic};
use onboard_scheduler::{Haste, ScheduleCache};

/// What people rejected is not asked again for so long.
const REJECTED_MS: i64 = 24 * 3_600_000;
/// The span in which an agent's approvals are counted.
const DAY_MS: i64 = 24 * 3_600_000;

/// What came of putting a matter.
pub(super) enum Put {
    Carried(MotionId),
    Waits(MotionId, String),
}

/// Puts a matter before the council; whoever asks votes for it with every seat they hold.
///
/// # Errors
/// When the votes say no, nothing more can be put, or the council is not known.
pub(super) fn put(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    actor: &Actor,
    subject: Subject,
    reason: &str,
) -> Result<Put, Refusal> {
    let council = sound(world)?;
    let digest = subject.digest();
    let open = |motion: &Motion| motion.status == Status::Open && motion.digest == digest;
    let known = turn.state().motions.iter().rev().find(|(_, motion)| open(motion));
    let id = match known.map(|(id, _)| *id) {
        Some(id) => {
            look_again(turn, world, id);
            id
        }
        None => {
            let expires = turn.state().time.plus(council.waits_ms);
            open_motion(turn, world, actor.clone(), subject, reason, expires)?
        }
    };
    let seats = council.votes_of(actor, &turn.state().motions[&id]);
    let said = turn.state().motions[&id].votes.values();
    let again = said.filter(|cast| cast.vote.by.as_ref() == Some(actor)).count() > 0;
    if !again {
        let votes =
            seats.into_iter().map(|seat| by(actor, seat, Ballot::Approve, reason)).collect();
        cast(turn, id, votes);
    }
    match settle(turn, &council, id) {
        Tally::Carried(_) => Ok(Put::Carried(id)),
        Tally::Waits(missing) => Ok(Put::Waits(id, missing)),
        Tally::Lost(why) => {
            let message = format!("the council said no ({id}): {why}");
            Err(Refusal::new(RefusalKind::Forbidden, message))
        }
    }
}

/// Puts a matter that nobody has said yes to yet, unless it waits already or was rejected lately.
///
/// # Errors
/// When nothing more can be put, or the council is not known.
pub(super) fn suggest(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    actor: &Actor,
    subject: Subject,
) -> Result<(), Refusal> {
    let council = sound(world)?;
    let (digest, now) = (subject.digest(), turn.state().time);
    let known = turn.state().motions.values().rev().find(|motion| motion.digest == digest);
    let holds = known.is_some_and(|motion| match motion.status {
        Status::Open | Status::Approved => true,
        Status::Rejected => now.since(motion.since) < REJECTED_MS,
        _ => false,
    });
    if !holds {
        let expires = now.plus(council.waits_ms);
        let id = open_motion(turn, world, actor.clone(), subject, "its files changed", expires)?;
        settle(turn, &council, id);
    }
    Ok(())
}

/// A command's matter: done at once where its votes are enough.
pub(super) fn put_and_do(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    subject: Subject,
    reason: &str,
) -> Result<Answer, Refusal> {
    match put(turn, world, actor, subject, reason)? {
        Put::Carried(id) => execute(turn, world, cache, id),
        Put::Waits(motion, missing) => Ok(Answer::Waiting { motion, missing }),
    }
}

/// The council, unless its configuration is wrong: then nothing is decided.
fn sound(world: &World<'_>) -> Result<Council, Refusal> {
    let council = world.policies.council();
    match &council.problem {
        None => Ok(council),
        Some(problem) => {
            let message = format!("the council can't decide, its file is wrong: {problem}");
            Err(Refusal::new(RefusalKind::Forbidden, message))
        }
    }
}

fn open_motion(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    by: Actor,
    subject: Subject,
    reason: &str,
    expires: Time,
) -> Result<MotionId, Refusal> {
    let open = turn.state().motions.values().filter(|m| m.status == Status::Open).count();
    if open >= bounds::OPEN {
        let message = format!("{open} motions wait, the bound: `ai_onboard approvals list`");
        return Err(Refusal::new(RefusalKind::Limit, message));
    }
    let id = MotionId(turn.state().next.motion);
    let votes = automatic(turn.state(), &subject, &room(turn, world));
    let reason = cut(reason, bounds::REASON).to_string();
    record(turn, id, Fact::Opened { subject: Box::new(subject), by, reason, expires });
    cast(turn, id, votes);
    Ok(id)
}

fn room(turn: &Turn<'_>, world: &World<'_>) -> Room {
    let (budget, taken) = (world.settings.budget, onboard_scheduler::reserved_by_all(turn.state()));
    let unnamed = onboard_scheduler::UNNAMED;
    Room {
        cpu_percent: budget.cpu_percent,
        memory_mb: budget.memory_mb,
        taken_cpu_percent: taken.cpu_percent,
        taken_memory_mb: taken.memory_mb,
        unnamed_cpu_percent: unnamed.cpu_percent,
        unnamed_memory_mb: unnamed.memory_mb,
    }
}

fn by(actor: &Actor, seat: onboard_domain::council::Seat, ballot: Ballot, reason: &str) -> Vote {
    let reason = cut(reason, bounds::REASON).to_string();
    let reasons = if reason.trim().is_empty() { Vec::new() } else { vec![reason] };
    Vote { seat, ballot, by: Some(actor.clone()), reasons }
}

/// The rules' members say what they say now, where that is another word than before: much may have
/// happened since it was put.
fn look_again(turn: &mut Turn<'_>, world: &World<'_>, id: MotionId) {
    let motion = &turn.state().motions[&id];
    let said = |vote: &Vote| motion.votes.get(&vote.seat).is_some_and(|cast| cast.vote == *vote);
    let mut votes = automatic(turn.state(), &motion.subject, &room(turn, world));
    votes.retain(|vote| !said(vote));
    cast(turn, id, votes);
}

fn cast(turn: &mut Turn<'_>, id: MotionId, votes: Vec<Vote>) {
    if !votes.is_empty() {
        let digest = turn.state().motions[&id].digest.clone();
        record(turn, id, Fact::Voted { digest, votes });
    }
}

/// Counts, and decides where the votes are enough.
fn settle(turn: &mut Turn<'_>, council: &Council, id: MotionId) -> Tally {
    let tally = council.tally(&turn.state().motions[&id]);
    let decided = match &tally {
        Tally::Carried(why) => Some((true, why.clone())),
        Tally::Lost(why) => Some((false, why.clone())),
        Tally::Waits(_) => None,
    };
    if let Some((carried, why)) = decided {
        let why = cut(&why, bounds::REASON).to_string();
        record(turn, id, Fact::Decided { carried, why });
    }
    tally
}

/// What a person says, and of what.
pub(super) struct Said {
    pub(super) motion: MotionId,
    /// The hash of the subject that was seen.
    pub(super) digest: String,
    pub(super) ballot: Ballot,
    pub(super) reason: String,
}

/// A person votes on a motion that waits.
pub(super) fn vote(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    said: Said,
) -> Result<Answer, Refusal> {
    let Said { motion: id, digest, ballot, reason: why } = said;
    if !matches!(actor, Actor::Person { .. }) {
        let message = "only a person votes: nothing that an agent started is an agent's to approve";
        return Err(Refusal::new(RefusalKind::Forbidden, message));
    }
    // What is approved explains itself.
    let reason = match ballot {
        Ballot::Approve if why.trim().is_empty() => String::new(),
        _ => commands::reason(why)?,
    };
    let council = sound(world)?;
    let Some(motion) = turn.state().motions.get(&id) else {
        let message = format!("there is no {id}; `ai_onboard approvals list --all` shows them");
        return Err(Refusal::new(RefusalKind::Unknown, message));
    };
    if is_said_already(id, motion, &digest, ballot)? {
        return Ok(Answer::Done { changed: false });
    }
    if let Some(why) = motion.subject.outdated(turn.state()) {
        record(turn, id, Fact::Withdrawn { why: why.into() });
        return Err(Refusal::new(RefusalKind::Invalid, format!("{id} is void: {why}")));
    }
    // A no, or a word of caution, starts nothing.
    if ballot == Ballot::Approve {
        held_up(turn, &motion.subject)?;
    }
    let seats = council.votes_of(actor, motion);
    if seats.is_empty() {
        return Err(Refusal::new(RefusalKind::Forbidden, no_seat(&council, actor, motion)));
    }
    let votes = seats.into_iter().map(|seat| by(actor, seat, ballot, &reason)).collect();
    // A no takes nobody else's, and stays the person's own, with their reason.
    if ballot != Ballot::Reject {
        look_again(turn, world, id);
    }
    cast(turn, id, votes);
    match settle(turn, &council, id) {
        Tally::Carried(_) => execute(turn, world, cache, id),
        Tally::Waits(missing) => Ok(Answer::Waiting { motion: id, missing }),
        Tally::Lost(why) => {
            answered(turn, id);
            match ballot {
                Ballot::Reject => Ok(Answer::Done { changed: true }),
                _ => {
                    let message = format!("the council said no ({id}): {why}");
                    Err(Refusal::new(RefusalKind::Forbidden, message))
                }
            }
        }
    }
}

/// Whether a motion that takes no votes any more came to what the vote says; an error where it is another
/// than was seen, or came to something else.
fn is_said_already(
    id: MotionId,
    motion: &Motion,
    digest: &str,
    ballot: Ballot,
) -> Result<bool, Refusal> {
    let invalid = |message: String| Err(Refusal::new(RefusalKind::Invalid, message));
    if motion.digest != digest {
        return invalid(format!("{id} is about something else than what was seen: show it again"));
    }
    match (motion.status, ballot) {
        (Status::Open, _) => Ok(false),
        (Status::Approved | Status::Executed, Ballot::Approve)
        | (Status::Rejected, Ballot::Reject) => Ok(true),
        (status, _) => invalid(format!("{id} is {status} and takes no votes")),
    }
}

fn no_seat(council: &Council, actor: &Actor, motion: &Motion) -> String {
    let asked = !council.requester_may_vote && !council.seats_of(actor).is_empty();
    if asked && motion.by == *actor {
        return "whoever asked for it does not vote on it here: another seat has to".into();
    }
    let seats: Vec<String> = onboard_domain::council::Seat::ALL
        .iter()
        .filter(|seat| seat.is_of_people())
        .map(|seat| council.named(*seat))
        .collect();
    format!("you hold no seat of the council: {}", seats.join(", "))
}

/// An emergency holds up what would start something.
fn held_up(turn: &Turn<'_>, subject: &Subject) -> Result<(), Refusal> {
    match subject {
        Subject::LiftEmergency { .. }
        | Subject::LiftQuarantine { .. }
        | Subject::CloseIncident { .. }
        | Subject::ChangePolicy { .. }
        | Subject::Widen { .. } => Ok(()),
        Subject::Deploy { .. } | Subject::Apply { .. } | Subject::Act { .. } => {
            agents::not_in_emergency(turn)
        }
    }
}

/// Does what was decided.
fn execute(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    id: MotionId,
) -> Result<Answer, Refusal> {
    let motion = turn.state().motions[&id].clone();
    let done = |changed| Ok(Answer::Done { changed });
    let reason = motion.reason.clone();
    match motion.subject {
        Subject::Act { .. } => {
            // The agent does it, in the run that goes on with this answer.
            answered(turn, id);
            return done(true);
        }
        Subject::Deploy { agent, once: true, .. } => {
            // Where there is no place for it, the yes is kept.
            agents::room_for(turn, 1)?;
            record(turn, id, Fact::Executed);
            return agents::run_one(turn, world, agent);
        }
        Subject::Deploy { agent, .. } => {
            record(turn, id, Fact::Executed);
            let started = agents::start_one(turn, world, cache, agent);
            return Ok(Answer::Agents(vec![started]));
        }
        Subject::Widen { agent, limits, .. } => agents::widen(turn, world, cache, agent, limits),
        Subject::Apply { proposal, patch, protected, despite_check } => {
            let yes =
                proposals::Yes { patch, reason, protected: !protected.is_empty(), despite_check };
            proposals::accept(turn, proposal, yes);
        }
        Subject::LiftQuarantine { agent, .. } => {
            agents::lift(turn, world, cache, agent, reason);
        }
        Subject::LiftEmergency { .. } => commands::lift(turn, reason),
        Subject::ChangePolicy { hash, origin, project } => {
            turn.record(Event::PolicyAdopted { hash, origin, project });
        }
        Subject::CloseIncident { incident, .. } => {
            oversight::close_now(turn, &motion.by, incident, reason);
        }
    }
    record(turn, id, Fact::Executed);
    done(true)
}

/// Whether a policy with this hash may be in force for a project: it is its own that people agreed to,
/// or another project's, or nothing is on record yet. What a policy forbids is all in its hash.
pub(crate) fn is_agreed(state: &State, project: Option<ProjectId>, hash: &str) -> bool {
    let Some(newest) = &state.policy else { return true };
    let own = project.and_then(|id| state.projects.get(&id)?.policy.as_ref());
    let others = state.projects.values().filter_map(|project| project.policy.as_ref());
    others.chain([newest]).any(|policy| policy.hash == hash)
        // From before projects had their own.
        || own.is_none() && changes_to(state, hash).any(|motion| motion.status == Status::Executed)
}

/// The changes to a policy, newest first.
fn changes_to<'a>(state: &'a State, hash: &'a str) -> impl Iterator<Item = &'a Motion> {
    state
        .motions
        .values()
        .rev()
        .filter(move |m| matches!(&m.subject, Subject::ChangePolicy { hash: to, .. } if to == hash))
}

/// Whether a changed policy is to be put to people: it does not wait, and they did not say no lately.
pub(crate) fn is_to_be_put(state: &State, hash: &str) -> bool {
    changes_to(state, hash).next().is_none_or(|newest| match newest.status {
        Status::Open | Status::Approved => false,
        Status::Rejected => state.time.since(newest.since) >= REJECTED_MS,
        Status::Expired | Status::Withdrawn | Status::Executed => true,
    })
}

/// A project's files say something else now than what was put before.
pub(super) fn policy_changed_again(turn: &mut Turn<'_>, of: Option<ProjectId>, hash: &str) {
    let other = |id: &MotionId| {
        let motion = turn.state().motions.get(id);
        motion.is_some_and(|motion| match &motion.subject {
            Subject::ChangePolicy { hash: to, project, .. } => to != hash && *project == of,
            _ => false,
        })
    };
    let ids: Vec<MotionId> = turn.state().waiting.iter().map(|(_, id)| *id).filter(other).collect();
    for id in ids {
        record(turn, id, Fact::Withdrawn { why: "its files changed again".into() });
    }
}

/// Lets an agent run that came with a project, if the council has not done so yet: `once`, or as its
/// schedule says from now on.
///
/// # Errors
/// When the votes say no.
pub(super) fn deploy(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    actor: &Actor,
    agent: AgentId,
    once: bool,
) -> Result<Option<(MotionId, String)>, Refusal> {
    let known = &turn.state().agents[&agent];
    if known.is_deployed() {
        return Ok(None);
    }
    let (hash, name) = (known.spec.hash.clone(), known.spec.name.clone());
    let limits = Some(known.spec.limits);
    let subject = Subject::Deploy { agent, hash, limits, once };
    let put = put(turn, world, actor, subject, "").map_err(|refusal| {
        let message = format!("`{name}`: {}", refusal.message);
        Refusal { message, ..refusal }
    })?;
    Ok(match put {
        Put::Carried(id) => {
            record(turn, id, Fact::Executed);
            None
        }
        Put::Waits(id, missing) => Some((id, missing)),
    })
}

/// What an agent's start came to that waits for the council.
pub(super) fn waiting(agent: AgentId, waits: (MotionId, String)) -> AgentAnswer {
    AgentAnswer { agent, changed: false, run: None, waits: Some(waits) }
}

/// A running agent asks for an approval. Its run ends, unless there is an answer already.
pub(super) fn request(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    (agent, run): (AgentId, RunId),
    (action, what): (String, String),
    reason: String,
    expires_ms: i64,
) -> Result<CallAnswer, CallRefusal> {
    within("action", action.len(), bounds::ACTION)?;
    within("what", what.len(), bounds::WHAT)?;
    within("reason", reason.len(), bounds::REASON)?;
    let program = turn.state().agents[&agent].spec.hash.clone();
    let subject = Subject::Act { agent, program, action, what };
    if let Some(id) = known(turn, run, &subject) {
        return Ok(again(turn, run, id));
    }
    has_room(turn, agent)?;
    let council = sound(world).map_err(|why| CallRefusal::new("forbidden", why.message))?;
    let name = turn.state().agents[&agent].spec.name.clone();
    let expires = turn.state().time.plus(expires_ms.clamp(1, council.waits_ms));
    let id = open_motion(turn, world, Actor::Agent { run, name }, subject, &reason, expires)
        .map_err(|refusal| CallRefusal::new("limit", refusal.message))?;
    if let Tally::Waits(_) = settle(turn, &council, id) {
        give_back(turn, run);
    }
    Ok(answer(turn, id))
}

fn within(field: &str, len: usize, most: usize) -> Result<(), CallRefusal> {
    if (1..=most).contains(&len) {
        return Ok(());
    }
    let message = format!("`{field}` has {len} bytes, allowed are 1 to {most}");
    Err(CallRefusal::new("bounds", message))
}

/// The newest request in the same words that still says something to this run.
fn known(turn: &Turn<'_>, run: RunId, subject: &Subject) -> Option<MotionId> {
    let (digest, now) = (subject.digest(), turn.state().time);
    let told = match &turn.state().runs[&run].trigger {
        Trigger::Answered { approval } => Some(*approval),
        _ => None,
    };
    let (id, motion) =
        turn.state().motions.iter().rev().find(|(_, motion)| motion.digest == digest)?;
    let holds = match motion.status {
        Status::Open | Status::Approved => true,
        Status::Rejected => now.since(motion.since) < REJECTED_MS,
        // Told to the run that goes on; a later one may ask anew.
        Status::Expired | Status::Withdrawn => told == Some(*id),
        Status::Executed => false,
    };
    holds.then_some(*id)
}

/// Asked in the same words: the answer, or once more the wait for it. A yes is given once.
fn again(turn: &mut Turn<'_>, run: RunId, id: MotionId) -> CallAnswer {
    match turn.state().motions[&id].status {
        Status::Open => {
            if turn.state().runs[&run].waits_for != Some(id) {
                record(turn, id, Fact::Repeated { run });
            }
            give_back(turn, run);
        }
        Status::Approved => record(turn, id, Fact::Executed),
        _ => {}
    }
    answer(turn, id)
}

/// The run gives its place and its leases back while people think.
fn give_back(turn: &mut Turn<'_>, run: RunId) {
    onboard_scheduler::stop_run(turn, run, KillReason::Approval, Haste::Now);
}

fn answer(turn: &Turn<'_>, id: MotionId) -> CallAnswer {
    let motion = &turn.state().motions[&id];
    let (status, hash, note) = (motion.status, motion.digest.clone(), motion.note.clone());
    CallAnswer::Approval { id, status, hash, note }
}

/// One agent may not bury people.
fn has_room(turn: &Turn<'_>, agent: AgentId) -> Result<(), CallRefusal> {
    let now = turn.state().time;
    let by_it =
        |motion: &&Motion| matches!(motion.subject, Subject::Act { agent: by, .. } if by == agent);
    let of_it = || turn.state().motions.values().filter(by_it);
    let open = of_it().filter(|motion| motion.status == Status::Open).count();
    if open >= bounds::OPEN_PER_AGENT {
        let message = format!("{open} approvals of this agent wait for people: no more until then");
        return Err(CallRefusal::new("limit", message));
    }
    // By the agent's own record: motions are forgotten.
    let asked = turn.state().agents[&agent].asked.iter();
    let today = asked.filter(|at| now.since(**at) < DAY_MS).count();
    if today >= bounds::ASKED_PER_DAY {
        let message = format!("this agent asked for {today} approvals within a day, the bound");
        return Err(CallRefusal::new("limit", message));
    }
    Ok(())
}

/// An agent's request was answered, or will not be: a run goes on with that.
fn answered(turn: &mut Turn<'_>, id: MotionId) {
    let Subject::Act { agent, .. } = turn.state().motions[&id].subject else { return };
    let Some(known) = turn.state().agents.get(&agent) else { return };
    if known.quarantine.is_none() && turn.state().emergency.is_none() {
        onboard_scheduler::queue_now(turn, agent, Trigger::Answered { approval: id });
    }
}

/// Answers that came while nothing could run, or whose run was cut off, now that it can.
pub(super) fn tell_late(turn: &mut Turn<'_>) {
    let state = turn.state();
    let late = |(id, motion): &(&MotionId, &Motion)| {
        motion.untold || was_cut_off(state, **id, motion).unwrap_or(false)
    };
    let ids: Vec<MotionId> = state.motions.iter().filter(late).map(|(id, _)| *id).collect();
    for id in ids {
        answered(turn, id);
    }
}

/// Whether the newest run that was to go on with an answer was ended by no word of its agent's, and none
/// is there in its place. A yes that was used holds no longer, so nothing is done twice.
fn was_cut_off(state: &State, id: MotionId, motion: &Motion) -> Option<bool> {
    let Subject::Act { agent, .. } = motion.subject else { return None };
    if !matches!(motion.status, Status::Approved | Status::Rejected | Status::Expired) {
        return None;
    }
    let of_it =
        |trigger: &Trigger| matches!(trigger, Trigger::Answered { approval } if *approval == id);
    let newest =
        state.agents.get(&agent)?.recent.iter().rev().find(|ended| of_it(&ended.trigger))?;
    let goes_on = state.runs_of(agent).any(|(_, run)| of_it(&run.trigger));
    // What its own agent tried ended it in the queue, and a person has forgiven that.
    let dropped = newest.outcome == Outcome::Killed { why: KillReason::Violation };
    let dropped = dropped && newest.started.is_none();
    Some(!goes_on && (dropped || is_cut_off(&newest.outcome)))
}

/// Whether what people decided of everything, or of its agent, ended a run before its time.
pub(super) fn is_cut_off(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Killed { why } => *why == KillReason::Emergency,
        Outcome::Refused { rule, .. } => matches!(rule.as_str(), "emergency" | "quarantine"),
        _ => false,
    }
}

/// A person stopped an agent: what it asked for is not wanted any more.
pub(super) fn agent_stopped(turn: &mut Turn<'_>, agent: AgentId) {
    let of_it = |id: &MotionId| {
        let motion = turn.state().motions.get(id);
        motion.is_some_and(|m| matches!(m.subject, Subject::Act { agent: by, .. } if by == agent))
    };
    let ids: Vec<MotionId> = turn.state().waiting.iter().map(|(_, id)| *id).filter(of_it).collect();
    for id in ids {
        let changed = turn.state().motions[&id].subject.outdated(turn.state());
        let why = changed.unwrap_or("its agent was stopped").into();
        record(turn, id, Fact::Withdrawn { why });
    }
}

/// What time and events of this turn did to motions that wait. Gives when the next one expires.
pub(super) fn look_after(turn: &mut Turn<'_>) -> Option<Time> {
    let waiting: Vec<MotionId> = turn.state().waiting.iter().map(|(_, id)| *id).collect();
    for id in waiting {
        withdraw_outdated(turn, id);
    }
    expire(turn);
    turn.state().waiting.first().map(|(at, _)| *at)
}

/// What is over time, before anything is decided on it.
pub(super) fn expire(turn: &mut Turn<'_>) {
    let now = turn.state().time;
    let over = turn.state().waiting.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id);
    for id in over.collect::<Vec<MotionId>>() {
        if withdraw_outdated(turn, id) {
            continue;
        }
        if turn.state().motions[&id].status == Status::Open {
            record(turn, id, Fact::Expired);
            answered(turn, id);
        } else {
            let why = "it was allowed and not used within a day".into();
            record(turn, id, Fact::Withdrawn { why });
        }
    }
}

fn withdraw_outdated(turn: &mut Turn<'_>, id: MotionId) -> bool {
    let outdated = turn.state().motions[&id].subject.outdated(turn.state());
    if let Some(why) = outdated {
        record(turn, id, Fact::Withdrawn { why: why.into() });
    }
    outdated.is_some()
}

fn record(turn: &mut Turn<'_>, motion: MotionId, fact: Fact) {
    turn.record(Event::Motion { motion, fact: Box::new(fact) });
}
