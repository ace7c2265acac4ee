//! What a run is expected to need, and the room that is taken.

use crate::settings::{Budget, Capacity};
use onboard_domain::State;
use onboard_domain::spec::Class;
use onboard_domain::state::Agent;

/// Runs that must have been measured before measurement replaces declaration.
const MEASURED_LEAST: usize = 3;

/// Runs that are looked back on.
const MEASURED_RUNS: usize = 5;

/// Peak memory up to which a run is a low or a medium need: a quarter and three quarters of the
/// 512 MB that an agent may use at most.
const MEMORY_BYTES: (u64, u64) = (128 << 20, 384 << 20);

/// Share of a core, in permille, up to which a run is a low or a medium need: a third and two
/// thirds of the 10 % that an agent may use at most.
const CPU_PERMILLE: (u64, u64) = (33, 66);

/// What a run reserves whose agent names no limit: the limits of a policy that says nothing else.
/// Policies only lower these, and a run that asks for more than its policy allows is refused when it
/// starts: so no run may use more than it has reserved, and all together not more than the budget.
pub const UNNAMED: Budget = Budget { cpu_percent: 10, memory_mb: 512 };

/// What the agent's next run reserves of the machine's budget.
pub(crate) fn reserved(agent: &Agent) -> Budget {
    let limits = &agent.spec.limits;
    Budget {
        cpu_percent: limits.cpu_percent.unwrap_or(UNNAMED.cpu_percent),
        memory_mb: limits.memory_mb.unwrap_or(UNNAMED.memory_mb),
    }
}

/// What the limits of all runs with a process, or maybe with one, add up to.
pub fn reserved_by_all(state: &State) -> Budget {
    Taken::of(state).budget
}

/// Units of each resource.
pub(crate) type Demand = Capacity;

/// What the agent's next run is expected to need: as measured where there is enough measured, else
/// as declared. Disk is not measured, so it is as declared.
pub(crate) fn of(agent: &Agent) -> Demand {
    let declared = &agent.spec.classes;
    let (mut runs, mut memory, mut cpu_ms, mut wall_ms) = (0, 0, 0, 0);
    for ended in agent.recent.iter().rev().filter(|ended| ended.started.is_some()) {
        memory = memory.max(ended.usage.memory_peak_bytes);
        cpu_ms += ended.usage.cpu_ms;
        wall_ms += ended.started.map_or(0, |at| ended.ended.since(at).max(0).unsigned_abs());
        runs += 1;
        if runs == MEASURED_RUNS {
            break;
        }
    }
    let measured = runs >= MEASURED_LEAST;
    let memory = (measured && memory > 0).then(|| class(memory, MEMORY_BYTES));
    let cpu = (measured && cpu_ms > 0 && wall_ms > 0)
        .then(|| class(cpu_ms * 1000 / wall_ms, CPU_PERMILLE));
    Demand {
        cpu: units(cpu.unwrap_or(declared.cpu)),
        memory: units(memory.unwrap_or(declared.memory)),
        io: units(declared.io),
    }
}

fn class(value: u64, (low, medium): (u64, u64)) -> Class {
    if value <= low {
        Class::Low
    } else if value <= medium {
        Class::Medium
    } else {
        Class::High
    }
}

fn units(class: Class) -> u32 {
    match class {
        Class::Low => 1,
        Class::Medium => 2,
        Class::High => 4,
    }
}

/// The room that runs with a process take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub runs: u32,
    pub units: Demand,
    pub budget: Budget,
}

/// What of the budget is short for one more run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    pub of: &'static str,
    pub wanted: u32,
    pub reserved: u32,
    pub total: u32,
}

impl Taken {
    pub fn of(state: &State) -> Taken {
        let mut taken = Taken {
            runs: 0,
            units: Demand { cpu: 0, memory: 0, io: 0 },
            budget: Budget { cpu_percent: 0, memory_mb: 0 },
        };
        for run in &state.active {
            if let Some(agent) = state.agents.get(&state.runs[run].agent) {
                taken.add(agent);
            }
        }
        taken
    }

    pub fn add(&mut self, agent: &Agent) {
        let (demand, reserved) = (of(agent), reserved(agent));
        self.runs += 1;
        let budget = &mut self.budget;
        budget.cpu_percent = budget.cpu_percent.saturating_add(reserved.cpu_percent);
        budget.memory_mb = budget.memory_mb.saturating_add(reserved.memory_mb);
        self.units.cpu += demand.cpu;
        self.units.memory += demand.memory;
        self.units.io += demand.io;
    }

    /// The resource that is short for one more run. A run too large for the whole capacity has
    /// the machine to itself.
    pub fn short_of(&self, demand: Demand, capacity: Capacity) -> Option<&'static str> {
        let rows = [
            ("processor", self.units.cpu + demand.cpu, capacity.cpu),
            ("memory", self.units.memory + demand.memory, capacity.memory),
            ("disk", self.units.io + demand.io, capacity.io),
        ];
        let short = rows.into_iter().find(|(_, wanted, room)| wanted > room);
        short.filter(|_| self.runs > 0).map(|(what, ..)| what)
    }

    /// What of the budget is short for one more run. A run that could never fit has the machine to
    /// itself.
    pub fn over_budget(&self, wanted: Budget, budget: Budget) -> Option<Short> {
        let row = |of, wanted, reserved, total| Short { of, wanted, reserved, total };
        let (taken, cpu) = (self.budget, "processor");
        let rows = [
            row(cpu, wanted.cpu_percent, taken.cpu_percent, budget.cpu_percent),
            row("memory", wanted.memory_mb, taken.memory_mb, budget.memory_mb),
        ];
        let is_short = |row: &Short| row.reserved.saturating_add(row.wanted) > row.total;
        rows.into_iter().find(is_short).filter(|_| self.runs > 0)
    }
}
