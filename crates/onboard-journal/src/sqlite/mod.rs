//! The journal on disk: one SQLite file, one writer, every append synced before it is answered.

mod open;
mod rows;
mod snapshots;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use crate::chain::{Break, Why, follow_all};
use crate::entry::{Draft, Entry, Head, Snapshot};
use crate::error::{Fault, JournalError};
use crate::hash::Hash;
use crate::journal::{Journal, check_size, check_snapshot_size};
use crate::witness::Witness;

/// The format written here, kept in the file's `user_version`. A file of a higher one is refused.
pub const FORMAT: i64 = 1;

/// When the write-ahead log has this many pages (16 MiB), the append that reached it folds it
/// back. Less folds the same pages again and again; more makes the one append that does it wait
/// longer (around 20 ms at this size) and a start after a crash read more.
const LOG_FOLD_PAGES: u32 = 4096;

/// The length at which appends are refused, because a reader holds the log open and it would fill
/// the disk: 64 times the usual, hours of ordinary work.
const LOG_BOUND_BYTES: u64 = 1 << 30;

/// Entries dropped in one transaction of a compaction, so that the log it causes stays small.
const COMPACT_ENTRIES: u64 = 4096;

/// The most that a compaction writes anew to give room back: a fraction of a second on a slow disk.
const REWRITTEN_MAX_BYTES: i64 = 16 << 20;

/// A journal in a SQLite file.
///
/// Beside `path` there are SQLite's own `-wal` and `-shm` and a `-head` that remembers the last
/// acknowledged entry, so that a lost end is noticed. To accept such a loss, remove the `-head`.
pub struct SqliteJournal {
    path: PathBuf,
    connection: Connection,
    access: Access,
}

enum Access {
    ReadOnly,
    Writer(Writer),
}

struct Writer {
    known: Head,
    witness: Witness,
    log_path: PathBuf,
    log_bound_bytes: u64,
    /// The entry whose append failed without telling whether it is written, and how it failed.
    unsure: Option<(u64, String)>,
}

impl SqliteJournal {
    /// Opens the journal at `path` for writing, creating it where there is none.
    ///
    /// Checks the format, the chain of the last entries and that no acknowledged one is missing;
    /// [`crate::verify`] checks all of them.
    ///
    /// # Errors
    /// [`JournalError::NewerFormat`]; [`JournalError::Broken`] when the end is not what was
    /// acknowledged; [`JournalError::Storage`] for everything the file or its folder refuses.
    pub fn open(path: &Path) -> Result<SqliteJournal, JournalError> {
        open::for_writing(path)
    }

