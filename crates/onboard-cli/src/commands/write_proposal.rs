//! The separate writer: one order on standard input, one report on standard output.

use super::Done;
use crate::failure::{Failure, Kind};
use crate::output;
use onboard_writer::Order;
use onboard_writer::order::BYTES_MAX;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

pub fn run() -> Done {
    let failed = |what: &str, why: String| Failure::new(Kind::Failed, format!("{what}: {why}"));
    // It outlives a daemon that is killed by the moment that its work takes: killed in the middle it
    // would leave git's locks behind. The next daemon orders the same and finds it done.
    let mut text = Vec::new();
    std::io::stdin()
        .take(BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| failed("the order can't be read", error.to_string()))?;
    let order: Order = serde_json::from_slice(&text)
        .map_err(|error| failed("the order is not understood", error.to_string()))?;
    onboard_writer::become_owner(Path::new(&order.root))
        .map_err(|error| failed("the repository's owner can't be become", error.to_string()))?;
    // Without a repository there is nothing to write, and the work itself says so.
    let places = onboard_writer::places(&order).unwrap_or_default();
    onboard_sandbox::confine_writes(&places)
        .map_err(|error| failed("this process can't be confined", error.to_string()))?;
    output::json_line(&onboard_writer::work(&order))?;
    Ok(ExitCode::SUCCESS)
}
