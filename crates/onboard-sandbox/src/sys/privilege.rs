//! Giving up rights: users, capabilities, `no_new_privs`, the seccomp filter.

use super::check;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// One instruction of a seccomp program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub code: u16,
    pub jump_true: u8,
    pub jump_false: u8,
    pub value: u32,
}

/// Becomes `uid` and `gid` in every sense (real, effective, saved).
pub fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: integers only; one thread, so no other needs telling.
    check(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    // SAFETY: as above.
    check(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) })?;
    Ok(())
}

/// Leaves every supplementary group.
pub fn leave_groups() -> io::Result<()> {
    // SAFETY: a list of length zero is not read.
    check(unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()) })?;
    Ok(())
}

/// Every securebit with its lock: no program ever gains a right from being user 0, and ambient
/// capabilities cannot be raised.
const LOCKED_SECUREBITS: libc::c_ulong = 0b1110_1111;

/// Drops every capability from every set, for this process and whatever it executes.
pub fn drop_capabilities() -> io::Result<()> {
    // SAFETY: integers only.
    check(libc::c_long::from(unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    }))?;
    // SAFETY: integers only.
    check(libc::c_long::from(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, LOCKED_SECUREBITS) }))?;
    // 64 is the width of the sets; the kernel says EINVAL after its last capability.
    for capability in 0..64 {
        // SAFETY: integers only.
        let dropped = check(libc::c_long::from(unsafe {
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0)
        }));
        match dropped {
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => break,
            other => other?,
        };
    }
    empty_capability_sets()
}

/// Empties the effective, permitted and inheritable sets.
pub fn empty_capability_sets() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION_3, 0];
    let empty = [0_u32; 6];
    // SAFETY: header (version, pid) and two data blocks of three words, as version 3 lays out.
    check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), empty.as_ptr()) })?;
    Ok(())
}

/// Promises that no `execve` ever gives this process more rights.
pub fn no_new_privileges() -> io::Result<()> {
    // SAFETY: integers only.
    check(libc::c_long::from(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }))?;
    Ok(())
}

/// Installs a seccomp program for this process and its descendants, for ever. With `listen`, returns
/// the descriptor by which another process hears of the calls that the program hands over.
pub fn install_filter(program: &[Instruction], listen: bool) -> io::Result<Option<OwnedFd>> {
    let mut filter: Vec<libc::sock_filter> = program
        .iter()
        .map(|i| libc::sock_filter { code: i.code, jt: i.jump_true, jf: i.jump_false, k: i.value })
        .collect();
    let len = u16::try_from(filter.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let fprog = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    let flags = if listen { LISTENING } else { 0 };
    // SAFETY: the program is live for the call and its length is given; the kernel verifies it.
    let installed = check(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const fprog)
    })?;
    // SAFETY: with this flag the kernel returns a new descriptor that nobody else owns.
    Ok(listen.then(|| unsafe { OwnedFd::from_raw_fd(installed as RawFd) }))
}

/// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`, since Linux 5.19.
const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;

/// How a filter is installed that another process hears of. A call that was taken up is not
/// interrupted by signals that do not kill: programs that handle signals would otherwise see calls
/// fail that never did.
pub const LISTENING: libc::c_ulong = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV;
