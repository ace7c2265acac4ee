//! Values without a form of their own that stand where a secret does: `api_key = "…"`, and the
//! password in an address.

use super::{is_edge, is_placeholder, variety};
use core::ops::Range;

/// Ends of names whose values are secret, without `_`, `-` and case.
const NAMES: [&[u8]; 11] = [
    b"password",
    b"passwd",
    b"secret",
    b"token",
    b"apikey",
    b"accesskey",
    b"secretkey",
    b"privatekey",
    b"authkey",
    b"credential",
    b"credentials",
];
/// Bytes of a name that are looked at.
const NAME_MAX: usize = 60;
/// Shortest and longest value: below, a random text can't be told from a word.
const VALUE: (usize, usize) = (16, 200);
/// Thousandths of a bit a letter: random hexadecimal of 32 letters has 3.4 to 3.9 bits, English 3
/// to 3.3 in so short a piece.
const ENTROPY_LEAST: u32 = 3_300;

/// The value assigned by the `=` or `:` at `at`.
pub(super) fn assigned(bytes: &[u8], at: usize) -> Option<(&'static str, Range<usize>)> {
    if !is_secret_name(&bytes[at.saturating_sub(NAME_MAX)..at]) {
        return None;
    }
    let mut from = at + 1;
    // `:=`, `=>`, `==`.
    from += usize::from(matches!(bytes.get(from), Some(b'=' | b'>')));
    from += bytes[from..].iter().take(4).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if bytes.get(from) == Some(&b'\\') && bytes.get(from + 1) == Some(&b'"') {
        from += 1;
    }
    let quote = bytes.get(from).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    from += usize::from(quote.is_some());
    let length =
        bytes[from..].iter().take(VALUE.1 + 1).take_while(|byte| is_of_value(**byte)).count();
    let after = bytes.get(from + length).copied();
    // A sentence's end is not of the value.
    let dots = bytes[from..from + length].iter().rev().take_while(|byte| **byte == b'.').count();
    let length = if quote.is_none() { length - dots } else { length };
    let is_closed = match (quote, after) {
        (Some(_), Some(b'\\')) => true,
        (Some(quote), after) => after == Some(quote),
        (None, after) => after.is_none_or(|byte| {
            byte.is_ascii_whitespace()
                || matches!(byte, b',' | b';' | b'"' | b')' | b']' | b'}' | b'\\')
        }),
    };
    let value = &bytes[from..from + length];
    let is_secret =
        is_closed && (VALUE.0..=VALUE.1).contains(&length) && is_random(value, quote.is_some());
    is_secret.then_some(("secret-assignment", from..from + length))
}

/// Whether the text before an assignment ends with the name of a secret.
fn is_secret_name(before: &[u8]) -> bool {
    let mut letters = [0; NAME_MAX];
    let mut count = 0;
    let text = before.trim_ascii_end();
    let text = text.strip_suffix(b"\"").or_else(|| text.strip_suffix(b"'")).unwrap_or(text);
    let text = text.strip_suffix(b"\\").unwrap_or(text);
    for byte in text.iter().rev() {
        match byte {
            b'_' | b'-' => {}
            byte if byte.is_ascii_alphanumeric() => {
                letters[count] = byte.to_ascii_lowercase();
                count += 1;
            }
            _ => break,
        }
    }
    letters[..count].reverse();
    NAMES.iter().any(|name| letters[..count].ends_with(name))
}

fn is_of_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'+' | b'/'
                | b'='
                | b'_'
                | b'-'
                | b'.'
                | b'~'
                | b'!'
                | b'@'
                | b'#'
                | b'%'
                | b'^'
                | b'&'
                | b'*'
        )
}

/// Whether letters and digits alternate as only chance lets them, and nothing says placeholder.
/// Without quotes it may be a program's own name for something, so more is asked.
fn is_random(value: &[u8], is_quoted: bool) -> bool {
    let turns = value
        .windows(2)
        .filter(|pair| {
            let kind = |byte: u8| (byte.is_ascii_alphabetic(), byte.is_ascii_digit());
            matches!(
                (kind(pair[0]), kind(pair[1])),
                ((true, _), (_, true)) | ((_, true), (true, _))
            )
        })
        .count();
    let least = if is_quoted { (value.len() / 8).max(3) } else { (value.len() / 6).max(4) };
    let is_name = value.contains(&b'.') && !is_quoted;
    let is_place = value.starts_with(b"/") || value.starts_with(b"./") || value.starts_with(b"sha");
    turns >= least
        && !is_name
        && !is_place
        && variety(value) >= 9
        && entropy(value) >= ENTROPY_LEAST
        && !is_placeholder(value)
}

/// Shannon's entropy in thousandths of a bit a byte.
fn entropy(bytes: &[u8]) -> u32 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = log2(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let total: u64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| u64::from(*count) * u64::from(all.saturating_sub(log2(*count))))
        .sum();
    u32::try_from(total / bytes.len().max(1) as u64).unwrap_or(u32::MAX)
}

/// The binary logarithm in thousandths, linear between powers of two: off by less than 0.09.
fn log2(value: u32) -> u32 {
    let whole = value.max(1).ilog2();
    let power = 1_u32 << whole;
    whole * 1_000 + (value.max(1) - power) * 1_000 / power
}

/// The password of `scheme://user:password@host`; `at` is the colon of the scheme.
pub(super) fn password_in_url(bytes: &[u8], at: usize) -> Option<(&'static str, Range<usize>)> {
    let is_of_part = |byte: &&u8| {
        byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'/' | b':'
                    | b'@'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b'<'
                    | b'>'
                    | b'('
                    | b')'
                    | b'['
                    | b']'
                    | b'{'
                    | b'}'
                    | b'$'
                    | b'\\'
                    | b'|'
                    | b','
            )
    };
    let has_scheme = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
    let user = at + 3;
    let user_length = bytes[user..].iter().take(65).take_while(is_of_part).count();
    let from = user + user_length + 1;
    let is_user =
        has_scheme && (1..=64).contains(&user_length) && bytes.get(from - 1) == Some(&b':');
    if !is_user {
        return None;
    }
    let length = bytes[from..].iter().take(129).take_while(is_of_part).count();
    let value = &bytes[from..from + length];
    let is_host = bytes.get(from + length) == Some(&b'@')
        && bytes
            .get(from + length + 1)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'[');
    let is_secret =
        is_host && (8..=128).contains(&length) && variety(value) >= 5 && !is_example(value);
    (is_secret && is_edge(bytes, from)).then_some(("password-in-url", from..from + length))
}

/// What documentation writes for a password.
fn is_example(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"password", b"passwd", b"secret", b"token", b"hunter2", b"****"];
    let lower = value.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|window| window == word);
    is_placeholder(value) || WORDS.into_iter().any(has)
}
