//! The council, and the motions before it.

use super::answer::{Answered, Told};
use super::query;
use super::reads::Asks;
use super::routes::App;
use crate::api::{CouncilView, Items, MotionRow, Problem, ProblemKind};
use crate::view;
use axum::extract::{Path, State as Shared};
use onboard_domain::MotionId;
use std::sync::Arc;

pub async fn list(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<MotionRow>> {
    let asked = query::read(asks)?;
    // Files are read before the state is held.
    let council = app.sources.handle.policies().council();
    app.sources.handle.read(|state| {
        let project = asked.project(state)?;
        Ok(Told(Items::all(view::council::rows(state, &council, project))))
    })
}

pub async fn one(Shared(app): Shared<Arc<App>>, Path(text): Path<String>) -> Answered<MotionRow> {
    let id: MotionId = query::id(&text)?;
    let council = app.sources.handle.policies().council();
    let row = app.sources.handle.read(|state| {
        state.motions.get(&id).map(|motion| view::council::row(state, &council, id, motion))
    });
    let unknown = || Problem::new(ProblemKind::Unknown, format!("no approval `{text}`"));
    row.map(Told).ok_or_else(unknown)
}

pub async fn status(Shared(app): Shared<Arc<App>>) -> Answered<CouncilView> {
    let council = app.sources.handle.policies().council();
    Ok(Told(app.sources.handle.read(|state| view::council::status(state, &council))))
}
