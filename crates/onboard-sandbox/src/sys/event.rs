//! A flag that one thread raises and another can poll for.

use super::check;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Readable while it is raised.
#[derive(Debug)]
pub struct Event(OwnedFd);

impl Event {
    /// Lowered at first; closed on `execve`.
    pub fn new() -> io::Result<Event> {
        let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
        // SAFETY: integers only.
        let fd = check(libc::c_long::from(unsafe { libc::eventfd(0, flags) }))?;
        // SAFETY: the kernel just returned this descriptor and nobody else owns it.
        Ok(Event(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
    }

    /// Raises it. Fails only when its count is full, and then it is raised.
    pub fn signal(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight live bytes, as the kernel wants them.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Lowers it; whether it was raised.
    pub fn clear(&self) -> bool {
        let mut count = [0_u8; 8];
        // SAFETY: eight live, writable bytes; without a count the call does not wait.
        let read =
            unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
        read == 8
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
