//! The project health monitor on a large history, inside its sandbox.

use super::process::wait_until;
use super::served::{Served, number, text};
use super::spread::{Spread, short};
use super::{Bench, Line};
use crate::command;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const COMMITS: &str = "50000";
const AGENT: &str = "project-health-monitor";
/// A run has a tenth of a core: thirty seconds of it take five minutes, and more on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(900);

/// The first run, then runs after one commit each.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let folder = bench.new_folder("health")?;
    let root = folder.join("project");
    make_history(bench, &root)?;
    let served = Served::start(bench, &folder.join("home"))?;
    served.register(&root)?;
    let agents = served.agents(AGENT)?;
    let answer = served.start_agents(&agents)?;
    let first = ended(&served, &text(&answer["agents"][0]["run"]))?;
    let first_reference = git_cpu(&root, "log --format=%H,%an,%at --name-status")?;
    let (mut next, mut next_reference) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds(5, 2) {
        commit(&root, round)?;
        let id = agents.first().and_then(|id| number(id));
        let answer = served.command(json!({ "run": { "agent": id } }))?;
        next.push(ended(&served, &text(&answer["run"]))?);
        next_reference.push(git_cpu(&root, "log -1 --format=%H,%an,%at --name-status")?);
    }
    let (next, next_reference) = (Spread::of(next)?, Spread::of(next_reference)?);
    Ok(vec![
        Line {
            what: "health monitor, 50,000 commits, first run: processor",
            ours: format!("{} s", short(first)),
            reference: format!("`git log --name-status`: {} s", short(first_reference)),
            aim: "≤ 30 s",
            limit: 30.0,
            judged: first,
            why_missed: "Every commit's tree is compared with its parent's once.",
        },
        Line {
            what: "health monitor, next run after one commit: processor",
            ours: next.show("s"),
            reference: format!("`git log -1 --name-status`: {}", next_reference.show("s")),
            aim: "≤ 0.5 s",
            limit: 0.5,
            judged: next.median(),
            why_missed: "The checkpoint of the whole history is read, brought up to date and \
                         written back.",
        },
    ])
}

/// Waits for a run's end and gives the processor time that it took, in seconds.
fn ended(served: &Served, run: &str) -> Result<f64, String> {
    let mut row = Value::Null;
    wait_until("a run of the health monitor", RUN_LIMIT, || {
        row = served.get(&format!("/api/v1/runs/{run}"))?;
        Ok(!row["ended"].is_null())
    })?;
    match (text(&row["result"]).as_str(), row["usage"]["cpu_s"].as_f64()) {
        ("succeeded" | "nothing_to_report", Some(cpu)) => Ok(cpu),
        _ => Err(format!("{run} did not succeed: {row}")),
    }
}

fn make_history(bench: &Bench, root: &Path) -> Result<(), String> {
    fs::create_dir_all(root).map_err(|error| error.to_string())?;
    let program = bench.built.join("examples/synthetic_history");
    let script = "git init --quiet -b main . && \"$0\" \"$1\" | git fast-import --quiet --done && \
                  git -c core.commitGraph=false checkout --quiet --force main";
    let mut shell = Command::new("sh");
    shell.current_dir(root).args(["-c", script]).arg(program).arg(COMMITS);
    command::output(&mut shell).map(drop)
}

fn commit(root: &Path, number: usize) -> Result<(), String> {
    fs::write(root.join("new.rs"), format!("fn new_{number}() {{}}\n"))
        .map_err(|error| error.to_string())?;
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
        let mut git = Command::new("git");
        command::output(git.arg("-C").arg(root).args(identity).args(words))
    };
    git(&["add", "new.rs"])?;
    git(&["commit", "--quiet", "--message", "one more"]).map(drop)
}

/// Processor time of a git command, in seconds, as the shell that waits for it says.
fn git_cpu(root: &Path, words: &str) -> Result<f64, String> {
    let script = format!("TIMEFORMAT='%U %S'; {{ time git {words} >/dev/null; }} 2>&1");
    let mut shell = Command::new("bash");
    let told = command::output(shell.current_dir(root).args(["-c", &script]))?;
    let parts: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match parts.as_slice() {
        [user, system] => Ok(user + system),
        _ => Err(format!("time said `{told}`")),
    }
}
