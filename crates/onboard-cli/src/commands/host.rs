//! `host …`: the host's tools for scripts that are agents.

use super::Done;
use crate::failure::{Failure, Kind};
use crate::output;
use onboard_protocol::{ClientError, HostClient, host_command};
use std::io::Read;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Bytes of standard input that are part of a call: a checkpoint's bound, and a little.
const STDIN_MAX: u64 = 5 << 20;

/// How long who waits for a lease hears nothing before it asks all the same: the host tells it when its
/// turn comes, but another process of the run, with the same socket, may have read that.
const ASK_AGAIN: Duration = Duration::from_secs(30);

pub fn run(words: &[String]) -> Done {
    if words.is_empty() || words.iter().any(|word| word == "--help" || word == "-h") {
        output::data(onboard_protocol::command::USAGE)?;
        return Ok(ExitCode::SUCCESS);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = host_command(&words).map_err(|error| {
        Failure::new(Kind::Usage, error.to_string()).hint("ai_onboard host --help")
    })?;
    let mut stdin = String::new();
    if command.reads_stdin() {
        std::io::stdin()
            .take(STDIN_MAX)
            .read_to_string(&mut stdin)
            .map_err(|error| Failure::new(Kind::Failed, format!("standard input: {error}")))?;
    }
    let mut client = HostClient::new(super::agent::host()?, "ai_onboard host");
    let arguments = command.arguments(stdin);
    let until = Instant::now() + Duration::from_millis(command.waits_ms());
    let answer = loop {
        match client.call(command.tool(), arguments.clone()) {
            // It stands in the queue, and has its turn when it asks again.
            Err(ClientError::Refused(refusal))
                if refusal.code == "waits" && Instant::now() < until =>
            {
                let left = until.saturating_duration_since(Instant::now());
                match client.lease_is_free(left.min(ASK_AGAIN)) {
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
            }
            answer => break answer,
        }
    };
    let answer = answer.map_err(|error| {
        let is_refused = matches!(error, ClientError::Refused(_));
        let kind = if is_refused { Kind::Refused } else { Kind::Failed };
        Failure::new(kind, error.to_string())
    })?;
    let shown = command.show(&answer);
    output::data(&shown.text)?;
    Ok(if shown.found { ExitCode::SUCCESS } else { Kind::Failed.exit_code() })
}
