//! What a run may know of the machine and of the crew: one look at each, when it asks.

use crate::{clock, proc};
use onboard_domain::state::{EndedRun, Outcome};
use onboard_domain::{ProjectId, State};
use onboard_protocol::Machine;
use onboard_protocol::machine::{MachineRun, Pressure, Space};
use std::path::Path;

/// Runs that are told, of all agents: the newest that are remembered ([`onboard_domain::state::bounds::RECENT`] each) of a dozen
/// and more. Of an agent that runs every five minutes that is an hour and a half.
const MOST_RUNS: usize = 288;

/// Looks at the machine; `disk` is a folder of the disk that is meant.
pub(crate) fn look(disk: &Path, runs: Vec<MachineRun>) -> Machine {
    let memory = proc::memory();
    Machine {
        at_ms: clock::wall().0,
        cores: std::thread::available_parallelism()
            .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
        load: proc::load(),
        memory: space(memory.total, memory.available),
        swap: space(memory.swap_total, memory.swap_free),
        disk: disk_space(disk),
        pressure: Pressure {
            cpu: proc::stalls("cpu"),
            memory: proc::stalls("memory"),
            io: proc::stalls("io"),
        },
        runs,
    }
}

/// The newest runs of a project's agents that ended, oldest first.
pub(crate) fn runs(state: &State, project: ProjectId) -> Vec<MachineRun> {
    let Some(project) = state.projects.get(&project) else { return Vec::new() };
    let agents = project.agents.values().filter_map(|id| state.agents.get(id));
    let mut runs: Vec<MachineRun> = agents
        .flat_map(|agent| agent.recent.iter().map(|run| told(agent.spec.name.as_str(), run)))
        .collect();
    runs.sort_by(|a, b| (a.ended_ms, &a.run).cmp(&(b.ended_ms, &b.run)));
    runs.split_off(runs.len().saturating_sub(MOST_RUNS))
}

fn told(agent: &str, run: &EndedRun) -> MachineRun {
    MachineRun {
        agent: agent.to_owned(),
        run: run.run.to_string(),
        queued_ms: run.queued.0,
        started_ms: run.started.map(|at| at.0),
        ended_ms: run.ended.0,
        cpu_ms: run.usage.cpu_ms,
        memory_peak_bytes: run.usage.memory_peak_bytes,
        throttled_ms: run.usage.throttled_ms,
        succeeded: matches!(run.outcome, Outcome::Succeeded | Outcome::NothingToReport),
    }
}

fn space(total_bytes: u64, available_bytes: u64) -> Option<Space> {
    (total_bytes > 0).then_some(Space { total_bytes, available_bytes })
}

fn disk_space(path: &Path) -> Option<Space> {
    let found = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    space(bytes(found.f_blocks), bytes(found.f_bavail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells() {
        let found = look(Path::new("/"), Vec::new());
        let disk = found.disk.expect("a root has a disk");
        assert!(disk.total_bytes >= disk.available_bytes);
        assert!(found.cores > 0 && found.memory.is_some_and(|memory| memory.total_bytes > 0));
    }
}
