//! Processes: creating them, waiting for them, signalling them without hitting a stranger.

use super::{c_string, check, retry};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// A new process, seen from both sides.
pub enum Clone {
    /// We are the original: the new process and a descriptor that names it for ever.
    Parent { pid: i32, pidfd: OwnedFd },
    /// We are the new process.
    Child,
}

/// Creates a process with the namespaces of `flags`, by `clone3` with fork's meaning.
///
/// `group`: the version 2 control group it is born into.
pub fn clone_with_namespaces(flags: u64, group: Option<BorrowedFd<'_>>) -> io::Result<Clone> {
    const INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut args = clone_arguments(flags);
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(group) = group {
        args.flags |= INTO_CGROUP;
        args.cgroup = group.as_raw_fd() as u64;
    }
    clone(args)
}

/// Creates a process that is this one's sibling: its parent is ours, who alone can wait for it.
pub fn clone_as_sibling() -> io::Result<Clone> {
    clone(clone_arguments(libc::CLONE_PARENT as u64))
}

fn clone_arguments(flags: u64) -> libc::clone_args {
    // SAFETY: `clone_args` is a plain structure of integers, for which all-zero is valid.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags | libc::CLONE_PIDFD as u64;
    args
}

/// Refuses in a process that has threads: the copy would hold only this one, with whatever locks the
/// others held.
fn clone(mut args: libc::clone_args) -> io::Result<Clone> {
    let mut pidfd: RawFd = -1;
    args.pidfd = &raw mut pidfd as u64;
    if !has_one_thread() {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: no stack and no shared memory are asked for, so the child continues here on its own
    // copy; the process has one thread (checked above), so no lock can be left held in the copy.
    let pid = check(unsafe {
        libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<libc::clone_args>())
    })?;
    if pid == 0 {
        return Ok(Clone::Child);
    }
    // SAFETY: the kernel wrote a descriptor we own.
    Ok(Clone::Parent { pid: pid as i32, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })
}

/// Whether this process has no second thread: then the kernel lets it leave its threads, which
/// changes nothing.
fn has_one_thread() -> bool {
    unshare(libc::CLONE_THREAD).is_ok()
}

/// Stack of the short-lived child that becomes the agent: the steps before `execve` need a few
/// KiB; 256 KiB leaves room for unoptimised builds.
const CHILD_STACK: usize = 256 * 1024;

/// Runs `body` in a child that borrows this process's memory until it calls `execve` or ends;
/// this process stands still meanwhile. Returns the child's pid.
///
/// No page table is copied, which is most of what a fork costs.
pub fn spawn_borrowing_memory(body: &mut dyn FnMut() -> i32) -> io::Result<i32> {
    extern "C" fn enter(argument: *mut libc::c_void) -> libc::c_int {
        // SAFETY: `argument` is the address of the caller's fat reference, alive because the
        // caller is suspended until this process execs or ends.
        let body = unsafe { &mut *argument.cast::<&mut dyn FnMut() -> i32>() };
        body()
    }
    let mut stack = vec![0_u128; CHILD_STACK / size_of::<u128>()];
    let top = stack.as_mut_ptr_range().end;
    let mut body = body;
    let argument = (&raw mut body).cast::<libc::c_void>();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is 16-byte aligned, grows down from its end and outlives the child's use
    // of it (CLONE_VFORK); memory is shared while the only other thread of control, this one, is
    // suspended.
    let pid =
        check(unsafe { libc::c_long::from(libc::clone(enter, top.cast(), flags, argument)) })?;
    Ok(pid as i32)
}

/// What `wait4` says of a process that ended.
pub struct Exit {
    pub pid: i32,
    /// Raw wait status.
    pub status: i32,
    /// Processor time of it and of every descendant it waited for, in microseconds.
    pub cpu_us: u64,
    /// Largest resident set of any one of them, in bytes.
    pub max_rss: u64,
}

