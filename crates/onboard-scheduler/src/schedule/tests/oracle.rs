//! Our cron beside an independent one.

use alloc::string::ToString;
use core::str::FromStr;

use croner::Cron;
use jiff::Timestamp;

use super::properties::generated_cron;
use super::{Numbers, Scatter, ms, parsed, zone};

/// In zones without clock changes both must agree on every run.
#[test]
fn agrees_where_clocks_never_change() {
    let mut numbers = Numbers(11);
    for round in 0..1_500 {
        let text = generated_cron(&mut numbers, round % 2 == 0);
        let (ours, theirs) = (parsed(&text), Cron::from_str(&text).unwrap());
        let zone = zone(["UTC", "Asia/Kolkata"][round % 2]);
        let mut at = ms("2019-01-01T00:00:00Z") + (numbers.below(400_000_000) * 1_000) as i64;
        for _ in 0..4 {
            let local = Timestamp::from_millisecond(at).unwrap().to_zoned(zone.clone());
            let expected = theirs.find_next_occurrence(&local, false).unwrap();
            let expected = expected.timestamp().as_millisecond();
            let found = ours.next_after(at, 0, &zone, Scatter::NONE).unwrap();
            assert_eq!(found, expected, "{text} after {local}");
            at = found;
        }
    }
}

/// Over clock changes both agree on one time a day and on open hours.
#[test]
fn agrees_over_clock_changes() {
    let texts =
        ["30 2 * * *", "0 2 * * *", "0 3 * * *", "15 1 * * 0", "*/20 * * * *", "30 * * * *"];
    for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
        let zone = zone(name);
        let mut start = Timestamp::from_millisecond(ms("2020-01-01T00:00:00Z")).unwrap();
        for change in zone.following(start).take(8) {
            start = change.timestamp();
            for text in texts {
                let (ours, theirs) = (parsed(text), Cron::from_str(text).unwrap());
                let mut at = start.as_millisecond() - 7_200_000;
                for _ in 0..12 {
                    let local = Timestamp::from_millisecond(at).unwrap().to_zoned(zone.clone());
                    let expected = theirs.find_next_occurrence(&local, false).unwrap();
                    let found = ours.next_after(at, 0, &zone, Scatter::NONE).unwrap();
                    let shown = Timestamp::from_millisecond(found).unwrap().to_zoned(zone.clone());
                    assert_eq!(shown.to_string(), expected.to_string(), "{text} after {local}");
                    at = found;
                }
            }
        }
    }
}
