//! What a step costs, printed with `--no-capture`; the bound only catches a change of its order.

#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::println;
use std::time::Instant;

use croner::Cron;
use jiff::Timestamp;

use super::{Scatter, ms, parsed, std, zone};

#[test]
fn a_step_is_cheap() {
    let zone = zone("Europe/Berlin");
    let steps = 20_000;
    for text in [
        "every 5 minutes",
        "daily at 14:30",
        "weekly on friday around 5pm",
        "monthly on last day",
        "yearly",
        "*/5 * * * *",
        "0 9 * * 1-5",
        "0 0 29 2 1",
    ] {
        let schedule = parsed(text);
        let start = Instant::now();
        let mut at = ms("2025-01-01T00:00:00Z");
        for _ in 0..steps {
            let next = schedule.next_after(at, 0, &zone, Scatter(77));
            at = next.unwrap_or_else(|| ms("2025-01-01T00:00:00Z"));
        }
        let nanos = start.elapsed().as_nanos() / steps;
        println!("{text}: {nanos} ns");
        // Unoptimised, on a busy machine.
        assert!(nanos < 200_000, "{text}: {nanos} ns");
    }
    let cron: Cron = "0 9 * * 1-5".parse().unwrap();
    let mut at =
        Timestamp::from_millisecond(ms("2025-01-01T00:00:00Z")).unwrap().to_zoned(zone.clone());
    let start = Instant::now();
    for _ in 0..1_000 {
        at = cron.find_next_occurrence(&at, false).unwrap();
    }
    println!("the other cron, 0 9 * * 1-5: {} ns", start.elapsed().as_nanos() / 1_000);
    let start = Instant::now();
    let every_second = parsed("* * * * * *");
    let (from, to) = (ms("2020-01-01T00:00:00Z"), ms("2025-01-01T00:00:00Z"));
    let found = every_second.occurrences_between(from, to, 0, &zone, Scatter::NONE, 10);
    println!("{} runs counted in {:?}", found.total, start.elapsed());
    assert_eq!(found.total, ((to - from) / 1_000) as u64);
}
