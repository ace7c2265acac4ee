//! Packages, looked up by the real agent behind its walls, through the real broker: a lock file, a mirror
//! of registries, and a finding with the upgrade.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the registries are a server of this test"
)]

use super::World;
use super::projects::git;
use expect_test::expect;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

const SECRET: &str = "canary-of-a-mirror-0123456789";
const AGENT: &str = "external-tool-integration";

const LOCK: &str = r#"version = 4

[[package]]
name = "loom"
version = "0.1.0"
dependencies = ["weft"]

[[package]]
name = "shuttle"
version = "0.8.3"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "weft"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
dependencies = ["shuttle"]
"#;
const ADVISORY: &str = r#"{"id":"RUSTSEC-2026-0001","aliases":["CVE-2026-0001"],"modified":"2026-01-01T00:00:00Z",
    "summary":"Reads beyond the end of a buffer","severity":[{"type":"CVSS_V3",
    "score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],"affected":[{"package":{"ecosystem":"crates.io",
    "name":"shuttle"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0.0.0-0"},{"fixed":"0.8.7"}]}]}]}"#;
const SHUTTLE: &str = r#"{"name":"shuttle","vers":"0.8.3","deps":[],"cksum":"00","features":{},"yanked":false}
{"name":"shuttle","vers":"0.8.7","deps":[],"cksum":"00","features":{},"yanked":false}
"#;
const WEFT: &str = r#"{"name":"weft","vers":"1.0.0","deps":[],"cksum":"00","features":{},"yanked":true}
"#;

type Asked = Arc<Mutex<Vec<String>>>;

/// A server of this machine's that speaks as OSV and as the index of crates.io. Its first answer is cut off.
fn mirror() -> (u16, Asked) {
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
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    let body = String::from_utf8(body).unwrap();
    let line = head.split(" HTTP/").next().unwrap_or_default().to_owned();
    let is_first = asked.lock().unwrap().is_empty();
    asked.lock().unwrap().push(format!("{line} {body}").trim().to_owned());
    let said = match line.as_str() {
        _ if !head.contains(&format!("authorization: Bearer {SECRET}\r\n")) => None,
        "POST /v1/querybatch" => {
            let queries: serde_json::Value = serde_json::from_str(&body).unwrap();
            let hole =
                r#"{"vulns":[{"id":"RUSTSEC-2026-0001","modified":"2026-01-01T00:00:00Z"}]}"#;
            let one = |query: &serde_json::Value| match query["version"].as_str() {
                Some("0.8.3") => hole,
                _ => "{}",
            };
            let results: Vec<&str> =
                queries["queries"].as_array().unwrap().iter().map(one).collect();
            Some(format!("{{\"results\":[{}]}}", results.join(",")))
        }
        "GET /v1/vulns/RUSTSEC-2026-0001" => Some(ADVISORY.to_owned()),
        "GET /sh/ut/shuttle" => Some(SHUTTLE.to_owned()),
        "GET /we/ft/weft" => Some(WEFT.to_owned()),
        _ => None,
    };
    let answer = match said {
        None => "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        Some(said) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", said.len());
            let end = if is_first { said.len() / 2 } else { said.len() };
            format!("{head}{}", &said[..end])
        }
    };
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read(&mut byte);
}

#[test]
fn a_vulnerable_package_is_found_with_its_upgrade() {
    let (port, asked) = mirror();
    let world = World::new();
    let root = world.project.path();
    let host = format!("127.0.0.1:{port}");
    git(root, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(root.join(".ai_onboard")).unwrap();
    std::fs::write(root.join("Cargo.lock"), LOCK).unwrap();
    git(root, &["add", "."]);
    git(root, &["commit", "-q", "-m", "one"]);
    // Nobody may be asked: it says so, and what it knows without.
    world.check(&["bg", "start", AGENT, "--wait"], 0, "✓");
    let needs = "2 packages in Cargo.lock, `allowed_domains` lacks api.osv.dev, index.crates.io";
    world.check(&["bg", "run", AGENT, "--wait"], 0, needs);

    let settings = format!(
        "agents:\n  {AGENT}:\n    settings: {{ advisories: '{host}', crates: '{host}' }}\n"
    );
    std::fs::write(root.join(".ai_onboard/config.yaml"), settings).unwrap();
    let host = format!("http://{host}");
    let add = ["credentials", "add", "mirror", "--host", &host, "--agent", AGENT];
    let mut child = world
        .command(&add)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SECRET.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    world.check(&["bg", "stop", AGENT], 0, "");
    world.check(&["bg", "start", AGENT, "--wait"], 0, "✓");
    world.check(&["bg", "run", AGENT, "--wait"], 0, "2 packages in Cargo.lock; no results");

    let found = world.json(&["recommendations", "list", "--all"]).to_string();
    assert!(found.contains("shuttle 0.8.3 has a known vulnerability, fixed in 0.8.7"), "{found}");
    assert!(found.contains("weft 1.0.0 is yanked"), "{found}");
    expect![[r#"
        POST /v1/querybatch {"queries":[{"package":{"ecosystem":"crates.io","name":"shuttle"},"version":"0.8.3"},{"package":{"ecosystem":"crates.io","name":"weft"},"version":"1.0.0"}]}
        POST /v1/querybatch {"queries":[{"package":{"ecosystem":"crates.io","name":"shuttle"},"version":"0.8.3"},{"package":{"ecosystem":"crates.io","name":"weft"},"version":"1.0.0"}]}
        GET /v1/vulns/RUSTSEC-2026-0001
        GET /we/ft/weft
        GET /sh/ut/shuttle
        POST /v1/querybatch {"queries":[{"package":{"ecosystem":"crates.io","name":"shuttle"},"version":"0.8.7"}]}"#]].assert_eq(&asked.lock().unwrap().join("\n"));
    let log = world.run(&["bg", "logs", AGENT, "--tail", "all"]).1;
    let journal = world.run(&["audit", "log"]).1;
    assert!(!format!("{log}{found}{journal}").contains("canary"));
}
