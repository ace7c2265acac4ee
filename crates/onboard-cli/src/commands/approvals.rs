//! `approvals`: what waits for people, and what they say to it.

use super::Done;
use crate::arguments::{ApprovalsCommand, Global};
use crate::failure::{Failure, Kind};
use crate::{connection, output, project, render};
use onboard_domain::council::{Ballot, Status};
use onboard_domain::{Command, MotionId};
use onboard_web::api::{CommandAnswer, Items, MotionRow, ProblemKind};
use onboard_web::client::{Client, ClientError};
use std::process::ExitCode;

/// The variable that every agent has, and nobody else.
const INSIDE: &str = "AI_ONBOARD_AGENT";
/// The shortest part of a hash that names a motion.
const HASH_LEAST: usize = 4;

pub fn run(global: &Global, command: ApprovalsCommand) -> Done {
    let (client, _) = connection::client()?;
    match command {
        ApprovalsCommand::List { all_projects, all } => list(&client, global, all_projects, all),
        ApprovalsCommand::Show { id } => {
            let row = find(&client, &id)?;
            if global.is_json() {
                output::json(&row)?;
            } else {
                output::data(&shown(&client, global, &row)?)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ApprovalsCommand::Approve { ids, hash, all, reason } => {
            by_people()?;
            if hash.is_some() && ids.len() > 1 {
                let message = "--hash is of one approval, and several are named";
                return Err(Failure::new(Kind::Usage, message).hint("name one"));
            }
            let rows = named(&client, &ids, all)?;
            show_group(global, &rows);
            if all && rows.len() > 1 {
                agree(global, &rows)?;
            }
            vote(&client, global, &rows, Ballot::Approve, hash.as_deref(), &reason)
        }
        ApprovalsCommand::Reject { ids, all, reason } => {
            by_people()?;
            let rows = named(&client, &ids, all)?;
            show_group(global, &rows);
            vote(&client, global, &rows, Ballot::Reject, None, &reason)
        }
    }
}

/// The daemon can't be reached from inside of a run; this says why before it is tried.
fn by_people() -> Result<(), Failure> {
    if std::env::var_os(INSIDE).is_none() {
        return Ok(());
    }
    Err(Failure::new(Kind::Refused, "a run of an agent approves nothing: people do"))
}

fn list(client: &Client, global: &Global, all_projects: bool, all: bool) -> Done {
    let mut rows = rows(client, global, all_projects)?;
    if !all {
        rows.retain(|row| row.status.is_live());
    }
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else if global.is_quiet() {
        output::data(&rows.iter().map(|row| format!("{}\n", row.id)).collect::<String>())?;
    } else if rows.is_empty() {
        let hint = if all { "" } else { "; --all lists settled ones too" };
        output::note(&format!("nothing waits for an approval{hint}"));
    } else {
        let list = render::approvals::list(&rows, &output::look(global));
        output::data(&(list + &render::approvals::next(&rows)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The motions of the current project and of none, or of all.
///
/// # Errors
/// When the daemon can't be asked.
pub fn rows(
    client: &Client,
    global: &Global,
    all_projects: bool,
) -> Result<Vec<MotionRow>, Failure> {
    if all_projects {
        return Ok(client.items("/approvals", &[])?);
    }
    let root = project::find(global)?.root.to_string_lossy().into_owned();
    match client.items("/approvals", &[("project", &root)]) {
        Err(ClientError::Problem(problem)) if problem.kind == ProblemKind::UnknownProject => {
            Ok(client.items("/approvals", &[])?)
        }
        rows => Ok(rows?),
    }
}

/// By id, or by the beginning of its hash where that names one.
fn find(client: &Client, text: &str) -> Result<MotionRow, Failure> {
    let unknown = |message: String| {
        Failure::new(Kind::Failed, message).hint("ai_onboard approvals list --all")
    };
    if let Ok(id) = text.parse::<MotionId>() {
        return client.get(&format!("/approvals/{id}"), &[]).map_err(|error| match error {
            ClientError::Problem(problem) if problem.kind == ProblemKind::Unknown => {
                unknown(problem.detail)
            }
            other => other.into(),
        });
    }
    if text.len() < HASH_LEAST || !text.chars().all(|c| c.is_ascii_hexdigit()) {
        let message = format!(
            "an approval's id is `v` and a number, or {HASH_LEAST} letters or more of its hash; \
             `{text}` is neither"
        );
        return Err(Failure::new(Kind::Usage, message).hint("ai_onboard approvals list"));
    }
    let mut rows: Vec<MotionRow> = client.items("/approvals", &[])?;
    rows.retain(|row| row.digest.starts_with(&text.to_lowercase()));
    // The same was asked before: the one that waits is meant, or the newest.
    let newest = rows.iter().position(|row| row.status == Status::Open).unwrap_or(0);
    let is_one = rows.iter().all(|row| row.digest == rows[0].digest);
    match rows.len() {
        0 => Err(unknown(format!("no approval has a hash that begins with `{text}`"))),
        _ if is_one => Ok(rows.swap_remove(newest)),
        _ => Err(unknown(format!("several hashes begin with `{text}`"))),
    }
}

/// The motions that are named, each once; with `all` also those that wait and are the same kind of
/// action of the same agent.
fn named(client: &Client, ids: &[String], all: bool) -> Result<Vec<MotionRow>, Failure> {
    let mut rows: Vec<MotionRow> = Vec::new();
    let mut group = Vec::new();
    for id in ids {
        let row = find(client, id)?;
        group.extend(row.group.iter().filter(|_| all).cloned());
        rows.push(row);
    }
    for id in group {
        rows.push(find(client, &id)?);
    }
    rows.sort_by(|one, other| (&one.opened, &one.id).cmp(&(&other.opened, &other.id)));
    rows.dedup_by(|one, other| one.id == other.id);
    Ok(rows)
}

/// A group is never a number: each of it is shown before it is decided on.
fn show_group(global: &Global, rows: &[MotionRow]) {
    for row in rows.iter().filter(|_| rows.len() > 1) {
        output::note(&render::approvals::brief(row, &output::look_of_notes(global)));
    }
}

/// A yes is to what somebody has seen: on a terminal to the list, elsewhere to ids that are named.
///
/// # Errors
/// When there is no terminal, or the answer is no.
fn agree(global: &Global, rows: &[MotionRow]) -> Result<(), Failure> {
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    if !output::can_ask(global) {
        let message =
            format!("{} wait, and nobody is here to read them: nothing was done", ids.len());
        let hint = format!("ai_onboard approvals approve {}", ids.join(" "));
        return Err(Failure::new(Kind::Usage, message).hint(hint));
    }
    match output::confirm(global, &format!("Say yes to each of these {}?", ids.len())) {
        true => Ok(()),
        false => Err(Failure::new(Kind::Failed, "nothing was changed")),
    }
}

/// What a person reads before they say yes: all of it, a proposal with its patch.
fn shown(client: &Client, global: &Global, row: &MotionRow) -> Result<String, Failure> {
    let look = output::look(global);
    let mut text = render::approvals::show(row, &look);
    if let onboard_domain::council::Subject::Apply { proposal, .. } = &row.subject {
        let detail = client.get(&format!("/proposals/{proposal}"), &[])?;
        text.push('\n');
        text.push_str(&render::proposals::show(&detail, &look));
    }
    Ok(text)
}

fn vote(
    client: &Client,
    global: &Global,
    rows: &[MotionRow],
    ballot: Ballot,
    hash: Option<&str>,
    reason: &str,
) -> Done {
    let mut waits = false;
    let mut answers = Vec::new();
    for row in rows {
        let digest = hash.map_or_else(|| row.digest.clone(), str::to_string);
        let motion = row.id.parse().map_err(|()| {
            Failure::new(Kind::Failed, format!("the daemon gave `{}` as an id", row.id))
        })?;
        let command = Command::Vote { motion, digest, ballot, reason: reason.into() };
        let answer: CommandAnswer = client.command(command, reason)?;
        waits |= answer.waits.is_some();
        if !global.is_json() {
            output::data(&render::approvals::outcome(row, ballot, &answer))?;
        }
        answers.push(find(client, &row.id)?);
    }
    if global.is_json() {
        match answers.as_slice() {
            [one] => output::json(one)?,
            _ => output::json(&Items::all(answers))?,
        }
    } else if let [one] = rows
        && !one.group.is_empty()
    {
        let word = ballot.word();
        output::note(&format!(
            "{} more like it wait; --all with `approvals {word} {}` shows them and decides them together",
            one.group.len(),
            one.group[0],
        ));
    }
    Ok(if waits { Kind::Waiting.exit_code() } else { ExitCode::SUCCESS })
}

/// Says of a command that it waits for the council; its exit code is its own.
///
/// # Errors
/// Always: nothing was done.
pub fn waiting(waits: &onboard_web::api::Waits) -> Failure {
    let message = format!("{} waits: {}", waits.approval, waits.missing);
    Failure::new(Kind::Waiting, message)
        .hint(format!("ai_onboard approvals show {}", waits.approval))
}
