//! Values that a project's agents share.

use super::Stamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value, and who wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedRow {
    pub key: String,
    pub value: Value,
    pub version: u64,
    pub by: String,
    pub at: Stamp,
}
