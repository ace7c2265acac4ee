//! Running programs: with their output passed on line by line, or collected.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Cargo as it started us, so that a chore uses one toolchain throughout.
pub fn cargo(root: &Path) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root);
    command
}

/// How a program ended, and what it printed on both streams.
pub struct Ended {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs to the end without input, passing every line on as it comes and keeping it too.
///
/// # Errors
/// When the program cannot be started; a failing program is `Ok` with `success: false`.
pub fn run(command: &mut Command) -> Result<Ended, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} does not start: {error}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = std::thread::scope(|scope| {
        let stderr = scope.spawn(move || stderr.map(|from| pass_on(from, &mut std::io::stderr())));
        let stdout = stdout.map(|from| pass_on(from, &mut std::io::stdout()));
        (stdout, stderr.join().unwrap_or_default())
    });
    let status = child.wait().map_err(|error| format!("{name}: {error}"))?;
    Ok(Ended {
        success: status.success(),
        stdout: stdout.unwrap_or_default(),
        stderr: stderr.unwrap_or_default(),
    })
}

/// Runs to the end without input and returns what it printed.
///
/// # Errors
/// When the program cannot be started or fails; the text carries its last words.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} does not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Whether the program runs and ends well; what it prints is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

fn pass_on(from: impl Read, to: &mut impl Write) -> String {
    let mut kept = String::new();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // A closed terminal must not stop the chore: its result is the exit code.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        kept.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    kept
}
