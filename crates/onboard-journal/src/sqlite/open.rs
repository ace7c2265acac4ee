//! Opening a journal file: what it is, whether it is whole, and how it may be reached.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::chain::{Break, Why, follow_all};
use crate::entry::Head;
use crate::error::{Fault, JournalError};
use crate::sqlite::{Access, FORMAT, LOG_BOUND_BYTES, LOG_FOLD_PAGES, SqliteJournal, Writer, rows};
use crate::witness::{self, Witness};

/// Pages that SQLite keeps, in KiB. Appends touch the last few pages and reads go through the file
/// once, so more would only make the process grow while it fills.
const CACHE_KIB: u32 = 512;

/// Says in the file's header whose it is: `OBJL`.
const APPLICATION_ID: i64 = 0x4f42_4a4c;

/// How long to wait for another process that is writing. There should be none, so this only
/// bridges the end of one that is going.
const BUSY_WAIT: Duration = Duration::from_millis(250);

/// How many of the last entries are checked on every open. The rest was checked when it was the
/// end, and is again by a full walk.
const TAIL_ENTRIES: u32 = 256;

/// How many bytes of them at most, so that opening stays quick whatever they hold.
const TAIL_BYTES: i64 = 16 << 20;

pub(super) fn for_writing(path: &Path) -> Result<SqliteJournal, JournalError> {
    let remembered = remembered(path)?;
    refuse_emptied(path, remembered.as_ref())?;
    create_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)
        .map_err(|error| JournalError::from_sqlite(path, &error))?;
    prepare(&mut connection, path)?;
    let head = check(&connection, path, remembered.as_ref())?;
    let witness = witness::path_of(path);
    let witness =
        Witness::open(&witness, &head).map_err(|error| JournalError::from_io(&witness, &error))?;
    let access = Access::Writer(Writer {
        known: head,
        witness,
        log_path: beside(path, "-wal"),
        log_bound_bytes: LOG_BOUND_BYTES,
        unsure: None,
    });
    Ok(SqliteJournal { path: path.to_owned(), connection, access })
}

pub(super) fn for_reading(path: &Path) -> Result<SqliteJournal, JournalError> {
    // The witness before the journal: entries acknowledged in between then only add to its end.
    let remembered = remembered(path)?;
    refuse_absent(path)?;
    refuse_emptied(path, remembered.as_ref())?;
    let connection = connect_for_reading(path)?;
    let Kind::Journal = kind(&connection, path)? else {
        return Err(JournalError::storage(path, Fault::NotAJournal, "the file is empty"));
    };
    check(&connection, path, remembered.as_ref())?;
    Ok(SqliteJournal { path: path.to_owned(), connection, access: Access::ReadOnly })
}

/// A file that belongs to the journal at `path`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remembered(path: &Path) -> Result<Option<Head>, JournalError> {
    let witness = witness::path_of(path);
    witness::read(&witness).map_err(|error| JournalError::from_io(&witness, &error))
}

/// An absent or empty file is a new journal only when nothing speaks of an old one. SQLite itself
/// would take it for new and delete the write-ahead log beside it.
fn refuse_emptied(path: &Path, remembered: Option<&Head>) -> Result<(), JournalError> {
    if length(path) > 0 {
        return Ok(());
    }
    if let Some(seen) = remembered.filter(|seen| seen.seq > 0) {
        return Err(JournalError::broken(
            path,
            Break {
                seq: 1,
                why: Why::LostTail,
                found: "an empty file".to_owned(),
                expected: format!("entry {} with hash {}", seen.seq, seen.hash),
            },
        ));
    }
    match length(&beside(path, "-wal")) {
        0 => Ok(()),
        _ => Err(JournalError::storage(
            path,
            Fault::Corrupt,
            "the file is empty but its write-ahead log is not",
        )),
    }
}

/// SQLite would answer that it cannot open the file, and not why.
fn refuse_absent(path: &Path) -> Result<(), JournalError> {
    let metadata = std::fs::File::open(path).and_then(|file| file.metadata());
    match metadata.map_err(|error| JournalError::from_io(path, &error))?.is_dir() {
        true => Err(JournalError::storage(path, Fault::NotAJournal, "it is a folder")),
        false => Ok(()),
    }
}

/// Creates the file for its owner alone; SQLite gives the files beside it the same permissions.
fn create_private(path: &Path) -> Result<(), JournalError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| JournalError::from_io(path, &error))
}

enum Kind {
    New,
    Journal,
}

