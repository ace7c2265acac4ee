//! Runs the project health monitor on a repository, twice, and prints what it said and the cpu
//! each run took: `health_cpu REPO [NOW_MS] [FIRST]`.
//!
//! With `FIRST` (a commit's id) the first run sees the main line as of that commit: the measure of
//! "next run after one commit" needs a repository whose last commit can be taken away, so pass a
//! throw-away copy; its `HEAD`'s branch is moved there and back.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock, and git beside it")]

#[path = "../tests/support/memory_host.rs"]
mod memory_host;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use memory_host::MemoryHost;
use onboard_agents::host::{AgentError, Outcome, Task};
use onboard_agents::project_health_monitor::run;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(root) = arguments.first().map(PathBuf::from) else {
        eprintln!("usage: health_cpu REPO [NOW_MS] [FIRST]");
        return ExitCode::FAILURE;
    };
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_ms = match arguments.get(1).and_then(|text| text.parse().ok()) {
        Some(now_ms) => now_ms,
        None => clock.map_or(0, |since| since.as_millis() as i64),
    };
    let task = Task { project_root: root.clone(), now_ms, ..Task::default() };
    let mut host = MemoryHost { task, ..MemoryHost::default() };
    let moved = arguments.get(2).map(|first| {
        let tip = git(&root, &["rev-parse", "HEAD"]);
        git(&root, &["update-ref", "HEAD", first]);
        tip
    });
    measure("first run", &mut host);
    if let Some(tip) = moved {
        git(&root, &["update-ref", "HEAD", tip.trim()]);
    }
    measure("next run", &mut host);
    print(&host);
    ExitCode::SUCCESS
}

fn git(root: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Cpu of this thread so far, in seconds; the monitor has no other.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e9
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or("VmHWM unknown").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn measure(name: &str, host: &mut MemoryHost) {
    let before = cpu_seconds();
    let result: Result<Outcome, AgentError> = run(host);
    let spent = cpu_seconds() - before;
    println!(
        "{name}: {spent:.3} s cpu, {}; {} calls about progress",
        peak_memory(),
        host.progress_calls
    );
    println!("  {result:?}");
}

fn print(host: &MemoryHost) {
    for (name, text) in &host.checkpoints {
        println!("checkpoint {name}: {} bytes", text.len());
    }
    for line in host.log.iter().chain(&host.events) {
        println!("{line}");
    }
    if let Some(health) = host.state.get("health") {
        println!("index {} of {} points", health["index"], health["measured"]);
        for part in health["parts"].as_array().into_iter().flatten() {
            println!(
                "  {} ({}): {} — {}",
                part["name"], part["weight"], part["value"], part["why"]
            );
        }
        println!("limits {}", health["limits"]);
        println!("open findings {}", health["findings"].as_array().map_or(0, Vec::len));
    }
    for finding in &host.findings {
        println!("\n[{}] {} — {}", finding.severity, finding.rule, finding.title);
        println!("  {}\n  → {}", finding.detail, finding.action);
        for evidence in &finding.evidence {
            println!(
                "  · {:?} {} {:?}",
                evidence.kind,
                evidence.text,
                evidence.value.unwrap_or_default()
            );
        }
    }
}
