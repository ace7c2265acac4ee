//! What the crew learned is listed, shown, and forgotten, by the real agents in their sandboxes.

use super::World;
use super::projects::git;
use serde_json::Value;

#[test]
fn what_was_learned_is_listed_and_forgotten() {
    let world = World::new();
    let project = world.project.path();
    git(project, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(project.join("src")).unwrap();
    for number in 0..6 {
        for name in ["flags", "help"] {
            let text = format!("// {number}\n");
            std::fs::write(project.join(format!("src/{name}.rs")), text).unwrap();
        }
        git(project, &["add", "."]);
        git(project, &["commit", "-q", "-m", &format!("flag {number}")]);
    }
    world.check(&["daemon", "start"], 0, "running");
    world.check(&["knowledge", "list"], 0, "nothing is known yet");
    world.check(&["knowledge", "forget", "k1"], 1, "nothing is known as `k1`");
    world.check(&["bg", "start", "--all", "--wait"], 0, "pattern-learning");
    world.check(
        &["knowledge", "list"],
        0,
        "When src/flags.rs changes, src/help.rs changes with it in 6 of 6 cases.",
    );
    let known = world.json(&["knowledge", "list"])["items"].clone();
    let ids: Vec<&str> =
        known.as_array().unwrap().iter().filter_map(|entry| entry["id"].as_str()).collect();
    let [first, second] = ids[..] else { panic!("two: {known}") };
    world.check(&["knowledge", "show", &first[..6]], 0, "in 6 of 6 changes");
    world.check(&["knowledge", "forget", first], 0, "is forgotten from the next run");
    world.check(&["knowledge", "forget", second], 0, "config.yaml");
    let text = std::fs::read_to_string(project.join(".ai_onboard/config.yaml")).unwrap();
    assert!(text.contains(first) && text.contains(second), "{text}");
    // What findings name in full need not be listed; once is enough.
    let unlisted = ["k0123456", "k01234567"];
    world.check(&["knowledge", "forget", unlisted[0]], 1, "nothing is known as `k0123456`");
    world.check(&["knowledge", "forget", unlisted[1], unlisted[1]], 0, "k01234567 is forgotten");
    let text = std::fs::read_to_string(project.join(".ai_onboard/config.yaml")).unwrap();
    assert_eq!(text.matches(unlisted[1]).count(), 1, "{text}");
    world.check(&["bg", "run", "pattern-learning", "--wait"], 0, "0 things known");
    assert_eq!(world.json(&["knowledge", "list"])["items"], Value::Array(Vec::new()));
}
