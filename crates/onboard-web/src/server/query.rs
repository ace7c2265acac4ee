//! What requests ask for, read from their queries.

use crate::api::{LogLevel, Problem, ProblemKind, Stamp};
use crate::past::PAGE_MAX;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use onboard_domain::{AgentId, ProjectId, RefusalKind, State, Time};
use serde::Deserialize;
use std::str::FromStr;

/// The query of any read; each uses what concerns it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// A project's id or its root.
    pub project: Option<String>,
    /// An agent's id.
    pub agent: Option<String>,
    pub run: Option<String>,
    pub since: Option<Stamp>,
    pub until: Option<Stamp>,
    pub after: Option<u64>,
    pub cursor: Option<String>,
    pub limit: Option<usize>,
    pub level: Option<LogLevel>,
    pub contains: Option<String>,
    pub progress: bool,
}

/// The query, or why it can't be read.
pub fn read(query: Result<Query<Asked>, QueryRejection>) -> Result<Asked, Problem> {
    match query {
        Ok(Query(asked)) => Ok(asked),
        Err(rejection) => Err(Problem::new(ProblemKind::Invalid, rejection.body_text())),
    }
}

impl Asked {
    /// How many rows, within what one page may hold.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, PAGE_MAX)
    }

    /// The project asked for; `None` when none was.
    pub fn project(&self, state: &State) -> Result<Option<ProjectId>, Problem> {
        let Some(text) = &self.project else { return Ok(None) };
        let by_id = || text.parse().ok().filter(|id| state.projects.contains_key(id));
        state.project_at(text).or_else(by_id).map(Some).ok_or_else(|| {
            Problem::new(RefusalKind::UnknownProject.into(), format!("no project `{text}`"))
        })
    }

    /// The agent asked for; `None` when none was.
    pub fn agent(&self, state: &State) -> Result<Option<AgentId>, Problem> {
        self.agent.as_deref().map(|text| agent(state, text)).transpose()
    }

    /// The run asked for.
    pub fn run<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        self.run.as_deref().map(id).transpose()
    }

    /// Where the page before ended.
    pub fn cursor<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        self.cursor.as_deref().map(id).transpose()
    }

    pub fn since(&self) -> Option<Time> {
        self.since.map(|stamp| stamp.0)
    }

    pub fn until(&self) -> Option<Time> {
        self.until.map(|stamp| stamp.0)
    }
}

/// An agent by id.
pub fn agent(state: &State, text: &str) -> Result<AgentId, Problem> {
    let known = text.parse().ok().filter(|id| state.agents.contains_key(id));
    known.ok_or_else(|| Problem::new(ProblemKind::UnknownAgent, format!("no agent `{text}`")))
}

/// An id, or a number.
pub fn id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(ProblemKind::Invalid, format!("`{text}` is not an id")))
}
