//! One connection of an agent, from its first bytes to its end.

use crate::banner;
use crate::broker::{self, Arrived};
use crate::clienthello::{self, Hello};
use crate::decide::{self, Refusal, Rules};
use crate::dns;
use crate::host::{Host, HostError};
use crate::http1::{self, Asked, Request};
use crate::outside::{Unreachable, reach};
use crate::relay::{Then, Way, relay};
use crate::serve::{Role, Shared, meant};
use onboard_domain::violation::Rule;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// How long the first words of a connection may take in all, however they trickle.
const FIRST_WORDS_MS: u64 = 5_000;
/// How long the first words may take where nobody should come.
const TRIPWIRE_MS: u64 = 1_000;
/// How long a head of HTTP may take in all.
const HEAD_MS: u64 = 10_000;
/// How long a peer may leave unread what is written to it before both directions are passed on.
const UNREAD: Duration = Duration::from_secs(60);
/// What one read takes.
const PIECE: usize = 16 * 1024;
/// Questions of DNS in one stream.
const QUESTIONS: usize = 64;

/// Serves a connection to its end.
pub(crate) fn serve(shared: &Shared, number: u64, role: Role, stream: TcpStream) {
    let line = Line { shared, number };
    // The other side may be gone at any time, which ends the connection and is nobody's fault.
    let _ = stream.set_write_timeout(Some(UNREAD)).and_then(|()| match role {
        Role::Proxy => line.proxy(stream),
        Role::Tls => line.tls(stream, Vec::new(), None),
        Role::Http => line.http(stream),
        Role::NamesStream => line.names(stream),
        Role::Tripwire { port } => line.tripwire(stream, port),
        Role::Names | Role::Datagrams { .. } => Ok(()),
    });
}

/// A connection that is served.
pub(crate) struct Line<'a> {
    pub(crate) shared: &'a Shared,
    number: u64,
}

/// A head and what came behind it.
type Head = (Request, Vec<u8>);

