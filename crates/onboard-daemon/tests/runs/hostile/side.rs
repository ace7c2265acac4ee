//! Attacks by side doors: other names, looks without an open, mappings, what newer kernels have, the
//! socket to the daemon, memory that is nobody's.

use super::files::{flags, path};
use crate::raw::{call, say};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long a run stays at its limit: until whoever looks now and then has looked.
const STAY: Duration = Duration::from_secs(10);

/// An attempt whose word depends on the kernel's age or on who the user is.
fn refused<T>(what: &str, outcome: io::Result<T>) {
    println!("{what}: {}", if outcome.is_ok() { "allowed" } else { "refused" });
}

/// An attempt that may succeed where it tells nothing.
fn nothing(what: &str, is_nothing: bool) {
    println!("{what}: {}", if is_nothing { "nothing" } else { "allowed" });
}

pub fn alike_names() {
    for (what, name) in [
        (".ENV", ".ENV"),
        (".env and a dot", ".env."),
        (".env and a blank", ".env "),
        (".env and a stream", ".env::$DATA"),
        (".env in wide letters", "．ｅｎｖ"),
        (".env in percent signs", "%2eenv"),
        (".env with nothing between", ".e\u{200d}nv"),
    ] {
        say(&format!("read {what}"), fs::read(format!("/project/{name}")));
    }
}

pub fn looks() {
    let (id, env) = (path("/project/.ssh/id"), path("/project/.env"));
    let here = u64::MAX;
    let mut room = [0_u8; 1024];
    let space = room.as_mut_ptr() as u64;
    say("statx .ssh/id", call(libc::SYS_statx, [here, id, 0, 0xfff, space, 0]));
    say("access .ssh/id", call(libc::SYS_faccessat, [here, id, 0, 0, 0, 0]));
    say("link target of .ssh/id", fs::read_link("/project/.ssh/id"));
    say("attributes of .ssh/id", call(libc::SYS_listxattr, [id, space, 1024, 0, 0, 0]));
    let watch = call(libc::SYS_inotify_init1, [0; 6]).expect("a watcher").cast_unsigned();
    say("watch .ssh/id", call(libc::SYS_inotify_add_watch, [watch, id, 0xfff, 0, 0, 0]));
    let inside = call(libc::SYS_chdir, [path("/project/.ssh"), 0, 0, 0, 0, 0]);
    say("enter .ssh and look", inside.and_then(|_| fs::read("id").map(drop)));
    call(libc::SYS_chdir, [path("/project"), 0, 0, 0, 0, 0]).expect("back");
    let held = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open("/project/.env");
    let again = held.and_then(|held| fs::read(format!("/proc/self/fd/{}", held.as_raw_fd())));
    say("a handle of .env, then to read", again);
    let listed = call(libc::SYS_listxattr, [env, space, 1024, 0, 0, 0]);
    nothing("attributes of .env", listed.is_ok_and(|length| length == 0) || listed_nothing(env));
    let size = fs::metadata("/project/.env").map_or(0, |meta| meta.len());
    nothing("size of .env", size == 0);
}

/// Whether a list of attributes is refused, or has none that the file had.
fn listed_nothing(file: u64) -> bool {
    let mut room = [0_u8; 1024];
    let listed = call(libc::SYS_listxattr, [file, room.as_mut_ptr() as u64, 1024, 0, 0, 0]);
    listed.is_err() || !room.windows(5).any(|part| part == b"user.")
}

/// Maps a page of `file`: to read (1), to write (2), shared.
fn map(file: &File, protection: u64) -> io::Result<u64> {
    let shared = flags(libc::MAP_SHARED);
    let mapped = call(libc::SYS_mmap, [0, 4096, protection, shared, flags(file.as_raw_fd()), 0]);
    mapped.map(i64::cast_unsigned)
}

