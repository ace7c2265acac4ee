//! `background-agents logs`

use super::Done;
use crate::arguments::{Global, Level};
use crate::failure::{Failure, Kind};
use crate::render::status::log_line;
use crate::{chosen, connection, output};
use onboard_domain::Time;
use onboard_web::api::{LogLine, Stamp};
use onboard_web::client::Waited;
use std::process::ExitCode;

/// What is asked of a log.
pub struct Asked {
    pub tail: usize,
    pub follow: bool,
    pub since: Option<String>,
    pub until: Option<String>,
    pub run: Option<String>,
    /// The newest run that has ended.
    pub previous: bool,
    pub level: Option<Level>,
    pub grep: Option<String>,
}

pub fn run(global: &Global, name: &str, mut asked: Asked) -> Done {
    let (client, _) = connection::client()?;
    let row = chosen::agent(&client, global, name)?;
    let look = output::look(global);
    if asked.previous {
        let ended = row.last_run.as_ref().map(|run| run.id.clone());
        asked.run = Some(ended.ok_or_else(|| {
            Failure::new(Kind::Failed, format!("no run of {name} has ended yet"))
        })?);
    }
    let at = |option: &str, text: Option<&str>| {
        text.map(|text| at(option, text, look.now).map(|stamp| stamp.to_string())).transpose()
    };
    let since = at("--since", asked.since.as_deref())?;
    let until = at("--until", asked.until.as_deref())?;
    let tail = asked.tail.to_string();
    let named = [
        ("since", since.as_deref()),
        ("until", until.as_deref()),
        ("run", asked.run.as_deref()),
        ("level", asked.level.map(Level::word)),
        ("contains", asked.grep.as_deref()),
    ];
    let mut query = vec![("agent", row.id.as_str()), ("limit", tail.as_str())];
    query.extend(named.into_iter().filter_map(|(key, value)| Some((key, value?))));
    let print = |line: &LogLine| match global.is_json() {
        true => output::json_line(line),
        false => output::data(&log_line(line, &look)),
    };
    if !asked.follow {
        let lines: Vec<LogLine> = client.items("/logs", &query)?;
        if lines.is_empty() {
            output::note("nothing logged that matches");
        }
        lines.iter().try_for_each(print)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = client.stream("/logs/follow", &query)?;
    loop {
        match lines.next::<LogLine>(None)? {
            Waited::Line(line) => print(&line)?,
            Waited::Nothing => {}
            Waited::Over => {
                return Err(Failure::new(Kind::Unreachable, "the daemon ended the stream"));
            }
        }
    }
}

/// A time, or a duration before now.
fn at(option: &str, text: &str, now: Time) -> Result<Stamp, Failure> {
    if let Ok(stamp) = text.parse() {
        return Ok(stamp);
    }
    match onboard_text::duration::parse(text) {
        Ok(ms) => Ok(Stamp(now.plus(-ms))),
        Err(why) => Err(Failure::new(Kind::Usage, format!("{option} {text}: {why}"))
            .hint("a duration such as 1h, or a time such as 2026-11-20T08:00:00Z")),
    }
}
