//! The safety policy's types, their merging, and the one judge. Pure.
//!
//! A policy is YAML under the key `background_agent_safety`. Files of several authorities are
//! merged, each tightening the ones before it; [`judge()`] holds a run against the result and is the
//! only maker of a [`Permit`], without which nothing is launched.
//!
//! Reading order: [`authority`], [`layer`], [`policy`], [`walls`], [`mod@judge`], [`mod@schema`].

#![no_std]

extern crate alloc;

pub mod authority;
pub mod escalation;
pub mod judge;
pub mod layer;
pub mod policy;
pub mod schema;
pub mod walls;

pub use authority::{Authority, Origin};
pub use escalation::{Due, Escalation};
pub use judge::{Assessment, Denial, Permit, Request, assess, check_limits, judge};
pub use layer::{Layer, default_layer, parse_layer};
pub use onboard_text::Problem;
pub use policy::{EffectiveLimits, Entry, Policy, PolicyInForce, StorageQuota, merge};
pub use schema::schema;
pub use walls::{Standing, Wall, Walls};
