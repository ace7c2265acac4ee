//! A drafted change from end to end: the index, the finding, the question through the broker to a
//! server of this test, the answer held against measurements, the proposal, the project's own check.

#![allow(
    clippy::disallowed_types,
    reason = "the model's endpoint is played here, at the loopback address"
)]

use super::World;
use super::check::Stream;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

pub const AGENT: &str = "code-quality-optimizer";

/// The same behaviour in two functions.
const SPLIT: &str = "```rust\nfn hot(x: u32) {\n    if x <= 2 {\n        return;\n    }\n    deep(x);\n}\n\nfn deep(x: u32) {\n    if x > 5 {\n        if x > 6 {\n            work(x);\n        }\n    }\n}\n```\n";

/// An endpoint: whole answers in turn, the last one again and again; all that it was asked.
fn endpoint(answers: Vec<String>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    endpoint_by(move |_, before| {
        answers.get(before).or(answers.last()).cloned().unwrap_or_default()
    })
}

/// An endpoint that answers a request by what it is and by how many there were before.
pub fn endpoint_by(
    answer: impl Fn(&str, usize) -> String + Send + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
            while !is_whole(&heard) {
                match stream.read(&mut piece) {
                    Ok(count) if count > 0 => heard.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            let mut all = all.lock().unwrap();
            let request = String::from_utf8_lossy(&heard).into_owned();
            let answer = answer(&request, all.len());
            all.push(request);
            // Who asked may be gone.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, asked)
}

/// Whether a request has come with all of its body.
fn is_whole(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).is_none_or(|length: usize| body.len() >= length)
}

pub fn answer(status: &str, body: &serde_json::Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

pub fn said(text: &str) -> String {
    let choice = serde_json::json!({ "message": { "content": text }, "finish_reason": "stop" });
    let usage = serde_json::json!({ "prompt_tokens": 300, "completion_tokens": 90 });
    answer("200 Fine", &serde_json::json!({ "choices": [choice], "usage": usage }))
}

/// A project with a function that is changed often and hard to follow, and a check of its own.
fn project(world: &World) {
    project_with(world, "");
}

/// The same, with a comment in that function.
pub fn project_with(world: &World, comment: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut stream = Stream { now_s: i64::try_from(now.as_secs()).unwrap(), ..Stream::default() };
    let open: String =
        (0..7).map(|at| format!("{}if x > {at} {{\n", "    ".repeat(at + 1))).collect();
    let close: String = (0..7).rev().map(|at| format!("{}}}\n", "    ".repeat(at + 1))).collect();
    let hot =
        format!("fn hot(x: u32) {{\n{comment}{open}{}work(x);\n{close}}}\n", "    ".repeat(8));
    for day in 0..12 {
        let text = format!("// {day}\n{hot}");
        let easy = format!("fn work(x: u32) {{ use_it(x + {day}) }}\n");
        let files = [("src/hot.rs", text.as_str()), ("src/easy.rs", easy.as_str())];
        stream.commit("main", 25 - 2 * day, &format!("change {day}"), &files);
    }
    stream.import(world.project.path(), "main");
    let folder = world.project.path().join(".ai_onboard/agents/tests");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = "name: tests\nschedule: manual\nprogram: [sh, -c, 'grep -q work src/hot.rs']\n\
                    checks_proposals: true\n";
    std::fs::write(folder.join("agent.yaml"), manifest).unwrap();
}

fn models(world: &World, endpoint: SocketAddr) {
    models_of(world, endpoint, AGENT, "");
}

/// The endpoint as the model of some agents, with more lines in the file.
pub fn models_of(world: &World, endpoint: SocketAddr, agents: &str, more: &str) {
    let folder = world.home.path().join("config");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "models:\n  - {{ name: local, endpoint: 'http://{endpoint}/v1', model: m-1, agents: [{agents}] }}\n{more}"
    );
    std::fs::write(folder.join("models.yaml"), text).unwrap();
}

pub fn log(world: &World) -> String {
    world.run(&["bg", "logs", AGENT, "--tail", "all"]).1
}

#[test]
fn a_finding_becomes_a_change_that_people_decide_on() {
    let world = World::new();
    project(&world);
    let busy = serde_json::json!({ "error": { "message": "overloaded" } });
    let (address, asked) = endpoint(vec![answer("503 Busy", &busy), said(SPLIT)]);
    world.check(&["bg", "start", "tests", "project-index", "--wait"], 0, "project-index");
    // Without a model nothing is asked.
    world.check(&["bg", "start", AGENT, "--wait"], 0, "src/hot.rs changes often");
    assert!(!log(&world).contains("draft"), "{}", log(&world));
    models(&world, address);
    world.check(&["bg", "run", AGENT, "--wait"], 0, "");
    assert!(log(&world).contains("no answer: it answers 503: overloaded"), "{}", log(&world));
    world.check(&["bg", "run", AGENT, "--wait"], 0, "");
    assert!(log(&world).contains("proposed as c0"), "{}", log(&world));
    world.check(&["bg", "run", AGENT, "--wait"], 0, "");
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2, "the same content is not asked about again: {asked:?}");
    assert!(asked.iter().all(|one| one.contains("work(x);") && one.contains("m-1")), "{asked:?}");
    assert!(!asked.concat().contains("aio-"), "the run's token stays here: {asked:?}");

    let shown = super::proposals::until_checked(&world, "c0");
    assert_eq!(shown["proposal"]["status"], "open", "{shown}");
    let (is_passed, note) = super::proposals::until_tried(&world, "c0");
    assert!(is_passed, "{note}");
    for says in ["split hot in src/hot.rs", "+fn deep(x: u32) {", "✓ applies", "✓ tests"] {
        world.check(&["proposals", "show", "c0"], 0, says);
    }
    world.check(&["proposals", "show", "c0"], 0, "from cognitive complexity 28 to 1");
    world.check(
        &["proposals", "apply", "c0"],
        0,
        "written as branch ai-onboard/code-quality-optimizer/c0",
    );
}

#[test]
fn what_does_not_hold_is_dropped_and_said_in_the_log() {
    let world = World::new();
    project(&world);
    // Simple, because it does nothing any more.
    let (address, _) = endpoint(vec![said("```rust\nfn hot(x: u32) {}\n```")]);
    models(&world, address);
    world.check(&["bg", "start", "project-index", "--wait"], 0, "");
    world.check(&["bg", "start", AGENT, "--wait"], 0, "");
    assert!(log(&world).contains("dropped: it no longer calls work"), "{}", log(&world));
    world.check(&["proposals", "list", "--all"], 0, "no proposal");
}
