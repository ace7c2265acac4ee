//! A home and a project of a test's own, and the binary in them.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Output, Stdio};

/// It ends its daemon when it goes.
pub struct World {
    pub home: tempfile::TempDir,
    pub project: tempfile::TempDir,
}

impl World {
    pub fn new() -> World {
        World { home: tempfile::tempdir().unwrap(), project: tempfile::tempdir().unwrap() }
    }

    pub fn command(&self, words: &[&str]) -> Command {
        #[allow(clippy::disallowed_methods, reason = "the binary under test")]
        let mut command = Command::new(env!("CARGO_BIN_EXE_ai_onboard"));
        command.args(words).current_dir(self.project.path());
        command.env_clear().env("AI_ONBOARD_HOME", self.home.path());
        command
    }

    pub fn output(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().unwrap()
    }

    /// Exit code, stdout and stderr.
    pub fn run(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.output(words);
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// The same on a terminal at which somebody types something: exit code, and what the screen shows.
    pub fn on_terminal(&self, words: &[&str], typed: &str) -> (i32, String) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOCTTY);
        let theirs = || Stdio::from(options.open(OsStr::from_bytes(name.to_bytes())).unwrap());
        let mut child =
            self.command(words).stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().unwrap();
        let mut ours = File::from(ours);
        ours.write_all(typed.as_bytes()).unwrap();
        let mut shown = Vec::new();
        // A terminal that everybody left ends with an error.
        let _ = ours.read_to_end(&mut shown);
        (child.wait().unwrap().code().unwrap_or(-1), String::from_utf8(shown).unwrap())
    }

    #[track_caller]
    pub fn json(&self, words: &[&str]) -> Value {
        let (code, out, err) = self.run(&[words, &["--json"]].concat());
        assert_eq!(code, 0, "{words:?}: {out}{err}");
        let value: Value = serde_json::from_str(&out).expect("one JSON object on stdout");
        assert_eq!(value["schema_version"], 1);
        value
    }

    /// Waits until a run has its process, as the records tell.
    pub fn until_running(&self, run: &str) {
        let record = self.home.path().join(format!("state/runs/{run}.json"));
        for _ in 0..2_000 {
            let status = self.json(&["bg", "status", "sleeper"]);
            if record.is_file() && status["agent"]["live"]["pid"].is_number() {
                return;
            }
        }
        panic!("{run} never ran: {}", self.json(&["bg", "status", "sleeper"]));
    }

    #[track_caller]
    pub fn check(&self, words: &[&str], code: i32, says: &str) {
        let (got, out, err) = self.run(words);
        assert_eq!(got, code, "{words:?}: {out}{err}");
        assert!(
            format!("{out}{err}").contains(says),
            "{words:?} does not say {says:?}: {out}{err}"
        );
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A test that failed may have left it in any state; this ends whatever there is.
        self.run(&["bg", "emergency-shutdown"]);
        self.run(&["daemon", "stop"]);
    }
}
