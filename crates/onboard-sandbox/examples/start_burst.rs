//! How long it takes from a start behind the walls to the agent's first instruction, when many
//! start at once: `start_burst COUNT ROUNDS`.
//!
//! No daemon is involved: this is what the sandbox alone takes. Prints one JSON line with the
//! milliseconds of every start, each from the common beginning.

#[path = "../tests/walls/permit.rs"]
mod permit;

use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::{AgentFiles, Limits, Profile, launch, launcher_main_if_asked};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Barrier;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    launcher_main_if_asked();
    let number = |index: usize| {
        std::env::args().nth(index).map_or(1, |text| text.parse::<usize>().expect("a number"))
    };
    let (count, rounds) = (number(1), number(2));
    let groups = Layout::find().expect("control groups");
    let project = tempfile::tempdir().expect("a project");
    let mut waits: Vec<f64> = Vec::new();
    for round in 0..rounds {
        waits.extend(burst(&groups, project.path(), round, count));
    }
    println!("{{\"ms\":{waits:?}}}");
}

fn burst(groups: &Layout, project: &Path, round: usize, count: usize) -> Vec<f64> {
    let gate = Barrier::new(count + 1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|index| {
                let gate = &gate;
                let name = format!("{}-{round}-{index}", std::process::id());
                scope.spawn(move || {
                    gate.wait();
                    first_instruction(groups, project, name)
                })
            })
            .collect();
        let begun = wall_ms();
        gate.wait();
        threads.into_iter().map(|thread| thread.join().expect("a start") - begun).collect()
    })
}

/// The time of the agent's first instruction, as it says itself, in milliseconds.
fn first_instruction(groups: &Layout, project: &Path, run: String) -> f64 {
    let profile = Profile {
        instance: "start-burst".into(),
        run,
        argv: ["/bin/bash", "-c", "echo $EPOCHREALTIME"].map(Into::into).to_vec(),
        env: vec![("LANG".into(), "C.UTF-8".into())],
        project: project.to_owned(),
        forbidden: Vec::new(),
        forbidden_commands: Vec::new(),
        read_only: Vec::new(),
        network: None,
        limits: Limits::default(),
        works_in_tmp: false,
        must_enforce: Vec::new(),
    };
    let (mut said, stdout) = std::io::pipe().expect("a pipe");
    let (_host, agent) = UnixStream::pair().expect("a pair");
    let files = AgentFiles {
        stdout: stdout.into(),
        stderr: std::io::stderr().as_fd().try_clone_to_owned().expect("a descriptor"),
        host: agent.into(),
    };
    let running = launch(permit::permitted(profile), files, groups, |_| Ok(())).expect("a start");
    let mut text = String::new();
    said.read_to_string(&mut text).expect("its time");
    running.wait_for_end(std::time::Duration::from_secs(60)).expect("an end");
    text.trim().parse::<f64>().expect("a time") * 1000.0
}

fn wall_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}
