//! How much of the journal is kept, and dropping what is beyond it, a step at a time.
//!
//! Only what the older of two snapshots stands for is dropped, each of which was read back from the
//! disk and came to the live state's digest: one damaged snapshot loses nothing.

use onboard_domain::Time;
use onboard_journal::{Journal, JournalError};

/// Entries dropped in one turn of the loop: tens of milliseconds, and more than a turn adds.
const STEP_ENTRIES: u64 = 2_048;
/// Bytes of entries that are read in one turn to find which are too many.
const STEP_BYTES: usize = 1 << 20;
/// Entries between snapshots: a replay of this many takes a fraction of a second.
const SNAPSHOT_ENTRIES: u64 = 50_000;
/// Snapshots in the bytes that are kept: so much more than the bound may the journal hold at most,
/// twice, since the older of two snapshots is the one that counts.
const SNAPSHOTS_IN_KEPT: u64 = 8;
const DAY_MS: i64 = 86_400_000;

/// How much of the journal's past is kept: what is older, or beyond the bytes, is dropped after it
/// was folded into a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub bytes: u64,
    pub age_ms: i64,
}

impl Default for Retention {
    /// A year and a month of audit history, unless it takes more than half a gibibyte.
    fn default() -> Retention {
        Retention { bytes: 512 << 20, age_ms: 400 * DAY_MS }
    }
}

impl Retention {
    /// With what a user's settings say, and the defaults for the rest.
    pub fn with(mib: Option<u64>, days: Option<u64>) -> Retention {
        let kept = Retention::default();
        let days = days.and_then(|days| i64::try_from(days).ok());
        Retention {
            bytes: mib.map_or(kept.bytes, |mib| mib << 20),
            age_ms: days.map_or(kept.age_ms, |days| days.saturating_mul(DAY_MS)),
        }
    }

    /// Whether so much was appended since the last snapshot that another is due.
    pub(crate) fn wants_snapshot(&self, entries: u64, bytes: u64) -> bool {
        entries >= SNAPSHOT_ENTRIES || bytes >= self.bytes / SNAPSHOTS_IN_KEPT
    }
}

/// Dropping what is no longer kept.
#[derive(Debug)]
pub(crate) struct Trim {
    kept: Retention,
    /// What the older snapshot stands for.
    covered: u64,
    is_under_way: bool,
}

impl Trim {
    /// # Errors
    /// When the journal can't be read.
    pub(crate) fn of(kept: Retention, journal: &dyn Journal) -> Result<Trim, JournalError> {
        let mut trim = Trim { kept, covered: 0, is_under_way: false };
        trim.look(journal)?;
        Ok(trim)
    }

    /// Looks again at what may be dropped: a snapshot was taken.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub(crate) fn look(&mut self, journal: &dyn Journal) -> Result<(), JournalError> {
        let older = journal.snapshots()?.get(1).copied();
        self.covered = older.map_or(0, |at| at.seq);
        self.is_under_way = true;
        Ok(())
    }

    /// One step; nothing after `seen`, which somebody still has to read. Answers whether something
    /// was dropped.
    ///
    /// # Errors
    /// When the journal can't be read or written. What was to be dropped is then still there.
    pub(crate) fn step(
        &mut self,
        journal: &mut dyn Journal,
        now: Time,
        seen: u64,
    ) -> Result<bool, JournalError> {
        if !self.is_under_way {
            return Ok(false);
        }
        // Until the next snapshot, also when what follows fails: a disk that is full, or worse,
        // shows in the next append.
        self.is_under_way = false;
        let anchor = journal.anchor()?.seq;
        let target = self.covered.min(seen).min(anchor + STEP_ENTRIES);
        if target <= anchor {
            self.is_under_way = self.covered > anchor;
            return Ok(false);
        }
        let target = match journal.entry_bytes()?.saturating_sub(self.kept.bytes) {
            0 => self.outlived(journal, anchor, target, now)?,
            excess => oldest(journal, anchor, excess)?.min(target),
        };
        if target <= anchor {
            return Ok(false);
        }
        journal.compact(target)?;
        self.is_under_way = true;
        Ok(true)
    }

    /// The last entry up to `target` that is older than what is kept.
    fn outlived(
        &self,
        journal: &dyn Journal,
        anchor: u64,
        target: u64,
        now: Time,
    ) -> Result<u64, JournalError> {
        let is_old = |seq: u64| -> Result<bool, JournalError> {
            let page = journal.read(seq - 1, 1, 0)?;
            Ok(page.first().is_some_and(|entry| now.0 - entry.time_ms > self.kept.age_ms))
        };
        // Times never go down, so that halving finds the last old one.
        let (mut old, mut young) = (anchor, target + 1);
        while young - old > 1 {
            let middle = old + (young - old) / 2;
            match is_old(middle)? {
                true => old = middle,
                false => young = middle,
            }
        }
        Ok(old)
    }
}

