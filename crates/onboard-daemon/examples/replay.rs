//! How long a journal takes to open and fold, beside reading its rows: `replay JOURNAL`.
//!
//! Prints one JSON line. The journal must have no snapshot, or little is left to fold.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]

use onboard_daemon::store::Store;
use onboard_journal::SqliteJournal;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Instant;

fn main() {
    let path = std::env::args().nth(1).expect("usage: replay JOURNAL");
    let path = Path::new(&path);
    let begun = Instant::now();
    let (rows, bytes) = read_rows(path);
    let read_s = begun.elapsed().as_secs_f64();
    let (begun, cpu_before) = (Instant::now(), cpu_seconds());
    let journal = SqliteJournal::open(path).expect("a journal");
    let (store, state) = Store::open(Box::new(journal)).expect("a state");
    let replay_s = begun.elapsed().as_secs_f64();
    let cpu_s = cpu_seconds() - cpu_before;
    assert_eq!(store.seq(), rows, "every entry was folded");
    let line = serde_json::json!({
        "batches": rows,
        "bytes": bytes,
        "agents": state.agents.len(),
        "read_s": read_s,
        "replay_s": replay_s,
        "cpu_s": cpu_s,
    });
    println!("{line}");
}

/// Processor time of this thread so far, in seconds.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e9
}

/// Every row and its bytes by plain SQLite.
fn read_rows(path: &Path) -> (u64, u64) {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    let mut select = connection
        .prepare("SELECT seq, time_ms, prev, hash, body FROM entry ORDER BY seq")
        .expect("rows");
    let mut rows = select.query([]).expect("rows");
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next().expect("a row") {
        let body = row.get_ref(4).and_then(|body| Ok(body.as_blob()?)).expect("a body");
        count += 1;
        bytes += body.len() as u64;
    }
    (count, bytes)
}
