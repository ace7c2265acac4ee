//! The sensor for what a run's system calls want: one blocking thread a run receives each call that
//! the filter hands over, looks at it, and lets the kernel go on or refuse.
//!
//! What it reads of the caller's memory is a hint: another thread of the agent may change it before
//! the kernel looks. So nothing that must hold is decided by it: it refuses what the filter refuses
//! whatever is in memory, and forbidden commands, whose files are masked as well.

pub mod call;
mod judge;
mod look;

use crate::report::Reports;
use crate::sys::{self, notify, process};
use call::Call;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;

/// The stack of the thread: it holds a path and a few arguments.
const STACK: usize = 128 * 1024;

/// What is told from what a call names.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Programs that may not be started, by name.
    pub forbidden_commands: Vec<String>,
    /// Paths of the project that may not be read, relative to it.
    pub forbidden: Vec<String>,
}

/// Listens until no process of the run is left.
///
/// # Errors
/// When there is no thread for it.
pub fn listen(listener: OwnedFd, rules: Rules, reports: Reports) -> io::Result<JoinHandle<()>> {
    let named = std::thread::Builder::new().name("notifier".into()).stack_size(STACK);
    named.spawn(move || {
        // An error here is the kernel's and lasting. Without a listener every further call that
        // would be handed over fails, so the run goes on with less, never with more.
        if let Err(error) = serve(&listener, &rules, &reports) {
            eprintln!("a run's notifier ended: {error}");
        }
    })
}

fn serve(listener: &OwnedFd, rules: &Rules, reports: &Reports) -> io::Result<()> {
    let listener = listener.as_fd();
    loop {
        let state = sys::retry(|| process::poll_readable(&[listener], None))?;
        if !state[0].readable {
            // Hung up: the last process that the filter held is gone.
            return Ok(());
        }
        let Some(notification) = notify::receive(listener)? else { continue };
        let Some(call) = Call::of(notification.number.into()) else {
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
    }
}
