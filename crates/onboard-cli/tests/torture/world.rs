//! A home of its own with a project, and the real daemon on it.

use onboard_daemon::Paths;
use onboard_web::client::Client;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a start may take here: a debug build on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a daemon that was told to end may take.
const END_LIMIT: Duration = Duration::from_secs(30);

/// What every agent's script starts with: speaking to the host without starting a process.
const SPEAK: &str = r#"
say() { printf '{"jsonrpc":"2.0","id":1,%s}\n' "$1" >&3; IFS= read -r answer <&3 || exit 1; }
call() { say "\"method\":\"tools/call\",\"params\":{\"name\":\"$1\",\"arguments\":$2}"; }
say '"method":"initialize","params":{"protocolVersion":"2025-11-25"}'
"#;

/// Counts its runs in a checkpoint and reports every third number.
pub const SAVER: &str = r#"
call load_checkpoint '{"name":"count"}'
rest=${answer#*structuredContent*\"content\":\"}
case $rest in "$answer") count=0 ;; *) count=${rest%%\"*} ;; esac
count=$((count + 1))
call save_checkpoint "{\"name\":\"count\",\"content\":\"$count\"}"
target=$((count / 3))
call record_finding "{\"rule\":\"torture/count\",\"target\":\"$target\",\"title\":\"counted to $target\"}"
call finish "{\"nothing_to_report\":false,\"summary\":\"$count\"}"
echo "counted $count"
"#;

/// Stays until it is ended.
pub const SLEEPER: &str = "
call heartbeat '{}'
exec sleep 1000
";

/// Takes no notice of being told to end, nor does its child.
pub const STUBBORN: &str = "
trap '' TERM
sleep 1000 &
call heartbeat '{}'
while :; do wait; done
";

/// Has children that leave their group, and grandchildren without parents.
pub const FORKER: &str = "
sleep 1000 &
setsid sleep 1000 &
(setsid sh -c 'sleep 1000 & sleep 1000' &)
wait
";

/// A home and a project.
pub struct World {
    home: PathBuf,
    /// On every agent's command line.
    pub marker: String,
    folder: tempfile::TempDir,
}

impl World {
    /// With an empty home and a repository whose agents are `(name, script)`.
    pub fn new(agents: &[(&str, &str)]) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        // Agents of root's daemon have an ordinary user's rights to the project.
        open_to_all(folder.path());
        let home = folder.path().to_path_buf();
        let marker = format!("torture-{}-{}", std::process::id(), home.display());
        let world = World { home, marker: marker.replace('/', "_"), folder };
        let git = world.project().join(".git");
        fs::create_dir_all(git.join("refs/heads")).expect("a repository");
        fs::create_dir_all(git.join("objects")).expect("a repository");
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").expect("a repository");
        for (name, script) in agents {
            world.define(name, script);
        }
        world
    }

    /// The same, whose journal keeps so little that a daemon of some minutes drops most of it.
    pub fn forgetful(agents: &[(&str, &str)]) -> World {
        let world = World::new(agents);
        let config = world.paths().config;
        fs::create_dir_all(&config).expect("a folder");
        let text = "daemon:\n  journal_mib: 1\n";
        fs::write(config.join("config.yaml"), text).expect("a configuration");
        world
    }

    fn define(&self, name: &str, script: &str) {
        let folder = self.project().join(".ai_onboard/agents").join(name);
        fs::create_dir_all(&folder).expect("a folder of an agent");
        // Critical, so that a busy host does not keep its runs back: it is the daemon that is tried.
        let manifest = format!(
            "name: {name}\ndescription: Part of a trial\nprogram: [sh, ./agent.sh, {marker}]\n\
             schedule: every 10 minutes\npriority: critical\nstop_grace: 1s\n\
             resources: {{cpu: low, memory: low, io: low}}\n",
            marker = self.marker
        );
        fs::write(folder.join("agent.yaml"), manifest).expect("a manifest");
        fs::write(folder.join("agent.sh"), format!("{SPEAK}{script}")).expect("a script");
    }

    /// The root of the project.
    pub fn project(&self) -> PathBuf {
        self.home.join("project")
    }

    /// Where the daemon keeps things.
    pub fn paths(&self) -> Paths {
        let below = |name| self.home.join(name);
        Paths { state: below("state"), runtime: below("run"), config: below("config") }
    }

    /// A client of the daemon.
    pub fn client(&self) -> Client {
        Client::new(&self.paths().socket()).expect("a client")
    }

    /// The program under trial with these words, with its home in the environment.
    pub fn program(&self, words: &[&str]) -> Command {
        let mut command = self.environment(env!("CARGO_BIN_EXE_ai_onboard"));
        command.args(words);
        command
    }

    /// Any program in the environment of the one under trial.
    #[allow(clippy::disallowed_methods, reason = "the trial starts the real program as people do")]
    pub fn environment(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("AI_ONBOARD_HOME", &self.home).current_dir("/");
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        self.program(words).output().expect("the program starts")
    }

    /// Starts the daemon and waits until it can be reached.
    ///
    /// # Errors
    /// What it said when it ended instead.
    pub fn start(&self) -> Result<Daemon, String> {
        self.launch(self.program(&["daemon", "run"])).ready()
    }

    /// Starts a command that is or becomes the daemon; it may not be ready yet.
    pub fn launch(&self, mut command: Command) -> Starting {
        let said = self.home.join("daemon.err");
        let errors = File::options().create(true).append(true).open(&said).expect("a file");
        let before = errors.metadata().expect("a file").len();
        command.stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("the program starts");
        let first_line = first_line(&mut child);
        Starting { daemon: Daemon { child, said, before }, first_line }
    }

    /// Keeps the folder, to be looked at.
    pub fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.home.clone()
    }
}