/// The last of the oldest entries that have so many bytes, as far as one step goes: what the bound
/// has room for stays.
fn oldest(journal: &dyn Journal, anchor: u64, excess: u64) -> Result<u64, JournalError> {
    let bytes = usize::try_from(excess).map_or(STEP_BYTES, |excess| excess.min(STEP_BYTES));
    let page = journal.read(anchor, STEP_ENTRIES as usize, bytes)?;
    Ok(page.last().map_or(anchor, |entry| entry.seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use onboard_journal::{Hash, MemoryJournal, verify};

    const KEPT: Retention = Retention { bytes: 1_000, age_ms: 10_000 };

    /// A journal of entries a second apart, of ten bytes each.
    fn journal(entries: i64, snapshots: &[u64]) -> MemoryJournal {
        let mut journal = MemoryJournal::new();
        for time in 1..=entries {
            let before = journal.head().unwrap().seq;
            journal.append(before, time * 1_000, b"ten bytes.").unwrap();
        }
        for seq in snapshots {
            journal.put_snapshot(*seq, Hash::ZERO, b"state").unwrap();
        }
        journal
    }

    /// What is left, after all steps.
    #[track_caller]
    fn check(mut journal: MemoryJournal, now_s: i64, seen: u64, first: u64) {
        let mut trim = Trim::of(KEPT, &journal).unwrap();
        while trim.step(&mut journal, Time(now_s * 1_000), seen).unwrap() {}
        assert_eq!(journal.anchor().unwrap().seq + 1, first);
        assert!(verify(&journal, |_, _| {}).is_ok());
    }

    #[test]
    fn only_what_the_older_snapshot_stands_for_goes() {
        check(journal(30, &[]), 9_999, 99, 1);
        check(journal(30, &[20]), 9_999, 99, 1);
        check(journal(30, &[10, 20]), 9_999, 99, 11);
    }

    #[test]
    fn what_is_young_and_little_stays() {
        check(journal(30, &[10, 20]), 11, 99, 1);
        check(journal(30, &[10, 20]), 15, 99, 5);
    }

    #[test]
    fn what_is_young_and_too_much_goes() {
        check(journal(150, &[100, 150]), 11, 99_999, 51);
        check(journal(250, &[100, 150]), 11, 99_999, 101);
    }

    #[test]
    fn what_is_not_yet_seen_by_all_readers_stays() {
        check(journal(150, &[100, 150]), 9_999, 7, 8);
    }

    #[test]
    fn a_step_is_bounded_and_the_rest_follows() {
        let entries = i64::try_from(3 * STEP_ENTRIES).unwrap();
        let mut journal = journal(entries, &[3 * STEP_ENTRIES - 200, 3 * STEP_ENTRIES]);
        let mut trim = Trim::of(KEPT, &journal).unwrap();
        let mut steps = Vec::new();
        while trim.step(&mut journal, Time(1), u64::MAX).unwrap() {
            steps.push(journal.anchor().unwrap().seq);
        }
        assert_eq!(steps, [STEP_ENTRIES, 2 * STEP_ENTRIES, 3 * STEP_ENTRIES - 200]);
    }
}
