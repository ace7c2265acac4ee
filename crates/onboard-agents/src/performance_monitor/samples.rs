//! What the machine and the crew did, in samples of five minutes and hours.

use std::collections::{BTreeMap, VecDeque};

use onboard_domain::Fingerprint;
use onboard_protocol::machine::{Machine, Stall, Stalls};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const HOUR_MS: i64 = 3_600_000;
/// Samples kept: twelve hours of one every five minutes.
const MOST_SAMPLES: usize = 144;
/// A sample of a longer time is of a machine that slept, or of runs that were missed.
const LONGEST_MS: i64 = 30 * 60_000;
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

/// What is kept between runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Samples {
    last: Totals,
    pub samples: VecDeque<Sample>,
    /// The moment that the newest run that was counted ended.
    counted_ms: i64,
    /// By agent: when it ended, its wait, its time, its processor time.
    pub crew: BTreeMap<String, VecDeque<CrewRun>>,
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

    /// The samples of so many milliseconds until the newest; `None` where some of it is missing.
    pub fn last(&self, wanted_ms: i64) -> Option<Vec<Sample>> {
        let newest = self.samples.back()?.at_ms;
        let is_in = |sample: &&Sample| newest - sample.at_ms < wanted_ms;
        let found: Vec<Sample> = self.samples.iter().filter(is_in).copied().collect();
        let covered: i64 = found.iter().map(|sample| sample.ms).sum();
        // A tenth may be missing: a run that was late, a machine that was busy.
        (covered * 10 >= wanted_ms * 9).then_some(found)
    }
}

fn waited(stall: Stall) -> u64 {
    stall.total_us
}

fn free(space: onboard_protocol::machine::Space) -> u32 {
    let share = space.available_bytes.saturating_mul(1_000) / space.total_bytes.max(1);
    u32::try_from(share).unwrap_or(1_000)
}
