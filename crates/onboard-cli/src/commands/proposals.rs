//! `proposals`: changes that agents want, and what people decide.

use super::Done;
use crate::arguments::{Global, ProposalsCommand};
use crate::failure::{Failure, Kind};
use crate::{connection, output, project, render};
use onboard_domain::proposal::{Decision, Status};
use onboard_domain::{Command, ProposalId};
use onboard_validation::show;
use onboard_web::api::{Items, ProblemKind, ProposalDetail, ProposalRow};
use onboard_web::client::{Client, ClientError};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a branch may take to be written or taken back, longer than the writer itself may.
const PATIENCE: Duration = Duration::from_secs(70);
/// Between looks at the daemon.
const PAUSE: Duration = Duration::from_millis(20);

pub fn run(global: &Global, command: ProposalsCommand) -> Done {
    let (client, _) = connection::client()?;
    match command {
        ProposalsCommand::List { all_projects, all } => list(&client, global, all_projects, all),
        ProposalsCommand::Show { id } => {
            let detail = find(&client, &id)?;
            if global.is_json() {
                output::json(&detail)?;
            } else {
                output::data(&render::proposals::show(&detail, &output::look(global)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ProposalsCommand::Apply { id, patch, protected, reason, despite_check: despite } => {
            let found = find(&client, &id)?;
            let patch = patch.unwrap_or_else(|| found.proposal.patch_sha256.clone());
            let decision = Decision::Apply { patch, despite_check: despite.is_some(), protected };
            decide(&client, global, &found, decision, despite.unwrap_or(reason))
        }
        ProposalsCommand::Reject { id, reason } => {
            decide(&client, global, &find(&client, &id)?, Decision::Reject, reason)
        }
        ProposalsCommand::Revert { id, reason } => {
            decide(&client, global, &find(&client, &id)?, Decision::Revert, reason)
        }
    }
}

fn list(client: &Client, global: &Global, all_projects: bool, all: bool) -> Done {
    let mut rows: Vec<ProposalRow> = match all_projects {
        true => client.items("/proposals", &[])?,
        false => of_project(client, global)?,
    };
    if !all {
        rows.retain(|row| row.status.is_open());
    }
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else if global.is_quiet() {
        output::data(&rows.iter().map(|row| format!("{}\n", row.id)).collect::<String>())?;
    } else if rows.is_empty() {
        let hint = if all { "" } else { "; --all lists settled ones too" };
        output::note(&format!("no proposal waits{hint}"));
    } else {
        output::data(&render::proposals::list(&rows, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_project(client: &Client, global: &Global) -> Result<Vec<ProposalRow>, Failure> {
    let root = project::find(global)?.root.to_string_lossy().into_owned();
    match client.items("/proposals", &[("project", &root)]) {
        Err(ClientError::Problem(problem)) if problem.kind == ProblemKind::UnknownProject => {
            Ok(Vec::new())
        }
        rows => Ok(rows?),
    }
}

fn find(client: &Client, id: &str) -> Result<ProposalDetail, Failure> {
    let parsed: ProposalId = id.parse().map_err(|()| {
        Failure::new(Kind::Usage, format!("a proposal's id is `c` and a number, not `{id}`"))
            .hint("ai_onboard proposals list")
    })?;
    client.get(&format!("/proposals/{parsed}"), &[]).map_err(|error| match error {
        ClientError::Problem(problem) if problem.kind == ProblemKind::Unknown => {
            Failure::new(Kind::Failed, problem.detail).hint("ai_onboard proposals list --all")
        }
        other => other.into(),
    })
}

fn decide(
    client: &Client,
    global: &Global,
    found: &ProposalDetail,
    decision: Decision,
    reason: String,
) -> Done {
    let id = &found.proposal.id;
    let proposal = id.parse().map_err(|()| {
        Failure::new(Kind::Failed, format!("the daemon gave `{id}` as a proposal's id"))
    })?;
    let why = reason.clone();
    let wanted = match decision {
        Decision::Apply { .. } => Status::Written,
        Decision::Reject => Status::Rejected,
        Decision::Revert => Status::Reverted,
    };
    let answer = client.command(Command::DecideProposal { proposal, decision, reason }, &why)?;
    if let Some(waits) = &answer.waits {
        return Err(super::approvals::waiting(waits));
    }
    let row = settled(client, id)?;
    if global.is_json() {
        output::json(&row)?;
    } else {
        output::data(&render::proposals::outcome(&row))?;
    }
    if row.status == wanted {
        return Ok(ExitCode::SUCCESS);
    }
    let message = format!("{id} is {}: {}", row.status.word(), show::line(&row.note));
    Err(Failure::new(Kind::Failed, message))
}

/// Waits until the writer has done what was decided.
#[allow(
    clippy::disallowed_methods,
    reason = "a person waits for it; the daemon tells nobody of it"
)]
fn settled(client: &Client, id: &str) -> Result<ProposalRow, Failure> {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let row = find(client, id)?.proposal;
        if !matches!(row.status, Status::Accepted | Status::Reverting) {
            return Ok(row);
        }
        if Instant::now() > given_up {
            let message = format!("{id} is still {}", row.status.word());
            return Err(Failure::new(Kind::TimedOut, message)
                .hint(format!("ai_onboard proposals show {id}")));
        }
        // The daemon's stream of events could tell, for the price of a second connection.
        std::thread::sleep(PAUSE);
    }
}
