//! `background-agents emergency-shutdown`: works with the daemon hung, dead or alive.
//!
//! The latch file comes first, so that nothing new starts whatever happens after. Then the daemon
//! is told, briefly; and whatever it does, every recorded run is killed from here and proven gone.

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::{clock, output, paths};
use onboard_daemon::Paths;
use onboard_daemon::latch::{self, Hold, Latch};
use onboard_daemon::records::{self, Found};
use onboard_domain::{Command, RunId};
use onboard_sandbox::{How, RunRecord, kill_all};
use onboard_web::client::{Client, ClientError};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long the daemon may take to answer: a healthy one needs milliseconds.
const DAEMON_PATIENCE: Duration = Duration::from_millis(700);

/// How long the kernel may take to end everything.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Rounds of looking for records: a launch that was under way when the latch was set writes its
/// record before its first instruction, so it is found in the next round.
const ROUNDS: usize = 10;

#[derive(Serialize)]
struct Shutdown {
    reason: String,
    /// Whether anything can start: until a person resumes, if it is set.
    latch: Latched,
    /// What the daemon said, if it did.
    daemon: String,
    runs: Vec<Ended>,
    /// What could not be read of the records of runs: what it may have named is not looked at.
    unread: Vec<String>,
    elapsed_ms: u128,
}

/// How the latch is set.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "set")]
enum Latched {
    Durably,
    UntilRestart { folder: String, why: String },
    Not { why: String },
}

impl Latched {
    fn of(set: std::io::Result<Hold>, paths: &Paths) -> Latched {
        match set {
            Ok(Hold::Durable) => Latched::Durably,
            Ok(Hold::UntilRestart(error)) => Latched::UntilRestart {
                folder: paths.runtime.display().to_string(),
                why: format!("{}: {error}", paths.state.display()),
            },
            Err(error) => Latched::Not { why: format!("{}: {error}", paths.state.display()) },
        }
    }
}

#[derive(Clone, Serialize)]
struct Ended {
    run: String,
    is_gone: bool,
    how: String,
    elapsed_ms: u128,
}

pub fn run(global: &Global, reason: &str) -> Done {
    let start = Instant::now();
    let paths = paths::find()?;
    let text = Latch { reason: reason.to_string(), since_ms: clock::now().0 };
    // A latch that can't be set must not keep the runs alive: they are killed all the same.
    let latch = Latched::of(latch::set(&paths, &text), &paths);
    let first = records::look(&paths.state);
    let daemon = tell_daemon(&paths.socket(), reason);
    let (runs, unread) = kill_recorded(&paths.state, first);
    let shutdown = Shutdown {
        reason: reason.to_string(),
        latch,
        daemon,
        runs,
        unread,
        elapsed_ms: start.elapsed().as_millis(),
    };
    show(global, &shutdown)?;
    shutdown.end()
}

impl Shutdown {
    /// What is not as it was asked for: the latch first, for without it nothing else lasts.
    fn end(&self) -> Done {
        if let Latched::Not { why } = &self.latch {
            let message = format!("can't set the latch in {why}");
            return Err(Failure::new(Kind::Failed, message).hint(
                "what ran and is named above is ended, and a daemon that is started may start it \
                 again: make room, and run this again",
            ));
        }
        if !self.unread.is_empty() {
            let message = format!("can't read every record of a run: {}", self.unread.join("; "));
            return Err(Failure::new(Kind::Failed, message).hint(
                "what it names may still run: remove what can't be read, end its processes by \
                 hand, and run this again",
            ));
        }
        if self.runs.iter().all(|run| run.is_gone) {
            return Ok(ExitCode::SUCCESS);
        }
        Err(Failure::new(Kind::Failed, "not everything is proven gone")
            .hint("the lines above name what is left; run this again"))
    }
}

fn tell_daemon(socket: &Path, reason: &str) -> String {
    let command = Command::EmergencyShutdown { reason: reason.to_string() };
    let told = Client::new(socket)
        .map_err(|error| ClientError::Broken(error.to_string()))
        .and_then(|client| client.with_timeout(DAEMON_PATIENCE).command(command, reason));
    match told {
        Ok(_) => "recorded it".into(),
        Err(ClientError::Absent(_)) => "is not running".into(),
        Err(error) => format!("did not record it: {error}"),
    }
}

/// Kills everything that the state folder has a record of, until no new record shows; what could not
/// be read at last.
fn kill_recorded(state: &Path, first: Found) -> (Vec<Ended>, Vec<String>) {
    let mut found = first;
    let mut seen: Vec<Ended> = Vec::new();
    for _ in 0..ROUNDS {
        for ended in kill(&found.records) {
            seen.retain(|before| before.run != ended.run);
            seen.push(ended);
        }
        found = records::look(state);
        found.records.retain(|(run, _)| !seen.iter().any(|ended| ended.run == run.to_string()));
        if found.records.is_empty() {
            break;
        }
    }
    (seen, found.unread.iter().map(ToString::to_string).collect())
}

fn kill(found: &[(RunId, RunRecord)]) -> Vec<Ended> {
    let records: Vec<RunRecord> = found.iter().map(|(_, record)| record.clone()).collect();
    let proofs = kill_all(&records, KILL_PATIENCE);
    let ended = found.iter().zip(proofs).map(|((run, _), proof)| match proof {
        Ok(proof) => Ended {
            run: run.to_string(),
            is_gone: true,
            how: words(proof.how).into(),
            elapsed_ms: proof.elapsed.as_millis(),
        },
        Err(error) => Ended {
            run: run.to_string(),
            is_gone: false,
            how: error.to_string(),
            elapsed_ms: KILL_PATIENCE.as_millis(),
        },
    });
    ended.collect()
}

fn words(how: How) -> &'static str {
    match how {
        How::Killed => "killed and proven gone",
        How::AlreadyGone => "had ended before",
        How::Rebooted => "ended with an earlier boot",
    }
}

fn show(global: &Global, shutdown: &Shutdown) -> Result<(), Failure> {
    if global.is_json() {
        return output::json(shutdown);
    }
    let mut out = String::new();
    for run in &shutdown.runs {
        let mark = if run.is_gone { "✓" } else { "✗" };
        out.push_str(&format!("{mark} {} {} after {} ms\n", run.run, run.how, run.elapsed_ms));
    }
    out.push_str(&format!(
        "emergency shutdown in {} ms: {} runs ended; the daemon {}\n",
        shutdown.elapsed_ms,
        shutdown.runs.iter().filter(|run| run.is_gone).count(),
        shutdown.daemon
    ));
    output::data(&out)?;
    match &shutdown.latch {
        Latched::Durably => {}
        Latched::UntilRestart { folder, why } => output::note(&format!(
            "the latch is set in {folder}, which a restart of the machine empties: {why}"
        )),
        // The failure says so.
        Latched::Not { .. } => return Ok(()),
    }
    output::note("nothing starts until: ai_onboard background-agents resume --reason TEXT");
    Ok(())
}
