//! `schedule preview`: what a schedule means, and when it would run.

use super::Done;
use crate::arguments::{Global, ScheduleCommand};
use crate::failure::{Failure, Kind};
use crate::output;
use crate::render::status::Fires;
use crate::render::{Ink, Look, when};
use onboard_daemon::zones::HostZones;
use onboard_domain::Time;
use onboard_scheduler::Zones;
use onboard_scheduler::schedule::{Scatter, Schedule};
use onboard_web::api::Stamp;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Preview {
    schedule: String,
    description: String,
    zone: String,
    runs: Vec<Stamp>,
}

pub fn run(global: &Global, command: ScheduleCommand) -> Done {
    let ScheduleCommand::Preview { text, count } = command;
    let schedule = parse(&text)?;
    let look = output::look(global);
    let fires = fires(&text, None, look.now, count)?;
    let schedule = schedule.canonical();
    if global.is_json() {
        output::json(&Preview {
            schedule,
            description: fires.described,
            zone: fires.zone,
            runs: fires.times,
        })?;
    } else {
        output::data(&draw(&schedule, &fires, &look))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A schedule, or where it is wrong.
///
/// # Errors
/// The text with the place marked.
pub fn parse(text: &str) -> Result<Schedule, Failure> {
    Schedule::parse(text).map_err(|error| {
        Failure::new(Kind::Failed, format!("the schedule is not understood\n{}", error.caret()))
    })
}

/// A schedule in words and its next times; scattered ones are those of no agent in particular.
///
/// # Errors
/// When the text is no schedule or its zone is unknown.
pub fn fires(text: &str, zone: Option<&str>, now: Time, count: usize) -> Result<Fires, Failure> {
    let schedule = parse(text)?;
    let zones = HostZones::default();
    let host = zone.and_then(|name| zones.named(name)).unwrap_or_else(|| zones.host());
    let zone = schedule
        .zone(&host, |name| zones.named(name))
        .map_err(|error| Failure::new(Kind::Failed, error.caret()))?;
    let mut times = Vec::new();
    let mut after = now.0;
    while times.len() < count {
        let Some(at) = schedule.next_after(after, 0, &zone, Scatter(0)) else { break };
        times.push(Stamp(Time(at)));
        after = at;
    }
    let zone = zone.iana_name().unwrap_or("the host's zone").to_string();
    Ok(Fires { described: schedule.describe(), zone, times })
}

fn draw(schedule: &str, fires: &Fires, look: &Look) -> String {
    let mut out = format!("{}\n", look.paint(Ink::Bold, &fires.described));
    out.push_str(&format!("  schedule: {schedule}\n  zone: {}\n", fires.zone));
    if fires.times.is_empty() {
        out.push_str("  no time decides when it runs\n");
    }
    for at in &fires.times {
        out.push_str(&format!("  {}\n", when::both(look, *at)));
    }
    out
}
