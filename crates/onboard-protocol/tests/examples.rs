//! The example agents as real processes against a real session, over a socket.
//!
//! The shell example needs `ai_onboard` in its path: this very program stands in for it, with the
//! command line's own words, client and rendering. So the tests have their own `main`, which also
//! answers the questions that test runners ask.
#![allow(clippy::disallowed_methods, reason = "starting the example agents is the test")]

use onboard_domain::state::Trigger;
use onboard_domain::{AgentCall, AgentName, CallRefusal, Finding, RunId, Time};
use onboard_protocol::client::HOST_FD_VARIABLE;
use onboard_protocol::{
    HostAction, HostAnswer, HostCall, HostClient, HostSession, Stream, Task, host_command,
    parse_manifest,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

const TESTS: [(&str, fn()); 2] = [
    ("the_shell_example_counts_remembers_and_tells", shell_example),
    ("the_python_example_speaks_the_protocol_itself", python_example),
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"host", words)) => stand_in(words),
        _ if words.contains(&"--list") => {
            if !words.contains(&"--ignored") {
                TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
            }
            ExitCode::SUCCESS
        }
        _ => {
            let skips = words.windows(2).filter(|pair| pair[0] == "--skip").map(|pair| pair[1]);
            let skips: Vec<&str> = skips.collect();
            let is_filter = |word: &&str| !word.starts_with("--") && !skips.contains(word);
            let named: Vec<&str> = words.iter().copied().filter(is_filter).collect();
            let mut passed = 0;
            for (name, test) in TESTS {
                let is_named = named.is_empty() || named.iter().any(|part| name.contains(part));
                if is_named && !skips.iter().any(|part| name.contains(part)) {
                    test();
                    println!("test {name} ... ok");
                    passed += 1;
                }
            }
            // A failure has panicked before this line, and its exit code says so.
            println!("\ntest result: ok. {passed} passed; 0 failed; 0 ignored");
            ExitCode::SUCCESS
        }
    }
}

/// `ai_onboard host WORDS…`, with the socket as standard input and what the script piped in in a
/// variable, since a test without unsafe code can't name other descriptors.
fn stand_in(words: &[&str]) -> ExitCode {
    let command = match host_command(words) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let socket: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().expect("a socket");
    let mut client = HostClient::new(Socket(socket.into()), "ai_onboard host");
    let piped = env::var("PIPED").unwrap_or_default();
    match client.call(command.tool(), command.arguments(piped)) {
        Ok(answer) => {
            let shown = command.show(&answer);
            print!("{}", shown.text);
            ExitCode::from(u8::from(!shown.found))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(5)
        }
    }
}

struct Socket(UnixStream);

impl Stream for Socket {
    type Error = std::io::Error;

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, std::io::Error> {
        self.0.read(buffer)
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), std::io::Error> {
        self.0.write_all(bytes)
    }
}

/// A host that keeps what a run leaves, from run to run.
#[derive(Default)]
struct Host {
    task: Option<Task>,
    checkpoints: BTreeMap<String, Vec<u8>>,
    findings: Vec<Finding>,
    finished: Option<(bool, String)>,
    progress: Vec<String>,
}

impl Host {
    fn answer(&mut self, call: HostCall) -> Result<HostAnswer, CallRefusal> {
        Ok(match call {
            HostCall::GetTask => HostAnswer::Task(Box::new(self.task.clone().expect("a task"))),
            HostCall::SaveCheckpoint { name, content, .. } => {
                self.checkpoints.insert(name, content);
                HostAnswer::Done
            }
            HostCall::LoadCheckpoint { name } => {
                HostAnswer::Checkpoint(self.checkpoints.get(&name).cloned())
            }
            HostCall::Progress { note, .. } => {
                self.progress.push(note);
                HostAnswer::Done
            }
            HostCall::Agent(AgentCall::RecordFinding(finding)) => {
                let known = self.findings.iter().any(|f| f.fingerprint == finding.fingerprint);
                self.findings.push(finding);
                HostAnswer::Finding {
                    status: if known { "known" } else { "new" }.into(),
                    forecast: None,
                }
            }
            HostCall::Agent(AgentCall::Finish { nothing_to_report, summary }) => {
                self.finished = Some((nothing_to_report, summary));
                HostAnswer::Done
            }
            other => return Err(CallRefusal::new("unknown", format!("{other:?}"))),
        })
    }

