//! What a journal holds: entries, the place of its last one, and snapshots.

use crate::hash::Hash;

/// One entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place, counted from 1 without gaps.
    pub seq: u64,
    /// When it was written, in milliseconds since the Unix epoch, by the writer's own account.
    pub time_ms: i64,
    /// The hash of the entry before it; [`Hash::ZERO`] for the first.
    pub prev: Hash,
    /// Its own hash, over all the other fields.
    pub hash: Hash,
    /// Whatever the writer wrote.
    pub body: Vec<u8>,
}

/// One entry that is still to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    /// Milliseconds since the Unix epoch. The journal stores it and draws no conclusion from it.
    pub time_ms: i64,
    /// The bytes to store.
    pub body: &'a [u8],
}

/// A place in the chain: a sequence and the hash of the entry there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// 0 means before the first entry.
    pub seq: u64,
    /// The hash of that entry; [`Hash::ZERO`] at 0.
    pub hash: Hash,
}

impl Head {
    /// The place before the first entry.
    pub const START: Head = Head { seq: 0, hash: Hash::ZERO };
}

/// A state that stands for all entries up to and including `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The entry the state was taken after.
    pub at: Head,
    /// The writer's digest of the state; the journal keeps it and does not interpret it.
    pub digest: Hash,
    /// The state as the writer encoded it.
    pub bytes: Vec<u8>,
}
