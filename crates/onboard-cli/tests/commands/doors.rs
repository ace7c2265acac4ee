//! What a careless person types and writes: each is answered with the place and what would be
//! right, and the documented exit code.

use super::{AGENT, SLEEPER, World};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

/// A world whose daemon knows its project.
fn known() -> World {
    let world = World::new();
    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
    world
}

#[test]
fn wrong_words() {
    let world = known();
    let cases: [(&[&str], i32, &str); 26] = [
        (&[], 2, "Usage"),
        (&["bg", "start"], 2, "<NAME>"),
        (&["bg", "start", "--all", AGENT], 2, "cannot be used with"),
        (&["bg", "start", "nope"], 4, "it has code-quality-optimizer, "),
        (&["bg", "start", "--all", "--timeout", "5parsecs"], 2, "no unit of time"),
        (&["bg", "start", "--all", "--wait", "--detach"], 2, "cannot be used with"),
        (&["bg", "run", "a", "b"], 2, "unexpected argument 'b'"),
        (&["bg", "stop", "nope"], 4, "nope"),
        (&["bg", "pause", ""], 4, "no agent ``"),
        (&["bg", "logs", AGENT, "--tail", "few"], 2, "neither a number nor `all`"),
        (&["bg", "logs", AGENT, "--level", "loud"], 2, "debug, info, warn, error"),
        (&["bg", "logs", AGENT, "--since", "yesterday"], 2, "a duration such as 1h"),
        (&["bg", "logs", AGENT, "--until", "never"], 2, "--until never"),
        (&["bg", "logs", AGENT, "--run", "first"], 2, "such as `r12`"),
        (&["bg", "logs", AGENT, "--previous", "--run", "r0"], 2, "cannot be used with"),
        (&["bg", "report", "--period", "0d"], 2, "no time at all"),
        (&["bg", "report", "--period", "2026-11-07..2026-11-01"], 2, "ends before it begins"),
        (&["bg", "report", "--output", "/dev/null/report.md"], 1, "/dev/null/report.md"),
        (&["bg", "config", AGENT, "--schedule", ""], 1, "expected a schedule"),
        (&["bg", "config", AGENT, "--dry-run"], 2, "--schedule"),
        (&["schedule", "preview", "weekly on fryday"], 1, "did you mean `weekly on friday`?"),
        (&["schedule", "preview", "daily", "--count", "0"], 2, "from 1 to 1000"),
        (&["completions", "tcsh"], 2, "possible values"),
        (&["agent", AGENT], 1, "the daemon starts those"),
        (&["host", "get_task"], 2, "known: `task`"),
        (&["man", "--folder", "/dev/null/pages"], 1, "/dev/null/pages"),
    ];
    for (words, code, says) in cases {
        world.check(words, code, says);
    }
    world.check(&["bg", "status", &"x".repeat(5_000)], 4, "this project has no agent");
}

#[test]
fn wrong_files() {
    let world = known();
    let folder = world.project.path().join(".ai_onboard");
    std::fs::create_dir_all(folder.join("agents")).unwrap();
    let cases: [(&str, &[u8], &str); 9] = [
        ("config.yaml", b"agents: [1", "config.yaml:1:9: not YAML"),
        ("config.yaml", b"agents:\n  nope:\n    zone: UTC\n", "there is no agent `nope` here"),
        (
            "config.yaml",
            b"agents:\n  project-health-monitor:\n    schedule: dayly\n",
            "config.yaml:3:15",
        ),
        ("config.yaml", b"\xff\xfe", "config.yaml: invalid utf-8"),
        ("agents/a.yaml", b"name: a\n", "a.yaml:1:1: `schedule` is missing"),
        ("agents/a.yaml", b"name: UP\nschedule: daily\n", "a-z, 0-9"),
        (
            "agents/a.yaml",
            b"name: a\nprogram: ./gone\nschedule: daily\n",
            "a.yaml:2:10: the program's file `./gone`",
        ),
        (
            "agents/a.yaml",
            b"name: project-health-monitor\nprogram: ./a.yaml\nschedule: daily\n",
            "is the name of a built-in agent",
        ),
        (
            "agents/a.yaml",
            b"name: a\nprogram: ./a.yaml\nschedule: daily\nlimits:\n  memory_mb: 9999\n",
            "a.yaml:5:14",
        ),
    ];
    for (file, text, says) in cases {
        std::fs::write(folder.join(file), text).unwrap();
        world.check(&["bg", "start", "--all"], 1, says);
        std::fs::remove_file(folder.join(file)).unwrap();
        world.check(&["bg", "status", AGENT], 0, AGENT);
    }
    std::fs::create_dir(folder.join("config.yaml")).unwrap();
    world.check(&["bg", "start", "--all"], 1, "config.yaml: not a plain file");
}

