//! Approvals with the real binary: a run asks, gives its place back, and goes on with the answer.

use super::World;
use super::projects::git;

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
    log_of(world, "releaser")
}

fn log_of(world: &World, agent: &str) -> String {
    world.run(&["bg", "logs", agent, "--tail", "all"]).1
}

/// Starts an agent and runs it once.
fn start_and_run(world: &World, agent: &str, code: i32) {
    world.check(&["bg", "start", agent, "--detach"], 0, "started");
    world.check(&["bg", "run", agent, "--wait"], code, agent);
}

#[test]
fn a_run_that_asks_waits_through_the_daemon_s_death_and_acts_once() {
    let world = with_releaser();
    world.check(&["bg", "start", "releaser", "--detach"], 0, "releaser started");
    world.check(&["council", "log"], 0, "User Representative");
    world.check(&["bg", "run", "releaser", "--wait"], 8, "ai_onboard approvals list shows");
    // What waits, who asks, what follows from each answer and from none, and how to give it.
    for says in [
        "releaser asks for release.publish:\n    publish 1.2.0\n  why: it is tested",
        "asked by releaser in r0",
        "waits until",
        "yes        a run of releaser goes on and is told so, once, within a day",
        "no         a run of releaser goes on and is told so with your reason",
        "no answer  a run of releaser goes on and is told that nobody answered",
        "ai_onboard approvals approve v1",
        "ai_onboard approvals reject v1 --reason TEXT",
    ] {
        world.check(&["approvals", "show", "v1"], 0, says);
    }
    world.check(&["approvals", "list"], 0, "Next\n  ai_onboard approvals show v1");
    world.check(&["bg", "status", "releaser"], 0, "to wait for v1: ai_onboard approvals show v1");
    let shown = world.json(&["approvals", "show", "v1"]);
    let silence = shown["follows"]["silence"].as_str().unwrap();
    assert!(silence.contains("nobody answered"), "{shown}");
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
    world.check(
        &["approvals", "approve", &digest[..8], "--reason", "go"],
        0,
        "goes on and is told so",
    );
    at_rest(&world);
    assert_eq!(log(&world).matches("published 1.2.0").count(), 1, "{}", log(&world));
    let shown = world.json(&["approvals", "show", "v1"]);
    assert_eq!(shown["status"], "executed", "{shown}");

    // Used once: asked again it is another matter.
    world.check(&["bg", "run", "releaser", "--wait"], 8, "");
    world.check(&["approvals", "reject", "v2", "--reason", "not on a friday"], 0, "told so with");
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
    let listed = world.json(&["bg", "list"]);
    let agents = listed["items"].as_array().unwrap();
    let releaser = agents.iter().find(|agent| agent["name"] == "releaser").unwrap();
    assert_eq!(releaser["state"], "stopped");
    std::fs::write(&council, "council:\n  seets: {}\n").unwrap();
    world.check(&["approvals", "approve", "v0"], 5, "council.yaml:2:3");
    std::fs::remove_file(&council).unwrap();
    world.check(&["approvals", "approve", "v0"], 0, "v0 approved");
}

/// An agent of the project that is one shell script, let run by its user.
fn with_script(name: &str, manifest: &str, script: &str) -> World {
    let world = World::new();
    let agent = world.project.path().join(".ai_onboard/agents").join(name);
    std::fs::create_dir_all(&agent).unwrap();
    let manifest = format!(
        "name: {name}\ndescription: a trial\nschedule: manual\nprogram: [sh, ./agent.sh]\n{manifest}"
    );
    std::fs::write(agent.join("agent.yaml"), manifest).unwrap();
    std::fs::write(agent.join("agent.sh"), script).unwrap();
    world
}

fn write_council(world: &World, text: &str) {
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("council.yaml"), text).unwrap();
}

/// The ids of approvals in a state, oldest first.
fn ids(world: &World, kind: &str, status: &str) -> Vec<String> {
    let listed = world.json(&["approvals", "list", "--all", "--all-projects"]);
    let rows = listed["items"].as_array().unwrap().iter();
    let mut ids: Vec<String> = rows
        .filter(|row| row["kind"] == kind && row["status"] == status)
        .map(|row| row["id"].as_str().unwrap().to_string())
        .collect();
    ids.sort_by_key(|id| id[1..].parse::<u64>().unwrap());
    ids
}

/// Waits until an approval is in a state that none was in before.
fn until(world: &World, status: &str, more_than: usize) -> String {
    for _ in 0..2_000 {
        let mut found = ids(world, "agent_action", status);
        if found.len() > more_than {
            return found.remove(found.len() - 1);
        }
    }
    panic!("nothing became {status}: {}", world.json(&["approvals", "list", "--all"]));
}

