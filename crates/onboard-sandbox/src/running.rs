//! A run that goes on: waiting for it, stopping it for a while, ending it.

use crate::cgroup::Counters;
use crate::counted::{Counted, Watched};
use crate::layer::{Layer, Mechanism};
use crate::look;
use crate::mask::Masks;
use crate::network;
use crate::notify::Notifier;
use crate::plan::Mechanisms;
use crate::record::{KillError, Proof, RunRecord};
use crate::report::Reports;
use crate::sys::{self, process};
use crate::tree;
use crate::wire::{self, Message, Verdict};
use onboard_domain::Violation;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long stopping by signals may take before it is reported as failed.
const STOPPING: Duration = Duration::from_secs(2);

/// How long a dropped run may take to die before it is left to its launcher.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// How the agent's program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What is known of a run that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub outcome: Outcome,
    /// The kernel killed a process of the run at the memory limit: its counter moved. A program
    /// that only pretends (exit code 137) is not this.
    pub oom: bool,
    /// The launcher killed the run because its sampled memory was above the limit.
    pub memory_limit_kill: bool,
    /// Times a process could not be created because of the limit, where the kernel counts it.
    pub pids_refused: Option<u64>,
    /// Processor time of all processes together, in microseconds.
    pub cpu_us: u64,
    /// Most memory at any time, in bytes. Where only samples are taken, a lower bound.
    pub max_memory: u64,
    /// Time the run waited because its processor share was used up, where the kernel counts it.
    pub throttled_us: Option<u64>,
}

/// What a run uses now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Processor time so far, in microseconds.
    pub cpu_us: u64,
    /// Memory now, in bytes.
    pub memory: u64,
}

/// Where a run's walls are weaker on this host than they could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakness {
    pub layer: Layer,
    /// What holds instead, or what is missing.
    pub how: String,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.layer, self.how)
    }
}

/// A run behind its walls. Dropped, it is killed.
#[derive(Debug)]
pub struct Running {
    record: RunRecord,
    mechanisms: Mechanisms,
    degraded: Vec<Weakness>,
    descriptors: Descriptors,
    network: Mutex<Vec<network::End>>,
    sensors: Sensors,
    end: Mutex<End>,
}

/// Who sees what a run tries, and where that is told.
#[derive(Debug)]
pub(crate) struct Sensors {
    pub(crate) reports: Reports,
    pub(crate) counted: Mutex<Counted>,
    /// Hears of its system calls; ends with the run.
    pub(crate) notifier: Mutex<Option<Notifier>>,
    pub(crate) masks: Mutex<Option<Masks>>,
}

impl Sensors {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a caller holds its run.
#[derive(Debug)]
pub(crate) struct Descriptors {
    /// The run's first process.
    pub(crate) pidfd: OwnedFd,
    /// To the launcher.
    pub(crate) control: OwnedFd,
    /// To the first process.
    pub(crate) init: OwnedFd,
}

#[derive(Debug)]
enum End {
    /// The launcher, which is our child.
    Awaited(OwnedFd),
    Known(Ended),
}

impl Running {
    pub(crate) fn new(
        record: RunRecord,
        (mechanisms, degraded): (Mechanisms, Vec<Weakness>),
        descriptors: Descriptors,
        network: Vec<network::End>,
        sensors: Sensors,
        launcher: OwnedFd,
    ) -> Self {
        let end = Mutex::new(End::Awaited(launcher));
        let network = Mutex::new(network);
        Self { record, mechanisms, degraded, descriptors, network, sensors, end }
    }

    /// What any process needs to end this run.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// A descriptor of the first process: readable when the run is gone.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.descriptors.pidfd.as_fd()
    }

    /// What holds each limit of this run.
    pub fn mechanisms(&self) -> [(Layer, Mechanism); 5] {
        self.mechanisms.pairs()
    }

    /// What something weaker than the kernel holds, or nothing, and what nobody tells of.
    pub fn degraded(&self) -> &[Weakness] {
        &self.degraded
    }

