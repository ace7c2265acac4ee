//! Points in time as text.

use jiff::Timestamp;
use onboard_domain::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A point in time, written as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub Time);

impl From<Time> for Stamp {
    fn from(time: Time) -> Stamp {
        Stamp(time)
    }
}

impl fmt::Display for Stamp {
    /// A time beyond the calendar (the end of time of an unbounded wait) is written as its edge.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = if self.0.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        write!(f, "{:.3}", Timestamp::from_millisecond(self.0.0).unwrap_or(edge))
    }
}

impl FromStr for Stamp {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Stamp, jiff::Error> {
        Ok(Stamp(Time(text.parse::<Timestamp>()?.as_millisecond())))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Stamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_rfc_3339_and_reads_back() {
        let stamp = Stamp(Time(1_795_000_000_123));
        assert_eq!(stamp.to_string(), "2026-11-18T11:06:40.123Z");
        assert_eq!(stamp.to_string().parse::<Stamp>().unwrap(), stamp);
        assert_eq!(Stamp(Time(i64::MAX)).to_string(), "9999-12-30T22:00:00.999Z");
    }
}
