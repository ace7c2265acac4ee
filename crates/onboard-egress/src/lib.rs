//! The only outgoing connections: an agent's proxy, which asks the policy each time.
//!
//! Everything that leaves this machine has to be written in this crate: the rest of the workspace
//! is fenced off from outgoing sockets. An agent's network has a loopback interface and nothing
//! else; [`Egress`] holds the sockets at which all its connections arrive, and passes on what
//! [`decide()`] allows. The [`broker`] speaks to a few hosts in the agent's place; [`visit`] is how a
//! built-in agent asks it, from inside its run.

mod accept;
pub mod address;
pub mod banner;
pub mod broker;
pub mod clienthello;
mod connection;
mod decide;
pub mod dns;
mod environment;
pub mod host;
pub mod http1;
mod meter;
pub mod names;
mod outside;
mod relay;
mod serve;
pub mod visit;

pub use decide::{Refusal, Rules, Way, decide};
pub use environment::environment;
pub use meter::{Flow, Meter, TooMany};
pub use outside::{Internet, Outside};
pub use serve::{Datagrams, Egress, End, Limits, Received, Role, Service};

use core::fmt;

/// What this version sends, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// One sentence for people.
    pub text: &'static str,
}

/// The statement that `ai_onboard doctor` prints.
pub fn statement() -> Statement {
    Statement {
        text: "nothing of its own leaves this machine: no telemetry, no model, no update check; agents reach the hosts of allowed_domains, and none while that list is empty; the daemon reaches those of your credentials and models for them, and tells the webhooks that you added",
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}