/// What the file is, without changing it.
fn kind(connection: &Connection, path: &Path) -> Result<Kind, JournalError> {
    let number = |sql: &str| -> Result<i64, JournalError> {
        connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(|error| JournalError::from_sqlite(path, &error))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application = number("PRAGMA application_id")?;
    let format = number("PRAGMA user_version")?;
    match (application, format) {
        (0, 0) if tables == 0 => Ok(Kind::New),
        (APPLICATION_ID, FORMAT) => Ok(Kind::Journal),
        (APPLICATION_ID, found) if found > FORMAT => {
            Err(JournalError::NewerFormat { path: path.to_owned(), found, known: FORMAT })
        }
        (APPLICATION_ID, found) => {
            let detail = format!("there never was a format {found}");
            Err(JournalError::storage(path, Fault::Corrupt, detail))
        }
        (other, _) => {
            let detail = format!("a database of application {other:#x}");
            Err(JournalError::storage(path, Fault::NotAJournal, detail))
        }
    }
}

/// Makes the connection safe, and a new file a journal.
fn prepare(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| JournalError::from_sqlite(path, &error);
    connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
    let kind = kind(connection, path)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        let detail = format!("no write-ahead log is possible here, only {mode}");
        return Err(JournalError::storage(path, Fault::Device, detail));
    }
    // A log that once grew longer is cut back to twice its usual length. Not to exactly that: the
    // frames' headers exceed it, and each round would cut the file and have to extend it again,
    // which makes a sync dearer than writing over what is there.
    let log_bytes = 2 * u64::from(LOG_FOLD_PAGES) * 4096;
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = FULL;
             PRAGMA cache_size = -{CACHE_KIB};
             PRAGMA cell_size_check = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA wal_autocheckpoint = {LOG_FOLD_PAGES};
             PRAGMA journal_size_limit = {log_bytes};"
        ))
        .map_err(failed)?;
    match kind {
        Kind::Journal => Ok(()),
        Kind::New => create_tables(connection).map_err(failed),
    }
}

fn create_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(rows::SCHEMA)?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
    ))?;
    transaction.commit()
}

/// Connects to a file that may be in use, in a folder that may be read-only.
fn connect_for_reading(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let live = Connection::open_with_flags(path, flags).and_then(readable);
    let error = match live {
        Ok(connection) => return Ok(connection),
        Err(error) => JournalError::from_sqlite(path, &error),
    };
    let JournalError::Storage { fault: Fault::Denied | Fault::ReadOnly, .. } = error else {
        return Err(error);
    };
    // The files SQLite shares between processes are absent and can't be made here. Without a
    // write-ahead log nothing is missing, and the file can be read as one that does not change.
    if length(&beside(path, "-wal")) > 0 {
        return Err(JournalError::storage(
            path,
            Fault::ReadOnly,
            "the newest entries are in the write-ahead log, which needs a writable folder to be \
             read; copy the files into one",
        ));
    }
    let flags = flags | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(still(path), flags)
        .and_then(readable)
        .map_err(|error| JournalError::from_sqlite(path, &error))
}

/// Asks the first question, which is when SQLite opens the files in earnest.
fn readable(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// The address of a file that does not change while it is read.
fn still(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri + "?immutable=1"
}

/// Checks both ends of the chain and that it reaches what is remembered; answers its head.
fn check(
    connection: &Connection,
    path: &Path,
    remembered: Option<&Head>,
) -> Result<Head, JournalError> {
    let view = connection
        .unchecked_transaction()
        .map_err(|error| JournalError::from_sqlite(path, &error))?;
    let anchor = rows::anchor(&view, path)?;
    let head = rows::head(&view, path)?;
    check_start(&view, path, &anchor)?;
    check_tail(&view, path, &anchor, &head)?;
    if let Some(seen) = remembered {
        let there = rows::hash_at(&view, path, &anchor, seen.seq)?;
        witness::compare(seen, &head, there).map_err(|at| JournalError::broken(path, at))?;
    }
    Ok(head)
}

fn check_start(view: &Connection, path: &Path, anchor: &Head) -> Result<(), JournalError> {
    let next = anchor.seq + 1;
    let Some(first) = rows::first(view, path)? else { return Ok(()) };
    let why = match u64::try_from(first) {
        Ok(first) if first == next => return Ok(()),
        Ok(first) if first > next => Why::Gap,
        _ => Why::BeforeAnchor,
    };
    let (found, expected) = (format!("entry {first}"), format!("entry {next}"));
    Err(JournalError::broken(path, Break { seq: next, why, found, expected }))
}

fn check_tail(
    view: &Connection,
    path: &Path,
    anchor: &Head,
    head: &Head,
) -> Result<(), JournalError> {
    let start = rows::before_tail(view, path, TAIL_ENTRIES, TAIL_BYTES)?;
    let mut last = Head { seq: start.unwrap_or(head.seq).max(anchor.seq), hash: head.hash };
    let Some(hash) = rows::hash_at(view, path, anchor, last.seq)? else {
        let (seq, why) = (last.seq, Why::Gap);
        let (found, expected) = ("no such entry".to_owned(), format!("entry {seq}"));
        return Err(JournalError::broken(path, Break { seq, why, found, expected }));
    };
    last.hash = hash;
    let tail = rows::page(view, path, last.seq, TAIL_ENTRIES as usize, TAIL_BYTES as usize)?;
    follow_all(last, &tail).map_err(|at| JournalError::broken(path, at))?;
    Ok(())
}
