//! The hostile programs: each tries something and says how it went.

#![allow(unsafe_code)]

use crate::raw::{call, errno_word, result, say};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub fn main(arguments: &[String]) -> ExitCode {
    let rest: Vec<&str> = arguments[1..].iter().map(String::as_str).collect();
    match arguments[0].as_str() {
        "files" => files(),
        "pry" => pry(),
        "race-for-mask" => race_for_mask(),
        "identity" => identity(),
        "calls" => calls(),
        "tmp" => fill_tmp(rest[0]),
        "big-file" => big_file(),
        "memory" => memory(rest[0].parse().expect("MiB"), rest[1].parse().expect("processes")),
        "forge" => return ExitCode::from(137),
        "spin" => spin(rest[0].parse().expect("ms")),
        "bomb" => bomb(),
        "stubborn" => stubborn(),
        "echo" => echo(),
        "connect" => crate::network::connect(),
        "writes" => writes(),
        "programs" => programs(),
        "race" => race(rest[0].parse().expect("tries")),
        "odd" => odd(),
        "flood" => flood(rest[0].parse().expect("calls")),
        "pipelines" => pipelines(),
        "reads" => reads(rest[0], rest[1].parse().expect("reads")),
        other => assert!(crate::sly::main(other, &rest), "no program {other}"),
    }
    ExitCode::SUCCESS
}

pub fn host() -> UnixStream {
    use std::os::fd::FromRawFd;
    // SAFETY: descriptor 3 is the host socket, and this is its only owner.
    unsafe { UnixStream::from_raw_fd(3) }
}

fn files() {
    say("read project", fs::read("/project/readme"));
    say("write project", fs::write("/project/readme", "x"));
    say("create in project", fs::write("/project/new", "x"));
    say("remove from project", fs::remove_file("/project/readme"));
    say("rename in project", fs::rename("/project/docs", "/project/old"));
    say(
        "chmod in project",
        fs::set_permissions("/project/readme", fs::metadata("/").expect("/").permissions()),
    );
    say("list masked folder", fs::read_dir("/project/secret"));
    say("read in masked folder", fs::read("/project/secret/key"));
    say("read deep in masked folder", fs::read("/project/secret/inner/key"));
    say("read through link", fs::read("/project/link"));
    say("read masked file", fs::read("/project/docs/.env"));
    say(
        "open up mask",
        fs::set_permissions("/project/secret", fs::metadata("/tmp").expect("/tmp").permissions()),
    );
    say("remove mask", fs::remove_dir("/project/secret"));
    say("create missing forbidden", fs::write("/project/missing", "x"));
    say("write root", fs::write("/new", "x"));
    say("write usr", fs::write("/usr/new", "x"));
    say("read shadow", fs::read("/etc/shadow"));
    say("list home", fs::read_dir("/home"));
    say("list sys", fs::read_dir("/sys"));
    say("list run", fs::read_dir("/run"));
    say("write tmp", fs::write("/tmp/a", "#!/bin/sh\n"));
    say("shared memory", fs::write("/dev/shm/b", "x"));
    say("run from tmp", run_from_tmp());
    say("socket file in tmp", mknod("/tmp/s", libc::S_IFSOCK));
    say("device in tmp", mknod("/tmp/d", libc::S_IFCHR));
    say("write dev null", fs::write("/dev/null", "x"));
    say("open dev kmsg", fs::read("/dev/kmsg"));
}

