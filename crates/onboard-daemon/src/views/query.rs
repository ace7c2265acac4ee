//! Questions to the views. Every answer is bounded by the caller's limit.

use super::{ViewError, Views};
use onboard_domain::{AgentId, Finding, Fingerprint, ProjectId, RunId, Time};
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most rows any answer has.
const ROWS_MAX: usize = 10_000;

/// A run, ended or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub run: RunId,
    pub agent: AgentId,
    pub slot: Time,
    pub trigger: String,
    pub attempt: u32,
    pub queued: Time,
    pub started: Option<Time>,
    pub ended: Option<Time>,
    pub outcome: Option<String>,
    pub why: String,
    pub summary: String,
    pub cpu_ms: u64,
    pub memory_peak_bytes: u64,
    pub throttled_ms: u64,
    pub findings: u32,
}

/// A finding with what became of it: `open`, `accepted`, `dismissed` or `resolved`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingRow {
    pub project: ProjectId,
    pub agent: AgentId,
    pub run: RunId,
    pub first_seen: Time,
    pub last_seen: Time,
    pub status: String,
    pub status_at: Time,
    pub reason: String,
    pub finding: Finding,
}

/// An event in the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    pub seq: u64,
    /// Its place in the batch.
    pub index: u32,
    pub time: Time,
    pub kind: String,
    pub project: Option<ProjectId>,
    pub agent: Option<AgentId>,
    pub run: Option<RunId>,
    /// The event's own JSON.
    pub event: String,
}

/// Slots of one agent that led to no run, by reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRow {
    pub agent: AgentId,
    pub why: String,
    pub count: u64,
}

impl Views {
    /// The newest runs of an agent, newest first, older than `before`.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn runs(
        &self,
        agent: AgentId,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<RunRow>, ViewError> {
        let before = before.map_or(i64::MAX, |run| i64::try_from(run.0).unwrap_or(i64::MAX));
        self.rows(
            "SELECT * FROM runs WHERE agent = ?1 AND run < ?2 ORDER BY run DESC LIMIT ?3",
            params![agent.0, before, limit.min(ROWS_MAX)],
            run_row,
        )
    }

