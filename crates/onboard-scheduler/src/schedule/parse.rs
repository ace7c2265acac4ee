//! Reading a schedule: the grammar of the words, and where its zone and cron parts begin.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::calendar::{Calendar, Days, Time, WEEK, WEEKDAYS, WEEKEND};
use super::cron_text;
use super::error::ScheduleError;
use super::interval::{DAY_MS, HOUR_MS, Interval, MINUTE_MS, PERIOD_MAX_MS, SECOND_MS, WEEK_MS};
use super::words::{self, DAY_NAMES, Fault, Fix, Word};
use super::{Rule, Schedule, TEXT_MAX};

/// Mistakes set right together in one suggestion.
const SLIPS_MAX: u32 = 2;
/// The longest time zone name taken; the database's longest has 32 letters.
const ZONE_MAX: usize = 64;
/// Events one schedule names, and the length of a name.
const EVENTS_MAX: usize = 16;
const EVENT_NAME_MAX: usize = 64;
/// Times of day one schedule names: one an hour; oftener is an interval or cron.
const TIMES_MAX: usize = 24;

const HEADS: &[&str] = &[
    "continuous",
    "every",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "on",
    "events",
    "manual",
    "weekdays",
    "weekends",
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
const DAY_WORDS: &[&str] = &[
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "weekdays",
    "weekends",
    "event",
];
const TIME_WORDS: &[&str] = &["at", "around", "between", "on", "in"];
const UNITS: &[&str] = &[
    "seconds", "minutes", "hours", "days", "weeks", "second", "minute", "hour", "day", "week",
    "month", "year",
];
const WHAT_TIME: &str = "a time of day such as `14:30` or `9am`";
const ONLY_TIME: &str = "`at`, `around` or `between` and a time, or `in` and a time zone";

pub(super) fn parse(text: &str) -> Result<Schedule, ScheduleError> {
    read(text).map_err(|fault| refuse(text, fault))
}

/// Turns a fault into the error people see.
fn refuse(text: &str, fault: Fault) -> ScheduleError {
    // A text that is too long is shown in part, cut between characters.
    let cut = (0..=TEXT_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    let shown = &text[..cut.unwrap_or(0)];
    let suggestion = if shown.len() == text.len() { mend(text, &fault, SLIPS_MAX) } else { None };
    let start = fault.span.start.min(shown.len());
    ScheduleError {
        text: shown.into(),
        offset: start,
        len: fault.span.end.min(shown.len()) - start,
        message: fault.message,
        suggestion,
    }
}

/// The first fix that parses, or parses once its own mistake is set right.
fn mend(text: &str, fault: &Fault, slips: u32) -> Option<String> {
    fault.fixes.iter().find_map(|fix| {
        let fixed = match fix {
            Fix::Span(new) => {
                let (before, after) = (&text[..fault.span.start], &text[fault.span.end..]);
                format!("{before}{new}{after}")
            }
            Fix::Body(new) => format!("{new}{}", &text[body_end(text)..]),
        };
        match read(&fixed) {
            Ok(Schedule { rule: Rule::Cron(_), .. }) => Some(fixed.trim().into()),
            Ok(schedule) => Some(schedule.canonical()),
            Err(next) if slips > 1 => mend(&fixed, &next, slips - 1),
            Err(_) => None,
        }
    })
}

fn read(text: &str) -> Result<Schedule, Fault> {
    if text.len() > TEXT_MAX {
        let message = format!("a schedule has at most {TEXT_MAX} bytes, this has {}", text.len());
        return Err(Fault::new(0..text.len(), message));
    }
    let odd = |c: char| !(c.is_ascii_graphic() || c == ' ' || c == '\t');
    if let Some((at, odd)) = text.char_indices().find(|(_, c)| odd(*c)) {
        let message = "only plain letters, digits and signs are understood here";
        return Err(Fault::new(at..at + odd.len_utf8(), message));
    }
    let end = body_end(text);
    let zone = zone_of(text, end)?;
    let rule = Parser::new(&text[..end]).rule()?;
    Ok(Schedule { rule, zone })
}

/// Where the part before the zone ends: before the word `in`, or at the end of the text.
fn body_end(text: &str) -> usize {
    let part = |byte: u8| byte.is_ascii_whitespace() || byte == b'_';
    let bytes = text.as_bytes();
    let is_in = |at: &usize| {
        bytes[*at..].len() > 2
            && bytes[*at..*at + 2].eq_ignore_ascii_case(b"in")
            && part(bytes[at - 1])
            && part(bytes[at + 2])
    };
    (1..text.len()).find(is_in).unwrap_or(text.trim_end().len())
}

fn zone_of(text: &str, body_end: usize) -> Result<Option<Box<str>>, Fault> {
    if body_end == text.trim_end().len() {
        return Ok(None);
    }
    let after = &text[body_end + 2..];
    let lead = after.len() - after.trim_start_matches([' ', '\t', '_']).len();
    let name = after[lead..].trim_end();
    let at = body_end + 2 + lead;
    let wrong = |span, message: &str| Err(Fault::new(span, message));
    if name.is_empty() {
        return wrong(at..at, "a time zone such as Europe/Berlin comes after `in`");
    }
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    if let Some(odd) = name.find(|c| !part(c)) {
        let message = "this doesn't belong in a time zone; names look like Europe/Berlin";
        return wrong(at + odd..at + odd + 1, message);
    }
    if name.len() > ZONE_MAX {
        return wrong(at..at + name.len(), "no time zone has so long a name");
    }
    Ok(Some(name.into()))
}

/// The body's words, and how far they are read.
struct Parser<'a> {
    body: &'a str,
    words: Vec<Word<'a>>,
    next: usize,
}

impl<'a> Parser<'a> {
    fn new(body: &'a str) -> Parser<'a> {
        Parser { body, words: words::cut(body, 0), next: 0 }
    }

    /// The next word. Dashes and commas are words too.
    fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.next).copied()
    }

    /// The next word, past the dashes that only join words.
    fn peek_word(&mut self) -> Option<Word<'a>> {
        while self.peek().is_some_and(|word| word.text == "-") {
            self.next += 1;
        }
        self.peek()
    }

    /// Takes the next word if it is one of these.
    fn take(&mut self, words: &[&str]) -> bool {
        let taken = self.peek_word().is_some_and(|word| word.is_any(words));
        self.next += usize::from(taken);
        taken
    }

    /// Takes the commas and `and`s between the items of a list.
    fn take_separators(&mut self) -> bool {
        let start = self.next;
        while self.take(&[",", "and", "&"]) {}
        self.next > start
    }

    fn end(&self) -> usize {
        self.body.trim_end().len()
    }

    /// The refusal of the next word, or of its absence.
    fn expected(&mut self, what: &str) -> Fault {
        match self.peek_word() {
            Some(word) => {
                Fault::new(word.span(), format!("expected {what}, found `{}`", word.text))
            }
            None => Fault::new(self.end()..self.end(), format!("expected {what}")),
        }
    }

    fn rule(&mut self) -> Result<Rule, Fault> {
        let what = "a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron \
                    expression";
        let Some(head) = self.peek_word() else {
            let start = self.end();
            return Err(Fault::new(start..start, format!("expected {what}")));
        };
        if head.text.starts_with('@') {
            return self.cron_name(head);
        }
        if head.starts_with_digit() || head.text.starts_with(['*', '?']) || head.is("cron") {
            return self.cron(head);
        }
        self.next += 1;
        let rule = match head.text.to_ascii_lowercase().as_str() {
            "continuous" | "continuously" => Rule::Continuous,
            "manual" | "manually" => Rule::Manual,
            "events" | "event" => return self.events(head),
            "on" if self.peek_word().is_some_and(|word| word.is_any(&["event", "events"])) => {
                let event = self.words[self.next];
                self.next += 1;
                return self.events(event);
            }
            "hourly" => hourly(),
            "every" | "each" => self.every()?,
            "daily" => self.on_days(Days::Every)?,
            "weekly" => self.weekly()?,
            "monthly" => self.monthly()?,
            "yearly" | "annually" => self.on_days(Days::AnyOfYear)?,
            "on" => {
                let days = self.week_days()?;
                self.on_days(days)?
            }
            _ => {
                self.next -= 1;
                if let Ok(days) = self.week_days() {
                    self.on_days(days)?
                } else {
                    return Err(self.unknown_head(head, what));
                }
            }
        };
        self.finish(rule, head)
    }

    fn unknown_head(&self, head: Word<'_>, what: &str) -> Fault {
        let rest = self.body[head.at..].trim_end();
        Fault::new(head.span(), format!("expected {what}, found `{}`", head.text))
            .or_nearest(head.text, HEADS)
            .or_body(format!("daily {rest}"))
    }

    /// Refuses whatever is left.
    fn finish(&mut self, rule: Rule, head: Word<'_>) -> Result<Rule, Fault> {
        let Some(word) = self.peek_word() else { return Ok(rule) };
        let message = match rule {
            Rule::Calendar(_) => format!("expected the end, found `{}`", word.text),
            Rule::Interval(_) => format!(
                "expected the end, found `{}`: an interval counts elapsed time and takes no day or \
                 time; those go with `daily`, `weekly`, `monthly` or cron",
                word.text
            ),
            _ => format!("`{}` takes nothing after it, found `{}`", head.text, word.text),
        };
        let mut fault = Fault::new(word.span(), message);
        if head.is("hourly") {
            // A minute of the hour is meant, and cron is where it is said.
            let minute = self.words.last().map_or("", |last| last.text.trim_start_matches(':'));
            fault = fault.or_body(format!("{minute} * * * *"));
        } else if word.is_any(&["at", "around", "between"]) {
            fault = fault.or_body(format!("daily {}", self.body[word.at..].trim_end()));
        }
        Err(fault)
    }

    fn cron_name(&self, head: Word<'_>) -> Result<Rule, Fault> {
        let span = head.at..self.end();
        let text = &self.body[span.clone()];
        let any = |days| Ok(Rule::Calendar(Calendar { days, time: Time::Any }));
        match text.to_ascii_lowercase().as_str() {
            "@hourly" => Ok(hourly()),
            "@daily" | "@midnight" => any(Days::Every),
            "@weekly" => any(Days::AnyOfWeek),
            "@monthly" => any(Days::AnyOfMonth),
            "@yearly" | "@annually" => any(Days::AnyOfYear),
            name => {
                let known = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];
                let message = format!("the names with `@` are {}", known.join(", "));
                Err(Fault::new(span, message).or_nearest(name, &known))
            }
        }
    }

    fn cron(&self, head: Word<'_>) -> Result<Rule, Fault> {
        let start = if head.is("cron") { head.span().end } else { head.at };
        let mut at = start;
        let mut fields = Vec::new();
        for text in self.body[start..].split([' ', '\t']) {
            if !text.is_empty() {
                fields.push(Word { text, at });
            }
            at += text.len() + 1;
        }
        let body = self.body.trim();
        let in_words =
            fields.len() < 5 && body.contains(|c: char| c.is_ascii_alphabetic() || c == ':');
        if in_words && head.starts_with_digit() {
            let what = "a schedule starts with a word such as `every` or `daily`, or is a cron \
                        expression of 5 fields";
            return Err(Fault::new(head.span(), what)
                .or_body(format!("every {body}"))
                .or_body(format!("daily at {body}")));
        }
        cron_text::read(&fields).map(Rule::Cron)
    }

    fn events(&self, keyword: Word<'_>) -> Result<Rule, Fault> {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
        let start = keyword.span().end;
        // The names are taken as they are: in them `_` and `-` are letters.
        let lead = self.body[start..].trim_start_matches([' ', '\t', '_', '-']);
        let mut at = self.body.len() - lead.len();
        let mut names: Vec<Box<str>> = Vec::new();
        for name in lead.split([' ', '\t', ',']) {
            if let Some(odd) = name.find(|c| !part(c)) {
                let message = "names of events have letters, digits and `.`, `_`, `-`, `:`, `/`";
                return Err(Fault::new(at + odd..at + odd + 1, message));
            }
            let span = at..at + name.len();
            if name.len() > EVENT_NAME_MAX {
                let message = format!("an event's name has at most {EVENT_NAME_MAX} letters");
                return Err(Fault::new(span, message));
            }
            if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
                let message = "an event's name starts with a letter or a digit";
                return Err(Fault::new(at..at + 1, message));
            }
            if !name.is_empty() && !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
            if names.len() > EVENTS_MAX {
                let message = format!("a schedule names at most {EVENTS_MAX} events");
                return Err(Fault::new(span, message));
            }
            at += name.len() + 1;
        }
        if names.is_empty() && keyword.is("event") {
            let message = "expected the name of an event; `events` means all that the agent \
                           subscribes to";
            return Err(Fault::new(self.end()..self.end(), message).or_body("events"));
        }
        Ok(Rule::Events(names))
    }

    /// After `every`: a count and a unit, a unit, or days of the week.
    fn every(&mut self) -> Result<Rule, Fault> {
        let Some(word) = self.peek_word() else {
            return Err(self.expected("a number and a unit, such as `5 minutes`"));
        };
        if word.starts_with_digit() {
            return self.counted(word);
        }
        if word.is("other") {
            let message = "`other` isn't counted; write the number";
            return Err(Fault::new(word.span(), message).or_span("2"));
        }
        if let Some(unit) = Unit::named(word.text) {
            self.next += 1;
            return self.each(unit);
        }
        if let Ok(days) = self.week_days() {
            return self.on_days(days);
        }
        if let Some(positive) = word.text.strip_prefix('-') {
            let message = "an interval can't be negative";
            return Err(Fault::new(word.span(), message).or_span(positive));
        }
        let near = [UNITS, DAY_WORDS].concat();
        Err(self.expected("a number and a unit, such as `5 minutes`").or_nearest(word.text, &near))
    }

    /// `every day` and its like: once in each.
    fn each(&mut self, unit: Unit) -> Result<Rule, Fault> {
        match unit {
            Unit::Fixed(DAY_MS) => self.on_days(Days::Every),
            Unit::Fixed(WEEK_MS) => self.weekly(),
            Unit::Fixed(period_ms) => Ok(Rule::Interval(Interval { period_ms })),
            Unit::Month => self.monthly(),
            Unit::Year => self.on_days(Days::AnyOfYear),
        }
    }

    /// `5 minutes`, `2h`, `1h30m`, `1 h 30 m`.
    fn counted(&mut self, first: Word<'a>) -> Result<Rule, Fault> {
        let mut total: i64 = 0;
        let mut end = first.at;
        let mut parts = 0;
        while let Some(word) = self.peek_word().filter(Word::starts_with_digit) {
            self.next += 1;
            let mut rest = word;
            while !rest.text.is_empty() {
                let (count, count_span, unit, left) = self.count_and_unit(rest)?;
                end = if left.text.is_empty() {
                    self.words[self.next - 1].span().end
                } else {
                    left.at
                };
                parts += 1;
                if count == 1 && parts == 1 && left.text.is_empty() && !self.more_counts() {
                    return self.each(unit);
                }
                total =
                    total.saturating_add(self.period(count, count_span, unit, first.at..end)?);
                rest = left;
            }
        }
        if total > PERIOD_MAX_MS {
            let message = "the longest interval is 366 days; `yearly` and cron reach further";
            return Err(Fault::new(first.at..end, message));
        }
        Ok(Rule::Interval(Interval { period_ms: total }))
    }

    fn more_counts(&mut self) -> bool {
        self.peek_word().is_some_and(|word| word.starts_with_digit())
    }

    /// A count at the start of `word` and its unit, glued to it or in the next word; and the rest of
    /// the word.
    fn count_and_unit(
        &mut self,
        word: Word<'a>,
    ) -> Result<(u32, core::ops::Range<usize>, Unit, Word<'a>), Fault> {
        let digits = word.text.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.text.len());
        let span = word.at..word.at + digits;
        let Ok(count) = word.text[..digits].parse::<u32>() else {
            return Err(match digits {
                0 => Fault::new(word.span(), "expected a number and a unit, such as `5 minutes`"),
                _ => Fault::new(span, "this number is too large; the longest interval is 366 days"),
            });
        };
        let glued = Word { text: &word.text[digits..], at: span.end };
        if glued.text.starts_with(['.', ':']) {
            let message = "expected a whole number and a unit; halves are written in the smaller \
                           unit, such as `90 minutes`";
            return Err(Fault::new(word.span(), message));
        }
        let (unit, left) = if glued.text.is_empty() {
            let Some(unit) = self.peek_word() else {
                return Err(self.unit_missing(count));
            };
            self.next += 1;
            (unit, Word { text: "", at: unit.span().end })
        } else {
            let letters = glued.text.find(|c: char| c.is_ascii_digit()).unwrap_or(glued.text.len());
            let left = Word { text: &glued.text[letters..], at: glued.at + letters };
            (Word { text: &glued.text[..letters], ..glued }, left)
        };
        match Unit::named(unit.text) {
            Some(named) => Ok((count, span, named, left)),
            None => {
                let message = format!(
                    "expected a unit (seconds, minutes, hours, days, weeks), found `{}`",
                    unit.text
                );
                Err(Fault::new(unit.span(), message).or_nearest(unit.text, UNITS))
            }
        }
    }

    fn unit_missing(&self, count: u32) -> Fault {
        let end = self.end();
        let fault = Fault::new(end..end, "expected a unit: seconds, minutes, hours, days or weeks");
        // After other counts the unit isn't to be guessed.
        let alone = self.words.len() == 2 && self.words[1].text.parse() == Ok(count);
        if alone { fault.or_body(format!("every {count} minutes")) } else { fault }
    }

    /// The length of `count` units in milliseconds.
    fn period(
        &self,
        count: u32,
        count_span: core::ops::Range<usize>,
        unit: Unit,
        whole: core::ops::Range<usize>,
    ) -> Result<i64, Fault> {
        if count == 0 {
            let message = "an interval of nothing would never end; the shortest is 1 second";
            return Err(Fault::new(count_span, message).or_span("1"));
        }
        match unit {
            Unit::Fixed(ms) => Ok(ms.saturating_mul(i64::from(count))),
            Unit::Month => {
                let message = "months differ in length, so they can't be counted; write `monthly` \
                               or a cron expression";
                let fault = Fault::new(whole, message);
                Err(match count {
                    2 | 3 | 4 | 6 => fault.or_body(format!("0 0 1 */{count} *")),
                    _ => fault,
                })
            }
            Unit::Year => {
                Err(Fault::new(whole, "the longest interval is 366 days; write `yearly`"))
            }
        }
    }

    fn weekly(&mut self) -> Result<Rule, Fault> {
        let days = if self.take(&["on"]) { self.week_days()? } else { Days::AnyOfWeek };
        self.on_days(days)
    }

    fn monthly(&mut self) -> Result<Rule, Fault> {
        let days = if self.take(&["on"]) { self.month_days()? } else { Days::AnyOfMonth };
        self.on_days(days)
    }

    /// `weekdays`, `weekends`, or names of days, in lists and ranges.
    fn week_days(&mut self) -> Result<Days, Fault> {
        let mut mask = 0_u8;
        loop {
            let Some(day) = self.peek_word().and_then(|word| days_named(word.text)) else {
                if mask != 0 && !self.after_separator() {
                    break;
                }
                let fault = self.expected("a day such as `monday`, `weekdays` or `weekends`");
                return Err(match self.peek_word() {
                    Some(word) if word.starts_with_digit() => {
                        fault.or_body(format!("monthly on {}", self.body[word.at..].trim_end()))
                    }
                    Some(word) => fault.or_nearest(word.text, DAY_WORDS),
                    None => fault,
                });
            };
            self.next += 1;
            mask |= day;
            if let Some(last) = self.range_end() {
                mask |= day_range(day, last);
            }
            self.take_separators();
        }
        Ok(if mask == WEEK { Days::Every } else { Days::Week(mask) })
    }

    /// Whether the word before the next is one that must be followed by another item.
    fn after_separator(&self) -> bool {
        self.next > 0 && self.words[self.next - 1].is_any(&[",", "and", "&"])
    }

    /// After the name of a day: `-` or `to` and another, the end of a range.
    fn range_end(&mut self) -> Option<u8> {
        let sign = self.peek()?;
        let last = self.words.get(self.next + 1)?;
        if sign.text != "-" && !sign.is("to") {
            return None;
        }
        let last = days_named(last.text).filter(|mask| mask.count_ones() == 1)?;
        self.next += 2;
        Some(last)
    }

    /// `1`, `1st, 15th`, `day 1`, `last day`.
    fn month_days(&mut self) -> Result<Days, Fault> {
        let (mut days, mut last) = (0_u32, false);
        loop {
            while self.take(&["the", "day", "days"]) {}
            let Some(word) = self.peek_word() else { break };
            if word.is("last") {
                self.next += 1;
                self.take(&["day"]);
                last = true;
            } else if word.starts_with_digit() {
                self.next += 1;
                days |= 1 << month_day(word)?;
            } else {
                break;
            }
            self.take_separators();
        }
        if (days == 0 && !last) || self.after_separator() {
            let what = "a day of the month from 1 to 31, or `last day`; a certain weekday of the \
                        month is cron's, as in `0 9 * * 1#1`";
            let word = self.peek_word().map_or("", |word| word.text);
            return Err(self.expected(what).or_nearest(word, &["last"]));
        }
        Ok(Days::Month { days, last })
    }

    /// The time that may follow the days.
    fn on_days(&mut self, days: Days) -> Result<Rule, Fault> {
        let time = match self.peek_word() {
            None => Time::Any,
            Some(_) if self.take(&["at"]) => Time::At(self.times()?),
            Some(_) if self.take(&["around", "about"]) => Time::Around(self.time()?),
            Some(_) if self.take(&["between", "from"]) => self.window()?,
            Some(word) => {
                let fault = self.expected(ONLY_TIME);
                let rest = self.body[word.at..].trim_end();
                let before = &self.body[..word.at];
                return Err(if word.starts_with_digit() {
                    fault.or_body(format!("{before}at {rest}"))
                } else if days_named(word.text).is_some() {
                    fault.or_body(format!("{before}on {rest}"))
                } else if word.is("on") {
                    fault.or_body(rest)
                } else {
                    fault.or_nearest(word.text, TIME_WORDS)
                });
            }
        };
        Ok(Rule::Calendar(Calendar { days, time }))
    }

    fn times(&mut self) -> Result<Vec<u32>, Fault> {
        let mut times = Vec::from([self.time()?]);
        while self.take_separators() {
            times.push(self.time()?);
            if times.len() > TIMES_MAX {
                let span = self.words[self.next - 1].span();
                return Err(Fault::new(
                    span,
                    format!("a schedule names at most {TIMES_MAX} times"),
                ));
            }
        }
        times.sort_unstable();
        times.dedup();
        Ok(times)
    }

    fn window(&mut self) -> Result<Time, Fault> {
        let start = self.peek_word().map_or(self.end(), |word| word.at);
        let from = self.time()?;
        self.take(&["and", "to", "until", ","]);
        let to = self.clock(true)?;
        if from == to {
            let end = self.words[self.next - 1].span().end;
            let message = "the window ends where it starts; for the whole day leave it out";
            return Err(Fault::new(start..end, message).or_body("daily"));
        }
        Ok(Time::Between { from, to })
    }

    fn time(&mut self) -> Result<u32, Fault> {
        self.clock(false)
    }

    /// `14:30`, `14:30:15`, `9am`, `9:30 pm`, `9`, `noon`, `midnight`; in seconds since midnight.
    /// `24:00` only where a window may end.
    fn clock(&mut self, may_end_day: bool) -> Result<u32, Fault> {
        let Some(word) = self.peek_word() else { return Err(self.expected(WHAT_TIME)) };
        if word.is("noon") || word.is("midnight") {
            self.next += 1;
            return Ok(if word.is("noon") { 43_200 } else { 0 });
        }
        if !word.starts_with_digit() {
            let near = ["noon", "midnight"];
            return Err(self.expected(WHAT_TIME).or_nearest(word.text, &near));
        }
        self.next += 1;
        let letters = word.text.find(|c: char| c.is_ascii_alphabetic());
        let (digits, mut half) = word.text.split_at(letters.unwrap_or(word.text.len()));
        let mut span = word.span();
        if half.is_empty() {
            let next = self.peek_word().filter(|next| next.is_any(&["am", "pm"]));
            if let Some(next) = next {
                self.next += 1;
                half = next.text;
                span.end = next.span().end;
            }
        }
        read_clock(digits, half, may_end_day)
            .map_err(|message| Fault::new(span, format!("{message}; expected {WHAT_TIME}")))
    }
}

