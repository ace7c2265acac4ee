//! The lock of a state folder: one daemon at a time, and the second one learns who is first.
//!
//! The kernel's lock on the open file decides, so it ends with its holder however that dies. What
//! is written in the file only names the holder; it is stale after a kill and then meaningless.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The file within the state folder. It is never removed: removing a locked file would let a third
/// process lock a new file of the same name.
const LOCK_FILE: &str = "daemon.lock";

/// The most that is read of what a holder wrote: three short lines and a path.
const MAX_HOLDER_BYTES: u64 = 8192;

/// Who holds a state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, as it sees itself.
    pub pid: u32,
    /// When it started, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// Where it answers, if it does.
    pub socket: Option<PathBuf>,
}

/// Why a state folder could not be locked.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held {
        /// The lock's file.
        path: PathBuf,
        /// Who; none in the instant before the holder has written its name.
        by: Option<Holder>,
    },
    /// The lock's file could not be created, locked or written.
    Unusable {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::Held { path, by: Some(by) } => {
                write!(f, "process {} holds the state folder since {} ms", by.pid, by.since_ms)?;
                if let Some(socket) = &by.socket {
                    write!(f, " and answers on {}", socket.display())?;
                }
                write!(f, ": {}; use it, or stop it first", path.display())
            }
            LockError::Held { path, by: None } => {
                let path = path.display();
                write!(f, "another process is just taking the state folder: {path}; try again")
            }
            LockError::Unusable { path, error } => {
                let path = path.display();
                write!(
                    f,
                    "cannot lock the state folder: {path} ({error}); make sure the folder exists and can be written"
                )
            }
        }
    }
}

impl std::error::Error for LockError {}

/// A state folder held by this process until the value is dropped or the process ends.
#[derive(Debug)]
pub struct StateLock {
    file: File,
}

impl StateLock {
    /// Takes the folder `dir` in the name of `holder`, without waiting.
    ///
    /// # Errors
    /// [`LockError::Held`] names the process that has it; [`LockError::Unusable`] says why there
    /// can be no lock.
    pub fn acquire(dir: &Path, holder: &Holder) -> Result<StateLock, LockError> {
        let path = dir.join(LOCK_FILE);
        let unusable = |error| LockError::Unusable { path: path.clone(), error };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let by = read_holder(&file).map_err(unusable)?;
                return Err(LockError::Held { path, by });
            }
            Err(error) => return Err(unusable(error.into())),
        }
        write_holder(&file, holder).map_err(unusable)?;
        Ok(StateLock { file })
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // Only the name is taken back, the lock goes with the file. Failing to do so leaves a
        // stale name, which is no obstacle to the next holder.
        drop(self.file.set_len(0));
        // A child that is just being started holds a copy of the descriptor until it executes:
        // closing ours would leave the lock with it for that moment.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Emptied first, so that a reader meets no name, or this one, but not the last holder's.
fn write_holder(file: &File, holder: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(encode(holder).as_bytes(), 0)
}

fn read_holder(file: &File) -> io::Result<Option<Holder>> {
    let mut text = Vec::new();
    file.take(MAX_HOLDER_BYTES).read_to_end(&mut text)?;
    Ok(decode(&String::from_utf8_lossy(&text)))
}

fn encode(holder: &Holder) -> String {
    let Holder { pid, since_ms, socket } = holder;
    let socket = socket.as_ref().map_or(String::new(), |path| path.display().to_string());
    format!("pid {pid}\nsince_ms {since_ms}\nsocket {socket}\n")
}

fn decode(text: &str) -> Option<Holder> {
    // Without its last newline the text is still being written.
    let text = text.strip_suffix('\n')?;
    let (pid, rest) = text.strip_prefix("pid ")?.split_once("\nsince_ms ")?;
    let (since_ms, socket) = rest.split_once("\nsocket ")?;
    Some(Holder {
        pid: pid.parse().ok()?,
        since_ms: since_ms.parse().ok()?,
        socket: (!socket.is_empty()).then(|| PathBuf::from(socket)),
    })
}
