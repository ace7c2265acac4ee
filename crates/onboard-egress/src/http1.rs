//! Heads of plain HTTP/1 requests: read strictly, and written anew for the server.
//!
//! Whatever two readers could understand differently is refused. One connection carries one request,
//! so that nothing can hide behind a body, and each request is decided by itself.

use crate::host::{self, Host, HostError};

/// Longest head.
pub const LONGEST: usize = 16 * 1024;
/// Most fields of a head.
const FIELDS: usize = 100;

/// Fields that belong to one connection, or to the proxy, and go no further. `Expect` goes too: the
/// body is passed on without waiting.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
];

/// Whom a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As it was written.
    pub named: Vec<u8>,
    pub host: Result<(Host, u16), HostError>,
}

impl Asked {
    fn new(named: &[u8], default_port: Option<u16>) -> Asked {
        Asked { named: named.to_vec(), host: host::authority(named, default_port) }
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// A tunnel.
    Connect(Asked),
    /// One exchange. A client of HTTP/1.0 knows nothing of bodies in pieces.
    Exchange { to: Asked, head: Vec<u8>, body_bytes: u64, is_old: bool },
}

/// The bytes so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    More,
    /// A head, and how long it is.
    Request(Request, usize),
    /// No request that could be passed on: the status of the answer, and why.
    Bad(u16, &'static str),
}

/// Looks at the first bytes of a connection. A proxy's request names its host in its target, and
/// may ask for a tunnel.
pub fn look(bytes: &[u8], is_proxy: bool) -> Look {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= LONGEST => length,
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST => return Look::More,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Look::Bad(431, "the head of the request is too long");
        }
        Err(_) => return Look::Bad(400, "this is no request of HTTP/1"),
    };
    let method = request.method.unwrap_or_default();
    let target = request.path.unwrap_or_default();
    let asked = if method == "CONNECT" {
        if !is_proxy {
            return Look::Bad(405, "a tunnel is asked of the proxy");
        }
        Ok(Request::Connect(Asked::new(target.as_bytes(), None)))
    } else {
        let is_old = request.version == Some(0);
        exchange(method, target, request.headers, is_proxy, is_old)
    };
    match asked {
        Ok(asked) => Look::Request(asked, length),
        Err((status, why)) => Look::Bad(status, why),
    }
}

