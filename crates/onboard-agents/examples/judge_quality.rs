//! Indexes a repository and judges its code as the agents do, and prints what they would say:
//! `judge_quality REPOSITORY`. The day is that of the last commit.

#[path = "../tests/support/memory_host.rs"]
mod memory_host;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use memory_host::MemoryHost;
use onboard_agents::host::Task;
use onboard_agents::{code_quality_optimizer, facts, project_index};

#[allow(clippy::disallowed_methods, reason = "a measurement by hand")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args().nth(1).ok_or("a repository's path is needed")?;
    let task = Task { project_root: root.into(), ..Task::default() };
    let mut index = MemoryHost { task: task.clone(), ..MemoryHost::default() };
    let begun = Instant::now();
    println!("{:?}", project_index::run(&mut index)?);
    println!("indexed in {:.1} s", begun.elapsed().as_secs_f64());
    let folder = tempfile::tempdir()?;
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (name, text) in &index.checkpoints {
        println!("  {name}: {} bytes", text.len());
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        places.insert(name.clone(), path);
    }
    let facts = [(project_index::NAME.to_owned(), places)].into();
    let task = Task { facts, ..task };
    // As its agents would have seen it on the day of its last commit.
    let newest = facts::read(&task)?.history.commits.iter().map(|commit| commit.committed_ms).max();
    let task = Task { now_ms: newest.unwrap_or_default(), ..task };
    let mut quality = MemoryHost { task, ..MemoryHost::default() };
    let begun = Instant::now();
    println!("{:?}", code_quality_optimizer::run(&mut quality)?);
    println!("judged in {:.2} s", begun.elapsed().as_secs_f64());
    for finding in &quality.findings {
        println!(
            "[{}] {}\n  {}\n  {}",
            finding.severity, finding.title, finding.detail, finding.action
        );
        for evidence in &finding.evidence {
            println!("  - {} {:?}", evidence.text, evidence.value);
        }
    }
    Ok(())
}
