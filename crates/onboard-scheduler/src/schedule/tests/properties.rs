//! Properties that hold for every schedule, over many generated cases.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use jiff::tz::TimeZone;

use super::{Numbers, Scatter, Schedule, ms, parsed, zone};

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
    "America/Sao_Paulo",
];

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

/// A schedule that time decides, chosen among all the forms.
fn generated(numbers: &mut Numbers) -> String {
    let days = [
        "daily",
        "weekly",
        "monthly",
        "yearly",
        "on weekdays",
        "on weekends",
        "weekly on mon,thu",
        "weekly on sunday",
        "monthly on 31",
        "monthly on 1, 15, last day",
    ];
    let mut clock = || format!("{}:{:02}", numbers.below(24), numbers.below(60));
    let (first, second) = (clock(), clock());
    let days = days[numbers.below(days.len() as u64) as usize];
    let unit = ["seconds", "minutes", "hours", "days"][numbers.below(4) as usize];
    match numbers.below(7) {
        0 => format!("every {} {unit}", numbers.below(300) + 1),
        1 => days.into(),
        2 => format!("{days} at {first}, {second}"),
        3 => format!("{days} around {first}"),
        4 if first != second => format!("{days} between {first} and {second}"),
        5 => generated_cron(numbers, true),
        _ => generated_cron(numbers, false),
    }
}

pub(super) fn generated_cron(numbers: &mut Numbers, open: bool) -> String {
    let pick = |numbers: &mut Numbers, from: &[&str]| -> String {
        from[numbers.below(from.len() as u64) as usize].into()
    };
    let seconds = pick(numbers, &["", "", "", "0 ", "*/20 ", "7,30 "]);
    let minutes = pick(numbers, &["*", "*/15", "0", "30", "0,30", "10-20", "59", "*/7"]);
    let hours = match open {
        true => pick(numbers, &["*", "*/2", "*/5"]),
        false => pick(numbers, &["0", "2", "1-3", "23", "9-17", "1,2,3", "0-23"]),
    };
    let days = pick(numbers, &["*", "*", "*", "1", "31", "L", "15W", "1,15", "*/5", "LW"]);
    let months = pick(numbers, &["*", "*", "3,10", "4,11", "*/3", "2"]);
    let week = pick(numbers, &["*", "*", "*", "0", "1-5", "7", "1#1", "5L", "6,0"]);
    // The day that never comes is refused; the errors' tests see to it.
    let days = if days == "31" && matches!(&*months, "2" | "4,11") { "28".into() } else { days };
    format!("{seconds}{minutes} {hours} {days} {months} {week}")
}

/// An instant of 2008 to 2036, often close to a change of the zone's clock.
fn instant(numbers: &mut Numbers, zone: &TimeZone) -> i64 {
    let at = ms("2008-01-01T00:00:00Z") + (numbers.below(28 * 365 * 86_400) * 1_000) as i64;
    let timestamp = jiff::Timestamp::from_millisecond(at).unwrap();
    match zone.following(timestamp).next() {
        Some(change) if numbers.below(2) == 0 => {
            let near = numbers.below(3 * 3_600_000) as i64 - 90 * MINUTE;
            change.timestamp().as_millisecond() + near
        }
        _ => at + numbers.below(1_000) as i64,
    }
}

#[test]
fn runs_come_later_and_later() {
    let mut numbers = Numbers(1);
    for _ in 0..6_000 {
        let schedule = parsed(&generated(&mut numbers));
        let zone = zone(ZONES[numbers.below(7) as usize]);
        let scatter = Scatter(numbers.below(1 << 31) << 32);
        let anchor = numbers.below(1 << 40) as i64;
        let after = instant(&mut numbers, &zone);
        let next = |at| schedule.next_after(at, anchor, &zone, scatter).unwrap();
        let first = next(after);
        let second = next(first);
        assert!(after < first && first < second, "{}", schedule.canonical());
        // Asking from anywhere before a run and after the one before finds that run.
        let between = after + numbers.below((first - after) as u64) as i64;
        assert_eq!(next(between), first, "{} from {between}", schedule.canonical());
        assert_eq!(next(first - 1), first, "{}", schedule.canonical());
    }
}

