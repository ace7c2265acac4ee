//! Webhooks.

use super::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a webhook brought, and what wasn't taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HookRow {
    pub name: String,
    /// Where the daemon takes it; absent where it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Deliveries that were taken.
    pub received: u64,
    /// Deliveries that came again since the daemon started.
    pub repeated: u64,
    /// Requests that were not taken since the daemon started, by reason.
    pub refused: BTreeMap<String, u64>,
    /// The newest deliveries, newest first.
    pub recent: Vec<DeliveryRow>,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryRow {
    pub at: Stamp,
    /// What its sender said, as far as it is kept.
    pub said: serde_json::Value,
}