/// Waits for a child (`-1`: any).
pub fn wait(pid: i32) -> io::Result<Exit> {
    let mut status = 0;
    // SAFETY: `rusage` is a plain structure of integers, for which all-zero is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let pid = retry(|| {
        // SAFETY: both results are written to live locals.
        check(libc::c_long::from(unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) }))
    })?;
    let us = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    Ok(Exit {
        pid: pid as i32,
        status,
        cpu_us: us(usage.ru_utime) + us(usage.ru_stime),
        max_rss: usage.ru_maxrss as u64 * 1024,
    })
}

/// Waits for a child that a descriptor names. What it came to is forgotten.
pub fn reap(child: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `siginfo_t` is a plain structure, for which all-zero is valid.
    let mut information: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let id = child.as_raw_fd().cast_unsigned();
    retry(|| {
        // SAFETY: the result is written to a live local.
        check(libc::c_long::from(unsafe {
            libc::waitid(libc::P_PIDFD, id, &raw mut information, libc::WEXITED)
        }))
    })?;
    Ok(())
}

/// Ends this process at once, running nothing.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: never returns and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// A descriptor that names the process `pid` is now.
pub fn open_pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: integers only.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the kernel just returned this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Signals the process a descriptor names: never another that got its number.
pub fn signal_pidfd(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: the information pointer is null, the rest integers.
    check(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    })?;
    Ok(())
}

/// Signals a process by number: only for members of a tree whose numbers were just read.
pub fn signal(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: integers only.
    check(libc::c_long::from(unsafe { libc::kill(pid, signal) }))?;
    Ok(())
}

/// Waits until one of `fds` is readable or hung up, or `timeout` passes (`None`: for ever).
/// Says for each whether it is.
pub fn poll_readable(
    fds: &[BorrowedFd<'_>],
    timeout: Option<Duration>,
) -> io::Result<Vec<Readiness>> {
    let mut polled: Vec<libc::pollfd> = fds
        .iter()
        .map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let ms =
        timeout.map_or(-1, |t| i32::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
    // SAFETY: the array is live and its length is given.
    check(libc::c_long::from(unsafe {
        libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, ms)
    }))?;
    Ok(polled
        .iter()
        .map(|p| Readiness {
            readable: p.revents & libc::POLLIN != 0,
            hung_up: p.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0,
        })
        .collect())
}

/// What `poll` said of one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    pub hung_up: bool,
}

/// Gives every signal its default action and unblocks all: ignored ones survive `execve`.
pub fn reset_signals() -> io::Result<()> {
    for number in 1..=64 {
        if number == libc::SIGKILL || number == libc::SIGSTOP || (32..34).contains(&number) {
            continue;
        }
        // SAFETY: installs the default action, no code of ours runs.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    // SAFETY: `sigset_t` is a plain structure; `sigemptyset` initialises it before use.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
    Ok(())
}

/// From now on SIGTERM to this process, the first of its namespace, goes to every other process of
/// the namespace instead, whatever session it is in. Without this the kernel drops it.
///
/// Inside there is no race with numbers: the kernel walks the namespace itself. Refused elsewhere,
/// where `-1` would mean everybody.
pub fn hand_termination_on() -> io::Result<()> {
    extern "C" fn hand_on(_: libc::c_int) {
        // SAFETY: both are safe in a signal handler; the number of the last error, which the
        // interrupted code may be about to read, is put back.
        unsafe {
            let error = libc::__errno_location();
            let before = *error;
            libc::kill(-1, libc::SIGTERM);
            *error = before;
        }
    }
    if std::process::id() != 1 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    // SAFETY: `sigaction` is a plain structure, for which all-zero is valid: an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = hand_on as extern "C" fn(libc::c_int) as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the structure is live; the handler does what a handler may.
    check(libc::c_long::from(unsafe {
        libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut())
    }))?;
    Ok(())
}

/// Gives up real-time scheduling, which no processor share holds back.
pub fn schedule_ordinarily() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters are live; the call changes this process alone.
    check(libc::c_long::from(unsafe {
        libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameters)
    }))?;
    Ok(())
}

/// Starts a session: no terminal, no signals from one.
pub fn new_session() -> io::Result<()> {
    // SAFETY: no arguments.
    check(libc::c_long::from(unsafe { libc::setsid() }))?;
    Ok(())
}