fn pry() {
    say("stat mask", fs::metadata("/project/secret"));
    say("stat masked file", fs::metadata("/project/docs/.env"));
    say("list mask", fs::read_dir("/project/secret"));
    say("enter mask", std::env::set_current_dir("/project/secret"));
    say("read inside", fs::read("/project/secret/key"));
    say("read deep inside", fs::read("/project/secret/inner/key"));
    say("stat inside", fs::metadata("/project/secret/key"));
    say("make inside", fs::write("/project/secret/new\n", "x"));
    say("remove inside", fs::remove_file("/project/secret/key"));
    say("read through link", fs::read("/project/link"));
    say("read masked file", fs::read("/project/docs/.env"));
    say("write masked file", fs::write("/project/docs/.env", "x"));
    say("move mask", fs::rename("/project/secret", "/project/other"));
    fs::write("/tmp/mine", "x").expect("file");
    say("move into mask", fs::rename("/tmp/mine", "/project/secret/mine"));
    let thread = std::thread::Builder::new().name("sly".into());
    let reader = thread.spawn(|| fs::read("/project/secret/key")).expect("thread");
    say("read in a thread", reader.join().expect("thread"));
    // SAFETY: this program has one thread again.
    match unsafe { libc::fork() } {
        0 => {
            say("read in a child", fs::read("/project/secret/key"));
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) };
        }
        // SAFETY: waits for that child.
        child => unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) },
    };
    say("read missing", fs::read("/project/missing"));
}

/// Opens a path that another thread changes all the time; says how often that was refused.
fn race_for_mask() {
    use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
    /// Of each kind; a race without either would be none.
    const ENOUGH: u32 = 300;
    /// A bound for the case that one kind never comes.
    const TRIES: u32 = 3_000_000;
    static GOOD: [u8; 20] = *b"/project/readme\0xxx\0";
    static BAD: [u8; 20] = *b"/project/secret/key\0";
    static PATH: [AtomicU8; 20] = [const { AtomicU8::new(0) }; 20];
    static OVER: AtomicBool = AtomicBool::new(false);
    let set = |path: &[u8; 20]| {
        PATH.iter().zip(path).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
    };
    set(&GOOD);
    let changer = std::thread::spawn(move || {
        while !OVER.load(Ordering::Relaxed) {
            set(&BAD);
            set(&GOOD);
        }
    });
    let (mut opened, mut refused) = (0, 0);
    for _ in 0..TRIES {
        if opened >= ENOUGH && refused >= ENOUGH {
            break;
        }
        // SAFETY: both texts end with a NUL at the same place, which is never written with another
        // value, so the path ends there at the latest whatever it becomes meanwhile.
        let fd = unsafe { libc::open(PATH.as_ptr().cast(), libc::O_RDONLY) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            refused += u32::from(error.raw_os_error() == Some(libc::EACCES));
        } else {
            opened += 1;
            // SAFETY: the descriptor that was just opened.
            unsafe { libc::close(fd) };
        }
    }
    OVER.store(true, Ordering::Relaxed);
    changer.join().expect("thread");
    println!("{refused}");
}

fn run_from_tmp() -> io::Result<std::process::ExitStatus> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions("/tmp/a", fs::Permissions::from_mode(0o755))?;
    std::process::Command::new("/tmp/a").status()
}

fn mknod(path: &str, kind: libc::mode_t) -> io::Result<()> {
    let path = std::ffi::CString::new(path).expect("path");
    // SAFETY: the path is NUL-terminated.
    result(i64::from(unsafe { libc::mknod(path.as_ptr(), kind | 0o600, libc::makedev(1, 3)) }))
}

