//! Questions of DNS and the answers that are made here: nothing is ever asked elsewhere for them.

use std::net::Ipv4Addr;

/// Longest question that is read; one name of at most 255 bytes fits well.
pub const LONGEST: usize = 512;

/// How long the answer holds; it never changes within a run.
const TTL_S: u32 = 60;

const A: u16 = 1;
const INTERNET: u16 = 1;

/// One question.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    id: [u8; 2],
    is_recursion_desired: bool,
    /// The name with dots, as it was written.
    pub name: Vec<u8>,
    kind: u16,
    class: u16,
    /// As it stood in the message.
    raw: Vec<u8>,
}

/// Reads a message with one question; anything else is none.
pub fn question(message: &[u8]) -> Option<Question> {
    let header = message.get(..12)?;
    let is_query = header[2] & 0b1111_1000 == 0;
    if message.len() > LONGEST || !is_query || header[4..6] != [0, 1] {
        return None;
    }
    let (mut at, mut name) = (12, Vec::new());
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        // Above 63 it is a pointer, which a question has no use for.
        if length > 63 || name.len() + length > 254 {
            return None;
        }
        let label = message.get(at..at + length)?;
        // A dot inside a part would read as two parts.
        if label.contains(&b'.') {
            return None;
        }
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(label);
        at += length;
    }
    let tail = message.get(at..at + 4)?;
    Some(Question {
        id: [header[0], header[1]],
        is_recursion_desired: header[2] & 1 != 0,
        name,
        kind: u16::from_be_bytes([tail[0], tail[1]]),
        class: u16::from_be_bytes([tail[2], tail[3]]),
        raw: message[12..at + 4].to_vec(),
    })
}

/// The answer: the address of a name that has one, nothing for other records of it, and for any
/// other name that there is none.
pub fn answer(question: &Question, address: Option<Ipv4Addr>) -> Vec<u8> {
    let is_known = address.is_some();
    let address = address.filter(|_| question.kind == A && question.class == INTERNET);
    let mut out = question.id.to_vec();
    out.push(0b1000_0000 | u8::from(question.is_recursion_desired));
    out.push(0b1000_0000 | if is_known { 0 } else { 3 });
    out.extend([0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    out.extend_from_slice(&question.raw);
    if let Some(address) = address {
        out.extend([0xc0, 12, 0, 1, 0, 1]);
        out.extend(TTL_S.to_be_bytes());
        out.extend([0, 4]);
        out.extend(address.octets());
    }
    out
}
