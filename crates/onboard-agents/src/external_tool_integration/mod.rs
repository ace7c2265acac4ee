//! The integration of external tools: what they wrote into the project, read by one who remembers what
//! they wrote before.
//!
//! # Rules
//!
//! - `tools/failing-test`: a test failed in all of the newest results, two at least, of two commits or
//!   over a day: what is being worked on is left alone.
//!
//!   > `parser::empty_input` fails since 2026-11-20
//!
//! - `tools/flaky-test`: a test failed and passed when its runner repeated it, in two results of a
//!   month; or results of one and the same commit differ, at three commits of a month.
//!
//! - `tools/coverage-fallen`: the newest three results, of two commits at least, cover two percent less
//!   of the lines than those before did at the median, and none of the lines' number halved or doubled,
//!   which is another selection of tests or files.
//!
//! - `tools/new-alert`: a code scanner reports what it did not report before, with the same version.
//!
//! - `tools/unreadable-result`: a file of results is damaged, with the place.
//!
//! - `tools/secret-in-remote`: the address of a remote holds a password or a token.
//!
//! Results are read where tools put them: JUnit's XML, SARIF, LCOV, Cobertura.

mod artefacts;
mod decide;
mod remotes;
mod report;
mod results;

use crate::git::Repository;
use crate::host::{AgentError, Host, Outcome};

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
