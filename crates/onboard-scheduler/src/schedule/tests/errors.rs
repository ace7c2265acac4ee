//! Refusals: the place, the reason, and a suggestion that parses.

use alloc::format;
use alloc::string::{String, ToString};

use expect_test::expect;

use super::{Numbers, Schedule};
use crate::schedule::TEXT_MAX;

#[test]
fn refusals_name_the_place_and_what_would_be_right() {
    let mut table = String::new();
    for text in [
        "",
        "dialy",
        "every 5 minuets",
        "every 5",
        "every",
        "evry 5 minuts",
        "every 0 minutes",
        "every -5 minutes",
        "every 1.5 hours",
        "every 2 months",
        "every 7 months",
        "every 2 years",
        "every 400 days",
        "every 99999999999 seconds",
        "every other day",
        "every 5m30",
        "every 2 days at 9:00",
        "hourly at 15",
        "weekly on fryday",
        "weekly on",
        "weekly on mon,",
        "weekly monday",
        "weekly on 5",
        "on monday, 5",
        "on",
        "on event",
        "on event a!b",
        "dayly at 25:00",
        "daily at 25:00",
        "daily at 24:00",
        "daily at 9:5",
        "daily at 9:75",
        "daily at 13pm",
        "daily at",
        "daily at noonn",
        "daily 14:30",
        "daily arround 9am",
        "daily around 9am please",
        "daily between 9am and 9am",
        "daily between 9am",
        "daily on monday",
        "14:30",
        "5 minutes",
        "at 9am",
        "continuous please",
        "manual at 9:00",
        "monthly on 0",
        "monthly on 32",
        "monthly on first monday",
        "monthly on the lst day",
        "fridai at 9",
        "@dialy",
        "@reboot",
        "60 * * * *",
        "* 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "0 0 * * MOM",
        "0 0 31 2 *",
        "0 0 30,31 feb *",
        "*/0 * * * *",
        "*/90 * * * *",
        "5/10 * * * *",
        "0 22-6 * * *",
        "0 9 * * 1#6",
        "0 9 * *",
        "0 0 9 * * 1 2026",
        "1,, * * * *",
        "a * * * *",
        "* * * * ,",
        "daily in",
        "daily in ",
        "daily in Mars!",
        "täglich",
        "daily\nat 9:00",
    ] {
        let error = Schedule::parse(text).expect_err(text);
        table += &format!("{}\n\n", error.caret());
        if let Some(suggestion) = &error.suggestion {
            assert!(Schedule::parse(suggestion).is_ok(), "{text} suggests {suggestion}");
        }
    }
    expect![[r#"

        ^ expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression

        dialy
        ^^^^^ expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `dialy`
        help: did you mean `daily`?

        every 5 minuets
                ^^^^^^^ expected a unit (seconds, minutes, hours, days, weeks), found `minuets`
        help: did you mean `every 5 minutes`?

        every 5
               ^ expected a unit: seconds, minutes, hours, days or weeks
        help: did you mean `every 5 minutes`?

        every
             ^ expected a number and a unit, such as `5 minutes`

        evry 5 minuts
        ^^^^ expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `evry`
        help: did you mean `every 5 minutes`?

        every 0 minutes
              ^ an interval of nothing would never end; the shortest is 1 second
        help: did you mean `every 1 minute`?

        every -5 minutes
              ^^ an interval can't be negative
        help: did you mean `every 5 minutes`?

        every 1.5 hours
              ^^^ expected a whole number and a unit; halves are written in the smaller unit, such as `90 minutes`

        every 2 months
              ^^^^^^^^ months differ in length, so they can't be counted; write `monthly` or a cron expression
        help: did you mean `0 0 1 */2 *`?

        every 7 months
              ^^^^^^^^ months differ in length, so they can't be counted; write `monthly` or a cron expression

        every 2 years
              ^^^^^^^ the longest interval is 366 days; write `yearly`

        every 400 days
              ^^^^^^^^ the longest interval is 366 days; `yearly` and cron reach further

        every 99999999999 seconds
              ^^^^^^^^^^^ this number is too large; the longest interval is 366 days

        every other day
              ^^^^^ `other` isn't counted; write the number
        help: did you mean `every 2 days`?

        every 5m30
                  ^ expected a unit: seconds, minutes, hours, days or weeks

        every 2 days at 9:00
                     ^^ expected the end, found `at`: an interval counts elapsed time and takes no day or time; those go with `daily`, `weekly`, `monthly` or cron
        help: did you mean `daily at 09:00`?

        hourly at 15
               ^^ expected the end, found `at`: an interval counts elapsed time and takes no day or time; those go with `daily`, `weekly`, `monthly` or cron
        help: did you mean `15 * * * *`?

        weekly on fryday
                  ^^^^^^ expected a day such as `monday`, `weekdays` or `weekends`, found `fryday`
        help: did you mean `weekly on friday`?

        weekly on
                 ^ expected a day such as `monday`, `weekdays` or `weekends`

        weekly on mon,
                      ^ expected a day such as `monday`, `weekdays` or `weekends`

        weekly monday
               ^^^^^^ expected `at`, `around` or `between` and a time, or `in` and a time zone, found `monday`
        help: did you mean `weekly on monday`?

        weekly on 5
                  ^ expected a day such as `monday`, `weekdays` or `weekends`, found `5`
        help: did you mean `monthly on 5`?

        on monday, 5
                   ^ expected a day such as `monday`, `weekdays` or `weekends`, found `5`
        help: did you mean `monthly on 5`?

        on
          ^ expected a day such as `monday`, `weekdays` or `weekends`

        on event
                ^ expected the name of an event; `events` means all that the agent subscribes to
        help: did you mean `events`?

        on event a!b
                  ^ names of events have letters, digits and `.`, `_`, `-`, `:`, `/`

        dayly at 25:00
        ^^^^^ expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `dayly`

        daily at 25:00
                 ^^^^^ hours run from 0 to 23; expected a time of day such as `14:30` or `9am`

        daily at 24:00
                 ^^^^^ hours run from 0 to 23; expected a time of day such as `14:30` or `9am`

        daily at 9:5
                 ^^^ minutes and seconds have two digits; expected a time of day such as `14:30` or `9am`

        daily at 9:75
                 ^^^^ minutes and seconds run from 00 to 59; expected a time of day such as `14:30` or `9am`

        daily at 13pm
                 ^^^^ with am and pm, hours run from 1 to 12; expected a time of day such as `14:30` or `9am`

        daily at
                ^ expected a time of day such as `14:30` or `9am`

        daily at noonn
                 ^^^^^ expected a time of day such as `14:30` or `9am`, found `noonn`
        help: did you mean `daily at 12:00`?

        daily 14:30
              ^^^^^ expected `at`, `around` or `between` and a time, or `in` and a time zone, found `14:30`
        help: did you mean `daily at 14:30`?

        daily arround 9am
              ^^^^^^^ expected `at`, `around` or `between` and a time, or `in` and a time zone, found `arround`
        help: did you mean `daily around 09:00`?

        daily around 9am please
                         ^^^^^^ expected the end, found `please`

        daily between 9am and 9am
                      ^^^^^^^^^^^ the window ends where it starts; for the whole day leave it out
        help: did you mean `daily`?

        daily between 9am
                         ^ expected a time of day such as `14:30` or `9am`

        daily on monday
              ^^ expected `at`, `around` or `between` and a time, or `in` and a time zone, found `on`
        help: did you mean `weekly on monday`?

        14:30
        ^^^^^ a schedule starts with a word such as `every` or `daily`, or is a cron expression of 5 fields
        help: did you mean `daily at 14:30`?

        5 minutes
        ^ a schedule starts with a word such as `every` or `daily`, or is a cron expression of 5 fields
        help: did you mean `every 5 minutes`?

        at 9am
        ^^ expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `at`
        help: did you mean `daily at 09:00`?

        continuous please
                   ^^^^^^ `continuous` takes nothing after it, found `please`

        manual at 9:00
               ^^ `manual` takes nothing after it, found `at`
        help: did you mean `daily at 09:00`?

        monthly on 0
                   ^ days of the month run from 1 to 31

        monthly on 32
                   ^^ days of the month run from 1 to 31

        monthly on first monday
                   ^^^^^ expected a day of the month from 1 to 31, or `last day`; a certain weekday of the month is cron's, as in `0 9 * * 1#1`, found `first`

        monthly on the lst day
                       ^^^ expected a day of the month from 1 to 31, or `last day`; a certain weekday of the month is cron's, as in `0 9 * * 1#1`, found `lst`
        help: did you mean `monthly on last day`?

        fridai at 9
        ^^^^^^ expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `fridai`
        help: did you mean `weekly on friday at 09:00`?

        @dialy
        ^^^^^^ the names with `@` are @hourly, @daily, @weekly, @monthly, @yearly
        help: did you mean `daily`?

        @reboot
        ^^^^^^^ the names with `@` are @hourly, @daily, @weekly, @monthly, @yearly

        60 * * * *
        ^^ minutes run from 0 to 59

        * 24 * * *
          ^^ hours run from 0 to 23

        0 0 0 * *
            ^ days of the month run from 1 to 31

        0 0 32 * *
            ^^ days of the month run from 1 to 31

        0 0 * 13 *
              ^^ months run from 1 to 12

        0 0 * * 8
                ^ days of the week run from 0 to 7

        0 0 * * MOM
                ^^^ days of the week are numbers from 0 to 7 or by name
        help: did you mean `0 0 * * mon`?

        0 0 31 2 *
            ^^^^ that date never comes: the months given are shorter

        0 0 30,31 feb *
            ^^^^^^^^^ that date never comes: the months given are shorter

        */0 * * * *
          ^ a step through minutes runs from 1 to 59

        */90 * * * *
          ^^ a step through minutes runs from 1 to 59

        5/10 * * * *
        ^^^^ a step needs a range or `*` before the `/`
        help: did you mean `5-59/10 * * * *`?

        0 22-6 * * *
          ^^^^ the range runs backwards
        help: did you mean `0 22-23,0-6 * * *`?

        0 9 * * 1#6
                  ^ after `#` comes which one of the month, 1 to 5

        0 9 * *
        ^^^^^^^ a cron expression has 5 fields (minute hour day month weekday) or 6 with seconds in front, this has 4

        0 0 9 * * 1 2026
        ^^^^^^^^^^^^^^^^ a cron expression has 5 fields (minute hour day month weekday) or 6 with seconds in front, this has 7

        1,, * * * *
          ^ a value is missing: minutes are numbers from 0 to 59

        a * * * *
        ^ expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `a`

        * * * * ,
                ^ a value is missing: days of the week are numbers from 0 to 7 or by name

        daily in
              ^^ expected `at`, `around` or `between` and a time, or `in` and a time zone, found `in`

        daily in
                 ^ a time zone such as Europe/Berlin comes after `in`

        daily in Mars!
                     ^ this doesn't belong in a time zone; names look like Europe/Berlin

        täglich
         ^ only plain letters, digits and signs are understood here

        daily at 9:00
             ^ only plain letters, digits and signs are understood here

    "#]].assert_eq(&table);
}

#[test]
fn spaces_alone_are_no_schedule() {
    let error = Schedule::parse("   ").unwrap_err();
    assert_eq!((error.offset, error.len, error.suggestion), (0, 0, None));
}

#[test]
fn one_line() {
    let error = Schedule::parse("weekly on fryday around 5pm").unwrap_err();
    expect![[r#"schedule "weekly on fryday around 5pm", column 11: expected a day such as `monday`, `weekdays` or `weekends`, found `fryday`; did you mean `weekly on friday around 17:00`?"#]].assert_eq(&error.to_string());
    let error = Schedule::parse("daily\tat\u{7} 9").unwrap_err();
    expect![[r#"schedule "daily\tat\u{7} 9", column 9: only plain letters, digits and signs are understood here"#]].assert_eq(&error.to_string());
}

#[test]
fn long_texts_are_refused_in_part() {
    let text = "é".repeat(TEXT_MAX);
    let error = Schedule::parse(&text).unwrap_err();
    assert_eq!(error.text.len(), TEXT_MAX);
    assert_eq!((error.offset, error.len), (0, TEXT_MAX));
}

/// Whatever the text, the answer is a schedule or an error whose place lies in the text and whose
/// suggestion parses.
#[test]
fn no_text_breaks_the_parser() {
    let parts = [
        "every",
        "daily",
        "weekly",
        "monthly",
        "on",
        "at",
        "around",
        "between",
        "and",
        "in",
        "event",
        "mon",
        "fri",
        "weekdays",
        "last",
        "day",
        "5",
        "0",
        "31",
        "9am",
        "25:00",
        "2h",
        "1h30m",
        "-",
        "_",
        ",",
        "*",
        "*/5",
        "#",
        "1#2",
        "L",
        "15W",
        "@daily",
        "Europe/Berlin",
        " ",
        "  ",
        "é",
        "pm",
        "minutes",
        "month",
        "to",
        ":",
        ".",
        "1-5",
        "/",
        "99999999999999",
    ];
    let mut numbers = Numbers(7);
    for _ in 0..60_000 {
        let count = numbers.below(8);
        let joint = [" ", "_", "", "-"][numbers.below(4) as usize];
        let words: alloc::vec::Vec<&str> =
            (0..count).map(|_| parts[numbers.below(parts.len() as u64) as usize]).collect();
        let text = words.join(joint);
        match Schedule::parse(&text) {
            Ok(schedule) => {
                let canonical = schedule.canonical();
                let again = Schedule::parse(&canonical);
                assert_eq!(again.as_ref(), Ok(&schedule), "{text} => {canonical}");
                assert!(!schedule.describe().is_empty());
            }
            Err(error) => {
                assert!(error.offset + error.len <= error.text.len(), "{text}");
                assert!(!error.caret().is_empty());
                let suggestion = error.suggestion.as_deref();
                assert!(suggestion.is_none_or(|text| Schedule::parse(text).is_ok()), "{text}");
            }
        }
    }
}
