//! One run's group: its limits, its members, its counters, its end.

use super::layout::Hierarchy;
use super::{Controller, Layout, Version};
use crate::look;
use crate::profile::Limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The time in which a share of the processor is given out. The kernel's default: shorter periods
/// cost more accounting, longer ones make a throttled program stutter.
const CPU_PERIOD_US: u64 = 100_000;

/// How long to keep trying to remove a group whose last members the kernel still buries.
const REMOVAL: Duration = Duration::from_secs(2);

/// How long the kernel may take to stop every process: six milliseconds were measured on a loaded
/// machine; a process in uninterruptible sleep can take as long as its disk.
const FREEZING: Duration = Duration::from_secs(5);

/// A run's group in every hierarchy that is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    parts: Vec<Part>,
}

/// The group in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    version: Version,
    controllers: BTreeSet<Controller>,
    path: String,
}

/// What the kernel counted for a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Processes the kernel killed because the memory limit was reached.
    pub oom_kills: Option<u64>,
    /// Times a process could not be created because of the limit.
    pub pids_refused: Option<u64>,
    /// Processor time used, in microseconds.
    pub cpu_us: Option<u64>,
    /// Time processes waited because the run's share was used up, in microseconds.
    pub throttled_us: Option<u64>,
    /// Reads that the disks served, of those whose reads are limited.
    pub disk_reads: Option<u64>,
    /// Memory now, in bytes, with its share of the page cache.
    pub memory: Option<u64>,
    /// Most memory at any time, in bytes.
    pub max_memory: Option<u64>,
}

impl Group {
    /// Creates the group with all limits but the processor's, which would slow the building of
    /// the walls. `disks`: device numbers whose reads are limited.
    pub fn create(
        layout: &Layout,
        instance: &str,
        run: &str,
        limits: &Limits,
        disks: &[String],
    ) -> io::Result<Self> {
        let mut group = Self::default();
        for (hierarchy, path) in layout.places(instance, run) {
            let made = Part::make(hierarchy, &path)
                .inspect(|part| group.parts.push(part.clone()))
                .and_then(|part| part.limit(limits, disks));
            if let Err(error) = made {
                group.remove()?;
                return Err(error);
            }
        }
        Ok(group)
    }

    /// Limits processor time, in percent of one core.
    pub fn limit_cpu(&self, percent: u32) -> io::Result<()> {
        let quota = CPU_PERIOD_US * u64::from(percent) / 100;
        let Some(part) = self.part(Controller::Cpu) else { return Ok(()) };
        match part.version {
            Version::One => {
                part.write("cpu.cfs_period_us", &CPU_PERIOD_US.to_string())?;
                part.write("cpu.cfs_quota_us", &quota.to_string())
            }
            Version::Two => part.write("cpu.max", &format!("{quota} {CPU_PERIOD_US}")),
        }
    }

