//! A server's answer of HTTP/1, read strictly: its head, and where its body ends.

/// Longest head, interim answers before it included.
pub const LONGEST: usize = 64 * 1024;
/// Most fields of a head.
const FIELDS: usize = 128;
/// Longest line between pieces of a body, and all lines behind the last.
const LINE: usize = 4 * 1024;

/// Fields that belong to one connection, or that would lead the agent around its broker or hand it
/// something like the credential.
const DROPPED: [&str; 14] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "content-length",
    "trailer",
    "upgrade",
    "te",
    "set-cookie",
    "set-cookie2",
    "alt-svc",
    "refresh",
    "strict-transport-security",
    "proxy-authenticate",
];

/// How the body's end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    ToTheEnd,
}

/// A head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Those that are passed on, names in lower case.
    pub fields: Vec<(String, Vec<u8>)>,
    pub framing: Framing,
}

impl Answer {
    /// The one value of a field.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }
}

/// The bytes so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    More,
    /// A head, and how long it is.
    Answer(Answer, usize),
    Bad(&'static str),
}

/// Looks at the first bytes that a server sent; interim answers are passed over, and count as part of
/// the head.
pub fn look(bytes: &[u8], is_head_request: bool) -> Look {
    let mut passed = 0;
    loop {
        match one(&bytes[passed..], is_head_request) {
            One::Interim(length) => passed += length,
            One::Last(Look::Answer(answer, length)) if passed + length <= LONGEST => {
                return Look::Answer(answer, passed + length);
            }
            One::Last(Look::More) if bytes.len() < LONGEST => return Look::More,
            One::Last(Look::Bad(why)) => return Look::Bad(why),
            One::Last(_) => return Look::Bad(TOO_LONG),
        }
    }
}

const TOO_LONG: &str = "the head of its answer is too long";

/// One head, of which an answer may have several.
enum One {
    /// More is on its way behind so many bytes.
    Interim(usize),
    Last(Look),
}

fn one(bytes: &[u8], is_head_request: bool) -> One {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return One::Last(Look::More),
        Err(httparse::Error::TooManyHeaders) => return One::Last(Look::Bad(TOO_LONG)),
        Err(_) => return One::Last(Look::Bad("its answer is not HTTP/1")),
    };
    let status = response.code.unwrap_or(0);
    One::Last(match status {
        101 => Look::Bad("it changes to another protocol"),
        100..=199 => return One::Interim(length),
        200..=599 => match framing(status, response.headers, is_head_request) {
            Ok(framing) => {
                let passed = response.headers.iter().filter(|field| passes(field.name));
                let fields =
                    passed.map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()));
                Look::Answer(Answer { status, fields: fields.collect(), framing }, length)
            }
            Err(why) => Look::Bad(why),
        },
        _ => Look::Bad("its answer has no known status"),
    })
}

fn passes(name: &str) -> bool {
    !DROPPED.iter().any(|dropped| name.eq_ignore_ascii_case(dropped))
}

fn framing(
    status: u16,
    fields: &[httparse::Header<'_>],
    is_head_request: bool,
) -> Result<Framing, &'static str> {
    let values = |name: &str| -> Vec<&[u8]> {
        let of_name = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        of_name.map(|field| field.value).collect()
    };
    let encodings = values("content-encoding");
    if encodings.iter().any(|value| !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")) {
        return Err("its answer is packed, though that was not asked for");
    }
    if is_head_request || status == 204 || status == 304 {
        return Ok(Framing::None);
    }
    match (values("transfer-encoding").as_slice(), values("content-length").as_slice()) {
        ([], []) => Ok(Framing::ToTheEnd),
        ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        ([], [length]) => number(length, 10).map(Framing::Length).ok_or("its length is no number"),
        _ => Err("the end of its answer can be understood in two ways"),
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, radix).ok().filter(|_| is_plain)
}

/// Takes a body out of its pieces.
#[derive(Debug, Default)]
pub struct Pieces {
    state: State,
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Data(u64),
    /// The line's end behind a piece.
    Behind,
    Trailers,
    Over,
}

