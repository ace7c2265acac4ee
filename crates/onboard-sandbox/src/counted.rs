//! Limits that a run reached, from what the kernel and the launcher counted.

use crate::cgroup::Counters;
use crate::profile::Limits;
use crate::running::{Ended, Outcome};
use crate::sys::files;
use onboard_domain::violation::{Action, Rule, Sensor, Violation};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Waiting for its processor share is worth a record from here on: the start of any program takes
/// less, of an interpreter with many modules a little more.
const LONG_WAIT_US: u64 = 1_000_000;

/// Reads are compared with their limit over at least this time: the kernel gives them out in
/// slices of a tenth of a second.
const READING_TIME: Duration = Duration::from_millis(500);

/// Files looked at below `/tmp` when the run is over: a look of some milliseconds.
const MAX_FILES: usize = 4096;

/// What the launcher counted of a run, where no control group does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watched {
    /// Time for which it was stopped because its processor share was used up, in microseconds.
    pub(crate) paused_us: u64,
    /// Most processes and threads at any look.
    pub(crate) max_tasks: u64,
}

/// One run's limits, and what of its counters was told already.
#[derive(Debug)]
pub(crate) struct Counted {
    limits: Limits,
    /// Whether the limit of processes is one whose refusals nobody counts.
    pids_uncounted: bool,
    /// Whether the run is.
    is_over: bool,
    /// The run's `/tmp`, until then.
    tmp: Option<OwnedFd>,
    oom_kills: u64,
    pids_refused: u64,
    tmp_full: [bool; 2],
    reads: Reads,
}

/// Reads of the disks, compared with their limit.
#[derive(Debug)]
struct Reads {
    since: Instant,
    count: u64,
}

impl Counted {
    pub(crate) fn new(limits: Limits, pids_uncounted: bool, tmp: Option<OwnedFd>) -> Counted {
        let reads = Reads { since: Instant::now(), count: 0 };
        Counted {
            limits,
            pids_uncounted,
            is_over: false,
            tmp,
            oom_kills: 0,
            pids_refused: 0,
            tmp_full: [false; 2],
            reads,
        }
    }

    /// What came to pass since the last look, while the run goes on or after it.
    pub(crate) fn look(
        &mut self,
        counters: impl FnOnce() -> Counters,
        now: Instant,
    ) -> Vec<Violation> {
        // Then they are gone, and what they said was told.
        if self.is_over {
            return Vec::new();
        }
        let counters = counters();
        let room = self.tmp.as_ref().and_then(|tmp| files::room(tmp.as_fd()).ok());
        let told = [
            self.out_of_memory(&counters),
            self.too_many_processes(&counters),
            self.reading(&counters, now),
        ];
        told.into_iter().flatten().chain(self.no_room(room)).collect()
    }

    fn out_of_memory(&mut self, counters: &Counters) -> Option<Violation> {
        let kills = moved(&mut self.oom_kills, counters.oom_kills)?;
        let target = format!("limit {} bytes", self.limits.memory_bytes);
        Some(
            limit(Sensor::Group, Rule::OutOfMemory, "memory", &target, Action::Killed).times(kills),
        )
    }

    fn too_many_processes(&mut self, counters: &Counters) -> Option<Violation> {
        let refused = moved(&mut self.pids_refused, counters.pids_refused)?;
        let (rule, target) = (Rule::TooManyProcesses, format!("limit {}", self.limits.pids));
        Some(limit(Sensor::Group, rule, "new process", &target, Action::Denied).times(refused))
    }

    /// Seen in a look at the tree: whether one more was tried, and refused, nobody counts.
    fn at_most_processes(&self) -> Violation {
        let (rule, target) = (Rule::TooManyProcesses, format!("limit {}", self.limits.pids));
        limit(Sensor::Launcher, rule, "all processes in use", &target, Action::Noted).hint()
    }

