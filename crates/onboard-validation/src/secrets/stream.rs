//! Secrets in a stream of lines: what stands on one line, and keys whose armour spans many.

use super::{key, mark, redact};
use alloc::string::String;
use alloc::vec::Vec;

/// Lines that a key's armour may have: 16,384 bits in lines of 64 letters are about two hundred.
const ARMOUR_LINES: usize = 300;

/// Looks at line after line.
#[derive(Clone, Debug, Default)]
pub struct LineScreen {
    /// Lines of armour that may still come.
    armour: usize,
    /// Whether a line of the present key was told already.
    told: bool,
}

impl LineScreen {
    /// The line without secrets and the rules that it touched; `None` when it may stay as it is. A
    /// key is told once, at its first line after the armour's.
    pub fn line(&mut self, line: &str) -> Option<(String, Vec<&'static str>)> {
        if self.armour > 0 {
            return self.inside(line);
        }
        if let Some(redacted) = redact(line) {
            return Some(redacted);
        }
        if opens(line) {
            self.armour = ARMOUR_LINES;
            self.told = false;
        }
        None
    }

    fn inside(&mut self, line: &str) -> Option<(String, Vec<&'static str>)> {
        if key::ends(line.as_bytes()) {
            self.armour = 0;
            return None;
        }
        let text = line.trim();
        let is_of_key = !text.is_empty() && text.bytes().all(key::is_of_key);
        // Lines such as `Proc-Type: 4,ENCRYPTED` and an empty one may stand before the key.
        let is_before = !self.told && (text.is_empty() || text.contains(": "));
        if !is_of_key && !is_before {
            self.armour = 0;
            return self.line(line);
        }
        self.armour -= 1;
        if !is_of_key {
            return None;
        }
        let rules = if self.told { Vec::new() } else { Vec::from([key::RULE]) };
        self.told = true;
        Some((mark(key::RULE), rules))
    }
}

/// Whether a line is where a key's armour begins, with nothing of the key on it.
fn opens(line: &str) -> bool {
    let starts = line.match_indices("-----BEGIN ");
    let opens = |(at, _): (usize, &str)| {
        key::header(&line.as_bytes()[at..]).is_some_and(|end| line[at + end..].trim().is_empty())
    };
    starts.into_iter().any(opens)
}
