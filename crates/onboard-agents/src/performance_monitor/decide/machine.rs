//! What the machine is short of, and since when.

use std::collections::BTreeSet;

use onboard_domain::Fingerprint;

use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::performance_monitor::samples::{FULL, FULL_MB, Full, LONGEST_MS, Sample, Samples};
use crate::telling::Holds;

/// `performance/bottleneck`
pub const BOTTLENECK: Rule = Rule {
    id: "performance/bottleneck",
    says: "what tasks wait for on this machine, for hours: the processor, memory or the disk.",
    why: "People wait with them, and what is short decides what helps.",
    when: &[
        Bound::at(
            "in each of the last {} hours",
            SHORT_HOURS as f64,
            "judgement: one hour is a build",
        ),
        Bound::at(
            "some task waited {} % of the time for the processor",
            CPU as f64 / 10.0,
            "Linux's pressure stall information; judgement: people feel it",
        ),
        Bound::at(
            "or {} % for memory",
            MEMORY as f64 / 10.0,
            "as above; waiting for memory is the worst of the three",
        ),
        Bound::at("or {} % for the disk", IO as f64 / 10.0, "as above"),
        Bound::at(
            "seen by looks that are at most {} hours apart",
            (LONGEST_MS / HOUR_MS) as f64,
            "judgement: what is further apart says nothing of the time between",
        ),
    ],
    silence: "it ends with the first hour in which tasks wait less.",
};

/// `performance/disk-full`
pub const DISK_FULL: Rule = Rule {
    id: "performance/disk-full",
    says: "how much the project's disk has left.",
    why: "Builds fail half-way on a full disk, and what they leave is damaged.",
    when: &[
        Bound::at("less than {} % is free", FULL as f64 / 10.0, "judgement"),
        Bound::at("and less than {} MB", FULL_MB as f64, "judgement: a build of a large project"),
        Bound::at(
            "at two looks or more, the first and the last {} minutes apart",
            (FULL_MS / MINUTE_MS) as f64,
            "judgement: a build's own files come and go",
        ),
        Bound::at(
            "and none more than {} hours after the one before",
            (LONGEST_MS / HOUR_MS) as f64,
            "judgement: what is further apart says nothing of the time between",
        ),
    ],
    silence: "free more of it.",
};

const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How long the machine has to be short of something,
pub const SHORT_HOURS: i64 = 3;
/// and how much: permille of the time in which some task waited, in every hour.
const CPU: u32 = 200;
const MEMORY: u32 = 100;
const IO: u32 = 200;
/// More is worse than a remark.
const GRAVE: u32 = 500;
/// How long a disk has to be full.
const FULL_MS: i64 = HOUR_MS;
/// Looks closer than this tell each hour by itself.
const CLOSE_MS: i64 = 30 * MINUTE_MS;
/// What was said of a machine that nobody looked at for longer is over: nothing is known of it.
const UNSEEN_MS: i64 = 24 * HOUR_MS;

/// Its name, in words, how long tasks waited for it, and how much is much.
pub type Resource = (&'static str, &'static str, fn(&Sample) -> Option<u32>, u32);

pub const RESOURCES: [Resource; 3] = [
    ("cpu", "the processor", |sample| sample.cpu, CPU),
    ("memory", "memory", |sample| sample.memory, MEMORY),
    ("io", "the disk", |sample| sample.io, IO),
];

/// What is worth saying of the machine, and what of it still stands where it was said.
pub fn findings(samples: &Samples, reported: &BTreeSet<Fingerprint>) -> Holds {
    let mut holds = Holds::default();
    if let Some(full) = &samples.full {
        let is_sure = full.looks >= 2 && full.last_ms - full.since_ms >= FULL_MS;
        let list = if is_sure { &mut holds.findings } else { &mut holds.standing };
        list.push(disk_full(full));
    }
    holds.findings.extend(bottleneck(samples));
    let is_known = |finding: &Finding| reported.contains(&finding.fingerprint);
    holds.standing.extend(still_short(samples).into_iter().filter(is_known));
    holds
}

fn disk_full(full: &Full) -> Finding {
    let percent = f64::from(full.free) / 10.0;
    let gigabytes = full.free_mb as f64 / 1_024.0;
    Finding::new(
        DISK_FULL.id,
        if percent < 1.0 { Severity::High } else { Severity::Medium },
        "disk",
        format!("The project's disk has {gigabytes:.1} GB left ({percent:.1} %)"),
        format!(
            "Seen at each of {} looks in {}, {} apart at most. Builds fail half-way on a full disk, \
             and what they leave is damaged.",
            full.looks,
            duration(full.last_ms - full.since_ms),
            duration(full.gap_ms)
        ),
        "Delete what can be made anew, such as build folders and caches.",
        vec![
            Evidence::number(full.free_mb as f64, "megabytes that are free"),
            Evidence::number(percent, "percent of the disk"),
        ],
    )
}