#[test]
fn canonical_texts_mean_the_same() {
    let mut numbers = Numbers(2);
    for _ in 0..20_000 {
        let schedule = parsed(&generated(&mut numbers));
        let canonical = schedule.canonical();
        assert_eq!(parsed(&canonical), schedule, "{canonical}");
        assert_eq!(parsed(&canonical).canonical(), canonical);
    }
}

#[test]
fn the_runs_between_are_those_that_stepping_finds() {
    let mut numbers = Numbers(3);
    for _ in 0..3_000 {
        let schedule = parsed(&generated(&mut numbers));
        let zone = zone(ZONES[numbers.below(7) as usize]);
        let scatter = Scatter(numbers.below(1 << 31) << 32);
        let anchor = numbers.below(1 << 40) as i64;
        let after = instant(&mut numbers, &zone);
        let nominal = schedule.nominal_interval_ms().unwrap();
        let until = after + numbers.below((nominal * 40).min(400 * DAY) as u64) as i64;
        let cap = numbers.below(12) as usize;
        let found = schedule.occurrences_between(after, until, anchor, &zone, scatter, cap);
        let mut stepped = Vec::new();
        let mut at = after;
        while let Some(run) = schedule.next_after(at, anchor, &zone, scatter) {
            if run > until {
                break;
            }
            stepped.push(run);
            at = run;
        }
        let text = schedule.canonical();
        assert_eq!(found.total, stepped.len() as u64, "{text} {after} {until} {zone:?}");
        let latest = &stepped[stepped.len().saturating_sub(cap)..];
        assert_eq!(found.times, latest, "{text} {after} {until} {zone:?}");
    }
}

/// How many of 1000 agents start in the busiest minute, and how many minutes are used at all.
fn crowd(text: &str, agents: impl Fn(u64) -> u64) -> (usize, usize) {
    let schedule = parsed(text);
    let zone = zone("Europe/Berlin");
    let after = ms("2025-06-01T22:00:00Z");
    let mut minutes: Vec<i64> = (0..1_000)
        .map(|agent| {
            let scatter = Scatter(agents(agent));
            let at = schedule.next_after(after, 0, &zone, scatter).unwrap();
            assert_eq!(schedule.next_after(after, 0, &zone, scatter), Some(at));
            at.div_euclid(MINUTE)
        })
        .collect();
    minutes.sort_unstable();
    let busiest = minutes.chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
    let used = minutes.chunk_by(|a, b| a == b).count();
    (busiest, used)
}

#[test]
fn a_thousand_agents_spread() {
    let hashed = |agent: u64| (agent + 1).wrapping_mul(0xd134_2543_de82_ef95);
    let numbered = |agent: u64| agent + 1;
    for (text, busiest, used) in [
        ("daily", 8, 600),
        ("weekly", 5, 800),
        ("monthly", 4, 900),
        ("yearly", 3, 950),
        ("daily around 9am", 22, 110),
        ("daily between 22:00 and 6:00", 12, 380),
        ("hourly", 35, 60),
        ("every 15 minutes", 100, 15),
        ("every 5 days", 6, 800),
    ] {
        for crowd in [crowd(text, hashed), crowd(text, numbered)] {
            assert!(crowd.0 <= busiest && crowd.1 >= used, "{text}: {crowd:?}");
        }
    }
}

