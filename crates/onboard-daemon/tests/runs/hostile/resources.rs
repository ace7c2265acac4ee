//! Attacks on what everybody shares: processor, memory, disk, time, the host's attention.

use super::processes;
use crate::raw::say;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// Work for each of two threads: seconds at a tenth of a core.
const WORK: u64 = 30_000_000;

pub fn spin() {
    let work = || (0..WORK).fold(0_u64, |sum, n| std::hint::black_box(sum ^ n));
    let other = std::thread::spawn(work);
    work();
    other.join().expect("thread");
    println!("two busy threads: held back");
}

pub fn memory() {
    let mut eaten: Vec<u8> = Vec::new();
    for _ in 0..1_024 {
        eaten.resize(eaten.len() + (1 << 20), 1);
    }
    println!("take 1 GiB: allowed");
}

pub fn forged_end() {
    println!("end as if killed for memory: believed by nobody");
    std::process::exit(137);
}

pub fn writes_to_disk() {
    let direct = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT | libc::O_SYNC)
        .open("/project/readme");
    say("write past the cache", direct);
    let folders = ["/", "/project", "/app", "/usr", "/etc", "/dev"];
    for folder in folders {
        say(&format!("write to {folder}"), fs::write(format!("{folder}/new"), "x"));
    }
}

pub fn control_groups() {
    let all = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let named = all.lines().filter(|line| !line.ends_with(":/")).count();
    println!("names of its groups: {}", if named == 0 { "none" } else { "allowed" });
    say("list groups", fs::read_dir("/sys/fs/cgroup"));
    say("leave its group", fs::write("/sys/fs/cgroup/cgroup.procs", "0"));
}

pub fn deadline() {
    say("go on for ever", processes::never_end());
}

pub fn flood_of_output() {
    println!("3 MB of output: cut off");
    let mut out = std::io::stdout();
    let line = [b"\x1b[2J\0".as_slice(), &[b'x'; 4_000], b"\n"].concat();
    for _ in 0..800 {
        out.write_all(&line).expect("stdout");
    }
}

/// A token of the usual shape, which is no token.
pub fn tell_a_secret() {
    let token = ["gh", "p_x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi"].concat();
    println!("{token}: taken out of the log");
}
