//! `background-agents start`: the main job. It starts the daemon when there is none, registers the
//! project, follows the first runs, and says what they found.

use super::Done;
use crate::arguments::{Global, Which};
use crate::failure::{Failure, Kind};
use crate::follow::Follow;
use crate::{chosen, connection, output, project, render};
use onboard_daemon::policies::NO_POLICY;
use onboard_domain::Command;
use onboard_domain::council::Status;
use onboard_web::api::{AgentChange, AgentDetail, AgentRow, FindingRow, ProposalRow, RunRow};
use onboard_web::client::Client;
use serde::Serialize;
use std::process::ExitCode;

/// How the first runs are followed.
pub struct Following {
    pub wait: bool,
    /// Milliseconds.
    pub timeout: i64,
    pub detach: bool,
}

/// What `start --json` gives.
#[derive(Serialize)]
struct Started<'a> {
    project: String,
    agents: &'a [AgentChange],
    runs: &'a [RunRow],
    /// Runs that were not over in time.
    unfinished: &'a [String],
    findings: &'a [FindingRow],
}

pub fn run(global: &Global, which: &Which, following: &Following) -> Done {
    let found = project::find(global)?;
    if let Err(error) = found.root.metadata() {
        return Err(Failure::file("look at", &found.root, &error));
    }
    let root = found.root.to_string_lossy().into_owned();
    output::note(&format!("project {root}"));
    if !found.has_git {
        output::note("no git repository here: what agents read from history will be empty");
    }
    let (client, _) = connection::client_of_running()?;
    client.register(&found.root, "")?;
    let here = Global { project: Some(found.root.clone()), ..global.clone() };
    let rows = chosen::to_start(&client, &here, which)?;
    insist_on_policy(&client, &rows)?;
    let follow = Follow::open(&client, global)?.before_summary();
    let answer = client.command(Command::Start { agents: chosen::ids(&rows)? }, "")?;
    for agent in &answer.agents {
        output::note(&match &agent.waits {
            Some(waits) => format!(
                "{} is not started: {} waits for {}\n  look:    ai_onboard approvals show {}",
                agent.name, waits.approval, waits.missing, waits.approval
            ),
            None if agent.changed => format!("{} started", agent.name),
            None => format!("{} already started", agent.name),
        });
    }
    let first: Vec<String> = answer.agents.iter().filter_map(|agent| agent.run.clone()).collect();
    let (runs, unfinished) = match following.detach {
        true => (Vec::new(), Vec::new()),
        false => follow.runs(&first, following.timeout)?,
    };
    let findings: Vec<FindingRow> = client.items("/findings", &[("project", &root)])?;
    if global.is_json() {
        output::json(&Started {
            project: root,
            agents: &answer.agents,
            runs: &runs,
            unfinished: &unfinished,
            findings: &findings,
        })?;
    } else if global.is_quiet() || following.detach {
        let names = answer.agents.iter().map(|agent| format!("{}\n", agent.name));
        output::data(&names.collect::<String>())?;
    } else {
        let agents = again(&client, &here, &rows)?;
        let look = output::look(global);
        let proposals: Vec<ProposalRow> = client.items("/proposals", &[("project", &root)])?;
        let waiting = proposals.iter().filter(|row| row.status.is_open()).count();
        let summary = render::summary::draw(&agents, &runs, &findings, waiting, &unfinished, &look);
        output::data(&summary)?;
        let approvals = super::approvals::rows(&client, &here, false)?;
        let open = approvals.iter().filter(|row| row.status == Status::Open).count();
        output::data(&render::approvals::hint(open))?;
    }
    if answer.agents.iter().any(|agent| agent.waits.is_some()) {
        return Ok(Kind::Waiting.exit_code());
    }
    Ok(code(following, &runs, &unfinished))
}

/// Says what is wrong with the project's policy files.
///
/// # Errors
/// When none is in force: then nothing would start.
fn insist_on_policy(client: &Client, rows: &[AgentRow]) -> Result<(), Failure> {
    let Some(row) = rows.first() else { return Ok(()) };
    let detail: AgentDetail = client.get(&format!("/agents/{}", row.id), &[])?;
    let safety = detail.safety;
    for warning in &safety.policy_warnings {
        output::note(&format!("worth a look: {warning}"));
    }
    match safety.policy_problem {
        None => Ok(()),
        Some(problem) if safety.policy_origin == NO_POLICY => {
            Err(Failure::new(Kind::Refused, format!("the policy is not sound\n{problem}"))
                .hint("mend it and start again: no agent starts without a sound policy"))
        }
        Some(problem) => {
            output::note(&format!(
                "the policy's files are not in force, the last sound policy is:\n{problem}"
            ));
            Ok(())
        }
    }
}

/// The same agents as they are now.
fn again(client: &Client, global: &Global, rows: &[AgentRow]) -> Result<Vec<AgentRow>, Failure> {
    let mut now = chosen::of_project(client, global)?;
    now.retain(|row| rows.iter().any(|before| before.id == row.id));
    Ok(now)
}

fn code(following: &Following, runs: &[RunRow], unfinished: &[String]) -> ExitCode {
    if !following.wait {
        return ExitCode::SUCCESS;
    }
    if !unfinished.is_empty() {
        return Kind::TimedOut.exit_code();
    }
    match runs.iter().find(|run| !run.is_success()) {
        Some(run) if run.result == "refused" => Kind::Refused.exit_code(),
        Some(_) => Kind::Failed.exit_code(),
        None => ExitCode::SUCCESS,
    }
}
