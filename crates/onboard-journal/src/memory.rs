//! The journal in memory: for simulation and tests, with the contract of the one on disk.

use crate::chain::{self, follow_all};
use crate::entry::{Draft, Entry, Head, Snapshot};
use crate::error::JournalError;
use crate::hash::Hash;
use crate::journal::{Journal, SNAPSHOTS_KEPT, check_size, check_snapshot_size};

/// A journal that lives as long as the value does. Its memory grows with what is appended;
/// [`Journal::compact`] gives it back.
#[derive(Clone, Debug)]
pub struct MemoryJournal {
    anchor: Head,
    entries: Vec<Entry>,
    /// Oldest first, each with the seal it was stored under.
    snapshots: Vec<(Snapshot, Hash)>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> MemoryJournal {
        MemoryJournal { anchor: Head::START, entries: Vec::new(), snapshots: Vec::new() }
    }

    fn last(&self) -> Head {
        self.entries.last().map_or(self.anchor, |entry| Head { seq: entry.seq, hash: entry.hash })
    }

    /// The place `seq`, where its hash is still known.
    fn at(&self, seq: u64) -> Option<Head> {
        if seq == self.anchor.seq {
            return Some(self.anchor);
        }
        let index = usize::try_from(seq.checked_sub(self.anchor.seq + 1)?).ok()?;
        self.entries.get(index).map(|entry| Head { seq, hash: entry.hash })
    }

    fn whole_snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.snapshots
            .iter()
            .rev()
            .filter(|(snapshot, seal)| chain::seal(snapshot) == *seal)
            .map(|(snapshot, _)| snapshot)
            .filter(|snapshot| self.at(snapshot.at.seq) == Some(snapshot.at))
    }
}

impl Default for MemoryJournal {
    fn default() -> MemoryJournal {
        MemoryJournal::new()
    }
}

impl Journal for MemoryJournal {
    fn append_many(&mut self, expected: u64, drafts: &[Draft<'_>]) -> Result<Head, JournalError> {
        check_size(drafts)?;
        let mut last = self.last();
        if last.seq != expected {
            return Err(JournalError::Conflict { expected, actual: last.seq });
        }
        for Draft { time_ms, body } in drafts {
            let seq = last.seq + 1;
            let hash = Hash::of_entry(&last.hash, seq, *time_ms, body);
            let (time_ms, prev, body) = (*time_ms, last.hash, body.to_vec());
            self.entries.push(Entry { seq, time_ms, prev, hash, body });
            last = Head { seq, hash };
        }
        Ok(last)
    }

    fn head(&self) -> Result<Head, JournalError> {
        Ok(self.last())
    }

    fn anchor(&self) -> Result<Head, JournalError> {
        Ok(self.anchor)
    }

    fn read(&self, after: u64, limit: usize, max_bytes: usize) -> Result<Vec<Entry>, JournalError> {
        if after < self.anchor.seq {
            return Err(JournalError::Compacted { after, first: self.anchor.seq + 1 });
        }
        let Some(last) = self.at(after) else { return Ok(Vec::new()) };
        let skip = usize::try_from(after - self.anchor.seq).unwrap_or(usize::MAX);
        let mut bytes = 0usize;
        let page: Vec<Entry> = (self.entries.iter().skip(skip).take(limit))
            .enumerate()
            .take_while(|(index, entry)| {
                bytes = bytes.saturating_add(entry.body.len());
                *index == 0 || bytes <= max_bytes
            })
            .map(|(_, entry)| entry.clone())
            .collect();
        follow_all(last, &page).map_err(|at| JournalError::Broken { path: None, at })?;
        Ok(page)
    }

    fn put_snapshot(&mut self, seq: u64, digest: Hash, bytes: &[u8]) -> Result<(), JournalError> {
        check_snapshot_size(bytes)?;
        let head = self.last().seq;
        let at = self.at(seq).ok_or(JournalError::NoEntry { seq, head })?;
        let snapshot = Snapshot { at, digest, bytes: bytes.to_vec() };
        let seal = chain::seal(&snapshot);
        self.snapshots.retain(|(kept, _)| kept.at.seq != seq);
        self.snapshots.push((snapshot, seal));
        self.snapshots.sort_by_key(|(kept, _)| kept.at.seq);
        let surplus = self.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        self.snapshots.drain(..surplus);
        Ok(())
    }

    fn latest_snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        match self.whole_snapshots().next() {
            Some(snapshot) => Ok(Some(snapshot.clone())),
            None if self.anchor.seq == 0 => Ok(None),
            None => {
                Err(JournalError::Broken { path: None, at: chain::lost_snapshot(&self.anchor) })
            }
        }
    }

    fn snapshots(&self) -> Result<Vec<Head>, JournalError> {
        Ok(self.whole_snapshots().map(|snapshot| snapshot.at).collect())
    }

    fn entry_bytes(&self) -> Result<u64, JournalError> {
        Ok(self.entries.iter().map(|entry| entry.body.len() as u64).sum())
    }

    fn compact(&mut self, up_to: u64) -> Result<Head, JournalError> {
        if up_to <= self.anchor.seq {
            return Ok(self.anchor);
        }
        let head = self.last().seq;
        let anchor = self.at(up_to).ok_or(JournalError::NoEntry { seq: up_to, head })?;
        if !self.whole_snapshots().any(|snapshot| snapshot.at.seq >= up_to) {
            return Err(JournalError::NoSnapshot { up_to });
        }
        self.entries.retain(|entry| entry.seq > up_to);
        self.snapshots.retain(|(snapshot, _)| snapshot.at.seq >= up_to);
        self.anchor = anchor;
        Ok(anchor)
    }
}
