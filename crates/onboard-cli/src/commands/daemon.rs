//! `daemon start`, `stop` and `status`.

use super::Done;
use crate::arguments::{DaemonCommand, Global};
use crate::failure::{Failure, Kind};
use crate::{connection, output, render};
use onboard_domain::Command;
use onboard_web::api::{DaemonView, WatchLine};
use onboard_web::client::{CALL_TIMEOUT, Client, ClientError, Waited};
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub fn run(global: &Global, command: &DaemonCommand) -> Done {
    match command {
        DaemonCommand::Start => start(global),
        DaemonCommand::Stop { now, timeout } => stop(global, *timeout, *now),
        DaemonCommand::Status | DaemonCommand::Run { .. } => status(global),
    }
}

fn start(global: &Global) -> Done {
    let (client, _) = connection::client()?;
    let is_running = client.get::<DaemonView>("/daemon", &[]).is_ok();
    let (client, _) =
        if is_running { connection::client()? } else { connection::client_of_running()? };
    let daemon: DaemonView = client.get("/daemon", &[])?;
    if global.is_json() {
        output::json(&daemon)?;
    } else {
        let told = if is_running { "already running" } else { "running" };
        output::data(&format!("{told}, process {}\n", daemon.pid))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn status(global: &Global) -> Done {
    let (client, _) = connection::client()?;
    match client.get::<DaemonView>("/daemon", &[]) {
        Ok(daemon) if global.is_json() => output::json(&daemon)?,
        Ok(daemon) => output::data(&render::daemon::status(&daemon, &output::look(global)))?,
        Err(ClientError::Absent(_)) => {
            return Err(Failure::new(Kind::NotRunning, "the daemon is not running")
                .hint("ai_onboard daemon start"));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn stop(global: &Global, timeout: i64, now: bool) -> Done {
    let (client, _) = connection::client()?;
    let daemon: DaemonView = match client.get("/daemon", &[]) {
        Ok(daemon) => daemon,
        Err(ClientError::Absent(_)) => {
            output::data("already stopped\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(error.into()),
    };
    let deadline = Instant::now() + Duration::from_millis(timeout.try_into().unwrap_or(0));
    let mut lines = client.stream("/watch", &[])?;
    let _: Waited<WatchLine> = lines.next(Some(CALL_TIMEOUT))?;
    client.command(if now { Command::ShutdownNow } else { Command::Shutdown }, "")?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.next::<WatchLine>(Some(left)) {
            Ok(Waited::Nothing) => {
                return Err(Failure::new(Kind::TimedOut, "the daemon has not ended yet")
                    .hint("ai_onboard background-agents emergency-shutdown"));
            }
            Ok(Waited::Line(WatchLine::End { .. }) | Waited::Over) | Err(_) => break,
            Ok(Waited::Line(_)) => {}
        }
    }
    wait_for_end(&client, daemon.pid, deadline)?;
    if global.is_json() {
        output::json(&daemon)?;
    } else {
        output::data(&format!("stopped, process {}\n", daemon.pid))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for the process itself: whoever starts a daemon next must find its lock free.
fn wait_for_end(client: &Client, pid: u32, deadline: Instant) -> Result<(), Failure> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    // No such process any more is what is waited for.
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(()) };
    let left = deadline.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left));
    match ended {
        Ok(1..) => Ok(()),
        _ if client.get::<DaemonView>("/daemon", &[]).is_err() => Ok(()),
        _ => Err(Failure::new(Kind::TimedOut, "the daemon has not ended yet")),
    }
}
