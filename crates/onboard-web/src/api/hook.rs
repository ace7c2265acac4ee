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
    /// Of one that the daemon sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<SentRow>,
}

/// How far a webhook is that the daemon sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SentRow {
    /// Events that were taken.
    pub delivered: u64,
    pub waiting: u64,
    /// Attempts in a row that nobody answered.
    pub failures: u32,
    /// When the next attempt is, where the one before failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Stamp>,
    /// Why the newest attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Events that were given up, newest first.
    pub given_up: Vec<GivenUpRow>,
}

/// An event that was not told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenUpRow {
    /// As `ai_onboard audit` and the watch stream have it.
    pub event: String,
    pub kind: String,
    pub time: Stamp,
    pub why: String,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryRow {
    pub at: Stamp,
    /// What its sender said, as far as it is kept.
    pub said: serde_json::Value,
}
