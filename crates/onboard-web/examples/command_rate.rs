//! How many commands a daemon answers: `command_rate SOCKET CLIENTS MILLISECONDS`.
//!
//! Each client has one connection and one agent, which it pauses and resumes in turn; the answer
//! comes when the command is durable. Prints one JSON line.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]

use onboard_domain::{AgentId, Command, Via};
use onboard_web::api::{AgentRow, BASE, CommandRequest};
use onboard_web::client::Client;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, clients, milliseconds] = arguments.as_slice() else {
        panic!("usage: command_rate SOCKET CLIENTS MILLISECONDS");
    };
    let socket = Path::new(socket);
    let clients: usize = clients.parse().expect("a number");
    let limit = Duration::from_millis(milliseconds.parse().expect("a number"));
    let rows: Vec<AgentRow> =
        Client::new(socket).expect("a client").items("/agents", &[]).expect("agents");
    assert!(rows.len() >= clients, "{} agents for {clients} clients", rows.len());
    let ids = rows.iter().map(|row| row.id.parse().expect("an id"));
    let gate = &Barrier::new(clients + 1);
    let (waits, took) = std::thread::scope(|scope| {
        let threads: Vec<_> = ids
            .take(clients)
            .map(|agent| scope.spawn(move || ask(socket, agent, limit, gate)))
            .collect();
        gate.wait();
        let begun = Instant::now();
        let waits: Vec<u64> =
            threads.into_iter().flat_map(|thread| thread.join().expect("a client")).collect();
        (waits, begun.elapsed())
    });
    println!("{}", report(waits, took));
}

fn report(mut waits: Vec<u64>, took: Duration) -> serde_json::Value {
    waits.sort_unstable();
    let at = |permille: usize| waits[(waits.len() - 1) * permille / 1000];
    serde_json::json!({
        "commands": waits.len(),
        "per_second": waits.len() as f64 / took.as_secs_f64(),
        "p50_us": at(500),
        "p99_us": at(990),
    })
}

/// Microseconds that each command waited for its answer.
fn ask(socket: &Path, agent: AgentId, limit: Duration, gate: &Barrier) -> Vec<u64> {
    let stream = UnixStream::connect(socket).expect("the daemon");
    let mut reader = BufReader::new(stream.try_clone().expect("a second descriptor"));
    let mut stream = stream;
    let requests =
        [Command::Pause { agents: vec![agent] }, Command::Resume { agents: vec![agent] }]
            .map(request);
    gate.wait();
    let begun = Instant::now();
    let mut waits = Vec::new();
    for request in requests.iter().cycle() {
        if begun.elapsed() >= limit {
            break;
        }
        let asked = Instant::now();
        stream.write_all(request).expect("a request");
        answer(&mut reader).expect("an answer");
        waits.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    waits
}

fn request(command: Command) -> Vec<u8> {
    let body = CommandRequest { command, why: "measured".into(), via: Via::Api };
    let body = serde_json::to_string(&body).expect("a request");
    let length = body.len();
    format!(
        "POST {BASE}/commands HTTP/1.1\r\nhost: ai-onboard\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Reads an answer, which must be a good one.
fn answer(reader: &mut impl BufRead) -> io::Result<()> {
    let (mut line, mut length, mut head) = (String::new(), 0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    match head.starts_with("HTTP/1.1 200") {
        true => Ok(()),
        false => Err(io::Error::other(format!("{head}{}", String::from_utf8_lossy(&body)))),
    }
}
