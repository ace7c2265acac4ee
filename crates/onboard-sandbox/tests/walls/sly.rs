//! Hostile programs that look for what lies between the walls.

use crate::hostile::host;
use crate::raw::{call, errno_word, say};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};

/// Whether `word` is one of this file's programs; it is run then.
pub fn main(word: &str, rest: &[&str]) -> bool {
    match word {
        "all-of" => all_of(rest),
        "names" => names(),
        "show" => println!("{}", fs::read_to_string(rest[0]).unwrap_or_else(|e| errno_word(&e))),
        "hidden-memory" => hidden_memory(rest[0]),
        "storm" => storm(),
        "watches" => watches(),
        "huge" => huge(),
        "from-memory" => from_memory(),
        "look-at" => look_at(rest[0]),
        "other-interface" => other_interface(),
        _ => return false,
    }
    true
}

fn path(text: &str) -> u64 {
    std::ffi::CString::new(text).expect("a path").into_raw() as u64
}

/// Reads each of the paths; how often each answer came.
fn all_of(paths: &[&str]) {
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let answer =
            fs::read(format!("/project/{path}")).map_or_else(|e| errno_word(&e), |_| "read".into());
        *answers.entry(answer).or_default() += 1;
    }
    println!("{answers:?}");
}

/// Says that it is there, and looks when it is told to.
fn names() {
    let mut host = host();
    host.write_all(b"r").expect("host");
    host.read_exact(&mut [0]).expect("host");
    say("what appeared", fs::read("/project/missing"));
    say("what appeared deeper", fs::read("/project/docs/late"));
    say("in a folder that appeared", fs::read("/project/aws/key"));
    say("another new file", fs::read("/project/new"));
    let text = |path: &str| fs::read_to_string(path).unwrap_or_else(|e| errno_word(&e));
    println!("what was there: {}", text("/project/readme"));
    println!("new in a folder that is not fixed: {}", text("/project/src/new"));
    println!("through a link: {}", text("/project/link"));
    let mut names: Vec<String> = fs::read_dir("/project")
        .expect("a listing")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    println!("names: {}", names.join(" "));
    say("make the missing one", fs::write("/project/missing", "x"));
}

const MIB: usize = 1 << 20;

/// Takes memory that no process has, or seems to have, in pieces of a MiB.
fn hidden_memory(how: &str) {
    let most = 300;
    for taken in 0..most {
        let held = match how {
            "file" => call(libc::SYS_memfd_create, [path("x"), 0, 0, 0, 0, 0])
                .and_then(|memory| fs::write(format!("/proc/self/fd/{memory}"), vec![1; MIB])),
            "segment" => call(libc::SYS_shmget, [0, MIB as u64, 0o1600, 0, 0, 0]).and_then(|id| {
                let at = call(libc::SYS_shmat, [id.cast_unsigned(), 0, 0, 0, 0, 0])?;
                touch(at.cast_unsigned());
                call(libc::SYS_shmdt, [at.cast_unsigned(), 0, 0, 0, 0, 0]).map(drop)
            }),
            "shared" => map(libc::MAP_SHARED | libc::MAP_ANONYMOUS, u64::MAX),
            "device" => {
                let zero = File::options().read(true).write(true).open("/dev/zero").expect("zero");
                let fd = u64::from(std::os::fd::AsRawFd::as_raw_fd(&zero).cast_unsigned());
                map(libc::MAP_SHARED, fd)
            }
            other => panic!("no memory of kind {other}"),
        };
        if let Err(error) = held {
            println!("{} after {taken} MiB", errno_word(&error));
            return;
        }
    }
    // Whoever looks now and then gets the chance.
    let mut host = host();
    host.write_all(b"r").expect("host");
    let _ = host.read(&mut [0]);
    println!("took {most} MiB");
}

/// Touches a MiB that it maps, and hides that from who counts what is in its tables.
fn map(flags: i32, fd: u64) -> std::io::Result<()> {
    let (size, both) = (MIB as u64, (libc::PROT_READ | libc::PROT_WRITE) as u64);
    let at = call(libc::SYS_mmap, [0, size, both, flags.cast_unsigned().into(), fd, 0])?;
    touch(at.cast_unsigned());
    let forget = libc::MADV_DONTNEED as u64;
    call(libc::SYS_madvise, [at.cast_unsigned(), size, forget, 0, 0, 0]).map(drop)
}

#[allow(unsafe_code)]
fn touch(address: u64) {
    // SAFETY: the kernel has just mapped this MiB for us, to write.
    unsafe { std::ptr::write_bytes(address as *mut u8, 1, MIB) };
}

/// Calls that are refused, as many as it can, until it is ended.
fn storm() {
    host().write_all(b"r").expect("host");
    loop {
        let _ = call(libc::SYS_mount, [0; 6]);
    }
}

fn watches() {
    let mut made = 0;
    let error = loop {
        match call(libc::SYS_inotify_init1, [0; 6]) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 1_000, "no end of them");
    };
    println!("{made} watches, then {}", errno_word(&error));
}

fn huge() {
    let (size, both) = (2 * MIB as u64, (libc::PROT_READ | libc::PROT_WRITE) as u64);
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB) as u64;
    say("huge pages", call(libc::SYS_mmap, [0, size, both, flags, u64::MAX, 0]));
    let flags = u64::from(libc::MFD_HUGETLB);
    say("a file of huge pages", call(libc::SYS_memfd_create, [path("x"), flags, 0, 0, 0, 0]));
    let flags = (libc::IPC_CREAT | libc::SHM_HUGETLB | 0o600) as u64;
    say("a segment of huge pages", call(libc::SYS_shmget, [0, size, flags, 0, 0, 0]));
    say("secret memory", call(447, [0; 6]));
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
    say("ordinary pages", call(libc::SYS_mmap, [0, size, both, flags, u64::MAX, 0]));
}

fn from_memory() {
    let memory = match call(libc::SYS_memfd_create, [path("mine"), 1, 0, 0, 0, 0]) {
        Ok(memory) => memory,
        Err(error) => return println!("from memory: {}", errno_word(&error)),
    };
    fs::copy("/usr/bin/true", format!("/proc/self/fd/{memory}")).expect("copy");
    let status = std::process::Command::new(format!("/proc/self/fd/{memory}")).status();
    say("from memory", status);
}

fn look_at(file: &str) {
    say("stat", fs::metadata(file));
}

/// A call that the kernel knows by another number, or not at all.
fn other_interface() {
    say("x32", call(0x4000_0000 | libc::SYS_getpid, [0; 6]));
}
