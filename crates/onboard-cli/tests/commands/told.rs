//! What others are told, by the real daemon, to a server that fails: cut off, killed in between, moved
//! away, gone. What is told is told at least once, as the same, and what is given up is seen.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the receiver is a server of this test"
)]

use super::World;
use onboard_daemon::hooks::signature::prove;
use onboard_daemon::hooks::{Hook, Hooks, Sender, Way};
use onboard_domain::Time;
use onboard_egress::broker::Secret;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// A server that answers each request with what the test says next, and tells what it was asked.
struct Receiving {
    port: u16,
    answers: SyncSender<&'static str>,
    asked: Receiver<String>,
}

impl Receiving {
    fn new() -> Receiving {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answers, next) = sync_channel::<&'static str>(16);
        let (tell, asked) = sync_channel(16);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let Ok(answer) = next.recv() else { return };
                let _ = (&stream).write_all(answer.as_bytes());
                drop(stream);
                let _ = tell.send(request);
            }
        });
        Receiving { port, answers, asked }
    }

    /// The next request, which gets this answer.
    fn request(&self, answer: &'static str) -> String {
        self.answers.send(answer).unwrap();
        self.asked.recv_timeout(Duration::from_secs(90)).expect("a request")
    }
}

fn read(mut stream: &TcpStream) -> Option<String> {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with("\r\n\r\n") {
        (stream.read(&mut byte).ok()? == 1).then(|| text.push(char::from(byte[0])))?;
    }
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
    let mut body = vec![0; length.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(text + &String::from_utf8(body).ok()?)
}

fn field<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The body, after its signature was looked at with the secret that the receiver has.
fn signed<'a>(request: &'a str, hook: &Hook) -> &'a str {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let seconds: i64 = field(request, "webhook-timestamp").unwrap().parse().unwrap();
    let of = |name: &str| field(request, name);
    prove(hook, &of, body.as_bytes(), Time(seconds * 1000)).unwrap();
    body
}

fn receivers(secret: &str) -> Hook {
    let home = tempfile::tempdir().unwrap();
    let hooks = Hooks::new(home.path().into());
    let way = Way::In { from: Sender::Standard, project: "/".into() };
    hooks.add("x", way, &Secret::new(secret)).unwrap();
    hooks.get("x").unwrap()
}

#[test]
fn what_wants_a_person_is_told_until_it_is_taken() {
    let world = World::new();
    let server = Receiving::new();
    let url = format!("http://127.0.0.1:{}/chat", server.port);
    let add = ["hooks", "add", "chat", "--to", &url, "--generate"];
    world.check(
        &["hooks", "add", "chat", "--to", "http://10.0.0.1/x", "--generate"],
        2,
        "https://",
    );
    world.check(&[&add[..], &["--on", "EMERGENCY"]].concat(), 2, "no kind of event");
    world.check(&["hooks", "add", "chat"], 2, "--from <SENDER>|--to <URL>");
    let (code, secret, said) = world.run(&[&add[..], &["--on", "emergency"]].concat());
    assert!(code == 0 && said.contains("is told of emergency"), "{said}");
    let hook = receivers(secret.trim());
    world.check(&["daemon", "start"], 0, "running");

    // In two parts: this file holds no secret.
    let reason = ["the key ghp_", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5 is out"].concat();
    world.check(&["bg", "emergency-shutdown", "--reason", &reason], 0, "");
    let first = server.request("HTTP/1.1 200 O");
    let pid = i32::try_from(world.json(&["daemon", "status"])["pid"].as_i64().unwrap()).unwrap();
    super::end(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL);
    world.check(&["daemon", "start"], 0, "running");
    let second = server.request("HTTP/1.1 204 Fine\r\n\r\n");
    assert_eq!(signed(&first, &hook), signed(&second, &hook));
    assert_eq!(field(&first, "webhook-id"), field(&second, "webhook-id"));
    let body: serde_json::Value = serde_json::from_str(signed(&first, &hook)).unwrap();
    assert_eq!(body["type"], "dev.ai-onboard.emergency.declared.v1");
    let message = body["message"].as_str().unwrap();
    assert_eq!(message, "emergency shutdown: the key [redacted: github-token] is out");
    assert!(!format!("{first}{second}").contains(secret.trim()));

    // Moved away: the new address is not asked; and gone for good. What happens while others may read its
    // secret, so that it isn't used, is told later.
    let mode = |mode| {
        let file = world.home.path().join("state/hooks/chat.json");
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    mode(0o644);
    world.check(&["bg", "resume", "--reason", "put out"], 0, "lifted");
    world.check(&["hooks", "list"], 0, "others may read it");
    mode(0o600);
    world.check(&["bg", "start", "project-health-monitor", "--wait"], 0, "");
    let away = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    let third = server.request(away);
    assert_ne!(field(&third, "webhook-id"), field(&first, "webhook-id"));
    let fourth = server.request("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    assert!(fourth.starts_with("POST /chat HTTP/1.1\r\n"), "{fourth}");
    for looks in 0.. {
        let shown = world.run(&["hooks", "show", "chat"]).1;
        if shown.contains("given up: emergency.lifted") {
            assert!(shown.contains("it answered 410") && shown.contains("1 told"), "{shown}");
            break;
        }
        assert!(looks < 1_000, "{shown}");
    }
    server.answers.send("HTTP/1.1 200 Fine\r\n\r\n").unwrap();
    world.check(&["hooks", "test", "chat"], 0, "chat was taken (200)");
    let tried = server.asked.recv_timeout(Duration::from_secs(9)).unwrap();
    assert!(signed(&tried, &hook).contains("\"type\":\"test\""), "{tried}");
    assert!(world.json(&["hooks", "list"])["items"][0]["news"]["sent"]["waiting"] == 0);
}
