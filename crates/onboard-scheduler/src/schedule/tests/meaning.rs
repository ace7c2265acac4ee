//! What each text means: its canonical form, its description, its mean distance.

use alloc::format;
use alloc::string::String;

use expect_test::{Expect, expect};

use super::{Schedule, next_runs, parsed};
use crate::schedule::Kind;
use crate::schedule::tests::zone;

fn check(texts: &[&str], expected: Expect) {
    let mut table = String::new();
    for text in texts {
        let schedule = parsed(text);
        let minutes = match schedule.nominal_interval_ms() {
            Some(ms) => format!("{:.1} min", ms as f64 / 60_000.0),
            None => "-".into(),
        };
        let (canonical, words) = (schedule.canonical(), schedule.describe());
        assert_eq!(Schedule::parse(&canonical).as_ref(), Ok(&schedule), "{text}: {canonical}");
        table += &format!("{text} => {canonical} | {words} | {:?} | {minutes}\n", schedule.kind());
    }
    expected.assert_eq(&table);
}

#[test]
fn kinds_without_time() {
    check(
        &[
            "continuous",
            "Manual",
            "events",
            "on event git.commit",
            "on_event_file_changed, ci:done",
        ],
        expect![[r#"
            continuous => continuous | whenever something changes | Continuous | -
            Manual => manual | only when asked | Manual | -
            events => events | on each event it subscribes to | Events | -
            on event git.commit => on event git.commit | on the event git.commit | Events | -
            on_event_file_changed, ci:done => on event file_changed, ci:done | on the event file_changed or ci:done | Events | -
        "#]],
    );
    let schedule = parsed("on event push, push tag");
    assert!(schedule.event_names().eq(["push", "tag"]));
}

#[test]
fn intervals() {
    check(
        &[
            "every_5_minutes",
            "every 5 minutes",
            "EVERY-5-MINUTES",
            "every 2h",
            "every 90s",
            "every 2 days",
            "every 24 hours",
            "every 168h",
            "every 14 days",
            "every 1h30m",
            "every 1 h 30 min",
            "every minute",
            "every 1 second",
            "every 60 minutes",
            "hourly",
            "@hourly",
            "every 366 days",
            "every_15_minutes in America/New_York",
        ],
        expect![[r#"
            every_5_minutes => every 5 minutes | every 5 minutes | Interval | 5.0 min
            every 5 minutes => every 5 minutes | every 5 minutes | Interval | 5.0 min
            EVERY-5-MINUTES => every 5 minutes | every 5 minutes | Interval | 5.0 min
            every 2h => every 2 hours | every 2 hours | Interval | 120.0 min
            every 90s => every 90 seconds | every 90 seconds | Interval | 1.5 min
            every 2 days => every 2 days | every 2 days | Interval | 2880.0 min
            every 24 hours => every 24 hours | every 24 hours of elapsed time | Interval | 1440.0 min
            every 168h => every 7 days | every 7 days of elapsed time | Interval | 10080.0 min
            every 14 days => every 2 weeks | every 2 weeks | Interval | 20160.0 min
            every 1h30m => every 90 minutes | every 90 minutes | Interval | 90.0 min
            every 1 h 30 min => every 90 minutes | every 90 minutes | Interval | 90.0 min
            every minute => every 1 minute | every minute | Interval | 1.0 min
            every 1 second => every 1 second | every second | Interval | 0.0 min
            every 60 minutes => hourly | every hour | Interval | 60.0 min
            hourly => hourly | every hour | Interval | 60.0 min
            @hourly => hourly | every hour | Interval | 60.0 min
            every 366 days => every 366 days | every 366 days | Interval | 527040.0 min
            every_15_minutes in America/New_York => every 15 minutes in America/New_York | every 15 minutes, America/New_York time | Interval | 15.0 min
        "#]],
    );
}

#[test]
fn calendars() {
    check(
        &[
            "daily",
            "every day",
            "every 1 day",
            "@daily",
            "weekly",
            "monthly",
            "yearly",
            "daily at 14:30",
            "daily at 9 pm, 9am and 12:00:30",
            "daily at noon",
            "every day at midnight",
            "daily around 9am",
            "daily around 9 am in Asia/Kolkata",
            "daily between 22:00 and 6:00",
            "daily_between_22:00-06:00",
            "daily between 0:00 and 24:00",
            "weekly on monday",
            "weekly on friday around 5pm",
            "weekly on mon,wed at 08:00",
            "weekly on wed and mon at 8",
            "weekly-on-mon-fri-at-9am",
            "weekly on sat to mon",
            "monday at 9",
            "every friday around 17:00",
            "on weekdays",
            "on weekdays at 9",
            "every weekday between 9am and 5pm",
            "on weekends around noon",
            "weekly on sunday,mon,tue,wed,thu,fri,sat at 7:15",
            "monthly on 1 at 6:00",
            "monthly on 1st and 15th",
            "monthly on the 31st",
            "monthly on last day at 23:00",
            "monthly on 1, last day",
            "every month on 2",
            "weekly at 10:00",
            "daily_at_14:30_in_America/New_York",
            "DAILY AT 14:30 IN Etc/GMT-5",
        ],
        expect![[r#"
            daily => daily | every day at a time of its own | Calendar | 1440.0 min
            every day => daily | every day at a time of its own | Calendar | 1440.0 min
            every 1 day => daily | every day at a time of its own | Calendar | 1440.0 min
            @daily => daily | every day at a time of its own | Calendar | 1440.0 min
            weekly => weekly | every week on a day of its own at a time of its own | Calendar | 10080.0 min
            monthly => monthly | every month on a day of its own at a time of its own | Calendar | 43829.1 min
            yearly => yearly | every year on a day of its own at a time of its own | Calendar | 525949.2 min
            daily at 14:30 => daily at 14:30 | every day at 14:30 | Calendar | 1440.0 min
            daily at 9 pm, 9am and 12:00:30 => daily at 09:00, 12:00:30, 21:00 | every day at 09:00, 12:00:30 and 21:00 | Calendar | 480.0 min
            daily at noon => daily at 12:00 | every day at 12:00 | Calendar | 1440.0 min
            every day at midnight => daily at 00:00 | every day at 00:00 | Calendar | 1440.0 min
            daily around 9am => daily around 09:00 | every day around 09:00 | Calendar | 1440.0 min
            daily around 9 am in Asia/Kolkata => daily around 09:00 in Asia/Kolkata | every day around 09:00, Asia/Kolkata time | Calendar | 1440.0 min
            daily between 22:00 and 6:00 => daily between 22:00 and 06:00 | every day between 22:00 and 06:00 | Calendar | 1440.0 min
            daily_between_22:00-06:00 => daily between 22:00 and 06:00 | every day between 22:00 and 06:00 | Calendar | 1440.0 min
            daily between 0:00 and 24:00 => daily between 00:00 and 24:00 | every day between 00:00 and 24:00 | Calendar | 1440.0 min
            weekly on monday => weekly on monday | every Monday at a time of its own | Calendar | 10080.0 min
            weekly on friday around 5pm => weekly on friday around 17:00 | every Friday around 17:00 | Calendar | 10080.0 min
            weekly on mon,wed at 08:00 => weekly on monday, wednesday at 08:00 | every Monday and Wednesday at 08:00 | Calendar | 5040.0 min
            weekly on wed and mon at 8 => weekly on monday, wednesday at 08:00 | every Monday and Wednesday at 08:00 | Calendar | 5040.0 min
            weekly-on-mon-fri-at-9am => on weekdays at 09:00 | every weekday at 09:00 | Calendar | 2016.0 min
            weekly on sat to mon => weekly on monday, saturday, sunday | every Monday, Saturday and Sunday at a time of its own | Calendar | 3360.0 min
            monday at 9 => weekly on monday at 09:00 | every Monday at 09:00 | Calendar | 10080.0 min
            every friday around 17:00 => weekly on friday around 17:00 | every Friday around 17:00 | Calendar | 10080.0 min
            on weekdays => on weekdays | every weekday at a time of its own | Calendar | 2016.0 min
            on weekdays at 9 => on weekdays at 09:00 | every weekday at 09:00 | Calendar | 2016.0 min
            every weekday between 9am and 5pm => on weekdays between 09:00 and 17:00 | every weekday between 09:00 and 17:00 | Calendar | 2016.0 min
            on weekends around noon => on weekends around 12:00 | every Saturday and Sunday around 12:00 | Calendar | 5040.0 min
            weekly on sunday,mon,tue,wed,thu,fri,sat at 7:15 => daily at 07:15 | every day at 07:15 | Calendar | 1440.0 min
            monthly on 1 at 6:00 => monthly on 1 at 06:00 | every month on day 1 at 06:00 | Calendar | 43829.1 min
            monthly on 1st and 15th => monthly on 1, 15 | every month on days 1 and 15 at a time of its own | Calendar | 21914.5 min
            monthly on the 31st => monthly on 31 | every month on day 31 (or the month's last) at a time of its own | Calendar | 43829.1 min
            monthly on last day at 23:00 => monthly on last day at 23:00 | every month on the last day at 23:00 | Calendar | 43829.1 min
            monthly on 1, last day => monthly on 1, last day | every month on day 1 and the last day at a time of its own | Calendar | 21914.5 min
            every month on 2 => monthly on 2 | every month on day 2 at a time of its own | Calendar | 43829.1 min
            weekly at 10:00 => weekly at 10:00 | every week on a day of its own at 10:00 | Calendar | 10080.0 min
            daily_at_14:30_in_America/New_York => daily at 14:30 in America/New_York | every day at 14:30, America/New_York time | Calendar | 1440.0 min
            DAILY AT 14:30 IN Etc/GMT-5 => daily at 14:30 in Etc/GMT-5 | every day at 14:30, Etc/GMT-5 time | Calendar | 1440.0 min
        "#]],
    );
}

#[test]
fn cron_expressions() {
    check(
        &[
            "*/5 * * * *",
            "0 9 * * 1-5",
            "cron 0 9 * * MON-FRI",
            "30 2 * * *",
            "0 0 1,15 * *",
            "0 0 13 * 5",
            "15 10 L * *",
            "0 9 * * 1#1",
            "0 9 * * 5L",
            "0 9 15W,LW * *",
            "0 */2 * * *",
            "0 0,6,12,18 * * *",
            "*/10 9-17 * * 1-5",
            "0 0 1 1,4,7,10 *",
            "*/30 * * * * *",
            "* * * * * *",
            "5 4 * * sun",
            "0 0 29 feb ?",
            "0 0 1-31 * 1",
            "0 0-23 * * *",
            "0 22-23,0-6 * * *",
            "0 0 * * 5-7",
            "*/15 * * * * in Europe/Berlin",
            "7,19 */3 * * *",
            "0 12 * jan-mar 6,7",
        ],
        expect![[r#"
            */5 * * * * => */5 * * * * | every 5 minutes every day | Cron | 5.0 min
            0 9 * * 1-5 => 0 9 * * 1-5 | at 09:00 on weekdays | Cron | 2016.0 min
            cron 0 9 * * MON-FRI => 0 9 * * 1-5 | at 09:00 on weekdays | Cron | 2016.0 min
            30 2 * * * => 30 2 * * * | at 02:30 every day | Cron | 1440.0 min
            0 0 1,15 * * => 0 0 1,15 * * | at 00:00 on days 1 and 15 of the month | Cron | 21915.0 min
            0 0 13 * 5 => 0 0 13 * 5 | at 00:00 on day 13 of the month and on Friday | Cron | 8420.2 min
            15 10 L * * => 15 10 L * * | at 10:15 on the last day of the month | Cron | 43830.0 min
            0 9 * * 1#1 => 0 9 * * 1#1 | at 09:00 on the first Monday of the month | Cron | 43830.0 min
            0 9 * * 5L => 0 9 * * 5L | at 09:00 on the last Friday of the month | Cron | 43830.0 min
            0 9 15W,LW * * => 0 9 15W,LW * * | at 09:00 on the weekday nearest to day 15 and the last weekday of the month | Cron | 21915.0 min
            0 */2 * * * => 0 */2 * * * | at minute 0 of every 2 hours every day | Cron | 120.0 min
            0 0,6,12,18 * * * => 0 0,6,12,18 * * * | at 00:00, 06:00, 12:00 and 18:00 every day | Cron | 360.0 min
            */10 9-17 * * 1-5 => */10 9-17 * * 1-5 | every 10 minutes of hours 9 to 17 on weekdays | Cron | 37.3 min
            0 0 1 1,4,7,10 * => 0 0 1 */3 * | at 00:00 on day 1 of the month in January, April, July and October | Cron | 131490.0 min
            */30 * * * * * => */30 * * * * * | every 30 seconds every day | Cron | 0.5 min
            * * * * * * => * * * * * * | every second every day | Cron | 0.0 min
            5 4 * * sun => 5 4 * * 0 | at 04:05 on Sunday | Cron | 10080.0 min
            0 0 29 feb ? => 0 0 29 2 * | at 00:00 on day 29 of the month in February | Cron | 2103840.0 min
            0 0 1-31 * 1 => 0 0 1-31 * 1 | at 00:00 on days 1 to 31 of the month and on Monday | Cron | 1440.0 min
            0 0-23 * * * => 0 0-23 * * * | at minute 0 of hours 0 to 23 every day | Cron | 60.0 min
            0 22-23,0-6 * * * => 0 0-6,22,23 * * * | at minute 0 of hours 0 to 6, 22 and 23 every day | Cron | 160.0 min
            0 0 * * 5-7 => 0 0 * * 0,5,6 | at 00:00 on Friday, Saturday and Sunday | Cron | 3360.0 min
            */15 * * * * in Europe/Berlin => */15 * * * * in Europe/Berlin | every 15 minutes every day, Europe/Berlin time | Cron | 15.0 min
            7,19 */3 * * * => 7,19 */3 * * * | at minutes 7 and 19 of every 3 hours every day | Cron | 90.0 min
            0 12 * jan-mar 6,7 => 0 12 * 1-3 0,6 | at 12:00 on Saturday and Sunday in January to March | Cron | 20397.3 min
        "#]],
    );
}

#[test]
fn runs_in_utc_from_a_wednesday() {
    let runs = |text| next_runs(text, "UTC", "2025-01-29T10:00:00Z", 5);
    let mut table = String::new();
    for text in [
        "every 2h",
        "daily at 9:00, 18:00",
        "on weekdays at 8:00",
        "weekly on mon,wed at 10:00",
        "weekly on friday around 5pm",
        "daily between 22:00 and 6:00",
        "monthly on 31 at 6:00",
        "monthly on 15, last day",
        "yearly at 12:00",
        "0 0 29 2 *",
        "0 12 13 * 5",
        "0 9 * * 1#1",
        "0 9 15W * *",
        "59 59 23 L 2 *",
    ] {
        table += &format!("{text}\n{}", runs(text));
    }
    expect![[r#"
        every 2h
        Wed 2025-01-29 12:00:00 +00:00
        Wed 2025-01-29 14:00:00 +00:00
        Wed 2025-01-29 16:00:00 +00:00
        Wed 2025-01-29 18:00:00 +00:00
        Wed 2025-01-29 20:00:00 +00:00
        daily at 9:00, 18:00
        Wed 2025-01-29 18:00:00 +00:00
        Thu 2025-01-30 09:00:00 +00:00
        Thu 2025-01-30 18:00:00 +00:00
        Fri 2025-01-31 09:00:00 +00:00
        Fri 2025-01-31 18:00:00 +00:00
        on weekdays at 8:00
        Thu 2025-01-30 08:00:00 +00:00
        Fri 2025-01-31 08:00:00 +00:00
        Mon 2025-02-03 08:00:00 +00:00
        Tue 2025-02-04 08:00:00 +00:00
        Wed 2025-02-05 08:00:00 +00:00
        weekly on mon,wed at 10:00
        Mon 2025-02-03 10:00:00 +00:00
        Wed 2025-02-05 10:00:00 +00:00
        Mon 2025-02-10 10:00:00 +00:00
        Wed 2025-02-12 10:00:00 +00:00
        Mon 2025-02-17 10:00:00 +00:00
        weekly on friday around 5pm
        Fri 2025-01-31 17:00:00 +00:00
        Fri 2025-02-07 17:00:00 +00:00
        Fri 2025-02-14 17:00:00 +00:00
        Fri 2025-02-21 17:00:00 +00:00
        Fri 2025-02-28 17:00:00 +00:00
        daily between 22:00 and 6:00
        Wed 2025-01-29 22:00:00 +00:00
        Thu 2025-01-30 22:00:00 +00:00
        Fri 2025-01-31 22:00:00 +00:00
        Sat 2025-02-01 22:00:00 +00:00
        Sun 2025-02-02 22:00:00 +00:00
        monthly on 31 at 6:00
        Fri 2025-01-31 06:00:00 +00:00
        Fri 2025-02-28 06:00:00 +00:00
        Mon 2025-03-31 06:00:00 +00:00
        Wed 2025-04-30 06:00:00 +00:00
        Sat 2025-05-31 06:00:00 +00:00
        monthly on 15, last day
        Fri 2025-01-31 00:00:00 +00:00
        Sat 2025-02-15 00:00:00 +00:00
        Fri 2025-02-28 00:00:00 +00:00
        Sat 2025-03-15 00:00:00 +00:00
        Mon 2025-03-31 00:00:00 +00:00
        yearly at 12:00
        Thu 2026-01-01 12:00:00 +00:00
        Fri 2027-01-01 12:00:00 +00:00
        Sat 2028-01-01 12:00:00 +00:00
        Mon 2029-01-01 12:00:00 +00:00
        Tue 2030-01-01 12:00:00 +00:00
        0 0 29 2 *
        Tue 2028-02-29 00:00:00 +00:00
        Sun 2032-02-29 00:00:00 +00:00
        Fri 2036-02-29 00:00:00 +00:00
        Wed 2040-02-29 00:00:00 +00:00
        Mon 2044-02-29 00:00:00 +00:00
        0 12 13 * 5
        Fri 2025-01-31 12:00:00 +00:00
        Fri 2025-02-07 12:00:00 +00:00
        Thu 2025-02-13 12:00:00 +00:00
        Fri 2025-02-14 12:00:00 +00:00
        Fri 2025-02-21 12:00:00 +00:00
        0 9 * * 1#1
        Mon 2025-02-03 09:00:00 +00:00
        Mon 2025-03-03 09:00:00 +00:00
        Mon 2025-04-07 09:00:00 +00:00
        Mon 2025-05-05 09:00:00 +00:00
        Mon 2025-06-02 09:00:00 +00:00
        0 9 15W * *
        Fri 2025-02-14 09:00:00 +00:00
        Fri 2025-03-14 09:00:00 +00:00
        Tue 2025-04-15 09:00:00 +00:00
        Thu 2025-05-15 09:00:00 +00:00
        Mon 2025-06-16 09:00:00 +00:00
        59 59 23 L 2 *
        Fri 2025-02-28 23:59:59 +00:00
        Sat 2026-02-28 23:59:59 +00:00
        Sun 2027-02-28 23:59:59 +00:00
        Tue 2028-02-29 23:59:59 +00:00
        Wed 2029-02-28 23:59:59 +00:00
    "#]]
    .assert_eq(&table);
}

#[test]
fn kinds_and_zones_are_told() {
    let schedule = parsed("0 9 * * 1 in Europe/Berlin");
    assert_eq!(schedule.kind(), Kind::Cron);
    assert_eq!(schedule.zone_name(), Some("Europe/Berlin"));
    let found = schedule.zone(&zone("UTC"), |name| Some(zone(name))).unwrap();
    assert_eq!(found, zone("Europe/Berlin"));
    assert_eq!(
        parsed("daily").zone(&zone("Asia/Kolkata"), |_| None).unwrap(),
        zone("Asia/Kolkata")
    );
    let error = schedule.zone(&zone("UTC"), |_| None).unwrap_err();
    expect![[r#"
        0 9 * * 1 in Europe/Berlin
                     ^^^^^^^^^^^^^ no such time zone; names look like Europe/Berlin"#]]
    .assert_eq(&error.caret());
}
