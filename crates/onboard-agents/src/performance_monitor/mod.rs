//! The performance monitor: which benchmark became slower for good and which commits it may be, and
//! what the machine is short of for hours. Nothing is said without size and persistence.
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

mod benchmarks;
mod decide;
mod formats;
mod manual;
mod report;
mod samples;

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
    let repository = Repository::open(&task.project_root, task.git_dir.as_deref()).ok();
    let head = repository.as_ref().and_then(Repository::head_id);
    let results = benchmarks::look(&task.project_root, series.newest_ms, task.now_ms);
    let has_new_results = series.take(results, head.as_deref().unwrap_or_default());
    let slower = decide::slower(&series);
    let commits = decide::suspects(&slower, &series, repository.as_ref());
    let findings = decide::findings(&slower, &commits, &series, &memory);
    if has_new_results {
        checkpoint::save(host, "benchmarks", &series)?;
    }
    let is_news = is_new_hour || has_new_results;
    report::deliver(host, &findings, &mut memory, &series, &slower, is_news)
}
