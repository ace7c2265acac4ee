//! One request at a door: looked over, sent on with the credential, and its answer brought back.

use super::answer::{self, Answer, Framing, Pieces};
use super::models;
use super::outward::{Server, told};
use super::secret::{Redactor, forms, unbase64};
use super::{Broker, Door};
use crate::connection::{Line, respond};
use crate::decide::Refusal;
use onboard_domain::violation::Rule;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// How long the agent may be silent in the middle of a request's body.
const BODY_SILENCE: Duration = Duration::from_secs(60);
/// How long a server may be silent: models think for minutes.
const SERVER_SILENCE: Duration = Duration::from_secs(300);
/// How long a server may take for its head in all, however it trickles.
const HEAD_MS: u64 = 600_000;
/// What one read takes.
const PIECE: usize = 16 * 1024;
/// Most fields of a request's head, those that were added included.
const FIELDS: usize = 128;

/// Fields in which agents' libraries put what they take for a key.
const CARRIERS: [&str; 4] = ["authorization", "x-api-key", "private-token", "api-key"];
/// Fields that a server may take for more than the request itself says, and those that are written
/// anew.
const DROPPED: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "accept-encoding",
    "cookie",
    "forwarded",
    "x-original-url",
    "x-original-host",
    "x-rewrite-url",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// A request as it came, its head written anew by the proxy.
pub(crate) struct Arrived {
    pub(crate) head: Vec<u8>,
    /// What came behind the head.
    pub(crate) rest: Vec<u8>,
    pub(crate) body_bytes: u64,
    /// It knows nothing of bodies in pieces.
    pub(crate) is_old: bool,
}

/// What a request asks.
pub(super) struct Parts {
    pub(super) method: String,
    pub(super) path: String,
    fields: Vec<(String, Vec<u8>)>,
}

/// A request on its way: both sides and what it is about.
pub(super) struct Errand<'a> {
    pub(super) line: &'a Line<'a>,
    pub(super) broker: &'a Broker,
    pub(super) door: &'a Door,
    pub(super) client: TcpStream,
    pub(super) parts: Parts,
    pub(super) rest: Vec<u8>,
    pub(super) body_bytes: u64,
    is_old: bool,
}

/// Looks at an answer's body on its way back.
pub(super) trait Tap {
    /// Told of the head; true when the body's length may change.
    fn begins(&mut self, answer: &Answer) -> bool;

    /// The next bytes, and what is passed on for them.
    ///
    /// # Errors
    /// When nothing more may be passed on.
    fn takes(&mut self, bytes: Vec<u8>) -> io::Result<Vec<u8>>;

    /// What is left, when the body came to its end.
    fn ends(&mut self) -> Vec<u8>;
}

/// Passes everything on as it is.
struct Plain;

impl Tap for Plain {
    fn begins(&mut self, _: &Answer) -> bool {
        false
    }

    fn takes(&mut self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        Ok(bytes)
    }

