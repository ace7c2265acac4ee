//! Private keys in their armour: `-----BEGIN … PRIVATE KEY-----`.

use core::ops::Range;

pub(super) const RULE: &str = "private-key";
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
/// Letters in a row that make it a key: its lines have 64, the smallest key of a curve a few less.
const LEAST: usize = 40;
/// Bytes of a key with its armour: 16,384 bits are about 13,000, escaped as JSON a little more.
const ARMOUR_MAX: usize = 64 * 1024;

/// The key whose armour begins at `at`; one without an end goes as far as it looks like a key.
pub(super) fn private_key(bytes: &[u8], at: usize) -> Option<(&'static str, Range<usize>)> {
    let body = at + header(&bytes[at..])?;
    let rest = &bytes[body..];
    let mut run = 0;
    let mut key_end = None;
    for (index, byte) in rest.iter().enumerate().take(ARMOUR_MAX) {
        if *byte == b'-' && rest[index..].starts_with(END) {
            key_end = key_end.map(|_| index + footer(&rest[index..]));
            break;
        }
        // The next one is looked at for itself: a text of beginnings alone is gone through once.
        if *byte == b'-' && rest[index..].starts_with(BEGIN) {
            break;
        }
        run = if is_of_key(*byte) { run + 1 } else { 0 };
        if run >= LEAST {
            key_end = Some(index + 1);
        }
        // White space, also as JSON has it, and the lines that may stand before a key.
        let is_between = byte.is_ascii_whitespace() || matches!(byte, b'\\' | b':' | b',' | b'-');
        if run == 0 && !is_between {
            break;
        }
    }
    key_end.map(|end| (RULE, at..body + end))
}

/// Where the armour's first line ends, if it is one of a private key.
pub(super) fn header(bytes: &[u8]) -> Option<usize> {
    let name = bytes.strip_prefix(BEGIN)?;
    let is_name = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b' ';
    let length = name.iter().take(60).take_while(is_name).count();
    let named = &name[..length];
    let is_private = named.ends_with(b"PRIVATE KEY") || named.ends_with(b"PRIVATE KEY BLOCK");
    (is_private && name[length..].starts_with(b"-----")).then_some(BEGIN.len() + length + 5)
}

/// Whether a line ends the armour.
pub(super) fn ends(line: &[u8]) -> bool {
    line.windows(END.len()).any(|window| window == END)
}

/// Bytes of the armour's last line.
fn footer(bytes: &[u8]) -> usize {
    let name = bytes[END.len()..].iter().take(60).take_while(|byte| **byte != b'-').count();
    let dashes = bytes[END.len() + name..].iter().take(5).take_while(|byte| **byte == b'-').count();
    END.len() + name + dashes
}

/// Whether a byte may be of a key's text.
pub(super) fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
