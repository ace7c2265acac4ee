//! Times and durations for people.

use super::Look;
use jiff::Timestamp;
use onboard_web::api::Stamp;

/// A time in the past or the future: "3m ago", "in 2h", or the time itself.
pub fn relative(look: &Look, stamp: Stamp) -> String {
    if look.is_absolute {
        return absolute(look, stamp);
    }
    let ms = look.now.since(stamp.0);
    match ms {
        -999..1_000 => "now".into(),
        1_000.. => format!("{} ago", rough(ms)),
        _ => format!("in {}", rough(ms.saturating_neg())),
    }
}

/// The time in the zone of the one who reads, with the zone.
pub fn absolute(look: &Look, stamp: Stamp) -> String {
    match Timestamp::from_millisecond(stamp.0.0) {
        Ok(at) => at.to_zoned(look.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        Err(_) => stamp.to_string(),
    }
}

/// The same with how far it is.
pub fn both(look: &Look, stamp: Stamp) -> String {
    let relative = relative(&Look { is_absolute: false, ..look.clone() }, stamp);
    format!("{} ({relative})", absolute(look, stamp))
}

/// The largest unit, and for small counts of it the next: "2h 5m", "3d".
pub fn rough(ms: i64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |count: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{count}{unit}"),
        _ => format!("{count}{unit} {rest}{small}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, 1..10) => two(minutes, "m", seconds % 60, "s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, 1..10, _) => two(hours, "h", minutes % 60, "m"),
        (0, _, _) => format!("{hours}h"),
        (1..3, _, _) => two(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

/// Seconds as a person says them.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.01 => format!("{:.1} ms", s * 1_000.0),
        s if s < 1.0 => format!("{:.0} ms", s * 1_000.0),
        s if s < 60.0 => format!("{s:.1} s"),
        #[allow(clippy::cast_possible_truncation, reason = "rough on purpose")]
        s => rough((s * 1_000.0) as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::look;
    use onboard_domain::Time;

    #[test]
    fn distances_in_time() {
        let look = look(None, false);
        let told = |ms: i64| relative(&look, Stamp(Time(look.now.0 - ms)));
        let all: Vec<String> =
            [0, 59_000, 61_000, 3_600_000, 7_500_000, 90_000_000, 900_000_000, -7_200_000, -999]
                .into_iter()
                .map(told)
                .collect();
        assert_eq!(
            all,
            [
                "now",
                "59s ago",
                "1m 1s ago",
                "1h ago",
                "2h 5m ago",
                "1d 1h ago",
                "10d ago",
                "in 2h",
                "now"
            ]
        );
        assert_eq!(absolute(&look, Stamp(look.now)), "2026-11-18 11:06:45 UTC");
        assert_eq!(
            [seconds(0.0031), seconds(0.25), seconds(3.21), seconds(75.0)].join(" "),
            "3.1 ms 250 ms 3.2 s 1m 15s"
        );
    }
}