    fn ends(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// Why a request was not carried out.
pub(super) enum Failure {
    /// Said to the agent.
    Said { status: u16, why: String, refusal: Option<Refusal> },
    /// The agent is gone, or its answer had begun.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Broken(error)
    }
}

pub(super) fn said(status: u16, why: impl Into<String>) -> Failure {
    Failure::Said { status, why: why.into(), refusal: None }
}

pub(super) fn refused(status: u16, rule: Rule, why: impl Into<String>) -> Failure {
    let why = why.into();
    let refusal = Some(Refusal::new(rule, why.clone()));
    Failure::Said { status, why, refusal }
}

pub(crate) fn pass(
    line: &Line<'_>,
    broker: &Broker,
    door: &Door,
    mut client: TcpStream,
    arrived: Arrived,
) -> io::Result<()> {
    if let Err(refusal) = line.shared.count() {
        return line.denied(&mut client, "request http", &door.name, &refusal);
    }
    let Some(parts) = Parts::of(&arrived.head) else {
        return respond(&mut client, 431, "the head of the request is too long", None);
    };
    let target = format!("{} {}{}", parts.method, door.name, without_query(&parts.path));
    let Arrived { rest, body_bytes, is_old, .. } = arrived;
    let own = client.try_clone()?;
    let errand = Errand { line, broker, door, client: own, parts, rest, body_bytes, is_old };
    let done = match errand.has_token() {
        false => Err(refused(
            401,
            Rule::ForbiddenCredential,
            "the token of this very run is needed, as it is in the environment",
        )),
        true if door.model.is_some() => models::pass(errand),
        true => errand.send(&mut Plain),
    };
    match done {
        Ok(()) => client.shutdown(Shutdown::Write),
        Err(Failure::Broken(error)) => Err(error),
        Err(Failure::Said { status, why, refusal }) => {
            if let Some(refusal) = &refusal {
                line.shared.refuse("use credential", &target, refusal);
            }
            if door.model.is_some() {
                return models::respond(&mut client, status, &why, None, None);
            }
            respond(&mut client, status, &why, None)
        }
    }
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

impl Parts {
    fn of(head: &[u8]) -> Option<Parts> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        if !request.parse(head).is_ok_and(|parsed| parsed.is_complete()) {
            return None;
        }
        let field =
            |field: &httparse::Header<'_>| (field.name.to_ascii_lowercase(), field.value.to_vec());
        Some(Parts {
            method: request.method?.into(),
            path: request.path?.into(),
            fields: request.headers.iter().map(field).collect(),
        })
    }
}

/// A field's name as servers that turn names into variables see it.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

impl Errand<'_> {
    fn is_carrier(&self, name: &str) -> bool {
        let name = folded(name);
        let own = self.door.credential.as_ref().is_some_and(|own| folded(&own.field) == name);
        own || CARRIERS.contains(&name.as_str())
    }

    fn has_token(&self) -> bool {
        let carriers = self.parts.fields.iter().filter(|(name, _)| self.is_carrier(name));
        carriers.into_iter().any(|(_, value)| self.carries(value))
    }

