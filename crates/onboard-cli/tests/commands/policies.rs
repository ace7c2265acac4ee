//! Policy files at the command line, without a daemon.

use super::World;
use std::fs;
use std::path::PathBuf;

/// The project's policy file with this text.
fn write(world: &World, text: &str) -> PathBuf {
    let folder = world.project.path().join(".ai_onboard");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("policy.yaml");
    fs::write(&file, text).unwrap();
    file
}

fn limit(memory: &str) -> String {
    format!("background_agent_safety:\n  resource_limits:\n    max_memory_mb: {memory}\n")
}

const DOMAINS: &str = "\
background_agent_safety:
  action_restrictions:
    network:
      allowed_domains: [example.org]
";

#[test]
fn a_file_is_checked_before_it_is_used() {
    let world = World::new();
    let cases: [(&str, i32, &str); 5] = [
        (&limit("64"), 0, "the policy of the project\n  resource_limits.max_memory_mb: 64"),
        (&limit("lots"), 1, "draft.yaml:3:20"),
        (&limit("1024"), 1, "512 is set by the defaults"),
        ("background_agent_safety:\n  limits: {}\n", 1, "draft.yaml:2:3"),
        (DOMAINS, 1, "the project may only leave hosts out"),
    ];
    for (text, code, says) in cases {
        fs::write(world.project.path().join("draft.yaml"), text).unwrap();
        world.check(&["policy", "check", "draft.yaml"], code, says);
    }
    fs::write(world.project.path().join("draft.yaml"), limit("1024")).unwrap();
    let above = ["policy", "check", "draft.yaml", "--authority", "user"];
    world.check(&above, 0, "the policy of the user\n  resource_limits.max_memory_mb: 1024");
    fs::write(world.project.path().join("draft.yaml"), DOMAINS).unwrap();
    let user = ["policy", "check", "draft.yaml", "--authority", "user"];
    world.check(&user, 0, "allowed_domains: example.org");
    assert_eq!(world.json(&user)["authority"], "the user");
    world.check(&["policy", "show"], 0, "resource_limits.max_memory_mb: 512");
}

#[test]
fn what_is_no_file_is_not_sound() {
    let world = World::new();
    world.check(&["policy", "check", "none.yaml"], 1, "none.yaml: there is no such file");
    world.check(&["policy", "check", "."], 1, "not a plain file");
    std::os::unix::fs::symlink("/dev/zero", world.project.path().join("zero.yaml")).unwrap();
    world.check(&["policy", "check", "zero.yaml"], 1, "not a plain file");
}

#[test]
fn each_value_says_where_it_comes_from() {
    let world = World::new();
    let file = write(&world, &limit("64"));
    world.check(&["policy", "show", "--show-origin"], 0, "policy.yaml:3:20)");
    let shown = world.json(&["policy", "show"]);
    let memory = shown["items"].as_array().unwrap().iter();
    let memory = memory.filter(|item| item["key"] == "resource_limits.max_memory_mb");
    let values: Vec<_> = memory.map(|item| item["value"].clone()).collect();
    assert_eq!(values, ["64"]);
    fs::write(&file, limit("lots")).unwrap();
    world.check(&["policy", "show"], 1, "policy.yaml:3:20");
}

#[test]
fn the_schema_is_json_of_every_section() {
    let world = World::new();
    let (code, out, err) = world.run(&["schema", "policy"]);
    assert_eq!(code, 0, "{err}");
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    let safety = &schema["properties"]["background_agent_safety"]["properties"];
    for section in ["resource_limits", "action_restrictions", "escalation_triggers", "escalation"] {
        assert!(safety[section].is_object(), "{section}: {safety}");
    }
}

/// An agent of the project that only may be asked about.
fn asker(world: &World) {
    let folder = world.project.path().join(".ai_onboard/agents/asker");
    fs::create_dir_all(&folder).unwrap();
    let manifest = "name: asker\ndescription: is asked about\nschedule: manual\nprogram: [sh, -c, exit]\nlimits: { pids: 9, file_size_mb: 3 }\n";
    fs::write(folder.join("agent.yaml"), manifest).unwrap();
    fs::write(world.project.path().join("readme"), "read me").unwrap();
    fs::write(world.project.path().join(".env"), "secret").unwrap();
}