    /// The ends of the run's network, for whoever serves them: once, then none. Sockets that nobody
    /// took are closed with the run's handle; until then what connects to them waits in vain.
    ///
    /// An end keeps the run's network alive in the kernel, so let go of them when the run ended.
    pub fn take_network(&self) -> Vec<network::End> {
        std::mem::take(&mut *self.network.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where this run's sensors put what it tried; others that watch it may add theirs.
    pub fn reports(&self) -> &Reports {
        &self.sensors.reports
    }

    /// What the run tried and was refused since this was last asked for. After the end, once more:
    /// then it is complete.
    pub fn take_violations(&self) -> Vec<Violation> {
        self.look();
        self.sensors.reports.take()
    }

    /// Looks at the run's counters, which nobody else tells of.
    fn look(&self) {
        let mut counted = self.sensors.counted();
        let told = counted.look(|| self.record.group.counters(), Instant::now());
        told.into_iter().for_each(|violation| self.sensors.reports.push(violation));
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end; `None`: it had not come after `timeout` (which `None` makes for ever), or
    /// a violation of a new kind came first, once for each.
    ///
    /// Afterwards nothing of the run is left: no process, no zombie, no group.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<Option<Ended>> {
        self.wait_for(timeout, true)
    }

    /// Waits for the end, whatever is reported meanwhile; `None`: it had not come after `timeout`.
    pub fn wait_for_end(&self, timeout: Duration) -> io::Result<Option<Ended>> {
        self.wait_for(Some(timeout), false)
    }

    fn wait_for(&self, timeout: Option<Duration>, news: bool) -> io::Result<Option<Ended>> {
        let mut end = self.end();
        if let End::Known(ended) = &*end {
            return Ok(Some(*ended));
        }
        if !self.await_control(timeout, news)? {
            return Ok(None);
        }
        let (ended, heard) = self.collect()?;
        if let End::Awaited(launcher) = &*end {
            process::reap(launcher.as_fd())?;
        }
        // Known from here on, whatever else went wrong: it is told once.
        *end = End::Known(ended);
        self.record.remove_group()?;
        heard.map(|()| Some(ended))
    }

    /// Whether the launcher has something to say, or is gone.
    fn await_control(&self, timeout: Option<Duration>, news: bool) -> io::Result<bool> {
        let deadline = timeout.map(|t| Instant::now() + t);
        let fds = [self.descriptors.control.as_fd(), self.sensors.reports.news()];
        let fds = if news { &fds[..] } else { &fds[..1] };
        let state = sys::retry(|| {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            process::poll_readable(fds, left)
        })?;
        if news {
            self.sensors.reports.hear();
        }
        Ok(state[0].readable || state[0].hung_up)
    }

    /// The end, and why it was not heard in full.
    fn collect(&self) -> io::Result<(Ended, io::Result<()>)> {
        let report = wire::receive(self.descriptors.control.as_fd())?;
        // Whatever the launcher said or did not live to say: this is the evidence.
        sys::retry(|| process::poll_readable(&[self.descriptors.pidfd.as_fd()], None))?;
        // The last process is gone, and so is the last call: what it heard is complete.
        let notifier = self.sensors.notifier.lock().unwrap_or_else(PoisonError::into_inner).take();
        let heard = notifier.map_or(Ok(()), Notifier::join);
        // Nobody is left to try anything, and all that was tried is told.
        drop(self.sensors.masks.lock().unwrap_or_else(PoisonError::into_inner).take());
        let of_agent = wire::receive(self.descriptors.init.as_fd());
        let (of_agent, heard) = match of_agent {
            Ok(of_agent) => (of_agent, heard),
            Err(error) => (None, heard.and(Err(error))),
        };
        let (status, verdict, cpu_us, max_memory, watched) = match report {
            Some(Message::Ended { status, verdict, cpu_us, max_memory, watched }) => {
                (status, verdict, cpu_us, max_memory, watched)
            }
            // The launcher was killed, and the kernel killed the run with it.
            _ => (libc::SIGKILL, Verdict::None, 0, 0, Watched::default()),
        };
        let status = match of_agent {
            Some(Message::Exited { status }) => status,
            _ => status,
        };
        let counters = self.record.group.counters();
        let ended = Ended {
            outcome: outcome(status),
            oom: counters.oom_kills.is_some_and(|n| n > 0),
            memory_limit_kill: verdict == Verdict::Memory,
            pids_refused: counters.pids_refused,
            cpu_us: counters.cpu_us.unwrap_or(cpu_us),
            max_memory: counters.max_memory.unwrap_or(max_memory),
            throttled_us: counters.throttled_us,
        };
        let mut counted = self.sensors.counted();
        let mut told = counted.look(|| counters, Instant::now());
        told.extend(counted.end(&ended, watched));
        told.into_iter().for_each(|violation| self.sensors.reports.push(violation));
        Ok((ended, heard))
    }

    /// Stops every process of the run until [`Running::thaw`]; returns when all stand still.
    pub fn freeze(&self) -> io::Result<()> {
        if let Some(frozen) = self.record.group.freeze() {
            return frozen;
        }
        // Through the launcher, which would otherwise continue them for their processor share.
        wire::send(self.descriptors.control.as_fd(), Message::Freeze)?;
        if look::until(Instant::now() + STOPPING, || self.stands_still()) {
            Ok(())
        } else {
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    fn stands_still(&self) -> bool {
        tree::descendants(self.record.pid)
            .into_iter()
            .filter_map(tree::stat)
            .all(|stat| stat.state == b'T' || stat.is_dead())
    }

    /// Lets the run go on.
    pub fn thaw(&self) -> io::Result<()> {
        match self.record.group.thaw() {
            Some(thawed) => thawed,
            None => wire::send(self.descriptors.control.as_fd(), Message::Thaw),
        }
    }

    /// Tells every process of the run that it is to end: the first one, which a descriptor names
    /// and never a stranger with its number, hands the signal on inside. Done when it is sent; a
    /// run that is gone needs none.
    pub fn terminate(&self) -> io::Result<()> {
        match process::signal_pidfd(self.pidfd(), libc::SIGTERM) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            told => told,
        }
    }

    /// Kills the run and waits for the proof that nothing of it is left.
    pub fn kill_and_prove(&self, timeout: Duration) -> Result<Proof, KillError> {
        self.record.kill_and_prove(timeout)
    }

    /// What the run uses now.
    pub fn usage(&self) -> Usage {
        match self.record.group.counters() {
            Counters { cpu_us: Some(cpu_us), memory: Some(memory), .. } => Usage { cpu_us, memory },
            counters => {
                let sum = tree::sum(self.record.pid);
                Usage {
                    cpu_us: counters.cpu_us.unwrap_or(sum.cpu_us),
                    memory: counters.memory.unwrap_or(sum.memory),
                }
            }
        }
    }
}

fn outcome(status: i32) -> Outcome {
    if libc::WIFEXITED(status) {
        Outcome::Code(libc::WEXITSTATUS(status))
    } else {
        Outcome::Signal(libc::WTERMSIG(status))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let end = self.end.get_mut().unwrap_or_else(PoisonError::into_inner);
        if matches!(end, End::Awaited(_)) {
            // Errors here have nowhere to go; the launcher ends the run when the socket closes.
            if self.kill_and_prove(DROP_TIMEOUT).is_ok() {
                let _ = self.wait_for_end(DROP_TIMEOUT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowance::Allowance;
    use crate::cgroup::{Group, Layout};
    use crate::notify::{self, Rules};
    use crate::profile::Limits;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// A run that ends with code 7 and whose notifier fails.
    #[allow(clippy::zombie_processes, reason = "who waits for a run waits for its launcher")]
    fn unheard() -> Running {
        let mut run = Command::new("true").spawn().expect("a process");
        let open = |pid: u32| process::open_pidfd(pid.cast_signed()).expect("a pidfd");
        let pidfd = open(run.id());
        run.wait().expect("its end");
        let launcher = Command::new("true").stdin(Stdio::null()).spawn().expect("a process");
        let launcher = open(launcher.id());
        let ((ours, control), (theirs, init)) =
            (sys::socket::pair().expect("a pair"), sys::socket::pair().expect("a pair"));
        let (verdict, watched) = (Verdict::None, Watched::default());
        let status = libc::SIGKILL;
        let last = Message::Ended { status, verdict, cpu_us: 5, max_memory: 6, watched };
        wire::send(ours.as_fd(), last).expect("sent");
        wire::send(theirs.as_fd(), Message::Exited { status: 7 << 8 }).expect("sent");
        // Readable, and not a listener: receiving fails for good.
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"x").expect("a byte");
        let reports = Reports::new().expect("reports");
        let named = pidfd.try_clone().expect("a descriptor");
        let allowance = Allowance::of(10);
        let notifier =
            notify::listen(reader.into(), Rules::default(), reports.clone(), named, allowance);
        let record = RunRecord {
            instance: "i".into(),
            run: "r".into(),
            pid: run.id().cast_signed(),
            start_ticks: 0,
            boot_id: String::new(),
            group: Group::default(),
        };
        let counted = Counted::new(Limits::default(), false, None);
        let sensors = Sensors {
            reports,
            counted: Mutex::new(counted),
            notifier: Mutex::new(Some(notifier.expect("a thread"))),
            masks: Mutex::new(None),
        };
        let mechanisms = Layout::default().mechanisms(false);
        let descriptors = Descriptors { pidfd, control, init };
        Running::new(record, (mechanisms, Vec::new()), descriptors, Vec::new(), sensors, launcher)
    }

    #[test]
    fn an_end_that_was_not_heard_in_full_is_known_all_the_same() {
        let running = unheard();
        assert!(running.wait_for_end(STOPPING).is_err(), "it is told");
        let ended = running.wait_for_end(STOPPING).expect("once").expect("its end");
        assert_eq!((ended.outcome, ended.cpu_us, ended.max_memory), (Outcome::Code(7), 5, 6));
    }
}