    /// The token alone, behind a scheme, or as a password.
    fn carries(&self, value: &[u8]) -> bool {
        let token = &self.broker.token;
        let value = value.trim_ascii();
        let mut words = value.splitn(2, |byte| *byte == b' ');
        let (scheme, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if scheme.eq_ignore_ascii_case(b"basic") {
            let pair = unbase64(rest.trim_ascii()).unwrap_or_default();
            let password = pair.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
            return token.is(password);
        }
        token.is(value) || token.is(rest.trim_ascii())
    }

    fn is_passed(&self, (name, value): &(String, Vec<u8>)) -> bool {
        let token = self.broker.token.reveal().as_bytes();
        let name = folded(name);
        !self.is_carrier(&name)
            && !DROPPED.contains(&name.as_str())
            && !name.starts_with("x-forwarded-")
            && !value.windows(token.len()).any(|part| part == token)
    }

    /// The head that leaves.
    fn head(&self) -> Vec<u8> {
        let Parts { method, path, fields } = &self.parts;
        let target = &self.door.target;
        let mut head = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept-Encoding: identity\r\n",
            target.path(),
            target.authority()
        )
        .into_bytes();
        let has_length = fields.iter().any(|(name, _)| name == "content-length");
        if self.body_bytes > 0 || has_length {
            head.extend_from_slice(format!("Content-Length: {}\r\n", self.body_bytes).as_bytes());
        }
        for (name, value) in fields.iter().filter(|field| self.is_passed(field)) {
            put(&mut head, name, value);
        }
        if let Some(credential) = &self.door.credential {
            put(&mut head, &credential.field, credential.value.reveal().as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Sends the request, and brings its answer back through `tap`.
    pub(super) fn send(mut self, tap: &mut dyn Tap) -> Result<(), Failure> {
        let mut server = self.dial()?;
        self.ask(&mut server)?;
        self.bring_back(server, tap)
    }

    /// A connection to where the door leads.
    pub(super) fn dial(&self) -> Result<Server, Failure> {
        let target = &self.door.target;
        let clock = || Duration::from_millis(self.line.shared.now_ms());
        let dialled = target.dial(self.line.shared.outside(), &self.broker.tls, false, &clock);
        let server = dialled.map_err(|unreachable| {
            let (status, why, refusal) = told(target, &unreachable);
            Failure::Said { status, why, refusal }
        })?;
        server.socket().set_read_timeout(Some(SERVER_SILENCE))?;
        if !self.line.joined(server.socket())? {
            return Err(Failure::Broken(io::ErrorKind::ConnectionAborted.into()));
        }
        Ok(server)
    }

    /// Sends head and body. A server that stops listening may have said why.
    pub(super) fn ask(&mut self, server: &mut Server) -> Result<(), Failure> {
        let head = self.head();
        let early = self.rest.len().min(usize::try_from(self.body_bytes).unwrap_or(usize::MAX));
        self.count(head.len() + early)?;
        let target = &self.door.target;
        let unsent = |error: io::Error| said(502, format!("{}: {error}", target.authority()));
        server
            .write_all(&head)
            .and_then(|()| server.write_all(&self.rest[..early]))
            .map_err(unsent)?;
        let mut left = self.body_bytes - early as u64;
        let mut piece = vec![0; PIECE];
        self.client.set_read_timeout(Some(BODY_SILENCE))?;
        while left > 0 {
            let room = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let length = self.client.read(&mut piece[..room])?;
            if length == 0 {
                return Err(Failure::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
            self.count(length)?;
            if server.write_all(&piece[..length]).is_err() {
                break;
            }
            left -= length as u64;
        }
        // What can't be sent any more shows in the answer.
        let _ = server.flush();
        Ok(())
    }

    fn count(&self, bytes: usize) -> Result<(), Failure> {
        match self.line.shared.pass(bytes, &self.door.name) {
            true => Ok(()),
            false => Err(Failure::Broken(io::ErrorKind::QuotaExceeded.into())),
        }
    }

    /// Reads the answer's head, and passes on what may be passed on.
    pub(super) fn bring_back(
        mut self,
        mut server: Server,
        tap: &mut dyn Tap,
    ) -> Result<(), Failure> {
        let (answer, rest) = self.answer(&mut server)?;
        let answer = self.own_ground(answer)?;
        let is_changed = tap.begins(&answer);
        let framing = match answer.framing {
            Framing::Length(_) | Framing::Chunked if is_changed => Framing::ToTheEnd,
            framing => framing,
        };
        let is_chunked = !matches!(framing, Framing::None | Framing::Length(_)) && !self.is_old;
        let head = self.head_of(&answer, framing, is_chunked);
        self.client.write_all(&head)?;
        let mut out = Out { client: &mut self.client, is_chunked };
        let secrets = secrets(self.broker, self.door);
        let mut redactor = Redactor::new(secrets);
        let mut body = Body::new(answer.framing, rest);
        while let Some(bytes) = body.next(&mut server)? {
            if !self.line.shared.pass(bytes.len(), &self.door.name) {
                return Err(Failure::Broken(io::ErrorKind::QuotaExceeded.into()));
            }
            out.put(&redactor.push(&tap.takes(bytes)?))?;
        }
        let last = [redactor.push(&tap.ends()), redactor.end()].concat();
        out.put(&last)?;
        Ok(out.end()?)
    }

    fn answer(&self, server: &mut Server) -> Result<(Answer, Vec<u8>), Failure> {
        let deadline = self.line.shared.now_ms() + HEAD_MS;
        let authority = self.door.target.authority();
        let is_head_request = self.parts.method == "HEAD";
        let mut bytes = Vec::new();
        loop {
            match answer::look(&bytes, is_head_request) {
                answer::Look::Answer(answer, length) => {
                    return Ok((answer, bytes.split_off(length)));
                }
                answer::Look::Bad(why) => return Err(said(502, format!("{authority}: {why}"))),
                answer::Look::More => {}
            }
            let mut piece = vec![0; PIECE];
            let length = server
                .read(&mut piece)
                .map_err(|error| said(502, format!("{authority}: {error}")))?;
            if length == 0 || self.line.shared.now_ms() > deadline {
                return Err(said(502, format!("{authority}: no answer came")));
            }
            bytes.extend_from_slice(&piece[..length]);
        }
    }

    /// An answer that sends the agent elsewhere is not passed on: what the credential opens stays with
    /// its host.
    fn own_ground(&self, mut answer: Answer) -> Result<Answer, Failure> {
        let (target, door) = (&self.door.target, self.door.url());
        let is_redirect = (300..400).contains(&answer.status);
        let mut leads_away = false;
        for (name, value) in &mut answer.fields {
            let text = String::from_utf8_lossy(value).into_owned();
            match name.as_str() {
                "location" | "content-location" => match target.same(&text) {
                    Some(path) => *value = format!("{door}{path}").into_bytes(),
                    None => {
                        leads_away |= text.contains(':')
                            || text.starts_with(['/', '\\']) && text[1..].starts_with(['/', '\\'])
                    }
                },
                // The next page of a list.
                "link" => {
                    let own = format!("<https://{}/", target.authority());
                    *value = text.replace(&own, &format!("<{door}/")).into_bytes();
                }
                _ => {}
            }
        }
        if is_redirect && leads_away {
            let why =
                format!("{} sends to another host, and nothing follows there", target.authority());
            return Err(said(502, why));
        }
        if leads_away {
            answer
                .fields
                .retain(|(name, _)| !matches!(name.as_str(), "location" | "content-location"));
        }
        Ok(answer)
    }

    fn head_of(&self, answer: &Answer, framing: Framing, is_chunked: bool) -> Vec<u8> {
        let mut head =
            format!("HTTP/1.1 {} {}\r\n", answer.status, word(answer.status)).into_bytes();
        let secrets = secrets(self.broker, self.door);
        for (name, value) in &answer.fields {
            let mut redactor = Redactor::new(secrets.clone());
            let value = [redactor.push(value), redactor.end()].concat();
            put(&mut head, name, &value);
        }
        match framing {
            Framing::Length(bytes) => {
                put(&mut head, "content-length", bytes.to_string().as_bytes())
            }
            _ if is_chunked => put(&mut head, "transfer-encoding", b"chunked"),
            _ => {}
        }
        put(&mut head, "connection", b"close");
        head.extend_from_slice(b"\r\n");
        head
    }
}

fn put(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

fn word(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Elsewhere",
        400..=499 => "Refused",
        _ => "Failed",
    }
}

/// Every form of what must not come back.
fn secrets(broker: &Broker, door: &Door) -> Vec<Vec<u8>> {
    let of = |credential: &super::Credential| {
        [forms(credential.secret.reveal()), forms(credential.value.reveal())].concat()
    };
    let mut all = door.credential.as_ref().map(of).unwrap_or_default();
    // The longest first, so that none hides a longer one around it.
    all.extend(forms(broker.token.reveal()));
    all.sort_by_key(|form| core::cmp::Reverse(form.len()));
    all
}

/// The agent's side.
struct Out<'a> {
    client: &'a mut TcpStream,
    is_chunked: bool,
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.is_chunked {
            let size = format!("{:x}\r\n", bytes.len());
            return self.client.write_all(&[size.as_bytes(), bytes, b"\r\n"].concat());
        }
        self.client.write_all(bytes)
    }

    fn end(&mut self) -> io::Result<()> {
        if self.is_chunked { self.client.write_all(b"0\r\n\r\n") } else { Ok(()) }
    }
}

/// A body on its way.
struct Body {
    framing: Framing,
    early: Vec<u8>,
    pieces: Pieces,
    left: u64,
    is_over: bool,
}

impl Body {
    fn new(framing: Framing, early: Vec<u8>) -> Body {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        let is_over = matches!(framing, Framing::None | Framing::Length(0));
        Body { framing, early, pieces: Pieces::default(), left, is_over }
    }

    /// The next bytes; nothing behind its end. What ends too early is an error, so that the agent sees
    /// that something is missing.
    fn next(&mut self, server: &mut Server) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            let mut bytes = std::mem::take(&mut self.early);
            if bytes.is_empty() {
                bytes = vec![0; PIECE];
                let length = server.read(&mut bytes)?;
                bytes.truncate(length);
                if length == 0 {
                    self.is_over = true;
                    return match self.framing {
                        Framing::ToTheEnd => Ok(None),
                        _ => Err(io::ErrorKind::UnexpectedEof.into()),
                    };
                }
            }
            let bytes = self.unframed(bytes)?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    fn unframed(&mut self, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        match self.framing {
            Framing::Chunked => {
                let body = self.pieces.take(&bytes).map_err(io::Error::other)?;
                self.is_over = self.pieces.is_over();
                Ok(body)
            }
            Framing::Length(_) => {
                bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= bytes.len() as u64;
                self.is_over = self.left == 0;
                Ok(bytes)
            }
            Framing::ToTheEnd => Ok(bytes),
            Framing::None => Ok(Vec::new()),
        }
    }
}