#[test]
fn an_agent_is_asked_about() {
    let world = World::new();
    asker(&world);
    let attempt = |words: &[&'static str], code: i32, says: &str| {
        world.check(&[&["policy", "try", "asker"], words].concat(), code, says);
    };
    attempt(&["--read", "readme"], 0, "asker may read readme: allowed");
    attempt(&["--read", "nothing"], 0, "allowed, but nothing is there");
    attempt(&["--read", ".env"], 5, "asker may not read .env: denied by forbidden_path");
    attempt(&["--read", ".env"], 5, "origin the defaults (default-policy.yaml:");
    attempt(&["--write", "readme"], 5, "denied by read_only_path");
    attempt(&["--write", ".git/config"], 5, "nor may it propose this as a patch");
    attempt(&["--exec", "sh", "-c", "true"], 0, "asker may start sh -c true: allowed");
    // The words as they were given: `true` is no program of a path with a space in it.
    attempt(&["--exec", "sh true"], 0, "nothing is there");
    attempt(&["--connect", "example.org:443"], 5, "it has no network");
    attempt(&["--connect", "example.org"], 2, "names no port");
    attempt(&["--read", "a", "--write", "b"], 2, "cannot be used with");
    world.check(&["policy", "try", "askr", "--read", "x"], 4, "did you mean `asker`?");
    let (code, out, _) = world.run(&["policy", "try", "asker", "--read", ".env", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &answer["allowed"], &answer["rule"]),
        (5, &false.into(), &"forbidden_path".into())
    );
    write(&world, &limit("lots"));
    attempt(&["--read", "readme"], 5, "policy.yaml:3:20");
    world.check(&["policy", "explain", "asker"], 5, "policy.yaml:3:20");
}

#[test]
fn what_an_agent_may_is_said_in_words() {
    let world = World::new();
    asker(&world);
    write(&world, &limit("64"));
    let explained = world.json(&["policy", "explain", "asker"]);
    let items = explained["items"].as_array().unwrap();
    let of = |says: &str| {
        let item = items.iter().find(|item| item["says"].as_str().unwrap().contains(says));
        item.unwrap_or_else(|| panic!("{says}: not in {items:#?}"))["origin"].to_string()
    };
    assert!(of("not .env").contains("default-policy.yaml"));
    assert!(of("64 MB of memory").contains(".ai_onboard/policy.yaml:3:20"));
    assert!(of("9 processes").contains("agent.yaml:5:"));
    assert!(of("at most 3 MB").contains("agent.yaml:5:"));
    assert!(of("64 MB in memory").contains("null"));
    assert!(of("nothing from its own /tmp").contains("null"));
    assert!(of("128 MB: checkpoints").contains("default-policy.yaml"));
    assert!(of("no host").contains("default-policy.yaml"));
    assert!(of("an incident").contains("default-policy.yaml"));
    world.check(&["policy", "explain", "asker"], 0, "\nwrites\n");
    // Of one that checks proposals: it works on a copy, and starts what it makes there.
    let file = world.project.path().join(".ai_onboard/agents/asker/agent.yaml");
    let manifest = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{manifest}checks_proposals: true\n")).unwrap();
    world.check(&["policy", "explain", "asker"], 0, "a copy of the project: 48 MB in memory");
    world.check(&["policy", "explain", "asker"], 0, "what it makes in its own /tmp, too");
    let hosts = "background_agent_safety:\n  action_restrictions:\n    network:\n      allowed_domains: [a.example]\n";
    fs::create_dir_all(world.home.path().join("config")).unwrap();
    fs::write(world.home.path().join("config/policy.yaml"), hosts).unwrap();
    world.check(&["policy", "explain", "asker"], 0, "nothing by TLS that hides a second host");
}

#[test]
fn a_policy_that_is_bad_is_said_everywhere() {
    let world = World::new();
    asker(&world);
    write(&world, &limit("lots"));
    let place = "policy.yaml:3:20";
    world.check(&["policy", "show"], 1, place);
    world.check(&["doctor"], 1, place);
    world.check(&["bg", "start", "asker", "--wait"], 5, place);
    // Never started: it is not on its schedule, which is what the code says.
    world.check(&["bg", "status", "asker"], 3, place);
    world.check(&["daemon", "status"], 0, place);
    world.check(&["bg", "run", "asker", "--wait"], 5, place);
    // Sound again, and then bad: the sound one stays in force.
    write(&world, &limit("64"));
    world.check(&["bg", "start", "asker"], 0, "started");
    world.check(&["bg", "run", "asker", "--wait"], 0, "");
    write(&world, &limit("less"));
    world.check(&["bg", "run", "asker", "--wait"], 0, "");
    world.check(&["bg", "status", "asker"], 0, place);
    world.check(&["bg", "status", "asker", "--json"], 0, "\"memory_mb\":64");
    world.check(&["bg", "start", "asker"], 0, "the last sound policy is");
}
