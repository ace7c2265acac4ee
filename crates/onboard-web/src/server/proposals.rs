//! Proposals, and the patch of one.

use super::answer::{Answered, Told};
use super::query;
use super::reads::Asks;
use super::routes::App;
use crate::api::{Items, Problem, ProblemKind, ProposalDetail, ProposalRow};
use crate::view;
use axum::extract::{Path, State as Shared};
use onboard_domain::ProposalId;
use std::sync::Arc;

pub async fn list(Shared(app): Shared<Arc<App>>, asks: Asks) -> Answered<Items<ProposalRow>> {
    let asked = query::read(asks)?;
    app.sources.handle.read(|state| {
        let project = asked.project(state)?;
        Ok(Told(Items::all(view::proposal::rows(state, project))))
    })
}

pub async fn one(
    Shared(app): Shared<Arc<App>>,
    Path(text): Path<String>,
) -> Answered<ProposalDetail> {
    let id: ProposalId = query::id(&text)?;
    let found = app.sources.handle.read(|state| {
        let proposal = state.proposals.get(&id)?;
        Some((view::proposal::row(state, id, proposal), proposal.proposed.patch.clone()))
    });
    let Some((proposal, blob)) = found else {
        return Err(Problem::new(ProblemKind::Unknown, format!("no proposal `{text}`")));
    };
    let handle = app.sources.handle.clone();
    let read = tokio::task::spawn_blocking(move || handle.patch(&blob)).await;
    let patch = read.map_err(|error| error.to_string()).and_then(|read| read);
    let unreadable =
        |why| Problem::new(ProblemKind::Unreadable, format!("the patch of {id} is lost: {why}"));
    Ok(Told(ProposalDetail { proposal, patch: patch.map_err(unreadable)? }))
}
