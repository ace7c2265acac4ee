//! What a machine has at most: a limit above that would never trip.

use crate::authority::Authority;
use crate::layer::{LIMITS, Layer, Written};
use alloc::string::String;
use onboard_text::Problem;

/// The hard maxima of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    pub cores: u32,
    pub memory_mb: u32,
    /// Process numbers that its kernel gives out.
    pub pids: u32,
}

impl Machine {
    /// The most that a key can mean here, and what there is of it; `None`: the machine has no bound.
    fn most(&self, key: &str) -> Option<(u32, String)> {
        let memory = || alloc::format!("{} MB of memory", self.memory_mb);
        match key {
            "max_cpu_percent" => {
                let cores = if self.cores == 1 { "core" } else { "cores" };
                Some((self.cores.saturating_mul(100), alloc::format!("{} {cores}", self.cores)))
            }
            // What a run writes is kept in memory.
            "max_memory_mb" | "max_file_size_mb" => Some((self.memory_mb, memory())),
            "max_pids" => Some((self.pids, alloc::format!("{} process numbers", self.pids))),
            _ => None,
        }
    }
}

impl Layer {
    /// Holds the limits that people wrote against the machine; the defaults are the same everywhere.
    ///
    /// # Errors
    /// The first that the machine can't reach, at its place.
    pub fn check_machine(&self, machine: &Machine) -> Result<(), Problem> {
        if self.authority == Authority::Defaults {
            return Ok(());
        }
        let limits = LIMITS.iter().map(|(key, _)| *key).zip(&self.limits);
        let size = ("max_file_size_mb", &self.file_size_mb);
        limits.chain([size]).try_for_each(|(key, written)| match written {
            Some(written) => self.check_limit(machine, key, written),
            None => Ok(()),
        })
    }

    fn check_limit(
        &self,
        machine: &Machine,
        key: &str,
        written: &Written<u32>,
    ) -> Result<(), Problem> {
        match machine.most(key) {
            Some((most, has)) if written.value > most => {
                let value = written.value;
                let message = alloc::format!("`{key}` is {value}, and this machine has {has}");
                let problem = self.document.problem(written.span, message);
                Err(problem.mend(alloc::format!("write at most {most}: more would never trip")))
            }
            _ => Ok(()),
        }
    }
}