    /// Opens the journal at `path` for reading, beside a writer or without, also in a folder that
    /// cannot be written.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`]; [`Fault::Missing`] when there is no journal.
    pub fn open_read_only(path: &Path) -> Result<SqliteJournal, JournalError> {
        open::for_reading(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has SQLite compare the file's pages with one another. Takes time in proportion to the file.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] with SQLite's first finding.
    pub fn quick_check(&self) -> Result<(), JournalError> {
        let first: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| self.failed(&error))?;
        match first.as_str() {
            "ok" => Ok(()),
            _ => Err(JournalError::storage(&self.path, Fault::Corrupt, first)),
        }
    }

    /// Folds the write-ahead log back into the file. Appends do so when it is long; a writer that
    /// has nothing to do may do it earlier, so that no append has to. Does nothing while a reader
    /// is in the way.
    ///
    /// # Errors
    /// [`JournalError::Storage`]; what was appended is safe in the log.
    pub fn checkpoint(&mut self) -> Result<(), JournalError> {
        self.writer()?;
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> JournalError {
        JournalError::from_sqlite(&self.path, error)
    }

    fn broken(&self, at: Break) -> JournalError {
        JournalError::broken(&self.path, at)
    }

    fn writer(&mut self) -> Result<&mut Writer, JournalError> {
        match &mut self.access {
            Access::Writer(writer) => Ok(writer),
            Access::ReadOnly => Err(JournalError::storage(
                &self.path,
                Fault::ReadOnly,
                "it was opened for reading only",
            )),
        }
    }

    /// The place of the last entry in the file, as opposed to the one this handle wrote last.
    fn stored_head(&self) -> Result<Head, JournalError> {
        rows::head(&self.connection, &self.path)
    }

    /// Compares `expected` with the head, looking into the file when they differ: another writer
    /// may have been there.
    fn meet(&mut self, expected: u64) -> Result<Head, JournalError> {
        if self.writer()?.known.seq != expected {
            let stored = self.stored_head()?;
            self.writer()?.known = stored;
        }
        let known = self.writer()?.known;
        match known.seq == expected {
            true => Ok(known),
            false => Err(JournalError::Conflict { expected, actual: known.seq }),
        }
    }

    fn refuse_when_unsure(&mut self) -> Result<(), JournalError> {
        match self.writer()?.unsure.clone() {
            None => Ok(()),
            Some((seq, detail)) => {
                Err(JournalError::Unsure { path: self.path.clone(), seq, detail })
            }
        }
    }

    fn bound_log(&mut self) -> Result<(), JournalError> {
        let writer = self.writer()?;
        let (log_path, bound) = (writer.log_path.clone(), writer.log_bound_bytes);
        let length = || std::fs::metadata(&log_path).map_or(0, |metadata| metadata.len());
        if length() <= bound {
            return Ok(());
        }
        self.checkpoint()?;
        match length() {
            left if left <= bound => Ok(()),
            left => {
                let detail =
                    format!("{} has {left} bytes, its bound is {bound}", log_path.display());
                Err(JournalError::storage(&self.path, Fault::LogTooLong, detail))
            }
        }
    }

    fn write(&mut self, last: Head, drafts: &[Draft<'_>]) -> rusqlite::Result<Head> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = rows::insert(&transaction, last, drafts)?;
        transaction.commit()?;
        Ok(last)
    }

    /// What a failed append means: someone was first, nothing was written, or nobody knows.
    fn explain(&mut self, expected: u64, error: &rusqlite::Error) -> JournalError {
        let seq = expected + 1;
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
            return match self.stored_head() {
                Ok(stored) => {
                    let actual = stored.seq;
                    self.writer().map_or_else(
                        |error| error,
                        |writer| {
                            writer.known = stored;
                            JournalError::Conflict { expected, actual }
                        },
                    )
                }
                Err(error) => error,
            };
        }
        match self.failed(error).concerning(seq) {
            // After a failed sync the pages may or may not be on the device, and asking the
            // system a second time would answer yes without having written them.
            JournalError::Storage { fault: Fault::Device, path, detail, .. } => {
                if let Access::Writer(writer) = &mut self.access {
                    writer.unsure = Some((seq, detail.clone()));
                }
                JournalError::Unsure { path, seq, detail }
            }
            error => error,
        }
    }

    /// Moves the anchor to `up_to`, at most [`COMPACT_ENTRIES`] further.
    fn drop_prefix(&mut self, up_to: Head) -> rusqlite::Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::set_anchor(&transaction, up_to)?;
        transaction.commit()
    }

    /// Gives free pages back to the file system when most of the file is free, by writing what is
    /// left anew: that costs in proportion to the rest, where moving page by page costs in
    /// proportion to what is gone. Otherwise the free pages are soon filled again. A rest that would
    /// take long to write keeps its file: the free pages take what comes next.
    fn shrink(&self) -> rusqlite::Result<()> {
        let ask = |sql| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let (free, all) = (ask("PRAGMA freelist_count")?, ask("PRAGMA page_count")?);
        let rest_bytes = (all - free) * ask("PRAGMA page_size")?;
        match free > all / 2 && rest_bytes <= REWRITTEN_MAX_BYTES {
            true => self.connection.execute_batch("VACUUM"),
            false => Ok(()),
        }
    }
}

impl Journal for SqliteJournal {
    fn append_many(&mut self, expected: u64, drafts: &[Draft<'_>]) -> Result<Head, JournalError> {
        check_size(drafts)?;
        self.refuse_when_unsure()?;
        let last = self.meet(expected)?;
        if drafts.is_empty() {
            return Ok(last);
        }
        self.bound_log()?;
        let head = match self.write(last, drafts) {
            Ok(head) => head,
            Err(error) => return Err(self.explain(expected, &error)),
        };
        let writer = self.writer()?;
        writer.known = head;
        // The entry is durable. A witness that can't be written stays behind, and one that is
        // behind is still a true lower bound: no reason to answer that the append failed.
        drop(writer.witness.record(&head));
        Ok(head)
    }

    fn head(&self) -> Result<Head, JournalError> {
        match &self.access {
            Access::Writer(writer) => Ok(writer.known),
            Access::ReadOnly => self.stored_head(),
        }
    }

    fn anchor(&self) -> Result<Head, JournalError> {
        rows::anchor(&self.connection, &self.path)
    }

    fn read(&self, after: u64, limit: usize, max_bytes: usize) -> Result<Vec<Entry>, JournalError> {
        // One transaction, so that a compaction between the two questions changes nothing.
        let view = self.connection.unchecked_transaction().map_err(|error| self.failed(&error))?;
        let anchor = rows::anchor(&view, &self.path)?;
        if after < anchor.seq {
            return Err(JournalError::Compacted { after, first: anchor.seq + 1 });
        }
        let page = rows::page(&view, &self.path, after, limit, max_bytes)?;
        let Some(first) = page.first() else { return Ok(page) };
        match rows::hash_at(&view, &self.path, &anchor, after)? {
            Some(hash) => {
                let last = Head { seq: after, hash };
                follow_all(last, &page).map_err(|at| self.broken(at))?;
                Ok(page)
            }
            None => Err(self.broken(Break {
                seq: after,
                why: Why::Gap,
                found: format!("entry {}", first.seq),
                expected: format!("entry {after}"),
            })),
        }
    }

    fn put_snapshot(&mut self, seq: u64, digest: Hash, bytes: &[u8]) -> Result<(), JournalError> {
        check_snapshot_size(bytes)?;
        self.refuse_when_unsure()?;
        let head = self.head()?.seq;
        let anchor = self.anchor()?;
        let hash = rows::hash_at(&self.connection, &self.path, &anchor, seq)?
            .ok_or(JournalError::NoEntry { seq, head })?;
        let snapshot = Snapshot { at: Head { seq, hash }, digest, bytes: bytes.to_vec() };
        match snapshots::put(&mut self.connection, &snapshot) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(&error).concerning(seq)),
        }
    }

