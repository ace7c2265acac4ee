//! The contract every journal keeps.

use crate::entry::{Draft, Entry, Head, Snapshot};
use crate::error::JournalError;
use crate::hash::Hash;

/// The largest body of one entry, in bytes. References and hashes belong into a journal, not
/// contents; a batch of thousands of events stays far below this.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// The most entries one append takes. Above a few thousand a larger group no longer raises the
/// rate of commits, it only makes the first of the group wait longer.
pub const MAX_BATCH_ENTRIES: usize = 4096;

/// The most bytes of bodies one append takes, so that a single transaction can't fill the
/// write-ahead log by itself.
pub const MAX_BATCH_BYTES: usize = 64 << 20;

/// The largest snapshot, in bytes: half of what one SQLite value may hold.
pub const MAX_SNAPSHOT_BYTES: usize = 500_000_000;

/// How many snapshots are kept: the newest, and one to fall back on when that one is damaged.
pub const SNAPSHOTS_KEPT: usize = 2;

/// A sequence of entries that only grows at its end, each chained to the one before it.
pub trait Journal: Send {
    /// Appends `drafts` after entry `expected`, all or none; durable when it returns.
    ///
    /// Answers the place of the last entry appended. No drafts is no append, but `expected` is
    /// still compared.
    ///
    /// # Errors
    /// [`JournalError::Conflict`] when the last entry is not `expected`;
    /// [`JournalError::TooLarge`] beyond the limits of this module. After
    /// [`JournalError::Storage`] nothing was appended and a full disk may be tried again; after
    /// [`JournalError::Unsure`] the journal has to be opened anew to learn what was written.
    fn append_many(&mut self, expected: u64, drafts: &[Draft<'_>]) -> Result<Head, JournalError>;

    /// Appends one entry; see [`Journal::append_many`].
    ///
    /// # Errors
    /// As [`Journal::append_many`].
    fn append(&mut self, expected: u64, time_ms: i64, body: &[u8]) -> Result<Head, JournalError> {
        self.append_many(expected, &[Draft { time_ms, body }])
    }

    /// The place of the last entry.
    ///
    /// # Errors
    /// [`JournalError::Storage`], [`JournalError::Broken`].
    fn head(&self) -> Result<Head, JournalError>;

    /// The place up to which entries were compacted away; [`Head::START`] when none were.
    ///
    /// # Errors
    /// As [`Journal::head`].
    fn anchor(&self) -> Result<Head, JournalError>;

    /// The entries after `after`, in order: at most `limit`, and at most `max_bytes` of bodies,
    /// but at least one where there is one, so that a reader always gets on.
    ///
    /// Each entry is checked against its own hash and against the entry before it.
    ///
    /// # Errors
    /// [`JournalError::Compacted`] when entries after `after` were compacted away;
    /// [`JournalError::Broken`] where the chain breaks.
    fn read(&self, after: u64, limit: usize, max_bytes: usize) -> Result<Vec<Entry>, JournalError>;

    /// Keeps `bytes` as the state after entry `seq`, in the place of the oldest of
    /// [`SNAPSHOTS_KEPT`]. `digest` is the caller's own.
    ///
    /// # Errors
    /// [`JournalError::NoEntry`] when `seq` is beyond the head or was compacted away;
    /// [`JournalError::TooLarge`].
    fn put_snapshot(&mut self, seq: u64, digest: Hash, bytes: &[u8]) -> Result<(), JournalError>;

    /// The newest snapshot that is whole and stands on this chain. A damaged one is passed over
    /// for the one before it.
    ///
    /// # Errors
    /// [`JournalError::Broken`] when a prefix was compacted away and no snapshot is left for it.
    fn latest_snapshot(&self) -> Result<Option<Snapshot>, JournalError>;

    /// The places of the whole snapshots that stand on this chain, newest first; at most
    /// [`SNAPSHOTS_KEPT`].
    ///
    /// # Errors
    /// As [`Journal::head`].
    fn snapshots(&self) -> Result<Vec<Head>, JournalError>;

    /// About how many bytes the entries take where they are kept, without snapshots and without
    /// room that is free for the next entries.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn entry_bytes(&self) -> Result<u64, JournalError>;

    /// Drops the entries up to and including `up_to`, keeping the hash the rest continues from.
    ///
    /// Pass the place of the older snapshot to keep both of use. Answers the new anchor; a place
    /// at or before the present anchor changes nothing.
    ///
    /// # Errors
    /// [`JournalError::NoSnapshot`] when no whole snapshot at or after `up_to` stands for them.
    fn compact(&mut self, up_to: u64) -> Result<Head, JournalError>;
}

/// Compares what an append would write with the limits.
pub(crate) fn check_size(drafts: &[Draft<'_>]) -> Result<(), JournalError> {
    let within = |what, size, limit| match size > limit {
        true => Err(JournalError::TooLarge { what, size, limit }),
        false => Ok(()),
    };
    within("entries of an append", drafts.len(), MAX_BATCH_ENTRIES)?;
    for draft in drafts {
        within("bytes of an entry", draft.body.len(), MAX_BODY_BYTES)?;
    }
    let bytes = drafts.iter().map(|draft| draft.body.len()).sum();
    within("bytes of an append", bytes, MAX_BATCH_BYTES)
}

/// Compares a snapshot with the limit.
pub(crate) fn check_snapshot_size(bytes: &[u8]) -> Result<(), JournalError> {
    match bytes.len() > MAX_SNAPSHOT_BYTES {
        true => Err(JournalError::TooLarge {
            what: "bytes of a snapshot",
            size: bytes.len(),
            limit: MAX_SNAPSHOT_BYTES,
        }),
        false => Ok(()),
    }
}
