//! The kernel's notifications of system calls: receiving them, looking at the caller, answering.

use super::check;
use super::privilege::LISTENING;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// One call that waits for its answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// Names the call in the answer.
    pub id: u64,
    /// The calling thread, by its number in this process's namespace.
    pub pid: u32,
    pub flags: u32,
    pub number: i32,
    pub architecture: u32,
    pub instruction: u64,
    pub arguments: [u64; 6],
}

#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// Encodes an `ioctl` number of seccomp's, as `_IOC` does.
const fn request(direction: u64, number: u64, size: usize) -> u64 {
    direction << 30 | (size as u64) << 16 | (b'!' as u64) << 8 | number
}

const WRITE: u64 = 1;
const READ_WRITE: u64 = 3;
const RECEIVE: u64 = request(READ_WRITE, 0, size_of::<Notification>());
const SEND: u64 = request(READ_WRITE, 1, size_of::<Response>());
const IS_VALID: u64 = request(WRITE, 2, size_of::<u64>());
const SET_FLAGS: u64 = request(WRITE, 4, size_of::<u64>());
/// The kernel carries out the call as if nobody had looked.
const CONTINUE: u32 = 1;

/// Has the kernel run the listener where the caller runs, while that one waits anyway. Older kernels
/// (before 6.6) can't; it is only faster.
pub fn wake_on_the_same_processor(listener: BorrowedFd<'_>) {
    const SYNC_WAKE_UP: u64 = 1;
    // SAFETY: the flags are passed by value.
    unsafe { libc::ioctl(listener.as_raw_fd(), SET_FLAGS as _, SYNC_WAKE_UP) };
}

/// Waits for the next call; `None`: its caller was gone before it was taken.
pub fn receive(listener: BorrowedFd<'_>) -> io::Result<Option<Notification>> {
    let mut notification = Notification::default();
    // SAFETY: the structure has the kernel's layout, is zeroed as the kernel demands, and is live.
    let received =
        check(unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE as _, &raw mut notification) }
            as libc::c_long);
    match received {
        Ok(_) => Ok(Some(notification)),
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether the call still waits: what was read of its caller's memory is then the caller's.
pub fn is_valid(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the number is live for the call.
    unsafe { libc::ioctl(listener.as_raw_fd(), IS_VALID as _, &raw const id) == 0 }
}

/// Answers a call: `None` lets the kernel carry it out, else it fails with this error. A caller that
/// is gone needs no answer.
pub fn answer(listener: BorrowedFd<'_>, id: u64, errno: Option<i32>) -> io::Result<()> {
    let response = match errno {
        None => Response { id, value: 0, error: 0, flags: CONTINUE },
        Some(errno) => Response { id, value: 0, error: -errno, flags: 0 },
    };
    // SAFETY: the structure has the kernel's layout and is live.
    let sent = check(unsafe { libc::ioctl(listener.as_raw_fd(), SEND as _, &raw const response) }
        as libc::c_long);
    match sent {
        Err(e) if e.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other.map(drop),
    }
}

/// Reads another process's memory into `buffer`, as far as it can be read: how many bytes.
pub fn read_memory(pid: u32, address: u64, buffer: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: buffer.len() };
    // SAFETY: writes at most the length of the live buffer; the remote address is only looked up in
    // the other process.
    let read = unsafe {
        libc::process_vm_readv(pid.cast_signed(), &raw const local, 1, &raw const remote, 1, 0)
    };
    usize::try_from(read).unwrap_or(0)
}

/// Whether memory can be read in this way at all: tried on our own.
pub fn can_read_memory() -> bool {
    let (written, mut read) = ([7_u8; 1], [0]);
    read_memory(std::process::id(), written.as_ptr() as u64, &mut read) == 1 && read == written
}

/// Whether this kernel can notify at all, and in the way that is asked for: a filter that is not
/// there is refused for that, and not for its flags.
pub fn is_available() -> bool {
    let action = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the number is live for the call.
    let has_action = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) == 0
    };
    let (set, none) = (libc::SECCOMP_SET_MODE_FILTER, std::ptr::null::<u8>());
    // SAFETY: the kernel copies from the null pointer, fails, and installs nothing.
    let refused = check(unsafe { libc::syscall(libc::SYS_seccomp, set, LISTENING, none) });
    has_action && refused.is_err_and(|error| error.raw_os_error() == Some(libc::EFAULT))
}