/// A daemon that comes up.
pub struct Starting {
    pub daemon: Daemon,
    first_line: mpsc::Receiver<String>,
}

impl Starting {
    /// Waits until it can be reached.
    ///
    /// # Errors
    /// What it said when it ended instead.
    pub fn ready(mut self) -> Result<Daemon, String> {
        let line = self.first_line.recv_timeout(START_LIMIT).unwrap_or_default();
        if line.trim() == "ready" {
            return Ok(self.daemon);
        }
        self.daemon.kill();
        Err(self.daemon.said())
    }
}

/// The first line of the daemon's output; an empty one when it ends without.
fn first_line(child: &mut Child) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    let stdout = child.stdout.take().expect("a pipe");
    std::thread::spawn(move || {
        let mut line = String::new();
        let mut stdout = BufReader::new(stdout);
        // Whoever waits sees an empty line, and the reason on stderr.
        let _ = stdout.read_line(&mut line);
        let _ = send.send(line);
        // Until its end, so that it never writes into a closed pipe.
        let _ = std::io::copy(&mut stdout, &mut std::io::sink());
    });
    receive
}

/// Gives every user the way into a folder.
pub fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// A daemon that was started. Dropped, it is killed.
pub struct Daemon {
    child: Child,
    said: PathBuf,
    before: u64,
}

impl Daemon {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// Kills it where it stands; its end is seen when this returns.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("its end");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid()).expect("a pid");
        kill_process(pid, signal).expect("it can be signalled");
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// When it does not end.
    pub fn ended(&mut self) -> Result<ExitStatus, String> {
        super::processes::eventually(END_LIMIT, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("the daemon has not ended".into()),
            Err(error) => Err(error.to_string()),
        })
    }

    /// What it said on stderr since its start.
    pub fn said(&self) -> String {
        let mut text = String::new();
        let mut file = File::open(&self.said).expect("its errors");
        file.seek(SeekFrom::Start(self.before)).expect("its errors");
        file.read_to_string(&mut text).expect("its errors");
        text.trim().to_string()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
