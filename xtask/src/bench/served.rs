//! A daemon that is measured: started in a folder of its own, asked over its socket, ended.

use super::Bench;
use super::process::wait_until;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long it may take to come up: a long journal is folded.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A daemon with its folders.
pub struct Served {
    child: Child,
    pub home: PathBuf,
}

impl Served {
    /// Starts the product's daemon with everything below `home`; returns when it says it is ready.
    pub fn start(bench: &Bench, home: &Path) -> Result<Served, String> {
        let mut child = Command::new(bench.program())
            .args(["daemon", "run"])
            .env("AI_ONBOARD_HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the daemon does not start: {error}"))?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let served = Served { child, home: home.to_path_buf() };
        match line.trim() {
            "ready" => Ok(served),
            other => Err(format!("the daemon said `{other}`")),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn socket(&self) -> PathBuf {
        self.home.join("run/daemon.sock")
    }

    /// Reads from the API.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        self.ask("GET", path, "")
    }

    /// Submits a command.
    pub fn command(&self, command: Value) -> Result<Value, String> {
        let body = json!({ "command": command, "why": "measured", "via": "api" });
        self.ask("POST", "/api/v1/commands", &body.to_string())
    }

    /// Registers a project.
    pub fn register(&self, root: &Path) -> Result<Value, String> {
        let body = json!({ "root": root.to_string_lossy(), "why": "measured", "via": "api" });
        self.ask("POST", "/api/v1/projects", &body.to_string())
    }

    /// Starts agents by their ids as the API shows them.
    pub fn start_agents(&self, ids: &[String]) -> Result<Value, String> {
        let numbers: Vec<u64> = ids.iter().filter_map(|id| number(id)).collect();
        self.command(json!({ "start": { "agents": numbers } }))
    }

    /// The ids of agents whose names begin so.
    pub fn agents(&self, prefix: &str) -> Result<Vec<String>, String> {
        let rows = self.get("/api/v1/agents")?;
        let items = rows["items"].as_array().cloned().unwrap_or_default();
        let wanted = items.iter().filter(|row| text(&row["name"]).starts_with(prefix));
        Ok(wanted.map(|row| text(&row["id"])).collect())
    }

    /// Waits until no run is queued or active.
    pub fn wait_idle(&self, limit: Duration) -> Result<(), String> {
        wait_until("the runs to end", limit, || {
            let daemon = self.get("/api/v1/daemon")?;
            let count = |name: &str| daemon[name].as_u64().unwrap_or(0);
            Ok(count("queued_runs") + count("active_runs") == 0)
        })
    }

    /// Waits until so many processes of runs have a record, and all of them run.
    pub fn wait_running(&self, count: usize, limit: Duration) -> Result<(), String> {
        wait_until("the agents to run", limit, || {
            let daemon = self.get("/api/v1/daemon")?;
            let running = daemon["agents"]["running"].as_u64().unwrap_or(0);
            Ok(running as usize >= count && self.processes().len() >= count)
        })
    }

    /// The processes that the records of runs name.
    pub fn processes(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(self.home.join("state/runs")) else { return Vec::new() };
        let texts = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
        let records = texts.filter_map(|text| serde_json::from_str::<Value>(&text).ok());
        records.filter_map(|record| record["pid"].as_u64()).collect()
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let answer = exchange(&self.socket(), method, path, body)
            .map_err(|error| format!("{method} {path}: {error}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if !head.starts_with("HTTP/1.1 200") {
            return Err(format!("{method} {path}: {answer}"));
        }
        serde_json::from_str(body).map_err(|error| format!("{method} {path}: {error}: {body}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Asked first, so that its agents end with it; then it is ended whatever it does.
        if self.command(json!("shutdown")).is_ok() {
            let gone = || Ok(self.child.try_wait().is_ok_and(|ended| ended.is_some()));
            let _ = wait_until("the daemon to end", Duration::from_secs(15), gone);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(socket: &Path, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(START_LIMIT))?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: ai-onboard\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The number of an id such as `a7`.
pub fn number(id: &str) -> Option<u64> {
    id.rsplit(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// A value that is text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// A project with agents, each a manifest of these lines.
pub fn project(root: &Path, agents: usize, lines: &str) -> Result<(), String> {
    let folder = root.join(".ai_onboard/agents");
    let made = fs::create_dir_all(&folder).and_then(|()| {
        for index in 0..agents {
            let manifest = format!("name: trivial-{index}\ndescription: trivial\n{lines}");
            fs::write(folder.join(format!("trivial-{index}.yaml")), manifest)?;
        }
        Ok(())
    });
    made.map_err(|error| format!("{}: {error}", folder.display()))
}

/// The user's settings: room for many runs at a time, each with the limits that a policy gives to
/// whoever names none.
pub fn make_room(home: &Path, runs: usize) -> Result<(), String> {
    let folder = home.join("config");
    let (cpu_percent, memory_mb) = (10 * runs, 512 * runs);
    let text = format!(
        "daemon:\n  max_running: {runs}\n  cpu_percent: {cpu_percent}\n  memory_mb: {memory_mb}\n"
    );
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("config.yaml"), text))
        .map_err(|error| format!("{}: {error}", folder.display()))
}
