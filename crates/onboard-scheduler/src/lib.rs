//! What should happen next, and why. Starts nothing. Pure.
//!
//! [`decide`] is called once at the end of every turn of the daemon's loop. It reads the facts that
//! the turn recorded and the state they folded to, records what follows (slots settled, runs
//! queued, placed, retried, stopped) and says when it wants to be called again if nothing happens.
//! [`mod@explain`] answers "why is it not running?" from the same conditions that admission uses.
//!
//! Reading order: [`settings`], [`decide`], `follow`, `slot`, `admit`, `wait`, [`mod@explain`].

#![no_std]

extern crate alloc;

mod adapt;
mod admit;
mod cache;
mod decide;
mod demand;
pub mod explain;
mod follow;
mod host;
mod overdue;
mod queue;
mod retry;
pub mod schedule;
pub mod settings;
mod slot;
mod validate;
mod wait;

pub use cache::{ScheduleCache, Zones};
pub use decide::{
    decide, plan_next, queue_now, run_now, start_agent, stop_active, stop_run, stop_runs,
};
pub use demand::{UNNAMED, reserved_by_all};
pub use explain::{Explanation, StateWord, explain, waiting};
pub use host::{HostSample, Pressure, Verdict};
pub use overdue::Haste;
pub use settings::{Budget, Settings};
pub use validate::{Problem, Span, validate};
pub use wait::{Wait, long_queued, rank_in_queue};

#[cfg(test)]
mod tests;
