//! One request, and what is answered to it: [`ask`] is the agent's side of a door of the
//! [`crate::broker`], from inside a run, and speaks plain HTTP to its own daemon and to nobody else;
//! [`post`] is the daemon's own, and goes where a person said.

use crate::broker::answer::{self, Answer, Framing, Pieces};
use crate::broker::{Server, Target, Tls};
use crate::outside::{Outside, Unreachable};
use std::fmt;
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// What one read takes.
const PIECE: usize = 64 * 1024;

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The door's address as the run was told it, such as `http://forge.credential.onboard`.
    pub door: &'a str,
    /// The run's token.
    pub token: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Further fields of the request.
    pub fields: &'a [(&'a str, &'a str)],
    /// What is posted, as JSON; without it the request is a GET.
    pub json: Option<&'a [u8]>,
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the first look-up to the last byte, however it trickles.
    pub deadline: Duration,
    pub body_bytes: usize,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    pub status: u16,
    /// Names in lower case; what is no text is left out.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The deadline passed.
    Late,
    /// The body is longer than the bound.
    TooLarge,
    /// It is no HTTP.
    Bad(&'static str),
    /// Where it leads may not be dialled.
    Refused(String),
    Broken(io::Error),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("no whole answer came in time"),
            Self::TooLarge => f.write_str("the answer is too long"),
            Self::Bad(why) => f.write_str(why),
            Self::Refused(why) => f.write_str(why),
            Self::Broken(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the answer was cut off")
            }
            Self::Broken(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Unanswered {}

impl From<io::Error> for Unanswered {
    fn from(error: io::Error) -> Unanswered {
        match error.kind() {
            // What a socket says whose time is over depends on the system.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Unanswered::Late,
            _ => Unanswered::Broken(error),
        }
    }
}

/// Asks, and reads the whole answer. `clock` is any that goes on evenly.
///
/// # Errors
/// When no whole answer came within the bounds.
pub fn ask(
    request: &Request<'_>,
    bounds: Bounds,
    clock: &dyn Fn() -> Duration,
) -> Result<Whole, Unanswered> {
    let until = clock() + bounds.deadline;
    let left = || match until.saturating_sub(clock()) {
        Duration::ZERO => Err(Unanswered::Late),
        left => Ok(left),
    };
    let authority =
        request.door.strip_prefix("http://").ok_or(Unanswered::Bad("a door is http"))?;
    let head = head(request, authority)?;
    let mut server = Server::Plain(connect(authority, &left)?);
    send(&mut server, &head, request.json.unwrap_or_default(), &left)?;
    let mut receive = |bytes: &mut [u8]| read(&mut server, bytes, &left);
    let (answer, early) = answer(&mut receive)?;
    let body = body(answer.framing, early, bounds.body_bytes, &mut receive)?;
    Ok(Whole { body, ..begun(answer) })
}

/// What a person wants told to others: one JSON text, to a place that the person named.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    pub target: &'a Target,
    /// Its host may have addresses that are not public.
    pub may_be_private: bool,
    /// Further fields of the request.
    pub fields: &'a [(&'a str, &'a str)],
    pub json: &'a [u8],
}

/// Posts, and reads the head of the answer: what follows it is nobody's. A redirect is an answer like
/// any other. `clock` is any that goes on evenly.
///
/// # Errors
/// When no answer came within `deadline` of the connection, or the host's addresses may not be dialled.
pub fn post(
    post: &Post<'_>,
    (outside, tls): (&dyn Outside, &Tls),
    deadline: Duration,
    clock: &dyn Fn() -> Duration,
) -> Result<Whole, Unanswered> {
    let (authority, length) = (post.target.authority(), post.json.len().to_string());
    let mut fields = vec![("Host", authority.as_str()), ("Connection", "close")];
    fields.extend([("Content-Type", "application/json"), ("Content-Length", &length)]);
    fields.extend(post.fields);
    let path = if post.target.path().is_empty() { "/" } else { post.target.path() };
    let head = written("POST", path, &fields)?;
    let mut server = post.target.dial(outside, tls, post.may_be_private, clock).map_err(
        |error| match error {
            Unreachable::Refused(refusal, _) => Unanswered::Refused(refusal.why),
            Unreachable::Failed(error) => error.into(),
        },
    )?;
    let until = clock() + deadline;
    let left = || match until.saturating_sub(clock()) {
        Duration::ZERO => Err(Unanswered::Late),
        left => Ok(left),
    };
    send(&mut server, &head, post.json, &left)?;
    let mut receive = |bytes: &mut [u8]| read(&mut server, bytes, &left);
    Ok(begun(answer(&mut receive)?.0))
}

fn begun(answer: Answer) -> Whole {
    let field = |(name, value): (String, Vec<u8>)| Some((name, String::from_utf8(value).ok()?));
    let fields = answer.fields.into_iter().filter_map(field).collect();
    Whole { status: answer.status, fields, body: Vec::new() }
}

fn send(server: &mut Server, head: &[u8], body: &[u8], left: &Left<'_>) -> Result<(), Unanswered> {
    server.socket().set_write_timeout(Some(left()?))?;
    server.write_all(head)?;
    server.write_all(body)?;
    Ok(server.flush()?)
}

fn read(server: &mut Server, bytes: &mut [u8], left: &Left<'_>) -> Result<usize, Unanswered> {
    loop {
        server.socket().set_read_timeout(Some(left()?))?;
        match server.read_once(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return Ok(read?),
        }
    }
}

type Left<'a> = dyn Fn() -> Result<Duration, Unanswered> + 'a;
type Receive<'a> = dyn FnMut(&mut [u8]) -> Result<usize, Unanswered> + 'a;

fn connect(authority: &str, left: &Left<'_>) -> Result<TcpStream, Unanswered> {
    let address = match authority.rsplit_once(':') {
        Some(_) => authority.to_string(),
        None => format!("{authority}:80"),
    };
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left()?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

fn head(request: &Request<'_>, authority: &str) -> Result<Vec<u8>, Unanswered> {
    let mut fields = vec![("Host", authority), ("Connection", "close")];
    let bearer = format!("Bearer {}", request.token);
    fields.push(("Authorization", &bearer));
    let length = request.json.map(|json| json.len().to_string());
    if let Some(length) = &length {
        fields.extend([("Content-Type", "application/json"), ("Content-Length", length)]);
    }
    fields.extend(request.fields);
    let method = if request.json.is_some() { "POST" } else { "GET" };
    written(method, request.path, &fields)
}

fn written(method: &str, path: &str, fields: &[(&str, &str)]) -> Result<Vec<u8>, Unanswered> {
    let is_plain = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let is_sound = path.starts_with('/')
        && is_plain(path)
        && !path.contains(' ')
        && fields.iter().all(|(name, value)| is_plain(name) && is_plain(value));
    if !is_sound {
        return Err(Unanswered::Bad("the request has a character that no head carries"));
    }
    let fields: String =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Ok(format!("{method} {path} HTTP/1.1\r\n{fields}\r\n").into_bytes())
}

fn answer(receive: &mut Receive<'_>) -> Result<(Answer, Vec<u8>), Unanswered> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        match answer::look(&bytes, false) {
            answer::Look::Answer(answer, length) => return Ok((answer, bytes.split_off(length))),
            answer::Look::Bad(why) => return Err(Unanswered::Bad(why)),
            answer::Look::More => {}
        }
        match receive(&mut piece)? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            length => bytes.extend_from_slice(&piece[..length]),
        }
    }
}

