//! What a shell offers for a word that only the daemon knows.

use crate::arguments::Global;
use crate::{chosen, connection, paths};
use clap_complete::engine::CompletionCandidate;
use onboard_agents::manual::{self, Manual};
use onboard_daemon::hooks::Hooks;
use std::time::Duration;

/// How long a person who pressed a key is kept waiting for a daemon that does not answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// The names of the current project's agents; none when they can't be had, since there is no place
/// for an error on the line that is being typed.
pub fn agent_names() -> Vec<CompletionCandidate> {
    let Ok((client, _)) = connection::client() else { return Vec::new() };
    let client = client.with_timeout(PATIENCE);
    let rows = chosen::of_project(&client, &Global::default()).unwrap_or_default();
    let candidate = |row: onboard_web::api::AgentRow| {
        CompletionCandidate::new(row.name).help(Some(row.state.word().into()))
    };
    rows.into_iter().map(candidate).collect()
}

/// The names of this user's webhooks.
pub fn hook_names() -> Vec<CompletionCandidate> {
    let names = paths::find().map(|paths| Hooks::new(paths.hooks()).names().unwrap_or_default());
    names.unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}

/// What `explain` has pages of: the agents that come with the program, and their rules.
pub fn pages() -> Vec<CompletionCandidate> {
    let of = |manual: &'static Manual| {
        let rules = manual.rules.iter().map(|rule| CompletionCandidate::new(rule.id));
        std::iter::once(CompletionCandidate::new(manual.name)).chain(rules).collect::<Vec<_>>()
    };
    manual::all().flat_map(of).collect()
}
