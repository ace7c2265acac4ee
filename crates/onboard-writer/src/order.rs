//! What the writer is told: everything it needs, since it asks nobody.

use onboard_domain::proposal::{Branch, Work};
use onboard_validation::patch::paths::Fence;
use serde::{Deserialize, Serialize};

/// Bytes of an order or a report as JSON: the largest patch, escaped, with everything around it.
pub const BYTES_MAX: u64 = 4 << 20;

/// One piece of work on one proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub work: Work,
    /// The project's folder.
    pub root: String,
    /// The agent that proposed.
    pub agent: String,
    /// The proposal's id.
    pub proposal: String,
    pub title: String,
    pub reason: String,
    pub patch: String,
    /// When people accepted it, seconds since 1970: the commit's time.
    pub accepted_s: i64,
    /// What the policy keeps from being changed, and the largest file it allows.
    pub forbidden: Vec<String>,
    pub read_only: Vec<String>,
    /// Whether it may touch what runs by itself: people said so, or are still to be asked.
    #[serde(default)]
    pub protected: bool,
    pub file_bytes_max: u64,
    /// To be taken back.
    pub branch: Option<Branch>,
}

impl Order {
    /// The branch that a proposal is written as, without `refs/heads/`.
    pub fn branch_name(&self) -> String {
        format!("ai-onboard/{}/{}", self.agent, self.proposal)
    }

    /// What may not be changed.
    pub fn fence(&self) -> Fence {
        Fence {
            forbidden: self.forbidden.clone(),
            read_only: self.read_only.clone(),
            allows_protected: self.protected,
        }
    }
}
