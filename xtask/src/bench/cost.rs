//! What a program costs from its start to its end: time on the wall and on processors, and memory at
//! its peak; the same way for ours and for every tool beside it.

use crate::command;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Runs a program with a file as its input, drops what it prints, and says what the kernel counted of
/// it and of the programs that it started. An interpreter's own first moments are part of the floor:
/// 2 ms and 10 MiB.
const COUNTED: &str = "
import resource, subprocess, sys, time
with open(sys.argv[1], 'rb') as given:
    begun = time.monotonic()
    ended = subprocess.run(sys.argv[2:], stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall = time.monotonic() - begun
if ended.returncode:
    sys.exit(ended.stderr[-400:].decode(errors='replace') or f'exit code {ended.returncode}')
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
";

/// What a program cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub wall_s: f64,
    pub cpu_s: f64,
    /// Of the largest of its processes.
    pub peak_mib: f64,
}

/// Runs it to its end with this file as its input.
///
/// # Errors
/// When it can't be started or fails, with its last words.
pub fn of(
    program: &Path,
    words: &[&str],
    input: &Path,
    env: &[(&str, OsString)],
) -> Result<Cost, String> {
    let mut python = Command::new("python3");
    python.args(["-c", COUNTED]).arg(input).arg(program).args(words);
    python.envs(env.iter().map(|(name, value)| (name, value)));
    parse(&command::output(&mut python)?)
}

fn parse(told: &str) -> Result<Cost, String> {
    let numbers: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [wall_s, cpu_s, peak_mib] => {
            Ok(Cost { wall_s: *wall_s, cpu_s: *cpu_s, peak_mib: *peak_mib })
        }
        _ => Err(format!("the measured program told `{told}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_measured_and_a_failing_one_is_none() {
        let null = Path::new("/dev/null");
        let cost = of(Path::new("true"), &[], null, &[]).expect("it ends well");
        assert!(cost.wall_s > 0.0 && cost.peak_mib > 0.0, "{cost:?}");
        let failed = of(Path::new("sh"), &["-c", "echo no >&2; exit 3"], null, &[]);
        assert!(failed.as_ref().is_err_and(|why| why.contains("no")), "{failed:?}");
    }
}
