//! Taking connections: threads that take turns at the sockets of a run.
//!
//! Whoever leads looks at the sockets. With a connection that it took it hands the lead on and serves
//! that one itself, so that no connection waits for a thread to be made or woken. Who has served waits a
//! while to lead again; at rest there is one thread.

use crate::connection;
use crate::decide::Refusal;
use crate::dns;
use crate::serve::{Datagrams, End, Role, STACK, Shared, hold};
use onboard_domain::violation::Rule;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long one look at the sockets lasts; stopping wakes it earlier.
const LOOK: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };
/// How long to wait for descriptors or memory when there are none: ten looks a second cost nothing.
const EXHAUSTED_PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// How long a thread without work is kept for the next connection: a program that fetches something
/// makes them within seconds of one another.
const IDLE: Duration = Duration::from_secs(10);
/// Datagrams that are read of one socket before the others get their turn.
const DATAGRAMS: usize = 64;

/// The sockets of a run, which belong to whoever leads.
pub(crate) struct Ends {
    sockets: Vec<Socket>,
    /// At its end when the run's network ends.
    woken: io::PipeReader,
    /// Whose turn it is to be looked at first.
    first: usize,
}

impl Ends {
    pub(crate) fn new(ends: Vec<End>, woken: io::PipeReader) -> Ends {
        Ends { sockets: ends.into_iter().map(Socket::from).collect(), woken, first: 0 }
    }
}

enum Lead {
    Free(Ends),
    Taken,
    /// The sockets are closed.
    Over,
}

/// Who leads, and how many wait to do so.
pub(crate) struct Turns {
    state: Mutex<(Lead, usize)>,
    changed: Condvar,
}

/// The lead. Dropped without being handed on, it closes the sockets.
struct Leading<'a> {
    turns: &'a Turns,
    ends: Option<Ends>,
}

impl Turns {
    pub(crate) fn new(ends: Ends) -> Turns {
        Turns { state: Mutex::new((Lead::Free(ends), 0)), changed: Condvar::new() }
    }

    /// Waits for the lead; nothing when others did all that came for a while, or it is over.
    fn lead(&self) -> Option<Leading<'_>> {
        let mut state = hold(&self.state);
        state.1 += 1;
        let is_taken = |state: &mut (Lead, usize)| matches!(state.0, Lead::Taken);
        let waited = self.changed.wait_timeout_while(state, IDLE, is_taken);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.1 -= 1;
        match std::mem::replace(&mut state.0, Lead::Taken) {
            Lead::Free(ends) => Some(Leading { turns: self, ends: Some(ends) }),
            Lead::Taken => None,
            Lead::Over => {
                state.0 = Lead::Over;
                None
            }
        }
    }

    /// Closes the sockets. Whoever leads was told before.
    pub(crate) fn close(&self) {
        let is_taken = |state: &mut (Lead, usize)| matches!(state.0, Lead::Taken);
        let waited = self.changed.wait_while(hold(&self.state), is_taken);
        waited.unwrap_or_else(PoisonError::into_inner).0 = Lead::Over;
        self.changed.notify_all();
    }
}

impl<'a> Leading<'a> {
    /// Hands the lead to a thread that waits, or to `another` where none does.
    ///
    /// # Errors
    /// The lead, when there is nobody.
    fn hand_on(mut self, another: impl FnOnce() -> io::Result<()>) -> Result<(), Leading<'a>> {
        let mut state = hold(&self.turns.state);
        if state.1 == 0 && another().is_err() {
            drop(state);
            return Err(self);
        }
        if let Some(ends) = self.ends.take() {
            state.0 = Lead::Free(ends);
        }
        drop(state);
        self.turns.changed.notify_one();
        Ok(())
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if self.ends.take().is_some() {
            hold(&self.turns.state).0 = Lead::Over;
            self.turns.changed.notify_all();
        }
    }
}

/// Starts one more thread.
pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let own = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("egress".into()).stack_size(STACK);
    thread.spawn(move || work(&own)).map(drop)
}

fn work(shared: &Arc<Shared>) {
    while let Some(leading) = shared.turns.lead() {
        let Some(Taken { open, role, stream }) = take(shared, leading) else { return };
        connection::serve(shared, open.number, role, stream);
    }
}

/// A connection that has its place.
struct Taken<'a> {
    open: Admitted<'a>,
    role: Role,
    stream: TcpStream,
}

/// A connection's place, which it leaves however it ends.
struct Admitted<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.shared.leave(self.number);
    }
}

