//! The processes of a run, read from `/proc`.

use crate::sys::process;
use onboard_domain::violation::{bounds, escape};
use std::collections::BTreeMap;
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

/// Whether there is a process of this number that can still do something: it is no zombie.
pub fn is_alive(pid: u32) -> bool {
    stat(pid.cast_signed()).is_some_and(|stat| !stat.is_dead())
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
    /// Addresses that lead to something, whatever it is, in bytes.
    pub mapped: u64,
}

/// Adds up the run whose first process is `root`.
pub fn sum(root: i32) -> Sum {
    let us_per_tick = 1_000_000 / process::ticks_per_second();
    let mut sum = Sum::default();
    for pid in std::iter::once(root).chain(descendants(root)) {
        let stat = stat(pid);
        sum.cpu_us += stat.map_or(0, |s| s.cpu_ticks * us_per_tick);
        sum.tasks += stat.map_or(0, |s| s.threads);
        let (mapped, private) = memory(pid).unwrap_or_default();
        (sum.mapped, sum.memory) = (sum.mapped + mapped, sum.memory + private);
    }
    sum
}

/// Bytes that are mapped, and of those in memory the ones that are not shared.
fn memory(pid: i32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = text.split_ascii_whitespace().map(str::parse::<u64>);
    let mut next = || pages.next()?.ok();
    let (mapped, resident, shared) = (next()?, next()?, next()?);
    let bytes = |pages: u64| pages * process::page_size();
    Some((bytes(mapped), bytes(resident.saturating_sub(shared))))
}

/// Memory that the processes of the run whose first process is `root` share and that no file holds,
/// in bytes: what of it is in use nobody tells, so all of it counts, once.
pub fn shared(root: i32) -> u64 {
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    for pid in descendants(root) {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        for (object, end) in maps.lines().filter_map(shared_mapping) {
            let known = ends.entry(object).or_default();
            *known = end.max(*known);
        }
    }
    ends.values().sum()
}

/// Memory in which the kernel keeps where the run's memory lies, in bytes. Reading wide and empty
/// memory makes it, and nothing else counts that.
pub fn tables(root: i32) -> u64 {
    let of = |pid: i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmPTE:"))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    std::iter::once(root).chain(descendants(root)).filter_map(of).sum::<u64>() * 1024
}

/// Sockets that a run may have without any being counted as memory: more than programs have that
/// mean no harm, and little memory if they are full.
const FREE_SOCKETS: u64 = 128;

/// What the sockets in the network of the run whose first process is `root` can hold at most, in
/// bytes: what they do hold nobody tells. Each is as large as this kernel makes it.
pub fn sockets(root: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{root}/net/sockstat")).unwrap_or_default();
    let used = text.lines().find_map(|line| line.strip_prefix("sockets: used "));
    let used = used.and_then(|number| number.trim().parse().ok()).unwrap_or(0_u64);
    let more = used.saturating_sub(FREE_SOCKETS);
    if more == 0 { 0 } else { more * buffer_bytes() }
}

/// What one socket may have on its way, in bytes.
fn buffer_bytes() -> u64 {
    /// As kernels have it when nobody changed it.
    const USUAL: u64 = 212_992;
    let text = std::fs::read_to_string("/proc/sys/net/core/wmem_default");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL)
}

/// A line of `maps`, if it is memory without a file that others may have as well: which object, and
/// up to where in it.
fn shared_mapping(line: &str) -> Option<(String, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, permissions, offset) = (fields.next()?, fields.next()?, fields.next()?);
    let (device, inode, name) = (fields.next()?, fields.next()?, fields.next()?);
    let is_memory = ["/dev/zero", "/memfd:", "/SYSV"].iter().any(|begin| name.starts_with(begin));
    let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
    let (from, to) = range.split_once('-')?;
    let length = hexadecimal(to)?.checked_sub(hexadecimal(from)?)?;
    let end = hexadecimal(offset)?.saturating_add(length);
    (is_memory && permissions.ends_with('s')).then(|| (format!("{device} {inode}"), end))
}

/// A process of a run that is still there though the run was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub pid: i32,
    /// Its short name, escaped.
    pub name: String,
    /// Whether it waits in the kernel for something that nothing can interrupt.
    pub is_stuck: bool,
}

/// Processes that are named when a run doesn't end: enough to know what it is about.
const NAMED: usize = 8;

/// What is left of the run whose first process is `root`: first those that are stuck, at most a few.
pub fn left(root: i32) -> Vec<Left> {
    named(descendants(root))
}

/// The same, with `root` itself.
pub fn left_with(root: i32) -> Vec<Left> {
    named(std::iter::once(root).chain(descendants(root)))
}

fn named(pids: impl IntoIterator<Item = i32>) -> Vec<Left> {
    let mut left: Vec<Left> = pids
        .into_iter()
        .filter_map(|pid| {
            let stat = stat(pid).filter(|stat| !stat.is_dead())?;
            let name = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
            let name = escape(name.strip_suffix(b"\n").unwrap_or(&name), bounds::COMM);
            Some(Left { pid, name, is_stuck: stat.state == b'D' })
        })
        .collect();
    left.sort_by_key(|left| !left.is_stuck);
    left.truncate(NAMED);
    left
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

/// This boot's identity, which no other boot of any machine has.
///
/// # Errors
/// When `/proc` can't be read.
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

    #[test]
    fn only_who_can_still_act_is_alive() {
        assert!(is_alive(std::process::id()));
        // Beyond what the kernel gives out.
        assert!(!is_alive(u32::MAX) && !is_alive(i32::MAX.cast_unsigned()));
        #[allow(clippy::disallowed_methods, reason = "a process that becomes a zombie")]
        let ended = std::process::Command::new("true").spawn();
        let mut ended = ended.expect("a process");
        let pidfd = process::open_pidfd(ended.id().cast_signed()).expect("a pidfd");
        let fds = [std::os::fd::AsFd::as_fd(&pidfd)];
        process::poll_readable(&fds, None).expect("its end");
        assert!(!is_alive(ended.id()), "a zombie");
        ended.wait().expect("its end");
    }

    #[test]
    fn memory_without_a_file_is_told_from_files() {
        let lines = [
            "7f0000000000-7f0000100000 rw-s 00000000 00:01 77 /dev/zero (deleted)",
            "7f0000100000-7f0000180000 r--s 00100000 00:01 77 /dev/zero (deleted)",
            "7f0000200000-7f0000300000 rw-s 00000000 00:01 9 /memfd:a b (deleted)",
            "7f0000200000-7f0000300000 rw-p 00000000 00:01 9 /memfd:x (deleted)",
            "7f0000400000-7f0000500000 rw-s 00000000 fe:00 12 /tmp/file",
            "7f0000400000-7f0000500000 rw-p 00000000 00:00 0",
            "cut",
        ];
        let said: Vec<_> = lines.iter().filter_map(|line| shared_mapping(line)).collect();
        let own = |inode: &str, end| (format!("00:01 {inode}"), end);
        assert_eq!(said, [own("77", 1 << 20), own("77", 0x18_0000), own("9", 1 << 20)]);
    }
}
