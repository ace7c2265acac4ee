//! The starter: our own binary, executed once more, from which every launcher is forked.
//!
//! A caller has many threads and much memory, and may not fork; to execute the binary for each launch
//! takes a quarter of a whole start, most of it the loading of a large program. So that is done once:
//! the starter has one thread, little memory, and no descriptor but its socket, and does nothing but
//! fork. What it forks is the caller's child, not its own. It ends with its caller.

use crate::build;
use crate::launcher::{self, LAUNCHER_NAME, OWN_FILES_FROM};
use crate::plan::Plan;
use crate::sys::process::{self, Clone};
use crate::sys::{files, socket};
use crate::wire::{self, Message};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// What a launcher is made with.
pub struct Request<T> {
    /// The launcher's end of the socket to its caller.
    pub control: T,
    /// The agent's standard output and error.
    pub stdout: T,
    pub stderr: T,
}

/// The starter of this process.
static STARTER: Mutex<Option<Starter>> = Mutex::new(None);

struct Starter {
    requests: OwnedFd,
    process: Child,
}

/// Has a launcher forked. It is announced at the caller's end of its control socket; where that is
/// closed instead, there is none.
pub fn fork_launcher(request: &Request<BorrowedFd<'_>>) -> io::Result<()> {
    let mut starter = STARTER.lock().unwrap_or_else(PoisonError::into_inner);
    if starter.as_ref().is_some_and(|starter| starter.ask(request).is_ok()) {
        return Ok(());
    }
    if let Some(dead) = starter.take() {
        dead.end();
    }
    starter.insert(Starter::start()?).ask(request)
}

/// Ends the starter, which does not answer; the next launch has another. Launchers that were forked stay.
pub fn give_up() {
    if let Some(silent) = STARTER.lock().unwrap_or_else(PoisonError::into_inner).take() {
        silent.end();
    }
}

impl Starter {
    fn start() -> io::Result<Starter> {
        let (requests, theirs) = socket::pair()?;
        // No `pre_exec`, no change of user: then the process is made without copying this one.
        let process = Command::new("/proc/self/exe")
            .arg0(LAUNCHER_NAME)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Starter { requests, process })
    }

    fn ask(&self, request: &Request<BorrowedFd<'_>>) -> io::Result<()> {
        let Request { control, stdout, stderr } = *request;
        socket::send(self.requests.as_fd(), &[0], &[control, stdout, stderr])
    }

    /// One that takes no requests any more.
    fn end(mut self) {
        // An error: it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The starter itself: serves its caller until that is gone.
pub fn serve() -> io::Result<()> {
    // A caller that left a descriptor open over `execve` must not hand it to an agent.
    files::close_from(3)?;
    let requests = files::duplicate_above(io::stdin().as_fd(), OWN_FILES_FROM)?;
    build::silence(&[0])?;
    while let Some(request) = receive(requests.as_fd())? {
        match process::clone_as_sibling() {
            Ok(Clone::Child) => {
                drop(requests);
                return launcher::run(request);
            }
            // A caller that is gone cannot be told.
            Ok(Clone::Parent { pid, pidfd }) => {
                let _ = wire::send_forked(request.control.as_fd(), pid, pidfd.as_fd());
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EPROTO);
                let failed = Message::Failed { step: Plan::NO_STEP, errno };
                let _ = wire::send(request.control.as_fd(), failed);
            }
        }
    }
    Ok(())
}

/// The next request; `None`: the caller is gone.
fn receive(requests: BorrowedFd<'_>) -> io::Result<Option<Request<OwnedFd>>> {
    let (length, fds) = socket::receive(requests, &mut [0])?;
    if length == 0 {
        return Ok(None);
    }
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
    let [control, stdout, stderr] = fds.try_into().map_err(invalid)?;
    Ok(Some(Request { control, stdout, stderr }))
}
