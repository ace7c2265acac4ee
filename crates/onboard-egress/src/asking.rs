//! The other end: a request to a door of the broker, made inside of a run over the run's own network.
//! Plain HTTP/1.1 that never leaves it, one request a connection.

use crate::http1::LONGEST;
use core::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Bytes of an answer: a model's longest text is a tenth of it.
const MOST: u64 = 2 << 20;
/// How long a server may be silent: as long as the broker waits for it.
const SILENCE: Duration = Duration::from_secs(300);
const FIELDS: usize = 128;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why nothing usable came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnswered {
    /// It is no address of a door.
    Address(String),
    Unreachable(String),
    /// What came is no whole answer of HTTP/1.
    Unusable(&'static str),
}

impl fmt::Display for NotAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(url) => write!(f, "`{url}` is no address of a door"),
            Self::Unreachable(why) => write!(f, "it can't be reached: {why}"),
            Self::Unusable(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for NotAnswered {}

/// Posts JSON to a door, with the run's token.
///
/// # Errors
/// When there is no connection, or no whole answer of at most 2 MiB.
pub fn post(url: &str, token: &str, body: &[u8]) -> Result<Answer, NotAnswered> {
    let address = || NotAnswered::Address(url.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(address)?;
    let (host, path) = rest.find('/').map(|at| rest.split_at(at)).ok_or_else(address)?;
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || ![host, path, token].into_iter().all(is_plain) {
        return Err(address());
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().map_err(|_| address())?),
        None => (host, 80),
    };
    exchange(name, port, &head(host, path, token, body.len()), body)
        .map_err(|error| NotAnswered::Unreachable(error.to_string()))
        .and_then(|heard| read(&heard))
}

fn head(host: &str, path: &str, token: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
}

fn exchange(name: &str, port: u16, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((name, port))?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;
    let mut heard = Vec::new();
    (&mut stream).take(MOST + 1).read_to_end(&mut heard)?;
    // Who has heard enough owes nobody a farewell.
    let _ = stream.shutdown(Shutdown::Both);
    Ok(heard)
}

/// A whole answer from all that was heard.
fn read(heard: &[u8]) -> Result<Answer, NotAnswered> {
    let unusable = |why| Err(NotAnswered::Unusable(why));
    if heard.len() as u64 > MOST {
        return unusable("its answer is longer than 2 MiB");
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(heard) {
        Ok(httparse::Status::Complete(length)) if length <= LONGEST => length,
        Ok(httparse::Status::Complete(_)) => return unusable("the head of its answer is too long"),
        Ok(httparse::Status::Partial) => {
            return unusable("it was cut off in the head of its answer");
        }
        Err(_) => return unusable("it does not speak HTTP/1"),
    };
    let status = response.code.unwrap_or_default();
    let field = |name: &str| {
        let field = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        field.and_then(|field| core::str::from_utf8(field.value).ok()).map(str::trim)
    };
    let body = &heard[length..];
    let body = match (field("transfer-encoding"), field("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => pieces(body)?,
        (Some(_), _) => return unusable("its answer is packed in a way that is not known here"),
        (None, Some(length)) => {
            match length.parse::<usize>().ok().and_then(|all| body.get(..all)) {
                Some(body) => body.to_vec(),
                None => return unusable("its answer was cut off"),
            }
        }
        (None, None) => body.to_vec(),
    };
    Ok(Answer { status, body })
}

/// A body that came in pieces.
fn pieces(mut rest: &[u8]) -> Result<Vec<u8>, NotAnswered> {
    let cut = NotAnswered::Unusable("its answer was cut off");
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((begin, size))) = httparse::parse_chunk_size(rest) else {
            return Err(cut);
        };
        if size == 0 {
            return Ok(body);
        }
        let end = usize::try_from(size).ok().and_then(|size| begin.checked_add(size));
        let piece = end.and_then(|end| Some((rest.get(begin..end)?, rest.get(end..)?)));
        let Some((piece, after)) = piece else { return Err(cut) };
        body.extend_from_slice(piece);
        rest = after.strip_prefix(b"\r\n").ok_or_else(|| cut.clone())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::net::TcpListener;

    /// A server that hears one request and answers as it is told; what came of asking it.
    fn check(answer: &'static [u8], expected: Expect) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut heard = Vec::new();
            let mut piece = [0; 512];
            while !heard.ends_with(b"{}") {
                let count = stream.read(&mut piece).expect("a request");
                heard.extend_from_slice(&piece[..count]);
            }
            stream.write_all(answer).expect("an answer");
            String::from_utf8(heard).expect("text")
        });
        let answer = post(&format!("http://{address}/v1/x"), "aio-1", b"{}");
        let heard = server.join().expect("it ended");
        assert!(heard.contains("Authorization: Bearer aio-1\r\n"), "{heard}");
        let shown = match answer {
            Ok(answer) => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn answers_and_faults() {
        check(b"HTTP/1.1 200 Fine\r\nContent-Length: 4\r\n\r\nfine", expect!["200 fine"]);
        check(b"HTTP/1.1 402 Refused\r\n\r\nno room", expect!["402 no room"]);
        check(
            b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2;x=y\r\nne\r\n0\r\n\r\n",
            expect!["200 fine"],
        );
        check(
            b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\nf\r\nne",
            expect!["error: its answer was cut off"],
        );
        check(
            b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nne",
            expect!["error: its answer was cut off"],
        );
        check(
            b"HTTP/1.1 200 Fine\r\nContent-Length: 400\r\n\r\nfine",
            expect!["error: its answer was cut off"],
        );
        check(b"HTTP/1.1 200 Fi", expect!["error: it was cut off in the head of its answer"]);
        check(b"", expect!["error: it was cut off in the head of its answer"]);
        check(b"SSH-2.0-OpenSSH\r\n", expect!["error: it does not speak HTTP/1"]);
        check(
            b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: gzip\r\n\r\nx",
            expect!["error: its answer is packed in a way that is not known here"],
        );
    }

    #[test]
    fn an_answer_without_end_is_cut_off_here() {
        let mut heard = b"HTTP/1.1 200 Fine\r\n\r\n".to_vec();
        heard.resize(usize::try_from(MOST).expect("small") + 1, b'x');
        let answer = read(&heard).expect_err("too long");
        expect!["its answer is longer than 2 MiB"].assert_eq(&answer.to_string());
    }

    #[test]
    fn only_doors_are_asked() {
        for url in ["https://a/v1", "http://a", "http:///v1", "http://a/ b", "http://a:x/v1", ""] {
            assert!(matches!(post(url, "t", b""), Err(NotAnswered::Address(_))), "{url}");
        }
        assert!(matches!(post("http://a/v1", "t\r\nx: y", b""), Err(NotAnswered::Address(_))));
    }
}
