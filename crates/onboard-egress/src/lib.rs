//! The only outgoing connections, and today there are none.
//!
//! Everything that would ever leave this machine has to be written in this crate: the rest of the
//! workspace is fenced off from outgoing sockets. So this crate can state what leaves.

use core::fmt;

/// What this version sends, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Hosts that this version may connect to.
    pub destinations: &'static [&'static str],
    /// One sentence for people.
    pub text: &'static str,
}

/// The statement that `ai_onboard doctor` prints.
pub fn statement() -> Statement {
    Statement {
        destinations: &[],
        text: "nothing leaves this machine: no telemetry, no model, no update check, and agents have no network",
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}
