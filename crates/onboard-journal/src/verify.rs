//! Walking the whole chain of a journal, to prove it or to name its first break.

use std::fmt;

use crate::chain::{Break, Why, follow};
use crate::entry::Head;
use crate::error::JournalError;
use crate::journal::Journal;

/// Entries read at once: enough to make the walk one of hashing rather than of asking.
const PAGE_ENTRIES: usize = 1024;

/// Bytes of bodies read at once; bounds the memory of the walk.
const PAGE_BYTES: usize = 8 << 20;

/// What was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries were walked.
    pub entries: u64,
    /// Where the chain starts: after the compacted prefix.
    pub anchor: Head,
    /// Where it ends.
    pub head: Head,
}

/// Why a chain was not proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// It is broken, here.
    Broken(Break),
    /// The journal could not be read to its end.
    Unread {
        /// The last entry that was proven.
        proven: u64,
        /// What stopped the walk.
        error: JournalError,
    },
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerifyError::Broken(at) => at.fmt(f),
            VerifyError::Unread { proven, error } => {
                write!(f, "proven up to entry {proven}, then {error}")
            }
        }
    }
}

impl std::error::Error for VerifyError {}

/// Walks all entries of `journal` up to the head it has at the start, calling `on_progress` with
/// the number walked and the number there are, after each page.
///
/// # Errors
/// [`VerifyError::Broken`] names the first break; [`VerifyError::Unread`] says that storage failed
/// before the end.
pub fn verify(
    journal: &dyn Journal,
    mut on_progress: impl FnMut(u64, u64),
) -> Result<Verified, VerifyError> {
    let start = |error| unproven(0, error);
    // The head is read first, so that entries appended meanwhile are simply not part of the walk.
    let end = journal.head().map_err(start)?;
    let anchor = journal.anchor().map_err(start)?;
    let total = end.seq.saturating_sub(anchor.seq);
    let mut last = anchor;
    while last.seq < end.seq {
        let left = usize::try_from(end.seq - last.seq).unwrap_or(usize::MAX);
        let page = journal
            .read(last.seq, left.min(PAGE_ENTRIES), PAGE_BYTES)
            .map_err(|error| unproven(last.seq, error))?;
        if page.is_empty() {
            return Err(VerifyError::Broken(lost_tail(&last, &end)));
        }
        for entry in &page {
            last = follow(&last, entry).map_err(VerifyError::Broken)?;
        }
        on_progress(last.seq - anchor.seq, total);
    }
    if last != end {
        return Err(VerifyError::Broken(Break {
            seq: end.seq,
            why: Why::Rewritten,
            found: last.hash.to_string(),
            expected: end.hash.to_string(),
        }));
    }
    Ok(Verified { entries: total, anchor, head: last })
}

fn unproven(proven: u64, error: JournalError) -> VerifyError {
    match error {
        JournalError::Broken { at, .. } => VerifyError::Broken(at),
        error => VerifyError::Unread { proven, error },
    }
}

fn lost_tail(last: &Head, end: &Head) -> Break {
    Break {
        seq: last.seq + 1,
        why: Why::LostTail,
        found: format!("entry {} to be the last", last.seq),
        expected: format!("entry {} with hash {}", end.seq, end.hash),
    }
}
