//! The integration of external tools: what they wrote into the project, read by one who remembers what
//! they wrote before.
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

mod artefacts;
mod decide;
mod manual;
mod remotes;
mod report;
mod results;

use crate::git::Repository;
use crate::host::{AgentError, Host, Outcome};

pub use manual::MANUAL;

pub const NAME: &str = "external-tool-integration";
pub const DESCRIPTION: &str =
    "Reads what tests, coverage and code scanners wrote, and says what became worse for good.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run: who gets more at once reads none.
pub const MOST_FINDINGS: usize = 3;

/// One run: results that are new since the last one, and what they say together with those before.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    let task = host.task().clone();
    let mut memory = report::load(host)?;
    let repository = Repository::open(&task.project_root, task.git_dir.as_deref()).ok();
    let remotes = repository.as_ref().map(remotes::of_repository).unwrap_or_default();
    let head = repository.as_ref().and_then(Repository::head_id).unwrap_or_default();
    let seen = memory.results.seen.iter().map(|(path, seen)| (path.clone(), seen.written_ms));
    let looked = artefacts::look(&task.project_root, &seen.collect(), task.now_ms);
    memory.results.take(looked, &head, task.now_ms);
    let findings = decide::findings(&memory.results, &remotes);
    report::deliver(host, &findings, &mut memory, &remotes)
}
