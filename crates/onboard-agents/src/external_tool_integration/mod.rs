//! The integration of external tools: what they wrote into the project, read by one who remembers what
//! they wrote before; what is planned at its forge; and what is known of its packages.
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

mod artefacts;
mod decide;
pub mod forge;
mod manual;
pub mod packages;
mod remotes;
mod report;
mod results;

use crate::git::Repository;
use crate::host::{AgentError, Finding, Host, Outcome};
use crate::telling::Holds;
use remotes::Remote;
use report::Words;

pub use manual::MANUAL;

pub const NAME: &str = "external-tool-integration";
pub const DESCRIPTION: &str = "Reads the forge, what tests and scanners wrote, and what is known of packages; says what became worse.";
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
    let (forge, trouble, asked) = read_forge(host, &remotes)?;
    let packages = packages::read(host, repository.as_ref(), asked)?;
    let mut findings: Vec<Finding> = trouble.into_iter().collect();
    findings.extend(decide::findings(&memory.results, &remotes));
    findings.extend(decide::packages::findings(&packages));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let done = report::done(&memory, repository.as_ref(), &packages);
    let words = Words { forge, packages: report::packages_words(&packages) };
    report::deliver(
        host,
        Holds { findings, done, ..Holds::default() },
        &mut memory,
        &packages,
        words,
    )
}

/// Reads what is new at the project's forge: in words what is known of it, what is wrong with it, and how
/// often it was asked.
fn read_forge(
    host: &mut dyn Host,
    remotes: &[Remote],
) -> Result<(Option<String>, Option<Finding>, usize), AgentError> {
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
            return Ok((at(""), None, 0));
        }
        Err(why) => return Ok((Some(why), None, 0)),
    };
    let Some(read) = forge::read(host, &connection)? else { return Ok((at(""), None, 0)) };
    let trouble = decide::connection::findings(&connection, &read.sync, task.now_ms);
    Ok((Some(report::forge_words(&connection, &read)), trouble, read.asked))
}