/// Asks the kernel to kill this process when the one that created it dies.
pub fn die_with_parent() -> io::Result<()> {
    // SAFETY: integers only.
    check(libc::c_long::from(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }))?;
    Ok(())
}

/// Makes this process's memory and `/proc` entries unreadable to others of the same user.
pub fn forbid_inspection() -> io::Result<()> {
    // SAFETY: integers only.
    check(libc::c_long::from(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) }))?;
    Ok(())
}

/// Sets the host name of this UTS namespace.
pub fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length describe `name`.
    check(libc::c_long::from(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }))?;
    Ok(())
}

/// Leaves a namespace of this process for a new one.
pub fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: integers only; only namespaces are asked for, no memory or descriptors change hands.
    check(libc::c_long::from(unsafe { libc::unshare(flags) }))?;
    Ok(())
}

/// Sets both the soft and the hard value of a resource limit.
pub fn set_rlimit(resource: u32, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the structure is live; nothing is read back.
    check(libc::c_long::from(unsafe {
        libc::prlimit(0, resource as _, &raw const limit, std::ptr::null_mut())
    }))?;
    Ok(())
}

/// The hard value of a resource limit of this process.
pub fn hard_rlimit(resource: u32) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is live and writable.
    check(libc::c_long::from(unsafe { libc::getrlimit(resource as _, &raw mut limit) }))?;
    Ok(limit.rlim_max)
}

/// Replaces this process's program. Returns only to say why it could not.
pub fn exec(argv: &[String], env: &[(String, String)]) -> io::Error {
    match exec_arguments(argv, env) {
        Err(e) => e,
        Ok((argv, env)) => {
            let pointers = |texts: &[std::ffi::CString]| -> Vec<*const libc::c_char> {
                texts.iter().map(|t| t.as_ptr()).chain([std::ptr::null()]).collect()
            };
            let (argv_pointers, env_pointers) = (pointers(&argv), pointers(&env));
            // SAFETY: both arrays end in null and their texts are alive and NUL-terminated.
            unsafe {
                libc::execve(argv_pointers[0], argv_pointers.as_ptr(), env_pointers.as_ptr())
            };
            io::Error::last_os_error()
        }
    }
}

type CStrings = Vec<std::ffi::CString>;

fn exec_arguments(argv: &[String], env: &[(String, String)]) -> io::Result<(CStrings, CStrings)> {
    if argv.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let argv = argv.iter().map(|a| c_string(a)).collect::<io::Result<_>>()?;
    let env = env.iter().map(|(k, v)| c_string(&format!("{k}={v}"))).collect::<io::Result<_>>()?;
    Ok((argv, env))
}

/// Effective user of this process.
pub fn effective_uid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

/// Effective group of this process.
pub fn effective_gid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::getegid() }
}

/// Clock ticks a second, the unit of times in `/proc/PID/stat`.
pub fn ticks_per_second() -> u64 {
    // SAFETY: integers only.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1)
}

/// Bytes in a page of memory.
pub fn page_size() -> u64 {
    // SAFETY: integers only.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Creates a file of the kind a listening unix socket has.
pub fn make_socket_file(path: &str) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path is NUL-terminated.
    check(libc::c_long::from(unsafe { libc::mknod(path.as_ptr(), libc::S_IFSOCK | 0o600, 0) }))?;
    Ok(())
}

/// Lets a write beyond the file size limit fail instead of ending the process.
pub fn ignore_file_size_signal() {
    // SAFETY: ignores a signal, no code of ours runs.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// The socket this process inherited under `number`, which nothing else here uses.
pub fn inherited_socket(number: RawFd) -> std::os::unix::net::UnixStream {
    // SAFETY: called once, by a program that finds its only socket under this number.
    unsafe { std::os::unix::net::UnixStream::from_raw_fd(number) }
}

/// Processor time of the calling thread, in microseconds.
pub fn thread_time_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is writable and live; a failure leaves it as it is.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    number(time.tv_sec) * 1_000_000 + number(time.tv_nsec) / 1_000
}