fn exchange(
    method: &str,
    target: &str,
    fields: &[httparse::Header<'_>],
    is_proxy: bool,
    is_old: bool,
) -> Result<Request, (u16, &'static str)> {
    let named = values(fields, "host");
    if named.len() > 1 {
        return Err((400, "the request has more than one host"));
    }
    let named = named.first().map(|value| Asked::new(value, Some(80)));
    let (to, path) = match (target.get(..7), target.starts_with('/')) {
        (Some(scheme), _) if is_proxy && scheme.eq_ignore_ascii_case("http://") => {
            let rest = &target[7..];
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let to = Asked::new(&rest.as_bytes()[..end], Some(80));
            if named.as_ref().is_some_and(|named| named.host != to.host) {
                return Err((400, "the request has two different hosts"));
            }
            (to, &rest[end..])
        }
        (_, true) if !is_proxy => (named.ok_or((400, "the request has no host"))?, target),
        _ => return Err((400, "the target of the request is of no form that is understood here")),
    };
    if path.contains('#') {
        return Err((400, "the target of the request has a fragment"));
    }
    let body_bytes = body(fields)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\n").into_bytes();
    if let Ok((host, _)) = &to.host {
        head.extend_from_slice(format!("Host: {host}\r\nConnection: close\r\n").as_bytes());
    }
    if body_bytes > 0 || !values(fields, "content-length").is_empty() {
        head.extend_from_slice(format!("Content-Length: {body_bytes}\r\n").as_bytes());
    }
    let dropped = values(fields, "connection");
    for field in fields.iter().filter(|field| passes(field.name, &dropped)) {
        head.extend_from_slice(field.name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(field.value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    Ok(Request::Exchange { to, head, body_bytes, is_old })
}

/// The length of the body: one number, or none.
fn body(fields: &[httparse::Header<'_>]) -> Result<u64, (u16, &'static str)> {
    if !values(fields, "transfer-encoding").is_empty() {
        return Err((411, "the body of the request needs a Content-Length"));
    }
    let lengths = values(fields, "content-length");
    match lengths.as_slice() {
        [] => Ok(0),
        [one] if !one.is_empty() && one.len() < 19 && one.iter().all(u8::is_ascii_digit) => {
            Ok(one.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
        }
        _ => Err((400, "the length of the request's body is not one number")),
    }
}

fn values<'a>(fields: &[httparse::Header<'a>], name: &str) -> Vec<&'a [u8]> {
    let of_name = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    of_name.map(|field| field.value).collect()
}

fn passes(name: &str, connection: &[&[u8]]) -> bool {
    let mut named = connection.iter().flat_map(|value| value.split(|b| *b == b','));
    !HOP_BY_HOP.iter().any(|other| name.eq_ignore_ascii_case(other))
        && !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("proxy-"))
        && !named.any(|other| other.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(is_proxy: bool, cases: &[&str], expect: Expect) {
        let line = |case: &&str| match look(case.as_bytes(), is_proxy) {
            Look::More => "more\n".to_string(),
            Look::Bad(status, why) => format!("{status} {why}\n"),
            Look::Request(Request::Connect(to), _) => format!("connect {:?}\n", to.host),
            Look::Request(Request::Exchange { to, head, body_bytes, .. }, _) => {
                format!("{:?} +{body_bytes} {:?}\n", to.host, String::from_utf8_lossy(&head))
            }
        };
        expect.assert_eq(&cases.iter().map(line).collect::<String>());
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        check(
            true,
            &[
                "CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n",
                "CONNECT a.example HTTP/1.1\r\n\r\n",
                "GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\nProxy-Authorization: Basic x\r\nConnection: X-Hop\r\nX-Hop: 1\r\nAccept: */*\r\n\r\n",
                "GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n",
                "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n",
                "GET http://u@a.example/ HTTP/1.1\r\n\r\n",
                "POST http://a.example HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
                "POST http://a.example HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
                "POST http://a.example HTTP/1.1\r\nContent-Length: +3\r\n\r\n",
                "POST http://a.example HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
                "GET http://a.example/ HTTP/1.1\r\nA : b\r\n\r\n",
                "GET https://a.example/ HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
                "GET http://a.ex",
                "SSH-2.0-x\r\n",
            ],
            expect![[r#"
                connect Ok((Host("a.example"), 443))
                connect Err(NoPort)
                Ok((Host("a.example"), 80)) +0 "GET /x?y HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nAccept: */*\r\n\r\n"
                400 the request has two different hosts
                400 the request has more than one host
                Err(User) +0 "GET / HTTP/1.1\r\n\r\n"
                Ok((Host("a.example"), 80)) +3 "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
                400 the length of the request's body is not one number
                400 the length of the request's body is not one number
                411 the body of the request needs a Content-Length
                400 this is no request of HTTP/1
                400 the target of the request is of no form that is understood here
                400 the target of the request is of no form that is understood here
                more
                400 this is no request of HTTP/1
            "#]],
        );
    }

    #[test]
    fn without_a_proxy_the_host_is_named_by_its_field() {
        check(
            false,
            &[
                "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n",
                "GET /x HTTP/1.1\r\n\r\n",
                "GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n",
                "CONNECT a.example:443 HTTP/1.1\r\n\r\n",
            ],
            expect![[r#"
                Ok((Host("a.example"), 80)) +0 "GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
                400 the request has no host
                400 the target of the request is of no form that is understood here
                405 a tunnel is asked of the proxy
            "#]],
        );
    }
}
