//! What became of requests to webhooks since the daemon started: what isn't taken leaves no trace in the
//! journal, which strangers could fill.

use onboard_domain::hook::bounds::HOOKS;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// Of one webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Came before, and was not taken again.
    pub repeated: u64,
    /// By a word for the reason.
    pub refused: BTreeMap<&'static str, u64>,
}

/// Of all, and where they are taken.
#[derive(Debug, Default)]
pub struct Tallies(Mutex<(Option<SocketAddr>, BTreeMap<String, Tally>)>);

impl Tallies {
    /// Notes the address.
    pub fn listens_at(&self, address: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(address);
    }

    /// Where webhooks are taken, if they are.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Of this webhook.
    pub fn of(&self, name: &str) -> Tally {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.1.get(name).cloned().unwrap_or_default()
    }

    /// One came again.
    pub fn repeated(&self, name: &str) {
        self.count(name, |tally| tally.repeated += 1);
    }

    /// One was not taken.
    pub fn refused(&self, name: &str, word: &'static str) {
        self.count(name, |tally| *tally.refused.entry(word).or_default() += 1);
    }

    fn count(&self, name: &str, add: impl FnOnce(&mut Tally)) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.1.len() >= HOOKS && !inner.1.contains_key(name) {
            // Of webhooks that were removed since.
            inner.1.clear();
        }
        add(inner.1.entry(name.into()).or_default());
    }
}