    /// One run of an example: its manifest's command line, with the socket as descriptor 3.
    fn run(&mut self, example: &Path, root: &Path, path: &str) {
        let text = fs::read_to_string(example.join("agent.yaml")).expect("a manifest");
        let spec = parse_manifest(&text, "agent.yaml").expect("it is right").into_spec("/", &[]);
        let onboard_domain::spec::Program::Command { argv, .. } = &spec.program else {
            panic!("an example has a program");
        };
        self.task = Some(task(&spec.name, root, &spec.settings));
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let mut child = Command::new("sh")
            .arg("-c")
            .arg("exec 3<&0 </dev/null; exec \"$@\"")
            .arg("sh")
            .args(argv)
            .current_dir(example)
            .env("PATH", path)
            .env(HOST_FD_VARIABLE, "3")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh starts");
        self.serve(ours);
        let mut errors = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut errors).expect("read");
        let status = child.wait().expect("it ends");
        assert!(status.success() && errors.is_empty(), "{status}: {errors}");
    }

    fn serve(&mut self, mut socket: UnixStream) {
        let mut session = HostSession::new("1.0.0");
        let mut buffer = [0; 4096];
        loop {
            let count = socket.read(&mut buffer).expect("the agent's end");
            if count == 0 {
                return;
            }
            for action in session.on_bytes(&buffer[..count], Time(0)) {
                let line = match action {
                    HostAction::Reply(line) => {
                        panic!("not a call: {}", String::from_utf8_lossy(&line))
                    }
                    HostAction::Call { id, call } => {
                        let outcome = self.answer(call);
                        session.reply_to(id, &outcome).expect("it waits")
                    }
                };
                socket.write_all(&line).expect("the agent reads");
            }
        }
    }
}

fn task(agent: &AgentName, root: &Path, settings: &BTreeMap<String, String>) -> Task {
    Task {
        agent: agent.clone(),
        project: "test".into(),
        root: root.to_str().expect("a text").into(),
        run: RunId(1),
        trigger: Trigger::Manual,
        attempt: 0,
        now: Time(1),
        deadline: Time(2),
        settings: settings.clone(),
        leases: BTreeMap::new(),
        checkpoints: vec![],
        facts: BTreeMap::new(),
        deliveries: Vec::new(),
        copy: None,
    }
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = env::temp_dir().join(format!("onboard-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn write(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, content).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind is no failure of the test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/agents").join(name)
}

fn shell_example() {
    let folder = Folder::new("shell");
    let me = env::current_exe().expect("this program");
    let script = format!(
        "#!/bin/sh\ncase \"$2 $3\" in 'checkpoint save') PIPED=$(cat); export PIPED;; esac\n\
         exec '{}' \"$@\" <&3\n",
        me.display()
    );
    let stand_in = folder.write("bin/ai_onboard", script.as_bytes());
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("executable");
    let path = format!("{}:{}", folder.0.join("bin").display(), env::var("PATH").expect("a path"));
    let project = folder.0.join("project");
    folder.write("project/a b.rs", b"// TODO one\n// FIXME two\n");
    folder.write("project/.git/x", b"TODO TODO\n");
    let mut host = Host::default();
    host.run(&example("todo-counter-sh"), &project, &path);
    let remembered = "2 TODO and FIXME; remembered for next time";
    assert_eq!(host.finished, Some((true, remembered.into())));
    assert_eq!(host.progress, ["counting", "comparing"]);

    folder.write("project/c.rs", "// TODO more\n".repeat(4).as_bytes());
    host.run(&example("todo-counter-sh"), &project, &path);
    assert_eq!(host.finished, Some((true, "6 TODO and FIXME, 2 when last told".into())));

    folder.write("project/c.rs", "// TODO more\n".repeat(14).as_bytes());
    host.run(&example("todo-counter-sh"), &project, &path);
    assert_eq!(host.finished, Some((false, "16 TODO and FIXME, 2 when last told".into())));
    let [finding] = host.findings.as_slice() else { panic!("{:?}", host.findings) };
    assert_eq!(finding.title, "14 more TODO and FIXME (16 in all)");
    let files: Vec<&str> = finding.evidence.iter().filter_map(|e| e.path.as_deref()).collect();
    assert_eq!(files, ["c.rs", "a b.rs"]);
    assert_eq!(finding.evidence[0].value, Some(16.0));

    fs::remove_file(project.join("c.rs")).expect("removed");
    host.run(&example("todo-counter-sh"), &project, &path);
    assert_eq!(host.checkpoints["told"], b"2");
}

fn python_example() {
    let folder = Folder::new("python");
    let path = env::var("PATH").expect("a path");
    folder.write("small.txt", b"small");
    folder.write("data/large é.bin", &vec![7; 1_500_000]);
    folder.write("node_modules/x.bin", &vec![7; 1_500_000]);
    let mut host = Host::default();
    host.run(&example("large-files-py"), &folder.0, &path);
    let summary = "2 files, 1 of 1.0 MB or more, 1 new findings";
    assert_eq!(host.finished, Some((false, summary.into())));
    assert_eq!(host.findings[0].title, "data/large é.bin has 1.5 MB");
    assert_eq!(host.findings[0].evidence[1].value, Some(1_500_000.0));

    host.run(&example("large-files-py"), &folder.0, &path);
    let summary = "2 files, 1 of 1.0 MB or more, 0 new findings";
    assert_eq!(host.finished, Some((true, summary.into())));
    assert_eq!(host.findings.len(), 1);

    folder.write("data/large é.bin", &vec![7; 3_000_000]);
    host.run(&example("large-files-py"), &folder.0, &path);
    assert_eq!(host.findings[1].title, "data/large é.bin grew from 1.5 MB to 3.0 MB");
}
