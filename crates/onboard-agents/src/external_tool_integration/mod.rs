//! The integration of external tools: what they wrote into the project, read by one who remembers what
//! they wrote before.
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

mod artefacts;
mod decide;
pub mod forge;
mod manual;
mod remotes;
mod report;
mod results;

use crate::git::Repository;
use crate::host::{AgentError, Finding, Host, Outcome};
use remotes::Remote;

pub use manual::MANUAL;

pub const NAME: &str = "external-tool-integration";
pub const DESCRIPTION: &str = "Reads the forge, and what tests, coverage and scanners wrote; says what became worse for good.";
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
    let (forge, trouble) = read_forge(host, &remotes)?;
    let mut findings: Vec<Finding> = trouble.into_iter().collect();
    findings.extend(decide::findings(&memory.results, &remotes));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report::deliver(host, &findings, &mut memory, forge)
}

/// Reads what is new at the project's forge: in words what is known of it, and what is wrong with it.
fn read_forge(
    host: &mut dyn Host,
    remotes: &[Remote],
) -> Result<(Option<String>, Option<Finding>), AgentError> {
    let task = host.task().clone();
    let at = |connected: &str| {
        report::own(remotes).map(|own| format!("{} at {}{connected}", own.path, own.host))
    };
    let mut ordered: Vec<&Remote> = report::own(remotes).into_iter().collect();
    ordered.extend(remotes);
    let found = forge::find(&ordered, host.doors().list(), &forge::Settings::of(&task));
    let connection = match found {
        Ok(Some(connection)) => connection,
        Ok(None) => {
            forge::forget(host)?;
            return Ok((at(""), None));
        }
        Err(why) => return Ok((Some(why), None)),
    };
    let Some(read) = forge::read(host, &connection)? else { return Ok((at(""), None)) };
    let trouble = decide::connection::findings(&connection, &read.sync, task.now_ms);
    Ok((Some(report::forge_words(&connection, &read)), trouble))
}
