//! Renderings of the state: the JSON API over a unix socket, and the client that speaks it.
//!
//! The server writes the state only by submitting a command through the daemon's handle. Both ends
//! share the types of [`api`], so they can't disagree.

pub mod api;
pub mod audit;
pub mod client;
pub mod hooks;
pub mod past;
pub mod server;
pub mod view;
