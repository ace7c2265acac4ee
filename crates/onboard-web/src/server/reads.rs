//! The reads: the state rendered, and the past from the views.

use super::answer::{Answered, Told};
use super::query::{self, Asked};
use super::routes::App;
use crate::api::{
    AgentDetail, AgentRow, AuditRow, DaemonView, DigestView, EventRow, FindingRow, Items, LogLine,
    OrderGain, Problem, ProblemKind, Report, RunRow, Stamp, VersionView,
};
use crate::past::{EventQuery, LogQuery, Past, Unreadable};
use crate::server::explain::Explainer;
use crate::view;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Shared};
use onboard_daemon::views;
use onboard_domain::state::Agent;
use onboard_domain::{AgentId, ProjectId, RunId, State, Time};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The extracted query, or why it can't be read.
pub type Asks = Result<Query<Asked>, QueryRejection>;

/// Runs that the views give of one window at most.
const REPORT_RUNS_MAX: usize = 10_000;

/// Findings that the order is held against, the newest answers first.
const ORDER_FINDINGS_MAX: usize = 1_000;

/// How long a read waits for the views to have what was answered before it: they are milliseconds
/// behind, or as long as a burst of batches takes to apply.
const VIEWS_PATIENCE: Duration = Duration::from_secs(2);

/// The window of a report that names none.
const REPORT_MS: i64 = 7 * 24 * 3_600_000;