    /// Stops every process; returns when the kernel says that all are. `None`: no group can.
    pub fn freeze(&self) -> Option<io::Result<()>> {
        let (part, file, word) = self.freezer()?;
        let frozen = || match part.version {
            Version::One => part.read(file).is_some_and(|s| s.trim() == "FROZEN"),
            Version::Two => part.keyed("cgroup.events", "frozen") == Some(1),
        };
        Some(part.write(file, word.0).and_then(|()| {
            let is_frozen = look::until(Instant::now() + FREEZING, frozen);
            if is_frozen { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
        }))
    }

    /// Lets every process run again. `None`: no group can.
    pub fn thaw(&self) -> Option<io::Result<()>> {
        let (part, file, word) = self.freezer()?;
        Some(part.write(file, word.1))
    }

    fn freezer(&self) -> Option<(&Part, &'static str, (&'static str, &'static str))> {
        let v2 = || self.parts.iter().find(|p| p.version == Version::Two);
        match self.part(Controller::Freezer) {
            Some(part) => Some((part, "freezer.state", ("FROZEN", "THAWED"))),
            None => v2().map(|part| (part, "cgroup.freeze", ("1", "0"))),
        }
    }

    /// Kills every process by the group, where the kernel can (version 2).
    pub fn kill(&self) {
        for part in self.parts.iter().filter(|p| p.version == Version::Two) {
            // Old kernels have no such file; the first process's death takes the rest there.
            let _ = part.write("cgroup.kill", "1");
        }
    }

    /// Whether no process is left in it; a group that is removed is empty.
    pub fn is_empty(&self) -> bool {
        self.parts
            .iter()
            .all(|p| p.read("cgroup.procs").is_none_or(|members| members.trim().is_empty()))
    }

    /// What the kernel counted so far.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        if let Some(part) = self.part(Controller::Memory) {
            part.count_memory(&mut counters);
        }
        if let Some(part) = self.part(Controller::Pids) {
            counters.pids_refused = part.keyed("pids.events", "max");
        }
        if let Some(part) = self.part(Controller::Cpu) {
            match part.version {
                Version::One => {
                    let throttled_ns = part.keyed("cpu.stat", "throttled_time");
                    counters.throttled_us = throttled_ns.map(|ns| ns / 1000);
                }
                Version::Two => {
                    counters.throttled_us = part.keyed("cpu.stat", "throttled_usec");
                    counters.cpu_us = part.keyed("cpu.stat", "usage_usec");
                }
            }
        }
        if let Some(part) = self.part(Controller::Io) {
            counters.disk_reads = part.served_reads();
        }
        if let Some(part) = self.part(Controller::Cpuacct) {
            counters.cpu_us = part.number("cpuacct.usage").map(|ns| ns / 1000);
        }
        counters
    }

    /// Removes the empty group. The kernel needs a moment after the last process.
    pub fn remove(&self) -> io::Result<()> {
        for part in &self.parts {
            let mut outcome = Ok(());
            look::until(Instant::now() + REMOVAL, || {
                outcome = match std::fs::remove_dir(&part.path) {
                    Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                    other => other,
                };
                outcome.is_ok()
            });
            outcome.map_err(|error| at(&part.path, error))?;
        }
        Ok(())
    }

    fn part(&self, controller: Controller) -> Option<&Part> {
        self.parts.iter().find(|p| p.controllers.contains(&controller))
    }
}

impl Part {
    /// Creates the folder; one that exists belongs to another run of the same name.
    fn make(hierarchy: &Hierarchy, path: &Path) -> io::Result<Self> {
        let text = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        std::fs::create_dir_all(path.parent().unwrap_or(path))
            .and_then(|()| hierarchy.hand_down(path))
            .and_then(|()| std::fs::create_dir(path))
            .map_err(|error| at(&text, error))?;
        let (version, controllers) = (hierarchy.version, hierarchy.controllers.clone());
        Ok(Self { version, controllers, path: text })
    }

    fn limit(&self, limits: &Limits, disks: &[String]) -> io::Result<()> {
        for controller in &self.controllers {
            match controller {
                Controller::Memory => self.limit_memory(limits.memory_bytes)?,
                Controller::Pids => self.write("pids.max", &limits.pids.to_string())?,
                Controller::Io => self.limit_reads(limits.reads_per_second, disks)?,
                Controller::Cpu | Controller::Cpuacct | Controller::Freezer => {}
            }
        }
        Ok(())
    }

    fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        let bytes = bytes.to_string();
        match self.version {
            Version::One => {
                self.write("memory.limit_in_bytes", &bytes)?;
                // Swap accounting can be switched off at boot; then there is no such file.
                self.write_if_there("memory.memsw.limit_in_bytes", &bytes)?;
                self.write_if_there("memory.swappiness", "0")
            }
            Version::Two => {
                self.write("memory.max", &bytes)?;
                self.write_if_there("memory.swap.max", "0")?;
                // The run dies as a whole: what is left of it would only fail later.
                self.write_if_there("memory.oom.group", "1")
            }
        }
    }

    fn limit_reads(&self, reads: Option<u32>, disks: &[String]) -> io::Result<()> {
        let Some(reads) = reads else { return Ok(()) };
        disks.iter().try_for_each(|disk| match self.version {
            Version::One => {
                self.write("blkio.throttle.read_iops_device", &format!("{disk} {reads}"))
            }
            Version::Two => self.write("io.max", &format!("{disk} riops={reads}")),
        })
    }

    fn count_memory(&self, counters: &mut Counters) {
        match self.version {
            Version::One => {
                counters.oom_kills = self.keyed("memory.oom_control", "oom_kill");
                counters.memory = self.number("memory.usage_in_bytes");
                counters.max_memory = self.number("memory.max_usage_in_bytes");
            }
            Version::Two => {
                counters.oom_kills = self.keyed("memory.events", "oom_kill");
                counters.memory = self.number("memory.current");
                counters.max_memory = self.number("memory.peak");
            }
        }
    }

    /// Version 1 has a line a disk and kind of operation (`8:0 Read 5`), version 2 a line a disk
    /// (`8:0 rbytes=4096 wbytes=0 rios=1 …`).
    fn served_reads(&self) -> Option<u64> {
        let reads = |line: &str| -> Option<u64> {
            let mut words = line.split(' ').skip(1);
            match self.version {
                Version::One if words.next() != Some("Read") => None,
                Version::One => words.next()?.parse().ok(),
                Version::Two => words.find_map(|w| w.strip_prefix("rios="))?.parse().ok(),
            }
        };
        let file = match self.version {
            Version::One => "blkio.throttle.io_serviced",
            Version::Two => "io.stat",
        };
        Some(self.read(file)?.lines().filter_map(reads).sum())
    }

    fn write(&self, file: &str, value: &str) -> io::Result<()> {
        let path = Path::new(&self.path).join(file);
        // Opened, never created: a plain folder in the kernel's place is an error.
        let mut open = std::fs::OpenOptions::new();
        open.write(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut f| io::Write::write_all(&mut f, value.as_bytes()))
            .map_err(|error| at(&path.to_string_lossy(), error))
    }

    fn write_if_there(&self, file: &str, value: &str) -> io::Result<()> {
        match self.write(file, value) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(Path::new(&self.path).join(file)).ok()
    }

    fn number(&self, file: &str) -> Option<u64> {
        self.read(file)?.trim().parse().ok()
    }

    /// A value of a file of `key value` lines.
    fn keyed(&self, file: &str, key: &str) -> Option<u64> {
        self.read(file)?.lines().find_map(|line| {
            let (name, value) = line.split_once(' ')?;
            (name == key).then(|| value.trim().parse().ok())?
        })
    }
}

