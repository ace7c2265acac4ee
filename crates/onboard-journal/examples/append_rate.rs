//! How fast appends are, beside plain SQLite inserts committed on the same disk.
//!
//! `cargo run --release -p onboard-journal --example append_rate [FOLDER]`

use std::path::Path;
use std::time::{Duration, Instant};

use onboard_journal::{Draft, Journal, SqliteJournal, verify};
use rusqlite::{Connection, TransactionBehavior};

/// A batch of a few events.
const BODY_BYTES: usize = 300;

/// Each side runs this often for this long, in turns, so that a slow spell of the disk meets both.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);

fn main() {
    let parent = std::env::args_os().nth(1).unwrap_or_else(|| std::env::temp_dir().into());
    println!(
        "{:>6} {:>12} {:>12} {:>7} {:>14}",
        "batch", "journal/s", "sqlite/s", "ratio", "commit ms"
    );
    for batch in [1, 8, 64, 512] {
        let dir = tempfile::tempdir_in(&parent).expect("a folder to measure in");
        measure(dir.path(), batch);
    }
    let dir = tempfile::tempdir_in(&parent).expect("a folder to measure in");
    measure_verify(dir.path());
}

fn measure(dir: &Path, batch: usize) {
    let body = vec![b'x'; BODY_BYTES];
    let mut journal = SqliteJournal::open(&dir.join("journal.db")).expect("opens");
    let mut plain = plain(&dir.join("plain.db"));
    let drafts = vec![Draft { time_ms: 1_700_000_000_000, body: &body }; batch];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(batch, || {
            let last = journal.head().expect("a head").seq;
            journal.append_many(last, &drafts).expect("appends");
        }));
        theirs.push(rate(batch, || insert(&mut plain, &body, batch)));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let commit_ms = 1000.0 * batch as f64 / ours;
    println!("{batch:>6} {ours:>12.0} {theirs:>12.0} {:>7.2} {commit_ms:>14.3}", ours / theirs);
}

fn plain(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("opens");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096;
             CREATE TABLE entry (seq INTEGER PRIMARY KEY, time_ms INTEGER, body BLOB) STRICT",
        )
        .expect("creates");
    connection
}

fn insert(connection: &mut Connection, body: &[u8], batch: usize) {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("begins");
    for _ in 0..batch {
        transaction
            .prepare_cached("INSERT INTO entry (time_ms, body) VALUES (1700000000000, ?1)")
            .and_then(|mut insert| insert.execute([body]))
            .expect("inserts");
    }
    transaction.commit().expect("commits");
}

/// Entries per second.
fn rate(batch: usize, mut append: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut appends = 0;
    while start.elapsed() < ROUND {
        append();
        appends += 1;
    }
    (appends * batch) as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure_verify(dir: &Path) {
    let path = dir.join("journal.db");
    let mut journal = SqliteJournal::open(&path).expect("opens");
    let body = vec![b'x'; BODY_BYTES];
    let drafts = vec![Draft { time_ms: 1, body: &body }; 4000];
    for group in 0..250 {
        journal.append_many(group * 4000, &drafts).expect("appends");
    }
    let start = Instant::now();
    let verified = verify(&journal, |_, _| {}).expect("verifies");
    println!("verify {} entries: {:.2} s", verified.entries, start.elapsed().as_secs_f64());
    drop(journal);
    let start = Instant::now();
    let mut journal = SqliteJournal::open(&path).expect("opens");
    println!("open:   {:.1} ms", 1000.0 * start.elapsed().as_secs_f64());
    let covered = verified.head.seq - 1000;
    journal.put_snapshot(covered, verified.head.hash, b"state").expect("keeps");
    let before = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let start = Instant::now();
    journal.compact(covered).expect("compacts");
    let took = start.elapsed().as_secs_f64();
    journal.checkpoint().expect("folds");
    let after = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    println!("compact: {took:.2} s, {} MB to {} MB", before >> 20, after >> 20);
}