#[allow(clippy::disallowed_methods, reason = "what the environment holds is what is told")]
fn identity() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for key in [
        "Uid",
        "Gid",
        "Groups",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
    ] {
        let line = status.lines().find_map(|l| l.strip_prefix(&format!("{key}:")));
        let words: Vec<&str> = line.unwrap_or("?").split_ascii_whitespace().collect();
        println!("{}", format!("{key}: {}", words.join(" ")).trim_end());
    }
    let mut env: Vec<String> = std::env::vars().map(|(k, v)| format!("{k}={v}")).collect();
    env.sort();
    println!("env: {}", env.join(" "));
    let mut fds: Vec<String> = fs::read_dir("/proc/self/fd")
        .map(|d| d.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    fds.sort();
    // One more is the listing itself.
    println!("fds: {}", fds.join(" "));
    println!("stdin: {:?}", fs::read_link("/proc/self/fd/0").unwrap_or_default());
    println!("cwd: {}", std::env::current_dir().expect("cwd").display());
    println!("pid: {}", std::process::id());
    let mut seen: Vec<String> = fs::read_dir("/proc")
        .map(|d| d.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    seen.sort();
    println!("proc: {}", seen.join(" "));
    for file in ["environ", "mem", "cmdline", "root", "fd"] {
        let path = format!("/proc/1/{file}");
        let gone = fs::read(&path).is_err() && fs::read_dir(&path).is_err();
        println!("{path}: {}", if gone { "unreadable" } else { "readable" });
    }
    println!(
        "cgroup: {}",
        fs::read_to_string("/proc/self/cgroup")
            .unwrap_or_default()
            .lines()
            .all(|l| l.ends_with(":/"))
    );
    let interfaces = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names: Vec<&str> =
        interfaces.lines().skip(2).filter_map(|l| l.split(':').next()).map(str::trim).collect();
    println!("interfaces: {}", names.join(" "));
    println!("root: {}", {
        let mut all: Vec<String> = fs::read_dir("/")
            .expect("/")
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        all.retain(|n| !n.starts_with("lib") && n != "nix" && n != "gnu");
        all.sort();
        all.join(" ")
    });
    // SAFETY: plain integers; signals the init of this namespace and nobody else.
    say("kill init", result(i64::from(unsafe { libc::kill(1, libc::SIGKILL) })));
    // SAFETY: integers only.
    println!("scheduling: {}", unsafe { libc::sched_getscheduler(0) });
    println!("limits: core {} locked {}", limit(libc::RLIMIT_CORE), limit(libc::RLIMIT_MEMLOCK));
}

/// Asks for real-time scheduling of this thread, which root may have.
pub fn become_real_time() {
    let parameters = libc::sched_param { sched_priority: 1 };
    // SAFETY: the parameters are live; refusal changes nothing.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) };
}

fn limit(resource: libc::__rlimit_resource_t) -> u64 {
    let mut value = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes to a live local.
    unsafe { libc::getrlimit(resource, &raw mut value) };
    value.rlim_max
}

fn calls() {
    let call = |name: &str, number: i64, arguments: [u64; 4]| {
        let [a, b, c, d] = arguments;
        say(name, call(number, [a, b, c, d, 0, 0]).map(drop));
    };
    let none = [0; 4];
    for (name, number) in [
        ("mount", libc::SYS_mount),
        ("umount2", libc::SYS_umount2),
        ("pivot_root", libc::SYS_pivot_root),
        ("chroot", libc::SYS_chroot),
        ("open_tree", libc::SYS_open_tree),
        ("mount_setattr", libc::SYS_mount_setattr),
        ("fsopen", libc::SYS_fsopen),
        ("setns", libc::SYS_setns),
        ("ptrace", libc::SYS_ptrace),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("pidfd_getfd", libc::SYS_pidfd_getfd),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("bpf", libc::SYS_bpf),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("keyctl", libc::SYS_keyctl),
        ("add_key", libc::SYS_add_key),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("kexec_load", libc::SYS_kexec_load),
        ("init_module", libc::SYS_init_module),
        ("reboot", libc::SYS_reboot),
        ("personality", libc::SYS_personality),
        ("clone3", libc::SYS_clone3),
    ] {
        call(name, number, none);
    }
    let flag = |f: i32| f as u64;
    call("unshare user", libc::SYS_unshare, [flag(libc::CLONE_NEWUSER), 0, 0, 0]);
    call("clone user", libc::SYS_clone, [flag(libc::CLONE_NEWUSER | libc::SIGCHLD), 0, 0, 0]);
    call("ioctl TIOCSTI", libc::SYS_ioctl, [0, libc::TIOCSTI, 0, 0]);
    call("ioctl TIOCSTI with a high bit", libc::SYS_ioctl, [0, 1 << 32 | libc::TIOCSTI, 0, 0]);
    for (name, family) in [
        ("inet", libc::AF_INET),
        ("inet6", libc::AF_INET6),
        ("unix", libc::AF_UNIX),
        ("netlink", libc::AF_NETLINK),
        ("packet", libc::AF_PACKET),
        ("vsock", libc::AF_VSOCK),
        ("alg", libc::AF_ALG),
    ] {
        call(
            &format!("socket {name}"),
            libc::SYS_socket,
            [flag(family), flag(libc::SOCK_STREAM), 0, 0],
        );
    }
    say("socketpair", UnixStream::pair());
    say("thread", std::thread::Builder::new().spawn(|| ()));
}

fn fill_tmp(with: &str) {
    if with == "files" {
        let mut files = 0;
        let outcome = loop {
            match fs::File::create(format!("/tmp/f{files}")) {
                Ok(_) => files += 1,
                Err(e) => break errno_word(&e),
            }
        };
        println!("tmp held at most 1024 files: {}, then {outcome}", files <= 1024);
        return;
    }
    let chunk = vec![1_u8; 1 << 20];
    let mut written = 0;
    let outcome = loop {
        // A file each, so that only the size of the whole can be in the way.
        match fs::write(format!("/tmp/{written}"), &chunk) {
            Ok(()) => written += 1,
            Err(e) => break errno_word(&e),
        }
    };
    println!("tmp held {written} MiB, then {outcome}");
}

fn big_file() {
    // SAFETY: ignores a signal; no code of ours runs in its place.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let mut file = fs::File::create("/tmp/big").expect("file");
    let chunk = vec![1_u8; 1 << 20];
    let outcome = loop {
        if let Err(e) = file.write_all(&chunk) {
            break errno_word(&e);
        }
    };
    println!("file held {} MiB, then {outcome}", file.metadata().expect("file").len() >> 20);
    say("set a larger size", file.set_len(100 << 20));
    // SAFETY: restores the default action.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_DFL) };
    say("set a larger size, not ignoring", file.set_len(100 << 20));
}

/// Each process takes `mib` and keeps it, until one of them is killed for it.
fn memory(mib: usize, processes: usize) {
    for _ in 1..processes {
        // SAFETY: this program has one thread.
        if unsafe { libc::fork() } == 0 {
            break;
        }
    }
    let mut kept = Vec::new();
    for _ in 0..mib {
        let mut page = Vec::new();
        if page.try_reserve_exact(1 << 20).is_err() {
            println!("refused after {} MiB", kept.len());
            return;
        }
        page.resize(1 << 20, 1_u8);
        kept.push(page);
    }
    // SAFETY: waits for a child of this process, or finds that it has none.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } == -1 {
        stand_by();
        std::hint::black_box(&kept);
    }
}

