//! What agents share, a value at a time.

use super::answer::{Answered, Told};
use super::query;
use super::reads::Asks;
use super::routes::App;
use crate::api::{Problem, ProblemKind, SharedRow};
use crate::view;
use axum::extract::{Path, State as Shared};
use std::sync::Arc;

pub async fn one(
    Shared(app): Shared<Arc<App>>,
    Path(key): Path<String>,
    asks: Asks,
) -> Answered<SharedRow> {
    let asked = query::read(asks)?;
    app.sources.handle.read(|state| {
        let unnamed = || Problem::new(ProblemKind::Invalid, "name a `project`");
        let project = asked.project(state)?.ok_or_else(unnamed)?;
        let absent = || Problem::new(ProblemKind::Unknown, format!("nothing is shared as `{key}`"));
        view::shared::row(state, project, &key).map(Told).ok_or_else(absent)
    })
}
