//! What agents share, on real runs: a lock, and the machine's budget.

use crate::world::World;
use serde_json::json;

fn manifest(name: &str, more: &str) -> String {
    format!(
        "name: {name}\ndescription: Sleeps.\nprogram: [sleep, '600']\nschedule: manual\n{more}\n"
    )
}

#[test]
fn who_holds_what_and_who_waits_for_it() {
    let world = World::new();
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.yaml"), "daemon: {memory_mb: 300, cpu_percent: 70}\n")
        .unwrap();
    let agents = world.project.path().join(".ai_onboard/agents");
    std::fs::create_dir_all(&agents).unwrap();
    let limits = "limits: {memory_mb: 200, cpu_percent: 10}";
    for (name, more) in [
        ("sleeper", format!("locks: [build]\n{limits}")),
        ("sharer", "locks: [build]\nlimits: {memory_mb: 64}\npriority: high".into()),
        ("large", limits.to_string()),
    ] {
        std::fs::write(agents.join(format!("{name}.yaml")), manifest(name, &more)).unwrap();
    }
    world.check(&["bg", "coordination", "status"], 7, "daemon");
    world.check(&["bg", "start", "project-health-monitor", "--wait"], 0, "✓");
    let (_, run, _) = world.run(&["bg", "run", "sleeper"]);
    let run = run.trim();
    world.until_running(run);
    world.check(&["bg", "run", "large"], 0, "r");
    world.check(&["bg", "run", "sharer"], 0, "r");

    let shared = world.json(&["bg", "coordination", "status"]);
    assert_eq!(shared["budget"]["memory_mb"], json!({"used": 200, "free": 100, "total": 300}));
    assert_eq!(shared["budget"]["cpu_percent"], json!({"used": 10, "free": 60, "total": 70}));
    let lease = &shared["leases"][0];
    assert_eq!(
        (&lease["name"], &lease["run"], &lease["agent"], &lease["expires"]),
        (&json!("build"), &json!(run), &json!("sleeper"), &json!(null)),
        "{shared}"
    );
    let waiting: Vec<_> = shared["waiting"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> =
        waiting.iter().map(|row| (row["agent"].as_str(), row["kind"].as_str())).collect();
    assert_eq!(
        kinds,
        [(Some("sharer"), Some("lock")), (Some("large"), Some("budget"))],
        "the more urgent first: {shared}"
    );
    let says = "the memory budget: its limit is 200 MB, and 200 of 300 MB are reserved";
    assert_eq!(waiting[1]["waits_for"], says);
    world.check(&["bg", "coordination", "status"], 0, "to its end");
    world.check(&["bg", "coordination", "status", "-A"], 0, says);
    world.check(&["bg", "status", "large"], 0, says);

    // What was freed is given on.
    world.check(&["bg", "stop", "sleeper"], 0, "");
    for _ in 0..2_000 {
        let shared = world.json(&["bg", "coordination", "status"]);
        if shared["waiting"] == json!([]) {
            assert_eq!(shared["budget"]["memory_mb"]["used"], 264, "{shared}");
            assert_eq!(shared["leases"][0]["agent"], "sharer", "{shared}");
            return;
        }
    }
    panic!("{}", world.json(&["bg", "coordination", "status"]));
}

#[test]
fn who_waits_for_a_path_has_it_when_it_is_free() {
    let world = World::new();
    for (name, script) in [
        ("holder", "ai_onboard host lock src/ --ttl 10m\nsleep 600\n"),
        (
            "taker",
            "ai_onboard host lock src/a.rs --ttl 30s --wait 5m && ai_onboard host unlock src/a.rs\n",
        ),
    ] {
        let folder = world.project.path().join(".ai_onboard/agents").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = format!("name: {name}\nprogram: [sh, ./run.sh]\nschedule: manual\n");
        std::fs::write(folder.join("agent.yaml"), manifest).unwrap();
        std::fs::write(folder.join("run.sh"), script).unwrap();
    }
    world.check(&["bg", "start", "project-health-monitor", "--wait"], 0, "✓");
    let status = ["bg", "coordination", "status"];
    let until = |list: &str, name: &str| {
        for _ in 0..2_000 {
            let shared = world.json(&status);
            if let Some(row) = shared[list].as_array().unwrap().first() {
                assert!(row.to_string().contains(name), "{shared}");
                return row.clone();
            }
        }
        panic!("{}", world.json(&status));
    };
    let (_, holder, _) = world.run(&["bg", "run", "holder"]);
    let lease = until("leases", "file:src");
    assert_eq!((&lease["run"], &lease["mode"]), (&json!(holder.trim()), &json!("exclusive")));
    let (_, taker, _) = world.run(&["bg", "run", "taker"]);
    let waiting = until("waiting", "file:src/a.rs");
    assert_eq!((&waiting["run"], &waiting["kind"]), (&json!(taker.trim()), &json!("lease")));
    assert!(waiting["until"].is_string(), "{waiting}");
    world.check(&status, 0, "`file:src` is held by");
    world.check(&["bg", "stop", "holder", "--now"], 0, "");
    for _ in 0..2_000 {
        let (_, taker, _) = world.run(&["bg", "status", "taker", "--json"]);
        if taker.contains("\"result\":\"succeeded\"") {
            assert_eq!(world.json(&status)["leases"], json!([]));
            return;
        }
    }
    panic!("{}", world.run(&["bg", "status", "taker", "--json"]).1);
}
