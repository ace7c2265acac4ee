//! Proposals: as rows for people and programs, and what happened to them in words.

use super::event::{Told, info, warning};
use crate::api::{FileRow, ProposalRow};
use onboard_domain::proposal::{Fact, Proposal, Status};
use onboard_domain::{ProjectId, ProposalId, State};

/// The proposals that match, newest first.
pub fn rows(state: &State, project: Option<ProjectId>) -> Vec<ProposalRow> {
    let of_project = |proposal: &Proposal| project.is_none_or(|wanted| wanted == proposal.project);
    let proposals = state.proposals.iter().rev().filter(|(_, proposal)| of_project(proposal));
    proposals.map(|(id, proposal)| row(state, *id, proposal)).collect()
}

/// One proposal.
pub fn row(state: &State, id: ProposalId, proposal: &Proposal) -> ProposalRow {
    let Proposal { proposed, .. } = proposal;
    ProposalRow {
        id: id.to_string(),
        project: super::project_name(state, proposal.project),
        project_id: proposal.project.to_string(),
        agent: proposal.by.to_string(),
        run: proposal.run.to_string(),
        status: proposal.status,
        made: proposal.made.into(),
        since: proposal.since.into(),
        title: proposed.title.clone(),
        reason: proposed.reason.clone(),
        evidence: proposed.evidence.clone(),
        files: proposed.files.iter().cloned().map(FileRow::from).collect(),
        patch_sha256: proposed.patch.sha256.clone(),
        patch_bytes: proposed.patch.bytes,
        base: proposal.base.clone(),
        checks: proposal.checks.clone(),
        branch: proposal.branch.clone(),
        note: proposal.note.clone(),
    }
}

/// What happened, as an event.
pub(super) fn tell(id: ProposalId, fact: &Fact) -> Told {
    let subject = Some(id.to_string());
    match fact {
        Fact::Made { proposed, .. } => {
            info("proposal.made", subject, format!("{id} proposed: {}", proposed.title))
        }
        Fact::Checked { checks, .. } if Proposal::passes(checks) => {
            let open = Status::Open.word();
            warning("proposal.checked", subject, format!("{id} is {open}: it waits for a person"))
        }
        Fact::Checked { .. } => {
            info("proposal.checked", subject, format!("{id} failed its checks"))
        }
        Fact::Accepted { .. } => info("proposal.accepted", subject, format!("{id} accepted")),
        Fact::Rejected { reason } => {
            info("proposal.rejected", subject, format!("{id} rejected: {reason}"))
        }
        Fact::Written { branch } => {
            info("proposal.written", subject, format!("{id} is on branch {}", branch.name))
        }
        Fact::NotWritten { why, .. } => {
            warning("proposal.not_written", subject, format!("{id} could not be written: {why}"))
        }
        Fact::Withdrawn { reason } => {
            info("proposal.withdrawn", subject, format!("{id} is taken back: {reason}"))
        }
        Fact::Reverted { branch: None } => {
            info("proposal.reverted", subject, format!("{id}: its branch is deleted"))
        }
        Fact::Reverted { branch: Some(branch) } => {
            info("proposal.reverted", subject, format!("{id} is undone on branch {}", branch.name))
        }
        Fact::NotReverted { why } => {
            warning("proposal.not_reverted", subject, format!("{id} could not be reverted: {why}"))
        }
    }
}
