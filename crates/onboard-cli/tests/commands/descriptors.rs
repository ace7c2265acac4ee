//! A daemon that has no descriptor left for one more connection.

use super::World;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Far more than a daemon at rest has open, and far less than the connections that follow.
const DESCRIPTORS: &str = "96";
const CONNECTIONS: usize = 128;

/// A daemon that can't have more open, whatever it asks for.
fn daemon(world: &World) -> Child {
    let line = format!("ulimit -n {DESCRIPTORS} && exec \"$0\" daemon run");
    #[allow(clippy::disallowed_methods, reason = "the binary under test, with a limit")]
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_ai_onboard")]);
    command.env_clear().env("AI_ONBOARD_HOME", world.home.path()).stdout(Stdio::piped());
    let mut daemon = command.spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    daemon
}

fn ask(mut stream: &UnixStream) {
    stream
        .write_all(b"GET /api/v1/daemon HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
}

/// The first bytes of the answer, or none that came so soon.
fn hear(mut stream: &UnixStream, patience: Duration) -> Option<String> {
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut bytes = [0; 12];
    stream.read_exact(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Hundredths of a second that a process was on a core.
fn on_core(pid: u32) -> u64 {
    let stat =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn it_waits_without_work_and_answers_when_one_is_given_back() {
    let world = World::new();
    let mut daemon = daemon(&world);
    let connect = || UnixStream::connect(world.home.path().join("run/daemon.sock")).unwrap();
    let silent: Vec<UnixStream> = (0..CONNECTIONS).map(|_| connect()).collect();
    let last = connect();
    ask(&last);
    let before = on_core(daemon.id());
    assert_eq!(hear(&last, Duration::from_secs(2)), None, "there is nothing left for it");
    let spent = on_core(daemon.id()) - before;
    assert!(spent < 50, "{spent} hundredths of a second in two: it tries without a pause");
    drop(silent);
    assert_eq!(hear(&last, Duration::from_secs(30)).as_deref(), Some("HTTP/1.1 200"));
    drop(world);
    daemon.wait().unwrap();
}
