//! Append-only, hash-chained bytes on disk or in memory. Does not know what its bytes mean.
//!
//! A [`Journal`] is a sequence of entries, each carrying the hash of the one before it. An append
//! names the sequence it was decided against and is durable when it returns. Two journals keep
//! the same contract: [`SqliteJournal`] on disk and [`MemoryJournal`] for simulation. [`verify`]
//! walks the whole chain and names the first break; [`StateLock`] keeps a second writer away.

mod chain;
mod entry;
mod error;
mod hash;
mod journal;
mod lock;
mod memory;
mod sqlite;
mod verify;
mod witness;

pub use chain::{Break, Why};
pub use entry::{Draft, Entry, Head, Snapshot};
pub use error::{Fault, JournalError};
pub use hash::Hash;
pub use journal::{
    Journal, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_BODY_BYTES, MAX_SNAPSHOT_BYTES, SNAPSHOTS_KEPT,
};
pub use lock::{Holder, LockError, StateLock};
pub use memory::MemoryJournal;
pub use sqlite::{FORMAT, SqliteJournal};
pub use verify::{Verified, VerifyError, verify};
