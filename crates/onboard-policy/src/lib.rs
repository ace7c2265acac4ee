//! The safety policy's types, their merging, and the one judge. Pure.
//!
//! A policy is YAML under the key `background_agent_safety`. Files of several authorities are
//! merged, each tightening the ones before it; [`judge()`] holds a run against the result and is the
//! only maker of a [`Permit`], without which nothing is launched.
//!
//! Reading order: [`access`], [`authority`], [`layer`], [`mod@machine`], [`named`],
//! [`policy`], [`walls`], [`mod@judge`], [`mod@schema`]; [`mod@council`] and [`members`] for what
//! people decide.

#![no_std]

extern crate alloc;

pub mod access;
pub mod authority;
pub mod council;
pub mod escalation;
pub mod judge;
pub mod layer;
pub mod machine;
pub mod members;
pub mod named;
pub mod policy;
pub mod schema;
pub mod walls;

pub use access::{NameSet, PathSet};
pub use authority::{Authority, Origin};
pub use council::{Council, Holder, Tally, parse_council};
pub use escalation::{Due, Escalation};
pub use judge::{Assessment, Denial, Permit, Request, assess, bounds, check_limits, judge, sound};
pub use layer::{DEFAULT_FILE, DEFAULT_POLICY, Layer, default_layer, parse_layer};
pub use machine::Machine;
pub use members::{Room, automatic};
pub use named::NamedPath;
pub use onboard_text::Problem;
pub use policy::{EffectiveLimits, Entry, Policy, PolicyInForce, StorageQuota, merge};
pub use schema::schema;
pub use walls::{Standing, Wall, Walls};