    /// The kernel does not count what it holds back; who reads as fast as the limit is held back.
    fn reading(&mut self, counters: &Counters, now: Instant) -> Option<Violation> {
        let (allowed, count) = (self.limits.reads_per_second?, counters.disk_reads?);
        let time = now.saturating_duration_since(self.reads.since);
        if time < READING_TIME {
            return None;
        }
        let read = count.saturating_sub(self.reads.count);
        self.reads = Reads { since: now, count };
        // A slice's worth less: the look comes at any point of it.
        let whole = time.as_millis().saturating_sub(100) * u128::from(allowed) / 1000;
        let is_held = u128::from(read) >= whole;
        let target = format!("limit {allowed} a second");
        is_held.then(|| {
            limit(Sensor::Group, Rule::IoThrottled, "disk reads", &target, Action::Throttled)
        })
    }

    /// Bytes and files that `/tmp` has room for; told once each time one of them is used up.
    fn no_room(&mut self, room: Option<[u64; 2]>) -> Vec<Violation> {
        let full = room.map_or([false; 2], |room| room.map(|left| left == 0));
        let before = std::mem::replace(&mut self.tmp_full, full);
        let bytes = self.limits.tmp_bytes;
        let targets = [format!("limit {bytes} bytes"), "limit of files".to_owned()];
        let new =
            targets.iter().zip(full).zip(before).filter(|((_, full), before)| *full && !before);
        let told = |((target, _), _): ((&String, bool), bool)| {
            limit(Sensor::Launcher, Rule::StorageQuota, "/tmp", target, Action::Denied)
        };
        new.map(told).collect()
    }

    /// What is known only when the run is over. Lets go of its `/tmp`.
    pub(crate) fn end(&mut self, ended: &Ended, watched: Watched) -> Vec<Violation> {
        self.is_over = true;
        let mut told = Vec::new();
        let throttled = [
            (Sensor::Group, ended.throttled_us.unwrap_or(0)),
            (Sensor::Launcher, watched.paused_us),
        ];
        let percent = self.limits.cpu_percent;
        for (sensor, us) in throttled.into_iter().filter(|(_, us)| *us >= LONG_WAIT_US) {
            let target = format!("limit {percent} % of one core, waited {} ms", us / 1000);
            told.push(limit(sensor, Rule::CpuThrottled, "cpu", &target, Action::Throttled));
        }
        if ended.memory_limit_kill {
            let target = format!("limit {} bytes", self.limits.memory_bytes);
            let (sensor, rule) = (Sensor::Launcher, Rule::OutOfMemory);
            told.push(limit(sensor, rule, "memory", &target, Action::Killed));
        }
        if self.pids_uncounted && watched.max_tasks >= u64::from(self.limits.pids) {
            told.push(self.at_most_processes());
        }
        told.extend(self.too_large(ended));
        told
    }

    /// The signal that a write over the limit sends, and files of `/tmp` that end exactly there.
    fn too_large(&mut self, ended: &Ended) -> Vec<Violation> {
        let most = self.limits.file_bytes;
        let told = |what: &str, action| {
            limit(
                Sensor::Launcher,
                Rule::FileTooLarge,
                what,
                &format!("limit {most} bytes"),
                action,
            )
        };
        let killed = (ended.outcome == Outcome::Signal(libc::SIGXFSZ))
            .then(|| told("write", Action::Killed));
        let cut = self.tmp.take().map(|tmp| files_of(&tmp, most)).unwrap_or_default();
        let cut = cut.into_iter().map(|path| {
            let path = Path::new("/tmp").join(path);
            told("write", Action::Denied).resolved(path.as_os_str().as_encoded_bytes()).hint()
        });
        killed.into_iter().chain(cut).collect()
    }
}

/// How far a counter moved since it was told.
fn moved(told: &mut u64, counter: Option<u64>) -> Option<u64> {
    let counter = counter?;
    let by = counter.saturating_sub(*told);
    *told = counter.max(*told);
    (by > 0).then_some(by)
}

fn limit(sensor: Sensor, rule: Rule, what: &str, target: &str, action: Action) -> Violation {
    Violation::new(sensor, rule, what, target.as_bytes()).with(action)
}

