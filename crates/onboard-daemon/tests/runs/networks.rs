//! What runs that have a network come to: a world outside that is a server of this test.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the world outside is played here, at the loopback address"
)]

use crate::house::House;
use expect_test::{Expect, expect};
use onboard_daemon::network::Serve;
use onboard_domain::Event;
use onboard_egress::host::Host;
use onboard_egress::{Egress, Outside, clienthello};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A world whose names are one public address, at which a server of this test answers; but for some
/// that lead elsewhere.
pub struct World {
    server: SocketAddr,
    asked: Mutex<Vec<String>>,
}

/// Names that lead to where nothing outside is.
pub const INSIDE: [(&str, &str); 6] = [
    ("loop.example", "127.0.0.1"),
    ("cloud.example", "169.254.169.254"),
    ("lan.example", "10.1.2.3"),
    ("six.example", "::1"),
    ("ula.example", "fd00::1"),
    ("carrier.example", "100.64.0.1"),
];

/// A name that leads there from the second time on that it is asked for.
pub const TURNING: &str = "turn.example";

impl Outside for World {
    fn resolve(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        let (mut asked, name) = (self.asked.lock().expect("no panic"), host.to_string());
        let begin = format!("{name}:");
        let is_again = asked.iter().any(|before| before.starts_with(&begin));
        asked.push(format!("{name}:{port}"));
        let address =
            INSIDE.iter().find(|(inside, _)| *inside == name).map(|(_, address)| *address);
        // The first answer is one that may be dialled, the second is not.
        let turned = (name == TURNING && is_again).then_some("127.0.0.1");
        let address = address.or(turned).unwrap_or("140.82.121.3").parse().expect("an address");
        Ok(vec![SocketAddr::new(address, port)])
    }

    fn connect(&self, _: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(self.server)
    }
}

/// Answers a request, and the beginning of TLS with the name in it; swallows anything else.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let (mut first, mut piece) = (Vec::new(), [0; 4096]);
                while let Ok(length @ 1..) = stream.read(&mut piece) {
                    if first.len() < 4096 {
                        first.extend_from_slice(&piece[..length]);
                    }
                    let answer = match clienthello::look(&first) {
                        clienthello::Look::Hello(hello) => {
                            let name = hello.name.unwrap_or(b"nobody".to_vec());
                            format!("TLS for {}\n", String::from_utf8_lossy(&name))
                        }
                        _ if first.starts_with(b"GET / ") && first.ends_with(b"\r\n\r\n") => {
                            "HTTP/1.1 200 from outside\r\nContent-Length: 0\r\n\r\n".into()
                        }
                        _ if first.starts_with(b"GET /away ") => "HTTP/1.1 302 from outside\r\n\
                            Location: http://evil.example/\r\nContent-Length: 0\r\n\r\n"
                            .into(),
                        _ => continue,
                    };
                    let _ = stream.write_all(answer.as_bytes());
                    let _ = stream.shutdown(Shutdown::Write);
                    break;
                }
            });
        }
    });
    address
}

/// A house in such a world, whose policy has these lines of limits.
pub fn world(house: &mut House, limits: &str) -> Arc<World> {
    let world = Arc::new(World { server: server(), asked: Mutex::default() });
    let outside = Arc::clone(&world);
    let serve: Serve = Arc::new(move |ends, mut service| {
        service.outside = outside.clone();
        Egress::serve(ends, service)
    });
    house.begin_in(serve);
    allow(house, limits, &["good.example", "other.example"]);
    world
}

/// These hosts are allowed.
pub fn allow(house: &House, limits: &str, hosts: &[&str]) {
    let user = house.paths().user_policy();
    std::fs::create_dir_all(user.parent().expect("a folder")).expect("folder");
    let hosts = hosts.join(", ");
    let policy = format!(
        "background_agent_safety:\n  resource_limits: {{ {limits} }}\n  action_restrictions:\n    \
         network:\n      allowed_domains: [{hosts}]\n"
    );
    std::fs::write(&user, policy).expect("a policy");
}

/// Runs what is said to the network; what came of it, and what is on record.
fn check(house: &House, agent: &str, words: &[&str], expect: Expect) {
    let script: String =
        words.iter().map(|words| format!("ai_onboard says net {words}\n")).collect();
    house.script(agent, "", &script);
    house.register();
    let published = house.handle().follow();
    let run = house.run(agent).expect("a run");
    let ended = house.ended(run);
    let is_end =
        |event: &Event| matches!(event, Event::RunEnded { run: ended, .. } if *ended == run);
    let (mut recorded, mut is_over) = (BTreeMap::new(), false);
    // The end is seen in the state a moment before it is published.
    while !is_over {
        for event in &published.recv().expect("the end").batch.events {
            is_over |= is_end(event);
            if let Event::ViolationRecorded { violation: v, .. } = event {
                let why = v.resolved.as_deref().unwrap_or_default();
                let why = why.split("; wait").next().unwrap_or_default();
                *recorded
                    .entry(format!("{} {}: {} ({why})", v.rule, v.what, v.target))
                    .or_insert(0) += v.count;
            }
        }
    }
    let mut text = house.log(agent, run).replace("info stdout ", "");
    for (line, count) in recorded {
        writeln!(text, "! {line} x{count}").expect("a string");
    }
    expect.assert_eq(&format!("{text}{}\n", ended.trim_end()));
}

