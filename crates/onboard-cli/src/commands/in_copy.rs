//! `in-copy PROGRAM…`: inside the walls of a check of proposals, makes the private copy that its task
//! names, then becomes the program there.

use super::Done;
use crate::failure::{Failure, Kind};
use onboard_protocol::HostClient;
use onboard_writer::Copying;
use serde::Deserialize;
use std::os::fd::IntoRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;

/// Where the copy is, in the run's own `/tmp`.
const PLACE: &str = "/tmp/project";

#[derive(Deserialize)]
struct Task {
    root: String,
    copy: Copy,
}

#[derive(Deserialize)]
struct Copy {
    patch: Option<String>,
    forbidden: Vec<String>,
    bytes_max: u64,
}

pub fn run(words: &[String]) -> Done {
    let failed = |why: String| Failure::new(Kind::Failed, why);
    let (program, arguments) =
        words.split_first().ok_or_else(|| failed("no program is named".into()))?;
    let task = task()?;
    let repository = std::env::var("AI_ONBOARD_GIT_DIR").unwrap_or(task.root);
    let copying = Copying {
        repository: &repository,
        patch: task.copy.patch.as_deref(),
        forbidden: &task.copy.forbidden,
        bytes_max: task.copy.bytes_max,
    };
    std::fs::create_dir(PLACE).map_err(|error| failed(format!("{PLACE}: {error}")))?;
    onboard_writer::copy(&copying, Path::new(PLACE))
        .map_err(|why| failed(format!("no copy of the project: {why}")))?;
    let error = become_program(program, arguments);
    Err(failed(format!("`{program}` can't be started: {error}")))
}

/// The task of this run; the socket stays open for the program.
fn task() -> Result<Task, Failure> {
    let failed = |why: String| Failure::new(Kind::Failed, why);
    let socket = super::agent::socket()?;
    let own = socket.try_clone().map_err(|error| failed(error.to_string()))?;
    let _ = socket.into_raw_fd();
    let mut client = HostClient::new(super::agent::HostStream::over(own), "ai_onboard in-copy");
    let task = client.task().map_err(|error| failed(error.to_string()))?;
    serde_json::from_value(task)
        .map_err(|error| failed(format!("this run works on no copy: {error}")))
}

#[allow(clippy::disallowed_methods, reason = "the run's own process, which is behind its walls")]
fn become_program(program: &str, arguments: &[String]) -> std::io::Error {
    let mut command = std::process::Command::new(program);
    command.args(arguments).current_dir(PLACE);
    // Where scripts look for the project.
    command.env("AI_ONBOARD_PROJECT", PLACE).env("PWD", PLACE).exec()
}
