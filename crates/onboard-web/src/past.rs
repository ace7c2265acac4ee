//! The past, read from the views, the logs and the journal. Calls block on the disk.

use crate::api::LogLevel;
use crate::audit::{self, AuditPage};
use crate::view::event::PastEvent;
use onboard_daemon::handle::Handle;
use onboard_daemon::logs;
use onboard_daemon::views::{self, ViewError, Views};
use onboard_domain::{AgentId, ProjectId, RunId, Time};
use std::fmt;
use std::path::PathBuf;

/// Rows one page holds at most: a page of the longest texts stays under the answer's bound.
pub const PAGE_MAX: usize = 1_000;

/// Where the past is.
#[derive(Clone, Debug)]
pub struct Past {
    pub views: Views,
    /// The folder of agents' logs.
    pub logs: PathBuf,
    /// The journal's file.
    pub journal: PathBuf,
}

/// It can't be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl From<ViewError> for Unreadable {
    fn from(error: ViewError) -> Unreadable {
        Unreadable(error.to_string())
    }
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// After this batch; `None`: the newest.
    pub after: Option<u64>,
    pub agent: Option<AgentId>,
    pub project: Option<ProjectId>,
    pub limit: usize,
}

/// Which log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    pub agent: AgentId,
    pub run: Option<RunId>,
    pub since: Option<Time>,
    /// Before this moment.
    pub until: Option<Time>,
    pub level: LogLevel,
    /// A text that the line contains.
    pub contains: Option<String>,
    /// After this position, oldest first; `None`: the last `limit`.
    pub after: Option<u64>,
    pub limit: usize,
}

/// A log line with its place in the agent's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLog {
    pub position: u64,
    pub time: Time,
    pub run: RunId,
    pub level: LogLevel,
    pub text: String,
}

impl Past {
    /// The past of the daemon behind a handle.
    pub fn of(handle: &Handle) -> Past {
        Past {
            views: handle.views().clone(),
            logs: handle.paths().logs(),
            journal: handle.paths().journal(),
        }
    }

    /// Events with their places.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<PastEvent>, Unreadable> {
        let rows = match query.after {
            Some(after) => self.views.events(after, query.project, query.agent, query.limit)?,
            None => self.views.newest_events(query.project, query.agent, query.limit)?,
        };
        rows.into_iter().map(event).collect()
    }

    /// A page of audit entries before entry `before`, newest first.
    pub fn audit(
        &self,
        before: Option<u64>,
        since: Option<Time>,
        limit: usize,
    ) -> Result<AuditPage, Unreadable> {
        audit::page(&self.journal, before, since, limit)
    }

    /// Log lines of one agent.
    pub fn logs(&self, query: &LogQuery) -> Result<Vec<PastLog>, Unreadable> {
        let runs = logs::runs(&self.logs, query.agent);
        let wanted = runs.into_iter().filter(|run| query.run.is_none_or(|only| only == *run));
        let mut found = Vec::new();
        for run in wanted {
            // A run's whole log is behind a position when the next run's begins before it.
            if query.after.is_some_and(|after| position(run, u64::from(u32::MAX)) <= after) {
                continue;
            }
            let path = logs::file(&self.logs, query.agent, run);
            match std::fs::read(&path) {
                Ok(bytes) => take_lines(&String::from_utf8_lossy(&bytes), run, query, &mut found),
                // Forgotten since the folder was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Unreadable(format!("{}: {error}", path.display()))),
            }
        }
        match query.after {
            Some(_) => found.truncate(query.limit),
            None => drop(found.drain(..found.len().saturating_sub(query.limit))),
        }
        Ok(found)
    }

    /// The time of the oldest event that the views hold.
    pub fn oldest(&self) -> Result<Option<Time>, Unreadable> {
        Ok(self.views.events(0, None, None, 1)?.first().map(|event| event.time))
    }
}

fn event(row: views::EventRow) -> Result<PastEvent, Unreadable> {
    let event = serde_json::from_str(&row.event)
        .map_err(|error| Unreadable(format!("an event of entry {}: {error}", row.seq)))?;
    Ok(PastEvent {
        seq: row.seq,
        index: row.index,
        time: row.time,
        agent: row.agent,
        project: row.project,
        event,
    })
}

/// A place in an agent's log: the run, then the line in it. Both only grow.
fn position(run: RunId, line: u64) -> u64 {
    (run.0 << 32) | line
}

/// The lines of one run's file that match: `time_ms level source text` each.
fn take_lines(text: &str, run: RunId, query: &LogQuery, found: &mut Vec<PastLog>) {
    for (number, line) in text.lines().enumerate() {
        let position = position(run, number as u64 + 1);
        let Some(log) = line_of(line, run, position) else { continue };
        let matches = query.after.is_none_or(|after| log.position > after)
            && query.since.is_none_or(|since| log.time >= since)
            && query.until.is_none_or(|until| log.time < until)
            && log.level >= query.level
            && query.contains.as_ref().is_none_or(|text| log.text.contains(text));
        if matches {
            found.push(log);
        }
    }
}

fn line_of(line: &str, run: RunId, position: u64) -> Option<PastLog> {
    let mut fields = line.splitn(4, ' ');
    let time = Time(fields.next()?.parse().ok()?);
    let level = match fields.next()? {
        "debug" => LogLevel::Debug,
        "info" => LogLevel::Info,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        _ => return None,
    };
    fields.next()?;
    Some(PastLog { position, time, run, level, text: fields.next().unwrap_or("").to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_log_is_taken_apart() {
        let log = line_of("5 warn stderr two words", RunId(3), position(RunId(3), 1)).unwrap();
        assert_eq!(
            (log.time, log.level, log.text.as_str()),
            (Time(5), LogLevel::Warn, "two words")
        );
        assert_eq!(line_of("no line", RunId(3), 1), None);
        assert!(position(RunId(3), 9) < position(RunId(4), 1));
    }
}