/// Files of exactly `bytes` in a folder in which nobody lives any more, so that nothing changes
/// while it is walked; at most the first few thousand entries are looked at.
fn files_of(folder: &OwnedFd, bytes: u64) -> Vec<PathBuf> {
    let root = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    let (mut found, mut left) = (Vec::new(), MAX_FILES);
    let mut folders = vec![root.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let Some(rest) = left.checked_sub(1) else { return found };
            left = rest;
            // Of the entry itself: links are not followed.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() && metadata.len() == bytes && bytes > 0 {
                found.extend(entry.path().strip_prefix(&root).map(Path::to_owned));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const GOOD: Ended = Ended {
        outcome: Outcome::Code(0),
        oom: false,
        memory_limit_kill: false,
        pids_refused: None,
        cpu_us: 0,
        max_memory: 0,
        throttled_us: None,
    };

    fn text(violations: &[Violation]) -> String {
        let line = |v: &Violation| {
            format!("{} {}: {} {}, {} x{}\n", v.sensor, v.rule, v.what, v.target, v.action, v.count)
        };
        violations.iter().map(line).collect()
    }

    #[test]
    fn a_counter_is_told_when_it_moves() {
        let mut counted = Counted::new(Limits::default(), false, None);
        let start = counted.reads.since;
        let counters = |oom_kills, pids_refused| Counters {
            oom_kills: Some(oom_kills),
            pids_refused: Some(pids_refused),
            ..Counters::default()
        };
        let steps = [(0, 0), (0, 40), (0, 40), (1, 41), (1, 41)];
        let seen: String = steps
            .into_iter()
            .map(|(oom, pids)| format!("-\n{}", text(&counted.look(|| counters(oom, pids), start))))
            .collect();
        expect![[r#"
            -
            -
            group too_many_processes: new process limit 128, denied x40
            -
            -
            group out_of_memory: memory limit 536870912 bytes, killed x1
            group too_many_processes: new process limit 128, denied x1
            -
        "#]]
        .assert_eq(&seen);
    }

    #[test]
    fn reading_at_the_limit_is_told() {
        let mut counted = Counted::new(Limits::default(), false, None);
        let start = counted.reads.since;
        let looks = [(100, 5), (1000, 60), (2000, 160), (3000, 161), (3200, 1000), (4000, 1000)];
        let seen: String = looks
            .into_iter()
            .map(|(ms, reads)| {
                let counters = Counters { disk_reads: Some(reads), ..Counters::default() };
                let told = counted.look(|| counters, start + Duration::from_millis(ms));
                format!("{ms} ms, {reads} reads\n{}", text(&told))
            })
            .collect();
        expect![[r#"
            100 ms, 5 reads
            1000 ms, 60 reads
            2000 ms, 160 reads
            group io_throttled: disk reads limit 100 a second, throttled x1
            3000 ms, 161 reads
            3200 ms, 1000 reads
            4000 ms, 1000 reads
            group io_throttled: disk reads limit 100 a second, throttled x1
        "#]]
        .assert_eq(&seen);
    }

    fn check(ended: Ended, watched: Watched, expect: Expect) {
        let mut counted = Counted::new(Limits::default(), true, None);
        expect.assert_eq(&text(&counted.end(&ended, watched)));
    }

    #[test]
    fn the_end_says_what_was_reached() {
        check(GOOD, Watched { paused_us: 999_999, max_tasks: 127 }, expect![[""]]);
        check(
            GOOD,
            Watched { paused_us: 2_500_000, max_tasks: 128 },
            expect![[r#"
            launcher cpu_throttled: cpu limit 10 % of one core, waited 2500 ms, throttled x1
            launcher too_many_processes: all processes in use limit 128, noted x1
        "#]],
        );
        let throttled_us = Some(3_640_000);
        let outcome = Outcome::Signal(libc::SIGXFSZ);
        let bad = Ended { throttled_us, outcome, memory_limit_kill: true, ..GOOD };
        check(
            bad,
            Watched::default(),
            expect![[r#"
            group cpu_throttled: cpu limit 10 % of one core, waited 3640 ms, throttled x1
            launcher out_of_memory: memory limit 536870912 bytes, killed x1
            launcher file_too_large: write limit 10485760 bytes, killed x1
        "#]],
        );
        check(Ended { outcome: Outcome::Code(137), ..GOOD }, Watched::default(), expect![[""]]);
    }
}
