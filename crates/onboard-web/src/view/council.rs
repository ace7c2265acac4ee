//! Motions: as rows for people and programs, and what happened to them in words.

use super::event::{Told, info, warning};
use crate::api::{CouncilView, DecisionRow, Follows, MotionRow, SeatRow, VoteRow};
use onboard_domain::council::{Cast, Fact, Kind, Motion, Seat, Status, Subject};
use onboard_domain::{MotionId, ProjectId, State};
use onboard_policy::{Council, Tally};

/// The motions that match, newest first; those of no project always do.
pub fn rows(state: &State, council: &Council, project: Option<ProjectId>) -> Vec<MotionRow> {
    let of_project = |motion: &Motion| {
        project.is_none() || motion.project.is_none() || motion.project == project
    };
    let motions = state.motions.iter().rev().filter(|(_, motion)| of_project(motion));
    motions.map(|(id, motion)| row(state, council, *id, motion)).collect()
}

/// One motion.
pub fn row(state: &State, council: &Council, id: MotionId, motion: &Motion) -> MotionRow {
    let is_open = motion.status == Status::Open;
    let missing = match council.tally(motion) {
        Tally::Waits(missing) if is_open => Some(missing),
        _ => None,
    };
    let grouped = |(other, of): &(&MotionId, &Motion)| {
        **other != id && of.status == Status::Open && of.is_grouped_with(motion)
    };
    let group = state.motions.iter().filter(grouped).map(|(id, _)| id.to_string());
    MotionRow {
        id: id.to_string(),
        kind: motion.subject.kind(),
        status: motion.status,
        title: title(state, motion),
        subject: motion.subject.clone(),
        digest: motion.digest.clone(),
        project: motion.project.map(|id| super::project_name(state, id)),
        project_id: motion.project.map(|id| id.to_string()),
        agent: motion.agent.as_ref().map(|(_, name)| name.to_string()),
        by: motion.by.clone(),
        reason: motion.reason.clone(),
        opened: motion.opened.into(),
        expires: motion.expires.into(),
        since: motion.since.into(),
        asked: motion.asked,
        votes: motion.votes.values().map(vote).collect(),
        missing,
        follows: is_open.then(|| follows(motion)),
        note: motion.note.clone(),
        group: if is_open { group.collect() } else { Vec::new() },
    }
}

fn vote(cast: &Cast) -> VoteRow {
    let vote = cast.vote.clone();
    VoteRow {
        seat: vote.seat,
        ballot: vote.ballot,
        at: cast.at.into(),
        by: vote.by,
        reasons: vote.reasons,
    }
}

fn title(state: &State, motion: &Motion) -> String {
    let agent = motion.agent.as_ref().map_or("an agent", |(_, name)| name.as_str());
    match &motion.subject {
        Subject::Deploy { once: true, .. } => format!("let {agent} run once"),
        Subject::Deploy { .. } => format!("let {agent} run"),
        Subject::Widen { .. } => format!("let {agent} use more"),
        Subject::Apply { proposal, .. } => {
            let title = state.proposals.get(proposal).map(|p| p.proposed.title.as_str());
            format!("apply {proposal}: {}", title.unwrap_or("it is gone"))
        }
        Subject::LiftQuarantine { .. } => format!("lift the quarantine of {agent}"),
        Subject::LiftEmergency { .. } => "lift the emergency shutdown".into(),
        Subject::ChangePolicy { origin, .. } => format!("change the policy to {origin}"),
        Subject::CloseIncident { incident, .. } => format!("close {incident} of {agent}"),
        Subject::Act { action, what, .. } => format!("{action}: {what}"),
    }
}

/// What comes of each answer, and of none.
fn follows(motion: &Motion) -> Follows {
    let agent = motion.agent.as_ref().map_or("the agent", |(_, name)| name.as_str());
    let (yes, no) = match &motion.subject {
        Subject::Act { .. } => {
            return Follows {
                yes: format!("a run of {agent} goes on and is told so, once, within a day"),
                no: format!(
                    "a run of {agent} goes on and is told so with your reason; the same is not \
                     asked again for a day"
                ),
                silence: format!(
                    "a run of {agent} goes on and is told that nobody answered, which is neither"
                ),
            };
        }
        Subject::Deploy { once: true, .. } => {
            (format!("one run of {agent} is queued"), format!("{agent} does not run"))
        }
        Subject::Deploy { .. } => (format!("{agent} is started"), format!("{agent} does not run")),
        Subject::Widen { .. } => (
            format!("{agent} may use this from its next run on"),
            format!("{agent} keeps the limits that it has"),
        ),
        Subject::Apply { proposal, .. } => (
            "it is written as a branch of its own; nothing is merged".into(),
            format!("nothing is written, and {proposal} stays open"),
        ),
        Subject::LiftQuarantine { .. } => {
            (format!("{agent} may run again"), format!("{agent} stays in quarantine"))
        }
        Subject::LiftEmergency { .. } => {
            ("what was started before goes on".into(), "nothing starts".into())
        }
        Subject::ChangePolicy { .. } => {
            ("it is in force from the next run on".into(), "the one before stays in force".into())
        }
        Subject::CloseIncident { incident, .. } => {
            (format!("{incident} is closed with the reason"), format!("{incident} stays open"))
        }
    };
    Follows { yes, no, silence: "nothing is done, and it may be asked for again".into() }
}

/// The council as it is configured.
pub fn status(state: &State, council: &Council) -> CouncilView {
    let seat = |seat: &Seat| SeatRow {
        seat: *seat,
        title: seat.title().into(),
        holders: council.holders(*seat),
    };
    let decision = |kind: &Kind| {
        let rule = council.rule(*kind);
        DecisionRow { kind: *kind, quorum: rule.quorum, veto: rule.veto }
    };
    CouncilView {
        origin: council.origin.clone(),
        problem: council.problem.clone(),
        seats: Seat::ALL.iter().map(seat).collect(),
        requester_may_vote: council.requester_may_vote,
        waits: council.waits(),
        decisions: Kind::ALL.iter().map(decision).collect(),
        waiting: waiting(state),
    }
}

/// Motions that wait for votes.
pub fn waiting(state: &State) -> usize {
    state.motions.values().filter(|motion| motion.status == Status::Open).count()
}

/// What happened, as an event.
pub(super) fn tell(id: MotionId, fact: &Fact) -> Told {
    let subject = Some(id.to_string());
    match fact {
        Fact::Opened { subject: about, .. } => {
            info("council.opened", subject, format!("{id} put: {}", about.kind()))
        }
        Fact::Repeated { run } => {
            info("council.repeated", subject, format!("{run} waits for {id} as well"))
        }
        Fact::Voted { votes, .. } => {
            let said: Vec<String> =
                votes.iter().map(|vote| format!("{} {}", vote.seat.title(), vote.ballot)).collect();
            info("council.voted", subject, format!("{id}: {}", said.join(", ")))
        }
        Fact::Decided { carried: true, why } => {
            info("council.decided", subject, format!("{id} carried: {why}"))
        }
        Fact::Decided { carried: false, why } => {
            warning("council.decided", subject, format!("{id} rejected: {why}"))
        }
        Fact::Expired => {
            warning("council.expired", subject, format!("nobody answered {id} in time"))
        }
        Fact::Withdrawn { why } => {
            info("council.withdrawn", subject, format!("{id} is void: {why}"))
        }
        Fact::Executed => info("council.executed", subject, format!("{id} carried out")),
    }
}
