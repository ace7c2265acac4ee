//! Incidents.

use super::answer::{Answered, Told};
use super::query;
use super::reads::Asks;
use super::routes::App;
use crate::api::{IncidentRow, Items, Problem, ProblemKind};
use crate::view;
use axum::extract::{Path, State as Shared};
use onboard_domain::IncidentId;
use std::sync::Arc;

pub async fn list(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<IncidentRow>> {
    let asked = query::read(asks)?;
    app.sources.handle.read(|state| {
        let project = asked.project(state)?;
        Ok(Told(Items::all(view::incident::rows(state, project))))
    })
}

pub async fn one(Shared(app): Shared<Arc<App>>, Path(text): Path<String>) -> Answered<IncidentRow> {
    let id: IncidentId = query::id(&text)?;
    let row = app.sources.handle.read(|state| {
        state.incidents.get(&id).map(|incident| view::incident::row(state, id, incident))
    });
    let unknown = || Problem::new(ProblemKind::Unknown, format!("no incident `{text}`"));
    row.map(Told).ok_or_else(unknown)
}