    fn latest_snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        let anchor = self.anchor()?;
        snapshots::latest(&self.connection, &self.path, &anchor)
    }

    fn snapshots(&self) -> Result<Vec<Head>, JournalError> {
        snapshots::whole_places(&self.connection, &self.path, &self.anchor()?)
    }

    fn entry_bytes(&self) -> Result<u64, JournalError> {
        let ask = |sql| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let used = || -> rusqlite::Result<i64> {
            let pages = ask("PRAGMA page_count")? - ask("PRAGMA freelist_count")?;
            let snapshots = ask("SELECT coalesce(sum(length(bytes)), 0) FROM snapshot")?;
            Ok(pages * ask("PRAGMA page_size")? - snapshots)
        };
        let used = used().map_err(|error| self.failed(&error))?;
        Ok(u64::try_from(used).unwrap_or(0))
    }

    fn compact(&mut self, up_to: u64) -> Result<Head, JournalError> {
        self.refuse_when_unsure()?;
        let mut anchor = self.anchor()?;
        if up_to <= anchor.seq {
            return Ok(anchor);
        }
        let head = self.head()?.seq;
        if up_to > head {
            return Err(JournalError::NoEntry { seq: up_to, head });
        }
        if !snapshots::covers(&self.connection, &self.path, &anchor, up_to)? {
            return Err(JournalError::NoSnapshot { up_to });
        }
        while anchor.seq < up_to {
            let seq = up_to.min(anchor.seq + COMPACT_ENTRIES);
            let hash = rows::hash_at(&self.connection, &self.path, &anchor, seq)?
                .ok_or(JournalError::NoEntry { seq, head })?;
            anchor = Head { seq, hash };
            self.drop_prefix(anchor).map_err(|error| self.failed(&error).concerning(seq))?;
        }
        // The prefix is gone, which is what was asked. On a disk too full to write the rest anew
        // the file keeps its size, and its free pages take the next entries.
        drop(self.shrink());
        Ok(anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_holds_the_log_open_stops_appends_at_its_bound() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("journal.db");
        let mut journal = SqliteJournal::open(&path).expect("opens");
        journal.writer().expect("a writer").log_bound_bytes = 256 << 10;
        journal.append(0, 1, b"first").expect("appends");

        let reader = SqliteJournal::open_read_only(&path).expect("opens beside");
        let held = reader.connection.unchecked_transaction().expect("a read transaction");
        rows::head(&held, &path).expect("reads, which pins the log");

        let body = vec![7; 64 << 10];
        let mut last = 1;
        let error = loop {
            match journal.append(last, 2, &body) {
                Ok(head) => last = head.seq,
                Err(error) => break error,
            }
            assert!(last < 100, "the log is not bounded");
        };
        assert!(matches!(error, JournalError::Storage { fault: Fault::LogTooLong, .. }), "{error}");
        drop(held);
        journal.append(last, 3, b"goes on").expect("appends once the reader is done");
        assert!(crate::verify(&journal, |_, _| {}).is_ok());
    }
}
