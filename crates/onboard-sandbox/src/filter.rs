//! The system call filter: one table of what is refused, and its compilation to the kernel's
//! classic BPF.

use crate::bpf::{
    Body, JUMP_ANY_BIT, JUMP_EQUAL, OFFSET_ARCHITECTURE, OFFSET_NUMBER, and, decide, jump, load,
    load_high_half, load_low_half, ret,
};
use crate::notify::call::{Kind, WATCHED, WRITE_FLAGS};
use crate::sys::privilege::Instruction;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the system call table knows x86_64 and aarch64");

/// What a filter leaves to a run, and what it hands over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Sockets of the internet families may be made and connected, no others.
    pub network: bool,
    /// What is refused is handed over with its name, to be refused and reported there, and so is
    /// what [`crate::notify`] watches and leaves to the walls.
    pub notify: bool,
    /// Reads are handed over as well: nothing else tells of them here.
    pub reads: bool,
    /// Memory may be made that belongs to no process: somebody counts it.
    pub shared_memory: bool,
}

/// What happens to a call the table names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The call fails with this error.
    Always(i32),
    /// Fails with `EPERM` if any of these bits are set in the low half of the argument. The kernel
    /// itself ignores the high half of these arguments, so a filter that looked at it could be
    /// passed by setting a bit there.
    IfAnyBit { argument: u8, bits: u32 },
    /// Fails with `EPERM` if the low half of the argument is one of these values.
    IfOneOf { argument: u8, values: &'static [u32] },
    /// For `socket`: fails with `EPERM` unless it is a TCP or UDP socket of an internet family.
    /// No other protocol: each is a part of the kernel more, and some are a way around (`ICMP`).
    UnlessInternet,
    /// For `socketpair`: fails with `EPERM` where it is of datagrams. Each end of such a pair can send
    /// to any socket that it can name, such as one that lies in the project.
    UnlessStream,
    /// Succeeds, and nothing is done.
    Nothing,
    /// The same, if the low half of this argument is one of these values.
    NothingIfOneOf { argument: u8, values: &'static [u32] },
    /// The same, if the low half of this argument is this value and the pointer in the other is none
    /// that is null.
    NothingIf { argument: u8, value: u32, pointer: u8 },
    /// Fails with `EPERM` where nobody counts memory that belongs to no process.
    IfUncounted,
    /// There succeeds, and nothing is done, if the low half of this argument is one of these values.
    NothingIfUncounted { argument: u8, values: &'static [u32] },
}

use Refusal::{
    Always, IfAnyBit, IfOneOf, IfUncounted, Nothing, NothingIf, NothingIfOneOf, NothingIfUncounted,
    UnlessInternet, UnlessStream,
};

const EPERM: Refusal = Always(libc::EPERM);

/// Flags of `clone` that make a namespace. `CLONE_NEWTIME` is not one `clone` knows.
const NAMESPACE_FLAGS: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u32;

/// Requests of `ioctl`: two put input into another's terminal; the others would change a file that is
/// open to be read, or a whole file system. The mounts refuse those as well, and tell nobody.
const REQUESTS: &[u32] = &[
    libc::TIOCSTI as u32,
    libc::TIOCLINUX as u32,
    FS_IOC_SETFLAGS,
    FS_IOC_FSSETXATTR,
    FS_IOC_ENABLE_VERITY,
    FIDEDUPERANGE,
    FIFREEZE,
    FITHAW,
    FITRIM,
];

/// Marks a file as unchangeable, among others; its two encodings are of the same length here.
const FS_IOC_SETFLAGS: u32 = 0x4008_6602;
const FS_IOC_FSSETXATTR: u32 = 0x401C_5820;
/// Seals a file for ever.
const FS_IOC_ENABLE_VERITY: u32 = 0x4080_6685;
/// Has two files share what is the same in them.
const FIDEDUPERANGE: u32 = 0xC018_9436;
/// Has everybody who writes to a file system wait.
const FIFREEZE: u32 = 0xC004_5877;
const FITHAW: u32 = 0xC004_5878;
const FITRIM: u32 = 0xC018_5879;

/// `prctl` by which a process shares no core with others: those wait for it.
const ALONE_ON_A_CORE: &[u32] = &[62];

/// Advice by which whoever may read a file takes it out of the memory in which the host keeps it, of a
/// whole file (`POSIX_FADV_DONTNEED`) and of a mapping (`MADV_PAGEOUT`).
const FORGET_FILE: &[u32] = &[libc::POSIX_FADV_DONTNEED as u32];
const FORGET_MAPPING: &[u32] = &[libc::MADV_PAGEOUT as u32];

/// Larger buffers of a socket than everybody has: [`crate::tree::sockets`] counts on that size.
const BUFFER_SIZES: &[u32] = &[libc::SO_SNDBUF as u32];

/// Commands of `fcntl` by which whoever may read a file holds up others that write it: a lease makes
/// them wait for most of a minute, and so for every file of the project.
const HOLD_UP: &[u32] = &[libc::F_SETLEASE as u32];

/// The processes' memory that a crash leaves: the limit by which the kernel starts no program of the
/// host for it ([`crate::plan`]) must not be lowered, by which it would.
const CORE: u32 = libc::RLIMIT_CORE;

/// What the filter refuses, by kernel name. Everything absent is allowed: the walls around the
/// process decide what it can reach; this table only shrinks the kernel's surface.
#[rustfmt::skip]
const TABLE: &[(&str, i64, Refusal)] = &[
    ("mmap", libc::SYS_mmap, IfAnyBit { argument: 3, bits: libc::MAP_HUGETLB as u32 }),
    ("clone", libc::SYS_clone, IfAnyBit { argument: 0, bits: NAMESPACE_FLAGS }),
    ("ioctl", libc::SYS_ioctl, IfOneOf { argument: 1, values: REQUESTS }),
    // Its flags are behind a pointer, which a filter cannot read: the C library falls back to clone.
    ("clone3", libc::SYS_clone3, Always(libc::ENOSYS)),
    ("fcntl", libc::SYS_fcntl, IfOneOf { argument: 1, values: HOLD_UP }),
    ("prlimit64", libc::SYS_prlimit64, NothingIf { argument: 1, value: CORE, pointer: 2 }),
    ("setrlimit", libc::SYS_setrlimit, NothingIf { argument: 0, value: CORE, pointer: 1 }),
    // What a run writes is in memory alone; these would have the disks of the host wait for it.
    ("prctl", libc::SYS_prctl, IfOneOf { argument: 0, values: ALONE_ON_A_CORE }),
    ("fadvise64", libc::SYS_fadvise64, NothingIfOneOf { argument: 3, values: FORGET_FILE }),
    ("madvise", libc::SYS_madvise, NothingIfOneOf { argument: 2, values: FORGET_MAPPING }),
    ("sync", libc::SYS_sync, Nothing),
    ("syncfs", libc::SYS_syncfs, Nothing),
    ("fsync", libc::SYS_fsync, Nothing),
    ("fdatasync", libc::SYS_fdatasync, Nothing),
    ("sync_file_range", libc::SYS_sync_file_range, Nothing),
    // Namespaces and mounts.
    ("unshare", libc::SYS_unshare, EPERM),
    ("setns", libc::SYS_setns, EPERM),
    ("mount", libc::SYS_mount, EPERM),
    ("umount2", libc::SYS_umount2, EPERM),
    ("pivot_root", libc::SYS_pivot_root, EPERM),
    ("chroot", libc::SYS_chroot, EPERM),
    ("open_tree", libc::SYS_open_tree, EPERM),
    ("move_mount", libc::SYS_move_mount, EPERM),
    ("mount_setattr", libc::SYS_mount_setattr, EPERM),
    ("fsopen", libc::SYS_fsopen, EPERM),
    ("fsconfig", libc::SYS_fsconfig, EPERM),
    ("fsmount", libc::SYS_fsmount, EPERM),
    ("fspick", libc::SYS_fspick, EPERM),
    ("open_tree_attr", 467, EPERM),
    ("statmount", 457, EPERM),
    ("listmount", 458, EPERM),
    ("listns", 470, EPERM),
    ("name_to_handle_at", libc::SYS_name_to_handle_at, EPERM),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, EPERM),
    ("quotactl", libc::SYS_quotactl, EPERM),
    ("quotactl_fd", libc::SYS_quotactl_fd, EPERM),
    ("fanotify_init", libc::SYS_fanotify_init, EPERM),
    // Other processes.
    ("ptrace", libc::SYS_ptrace, EPERM),
    ("process_vm_readv", libc::SYS_process_vm_readv, EPERM),
    ("process_vm_writev", libc::SYS_process_vm_writev, EPERM),
    ("process_madvise", libc::SYS_process_madvise, EPERM),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, EPERM),
    ("kcmp", libc::SYS_kcmp, EPERM),
    ("migrate_pages", libc::SYS_migrate_pages, EPERM),
    ("move_pages", libc::SYS_move_pages, EPERM),
    // Parts of the kernel with a large surface that no agent needs.
    ("io_uring_setup", libc::SYS_io_uring_setup, EPERM),
    ("io_uring_enter", libc::SYS_io_uring_enter, EPERM),
    ("io_uring_register", libc::SYS_io_uring_register, EPERM),
    // One number of the whole host says how many there may be.
    ("io_setup", libc::SYS_io_setup, EPERM),
    ("bpf", libc::SYS_bpf, EPERM),
    ("perf_event_open", libc::SYS_perf_event_open, EPERM),
    ("userfaultfd", libc::SYS_userfaultfd, EPERM),
    ("add_key", libc::SYS_add_key, EPERM),
    ("request_key", libc::SYS_request_key, EPERM),
    ("keyctl", libc::SYS_keyctl, EPERM),
    ("personality", libc::SYS_personality, EPERM),
    ("lookup_dcookie", libc::SYS_lookup_dcookie, EPERM),
    ("vhangup", libc::SYS_vhangup, EPERM),
    // Huge pages are a pool of the whole host, and no control group's memory.
    ("memfd_create", libc::SYS_memfd_create, IfAnyBit { argument: 1, bits: libc::MFD_HUGETLB }),
    ("shmget", libc::SYS_shmget, IfAnyBit { argument: 2, bits: libc::SHM_HUGETLB as u32 }),
    // Messages and semaphores lie in the kernel, and in no process.
    ("msgget", libc::SYS_msgget, IfUncounted),
    ("semget", libc::SYS_semget, IfUncounted),
    ("setsockopt", libc::SYS_setsockopt, NothingIfUncounted { argument: 2, values: BUFFER_SIZES }),
    ("memfd_secret", 447, EPERM),
    // The machine.
    ("kexec_load", libc::SYS_kexec_load, EPERM),
    ("kexec_file_load", libc::SYS_kexec_file_load, EPERM),
    ("init_module", libc::SYS_init_module, EPERM),
    ("finit_module", libc::SYS_finit_module, EPERM),
    ("delete_module", libc::SYS_delete_module, EPERM),
    ("reboot", libc::SYS_reboot, EPERM),
    ("swapon", libc::SYS_swapon, EPERM),
    ("swapoff", libc::SYS_swapoff, EPERM),
    ("syslog", libc::SYS_syslog, EPERM),
    ("acct", libc::SYS_acct, EPERM),
    ("settimeofday", libc::SYS_settimeofday, EPERM),
    ("clock_settime", libc::SYS_clock_settime, EPERM),
    ("clock_adjtime", libc::SYS_clock_adjtime, EPERM),
    ("adjtimex", libc::SYS_adjtimex, EPERM),
    ("sethostname", libc::SYS_sethostname, EPERM),
    ("setdomainname", libc::SYS_setdomainname, EPERM),
    // No socket of any family: a unix socket lying in the project would lead out. A connected pair
    // inside the sandbox (`socketpair`) and the inherited host socket stay usable.
    ("socket", libc::SYS_socket, EPERM),
    ("connect", libc::SYS_connect, EPERM),
    ("bind", libc::SYS_bind, EPERM),
    ("socketpair", libc::SYS_socketpair, UnlessStream),
    ("listen", libc::SYS_listen, EPERM),
    #[cfg(target_arch = "x86_64")]
    ("ioperm", libc::SYS_ioperm, EPERM),
    #[cfg(target_arch = "x86_64")]
    ("iopl", libc::SYS_iopl, EPERM),
    #[cfg(target_arch = "x86_64")]
    ("modify_ldt", libc::SYS_modify_ldt, EPERM),
    #[cfg(target_arch = "x86_64")]
    ("uselib", libc::SYS_uselib, EPERM),
    #[cfg(target_arch = "x86_64")]
    ("ustat", libc::SYS_ustat, EPERM),
];

