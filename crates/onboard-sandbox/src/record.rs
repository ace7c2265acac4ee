//! A run on paper: enough for any process to end it and to know that it is gone.

use crate::cgroup::Group;
use crate::look;
use crate::profile::Profile;
use crate::sys::{self, process};
use crate::tree::{self, Left};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Identifies a run's first process across restarts of the caller: the number alone may have gone
/// to another process, the number with its start time and boot has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    pub instance: String,
    pub run: String,
    /// The first process, by its number on the host.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Which boot that was.
    pub boot_id: String,
    /// The run's control groups.
    pub group: Group,
}

/// How it is known that nothing of a run is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It was killed, and the kernel reported the end of its first process, which comes after the
    /// end of every other; its groups, if it had any, are empty.
    Killed,
    /// It had ended before.
    AlreadyGone,
    /// The machine was started anew since.
    Rebooted,
}

/// Evidence that nothing of a run is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    pub how: How,
    /// From the request to the evidence.
    pub elapsed: Duration,
}

/// Why there is no proof.
#[derive(Debug)]
pub enum KillError {
    /// The kernel did not report the end in time; what is still there.
    Unproven { after: Duration, left: Vec<Left> },
    /// The kernel refused.
    Refused(io::Error),
}

impl fmt::Display for KillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unproven { after, left } => {
                write!(f, "killed, but not seen to be gone after {} ms", after.as_millis())?;
                for (index, Left { pid, name, is_stuck }) in left.iter().enumerate() {
                    let so = if index == 0 { ": " } else { ", " };
                    let why = if *is_stuck { " waits in the kernel, uninterruptibly" } else { "" };
                    write!(f, "{so}process {pid} ({name}){why}")?;
                }
                Ok(())
            }
            Self::Refused(error) => write!(f, "could not be killed: {error}"),
        }
    }
}

impl std::error::Error for KillError {}

impl RunRecord {
    pub(crate) fn of(pid: i32, profile: &Profile, group: Group) -> io::Result<Self> {
        let stat = tree::stat(pid).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self {
            instance: profile.instance.clone(),
            run: profile.run.clone(),
            pid,
            start_ticks: stat.start_ticks,
            boot_id: tree::boot_id()?,
            group,
        })
    }

    /// Whether the run's first process lives.
    pub fn is_alive(&self) -> bool {
        matches!(self.find(), Ok(Found::Alive(_)))
    }

    /// Kills the run, whoever started it, and waits for the proof that nothing of it is left.
    pub fn kill_and_prove(&self, timeout: Duration) -> Result<Proof, KillError> {
        let start = Instant::now();
        self.kill()?.prove(start, start + timeout)
    }

    /// Removes the run's empty control groups.
    pub fn remove_group(&self) -> io::Result<()> {
        self.group.remove()
    }

    fn find(&self) -> io::Result<Found> {
        if tree::boot_id()? != self.boot_id {
            return Ok(Found::Gone(How::Rebooted));
        }
        let pidfd = match process::open_pidfd(self.pid) {
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => {
                return Ok(Found::Gone(How::AlreadyGone));
            }
            other => other?,
        };
        // Looked at after the descriptor was opened: it names the process these facts are about.
        match tree::stat(self.pid) {
            Some(stat) if stat.start_ticks == self.start_ticks && !stat.is_dead() => {
                Ok(Found::Alive(pidfd))
            }
            _ => Ok(Found::Gone(How::AlreadyGone)),
        }
    }

    fn kill(&self) -> Result<Killed<'_>, KillError> {
        let found = self.find().map_err(KillError::Refused)?;
        if let Found::Alive(pidfd) = &found {
            match process::signal_pidfd(pidfd.as_fd(), libc::SIGKILL) {
                Err(e) if e.raw_os_error() != Some(libc::ESRCH) => {
                    return Err(KillError::Refused(e));
                }
                _ => {}
            }
        }
        if !matches!(found, Found::Gone(How::Rebooted)) {
            self.group.kill();
            // The signal is pending, so a frozen process dies before it runs an instruction.
            if let Some(Err(error)) = self.group.thaw()
                && !self.group.is_empty()
            {
                return Err(KillError::Refused(error));
            }
        }
        Ok(Killed { record: self, found })
    }
}

enum Found {
    Alive(OwnedFd),
    Gone(How),
}

/// A run that was sent its end.
struct Killed<'a> {
    record: &'a RunRecord,
    found: Found,
}

impl Killed<'_> {
    fn prove(&self, start: Instant, deadline: Instant) -> Result<Proof, KillError> {
        let left = || tree::left(self.record.pid);
        let unproven = || KillError::Unproven { after: start.elapsed(), left: left() };
        let how = match &self.found {
            Found::Gone(how) => *how,
            Found::Alive(pidfd) => {
                let ended = sys::retry(|| {
                    let left = deadline.saturating_duration_since(Instant::now());
                    process::poll_readable(&[pidfd.as_fd()], Some(left))
                });
                if !ended.map_err(KillError::Refused)?[0].readable {
                    return Err(unproven());
                }
                How::Killed
            }
        };
        let is_empty = || how == How::Rebooted || self.record.group.is_empty();
        if !look::until(deadline, is_empty) {
            return Err(unproven());
        }
        Ok(Proof { how, elapsed: start.elapsed() })
    }
}

/// Ends many runs at once: all are sent their end before the first is waited for, and `timeout` is
/// for all together. The answers are in the order of `records`.
pub fn kill_all(records: &[RunRecord], timeout: Duration) -> Vec<Result<Proof, KillError>> {
    let start = Instant::now();
    let killed: Vec<_> = records.iter().map(RunRecord::kill).collect();
    killed.into_iter().map(|killed| killed?.prove(start, start + timeout)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_of_this_process() -> RunRecord {
        let pid = i32::try_from(std::process::id()).expect("pid");
        RunRecord {
            instance: "i".into(),
            run: "r".into(),
            pid,
            start_ticks: tree::stat(pid).expect("self").start_ticks,
            boot_id: tree::boot_id().expect("boot"),
            group: Group::default(),
        }
    }

    #[test]
    fn a_stranger_with_the_number_is_not_killed() {
        let other_start = RunRecord { start_ticks: 1, ..record_of_this_process() };
        let other_boot = RunRecord { boot_id: "other".into(), ..record_of_this_process() };
        let how = |r: &RunRecord| r.kill_and_prove(Duration::ZERO).expect("proof").how;
        assert_eq!(how(&other_start), How::AlreadyGone);
        assert_eq!(how(&other_boot), How::Rebooted);
        assert!(record_of_this_process().is_alive() && !other_start.is_alive());
    }
}
