//! Serving one run's network: a thread for each connection, and one that waits for the next.
//!
//! Threads and no runtime: a run has few connections, each bounded, and most of their time goes
//! into waiting, in the resolver too, which offers nothing else.

use crate::accept::{self, Ends, Turns};
use crate::broker::{Broker, Door};
use crate::decide::{self, Refusal, Rules, Way};
use crate::dns;
use crate::host::Host;
use crate::meter::{Flow, Meter};
use crate::names::Names;
use crate::outside::Outside;
use onboard_domain::violation::{Action, Rule, Sensor, Violation};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What one run may have of the network, apart from its agent's requests a minute.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// In both directions together.
    pub bytes_per_s: u64,
    pub bytes_per_run: u64,
}

impl Default for Limits {
    /// A browser's or a package manager's burst of connections; a fair part of a small line; ten
    /// times a package index in all.
    fn default() -> Limits {
        Limits { connections: 64, bytes_per_s: 8 << 20, bytes_per_run: 1 << 30 }
    }
}

/// A datagram that came: how long it is, from whom, and to which address it was sent.
pub type Received = (usize, SocketAddr, IpAddr);

/// How datagrams come with the address that was asked, and answers from it. The standard library
/// doesn't know of that.
#[derive(Clone, Copy)]
pub struct Datagrams {
    pub receive: fn(BorrowedFd<'_>, &mut [u8]) -> io::Result<Received>,
    /// To whom, and from which address.
    pub answer: fn(BorrowedFd<'_>, &[u8], SocketAddr, IpAddr) -> io::Result<()>,
}

/// The stack of a connection's thread; its buffers are on the heap, the resolver wants some.
pub(crate) const STACK: usize = 256 * 1024;
/// How long connections that were ended may take to say what they were.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a socket of the run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Programs that know the proxy.
    Proxy,
    /// Programs that don't: TLS, plain HTTP.
    Tls,
    Http,
    /// DNS in datagrams and in streams.
    Names,
    NamesStream,
    /// Nobody should come here.
    Tripwire {
        port: u16,
    },
    /// Datagrams that nobody should send.
    Datagrams {
        port: u16,
    },
}

impl Role {
    /// What a socket that takes every address of the run's network is for.
    pub fn at(port: u16, is_datagrams: bool) -> Role {
        match (port, is_datagrams) {
            (53, true) => Role::Names,
            (port, true) => Role::Datagrams { port },
            (443, false) => Role::Tls,
            (80, false) => Role::Http,
            (53, false) => Role::NamesStream,
            (port, false) => Role::Tripwire { port },
        }
    }
}

/// One end of the run's network: a non-blocking socket.
#[derive(Debug)]
pub struct End {
    pub role: Role,
    pub socket: OwnedFd,
}

/// What a run's network is served with.
pub struct Service {
    pub rules: Rules,
    /// The agent's, shared by its runs.
    pub meter: Arc<Mutex<Meter>>,
    pub outside: Arc<dyn Outside>,
    /// What the daemon does in the agent's place, if anything.
    pub broker: Option<Broker>,
    pub limits: Limits,
    pub datagrams: Datagrams,
    /// A clock that never goes back.
    pub now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Told of everything that was refused.
    pub report: Arc<dyn Fn(Violation) + Send + Sync>,
}

/// A run's network while it is served. Dropped, every connection of it is ended.
pub struct Egress {
    shared: Arc<Shared>,
    /// Its end wakes the thread that waits for connections.
    waker: Option<io::PipeWriter>,
}

/// What the connections of a run share.
pub(crate) struct Shared {
    service: Service,
    pub(crate) turns: Turns,
    names: Names,
    flow: Mutex<Flow>,
    open: Mutex<Open>,
    stopping: AtomicBool,
    stop: Condvar,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// Both sides of each connection, to end it.
    streams: BTreeMap<u64, Vec<TcpStream>>,
}

impl Egress {
    /// Serves these sockets until the value is dropped.
    ///
    /// # Errors
    /// When there is no end to serve, or no thread or no pipe for it. The ends are closed then.
    pub fn serve(ends: Vec<End>, service: Service) -> io::Result<Egress> {
        if ends.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has no ends"));
        }
        let limits = service.limits;
        let doors = service.broker.as_ref().map(Broker::names).unwrap_or_default();
        let names = Names::of(&service.rules.allowed.union(&doors).cloned().collect());
        let (woken, waker) = io::pipe()?;
        let shared = Arc::new(Shared {
            service,
            turns: Turns::new(Ends::new(ends, woken)),
            names,
            flow: Mutex::new(Flow::new(limits.bytes_per_s, limits.bytes_per_run)),
            open: Mutex::default(),
            stopping: AtomicBool::new(false),
            stop: Condvar::new(),
        });
        accept::start(&shared)?;
        Ok(Egress { shared, waker: Some(waker) })
    }

    /// Bytes that went through so far, in both directions.
    pub fn bytes(&self) -> u64 {
        hold(&self.shared.flow).total()
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(self.waker.take());
        self.shared.turns.close();
        let open = hold(&self.shared.open);
        for stream in open.streams.values().flatten() {
            // It may be gone already.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        self.shared.stop.notify_all();
        // What was refused a moment ago is told with the run; who waits for a resolver is not.
        let is_busy = |open: &mut Open| !open.streams.is_empty();
        drop(self.shared.stop.wait_timeout_while(open, LAST_WORDS, is_busy));
    }
}

pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn now_ms(&self) -> u64 {
        (self.service.now_ms)()
    }

