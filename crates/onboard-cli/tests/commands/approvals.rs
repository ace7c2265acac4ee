//! Approvals with the real binary: a run asks, gives its place back, and goes on with the answer.

use super::World;

/// It counts what it did in a checkpoint, and tries to say yes to itself.
const AGENT: &str = r#"#!/bin/sh
ai_onboard approvals approve v0 && echo "approved it myself"
ai_onboard host request-approval release.publish 'publish 1.2.0' --reason 'it is tested' || {
  echo "answer $?"
  exit 1
}
echo "published 1.2.0"
"#;

const MANIFEST: &str = "name: releaser\ndescription: a trial\nschedule: manual\n\
                        program: [sh, ./release.sh]\nretry: { attempts: 0 }\n";

fn with_releaser() -> World {
    let world = World::new();
    let agent = world.project.path().join(".ai_onboard/agents/releaser");
    std::fs::create_dir_all(&agent).unwrap();
    std::fs::write(agent.join("agent.yaml"), MANIFEST).unwrap();
    std::fs::write(agent.join("release.sh"), AGENT).unwrap();
    world
}

fn kill_daemon(world: &World) {
    let pid = world.json(&["daemon", "status"])["pid"].as_i64().unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Waits until no run of the agent is queued or running.
fn at_rest(world: &World) {
    world.run(&["bg", "status", "releaser", "--wait", "--timeout", "60s"]);
}

fn log(world: &World) -> String {
    world.run(&["bg", "logs", "releaser", "--tail", "all"]).1
}

#[test]
fn a_run_that_asks_waits_through_the_daemon_s_death_and_acts_once() {
    let world = with_releaser();
    world.check(&["bg", "start", "releaser", "--detach"], 0, "releaser started");
    world.check(&["council", "log"], 0, "User Representative");
    world.check(&["bg", "run", "releaser", "--wait"], 8, "");
    let shown = world.json(&["approvals", "show", "v1"]);
    assert_eq!(shown["status"], "open", "{shown}");
    assert_eq!(shown["subject"]["act"]["what"], "publish 1.2.0");
    world.check(&["approvals", "list"], 0, "release.publish: publish 1.2.0");
    world.check(&["bg", "status", "--all"], 0, "1 waiting");
    assert!(!log(&world).contains("published"), "{}", log(&world));
    assert!(!log(&world).contains("approved it myself"), "{}", log(&world));
    assert_eq!(world.json(&["daemon", "status"])["active_runs"], 0);

    kill_daemon(&world);
    world.check(&["daemon", "start"], 0, "");
    let digest = shown["digest"].as_str().unwrap();
    world.check(&["approvals", "approve", "v1", "--hash", "00"], 1, "show it again");
    world.check(&["approvals", "approve", &digest[..8], "--reason", "go"], 0, "v1 approved");
    at_rest(&world);
    assert_eq!(log(&world).matches("published 1.2.0").count(), 1, "{}", log(&world));
    let shown = world.json(&["approvals", "show", "v1"]);
    assert_eq!(shown["status"], "executed", "{shown}");

    // Used once: asked again it is another matter.
    world.check(&["bg", "run", "releaser", "--wait"], 8, "");
    world.check(&["approvals", "reject", "v2", "--reason", "not on a friday"], 0, "v2 rejected");
    at_rest(&world);
    assert_eq!(log(&world).matches("published 1.2.0").count(), 1, "{}", log(&world));
    assert!(log(&world).contains("not on a friday"), "{}", log(&world));
    assert_eq!(world.json(&["audit", "verify"])["is_whole"], true);
}

#[test]
fn a_program_that_changed_since_does_not_run() {
    let world = with_releaser();
    let script = world.project.path().join(".ai_onboard/agents/releaser/release.sh");
    world.check(&["bg", "start", "releaser", "--detach"], 0, "releaser started");
    world.check(&["bg", "run", "releaser", "--wait"], 8, "");
    std::fs::write(&script, "#!/bin/sh\necho something else\n").unwrap();
    world.check(&["approvals", "approve", "v1"], 0, "v1 approved");
    at_rest(&world);
    assert!(!log(&world).contains("something else"), "{}", log(&world));
    world.check(&["bg", "run", "releaser", "--wait"], 5, "changed since people let it run");
    // Named once more, it is another agent.
    world.check(&["bg", "start", "releaser", "--detach"], 0, "releaser started");
    world.check(&["approvals", "list", "--all"], 0, "withdrawn");
    world.check(&["bg", "run", "releaser", "--wait"], 0, "");
}

#[test]
fn where_two_have_to_agree_the_first_waits() {
    let world = with_releaser();
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    let council = config.join("council.yaml");
    let text = "council:\n  seats:\n    system_administrator: [nobody-here]\n  decisions:\n    deploy_agent: { quorum: 2 }\n";
    std::fs::write(&council, text).unwrap();
    world.check(&["bg", "start", "releaser"], 8, "System Administrator (nobody-here)");
    world.check(&["council", "status"], 0, "nobody-here");
    world.check(&["approvals", "approve", "v0"], 8, "has your vote and waits");
    assert_eq!(world.json(&["bg", "list"])["items"][1]["state"], "stopped");
    std::fs::write(&council, "council:\n  seets: {}\n").unwrap();
    world.check(&["approvals", "approve", "v0"], 5, "council.yaml:2:3");
    std::fs::remove_file(&council).unwrap();
    world.check(&["approvals", "approve", "v0"], 0, "v0 approved");
}
