//! Commands: put before the loop, answered when durable.

use super::COMMAND_TIMEOUT;
use super::answer::{Answered, Told};
use super::peer::Peer;
use super::routes::App;
use crate::api::{CommandAnswer, CommandRequest, Problem, ProblemKind, RegisterRequest};
use crate::view;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
use onboard_daemon::handle::{Handle, Request, Unavailable};
use onboard_domain::{Answer, Command, Via};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::Arc;

pub async fn submit(
    Shared(app): Shared<Arc<App>>,
    Extension(peer): Extension<Peer>,
    body: Result<Bytes, BytesRejection>,
) -> Answered<CommandAnswer> {
    let CommandRequest { command, why, via } = read(body)?;
    allowed(&command, via)?;
    carry_out(&app, peer, command, why, via).await
}

/// Registers a project with the agents that its manifests and settings define.
pub async fn register(
    Shared(app): Shared<Arc<App>>,
    Extension(peer): Extension<Peer>,
    body: Result<Bytes, BytesRejection>,
) -> Answered<CommandAnswer> {
    let RegisterRequest { root, why, via } = read(body)?;
    let wrong = |text| Problem::new(ProblemKind::Invalid, text);
    if !Path::new(&root).is_absolute() {
        return Err(wrong(format!("`{root}` is not an absolute path")));
    }
    let handle = app.sources.handle.clone();
    let load = move || handle.load_project(Path::new(&root)).map_err(|error| error.to_string());
    let loaded = tokio::task::spawn_blocking(load).await;
    let command = loaded.unwrap_or_else(|_| Err("reading the manifests failed".into()));
    let command = command.map_err(wrong)?;
    allowed(&command, via)?;
    carry_out(&app, peer, command, why, via).await
}

async fn carry_out(
    app: &App,
    peer: Peer,
    command: Command,
    why: String,
    via: Via,
) -> Answered<CommandAnswer> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    let (handle, replies) = (app.sources.handle.clone(), Arc::clone(&app.replies));
    let submitted = app.sources.handle.submit(Request {
        actor: peer.actor(),
        via,
        why,
        command,
        // Names are looked up where the answer is given, by the loop between two turns: here the
        // state may be locked until the next batch is on the disk, and no request would be read
        // meanwhile to share it.
        reply: Box::new(move |told| {
            replies.put(reply, told.map(|answer| named(&handle, answer)));
        }),
    });
    submitted.map_err(unavailable)?;
    match tokio::time::timeout(COMMAND_TIMEOUT, answer).await {
        Ok(Ok(Ok(answer))) => Ok(Told(answer)),
        Ok(Ok(Err(refusal))) => Err(Problem::new(refusal.kind.into(), refusal.message)),
        Ok(Err(_)) => Err(unavailable(Unavailable::Ended)),
        Err(_) => Err(Problem::new(
            ProblemKind::TimedOut,
            format!(
                "no answer within {} s; the command may still be carried out, see the audit log",
                COMMAND_TIMEOUT.as_secs()
            ),
        )),
    }
}

fn named(handle: &Handle, answer: Answer) -> CommandAnswer {
    handle.read(|state| CommandAnswer::new(answer, |agent| view::agent_name(state, agent)))
}

fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body.map_err(|rejection| {
        let is_large = rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE;
        let kind = if is_large { ProblemKind::TooLarge } else { ProblemKind::Invalid };
        Problem::new(kind, rejection.body_text())
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Problem::new(ProblemKind::Invalid, format!("the body is not understood: {error}"))
    })
}

/// What peers may ask for, and as whom.
fn allowed(command: &Command, via: Via) -> Result<(), Problem> {
    let not_so = match command {
        Command::AdoptPolicy { .. } | Command::RefusePolicy { .. } => {
            "a policy takes effect when the daemon reads its file, not by a request"
        }
        Command::ReceiveHook { .. } => "what webhooks bring comes to their own address, signed",
        _ => "",
    };
    if !not_so.is_empty() {
        return Err(Problem::new(ProblemKind::Forbidden, not_so));
    }
    match via {
        Via::Cli | Via::Api => Ok(()),
        _ => Err(Problem::new(ProblemKind::Invalid, "`via` is `cli` or `api` here")),
    }
}

fn unavailable(why: Unavailable) -> Problem {
    match why {
        Unavailable::Busy => {
            Problem::new(ProblemKind::Busy, "too many requests wait; come again in a second")
        }
        Unavailable::Ended => Problem::new(ProblemKind::Ended, "the daemon is shutting down"),
    }
}