    pub(crate) fn outside(&self) -> &dyn Outside {
        &*self.service.outside
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.service.rules
    }

    /// The name whose address a connection was made to, where it is one that was given here.
    pub(crate) fn resolved(&self, stream: &TcpStream) -> Option<Host> {
        let name = self.names.at(stream.local_addr().ok()?.ip())?;
        Host::parse(name.as_bytes()).ok()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn decide(
        &self,
        way: Way,
        asked: Result<(Host, u16), crate::host::HostError>,
    ) -> Result<(Host, u16), Refusal> {
        if let Ok((host, _)) = &asked
            && self.door(host).is_some()
        {
            if way == Way::Name {
                return asked.map_err(|error| Refusal::new(Rule::ForbiddenName, error.to_string()));
            }
            self.count()?;
            let why = format!("{host} is spoken to by plain HTTP at port 80, as http://{host}/");
            return Err(Refusal::new(Rule::ForbiddenPort, why));
        }
        let mut meter = hold(&self.service.meter);
        decide::decide(&self.service.rules, &mut meter, self.now_ms(), way, asked)
    }

    /// The door of this name, and whose it is.
    pub(crate) fn door(&self, host: &Host) -> Option<(&Broker, &Door)> {
        let broker = self.service.broker.as_ref()?;
        Some((broker, broker.door(host.as_str())?))
    }

    pub(crate) fn count(&self) -> Result<(), Refusal> {
        decide::count(&self.service.rules, &mut hold(&self.service.meter), self.now_ms())
    }

    /// Answers a question of DNS; a message that is none gets no answer.
    pub(crate) fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let question = dns::question(message)?;
        let asked = Host::parse(&question.name).map(|host| (host, 53));
        let verdict = self.decide(Way::Name, asked);
        if let Err(refusal) = &verdict {
            self.refuse_bytes("look up", &question.name, refusal);
        }
        let address = verdict.ok().and_then(|(host, _)| self.names.address(host.as_str()));
        Some(dns::answer(&question, address))
    }

    pub(crate) fn refuse(&self, what: &str, target: &str, refusal: &Refusal) {
        self.refuse_bytes(what, target.as_bytes(), refusal);
    }

    fn refuse_bytes(&self, what: &str, target: &[u8], refusal: &Refusal) {
        if refusal.is_reported {
            let violation = Violation::new(Sensor::Network, refusal.rule, what, target);
            self.report(violation.resolved(refusal.why.as_bytes()));
        }
    }

    pub(crate) fn report(&self, violation: Violation) {
        (self.service.report)(violation);
    }

    /// Connections at a time.
    pub(crate) fn most_connections(&self) -> usize {
        self.service.limits.connections
    }

    pub(crate) fn datagrams(&self) -> Datagrams {
        self.service.datagrams
    }

    /// A place for a connection, if there is one.
    pub(crate) fn admit(&self, stream: &TcpStream) -> Option<u64> {
        let copy = stream.try_clone().ok()?;
        let mut open = hold(&self.open);
        if open.streams.len() >= self.service.limits.connections {
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.streams.insert(number, vec![copy]);
        Some(number)
    }

    /// Ends a connection, whose place is free then.
    pub(crate) fn leave(&self, number: u64) {
        for stream in hold(&self.open).streams.remove(&number).into_iter().flatten() {
            // It may be gone already.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        self.stop.notify_all();
    }

    /// The other side of a connection; false when the run's network ended meanwhile.
    pub(crate) fn joins(&self, number: u64, stream: &TcpStream) -> bool {
        let Ok(copy) = stream.try_clone() else { return false };
        let mut open = hold(&self.open);
        if let Some(streams) = open.streams.get_mut(&number) {
            streams.push(copy);
        }
        // Under the lock: who stops sets this first and then ends what is in the list.
        !self.is_stopping()
    }

    /// Counts bytes and waits until their time has come; false when the run had all it may have,
    /// or ends.
    pub(crate) fn pass(&self, bytes: usize, target: &str) -> bool {
        let wait = hold(&self.flow).pass(bytes as u64, self.now_ms());
        let Some(wait_ms) = wait else {
            let most = self.service.limits.bytes_per_run;
            let violation = Violation::new(
                Sensor::Network,
                Rule::NetworkVolume,
                "transfer",
                format!("{most} bytes a run, reached with {target}").as_bytes(),
            );
            (self.service.report)(violation.with(Action::Denied));
            return false;
        };
        if wait_ms > 0 {
            let open = hold(&self.open);
            let patience = Duration::from_millis(wait_ms);
            // Waking early lets a few bytes through early.
            drop(self.stop.wait_timeout_while(open, patience, |_| !self.is_stopping()));
        }
        !self.is_stopping()
    }
}

/// The meant address of a connection that was not made to the proxy.
pub(crate) fn meant(stream: &TcpStream) -> String {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    stream.local_addr().unwrap_or(unknown).to_string()
}
