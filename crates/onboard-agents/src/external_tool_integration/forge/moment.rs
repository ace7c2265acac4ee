//! Moments as forges write them: RFC 3339 in JSON, IMF-fixdate in fields of answers.

use onboard_analysis::calendar::{DAY_MS, date_text, day_of, parse_date, start_of};

/// Milliseconds since 1970 of `2026-11-27T07:34:16Z`, `…16.250Z` or `…16+01:00`.
pub fn read(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone_at);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let of_day = of_day(time)?;
    let millis = match fraction {
        "" => 0,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{digits:0<3}").get(..3)?.parse().ok()?
        }
        _ => return None,
    };
    Some(start_of(parse_date(date)?) + of_day + millis - offset(zone)?)
}

/// The same of `Fri, 27 Nov 2026 07:34:16 GMT` (RFC 9110, 5.6.7).
pub fn read_field(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = (0..12).find(|at| MONTHS.get(at * 3..at * 3 + 3) == Some(month))? + 1;
    Some(start_of(parse_date(&format!("{year}-{month:02}-{day:0>2}"))?) + of_day(time)?)
}

/// As forges take it, to the millisecond.
pub fn write(ms: i64) -> String {
    let of_day = ms.rem_euclid(DAY_MS);
    let (seconds, millis) = (of_day / 1_000, of_day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let date = date_text(day_of(ms));
    match millis {
        0 => format!("{date}T{hour:02}:{minute:02}:{second:02}Z"),
        _ => format!("{date}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"),
    }
}

/// Milliseconds of `07:34:16`.
fn of_day(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let [hour, minute, second] = parts[..] else { return None };
    let number = |text: &str, below: i64| -> Option<i64> {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_plain && *number < below)
    };
    // A leap second is the last one of its minute.
    let second = number(second, 61)?.min(59);
    Some(((number(hour, 24)? * 60 + number(minute, 60)?) * 60 + second) * 1_000)
}

/// Milliseconds that a zone is before UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    Some(sign * of_day(&format!("{rest}:00"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn moments_are_read_and_written() {
        let of = |read: fn(&str) -> Option<i64>| {
            move |text: &&str| match read(text) {
                Some(ms) => format!("{text} = {}\n", write(ms)),
                None => format!("{text} is none\n"),
            }
        };
        let json = [
            "2026-11-27T07:34:16Z",
            "2026-11-27T07:34:16.25Z",
            "2026-11-27T00:34:16.2509+01:00",
            "2026-11-27T07:34:16-0100",
            "2026-11-27T07:34:60Z",
            "2026-11-27T07:34:16",
            "2026-11-27T24:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-27",
            "",
        ];
        let fields = [
            "Fri, 27 Nov 2026 07:34:16 GMT",
            "Fri, 7 Nov 2026 07:34:16 GMT",
            "Fri, 27 Nov 2026 07:34:16 CET",
            "27",
        ];
        let said = json.iter().map(of(read)).chain(fields.iter().map(of(read_field)));
        expect![[r#"
            2026-11-27T07:34:16Z = 2026-11-27T07:34:16Z
            2026-11-27T07:34:16.25Z = 2026-11-27T07:34:16.250Z
            2026-11-27T00:34:16.2509+01:00 = 2026-11-26T23:34:16.250Z
            2026-11-27T07:34:16-0100 is none
            2026-11-27T07:34:60Z = 2026-11-27T07:34:59Z
            2026-11-27T07:34:16 is none
            2026-11-27T24:00:00Z is none
            2026-02-30T00:00:00Z is none
            2026-11-27 is none
             is none
            Fri, 27 Nov 2026 07:34:16 GMT = 2026-11-27T07:34:16Z
            Fri, 7 Nov 2026 07:34:16 GMT = 2026-11-07T07:34:16Z
            Fri, 27 Nov 2026 07:34:16 CET is none
            27 is none
        "#]]
        .assert_eq(&said.collect::<String>());
    }
}
