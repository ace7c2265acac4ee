//! Secrets in a text: found by the published forms of tokens, and by assignments that look random.
//!
//! A rule that cries wolf is turned off by its users, so each asks for more than a prefix: the
//! exact alphabet and length of the form, an edge before and after it, and letters that vary.
//! What was found is never repeated: a report names the rule and the length, a redacted text has a
//! mark in its place.

mod assignment;
mod forms;
mod key;
mod stream;

pub use stream::LineScreen;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// Secrets that are told of one text; a text with more is one that nobody should keep anyway, and
/// it is redacted as a whole.
pub const MOST: usize = 100;

/// A secret and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Stable name, such as `github-token`.
    pub rule: &'static str,
    /// Bytes of the text.
    pub range: Range<usize>,
}

/// The secrets of a text, in its order, none inside of another; at most [`MOST`].
pub fn scan(text: &str) -> Vec<Secret> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() && found.len() < MOST {
        match at_place(bytes, at) {
            Some(secret) => {
                at = secret.range.end;
                found.push(secret);
            }
            None => at += 1,
        }
    }
    found
}

/// What begins at this byte.
fn at_place(bytes: &[u8], at: usize) -> Option<Secret> {
    let (rule, range) = match bytes[at] {
        b'-' => key::private_key(bytes, at)?,
        b':' if bytes[at..].starts_with(b"://") => assignment::password_in_url(bytes, at)?,
        b':' | b'=' => assignment::assigned(bytes, at)?,
        _ => forms::token(bytes, at)?,
    };
    Some(Secret { rule, range })
}

/// The text with a mark in place of each secret, and the secrets' rules; `None` when it has none.
pub fn redact(text: &str) -> Option<(String, Vec<&'static str>)> {
    let found = scan(text);
    if found.is_empty() {
        return None;
    }
    let rules = found.iter().map(|secret| secret.rule).collect();
    if found.len() >= MOST {
        return Some((mark("many secrets"), rules));
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for Secret { rule, range } in found {
        out.push_str(&text[from..range.start]);
        out.push_str(&mark(rule));
        from = range.end;
    }
    out.push_str(&text[from..]);
    Some((out, rules))
}

/// What stands in a secret's place.
pub fn mark(rule: &str) -> String {
    alloc::format!("[redacted: {rule}]")
}

/// Whether no word ends just before `at`, so that a token can begin there. In JSON the letter of
/// an escape such as `\n` is no part of a word.
fn is_edge(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return true };
    let escape = matches!(bytes[before], b'n' | b'r' | b't' | b'b' | b'f')
        && before.checked_sub(1).is_some_and(|slash| bytes[slash] == b'\\');
    escape || !(bytes[before].is_ascii_alphanumeric() || bytes[before] == b'_')
}

/// Different bytes among these.
fn variety(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    seen.iter().filter(|seen| **seen).count()
}

/// What people write where a secret would stand.
fn is_placeholder(bytes: &[u8]) -> bool {
    const WORDS: [&str; 12] = [
        "example",
        "xxxx",
        "placeholder",
        "changeme",
        "your",
        "redacted",
        "dummy",
        "sample",
        "fake",
        "0000000000",
        "1234567890",
        "abcdef",
    ];
    let lower = bytes.to_ascii_lowercase();
    let has = |word: &str| lower.windows(word.len()).any(|window| window == word.as_bytes());
    WORDS.into_iter().any(has)
}
