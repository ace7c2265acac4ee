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
