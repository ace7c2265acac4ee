//! The performance monitor: which benchmark became slower for good and which commits it may be, and
//! what the machine is short of for hours, or now as it was not before. Nothing is said without size and
//! persistence.
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

mod benchmarks;
mod decide;
mod durations;
mod formats;
mod look;
mod manual;
mod report;
mod samples;
mod watch;

use crate::checkpoint;
use crate::git::Repository;
use crate::host::{AgentError, Host, Outcome};

pub use manual::MANUAL;

pub const NAME: &str = "performance-monitor";
pub const DESCRIPTION: &str = "Says which benchmark became slower and with which commits, and what the machine is short of for hours.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run: a machine and a project are short of few things at once.
pub const MOST_FINDINGS: usize = 3;

/// One run: a look at the machine, and at results that are new.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    let task = host.task().clone();
    let mut memory: samples::Samples = checkpoint::load(host, "samples")?.unwrap_or_default();
    let mut series: benchmarks::Benchmarks =
        checkpoint::load(host, "benchmarks")?.unwrap_or_default();
    let machine = host.machine()?;
    let is_new_hour = memory.take(&machine);
    let watches = watch::Watches::load(host, &memory)?;
    let open = || Repository::open(&task.project_root, task.git_dir.as_deref());
    let repository = open().ok();
    let head = repository.as_ref().and_then(Repository::head_id).unwrap_or_default();
    let checkouts = repository.as_ref().map(Repository::checkouts).unwrap_or_default();
    let look = series.files.look(&task.project_root, task.now_ms);
    let commits = benchmarks::Commits { checkouts: &checkouts, head: &head };
    let has_new_results = series.take(look, &commits, task.now_ms);
    series.together_ms = decide::together(&series);
    let is_wanted =
        |name: &str, slower: &benchmarks::Slower| !decide::is_said(&memory.reported, name, slower);
    let between = decide::suspects::look(&series, &open, is_wanted);
    let holds = decide::findings(&series, &between, &memory, &watches);
    if has_new_results {
        checkpoint::save(host, "benchmarks", &series)?;
    }
    let is_news = is_new_hour || has_new_results;
    report::deliver(host, &holds, &mut memory, &series, is_news)
}
