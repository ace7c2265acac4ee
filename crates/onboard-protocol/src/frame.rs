//! Cutting a byte stream into frames: one JSON-RPC message a line.

use alloc::vec::Vec;

/// Longest frame in bytes, without its newline: the largest checkpoint with every byte escaped
/// once, and room for the envelope. What is longer is thrown away up to its newline.
pub const FRAME: usize = 8 * 1024 * 1024;

/// What a line turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line longer than [`FRAME`]; none of it is kept.
    TooLong,
}

/// Collects bytes until a line is whole. Holds at most [`FRAME`] bytes.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    /// Inside a line that was too long, up to its newline.
    skipping: bool,
}

impl Framer {
    /// A framer at the start of a line.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// The frames that `bytes` complete, in order. Empty lines are no frames.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.hold(&rest[..at], &mut frames);
            rest = &rest[at + 1..];
            self.skipping = false;
            let mut line = core::mem::take(&mut self.held);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.is_empty() {
                frames.push(Frame::Whole(line));
            }
        }
        self.hold(rest, &mut frames);
        frames
    }

    fn hold(&mut self, part: &[u8], frames: &mut Vec<Frame>) {
        if self.skipping {
            return;
        }
        if self.held.len() + part.len() > FRAME {
            self.held = Vec::new();
            self.skipping = true;
            frames.push(Frame::TooLong);
        } else {
            self.held.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn whole(text: &str) -> Frame {
        Frame::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_are_cut_however_the_bytes_arrive() {
        let text = b"{\"a\":1}\r\n\n[2]\nrest";
        let mut at_once = Framer::new();
        assert_eq!(at_once.push(text), vec![whole("{\"a\":1}"), whole("[2]")]);
        assert_eq!(at_once.push(b"\n"), vec![whole("rest")]);
        let mut one_by_one = Framer::new();
        let frames: Vec<Frame> =
            text.iter().flat_map(|byte| one_by_one.push(core::slice::from_ref(byte))).collect();
        assert_eq!(frames, vec![whole("{\"a\":1}"), whole("[2]")]);
    }

    #[test]
    fn a_line_beyond_the_bound_is_dropped_once_and_the_next_is_read() {
        let mut framer = Framer::new();
        let piece = vec![b'x'; FRAME / 2 + 1];
        assert_eq!(framer.push(&piece), vec![]);
        assert_eq!(framer.push(&piece), vec![Frame::TooLong]);
        assert_eq!(framer.push(&piece), vec![]);
        assert_eq!(framer.push(b"\nok\n"), vec![whole("ok")]);
        let exact = vec![b'y'; FRAME];
        assert_eq!(framer.push(&exact), vec![]);
        assert_eq!(framer.push(b"\n").len(), 1);
    }
}