#[test]
fn scatter_keeps_to_its_window() {
    let zone = zone("UTC");
    let after = ms("2025-06-01T00:00:00Z");
    let cases = [
        ("daily around 9am", 480, 600),
        ("daily around 0:10", 0, 120),
        ("daily around 23:50", 1_320, 1_440),
        ("daily between 22:00 and 24:00", 1_320, 1_440),
        ("daily between 1:00 and 1:01", 60, 61),
    ];
    for (text, from, to) in cases {
        let schedule = parsed(text);
        for agent in 0..500 {
            let at = schedule.next_after(after - 1, 0, &zone, Scatter(agent)).unwrap();
            let minute = (at - after) / MINUTE;
            assert!((from..to).contains(&minute), "{text}: {minute}");
        }
    }
}

#[test]
fn the_anchor_holds_the_grid() {
    let schedule = parsed("every 7 minutes");
    let zone = zone("UTC");
    let anchor = ms("2025-06-01T00:03:00Z");
    for at in [anchor - 1, anchor - 8 * MINUTE, anchor + 20 * DAY, 0] {
        let next = schedule.next_after(at, anchor, &zone, Scatter::NONE).unwrap();
        assert_eq!((next - anchor) % (7 * MINUTE), 0);
        assert!(next > at && next - at <= 7 * MINUTE);
    }
}

#[test]
fn the_end_of_the_calendar_is_no_run() {
    let zone = zone("Europe/Berlin");
    let ends = [i64::MIN, i64::MAX, *crate::schedule::civil::RANGE.end()];
    for text in ["every 2 days", "daily", "monthly on 31", "yearly", "0 0 29 2 *", "* * * * *"] {
        let schedule = parsed(text);
        for after in ends {
            assert_eq!(schedule.next_after(after, 0, &zone, Scatter(9)), None, "{text}");
            assert_eq!(schedule.next_after(0, i64::MAX, &zone, Scatter(9)), None);
        }
        let first = *crate::schedule::civil::RANGE.start() + 400 * DAY;
        assert!(schedule.next_after(first, 0, &zone, Scatter(9)).is_some(), "{text}");
    }
    for text in ["manual", "continuous", "events"] {
        let schedule: Schedule = parsed(text);
        assert_eq!(schedule.next_after(0, 0, &zone, Scatter(9)), None);
        assert_eq!(schedule.occurrences_between(0, DAY, 0, &zone, Scatter(9), 5).total, 0);
    }
}

/// Every change of every zone's clock in forty years: runs stay strictly later, none is lost, and
/// counting agrees with stepping.
#[test]
fn every_zone_keeps_its_runs_over_its_changes() {
    let texts =
        ["daily at 0:00, 2:30", "0,30 0-3 * * *", "*/30 * * * *", "daily between 23:00 and 3:00"];
    let schedules: Vec<Schedule> = texts.iter().map(|text| parsed(text)).collect();
    let mut changes = 0;
    for name in jiff::tz::TimeZoneDatabase::bundled().available() {
        let zone = zone(name.as_str());
        let start = jiff::Timestamp::from_millisecond(ms("1990-01-01T00:00:00Z")).unwrap();
        let end = ms("2030-01-01T00:00:00Z");
        let instants = zone.following(start).map(|change| change.timestamp().as_millisecond());
        // The rules of a zone repeat; a sample of its changes keeps the test short.
        for change in instants.take_while(|at| *at < end).step_by(7) {
            changes += 1;
            for schedule in &schedules {
                let (after, until) = (change - DAY, change + DAY);
                let next = |at: i64| schedule.next_after(at, 0, &zone, Scatter(5));
                let mut stepped = 0;
                let mut at = after;
                while let Some(run) = next(at).filter(|run| *run <= until) {
                    assert!(run > at, "{name:?} {change} {}", schedule.canonical());
                    assert!(run - at <= 2 * DAY, "{name:?} {change} {}", schedule.canonical());
                    stepped += 1;
                    at = run;
                }
                let found = schedule.occurrences_between(after, until, 0, &zone, Scatter(5), 1_024);
                assert_eq!(found.total, stepped, "{name:?} {change} {}", schedule.canonical());
                assert_eq!(found.times.len() as u64, stepped);
            }
        }
    }
    assert!(changes > 1_000, "{changes}");
}
