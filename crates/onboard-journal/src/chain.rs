//! The rule by which an entry follows another, and the name of each way to break it.

use std::fmt;

use crate::entry::{Entry, Head, Snapshot};
use crate::hash::Hash;

/// What is wrong where a chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Entries are missing before this one.
    Gap,
    /// This sequence was already passed.
    Duplicate,
    /// The entry does not name the hash of the entry before it.
    WrongPrev,
    /// The entry's hash is not the hash of what it holds.
    WrongHash,
    /// The row cannot be read as an entry.
    Undecodable,
    /// The journal ends before an entry it is known to have acknowledged.
    LostTail,
    /// Another entry stands where an acknowledged one stood.
    Rewritten,
    /// Entries stand at or before the place the journal was compacted to.
    BeforeAnchor,
    /// Entries were compacted away and no snapshot that stands for them is whole.
    LostSnapshot,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Gap => "entries are missing",
            Why::Duplicate => "a sequence is repeated",
            Why::WrongPrev => "the entry does not continue the one before it",
            Why::WrongHash => "the entry is not what was hashed",
            Why::Undecodable => "the row is not an entry",
            Why::LostTail => "acknowledged entries are missing at the end",
            Why::Rewritten => "an acknowledged entry was replaced",
            Why::BeforeAnchor => "an entry stands before the compacted prefix ends",
            Why::LostSnapshot => "no whole snapshot stands for the compacted prefix",
        })
    }
}

/// The first place where a journal is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The sequence at which it shows.
    pub seq: u64,
    /// In which way.
    pub why: Why,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Break { seq, why, found, expected } = self;
        write!(f, "chain broken at entry {seq}: {why} (found {found}, expected {expected})")
    }
}

impl std::error::Error for Break {}

/// Checks that `entry` is whole and follows `last`; answers the place after it.
pub(crate) fn follow(last: &Head, entry: &Entry) -> Result<Head, Break> {
    let broken = |why, found: String, expected: String| {
        Err(Break { seq: entry.seq.min(last.seq + 1), why, found, expected })
    };
    let next = last.seq + 1;
    if entry.seq > next {
        return broken(Why::Gap, format!("entry {}", entry.seq), format!("entry {next}"));
    }
    if entry.seq < next {
        return broken(Why::Duplicate, format!("entry {}", entry.seq), format!("entry {next}"));
    }
    if entry.prev != last.hash {
        return broken(Why::WrongPrev, entry.prev.to_string(), last.hash.to_string());
    }
    let hash = Hash::of_entry(&entry.prev, entry.seq, entry.time_ms, &entry.body);
    if entry.hash != hash {
        return broken(Why::WrongHash, entry.hash.to_string(), hash.to_string());
    }
    Ok(Head { seq: entry.seq, hash })
}

/// Follows all of `entries` from `last`.
pub(crate) fn follow_all(last: Head, entries: &[Entry]) -> Result<Head, Break> {
    entries.iter().try_fold(last, |last, entry| follow(&last, entry))
}

/// The break of a journal that has lost every snapshot of its compacted prefix.
pub(crate) fn lost_snapshot(anchor: &Head) -> Break {
    Break {
        seq: anchor.seq,
        why: Why::LostSnapshot,
        found: "none".to_owned(),
        expected: format!("a whole snapshot at or after entry {}", anchor.seq),
    }
}

/// The seal a snapshot is stored with.
pub(crate) fn seal(snapshot: &Snapshot) -> Hash {
    Hash::of_snapshot(snapshot.at.seq, &snapshot.at.hash, &snapshot.digest, &snapshot.bytes)
}