pub fn names_are_answered_from_the_asked_address(mut house: House) {
    let world = world(&mut house, "");
    let words = [
        "dns 8.8.8.8:53 good.example",
        "dns [2001:4860:4860::8888]:53 good.example",
        "dns 127.0.0.1:53 good.example",
        "dns 8.8.8.8:53 other.example",
        "dns 8.8.8.8:53 secret.evil.example",
    ];
    check(
        &house,
        "asker",
        &words,
        expect![[r#"
        dns 8.8.8.8:53 good.example: 198.18.0.1
        dns [2001:4860:4860::8888]:53 good.example: 198.18.0.1
        dns 127.0.0.1:53 good.example: 198.18.0.1
        dns 8.8.8.8:53 other.example: 198.18.0.3
        dns 8.8.8.8:53 secret.evil.example: no such name
        ! forbidden_name look up: secret.evil.example (secret.evil.example is not in allowed_domains) x1
        succeeded:
    "#]],
    );
    assert!(world.asked.lock().expect("no panic").is_empty(), "nobody outside was asked");
}

pub fn an_allowed_host_is_reached(mut house: House) {
    let world = world(&mut house, "");
    let words = [
        "tunnel proxy good.example",
        "tls 198.18.0.1:443 good.example",
        "http 198.18.0.1:80 good.example",
        "get proxy good.example",
        "tls 198.18.0.1:443 evil.example",
        "tls 198.18.0.1:443 other.example",
        "tls 198.18.0.3:443 other.example",
        "tls 198.18.0.3:443 ''",
        "http 198.18.0.3:80 good.example",
    ];
    check(
        &house,
        "caller",
        &words,
        expect![[r#"
        tunnel proxy good.example: TLS for good.example
        tls 198.18.0.1:443 good.example: TLS for good.example
        http 198.18.0.1:80 good.example: HTTP/1.1 200 from outside
        get proxy good.example: HTTP/1.1 200 from outside
        tls 198.18.0.1:443 evil.example: closed
        tls 198.18.0.1:443 other.example: closed
        tls 198.18.0.3:443 other.example: TLS for other.example
        tls 198.18.0.3:443 : TLS for nobody
        http 198.18.0.3:80 good.example: HTTP/1.1 403 Refused
        ! forbidden_host connect tls: evil.example at 198.18.0.1:443 (evil.example is not in allowed_domains) x1
        ! sni_mismatch connect tls: other.example at 198.18.0.1:443 (other.example was asked for at the address of good.example) x1
        ! sni_mismatch request http: good.example:80 (good.example was asked for at the address of other.example) x1
        succeeded:
    "#]],
    );
    let asked = world.asked.lock().expect("no panic").join(" ");
    assert_eq!(
        asked,
        "good.example:443 good.example:443 good.example:80 good.example:80 \
         other.example:443 other.example:443"
    );
}

pub fn other_protocols_are_told_and_closed(mut house: House) {
    let world = world(&mut house, "");
    let words = ["tcp 10.1.2.3:22 SSH-2.0-agent", "tcp 198.18.0.1:25 ''"];
    check(
        &house,
        "shell",
        &words,
        expect![[r#"
        tcp 10.1.2.3:22 SSH-2.0-agent: closed
        tcp 198.18.0.1:25 : closed
        ! forbidden_protocol connect tcp: 10.1.2.3:22 (ssh was spoken; only 443 (TLS) and 80 (HTTP) can be reached) x1
        ! forbidden_protocol connect tcp: 198.18.0.1:25 (smtp was expected; only 443 (TLS) and 80 (HTTP) can be reached) x1
        succeeded:
    "#]],
    );
    assert!(world.asked.lock().expect("no panic").is_empty());
}

pub fn network_limits_hold(mut house: House) {
    world(&mut house, "max_connections: 3, max_bandwidth_kb_per_sec: 1024, max_transfer_mb: 1");
    check(
        &house,
        "holder",
        &["hold 5 good.example"],
        expect![[r#"
        hold 5 good.example: 3 of them
        ! network_rate connect tcp: 3 connections at a time (more than 3 connections of a run at a time) x2
        succeeded:
    "#]],
    );
    check(
        &house,
        "pourer",
        &["pour - good.example"],
        expect![[r#"
        pour - good.example: ended
        ! network_volume transfer: 1048576 bytes a run, reached with good.example:80 () x1
        succeeded:
    "#]],
    );
    // It can't have been faster than its megabyte a second, on whatever machine.
    let pourer = house.agent("pourer");
    let took = house.handle().read(|state| {
        let run = state.agents[&pourer].recent.back().expect("a run");
        run.ended.since(run.started.expect("started"))
    });
    assert!(took >= 800, "a megabyte in {took} ms");
    world(&mut house, "");
    check(
        &house,
        "asker",
        &["many 500 good.example"],
        expect![[r#"
        many 500 good.example: 50 or more good, then HTTP/1.1 429 Refused
        ! network_rate request http: good.example:80 (more than max_network_requests: 50 a minute) x1
        succeeded:
    "#]],
    );
}

pub fn a_network_that_fails_ends_the_run(mut house: House) {
    house.begin_in(Arc::new(|_, _| Err(io::Error::other("no thread for it"))));
    allow(&house, "", &["good.example", "other.example"]);
    check(
        &house,
        "cut",
        &["tcp 127.0.0.1:3128 x"],
        expect![[r#"
        failed: its network can't be served: no thread for it
    "#]],
    );
    assert_eq!(house.records(), 0);
}
