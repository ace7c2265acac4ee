//! Profile to plan to walls; launching, freezing, killing, proving dead. The only unsafe code.
//!
//! A [`Profile`] says what a run may have. It is compiled, for the host at hand, into a [`Plan`]: an
//! ordered list of steps as data. [`launch`] has a launcher forked from our own binary, which was
//! started once more for that, and the launcher carries the steps out; the first that fails ends the
//! launch and is named with its reason.
//! Nothing is ever left out silently: what this host cannot hold is in [`Running::degraded`], or
//! the launch is refused.
//!
//! The binary must call [`launcher_main_if_asked`] as the first thing in `main`.
//!
//! ```text
//! caller ── posix_spawn, once ─► starter
//!    │                              │ forks, as the caller's child
//!    │  control socket              ▼
//!    ├────────────────────────── launcher ── clone3 ─► init (pid 1) ── vfork ─► agent (pid 2)
//!    │                              waits, watches       │  reaps                │ fd 3: host socket
//!    └────────────────────── init socket: ready, go, started, exited
//! ```
//!
//! When the caller dies, the starter ends, the control socket hangs up and the launcher kills init; when the launcher
//! dies, the kernel kills init; when init dies, the kernel kills every process of the sandbox.

#![deny(unsafe_op_in_unsafe_fn)]

mod allowance;
mod bpf;
mod build;
pub mod cgroup;
mod confine;
mod counted;
mod disk;
mod filter;
mod fix;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod host;
mod init;
mod lacking;
mod launch;
mod launcher;
mod layer;
mod links;
mod look;
mod mask;
mod network;
mod notify;
mod permit;
mod plan;
pub mod probe;
mod profile;
mod record;
mod report;
mod running;
mod starter;
// The one module that may: each block states why it is sound.
#[allow(unsafe_code)]
mod sys;
mod tree;
pub mod view;
mod watch;
mod wire;

pub use confine::confine_writes;
pub use host::{ProjectFolder, Thing};
pub use launch::{AgentFiles, LaunchError, launch, plan};
pub use launcher::launcher_main_if_asked;
pub use layer::{Layer, Mechanism, Status};
pub use network::{End, EndKind, Network, PROXY_PORT, Place};
pub use permit::{Exceeds, Permitted};
pub use plan::{Mechanisms, Plan, Resource, Step, Watch};
pub use profile::{APP_DIR, HOST_FD, Limits, PROJECT_DIR, Profile, ProfileError, ReadOnly};
pub use record::{How, KillError, Proof, RunRecord, kill_all};
pub use report::Reports;
pub use running::{Ended, Outcome, Running, Usage, Weakness};
pub use sys::memory::allocate_from_one_arena;
pub use sys::network::{Asked, recv_from_asked, send_as};
pub use tree::{Left, boot_id, is_alive};

/// The agent's end of the socket to its host, inside a sandbox.
///
/// # Errors
/// When descriptor [`HOST_FD`] is not an open socket, or was taken before.
pub fn inherited_host_socket() -> std::io::Result<std::os::unix::net::UnixStream> {
    sys::socket::inherited(HOST_FD)
}
