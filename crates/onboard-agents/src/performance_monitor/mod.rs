//! The performance monitor: which benchmark became slower for good and which commits it may be, and
//! what the machine is short of for hours. Nothing is said without size and persistence.
//!
//! # Rules
//!
//! - `performance/regression`: a benchmark's newest results are 5 % slower or more than those before
//!   them, by several standard errors, for four results at least, and still so. Named with its interval,
//!   since when, and the commits between the last good result and the first slow one.
//!
//! - `performance/bottleneck`: for three hours some task waited a fifth of the time and more for the
//!   processor or the disk, or a tenth for memory: of these the one waited for most.
//!
//! - `performance/disk-full`: for an hour less than a twentieth of the project's disk was free, and
//!   less than ten gigabytes.
//!
//! Results are read where tools put them: Criterion, hyperfine, pytest-benchmark and JMH, as JSON.

mod benchmarks;
mod decide;
mod formats;
mod report;
mod samples;

use crate::checkpoint;
use crate::git::Repository;
use crate::host::{AgentError, Host, Outcome};

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
