//! The simulated world: clock, hosts, projects, agents, faults, checkers.
//!
//! The production `step` and scheduler run here under a virtual clock, in one thread, from one
//! seed: the same seed gives the same bytes. [`Simulation`] lets made-up projects live for days and
//! checks what must hold after every step; [`scenario`] tells small stories from text files.
//!
//! Reading order: [`random`], [`clock`], [`nature`], [`shell`], [`ledger`] with its ladder and minutes, [`journal`],
//! [`town`], [`simulation`], [`report`], [`mod@shrink`], [`scenario`].

pub mod clock;
pub mod crowd;
pub mod faults;
pub mod journal;
mod ladder;
pub mod ledger;
mod minutes;
pub mod nature;
pub mod random;
pub mod report;
pub mod scenario;
pub mod shell;
pub mod shrink;
pub mod simulation;
pub mod tally;
pub mod town;
pub mod weather;
pub mod zones;

pub use faults::{Fault, Faults};
pub use report::Report;
pub use shrink::{Shrunk, shrink};
pub use simulation::{Progress, Simulation};