/// Two threads busy for a time.
fn spin(ms: u64) {
    let end = Instant::now() + Duration::from_millis(ms);
    let busy = move || while Instant::now() < end {};
    let other = std::thread::spawn(busy);
    busy();
    other.join().expect("thread");
}

fn bomb() {
    let mut children = 0;
    let outcome = loop {
        // SAFETY: this program has one thread; the child only sleeps.
        match unsafe { libc::fork() } {
            -1 => break errno_word(&io::Error::last_os_error()),
            0 => loop {
                stand_by();
            },
            _ => children += 1,
        }
        if children > 1000 {
            break "no limit".into();
        }
    };
    println!("{children} children, then {outcome}");
    let mut host = host();
    host.write_all(b"!").expect("host");
    // Until the host has seen enough.
    let _ = host.read(&mut [0]);
}

/// A tree that does not want to die: own sessions, orphans, SIGTERM ignored.
fn stubborn() {
    // SAFETY: this program has one thread; signals are ignored, sessions started, processes made.
    unsafe {
        for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
            libc::signal(signal, libc::SIG_IGN);
        }
        for _ in 0..3 {
            let child = libc::fork();
            if child == 0 {
                libc::setsid();
                if libc::fork() != 0 {
                    libc::_exit(0);
                }
                loop {
                    libc::pause();
                }
            }
            // When it ended, the orphan exists.
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
    }
    host().write_all(b"!").expect("host");
    loop {
        stand_by();
    }
}

