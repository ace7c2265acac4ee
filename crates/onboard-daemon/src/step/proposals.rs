//! Proposals: made by agents, decided by people, worked on by the separate writer.

use super::{World, commands, council, trials};
use onboard_domain::council::Subject;
use onboard_domain::proposal::{Decision, Fact, News, Proposal, Proposed, Status, bounds};
use onboard_domain::state::bounds::of_one_agent;
use onboard_domain::{
    Actor, AgentId, Answer, CallAnswer, CallRefusal, Effect, Event, ProjectId, ProposalId, Refusal,
    RefusalKind, RunId, Turn,
};
use onboard_scheduler::ScheduleCache;
use onboard_validation::patch::paths::{self, Refused};

/// A patch that was refused is not looked at again for so long: the project may have changed then.
const REFUSED_MS: i64 = 24 * 3_600_000;

/// An agent proposes a change.
pub(super) fn propose(
    turn: &mut Turn<'_>,
    run: RunId,
    agent: AgentId,
    project: ProjectId,
    proposed: Proposed,
) -> Result<CallAnswer, CallRefusal> {
    proposed.within_bounds().map_err(|why| CallRefusal::new("bounds", why))?;
    if let Some((id, status)) = known(turn, project, &proposed) {
        return Ok(CallAnswer::Proposal { id, status });
    }
    let limit = |what: String| Err(CallRefusal::new("limit", what));
    if turn.state().runs[&run].proposals >= bounds::PER_RUN {
        return limit(format!("a run makes at most {} proposals", bounds::PER_RUN));
    }
    let of_project = turn.state().proposals.values().filter(|p| p.project == project);
    if of_project.filter(|proposal| proposal.status.is_open()).count() >= bounds::OPEN {
        return limit(format!("{} proposals wait for people: no more until then", bounds::OPEN));
    }
    let of_it = turn.state().proposals.values().filter(|proposal| proposal.agent == agent);
    let most = of_one_agent(bounds::OPEN);
    if of_it.filter(|proposal| proposal.status.is_open()).count() >= most {
        return limit(format!(
            "{most} proposals of this agent wait for people: no more until then"
        ));
    }
    let id = ProposalId(turn.state().next.proposal);
    record(turn, id, Fact::Made { project, agent, run, proposed });
    work(turn, id);
    Ok(CallAnswer::Proposal { id, status: Status::Checking })
}

/// The same patch in the same project, unless it may well be taken now.
fn known(turn: &Turn<'_>, project: ProjectId, proposed: &Proposed) -> Option<(ProposalId, Status)> {
    let now = turn.state().time;
    let holds = |proposal: &Proposal| match proposal.status {
        Status::Refused => now.since(proposal.since) < REFUSED_MS,
        Status::Stale | Status::Reverted => false,
        _ => true,
    };
    let same = turn.state().proposals.iter().rev().find(|(_, proposal)| {
        proposal.project == project
            && proposal.proposed.patch.sha256 == proposed.patch.sha256
            && holds(proposal)
    });
    same.map(|(id, proposal)| (*id, proposal.status))
}

/// A person decides.
pub(super) fn decide(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    id: ProposalId,
    decision: Decision,
    why: String,
) -> Result<Answer, Refusal> {
    if !matches!(actor, Actor::Person { .. }) {
        let message = "only a person decides on a proposal";
        return Err(Refusal::new(RefusalKind::Forbidden, message));
    }
    let Some(proposal) = turn.state().proposals.get(&id) else {
        let message = format!("there is no proposal {id}; `ai_onboard proposals list` shows them");
        return Err(Refusal::new(RefusalKind::Unknown, message));
    };
    let reason = match &decision {
        // What is accepted explains itself.
        Decision::Apply { despite_check: false, .. } if why.trim().is_empty() => String::new(),
        _ => commands::reason(why)?,
    };
    let status = proposal.status;
    match decision {
        Decision::Apply { patch, despite_check, protected } => {
            let subject = match applicable(turn, id, patch, despite_check, protected)? {
                Some(subject) => subject,
                None => return Ok(Answer::Done { changed: false }),
            };
            council::put_and_do(turn, world, cache, actor, subject, &reason)
        }
        Decision::Reject => match status {
            Status::Rejected => Ok(Answer::Done { changed: false }),
            Status::Open | Status::Checking => Ok(done(turn, id, Fact::Rejected { reason })),
            _ => Err(not_now(id, status, "be rejected")),
        },
        Decision::Revert => match status {
            Status::Reverting | Status::Reverted => Ok(Answer::Done { changed: false }),
            Status::Written => {
                no_emergency(turn)?;
                let answer = done(turn, id, Fact::Withdrawn { reason });
                work(turn, id);
                Ok(answer)
            }
            _ => Err(not_now(id, status, "be reverted: nothing of it was written")),
        },
    }
}

