//! Local time as plain numbers, and its way to and from instants over clock changes.
//!
//! A local time is counted in seconds or milliseconds as if the zone were UTC.

use core::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

pub(super) const DAY_S: i64 = 86_400;

/// Instants a schedule works with, in milliseconds: what [`Timestamp`] can
/// name, the years -9999 to 9999 with a day less at either end.
pub(super) const RANGE: RangeInclusive<i64> = -377_705_023_201_000..=253_402_207_200_999;

/// How far the zone is from UTC at an instant, in milliseconds.
pub(super) fn offset_ms(zone: &TimeZone, at: i64) -> Option<i64> {
    let at = Timestamp::from_millisecond(at).ok()?;
    Some(i64::from(zone.to_offset(at).seconds()) * 1_000)
}

/// The one instant (ms) at which a local time (s) runs: the first of two where it occurs twice, the
/// end of the gap where it doesn't occur. Never decreases as the local time grows.
pub(super) fn instant_of(zone: &TimeZone, local_s: i64) -> Option<i64> {
    let local = Offset::UTC.to_datetime(Timestamp::from_second(local_s).ok()?);
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { after, .. } => {
            // The offset of after the gap puts the local time before it.
            return change_after(zone, (local_s - i64::from(after.seconds())) * 1_000);
        }
    };
    let at = (local_s - i64::from(offset.seconds())) * 1_000;
    RANGE.contains(&at).then_some(at)
}

/// The instant (ms) of the zone's first change of offset after `after`.
pub(super) fn change_after(zone: &TimeZone, after: i64) -> Option<i64> {
    let after = Timestamp::from_millisecond(after).ok()?;
    zone.following(after).next().map(|change| change.timestamp().as_millisecond())
}

/// The local time (s) at which the range that occurs twice ends, seen from an instant in its second
/// half.
pub(super) fn fold_end(zone: &TimeZone, at: i64) -> Option<i64> {
    let next = Timestamp::from_millisecond(at + 1).ok()?;
    let change = zone.preceding(next).next()?.timestamp().as_millisecond();
    Some((change + offset_ms(zone, change - 1)?).div_euclid(1_000))
}

/// The date of a day counted from 1970-01-01.
pub(super) fn date_of(day: i64) -> Option<Date> {
    let midnight = Timestamp::from_second(day.checked_mul(DAY_S)?).ok()?;
    Some(Offset::UTC.to_datetime(midnight).date())
}

/// The day of a date, counted from 1970-01-01.
pub(super) fn day_of(date: Date) -> Option<i64> {
    let midnight = date.at(0, 0, 0, 0);
    Some(Offset::UTC.to_timestamp(midnight).ok()?.as_second().div_euclid(DAY_S))
}

/// The weekday of a day counted from 1970-01-01: Sunday is 0.
pub(super) fn weekday_of(day: i64) -> u32 {
    // 1970-01-01 was a Thursday.
    (day + 4).rem_euclid(7) as u32
}

/// The first day of the month after this one.
pub(super) fn next_month(first: Date) -> Option<Date> {
    first.checked_add(1.month()).ok()
}
