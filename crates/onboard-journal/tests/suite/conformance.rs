//! The one contract, asked of both journals.

use onboard_journal::{
    Draft, Hash, Head, Journal, JournalError, MAX_BATCH_ENTRIES, MAX_BODY_BYTES, MemoryJournal,
    SqliteJournal, verify,
};
use tempfile::TempDir;

use crate::support::{Chance, fill, journal_in};

/// Runs every check on fresh journals from `fresh`.
fn conformance(fresh: &mut dyn FnMut() -> Box<dyn Journal>) {
    starts_empty(&mut *fresh());
    chains_what_is_appended(&mut *fresh());
    refuses_what_was_decided_against_another_state(&mut *fresh());
    appends_all_or_nothing(&mut *fresh());
    keeps_two_snapshots(&mut *fresh());
    compacts_only_what_a_snapshot_stands_for(&mut *fresh());
    for seed in 1..=12 {
        pages_like_a_slice(&mut *fresh(), seed);
    }
}

#[test]
fn memory_conforms() {
    conformance(&mut || Box::new(MemoryJournal::new()));
}

#[test]
fn sqlite_conforms() {
    let mut dirs = Vec::new();
    conformance(&mut || Box::new(on_disk(&mut dirs)));
}

fn on_disk(dirs: &mut Vec<TempDir>) -> SqliteJournal {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = SqliteJournal::open(&journal_in(dir.path())).expect("opens");
    dirs.push(dir);
    journal
}

fn starts_empty(journal: &mut dyn Journal) {
    assert_eq!(journal.head(), Ok(Head::START));
    assert_eq!(journal.anchor(), Ok(Head::START));
    assert_eq!(journal.read(0, 10, 10), Ok(Vec::new()));
    assert_eq!(journal.latest_snapshot(), Ok(None));
    assert_eq!(journal.append_many(0, &[]), Ok(Head::START));
    assert_eq!(verify(journal, |_, _| {}).map(|verified| verified.entries), Ok(0));
}

fn chains_what_is_appended(journal: &mut dyn Journal) {
    let first = journal.append(0, -5, b"").expect("appends an empty body");
    let second = journal.append(1, i64::MAX, b"\0two").expect("appends");
    assert_eq!(journal.head(), Ok(second));
    let entries = journal.read(0, 10, 1000).expect("reads");
    let places: Vec<Head> =
        entries.iter().map(|entry| Head { seq: entry.seq, hash: entry.hash }).collect();
    assert_eq!(places, [first, second]);
    assert_eq!(entries[0].prev, Hash::ZERO);
    assert_eq!(entries[1].prev, first.hash);
    assert_eq!(entries[1].body, b"\0two");
    assert_eq!(entries[1].time_ms, i64::MAX);
    assert_eq!(second.hash, Hash::of_entry(&first.hash, 2, i64::MAX, b"\0two"));
    let mut progress = Vec::new();
    let verified = verify(journal, |done, total| progress.push((done, total))).expect("verifies");
    assert_eq!((verified.entries, verified.head), (2, second));
    assert_eq!(progress, [(2, 2)]);
}

fn refuses_what_was_decided_against_another_state(journal: &mut dyn Journal) {
    fill(journal, 3);
    for expected in [0, 2, 4, u64::MAX] {
        let conflict = Err(JournalError::Conflict { expected, actual: 3 });
        assert_eq!(journal.append(expected, 0, b"late"), conflict);
        assert_eq!(journal.append_many(expected, &[]), conflict);
    }
    assert_eq!(journal.append(3, 0, b"in time").map(|head| head.seq), Ok(4));
}

fn appends_all_or_nothing(journal: &mut dyn Journal) {
    let large = vec![0; MAX_BODY_BYTES + 1];
    let drafts = [Draft { time_ms: 1, body: b"small" }, Draft { time_ms: 2, body: &large }];
    assert!(matches!(journal.append_many(0, &drafts), Err(JournalError::TooLarge { .. })));
    let many = vec![Draft { time_ms: 1, body: b"" }; MAX_BATCH_ENTRIES + 1];
    assert!(matches!(journal.append_many(0, &many), Err(JournalError::TooLarge { .. })));
    let full = vec![Draft { time_ms: 1, body: &large[..MAX_BODY_BYTES] }; 5];
    assert!(matches!(journal.append_many(0, &full), Err(JournalError::TooLarge { .. })));
    assert_eq!(journal.head(), Ok(Head::START));
    assert_eq!(journal.append_many(0, &full[..1]).map(|head| head.seq), Ok(1));
    assert_eq!(journal.append_many(1, &many[1..]).map(|head| head.seq), Ok(4097));
}

fn keeps_two_snapshots(journal: &mut dyn Journal) {
    fill(journal, 20);
    let digest = Hash::of(b"the state's own digest");
    let none = Err(JournalError::NoEntry { seq: 21, head: 20 });
    assert_eq!(journal.put_snapshot(21, digest, b"future"), none);
    for seq in [5, 10, 15] {
        journal.put_snapshot(seq, digest, format!("state {seq}").as_bytes()).expect("keeps");
    }
    let latest = journal.latest_snapshot().expect("reads").expect("there is one");
    assert_eq!((latest.at.seq, latest.digest, latest.bytes), (15, digest, b"state 15".to_vec()));
    journal.put_snapshot(15, digest, b"state 15 again").expect("replaces");
    let latest = journal.latest_snapshot().expect("reads").expect("there is one");
    assert_eq!(latest.bytes, b"state 15 again");
    // 10 is still there: the prefix up to it can be dropped and 15 be lost.
    assert_eq!(journal.compact(10).map(|anchor| anchor.seq), Ok(10));
}

