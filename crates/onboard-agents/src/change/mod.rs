//! One change judged before it lands, for `ai_onboard check`: what it left out, what it made harder
//! to follow, which of its commits is likely to need a fix, and what is open where it was made.
//!
//! It is no agent: it runs once, in the foreground, with what two of them know how to judge.
//!
//! # Rules
//!
//! - `patterns/left-out`: the rule of `pattern-learning`, of the change as a whole. Only where its
//!   habits were tried on the latest changes and were right in half of the cases or more.
//!
//!   > `src/flags.rs` changed without `src/help.rs`
//!
//! - `change/complexity`: a function whose cognitive complexity rose by five, and a quarter, to
//!   fifteen or more; or a new one of twenty-five or more.
//!
//!   > `Parser.block` became harder to follow: cognitive complexity 9 → 21
//!
//! - `forecast/risky-commit`: the rule of `predictive-analytics`, of the riskiest commit. Only where
//!   its model was tried on commits that it had not seen and found fit.
//!
//!   > `3fce3b5bb0` is among the riskiest 4 % of commits here: Rewrite the walker
//!
//! - What is open of a file that the change touches keeps its agent's rule.

mod grown;
mod judge;
mod learned;
mod read;

pub use judge::{Crew, Judged, MOST_SAID, judge};
pub use learned::{Learned, Origin, learn};
pub use read::{Change, Refusal, read};
