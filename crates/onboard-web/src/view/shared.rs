//! Values that agents share, as rows.

use crate::api::SharedRow;
use onboard_domain::{ProjectId, State};
use serde_json::Value;

/// The value of a project under `key`.
pub fn row(state: &State, project: ProjectId, key: &str) -> Option<SharedRow> {
    let shared = state.projects.get(&project)?.shared.get(key)?;
    // It was JSON when it was put; what is not any more is shown as the text that it is.
    let value =
        serde_json::from_str(&shared.value).unwrap_or_else(|_| Value::String(shared.value.clone()));
    Some(SharedRow {
        key: key.to_owned(),
        value,
        version: shared.version,
        by: super::agent_name(state, shared.by),
        at: shared.at.into(),
    })
}
