//! From series and samples to findings: pure, but for the names of commits, which the caller gives.

use std::collections::BTreeMap;

use onboard_analysis::calendar::{date_text, day_of};
use onboard_analysis::regression::{Change, latest};

use super::benchmarks::{Benchmarks, Point};
use super::samples::{Sample, Samples};
use crate::git::Repository;
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] = &[&REGRESSION, &BOTTLENECK, &DISK_FULL];

/// `performance/regression`
pub const REGRESSION: Rule = Rule {
    id: "performance/regression",
    says: "which benchmark became slower, by how much, since when, and the commits between its last good \
           result and the first slow one.",
    why: "A commit that is named while its author remembers it is mended in minutes; one that is found \
          with the next release is not.",
    when: &[
        Bound::at(
            "the median is {} % slower or more",
            onboard_analysis::regression::LEAST_CHANGE * 100.0,
            "judgement: less is within what machines differ by from day to day",
        ),
        Bound::at(
            "over {} results at least, the newest three among them still so",
            onboard_analysis::regression::LEAST_AFTER as f64,
            "what goes away by itself is no regression, as in FBDetect (SOSP 2024)",
        ),
        Bound::at(
            "after {} results at least before",
            onboard_analysis::regression::LEAST_BEFORE as f64,
            "judgement: fewer have no level",
        ),
        Bound::that(
            "by 5.5 robust standard errors, split on ranks, the threshold raised with autocorrelation",
            "less than one false alarm in a thousand points of noise (cargo xtask eval --only change-points)",
        ),
        Bound::at(
            "where {} benchmarks and three of five are slower at once, that is one finding",
            MANY as f64,
            "judgement: that is hardly their code",
        ),
    ],
    silence: "mend or revert the commit; a slowdown that is wanted is dismissed once.",
};

/// `performance/bottleneck`
pub const BOTTLENECK: Rule = Rule {
    id: "performance/bottleneck",
    says: "what tasks wait for on this machine, for hours: the processor, memory or the disk.",
    why: "People wait with them, and what is short decides what helps.",
    when: &[
        Bound::at(
            "in each of the last {} hours",
            (SHORT_MS / HOUR_MS) as f64,
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
    ],
    silence: "it ends with the first hour in which tasks wait less.",
};

/// `performance/disk-full`
pub const DISK_FULL: Rule = Rule {
    id: "performance/disk-full",
    says: "how much the project's disk has left.",
    why: "Builds fail half-way on a full disk, and what they leave is damaged.",
    when: &[
        Bound::at("less than {} % is free", DISK as f64 / 10.0, "judgement"),
        Bound::at("and less than {} MB", DISK_MB as f64, "judgement: a build of a large project"),
        Bound::that("for an hour", "judgement: a build's own files come and go"),
    ],
    silence: "free more of it.",
};

const HOUR_MS: i64 = 3_600_000;
/// Slower by this is worth more than a remark.
const GRAVE: f64 = 0.5;
/// So many benchmarks that became slower at once, of which this share, are one thing.
const MANY: usize = 5;
const MANY_SHARE: f64 = 0.6;
/// Commits named, and read between two.
const MOST_NAMED: usize = 4;
const MOST_STEPS: usize = 2_000;
/// How long the machine has to be short of something,
const SHORT_MS: i64 = 3 * HOUR_MS;
/// and how much: permille of the time in which some task waited, in every hour.
const CPU: u32 = 200;
const MEMORY: u32 = 100;
const IO: u32 = 200;
/// A disk with less is full: permille, and megabytes.
const DISK: u32 = 50;
const DISK_MB: u64 = 10 * 1_024;

/// A benchmark that became slower.
#[derive(Clone, Debug, PartialEq)]
pub struct Slower {
    pub name: String,
    pub change: Change,
}

/// Benchmarks that are slower, the most so first.
pub fn slower(series: &Benchmarks) -> Vec<Slower> {
    let judge = |(name, points): (&String, &std::collections::VecDeque<Point>)| {
        let values: Vec<f64> = points.iter().map(|point| point.1).collect();
        let change = latest(&values).filter(|change| change.size > 0.0)?;
        Some(Slower { name: name.clone(), change })
    };
    let mut found: Vec<Slower> = series.series.iter().filter_map(judge).collect();
    found.sort_by(|a, b| b.change.size.total_cmp(&a.change.size));
    found
}

/// What lies between the last good result and the first slow one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// Ids and subjects, newest first.
    pub named: Vec<(String, String)>,
    pub count: usize,
}

