//! A daemon on temporary folders, with a project of scripts.

use onboard_daemon::handle::{Published, Request};
use onboard_daemon::network::{Serve, internet};
use onboard_daemon::retention::Retention;
use onboard_daemon::{Daemon, Handle, Options, Paths, logs, records};
use onboard_domain::state::{Agent, EndedRun, Phase, Process};
use onboard_domain::{
    Actor, AgentId, Answer, Command, Event, ProjectId, Refusal, RefusalKind, RunId, State, Via,
};
use onboard_scheduler::Settings;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tempfile::TempDir;

/// A test machine under load may be slow; a test that needs longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const PROJECT: ProjectId = ProjectId(0);

pub struct House {
    folder: PathBuf,
    project: PathBuf,
    /// Removed at the end, by whoever made them.
    made: Vec<TempDir>,
    daemon: Option<Daemon>,
    network: Serve,
    published: Receiver<Published>,
}

/// A temporary folder everybody may look into.
pub fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("mode");
    folder
}

impl House {
    pub fn new() -> House {
        let made = vec![open_folder(), open_folder()];
        let (folder, project) = (made[0].path().to_path_buf(), made[1].path().to_path_buf());
        let mut house = House::at(folder, project);
        house.made = made;
        house.begin();
        house
    }

    /// A house on folders of somebody else, without a daemon yet.
    fn at(folder: PathBuf, project: PathBuf) -> House {
        House {
            folder,
            project,
            made: Vec::new(),
            daemon: None,
            network: internet(),
            published: channel().1,
        }
    }