/// `AUDIT_ARCH` value of the architecture this program is built for.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// Numbers from here on are the x32 interface, a second way to every call.
#[cfg(target_arch = "x86_64")]
const X32_FROM: u32 = 0x4000_0000;

/// The bits of a socket's kind; above them are flags.
const SOCKET_KIND: u32 = 0xF;

/// What becomes of a call by another interface where nobody hears of it.
const OTHERWISE: u32 = libc::SECCOMP_RET_KILL_PROCESS;

/// The program for this architecture.
pub fn compile(filter: Filter) -> Vec<Instruction> {
    // A second way to every call, with numbers and arguments of its own: never carried out.
    let other = ret(if filter.notify { libc::SECCOMP_RET_USER_NOTIF } else { OTHERWISE });
    let mut program = vec![
        load(OFFSET_ARCHITECTURE),
        jump(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        other,
        load(OFFSET_NUMBER),
    ];
    #[cfg(target_arch = "x86_64")]
    let second = Some((X32_FROM, vec![other]));
    #[cfg(not(target_arch = "x86_64"))]
    let second = None;
    program.extend(decide(bodies(filter), second, &vec![ret(libc::SECCOMP_RET_ALLOW)]));
    program
}

/// What becomes of each call that is refused or watched. One that is both is refused.
fn bodies(filter: Filter) -> BTreeMap<u32, Body> {
    let Filter { network, notify, reads, shared_memory } = filter;
    let mut bodies = BTreeMap::new();
    for (_, number, kind) in notify.then_some(WATCHED).into_iter().flatten() {
        if network || !matches!(kind, Kind::Reach { .. }) {
            bodies.insert(*number as u32, watch_body(*kind, reads));
        }
    }
    for (_, number, refusal) in TABLE {
        let refusal = match *number {
            libc::SYS_socket if network => UnlessInternet,
            libc::SYS_connect if network => continue,
            libc::SYS_memfd_create | libc::SYS_shmget if !shared_memory => EPERM,
            _ => match *refusal {
                IfUncounted | NothingIfUncounted { .. } if shared_memory => continue,
                IfUncounted => EPERM,
                NothingIfUncounted { argument, values } => NothingIfOneOf { argument, values },
                always => always,
            },
        };
        bodies.insert(*number as u32, refusal_body(refusal, notify));
    }
    bodies
}

/// The name of a call that the table refuses, always or by its arguments, and the error.
pub fn refused(number: i64) -> Option<(&'static str, i32)> {
    let (name, _, refusal) = TABLE.iter().find(|(_, refused, _)| *refused == number)?;
    match refusal {
        Always(errno) => Some((name, *errno)),
        IfAnyBit { .. } | IfOneOf { .. } | UnlessInternet | UnlessStream | IfUncounted => {
            Some((name, libc::EPERM))
        }
        Nothing | NothingIf { .. } | NothingIfOneOf { .. } | NothingIfUncounted { .. } => None,
    }
}

/// Whether a call comes by the interface that the table's numbers are of.
pub fn is_own(architecture: u32, number: i32) -> bool {
    #[cfg(target_arch = "x86_64")]
    let is_second = number.cast_unsigned() >= X32_FROM;
    #[cfg(not(target_arch = "x86_64"))]
    let is_second = number < 0;
    architecture == ARCHITECTURE && !is_second
}

/// What follows the number of a call that is watched.
fn watch_body(kind: Kind, reads: bool) -> Body {
    let hand_over = ret(libc::SECCOMP_RET_USER_NOTIF);
    match kind {
        Kind::Open { flags, .. } if !reads => vec![
            load_low_half(flags),
            jump(JUMP_ANY_BIT, WRITE_FLAGS, 0, 1),
            hand_over,
            ret(libc::SECCOMP_RET_ALLOW),
        ],
        // Who is connected says no address.
        Kind::Reach { address, .. } => vec![
            load_low_half(address),
            jump(JUMP_EQUAL, 0, 0, 2),
            load_high_half(address),
            jump(JUMP_EQUAL, 0, 1, 0),
            hand_over,
            ret(libc::SECCOMP_RET_ALLOW),
        ],
        _ => vec![hand_over],
    }
}

/// What follows a matching number; every path through it returns.
fn refusal_body(refusal: Refusal, notify: bool) -> Body {
    let deny = |errno: i32| match errno {
        // What the C library tries for every thread is no attempt at anything.
        libc::ENOSYS => ret(libc::SECCOMP_RET_ERRNO | errno as u32),
        _ if notify => ret(libc::SECCOMP_RET_USER_NOTIF),
        errno => ret(libc::SECCOMP_RET_ERRNO | errno as u32),
    };
    match refusal {
        Always(errno) => vec![deny(errno)],
        IfAnyBit { argument, bits } => vec![
            load_low_half(argument),
            jump(JUMP_ANY_BIT, bits, 0, 1),
            deny(libc::EPERM),
            ret(libc::SECCOMP_RET_ALLOW),
        ],
        IfOneOf { argument, values } => one_of(argument, values, deny(libc::EPERM)),
        NothingIfOneOf { argument, values } => one_of(argument, values, DONE),
        // Where it stands for something, it was made that.
        IfUncounted | NothingIfUncounted { .. } => vec![deny(libc::EPERM)],
        UnlessInternet => vec![
            load_low_half(0),
            jump(JUMP_EQUAL, libc::AF_INET as u32, 1, 0),
            jump(JUMP_EQUAL, libc::AF_INET6 as u32, 0, 8),
            load_low_half(1),
            and(SOCKET_KIND),
            jump(JUMP_EQUAL, libc::SOCK_STREAM as u32, 1, 0),
            jump(JUMP_EQUAL, libc::SOCK_DGRAM as u32, 0, 4),
            load_low_half(2),
            jump(JUMP_EQUAL, 0, 3, 0),
            jump(JUMP_EQUAL, libc::IPPROTO_TCP as u32, 2, 0),
            jump(JUMP_EQUAL, libc::IPPROTO_UDP as u32, 1, 0),
            deny(libc::EPERM),
            ret(libc::SECCOMP_RET_ALLOW),
        ],
        UnlessStream => vec![
            load_low_half(1),
            and(SOCKET_KIND),
            jump(JUMP_EQUAL, libc::SOCK_STREAM as u32, 2, 0),
            jump(JUMP_EQUAL, libc::SOCK_SEQPACKET as u32, 1, 0),
            deny(libc::EPERM),
            ret(libc::SECCOMP_RET_ALLOW),
        ],
        Nothing => vec![DONE],
        NothingIf { argument, value, pointer } => vec![
            load_low_half(argument),
            jump(JUMP_EQUAL, value, 0, 5),
            load_low_half(pointer),
            jump(JUMP_EQUAL, 0, 0, 2),
            load_high_half(pointer),
            jump(JUMP_EQUAL, 0, 1, 0),
            DONE,
            ret(libc::SECCOMP_RET_ALLOW),
        ],
    }
}

/// `answer` if the low half of the argument is one of the values; else the call is allowed.
fn one_of(argument: u8, values: &[u32], answer: Instruction) -> Body {
    let mut body = vec![load_low_half(argument)];
    for (index, value) in values.iter().enumerate() {
        // Over the remaining comparisons and the allowing return, to the answer.
        body.push(jump(JUMP_EQUAL, *value, (values.len() - index) as u8, 0));
    }
    body.extend([ret(libc::SECCOMP_RET_ALLOW), answer]);
    body
}

/// The call returns 0 and is not made.
const DONE: Instruction = ret(libc::SECCOMP_RET_ERRNO);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::{AND, JUMP, JUMP_AT_LEAST, LOAD_WORD, OFFSET_ARGUMENTS, RETURN};
    use expect_test::{Expect, expect};

    /// Runs the program as the kernel would on one call.
    fn run(architecture: u32, number: i64, arguments: [u64; 6]) -> String {
        run_with(false, architecture, number, arguments)
    }

    fn run_with(network: bool, architecture: u32, number: i64, arguments: [u64; 6]) -> String {
        let word = |offset: u32| match offset {
            OFFSET_NUMBER => number as u32,
            OFFSET_ARCHITECTURE => architecture,
            other => {
                let (argument, half) = ((other - OFFSET_ARGUMENTS) / 8, other % 8);
                (arguments[argument as usize] >> (half * 8)) as u32
            }
        };
        let program = compile(Filter { network, shared_memory: true, ..Filter::default() });
        let (mut at, mut accumulator) = (0, 0_u32);
        loop {
            let i = program[at];
            let taken = match i.code {
                LOAD_WORD => {
                    accumulator = word(i.value);
                    at += 1;
                    continue;
                }
                AND => {
                    accumulator &= i.value;
                    at += 1;
                    continue;
                }
                JUMP => {
                    at += 1 + i.value as usize;
                    continue;
                }
                RETURN => break verdict(i.value),
                JUMP_EQUAL => accumulator == i.value,
                JUMP_AT_LEAST => accumulator >= i.value,
                JUMP_ANY_BIT => accumulator & i.value != 0,
                other => panic!("instruction {other:#x}"),
            };
            at += 1 + usize::from(if taken { i.jump_true } else { i.jump_false });
        }
    }

    fn verdict(value: u32) -> String {
        match value & 0xFFFF_0000 {
            libc::SECCOMP_RET_ALLOW => "allow".into(),
            libc::SECCOMP_RET_ERRNO if value & 0xFFFF == 0 => "done".into(),
            libc::SECCOMP_RET_ERRNO => {
                std::io::Error::from_raw_os_error((value & 0xFFFF) as i32).to_string()
            }
            _ => "kill".into(),
        }
    }

    fn check(cases: &[(&str, u32, i64, [u64; 6])], expect: Expect) {
        let lines: Vec<String> = cases
            .iter()
            .map(|(name, arch, nr, args)| format!("{name}: {}\n", run(*arch, *nr, *args)))
            .collect();
        expect.assert_eq(&lines.concat());
    }

    #[test]
    fn refuses_by_number_argument_and_architecture() {
        let none = [0; 6];
        let high = 1_u64 << 32;
        check(
            &[
                ("read", ARCHITECTURE, libc::SYS_read, none),
                ("execve", ARCHITECTURE, libc::SYS_execve, none),
                ("mount", ARCHITECTURE, libc::SYS_mount, none),
                ("listen", ARCHITECTURE, libc::SYS_listen, none),
                ("a pair", ARCHITECTURE, libc::SYS_socketpair, [1, 0x8_0801, 0, 0, 0, 0]),
                ("a pair of datagrams", ARCHITECTURE, libc::SYS_socketpair, [1, 2, 0, 0, 0, 0]),
                ("a raw pair", ARCHITECTURE, libc::SYS_socketpair, [1, high | 3, 0, 0, 0, 0]),
                ("sync", ARCHITECTURE, libc::SYS_sync, none),
                ("look at core", ARCHITECTURE, libc::SYS_prlimit64, [0, 4, 0, 1, 0, 0]),
                ("set core", ARCHITECTURE, libc::SYS_prlimit64, [0, 4, 1, 0, 0, 0]),
                ("set core, high", ARCHITECTURE, libc::SYS_prlimit64, [0, 4, high, 0, 0, 0]),
                ("set files", ARCHITECTURE, libc::SYS_prlimit64, [0, 7, 1, 0, 0, 0]),
                ("lease", ARCHITECTURE, libc::SYS_fcntl, [3, 1024, 0, 0, 0, 0]),
                ("duplicate", ARCHITECTURE, libc::SYS_fcntl, [3, 1030, 0, 0, 0, 0]),
                ("clone3", ARCHITECTURE, libc::SYS_clone3, none),
                ("clone, thread", ARCHITECTURE, libc::SYS_clone, [0x003d_0f00, 0, 0, 0, 0, 0]),
                ("clone, user ns", ARCHITECTURE, libc::SYS_clone, [0x1000_0011, 0, 0, 0, 0, 0]),
                ("ioctl, size", ARCHITECTURE, libc::SYS_ioctl, [0, 0x5413, 0, 0, 0, 0]),
                ("ioctl, TIOCSTI", ARCHITECTURE, libc::SYS_ioctl, [0, 0x5412, 0, 0, 0, 0]),
                ("ioctl, high bit", ARCHITECTURE, libc::SYS_ioctl, [0, high | 0x5412, 0, 0, 0, 0]),
                ("ioctl, TIOCLINUX", ARCHITECTURE, libc::SYS_ioctl, [0, 0x541C, 0, 0, 0, 0]),
                ("32-bit", 0x4000_0003, libc::SYS_read, none),
            ],
            expect![[r#"
                read: allow
                execve: allow
                mount: Operation not permitted (os error 1)
                listen: Operation not permitted (os error 1)
                a pair: allow
                a pair of datagrams: Operation not permitted (os error 1)
                a raw pair: Operation not permitted (os error 1)
                sync: done
                look at core: allow
                set core: done
                set core, high: done
                set files: allow
                lease: Operation not permitted (os error 1)
                duplicate: allow
                clone3: Function not implemented (os error 38)
                clone, thread: allow
                clone, user ns: Operation not permitted (os error 1)
                ioctl, size: allow
                ioctl, TIOCSTI: Operation not permitted (os error 1)
                ioctl, high bit: Operation not permitted (os error 1)
                ioctl, TIOCLINUX: Operation not permitted (os error 1)
                32-bit: kill
            "#]],
        );
    }

    #[test]
    fn a_network_is_the_internet_and_nothing_else() {
        let (stream, datagram, raw) = (libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW);
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let cases = [
            ("tcp", libc::AF_INET, stream, 0),
            ("tcp, flags, named", libc::AF_INET6, stream | flags, libc::IPPROTO_TCP),
            ("udp", libc::AF_INET, datagram | flags, libc::IPPROTO_UDP),
            ("unix", libc::AF_UNIX, stream, 0),
            ("netlink", libc::AF_NETLINK, raw, 0),
            ("packet", libc::AF_PACKET, raw, 0),
            ("vsock", libc::AF_VSOCK, stream, 0),
            ("raw", libc::AF_INET, raw | flags, libc::IPPROTO_TCP),
            ("ping", libc::AF_INET, datagram, libc::IPPROTO_ICMP),
            ("sctp", libc::AF_INET, stream, libc::IPPROTO_SCTP),
            ("mptcp", libc::AF_INET6, stream, libc::IPPROTO_MPTCP),
        ];
        let word = |n: i32| u64::from(n.cast_unsigned());
        let mut text = String::new();
        for (name, family, kind, protocol) in cases {
            let arguments = [word(family), word(kind), word(protocol), 0, 0, 0];
            let said = run_with(true, ARCHITECTURE, libc::SYS_socket, arguments);
            text += &format!("{name}: {said}\n");
        }
        for (name, call) in [("connect", libc::SYS_connect), ("bind", libc::SYS_bind)] {
            text += &format!("{name}: {}\n", run_with(true, ARCHITECTURE, call, [0; 6]));
        }
        expect![[r#"
            tcp: allow
            tcp, flags, named: allow
            udp: allow
            unix: Operation not permitted (os error 1)
            netlink: Operation not permitted (os error 1)
            packet: Operation not permitted (os error 1)
            vsock: Operation not permitted (os error 1)
            raw: Operation not permitted (os error 1)
            ping: Operation not permitted (os error 1)
            sctp: Operation not permitted (os error 1)
            mptcp: Operation not permitted (os error 1)
            connect: allow
            bind: Operation not permitted (os error 1)
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn no_family_but_the_internets_makes_a_socket() {
        let internet = [libc::AF_INET as u64, libc::AF_INET6 as u64];
        for family in 0..128_u64 {
            let arguments = [family, libc::SOCK_STREAM as u64, 0, 0, 0, 0];
            let said = [false, true]
                .map(|network| run_with(network, ARCHITECTURE, libc::SYS_socket, arguments));
            let with = if internet.contains(&family) { "allow" } else { &said[0] };
            assert!(said[0].contains("not permitted") && said[1] == with, "{family}: {said:?}");
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn kills_what_comes_by_the_second_interface() {
        let number = i64::from(X32_FROM) + libc::SYS_read;
        check(
            &[("x32 read", ARCHITECTURE, number, [0; 6])],
            expect![[r#"
            x32 read: kill
        "#]],
        );
    }

    /// The search finds each row, and nothing beside them.
    #[test]
    fn every_other_call_is_allowed() {
        let is_named = |number: i64| TABLE.iter().any(|(_, named, _)| *named == number);
        for number in (0..2_000).filter(|number| !is_named(*number)) {
            assert_eq!(run(ARCHITECTURE, number, [u64::MAX; 6]), "allow", "{number}");
        }
    }

    #[test]
    fn every_named_call_is_refused_when_its_arguments_ask_for_it() {
        for (name, number, refusal) in TABLE {
            let mut arguments = [0; 6];
            match refusal {
                Always(_) => {}
                IfAnyBit { argument, bits } => arguments[*argument as usize] = u64::from(*bits),
                IfOneOf { argument, values } | NothingIfOneOf { argument, values } => {
                    arguments[*argument as usize] = u64::from(values[0]);
                }
                // Somebody counts here.
                IfUncounted | NothingIfUncounted { .. } => continue,
                NothingIf { argument, value, pointer } => {
                    arguments[*argument as usize] = u64::from(*value);
                    arguments[*pointer as usize] = 1 << 32;
                }
                UnlessInternet | UnlessStream | Nothing => {}
            }
            assert_ne!(run(ARCHITECTURE, *number, arguments), "allow", "{name}");
        }
    }
}
