//! A stream means the same however it is cut into reads; every answer is one line of JSON; what
//! waits and what is remembered of refusals is bounded.

use onboard_domain::{CallRefusal, Time};
use onboard_protocol::host::{HostAction, HostSession};
use onboard_protocol::{Frame, Framer};
use serde_json::Value;

/// Most calls that may wait, whatever an agent sends.
const WAITING: usize = 1_024;
/// Most refusals that are remembered between two looks.
const REFUSED: usize = 256;

/// See the module.
pub fn check(bytes: &[u8]) {
    let Some((width, stream)) = bytes.split_first() else { return };
    let width = usize::from(*width).max(1);
    let lines = stream.split(|b| *b == b'\n').collect::<Vec<_>>();
    let whole = Framer::new().push(stream);
    let expected: Vec<Frame> = lines[..lines.len() - 1]
        .iter()
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(|line| Frame::Whole(line.to_vec()))
        .collect();
    assert_eq!(whole, expected, "frames are the lines");
    let mut framer = Framer::new();
    let parts: Vec<Frame> = stream.chunks(width).flat_map(|part| framer.push(part)).collect();
    assert_eq!(parts, whole, "reads of {width} bytes");
    let (mut one, mut cut) = (HostSession::new("1"), HostSession::new("1"));
    let actions = one.on_bytes(stream, Time(0));
    let in_parts: Vec<HostAction> =
        stream.chunks(width).flat_map(|part| cut.on_bytes(part, Time(0))).collect();
    assert_eq!(actions, in_parts, "reads of {width} bytes");
    assert!(actions.len() <= whole.len(), "at most one action a frame");
    assert!(one.waiting() <= WAITING, "{} calls wait", one.waiting());
    assert!(one.take_refused().len() <= REFUSED);
    for action in actions {
        let reply = match action {
            HostAction::Reply(bytes) => Some(bytes),
            HostAction::Call { id, .. } => {
                let refusal = CallRefusal::new("no_such", "a trial");
                let reply = one.reply_to(id, &Err(refusal.clone()));
                assert_eq!(one.reply_to(id, &Err(refusal)), None, "answered once");
                reply
            }
        };
        if let Some(reply) = reply {
            is_one_answer(&reply);
        }
    }
    assert_eq!(one.waiting(), 0, "every call was answered or cancelled");
}

fn is_one_answer(reply: &[u8]) {
    let line = reply.strip_suffix(b"\n").unwrap_or(reply);
    assert!(!line.contains(&b'\n'), "one line");
    let value: Value = serde_json::from_slice(line).expect("JSON");
    assert_eq!(value["jsonrpc"], "2.0");
    assert!(value.get("result").is_some() != value.get("error").is_some(), "{value}");
}
