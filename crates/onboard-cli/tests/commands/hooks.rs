//! Webhooks, from a stranger's connection to the agent that is woken: what is taken, what is not, what
//! is known after the daemon was killed, and that the secret is nowhere else.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the sender is this test's"
)]

use super::World;
use onboard_daemon::hooks::signature::sign;
use onboard_daemon::hooks::{Hook, Hooks};
use onboard_domain::Time;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

const LISTENER: &str = "\
name: listener
description: Says what it was told.
program: [sh, -c, 'ai_onboard host task --json']
schedule: daily
wakes_on: [webhook.received.forge]
priority: critical
";

const BODY: &str = r#"{"action":"opened","issue":{"number":7,"title":"It leaks"}}"#;

fn listening() -> World {
    let world = World::new();
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.yaml"), "daemon: { hooks_listen: '127.0.0.1:0' }\n")
        .unwrap();
    let agents = world.project.path().join(".ai_onboard/agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::write(agents.join("listener.yaml"), LISTENER).unwrap();
    world
}

/// What is asked of the daemon by somebody who has the secret, or something like it.
struct Sender {
    address: String,
    hook: Hook,
}

impl Sender {
    fn of(world: &World) -> Sender {
        let hooks = Hooks::new(world.home.path().join("state/hooks"));
        let url = world.json(&["hooks", "show", "forge"])["news"]["url"].clone();
        let url = url.as_str().unwrap().strip_prefix("http://").unwrap();
        let address = url.strip_suffix("/hooks/forge").unwrap().to_string();
        Sender { address, hook: hooks.get("forge").unwrap() }
    }

    /// The status and the text that come back.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // Who is refused early doesn't take the rest.
        let _ = stream.write_all(request.as_bytes());
        if !request.starts_with("POST") || request.contains("Content-Length: 900") {
            // No more comes: what was announced is not whole.
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        format!("{} {}", head.split(' ').nth(1).unwrap_or("-"), body.trim_end())
    }

    fn send(&self, path: &str, fields: &str, body: &str) -> String {
        let length = body.len();
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nX-GitHub-Event: issues\r\n{fields}\r\n{body}"
        ))
    }

    fn signed(&self, body: &str) -> String {
        let fields = sign(&self.hook, "", body.as_bytes(), Time(0));
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }

    fn deliver(&self, body: &str) -> String {
        self.send("/hooks/forge", &self.signed(body), body)
    }
}

/// Runs of the listener that a webhook caused.
fn woken(world: &World) -> usize {
    world.check(&["bg", "status", "listener", "--wait", "--timeout", "2m"], 0, "");
    let log = world.run(&["bg", "logs", "listener", "--tail", "all"]).1;
    log.matches("webhook.received.forge").count()
}

#[test]
fn a_delivery_wakes_an_agent_once() {
    let world = listening();
    let (code, secret, said) =
        world.run(&["hooks", "add", "forge", "--from", "github", "--generate"]);
    assert!(code == 0 && secret.starts_with("whsec_"), "{secret}{said}");
    world.check(&["hooks", "test", "forge"], 1, "no daemon runs");
    world.check(&["bg", "start", "listener", "--wait"], 0, "✓");
    let sender = Sender::of(&world);
    assert_eq!(sender.deliver(BODY), "202 taken");
    assert_eq!(woken(&world), 1);
    let log = world.run(&["bg", "logs", "listener", "--tail", "all"]).1;
    assert!(log.contains("It leaks") && log.contains("issues"), "{log}");
    // Whoever saw it can send it again; what no signature covers makes it no other.
    assert_eq!(sender.deliver(BODY), "202 known already");
    let again = format!("X-GitHub-Delivery: 2\r\n{}", sender.signed(BODY));
    assert_eq!(sender.send("/hooks/forge", &again, BODY), "202 known already");
    // Also after the daemon was killed.
    let pid = i32::try_from(world.json(&["daemon", "status"])["pid"].as_i64().unwrap()).unwrap();
    super::end(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL);
    world.check(&["daemon", "start"], 0, "running");
    let sender = Sender::of(&world);
    assert_eq!(sender.deliver(BODY), "202 known already");
    assert_eq!(woken(&world), 1);
    world.check(&["hooks", "test", "forge"], 0, "forge was taken (202)");
    world.check(&["hooks", "show", "forge"], 0, "2 taken; since the daemon started 1 came again");
    world.check(&["audit", "log"], 0, "webhook forge");

    let secret = secret.trim();
    for folder in ["state", "run", "config"] {
        nowhere(&world.home.path().join(folder), secret);
    }
    assert!(!world.json(&["hooks", "list"]).to_string().contains(secret));
    let file = world.home.path().join("state/hooks/forge.json");
    let open =
        |mode| std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode));
    open(0o644).unwrap();
    assert!(world.run(&["doctor"]).1.contains("forge: "), "others may read its secret");
    world.check(&["hooks", "list"], 0, "others may read it");
    assert_eq!(sender.deliver("{}"), "404 there is no such webhook");
    open(0o600).unwrap();
    world.check(&["hooks", "remove", "forge"], 0, "forgotten");
    assert_eq!(sender.deliver(BODY), "404 there is no such webhook");
}