#[test]
fn odd_projects() {
    let world = known();
    let top = world.project.path();
    let odd = top.join("two words\nand a line");
    std::fs::create_dir_all(odd.join(".ai_onboard")).unwrap();
    let odd = odd.to_str().unwrap();
    world.check(&["bg", "start", "--all", "--wait", "--project", odd], 0, "✓");
    world.check(&["bg", "config", AGENT, "--schedule", "daily", "--project", odd], 0, "+ schedule");
    // One that was deleted is stopped by its path.
    std::fs::remove_dir_all(odd).unwrap();
    world.check(&["bg", "start", "--all", "--project", odd], 1, "can't look at");
    world.check(&["bg", "stop", AGENT, "--project", odd], 0, "stopped");
    world.check(&["bg", "list", "--project", "/no/such/folder"], 1, "/no/such/folder");
    world.check(&["bg", "list", "--project", "/etc/passwd"], 2, "/etc/passwd is not a folder");

    let name = OsStr::from_bytes(b"b\xffd");
    std::fs::create_dir(top.join(name)).unwrap();
    let mut command = world.command(&["bg", "start", "--all"]);
    let output = command.current_dir(top.join(name)).env("LANG", "C").output().unwrap();
    // The nearest marked folder is the project; without a mark it is this one.
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && err.contains("is not UTF-8"), "{err}");
}

type Variables = &'static [(&'static str, &'static str)];

#[test]
fn odd_homes() {
    let world = World::new();
    let cases: [(Variables, &[&str], i32, &str); 4] = [
        (&[], &["bg", "list"], 1, "HOME is not set"),
        (&[("HOME", "relative")], &["bg", "list"], 1, "HOME is not set to an absolute path"),
        (&[("AI_ONBOARD_HOME", "/dev/null")], &["bg", "list"], 7, "/dev/null/run/daemon.sock"),
        (&[("AI_ONBOARD_HOME", "/proc/none")], &["daemon", "start"], 1, "/proc/none/state"),
    ];
    for (environment, words, code, says) in cases {
        let mut command = world.command(words);
        command.env_remove("AI_ONBOARD_HOME").envs(environment.iter().copied());
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && err.contains(says), "{words:?}: {err}");
    }
}

/// A run that is waited for by a child of the test, once it has its process.
fn waiting(world: &World) -> std::process::Child {
    let agents = world.project.path().join(".ai_onboard/agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::write(agents.join("sleeper.yaml"), SLEEPER).unwrap();
    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
    let mut command = world.command(&["bg", "run", "sleeper", "--wait"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..2_000 {
        let items = world.json(&["bg", "list"])["items"].clone();
        let row = items.as_array().unwrap().iter().find(|row| row["name"] == "sleeper");
        if row.unwrap()["live"]["pid"].is_number() {
            return child;
        }
    }
    child.kill().and_then(|()| child.wait()).unwrap();
    panic!("the run never had its process");
}

#[test]
fn a_daemon_that_is_killed_during_a_wait_is_missed_at_once() {
    let world = World::new();
    let child = waiting(&world);
    let pid = world.json(&["daemon", "status"])["pid"].as_i64().unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(7) && err.contains("daemon status"), "{err}");
}

#[test]
fn an_interrupt_ends_the_wait_and_not_the_run() {
    let world = World::new();
    let child = waiting(&world);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    // A shell calls it 130.
    assert_eq!(output.status.signal(), Some(2));
    assert_eq!(world.json(&["daemon", "status"])["active_runs"], 1);
}

#[test]
fn a_full_disk_below_the_output_is_said() {
    let world = World::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = world.command(&["completions", "bash"]).stdout(full).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && err.contains("can't write the output"), "{err}");
}