impl Line<'_> {
    fn proxy(&self, mut client: TcpStream) -> io::Result<()> {
        let Some((request, rest)) = self.head(&mut client, true)? else { return Ok(()) };
        match request {
            Request::Connect(asked) => self.connect(client, asked, rest),
            Request::Exchange { to, head, body_bytes, is_old } => {
                self.exchange(client, to, Arrived { head, rest, body_bytes, is_old })
            }
        }
    }

    /// Nobody should come here: what is spoken is looked at, told, and the connection closed.
    fn tripwire(&self, mut client: TcpStream, port: u16) -> io::Result<()> {
        let target = meant(&client);
        let deadline = self.shared.now_ms() + TRIPWIRE_MS;
        let mut first = Vec::new();
        // Who lets the server speak first, or breaks off, is known by the port.
        while first.len() < banner::LONGEST
            && self.more(&mut client, &mut first, banner::LONGEST, deadline).unwrap_or(false)
        {
        }
        let limited = self.shared.count().err();
        let refusal = limited
            .unwrap_or_else(|| decide::tripped(self.shared.rules(), port, banner::spoken(&first)));
        self.shared.refuse("connect tcp", &target, &refusal);
        Ok(())
    }

    fn http(&self, mut client: TcpStream) -> io::Result<()> {
        match self.head(&mut client, false)? {
            Some((Request::Exchange { to, head, body_bytes, is_old }, rest)) => {
                let resolved = self.shared.resolved(&client);
                if let Ok((host, _)) = &to.host
                    && let Err(refusal) = at_own_address(resolved.as_ref(), host)
                {
                    let refusal = self.shared.count().err().unwrap_or(refusal);
                    return self.denied(&mut client, "request http", &told(&to), &refusal);
                }
                self.exchange(client, to, Arrived { head, rest, body_bytes, is_old })
            }
            Some((Request::Connect(_), _)) | None => Ok(()),
        }
    }

    /// Reads a head; what can't be passed on is answered and recorded here.
    fn head(&self, client: &mut TcpStream, is_proxy: bool) -> io::Result<Option<Head>> {
        let deadline = self.shared.now_ms() + HEAD_MS;
        let mut bytes = Vec::new();
        loop {
            match http1::look(&bytes, is_proxy) {
                http1::Look::Request(request, length) => {
                    return Ok(Some((request, bytes.split_off(length))));
                }
                http1::Look::Bad(status, why) => {
                    let refusal = self.bad_head(&bytes, why);
                    self.shared.refuse("speak http", &meant(client), &refusal);
                    respond(client, status, why, None)?;
                    return Ok(None);
                }
                http1::Look::More => {
                    if !self.more(client, &mut bytes, http1::LONGEST, deadline)? {
                        respond(client, 408, "the request did not come to its end", None)?;
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn bad_head(&self, bytes: &[u8], why: &str) -> Refusal {
        match banner::spoken(bytes) {
            Some(name) if name != "http" => {
                Refusal::new(Rule::ForbiddenProtocol, format!("{name} instead of http"))
            }
            _ => Refusal::new(Rule::ForbiddenProtocol, why),
        }
    }

    fn connect(&self, mut client: TcpStream, asked: Asked, rest: Vec<u8>) -> io::Result<()> {
        let target = told(&asked);
        match self.shared.decide(decide::Way::Tls, asked.host) {
            Err(refusal) => self.denied(&mut client, "connect", &target, &refusal),
            Ok((host, _)) => {
                // Before the answer, so that a host that can't be reached is an answer; it hears nothing
                // before what is said first was looked at.
                let Some(server) = self.dial(&mut client, &host, 443)? else { return Ok(()) };
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
                self.tls(client, rest, Some((host, server)))
            }
        }
    }

    /// TLS: to the host that was asked for before, or to whom its first message names.
    fn tls(
        &self,
        mut client: TcpStream,
        first: Vec<u8>,
        asked: Option<(Host, TcpStream)>,
    ) -> io::Result<()> {
        let (asked, dialled) = asked.unzip();
        let target = match &asked {
            Some(host) => format!("{host}:443"),
            None => meant(&client),
        };
        let mut first = first;
        let hello = match self.hello(&mut client, &mut first)? {
            Ok(hello) => hello,
            Err(refusal) => {
                // A stranger's bytes are counted as what they are: something that was asked.
                let limited = asked
                    .is_none()
                    .then(|| self.shared.decide(decide::Way::Tls, Err(HostError::Empty)));
                let refusal = match limited {
                    Some(Err(limited)) if limited.rule == Rule::NetworkRate => limited,
                    _ => refusal,
                };
                self.shared.refuse("connect tls", &target, &refusal);
                return Ok(());
            }
        };
        let named = hello.name.as_deref().ok_or(HostError::Empty).and_then(Host::parse);
        let host = match asked {
            Some(host) => same_host(host, named),
            None => self.direct(&client, named),
        };
        let host = host.and_then(|host| visible(self.shared.rules(), &hello, host));
        let host = match host {
            Ok(host) => host,
            Err(refusal) => {
                let shown = String::from_utf8_lossy(hello.name.as_deref().unwrap_or_default());
                let target = if shown.is_empty() { target } else { format!("{shown} at {target}") };
                self.shared.refuse("connect tls", &target, &refusal);
                return Ok(());
            }
        };
        if let Some(server) = dialled {
            return self.splice(&client, server, &first, &host);
        }
        match reach(self.shared.outside(), &host, 443, false) {
            Ok(server) if self.joined(&server)? => self.splice(&client, server, &first, &host),
            Ok(_) => Ok(()),
            Err(unreachable) => {
                self.unreachable(&host, 443, &unreachable);
                Ok(())
            }
        }
    }

    /// A connection to the host; where there is none, that is the answer.
    fn dial(
        &self,
        client: &mut TcpStream,
        host: &Host,
        port: u16,
    ) -> io::Result<Option<TcpStream>> {
        match reach(self.shared.outside(), host, port, false) {
            Ok(server) => Ok(self.joined(&server)?.then_some(server)),
            Err(unreachable) => {
                self.unreachable(host, port, &unreachable);
                let (status, why) = match &unreachable {
                    Unreachable::Refused(refusal, _) => (403, refusal.why.clone()),
                    Unreachable::Failed(error) => (502, format!("{host}: {error}")),
                };
                respond(client, status, &why, None)?;
                Ok(None)
            }
        }
    }

    /// TLS that was begun without a proxy, to an address that may be the one of a name.
    fn direct(&self, client: &TcpStream, named: Result<Host, HostError>) -> Result<Host, Refusal> {
        let resolved = self.shared.resolved(client);
        let asked = match (named, &resolved) {
            // Who names nobody means whom it looked up.
            (Err(HostError::Empty), Some(resolved)) => Ok(resolved.clone()),
            (named, _) => named,
        };
        let asked = asked.map(|host| (host, 443));
        let (host, _) = self.shared.decide(decide::Way::Tls, asked)?;
        at_own_address(resolved.as_ref(), &host).map(|()| host)
    }

    fn hello(
        &self,
        client: &mut TcpStream,
        first: &mut Vec<u8>,
    ) -> io::Result<Result<Hello, Refusal>> {
        let deadline = self.shared.now_ms() + FIRST_WORDS_MS;
        loop {
            match clienthello::look(first) {
                clienthello::Look::Hello(hello) => return Ok(Ok(hello)),
                clienthello::Look::More if first.len() < clienthello::LONGEST => {
                    if !self.more(client, first, clienthello::LONGEST, deadline)? {
                        let why = "no TLS was begun in time";
                        let refusal = Refusal::new(Rule::ForbiddenProtocol, why);
                        // Who says nothing keeps a connection for later, or ends: no attempt.
                        let is_reported = !first.is_empty();
                        return Ok(Err(Refusal { is_reported, ..refusal }));
                    }
                }
                _ => {
                    let name = match banner::spoken(first) {
                        Some("tls") => "TLS that can't be read",
                        Some(name) => name,
                        None => "something unknown",
                    };
                    let why = format!("{name} instead of TLS");
                    return Ok(Err(Refusal::new(Rule::ForbiddenProtocol, why)));
                }
            }
        }
    }

    fn exchange(&self, mut client: TcpStream, to: Asked, arrived: Arrived) -> io::Result<()> {
        let target = told(&to);
        if let Ok((host, 80)) = &to.host
            && let Some((broker, door)) = self.shared.door(host)
        {
            return broker::pass(self, broker, door, client, arrived);
        }
        let Arrived { head, rest, body_bytes, .. } = arrived;
        let host = match self.shared.decide(decide::Way::Http, to.host) {
            Ok((host, _)) => host,
            Err(refusal) => return self.denied(&mut client, "request http", &target, &refusal),
        };
        let Some(mut server) = self.dial(&mut client, &host, 80)? else { return Ok(()) };
        server.write_all(&head)?;
        // What is behind the body would be a second request, and is dropped.
        let early = rest.len().min(usize::try_from(body_bytes).unwrap_or(usize::MAX));
        server.write_all(&rest[..early])?;
        let left = body_bytes - early as u64;
        if !self.shared.pass(head.len() + early, &target) {
            return Ok(());
        }
        let out = Way::new(&client, &server, Some(left), Then::GoOn);
        let back = Way::new(&server, &client, None, Then::Over);
        relay(self.shared, &target, [out, back])
    }

    fn splice(
        &self,
        client: &TcpStream,
        mut server: TcpStream,
        first: &[u8],
        host: &Host,
    ) -> io::Result<()> {
        let target = format!("{host}:443");
        server.write_all(first)?;
        if !self.shared.pass(first.len(), &target) {
            return Ok(());
        }
        let out = Way::new(client, &server, None, Then::Shut);
        let back = Way::new(&server, client, None, Then::Shut);
        relay(self.shared, &target, [out, back])
    }

    pub(crate) fn joined(&self, server: &TcpStream) -> io::Result<bool> {
        server.set_write_timeout(Some(UNREAD))?;
        Ok(self.shared.joins(self.number, server))
    }

    /// DNS in a stream: each message with its length before it.
    fn names(&self, mut client: TcpStream) -> io::Result<()> {
        for _ in 0..QUESTIONS {
            let deadline = self.shared.now_ms() + FIRST_WORDS_MS;
            let mut message = Vec::new();
            let is_whole = |bytes: &[u8]| {
                bytes.first_chunk().is_some_and(|length| {
                    bytes.len() >= 2 + usize::from(u16::from_be_bytes(*length))
                })
            };
            while !is_whole(&message) {
                // One byte more at a time is enough to never read into the next question.
                let next = message
                    .first_chunk()
                    .map_or(2, |length| 2 + usize::from(u16::from_be_bytes(*length)));
                if next > 2 + dns::LONGEST
                    || !self.more(&mut client, &mut message, next, deadline)?
                {
                    return Ok(());
                }
            }
            let Some(answer) = self.shared.answer(&message[2..]) else { return Ok(()) };
            let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
            client.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
        }
        Ok(())
    }

    /// Reads some more, up to a length of all; false when the time is up or nothing comes any more.
    fn more(
        &self,
        client: &mut TcpStream,
        bytes: &mut Vec<u8>,
        longest: usize,
        deadline_ms: u64,
    ) -> io::Result<bool> {
        let left_ms = deadline_ms.saturating_sub(self.shared.now_ms());
        if left_ms == 0 || self.shared.is_stopping() {
            return Ok(false);
        }
        client.set_read_timeout(Some(Duration::from_millis(left_ms)))?;
        let mut piece = vec![0; longest.saturating_sub(bytes.len()).min(PIECE)];
        match client.read(&mut piece) {
            Ok(length) => {
                bytes.extend_from_slice(&piece[..length]);
                Ok(length > 0)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn denied(
        &self,
        client: &mut TcpStream,
        what: &str,
        target: &str,
        refusal: &Refusal,
    ) -> io::Result<()> {
        self.shared.refuse(what, target, refusal);
        let status = if refusal.retry_after_s.is_some() { 429 } else { 403 };
        respond(client, status, &refusal.why, refusal.retry_after_s)
    }

    fn unreachable(&self, host: &Host, port: u16, unreachable: &Unreachable) {
        if let Unreachable::Refused(refusal, address) = unreachable {
            let target = format!("{host}:{port} at {}", address.ip());
            self.shared.refuse("connect tcp", &target, refusal);
        }
    }
}

/// The host of the first message is the one of the tunnel.
fn same_host(host: Host, named: Result<Host, HostError>) -> Result<Host, Refusal> {
    match named {
        Ok(named) if named == host => Ok(host),
        Ok(named) => {
            let why = format!("a tunnel to {host} was asked for, and TLS is for {named}");
            Err(Refusal::new(Rule::SniMismatch, why))
        }
        Err(error) => {
            let why = format!("a tunnel to {host} was asked for, and in TLS {error}");
            Err(Refusal::new(Rule::SniMismatch, why))
        }
    }
}

/// At the address of one name nobody asks for another.
fn at_own_address(resolved: Option<&Host>, host: &Host) -> Result<(), Refusal> {
    match resolved {
        Some(resolved) if resolved != host => {
            let why = format!("{host} was asked for at the address of {resolved}");
            Err(Refusal::new(Rule::SniMismatch, why))
        }
        _ => Ok(()),
    }
}

/// TLS that hides a second host can't be judged.
fn visible(rules: &Rules, hello: &Hello, host: Host) -> Result<Host, Refusal> {
    if rules.deny_ech && hello.has_encrypted {
        let why =
            format!("TLS for {host} has an encrypted ClientHello inside, which `deny_ech` refuses");
        return Err(Refusal::new(Rule::SniMismatch, why));
    }
    Ok(host)
}

/// The target as it was written, which is escaped where it is recorded.
fn told(asked: &Asked) -> String {
    match &asked.host {
        Ok((host, port)) => format!("{host}:{port}"),
        Err(_) => String::from_utf8_lossy(&asked.named).into_owned(),
    }
}

/// Answers for the proxy itself. The reason is for whoever reads the agent's log.
pub(crate) fn respond(
    client: &mut TcpStream,
    status: u16,
    why: &str,
    retry_after_s: Option<u64>,
) -> io::Result<()> {
    let retry = retry_after_s.map_or(String::new(), |s| format!("Retry-After: {s}\r\n"));
    let body = format!("ai_onboard: {why}\n");
    let answer = format!(
        "HTTP/1.1 {status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\n{retry}\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes())?;
    client.shutdown(Shutdown::Write)
}