/// The resource that tasks waited for most, where that is much and lasts.
fn bottleneck(samples: &Samples) -> Option<Finding> {
    let window = samples.last(SHORT_HOURS * HOUR_MS)?;
    let newest = samples.newest_ms()?;
    let hours: Vec<Vec<Sample>> = (0..SHORT_HOURS)
        .map(|ago| samples.between(newest - (ago + 1) * HOUR_MS, newest - ago * HOUR_MS))
        .collect();
    let short = RESOURCES.iter().filter_map(|resource| {
        let (_, _, of, least) = resource;
        let lasts = hours.iter().all(|hour| share(hour, *of).is_some_and(|share| share >= *least));
        Some((resource, share(&window, *of)?)).filter(|_| lasts)
    });
    let (resource, stalled) =
        short.max_by_key(|((_, _, _, least), share)| share * 1_000 / least)?;
    Some(waits(resource, stalled, &window))
}

fn waits((name, words, ..): &Resource, stalled: u32, window: &[Sample]) -> Finding {
    let wall_ms: i64 = window.iter().map(|sample| sample.ms * i64::from(sample.cores.max(1))).sum();
    let crew_ms: u64 = window.iter().map(|sample| sample.crew_cpu_ms).sum();
    let crew = crew_ms as f64 * 100.0 / wall_ms.max(1) as f64;
    let percent = |share: u32| f64::from(share) / 10.0;
    let mut evidence: Vec<Evidence> = RESOURCES
        .iter()
        .filter_map(|(_, words, of, _)| {
            let text = format!("percent of the time some task waited for {words}");
            Some(Evidence::number(percent(share(window, *of)?), text))
        })
        .collect();
    evidence.push(Evidence::number(
        (crew * 10.0).round() / 10.0,
        "percent of the processor that this project's agents used",
    ));
    let gap = window.iter().map(|sample| sample.ms).max().unwrap_or(0);
    let is_close = gap <= CLOSE_MS;
    let seen = if is_close {
        format!(
            "In each of the three hours. The agents of this project used {crew:.1} % of the \
             processor in that time."
        )
    } else {
        // A host tells the newest runs of each agent: after a long time it may be without some.
        format!(
            "From {} looks, {} apart at most: how it was spread between them is not known. The \
             agents of this project used {crew:.1} % of the processor in that time, at least.",
            window.len(),
            duration(gap)
        )
    };
    let three_hours = if is_close { "For three hours" } else { "Over three hours" };
    Finding::new(
        BOTTLENECK.id,
        graded(stalled),
        name,
        format!(
            "{three_hours} tasks have waited for {words} {:.0} % of the time",
            percent(stalled)
        ),
        seen,
        match *name {
            "memory" => "Close what holds most memory, or give the machine more: `ps --sort=-rss`.",
            "io" => "See who reads and writes most, with `iotop` or `pidstat -d`.",
            _ => "See who computes most, with `top`; run builds with fewer jobs where people wait.",
        },
        evidence,
    )
}

fn graded(stalled: u32) -> Severity {
    if stalled >= GRAVE { Severity::Medium } else { Severity::Low }
}

/// What, where it was said, is not known to be over: the last hour's tasks waited as much, or nothing is
/// known of that hour. That a machine slept does not mean that it has what it was short of.
fn still_short(samples: &Samples) -> Vec<Finding> {
    let unseen_ms = samples.newest_ms().map_or(i64::MAX, |newest| samples.looked_ms() - newest);
    let hour = samples.last(HOUR_MS).filter(|_| unseen_ms <= LONGEST_MS);
    let is_short = |(_, _, of, least): &&Resource| match &hour {
        Some(hour) => share(hour, *of).is_some_and(|share| share >= *least),
        None => unseen_ms <= UNSEEN_MS,
    };
    let known = |resource: &Resource| {
        [GRAVE, 0].map(|stalled| waits(resource, stalled, hour.as_deref().unwrap_or_default()))
    };
    RESOURCES.iter().filter(is_short).flat_map(known).collect()
}

/// Weighted by how long each sample is; `None` where one doesn't tell.
fn share(samples: &[Sample], of: fn(&Sample) -> Option<u32>) -> Option<u32> {
    let mut sum = 0;
    for sample in samples {
        sum += i64::from(of(sample)?) * sample.ms;
    }
    let all: i64 = samples.iter().map(|sample| sample.ms).sum();
    u32::try_from(sum / all.max(1)).ok().filter(|_| !samples.is_empty())
}

/// In words of minutes or hours.
fn duration(ms: i64) -> String {
    match (ms + MINUTE_MS / 2) / MINUTE_MS {
        1 => "one minute".to_owned(),
        minutes if minutes < 120 => format!("{minutes} minutes"),
        minutes => format!("{:.1} hours", minutes as f64 / 60.0),
    }
}
