//! How pressed the host is, from `/proc`, for admission.

use crate::proc;
use onboard_domain::Time;
use onboard_policy::Machine;
use onboard_scheduler::HostSample;
use std::fs;
use std::path::Path;

/// Reads a sample. What this host doesn't tell is absent, not zero.
pub fn sample(at: Time) -> HostSample {
    let memory = proc::memory();
    let some10 = |resource: &str| proc::stalls(resource).map(|stalls| stalls.some.avg10);
    HostSample {
        cores: std::thread::available_parallelism()
            .map_or(1, |n| u32::try_from(n.get()).unwrap_or(1)),
        load1: proc::load().map_or(0.0, |load| load[0]),
        memory_total_bytes: memory.total,
        memory_available_bytes: memory.available,
        psi_cpu_some10: some10("cpu"),
        psi_memory_some10: some10("memory"),
        psi_io_some10: some10("io"),
        on_battery: on_battery(Path::new("/sys/class/power_supply")),
        at,
    }
}

/// The hard maxima that a policy is held against; where the host doesn't tell, there is none. All of
/// the machine counts, not the part that this process may use at present.
pub(crate) fn machine() -> Machine {
    let cores = cores(&proc::read("/sys/devices/system/cpu/online"));
    let memory_mb = proc::memory().total >> 20;
    let told = |number: u64| u32::try_from(number).ok().filter(|n| *n > 0).unwrap_or(u32::MAX);
    Machine {
        cores: told(cores),
        memory_mb: told(memory_mb),
        pids: told(proc::read("/proc/sys/kernel/pid_max").trim().parse().unwrap_or(0)),
    }
}

/// How many are in a list such as `0-3,8`.
fn cores(list: &str) -> u64 {
    let count = |range: &str| -> Option<u64> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        last.parse::<u64>().ok()?.checked_sub(first.parse().ok()?).map(|more| more + 1)
    };
    list.trim().split(',').filter_map(count).sum()
}

/// Whether the machine runs on battery: a battery discharges and no mains is online.
fn on_battery(supplies: &Path) -> Option<bool> {
    let mut any_battery = false;
    let mut discharging = false;
    for entry in fs::read_dir(supplies).ok()?.flatten() {
        let field = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        match field("type").trim() {
            "Battery" => {
                any_battery = true;
                discharging |= field("status").trim() == "Discharging";
            }
            "Mains" if field("online").trim() == "1" => return Some(false),
            _ => {}
        }
    }
    any_battery.then_some(discharging)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_counted_in_ranges() {
        let cases = [("0-3\n", 4), ("0", 1), ("0-1,4-5,7", 5), ("", 0), ("x", 0)];
        cases.iter().for_each(|(list, count)| assert_eq!(cores(list), *count, "{list:?}"));
    }

    #[test]
    fn a_laptop_off_the_mains_is_on_battery() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(on_battery(folder.path()), None);
        write("BAT0/type", "Battery\n");
        write("BAT0/status", "Discharging\n");
        assert_eq!(on_battery(folder.path()), Some(true));
        write("AC/type", "Mains\n");
        write("AC/online", "1\n");
        assert_eq!(on_battery(folder.path()), Some(false));
    }
}
