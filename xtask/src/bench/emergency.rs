//! Emergency shutdown of a hundred running agents, the daemon alive and hung.

use super::process::wait_until;
use super::served::{Served, make_room, project};
use super::spread::Spread;
use super::{Bench, Line};
use crate::command;
use serde_json::Value;
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const AGENTS: usize = 100;
const AGENT: &str = "program: [sleep, \"3600\"]\nschedule: daily\npriority: critical\n\
                     resources: {cpu: low, memory: low, io: low}\n";

pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let (mut alive, mut hung, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds(5, 1) {
        alive.push(shutdown(bench, false)?);
        hung.push(shutdown(bench, true)?);
        plain.push(plain_kill()?);
    }
    let (alive, hung, plain) = (Spread::of(alive)?, Spread::of(hung)?, Spread::of(plain)?);
    let line = |what, ours: &Spread| Line {
        what,
        ours: format!("{}, at most {:.2}", ours.show("s"), ours.most()),
        reference: format!("SIGKILL and wait for 100 plain `sleep`: {}", plain.show("s")),
        aim: "≤ 2 s to proven dead",
        limit: 2.0,
        judged: ours.most(),
        why_missed: "The kernel takes namespaces apart one after another, and each proof waits for \
                     its own.",
    };
    Ok(vec![
        line("emergency shutdown, 100 running agents, daemon alive", &alive),
        line("emergency shutdown, 100 running agents, daemon stopped by SIGSTOP", &hung),
    ])
}

/// Seconds from the command's exec to its end, after which every process must be gone.
fn shutdown(bench: &Bench, is_hung: bool) -> Result<f64, String> {
    let folder = bench.new_folder("emergency")?;
    let (root, home) = (folder.join("project"), folder.join("home"));
    project(&root, AGENTS, AGENT)?;
    make_room(&home, AGENTS)?;
    let served = Served::start(bench, &home)?;
    served.register(&root)?;
    served.start_agents(&served.agents("trivial-")?)?;
    served.wait_running(AGENTS, Duration::from_secs(120))?;
    let processes = served.processes();
    if is_hung {
        signal("STOP", &[u64::from(served.pid())])?;
    }
    let begun = Instant::now();
    let mut program = Command::new(bench.program());
    let told = command::output(
        program
            .args(["background-agents", "emergency-shutdown", "--reason", "measured", "--json"])
            .env("AI_ONBOARD_HOME", &home),
    );
    let took = begun.elapsed().as_secs_f64();
    let left: Vec<String> = processes.iter().filter_map(|pid| lives(*pid)).collect();
    if is_hung {
        signal("CONT", &[u64::from(served.pid())])?;
    }
    if !left.is_empty() {
        return Err(format!("still there: {left:?}"));
    }
    let told: Value = serde_json::from_str(&told?).map_err(|error| error.to_string())?;
    let proven = told["runs"].as_array().into_iter().flatten();
    let proven = proven.filter(|run| run["is_gone"] == true).count();
    // With the daemon alive some runs may have been ended by it before they were looked for.
    match proven == AGENTS || !is_hung {
        true => Ok(took),
        false => Err(format!("{proven} of {AGENTS} were proven gone")),
    }
}

/// What the kernel says of a process that can still execute something. One that is dead and not
/// yet waited for by its parent (which may be the stopped daemon) can not.
fn lives(pid: u64) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
    (!matches!(state, 'Z' | 'X')).then_some(stat)
}

/// Seconds that the kernel takes to end as many plain processes.
fn plain_kill() -> Result<f64, String> {
    let start = |_| Command::new("sleep").arg("3600").spawn();
    let mut children: Vec<Child> =
        (0..AGENTS).map(start).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let pids: Vec<u64> = children.iter().map(|child| child.id().into()).collect();
    let begun = Instant::now();
    signal("KILL", &pids)?;
    let gone = || Ok(children.iter_mut().all(|child| child.wait().is_ok()));
    wait_until("plain processes to end", Duration::from_secs(10), gone)?;
    Ok(begun.elapsed().as_secs_f64())
}

fn signal(name: &str, pids: &[u64]) -> Result<(), String> {
    let pids = pids.iter().map(u64::to_string);
    command::output(Command::new("kill").arg(format!("-{name}")).args(pids)).map(drop)
}
