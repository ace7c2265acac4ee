//! That tasks wait as they did not before.

use onboard_analysis::anomaly::{LEAST_PAST, UNUSUAL};

use super::machine::{HOUR_MS, RESOURCES, Resource, SHORT_HOURS};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::performance_monitor::samples::{Sample, Samples};
use crate::performance_monitor::watch::{Alarm, Watches};

/// `performance/unusual`
pub const UNUSUAL_WAIT: Rule = Rule {
    id: "performance/unusual",
    says: "what tasks wait for now as they did not before, at this time of day or at any.",
    why: "Something began: whoever looks while it lasts sees what it is.",
    when: &[
        Bound::at(
            "a look scores {} or more: its share, its step and its distance from what is usual at this \
             time of day, ranked among the last 4,032 looks",
            UNUSUAL,
            "the best threshold of the Numenta Anomaly Benchmark (docs/evaluation.md)",
        ),
        Bound::at("{} looks came before", LEAST_PAST as f64, "as long as that benchmark waits"),
        Bound::that("fewer than a tenth of them had as much", "that tasks wait less is no harm"),
        Bound::at(
            "and at it and every look since, two at least, some task waited {} % of the time",
            LEAST as f64 / 10.0,
            "judgement: less is not felt",
        ),
        Bound::at(
            "for at most {} hours",
            SHORT_HOURS as f64,
            "what lasts longer is `performance/bottleneck`, or usual",
        ),
    ],
    silence: "it ends with the first look at which tasks wait less.",
};

/// Permille of the time in which some task waited.
const LEAST: u32 = 100;
/// One look may be a moment.
const LEAST_LOOKS: usize = 2;

/// What tasks wait for as they did not before, and still do.
pub fn findings(samples: &Samples, watches: &Watches) -> Vec<Finding> {
    let known = RESOURCES.iter().zip(watches.newest());
    known.filter_map(|(resource, alarm)| waits(resource, alarm?, samples)).collect()
}

fn waits((name, words, of, _): &Resource, alarm: Alarm, samples: &Samples) -> Option<Finding> {
    let since: Vec<&Sample> =
        samples.samples.iter().filter(|sample| sample.at_ms >= alarm.at_ms).collect();
    let shares: Option<Vec<u32>> = since.iter().map(|sample| of(sample)).collect();
    let shares = shares?;
    let newest_ms = samples.newest_ms()?;
    let is_now = newest_ms - alarm.at_ms < SHORT_HOURS * HOUR_MS;
    let lasts = shares.len() >= LEAST_LOOKS && shares.iter().all(|share| *share >= LEAST);
    if !is_now || !lasts {
        return None;
    }
    let percent = f64::from(*shares.first()?) / 10.0;
    Some(Finding::new(
        UNUSUAL_WAIT.id,
        Severity::Info,
        name,
        format!("Tasks wait for {words} as they did not before"),
        format!(
            "At the look that was unlike those before, some task had waited {percent:.0} % of the time; \
             {} of {} looks before had as much. Every look since had {:.0} % or more.",
            alarm.reached,
            alarm.past,
            f64::from(LEAST) / 10.0
        ),
        match *name {
            "memory" => "See what takes memory now: `ps --sort=-rss`.",
            "io" => "See who reads and writes now, with `iotop` or `pidstat -d`.",
            _ => "See who computes now, with `top`.",
        },
        vec![
            Evidence::number(percent, format!("percent of the time some task waited for {words}")),
            Evidence::number(alarm.reached as f64, "looks before with as much"),
            Evidence::number(alarm.past as f64, "looks before"),
        ],
    ))
}