impl Pieces {
    /// The body's bytes among these. What follows the last piece is dropped.
    ///
    /// # Errors
    /// When these are no pieces.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut out = Vec::new();
        while !bytes.is_empty() && self.state != State::Over {
            if let State::Data(left) = self.state {
                let here = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                out.extend_from_slice(&bytes[..here]);
                bytes = &bytes[here..];
                let left = left - here as u64;
                self.state = if left == 0 { State::Behind } else { State::Data(left) };
                continue;
            }
            self.line.push(bytes[0]);
            bytes = &bytes[1..];
            if self.line.ends_with(b"\r\n") {
                let line = std::mem::take(&mut self.line);
                self.state = self.after(&line[..line.len() - 2])?;
            } else if self.line.len() > LINE || self.line.ends_with(b"\n") {
                return Err("a piece of its answer has no end of line");
            }
        }
        Ok(out)
    }

    /// Whether the last piece has come.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn after(&mut self, line: &[u8]) -> Result<State, &'static str> {
        match self.state {
            State::Size => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let digits = digits.trim_ascii_end();
                match number(digits, 16).filter(|_| digits.len() <= 16) {
                    Some(0) => Ok(State::Trailers),
                    Some(size) => Ok(State::Data(size)),
                    None => Err("a piece of its answer has no size"),
                }
            }
            State::Behind if line.is_empty() => Ok(State::Size),
            State::Behind => Err("a piece of its answer is longer than its size"),
            _ if line.is_empty() => Ok(State::Over),
            _ => {
                self.trailers += line.len();
                if self.trailers > LINE {
                    return Err("the end of its answer is too long");
                }
                Ok(State::Trailers)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(cases: &[&str], expect: Expect) {
        let line = |case: &&str| match look(case.as_bytes(), false) {
            Look::More => "more\n".to_string(),
            Look::Bad(why) => format!("bad: {why}\n"),
            Look::Answer(Answer { status, fields, framing }, _) => {
                let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                format!("{status} {framing:?} [{}]\n", names.join(" "))
            }
        };
        expect.assert_eq(&cases.iter().map(line).collect::<String>());
    }

    #[test]
    fn interim_answers_end() {
        let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n";
        let few = [&interim.repeat(9)[..], b"HTTP/1.1 204 No\r\n\r\n"].concat();
        assert!(matches!(look(&few, false), Look::Answer(_, length) if length == few.len()));
        assert_eq!(look(&interim.repeat(9), false), Look::More);
        assert_eq!(look(&interim.repeat(LONGEST / 4), false), Look::Bad(TOO_LONG));
        let many = [&interim.repeat(LONGEST / 4)[..], b"HTTP/1.1 204 No\r\n\r\n"].concat();
        assert_eq!(look(&many, false), Look::Bad(TOO_LONG));
    }

    #[test]
    fn an_answer_ends_in_one_way_or_is_refused() {
        check(
            &[
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nSet-Cookie: s=1\r\n\r\n",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.0 200 OK\r\n\r\n",
                "HTTP/1.1 200",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n",
                "HTTP/1.1 101 Switching\r\n\r\n",
                "HTTP/2 200\r\n\r\n",
                "\0\0\x12\x04\0\0\0\0\0",
            ],
            expect![[r#"
                200 Length(5) [x-a]
                204 None []
                200 Chunked []
                200 ToTheEnd []
                more
                bad: the end of its answer can be understood in two ways
                bad: the end of its answer can be understood in two ways
                bad: the end of its answer can be understood in two ways
                bad: its length is no number
                bad: its answer is packed, though that was not asked for
                bad: it changes to another protocol
                bad: its answer is not HTTP/1
                bad: its answer is not HTTP/1
            "#]],
        );
    }

    #[test]
    fn a_body_in_pieces_is_the_same_however_it_is_cut() {
        let text = b"3\r\nabc\r\n0a;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nHTTP/1.1 200 OK";
        for size in [1, 2, 5, text.len()] {
            let mut pieces = Pieces::default();
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                out.extend(pieces.take(piece).expect("pieces"));
            }
            assert!(pieces.is_over());
            assert_eq!(out, b"abc0123456789");
        }
        let long = format!("0\r\n{}\r\n", "x".repeat(LINE * 2));
        for bad in
            ["x\r\n", "3\r\nabcd\r\n", "\r\n", "-3\r\n", "3\nabc", "11111111111111111\r\n", &long]
        {
            assert!(Pieces::default().take(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
