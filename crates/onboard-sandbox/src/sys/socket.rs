//! Socket pairs between caller, launcher and init: messages, and descriptors passed with them.

use super::{check, retry};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Descriptors one message may carry: the ends of a run's network, its watched masks and a few more;
/// the kernel itself passes 253.
const MAX_PASSED: usize = 128;

/// Control data that `MAX_PASSED` descriptors need, in aligned words: two numbers a word, after a
/// header of two words, with one to spare.
const CONTROL_WORDS: usize = MAX_PASSED / 2 + 3;

/// A connected pair that keeps message boundaries, closed on `execve`.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: two descriptors are written to a live array of two.
    check(libc::c_long::from(unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC,
            0,
            fds.as_mut_ptr(),
        )
    }))?;
    // SAFETY: the kernel just returned both descriptors and nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Sends one message with descriptors.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], pass: &[BorrowedFd<'_>]) -> io::Result<()> {
    assert!(pass.len() <= MAX_PASSED, "bounded by the protocol");
    let mut control = [0_u64; CONTROL_WORDS];
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: `msghdr` is a plain structure, for which all-zero is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !pass.is_empty() {
        let raw: Vec<RawFd> = pass.iter().map(AsRawFd::as_raw_fd).collect();
        let size = size_of_val(raw.as_slice()) as u32;
        message.msg_control = control.as_mut_ptr().cast();
        // SAFETY: arithmetic on a length.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
        // SAFETY: the control buffer is aligned and holds a header and MAX_PASSED descriptors.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            libc::CMSG_DATA(header)
                .cast::<RawFd>()
                .copy_from_nonoverlapping(raw.as_ptr(), raw.len());
        }
    }
    retry(|| {
        // SAFETY: every pointer in the message refers to a live local.
        check(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) }
            as libc::c_long)
    })?;
    Ok(())
}

/// Receives one message into `buffer`: its length (0: the other end is gone) and the descriptors.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = [0_u64; CONTROL_WORDS];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` is a plain structure, for which all-zero is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    let received = retry(|| {
        // SAFETY: every pointer in the message refers to a live, writable local of stated size.
        check(
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) }
                as libc::c_long,
        )
    })?;
    Ok((received as usize, passed(&message)))
}

fn passed(message: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: walks the control data the kernel just wrote into the message's own buffer; each
    // descriptor found there is new and ours alone.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for index in 0..bytes / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    fds
}

/// Makes a blocking receive give up with `EAGAIN` after `timeout`.
pub fn set_receive_timeout(socket: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
    let value =
        libc::timeval { tv_sec: timeout.as_secs() as _, tv_usec: timeout.subsec_micros() as _ };
    // SAFETY: the value is live and its size is given.
    check(libc::c_long::from(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const value).cast(),
            size_of::<libc::timeval>() as libc::socklen_t,
        )
    }))?;
    Ok(())
}

/// Takes over descriptor `number`, which whoever started this process left open as a socket.
pub fn inherited(number: RawFd) -> io::Result<std::os::unix::net::UnixStream> {
    static TAKEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    if TAKEN.swap(true, std::sync::atomic::Ordering::SeqCst) {
        return Err(io::Error::other("the socket to the host is taken already"));
    }
    // SAFETY: fstat writes the zeroed struct it is given, and reports a descriptor that is not open.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    if unsafe { libc::fstat(number, &mut stat) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if stat.st_mode & libc::S_IFMT != libc::S_IFSOCK {
        return Err(io::Error::other(format!("descriptor {number} is not a socket")));
    }
    // SAFETY: the descriptor is open, it was inherited and so is owned by nobody in this process,
    // and the flag above gives it away once.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(number) })
}
