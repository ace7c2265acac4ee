//! What every hostile program of the tests needs: any system call, and its outcome as a word.
//!
//! The daemon's tests have this file too, for the attacks they send through the whole daemon.

#![allow(unsafe_code)]

use std::io;

pub fn say<T>(what: &str, outcome: io::Result<T>) {
    match outcome {
        Ok(_) => println!("{what}: allowed"),
        Err(e) => println!("{what}: {}", errno_word(&e)),
    }
}

pub fn errno_word(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM".into(),
        Some(libc::EACCES) => "EACCES".into(),
        Some(libc::EROFS) => "EROFS".into(),
        Some(libc::ENOENT) => "ENOENT".into(),
        Some(libc::ENOSPC) => "ENOSPC".into(),
        Some(libc::EFBIG) => "EFBIG".into(),
        Some(libc::ENOSYS) => "ENOSYS".into(),
        Some(libc::EAGAIN) => "EAGAIN".into(),
        Some(libc::EMFILE) => "EMFILE".into(),
        Some(libc::ECONNREFUSED) => "ECONNREFUSED".into(),
        Some(libc::EBADF) => "EBADF".into(),
        Some(libc::EBUSY) => "EBUSY".into(),
        Some(libc::EXDEV) => "EXDEV".into(),
        Some(libc::ELOOP) => "ELOOP".into(),
        Some(libc::ESRCH) => "ESRCH".into(),
        Some(libc::EFAULT) => "EFAULT".into(),
        Some(libc::EINVAL) => "EINVAL".into(),
        Some(libc::EEXIST) => "EEXIST".into(),
        Some(libc::ENOTDIR) => "ENOTDIR".into(),
        Some(libc::ENOMEM) => "ENOMEM".into(),
        Some(libc::ENOTSUP) => "ENOTSUP".into(),
        Some(libc::ENAMETOOLONG) => "ENAMETOOLONG".into(),
        _ => error.to_string(),
    }
}

/// Any system call with any arguments: what a hostile program has. Nothing but a program that is
/// meant to do harm to itself alone calls it, inside its sandbox.
pub fn call(number: i64, arguments: [u64; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the attacks pass numbers, and pointers to values that live through the call; a wrong
    // pointer is given to the kernel alone, which answers EFAULT.
    let returned = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    result(returned).map(|()| returned)
}

pub fn result(returned: i64) -> io::Result<()> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