/// Looks the commits up, by benchmark. `None` where they are not known.
pub fn suspects(
    slower: &[Slower],
    series: &Benchmarks,
    repository: Option<&Repository>,
) -> BTreeMap<String, Option<Between>> {
    let mut known = BTreeMap::new();
    let look = |one: &Slower| {
        let points = &series.series[&one.name];
        let good = series.commit(points.get(one.change.at.checked_sub(1)?)?);
        let bad = series.commit(points.get(one.change.at)?);
        if good == bad && !good.is_empty() {
            return Some(Between::default());
        }
        let key = (good.to_owned(), bad.to_owned());
        known.entry(key).or_insert_with(|| between(repository?, good, bad)).clone()
    };
    let mut look = look;
    slower.iter().map(|one| (one.name.clone(), look(one))).collect()
}

fn between(repository: &Repository, good: &str, bad: &str) -> Option<Between> {
    let id = |text: &str| gix::ObjectId::from_hex(text.as_bytes()).ok();
    let (good, bad) = (id(good)?, id(bad)?);
    let apart = repository.divergence(bad, good, MOST_STEPS);
    if !apart.complete {
        return None;
    }
    let mut buffer = Vec::new();
    let commits: Vec<_> = apart
        .ahead
        .iter()
        .rev()
        .filter_map(|id| repository.commit(*id, &mut buffer).ok())
        .filter(|commit| !commit.merge)
        .collect();
    let named = commits.iter().take(MOST_NAMED);
    let named = named.map(|commit| (commit.id.clone(), commit.subject.clone())).collect();
    Some(Between { named, count: commits.len() })
}

