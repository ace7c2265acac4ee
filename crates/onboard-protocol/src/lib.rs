//! What host and agent say to each other, framing, and the agent manifest. Pure.
//!
//! The host is an MCP server; the agent is its client, over an inherited socket that carries one
//! JSON-RPC message a line. Both MCP lifecycles are spoken: the stateless one of 2026-07-28, whose
//! requests each carry their version, and the older one that opens with `initialize`.
//!
//! Reading order: [`manifest`], [`settings`]; then [`frame`], [`rpc`], [`tool`], [`arguments`],
//! [`host`], [`reply`]; then the agent's side: [`client`], [`command`].

#![no_std]

extern crate alloc;

pub mod arguments;
pub mod client;
pub mod command;
pub mod frame;
pub mod host;
pub mod machine;
pub mod manifest;
pub mod reply;
pub mod rpc;
pub mod settings;
pub mod tool;

pub use client::{ClientError, HostClient, Patient, Stream};
pub use command::{HostCommand, host_command};
pub use frame::{Frame, Framer};
pub use host::{CallId, HostAction, HostCall, HostSession};
pub use machine::Machine;
pub use manifest::{Manifest, parse_manifest};
pub use onboard_text::Problem;
pub use reply::{HostAnswer, Letter, StateValue, Task, WorkCopy};
pub use settings::{DaemonSettings, Settings, parse_settings, set_schedule, set_setting};
