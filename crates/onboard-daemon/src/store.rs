//! The journal as the daemon uses it: opened, folded, appended to, snapshotted.

use crate::retention::{Retention, Trim};
use onboard_domain::apply::Illegal;
use onboard_domain::event::Undecodable;
use onboard_domain::{Batch, State, Time};
use onboard_journal::{Hash, Journal, JournalError};
use std::fmt;

/// Entries read at once while folding, and their bytes: a bound on memory, not on speed.
const PAGE_ENTRIES: usize = 4096;
const PAGE_BYTES: usize = 16 << 20;

/// Why the journal can't be used.
#[derive(Debug)]
pub enum StoreError {
    Journal(JournalError),
    /// A batch that this version can't read.
    Undecodable {
        seq: u64,
        why: Undecodable,
    },
    /// A batch that does not fit the state before it.
    Illegal {
        seq: u64,
        why: Illegal,
    },
    /// The entries before a snapshot are compacted away, and this version can't read the snapshot.
    Snapshot {
        seq: u64,
        why: String,
    },
    /// A snapshot that was just written is not the state it was taken of.
    Unlike {
        seq: u64,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Journal(error) => write!(f, "{error}"),
            StoreError::Undecodable { seq, why } => write!(f, "journal entry {seq}: {why}"),
            StoreError::Illegal { seq, why } => write!(
                f,
                "journal entry {seq} does not follow from the ones before it ({why}); keep a copy \
                 of the state folder and report it"
            ),
            StoreError::Snapshot { seq, why } => write!(
                f,
                "the snapshot at journal entry {seq} can't be read ({why}) and the entries before \
                 it are compacted away; use the version of ai_onboard that wrote it"
            ),
            StoreError::Unlike { seq } => write!(
                f,
                "the snapshot at journal entry {seq} does not read back as what was written; check \
                 the disk"
            ),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<JournalError> for StoreError {
    fn from(error: JournalError) -> StoreError {
        StoreError::Journal(error)
    }
}

/// A journal and the state it folds to.
pub struct Store {
    journal: Box<dyn Journal>,
    seq: u64,
    snapshot_seq: u64,
    bytes_since_snapshot: u64,
    kept: Retention,
    trim: Trim,
}

impl Store {
    /// Folds the whole journal, from its newest snapshot on.
    ///
    /// # Errors
    /// When the journal can't be read, or an entry can't be folded; the entry is named.
    pub fn open(journal: Box<dyn Journal>) -> Result<(Store, State), StoreError> {
        Store::open_keeping(journal, Retention::default())
    }

    /// As [`Store::open`], with how much of the past is kept.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_keeping(
        journal: Box<dyn Journal>,
        kept: Retention,
    ) -> Result<(Store, State), StoreError> {
        let (mut state, mut seq) = restore(journal.as_ref())?;
        let snapshot_seq = seq;
        let bytes_since_snapshot = fold(journal.as_ref(), &mut state, &mut seq)?;
        let trim = Trim::of(kept, journal.as_ref())?;
        Ok((Store { journal, seq, snapshot_seq, bytes_since_snapshot, kept, trim }, state))
    }

    /// The durable state: what to show when the one in memory is ahead of the journal.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn durable(&self) -> Result<State, StoreError> {
        let (mut state, mut seq) = restore(self.journal.as_ref())?;
        fold(self.journal.as_ref(), &mut state, &mut seq)?;
        Ok(state)
    }

    /// The newest entry's sequence.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Makes a batch durable; returns its sequence.
    ///
    /// # Errors
    /// When it could not be made durable: the state in memory is then ahead of the journal and
    /// must be thrown away.
    pub fn append(&mut self, batch: &Batch) -> Result<u64, StoreError> {
        let body = batch.encode();
        let head = self.journal.append(self.seq, batch.time.0, &body)?;
        self.seq = head.seq;
        self.bytes_since_snapshot += body.len() as u64;
        Ok(self.seq)
    }

    /// Takes a snapshot when the newest is far behind.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn snapshot_when_due(&mut self, state: &State) -> Result<(), StoreError> {
        let entries = self.seq.saturating_sub(self.snapshot_seq);
        if self.kept.wants_snapshot(entries, self.bytes_since_snapshot) {
            self.snapshot(state)?;
        }
        Ok(())
    }

    /// Takes a snapshot now, and reads it back: what it stands for may be dropped one day.
    ///
    /// # Errors
    /// When it can't be written, or is not what was written.
    pub fn snapshot(&mut self, state: &State) -> Result<(), StoreError> {
        if self.seq > self.snapshot_seq {
            let bytes = state.encode();
            self.journal.put_snapshot(self.seq, Hash::of(&bytes), &bytes)?;
            let (read, at) = restore(self.journal.as_ref())?;
            if at != self.seq || read.digest() != state.digest() {
                return Err(StoreError::Unlike { seq: self.seq });
            }
            self.snapshot_seq = self.seq;
            self.bytes_since_snapshot = 0;
            self.trim.look(self.journal.as_ref())?;
        }
        Ok(())
    }

    /// Drops a step of what is no longer kept, and nothing after `seen`, which the views still have
    /// to read. Answers whether something was dropped: then there may be more.
    ///
    /// # Errors
    /// When it can't be dropped. Nothing is lost: it is tried again after the next snapshot.
    pub fn trim(&mut self, now: Time, seen: u64) -> Result<bool, StoreError> {
        Ok(self.trim.step(self.journal.as_mut(), now, seen)?)
    }
}

/// The newest snapshot that can be read, or the beginning. A snapshot of another version of the
/// state is passed over: the entries are the truth.
fn restore(journal: &dyn Journal) -> Result<(State, u64), StoreError> {
    let anchor = journal.anchor()?.seq;
    let Some(snapshot) = journal.latest_snapshot()? else {
        return Ok((State::default(), anchor));
    };
    match State::decode(&snapshot.bytes) {
        Ok(state) => Ok((state, snapshot.at.seq)),
        Err(_) if anchor == 0 => Ok((State::default(), 0)),
        Err(why) => Err(StoreError::Snapshot { seq: snapshot.at.seq, why: why.to_string() }),
    }
}

/// Folds what follows; answers the bytes of it.
fn fold(journal: &dyn Journal, state: &mut State, seq: &mut u64) -> Result<u64, StoreError> {
    let mut bytes = 0;
    loop {
        let page = journal.read(*seq, PAGE_ENTRIES, PAGE_BYTES)?;
        if page.is_empty() {
            return Ok(bytes);
        }
        for entry in page {
            let at = entry.seq;
            bytes += entry.body.len() as u64;
            let batch = Batch::decode(&entry.body)
                .map_err(|why| StoreError::Undecodable { seq: at, why })?;
            state.apply_batch(&batch).map_err(|why| StoreError::Illegal { seq: at, why })?;
            *seq = at;
        }
    }
}

/// Folds all entries from the beginning, without snapshots: what live state is compared with.
///
/// # Errors
/// As [`Store::open`]; also when entries were compacted away.
pub fn replay(journal: &dyn Journal) -> Result<State, StoreError> {
    let (mut state, mut seq) = (State::default(), 0);
    fold(journal, &mut state, &mut seq)?;
    Ok(state)
}
