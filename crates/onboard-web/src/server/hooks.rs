//! What webhooks brought.

use super::answer::{Answered, Told};
use super::routes::App;
use crate::api::{DeliveryRow, HookRow, Items, Problem, ProblemKind};
use axum::extract::State as Shared;
use onboard_daemon::hooks::Hooks;
use onboard_domain::State;
use onboard_domain::hook::Delivery;
use std::sync::Arc;

/// Every webhook of this user.
pub async fn list(Shared(app): Shared<Arc<App>>) -> Answered<Items<HookRow>> {
    let hooks = Hooks::new(app.sources.handle.paths().hooks());
    let names =
        hooks.names().map_err(|why| Problem::new(ProblemKind::Unreadable, why.to_string()))?;
    let rows = app
        .sources
        .handle
        .read(|state| names.into_iter().map(|name| row(&app, state, name)).collect());
    Ok(Told(Items::all(rows)))
}

fn row(app: &App, state: &State, name: String) -> HookRow {
    let (tallies, known) = (&app.sources.hooks, state.hooks.get(&name));
    let tally = tallies.of(&name);
    let recent = known.iter().flat_map(|known| known.recent.iter().rev());
    HookRow {
        url: tallies.address().map(|address| format!("http://{address}/hooks/{name}")),
        received: known.map_or(0, |known| known.received),
        repeated: tally.repeated,
        refused: tally.refused.into_iter().map(|(word, n)| (word.into(), n)).collect(),
        recent: recent.map(delivery).collect(),
        name,
    }
}

fn delivery(delivery: &Delivery) -> DeliveryRow {
    let said = serde_json::from_str(&delivery.data).unwrap_or(serde_json::Value::Null);
    DeliveryRow { at: delivery.at.into(), said }
}
