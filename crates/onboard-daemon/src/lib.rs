//! The loop: `step` decides, effects touch the world, views are rebuilt.
//!
//! Reading order: [`input`], [`mod@step`], `run_loop`, `effects`, `attend`, `converse`, [`mod@start`].
//! The daemon knows no agent by name: an agent is a manifest and a peer that speaks the protocol.

mod agents;
mod agreed;
pub mod answering;
pub mod asked;
mod attend;
mod bell;
pub mod binding;
pub mod blobs;
mod brokerage;
pub mod clock;
mod converse;
pub mod credentials;
mod cut;
mod effects;
mod facts;
mod git_outside;
pub mod handle;
pub mod hooks;
pub mod input;
pub mod kept;
pub mod latch;
pub mod ledger;
pub mod logs;
mod machine;
pub mod manifests;
pub mod models;
pub mod network;
pub mod observe;
mod output_budget;
mod plain;
pub mod policies;
mod policy_paths;
pub mod pressure;
mod proc;
mod profile;
mod propose;
pub mod records;
pub mod retention;
mod run_loop;
mod screen;
mod sightings;
pub mod start;
pub mod step;
pub mod store;
pub mod views;
pub mod walls;
mod watch;
pub mod writing;
pub mod zones;

pub use handle::{Handle, Paths};
pub use profile::IN_COPY;
pub use run_loop::Fault;
pub use start::{Daemon, Options, StartError, start};
