//! What a script inside the sandbox says to its host, a word at a time.

use onboard_domain::Fingerprint;
use onboard_domain::finding::{Finding, Severity};
use onboard_protocol::{ClientError, HostClient, Patient, Stream};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

struct Socket(UnixStream);

impl Stream for Socket {
    type Error = io::Error;

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// It waits for as long as it takes.
impl Patient for Socket {
    fn read_within(
        &mut self,
        buffer: &mut [u8],
        _: std::time::Duration,
    ) -> io::Result<Option<usize>> {
        self.read(buffer).map(Some)
    }
}

pub fn main(words: &[String]) -> ExitCode {
    let socket = onboard_sandbox::inherited_host_socket().expect("the host's socket");
    let mut host = HostClient::new(Socket(socket), "says");
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let said = match word(0) {
        "finding" => host.record_finding(&finding(word(1))).map(|status| println!("{status}")),
        "save" => host.save_checkpoint(word(1), word(2)),
        "save-bytes" => host.save_bytes(word(1), &[0xff, 0x00, b'\n']),
        "load" => host.load_checkpoint(word(1)).map(|text| println!("{text:?}")),
        "fill" => {
            let value = "x".repeat(16_000);
            let mut last = Ok(());
            for n in 0.. {
                let key = format!("k{}", n % 9);
                match host.call("put_state", serde_json::json!({ "key": key, "value": value })) {
                    Ok(_) => {}
                    Err(ClientError::Refused(refusal)) if refusal.code == "busy" => {
                        std::thread::park_timeout(std::time::Duration::from_millis(10));
                    }
                    Err(error) => {
                        last = Err(error);
                        break;
                    }
                }
            }
            last
        }
        "net" => {
            crate::calls::say(word(1), word(2), word(3));
            Ok(())
        }
        "finish" => host.finish(word(1) == "nothing", word(2)),
        // As a client that asks again only when it is told to: nothing else ends the wait.
        "lock" => loop {
            let arguments = serde_json::json!({
                "name": word(1), "ttl_ms": 60_000, "wait_ms": 600_000, "tell": true,
            });
            match host.call("take_lease", arguments) {
                Ok(_) => break Ok(()),
                Err(ClientError::Refused(refusal)) if refusal.code == "waits" => {
                    println!("{}", refusal.message);
                    if let Err(error) = host.lease_is_free(std::time::Duration::MAX) {
                        break Err(error);
                    }
                }
                Err(error) => break Err(error),
            }
        },
        // The host never closes while the run goes on.
        "wait" => host.call("wait_for_ever", serde_json::json!({})).map(drop).or_else(|_| {
            std::thread::park();
            Ok(())
        }),
        "eat" => {
            let mut eaten: Vec<u8> = Vec::new();
            loop {
                eaten.resize(eaten.len() + (1 << 20), 1);
            }
        }
        other => panic!("unknown word {other}"),
    };
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn finding(mark: &str) -> Finding {
    Finding {
        rule: "trial/mark".into(),
        severity: Severity::Low,
        title: format!("a mark: {mark}"),
        detail: String::new(),
        evidence: Vec::new(),
        action: "look".into(),
        target: mark.into(),
        fingerprint: Fingerprint(mark.into()),
        forecast: None,
        worded: None,
    }
}
