//! What an agent may not have: never printed, and taken out of whatever comes back.

use core::fmt;
use std::io::Write as _;

/// A text that nobody prints by mistake.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text from here on is one.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is it. Every byte is looked at, so that the time tells nothing.
    pub fn is(&self, other: &[u8]) -> bool {
        let own = self.0.as_bytes();
        own.len() == other.len() && own.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The forms in which servers give back what they were sent: as it is, escaped as in JSON and in
/// addresses, and in base64 at each of its three offsets; each in the ways that writers differ in.
pub fn forms(secret: &str) -> Vec<Vec<u8>> {
    let json = in_json(secret);
    let slashes = json.replace('/', "\\/");
    let marks = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let mut forms: Vec<Vec<u8>> =
        [secret.to_string(), json, slashes, marks].map(String::into_bytes).into();
    forms.extend([in_address(secret, true), in_address(secret, false)]);
    for offset in 0..3 {
        let coded = in_base64(secret.as_bytes(), offset);
        let in_names = |byte: &u8| match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => *byte,
        };
        forms.push(coded.iter().map(in_names).collect());
        forms.push(coded);
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms.sort();
    forms.dedup();
    forms
}

/// A form that is shorter than that would be found in ordinary text.
const SHORTEST: usize = 6;

fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    // Its own marks alone: the text may have some at its ends.
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_string()
}

fn in_address(text: &str, is_upper: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(byte),
            byte if byte.is_ascii_alphanumeric() => out.push(byte),
            // Writing to a vector can't fail.
            byte if is_upper => drop(write!(out, "%{byte:02X}")),
            byte => drop(write!(out, "%{byte:02x}")),
        }
    }
    out
}

/// The characters of base64 that stand for these bytes alone, when so many others are before them.
fn in_base64(bytes: &[u8], offset: usize) -> Vec<u8> {
    let padded = [vec![0; offset], bytes.to_vec()].concat();
    let whole = base64(&padded);
    let from = (offset * 8).div_ceil(6);
    let to = padded.len() * 8 / 6;
    whole.as_bytes().get(from..to).unwrap_or_default().to_vec()
}

/// Base64 with its padding.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// The bytes of a text in base64, padded or not.
pub fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    let (mut out, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    Some(out)
}

/// Puts asterisks over secrets in a stream, however it is cut into pieces. Lengths stay.
pub struct Redactor {
    forms: Vec<Vec<u8>>,
    /// What may be the beginning of one.
    held: Vec<u8>,
}

impl Redactor {
    /// Takes these texts out.
    pub fn new(forms: Vec<Vec<u8>>) -> Redactor {
        Redactor { forms, held: Vec::new() }
    }

    /// The next piece; what may be the beginning of a secret is kept until more is known.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(piece);
        self.cover(&mut text);
        let kept = (0..text.len()).find(|at| self.begins(&text[*at..])).unwrap_or(text.len());
        self.held = text.split_off(kept);
        text
    }

    /// What was kept, when nothing comes any more.
    pub fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn begins(&self, rest: &[u8]) -> bool {
        self.forms.iter().any(|form| rest.len() < form.len() && form.starts_with(rest))
    }

    fn cover(&self, text: &mut [u8]) {
        for form in &self.forms {
            let mut at = 0;
            while let Some(found) = find(&text[at..], form) {
                text[at + found..at + found + form.len()].fill(b'*');
                at += found + form.len();
            }
        }
    }
}

fn find(text: &[u8], form: &[u8]) -> Option<usize> {
    let (first, rest) = form.split_first()?;
    let last = text.len().checked_sub(form.len())?;
    (0..=last).find(|at| text[*at] == *first && text[at + 1..].starts_with(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter22")), "(secret)");
        assert!(
            Secret::new("a").is(b"a") && !Secret::new("a").is(b"b") && !Secret::new("a").is(b"ab")
        );
    }

    #[test]
    fn however_an_answer_is_cut_nothing_of_a_secret_is_left() {
        let secret = "sk-\"canary\"/0123456789+x";
        for before in ["", "a", "ab", "abc"] {
            let coded = base64(format!("{before}{secret}tail").as_bytes());
            let json = serde_json::to_string(secret).expect("text");
            let address = String::from_utf8(in_address(secret, true)).expect("text");
            let text = format!("{secret} {json} {address} {coded} sk-\"cana");
            for size in [1, 2, 7, 64, text.len()] {
                let mut redactor = Redactor::new(forms(secret));
                let mut out = Vec::new();
                for piece in text.as_bytes().chunks(size) {
                    out.extend(redactor.push(piece));
                }
                out.extend(redactor.end());
                let shown = String::from_utf8(out).expect("text");
                assert_eq!(shown.len(), text.len());
                assert!(!shown.contains("canary") && !shown.contains("12345"), "{shown}");
                assert!(shown.ends_with(" sk-\"cana"), "{shown}");
                let part = &coded[before.len().div_ceil(3) * 4 + 4..][..12];
                assert!(!shown.contains(part), "{shown} has {part}");
            }
        }
    }

    #[test]
    fn writers_differ_and_hide_nothing() {
        let secret = "\"canary/0123456789&~>?x~~~\"";
        let coded = base64(secret.as_bytes()).replace('+', "-").replace('/', "_");
        assert!(coded.contains(['-', '_']), "{coded}");
        for text in [
            r#""\"canary\/0123456789&~>?x~~~\"""#,
            r#""\"canary/0123456789\u0026~\u003e?x~~~\"""#,
            "%22canary%2f0123456789%26~%3e%3fx~~~%22",
            &coded,
        ] {
            let mut redactor = Redactor::new(forms(secret));
            let shown = [redactor.push(text.as_bytes()), redactor.end()].concat();
            let shown = String::from_utf8(shown).expect("text");
            assert!(!shown.contains("canary") && !shown.contains(&coded[8..16]), "{shown}");
        }
    }

    #[test]
    fn base64_is_as_others_have_it() {
        let coded = ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes()));
        assert_eq!(coded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
        let back = coded.map(|text| unbase64(text.as_bytes()).expect("base64"));
        assert_eq!(back, ["", "f", "fo", "foo", "foob"].map(|text| text.as_bytes().to_vec()));
        assert_eq!(unbase64(b"Zm9v YmFy"), None);
    }
}
