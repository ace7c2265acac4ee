//! What caller, starter, launcher and init say to each other over their socket pairs.

use crate::counted::Watched;
use crate::lacking::Lacking;
use crate::mask::Folders;
use crate::plan::Plan;
use crate::sys::socket;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Bytes of one piece of the specification: below every default socket buffer.
const PIECE: usize = 64 * 1024;

/// Most bytes of a specification: the profile's own bounds (a quarter MiB of text, a thousand
/// mounts) with quoting stay below it.
const MAX_SPECIFICATION: usize = 4 << 20;

/// Numbers of a message: a tag and five more.
const WORDS: usize = 6;
/// Length of a message.
const MESSAGE: usize = 8 * WORDS;

/// Who ended a run, when it was the launcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody: it ended by itself, or by somebody else's signal.
    None,
    /// The sum of its memory was above its limit.
    Memory,
    /// The caller was gone.
    CallerGone,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Starter to caller, first: the launcher, a child of the caller; a descriptor that names it
    /// travels along.
    Forked { pid: i32 },
    /// Launcher to caller: the sandbox's first process, by its number on the host; a descriptor
    /// that names it travels along.
    Created { pid: i32 },
    /// Anybody to caller: a step failed.
    Failed { step: usize, errno: i32 },
    /// Init to caller: everything is built, waiting for `Go`.
    Ready { folders: Folders, lacking: Lacking },
    /// Caller to init.
    Go,
    /// The agent's process to caller: its calls are watched; the descriptor to hear of them travels
    /// along. Its program starts with the first answer.
    Watched,
    /// Init to caller: the agent's program runs.
    Started,
    /// Init to caller: the agent ended with this raw wait status.
    Exited { status: i32 },
    /// Caller to launcher: stop every process.
    Freeze,
    /// Caller to launcher: continue.
    Thaw,
    /// Launcher to caller, last: the sandbox is gone.
    Ended { status: i32, verdict: Verdict, cpu_us: u64, max_memory: u64, watched: Watched },
}

impl Message {
    fn encode(self) -> [u8; MESSAGE] {
        let number = |n: i32| u64::from(n.cast_unsigned());
        let words: [u64; WORDS] = match self {
            Self::Forked { pid } => [11, number(pid), 0, 0, 0, 0],
            Self::Created { pid } => [1, number(pid), 0, 0, 0, 0],
            Self::Failed { step, errno } => [2, step as u64, number(errno), 0, 0, 0],
            Self::Ready { folders, lacking } => [3, folders.0, lacking.0, 0, 0, 0],
            Self::Go => [4, 0, 0, 0, 0, 0],
            Self::Started => [5, 0, 0, 0, 0, 0],
            Self::Exited { status } => [6, number(status), 0, 0, 0, 0],
            Self::Freeze => [7, 0, 0, 0, 0, 0],
            Self::Thaw => [8, 0, 0, 0, 0, 0],
            Self::Watched => [10, 0, 0, 0, 0, 0],
            Self::Ended { status, verdict, cpu_us, max_memory, watched } => {
                let Watched { paused_us, max_tasks } = watched;
                let tag = 9 | (verdict as u64) << 8;
                [tag, number(status), cpu_us, max_memory, paused_us, max_tasks]
            }
        };
        let mut bytes = [0; MESSAGE];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = [0_u64; WORDS];
        if bytes.len() != MESSAGE {
            return None;
        }
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(chunk.try_into().ok()?);
        }
        let number = |word: u64| (word as u32).cast_signed();
        let [tag, first, second, third, paused_us, max_tasks] = words;
        Some(match tag & 0xFF {
            1 => Self::Created { pid: number(first) },
            2 => Self::Failed { step: first as usize, errno: number(second) },
            3 => Self::Ready { folders: Folders(first), lacking: Lacking(second) },
            4 => Self::Go,
            5 => Self::Started,
            6 => Self::Exited { status: number(first) },
            7 => Self::Freeze,
            8 => Self::Thaw,
            10 => Self::Watched,
            11 => Self::Forked { pid: number(first) },
            9 => {
                let verdict = match tag >> 8 {
                    1 => Verdict::Memory,
                    2 => Verdict::CallerGone,
                    _ => Verdict::None,
                };
                let (cpu_us, max_memory) = (second, third);
                let watched = Watched { paused_us, max_tasks };
                Self::Ended { status: number(first), verdict, cpu_us, max_memory, watched }
            }
            _ => return None,
        })
    }
}

