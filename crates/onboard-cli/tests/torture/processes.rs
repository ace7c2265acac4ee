//! Processes as `/proc` tells of them, and waiting for what has no event.

use rustix::process::{Pid, WaitOptions, waitpid};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two looks at what the kernel gives no event for.
const LOOK: Duration = Duration::from_millis(3);

/// One process.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub start_ticks: u64,
    pub is_dead: bool,
    pub command: String,
}

/// All processes that can be seen.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(read).collect()
}

fn read(pid: i32) -> Option<Process> {
    let folder = Path::new("/proc").join(pid.to_string());
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The name in brackets may hold anything; what follows its last bracket is fields.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let command = fs::read(folder.join("cmdline")).unwrap_or_default();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
        is_dead: matches!(*fields.first()?, "Z" | "X"),
        command: String::from_utf8_lossy(&command).replace('\0', " ").trim().to_string(),
    })
}

/// Whether the process that started then lives.
pub fn is_alive(pid: i32, start_ticks: u64) -> bool {
    read(pid).is_some_and(|process| process.start_ticks == start_ticks && !process.is_dead)
}

/// Has orphans of our children come to us, so that none is overlooked.
pub fn adopt_orphans() {
    rustix::process::set_child_subreaper(Pid::from_raw(1)).expect("orphans can be adopted");
}

/// What came to us and lives, other than `known`; what came and died is reaped.
pub fn orphans(known: Option<i32>) -> Vec<Process> {
    let own = i32::try_from(std::process::id()).expect("a pid");
    let ours = all().into_iter().filter(|process| process.parent == own);
    let mut living = Vec::new();
    for process in ours.filter(|process| Some(process.pid) != known) {
        if process.is_dead {
            // Its end was seen; who reaped it first does not matter.
            let _ = waitpid(Pid::from_raw(process.pid), WaitOptions::NOHANG);
        } else {
            living.push(process);
        }
    }
    living
}

/// Living processes with `marker` on their command line.
pub fn marked(marker: &str) -> Vec<Process> {
    let marks = |process: &Process| !process.is_dead && process.command.contains(marker);
    all().into_iter().filter(marks).collect()
}

/// Looks until `look` is content, for at most `limit`.
///
/// # Errors
/// What `look` said last.
pub fn eventually<T>(
    limit: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(why) if start.elapsed() >= limit => {
                return Err(format!("{why} (after {} ms)", start.elapsed().as_millis()));
            }
            Err(_) => std::thread::park_timeout(LOOK),
        }
    }
}