pub async fn agents(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<AgentRow>> {
    let asked = query::read(asks)?;
    let explainer = Explainer::new(&app.sources);
    app.sources.handle.read(|state| {
        let project = asked.project(state)?;
        let rows = app.sources.handle.live(|live| {
            let of_project =
                |id: &AgentId| project.is_none_or(|wanted| state.agents[id].project == wanted);
            let ids = state.agents.keys().filter(|id| of_project(id));
            ids.filter_map(|id| {
                let explanation = explainer.explain(state, *id)?;
                view::agent::row(state, live, *id, &explanation)
            })
            .collect()
        });
        Ok(Told(Items::all(rows)))
    })
}

pub async fn agent(Shared(app): Shared<Arc<App>>, Path(id): Path<String>) -> Answered<AgentDetail> {
    let explainer = Explainer::new(&app.sources);
    let id = app.sources.handle.read(|state| query::agent(state, &id))?;
    // Files are read before the state is held.
    let safety = view::safety::of(&app.sources.handle, id);
    app.sources.handle.read(|state| {
        let detail = explainer.explain(state, id).and_then(|explanation| {
            let now = explainer.now;
            let of = |live: &_| view::agent::detail(state, live, id, explanation, safety, now);
            app.sources.handle.live(of)
        });
        detail
            .map(Told)
            .ok_or_else(|| Problem::new(ProblemKind::UnknownAgent, format!("no agent `{id}`")))
    })
}

/// Runs, newest first: of one agent page by page, or of all in a window of time.
pub async fn runs(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<RunRow>> {
    let asked = query::read(asks)?;
    let (project, agent) = wanted(&app, &asked)?;
    let (before, limit) = (asked.cursor()?, asked.limit());
    let now = (app.sources.clock)();
    let window = (asked.since().unwrap_or_default(), asked.until().unwrap_or(now.plus(1)));
    let of = app.sources.handle.read(|state| Some(agents_of(state, project?)));
    let past = on_disk(&app, move |past| match agent {
        Some(agent) => Ok(past.views.runs(agent, before, limit)?),
        None => Ok(past.views.newest_runs(window.0, window.1, of.as_ref(), limit)?),
    })
    .await?;
    let next_cursor = (agent.is_some() && past.len() == limit).then(|| past.last()).flatten();
    let next_cursor = next_cursor.map(|run| run.run.to_string());
    let items = app.sources.handle.read(|state| {
        let of_project = |run: &&views::RunRow| {
            project.is_none_or(|p| state.agents.get(&run.agent).is_some_and(|a| a.project == p))
        };
        past.iter().filter(of_project).map(|run| view::run::past(state, run)).collect()
    });
    Ok(Told(Items { items, next_cursor }))
}

fn agents_of(state: &State, project: ProjectId) -> BTreeSet<AgentId> {
    let of_project = state.agents.iter().filter(|(_, agent)| agent.project == project);
    of_project.map(|(id, _)| *id).collect()
}

/// The project and the agent that a request names.
fn wanted(app: &App, asked: &Asked) -> Result<(Option<ProjectId>, Option<AgentId>), Problem> {
    app.sources.handle.read(|state| Ok((asked.project(state)?, asked.agent(state)?)))
}

pub async fn run(Shared(app): Shared<Arc<App>>, Path(text): Path<String>) -> Answered<RunRow> {
    let run: RunId = query::id(&text)?;
    let now = (app.sources.clock)();
    let known = app.sources.handle.read(|state| {
        if let Some(live) = state.runs.get(&run) {
            return Some(view::run::live(state, run, live, now));
        }
        let remembered = |(id, agent): (&AgentId, &Agent)| {
            let ended = agent.recent.iter().find(|ended| ended.run == run)?;
            Some(view::run::ended(state, *id, ended))
        };
        state.agents.iter().find_map(remembered)
    });
    if let Some(row) = known {
        return Ok(Told(row));
    }
    let past = on_disk(&app, move |past| Ok(past.views.run(run)?)).await?;
    let row = app.sources.handle.read(|state| past.map(|run| view::run::past(state, &run)));
    row.map(Told).ok_or_else(|| Problem::new(ProblemKind::Unknown, format!("no run `{text}`")))
}

pub async fn findings(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<FindingRow>> {
    let asked = query::read(asks)?;
    app.sources.handle.read(|state| {
        let (project, agent) = (asked.project(state)?, asked.agent(state)?);
        let now = (app.sources.clock)();
        Ok(Told(Items::all(view::finding::rows(state, now, project, agent))))
    })
}

pub async fn order(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<OrderGain> {
    let asked = query::read(asks)?;
    let (project, _) = wanted(&app, &asked)?;
    let project = project.ok_or_else(|| Problem::new(ProblemKind::Invalid, "name a `project`"))?;
    Ok(Told(order_gain(&app, project).await?))
}

/// What became of a project's findings, against both orders.
async fn order_gain(app: &Arc<App>, project: ProjectId) -> Result<OrderGain, Problem> {
    on_disk(app, move |past| {
        Ok(view::order::gain(&past.views.findings(project, None, ORDER_FINDINGS_MAX)?))
    })
    .await
}

pub async fn events(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<EventRow>> {
    let asked = query::read(asks)?;
    let (project, agent) = wanted(&app, &asked)?;
    let after: Option<u64> = asked.cursor()?.or(asked.after);
    let query = EventQuery { after, project, agent, limit: asked.limit() };
    let limit = query.limit;
    let past = on_disk(&app, move |past| past.events(&query)).await?;
    let next_cursor = (after.is_some() && past.len() >= limit)
        .then(|| past.last().map(|event| event.seq.to_string()))
        .flatten();
    let items = app
        .sources
        .handle
        .read(|state| past.iter().map(|event| view::event::row(state, event)).collect());
    Ok(Told(Items { items, next_cursor }))
}

pub async fn audit(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<AuditRow>> {
    let asked = query::read(asks)?;
    let (before, since, limit) = (asked.cursor()?, asked.since(), asked.limit());
    let page = on_disk(&app, move |past| past.audit(before, since, limit)).await?;
    let next_cursor = page.next.map(|before| before.to_string());
    Ok(Told(Items { items: page.rows, next_cursor }))
}

/// What a request asks of an agent's log.
pub fn log_query(app: &App, asked: &Asked) -> Result<LogQuery, Problem> {
    app.sources.handle.read(|state| {
        let agent = asked.agent(state)?.ok_or_else(|| {
            Problem::new(ProblemKind::Invalid, "which agent's log? give `agent=ID`")
        })?;
        Ok(LogQuery {
            agent,
            run: asked.run()?,
            since: asked.since(),
            until: asked.until(),
            level: asked.level.unwrap_or_default(),
            contains: asked.contains.clone(),
            after: asked.after,
            limit: asked.limit(),
        })
    })
}

/// The lines that match, as the API has them.
pub async fn log_lines(app: &Arc<App>, query: LogQuery) -> Result<Vec<LogLine>, Problem> {
    let name = app.sources.handle.read(|state| view::agent_name(state, query.agent));
    let past = on_disk(app, move |past| past.logs(&query)).await?;
    let line = |past: crate::past::PastLog| LogLine {
        position: past.position,
        time: past.time.into(),
        agent: name.clone(),
        run: past.run.to_string(),
        level: past.level,
        message: past.text,
    };
    Ok(past.into_iter().map(line).collect())
}

pub async fn logs(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<LogLine>> {
    let query = log_query(&app, &query::read(asks)?)?;
    Ok(Told(Items::all(log_lines(&app, query).await?)))
}

pub async fn report(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Report> {
    let asked = query::read(asks)?;
    let now = (app.sources.clock)();
    let until = asked.until().unwrap_or(now).min(now);
    let since = asked.since().unwrap_or(until.plus(-REPORT_MS));
    let (project, agent) = wanted(&app, &asked)?;
    let (past, oldest) =
        on_disk(&app, move |past| Ok((past.views.runs_ended(since, until)?, past.oldest()?)))
            .await?;
    let gaps = gaps(since, oldest, past.len());
    let order = match project {
        Some(project) => Some(order_gain(&app, project).await?),
        None => None,
    };
    Ok(Told(app.sources.handle.read(|state| {
        let runs: Vec<RunRow> = past
            .iter()
            .filter(|run| agent.is_none_or(|wanted| wanted == run.agent))
            .filter(|run| {
                project.is_none_or(|p| state.agents.get(&run.agent).is_some_and(|a| a.project == p))
            })
            .map(|run| view::run::past(state, run))
            .collect();
        let findings = view::finding::rows(state, now, project, agent);
        let mut scores = view::report::scores(state, project);
        let name = agent.map(|agent| view::agent_name(state, agent));
        scores.retain(|one| name.as_ref().is_none_or(|name| *name == one.agent));
        let mut asked = view::report::asked(state, project);
        asked.retain(|one| name.as_ref().is_none_or(|name| *name == one.agent));
        let window = (Stamp(since), Stamp(until));
        let report = view::report::fold(window, &runs, findings, scores, gaps);
        Report { asked, order, ..report }
    })))
}

/// What the window lacks.
fn gaps(since: Time, oldest: Option<Time>, runs: usize) -> Vec<String> {
    let mut gaps = Vec::new();
    match oldest {
        None => gaps.push("nothing has been recorded yet".into()),
        Some(oldest) if oldest > since => {
            gaps.push(format!("records begin at {}, inside the window", Stamp(oldest)));
        }
        Some(_) => {}
    }
    if runs == REPORT_RUNS_MAX {
        gaps.push(format!("only the oldest {REPORT_RUNS_MAX} runs of the window are counted"));
    }
    gaps
}

pub async fn digest(Shared(app): Shared<Arc<App>>) -> Answered<DigestView> {
    let (sequence, digest) = app.sources.handle.digest();
    Ok(Told(DigestView { sequence, digest }))
}

pub async fn daemon(Shared(app): Shared<Arc<App>>) -> Answered<DaemonView> {
    let sources = &app.sources;
    let explainer = Explainer::new(sources);
    let problems = view::safety::problems(&sources.handle);
    Ok(Told(sources.handle.read(|state: &State| {
        let words = state.agents.keys().filter_map(|id| Some(explainer.explain(state, *id)?.state));
        let own = (sources.version, std::process::id());
        let mut daemon =
            view::daemon::view(state, sources.handle.paths(), words, own, explainer.now);
        view::daemon::add_problems(&mut daemon, &problems);
        daemon
    })))
}

pub async fn version(Shared(app): Shared<Arc<App>>) -> Told<VersionView> {
    Told(VersionView { name: "ai_onboard".into(), version: app.sources.version.into() })
}

/// Ready means that the views can be read.
pub async fn ready(Shared(app): Shared<Arc<App>>) -> Answered<VersionView> {
    on_disk(&app, Past::oldest).await?;
    Ok(version(Shared(app)).await)
}

/// A read of the views, off the server's one thread.
async fn on_disk<T: Send + 'static>(
    app: &Arc<App>,
    read: impl FnOnce(&Past) -> Result<T, Unreadable> + Send + 'static,
) -> Result<T, Problem> {
    let past = Past::of(&app.sources.handle);
    // Taken now: what was answered before this request was made is in the state already.
    let seq = app.sources.handle.folded();
    let read = move || {
        // Views that can't keep up are read as they are: late is better than nothing.
        past.views.applied().wait(seq, VIEWS_PATIENCE);
        read(&past)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => Ok(read?),
        Err(_) => Err(Problem::new(ProblemKind::Unreadable, "reading the views failed")),
    }
}