    /// One run.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn run(&self, run: RunId) -> Result<Option<RunRow>, ViewError> {
        let rows = self.rows("SELECT * FROM runs WHERE run = ?1", params![run.0], run_row)?;
        Ok(rows.into_iter().next())
    }

    /// Runs of all agents that ended in the window, oldest first.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn runs_ended(&self, from: Time, until: Time) -> Result<Vec<RunRow>, ViewError> {
        self.rows(
            "SELECT * FROM runs WHERE ended >= ?1 AND ended < ?2 ORDER BY ended, run LIMIT ?3",
            params![from.0, until.0, ROWS_MAX],
            run_row,
        )
    }

    /// The newest runs that ended in the window, newest first, optionally only of some agents.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn newest_runs(
        &self,
        from: Time,
        until: Time,
        of: Option<&BTreeSet<AgentId>>,
        limit: usize,
    ) -> Result<Vec<RunRow>, ViewError> {
        let ids = of.map(|of| {
            let ids: Vec<String> = of.iter().map(|agent| agent.0.to_string()).collect();
            format!("[{}]", ids.join(","))
        });
        self.rows(
            "SELECT * FROM runs WHERE ended >= ?1 AND ended < ?2
             AND (?3 IS NULL OR agent IN (SELECT value FROM json_each(?3)))
             ORDER BY ended DESC, run DESC LIMIT ?4",
            params![from.0, until.0, ids, limit.min(ROWS_MAX)],
            run_row,
        )
    }

    /// Findings of a project, newest first, optionally only of one status.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn findings(
        &self,
        project: ProjectId,
        status: Option<&str>,
        limit: usize,
    ) -> Result<Vec<FindingRow>, ViewError> {
        self.rows(
            "SELECT * FROM findings WHERE project = ?1 AND (?2 IS NULL OR status = ?2)
             ORDER BY status_at DESC, fingerprint LIMIT ?3",
            params![project.0, status, limit.min(ROWS_MAX)],
            finding_row,
        )
    }

    /// A finding by its fingerprint.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn finding(
        &self,
        project: ProjectId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<FindingRow>, ViewError> {
        let rows = self.rows(
            "SELECT * FROM findings WHERE project = ?1 AND fingerprint = ?2",
            params![project.0, fingerprint.0],
            finding_row,
        )?;
        Ok(rows.into_iter().next())
    }

    /// Events after batch `after`, oldest first, optionally only of one agent or project: `limit` of
    /// them, and the rest of the last one's batch, since whoever reads on does so behind a batch.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn events(
        &self,
        after: u64,
        project: Option<ProjectId>,
        agent: Option<AgentId>,
        limit: usize,
    ) -> Result<Vec<EventRow>, ViewError> {
        self.rows(
            "WITH wanted AS (
                 SELECT * FROM events
                 WHERE seq > ?1 AND (?2 IS NULL OR project = ?2) AND (?3 IS NULL OR agent = ?3)
             )
             SELECT * FROM wanted WHERE seq <=
                 (SELECT max(seq) FROM (SELECT seq FROM wanted ORDER BY seq, idx LIMIT ?4))
             ORDER BY seq, idx",
            params![after, project.map(|p| p.0), agent.map(|a| a.0), limit.clamp(1, ROWS_MAX)],
            event_row,
        )
    }

    /// The newest events, oldest first.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn newest_events(
        &self,
        project: Option<ProjectId>,
        agent: Option<AgentId>,
        limit: usize,
    ) -> Result<Vec<EventRow>, ViewError> {
        let mut rows = self.rows(
            "SELECT * FROM events
             WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR agent = ?2)
             ORDER BY seq DESC, idx DESC LIMIT ?3",
            params![project.map(|p| p.0), agent.map(|a| a.0), limit.min(ROWS_MAX)],
            event_row,
        )?;
        rows.reverse();
        Ok(rows)
    }

    /// Slots that led to no run in the days that the window touches (UTC), by agent and reason.
    ///
    /// # Errors
    /// When the views can't be read.
    pub fn slots(&self, from: Time, until: Time) -> Result<Vec<SlotRow>, ViewError> {
        self.rows(
            "SELECT agent, why, sum(count) FROM slots
             WHERE day BETWEEN ?1 / 86400000 AND ?2 / 86400000 GROUP BY agent, why",
            params![from.0, until.0],
            |row| Ok(SlotRow { agent: AgentId(row.get(0)?), why: row.get(1)?, count: row.get(2)? }),
        )
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: &[&dyn rusqlite::ToSql],
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ViewError> {
        let connection = self.connect()?;
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map(params, row)?;
        Ok(rows.collect::<Result<Vec<T>, _>>()?)
    }
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run: RunId(row.get("run")?),
        agent: AgentId(row.get("agent")?),
        slot: Time(row.get("slot")?),
        trigger: row.get("trigger")?,
        attempt: row.get("attempt")?,
        queued: Time(row.get("queued")?),
        started: row.get::<_, Option<i64>>("started")?.map(Time),
        ended: row.get::<_, Option<i64>>("ended")?.map(Time),
        outcome: row.get("outcome")?,
        why: row.get("why")?,
        summary: row.get("summary")?,
        cpu_ms: row.get("cpu_ms")?,
        memory_peak_bytes: row.get("memory_peak_bytes")?,
        throttled_ms: row.get("throttled_ms")?,
        findings: row.get("findings")?,
    })
}

fn finding_row(row: &Row<'_>) -> rusqlite::Result<FindingRow> {
    let text: String = row.get("finding")?;
    let finding = serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(FindingRow {
        project: ProjectId(row.get("project")?),
        agent: AgentId(row.get("agent")?),
        run: RunId(row.get("run")?),
        first_seen: Time(row.get("first_seen")?),
        last_seen: Time(row.get("last_seen")?),
        status: row.get("status")?,
        status_at: Time(row.get("status_at")?),
        reason: row.get("reason")?,
        finding,
    })
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        seq: row.get("seq")?,
        index: row.get("idx")?,
        time: Time(row.get("time")?),
        kind: row.get("kind")?,
        project: row.get::<_, Option<u32>>("project")?.map(ProjectId),
        agent: row.get::<_, Option<u32>>("agent")?.map(AgentId),
        run: row.get::<_, Option<u64>>("run")?.map(RunId),
        event: row.get("event")?,
    })
}