#[test]
fn a_changed_policy_is_held_back_until_people_agree() {
    let world = with_script("reader", "", "cat notes.txt || echo 'no notes'\n");
    std::fs::write(world.project.path().join("notes.txt"), "we meet at noon\n").unwrap();
    write_council(&world, "council:\n  decisions:\n    change_policy: { quorum: 1 }\n");
    start_and_run(&world, "reader", 0);
    let reads = |world: &World| {
        let before = log_of(world, "reader").matches("we meet at noon").count();
        world.check(&["bg", "run", "reader", "--wait"], 0, "reader");
        log_of(world, "reader").matches("we meet at noon").count() > before
    };
    assert!(reads(&world), "{}", log_of(&world, "reader"));
    let policy = world.project.path().join(".ai_onboard/policy.yaml");
    let text = "background_agent_safety:\n  action_restrictions:\n    file_system:\n      \
                forbidden_paths: [notes.txt]\n";
    std::fs::write(&policy, text).unwrap();
    assert!(reads(&world), "the one before stays in force");
    let waiting = ids(&world, "change_policy", "open");
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    let says = format!("{} waits, and until people agree", waiting[0]);
    world.check(&["policy", "show"], 0, &says);
    world.check(&["policy", "explain", "reader"], 0, &says);
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().to_str().unwrap();
    let (code, _, told) = world.run(&["policy", "show", "--project", folder]);
    assert!(code == 0 && !told.contains("waits"), "it is no word on another folder: {told}");
    assert!(reads(&world), "it stays so");
    assert_eq!(ids(&world, "change_policy", "open"), waiting, "it is asked for once");
    world.check(&["approvals", "approve", &waiting[0], "--reason", "seen"], 0, "approved");
    assert!(!reads(&world), "the changed one is in force");
    assert_eq!(ids(&world, "change_policy", "executed"), waiting);
}

#[test]
fn a_daemon_that_starts_under_a_policy_that_waits_keeps_to_the_agreed_one() {
    let world = with_script("reader", "", "cat notes.txt || echo 'no notes'\n");
    std::fs::write(world.project.path().join("notes.txt"), "we meet at noon\n").unwrap();
    write_council(&world, "council:\n  decisions:\n    change_policy: { quorum: 1 }\n");
    start_and_run(&world, "reader", 0);
    let text = "background_agent_safety:\n  action_restrictions:\n    file_system:\n      \
                forbidden_paths: [notes.txt]\n";
    let read = || log_of(&world, "reader").matches("we meet at noon").count();
    assert_eq!(read(), 1);
    kill_daemon(&world);
    std::fs::write(world.project.path().join(".ai_onboard/policy.yaml"), text).unwrap();
    world.check(&["daemon", "start"], 0, "");
    world.check(&["bg", "run", "reader", "--wait"], 0, "succeeded");
    assert_eq!(read(), 2, "the agreed one is in force");
    // Where its text is gone, nothing is made up: nothing runs.
    kill_daemon(&world);
    let kept = find(world.home.path(), "policies").expect("where it is kept");
    std::fs::remove_dir_all(kept).unwrap();
    world.check(&["daemon", "start"], 0, "");
    world.check(&["bg", "run", "reader", "--wait"], 5, "the council has not agreed");
    let waiting = ids(&world, "change_policy", "open");
    world.check(&["approvals", "approve", &waiting[0]], 0, "approved");
    world.check(&["bg", "run", "reader", "--wait"], 0, "");
    assert_eq!(read(), 2, "the changed one is in force");
}

/// A folder of this name at or below another.
fn find(folder: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
    let inside = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let folders: Vec<_> = inside.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    let here = folders.iter().find(|path| path.ends_with(name)).cloned();
    here.or_else(|| folders.iter().find_map(|path| find(path, name)))
}

/// It proposes a change of what the project's continuous integration does.
const PROPOSER: &str = "printf '%s' '--- /dev/null
+++ b/.github/workflows/ci.yml
@@ -0,0 +1 @@
+on: push
' | ai_onboard host propose --title 'run ci' --reason 'there is none'
";