fn at(path: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// A folder with the files a kernel would show, and what they hold after the limits are set.
    fn check(version: Version, controllers: &[Controller], files: &[(&str, &str)], expect: Expect) {
        let dir = tempfile::tempdir().expect("folder");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("file");
        }
        let part = Part {
            version,
            controllers: controllers.iter().copied().collect(),
            path: dir.path().to_str().expect("UTF-8").to_owned(),
        };
        let disks = ["254:0".to_owned()];
        let limited = part.limit(&Limits::default(), &disks);
        let group = Group { parts: vec![part] };
        let limited = limited.and_then(|()| group.limit_cpu(10));
        let outcome =
            limited.map_err(|e| e.to_string().replace(&dir.path().display().to_string(), "GROUP"));
        let mut text = format!("{outcome:?}\n{:?}\n", group.counters());
        for (name, before) in files {
            let after = std::fs::read_to_string(dir.path().join(name)).expect("file");
            if after != *before {
                text += &format!("{name} <- {after}\n");
            }
        }
        expect.assert_eq(&text);
    }

    const V2: &[(&str, &str)] = &[
        ("cpu.max", "max 100000\n"),
        ("cpu.stat", "usage_usec 1234\nuser_usec 1000\nnr_throttled 2\nthrottled_usec 99\n"),
        ("memory.max", "max\n"),
        ("memory.swap.max", "max\n"),
        ("memory.oom.group", "0\n"),
        ("memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n"),
        ("memory.current", "4096\n"),
        ("memory.peak", "536870912\n"),
        ("pids.max", "max\n"),
        ("pids.events", "max 3\n"),
        ("io.max", ""),
        ("io.stat", "254:0 rbytes=8192 wbytes=0 rios=2 wios=0\n254:16 rbytes=4096 rios=1\n"),
    ];

    #[test]
    fn version_two_limits_and_counters() {
        use Controller::{Cpu, Io, Memory, Pids};
        check(
            Version::Two,
            &[Cpu, Memory, Pids, Io],
            V2,
            expect![[r#"
                Ok(())
                Counters { oom_kills: Some(1), pids_refused: Some(3), cpu_us: Some(1234), throttled_us: Some(99), disk_reads: Some(3), memory: Some(4096), max_memory: Some(536870912) }
                cpu.max <- 10000 100000
                memory.max <- 536870912
                memory.swap.max <- 0
                memory.oom.group <- 1
                pids.max <- 128
                io.max <- 254:0 riops=100
            "#]],
        );
    }

    #[test]
    fn version_two_without_swap_and_peak() {
        let old: Vec<(&str, &str)> = V2
            .iter()
            .filter(|(name, _)| {
                !["memory.swap.max", "memory.peak", "memory.oom.group"].contains(name)
            })
            .copied()
            .collect();
        check(
            Version::Two,
            &[Controller::Memory],
            &old,
            expect![[r#"
                Ok(())
                Counters { oom_kills: Some(1), pids_refused: None, cpu_us: None, throttled_us: None, disk_reads: None, memory: Some(4096), max_memory: None }
                memory.max <- 536870912
            "#]],
        );
    }

    #[test]
    fn version_one_limits_and_counters() {
        use Controller::{Cpu, Cpuacct, Io, Memory, Pids};
        check(
            Version::One,
            &[Cpu, Cpuacct, Memory, Pids, Io],
            &[
                ("cpu.cfs_period_us", "100000\n"),
                ("cpu.cfs_quota_us", "-1\n"),
                ("cpu.stat", "nr_periods 42\nnr_throttled 41\nthrottled_time 3640000000\n"),
                ("cpuacct.usage", "410000000\n"),
                ("memory.limit_in_bytes", "9223372036854771712\n"),
                ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
                ("memory.usage_in_bytes", "8192\n"),
                ("memory.max_usage_in_bytes", "67108864\n"),
                ("pids.max", "max\n"),
                ("pids.events", "max 1\n"),
                ("blkio.throttle.read_iops_device", ""),
            ],
            expect![[r#"
                Ok(())
                Counters { oom_kills: Some(1), pids_refused: Some(1), cpu_us: Some(410000), throttled_us: Some(3640000), disk_reads: None, memory: Some(8192), max_memory: Some(67108864) }
                cpu.cfs_period_us <- 100000
                cpu.cfs_quota_us <- 10000
                memory.limit_in_bytes <- 536870912
                pids.max <- 128
                blkio.throttle.read_iops_device <- 254:0 100
            "#]],
        );
    }

    #[test]
    fn a_missing_limit_file_is_an_error_that_names_it() {
        check(
            Version::Two,
            &[Controller::Pids],
            &[],
            expect![[r#"
                Err("GROUP/pids.max: No such file or directory (os error 2)")
                Counters { oom_kills: None, pids_refused: None, cpu_us: None, throttled_us: None, disk_reads: None, memory: None, max_memory: None }
            "#]],
        );
    }
}
