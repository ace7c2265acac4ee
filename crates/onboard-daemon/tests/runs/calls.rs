//! What a program inside the sandbox says to the network: the words of `says net`.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what a program can connect to is what is tried, and nothing of it leaves the sandbox"
)]

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, connect, recv, send, socket};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

pub const PROXY: &str = "127.0.0.1:3128";

/// One word with two arguments; prints what came of it.
pub fn say(word: &str, at: &str, name: &str) {
    let heard = match word {
        "dns" => look_up(at, name),
        "tcp" => exchange(at, &[name.as_bytes()]),
        "tls" => exchange(at, &[&hello(name)]),
        "http" => exchange(at, &[request(name).as_bytes()]),
        "tunnel" => {
            let connect = format!("CONNECT {name}:443 HTTP/1.1\r\n\r\n");
            exchange(PROXY, &[connect.as_bytes(), &hello(name)])
        }
        "get" => {
            let get = format!("GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n\r\n");
            exchange(PROXY, &[get.as_bytes()])
        }
        "many" => many(at.parse().expect("a number"), name),
        "hold" => hold(at.parse().expect("a number"), name),
        "pour" => pour(name),
        "ask" => ask(at, name),
        "begin" => begin(at, name),
        "trust" => trust(at, name),
        other => panic!("unknown word {other}"),
    };
    println!("{word} {at} {name}: {heard}");
}

pub fn request(name: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n")
}

/// Asks a server for an address; only what comes from that very server is an answer.
pub fn look_up(server: &str, name: &str) -> String {
    let server: SocketAddr = server.parse().expect("an address");
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::DGRAM, None).expect("a socket");
    connect(&socket, &server).expect("connected");
    let mut question = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for part in name.split('.') {
        question.push(u8::try_from(part.len()).expect("short"));
        question.extend(part.bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    send(&socket, &question, SendFlags::empty()).expect("sent");
    let mut answer = [0_u8; 512];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty()).expect("an answer");
    match (answer[3] & 15, answer[..length].last_chunk::<4>()) {
        (0, Some(address)) => Ipv4Addr::from(*address).to_string(),
        (3, _) => "no such name".into(),
        (code, _) => format!("code {code}"),
    }
}

/// The first line that comes back for the last of some words.
pub fn exchange(at: &str, words: &[&[u8]]) -> String {
    let Ok(mut stream) = TcpStream::connect(at) else { return "refused".into() };
    let mut heard = Vec::new();
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).unwrap_or(0);
            if !piece[..length].starts_with(b"HTTP/1.1 200") {
                heard.extend_from_slice(&piece[..length]);
            }
        }
        // Who was refused doesn't read on.
        let _ = stream.write_all(word);
    }
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut heard);
    let text = String::from_utf8_lossy(&heard).into_owned();
    text.lines().next().unwrap_or("closed").to_string()
}

/// Requests one after the other until one is refused, of so many: what became of them. A slow
/// machine is given a few more than its limit says.
pub fn many(most: usize, name: &str) -> String {
    let get = format!("GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n\r\n");
    let mut statuses = (0..most).map(|_| exchange(PROXY, &[get.as_bytes()])).enumerate();
    let refused = statuses.find(|(_, status)| !status.contains(" 200 "));
    let Some((good, status)) = refused else { return "never refused".into() };
    let enough = if good >= 50 { "50 or more" } else { "too few" };
    format!("{enough} good, then {status}")
}

/// So many connections at once: those whose tunnel was opened.
fn hold(count: usize, name: &str) -> String {
    let mut kept = Vec::new();
    for _ in 0..count {
        let Ok(mut stream) = TcpStream::connect(PROXY) else { continue };
        let _ = write!(stream, "CONNECT {name}:443 HTTP/1.1\r\n\r\n");
        let mut piece = [0; 1024];
        if stream.read(&mut piece).is_ok_and(|length| length > 0) {
            kept.push(stream);
        }
    }
    format!("{} of them", kept.len())
}

/// Sends without an end.
fn pour(name: &str) -> String {
    let mut stream = TcpStream::connect(PROXY).expect("the proxy");
    let _ = write!(stream, "POST http://{name}/ HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n");
    while stream.write_all(&[b'x'; 4096]).is_ok() {}
    "ended".into()
}

/// A request at a door of the broker, by a program that knows no proxy; with a body it is a POST.
fn knock(url: &str, body: &str) -> Option<TcpStream> {
    let rest = url.strip_prefix("http://").expect("a door");
    let (host, path) = rest.split_at(rest.find('/').expect("a path"));
    let mut stream = TcpStream::connect((host, 80)).ok()?;
    let token = std::env::var("AI_ONBOARD_TOKEN").unwrap_or_default();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("asked");
    Some(stream)
}

/// The status and the body of an answer, on one line.
fn ask(url: &str, body: &str) -> String {
    let Some(mut stream) = knock(url, body) else { return "no such name".into() };
    let mut heard = String::new();
    stream.read_to_string(&mut heard).expect("an answer");
    let (head, body) = heard.split_once("\r\n\r\n").unwrap_or((&heard, ""));
    let body: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("{} | {}", head.lines().next().unwrap_or("closed"), body.join(" | "))
}

/// Hears the beginning of an answer, says so in a file, and waits for ever.
fn begin(url: &str, body: &str) -> String {
    let mut stream = knock(url, body).expect("a door");
    stream.read_exact(&mut [0]).expect("a beginning");
    std::fs::write("/tmp/begun", "").expect("a file");
    loop {
        std::thread::park();
    }
}

/// A request by TLS, whose other side is held against an authority in a file.
fn trust(authority: &str, name: &str) -> String {
    let authority = std::fs::read(authority).expect("an authority");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.into()).expect("an authority");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = rustls::pki_types::ServerName::try_from(name.to_string()).expect("a name");
    let mut connection = rustls::ClientConnection::new(config.into(), host).expect("a connection");
    let Ok(mut socket) = TcpStream::connect((name, 443)) else { return "no such name".into() };
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n");
    if let Err(error) = stream.write_all(request.as_bytes()) {
        return error.to_string();
    }
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    String::from_utf8_lossy(&heard).lines().next().unwrap_or("closed").to_string()
}

/// A `ClientHello` for a name.
pub fn hello(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).expect("short");
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0, 0]);
    if name.is_empty() {
        body.push(0);
    } else {
        body.extend([length + 9, 0, 0, 0, length + 5, 0, length + 3, 0, 0, length]);
        body.extend(name.as_bytes());
    }
    let body_length = u8::try_from(body.len()).expect("short");
    let mut message = vec![22, 3, 1, 0, body_length + 4, 1, 0, 0, body_length];
    message.extend(body);
    message
}
