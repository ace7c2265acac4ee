//! A forge, read by the real agent behind its walls, through the real broker: a credential, a remote, and
//! milestones that become the project's plan.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the forge is a server of this test"
)]

use super::World;
use super::projects::git;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

const SECRET: &str = "canary-of-a-forge-0123456789";

const MILESTONES: &str = r#"[{"id":11,"number":1,"title":"First light","state":"open",
    "created_at":"2020-01-01T00:00:00Z","updated_at":"2020-01-01T00:00:00Z",
    "due_on":"2020-02-01T08:00:00Z"}]"#;
const ISSUES: &str = r#"[{"number":7,"title":"Grind the mirror","state":"open","state_reason":null,
    "created_at":"2020-01-02T00:00:00Z","updated_at":"2020-01-03T00:00:00Z","closed_at":null,
    "milestone":{"id":11}}]"#;

/// Heads of requests, the run's own token in none of them.
type Asked = Arc<Mutex<String>>;

/// A server of this machine's that speaks as a GitHub of one's own; what it has never changes.
fn forge() -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let all = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer(stream, &all);
        }
    });
    (port, asked)
}

fn answer(mut stream: TcpStream, asked: &Asked) {
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(char::from(byte[0])),
            _ => return,
        }
    }
    asked.lock().unwrap().push_str(&head);
    let is_known = head.contains(&format!("authorization: Bearer {SECRET}\r\n"));
    let body = match head.split(' ').nth(1).and_then(|path| path.split('?').next()) {
        _ if !is_known => None,
        Some("/api/v3/repos/octo/loom/milestones") => Some(MILESTONES),
        Some("/api/v3/repos/octo/loom/issues") => Some(ISSUES),
        _ => None,
    };
    let answer = match body {
        None => "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        Some(_) if head.contains("if-none-match: \"1\"\r\n") => {
            "HTTP/1.1 304 Same\r\nETag: \"1\"\r\n\r\n".to_owned()
        }
        Some(body) => {
            format!(
                "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    };
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read(&mut byte);
}

/// What was asked since the last time: paths, and answers that were known already.
fn taken(asked: &Asked) -> String {
    let mut text = String::new();
    for head in std::mem::take(&mut *asked.lock().unwrap()).split_terminator("\r\n\r\n") {
        let path = head.split(' ').nth(1).and_then(|path| path.split('?').next());
        let known = if head.contains("if-none-match") { " again" } else { "" };
        writeln!(text, "{}{known}", path.unwrap_or_default()).unwrap();
    }
    text
}

#[test]
fn milestones_of_a_forge_become_the_plan() {
    let (port, asked) = forge();
    let world = World::new();
    let root = world.project.path();
    git(root, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(root.join(".ai_onboard")).unwrap();
    std::fs::write(
        root.join(".ai_onboard/config.yaml"),
        "agents:\n  external-tool-integration:\n    settings: { forge: github }\n",
    )
    .unwrap();
    git(root, &["add", "."]);
    git(root, &["commit", "-q", "-m", "one"]);
    git(root, &["remote", "add", "origin", &format!("http://127.0.0.1:{port}/octo/loom.git")]);
    let host = format!("http://127.0.0.1:{port}");
    let add =
        ["credentials", "add", "forge", "--host", &host, "--agent", "external-tool-integration"];
    let mut child = world
        .command(&add)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SECRET.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());

    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.yaml"), "daemon: { hooks_listen: '127.0.0.1:0' }\n")
        .unwrap();
    world.check(&["hooks", "add", "forge", "--from", "github", "--generate"], 0, "whsec_");

    world.check(&["bg", "start", "--all", "--wait"], 0, "✓");
    let (_, log, _) = world.run(&["bg", "logs", "external-tool-integration", "--tail", "all"]);
    let first = taken(&asked);
    let both = "/api/v3/repos/octo/loom/milestones\n/api/v3/repos/octo/loom/issues\n";
    assert!(first.starts_with(both), "{first}{log}");
    // Nothing has changed since.
    let again = both.replace('\n', " again\n");
    world.check(
        &["bg", "run", "external-tool-integration", "--wait"],
        0,
        "1 of 1 open, 1 milestone",
    );
    assert_eq!(taken(&asked), again);
    // The forge tells that something happened, and is read at once.
    world.check(&["hooks", "test", "forge"], 0, "taken");
    world.check(&["bg", "status", "external-tool-integration", "--wait", "--timeout", "2m"], 0, "");
    assert_eq!(taken(&asked), again);

    // The monitor that knows no forge measures it; it may have been woken already.
    world.check(&["bg", "run", "project-health-monitor", "--wait"], 0, "");
    let found = world.json(&["recommendations", "list", "--all"]).to_string();
    assert!(found.contains("Milestone First light is"), "{found}");
    let journal = world.run(&["audit", "log"]).1;
    assert!(!format!("{log}{found}{journal}").contains("canary"));
}
