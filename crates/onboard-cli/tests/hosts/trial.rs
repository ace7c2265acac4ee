//! One host: what `doctor` says of it, and what a run there comes to.

use onboard_web::client::Client;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An agent that ends well where it is started at all.
const AGENT: &str = "name: good\nprogram: ['true']\nschedule: manual\nretry: { attempts: 0 }\n";

/// What is forbidden by default is not in this project; this is.
const POLICY: &str = "background_agent_safety:\n  action_restrictions:\n    file_system:\n      forbidden_paths: [secret]\n";

/// Reads are paced for the disks that are there, which differ between a project and a program.
const BY_DISK: &str = "disk reads";

/// A run without a network lacks nothing of what those with one need.
const BY_NETWORK: &str = "network";

/// A layer of `doctor`.
struct Layer {
    status: String,
    is_mandatory: bool,
    how: String,
}

/// A home and a project, and a host that lacks something.
struct Trial {
    home: tempfile::TempDir,
    project: tempfile::TempDir,
}

impl Trial {
    fn new() -> Trial {
        let open = || {
            let folder = tempfile::tempdir().expect("a folder");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder.path(), mode).expect("a mode");
            folder
        };
        let trial = Trial { home: open(), project: open() };
        let write = |name: &str, text: &str| {
            let path = trial.project.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write(".ai_onboard/agents/good.yaml", AGENT);
        write(".ai_onboard/policy.yaml", POLICY);
        write("secret", "x");
        trial
    }