#[test]
fn no_branch_with_what_runs_by_itself_before_both_seats_agree() {
    let world = with_script("proposer", "", PROPOSER);
    let project = world.project.path();
    git(project, &["init", "-q", "-b", "main"]);
    git(project, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let branch = project.join(".git/refs/heads/ai-onboard/proposer/c0");
    let council = "council:\n  seats:\n    system_administrator: [nobody-here]\n";
    write_council(&world, council);
    start_and_run(&world, "proposer", 0);
    for _ in 0..2_000 {
        if world.json(&["proposals", "show", "c0"])["proposal"]["status"] != "checking" {
            break;
        }
    }
    world.check(&["proposals", "apply", "c0", "--protected"], 8, "nobody-here");
    let waiting = ids(&world, "apply_protected_proposal", "open");
    world.check(&["approvals", "show", &waiting[0]], 0, ".github/workflows/ci.yml");
    world.check(&["approvals", "approve", &waiting[0]], 8, "has your vote and waits");
    kill_daemon(&world);
    world.check(&["daemon", "start"], 0, "");
    assert_eq!(world.json(&["proposals", "show", "c0"])["proposal"]["status"], "open");
    assert!(!branch.exists(), "written without its votes");
    // Somebody else holds the seat from now on, and says yes.
    write_council(&world, "council:\n  waits: 1d\n");
    world.check(&["approvals", "approve", &waiting[0], "--reason", "seen"], 0, "approved");
    world.check(&["proposals", "apply", "c0", "--protected"], 0, "written as branch");
    assert!(branch.exists(), "voted for and not written");
}

/// It can do nothing without a yes, and calls that a failure.
const IMPATIENT: &str = "\
ai_onboard host request-approval release.publish 'publish 1.2.0' --reason tested --expires 1s || {
  echo \"no yes: $?\"
  exit 1
}
echo 'published 1.2.0'
";

#[test]
fn a_run_that_failed_for_want_of_an_answer_asks_again() {
    let retry = "priority: critical\nretry: { attempts: 1, backoff: 1s, backoff_max: 1s }\n";
    let world = with_script("releaser", retry, IMPATIENT);
    start_and_run(&world, "releaser", 8);
    // Nobody answers: a run is told so, fails, and is tried again; that one asks anew.
    let first = until(&world, "expired", 0);
    let second = until(&world, "open", 0);
    assert_ne!(first, second);
    assert!(log(&world).contains("nobody answered in time; that is no denial"), "{}", log(&world));
    assert!(!log(&world).contains("published"), "{}", log(&world));
    world.check(&["approvals", "approve", &first], 1, "expired and takes no votes");
}

/// Another version each time, and the same kind of action.
const MANY: &str = "ai_onboard host request-approval release.publish \"publish $(cat version)\" \
                    --reason tested --expires 1h && echo published\n";

#[test]
fn several_are_agreed_to_by_name_and_not_by_a_number() {
    let world = with_script("releaser", "", MANY);
    world.check(&["bg", "start", "releaser", "--detach"], 0, "started");
    for version in ["1.2.0", "1.3.0"] {
        std::fs::write(world.project.path().join("version"), version).unwrap();
        world.check(&["bg", "run", "releaser", "--wait"], 8, "waiting for approval");
    }
    let both = ids(&world, "agent_action", "open");
    let [first, second] = both.as_slice() else { panic!("{both:?}") };
    // Nobody is there to read the list, so it is shown, and nothing is done.
    let named = format!("ai_onboard approvals approve {first} {second}");
    world.check(&["approvals", "approve", first, "--all"], 2, &named);
    world.check(&["approvals", "approve", first, "--all"], 2, "publish 1.3.0");
    assert_eq!(ids(&world, "agent_action", "open"), both);
    // On a terminal somebody is there, who is asked below the list.
    let on_terminal = |typed: &str, code: i32, says: &[&str]| {
        let (ended, shown) = world.on_terminal(&["approvals", "approve", first, "--all"], typed);
        assert_eq!(ended, code, "{shown}");
        let places = says.iter().map(|words| shown.find(words).expect(&shown));
        assert!(places.is_sorted(), "{shown}");
    };
    let question = "Say yes to each of these 2? [y/N] ";
    on_terminal("n\n", 1, &["publish 1.2.0", "publish 1.3.0", question, "nothing was changed"]);
    on_terminal("\n", 1, &[question]);
    assert_eq!(ids(&world, "agent_action", "open"), both);
    world.check(&["approvals", "approve", first, second, "--hash", "00"], 2, "--hash is of one");
    // What came since is not among those that are named.
    std::fs::write(world.project.path().join("version"), "1.4.0").unwrap();
    world.check(&["bg", "run", "releaser", "--wait"], 8, "waiting for approval");
    world.check(&["approvals", "approve", first, second, first], 0, &format!("{second} approved"));
    at_rest(&world);
    let third = ids(&world, "agent_action", "open").remove(0);
    std::fs::write(world.project.path().join("version"), "1.5.0").unwrap();
    world.check(&["bg", "run", "releaser", "--wait"], 8, "waiting for approval");
    let (code, shown) = world.on_terminal(&["approvals", "approve", &third, "--all"], "y\n");
    assert!(code == 0 && shown.contains(&format!("{third} approved")), "{code}: {shown}");
    assert_eq!(ids(&world, "agent_action", "open"), Vec::<String>::new());
}