/// What is worth saying, the gravest first.
pub fn findings(
    slower: &[Slower],
    commits: &BTreeMap<String, Option<Between>>,
    series: &Benchmarks,
    samples: &Samples,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = disk_full(samples).into_iter().collect();
    found.extend(bottleneck(samples));
    let is_general =
        slower.len() >= MANY && slower.len() as f64 >= MANY_SHARE * series.series.len() as f64;
    if is_general {
        found.push(all_slower(slower, series));
    } else {
        let judge = |one| regression(one, commits.get(&one.name).and_then(Option::as_ref), series);
        found.extend(slower.iter().map(judge));
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn regression(one: &Slower, between: Option<&Between>, series: &Benchmarks) -> Finding {
    let Slower { name, change } = one;
    let points = &series.series[name];
    let since = points.get(change.at).map_or(0, |point| point.0);
    let (percent, low, high) =
        (change.size * 100.0, change.interval.0 * 100.0, change.interval.1 * 100.0);
    let mut evidence = vec![
        Evidence::number(change.before, format!("ns before: {}", time(change.before))),
        Evidence::number(change.after, format!("ns since: {}", time(change.after))),
        Evidence::number((points.len() - change.at) as f64, "results since"),
    ];
    let named = between.into_iter().flat_map(|between| &between.named);
    evidence.extend(named.map(|(id, subject)| Evidence::commit(id, subject.clone())));
    let (what, action) = match between {
        None => (
            "Which commits lie between its last good result and the first slow one is not known."
                .to_owned(),
            format!("Measure {name} again at the commit of the last good result, and compare."),
        ),
        Some(between) if between.count == 0 => (
            "No commit lies between its last good result and the first slow one: a dependency, a \
             toolchain, the machine, or what was not committed."
                .to_owned(),
            format!("Measure {name} again with the toolchain and on the machine of before."),
        ),
        Some(between) => (
            format!(
                "{} between its last good result and the first slow one, as far as what was checked \
                 out when they were read.",
                match between.count {
                    1 => "One commit lies".to_owned(),
                    more => format!("{more} commits lie"),
                }
            ),
            match between.count {
                1 => {
                    format!("Measure {name} without this commit; if it is that, mend or revert it.")
                }
                _ => format!("Measure {name} at the commits named here, halving what is left."),
            },
        ),
    };
    Finding::new(
        REGRESSION.id,
        if change.size >= GRAVE { Severity::Medium } else { Severity::Low },
        name,
        format!("{name} is {percent:.0} % slower since {}", date_text(day_of(since))),
        format!(
            "From {} to {} (median): {low:.0} to {high:.0} % in nine of ten redrawn series. It has \
             held for {} results, the newest among them. {what}",
            time(change.before),
            time(change.after),
            points.len() - change.at
        ),
        action,
        evidence,
    )
}

/// Most benchmarks at once: hardly their code.
fn all_slower(slower: &[Slower], series: &Benchmarks) -> Finding {
    let sizes: Vec<f64> = slower.iter().map(|one| one.change.size * 100.0).collect();
    let usual = onboard_analysis::statistics::median(&sizes).unwrap_or(0.0);
    let named = slower.iter().take(MOST_NAMED).map(|one| {
        let text = format!("percent slower: {}", one.name);
        Evidence::number((one.change.size * 100.0).round(), text)
    });
    Finding::new(
        REGRESSION.id,
        Severity::Low,
        "benchmarks",
        format!(
            "{} of {} benchmarks are slower, by {usual:.0} % at the median",
            slower.len(),
            series.series.len()
        ),
        "So many at once are hardly slower by their own code: rather a toolchain, a setting, a \
         dependency of all of them, or the machine.",
        "Measure one of them again at an older commit: if it is slow there too, it is not the code.",
        named.collect(),
    )
}

fn time(nanoseconds: f64) -> String {
    let scales = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let (scale, unit) =
        scales.into_iter().find(|(scale, _)| nanoseconds >= *scale).unwrap_or((1.0, "ns"));
    format!("{:.3} {unit}", nanoseconds / scale)
}

/// Its name, in words, how long tasks waited for it, and how much is much.
type Resource = (&'static str, &'static str, fn(&Sample) -> Option<u32>, u32);

/// The resource that tasks waited for most, where that is much and lasts.
fn bottleneck(samples: &Samples) -> Option<Finding> {
    let window = samples.last(SHORT_MS)?;
    let resources: [Resource; 3] = [
        ("cpu", "the processor", |sample| sample.cpu, CPU),
        ("memory", "memory", |sample| sample.memory, MEMORY),
        ("io", "the disk", |sample| sample.io, IO),
    ];
    let shares = resources.map(|(_, _, of, _)| share(&window, of));
    let short = resources.iter().zip(shares).filter_map(|((name, words, of, least), share)| {
        let lasts = hours(&window)
            .iter()
            .all(|hour| self::share(hour, *of).is_some_and(|share| share >= *least));
        Some((*name, *words, share?, *least)).filter(|_| lasts)
    });
    let (name, words, stalled, _) =
        short.max_by_key(|(_, _, share, least)| share * 1_000 / least)?;
    let wall_ms: i64 = window.iter().map(|sample| sample.ms * i64::from(sample.cores.max(1))).sum();
    let crew_ms: u64 = window.iter().map(|sample| sample.crew_cpu_ms).sum();
    let crew = crew_ms as f64 * 100.0 / wall_ms.max(1) as f64;
    let percent = |share: u32| f64::from(share) / 10.0;
    let mut evidence: Vec<Evidence> = resources
        .iter()
        .zip(shares)
        .filter_map(|((_, words, _, _), share)| {
            let text = format!("percent of the time some task waited for {words}");
            Some(Evidence::number(percent(share?), text))
        })
        .collect();
    evidence.push(Evidence::number(
        (crew * 10.0).round() / 10.0,
        "percent of the processor that this project's agents used",
    ));
    Some(Finding::new(
        BOTTLENECK.id,
        if stalled >= 500 { Severity::Medium } else { Severity::Low },
        name,
        format!(
            "For three hours tasks have waited for {words} {:.0} % of the time",
            percent(stalled)
        ),
        format!(
            "In each of the three hours. The agents of this project used {crew:.1} % of the \
             processor in that time."
        ),
        match name {
            "memory" => "Close what holds most memory, or give the machine more: `ps --sort=-rss`.",
            "io" => "See who reads and writes most, with `iotop` or `pidstat -d`.",
            _ => "See who computes most, with `top`; run builds with fewer jobs where people wait.",
        },
        evidence,
    ))
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

/// The window in hours, the newest last.
fn hours(window: &[Sample]) -> Vec<Vec<Sample>> {
    let newest = window.last().map_or(0, |sample| sample.at_ms);
    let mut found = vec![Vec::new(); usize::try_from(SHORT_MS / HOUR_MS).unwrap_or(1)];
    let last = found.len() - 1;
    for sample in window {
        let ago = usize::try_from((newest - sample.at_ms) / HOUR_MS).unwrap_or(0);
        found[last - ago.min(last)].push(*sample);
    }
    found
}

fn disk_full(samples: &Samples) -> Option<Finding> {
    let window = samples.last(HOUR_MS)?;
    let is_full = |sample: &Sample| {
        sample.disk_free.is_some_and(|free| free < DISK) && sample.disk_free_mb < DISK_MB
    };
    let last = window.last()?;
    if !window.iter().all(is_full) {
        return None;
    }
    let percent = f64::from(last.disk_free?) / 10.0;
    let gigabytes = last.disk_free_mb as f64 / 1_024.0;
    Some(Finding::new(
        DISK_FULL.id,
        if percent < 1.0 { Severity::High } else { Severity::Medium },
        "disk",
        format!("The project's disk has {gigabytes:.1} GB left ({percent:.1} %)"),
        "For an hour at least. Builds fail half-way on a full disk, and what they leave is damaged.",
        "Delete what can be made anew, such as build folders and caches.",
        vec![
            Evidence::number(last.disk_free_mb as f64, "megabytes that are free"),
            Evidence::number(percent, "percent of the disk"),
        ],
    ))
}
