//! How pressed the host is, from `/proc`, for admission.

use onboard_domain::Time;
use onboard_policy::Machine;
use onboard_scheduler::HostSample;
use std::fs;
use std::path::Path;

/// Reads a sample. What this host doesn't tell is absent, not zero.
pub fn sample(at: Time) -> HostSample {
    let (total, available) = memory(&read("/proc/meminfo"));
    HostSample {
        cores: std::thread::available_parallelism()
            .map_or(1, |n| u32::try_from(n.get()).unwrap_or(1)),
        load1: read("/proc/loadavg").split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0),
        memory_total_bytes: total,
        memory_available_bytes: available,
        psi_cpu_some10: stall(&read("/proc/pressure/cpu")),
        psi_memory_some10: stall(&read("/proc/pressure/memory")),
        psi_io_some10: stall(&read("/proc/pressure/io")),
        on_battery: on_battery(Path::new("/sys/class/power_supply")),
        at,
    }
}

/// The hard maxima that a policy is held against; where the host doesn't tell, there is none. All of
/// the machine counts, not the part that this process may use at present.
pub(crate) fn machine() -> Machine {
    let cores = cores(&read("/sys/devices/system/cpu/online"));
    let memory_mb = memory(&read("/proc/meminfo")).0 >> 20;
    let told = |number: u64| u32::try_from(number).ok().filter(|n| *n > 0).unwrap_or(u32::MAX);
    Machine {
        cores: told(cores),
        memory_mb: told(memory_mb),
        pids: told(read("/proc/sys/kernel/pid_max").trim().parse().unwrap_or(0)),
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

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Total and available memory in bytes.
pub(crate) fn memory(meminfo: &str) -> (u64, u64) {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kb| kb * 1024)
    };
    (field("MemTotal:").unwrap_or(0), field("MemAvailable:").unwrap_or(0))
}

/// Percent of the last ten seconds in which some task waited for the resource.
fn stall(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    some.split(' ').find_map(|field| field.strip_prefix("avg10=")?.parse().ok())
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
    fn reads_what_the_kernel_writes() {
        assert_eq!(
            memory("MemTotal:       24684092 kB\nMemFree: 1 kB\nMemAvailable:   20000000 kB\n"),
            (24_684_092 * 1024, 20_000_000 * 1024)
        );
        let psi = "some avg10=12.50 avg60=1.00 avg300=0.10 total=99\nfull avg10=0.00 avg60=0.00\n";
        assert_eq!(stall(psi), Some(12.5));
        assert_eq!(stall(""), None);
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
