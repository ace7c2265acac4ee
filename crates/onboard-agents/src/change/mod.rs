//! One change judged before it lands, for `ai_onboard check`: what it left out, what it made harder
//! to follow, which of its commits is likely to need a fix, and what is open where it was made.
//!
//! It is no agent: it runs once, in the foreground, with what two of them know how to judge.
//!
//! Its own rule is described beside the code that judges by it (`grown`); the others are those of
//! `pattern-learning` and `predictive-analytics`. What is open of a file that the change touches keeps
//! its agent's rule.

mod grown;
mod judge;
mod learned;
mod manual;
mod read;

pub use judge::{Crew, Judged, MOST_SAID, judge};
pub use learned::{Learned, Origin, learn};
pub use manual::MANUAL;
pub use read::{Change, Refusal, read};
