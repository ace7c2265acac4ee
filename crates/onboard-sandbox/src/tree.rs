//! The processes of a run, read from `/proc`.

use crate::sys::process;
use std::io;

/// What `/proc/PID/stat` says of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// State letter: `Z` and `X` are dead.
    pub state: u8,
    /// Processor time of it and of the children it waited for, in ticks.
    pub cpu_ticks: u64,
    /// Its threads.
    pub threads: u64,
    /// When it started, in ticks since boot: with the pid, an identity.
    pub start_ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name is in parentheses and may hold anything, parentheses included.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            state: *fields.first()?.as_bytes().first()?,
            cpu_ticks: (11..=14).map(number).sum::<Option<u64>>()?,
            threads: number(17)?,
            start_ticks: number(19)?,
        })
    }

    pub fn is_dead(self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Reads one process; `None`: there is no such process.
pub fn stat(pid: i32) -> Option<Stat> {
    Stat::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Most processes looked at in one tree: above every limit of processes that makes sense for a
/// run, and a bound on what one look may cost.
const MAX_TREE: usize = 65_536;

/// Every process below `root`, without it. Orphans are its children, so none escapes this list;
/// one created while it is made may.
pub fn descendants(root: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        for child in children(pid) {
            if found.len() == MAX_TREE {
                return found;
            }
            found.push(child);
            next.push(child);
        }
    }
    found
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
        })
        .collect()
}

/// What the processes of a run use together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Processor time, in microseconds.
    pub cpu_us: u64,
    /// Memory nobody else has a part in, in bytes.
    pub memory: u64,
    /// Processes and threads.
    pub tasks: u64,
}

/// Adds up the run whose first process is `root`.
pub fn sum(root: i32) -> Sum {
    let us_per_tick = 1_000_000 / process::ticks_per_second();
    let mut sum = Sum::default();
    for pid in std::iter::once(root).chain(descendants(root)) {
        let stat = stat(pid);
        sum.cpu_us += stat.map_or(0, |s| s.cpu_ticks * us_per_tick);
        sum.tasks += stat.map_or(0, |s| s.threads);
        sum.memory += private_memory(pid).unwrap_or(0);
    }
    sum
}

/// Resident memory less the part that is shared with files.
fn private_memory(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(shared) * process::page_size())
}

/// Sends a signal to every process below `root`, again until a look finds no new one.
pub fn signal_all(root: i32, signal: i32) {
    /// Each round only meets processes created during the one before; a stopped parent creates
    /// none, so a few rounds reach all.
    const ROUNDS: usize = 16;
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let new: Vec<i32> =
            descendants(root).into_iter().filter(|pid| !seen.contains(pid)).collect();
        if new.is_empty() {
            return;
        }
        for pid in &new {
            // One that ended meanwhile needs no signal.
            let _ = process::signal(*pid, signal);
        }
        seen.extend(new);
    }
}

/// This boot's identity.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_name_cannot_forge_the_fields() {
        let line = "7 (x) Z 1 2) S 1 7 7 0 -1 4194560 100 0 0 0 3 4 5 6 20 0 1 0 998877 1 2 3";
        expect![[r#"
            Some(
                Stat {
                    state: 83,
                    cpu_ticks: 18,
                    threads: 1,
                    start_ticks: 998877,
                },
            )
        "#]]
        .assert_debug_eq(&Stat::parse(line));
        assert_eq!(Stat::parse("7 (cut"), None);
        assert_eq!(Stat::parse("7 (cut) S 1"), None);
    }
}
