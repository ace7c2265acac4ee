//! What the kernel asks a mask, and what it is answered: the part of the FUSE protocol that says no.
//!
//! Only asking what the mask itself is (its type, its size, the room in it) is answered, as listing
//! the folder above does that too and is no attempt at anything. `ENOSYS` is never an answer to
//! opening or to a check of access: the kernel takes it for "no need to ask" and lets them pass.

use crate::plan::INSIDE_ID;

/// Room for a request. The kernel wants 8 KiB, and that of the longest write it may send.
pub const BUFFER: usize = 16 * 1024;

/// The protocol's version we speak; the kernel comes down to it.
const VERSION: [u32; 2] = [7, 31];

/// Longest write: the least that the kernel accepts. None is ever sent, as nothing can be opened.
const MAX_WRITE: u32 = 4096;

const HEADER: usize = 40;

/// Requests that are not simply refused, as the kernel numbers them.
mod request {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const STATFS: u32 = 17;
    pub const GETXATTR: u32 = 22;
    pub const LISTXATTR: u32 = 23;
    pub const INIT: u32 = 26;
    pub const INTERRUPT: u32 = 36;
    pub const BATCH_FORGET: u32 = 42;
    pub const STATX: u32 = 52;
}

/// What is written back.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel wants none.
    None,
    Bytes(Vec<u8>),
}

/// Something that was refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// What was tried.
    pub what: &'static str,
    /// The name inside the mask, if one was asked for.
    pub name: Option<&'a [u8]>,
    /// The thread that tried, by its number inside.
    pub thread: u32,
}

/// A request, taken apart.
struct Request<'a> {
    operation: u32,
    unique: u64,
    thread: u32,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Request<'a>> {
        let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(Request {
            operation: word(4)?,
            unique: u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?),
            thread: word(32)?,
            body: bytes.get(HEADER..)?,
        })
    }

    fn reply(&self, error: i32, body: &[u8]) -> Answer {
        let length = 16 + body.len() as u32;
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend((-error).to_ne_bytes());
        bytes.extend(self.unique.to_ne_bytes());
        bytes.extend(body);
        Answer::Bytes(bytes)
    }
}

/// The answer to a request, and the attempt it was; `None`: this is no request.
pub fn answer(bytes: &[u8], mode: u32) -> Option<(Answer, Option<Attempt<'_>>)> {
    let asked = Request::parse(bytes)?;
    let answer = match asked.operation {
        request::INIT => asked.reply(0, &init()),
        request::GETATTR => asked.reply(0, &attributes(mode)),
        // No blocks, no files, no room.
        request::STATFS => asked.reply(0, &[0; 80]),
        // There are none, and there is no need to ask again; the last is then asked in the old way.
        request::GETXATTR | request::LISTXATTR | request::STATX => asked.reply(libc::ENOSYS, &[]),
        request::FORGET | request::BATCH_FORGET | request::INTERRUPT => Answer::None,
        operation => {
            let name = (operation == request::LOOKUP)
                .then(|| asked.body.split(|byte| *byte == 0).next().unwrap_or_default());
            let attempt = Attempt { what: word(operation), name, thread: asked.thread };
            return Some((asked.reply(libc::EACCES, &[]), Some(attempt)));
        }
    };
    Some((answer, None))
}

/// The words for what can be tried at a mask, which is read-only before it is anything else.
fn word(operation: u32) -> &'static str {
    match operation {
        request::LOOKUP => "look up",
        14 => "open",
        27 => "list",
        34 => "access",
        _ => "other",
    }
}

fn init() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(VERSION.map(u32::to_ne_bytes).concat());
    // No reading ahead, no flags, the kernel's own bounds for the background.
    bytes.extend([0; 12]);
    bytes.extend(MAX_WRITE.to_ne_bytes());
    // Times by the nanosecond; the rest is for flags that are not set.
    bytes.extend(1_u32.to_ne_bytes());
    bytes.resize(64, 0);
    bytes
}

/// A folder or a file closed to everybody, empty, the same for as long as the run lasts.
fn attributes(mode: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(104);
    bytes.extend(u64::from(u32::MAX).to_ne_bytes());
    bytes.extend([0; 8]);
    // The root's number; size, blocks and times.
    bytes.extend(1_u64.to_ne_bytes());
    bytes.extend([0; 52]);
    for word in [mode, 1, INSIDE_ID, INSIDE_ID, 0, 4096, 0] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn request(operation: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER as u32 + body.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(operation.to_ne_bytes());
        bytes.extend(77_u64.to_ne_bytes());
        bytes.extend(1_u64.to_ne_bytes());
        bytes.extend([1000, 1000, 5, 0].map(u32::to_ne_bytes).concat());
        bytes.extend(body);
        bytes
    }

    fn check(operations: impl IntoIterator<Item = u32>, expect: Expect) {
        let line = |operation| {
            let bytes = request(operation, b"name\0more");
            let (answer, attempt) = answer(&bytes, libc::S_IFDIR).expect("a request");
            let said = match answer {
                Answer::None => "nothing".to_owned(),
                Answer::Bytes(bytes) => {
                    let word = |at: usize| {
                        i32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
                    };
                    assert_eq!(word(0), bytes.len() as i32, "its own length");
                    assert_eq!(bytes[8..16], 77_u64.to_ne_bytes(), "to this request");
                    format!("{} and {} bytes", word(4), bytes.len() - 16)
                }
            };
            let attempt = attempt.map_or(String::new(), |a| {
                let name = a.name.map(String::from_utf8_lossy);
                format!(", told: {} {name:?} by {}", a.what, a.thread)
            });
            format!("{operation}: {said}{attempt}\n")
        };
        expect.assert_eq(&operations.into_iter().map(line).collect::<String>());
    }

    #[test]
    fn what_the_mask_is_may_be_asked() {
        check(
            [26, 3, 17, 22, 23, 52, 2, 36, 42],
            expect![[r#"
            26: 0 and 64 bytes
            3: 0 and 104 bytes
            17: 0 and 80 bytes
            22: -38 and 0 bytes
            23: -38 and 0 bytes
            52: -38 and 0 bytes
            2: nothing
            36: nothing
            42: nothing
        "#]],
        );
    }

    #[test]
    fn what_is_in_it_may_not() {
        check(
            [1, 14, 27, 34, 35, 99],
            expect![[r#"
            1: -13 and 0 bytes, told: look up Some("name") by 5
            14: -13 and 0 bytes, told: open None by 5
            27: -13 and 0 bytes, told: list None by 5
            34: -13 and 0 bytes, told: access None by 5
            35: -13 and 0 bytes, told: other None by 5
            99: -13 and 0 bytes, told: other None by 5
        "#]],
        );
    }

    /// To the kernel, "not implemented" says of any of these that there is no need to ask.
    #[test]
    fn nothing_else_is_ever_let_pass() {
        const MAY: [u32; 9] = [26, 3, 17, 22, 23, 52, 2, 36, 42];
        let refusal = (-libc::EACCES).to_ne_bytes();
        for operation in (0..=4096).filter(|operation| !MAY.contains(operation)) {
            let bytes = request(operation, b"");
            let (answer, attempt) = answer(&bytes, libc::S_IFREG).expect("a request");
            let Answer::Bytes(bytes) = answer else { panic!("{operation} is not answered") };
            assert!(bytes[4..8] == refusal && attempt.is_some(), "{operation}");
        }
    }

    #[test]
    fn what_is_no_request_is_not_answered() {
        let whole = request(1, b"");
        assert!((0..whole.len()).all(|length| answer(&whole[..length], 0).is_none()));
    }
}
