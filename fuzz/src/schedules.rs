//! A schedule that is taken has one text that means the same, and its runs come one after the other,
//! each found from wherever one looks; what is refused marks its place, and what is suggested parses.

use crate::text;
use jiff::tz::TimeZone;
use onboard_scheduler::schedule::{LISTED_MAX, Scatter, Schedule, TEXT_MAX};

/// A zone with summer time, and a moment before one of its changes (2026-03-28).
const ZONE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const START_MS: i64 = 1_774_656_000_000;
/// How far is looked: over the change.
const SPAN_MS: i64 = 40 * 86_400_000;
/// Runs that are followed one by one.
const FOLLOWED: usize = 50;

/// See the module.
pub fn check(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let schedule = match Schedule::parse(text) {
        Ok(schedule) => schedule,
        Err(error) => {
            assert!(error.text.is_char_boundary(error.offset));
            assert!(error.text.is_char_boundary(error.offset + error.len));
            assert!(error.caret().len() <= 8 * TEXT_MAX, "{}", error.caret());
            assert!(!error.to_string().contains('\n'));
            if let Some(suggestion) = &error.suggestion {
                assert!(Schedule::parse(suggestion).is_ok(), "suggested: {suggestion}");
            }
            return;
        }
    };
    assert!(text.len() <= TEXT_MAX);
    let canonical = schedule.canonical();
    assert_eq!(Schedule::parse(&canonical).as_ref(), Ok(&schedule), "{canonical}");
    assert!(!schedule.describe().is_empty());
    assert!(schedule.nominal_interval_ms().is_none_or(|ms| ms > 0), "{canonical}");
    let summer = TimeZone::posix(ZONE).expect("a zone");
    for zone in [TimeZone::UTC, summer] {
        for scatter in [Scatter::NONE, Scatter(0x9e37_79b9_7f4a_7c15)] {
            runs(&schedule, &zone, scatter);
        }
    }
}

fn runs(schedule: &Schedule, zone: &TimeZone, scatter: Scatter) {
    let end = START_MS + SPAN_MS;
    let next = |after| schedule.next_after(after, 0, zone, scatter);
    let told = schedule.occurrences_between(START_MS, end, 0, zone, scatter, LISTED_MAX);
    assert!(told.times.len() as u64 <= told.total && told.times.len() <= LISTED_MAX);
    assert!(told.times.is_sorted_by(|a, b| a < b), "each later than the one before");
    assert!(told.times.iter().all(|at| (START_MS + 1..=end).contains(at)));
    let mut at = START_MS;
    let mut followed = 0;
    while followed < FOLLOWED
        && let Some(run) = next(at).filter(|run| *run <= end)
    {
        assert!(run > at, "time goes on");
        // Looked for from anywhere between, it is the same.
        assert_eq!(next(at + (run - at) / 2), Some(run));
        assert_eq!(next(run - 1), Some(run));
        (at, followed) = (run, followed + 1);
    }
    if followed < FOLLOWED {
        assert_eq!(told.total, followed as u64, "{} counted one by one", schedule.canonical());
    }
}
