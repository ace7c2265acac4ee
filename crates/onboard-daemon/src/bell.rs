//! Tells the thread that speaks with a run that it is the run's turn for leases that it waits for.

use onboard_domain::lease;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// Rung by the loop, which never waits for it; heard by poll.
#[derive(Debug)]
pub(crate) struct Bell {
    fd: OwnedFd,
    names: Mutex<Vec<String>>,
}

impl Bell {
    /// # Errors
    /// When this process has no descriptor left.
    pub(crate) fn new() -> io::Result<Bell> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Bell { fd, names: Mutex::default() })
    }

    /// The lease of this name is free for the run.
    pub(crate) fn ring(&self, name: String) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < lease::WAITS_PER_RUN && !names.contains(&name) {
            names.push(name);
        }
        // It counts rings; one that has reached its end is rung already.
        let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
    }

    /// What it was rung for since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        // Nothing to read means that nobody rang.
        let _ = rustix::io::read(&self.fd, &mut [0_u8; 8]);
        std::mem::take(&mut *self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    #[test]
    fn each_name_is_heard_once_and_no_more_than_a_run_may_wait_for() {
        let bell = Bell::new().unwrap();
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let rings = || poll(&mut [PollFd::new(&bell, PollFlags::IN)], Some(&now)).unwrap() > 0;
        assert!(!rings());
        for name in ["a", "b", "a", "c", "d", "e"] {
            bell.ring(name.into());
        }
        assert!(rings());
        assert_eq!(bell.take(), ["a", "b", "c", "d"]);
        assert!(!rings());
        assert!(bell.take().is_empty());
    }
}