/// Sends a message.
pub fn send(socket: BorrowedFd<'_>, message: Message) -> io::Result<()> {
    socket::send(socket, &message.encode(), &[])
}

/// Sends a message with descriptors.
pub fn send_with_files(
    socket: BorrowedFd<'_>,
    message: Message,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    socket::send(socket, &message.encode(), files)
}

/// Sends [`Message::Forked`] with the process's descriptor.
pub fn send_forked(socket: BorrowedFd<'_>, pid: i32, pidfd: BorrowedFd<'_>) -> io::Result<()> {
    send_with_files(socket, Message::Forked { pid }, &[pidfd])
}

/// Sends [`Message::Created`] with the process's descriptor.
pub fn send_created(socket: BorrowedFd<'_>, pid: i32, pidfd: BorrowedFd<'_>) -> io::Result<()> {
    send_with_files(socket, Message::Created { pid }, &[pidfd])
}

/// Receives a message; `None`: the other end is gone.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<Message>> {
    Ok(receive_with_files(socket)?.map(|(message, _)| message))
}

/// Receives a message and the descriptors that came with it.
pub fn receive_with_files(socket: BorrowedFd<'_>) -> io::Result<Option<(Message, Vec<OwnedFd>)>> {
    let mut bytes = [0; MESSAGE];
    match socket::receive(socket, &mut bytes) {
        Ok((0, _)) => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(None),
        Ok((length, fds)) => Message::decode(&bytes[..length])
            .map(|message| Some((message, fds)))
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData)),
        Err(e) => Err(e),
    }
}

/// The descriptors that travel with a plan.
pub struct Passed<T> {
    /// The agent's end of the socket to its host.
    pub host: T,
    /// Init's end of the socket to the caller.
    pub init: T,
}

/// Sends the plan, length first, with the descriptors.
pub fn send_plan(
    socket: BorrowedFd<'_>,
    plan: &Plan,
    passed: &Passed<BorrowedFd<'_>>,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(plan).map_err(io::Error::other)?;
    if bytes.len() > MAX_SPECIFICATION {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    socket::send(socket, &bytes.len().to_le_bytes(), &[passed.host, passed.init])?;
    bytes.chunks(PIECE).try_for_each(|piece| socket::send(socket, piece, &[]))
}

/// Receives the plan and the descriptors.
pub fn receive_plan(socket: BorrowedFd<'_>) -> io::Result<(Plan, Passed<OwnedFd>)> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut length = [0; size_of::<usize>()];
    let (_, fds) = socket::receive(socket, &mut length)?;
    let length = usize::from_le_bytes(length);
    let [host, init]: [OwnedFd; 2] = fds.try_into().map_err(|_| invalid())?;
    if length > MAX_SPECIFICATION {
        return Err(invalid());
    }
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match socket::receive(socket, &mut bytes[filled..])? {
            (0, _) => return Err(invalid()),
            (received, _) => filled += received,
        }
    }
    let plan = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    Ok((plan, Passed { host, init }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_survives_the_wire() {
        let verdicts = [Verdict::None, Verdict::Memory, Verdict::CallerGone];
        let ended = verdicts.map(|verdict| Message::Ended {
            status: -1,
            verdict,
            cpu_us: u64::MAX,
            max_memory: 7,
            watched: Watched { paused_us: 8, max_tasks: 9 },
        });
        let plain = [
            Message::Forked { pid: 7 },
            Message::Created { pid: i32::MAX },
            Message::Failed { step: 9, errno: 13 },
            Message::Ready { folders: Folders(u64::MAX), lacking: Lacking(5) },
            Message::Go,
            Message::Watched,
            Message::Started,
            Message::Exited { status: 0x8b },
            Message::Freeze,
            Message::Thaw,
        ];
        for message in plain.into_iter().chain(ended) {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
        assert_eq!(Message::decode(&[0; MESSAGE]), None);
        assert_eq!(Message::decode(&[1; 3]), None);
    }
}
