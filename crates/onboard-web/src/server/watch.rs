//! The watch stream: events as they become durable, and progress of running agents.

use super::feed::Fed;
use super::lines::{self, Writer};
use super::query::{self, Asked};
use super::reads::Asks;
use super::routes::App;
use crate::api::{Live, Problem, ProblemKind, WatchLine};
use crate::view;
use axum::extract::State as Shared;
use axum::response::Response;
use onboard_domain::{AgentId, ProjectId, RunId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How often progress is looked at, while something runs and somebody watches: as often as a
/// person can read a changing line.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// A line at least this often, so that both ends notice a dead connection.
const PING_EVERY: Duration = Duration::from_secs(15);

pub async fn stream(Shared(app): Shared<Arc<App>>, asks: Asks) -> Result<Response, Problem> {
    let asked = query::read(asks)?;
    let (project, agent) = app
        .sources
        .handle
        .read(|state| Ok::<_, Problem>((asked.project(state)?, asked.agent(state)?)))?;
    let fed = app
        .feed
        .subscribe()
        .ok_or_else(|| Problem::new(ProblemKind::Ended, "the daemon is shutting down"))?;
    let (writer, response) = lines::stream();
    let watch = Watch { app, writer, project, agent, asked, told: BTreeMap::new() };
    tokio::spawn(watch.run(fed));
    Ok(response)
}

/// The reason for stopping, once there is one.
async fn told_to_stop(
    stopped: &mut tokio::sync::watch::Receiver<Option<String>>,
) -> Option<String> {
    stopped.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone())
}

struct Watch {
    app: Arc<App>,
    writer: Writer,
    project: Option<ProjectId>,
    agent: Option<AgentId>,
    asked: Asked,
    /// Progress as last told.
    told: BTreeMap<RunId, Live>,
}

impl Watch {
    /// Writes until the reader, the loop or the server ends.
    async fn run(mut self, mut fed: broadcast::Receiver<Fed>) {
        let mut stopped = self.app.stopped.clone();
        if self.writer.line(&WatchLine::Ready).await.is_err() {
            return;
        }
        let reason = loop {
            let wait = if self.shows_progress() { PROGRESS_EVERY } else { PING_EVERY };
            let written = tokio::select! {
                biased;
                reason = told_to_stop(&mut stopped) => break reason,
                () = self.writer.closed() => return,
                next = fed.recv() => match next {
                    Err(RecvError::Closed) => break None,
                    Ok(Fed::Lost) | Err(RecvError::Lagged(_)) => {
                        self.writer.line(&WatchLine::Reset).await
                    }
                    Ok(Fed::Batch(published)) => self.batch(&published).await,
                },
                () = tokio::time::sleep(wait) => self.quiet().await,
            };
            if written.is_err() {
                return;
            }
        };
        let reason = reason.unwrap_or_else(|| "the daemon ended".into());
        // The reader may be gone at the same time; then there is nobody to tell.
        let _ = self.writer.line(&WatchLine::End { reason }).await;
    }

    fn shows_progress(&self) -> bool {
        let runs = |state: &onboard_domain::State| state.runs.values().any(|run| run.is_active());
        self.asked.progress && self.app.sources.handle.read(runs)
    }

    async fn batch(&self, published: &onboard_daemon::handle::Published) -> Result<(), Problem> {
        let rows: Vec<_> = self.app.sources.handle.read(|state| {
            let events = view::event::of_batch(state, published.seq, &published.batch);
            let wanted = events.iter().filter(|event| {
                self.project.is_none_or(|wanted| event.project == Some(wanted))
                    && self.agent.is_none_or(|wanted| event.agent == Some(wanted))
            });
            wanted.map(|event| view::event::row(state, event)).collect()
        });
        for row in rows {
            self.writer.line(&WatchLine::Event(Box::new(row))).await?;
        }
        Ok(())
    }

    /// Nothing happened for a while: what changed in running agents, or a ping.
    async fn quiet(&mut self) -> Result<(), Problem> {
        if !self.shows_progress() {
            self.told.clear();
            return self.writer.line(&WatchLine::Ping).await;
        }
        for (run, agent, project, live) in self.running() {
            if self.told.get(&run) == Some(&live) {
                continue;
            }
            self.told.insert(run, live.clone());
            let run = run.to_string();
            self.writer.line(&WatchLine::Progress { agent, project, run, live }).await?;
        }
        Ok(())
    }

    /// What runs now, of what is watched.
    fn running(&self) -> Vec<(RunId, String, String, Live)> {
        let handle = &self.app.sources.handle;
        handle.read(|state| {
            handle.live(|live| {
                let active = state.runs.iter().filter(|(_, run)| run.is_active());
                let wanted = active.filter(|(_, run)| {
                    self.agent.is_none_or(|wanted| run.agent == wanted)
                        && self.project.is_none_or(|wanted| {
                            state.agents.get(&run.agent).is_some_and(|a| a.project == wanted)
                        })
                });
                wanted
                    .filter_map(|(id, run)| {
                        let project = state.agents.get(&run.agent)?.project;
                        let shown = view::agent::live_of(state, live, run.agent)?;
                        let agent = view::agent_name(state, run.agent);
                        Some((*id, agent, view::project_name(state, project), shown))
                    })
                    .collect()
            })
        })
    }
}
