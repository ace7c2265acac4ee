//! Both directions of a connection, passed on by one thread.

use crate::serve::Shared;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;

/// What one read takes.
const PIECE: usize = 16 * 1024;
/// Pieces of one direction before the other has its turn.
const TURN: usize = 16;
/// How long a connection may be silent.
const SILENCE: Timespec = Timespec { tv_sec: 300, tv_nsec: 0 };
/// How long a peer may leave what is written to it unread.
const UNREAD: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// What follows the end of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The receiver is told, and the other direction goes on.
    Shut,
    /// The other direction goes on, in which the receiver tells that it has all.
    GoOn,
    /// The connection is over.
    Over,
}

/// One direction.
pub(crate) struct Way<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    /// Bytes that may still be read.
    left: u64,
    then: Then,
    piece: Vec<u8>,
    /// The part of the piece that was read and not yet written.
    unwritten: Range<usize>,
    has_ended: bool,
}

impl<'a> Way<'a> {
    /// From one to the other: everything, or so many bytes.
    pub(crate) fn new(
        from: &'a TcpStream,
        to: &'a TcpStream,
        most: Option<u64>,
        then: Then,
    ) -> Way<'a> {
        let (left, piece) = (most.unwrap_or(u64::MAX), vec![0; PIECE]);
        Way { from, to, left, then, piece, unwritten: 0..0, has_ended: left == 0 }
    }

    /// What has to happen before it goes on.
    fn awaited(&self) -> Option<PollFd<'a>> {
        match (self.has_ended, self.unwritten.is_empty()) {
            (true, _) => None,
            (false, true) => Some(PollFd::new(self.from, PollFlags::IN)),
            (false, false) => Some(PollFd::new(self.to, PollFlags::OUT)),
        }
    }

    /// Passes on what is there.
    fn go(&mut self, shared: &Shared, target: &str) -> io::Result<()> {
        for _ in 0..TURN {
            let is_on = match self.unwritten.is_empty() {
                true => self.read(shared, target)?,
                false => true,
            };
            if !is_on || !self.write()? {
                break;
            }
        }
        Ok(())
    }

    /// False when nothing came.
    fn read(&mut self, shared: &Shared, target: &str) -> io::Result<bool> {
        let room = PIECE.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(length) = unless_blocked(self.from.read(&mut self.piece[..room]))? else {
            return Ok(false);
        };
        if length == 0 {
            self.end()?;
            return Ok(false);
        }
        if !shared.pass(length, target) {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.left -= length as u64;
        self.unwritten = 0..length;
        Ok(true)
    }

    /// False when the receiver takes no more now, or has all.
    fn write(&mut self) -> io::Result<bool> {
        let Some(length) = unless_blocked(self.to.write(&self.piece[self.unwritten.clone()]))?
        else {
            return Ok(false);
        };
        self.unwritten.start += length;
        if self.unwritten.is_empty() && self.left == 0 {
            self.end()?;
        }
        Ok(!self.has_ended)
    }

    fn end(&mut self) -> io::Result<()> {
        self.has_ended = true;
        if self.then == Then::Shut { self.to.shutdown(Shutdown::Write) } else { Ok(()) }
    }
}

/// How much it was; nothing where it can't be done now.
fn unless_blocked(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(length) => Ok(Some(length)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Passes on both directions until the connection is over.
///
/// # Errors
/// When a side is gone, silent for too long, or the run had all bytes that it may have.
pub(crate) fn relay(shared: &Shared, target: &str, mut ways: [Way<'_>; 2]) -> io::Result<()> {
    for way in &ways {
        way.from.set_nonblocking(true)?;
    }
    let is_over = |way: &Way<'_>| way.has_ended && way.then == Then::Over;
    while !ways.iter().any(is_over) && !ways.iter().all(|way| way.has_ended) {
        for index in ready(&ways)? {
            ways[index].go(shared, target)?;
        }
    }
    Ok(())
}

/// The directions that can go on, once there is one.
fn ready(ways: &[Way<'_>; 2]) -> io::Result<Vec<usize>> {
    let awaited = ways.iter().enumerate().filter_map(|(index, way)| Some((index, way.awaited()?)));
    let (indices, mut awaited): (Vec<usize>, Vec<PollFd<'_>>) = awaited.unzip();
    let is_unread = ways.iter().any(|way| !way.unwritten.is_empty());
    let patience = if is_unread { &UNREAD } else { &SILENCE };
    match poll(&mut awaited, Some(patience)) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) | Err(rustix::io::Errno::INTR) => {
            let ready = indices.iter().zip(&awaited).filter(|(_, fd)| !fd.revents().is_empty());
            Ok(ready.map(|(index, _)| *index).collect())
        }
        Err(error) => Err(error.into()),
    }
}
