//! What a daemon with nothing to do takes: memory, processor, wake-ups.

use super::process::{pause, resident, used};
use super::served::{Served, project};
use super::spread::{Spread, short};
use super::{Bench, Line};
use crate::command;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The crew is of seven agents or more, and what is registered of seven hundred or more.
const LEAST_AGENTS: usize = 7;
const PROJECTS: usize = 100;
/// After this long threads that waited for more work have gone.
const SETTLED: Duration = Duration::from_secs(8);
/// Runs of a row end in this time, also on a busy machine.
const RUNS_LIMIT: Duration = Duration::from_secs(180);

const WHY_MEMORY: &str = "See the part that is no file's: the rest is the program itself and its \
                          libraries, which the kernel takes back when it needs to.";

/// The crew, started, each has run once; then nothing happens.
pub fn seven(bench: &Bench) -> Result<Vec<Line>, String> {
    let folder = bench.new_folder("idle")?;
    let root = folder.join("project");
    project(&root, 0, "")?;
    make_repository(&root)?;
    let served = Served::start(bench, &folder.join("home"))?;
    served.register(&root)?;
    let agents = enough(served.agents("")?, LEAST_AGENTS)?;
    served.start_agents(&agents)?;
    let agents = agents.len();
    served.wait_idle(RUNS_LIMIT)?;
    pause(SETTLED);
    let seconds = bench.rounds(60, 20);
    let interpreter = Interpreter::start()?;
    let (before, other_before) = (used(served.pid()), used(interpreter.0.id()));
    let (mut memory, mut own) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for _ in 0..seconds {
        pause(Duration::from_secs(1));
        let (all, anonymous) = resident(served.pid());
        memory.push(all);
        own.push(anonymous);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let (after, other_after) = (used(served.pid()), used(interpreter.0.id()));
    let percent = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e9 / elapsed * 100.0;
    let cpu = percent(before.cpu_ns, after.cpu_ns);
    let other = percent(other_before.cpu_ns, other_after.cpu_ns);
    let wakes = after.wakes.saturating_sub(before.wakes);
    let (memory, own) = (Spread::of(memory)?, Spread::of(own)?);
    Ok(vec![
        Line {
            what: "idle daemon, the crew started: memory",
            ours: format!(
                "{agents} agents: {}, {} of it no file's",
                memory.show("MiB"),
                short(own.median())
            ),
            reference: interpreter.memory(),
            aim: "≤ 25 MB",
            limit: 25e6 / f64::from(1 << 20),
            judged: memory.median(),
            why_missed: WHY_MEMORY,
        },
        Line {
            what: "idle daemon, the crew started: processor",
            ours: format!(
                "{agents} agents: {cpu:.4} % of a core; woke {wakes} times in {elapsed:.0} s"
            ),
            reference: format!("a Python that waits: {other:.4} %"),
            aim: "≤ 0.1 % of a core",
            limit: 0.1,
            judged: cpu,
            why_missed: "Something wakes the daemon: it is to sleep until something happens.",
        },
    ])
}

/// A hundred projects of the crew, registered.
pub fn seven_hundred(bench: &Bench) -> Result<Vec<Line>, String> {
    let folder = bench.new_folder("registered")?;
    let served = Served::start(bench, &folder.join("home"))?;
    for index in 0..PROJECTS {
        let root = folder.join(format!("project-{index}"));
        project(&root, 0, "")?;
        served.register(&root)?;
    }
    let agents = enough(served.agents("")?, LEAST_AGENTS * PROJECTS)?.len();
    pause(SETTLED);
    let (registered, own) = resident(served.pid());
    let home = served.home.clone();
    drop(served);
    let served = Served::start(bench, &home)?;
    pause(SETTLED);
    let (again, _) = resident(served.pid());
    Ok(vec![Line {
        what: "the crew registered in 100 projects: memory",
        ours: format!(
            "{agents} agents: {} MiB, {} of it no file's; {} MiB after a restart",
            short(registered),
            short(own),
            short(again)
        ),
        reference: Interpreter::start()?.memory(),
        aim: "≤ 40 MB",
        limit: 40e6 / f64::from(1 << 20),
        judged: registered.max(again),
        why_missed: WHY_MEMORY,
    }])
}

/// The agents, when there are as many as a row promises to measure.
fn enough(agents: Vec<String>, least: usize) -> Result<Vec<String>, String> {
    match agents.len() {
        known if known < least => Err(format!("{known} agents are registered, not {least}")),
        _ => Ok(agents),
    }
}

fn make_repository(root: &Path) -> Result<(), String> {
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
        let mut git = Command::new("git");
        command::output(git.arg("-C").arg(root).args(identity).args(words))
    };
    std::fs::write(root.join("README.md"), "# A project\n").map_err(|error| error.to_string())?;
    git(&["init", "--quiet"])?;
    git(&["add", "--all"])?;
    git(&["commit", "--quiet", "--message", "first"]).map(drop)
}

/// A Python that waits for input: what an idle interpreter takes.
struct Interpreter(Child);

impl Interpreter {
    fn start() -> Result<Interpreter, String> {
        let mut child = Command::new("python3")
            .args(["-c", "import sys; print(1, flush=True); sys.stdin.read()"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let told = BufReader::new(stdout).read_line(&mut line);
        let interpreter = Interpreter(child);
        told.map(|_| interpreter).map_err(|error| format!("python3: {error}"))
    }

    fn memory(&self) -> String {
        format!("a Python that waits: {} MiB", short(resident(self.0.id()).0))
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