/// The next connection, the lead handed on; nothing when the run's network ends.
fn take<'a>(shared: &'a Arc<Shared>, mut leading: Leading<'_>) -> Option<Taken<'a>> {
    loop {
        let taken = look(shared, leading.ends.as_mut()?)?;
        match leading.hand_on(|| start(shared)) {
            Ok(()) => return Some(taken),
            // Without a thread for the next one this one is not served.
            Err(still) => leading = still,
        }
    }
}

/// Looks at the sockets until there is a connection to serve; nothing when the run's network ends.
fn look<'a>(shared: &'a Shared, ends: &mut Ends) -> Option<Taken<'a>> {
    while !shared.is_stopping() {
        for index in ready(ends) {
            match &ends.sockets[index] {
                Socket::Stream(role, listener) => {
                    if let Some(taken) = accept(shared, *role, listener, ends.woken.as_fd()) {
                        ends.first = index + 1;
                        return Some(taken);
                    }
                }
                Socket::Datagram(role, socket) => take_datagrams(shared, *role, socket),
            }
        }
    }
    None
}

/// Which sockets have something, whose turn it is first.
fn ready(ends: &Ends) -> Vec<usize> {
    let mut watched = vec![PollFd::from_borrowed_fd(ends.woken.as_fd(), PollFlags::IN)];
    watched.extend(ends.sockets.iter().map(|end| PollFd::new(end, PollFlags::IN)));
    // An interrupted look is looked again.
    let _ = poll(&mut watched, Some(&LOOK));
    let (count, sockets) = (ends.sockets.len(), &watched[1..]);
    let order = (0..count).map(|index| (index + ends.first) % count);
    order.filter(|index| !sockets[*index].revents().is_empty()).collect()
}

fn accept<'a>(
    shared: &'a Shared,
    role: Role,
    listener: &TcpListener,
    woken: BorrowedFd<'_>,
) -> Option<Taken<'a>> {
    let stream = match listener.accept() {
        Ok((stream, _)) => stream,
        Err(error) => {
            if is_exhausted(&error) {
                pause(woken);
            }
            // That peer went away.
            return None;
        }
    };
    let Some(number) = shared.admit(&stream) else {
        let most = shared.most_connections();
        let refusal = shared.count().err().unwrap_or_else(|| {
            let why = format!("more than {most} connections of a run at a time");
            Refusal::new(Rule::NetworkRate, why)
        });
        shared.refuse("connect tcp", &format!("{most} connections at a time"), &refusal);
        return None;
    };
    Some(Taken { open: Admitted { shared, number }, role, stream })
}

/// Whether a connection could not be taken for lack of descriptors or memory, so that it is still
/// there.
fn is_exhausted(error: &io::Error) -> bool {
    let lacks = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| lacks.iter().any(|lack| lack.raw_os_error() == code))
}

/// Accepting would fail at once, again and again, until somebody else gives something back.
fn pause(woken: BorrowedFd<'_>) {
    // Told to stop, or interrupted: there is no hurry either way.
    let _ = poll(&mut [PollFd::from_borrowed_fd(woken, PollFlags::IN)], Some(&EXHAUSTED_PAUSE));
}

fn take_datagrams(shared: &Shared, role: Role, socket: &UdpSocket) {
    let Datagrams { receive, answer } = shared.datagrams();
    let mut buffer = [0; dns::LONGEST + 1];
    for _ in 0..DATAGRAMS {
        let Ok((length, from, asked)) = receive(socket.as_fd(), &mut buffer) else { return };
        match role {
            Role::Datagrams { port } => {
                let refusal = shared.count().err().unwrap_or_else(|| {
                    Refusal::new(Rule::ForbiddenPort, "datagrams go nowhere but to DNS")
                });
                let target = SocketAddr::new(asked, port).to_string();
                shared.refuse("send udp", &target, &refusal);
            }
            _ => {
                if let Some(bytes) = shared.answer(&buffer[..length]) {
                    // Who asked may be gone.
                    let _ = answer(socket.as_fd(), &bytes, from, asked);
                }
            }
        }
    }
}

enum Socket {
    Stream(Role, TcpListener),
    Datagram(Role, UdpSocket),
}

impl From<End> for Socket {
    fn from(end: End) -> Socket {
        match end.role {
            Role::Names | Role::Datagrams { .. } => {
                Socket::Datagram(end.role, UdpSocket::from(end.socket))
            }
            _ => Socket::Stream(end.role, TcpListener::from(end.socket)),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Stream(_, listener) => listener.as_fd(),
            Socket::Datagram(_, socket) => socket.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_where_the_connection_is_still_there() {
        let is = |errno: Errno| is_exhausted(&io::Error::from(errno));
        for lack in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(is(lack), "{lack}");
        }
        assert!(!is(Errno::CONNABORTED), "that peer went away, the next is there at once");
        assert!(!is(Errno::AGAIN));
    }
}
