//! The paths of the API.

use super::{
    BODY_MAX, Sources, command, coordination, council, crew, follow_logs, hooks, incidents,
    proposals, reads, shared, watch,
};
use crate::api::{BASE, Problem, ProblemKind};
use crate::server::feed::Feed;
use crate::server::replies::Replies;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;

/// What every route can reach.
pub struct App {
    pub sources: Sources,
    pub feed: Feed,
    pub replies: Arc<Replies>,
    /// Holds the reason once the server is told to stop.
    pub stopped: tokio::sync::watch::Receiver<Option<String>>,
}

/// All paths, flat: one look-up a request. Whoever serves them gives each request its
/// [`Peer`](super::peer::Peer).
pub fn router(app: Arc<App>) -> Router {
    let at = |path: &str| format!("{BASE}{path}");
    Router::new()
        .route(&at("/commands"), post(command::submit))
        .route(&at("/projects"), post(command::register))
        .route(&at("/agents"), get(reads::agents))
        .route(&at("/agents/{id}"), get(reads::agent))
        .route(&at("/runs"), get(reads::runs))
        .route(&at("/runs/{id}"), get(reads::run))
        .route(&at("/findings"), get(reads::findings))
        .route(&at("/order"), get(reads::order))
        .route(&at("/incidents"), get(incidents::list))
        .route(&at("/incidents/{id}"), get(incidents::one))
        .route(&at("/approvals"), get(council::list))
        .route(&at("/approvals/{id}"), get(council::one))
        .route(&at("/council"), get(council::status))
        .route(&at("/coordination"), get(coordination::status))
        .route(&at("/crew"), get(crew::of))
        .route(&at("/shared/{key}"), get(shared::one))
        .route(&at("/proposals"), get(proposals::list))
        .route(&at("/proposals/{id}"), get(proposals::one))
        .route(&at("/hooks"), get(hooks::list))
        .route(&at("/events"), get(reads::events))
        .route(&at("/logs"), get(reads::logs))
        .route(&at("/logs/follow"), get(follow_logs::stream))
        .route(&at("/audit"), get(reads::audit))
        .route(&at("/report"), get(reads::report))
        .route(&at("/daemon"), get(reads::daemon))
        .route(&at("/daemon/digest"), get(reads::digest))
        .route(&at("/watch"), get(watch::stream))
        .route("/healthz", get(reads::version))
        .route("/readyz", get(reads::ready))
        .route("/version", get(reads::version))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(app)
}

impl App {
    /// The routes' common ground, until `stopped` holds a reason.
    pub fn new(sources: Sources, stopped: tokio::sync::watch::Receiver<Option<String>>) -> App {
        let feed = Feed::new(sources.handle.clone());
        App { sources, feed, replies: Arc::default(), stopped }
    }
}

/// What a peer of another user gets.
pub fn closed() -> Router {
    Router::new().fallback(foreign)
}

async fn unknown(uri: axum::http::Uri) -> Problem {
    Problem::new(ProblemKind::Unknown, format!("no path `{}`; the API is under {BASE}", uri.path()))
}

async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    Problem::new(ProblemKind::Invalid, format!("`{}` does not take {method}", uri.path()))
}

async fn foreign() -> Problem {
    Problem::new(ProblemKind::Forbidden, "the daemon answers its own user and root only")
}
