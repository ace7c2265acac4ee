//! What the machine and the crew did, in samples of five minutes and hours.

use std::collections::{BTreeMap, VecDeque};

use onboard_domain::Fingerprint;
use onboard_protocol::machine::{Machine, Stall, Stalls};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const HOUR_MS: i64 = 3_600_000;
/// Samples kept: twelve hours of one every five minutes.
const MOST_SAMPLES: usize = 144;
/// Two looks further apart say nothing about the time between them: the machine slept, or was off.
/// Closer ones do, whatever the schedule: an agent that runs hourly, or waits for its place on a busy
/// machine, is not blind.
pub const LONGEST_MS: i64 = 3 * HOUR_MS;
/// Shorter, it is too rough.
const SHORTEST_MS: i64 = 30_000;
/// Runs of each agent that are kept.
const MOST_RUNS: usize = 60;
/// Agents kept.
const MOST_AGENTS: usize = 64;

/// Shares in permille, of the time since the sample before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub at_ms: i64,
    /// How long it covers.
    pub ms: i64,
    /// Some task waited for it; `None` where the machine doesn't tell.
    pub cpu: Option<u32>,
    pub memory: Option<u32>,
    pub io: Option<u32>,
    /// Of the project's disk and of the memory.
    pub disk_free: Option<u32>,
    pub disk_free_mb: u64,
    pub memory_free: Option<u32>,
    /// Processor time of the crew's runs that ended in it.
    pub crew_cpu_ms: u64,
    pub cores: u32,
}

/// Microseconds waited in all, at the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Totals {
    at_ms: i64,
    cpu: Option<u64>,
    memory: Option<u64>,
    io: Option<u64>,
}

/// A run of the crew: how long it waited for its place, took, and computed, in milliseconds.
pub type CrewRun = (i64, i64, i64, u64);

/// A disk with less is full: permille, and megabytes.
pub const FULL: u32 = 50;
pub const FULL_MB: u64 = 10 * 1_024;

/// Looks that found the disk full, one after the other and each within [`LONGEST_MS`] of the one
/// before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Full {
    pub since_ms: i64,
    pub last_ms: i64,
    pub looks: u32,
    /// The longest time between two of them.
    pub gap_ms: i64,
    /// At the last look.
    pub free: u32,
    pub free_mb: u64,
}

/// What is kept between runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Samples {
    last: Totals,
    pub samples: VecDeque<Sample>,
    /// The moment that the newest run that was counted ended.
    counted_ms: i64,
    /// By agent: when it ended, its wait, its time, its processor time.
    pub crew: BTreeMap<String, VecDeque<CrewRun>>,
    /// Since when every look found the project's disk full.
    #[serde(default)]
    pub full: Option<Full>,
    /// Fingerprints of what was said and still holds.
    pub reported: BTreeSet<Fingerprint>,
}

impl Samples {
    /// Takes a look; says whether an hour is over since the one before.
    pub fn take(&mut self, machine: &Machine) -> bool {
        let total = |stalls: Option<Stalls>| stalls.map(|stalls| waited(stalls.some));
        let now = Totals {
            at_ms: machine.at_ms,
            cpu: total(machine.pressure.cpu),
            memory: total(machine.pressure.memory),
            io: total(machine.pressure.io),
        };
        let before = std::mem::replace(&mut self.last, now);
        let crew_cpu_ms = self.count_runs(machine);
        if let Some(disk) = machine.disk {
            self.full = full(self.full, machine.at_ms, disk);
        }
        let ms = now.at_ms - before.at_ms;
        if (SHORTEST_MS..=LONGEST_MS).contains(&ms) {
            // A machine that was started anew counts from nothing.
            let share = |from: Option<u64>, to: Option<u64>| {
                let us = to?.checked_sub(from?)?;
                u32::try_from(us / u64::try_from(ms).unwrap_or(u64::MAX)).ok().map(|p| p.min(1_000))
            };
            self.samples.push_back(Sample {
                at_ms: now.at_ms,
                ms,
                cpu: share(before.cpu, now.cpu),
                memory: share(before.memory, now.memory),
                io: share(before.io, now.io),
                disk_free: machine.disk.map(free),
                disk_free_mb: machine.disk.map_or(0, |disk| disk.available_bytes >> 20),
                memory_free: machine.memory.map(free),
                crew_cpu_ms,
                cores: machine.cores,
            });
        }
        let surplus = self.samples.len().saturating_sub(MOST_SAMPLES);
        self.samples.drain(..surplus);
        now.at_ms.div_euclid(HOUR_MS) != before.at_ms.div_euclid(HOUR_MS)
    }

    /// Runs that ended since the last look; their processor time.
    fn count_runs(&mut self, machine: &Machine) -> u64 {
        let mut cpu_ms = 0;
        let counted_ms = self.counted_ms;
        for run in machine.runs.iter().filter(|run| run.ended_ms > counted_ms) {
            self.counted_ms = self.counted_ms.max(run.ended_ms);
            cpu_ms += run.cpu_ms;
            let Some(started_ms) = run.started_ms else { continue };
            if self.crew.len() == MOST_AGENTS && !self.crew.contains_key(&run.agent) {
                continue;
            }
            let runs = self.crew.entry(run.agent.clone()).or_default();
            let (waited, took) = (started_ms - run.queued_ms, run.ended_ms - started_ms);
            runs.push_back((run.ended_ms, waited.max(0), took.max(0), run.cpu_ms));
            if runs.len() > MOST_RUNS {
                runs.pop_front();
            }
        }
        cpu_ms
    }

