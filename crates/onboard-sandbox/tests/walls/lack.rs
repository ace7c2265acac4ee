//! A host with something taken away, for one program: this process loses it, and becomes the program.
//!
//! For the tests of the command line, which may hold no unsafe code of their own.

#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// What can be taken away by whom.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Any user.
    Nothing,
    /// Root, who alone has mounts of its own without losing anything else.
    Root,
}

/// What can be taken away, and by whom.
pub const ALL: [(&str, Needs); 16] = [
    ("nothing", Needs::Nothing),
    ("masks", Needs::Root),
    ("groups", Needs::Root),
    ("proc", Needs::Root),
    ("namespaces", Needs::Nothing),
    ("landlock", Needs::Nothing),
    ("notifier", Needs::Nothing),
    ("memory of others", Needs::Nothing),
    ("hearing", Needs::Nothing),
    ("mount attributes", Needs::Nothing),
    ("filters", Needs::Nothing),
    ("host names", Needs::Nothing),
    ("capabilities", Needs::Nothing),
    ("limits", Needs::Nothing),
    ("addresses", Needs::Nothing),
    ("killing", Needs::Nothing),
];

/// Loses `what`, and becomes the program.
pub fn run(what: &str, program: &[String]) -> ExitCode {
    match what {
        "nothing" => {}
        "masks" => cover(c"/dev/null", c"/dev/fuse"),
        "groups" => {
            own_mounts();
            let groups = c"/sys/fs/cgroup".as_ptr() as u64;
            call(libc::SYS_umount2, [groups, libc::MNT_DETACH as u64, 0, 0, 0, 0]).expect("umount");
        }
        // The kernel mounts no new one where a part of the old one is hidden.
        "proc" => cover(c"/dev/null", c"/proc/kallsyms"),
        "namespaces" => no_namespaces(),
        "landlock" => refuse(&[Refusal::of(libc::SYS_landlock_create_ruleset, libc::ENOSYS)]),
        "notifier" => refuse(&[
            // Which actions there are, and a filter that another process hears of.
            Refusal::of(libc::SYS_seccomp, libc::EOPNOTSUPP).if_equal(0, 2),
            Refusal::of(libc::SYS_seccomp, libc::EINVAL).if_bit(1, 8),
        ]),
        "memory of others" => refuse(&[Refusal::of(libc::SYS_process_vm_readv, libc::EPERM)]),
        "hearing" => refuse(&[Refusal::of(libc::SYS_ioctl, libc::EPERM).if_equal(1, RECEIVE)]),
        "mount attributes" => refuse(&[Refusal::of(libc::SYS_mount_setattr, libc::ENOSYS)]),
        "filters" => refuse(&[Refusal::of(libc::SYS_seccomp, libc::EINVAL).if_equal(0, 1)]),
        "host names" => refuse(&[Refusal::of(libc::SYS_sethostname, libc::EPERM)]),
        "capabilities" => refuse(&[Refusal::of(libc::SYS_capset, libc::EPERM)]),
        "addresses" => refuse(&[
            Refusal::of(libc::SYS_socket, libc::EPERM).if_equal(0, libc::AF_NETLINK as u32)
        ]),
        // By a descriptor, which alone names no stranger.
        "killing" => refuse(&[Refusal::of(libc::SYS_pidfd_send_signal, libc::EPERM)]),
        // The sizes of files alone: everything else about limits is needed to start a process.
        "limits" => refuse(&[
            Refusal::of(libc::SYS_prlimit64, libc::EPERM).if_equal(1, libc::RLIMIT_FSIZE),
            Refusal::of(libc::SYS_setrlimit, libc::EPERM).if_equal(0, libc::RLIMIT_FSIZE),
        ]),
        other => panic!("nobody can lack {other}"),
    }
    #[allow(clippy::disallowed_methods, reason = "the binary under test")]
    let error = Command::new(&program[0]).args(&program[1..]).exec();
    panic!("{}: {error}", program[0]);
}

/// Any system call.
fn call(number: i64, arguments: [u64; 6]) -> io::Result<()> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: numbers, and pointers to values that live through the call.
    let returned = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The request by which a supervisor receives a call.
const RECEIVE: u32 = 0xC050_2100;

fn own_mounts() {
    let (mounts, private) = (libc::CLONE_NEWNS as u64, libc::MS_REC | libc::MS_PRIVATE);
    call(libc::SYS_unshare, [mounts, 0, 0, 0, 0, 0]).expect("mounts of its own");
    call(libc::SYS_mount, [0, c"/".as_ptr() as u64, 0, private, 0, 0]).expect("private");
}

fn cover(with: &std::ffi::CStr, what: &std::ffi::CStr) {
    own_mounts();
    let (with, what) = (with.as_ptr() as u64, what.as_ptr() as u64);
    call(libc::SYS_mount, [with, what, 0, libc::MS_BIND, 0, 0]).expect("covered");
}

/// A user namespace in which there can be no further one, as on hosts whose limit is zero.
fn no_namespaces() {
    // SAFETY: no arguments, cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    call(libc::SYS_unshare, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]).expect("a user namespace");
    let write = |file: &str, text: &str| std::fs::write(file, text).expect("written");
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", &format!("{uid} {uid} 1"));
    write("/proc/self/gid_map", &format!("{gid} {gid} 1"));
    write("/proc/sys/user/max_user_namespaces", "0");
}

/// A call that fails, always or by a half of an argument.
#[derive(Clone, Copy)]
struct Refusal {
    number: i64,
    errno: i32,
    on: Option<(u8, u16, u32)>,
}

const EQUAL: u16 = 0x15;
const ANY_BIT: u16 = 0x45;

impl Refusal {
    fn of(number: i64, errno: i32) -> Refusal {
        Refusal { number, errno, on: None }
    }

    fn if_equal(self, argument: u8, value: u32) -> Refusal {
        Refusal { on: Some((argument, EQUAL, value)), ..self }
    }

    fn if_bit(self, argument: u8, bit: u32) -> Refusal {
        Refusal { on: Some((argument, ANY_BIT, bit)), ..self }
    }
}

/// Has the calls fail for this process and its descendants, as a container's filter or an older
/// kernel would.
fn refuse(refusals: &[Refusal]) {
    let step = |code: u16, yes: u8, no: u8, k: u32| libc::sock_filter { code, jt: yes, jf: no, k };
    let load = |offset: u32| step(0x20, 0, 0, offset);
    let answer = |value: u32| step(0x06, 0, 0, value);
    let mut program = Vec::new();
    for Refusal { number, errno, on } in refusals {
        let fail = answer(libc::SECCOMP_RET_ERRNO | errno.cast_unsigned());
        let body = match on {
            None => vec![fail],
            Some((argument, code, value)) => {
                let offset = 16 + u32::from(*argument) * 8;
                vec![load(offset), step(*code, 0, 1, *value), fail]
            }
        };
        let length = u8::try_from(body.len()).expect("short");
        let number = u32::try_from(*number).expect("a number");
        program.extend([load(0), step(EQUAL, 0, length, number)]);
        program.extend(body);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    let length = u16::try_from(program.len()).expect("short");
    let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    call(libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS as u64, 1, 0, 0, 0, 0]).expect("promised");
    let set = u64::from(libc::SECCOMP_SET_MODE_FILTER);
    call(libc::SYS_seccomp, [set, 0, &raw const filter as u64, 0, 0, 0]).expect("a filter");
}
