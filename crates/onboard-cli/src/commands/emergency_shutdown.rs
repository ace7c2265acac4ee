//! `background-agents emergency-shutdown`: works with the daemon hung, dead or alive.
//!
//! The latch file comes first, so that nothing new starts whatever happens after. Then the daemon
//! is told, briefly; and whatever it does, every recorded run is killed from here and proven gone.

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::{clock, output, paths};
use onboard_daemon::latch::{self, Hold, Latch};
use onboard_daemon::records;
use onboard_domain::Command;
use onboard_sandbox::{How, RunRecord, kill_all};
use onboard_web::client::{Client, ClientError};
use serde::Serialize;
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
    /// What the daemon said, if it did.
    daemon: String,
    runs: Vec<Ended>,
    elapsed_ms: u128,
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
    let latched = latch::set(&paths, &text);
    let first = records::all(&paths.state);
    let daemon = tell_daemon(&paths.socket(), reason);
    let runs = kill_recorded(&paths.state, first)?;
    let is_all_gone = runs.iter().all(|run| run.is_gone);
    let shutdown = Shutdown {
        reason: reason.to_string(),
        daemon,
        runs,
        elapsed_ms: start.elapsed().as_millis(),
    };
    show(global, &shutdown)?;
    match latched {
        Ok(Hold::Durable) => {}
        Ok(Hold::UntilRestart(error)) => output::note(&format!(
            "the latch is set in {}, which a restart of the machine empties: {}: {error}",
            paths.runtime.display(),
            paths.state.display()
        )),
        Err(error) => {
            return Err(Failure::file("set the latch in", &paths.state, &error).hint(
                "what ran is ended, and a daemon that is started may start it again: make room, \
                 and run this again",
            ));
        }
    }
    if is_all_gone {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::new(Kind::Failed, "not everything is proven gone")
        .hint("the lines above name what is left; run this again"))
}

fn tell_daemon(socket: &std::path::Path, reason: &str) -> String {
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

type Found = std::io::Result<Vec<(onboard_domain::RunId, RunRecord)>>;

/// Kills everything that the state folder has a record of, until no new record shows.
fn kill_recorded(state: &std::path::Path, first: Found) -> Result<Vec<Ended>, Failure> {
    let fail = |error| Failure::file("read the records of runs in", state, &error);
    let mut found = first.map_err(fail)?;
    let mut seen: Vec<Ended> = Vec::new();
    for _ in 0..ROUNDS {
        let records: Vec<RunRecord> = found.iter().map(|(_, record)| record.clone()).collect();
        let proofs = kill_all(&records, KILL_PATIENCE);
        for ((run, _), proof) in found.iter().zip(proofs) {
            let ended = match proof {
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
            };
            seen.retain(|before| before.run != ended.run);
            seen.push(ended);
        }
        found = records::all(state).map_err(fail)?;
        found.retain(|(run, _)| !seen.iter().any(|ended| ended.run == run.to_string()));
        if found.is_empty() {
            break;
        }
    }
    Ok(seen)
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
        shutdown.runs.len(),
        shutdown.daemon
    ));
    output::data(&out)?;
    output::note("nothing starts until: ai_onboard background-agents resume --reason TEXT");
    Ok(())
}
