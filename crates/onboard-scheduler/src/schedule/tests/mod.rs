//! Tests of schedules: tables, clock changes, properties, and an independent cron beside ours.

extern crate std;

mod errors;
mod fall_and_spring;
mod meaning;
mod oracle;
mod properties;
mod speed;

use alloc::string::{String, ToString};

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Scatter, Schedule};

/// A zone of the database built into the tests, the same on every host.
fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

fn parsed(text: &str) -> Schedule {
    Schedule::parse(text).unwrap_or_else(|error| panic!("{}", error.caret()))
}

fn ms(instant: &str) -> i64 {
    instant.parse::<Timestamp>().unwrap().as_millisecond()
}

/// The next runs after an instant in local time, one a line.
fn next_runs(text: &str, zone_name: &str, after: &str, count: usize) -> String {
    let (schedule, zone) = (parsed(text), zone(zone_name));
    let mut at = ms(after);
    let mut lines = String::new();
    for _ in 0..count {
        at = schedule.next_after(at, 0, &zone, Scatter::NONE).unwrap();
        let local = Timestamp::from_millisecond(at).unwrap().to_zoned(zone.clone());
        lines += &local.strftime("%a %Y-%m-%d %H:%M:%S %:z\n").to_string();
    }
    lines
}

/// Pseudo-random numbers for the properties: the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn the_range_is_what_a_timestamp_can_name() {
    let range = Timestamp::MIN.as_millisecond()..=Timestamp::MAX.as_millisecond();
    assert_eq!(super::civil::RANGE, range);
}
