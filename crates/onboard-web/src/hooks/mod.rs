//! Webhooks that others send: who sent it is proven, it is taken once, and it is answered when it is
//! durable. It says that something happened; agents whose manifests say so are woken by it, and
//! look for themselves.
//!
//! And what others are told: [`outgoing`] says which events, and in which words.
//!
//! Reading order: [`onboard_daemon::hooks`] (whose they are, and who sent them), [`payload`] and [`rate`] (pure),
//! [`listen`].

pub mod listen;
pub mod outgoing;
pub mod payload;
pub mod rate;
pub mod tally;
