//! What a run may know of the machine and of the crew: one look at each, when it asks.

use crate::clock;
use crate::pressure::{memory, read};
use onboard_domain::state::{EndedRun, Outcome};
use onboard_domain::{ProjectId, State};
use onboard_protocol::Machine;
use onboard_protocol::machine::{MachineRun, Pressure, Space, Stall, Stalls};
use std::path::Path;

/// Runs that are told: a day of an agent that runs every five minutes, or of a dozen that run hourly.
const MOST_RUNS: usize = 288;

/// Looks at the machine; `disk` is a folder of the disk that is meant.
pub(crate) fn look(disk: &Path, runs: Vec<MachineRun>) -> Machine {
    let meminfo = read("/proc/meminfo");
    Machine {
        at_ms: clock::wall().0,
        cores: std::thread::available_parallelism()
            .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
        load: load(&read("/proc/loadavg")),
        memory: space(memory(&meminfo)),
        swap: space(swap(&meminfo)),
        disk: disk_space(disk),
        pressure: Pressure {
            cpu: stalls(&read("/proc/pressure/cpu")),
            memory: stalls(&read("/proc/pressure/memory")),
            io: stalls(&read("/proc/pressure/io")),
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

fn space((total_bytes, available_bytes): (u64, u64)) -> Option<Space> {
    (total_bytes > 0).then_some(Space { total_bytes, available_bytes })
}

fn swap(meminfo: &str) -> (u64, u64) {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kb| kb * 1024)
    };
    (field("SwapTotal:").unwrap_or(0), field("SwapFree:").unwrap_or(0))
}

fn disk_space(path: &Path) -> Option<Space> {
    let found = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    space((bytes(found.f_blocks), bytes(found.f_bavail)))
}

fn load(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split(' ').map_while(|word| word.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

fn stalls(text: &str) -> Option<Stalls> {
    let of = |kind: &str| text.lines().find_map(|line| stall(line.strip_prefix(kind)?));
    Some(Stalls { some: of("some ")?, full: of("full ") })
}

fn stall(text: &str) -> Option<Stall> {
    let field = |name: &str| text.split(' ').find_map(|field| field.strip_prefix(name));
    Some(Stall {
        avg10: field("avg10=")?.parse().ok()?,
        avg60: field("avg60=")?.parse().ok()?,
        avg300: field("avg300=")?.parse().ok()?,
        total_us: field("total=")?.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let psi = "some avg10=1.50 avg60=1.00 avg300=0.10 total=99\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=7\n";
        let found = stalls(psi).expect("both lines");
        assert_eq!((found.some.avg10, found.some.total_us), (1.5, 99));
        assert_eq!(found.full.map(|full| (full.avg10, full.total_us)), Some((0.5, 7)));
        assert_eq!(stalls(""), None);
        assert_eq!(load("0.50 0.25 0.10 2/310 4711\n"), Some([0.5, 0.25, 0.1]));
        assert_eq!(load(""), None);
        assert_eq!(swap("SwapTotal: 8 kB\nSwapFree: 4 kB\n"), (8192, 4096));
    }

    #[test]
    fn this_machine_tells() {
        let found = look(Path::new("/"), Vec::new());
        let disk = found.disk.expect("a root has a disk");
        assert!(disk.total_bytes >= disk.available_bytes);
        assert!(found.cores > 0 && found.memory.is_some_and(|memory| memory.total_bytes > 0));
    }
}