/// Waits for a signal; the one that comes is the end.
fn stand_by() {
    // SAFETY: only suspends the calling thread.
    unsafe { libc::pause() };
}

fn echo() {
    let mut host = host();
    let mut word = [0];
    while host.read_exact(&mut word).is_ok() {
        host.write_all(&[word[0] + 1]).expect("host");
    }
}

/// Reads of the disk itself, past the page cache.
fn reads(path: &str, count: u64) {
    use std::os::unix::fs::{FileExt, OpenOptionsExt};
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    let mut page = Page([0; 4096]);
    let file =
        fs::File::options().read(true).custom_flags(libc::O_DIRECT).open(path).expect("file");
    let start = Instant::now();
    for index in 0..count {
        file.read_at(&mut page.0, index * 4096).expect("read");
    }
    println!("{}", start.elapsed().as_millis());
}

/// Ways to change a file, none of which leads anywhere.
fn writes() {
    use std::os::unix::fs::PermissionsExt;
    let path = |text: &str| std::ffi::CString::new(text).expect("path");
    let readme = path("/project/readme");
    fs::write("/tmp/mine", "x").expect("tmp");
    say(
        "truncating read",
        fs::File::options().read(true).custom(libc::O_TRUNC).open("/project/readme"),
    );
    // SAFETY: every path is NUL-terminated and alive; numbers else.
    unsafe {
        say("truncate", result(libc::truncate(readme.as_ptr(), 0).into()));
        say("chmod", result(libc::chmod(readme.as_ptr(), 0o777).into()));
        say("chown", result(libc::lchown(readme.as_ptr(), 1000, 1000).into()));
        say(
            "utimes",
            result(libc::utimensat(libc::AT_FDCWD, readme.as_ptr(), std::ptr::null(), 0).into()),
        );
        say(
            "setxattr",
            result(
                libc::setxattr(readme.as_ptr(), c"user.x".as_ptr(), c"y".as_ptr().cast(), 1, 0)
                    .into(),
            ),
        );
        say("mkfifo", result(libc::mkfifo(path("/project/fifo").as_ptr(), 0o600).into()));
        let how = [libc::O_WRONLY as u64, 0, 0];
        say(
            "openat2",
            result(libc::syscall(
                libc::SYS_openat2,
                libc::AT_FDCWD,
                readme.as_ptr(),
                how.as_ptr(),
                24,
            )),
        );
        let own = [0_u64; 3];
        say(
            "openat2 to read",
            result(libc::syscall(
                libc::SYS_openat2,
                libc::AT_FDCWD,
                readme.as_ptr(),
                own.as_ptr(),
                24,
            )),
        );
    }
    say("mkdir", fs::create_dir("/project/.git/hooks"));
    say("symlink", std::os::unix::fs::symlink("/etc", "/project/docs/etc"));
    say("hard link into", fs::hard_link("/tmp/mine", "/project/docs/x"));
    say("rename onto", fs::rename("/tmp/mine", "/project/docs/.env"));
    say("rename out", fs::rename("/project/readme", "/tmp/readme"));
    say("remove forbidden", fs::remove_file("/project/docs/.env"));
    let open = fs::File::open("/project/readme").expect("to read");
    say("chmod of what is open", open.set_permissions(fs::Permissions::from_mode(0o777)));
    let own = fs::File::create("/tmp/touched").expect("tmp");
    say("times of what is open", own.set_modified(std::time::SystemTime::UNIX_EPOCH));
    say("within tmp", fs::rename("/tmp/touched", "/tmp/moved"));
    say("device", fs::write("/dev/kmsg", "x"));
    std::os::unix::fs::symlink("/project/readme", "/tmp/way").expect("link");
    say("through a link", fs::write("/tmp/way", "x"));
    say("relative", fs::write("src/../readme", "x"));
    say("outside", fs::write("/usr/bin/new", "x"));
    say("newline", fs::write("/project/two\nlines", "x"));
    say("to null", fs::write("/dev/null", "x"));
    say("to tmp", fs::write("/tmp/other", "x"));
}

