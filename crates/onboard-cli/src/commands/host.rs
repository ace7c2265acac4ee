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

/// How often who waits for a lease asks again: the longest wait takes a third of the calls that a run
/// may make.
const ASK_AGAIN: Duration = Duration::from_secs(1);

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
                ask_again();
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

/// Nobody is told that it is their turn.
#[allow(clippy::disallowed_methods, reason = "who waits in the queue of a lease asks again")]
fn ask_again() {
    std::thread::sleep(ASK_AGAIN);
}
