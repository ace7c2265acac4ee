//! Durations as people write them: `10m`, `1h 30m`, `45 seconds`, `2 days`.

use alloc::string::String;

/// Longest duration: a hundred years. Nothing here waits longer, and sums stay far from overflow.
pub const LONGEST_MS: i64 = 100 * 366 * 24 * 3_600_000;

/// Units by their spellings, in milliseconds.
const UNITS: [(&[&str], i64); 6] = [
    (&["ms", "millisecond", "milliseconds"], 1),
    (&["s", "sec", "secs", "second", "seconds"], 1_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
    (&["w", "week", "weeks"], 604_800_000),
];

/// Milliseconds of a duration, more than none.
///
/// # Errors
/// Says what is not understood; the text is a fragment for a sentence.
pub fn parse(text: &str) -> Result<i64, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("a duration is missing".into());
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let (amount, after) = number(rest)?;
        let (unit, after) = unit(after, text)?;
        total = amount
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= LONGEST_MS)
            .ok_or_else(|| alloc::format!("`{text}` is longer than a hundred years"))?;
        rest = after.trim_start_matches([' ', ',']);
    }
    if total == 0 { Err(alloc::format!("`{text}` is no time at all")) } else { Ok(total) }
}

fn number(text: &str) -> Result<(i64, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match text[..end].parse() {
        Ok(amount) => Ok((amount, text[end..].trim_start())),
        Err(_) => Err(alloc::format!("`{text}` does not start with a whole number")),
    }
}

fn unit<'a>(text: &'a str, whole: &str) -> Result<(i64, &'a str), String> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let word = &text[..end];
    match UNITS.iter().find(|(spellings, _)| spellings.contains(&word)) {
        Some((_, ms)) => Ok((*ms, &text[end..])),
        None if word.is_empty() => Err(alloc::format!("`{whole}` has no unit")),
        None => Err(alloc::format!("`{word}` is no unit of time")),
    }
}

/// The shortest exact text for `ms`, such as `1h 30m`.
pub fn show(ms: i64) -> String {
    let mut rest = ms.max(0);
    let mut text = String::new();
    for (spellings, unit) in UNITS.iter().rev() {
        let amount = rest / unit;
        rest %= unit;
        if amount > 0 {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&alloc::format!("{amount}{}", spellings[0]));
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip_through_their_shortest_text() {
        for (text, ms, shown) in [
            ("10m", 600_000, "10m"),
            ("90s", 90_000, "1m 30s"),
            ("1h 30m", 5_400_000, "1h 30m"),
            ("1h30m", 5_400_000, "1h 30m"),
            ("2 days, 4 hours", 187_200_000, "2d 4h"),
            ("1500ms", 1_500, "1s 500ms"),
            ("1 week", 604_800_000, "1w"),
        ] {
            assert_eq!(parse(text), Ok(ms), "{text}");
            assert_eq!(show(ms), shown);
            assert_eq!(parse(shown), Ok(ms));
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("", "a duration is missing"),
            ("soon", "`soon` does not start with a whole number"),
            ("10", "`10` has no unit"),
            ("10 fortnights", "`fortnights` is no unit of time"),
            ("0s", "`0s` is no time at all"),
            ("1.5h", "`1.5h` has no unit"),
            ("9999999999999999999s", "`9999999999999999999s` does not start with a whole number"),
            ("9999999w", "`9999999w` is longer than a hundred years"),
            ("-1s", "`-1s` does not start with a whole number"),
        ] {
            assert_eq!(parse(text), Err(why.into()));
        }
    }
}
