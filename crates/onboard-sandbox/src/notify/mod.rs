//! The sensor for what a run's system calls want: one blocking thread a run receives each call that
//! the filter hands over, looks at it, and lets the kernel go on or refuse.
//!
//! What it reads of the caller's memory is a hint: another thread of the agent may change it before
//! the kernel looks. So nothing that must hold is decided by it: it refuses what the filter refuses
//! whatever is in memory, and forbidden commands, whose files are masked as well.

pub mod call;
pub(crate) mod judge;
pub(crate) mod look;

use crate::allowance::Allowance;
use crate::profile::Profile;
use crate::report::Reports;
use crate::sys::{self, notify, process};
use call::Call;
use onboard_policy::{NameSet, PathSet};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;

/// The stack of the thread: it holds a path and a few arguments.
const STACK: usize = 128 * 1024;

/// What is told from what a call names.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Programs that may not be started, by name.
    pub forbidden_commands: NameSet,
    /// Paths of the project that may not be read, relative to it.
    pub forbidden: PathSet,
    /// What lies in `/tmp` may be executed.
    pub works_in_tmp: bool,
    /// Ports at which somebody hears of a connection anyway; `None`: there is no network.
    pub ports: Option<BTreeSet<u16>>,
}

impl Rules {
    /// What a run with this profile is held to.
    pub fn of(profile: &Profile) -> Rules {
        Rules {
            forbidden_commands: NameSet::new(profile.forbidden_commands.iter().cloned()),
            forbidden: PathSet::new(profile.forbidden.iter().cloned()),
            works_in_tmp: profile.works_in_tmp,
            ports: profile.network.as_ref().map(|n| n.tcp.iter().chain(&n.udp).copied().collect()),
        }
    }
}

/// One run's notifier: its thread, and what is known of how well it hears.
#[derive(Debug)]
pub struct Notifier {
    thread: JoinHandle<io::Result<()>>,
    is_blind: bool,
}

impl Notifier {
    /// Whether this host lets us read no caller's memory: calls are told without what they name.
    pub fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Waits for its end, which comes with the run's.
    ///
    /// # Errors
    /// Why it ended before.
    pub fn join(self) -> io::Result<()> {
        let failed = || io::Error::other("the thread that hears of its calls failed");
        self.thread.join().unwrap_or_else(|_| Err(failed()))
    }
}

/// Listens until no process of the run is left. `run`: its first process, which is killed when the
/// listening ends before that, however it ends.
///
/// # Errors
/// When there is no thread for it.
pub fn listen(
    listener: OwnedFd,
    rules: Rules,
    reports: Reports,
    run: OwnedFd,
    mut allowance: Allowance,
) -> io::Result<Notifier> {
    let is_blind = !notify::can_read_memory();
    let named = std::thread::Builder::new().name("notifier".into()).stack_size(STACK);
    let thread = named.spawn(move || {
        let mut unheard = Unheard(Some(run));
        let served = serve(&listener, &rules, &reports, &mut allowance);
        match &served {
            Ok(()) => unheard.0 = None,
            Err(error) => eprintln!("a run's notifier ended, and the run with it: {error}"),
        }
        served
    })?;
    Ok(Notifier { thread, is_blind })
}

/// A run that nobody listens to. Its calls would fail at once, so it could do less, never more; but
/// what it tries would not be on record.
struct Unheard(Option<OwnedFd>);

impl Drop for Unheard {
    fn drop(&mut self) {
        let Some(run) = &self.0 else { return };
        // An error: it has ended already.
        let _ = process::signal_pidfd(run.as_fd(), libc::SIGKILL);
    }
}

fn serve(
    listener: &OwnedFd,
    rules: &Rules,
    reports: &Reports,
    allowance: &mut Allowance,
) -> io::Result<()> {
    let listener = listener.as_fd();
    notify::wake_on_the_same_processor(listener);
    loop {
        let state = sys::retry(|| process::poll_readable(&[listener], None))?;
        if !state[0].readable {
            // Hung up: the last process that the filter held is gone.
            return Ok(());
        }
        let Some(notification) = notify::receive(listener)? else { continue };
        let Some(call) = Call::of(notification.architecture, notification.number) else {
            notify::answer(listener, notification.id, None)?;
            continue;
        };
        let seen = look::look(call, &notification);
        if !notify::is_valid(listener, notification.id) {
            continue;
        }
        let verdict = judge::judge(call, &seen, rules);
        // Reported first: when the caller goes on, what it did is on record.
        if let Some(violation) = verdict.violation {
            reports.push(violation.by(&seen.comm));
        }
        notify::answer(listener, notification.id, verdict.errno)?;
        allowance.answered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    /// A run, whose notifier gets `listener`; whether it was killed once the thread has ended.
    fn is_killed(listener: OwnedFd) -> bool {
        // Ends by itself when its input does.
        let mut run = Command::new("cat").stdin(Stdio::piped()).spawn().expect("a process");
        let pidfd = process::open_pidfd(run.id().cast_signed()).expect("pidfd");
        let reports = Reports::new().expect("reports");
        let thread = listen(listener, Rules::default(), reports, pidfd, Allowance::of(10))
            .expect("a thread");
        let _ = thread.join();
        drop(run.stdin.take());
        run.wait().expect("its end").signal() == Some(libc::SIGKILL)
    }

    #[test]
    fn a_run_that_nobody_hears_ends() {
        // Readable, and not a listener: receiving fails for good.
        let (reader, writer) = io::pipe().expect("pipe");
        (&writer).write_all(b"x").expect("a byte");
        assert!(is_killed(reader.into()));
    }

    #[test]
    fn a_run_whose_last_process_is_gone_is_left_alone() {
        let (reader, writer) = io::pipe().expect("pipe");
        drop(writer);
        assert!(!is_killed(reader.into()));
    }
}