fn read_clock(digits: &str, half: &str, may_end_day: bool) -> Result<u32, &'static str> {
    let mut parts = digits.split(':');
    let mut part = |whole: bool| match parts.next() {
        None => Ok(0),
        Some(text) if whole || text.len() == 2 => text.parse::<u32>().map_err(|_| "not a time"),
        Some(_) => Err("minutes and seconds have two digits"),
    };
    let (hour, minute, second) = (part(true)?, part(false)?, part(false)?);
    if parts.next().is_some() {
        return Err("not a time");
    }
    if minute > 59 || second > 59 {
        return Err("minutes and seconds run from 00 to 59");
    }
    let hour = match half.to_ascii_lowercase().as_str() {
        "" if hour < 24 || (hour == 24 && may_end_day && minute + second == 0) => hour,
        "" => return Err("hours run from 0 to 23"),
        "am" | "pm" if !(1..=12).contains(&hour) => {
            return Err("with am and pm, hours run from 1 to 12");
        }
        "am" => hour % 12,
        "pm" => hour % 12 + 12,
        _ => return Err("not a time"),
    };
    Ok(hour * 3_600 + minute * 60 + second)
}

fn hourly() -> Rule {
    Rule::Interval(Interval { period_ms: HOUR_MS })
}

/// A unit of `every N unit`.
#[derive(Clone, Copy)]
enum Unit {
    /// Its length in milliseconds.
    Fixed(i64),
    Month,
    Year,
}