trait Custom {
    fn custom(&mut self, flags: i32) -> &mut Self;
}

impl Custom for fs::OpenOptions {
    fn custom(&mut self, flags: i32) -> &mut Self {
        use std::os::unix::fs::OpenOptionsExt;
        self.custom_flags(flags)
    }
}

/// Programs that are forbidden by name, by each of their names.
fn programs() {
    use std::os::unix::process::CommandExt;
    let run = |what: &str, command: &mut std::process::Command| {
        say(
            what,
            command
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status(),
        );
    };
    run("allowed", std::process::Command::new("/usr/bin/true").arg("x"));
    run("itself again", std::process::Command::new("/proc/self/exe").args(["hostile", "forge"]));
    run("by path", std::process::Command::new("/usr/bin/tac").arg("x"));
    run("by search", std::process::Command::new("tac").arg("x"));
    run("by argument zero", std::process::Command::new("/usr/bin/true").arg0("tac"));
    std::os::unix::fs::symlink("/usr/bin/tac", "/tmp/other").expect("link");
    run("by a link", &mut std::process::Command::new("/tmp/other"));
    say("copied", fs::copy("/usr/bin/tac", "/tmp/copy"));
    let code = std::process::Command::new("/bin/sh")
        .args(["-c", "tac /dev/null"])
        .stderr(std::process::Stdio::null())
        .status();
    println!("by a shell: {:?}", code.expect("a shell").code());
    fs::write("/tmp/script", "#!/bin/sh\n").expect("tmp");
    run("from tmp", &mut std::process::Command::new("/tmp/script"));
}

/// One thread turns the path while the other opens it to write.
fn race(tries: usize) {
    use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
    static PATH: [AtomicU8; 16] = [const { AtomicU8::new(0) }; 16];
    static DONE: AtomicBool = AtomicBool::new(false);
    let set =
        |text: &[u8]| text.iter().zip(&PATH).for_each(|(b, at)| at.store(*b, Ordering::Relaxed));
    set(b"/tmp/mineeee\0");
    fs::write("/tmp/mineeee", "x").expect("tmp");
    let turning = std::thread::spawn(move || {
        while !DONE.load(Ordering::Relaxed) {
            set(b"/tmp/mineeee\0");
            set(b"/project/rea\0");
        }
    });
    let mut opened = 0;
    for _ in 0..tries {
        // SAFETY: the path always ends in NUL within its array; what it names is what is tried.
        let fd = unsafe { libc::open(PATH.as_ptr().cast(), libc::O_WRONLY | libc::O_CREAT, 0o600) };
        if fd >= 0 {
            let place = fs::read_link(format!("/proc/self/fd/{fd}")).expect("link");
            opened += usize::from(place.starts_with("/project"));
            // SAFETY: ours.
            unsafe { libc::close(fd) };
        }
    }
    DONE.store(true, Ordering::Relaxed);
    turning.join().expect("thread");
    println!("opened in the project: {opened}");
}

/// Pointers that lead nowhere.
fn odd() {
    let page = vec![b'a'; 3 * 4096];
    for (what, address) in [("null", 0), ("high", u64::MAX), ("no end", page.as_ptr() as u64)] {
        // SAFETY: the kernel checks the pointer; nothing is written through it.
        let opened =
            unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, address, libc::O_WRONLY, 0) };
        println!("{what}: {}", result(opened).expect_err("no path").raw_os_error().unwrap_or(0));
    }
}

fn flood(calls: usize) {
    for at in 0..calls {
        let _ = fs::write(format!("/project/{at}"), "x");
    }
    println!("still here");
}

/// Many processes and signals at once: none of their calls is interrupted.
fn pipelines() {
    let script = "i=0; while [ $i -lt 60 ]; do echo x | cat | cat > /tmp/o || echo broken; i=$((i+1)); done; cat /tmp/o";
    let output =
        std::process::Command::new("/bin/sh").args(["-c", script]).output().expect("a shell");
    println!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
