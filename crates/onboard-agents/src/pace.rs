//! How often a run says how far it is.

use std::time::{Duration, Instant};

/// Between two words about progress: four a second is as often as a person can read them, and far
/// from as often as the host allows.
const GAP: Duration = Duration::from_millis(250);

/// When progress was last told.
pub struct Pace(Instant);

impl Pace {
    pub fn new() -> Self {
        Self(instant())
    }

    /// Whether it is time to say something again; then it counts as said.
    pub fn is_due(&mut self) -> bool {
        let due = self.0.elapsed() >= GAP;
        if due {
            self.0 = instant();
        }
        due
    }
}

#[allow(clippy::disallowed_methods, reason = "paces what is told of progress; no fact comes of it")]
fn instant() -> Instant {
    Instant::now()
}
