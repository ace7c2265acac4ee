//! A forge's pull or merge requests, as they are shared: pure.

use super::Connection;
use super::store::{Item, State, Store};
use crate::requests::{Merged, Request, Shared};

/// What is shared of what is known.
pub fn shared(connection: &Connection, store: &Store, as_of_ms: i64) -> Shared {
    let issues = store.issues.list().map(|item| (item, '#'));
    let items: Vec<(&Item, char)> =
        issues.chain(store.merges.list().map(|item| (item, '!'))).collect();
    let id = |item: &Item, sign: char| format!("{sign}{}", item.number);
    let open = items.iter().filter(|(item, _)| item.state == State::Proposed);
    let open = open.map(|(item, sign)| Request {
        id: id(item, *sign),
        title: item.title.as_str().to_owned(),
        created_ms: item.created_ms,
        updated_ms: item.updated_ms,
    });
    // Stored before this was told apart, a merge request of the other list is done.
    let is_merged = |item: &Item, sign: char| {
        item.state == State::Merged || (sign == '!' && item.state == State::Done)
    };
    let merged = items.iter().filter(|(item, sign)| is_merged(item, *sign));
    let merged = merged.filter_map(|(item, sign)| {
        let (id, created_ms) = (id(item, *sign), item.created_ms);
        Some(Merged { id, created_ms, merged_ms: item.closed_ms? })
    });
    let source = format!("{} at {}", connection.repository, connection.host);
    Shared::of(source, as_of_ms, open.collect(), merged.collect())
}
