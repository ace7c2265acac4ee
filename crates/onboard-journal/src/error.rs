//! What can go wrong with a journal: what, where, and what mends it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::chain::{Break, Why};
use crate::witness;

/// What the storage under a journal refused or got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No room is left on the device.
    Full,
    /// The system refused a write for another reason than a full device.
    WriteRefused,
    /// The file or its folder can only be read.
    ReadOnly,
    /// This user may not open the file or its folder.
    Denied,
    /// There is no file.
    Missing,
    /// The file's pages contradict one another.
    Corrupt,
    /// The file is something else than a journal.
    NotAJournal,
    /// Another process is writing.
    Busy,
    /// A reader keeps the write-ahead log from being folded back, and it has reached its bound.
    LogTooLong,
    /// The device failed to read, write or sync.
    Device,
}

impl Fault {
    fn what(self) -> &'static str {
        match self {
            Fault::Full => "disk full",
            Fault::WriteRefused => "write refused",
            Fault::ReadOnly => "read-only",
            Fault::Denied => "permission denied",
            Fault::Missing => "no journal",
            Fault::Corrupt => "journal damaged",
            Fault::NotAJournal => "not a journal",
            Fault::Busy => "journal busy",
            Fault::LogTooLong => "write-ahead log too long",
            Fault::Device => "device failed",
        }
    }

    fn mend(self) -> &'static str {
        match self {
            Fault::Full => "free some space and try again",
            Fault::WriteRefused => "look for a quota, a file size limit or a failing device",
            Fault::ReadOnly => "make the file and its folder writable, or open it for reading",
            Fault::Denied => "run as the owner of the folder, or correct its permissions",
            Fault::Missing => "check the path, or start the daemon once to create it",
            Fault::Corrupt => "keep a copy of the folder for analysis and restore a backup",
            Fault::NotAJournal => "check the path; nothing was changed",
            Fault::Busy => "stop the other process that writes to it",
            Fault::LogTooLong => "end the process that holds a long read of it",
            Fault::Device => "check the device and the system's log, then open it again",
        }
    }
}

/// Why a journal did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// Someone else appended first: catch up and decide again.
    Conflict {
        /// The last sequence the caller knew.
        expected: u64,
        /// The last sequence there is.
        actual: u64,
    },
    /// The entries asked for were compacted away: start from the latest snapshot.
    Compacted {
        /// The sequence the reader wanted to continue after.
        after: u64,
        /// The sequence of the first entry still there.
        first: u64,
    },
    /// More than a limit allows; nothing was written.
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How much it was.
        size: usize,
        /// How much it may be.
        limit: usize,
    },
    /// There is no such entry, or no longer.
    NoEntry {
        /// The sequence asked for.
        seq: u64,
        /// The last sequence there is.
        head: u64,
    },
    /// No whole snapshot stands for the entries that were to be dropped.
    NoSnapshot {
        /// Up to where they were to be dropped.
        up_to: u64,
    },
    /// The chain is broken.
    Broken {
        /// The journal's file; none for one in memory.
        path: Option<PathBuf>,
        /// Where, and how.
        at: Break,
    },
    /// The file's format is newer than this program knows.
    NewerFormat {
        /// The journal's file.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// An earlier append failed in a way that leaves open whether it was written.
    Unsure {
        /// The journal's file.
        path: PathBuf,
        /// The entry that may or may not be there.
        seq: u64,
        /// What the layer below said then.
        detail: String,
    },
    /// The storage failed.
    Storage {
        /// The journal's file.
        path: PathBuf,
        /// The first entry concerned, where there is one.
        seq: Option<u64>,
        /// In which way.
        fault: Fault,
        /// What the layer below said.
        detail: String,
    },
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Conflict { expected, actual } => {
                write!(
                    f,
                    "another writer was first: expected entry {expected} to be the last, it is {actual}; catch up and decide again"
                )
            }
            JournalError::Compacted { after, first } => {
                write!(
                    f,
                    "entries after {after} were compacted away, the first still there is {first}; start from the latest snapshot"
                )
            }
            JournalError::TooLarge { what, size, limit } => {
                write!(f, "too many {what}: {size}, the limit is {limit}")
            }
            JournalError::NoEntry { seq, head } => {
                write!(f, "there is no entry {seq}, the last is {head}")
            }
            JournalError::NoSnapshot { up_to } => {
                write!(f, "no whole snapshot stands for the entries up to {up_to}; take one first")
            }
            JournalError::Broken { path: Some(path), at } => {
                write!(f, "{at}: {}; {}", path.display(), mend_of(at.why, path))
            }
            JournalError::Broken { path: None, at } => write!(f, "{at}"),
            JournalError::NewerFormat { path, found, known } => {
                let path = path.display();
                write!(
                    f,
                    "journal of format {found}, this program knows up to {known}: {path}; use a newer version of this program"
                )
            }
            JournalError::Unsure { path, seq, detail } => {
                let path = path.display();
                write!(
                    f,
                    "an append failed and entry {seq} may or may not be written: {path} ({detail}); open the journal again"
                )
            }
            JournalError::Storage { path, seq, fault, detail } => {
                write!(f, "{}: {}", fault.what(), path.display())?;
                if let Some(seq) = seq {
                    write!(f, ", entry {seq}")?;
                }
                write!(f, " ({detail}); {}", fault.mend())
            }
        }
    }
}

