//! Attacks on what is done in an agent's place: a credential that it may use and never have.

#![allow(clippy::disallowed_methods, reason = "a hostile program looks where it likes")]

use crate::calls::{PROXY, exchange};

const DOOR: &str = "forge.credential.onboard";

/// A request at the door, with these lines in its head.
fn ask(what: &str, url: &str, lines: &str) {
    let request = format!("GET {url} HTTP/1.1\r\n{lines}\r\n");
    println!("{what}: {}", exchange(PROXY, &[request.as_bytes()]));
}

pub fn a_credential() {
    let token = std::env::var("AI_ONBOARD_TOKEN").expect("a token");
    let own = format!("Authorization: Bearer {token}\r\n");
    let url = format!("http://{DOOR}/");
    let other = "Authorization: Bearer aio-000000000000000000000000000000000000000000000000\r\n";
    ask("use it without a token", &url, "");
    ask("use it with another run's token", &url, other);
    ask("use it as another host", &url, &format!("{own}Host: good.example\r\n"));
    ask("hide a request in pieces", &url, &format!("{own}Transfer-Encoding: chunked\r\n"));
    let lengths = "Content-Length: 0\r\nContent-Length: 30\r\n";
    ask("hide a request behind two lengths", &url, &format!("{own}{lengths}"));
    ask("fold a line into the head", &url, &format!("{own}X: a\r\n b\r\n"));
    ask("ask at another port", &format!("http://{DOOR}:8080/"), &own);
    ask("ask beside it", "http://other.credential.onboard/", &own);
    ask("ask below it", "http://forge.credential.onboard.evil.example/", &own);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    println!("begin with HTTP/2: {}", exchange(PROXY, &[preface]));
    let tunnel = format!("CONNECT {DOOR}:443 HTTP/1.1\r\n\r\n");
    println!("tunnel to it: {}", exchange(PROXY, &[tunnel.as_bytes()]));
    let known = std::env::vars().any(|(_, value)| value.contains(&crate::brokers::canary()));
    println!("find it in the environment: {}", if known { "allowed" } else { "none" });
}
