//! `version`

use super::Done;
use crate::arguments::Global;
use crate::output;
use serde::Serialize;
use std::process::ExitCode;

/// The version of the product.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The same, with the commit it was built from and that commit's day, as `--version` prints it.
pub const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("AI_ONBOARD_COMMIT"),
    ", ",
    env!("AI_ONBOARD_COMMIT_DATE"),
    ")"
);

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
    /// `unknown` when it was built outside of a repository.
    commit: &'static str,
    date: &'static str,
}

pub fn run(global: &Global) -> Done {
    if global.is_json() {
        output::json(&Version {
            name: "ai_onboard",
            version: VERSION,
            commit: env!("AI_ONBOARD_COMMIT"),
            date: env!("AI_ONBOARD_COMMIT_DATE"),
        })?;
    } else {
        output::data(&format!("ai_onboard {LONG}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
