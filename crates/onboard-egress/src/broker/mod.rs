//! The broker: hosts that the daemon speaks to in an agent's place, with what the agent may not have.
//!
//! Each has a name that exists in the run's network only (`github.credential.onboard`), at which the
//! agent speaks plain HTTP with the token of its run. The daemon looks the request over, puts the
//! credential in, speaks TLS to the one host that the credential is for, and takes the credential
//! out of whatever comes back.

pub mod answer;
mod contents;
mod models;
mod outward;
mod pass;
pub mod prompt;
pub mod secret;

pub(crate) use outward::Server;
pub use outward::{Target, TargetError, Tls};
pub(crate) use pass::{Arrived, pass};
pub use secret::Secret;

use onboard_domain::model::{Ending, Spend};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The last part of the names under which an agent finds a credential's host.
pub const CREDENTIAL_SUFFIX: &str = "credential.onboard";
/// The same of hosts that a policy allows, which need no credential.
pub const HOST_SUFFIX: &str = "host.onboard";
/// The same of models.
pub const MODEL_SUFFIX: &str = "model.onboard";

/// What one run may have brokered.
#[derive(Clone)]
pub struct Broker {
    /// Only this run has it, and it is worth nothing elsewhere.
    pub token: Secret,
    pub doors: Vec<Door>,
    pub tls: Tls,
    pub ledger: Arc<dyn Ledger>,
}

/// One host that is reached through the daemon.
#[derive(Clone, Debug)]
pub struct Door {
    /// The name that the agent asks for.
    pub name: String,
    pub target: Target,
    pub credential: Option<Credential>,
    /// Where the host is a model's endpoint.
    pub model: Option<Terms>,
}

/// What is put into requests.
#[derive(Clone, Debug)]
pub struct Credential {
    pub name: String,
    /// The field that carries it, in lower case.
    pub field: String,
    /// The field's whole value.
    pub value: Secret,
    /// Whatever of it must not come back.
    pub secret: Secret,
}

/// What a model may be asked, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its name in its owner's file.
    pub name: String,
    /// What requests call it.
    pub model: String,
    /// Tokens of one answer at most, and where that is written.
    pub max_output_tokens: u64,
    pub origin: String,
    /// Tokens that one picture counts at most; nothing where none may be sent.
    pub image_tokens: Option<u64>,
    /// Millionths for a million tokens.
    pub input_price: u64,
    pub output_price: u64,
}

impl Terms {
    /// What so many tokens cost, rounded up.
    pub fn spend(&self, input: u64, output: u64) -> Spend {
        let cost = u128::from(input) * u128::from(self.input_price)
            + u128::from(output) * u128::from(self.output_price);
        let micros = u64::try_from(cost.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Spend { tokens: input.saturating_add(output), micros }
    }
}

/// Where it is decided what may be spent, and written down.
pub trait Ledger: Send + Sync {
    /// Sets aside the most that a request may use; when this returns, that is durable.
    ///
    /// # Errors
    /// When a budget has no room for it.
    fn reserve(&self, model: &str, most: Spend) -> Result<u64, NoRoom>;

    /// Says what the request came to.
    fn settle(&self, id: u64, spend: Spend, ending: Ending);
}

/// Why a request of a model may not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// The budget's stable name; nothing where it is none that is used up.
    pub budget: Option<String>,
    pub why: String,
    /// Where waiting helps.
    pub retry_after_s: Option<u64>,
}

impl Broker {
    /// The door of this name.
    pub(crate) fn door(&self, name: &str) -> Option<&Door> {
        self.doors.iter().find(|door| door.name == name)
    }

    /// The names of all doors.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.doors.iter().map(|door| door.name.clone()).collect()
    }
}

impl Door {
    /// Where the agent finds it.
    pub fn url(&self) -> String {
        format!("http://{}", self.name)
    }
}
