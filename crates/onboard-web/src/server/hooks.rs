//! What webhooks brought.

use super::answer::{Answered, Told};
use super::routes::App;
use crate::api::{DeliveryRow, GivenUpRow, HookRow, Items, Problem, ProblemKind, SentRow};
use axum::extract::State as Shared;
use onboard_daemon::hooks::outbox::{Outbox, Post, Standing};
use onboard_daemon::hooks::{Hooks, Way};
use onboard_domain::State;
use onboard_domain::hook::Delivery;
use std::sync::Arc;

/// Every webhook of this user.
pub async fn list(Shared(app): Shared<Arc<App>>) -> Answered<Items<HookRow>> {
    let hooks = Hooks::new(app.sources.handle.paths().hooks());
    let names =
        hooks.names().map_err(|why| Problem::new(ProblemKind::Unreadable, why.to_string()))?;
    let mut rows: Vec<HookRow> = app
        .sources
        .handle
        .read(|state| names.into_iter().map(|name| row(&app, state, name)).collect());
    let unreadable = |why: String| Problem::new(ProblemKind::Unreadable, why);
    let is_out = |name: &str| hooks.get(name).is_ok_and(|h| matches!(h.way, Way::Out { .. }));
    let outbox = app.sources.handle.paths().outbox();
    if outbox.is_file() {
        let outbox = Outbox::open(&outbox).map_err(|why| unreadable(why.to_string()))?;
        for row in rows.iter_mut().filter(|row| is_out(&row.name)) {
            let standing = outbox.standing(&row.name).map_err(|why| unreadable(why.to_string()))?;
            row.sent = Some(sent(standing));
        }
    }
    Ok(Told(Items::all(rows)))
}

fn sent(standing: Standing) -> SentRow {
    let given_up = |(post, why): (Post, String)| GivenUpRow {
        event: format!("{}-{}", post.seq, post.index),
        kind: post.kind,
        time: post.time.into(),
        why,
    };
    SentRow {
        delivered: standing.delivered,
        waiting: standing.waiting,
        failures: standing.failures,
        next: (standing.next.0 > 0).then(|| standing.next.into()),
        why: (!standing.why.is_empty()).then_some(standing.why),
        given_up: standing.given_up.into_iter().map(given_up).collect(),
    }
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
        sent: None,
        name,
    }
}

fn delivery(delivery: &Delivery) -> DeliveryRow {
    let said = serde_json::from_str(&delivery.data).unwrap_or(serde_json::Value::Null);
    DeliveryRow { at: delivery.at.into(), said }
}
