//! A `ClientHello` means the same however it is cut into records and packets, and a second reader
//! of it finds the same name.

use crate::clienthello::{Hello, LONGEST, Look, look};

/// See the module.
pub fn check(bytes: &[u8]) {
    let whole = look(bytes);
    let at = bytes.last().map_or(0, |last| usize::from(*last) % bytes.len());
    match look(&bytes[..at]) {
        // What was seen of a part stays true, whatever follows.
        seen @ (Look::Hello(_) | Look::Other) => assert_eq!(seen, whole, "cut at {at}"),
        Look::More => {}
    }
    let Look::Hello(hello) = whole else { return };
    let message = message(bytes).expect("a hello is a message in records");
    assert_eq!(by_cursor(&message), Some(hello), "a second reader");
    for width in [1, 7, 200] {
        let framed = in_records(&message, width);
        let again = look(&framed);
        // Records of one byte can make it longer than anything that is read.
        assert!(again == look(bytes) || framed.len() >= LONGEST);
    }
}

/// The handshake message without its records.
fn message(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut message) = (bytes, Vec::new());
    loop {
        let length = usize::from(u16::from_be_bytes([*rest.get(3)?, *rest.get(4)?]));
        let part = &rest[5..rest.len().min(5 + length)];
        message.extend_from_slice(part);
        rest = &rest[5 + part.len()..];
        if let [_, a, b, c, ..] = message[..] {
            let wanted = 4 + u32::from_be_bytes([0, a, b, c]) as usize;
            if message.len() >= wanted {
                message.truncate(wanted);
                return Some(message);
            }
        }
    }
}

fn in_records(message: &[u8], width: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("a short part").to_be_bytes();
        [&[22, 3, 1, length[0], length[1]], part].concat()
    };
    message.chunks(width).flat_map(record).collect()
}

/// A reader that goes by offsets alone.
fn by_cursor(message: &[u8]) -> Option<Hello> {
    let number = |at: usize, width: usize| {
        let bytes = message.get(at..at + width)?;
        Some(bytes.iter().fold(0_usize, |sum, byte| (sum << 8) + usize::from(*byte)))
    };
    let mut at = 4 + 34;
    at += 1 + number(at, 1)?;
    at += 2 + number(at, 2)?;
    at += 1 + number(at, 1)?;
    let mut hello = Hello::default();
    if at >= message.len() {
        return (at == message.len()).then_some(hello);
    }
    let end = at + 2 + number(at, 2)?;
    at += 2;
    while at < end {
        let (kind, length) = (number(at, 2)?, number(at + 2, 2)?);
        let value = message.get(at + 4..at + 4 + length)?;
        if kind == 0 {
            let name = value.get(5..)?;
            hello.name = hello.name.is_none().then(|| name.to_vec());
            hello.name.as_ref()?;
        }
        hello.has_encrypted |= kind == 0xfe0d;
        at += 4 + length;
    }
    (at == end && end == message.len()).then_some(hello)
}
