//! Projects as they come: with agents of their own, as linked work trees, as submodules, with a
//! policy.

use super::{AGENT, SLEEPER, World};
use std::path::Path;
use std::process::Command;

/// Runs git as nobody in particular.
pub fn git(folder: &Path, words: &[&str]) {
    #[allow(clippy::disallowed_methods, reason = "makes the repository that is looked at")]
    let mut command = Command::new("git");
    let person = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"];
    let settings = ["-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false"];
    command.args(person).args(settings).args(words).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with two commits, readable by the agents' user.
fn repository(folder: &Path) {
    git(folder, &["init", "-q", "-b", "main"]);
    for text in ["one", "two"] {
        std::fs::write(folder.join("file.txt"), text).unwrap();
        git(folder, &["add", "."]);
        git(folder, &["commit", "-q", "-m", text]);
    }
}

#[test]
fn all_leaves_out_what_came_with_the_repository_until_it_is_started_by_name() {
    let world = World::new();
    let agents = world.project.path().join(".ai_onboard/agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::write(agents.join("sleeper.yaml"), SLEEPER).unwrap();
    let (code, out, err) = world.run(&["bg", "start", "--all", "--wait"]);
    assert_eq!(code, 0, "{out}{err}");
    for says in
        ["not started", "background-agents config sleeper", "background-agents start sleeper"]
    {
        assert!(err.contains(says), "{says}: {err}");
    }
    assert!(err.contains(&format!("{AGENT} started")) && !err.contains("sleeper started"), "{err}");
    let row = |world: &World| {
        let items = world.json(&["bg", "list"])["items"].clone();
        items.as_array().unwrap().iter().find(|row| row["name"] == "sleeper").cloned().unwrap()
    };
    assert_eq!(row(&world)["state"], "stopped");
    assert_eq!(row(&world)["awaits_first_start"], true);
    let (_, _, err) = world.run(&["bg", "restart", "--all"]);
    assert!(err.contains("not started") && row(&world)["state"] == "stopped", "{err}");
    world.check(&["bg", "start", "sleeper", "--detach"], 0, "sleeper started");
    assert_eq!(row(&world)["awaits_first_start"], false);
    world.check(&["bg", "run", "sleeper"], 0, "r");
    world.check(&["bg", "stop", "sleeper"], 0, "its run is proven gone");
    assert_eq!(row(&world)["awaits_first_start"], false);
    world.check(&["bg", "start", "--all", "--detach"], 0, "sleeper started");
}

#[test]
fn a_linked_work_tree_and_a_submodule_are_read() {
    let world = World::new();
    let top = world.project.path();
    let main = top.join("main");
    let library = top.join("library");
    for folder in [&main, &library] {
        std::fs::create_dir(folder).unwrap();
        repository(folder);
    }
    git(&main, &["worktree", "add", "-q", "../side"]);
    git(&main, &["submodule", "add", "-q", library.to_str().unwrap(), "inner"]);
    for project in [top.join("side"), main.join("inner")] {
        let project = project.to_str().unwrap();
        let started = world.json(&["bg", "start", "--all", "--wait", "--project", project]);
        let runs = started["runs"].as_array().unwrap();
        let summary = |agent: &str| {
            runs.iter().find(|run| run["agent"] == agent).unwrap()["summary"].as_str().unwrap()
        };
        assert!(summary("project-index").contains("2 commits"), "{project}: {started}");
        // It sees no machine but by its host.
        let machine = summary("performance-monitor");
        assert!(machine.contains("first look at the machine"), "{project}: {started}");
        let findings = started["findings"].as_array().unwrap();
        let broken = |finding: &&serde_json::Value| {
            finding["rule"].as_str().is_some_and(|rule| rule.contains("repository"))
        };
        assert_eq!(findings.iter().find(broken), None, "{project}");
    }
}

#[test]
fn status_says_what_holds_an_agent_and_what_is_wrong_with_its_policy() {
    let world = World::new();
    let file = world.project.path().join(".ai_onboard/policy.yaml");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let policy = |memory: &str| {
        let text =
            format!("background_agent_safety:\n  resource_limits:\n    max_memory_mb: {memory}\n");
        std::fs::write(&file, text).unwrap();
    };
    policy("64");
    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
    world.check(&["bg", "status", AGENT], 0, "memory 64 MB");
    world.check(&["bg", "status", AGENT], 0, "of 18 layers enforced");
    world.check(
        &["bg", "config", AGENT, "--show-origin"],
        0,
        "limits.memory_mb: 64  # policy: the project (",
    );
    world.check(&["bg", "config", AGENT, "--show-origin"], 0, "policy.yaml:3:20");
    policy("lots");
    for words in [&["bg", "status", AGENT][..], &["daemon", "status"], &["doctor"]] {
        let (_, out, err) = world.run(words);
        assert!(out.contains("policy.yaml:3:20"), "{words:?}: {out}{err}");
    }
    let safety = world.json(&["bg", "status", AGENT])["safety"].clone();
    assert_eq!(safety["limits"]["memory_mb"], 64, "the last sound one holds: {safety}");
    assert_eq!(safety["layers"].as_array().unwrap().len(), 18);
}

/// A repository with one thing to say: a milestone that is long overdue.
fn overdue(world: &World) {
    let plan = world.project.path().join(".ai_onboard");
    std::fs::create_dir(&plan).unwrap();
    let milestone =
        "version: 1\nmilestones:\n  - id: first\n    title: First\n    due: 2020-01-01\n";
    std::fs::write(plan.join("plan.yaml"), milestone).unwrap();
    repository(world.project.path());
    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
}

#[test]
fn what_is_snoozed_or_accepted_is_listed_when_asked_for() {
    let world = World::new();
    overdue(&world);
    let listed = |more: &[&str]| {
        let (_, ids, _) = world.run(&[&["recommendations", "list", "-q"], more].concat());
        ids.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let id = listed(&[]).remove(0);
    let all = listed(&["--all"]);
    let recommendations = |words: &[&str], code, told| {
        world.check(&[&["recommendations"], words].concat(), code, told);
    };
    recommendations(&["snooze", &id, "--for", "1m"], 1, "an hour to 366 days");
    recommendations(&["snooze", &id, "--for", "2d"], 0, "not shown for 2d");
    assert!(!listed(&[]).contains(&id));
    assert!(listed(&["--all"]).contains(&id));
    recommendations(&["show", &id], 0, "not shown before 20");
    let left_out = || world.run(&["recommendations", "list"]).2;
    assert!(left_out().contains("1 snoozed: ai_onboard recommendations"), "{}", left_out());
    recommendations(&["accept", &id], 0, "accepted");
    assert!(left_out().contains("1 accepted: ai_onboard recommendations"), "{}", left_out());
    assert!(!listed(&[]).contains(&id));
    assert_eq!(listed(&["--all"]).len(), all.len());
    recommendations(&["show", &id], 0, "1 accepted, 0 went away, 0 dismissed");
    let rule = world.json(&["recommendations", "show", &id])["rule"].clone();
    world.check(&["bg", "metrics"], 0, rule.as_str().unwrap());
    let metrics = world.json(&["bg", "metrics", "--agent", AGENT]);
    assert_eq!(metrics["items"][0]["rules"][0]["accepted"], 1, "{metrics}");
    recommendations(&["unmute", rule.as_str().unwrap()], 0, "is judged anew");
    recommendations(&["show", &id], 0, "0 told, nobody has answered yet");
    // A muted rule may have no finding left: what was dismissed is not among them.
    recommendations(&["dismiss", &id, "--reason", "as meant"], 0, "dismissed");
    recommendations(&["unmute", rule.as_str().unwrap()], 0, "is judged anew");
    recommendations(&["unmute", "no/rule"], 1, "no agent here told of a rule");
    let log = world.json(&["audit", "log"]).to_string();
    assert!(log.contains("snooze_finding") && log.contains("forget_rule"), "{log}");
}

#[test]
fn what_was_dismissed_is_gone_from_the_next_list() {
    let world = World::new();
    overdue(&world);
    let (_, ids, _) = world.run(&["recommendations", "list", "-q"]);
    assert!(!ids.is_empty());
    for id in ids.lines() {
        world.check(&["recommendations", "dismiss", id], 2, "--reason <TEXT>");
        world.check(&["recommendations", "dismiss", id, "--reason", "known"], 0, "dismissed");
        let (_, left, _) = world.run(&["recommendations", "list", "-q"]);
        assert!(!left.lines().any(|left| left == id), "{left}");
    }
}
