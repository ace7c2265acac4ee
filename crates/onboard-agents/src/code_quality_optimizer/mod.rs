//! The code quality optimizer: where simplifying the code will pay, because it is hard to follow
//! *and* changed often *and* just being worked on. One of the three alone is no reason to act.
//!
//! Each rule is described beside the code that judges by it (`decide`, `copies`), and all of them in `manual`.

mod copies;
mod decide;
mod draft;
mod manual;
mod report;

use gix::ObjectId;
use onboard_analysis::code::MOST_BYTES;

use crate::facts;
use crate::git::Repository;
use crate::host::{AgentError, Host, Outcome};

pub use manual::MANUAL;

pub const NAME: &str = "code-quality-optimizer";
pub const DESCRIPTION: &str = "Finds code that is changed often and hard to follow, and says which function to simplify first.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run, and it runs daily: more than three refactorings a day nobody starts.
pub const MOST_FINDINGS: usize = 3;

/// One run: judges the index as it stands.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    let mut memory = report::load(host)?;
    let facts = match facts::read(host.task()) {
        Ok(facts) => facts,
        Err(why) => return Ok(Outcome::NothingToReport { summary: why }),
    };
    let now_ms = host.task().now_ms;
    let quality = decide::measure(&facts, now_ms);
    memory.note(now_ms, &quality.totals);
    let task = host.task();
    let repository = Repository::open(&task.project_root, task.git_dir.as_deref()).ok();
    let content = |blob: &str| {
        let id = ObjectId::from_hex(blob.as_bytes()).ok()?;
        repository.as_ref()?.content(id, MOST_BYTES as u64).ok().flatten()
    };
    let copies = copies::copies(&facts, &quality, &content, now_ms);
    let findings = decide::judge(&facts, &quality, &copies, &memory.days, now_ms);
    let outcome = report::deliver(host, &facts, &quality, &findings, &mut memory)?;
    // Last: what is found is told whatever becomes of a draft.
    draft::draft(host, &facts, &memory.told(&findings))?;
    Ok(outcome)
}