fn body(
    framing: Framing,
    early: Vec<u8>,
    most: usize,
    receive: &mut Receive<'_>,
) -> Result<Vec<u8>, Unanswered> {
    let mut body = Vec::new();
    let mut pieces = Pieces::default();
    let mut came = early;
    let mut is_at_end = false;
    loop {
        match framing {
            Framing::None => return Ok(Vec::new()),
            Framing::Length(_) | Framing::ToTheEnd => body.append(&mut came),
            Framing::Chunked => body.extend(pieces.take(&came).map_err(Unanswered::Bad)?),
        }
        let is_whole = match framing {
            Framing::Length(length) => {
                if length > most as u64 {
                    return Err(Unanswered::TooLarge);
                }
                body.len() as u64 >= length
            }
            Framing::Chunked => pieces.is_over(),
            Framing::None | Framing::ToTheEnd => is_at_end,
        };
        if body.len() > most {
            return Err(Unanswered::TooLarge);
        }
        if is_whole {
            if let Framing::Length(length) = framing {
                body.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            }
            return Ok(body);
        }
        if is_at_end {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        came = vec![0; PIECE];
        let length = receive(&mut came)?;
        came.truncate(length);
        is_at_end = length == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::cell::Cell;
    use std::io::Read;
    use std::net::{Shutdown, TcpListener};

    /// What is made of what a server sends to a request, whose clock goes on by a second each look.
    fn heard(
        sent: &'static [u8],
        deadline_s: u64,
        json: Option<&[u8]>,
    ) -> (Result<Whole, Unanswered>, String) {
        let length = json.map_or(0, <[u8]>::len);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let door = format!("http://{}", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let mut heard = Vec::new();
            let (mut stream, _) = listener.accept().expect("a client");
            let mut byte = [0];
            while !heard.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                heard.push(byte[0]);
            }
            let mut posted = vec![0; length];
            let _ = stream.read_exact(&mut posted);
            heard.append(&mut posted);
            let _ = stream.write_all(sent);
            let _ = stream.shutdown(Shutdown::Both);
            String::from_utf8(heard).expect("text")
        });
        let seconds = Cell::new(0);
        let clock = || {
            seconds.set(seconds.get() + 1);
            Duration::from_secs(seconds.get())
        };
        let fields = [("If-None-Match", "\"a\"")];
        let (token, path) = ("aio-1", "/x?y=1");
        let request = Request { door: &door, token, path, fields: &fields, json };
        let bounds = Bounds { deadline: Duration::from_secs(deadline_s), body_bytes: 8 };
        let answer = ask(&request, bounds, &clock);
        // Whoever was late before it connected is waited for by the server no longer.
        let _ = TcpStream::connect(&door[7..]);
        let heard = server.join().expect("no panic").replace(&door[7..], "DOOR");
        (answer, heard)
    }

    fn check(cases: &[&'static [u8]], expected: Expect) {
        let line = |sent: &&'static [u8]| match heard(sent, 600, None).0 {
            Ok(Whole { status, fields, body }) => {
                format!("{status} {fields:?} `{}`\n", String::from_utf8_lossy(&body))
            }
            Err(why) => format!("{why}\n"),
        };
        expected.assert_eq(&cases.iter().map(line).collect::<String>());
    }

    #[test]
    fn a_request_carries_the_runs_token() {
        let asked = |json| heard(b"HTTP/1.1 204 No\r\n\r\n", 600, json).1.replace('\r', "");
        expect![[r#"
            GET /x?y=1 HTTP/1.1
            Host: DOOR
            Connection: close
            Authorization: Bearer aio-1
            If-None-Match: "a"

        "#]]
        .assert_eq(&asked(None));
        expect![[r#"
            POST /x?y=1 HTTP/1.1
            Host: DOOR
            Connection: close
            Authorization: Bearer aio-1
            Content-Type: application/json
            Content-Length: 8
            If-None-Match: "a"

            {"a": 1}"#]]
        .assert_eq(&asked(Some(b"{\"a\": 1}")));
    }

    #[test]
    fn an_answer_is_whole_or_an_error() {
        check(
            &[
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"a\"\r\n\r\nabcd",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n\r\nabc",
                b"HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Len",
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabcdefghi\r\n0\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n\r\nabcdefghi",
                b"SSH-2.0-x\r\n\r\n",
            ],
            expect![[r#"
                200 [("etag", "\"a\"")] `abc`
                200 [] `abc`
                200 [] `abc`
                304 [] ``
                the answer was cut off
                the answer was cut off
                the answer was cut off
                the answer is too long
                the answer is too long
                the answer is too long
                its answer is not HTTP/1
            "#]],
        );
    }

    #[test]
    fn all_that_takes_time_counts() {
        // One look at the clock each for the connection, the request and the first read.
        for deadline_s in 1..=3 {
            let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
            assert!(
                matches!(heard(begun, deadline_s, None).0, Err(Unanswered::Late)),
                "{deadline_s}"
            );
        }
    }

    #[test]
    fn nothing_is_added_to_a_head_by_its_path() {
        let none = || Duration::ZERO;
        for path in ["/x HTTP/1.1", "/x\r\nX: y", "x", "/\u{e9}"] {
            let door = "http://127.0.0.1:1";
            let request = Request { door, token: "t", path, fields: &[], json: None };
            let bounds = Bounds { deadline: Duration::from_secs(1), body_bytes: 8 };
            assert!(head(&request, "door").is_err(), "{path:?}");
            assert!(ask(&request, bounds, &none).is_err());
        }
    }
}