    /// The program under test, on a host that lacks something.
    #[allow(clippy::disallowed_methods, reason = "the binary under test")]
    fn program(&self, lacks: &str, words: &[&str]) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(["lack", lacks, env!("CARGO_BIN_EXE_ai_onboard")]).args(words);
        command.env_clear().env("AI_ONBOARD_HOME", self.home.path());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TMPDIR", std::env::temp_dir());
        command.current_dir(self.project.path()).stdin(Stdio::null());
        command
    }

    fn daemon(&self, lacks: &str) -> Daemon {
        let mut command = self.program(lacks, &["daemon", "run"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a daemon");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("its word");
        let daemon = Daemon(child);
        assert_eq!(line.trim(), "ready");
        daemon
    }

    fn doctor(&self, lacks: &str) -> BTreeMap<String, Layer> {
        let output = self.program(lacks, &["doctor", "--json"]).output().expect("an answer");
        let said: Value = serde_json::from_slice(&output.stdout).expect("one object");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let layers = said["layers"].as_array().expect("layers");
        let layer = |layer: &Value| {
            let is_mandatory = layer["mandatory"].as_bool().expect("whether it must be");
            let (status, how) = (text(&layer["status"]), text(&layer["how"]));
            (text(&layer["name"]), Layer { status, is_mandatory, how })
        };
        layers.iter().map(layer).collect()
    }

    /// Runs the agent under a daemon there: the outcome, and where its walls were weaker.
    fn run(&self, lacks: &str) -> (String, BTreeMap<String, String>) {
        let daemon = self.daemon(lacks);
        // Who asks lacks nothing; it is the daemon's host that is tried.
        let say = |words: &[&str]| {
            let output = self.program("nothing", words).output().expect("an answer");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            (said, String::from_utf8_lossy(&output.stderr).into_owned())
        };
        say(&["bg", "start", "good", "--detach"]);
        let (out, err) = say(&["bg", "run", "good", "--wait", "--json"]);
        let run: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        let outcome = run["result"].to_string();
        let events: Value = client(&self.home.path().join("run"))
            .get("/events", &[("limit", "100")])
            .expect("events");
        let text = events.to_string();
        drop(daemon);
        (outcome, weaker(&text))
    }
}

fn client(folder: &Path) -> Client {
    let found = std::fs::read_dir(folder).expect("a folder").flatten();
    let sockets = found.filter(|file| file.path().extension().is_some_and(|e| e == "sock"));
    Client::new(&sockets.last().expect("a socket").path()).expect("a client")
}

/// The layers that the last started run's event names, each with its words.
fn weaker(events: &str) -> BTreeMap<String, String> {
    let Some((_, rest)) = events.rsplit_once("; weaker here: ") else { return BTreeMap::new() };
    let line = rest.split('"').next().unwrap_or_default();
    let parts = line.split("; ").filter_map(|part| part.split_once(": "));
    parts.map(|(layer, how)| (layer.to_owned(), how.to_owned())).collect()
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What each host must say: of which layer, in which words, and what a run there comes to.
fn expected(lacks: &str) -> (&'static str, &'static str, &'static str) {
    match lacks {
        "masks" => ("forbidden paths", "degraded: masking mounts", "succeeded"),
        "groups" => ("memory", "degraded: each process by RLIMIT_DATA", "succeeded"),
        "proc" => ("proc", "absent: there is none", "succeeded"),
        "namespaces" => ("user", "absent: ", "refused"),
        "landlock" => ("landlock", "absent: ", "succeeded"),
        "notifier" => ("reports", "degraded: this kernel hands no calls over", "succeeded"),
        "memory of others" => ("reports", "degraded: the notifier can't read", "succeeded"),
        "hearing" => ("reports", "absent: ", "refused"),
        "mount attributes" => ("files", "absent: ", "refused"),
        "filters" => ("system calls", "absent: ", "refused"),
        "host names" => ("names", "absent: ", "refused"),
        "capabilities" => ("privileges", "absent: ", "refused"),
        "limits" => ("file size", "absent: ", "refused"),
        "addresses" => ("network", "degraded: no network at all; agents that may", "succeeded"),
        "killing" => ("kill", "absent: the layer kill failed its trial", "refused"),
        _ => ("user", "enforced: user namespace", "succeeded"),
    }
}

/// `doctor` names what is missing, a run there is refused or says the same, and neither is silent.
pub fn agree(lacks: &str) {
    let trial = Trial::new();
    let layers = trial.doctor(lacks);
    let (layer, words, outcome) = expected(lacks);
    let said = format!("{}: {}", layers[layer].status, layers[layer].how);
    assert!(said.starts_with(words), "{layer}: {said}");
    let missing: Vec<&String> = layers
        .iter()
        .filter(|(_, layer)| layer.is_mandatory && layer.status == "absent")
        .map(|(name, _)| name)
        .collect();
    let (came, weaker) = trial.run(lacks);
    assert!(came.contains(outcome), "{came}");
    assert_eq!(outcome == "refused", !missing.is_empty(), "{missing:?}");
    if outcome == "refused" {
        assert!(weaker.is_empty(), "nothing was started: {weaker:?}");
        return;
    }
    let weak = layers.iter().filter(|(_, layer)| layer.status != "enforced");
    let differs = |name: &&String| ![BY_DISK, BY_NETWORK].contains(&name.as_str());
    let weak: BTreeSet<&String> = weak.map(|(name, _)| name).filter(differs).collect();
    let told: BTreeSet<&String> = weaker.keys().filter(differs).collect();
    assert_eq!(weak, told, "{weaker:?}");
}

/// What a daemon found of its host is not believed when a run is started: it is found out again, by
/// the start itself.
pub fn lost_after_the_probe(lacks: &str) {
    let trial = Trial::new();
    let (first, before) = trial.run("nothing");
    assert!(first.contains("succeeded"), "{first}");
    let (layer, _, outcome) = expected(lacks);
    let (came, after) = trial.run(lacks);
    match outcome {
        "refused" => assert!(!came.contains("succeeded"), "{came}"),
        _ if lacks == "nothing" => assert_eq!(before, after),
        _ if layer == BY_NETWORK => {
            assert!(came.contains("succeeded"), "{came}");
            assert_eq!(before, after);
        }
        _ => assert!(came.contains("succeeded") && after.contains_key(layer), "{came} {after:?}"),
    }
}
