//! The daemon's decisions and what it keeps on disk, without processes of agents.

mod council;
mod manifests;
mod oversight;
mod proposals;
mod resources;
mod retention;
mod stage;
mod step;
mod stopping;
mod store;
mod trials;
mod views;
