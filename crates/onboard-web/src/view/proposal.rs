//! Proposals: as rows for people and programs, and what happened to them in words.

use super::event::{Told, info, warning};
use crate::api::{FileRow, ProposalRow};
use onboard_daemon::step::trials::{self, Standing};
use onboard_domain::proposal::{Check, Fact, Proposal, Status, Verdict};
use onboard_domain::{AgentName, ProjectId, ProposalId, State};

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
        checks: checks(state, id, proposal),
        branch: proposal.branch.clone(),
        note: proposal.note.clone(),
    }
}

/// What was looked at, and after it the project's own checks as they stand.
fn checks(state: &State, id: ProposalId, proposal: &Proposal) -> Vec<Check> {
    let mut checks = proposal.checks.clone();
    let check = |name: &AgentName, verdict, note| Check { name: name.to_string(), verdict, note };
    let has_word = |by: &AgentName| proposal.trials.iter().any(|trial| trial.by == *by);
    for trial in &proposal.trials {
        let verdict = if trial.passed { Verdict::Passed } else { Verdict::Failed };
        let log = format!("`ai_onboard background-agents logs {} --run {}`", trial.by, trial.run);
        let gap = if trial.note.is_empty() { "" } else { "; " };
        checks.push(check(&trial.by, verdict, format!("{}{gap}{log}", trial.note)));
    }
    if matches!(proposal.status, Status::Checking | Status::Open) {
        for (spec, standing) in trials::standings(state, id, proposal) {
            let note = match standing {
                Standing::Ended(_) => continue,
                Standing::Under(run) => format!("has not ended ({run})"),
                Standing::Waits(why) => why.to_string(),
            };
            // A word of the program that the agent was before is not its word.
            let was = if has_word(&spec.name) { " since it was changed" } else { "" };
            checks.push(check(&spec.name, Verdict::Skipped, format!("{note}{was}")));
        }
    }
    checks
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
        Fact::Accepted { despite_check: true, reason, .. } => {
            let text = format!("{id} accepted although a check had not passed: {reason}");
            warning("proposal.accepted", subject, text)
        }
        Fact::Accepted { .. } => info("proposal.accepted", subject, format!("{id} accepted")),
        Fact::Tried { trial } if trial.passed => {
            info("proposal.tried", subject, format!("{id} passed `{}`", trial.by))
        }
        Fact::Tried { trial } => {
            let text = format!("{id} failed `{}`: {}", trial.by, trial.note);
            warning("proposal.tried", subject, text)
        }
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