    /// Has another process run a daemon on these folders, with an agent that works; kills that
    /// process while it does. Gives the agent's process.
    #[allow(clippy::disallowed_methods, reason = "the trial's own process, not an agent's")]
    pub fn die_at_work(&mut self, agent: &str) -> Process {
        self.end();
        let mut other = std::process::Command::new("/proc/self/exe")
            .arg("daemon")
            .args([&self.folder, &self.project])
            .arg(agent)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("another daemon");
        let mut told = String::new();
        let stdout = other.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut told).expect("its word");
        let mut numbers = told.split_whitespace().map(|n| n.parse::<u64>().expect("a number"));
        let mut next = || numbers.next().expect("pid and start");
        let process = Process { pid: u32::try_from(next()).expect("a pid"), start_ticks: next() };
        assert!(lives(&process));
        other.kill().expect("a kill");
        other.wait().expect("its end");
        process
    }

    pub fn paths(&self) -> Paths {
        let at = |name: &str| self.folder.join(name);
        Paths { state: at("state"), runtime: at("runtime"), config: at("config") }
    }

    pub fn project(&self) -> &Path {
        &self.project
    }

    /// A file of the project.
    pub fn file(&self, path: &str, text: &str) {
        let path = self.project.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, text).expect("file");
    }

    /// An agent that is a script; `more` are further lines of its manifest.
    pub fn script(&self, name: &str, more: &str, script: &str) {
        let manifest = format!(
            "name: {name}\ndescription: a trial\nschedule: manual\nprogram: [sh, ./agent.sh]\n\
             retry: {{ attempts: 0 }}\n{more}\n"
        );
        self.file(&format!(".ai_onboard/agents/{name}/agent.yaml"), &manifest);
        self.file(&format!(".ai_onboard/agents/{name}/agent.sh"), script);
    }

    pub fn options(&self) -> Options {
        Options {
            certificates: None,
            told: std::sync::Arc::new(|_, _, _, _| Vec::new()),
            paths: self.paths(),
            version: "1.0.0".into(),
            program: std::env::current_exe().expect("own program"),
            built_in: Vec::new(),
            settings: Settings::default(),
            kept: Retention::default(),
            network: self.network.clone(),
        }
    }

    /// Starts the daemon again, in another world.
    pub fn begin_in(&mut self, network: Serve) {
        self.end();
        self.network = network;
        self.begin();
    }

    /// Starts the daemon.
    pub fn begin(&mut self) {
        let daemon = onboard_daemon::start(self.options()).expect("a daemon");
        self.published = daemon.handle.follow();
        self.daemon = Some(daemon);
    }

    /// Ends the daemon and starts another on the same folders.
    pub fn begin_again(&mut self) {
        self.end();
        self.begin();
    }

    pub fn end(&mut self) {
        self.command(Command::Shutdown).expect("a shutdown");
        self.daemon.take().expect("a daemon").wait().expect("a good end");
    }

    pub fn handle(&self) -> Handle {
        self.daemon.as_ref().expect("a daemon").handle.clone()
    }

    pub fn command(&self, command: Command) -> Result<Answer, Refusal> {
        let (send, receive) = channel();
        let request = Request {
            actor: Actor::Person { uid: 1000, name: "ada".into() },
            via: Via::Cli,
            why: String::new(),
            command,
            reply: Box::new(move |answer| send.send(answer).expect("somebody waits")),
        };
        self.handle().submit(request).expect("a daemon that listens");
        receive.recv_timeout(PATIENCE).expect("an answer")
    }

    /// Keeps the daemon from writing its journal.
    pub fn lock_journal(&self) -> rusqlite::Connection {
        let journal = rusqlite::Connection::open(self.paths().journal()).expect("the journal");
        journal.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        journal
    }

    /// Whether a request is never answered, because the daemon ends.
    pub fn is_unanswered(&self, command: Command) -> bool {
        let (send, receive) = channel();
        let request = Request {
            actor: Actor::Daemon,
            via: Via::Cli,
            why: String::new(),
            command,
            reply: Box::new(move |answer| drop(send.send(answer))),
        };
        self.handle().submit(request).expect("a daemon that listens");
        receive.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected)
    }

    /// Why the daemon ended.
    pub fn fault(&mut self) -> String {
        let daemon = self.daemon.take().expect("a daemon");
        daemon.wait().expect_err("a fault").to_string()
    }

    /// Registers the project as it is written now.
    pub fn register(&self) {
        let load = self.handle().load_project(&self.project).expect("a sound project");
        self.command(load).expect("a registered project");
    }

    pub fn agent(&self, name: &str) -> AgentId {
        self.handle().read(|state| state.agent_named(PROJECT, name)).expect("a known agent")
    }

    pub fn run(&self, name: &str) -> Result<RunId, (RefusalKind, String)> {
        match self.command(Command::Run { agent: self.agent(name) }) {
            Ok(Answer::Run { run }) => Ok(run),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err((refusal.kind, refusal.message)),
        }
    }

    /// Runs an agent to its end: the outcome's word and why.
    pub fn outcome(&self, name: &str) -> String {
        let run = self.run(name).expect("a run");
        self.ended(run)
    }

    /// Waits for a run's end: the outcome's word and why.
    pub fn ended(&self, run: RunId) -> String {
        let ended = self.wait_for(|state| {
            let ended = |agent: &Agent| agent.recent.iter().find(|e| e.run == run).cloned();
            state.agents.values().find_map(ended)
        });
        let EndedRun { outcome, .. } = ended;
        format!("{}: {}", outcome.word(), outcome.explanation())
    }

    /// Reads what is published up to a run's end: the times it got whenever it was told to stop.
    pub fn stopping(&self, run: RunId) -> Vec<i64> {
        let mut told = Vec::new();
        loop {
            let published = self.published.recv_timeout(PATIENCE).expect("the run's end");
            for event in &published.batch.events {
                match event {
                    Event::RunStopping { run: of, grace_ms, .. } if *of == run => {
                        told.push(*grace_ms);
                    }
                    Event::RunEnded { run: of, .. } if *of == run => return told,
                    _ => {}
                }
            }
        }
    }

    /// Waits until a run's process goes.
    pub fn process(&self, run: RunId) -> Process {
        self.wait_for(|state| match &state.runs.get(&run)?.phase {
            Phase::Running { process, .. } => Some(process.clone()),
            _ => None,
        })
    }

    /// Waits until a checkpoint of the agent is there.
    pub fn checkpoint(&self, name: &str) {
        let agent = self.agent(name);
        self.wait_for(|state| state.agents[&agent].checkpoints.keys().next().cloned());
    }

    /// Waits until the state shows what is looked for; every change of it is published.
    pub fn wait_for<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        loop {
            if let Some(found) = self.handle().read(&look) {
                return found;
            }
            self.published.recv_timeout(PATIENCE).expect("what was waited for");
        }
    }

    /// The log of a run, without times.
    pub fn log(&self, name: &str, run: RunId) -> String {
        let file = logs::file(&self.paths().logs(), self.agent(name), run);
        let text = std::fs::read_to_string(file).expect("a log");
        text.lines().filter_map(|line| line.split_once(' ')).fold(String::new(), |mut out, line| {
            out += line.1;
            out.push('\n');
            out
        })
    }

    pub fn log_file(&self, name: &str, run: RunId) -> PathBuf {
        logs::file(&self.paths().logs(), self.agent(name), run)
    }

    /// Runs that left a record: none while nothing runs.
    pub fn records(&self) -> usize {
        records::all(&self.paths().state).expect("records").len()
    }
}

/// A daemon for [`House::die_at_work`]: says what it runs, and goes on until it is killed.
pub fn serve(words: &[String]) -> ExitCode {
    let mut house = House::at(PathBuf::from(&words[0]), PathBuf::from(&words[1]));
    house.begin();
    house.register();
    let run = house.run(&words[2]).expect("a run");
    house.checkpoint(&words[2]);
    let Process { pid, start_ticks } = house.process(run);
    println!("{pid} {start_ticks}");
    loop {
        std::thread::park();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A test that failed has its own words; what it started ends with it.
        if self.daemon.is_some() && !std::thread::panicking() {
            self.end();
        }
        self.made.clear();
    }
}

/// Whether the process still is the one that was named.
pub fn lives(process: &Process) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    // Field 22 of the whole, counted from field 3.
    let start = after_name.split(' ').nth(19).and_then(|ticks| ticks.parse::<u64>().ok());
    start == Some(process.start_ticks)
}
