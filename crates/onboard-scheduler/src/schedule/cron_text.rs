//! The text of cron expressions: reading the fields and writing them back.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::cron::{Cron, MonthDays, WeekDays};
use super::words::{DAY_NAMES, Fault, MONTH_NAMES, Word};

/// One field: what its values are called, their range, and their names from `min` on.
struct Field {
    plural: &'static str,
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const SECONDS: Field = Field { plural: "seconds", min: 0, max: 59, names: &[] };
const MINUTES: Field = Field { plural: "minutes", min: 0, max: 59, names: &[] };
const HOURS: Field = Field { plural: "hours", min: 0, max: 23, names: &[] };
const DAYS: Field = Field { plural: "days of the month", min: 1, max: 31, names: &[] };
const MONTHS: Field = Field { plural: "months", min: 1, max: 12, names: &MONTH_NAMES };
/// 7 is another Sunday.
const WEEK: Field = Field { plural: "days of the week", min: 0, max: 7, names: &DAY_NAMES };

/// Short names, as cron writes them.
const SHORT_NAMES: [&str; 19] = [
    "sun", "mon", "tue", "wed", "thu", "fri", "sat", "jan", "feb", "mar", "apr", "may", "jun",
    "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Reads an expression of 5 fields, or 6 with seconds in front.
pub(super) fn read(fields: &[Word<'_>]) -> Result<Box<Cron>, Fault> {
    let (seconds, rest) = match fields {
        [seconds, rest @ ..] if rest.len() == 5 => (values_of(*seconds, &SECONDS)?, rest),
        rest => (1, rest),
    };
    let [minutes, hours, days, months, week] = rest else {
        let span = match (fields.first(), fields.last()) {
            (Some(first), Some(last)) => first.at..last.span().end,
            _ => 0..0,
        };
        let count = fields.len();
        let message = format!(
            "a cron expression has 5 fields (minute hour day month weekday) or 6 with seconds in \
             front, this has {count}"
        );
        return Err(Fault::new(span, message));
    };
    let cron = Cron {
        seconds,
        minutes: values_of(*minutes, &MINUTES)?,
        hours: values_of(*hours, &HOURS)? as u32,
        hours_open: hours.text.starts_with('*') && !hours.text.contains(','),
        month_days: month_days(*days)?,
        months: values_of(*months, &MONTHS)? as u16,
        week_days: week_days(*week)?,
    };
    if cron.nominal_ms().is_none() {
        let message = "that date never comes: the months given are shorter";
        return Err(Fault::new(days.at..months.span().end, message));
    }
    Ok(Box::new(cron))
}

/// The pieces of a field between its commas.
fn pieces(field: Word<'_>) -> impl Iterator<Item = Word<'_>> {
    let mut at = field.at;
    field.text.split(',').map(move |text| {
        let piece = Word { text, at };
        at += text.len() + 1;
        piece
    })
}

fn values_of(field: Word<'_>, kind: &Field) -> Result<u64, Fault> {
    pieces(field).try_fold(0, |mask, piece| Ok(mask | piece_values(piece, kind)?))
}

/// `*`, `*/n`, `a`, `a-b` or `a-b/n`.
fn piece_values(piece: Word<'_>, kind: &Field) -> Result<u64, Fault> {
    let (range, step) = match piece.text.split_once('/') {
        Some((range, step)) => {
            let at = piece.at + range.len() + 1;
            (Word { text: range, at: piece.at }, step_of(Word { text: step, at }, kind)?)
        }
        None => (piece, 1),
    };
    let stepped = piece.text.contains('/');
    if range.text == "*" {
        // Seven is only another name for Sunday.
        let max = if kind.max == 7 { 6 } else { kind.max };
        return Ok(bits(kind.min, max, step));
    }
    let Some((from, to)) = range.text.split_once('-') else {
        let value = value_of(range, kind)?;
        if stepped {
            let message = "a step needs a range or `*` before the `/`";
            let fixed = format!("{value}-{}/{step}", kind.max);
            return Err(Fault::new(piece.span(), message).or_span(fixed));
        }
        return Ok(wrapped(bits(value, value, 1), kind));
    };
    let to_at = range.at + from.len() + 1;
    let from = value_of(Word { text: from, at: range.at }, kind)?;
    let to = value_of(Word { text: to, at: to_at }, kind)?;
    if from > to {
        let message = "the range runs backwards";
        let max = if kind.max == 7 { 6 } else { kind.max };
        let fixed = format!("{from}-{max},{}-{to}", kind.min);
        let fault = Fault::new(range.span(), message);
        return Err(if stepped { fault } else { fault.or_span(fixed) });
    }
    Ok(wrapped(bits(from, to, step), kind))
}

/// Moves a weekday 7 to Sunday's 0.
fn wrapped(mask: u64, kind: &Field) -> u64 {
    if kind.max == 7 { (mask | mask >> 7) & 0x7f } else { mask }
}

fn bits(from: u32, to: u32, step: u32) -> u64 {
    (from..=to).step_by(step.max(1) as usize).fold(0, |mask, value| mask | 1 << value)
}

fn step_of(step: Word<'_>, kind: &Field) -> Result<u32, Fault> {
    let limit = kind.max - kind.min;
    match step.text.parse() {
        Ok(value) if (1..=limit).contains(&value) => Ok(value),
        _ => {
            let message = format!("a step through {} runs from 1 to {limit}", kind.plural);
            Err(Fault::new(step.span(), message))
        }
    }
}

fn value_of(value: Word<'_>, kind: &Field) -> Result<u32, Fault> {
    if let Ok(number) = value.text.parse::<u32>() {
        if (kind.min..=kind.max).contains(&number) && value.starts_with_digit() {
            return Ok(number);
        }
        let message = format!("{} run from {} to {}", kind.plural, kind.min, kind.max);
        return Err(Fault::new(value.span(), message));
    }
    let named = kind.names.iter().position(|name| value.is(name) || value.is(&name[..3]));
    if let Some(index) = named {
        return Ok(kind.min + index as u32);
    }
    let (min, max) = (kind.min, kind.max);
    let names = if kind.names.is_empty() { "" } else { " or by name" };
    let what = if value.text.is_empty() { "a value is missing: " } else { "" };
    let message = format!("{what}{} are numbers from {min} to {max}{names}", kind.plural);
    let fault = Fault::new(value.span(), message);
    Err(if kind.names.is_empty() { fault } else { fault.or_nearest(value.text, &SHORT_NAMES) })
}

/// `*`, `?` and `*/1` leave the day open.
fn is_open(field: Word<'_>) -> bool {
    matches!(field.text, "*" | "?" | "*/1")
}

fn month_days(field: Word<'_>) -> Result<MonthDays, Fault> {
    let mut days = MonthDays { open: is_open(field), ..MonthDays::default() };
    if days.open {
        return Ok(days);
    }
    for piece in pieces(field) {
        let text = piece.text;
        if piece.is("L") {
            days.last = true;
        } else if piece.is("LW") {
            days.last_weekday = true;
        } else if let Some(day) = text.strip_suffix(['W', 'w']) {
            days.nearest |= 1 << value_of(Word { text: day, ..piece }, &DAYS)?;
        } else {
            days.days |= piece_values(piece, &DAYS)? as u32;
        }
    }
    Ok(days)
}

fn week_days(field: Word<'_>) -> Result<WeekDays, Fault> {
    let mut days = WeekDays { open: is_open(field), ..WeekDays::default() };
    if days.open {
        return Ok(days);
    }
    for piece in pieces(field) {
        let text = piece.text;
        if let Some((day, nth)) = text.split_once('#') {
            let value = value_of(Word { text: day, ..piece }, &WEEK)? % 7;
            let nth_at = piece.at + day.len() + 1;
            let index = match nth.as_bytes() {
                [digit @ b'1'..=b'5'] => usize::from(digit - b'1'),
                _ => {
                    let span = nth_at..nth_at + nth.len();
                    let message = "after `#` comes which one of the month, 1 to 5";
                    return Err(Fault::new(span, message));
                }
            };
            days.nth[index] |= 1 << value;
        } else if let Some(day) = text.strip_suffix(['L', 'l']) {
            days.last |= 1 << (value_of(Word { text: day, ..piece }, &WEEK)? % 7);
        } else {
            days.days |= piece_values(piece, &WEEK)? as u8;
        }
    }
    Ok(days)
}

/// The expression with each field in its shortest regular form.
pub(super) fn write(cron: &Cron) -> String {
    let mut fields = Vec::with_capacity(6);
    if cron.seconds != 1 {
        fields.push(list(cron.seconds, &SECONDS, true));
    }
    fields.push(list(cron.minutes, &MINUTES, true));
    fields.push(list(u64::from(cron.hours), &HOURS, cron.hours_open));
    fields.push(month_days_text(&cron.month_days));
    fields.push(list(u64::from(cron.months), &MONTHS, true));
    fields.push(week_days_text(&cron.week_days));
    fields.join(" ")
}

fn month_days_text(days: &MonthDays) -> String {
    if days.open {
        return "*".into();
    }
    let mut parts = Vec::new();
    if days.days != 0 {
        parts.push(list(u64::from(days.days), &DAYS, false));
    }
    parts.extend((1..=31).filter(|day| days.nearest >> day & 1 == 1).map(|day| format!("{day}W")));
    parts.extend(days.last.then(|| "L".into()));
    parts.extend(days.last_weekday.then(|| "LW".into()));
    parts.join(",")
}

fn week_days_text(days: &WeekDays) -> String {
    if days.open {
        return "*".into();
    }
    let mut parts = Vec::new();
    if days.days != 0 {
        parts.push(list(u64::from(days.days), &Field { max: 6, ..WEEK }, false));
    }
    for weekday in 0..7 {
        for (index, mask) in days.nth.iter().enumerate() {
            if mask >> weekday & 1 == 1 {
                parts.push(format!("{weekday}#{}", index + 1));
            }
        }
        if days.last >> weekday & 1 == 1 {
            parts.push(format!("{weekday}L"));
        }
    }
    parts.join(",")
}

/// A mask as text: `*` or `*/n` where `starred` allows it, else values and ranges.
fn list(mask: u64, kind: &Field, starred: bool) -> String {
    if starred && let Some(step) = step_through(mask, kind) {
        return if step == 1 { "*".into() } else { format!("*/{step}") };
    }
    let parts: Vec<String> = runs(mask).iter().map(|run| run_text(*run)).collect();
    parts.join(",")
}

/// The step that gives exactly this mask from the field's least value, if it gives two or more.
fn step_through(mask: u64, kind: &Field) -> Option<u32> {
    let range = 1..=kind.max - kind.min;
    range.into_iter().find(|step| mask.count_ones() > 1 && bits(kind.min, kind.max, *step) == mask)
}

/// Neighbouring values taken together, as (first, last).
pub(super) fn runs(mask: u64) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in (0..64).filter(|value| mask >> value & 1 == 1) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => runs.push((value, value)),
        }
    }
    runs
}

fn run_text((first, last): (u32, u32)) -> String {
    match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    }
}

/// The step of a field that was left open with one: 1 for `*`, n for `*/n`.
pub(super) fn open_step(mask: u64, max: u32) -> Option<u32> {
    step_through(mask, &Field { plural: "", min: 0, max, names: &[] })
}
