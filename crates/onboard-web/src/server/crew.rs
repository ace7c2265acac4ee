//! What a project's agents know.

use super::answer::{Answered, Told};
use super::query;
use super::reads::Asks;
use super::routes::App;
use crate::api::{CrewView, Problem, ProblemKind};
use crate::view;
use axum::extract::State as Shared;
use std::sync::Arc;

pub async fn of(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<CrewView> {
    let asked = query::read(asks)?;
    app.sources.handle.read(|state| {
        let project = asked.project(state)?;
        let crew = project.and_then(|project| view::crew::of(state, project));
        crew.map(Told)
            .ok_or_else(|| Problem::new(ProblemKind::Invalid, "`project` has to name a project"))
    })
}
