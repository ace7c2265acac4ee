//! The journal's past is dropped as it grows old, whatever moment the daemon dies at.

use crate::stage::Stage;
use onboard_daemon::retention::Retention;
use onboard_daemon::store::{Store, StoreError};
use onboard_domain::{Batch, State};
use onboard_journal::{
    Draft, Entry, Hash, Head, Journal, JournalError, MemoryJournal, Snapshot, SqliteJournal, verify,
};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// Snapshots every few entries, and nothing is too young to go.
const KEPT: Retention = Retention { bytes: 8 << 10, age_ms: 0 };

/// Days of a small crew.
fn history(rounds: usize) -> Vec<Batch> {
    let mut script = String::from("agent alpha = hourly\nregister\nbegan\nstart alpha\n");
    for run in 0..rounds {
        writeln!(script, "launched r{run}\ngone r{run} exit 0\npause alpha\nresume alpha\nwait 1h")
            .expect("a string takes all");
    }
    Stage::play(&script).journal
}

/// Lives through a history from where the journal stands: what a daemon's loop does.
fn live(journal: Box<dyn Journal>, history: &[Batch]) -> Result<State, StoreError> {
    let (mut store, mut state) = Store::open_keeping(journal, KEPT)?;
    let done = usize::try_from(store.seq()).expect("a few");
    for batch in &history[done..] {
        store.append(batch)?;
        state.apply_batch(batch).expect("follows");
        store.snapshot_when_due(&state)?;
        store.trim(state.time, store.seq())?;
    }
    store.snapshot(&state)?;
    Ok(state)
}

fn folded(history: &[Batch]) -> State {
    let mut state = State::default();
    for batch in history {
        state.apply_batch(batch).expect("follows");
    }
    state
}

/// A journal that outlives its daemon, which dies at a write: before it, or when it is done.
struct Mortal {
    journal: Arc<Mutex<MemoryJournal>>,
    writes_left: usize,
    dies_after: bool,
}

impl Mortal {
    fn write<T>(
        &mut self,
        write: impl FnOnce(&mut MemoryJournal) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let dead = Err(JournalError::NoSnapshot { up_to: 0 });
        let is_last = self.writes_left == 0;
        if is_last && !self.dies_after {
            return dead;
        }
        let written = write(&mut self.journal.lock().expect("one user"))?;
        if is_last {
            return dead;
        }
        self.writes_left -= 1;
        Ok(written)
    }
}

impl Journal for Mortal {
    fn append_many(&mut self, expected: u64, drafts: &[Draft<'_>]) -> Result<Head, JournalError> {
        self.write(|journal| journal.append_many(expected, drafts))
    }
    fn put_snapshot(&mut self, seq: u64, digest: Hash, bytes: &[u8]) -> Result<(), JournalError> {
        self.write(|journal| journal.put_snapshot(seq, digest, bytes))
    }
    fn compact(&mut self, up_to: u64) -> Result<Head, JournalError> {
        self.write(|journal| journal.compact(up_to))
    }
    fn head(&self) -> Result<Head, JournalError> {
        self.journal.lock().expect("one user").head()
    }
    fn anchor(&self) -> Result<Head, JournalError> {
        self.journal.lock().expect("one user").anchor()
    }
    fn read(&self, after: u64, limit: usize, bytes: usize) -> Result<Vec<Entry>, JournalError> {
        self.journal.lock().expect("one user").read(after, limit, bytes)
    }
    fn latest_snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        self.journal.lock().expect("one user").latest_snapshot()
    }
    fn snapshots(&self) -> Result<Vec<Head>, JournalError> {
        self.journal.lock().expect("one user").snapshots()
    }
    fn entry_bytes(&self) -> Result<u64, JournalError> {
        self.journal.lock().expect("one user").entry_bytes()
    }
}

#[test]
fn a_daemon_that_dies_at_any_write_loses_nothing_and_the_next_goes_on() {
    let history = history(8);
    let whole = folded(&history).digest();
    let (mut deaths, mut died_trimmed) = (0, 0);
    for dies_after in [false, true] {
        for writes_left in 0.. {
            let journal = Arc::new(Mutex::new(MemoryJournal::new()));
            let mortal = Mortal { journal: Arc::clone(&journal), writes_left, dies_after };
            let is_dead = live(Box::new(mortal), &history).is_err();
            let left = journal.lock().expect("one user").clone();
            verify(&left, |_, _| {}).expect("the chain is whole");
            let head = usize::try_from(left.head().expect("reads").seq).expect("a few");
            died_trimmed += usize::from(is_dead && left.anchor().expect("reads").seq > 0);
            let (_, state) = Store::open_keeping(Box::new(left.clone()), KEPT).expect("opens");
            assert_eq!(state.digest(), folded(&history[..head]).digest(), "write {writes_left}");
            let state = live(Box::new(left), &history).expect("goes on");
            assert_eq!(state.digest(), whole, "write {writes_left}");
            if !is_dead {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 2 * history.len() && died_trimmed > 20, "{deaths} {died_trimmed}");
}

#[test]
fn on_disk_little_is_left_and_one_lost_snapshot_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let history = history(40);
    let whole = live(Box::new(SqliteJournal::open(&path).unwrap()), &history).unwrap().digest();
    let journal = SqliteJournal::open_read_only(&path).unwrap();
    let verified = verify(&journal, |_, _| {}).unwrap();
    assert!(verified.anchor.seq > 0 && verified.entries < history.len() as u64 / 2, "{verified:?}");
    let places = journal.snapshots().unwrap();
    assert_eq!(places.len(), 2);
    assert!(places[1].seq >= verified.anchor.seq, "both snapshots stand on what is left");
    let (_, state) = Store::open(Box::new(journal)).unwrap();
    assert_eq!(state.digest(), whole);
}
