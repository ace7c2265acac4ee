//! Webhooks that others send: what is remembered of each, so that nothing is taken twice.

use crate::ids::Time;
use alloc::collections::VecDeque;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The topic of all of them. One has its name behind it: `webhook.received.forge`.
pub const TOPIC: &str = "webhook.received";

/// Bounds of what is remembered.
pub mod bounds {
    /// Webhooks; beyond, the one that brought nothing for longest is forgotten.
    pub const HOOKS: usize = 64;
    /// Deliveries of one webhook by which a repeated one is known, oldest dropped: more than it may
    /// bring ([`PER_MINUTE`]) while a signature with a time is taken (ten minutes), so that such a
    /// signature is taken once.
    pub const KEYS: usize = 1_000;
    /// Deliveries of one webhook a minute; more is put off. Forges send one an event, so this is a
    /// busy team's, and what it adds to the journal in a day is below 400 MB.
    pub const PER_MINUTE: u32 = 60;
    /// Deliveries whose content is kept for the agents that they wake.
    pub const RECENT: usize = 8;
    /// Bytes of what is kept of one.
    pub const DATA: usize = 4 * 1024;
}

/// The topic of one.
pub fn topic(hook: &str) -> String {
    alloc::format!("{TOPIC}.{hook}")
}

/// The name of the one whose topic this is.
pub fn of_topic(topic: &str) -> Option<&str> {
    topic.strip_prefix(TOPIC)?.strip_prefix('.')
}

/// What is known of a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Deliveries that were taken.
    pub received: u64,
    /// What tells them from one another, oldest first.
    pub keys: VecDeque<String>,
    /// The newest, oldest first.
    pub recent: VecDeque<Delivery>,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub at: Time,
    /// JSON.
    pub data: String,
}

impl Known {
    /// Takes note of a delivery.
    pub fn take(&mut self, at: Time, key: &str, data: &str) {
        self.received += 1;
        self.keys.push_back(key.into());
        self.recent.push_back(Delivery { at, data: data.into() });
        while self.keys.len() > bounds::KEYS {
            self.keys.pop_front();
        }
        while self.recent.len() > bounds::RECENT {
            self.recent.pop_front();
        }
    }

    /// Whether this delivery came before.
    pub fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }

    /// When the newest came.
    pub fn last(&self) -> Time {
        self.recent.back().map_or(Time(0), |delivery| delivery.at)
    }
}
