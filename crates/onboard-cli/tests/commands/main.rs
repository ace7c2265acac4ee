//! The real binary: daemon, agent behind its walls and command line, each in a home of its own.

mod approvals;
mod brokers;
mod check;
mod coordination;
mod descriptors;
mod doors;
mod drafts;
mod forge;
mod hooks;
mod knowledge;
mod models;
mod policies;
mod projects;
mod proposals;
mod registry;
mod tls;
mod told;
mod world;

use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use world::World;

/// An agent that would run for a long time.
const SLEEPER: &str = "\
name: sleeper
description: Sleeps.
program: [sleep, '600']
schedule: manual
";

const AGENT: &str = "project-health-monitor";

#[test]
fn from_nothing_to_findings_and_back() {
    let world = World::new();
    let (code, out, err) = world.run(&["background-agents", "start", "--all", "--wait"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        err.contains("starting the daemon") && err.contains(&format!("{AGENT} started")),
        "{err}"
    );
    assert!(out.contains("✓ project-health-monitor") && out.contains("Next"), "{out}");

    let list = world.json(&["bg", "list"]);
    let items = list["items"].as_array().unwrap();
    let monitor = items.iter().find(|item| item["name"] == AGENT).unwrap();
    assert_eq!(monitor["last_run"]["ended"].as_str().map(|t| t.ends_with('Z')), Some(true));
    world.check(&["bg", "list", "-q"], 0, AGENT);
    world.check(&["bg", "status", AGENT], 0, "Last run: r");
    world.check(&["bg", "status", "--all"], 0, &format!("Agents: {} ", items.len()));
    world.check(&["bg", "start", AGENT], 0, "already started");
    let run = world.json(&["bg", "run", AGENT, "--wait"]);
    assert_eq!(run["trigger"], "manual");
    world.check(&["bg", "logs", AGENT, "--tail", "all"], 0, "");
    world.check(&["bg", "report", "--period", "24h"], 0, "2 runs");
    world.check(&["bg", "report", "--as", "html"], 0, "<svg ");
    world.check(&["bg", "report", "--as", "pdf"], 2, "markdown, html, json, sarif");
    assert!(world.json(&["bg", "report"])["agents"].is_array());
    let file = world.project.path().join("report.sarif");
    world.check(&["bg", "report", "--output", file.to_str().unwrap()], 0, "");
    assert!(std::fs::read_to_string(&file).unwrap().contains(r#""version": "2.1.0""#));
    std::fs::remove_file(&file).unwrap();
    world.check(&["bg", "config", AGENT, "--show-origin"], 0, "schedule: continuous");
    assert!(world.json(&["recommendations", "list"])["items"].is_array());

    world.check(&["bg", "pause", AGENT], 0, "paused");
    world.check(&["bg", "pause", AGENT], 0, "already paused");
    world.check(&["bg", "resume", AGENT], 0, "resumed");
    world.check(&["bg", "stop", "--all"], 0, "stopped");
    world.check(&["bg", "stop", "--all"], 0, "already stopped");
    world.check(&["bg", "status", AGENT], 3, "stopped");
    world.check(&["bg", "terminate", AGENT], 2, "--yes");
    world.check(&["bg", "terminate", AGENT, "--yes"], 0, "terminated");
    assert_eq!(world.json(&["recommendations", "list"])["items"], serde_json::json!([]));
    world.check(&["bg", "terminate", AGENT, "--yes"], 4, AGENT);

    world.check(&["audit", "log"], 0, "register_project");
    assert_eq!(world.json(&["audit", "verify"])["is_whole"], true);
    world.check(&["daemon", "stop"], 0, "stopped, process");
    world.check(&["daemon", "stop"], 0, "already stopped");
    assert_eq!(world.json(&["audit", "verify"])["is_whole"], true, "without a daemon too");
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let world = World::new();
    world.check(&["bg", "list"], 7, "hint: ai_onboard daemon start");
    world.check(&["daemon", "status"], 3, "not running");
    world.check(&["bg", "strat"], 2, "start");
    world.check(&["bg", "resume"], 2, "--reason");
    world.check(&["schedule", "preview", "wekly"], 1, "weekly");
    world.check(&["--help"], 0, "7 daemon unreachable");
    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
    world.check(&["bg", "status", "project-helth-monitor"], 4, "did you mean");
    world.check(&["bg", "list", "--state", "runing"], 2, "did you mean `running`");
    world.check(&["recommendations", "show", "zzz"], 1, "no open finding");
}

#[test]
fn a_schedule_is_changed_in_the_projects_file_and_a_wrong_one_is_not() {
    let world = World::new();
    let folder = world.project.path().join(".ai_onboard");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("config.yaml");
    std::fs::write(&file, "# ours\nagents:\n").unwrap();
    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
    world.check(&["bg", "config", AGENT, "--schedule", "dayly"], 1, "daily");
    world.check(
        &["bg", "config", AGENT, "--schedule", "daily at 7:00", "--dry-run"],
        0,
        "--dry-run",
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# ours\nagents:\n");
    world.check(
        &["bg", "config", AGENT, "--schedule", "daily at 7:00"],
        0,
        "+ schedule: daily at 7:00",
    );
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("# ours\n"));
    let schedule = world.json(&["bg", "status", AGENT])["agent"]["schedule"].clone();
    assert!(schedule.as_str().unwrap().starts_with("daily at"), "{schedule}");
    std::fs::write(&file, "agents:\n  project-health-monitor:\n    schedul: x\n").unwrap();
    world.check(&["bg", "start", "--all"], 1, "config.yaml:3:5");
}

#[test]
fn an_emergency_holds_with_the_daemon_hung_and_until_it_is_lifted() {
    let world = World::new();
    let agents = world.project.path().join(".ai_onboard/agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::write(agents.join("sleeper.yaml"), SLEEPER).unwrap();
    world.check(&["bg", "start", AGENT, "--wait"], 0, "✓");
    let (_, run, _) = world.run(&["bg", "run", "sleeper"]);
    world.until_running(run.trim());
    let pid = i32::try_from(world.json(&["daemon", "status"])["pid"].as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let ended = world.json(&["bg", "emergency-shutdown", "--reason", "smoke"]);
    assert_eq!(ended["latch"]["set"], "durably");
    assert!(ended["elapsed_ms"].as_u64().unwrap() < 2_000, "{ended}");
    assert_eq!(ended["runs"][0]["run"].as_str(), Some(run.trim()));
    assert_eq!(ended["runs"][0]["is_gone"], true, "{ended}");
    assert!(world.home.path().join("state/emergency.json").is_file());
    end(pid, rustix::process::Signal::KILL);

    world.check(&["bg", "start", AGENT], 5, "smoke");
    world.check(&["bg", "status", AGENT], 3, "disabled");
    world.check(&["bg", "resume", AGENT], 5, "smoke");
    world.check(&["bg", "run", AGENT], 5, "resume --reason");
    world.check(&["bg", "resume", "--reason", "put out"], 0, "lifted");
    world.check(&["bg", "resume", "--reason", "put out"], 0, "no emergency holds");
    assert!(!world.home.path().join("state/emergency.json").exists());
    world.check(&["bg", "run", AGENT, "--wait"], 0, "r");
}

#[test]
fn an_emergency_says_what_does_not_hold() {
    let world = World::new();
    let shutdown = ["bg", "emergency-shutdown", "--reason", "smoke"];
    // One record that can't be read saves no run, and is said.
    std::fs::create_dir_all(world.home.path().join("state/runs")).unwrap();
    std::fs::write(world.home.path().join("state/runs/r9.json"), "torn").unwrap();
    let (code, out, err) = world.run(&shutdown);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("nothing starts until") && err.contains("r9.json"), "{err}");
    // Neither place of the latch can be written, nor the records be read.
    for folder in ["state", "run"] {
        let _ = std::fs::remove_dir_all(world.home.path().join(folder));
        std::fs::write(world.home.path().join(folder), "a file in the way").unwrap();
    }
    let (code, out, err) = world.run(&shutdown);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("can't set the latch") && !err.contains("nothing starts"), "{err}");
    let (code, out, _) = world.run(&[&shutdown[..], &["--json"]].concat());
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["latch"]["set"]), (1, &"not".into()), "{told}");
    assert!(told["unread"][0].is_string(), "{told}");
}

#[test]
fn a_daemon_that_can_not_start_says_why_where_it_was_asked_for() {
    let world = World::new();
    std::fs::write(world.home.path().join("config"), "a file in the way").unwrap();
    world.check(&["bg", "start", "--all"], 1, "the daemon could not start");
    assert!(!Path::new(&world.home.path().join("run/daemon.sock")).exists());
}

/// Sends a signal and sees the process end.
#[track_caller]
fn end(pid: rustix::process::Pid, signal: rustix::process::Signal) {
    let process = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
    let limit = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
    let mut wait = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    assert_eq!(rustix::event::poll(&mut wait, Some(&limit)).unwrap(), 1, "it ends within 10 s");
}

#[test]
fn a_second_daemon_names_the_first_and_sigterm_ends_it() {
    let world = World::new();
    let (_, told, _) = world.run(&["daemon", "start"]);
    let pid = world.json(&["daemon", "status"])["pid"].as_i64().unwrap();
    assert_eq!(told, format!("running, process {pid}\n"));
    world.check(&["daemon", "start"], 0, "already running");
    world.check(&["daemon", "run"], 1, &format!("process {pid}"));
    let raw = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    end(raw, rustix::process::Signal::TERM);
    world.check(&["daemon", "status"], 3, "not running");
}

#[test]
fn several_commands_that_start_the_daemon_at_once_find_one() {
    let world = World::new();
    for _ in 0..3 {
        let start = || {
            let mut command = world.command(&["daemon", "start"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let children = [start(), start(), start(), start()];
        let told = children.map(|child| {
            let output = child.wait_with_output().unwrap();
            let err = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{err}");
            String::from_utf8_lossy(&output.stdout).trim_start_matches("already ").to_owned()
        });
        assert!(told.iter().all(|line| *line == told[0]), "{told:?}");
        world.check(&["daemon", "stop"], 0, "stopped");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new();
    let mut command = world.command(&["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_shell_completes_agents_names() {
    let world = World::new();
    let complete = |world: &World| {
        let mut command = world.command(&["--", "ai_onboard", "bg", "status", "proj"]);
        command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3");
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(complete(&world), "", "without a daemon there is nothing to offer");
    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
    let names = complete(&world);
    assert_eq!(names.split_whitespace().collect::<Vec<_>>(), [AGENT, "project-index"]);
}

#[test]
fn what_needs_no_daemon_works_without() {
    let world = World::new();
    assert_eq!(world.json(&["version"])["name"], "ai_onboard");
    world.check(&["--version"], 0, "ai_onboard 0.");
    world.check(&["man"], 0, ".TH ai_onboard");
    world.check(&["completions", "zsh"], 0, "#compdef ai_onboard");
    let preview =
        world.json(&["schedule", "preview", "weekly on friday around 5pm in Europe/Berlin"]);
    assert_eq!(preview["runs"].as_array().unwrap().len(), 5);
    assert_eq!(preview["zone"], "Europe/Berlin");
    let (_, out, _) = world.run(&["doctor", "--json"]);
    let doctor: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(doctor["layers"].as_array().unwrap().len(), 18);
}

/// Whoever sees a finding can read about its rule, without a daemon.
#[test]
fn every_rule_can_be_read_about() {
    let world = World::new();
    world.check(&["explain"], 0, "quality/hotspot: which function to split first");
    world.check(&["explain", "quality/hotspot"], 0, "cognitive complexity of 25 or more");
    world.check(&["explain", "code-quality-optimizer"], 0, "quality/trend");
    world.check(&["explain", "quality/hotspto"], 2, "did you mean `quality/hotspot`?");
    let pages = world.json(&["explain", "check"]);
    assert_eq!(pages["items"][0]["id"], "change/complexity");
    assert!(pages["items"][0]["example"].as_str().is_some_and(|text| text.contains("→")));
    world.check(&["man", "code-quality-optimizer"], 0, ".TH ai_onboard-code-quality-optimizer 7");
    world.check(&["man", "nobody"], 2, "there is no page of `nobody`");
    let folder = world.project.path().join("pages");
    world.check(&["man", "--folder", folder.to_str().unwrap()], 0, "");
    assert!(folder.join("ai_onboard-check.7").is_file() && folder.join("ai_onboard.1").is_file());
}
