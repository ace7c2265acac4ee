//! What must hold for every input, a module each: more than "no panic".
//!
//! `check` of a module takes any bytes and panics when a property does not hold. The programs in
//! `fuzz_targets/` feed them; `cargo xtask fuzz` builds and runs those.

// The proxy's parsers and its decision as they stand: with the whole crate TLS would be built too.
#[path = "../../crates/onboard-egress/src/banner.rs"]
pub mod banner;
#[path = "../../crates/onboard-egress/src/clienthello.rs"]
pub mod clienthello;
#[path = "../../crates/onboard-egress/src/decide.rs"]
pub mod decide;
#[path = "../../crates/onboard-egress/src/host.rs"]
pub mod host;
#[path = "../../crates/onboard-egress/src/http1.rs"]
pub mod http1;
#[path = "../../crates/onboard-egress/src/meter.rs"]
pub mod meter;
#[path = "../../crates/onboard-egress/src/dns.rs"]
pub mod names;

/// Heads of requests are read with it.
use httparse as _;

pub mod client_hello;
pub mod dns;
pub mod frames;
pub mod hosts;
pub mod journal;
pub mod manifests;
pub mod patches;
pub mod policy;
pub mod requests;
pub mod schedules;
pub mod shown;
pub mod system_calls;

/// The input as text; what is not UTF-8 is refused before any of the parsers of text.
fn text(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

/// Longest shown problem: a file's name, a place, a sentence with a value, a line and its mark.
const PROBLEM: usize = 4 * 1024;

/// A problem as people see it: bounded, and nothing in it steers a terminal.
fn showable(problem: &onboard_policy::Problem, text: &str) {
    // A carriage return alone ends a line of YAML as well.
    let lines = text.matches(['\n', '\r']).count() + 1;
    let shown = problem.to_string();
    assert!(shown.len() <= PROBLEM, "{} bytes are shown", shown.len());
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    let place = &problem.place;
    assert!(place.line >= 1 && place.line as usize <= lines, "{place} of {lines} lines");
    assert!(place.column >= 1, "{place}");
}