impl std::error::Error for JournalError {}

fn mend_of(why: Why, path: &Path) -> String {
    let restore = "keep a copy of the folder for analysis and restore a backup";
    match why {
        Why::LostTail | Why::Rewritten => {
            let witness = witness::path_of(path);
            format!("{restore}, or remove {} to accept what is there", witness.display())
        }
        _ => restore.to_owned(),
    }
}

impl JournalError {
    pub(crate) fn storage(path: &Path, fault: Fault, detail: impl Into<String>) -> JournalError {
        JournalError::Storage { path: path.to_owned(), seq: None, fault, detail: detail.into() }
    }

    pub(crate) fn broken(path: &Path, at: Break) -> JournalError {
        JournalError::Broken { path: Some(path.to_owned()), at }
    }

    pub(crate) fn from_io(path: &Path, error: &io::Error) -> JournalError {
        let fault = match error.kind() {
            io::ErrorKind::StorageFull => Fault::Full,
            io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Fault::WriteRefused,
            io::ErrorKind::ReadOnlyFilesystem => Fault::ReadOnly,
            io::ErrorKind::PermissionDenied => Fault::Denied,
            io::ErrorKind::NotFound => Fault::Missing,
            io::ErrorKind::IsADirectory => Fault::NotAJournal,
            _ => Fault::Device,
        };
        JournalError::storage(path, fault, error.to_string())
    }

    pub(crate) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> JournalError {
        JournalError::storage(path, fault_of(error), error.to_string())
    }

    /// The same error with the entry it concerns.
    pub(crate) fn concerning(mut self, entry: u64) -> JournalError {
        if let JournalError::Storage { seq, .. } = &mut self {
            *seq = Some(entry);
        }
        self
    }
}

fn fault_of(error: &rusqlite::Error) -> Fault {
    let Some(sqlite) = error.sqlite_error() else { return Fault::Corrupt };
    match sqlite.code {
        ErrorCode::DiskFull => Fault::Full,
        ErrorCode::ReadOnly => Fault::ReadOnly,
        ErrorCode::PermissionDenied | ErrorCode::CannotOpen => Fault::Denied,
        ErrorCode::NotADatabase => Fault::NotAJournal,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::Busy,
        ErrorCode::SystemIoFailure if sqlite.extended_code == ffi::SQLITE_IOERR_WRITE => {
            Fault::WriteRefused
        }
        // A read that ends before the page does is a file that was cut off.
        ErrorCode::SystemIoFailure if sqlite.extended_code == ffi::SQLITE_IOERR_SHORT_READ => {
            Fault::Corrupt
        }
        ErrorCode::SystemIoFailure => Fault::Device,
        _ => Fault::Corrupt,
    }
}