impl Unit {
    fn named(word: &str) -> Option<Unit> {
        Some(match word.to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Fixed(SECOND_MS),
            "m" | "min" | "mins" | "minute" | "minutes" => Unit::Fixed(MINUTE_MS),
            "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Fixed(HOUR_MS),
            "d" | "day" | "days" => Unit::Fixed(DAY_MS),
            "w" | "week" | "weeks" => Unit::Fixed(WEEK_MS),
            "month" | "months" => Unit::Month,
            "y" | "year" | "years" => Unit::Year,
            _ => return None,
        })
    }
}

/// The days a word names; Sunday is bit 0.
fn days_named(word: &str) -> Option<u8> {
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "weekday" | "weekdays" => return Some(WEEKDAYS),
        "weekend" | "weekends" => return Some(WEEKEND),
        "tues" => return Some(1 << 2),
        "thur" | "thurs" => return Some(1 << 4),
        _ => {}
    }
    let index = DAY_NAMES.iter().position(|name| {
        word == *name || word == name[..3] || word.strip_suffix('s').is_some_and(|w| w == *name)
    })?;
    Some(1 << index)
}

/// All days from one to the other, over the end of the week if need be. One bit each.
fn day_range(first: u8, last: u8) -> u8 {
    let (first, last) = (first.trailing_zeros(), last.trailing_zeros());
    (0..=(last + 7 - first) % 7).fold(0, |mask, step| mask | 1 << ((first + step) % 7))
}

/// `15`, `1st`, `22nd`.
fn month_day(word: Word<'_>) -> Result<u32, Fault> {
    let letters = word.text.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.text.len());
    let (digits, suffix) = word.text.split_at(letters);
    let known = ["", "st", "nd", "rd", "th"].iter().any(|end| suffix.eq_ignore_ascii_case(end));
    match digits.parse() {
        Ok(day) if known && (1..=31).contains(&day) => Ok(day),
        _ => Err(Fault::new(word.span(), "days of the month run from 1 to 31")),
    }
}
