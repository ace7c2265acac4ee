//! Starting the daemon: this binary once more, in a session of its own.

use crate::failure::{Failure, Kind};
use onboard_daemon::Paths;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What the daemon prints on stdout once it can be reached.
pub const READY: &str = "ready";

/// What it prints there when another daemon has the state folder.
pub const HELD: &str = "held";

/// How a start ended.
pub enum Started {
    Ready,
    /// Another daemon has the state folder: it may be about to answer, or about to end.
    Held(Failure),
}

/// How long a start may take: a long journal is replayed, and what an earlier daemon left running
/// is proven dead.
pub const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes after which the log of the daemon is put aside.
const LOG_MAX: u64 = 1 << 20;

/// Bytes of the log that are shown when a start fails.
const SHOWN_MAX: u64 = 4 << 10;

/// Where the daemon's own output goes.
pub fn log_file(paths: &Paths) -> PathBuf {
    paths.state.join("daemon.log")
}

/// Starts a daemon and waits until it can be reached.
///
/// # Errors
/// What the daemon said when it could not start; or that it took too long.
pub fn daemon(paths: &Paths) -> Result<Started, Failure> {
    let log = open_log(paths)?;
    let before = log.metadata().map_or(0, |meta| meta.len());
    let mut child = start(log)?;
    let told = first_line(&mut child);
    match told.recv_timeout(START_TIMEOUT) {
        Ok(line) if line.trim() == READY => Ok(Started::Ready),
        Ok(line) if line.trim() == HELD => {
            let _ = child.wait();
            Ok(Started::Held(failed(paths, before)))
        }
        Ok(_) => {
            // Its stdout closed without the word: it is ending, and said why in the log.
            let _ = child.wait();
            Err(failed(paths, before))
        }
        Err(_) => {
            let seconds = START_TIMEOUT.as_secs();
            let message = format!("the daemon was not ready within {seconds} s");
            Err(Failure::new(Kind::TimedOut, message)
                .hint(format!("see {}", log_file(paths).display())))
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the daemon is this binary, started by its user")]
fn start(log: File) -> Result<Child, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::file("find", Path::new("this program"), &error))?;
    let mut command = Command::new(&own);
    command.args(["daemon", "run", "--detached"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    if let Some(home) = std::env::var_os("AI_ONBOARD_HOME")
        && let Ok(home) = std::path::absolute(home)
    {
        command.env("AI_ONBOARD_HOME", home);
    }
    // A daemon must not keep the folder it was started in from being unmounted.
    command.current_dir("/");
    command.spawn().map_err(|error| Failure::file("start", &own, &error))
}

/// The first line of a child's stdout, or an empty one at its end.
fn first_line(child: &mut Child) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut line = String::new();
            let mut stdout = BufReader::new(stdout);
            // Whether it ended or failed, there was no line; the receiver may have given up.
            let _ = stdout.read_line(&mut line);
            let _ = send.send(line);
        });
    }
    receive
}

fn open_log(paths: &Paths) -> Result<File, Failure> {
    let fail = |error| Failure::file("use", &paths.state, &error);
    DirBuilder::new().recursive(true).mode(0o700).create(&paths.state).map_err(fail)?;
    let path = log_file(paths);
    if fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_MAX) {
        fs::rename(&path, path.with_extension("log.1")).map_err(fail)?;
    }
    OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path).map_err(fail)
}

/// What the daemon said since `before`.
fn failed(paths: &Paths, before: u64) -> Failure {
    let mut said = String::new();
    if let Ok(mut log) = File::open(log_file(paths)) {
        // What can't be read is not shown; the hint names the file.
        let _ = log.seek(SeekFrom::Start(before));
        let _ = log.take(SHOWN_MAX).read_to_string(&mut said);
    }
    let said = said.trim();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let said = if said.is_empty() { "it said nothing" } else { said };
    Failure::new(Kind::Failed, format!("the daemon could not start: {said}"))
        .hint(format!("its log is {}", log_file(paths).display()))
}
