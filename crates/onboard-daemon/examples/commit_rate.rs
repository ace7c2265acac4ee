//! What SQLite allows for the commands of a journal: `commit_rate JOURNAL FOLDER MILLISECONDS`.
//!
//! A raw table in a new file of FOLDER gets the same commands in the same batches, each a row, each
//! batch a transaction with full sync, over and over. Prints one JSON line.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]

use onboard_domain::Batch;
use onboard_journal::{Journal, SqliteJournal};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::time::{Duration, Instant};

/// Entries looked at, the newest: some seconds of commands.
const ENTRIES: u64 = 20_000;

/// Commands of one entry and the bytes that each is worth.
struct Group {
    commands: usize,
    bytes: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [journal, folder, milliseconds] = arguments.as_slice() else {
        panic!("usage: commit_rate JOURNAL FOLDER MILLISECONDS");
    };
    let limit = Duration::from_millis(milliseconds.parse().expect("a number"));
    let groups = groups(Path::new(journal));
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let mut connection = create(&folder.path().join("plain.db"));
    let begun = Instant::now();
    let (mut commands, mut commits) = (0, 0);
    for group in groups.iter().cycle() {
        if begun.elapsed() >= limit {
            break;
        }
        insert(&mut connection, group);
        commands += group.commands;
        commits += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let line = serde_json::json!({
        "per_second": commands as f64 / seconds,
        "commits_per_second": f64::from(commits) / seconds,
        "mean_batch": commands as f64 / f64::from(commits),
    });
    println!("{line}");
}

/// The batches of commands among the newest entries.
fn groups(path: &Path) -> Vec<Group> {
    let journal = SqliteJournal::open_read_only(path).expect("a journal");
    let head = journal.head().expect("a head").seq;
    let mut seq = head.saturating_sub(ENTRIES);
    let mut groups = Vec::new();
    loop {
        let page = journal.read(seq, 4096, 16 << 20).expect("entries");
        let Some(last) = page.last() else { break };
        seq = last.seq;
        for entry in &page {
            let batch = Batch::decode(&entry.body).expect("a batch");
            let commands = batch.causes.iter().filter(|c| c.what == "pause" || c.what == "resume");
            let commands = commands.count();
            if commands > 0 {
                groups.push(Group { commands, bytes: entry.body.len() / commands });
            }
        }
    }
    assert!(!groups.is_empty(), "no commands in {}", path.display());
    groups
}

/// SQLite as the journal sets it: a write-ahead log, synced with each commit.
fn create(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE command (seq INTEGER PRIMARY KEY, body BLOB) STRICT",
        )
        .expect("a table");
    connection
}

fn insert(connection: &mut Connection, group: &Group) {
    let body = vec![b'x'; group.bytes];
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("begins");
    for _ in 0..group.commands {
        transaction
            .prepare_cached("INSERT INTO command (body) VALUES (?1)")
            .and_then(|mut insert| insert.execute([&body]))
            .expect("inserts");
    }
    transaction.commit().expect("commits");
}
