//! Days and weeks as numbers: civil dates without a clock or a time zone.

/// Milliseconds in one day.
pub const DAY_MS: i64 = 86_400_000;
/// Milliseconds in one week.
pub const WEEK_MS: i64 = 7 * DAY_MS;

/// A day counted from 1970-01-01, in UTC.
pub type Day = i64;

/// The day a moment (milliseconds since 1970) falls on, in UTC.
pub fn day_of(ms: i64) -> Day {
    ms.div_euclid(DAY_MS)
}

/// The number of the week, counted from the one that holds 1970-01-01 and starting on Mondays.
///
/// Moments before 1970 fall into week 0, so that one broken clock cannot stretch a series.
pub fn week_of(ms: i64) -> u16 {
    // 1970-01-01 was a Thursday: three days after a Monday.
    let week = (day_of(ms) + 3).div_euclid(7);
    u16::try_from(week.max(0)).unwrap_or(u16::MAX)
}

/// The Monday a week starts on.
pub fn monday_of(week: u16) -> Day {
    i64::from(week) * 7 - 3
}

/// The first moment of a day, in milliseconds since 1970.
pub fn start_of(day: Day) -> i64 {
    day.saturating_mul(DAY_MS)
}

/// `YYYY-MM-DD` of a day.
pub fn date_text(day: Day) -> String {
    let (year, month, day) = civil_from(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads `YYYY-MM-DD`; nothing else is a date, and days that no calendar has are refused.
pub fn parse_date(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let number = |part: &str| -> Option<i64> {
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let civil = (number(year)?, number(month)?, number(day)?);
    if !(1..=12).contains(&civil.1) {
        return None;
    }
    let counted = days_from(civil);
    (civil_from(counted) == civil).then_some(counted)
}

/// Days since 1970 of a proleptic Gregorian date, counting years from March so that the leap
/// day comes last.
fn days_from((year, month, day): (i64, i64, i64)) -> Day {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from`].
fn civil_from(day: Day) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(dates: &[&str], expected: Expect) {
        let lines: Vec<String> = dates
            .iter()
            .map(|text| match parse_date(text) {
                Some(day) => format!(
                    "{text} = day {day}, week {}, again {}",
                    week_of(start_of(day)),
                    date_text(day)
                ),
                None => format!("{text} is no date"),
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn dates_round_trip_and_impossible_ones_are_refused() {
        check(
            &["1970-01-01", "1970-01-05", "2000-02-29", "2026-11-23", "1969-12-31"],
            expect![[r#"
                1970-01-01 = day 0, week 0, again 1970-01-01
                1970-01-05 = day 4, week 1, again 1970-01-05
                2000-02-29 = day 11016, week 1574, again 2000-02-29
                2026-11-23 = day 20780, week 2969, again 2026-11-23
                1969-12-31 = day -1, week 0, again 1969-12-31"#]],
        );
        check(
            &[
                "2026-02-29",
                "2026-13-01",
                "2026-00-10",
                "2026-1-1",
                "26-01-01",
                "soon",
                "2026-01-+1",
            ],
            expect![[r#"
                2026-02-29 is no date
                2026-13-01 is no date
                2026-00-10 is no date
                2026-1-1 is no date
                26-01-01 is no date
                soon is no date
                2026-01-+1 is no date"#]],
        );
    }
}
