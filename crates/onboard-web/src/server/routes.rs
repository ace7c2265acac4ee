//! The paths of the API.

use super::{BODY_MAX, Sources, command, follow_logs, proposals, reads, watch};
use crate::api::{BASE, Problem, ProblemKind};
use crate::server::feed::Feed;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;

/// What every route can reach.
pub struct App {
    pub sources: Sources,
    pub feed: Feed,
    /// Holds the reason once the server is told to stop.
    pub stopped: tokio::sync::watch::Receiver<Option<String>>,
}

/// All paths.
pub fn router(sources: Sources, stopped: tokio::sync::watch::Receiver<Option<String>>) -> Router {
    let feed = Feed::new(sources.handle.clone());
    let app = Arc::new(App { sources, feed, stopped });
    let api = Router::new()
        .route("/commands", post(command::submit))
        .route("/projects", post(command::register))
        .route("/agents", get(reads::agents))
        .route("/agents/{id}", get(reads::agent))
        .route("/runs", get(reads::runs))
        .route("/runs/{id}", get(reads::run))
        .route("/findings", get(reads::findings))
        .route("/proposals", get(proposals::list))
        .route("/proposals/{id}", get(proposals::one))
        .route("/events", get(reads::events))
        .route("/logs", get(reads::logs))
        .route("/logs/follow", get(follow_logs::stream))
        .route("/audit", get(reads::audit))
        .route("/report", get(reads::report))
        .route("/daemon", get(reads::daemon))
        .route("/daemon/digest", get(reads::digest))
        .route("/watch", get(watch::stream));
    Router::new()
        .nest(BASE, api)
        .route("/healthz", get(reads::version))
        .route("/readyz", get(reads::ready))
        .route("/version", get(reads::version))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(app)
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