    /// When the newest sample ends.
    pub fn newest_ms(&self) -> Option<i64> {
        self.samples.back().map(|sample| sample.at_ms)
    }

    /// When the last look was.
    pub fn looked_ms(&self) -> i64 {
        self.last.at_ms
    }

    /// The samples of so many milliseconds until the newest; `None` where some of it is missing.
    pub fn last(&self, wanted_ms: i64) -> Option<Vec<Sample>> {
        let newest = self.newest_ms()?;
        let found = self.between(newest - wanted_ms, newest);
        let covered: i64 = found.iter().map(|sample| sample.ms).sum();
        // A tenth may be missing: a run that was late, a machine that was busy.
        (covered * 10 >= wanted_ms * 9).then_some(found)
    }

    /// What samples say of this time: of one that reaches out of it, the part that is in it. How what
    /// it counted was spread is not known; it is taken to be even.
    pub fn between(&self, from_ms: i64, to_ms: i64) -> Vec<Sample> {
        let part = |sample: &Sample| {
            let begin = from_ms.max(sample.at_ms - sample.ms);
            let end = to_ms.min(sample.at_ms);
            let ms = end - begin;
            let of_it = |whole: u64| {
                let part = u64::try_from(ms).ok()? * whole;
                Some(part / u64::try_from(sample.ms).ok()?.max(1))
            };
            (ms > 0).then(|| Sample {
                at_ms: end,
                ms,
                crew_cpu_ms: of_it(sample.crew_cpu_ms).unwrap_or(0),
                ..*sample
            })
        };
        self.samples.iter().filter_map(part).collect()
    }
}

/// What is known of a full disk after one more look.
fn full(before: Option<Full>, at_ms: i64, disk: onboard_protocol::machine::Space) -> Option<Full> {
    let (free, free_mb) = (free(disk), disk.available_bytes >> 20);
    if free >= FULL || free_mb >= FULL_MB {
        return None;
    }
    let now = Full { since_ms: at_ms, last_ms: at_ms, looks: 1, gap_ms: 0, free, free_mb };
    let before = before.filter(|before| (0..=LONGEST_MS).contains(&(at_ms - before.last_ms)));
    Some(before.map_or(now, |before| Full {
        since_ms: before.since_ms,
        looks: before.looks.saturating_add(1),
        gap_ms: before.gap_ms.max(at_ms - before.last_ms),
        ..now
    }))
}

fn waited(stall: Stall) -> u64 {
    stall.total_us
}

fn free(space: onboard_protocol::machine::Space) -> u32 {
    let share = space.available_bytes.saturating_mul(1_000) / space.total_bytes.max(1);
    u32::try_from(share).unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use onboard_protocol::machine::Space;

    const GIB: u64 = 1 << 30;

    /// Looks as `minute: gigabytes free of a hundred`, and what is known after each.
    fn check_disk(looks: &[(i64, u64)], expected: Expect) {
        let mut known = None;
        let lines: Vec<String> = looks
            .iter()
            .map(|(minute, free)| {
                let disk = Space { total_bytes: 100 * GIB, available_bytes: free * GIB };
                known = full(known, minute * 60_000, disk);
                known.map_or("not full".to_owned(), |full: Full| {
                    let minutes = |ms: i64| ms / 60_000;
                    format!(
                        "{} looks in {} minutes, {} apart at most",
                        full.looks,
                        minutes(full.last_ms - full.since_ms),
                        minutes(full.gap_ms)
                    )
                })
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_full_disk_is_known_by_looks_that_are_not_too_far_apart() {
        check_disk(
            &[(0, 2), (60, 3), (65, 2), (70, 20), (75, 2), (255, 2), (436, 2)],
            expect![[r#"
                1 looks in 0 minutes, 0 apart at most
                2 looks in 60 minutes, 60 apart at most
                3 looks in 65 minutes, 60 apart at most
                not full
                1 looks in 0 minutes, 0 apart at most
                2 looks in 180 minutes, 180 apart at most
                1 looks in 0 minutes, 0 apart at most"#]],
        );
    }

    #[test]
    fn a_sample_is_spread_over_the_time_that_it_covers() {
        let sample = |at_ms, ms, cpu| Sample {
            at_ms,
            ms,
            cpu: Some(cpu),
            crew_cpu_ms: 900,
            ..Sample::default()
        };
        let samples = Samples {
            samples: [sample(9_000, 9_000, 300), sample(12_000, 3_000, 100)].into(),
            ..Samples::default()
        };
        let words = |from, to| -> Vec<(i64, i64, Option<u32>, u64)> {
            let part = |one: &Sample| (one.at_ms, one.ms, one.cpu, one.crew_cpu_ms);
            samples.between(from, to).iter().map(part).collect()
        };
        assert_eq!(
            words(6_000, 10_000),
            [(9_000, 3_000, Some(300), 300), (10_000, 1_000, Some(100), 300)]
        );
        assert_eq!(words(12_000, 20_000), []);
        assert!(samples.last(12_000).is_some() && samples.last(14_000).is_none());
    }
}
