//! Views: what happened, for people. Projections of the journal in SQLite, rebuilt when lost.
//!
//! One thread follows the loop and applies batches; readers open the file themselves. A read that
//! follows a write waits until the views have applied it.

mod apply;
mod query;

pub use query::{EventRow, FindingRow, RunRow, SlotRow};

use crate::handle::Published;
use onboard_domain::event::Undecodable;
use onboard_domain::{Batch, State};
use onboard_journal::{Journal, JournalError};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The layout of the tables; another one is deleted and rebuilt.
const LAYOUT: i64 = 2;
/// Journal entries applied in one transaction while catching up.
const PAGE_ENTRIES: usize = 2_000;
const PAGE_BYTES: usize = 8 << 20;
/// Events and ended runs kept: a year of a busy machine. The journal keeps all.
const ROWS_KEPT: i64 = 500_000;
/// Settled findings kept: more than people ever look back at.
const SETTLED_KEPT: i64 = 50_000;
/// Days of which passed slots are counted: reports reach back a year.
const SLOT_DAYS_KEPT: i64 = 400;
/// Batches between prunings.
const PRUNE_EVERY: u64 = 5_000;
/// How long batches are gathered into one transaction while nobody waits for them: a transaction
/// writes the same few pages for one batch as for fifty. Followers may lag by far more batches than
/// come in this time.
const GATHER: Duration = Duration::from_millis(20);

/// Why the views can't be used.
#[derive(Debug)]
pub enum ViewError {
    Sqlite(rusqlite::Error),
    Journal(JournalError),
    Undecodable { seq: u64, why: Undecodable },
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ViewError::Sqlite(error) => write!(f, "the views can't be used: {error}"),
            ViewError::Journal(error) => write!(f, "the views can't follow the journal: {error}"),
            ViewError::Undecodable { seq, why } => write!(f, "journal entry {seq}: {why}"),
        }
    }
}

impl std::error::Error for ViewError {}

impl From<rusqlite::Error> for ViewError {
    fn from(error: rusqlite::Error) -> ViewError {
        ViewError::Sqlite(error)
    }
}

impl From<JournalError> for ViewError {
    fn from(error: JournalError) -> ViewError {
        ViewError::Journal(error)
    }
}

/// How far the views are, for readers to wait on.
#[derive(Debug, Default)]
pub struct Applied {
    reach: Mutex<Reach>,
    moved: Condvar,
    asked: Condvar,
}

#[derive(Debug, Default)]
struct Reach {
    seq: u64,
    /// The furthest entry that a reader waits for.
    wanted: u64,
}

impl Applied {
    fn set(&self, seq: u64) {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner).seq = seq;
        self.moved.notify_all();
    }

    /// The newest entry that is applied.
    pub fn seq(&self) -> u64 {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner).seq
    }

    /// Waits until entry `seq` is applied; false after `patience`.
    pub fn wait(&self, seq: u64, patience: Duration) -> bool {
        let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        if reach.seq >= seq {
            return true;
        }
        reach.wanted = reach.wanted.max(seq);
        self.asked.notify_all();
        let (reach, _) = self
            .moved
            .wait_timeout_while(reach, patience, |reach| reach.seq < seq)
            .unwrap_or_else(PoisonError::into_inner);
        reach.seq >= seq
    }

    /// Lets batches gather until a reader waits for one that is not applied.
    fn gather(&self, most: Duration) {
        let reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        let gathered =
            self.asked.wait_timeout_while(reach, most, |reach| reach.wanted <= reach.seq);
        drop(gathered.unwrap_or_else(PoisonError::into_inner));
    }
}

/// The writing side: one thread's.
pub struct ViewWriter {
    connection: Connection,
    applied: Arc<Applied>,
    since_prune: u64,
}

impl ViewWriter {
    /// Opens the views, or begins them anew when they are damaged or of another layout.
    ///
    /// # Errors
    /// When the file can't be opened and can't be replaced.
    pub fn open(path: &Path, applied: Arc<Applied>) -> Result<ViewWriter, ViewError> {
        let connection = match open(path) {
            Ok(connection) => connection,
            Err(_) => {
                remove(path);
                open(path)?
            }
        };
        let writer = ViewWriter { connection, applied, since_prune: 0 };
        writer.applied.set(writer.seq()?);
        Ok(writer)
    }

    /// The writer to go on with after an error: views that are damaged are begun anew, which the
    /// next [`ViewWriter::catch_up`] fills.
    #[must_use]
    pub fn after(self, error: &ViewError, path: &Path) -> ViewWriter {
        let damaged = matches!(error, ViewError::Sqlite(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ));
        let applied = Arc::clone(&self.applied);
        if damaged {
            remove(path);
        }
        ViewWriter::open(path, applied).unwrap_or(self)
    }

    fn seq(&self) -> Result<u64, ViewError> {
        let mut select = self.connection.prepare_cached("SELECT applied FROM meta")?;
        Ok(select.query_row([], |row| row.get(0))?)
    }

