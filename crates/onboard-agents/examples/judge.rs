//! Indexes a repository and lets an agent judge it, and prints what it would say and share:
//! `judge AGENT REPOSITORY`. The day is that of the last commit.

#[path = "../tests/support/memory_host.rs"]
mod memory_host;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use memory_host::MemoryHost;
use onboard_agents::host::Task;
use onboard_agents::{builtins, facts, project_index};

#[allow(clippy::disallowed_methods, reason = "a measurement by hand")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (name, root) = words.next().zip(words.next()).ok_or("judge AGENT REPOSITORY")?;
    let agent = builtins().iter().find(|agent| agent.name == name).ok_or("no such agent")?;
    let task = Task { project_root: root.into(), ..Task::default() };
    let mut index = MemoryHost { task: task.clone(), ..MemoryHost::default() };
    println!("{:?}", project_index::run(&mut index)?);
    let folder = tempfile::tempdir()?;
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (name, text) in &index.checkpoints {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        places.insert(name.clone(), path);
    }
    let task = Task { facts: [(project_index::NAME.to_owned(), places)].into(), ..task };
    // As its agents would have seen it on the day of its last commit.
    let newest = facts::read(&task)?.history.commits.iter().map(|commit| commit.committed_ms).max();
    let task = Task { now_ms: newest.unwrap_or_default() + 1, ..task };
    let mut host = MemoryHost { task, ..MemoryHost::default() };
    for run in ["first", "second"] {
        let begun = Instant::now();
        println!("{run}: {:?}", (agent.run)(&mut host)?);
        println!("in {:.2} s", begun.elapsed().as_secs_f64());
    }
    for finding in &host.findings {
        println!("[{}] {} {}", finding.severity, finding.rule, finding.title);
        println!("  {}\n  {}", finding.detail, finding.action);
        for evidence in &finding.evidence {
            println!("  - {} {:?} {:?}", evidence.text, evidence.value, evidence.oid);
        }
    }
    for (key, value) in &host.state {
        println!("{key} = {}", serde_json::to_string_pretty(value)?);
    }
    for (name, text) in &host.checkpoints {
        println!("{name}: {} bytes", text.len());
    }
    Ok(())
}
