//! What agents share.

use super::answer::{Answered, Told};
use super::explain::Explainer;
use super::query;
use super::reads::Asks;
use super::routes::App;
use crate::api::Coordination;
use axum::extract::State as Shared;
use std::sync::Arc;

pub async fn status(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Coordination> {
    let asked = query::read(asks)?;
    let explainer = Explainer::new(&app.sources);
    app.sources.handle.read(|state| {
        let project = asked.project(state)?;
        Ok(Told(explainer.coordination(state, project)))
    })
}
