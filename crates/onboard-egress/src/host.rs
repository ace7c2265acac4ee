//! Names of hosts, read in one way for every way of asking.
//!
//! A name is compared byte for byte with the allow list, so there is one form of each: lower-case
//! ASCII without the final dot. Names in other letters must come in their ASCII form (`xn--…`).

use core::fmt;

/// Longest name and longest part of one, as DNS has them.
const NAME: usize = 253;
const LABEL: usize = 63;

/// A host's name in its one form; never an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host(String);

/// Why a text names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    Empty,
    TooLong,
    EmptyLabel,
    /// A user before the host.
    User,
    /// An address, in whatever spelling a resolver would take for one.
    Address,
    NotAscii,
    Character,
    Hyphen,
    Port,
    NoPort,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no host is named",
            Self::TooLong => "the host is too long for any name",
            Self::EmptyLabel => "the host has an empty part",
            Self::User => "a user stands before the host",
            Self::Address => "an address is no name, and only names can be allowed",
            Self::NotAscii => "the host has letters that DNS doesn't have",
            Self::Character => "the host has a character that no name has",
            Self::Hyphen => "a part of the host starts or ends with a hyphen",
            Self::Port => "the port is no number between 1 and 65535",
            Self::NoPort => "no port is named",
        })
    }
}

impl Host {
    /// Reads a name as it stands in a request, a `ClientHello` or a question of DNS.
    ///
    /// # Errors
    /// Whatever could be read in two ways.
    pub fn parse(text: &[u8]) -> Result<Host, HostError> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if text.contains(&b'@') {
            return Err(HostError::User);
        }
        if text.iter().any(|b| matches!(b, b':' | b'[' | b']')) {
            return Err(HostError::Address);
        }
        if !text.is_ascii() {
            return Err(HostError::NotAscii);
        }
        if text.len() > NAME {
            return Err(HostError::TooLong);
        }
        for label in text.split(|b| *b == b'.') {
            check_label(label)?;
        }
        let name: String = text.iter().map(|b| char::from(b.to_ascii_lowercase())).collect();
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err(HostError::Address);
        }
        Ok(Host(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host with its port, as `CONNECT` and `Host:` have it. Without `default_port` one must be
/// written.
///
/// # Errors
/// Whatever could be read in two ways.
pub fn authority(text: &[u8], default_port: Option<u16>) -> Result<(Host, u16), HostError> {
    if text.starts_with(b"[") || text.iter().filter(|b| **b == b':').count() > 1 {
        return Err(if text.contains(&b'@') { HostError::User } else { HostError::Address });
    }
    match text.iter().position(|b| *b == b':') {
        None => Ok((Host::parse(text)?, default_port.ok_or(HostError::NoPort)?)),
        Some(at) => Ok((Host::parse(&text[..at])?, port(&text[at + 1..])?)),
    }
}

fn port(digits: &[u8]) -> Result<u16, HostError> {
    if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(HostError::Port);
    }
    let number = digits.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    u16::try_from(number).ok().filter(|port| *port != 0).ok_or(HostError::Port)
}

fn check_label(label: &[u8]) -> Result<(), HostError> {
    if label.is_empty() {
        return Err(HostError::EmptyLabel);
    }
    if label.len() > LABEL {
        return Err(HostError::TooLong);
    }
    if !label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-') {
        return Err(HostError::Character);
    }
    if label.starts_with(b"-") || label.ends_with(b"-") {
        return Err(HostError::Hyphen);
    }
    Ok(())
}

/// Whether a name with this last part would be taken for an IPv4 address: `1`, `0x7f`.
fn is_number(label: &str) -> bool {
    let hexadecimal = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
    label.bytes().all(|b| b.is_ascii_digit()) || label.strip_prefix("0x").is_some_and(hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(cases: &[&str], expect: Expect) {
        let line = |case: &&str| match authority(case.as_bytes(), Some(443)) {
            Ok((host, port)) => format!("{case:?}: {host} {port}\n"),
            Err(error) => format!("{case:?}: {error}\n"),
        };
        expect.assert_eq(&cases.iter().map(line).collect::<String>());
    }

    #[test]
    fn one_form_of_each_name_and_no_address_in_any_spelling() {
        check(
            &[
                "github.com",
                "GitHub.COM.:443",
                "xn--bcher-kva.example:8443",
                "bücher.example",
                "",
                ".",
                "a..b",
                "github.com..",
                "user@github.com:443",
                "github.com@evil.example",
                "github.com\0.evil.example",
                "github.com\r\nx",
                "github.com%2eevil.example",
                "*.example.org",
                "-a.example",
                "github.com:0",
                "github.com:65536",
                "github.com:+443",
                "github.com:",
                "127.0.0.1",
                "2130706433",
                "0x7f.1",
                "0177.0.0.1",
                "127.0.0.0x1",
                "[::1]:443",
                "::ffff:127.0.0.1",
                "http://x",
            ],
            expect![[r#"
                "github.com": github.com 443
                "GitHub.COM.:443": github.com 443
                "xn--bcher-kva.example:8443": xn--bcher-kva.example 8443
                "bücher.example": the host has letters that DNS doesn't have
                "": no host is named
                ".": no host is named
                "a..b": the host has an empty part
                "github.com..": the host has an empty part
                "user@github.com:443": a user stands before the host
                "github.com@evil.example": a user stands before the host
                "github.com\0.evil.example": the host has a character that no name has
                "github.com\r\nx": the host has a character that no name has
                "github.com%2eevil.example": the host has a character that no name has
                "*.example.org": the host has a character that no name has
                "-a.example": a part of the host starts or ends with a hyphen
                "github.com:0": the port is no number between 1 and 65535
                "github.com:65536": the port is no number between 1 and 65535
                "github.com:+443": the port is no number between 1 and 65535
                "github.com:": the port is no number between 1 and 65535
                "127.0.0.1": an address is no name, and only names can be allowed
                "2130706433": an address is no name, and only names can be allowed
                "0x7f.1": an address is no name, and only names can be allowed
                "0177.0.0.1": an address is no name, and only names can be allowed
                "127.0.0.0x1": an address is no name, and only names can be allowed
                "[::1]:443": an address is no name, and only names can be allowed
                "::ffff:127.0.0.1": an address is no name, and only names can be allowed
                "http://x": the port is no number between 1 and 65535
            "#]],
        );
    }
}
