//! A proposal's life: made, checked, decided by people, written as a branch, taken back.

use super::{Illegal, illegal};
use crate::ids::{ProjectId, ProposalId};
use crate::proposal::{Fact, Proposal, Status, bounds};
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) fn apply(state: &mut State, id: ProposalId, fact: &Fact) -> Result<(), Illegal> {
    if let Fact::Made { .. } = fact {
        return made(state, id, fact);
    }
    let now = state.time;
    let Some(proposal) = state.proposals.get_mut(&id) else { illegal!("no proposal {id}") };
    let before = proposal.status;
    proposal.status = match (before, fact) {
        (Status::Checking, Fact::Checked { base, checks }) => {
            proposal.base.clone_from(base);
            proposal.checks.clone_from(checks);
            if Proposal::passes(checks) { Status::Open } else { Status::Refused }
        }
        // The agent may go on and the patch be decided on while a check runs: its word stays.
        (_, Fact::Tried { trial }) => {
            proposal.trials.retain(|before| before.by != trial.by);
            proposal.trials.push(trial.clone());
            return Ok(());
        }
        (Status::Open, Fact::Accepted { patch, reason, protected, .. }) => {
            if *patch != proposal.proposed.patch.sha256 {
                illegal!("{id} accepted as another patch");
            }
            proposal.accepted = Some(now);
            proposal.note.clone_from(reason);
            proposal.protected = *protected;
            Status::Accepted
        }
        (Status::Open | Status::Checking, Fact::Rejected { reason }) => {
            proposal.note.clone_from(reason);
            Status::Rejected
        }
        (Status::Accepted, Fact::Written { branch }) => {
            proposal.branch = Some(branch.clone());
            Status::Written
        }
        (Status::Accepted, Fact::NotWritten { stale, why }) => {
            proposal.note.clone_from(why);
            proposal.accepted = None;
            if *stale { Status::Stale } else { Status::Open }
        }
        (Status::Written, Fact::Withdrawn { reason }) => {
            proposal.note.clone_from(reason);
            Status::Reverting
        }
        (Status::Reverting, Fact::Reverted { branch }) => {
            proposal.branch.clone_from(branch);
            Status::Reverted
        }
        (Status::Reverting, Fact::NotReverted { why }) => {
            proposal.note.clone_from(why);
            Status::Written
        }
        (status, fact) => illegal!("{id} is {} and this comes: {fact:?}", status.word()),
    };
    proposal.since = now;
    Ok(())
}

fn made(state: &mut State, id: ProposalId, fact: &Fact) -> Result<(), Illegal> {
    let Fact::Made { project, agent, run, proposed } = fact else {
        illegal!("not a beginning: {fact:?}")
    };
    if id.0 != state.next.proposal {
        illegal!("proposal {id} made, next is c{}", state.next.proposal);
    }
    state.run_mut(*run)?.proposals += 1;
    let by = state.agent_mut(*agent)?.spec.name.clone();
    let (made, since) = (state.time, state.time);
    state.next.proposal += 1;
    let proposal = Proposal {
        project: *project,
        agent: *agent,
        by,
        run: *run,
        made,
        proposed: proposed.clone(),
        status: Status::Checking,
        since,
        base: None,
        checks: Vec::new(),
        trials: Vec::new(),
        accepted: None,
        protected: false,
        branch: None,
        note: String::new(),
    };
    state.proposals.insert(id, proposal);
    forget_oldest_settled(state, *project);
    Ok(())
}

fn forget_oldest_settled(state: &mut State, project: ProjectId) {
    let of_project = state.proposals.iter().filter(|(_, p)| p.project == project);
    let (kept, settled) = of_project.fold((0, None), |(kept, settled), (id, proposal)| {
        (kept + 1, settled.or((!proposal.status.is_open()).then_some(*id)))
    });
    if kept > bounds::KEPT
        && let Some(oldest) = settled
    {
        state.proposals.remove(&oldest);
    }
}