pub fn through_memory() {
    let readme = File::open("/project/readme").expect("readme");
    say("map readme to write", map(&readme, 3));
    let mapped = map(&readme, 1).expect("a mapping to read");
    let turned = call(libc::SYS_mprotect, [mapped, 4096, 3, 0, 0, 0]);
    say("turn a mapping of readme to write", turned);
    let own = OpenOptions::new().write(true).open("/proc/self/mem");
    let written = own.and_then(|own| own.write_at(b"x", mapped));
    refused("write a mapping of readme through its own memory", written);
    refused("change its own program", OpenOptions::new().write(true).open("/proc/self/exe"));
    let unnamed = OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open("/tmp");
    let named = unnamed.and_then(|unnamed| {
        let from = path(&format!("/proc/self/fd/{}", unnamed.as_raw_fd()));
        let (here, follow) = (flags(libc::AT_FDCWD), flags(libc::AT_SYMLINK_FOLLOW));
        call(libc::SYS_linkat, [here, from, here, path("/project/own"), follow, 0])
    });
    say("give what has no name a name in the project", named);
}

pub fn seal() {
    let readme = File::open("/project/readme").expect("readme");
    let file = flags(readme.as_raw_fd());
    let mut room = [0_u64; 32];
    let space = room.as_mut_ptr() as u64;
    for (what, request) in [
        ("mark as unchangeable", 0x4008_6602),
        ("set attributes", 0x401C_5820),
        ("seal for ever", 0x4080_6685),
        ("share what is the same", 0xC018_9436),
        ("have who writes wait", 0xC004_5877),
    ] {
        say(what, call(libc::SYS_ioctl, [file, request, space, 0, 0, 0]));
    }
    let (here, readme) = (flags(libc::AT_FDCWD), path("/project/readme"));
    refused("change by fchmodat2", call(452, [here, readme, 0o777, 0, 0, 0]));
    let (value, name) = ([path("x"), 1], path("user.x"));
    let set = [here, readme, 0, name, value.as_ptr() as u64, 16];
    refused("change by setxattrat", call(463, set));
    refused("change by file_setattr", call(469, [here, readme, space, 24, 0, 0]));
}

/// Instructions of a filter that answers every call alike.
fn filter(answer: u32) -> [u64; 2] {
    // One instruction: return.
    let instruction = Box::leak(Box::new(0x06 | u64::from(answer) << 32));
    [1, &raw const *instruction as u64]
}

pub fn own_walls() {
    let set = u64::from(libc::SECCOMP_SET_MODE_FILTER);
    let allow = filter(libc::SECCOMP_RET_ALLOW);
    let install = |how: u64| call(libc::SYS_seccomp, [set, how, allow.as_ptr() as u64, 0, 0, 0]);
    say("hear calls itself", install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER));
    install(0).expect("a filter of its own");
    say("mount behind a filter of its own", call(libc::SYS_mount, [0; 6]));
    let make_dir = [1_u64 << 7];
    let rules = [make_dir.as_ptr() as u64, 8, 0, 0, 0, 0];
    if let Ok(rules) = call(libc::SYS_landlock_create_ruleset, rules) {
        let rules = rules.cast_unsigned();
        let root = File::open("/").expect("/");
        // Packed as the kernel has it: rights, then the folder.
        let mut rule = [0_u8; 12];
        rule[..8].copy_from_slice(&make_dir[0].to_ne_bytes());
        rule[8..].copy_from_slice(&root.as_raw_fd().to_ne_bytes());
        let add = [rules, 1, rule.as_ptr() as u64, 0, 0, 0];
        call(libc::SYS_landlock_add_rule, add).expect("a rule");
        call(libc::SYS_landlock_restrict_self, [rules, 0, 0, 0, 0, 0]).expect("in force");
    }
    say("make a folder behind a ruleset of its own", fs::create_dir("/project/new"));
}

/// The socket to the host: its other end is the daemon's.
const HOST: u64 = 3;

