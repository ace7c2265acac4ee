//! An agent that reads what the index found, beside the index.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use onboard_agents::host::{AgentError, Finding, Host, Outcome, Task};
use onboard_agents::project_index;

use super::fixture::{Fixture, History, NOW_MS};
use super::memory_host::MemoryHost;

/// The index's host, and the one of the agent that reads it.
pub struct Reader {
    pub index: MemoryHost,
    pub agent: MemoryHost,
    shared: tempfile::TempDir,
}

/// What an agent says of each of these histories.
pub fn told(
    histories: &[History],
    run: fn(&mut dyn Host) -> Result<Outcome, AgentError>,
) -> Vec<Finding> {
    let said = |history: &History| {
        let fixture = Fixture::of(history);
        let mut reader = Reader::of(fixture.root());
        reader.index();
        reader.judge(run);
        reader.agent.findings
    };
    histories.iter().flat_map(said).collect()
}

impl Reader {
    pub fn of(root: &Path) -> Self {
        let task = Task { project_root: root.to_owned(), now_ms: NOW_MS, ..Task::default() };
        let host = || MemoryHost { task: task.clone(), ..MemoryHost::default() };
        Self { index: host(), agent: host(), shared: tempfile::tempdir().expect("a folder") }
    }

    /// Brings the index up, and shares it as the daemon does: what is kept are files for who reads it.
    pub fn index(&mut self) {
        project_index::run(&mut self.index).expect("indexed");
        let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (name, text) in &self.index.checkpoints {
            let path = self.shared.path().join(name);
            std::fs::write(&path, text).expect("a file");
            places.insert(name.clone(), path);
        }
        self.agent.task.facts = [(project_index::NAME.to_owned(), places)].into();
    }

    /// One run of the agent: how it ended, and what it said that it had not said before.
    pub fn judge(&mut self, run: fn(&mut dyn Host) -> Result<Outcome, AgentError>) -> String {
        let told = self.agent.findings.len();
        let outcome = run(&mut self.agent);
        let mut lines = vec![words(outcome)];
        for finding in &self.agent.findings[told..] {
            finding.within_bounds().expect("the host takes it");
            lines.push(format!("[{}] {} of {}", finding.severity, finding.rule, finding.target));
            lines.push(format!("  {}", finding.title));
            lines.push(format!("  {}", finding.detail));
            lines.push(format!("  do: {}", finding.action));
            for evidence in &finding.evidence {
                let value = evidence.value.map(|value| format!(" {value}")).unwrap_or_default();
                lines.push(format!("  - {:?}{value}: {}", evidence.kind, evidence.text));
            }
        }
        lines.join("\n")
    }
}

fn words(outcome: Result<Outcome, AgentError>) -> String {
    match outcome {
        Ok(Outcome::Succeeded { summary }) => format!("succeeded: {summary}"),
        Ok(Outcome::NothingToReport { summary }) => format!("nothing to report: {summary}"),
        Err(error) => format!("failed: {error}"),
    }
}
