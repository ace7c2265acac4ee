//! The first message of TLS: which host it is for, as far as anybody outside can see.

/// Longest `ClientHello` that is read, with the frames around it. Real ones are below 4 KiB, those
/// with post-quantum keys included.
pub const LONGEST: usize = 16 * 1024;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// The beginning of one: more is needed.
    More,
    Hello(Hello),
    /// Not TLS, or TLS that nobody can be sure of.
    Other,
}

/// What a `ClientHello` shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hello {
    pub name: Option<Vec<u8>>,
    /// A second, encrypted one is inside, for a host that nobody outside can see.
    pub has_encrypted: bool,
}

/// Looks at the first bytes of a connection.
pub fn look(bytes: &[u8]) -> Look {
    let more = if bytes.len() < LONGEST { Look::More } else { Look::Other };
    let Some(message) = unframe(bytes) else { return Look::Other };
    if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Look::Other;
    }
    let Some(length) = message.get(1..4) else { return more };
    let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    if length > LONGEST {
        return Look::Other;
    }
    match message.get(4..4 + length) {
        None => more,
        Some(body) => hello(body).map_or(Look::Other, Look::Hello),
    }
}

/// The handshake's bytes without the frames of the record layer, as far as they are there.
fn unframe(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    while let Some(kind) = bytes.first() {
        let version = bytes.get(1).copied().unwrap_or(3);
        if *kind != HANDSHAKE || version != 3 {
            return None;
        }
        let Some(header) = bytes.get(..5) else { break };
        let length = usize::from(header[3]) << 8 | usize::from(header[4]);
        if length == 0 {
            return None;
        }
        let end = bytes.len().min(5 + length);
        message.extend_from_slice(&bytes[5..end]);
        bytes = &bytes[end..];
        if is_whole(&message) {
            break;
        }
    }
    Some(message)
}

fn is_whole(message: &[u8]) -> bool {
    message.get(1..4).is_some_and(|length| {
        message.len() >= 4 + length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    })
}

fn hello(body: &[u8]) -> Option<Hello> {
    let mut rest = body.get(2 + 32..)?;
    take(&mut rest, 1)?;
    take(&mut rest, 2)?;
    take(&mut rest, 1)?;
    if rest.is_empty() {
        return Some(Hello::default());
    }
    let mut extensions = take(&mut rest, 2)?;
    let mut hello = Hello::default();
    while !extensions.is_empty() {
        let kind = u16::from_be_bytes(extensions.get(..2)?.try_into().ok()?);
        extensions = &extensions[2..];
        let value = take(&mut extensions, 2)?;
        match kind {
            SERVER_NAME if hello.name.is_some() => return None,
            SERVER_NAME => hello.name = Some(server_name(value)?.to_vec()),
            ENCRYPTED_CLIENT_HELLO => hello.has_encrypted = true,
            _ => {}
        }
    }
    rest.is_empty().then_some(hello)
}

/// The one name of the list: a second one would leave open which is meant.
fn server_name(mut value: &[u8]) -> Option<&[u8]> {
    let mut list = take(&mut value, 2)?;
    let (kind, rest) = list.split_first()?;
    list = rest;
    let name = take(&mut list, 2)?;
    (*kind == 0 && list.is_empty() && value.is_empty()).then_some(name)
}

/// A part with its length in so many bytes before it.
fn take<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let length = rest.get(..width)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let part = rest.get(width..width + length)?;
    *rest = &rest[width + length..];
    Some(part)
}