fn compacts_only_what_a_snapshot_stands_for(journal: &mut dyn Journal) {
    fill(journal, 30);
    let before = journal.read(0, 100, usize::MAX).expect("reads");
    assert_eq!(journal.compact(1), Err(JournalError::NoSnapshot { up_to: 1 }));
    journal.put_snapshot(12, Hash::ZERO, b"state 12").expect("keeps");
    let places = journal.snapshots().expect("reads");
    assert_eq!(places.iter().map(|at| at.seq).collect::<Vec<_>>(), [12]);
    let full = journal.entry_bytes().expect("asks");
    assert_eq!(journal.compact(13), Err(JournalError::NoSnapshot { up_to: 13 }));
    assert_eq!(journal.compact(31), Err(JournalError::NoEntry { seq: 31, head: 30 }));
    let anchor = Head { seq: 12, hash: before[11].hash };
    assert_eq!(journal.compact(12), Ok(anchor));
    assert!(journal.entry_bytes().expect("asks") <= full);
    assert_eq!(journal.compact(3), Ok(anchor), "what is dropped stays dropped");
    assert_eq!(journal.anchor(), Ok(anchor));
    assert_eq!(journal.read(11, 100, 1000), Err(JournalError::Compacted { after: 11, first: 13 }));
    assert_eq!(journal.read(12, 100, usize::MAX).as_deref(), Ok(&before[12..]));
    assert_eq!(verify(journal, |_, _| {}).map(|verified| verified.entries), Ok(18));
    assert!(journal.put_snapshot(11, Hash::ZERO, b"gone").is_err());

    journal.put_snapshot(30, Hash::ZERO, b"state 30").expect("keeps");
    journal.compact(30).expect("drops all of them");
    assert_eq!(journal.head().map(|head| head.seq), Ok(30));
    assert_eq!(journal.append(30, 1, b"on").map(|head| head.seq), Ok(31));
    assert_eq!(verify(journal, |_, _| {}).map(|verified| verified.entries), Ok(1));
}

fn pages_like_a_slice(journal: &mut dyn Journal, seed: u64) {
    let mut chance = Chance::seeded(seed);
    let bodies: Vec<Vec<u8>> = (0..chance.below(9)).map(|_| chance.bytes(6)).collect();
    let drafts: Vec<Draft<'_>> = bodies.iter().map(|body| Draft { time_ms: 0, body }).collect();
    journal.append_many(0, &drafts).expect("appends");
    for after in 0..=bodies.len() + 1 {
        for limit in 0..=bodies.len() + 1 {
            for max_bytes in 0..=14 {
                let page = journal.read(after as u64, limit, max_bytes).expect("reads");
                let page: Vec<Vec<u8>> = page.into_iter().map(|entry| entry.body).collect();
                let expected = page_of(&bodies, after, limit, max_bytes);
                assert_eq!(page, expected, "seed {seed}: {after} {limit} {max_bytes}");
            }
        }
    }
}

fn page_of(bodies: &[Vec<u8>], after: usize, limit: usize, max_bytes: usize) -> Vec<Vec<u8>> {
    let rest = bodies.get(after..).unwrap_or_default();
    let rest = &rest[..rest.len().min(limit)];
    let fits = |count: &usize| rest[..*count].iter().map(Vec::len).sum::<usize>() <= max_bytes;
    let count = (0..=rest.len()).rev().find(fits).unwrap_or(0).max(rest.len().min(1));
    rest[..count].to_vec()
}

/// One step of a random history, told as text so that two journals can be compared.
fn step(journal: &mut dyn Journal, choice: u64, number: u64) -> String {
    let head = journal.head().expect("a head").seq;
    let near = (head + 2).saturating_sub(number % 6);
    match choice {
        0..=3 => {
            let bodies: Vec<Vec<u8>> = (0..number % 4).map(|seq| vec![seq as u8; 9]).collect();
            let drafts: Vec<Draft<'_>> =
                bodies.iter().map(|body| Draft { time_ms: number as i64, body }).collect();
            format!("{:?}", journal.append_many(head, &drafts))
        }
        4 => format!("{:?}", journal.append(near, 3, b"maybe")),
        5 => format!("{:?}", journal.put_snapshot(near, Hash::ZERO, &number.to_be_bytes())),
        6 => format!("{:?}", journal.latest_snapshot()),
        7 => format!("{:?}", journal.compact(near)),
        8 => format!("{:?}", journal.read(number % (head + 2), 3, 20)),
        _ => format!("{:?} {:?}", journal.anchor(), verify(journal, |_, _| {})),
    }
}

#[test]
fn both_answer_every_history_alike() {
    let mut dirs = Vec::new();
    for seed in 1..=25 {
        let mut chance = Chance::seeded(seed);
        let (mut memory, mut disk) = (MemoryJournal::new(), on_disk(&mut dirs));
        let mut told = Vec::new();
        for _ in 0..40 {
            let (choice, number) = (chance.below(10), chance.below(1000));
            told.push((choice, number));
            let expected = step(&mut memory, choice, number);
            assert_eq!(step(&mut disk, choice, number), expected, "seed {seed}: {told:?}");
        }
    }
}