    /// Applies what the journal has and the views have not.
    ///
    /// # Errors
    /// When the journal can't be read or the views can't be written.
    pub fn catch_up(&mut self, journal: &dyn Journal) -> Result<(), ViewError> {
        let head = journal.head()?.seq;
        if self.seq()? > head {
            // Views of another journal: begin anew.
            self.connection.execute_batch(
                "DELETE FROM agents; DELETE FROM runs; DELETE FROM findings; DELETE FROM events;
                 DELETE FROM slots; UPDATE meta SET applied = 0;",
            )?;
        }
        let anchor = journal.anchor()?.seq;
        let mut after = self.seq()?;
        if after < anchor {
            // What was dropped from the journal is known by its result only.
            self.begin_from(journal, anchor)?;
            after = anchor;
        }
        loop {
            let page = journal.read(after, PAGE_ENTRIES, PAGE_BYTES)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            let batches: Result<Vec<_>, _> = page
                .iter()
                .map(|entry| {
                    Batch::decode(&entry.body)
                        .map(|batch| (entry.seq, batch))
                        .map_err(|why| ViewError::Undecodable { seq: entry.seq, why })
                })
                .collect();
            self.apply_all(batches?.iter().map(|(seq, batch)| (*seq, batch)))?;
        }
    }

    /// Begins with what a snapshot knows of the time before entry `anchor`. The snapshot may be of
    /// later: the entries up to it are applied to it again, and their last word is the same.
    fn begin_from(&mut self, journal: &dyn Journal, anchor: u64) -> Result<(), ViewError> {
        let state = journal.latest_snapshot()?.and_then(|taken| State::decode(&taken.bytes).ok());
        let transaction = self.connection.transaction()?;
        if let Some(state) = state {
            apply::seed(&transaction, &state)?;
        }
        transaction.execute("UPDATE meta SET applied = ?1", [anchor])?;
        transaction.commit()?;
        self.applied.set(anchor);
        Ok(())
    }

    /// Follows the loop until it ends, or until a batch is missing in between because this follower
    /// was cut off for lagging: then it has to catch up.
    ///
    /// # Errors
    /// When the views can't be written.
    pub fn follow(&mut self, published: &Receiver<Published>) -> Result<(), ViewError> {
        while let Ok(first) = published.recv() {
            self.applied.gather(GATHER);
            let mut batches = vec![first];
            batches.extend(published.try_iter().take(PAGE_ENTRIES));
            let applied = self.seq()?;
            let new = batches.iter().filter(|published| published.seq > applied);
            let whole = new
                .zip(applied + 1..)
                .take_while(|(published, next)| published.seq == *next)
                .map(|(published, _)| (published.seq, published.batch.as_ref()));
            self.apply_all(whole)?;
            if batches.last().is_some_and(|last| self.seq().is_ok_and(|seq| seq < last.seq)) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn apply_all<'a>(
        &mut self,
        batches: impl Iterator<Item = (u64, &'a Batch)>,
    ) -> Result<(), ViewError> {
        let transaction = self.connection.transaction()?;
        let mut applied = None;
        for (seq, batch) in batches {
            apply::batch(&transaction, seq, batch)?;
            applied = Some(seq);
            self.since_prune += 1;
        }
        let Some(applied) = applied else { return Ok(()) };
        transaction.prepare_cached("UPDATE meta SET applied = ?1")?.execute([applied])?;
        if self.since_prune >= PRUNE_EVERY {
            self.since_prune = 0;
            prune(&transaction)?;
        }
        transaction.commit()?;
        self.applied.set(applied);
        Ok(())
    }
}

fn prune(connection: &Connection) -> Result<(), ViewError> {
    connection.execute(
        "DELETE FROM events WHERE rowid <= (SELECT max(rowid) FROM events) - ?1",
        [ROWS_KEPT],
    )?;
    connection.execute(
        "DELETE FROM runs WHERE ended IS NOT NULL AND run <= (SELECT max(run) FROM runs) - ?1",
        [ROWS_KEPT],
    )?;
    connection.execute(
        "DELETE FROM findings WHERE rowid IN (SELECT rowid FROM findings
         WHERE status IN ('resolved', 'dismissed') ORDER BY status_at DESC LIMIT -1 OFFSET ?1)",
        [SETTLED_KEPT],
    )?;
    connection.execute(
        "DELETE FROM slots WHERE day <= (SELECT max(day) FROM slots) - ?1",
        [SLOT_DAYS_KEPT],
    )?;
    Ok(())
}

fn open(path: &Path) -> Result<Connection, ViewError> {
    let connection = Connection::open(path)?;
    let layout: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let fresh: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if layout != LAYOUT && fresh != 0 {
        return Err(ViewError::Sqlite(rusqlite::Error::InvalidQuery));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is lost in a power cut is applied again from the journal.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.execute_batch(include_str!("schema.sql"))?;
    connection.pragma_update(None, "user_version", LAYOUT)?;
    Ok(connection)
}

pub(crate) fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        // What can't be removed shows when the file is opened again.
        drop(std::fs::remove_file(PathBuf::from(file)));
    }
}

/// The reading side; cheap to clone, a connection a query.
#[derive(Clone, Debug)]
pub struct Views {
    path: PathBuf,
    applied: Arc<Applied>,
}

impl Views {
    /// Readers of the views at `path`.
    pub fn new(path: PathBuf, applied: Arc<Applied>) -> Views {
        Views { path, applied }
    }

    /// How far the views are.
    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    fn connect(&self) -> Result<Connection, ViewError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(Duration::from_secs(2))?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::Applied;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_reader_that_waits_ends_the_gathering() {
        const FOR_EVER: Duration = Duration::from_secs(3600);
        let applied = Arc::new(Applied::default());
        let writer = Arc::clone(&applied);
        let writing = std::thread::spawn(move || {
            writer.gather(FOR_EVER);
            writer.set(7);
        });
        assert!(applied.wait(7, FOR_EVER));
        writing.join().unwrap();
        // What is applied is waited for no more.
        applied.gather(Duration::ZERO);
        assert!(applied.wait(7, Duration::ZERO));
        assert!(!applied.wait(8, Duration::ZERO));
        applied.gather(FOR_EVER);
    }
}
