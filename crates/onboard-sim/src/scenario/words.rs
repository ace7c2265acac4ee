//! The words of a story: lengths, times, and an agent's settings.

use crate::zones::BundledZones;
use onboard_domain::spec::{
    Class, Classes, Limits, Missed, Overlap, Priority, Program, Retry, SharedKeys, Source,
};
use onboard_domain::{AgentName, AgentSpec, Time};
use onboard_scheduler::Zones;
use std::collections::BTreeMap;

/// Splits a line at spaces; quotes keep them.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().ok_or("no word")?.push(letter),
        }
    }
    if quoted {
        return Err("a quote is not closed".into());
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// `1d2h30m5s`, `500ms`, with a sign in front where it makes sense.
pub(super) fn length(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let mut total: i64 = 0;
    let mut rest = rest;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or("a length needs its unit")?;
        let number: i64 = rest[..digits].parse().map_err(|_| "not a length".to_owned())?;
        let after = &rest[digits..];
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let unit = match &after[..end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            other => return Err(format!("`{other}` is no unit: ms, s, m, h, d")),
        };
        let part = number.checked_mul(unit).ok_or("too long")?;
        total = total.checked_add(part).ok_or("too long")?;
        rest = &after[end..];
    }
    Ok(sign * total)
}

/// `2026-03-02 09:00` in the host's zone.
pub(super) fn instant(text: &str, zones: &BundledZones) -> Result<Time, String> {
    let civil: jiff::civil::DateTime =
        text.replace(' ', "T").parse().map_err(|error: jiff::Error| error.to_string())?;
    let zoned = civil.to_zoned(zones.host()).map_err(|error| error.to_string())?;
    Ok(Time(zoned.timestamp().as_millisecond()))
}

/// When the wall clock next shows `07:30`.
pub(super) fn next_time(text: &str, wall: Time, zones: &BundledZones) -> Result<Time, String> {
    let time: jiff::civil::Time =
        format!("{text}:00").parse().map_err(|error: jiff::Error| error.to_string())?;
    let now = jiff::Timestamp::from_millisecond(wall.0).map_err(|error| error.to_string())?;
    let now = now.to_zoned(zones.host());
    let tomorrow = now.date().tomorrow().map_err(|error| error.to_string())?;
    for day in [now.date(), tomorrow] {
        let at = day.to_datetime(time).to_zoned(zones.host()).map_err(|e| e.to_string())?;
        if at > now {
            return Ok(Time(at.timestamp().as_millisecond()));
        }
    }
    Err("this time never comes".into())
}

/// A time as people of the host's zone read it.
pub(super) fn local(at: Time, zones: &BundledZones) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(instant) => {
            let zoned = instant.to_zoned(zones.host());
            let ms = at.0.rem_euclid(1000);
            let tail = if ms == 0 { String::new() } else { format!(".{ms:03}") };
            format!("{}{tail}", zoned.strftime("%a %d %b %H:%M:%S"))
        }
        Err(_) => format!("{}", at.0),
    }
}

/// An agent as it is when nothing else is said.
pub(super) fn spec(name: &str) -> Result<AgentSpec, String> {
    Ok(AgentSpec {
        name: AgentName::new(name)?,
        description: String::new(),
        program: Program::BuiltIn,
        schedule: "manual".into(),
        zone: None,
        priority: Priority::Medium,
        classes: Classes { cpu: Class::Low, memory: Class::Low, io: Class::Low },
        depends_on: Vec::new(),
        locks: Vec::new(),
        limits: Limits::default(),
        missed: Missed::default(),
        overlap: Overlap::default(),
        retry: Retry { attempts: 0, ..Retry::default() },
        reads: Vec::new(),
        wakes_on: Vec::new(),
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: "story".into(),
        hash: String::new(),
    })
}

/// Applies `key=value` settings.
pub(super) fn set(spec: &mut AgentSpec, settings: &[&str]) -> Result<(), String> {
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or("a setting is key=value")?;
        match key {
            "schedule" => spec.schedule = value.into(),
            "zone" => spec.zone = Some(value.into()),
            "priority" => spec.priority = priority(value)?,
            "cpu" => spec.classes.cpu = class(value)?,
            "memory" => spec.classes.memory = class(value)?,
            "io" => spec.classes.io = class(value)?,
            "depends_on" => {
                spec.depends_on = list(value).map(AgentName::new).collect::<Result<_, _>>()?;
            }
            "locks" => spec.locks = list(value).map(Into::into).collect(),
            "wakes_on" => spec.wakes_on = list(value).map(Into::into).collect(),
            "reads" => spec.reads = list(value).map(source).collect::<Result<_, _>>()?,
            "deadline" => spec.limits.deadline_ms = Some(length(value)?),
            "missed" => spec.missed = missed(value)?,
            "overlap" => spec.overlap = overlap(value)?,
            "retries" => spec.retry.attempts = value.parse().map_err(|_| "not a number")?,
            _ => return Err(format!("`{key}` is no setting")),
        }
    }
    Ok(())
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').filter(|item| !item.is_empty())
}

fn class(value: &str) -> Result<Class, String> {
    match value {
        "low" => Ok(Class::Low),
        "medium" => Ok(Class::Medium),
        "high" => Ok(Class::High),
        _ => Err(format!("`{value}` is no class")),
    }
}

fn priority(value: &str) -> Result<Priority, String> {
    match value {
        "low" => Ok(Priority::Low),
        "medium" => Ok(Priority::Medium),
        "high" => Ok(Priority::High),
        "critical" => Ok(Priority::Critical),
        _ => Err(format!("`{value}` is no priority")),
    }
}

fn source(value: &str) -> Result<Source, String> {
    match value {
        "git" => Ok(Source::Git),
        "plan" => Ok(Source::Plan),
        "inbox" => Ok(Source::Inbox),
        _ => Err(format!("`{value}` is nothing to read")),
    }
}

fn missed(value: &str) -> Result<Missed, String> {
    match value.split_once(':') {
        None if value == "skip" => Ok(Missed::Skip),
        None if value == "run_once" => Ok(Missed::RunOnce),
        Some(("run_all", cap)) => {
            cap.parse().map(|cap| Missed::RunAll { cap }).map_err(|_| "not a number".into())
        }
        _ => Err(format!("`{value}` is no policy: skip, run_once, run_all:N")),
    }
}

fn overlap(value: &str) -> Result<Overlap, String> {
    match value {
        "skip" => Ok(Overlap::Skip),
        "queue_one" => Ok(Overlap::QueueOne),
        "replace" => Ok(Overlap::Replace),
        _ => Err(format!("`{value}` is no policy: skip, queue_one, replace")),
    }
}

#[cfg(test)]
mod tests {
    use super::{length, split};

    #[test]
    fn lengths() {
        assert_eq!(length("1h30m"), Ok(5_400_000));
        assert_eq!(length("-2d500ms"), Ok(-172_800_500));
        assert!(length("90").is_err() && length("3 weeks").is_err());
    }

    #[test]
    fn quotes_keep_spaces() {
        let words = split("agent shop/a  schedule=\"every 2 hours\"");
        assert_eq!(words, Ok(["agent", "shop/a", "schedule=every 2 hours"].map(Into::into).into()));
        assert!(split("emergency \"smoke").is_err());
    }
}