pub fn by_the_socket() {
    let peer = |option: i32, space: &mut [i32; 3]| {
        let mut length = 12_u32;
        let (level, space) = (flags(libc::SOL_SOCKET), space.as_mut_ptr() as u64);
        let room = &raw mut length as u64;
        call(libc::SYS_getsockopt, [HOST, level, flags(option), space, room, 0])
    };
    let mut who = [0; 3];
    let _ = peer(libc::SO_PEERCRED, &mut who);
    println!("number of the daemon: {}", if who[0] == 0 { "none" } else { "allowed" });
    let mut descriptor = [-1; 3];
    // Kernels before 6.5 have it not: then all that follows is of nothing.
    let _ = peer(77, &mut descriptor);
    let daemon = flags(descriptor[0]);
    refused("signal to the daemon", call(libc::SYS_pidfd_send_signal, [daemon, 0, 0, 0, 0, 0]));
    say("descriptors of the daemon", call(libc::SYS_pidfd_getfd, [daemon, 0, 0, 0, 0, 0]));
    // From its control group's to its user's.
    let namespaces =
        (0xFF01_u64..=0xFF0A).map(|request| call(libc::SYS_ioctl, [daemon, request, 0, 0, 0, 0]));
    let found = namespaces.filter_map(Result::ok).next();
    refused("namespaces of the daemon", found.ok_or(io::ErrorKind::PermissionDenied.into()));
    say("enter namespaces of the daemon", call(libc::SYS_setns, [daemon, 0x2_0000, 0, 0, 0, 0]));
    let by_descriptor = 3;
    let wait = [by_descriptor, daemon, 0, flags(libc::WEXITED | libc::WNOHANG), 0, 0];
    refused("wait for the daemon", call(libc::SYS_waitid, wait));
}

/// Reads wide memory that is empty: no page of it is anybody's, but where they would lie is noted.
pub fn tables() {
    const STEP: u64 = 2 << 20;
    const STEPS: u64 = 100_000;
    let (private, populate) = (flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS), 22);
    let room = call(libc::SYS_mmap, [0, STEP * STEPS, 1, private, u64::MAX, 0]);
    let room = room.expect("room").cast_unsigned();
    for step in 0..STEPS {
        let page = room + step * STEP;
        if call(libc::SYS_madvise, [page, 4096, populate, 0, 0, 0]).is_err() {
            break;
        }
    }
    stay();
}

/// Nobody ended it.
fn stay() {
    std::thread::park_timeout(STAY);
    std::process::exit(1);
}

pub fn messages() {
    const MESSAGE: usize = 8192;
    /// More of each than the run may have memory.
    const QUEUES: usize = 8_000;
    const SETS: usize = 100;
    let mut message = [1_u64; MESSAGE / 8 + 1];
    message[0] = 1;
    for _ in 0..QUEUES {
        let Ok(queue) = call(libc::SYS_msgget, [0, 0o600, 0, 0, 0, 0]) else { break };
        let (queue, now) = (queue.cast_unsigned(), flags(libc::IPC_NOWAIT));
        let send = [queue, message.as_ptr() as u64, MESSAGE as u64, now, 0, 0];
        while call(libc::SYS_msgsnd, send).is_ok() {}
    }
    for _ in 0..SETS {
        if call(libc::SYS_semget, [0, 32_000, 0o600, 0, 0, 0]).is_err() {
            break;
        }
    }
    std::process::exit(1);
}

pub fn full_sockets() {
    let mut all: Vec<OwnedFd> = Vec::new();
    let chunk = [0_u8; 32 << 10];
    while let Ok((mut one, other)) = UnixStream::pair() {
        one.set_nonblocking(true).expect("mode");
        while one.write(&chunk).is_ok() {}
        all.extend([one.into(), other.into()]);
    }
    stay();
    drop(all);
}

/// Stream pairs are connected: what is named beside that is not reached by them.
pub fn turned_pairs() {
    let (one, _other) = UnixStream::pair().expect("a pair");
    let one = flags(one.as_raw_fd());
    let address = |name: &[u8]| {
        let mut address = [0_u8; 110];
        address[0] = libc::AF_UNIX as u8;
        address[2..][..name.len()].copy_from_slice(name);
        address
    };
    let stream = address(b"/project/host.sock");
    refused(
        "connect a pair elsewhere",
        call(libc::SYS_connect, [one, stream.as_ptr() as u64, 110, 0, 0, 0]),
    );
    let datagrams = address(b"/project/host.dgram");
    let sent = [one, path("hello"), 5, 0, datagrams.as_ptr() as u64, 110];
    refused("send elsewhere by a pair", call(libc::SYS_sendto, sent));
}