/// What the council is to decide; `None` where that was done.
fn applicable(
    turn: &Turn<'_>,
    id: ProposalId,
    patch: String,
    despite_check: bool,
    protected_too: bool,
) -> Result<Option<Subject>, Refusal> {
    let proposal = &turn.state().proposals[&id];
    let invalid = |message| Err(Refusal::new(RefusalKind::Invalid, message));
    if proposal.proposed.patch.sha256 != patch {
        return invalid(format!(
            "{id} has another patch than the one that was seen: show it again"
        ));
    }
    match proposal.status {
        Status::Accepted | Status::Written => return Ok(None),
        Status::Open => {}
        status => return Err(not_now(id, status, "be applied")),
    }
    no_emergency(turn)?;
    if !despite_check {
        trials::passed(turn.state(), id)?;
    }
    let protected = protected(&proposal.proposed);
    if !protected.is_empty() && !protected_too {
        let what = protected.join(", ");
        return invalid(format!(
            "{id} touches what runs by itself; --protected says yes to {what}"
        ));
    }
    Ok(Some(Subject::Apply { proposal: id, patch, protected, despite_check }))
}

/// The paths of a change that run by themselves, each with what it is.
pub(crate) fn protected(proposed: &Proposed) -> Vec<String> {
    let paths = proposed.files.iter().flat_map(|file| [Some(&file.path), file.from.as_ref()]);
    let found = paths.flatten().filter_map(|path| match paths::check(path) {
        Err(Refused::Protected(what)) => Some(format!("{}: {what}", path.escape_debug())),
        _ => None,
    });
    found.collect()
}

/// What was said yes to.
pub(super) struct Yes {
    pub(super) patch: String,
    pub(super) reason: String,
    pub(super) protected: bool,
    pub(super) despite_check: bool,
}

/// As the council decided.
pub(super) fn accept(turn: &mut Turn<'_>, id: ProposalId, yes: Yes) {
    let Yes { patch, reason, protected, despite_check } = yes;
    record(turn, id, Fact::Accepted { patch, reason, protected, despite_check });
    work(turn, id);
}

fn no_emergency(turn: &Turn<'_>) -> Result<(), Refusal> {
    match &turn.state().emergency {
        None => Ok(()),
        Some(emergency) => {
            let message = format!("an emergency shutdown is in force: {}", emergency.reason);
            Err(Refusal::new(RefusalKind::Forbidden, message))
        }
    }
}

fn not_now(id: ProposalId, status: Status, what: &str) -> Refusal {
    let message = format!("{id} is {} and can't {what}", status.word());
    Refusal::new(RefusalKind::Invalid, message)
}

fn done(turn: &mut Turn<'_>, id: ProposalId, fact: Fact) -> Answer {
    record(turn, id, fact);
    Answer::Done { changed: true }
}

/// What came of the work; what comes late, after people decided otherwise, is passed over.
pub(super) fn news(turn: &mut Turn<'_>, id: ProposalId, news: News) {
    let Some(proposal) = turn.state().proposals.get(&id) else { return };
    let fact = match (proposal.status, news) {
        (Status::Checking, News::Checked { base, mut checks }) => {
            if Proposal::passes(&checks) {
                checks.extend(trials::none(turn.state(), id));
            }
            Fact::Checked { base, checks }
        }
        (Status::Accepted, News::Written { branch }) => Fact::Written { branch },
        (Status::Accepted, News::NotWritten { stale, why }) => Fact::NotWritten { stale, why },
        (Status::Reverting, News::Reverted { branch }) => Fact::Reverted { branch },
        (Status::Reverting, News::NotReverted { why }) => Fact::NotReverted { why },
        _ => return,
    };
    record(turn, id, fact);
}

/// Work that was under way when the daemon ended, or that an emergency held up, is done again.
pub(super) fn resume(turn: &mut Turn<'_>) {
    let waiting: Vec<ProposalId> = turn.state().proposals.keys().copied().collect();
    for id in waiting {
        work(turn, id);
    }
}

fn work(turn: &mut Turn<'_>, id: ProposalId) {
    if let Some(work) = turn.state().proposals.get(&id).and_then(Proposal::work) {
        turn.effect(Effect::Proposal { proposal: id, work });
    }
}

fn record(turn: &mut Turn<'_>, proposal: ProposalId, fact: Fact) {
    turn.record(Event::Proposal { proposal, fact: Box::new(fact) });
}
