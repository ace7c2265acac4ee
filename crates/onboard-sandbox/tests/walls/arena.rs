//! Where runs meet their walls: a project, a profile, and what came out.

use crate::permit::permitted;
use onboard_domain::Violation;
use onboard_domain::violation::Sensor;
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::{
    AgentFiles, Ended, LaunchError, Layer, Limits, Profile, ReadOnly, RunRecord, Running, Status,
    launch,
};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A test machine under load may be slow; a test that needs longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The instance all tests' runs belong to.
pub const INSTANCE: &str = "walls";

pub struct Arena {
    pub is_root: bool,
    pub project: TempDir,
    pub layout: Layout,
}

/// A run and the ends of its pipes and its socket.
pub struct Fighter {
    pub running: Running,
    pub host: UnixStream,
    stdout: std::io::PipeReader,
    stderr: std::io::PipeReader,
}

/// A temporary folder everybody may look into.
pub fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("mode");
    folder
}

impl Arena {
    pub fn new(is_root: bool) -> Self {
        let project = open_folder();
        let at = |name: &str| project.path().join(name);
        for folder in ["secret/inner", "docs"] {
            std::fs::create_dir_all(at(folder)).expect("folder");
        }
        for (file, text) in [
            ("readme", "hello"),
            ("secret/key", "hidden"),
            ("secret/inner/key", "hidden"),
            ("docs/.env", "hidden"),
        ] {
            std::fs::write(at(file), text).expect("file");
        }
        std::os::unix::fs::symlink("secret/key", at("link")).expect("link");
        Self { is_root, project, layout: Layout::find().expect("layout") }
    }

    /// Whether the kernel holds this limit here, or something weaker does.
    pub fn kernel_holds(&self, layer: Layer) -> bool {
        let pairs = self.layout.mechanisms(true).pairs();
        pairs.iter().any(|(l, m)| *l == layer && m.status() == Status::Enforced)
    }

    /// What the names of this process's runs begin with.
    pub fn prefix(&self) -> String {
        format!("{}-", std::process::id())
    }

    /// The profile of a run of a hostile program.
    pub fn profile(&self, arguments: &[&str]) -> Profile {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let exe = std::env::current_exe().expect("own program");
        let program = ["/app/walls", "hostile"].iter().chain(arguments);
        Profile {
            instance: INSTANCE.into(),
            run: format!("{}{}", self.prefix(), NEXT.fetch_add(1, Ordering::Relaxed)),
            argv: program.map(|a| (*a).to_owned()).collect(),
            env: Vec::new(),
            project: self.project.path().to_owned(),
            forbidden: Vec::new(),
            forbidden_commands: Vec::new(),
            read_only: vec![ReadOnly { host: exe, name: "walls".into() }],
            network: None,
            limits: Limits::default(),
            works_in_tmp: false,
            must_enforce: Vec::new(),
        }
    }

    pub fn start(&self, profile: Profile) -> Result<Fighter, LaunchError> {
        self.start_recorded(profile, |_| Ok(()))
    }

    pub fn start_recorded(
        &self,
        profile: Profile,
        before_exec: impl FnOnce(&RunRecord) -> std::io::Result<()>,
    ) -> Result<Fighter, LaunchError> {
        let (stdout, out) = std::io::pipe().expect("pipe");
        let (stderr, err) = std::io::pipe().expect("pipe");
        let (host, agent) = UnixStream::pair().expect("pair");
        host.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let files = AgentFiles { stdout: out.into(), stderr: err.into(), host: agent.into() };
        let running = launch(permitted(profile), files, &self.layout, before_exec)?;
        Ok(Fighter { running, host, stdout, stderr })
    }

    /// Runs a hostile program to its end: what it wrote, and what was heard of its system calls.
    pub fn fight_watched(&self, profile: Profile) -> (String, String) {
        let (_, text, told) = self.start(profile).expect("launch").finish_told();
        let line = |v: Violation| {
            let resolved = v.resolved.map_or(String::new(), |path| format!(" (is {path})"));
            let Violation { rule, what, target, action, confidence, .. } = v;
            format!("{rule}: {what} {target}{resolved} {action} {confidence}\n")
        };
        let heard = told.into_iter().filter(|violation| violation.sensor == Sensor::Notifier);
        (text, heard.map(line).collect())
    }

    /// Runs a hostile program to its end: how it ended and what it wrote.
    pub fn fight(&self, profile: Profile) -> (Ended, String) {
        self.start(profile).expect("launch").finish()
    }
}

impl Fighter {
    pub fn finish(self) -> (Ended, String) {
        let (ended, text, _) = self.finish_told();
        (ended, text)
    }

    /// Like [`Fighter::finish`], with what the run's sensors told since they were last asked.
    pub fn finish_told(mut self) -> (Ended, String, Vec<Violation>) {
        let ended = self.running.wait_for_end(PATIENCE).expect("wait").expect("end in time");
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).expect("output");
        self.stderr.read_to_string(&mut text).expect("errors");
        (ended, text, self.running.take_violations())
    }

    /// Waits until the agent says over its host socket that it is where the test wants it.
    pub fn await_word(&mut self) -> u8 {
        let mut word = [0];
        self.host.read_exact(&mut word).expect("the agent's word");
        word[0]
    }
}

/// Processes of this machine whose command line has the marker.
pub fn processes_with(marker: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("proc").flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let line = std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline"));
        line.is_ok_and(|line| line.split(|b| *b == 0).any(|word| word == marker.as_bytes()))
    })
    .filter(|pid| *pid != std::process::id().cast_signed())
    .collect()
}

/// Waits until `holds`; fails the test if that takes too long.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "never came: {what}");
        std::thread::yield_now();
    }
}

/// A caller of its own: starts a run, freezes it if asked, writes its record, and waits to be
/// killed.
pub fn caller(marker: &str, freeze: bool) -> ExitCode {
    let arena = Arena::new(crate::is_root());
    let mut fighter = arena.start(arena.profile(&["stubborn", marker])).expect("launch");
    fighter.await_word();
    if freeze {
        fighter.running.freeze().expect("freeze");
    }
    println!("{}", serde_json::to_string(fighter.running.record()).expect("record"));
    let ended = fighter.running.wait_for_end(PATIENCE).expect("wait");
    eprintln!("not killed: {ended:?}");
    ExitCode::FAILURE
}
