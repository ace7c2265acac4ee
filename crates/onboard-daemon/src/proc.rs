//! What Linux writes into `/proc` about the machine, as values. The one place that reads it, for
//! admission, for the policy's maxima and for what agents are told.

use onboard_protocol::machine::{Stall, Stalls};
use std::fs;

/// A file of `/proc`; what this host doesn't tell is empty.
pub fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Memory and swap in bytes; 0 where it is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub total: u64,
    pub available: u64,
    pub swap_total: u64,
    pub swap_free: u64,
}

pub fn memory() -> Memory {
    memory_of(&read("/proc/meminfo"))
}

fn memory_of(meminfo: &str) -> Memory {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kb| kb * 1024)
    };
    Memory {
        total: field("MemTotal:").unwrap_or(0),
        available: field("MemAvailable:").unwrap_or(0),
        swap_total: field("SwapTotal:").unwrap_or(0),
        swap_free: field("SwapFree:").unwrap_or(0),
    }
}

/// Tasks that wanted a processor, over 1, 5 and 15 minutes.
pub fn load() -> Option<[f64; 3]> {
    load_of(&read("/proc/loadavg"))
}

fn load_of(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split(' ').map_while(|word| word.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

/// Time in which tasks waited for `cpu`, `memory` or `io`.
pub fn stalls(resource: &str) -> Option<Stalls> {
    stalls_of(&read(&format!("/proc/pressure/{resource}")))
}

fn stalls_of(text: &str) -> Option<Stalls> {
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
        let psi = "some avg10=12.50 avg60=1.00 avg300=0.10 total=99\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=7\n";
        let found = stalls_of(psi).expect("both lines");
        assert_eq!((found.some.avg10, found.some.total_us), (12.5, 99));
        assert_eq!(found.full.map(|full| (full.avg10, full.total_us)), Some((0.5, 7)));
        assert_eq!(stalls_of(""), None);
        assert_eq!(load_of("0.50 0.25 0.10 2/310 4711\n"), Some([0.5, 0.25, 0.1]));
        assert_eq!(load_of(""), None);
        let meminfo = "MemTotal:       24684092 kB\nMemFree: 1 kB\nMemAvailable:   20000000 kB\nSwapTotal: 8 kB\nSwapFree: 4 kB\n";
        let known = Memory {
            total: 24_684_092 * 1024,
            available: 20_000_000 * 1024,
            swap_total: 8_192,
            swap_free: 4_096,
        };
        assert_eq!(memory_of(meminfo), known);
        assert_eq!(memory_of(""), Memory::default());
    }
}