/// No file below `folder` has the text, but the one that is there for it.
fn nowhere(folder: &Path, secret: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            nowhere(&path, secret);
        } else if path.is_file() && !path.ends_with("hooks/forge.json") {
            let bytes = std::fs::read(&path).unwrap();
            let has = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!has, "{}", path.display());
        }
    }
}

#[test]
fn what_nobody_signed_is_not_taken() {
    let world = listening();
    world.check(&["hooks", "add", "forge", "--from", "github", "--generate"], 0, "whsec_");
    world.check(&["bg", "start", "listener", "--wait"], 0, "✓");
    let sender = Sender::of(&world);
    let signed = sender.signed(BODY);
    let altered = BODY.replace('7', "8");
    let large = format!("{BODY}{}", " ".repeat(1 << 20));
    let cut = format!(
        "POST /hooks/forge HTTP/1.1\r\nContent-Length: 900\r\nHost: x\r\nContent-Type: application/json\r\n{signed}\r\n{BODY}"
    );
    let form =
        format!("POST /hooks/forge HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{signed}\r\n{{}}");
    let told = [
        sender.send("/hooks/forge", "", BODY),
        sender.send("/hooks/forge", &signed, &altered),
        sender.send("/hooks/forge", &signed.replace("sha256=", "sha1="), BODY),
        sender.send("/hooks/other", &signed, BODY),
        sender.send("/hooks/..%2fcredentials%2fforge", &signed, BODY),
        sender.send("/api/v1/commands", &signed, BODY),
        sender.send("/hooks/forge", &sender.signed(&large), &large),
        sender.send("/hooks/forge", &sender.signed("{"), "{"),
        sender.raw(&cut),
        sender.raw(&form),
        sender.raw("GET /hooks/forge HTTP/1.1\r\nHost: x\r\n\r\n"),
        sender.raw("\u{16}\u{3}\u{1}"),
    ];
    expect_test::expect![[r#"
        401 it has no `x-hub-signature-256`
        401 its `x-hub-signature-256` is not of this body by this webhook's secret
        401 its `x-hub-signature-256` is not of this body by this webhook's secret
        404 there is no such webhook
        404 there is no such webhook
        404 webhooks come to /hooks/NAME, by POST
        413 a webhook's content has at most 1048576 bytes
        400 its content is no JSON
        400 it was cut off
        415 a webhook's content is `application/json` here; choose that at its sender
        405 webhooks come to /hooks/NAME, by POST
        400 "#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(woken(&world), 0);
    let shown = world.json(&["hooks", "show", "forge"]);
    assert_eq!(shown["news"]["received"], 0);
    expect_test::expect![[
        r#"{"cut_off":1,"no_json":2,"too_large":1,"unsigned":1,"wrong_signature":2}"#
    ]]
    .assert_eq(&shown["news"]["refused"].to_string());
    // A busy sender is put off, and loses nothing that it sends later.
    let status = |n: usize| sender.deliver(&format!("{{\"n\":{n}}}"));
    let taken = (0..100).take_while(|n| status(*n) == "202 taken").count();
    assert!((60..75).contains(&taken), "{taken}");
    assert_eq!(status(1_000), "429 it brings too much at once");
}

/// As many as may be connected at a time, each of whom begins to say something and stops.
#[test]
fn who_says_nothing_more_is_not_waited_for() {
    let world = listening();
    world.check(&["hooks", "add", "forge", "--from", "github", "--generate"], 0, "whsec_");
    world.check(&["bg", "start", "listener", "--wait"], 0, "✓");
    let sender = Sender::of(&world);
    let begun = |n: usize| {
        let mut stream = TcpStream::connect(&sender.address).unwrap();
        let head = "POST /hooks/forge HTTP/1.1\r\nHost: x\r\n";
        let rest = "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{";
        // Some stop in the head, others in the body.
        stream.write_all(head.as_bytes()).unwrap();
        if n.is_multiple_of(2) {
            stream.write_all(rest.as_bytes()).unwrap();
        }
        stream
    };
    let stuck: Vec<TcpStream> = (0..32).map(begun).collect();
    assert_eq!(sender.deliver(BODY), "202 taken");
    let mut told: Vec<String> = stuck
        .into_iter()
        .map(|mut stream| {
            let mut text = String::new();
            let _ = stream.read_to_string(&mut text);
            text.split(' ').nth(1).unwrap_or("nothing").to_string()
        })
        .collect();
    told.sort();
    told.dedup();
    expect_test::expect!["408 nothing"].assert_eq(&told.join(" "));
    assert_eq!(world.json(&["hooks", "show", "forge"])["news"]["refused"]["too_slow"], 16);
}
