//! One run of the project index with its checkpoints in a folder, outside of any sandbox, and what it
//! cost: `index_run REPOSITORY FOLDER`. Prints a line of JSON.

#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock and keeps files")]

use std::path::PathBuf;
use std::time::Instant;

use onboard_agents::host::{
    Change, Finding, Fingerprint, Host, HostError, Level, Machine, Model, Outcome, Standing, Task,
    forecast,
};
use onboard_agents::project_index;
use serde_json::{Value, json};

/// A host whose checkpoints are files.
struct FolderHost {
    task: Task,
    folder: PathBuf,
}

impl FolderHost {
    fn write(&self, name: &str, content: &[u8]) -> Result<(), HostError> {
        let path = self.folder.join(name);
        std::fs::write(&path, content).map_err(|error| HostError(error.to_string()))
    }
}

impl Host for FolderHost {
    fn task(&self) -> &Task {
        &self.task
    }

    fn load_checkpoint(&mut self, name: &str) -> Result<Option<String>, HostError> {
        Ok(std::fs::read_to_string(self.folder.join(name)).ok())
    }

    fn save_checkpoint(&mut self, name: &str, content: &str) -> Result<(), HostError> {
        self.write(name, content.as_bytes())
    }

    fn save_bytes(&mut self, name: &str, content: &[u8]) -> Result<(), HostError> {
        self.write(name, content)
    }

    fn progress(&mut self, _: u64, _: Option<u64>, _: &str) -> Result<(), HostError> {
        Ok(())
    }

    fn record_finding(&mut self, _: Finding) -> Result<Standing, HostError> {
        Ok(Standing::Open)
    }

    fn settle_forecast(&mut self, _: &Fingerprint, _: forecast::Outcome) -> Result<(), HostError> {
        Ok(())
    }

    fn resolve_finding(&mut self, _: &Fingerprint, _: &str) -> Result<(), HostError> {
        Ok(())
    }

    fn emit_event(&mut self, _: &str, _: Value) -> Result<(), HostError> {
        Ok(())
    }

    fn put_state(&mut self, _: &str, _: Value) -> Result<(), HostError> {
        Ok(())
    }

    fn propose(&mut self, _: &Change) -> Result<String, HostError> {
        Err(HostError("nobody decides here".to_owned()))
    }

    fn model(&mut self) -> Option<&mut dyn Model> {
        None
    }

    fn machine(&mut self) -> Result<Machine, HostError> {
        Ok(Machine::default())
    }

    fn log(&mut self, _: Level, text: &str) {
        eprintln!("{text}");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (root, folder) = words.next().zip(words.next()).ok_or("index_run REPOSITORY FOLDER")?;
    std::fs::create_dir_all(&folder)?;
    let task = Task { project_root: root.into(), ..Task::default() };
    let mut host = FolderHost { task, folder: folder.into() };
    let begun = Instant::now();
    let outcome = project_index::run(&mut host)?;
    let wall_s = begun.elapsed().as_secs_f64();
    let summary = match outcome {
        Outcome::Succeeded { summary } | Outcome::NothingToReport { summary } => summary,
    };
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak_kib = peak.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let peak_mib = peak_kib.map(|kib| kib / 1024.0);
    println!("{}", json!({ "wall_s": wall_s, "peak_mib": peak_mib, "summary": summary }));
    Ok(())
}
