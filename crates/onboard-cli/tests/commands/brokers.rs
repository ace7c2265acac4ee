//! Credentials and models at the command line, without a daemon.

use super::World;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

const CANARY: &str = "sk-canary-0123456789";

/// Runs a command with something on its standard input; its exit code and all that it says.
fn with_input(world: &World, words: &[&str], input: &str) -> (i32, String) {
    let mut command = world.command(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who refuses the command line doesn't read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8(said).unwrap())
}

#[test]
fn a_credential_is_kept_listed_and_forgotten_and_never_shown() {
    let world = World::new();
    let add = ["credentials", "add", "forge", "--host", "api.forge.example", "--agent", "mine"];
    world.check(&["credentials", "list"], 0, "there are no credentials");
    let (code, said) = with_input(&world, &add, &format!("{CANARY}\n"));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("forge is kept") && said.contains("forge.credential.onboard"), "{said}");
    let file = world.home.path().join("state/credentials/forge.json");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().contains(CANARY));
    let listed = world.json(&["credentials", "list"]);
    assert_eq!(listed["items"][0]["host"], "api.forge.example");
    let root = world.project.path().canonicalize().unwrap();
    assert_eq!(listed["items"][0]["projects"][0], root.to_str().unwrap());
    let (_, out, err) = world.run(&["credentials", "list"]);
    assert!(
        out.contains("mine") && !format!("{listed}{out}{err}").contains("canary"),
        "{out}{err}"
    );

    // Never on the command line, and nothing that is half a credential.
    let (code, said) = with_input(&world, &[&add[..], &["--secret", CANARY]].concat(), "");
    assert_eq!(code, 2, "{said}");
    let (code, said) = with_input(&world, &add, "short");
    assert!(code == 2 && said.contains("give 8 to"), "{said}");
    let (code, said) = with_input(&world, &add[..5], CANARY);
    assert!(code == 0 && said.contains("for models at api.forge.example"), "{said}");
    let other = ["credentials", "add", "x", "--host", "http://forge.example", "--agent", "mine"];
    let (code, said) = with_input(&world, &other, CANARY);
    assert!(code == 2 && said.contains("https://") && !said.contains("canary"), "{said}");

    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    world.check(&["credentials", "list"], 0, "others may read it");
    let (_, out, _) = world.run(&["doctor"]);
    assert!(out.contains("others may read it"), "{out}");
    world.check(&["credentials", "remove", "forge"], 0, "is forgotten");
    world.check(&["credentials", "remove", "forge"], 0, "there is no credential");
    assert!(!file.exists());
}

#[test]
fn models_are_listed_with_their_budgets() {
    let world = World::new();
    world.check(&["models", "list"], 0, "no model");
    let (code, manual, _) = world.run(&["models", "manual"]);
    assert_eq!(code, 0);
    fs::create_dir_all(world.home.path().join("config")).unwrap();
    let file = world.home.path().join("config/models.yaml");
    fs::write(&file, manual).unwrap();
    world.check(&["models", "list"], 0, "no model");
    let text = "models:\n  - { name: local, endpoint: 'http://127.0.0.1:11434/v1', model: q, agents: [a] }\nbudgets: { total: { cost: 7.5 } }\n";
    fs::write(&file, text).unwrap();
    world.check(&["models", "list"], 0, "http://127.0.0.1:11434/v1");
    world.check(&["models", "list"], 0, "total.cost            7.50             ");
    fs::write(&file, text.replace("127.0.0.1", "10.0.0.1")).unwrap();
    world.check(&["models", "list"], 1, "models.yaml:2:30");
    let (_, out, _) = world.run(&["doctor"]);
    assert!(out.contains("models.yaml:2:30"), "{out}");
}
