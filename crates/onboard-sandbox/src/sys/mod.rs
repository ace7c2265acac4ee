//! The kernel's calls the sandbox makes, each behind a safe function: the only unsafe code.
//!
//! Everything here is thin on purpose: arguments in, `io::Result` out, no decision taken.

pub mod event;
pub mod files;
pub mod landlock;
pub mod memory;
pub mod mount;
pub mod network;
pub mod notify;
pub mod privilege;
pub mod process;
pub mod socket;

use std::io;

/// Turns the kernel's `-1 and errno` into a result.
fn check(returned: libc::c_long) -> io::Result<libc::c_long> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// Repeats a call that a signal interrupted.
pub fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A path or text as the kernel wants it; a NUL inside is the caller's mistake.
fn c_string(text: &str) -> io::Result<std::ffi::CString> {
    std::ffi::CString::new(text).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}
