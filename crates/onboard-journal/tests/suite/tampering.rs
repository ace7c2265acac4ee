//! Someone edits the rows: the break is found and named.

use expect_test::{Expect, expect};
use onboard_journal::{Hash, Journal, SqliteJournal, verify};
use rusqlite::Connection;

use crate::support::{fill, journal_in, shown};

/// More than an open checks at the end, so that an early break is left to the walk.
const COUNT: u64 = 300;

/// Fills a journal, lets `sql` loose on it and tells what opening and walking it say, with the
/// witness in its place and without.
fn check(sql: &str, expected: Expect) {
    let mut told = Vec::new();
    for witness in ["with", "without"] {
        let dir = tempfile::tempdir().expect("a folder");
        let path = journal_in(dir.path());
        fill(&mut SqliteJournal::open(&path).expect("opens"), COUNT);
        Connection::open(&path).expect("opens").execute_batch(sql).expect("runs");
        if witness == "without" {
            std::fs::remove_file(dir.path().join("journal.db-head")).expect("removes");
        }
        let said = match SqliteJournal::open(&path) {
            Err(error) => format!("open: {}", shown(&error, dir.path())),
            Ok(journal) => match verify(&journal, |_, _| {}) {
                Err(error) => format!("verify: {error}"),
                Ok(verified) => format!("verified {} entries", verified.entries),
            },
        };
        told.push(shorten(&said));
    }
    told.dedup();
    let told = told.join("\nwithout the witness: ");
    expected.assert_eq(&format!("{told}\n"));
}

/// Keeps the first digits of each hash; the rest says nothing to a reader of this file.
fn shorten(said: &str) -> String {
    let mut short = String::new();
    for word in said.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        match word.len() >= 64 {
            true => short.extend([&word[..8], "…", &word[64..]]),
            false => short.push_str(word),
        }
    }
    short
}

#[test]
fn an_untouched_journal_is_proven() {
    check(
        "",
        expect![[r#"
        verified 300 entries
    "#]],
    );
}

#[test]
fn a_changed_body_is_named() {
    check(
        "UPDATE entry SET body = CAST('other' AS BLOB) WHERE seq = 7",
        expect![[r#"
        verify: chain broken at entry 7: the entry is not what was hashed (found 4347dd4a…, expected 9a124508…)
    "#]],
    );
}

#[test]
fn a_changed_time_is_named() {
    check(
        "UPDATE entry SET time_ms = time_ms + 1 WHERE seq = 7",
        expect![[r#"
        verify: chain broken at entry 7: the entry is not what was hashed (found 4347dd4a…, expected 22e0cf6c…)
    "#]],
    );
}

#[test]
fn a_changed_hash_is_named() {
    check(
        "UPDATE entry SET hash = zeroblob(32) WHERE seq = 7",
        expect![[r#"
        verify: chain broken at entry 7: the entry is not what was hashed (found 00000000…, expected 4347dd4a…)
    "#]],
    );
}

#[test]
fn a_changed_predecessor_is_named() {
    check(
        "UPDATE entry SET prev = zeroblob(32) WHERE seq = 7",
        expect![[r#"
        verify: chain broken at entry 7: the entry does not continue the one before it (found 00000000…, expected 1c342b49…)
    "#]],
    );
}

#[test]
fn a_removed_entry_is_named() {
    check(
        "DELETE FROM entry WHERE seq = 7",
        expect![[r#"
        verify: chain broken at entry 7: entries are missing (found entry 8, expected entry 7)
    "#]],
    );
}

#[test]
fn a_removed_first_entry_is_named() {
    check(
        "DELETE FROM entry WHERE seq = 1",
        expect![[r#"
        open: chain broken at entry 1: entries are missing (found entry 2, expected entry 1): DIR/journal.db; keep a copy of the folder for analysis and restore a backup
    "#]],
    );
}

#[test]
fn a_removed_entry_near_the_end_is_found_on_open() {
    check(
        "DELETE FROM entry WHERE seq = 290",
        expect![[r#"
        open: chain broken at entry 290: entries are missing (found entry 291, expected entry 290): DIR/journal.db; keep a copy of the folder for analysis and restore a backup
    "#]],
    );
}

#[test]
fn a_removed_end_is_found_by_the_witness_alone() {
    check(
        "DELETE FROM entry WHERE seq > 290",
        expect![[r#"
            open: chain broken at entry 291: acknowledged entries are missing at the end (found entry 290 to be the last, expected entry 300 with hash ab57f6c3…): DIR/journal.db; keep a copy of the folder for analysis and restore a backup, or remove DIR/journal.db-head to accept what is there
            without the witness: verified 290 entries
        "#]],
    );
}

#[test]
fn a_repeated_entry_is_named() {
    check(
        "INSERT INTO entry SELECT 301, time_ms, prev, hash, body FROM entry WHERE seq = 300",
        expect![[r#"
            open: chain broken at entry 301: the entry does not continue the one before it (found 48940efe…, expected ab57f6c3…): DIR/journal.db; keep a copy of the folder for analysis and restore a backup
        "#]],
    );
}

#[test]
fn swapped_entries_are_named() {
    check(
        "UPDATE entry SET seq = -1 WHERE seq = 7;
         UPDATE entry SET seq = 7 WHERE seq = 8;
         UPDATE entry SET seq = 8 WHERE seq = -1",
        expect![[r#"
            verify: chain broken at entry 7: the entry does not continue the one before it (found 4347dd4a…, expected 1c342b49…)
        "#]],
    );
}

#[test]
fn an_entry_before_the_first_is_named() {
    check(
        "INSERT INTO entry VALUES (0, 0, zeroblob(32), zeroblob(32), zeroblob(1))",
        expect![[r#"
            open: chain broken at entry 1: an entry stands before the compacted prefix ends (found entry 0, expected entry 1): DIR/journal.db; keep a copy of the folder for analysis and restore a backup
        "#]],
    );
}

#[test]
fn a_hash_of_another_length_is_named() {
    check(
        "UPDATE entry SET hash = x'00' WHERE seq = 7",
        expect![[r#"
        verify: chain broken at entry 7: the row is not an entry (found 1 bytes for a hash, expected a sequence, a time, two hashes of 32 bytes and a body)
    "#]],
    );
}

#[test]
fn another_anchor_is_named() {
    check(
        "UPDATE anchor SET hash = CAST('11111111111111111111111111111111' AS BLOB)",
        expect![[r#"
            verify: chain broken at entry 1: the entry does not continue the one before it (found 00000000…, expected 31313131…)
        "#]],
    );
    check(
        "DELETE FROM anchor",
        expect![[r#"
        open: chain broken at entry 0: the row is not an entry (found no anchor, expected one row): DIR/journal.db; keep a copy of the folder for analysis and restore a backup
    "#]],
    );
}

#[test]
fn a_rewritten_history_is_found_by_the_witness_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let forged = tempfile::tempdir().expect("a folder");
    fill(&mut SqliteJournal::open(&journal_in(dir.path())).expect("opens"), 5);
    let mut other = SqliteJournal::open(&journal_in(forged.path())).expect("opens");
    for seq in 0..5 {
        other.append(seq, 0, b"another story").expect("appends");
    }
    drop(other);
    std::fs::copy(journal_in(forged.path()), journal_in(dir.path())).expect("copies");
    let error = SqliteJournal::open(&journal_in(dir.path())).err().expect("is refused");
    expect![[r#"
        chain broken at entry 5: an acknowledged entry was replaced (found a7ba1660…, expected da58bd5b…): DIR/journal.db; keep a copy of the folder for analysis and restore a backup, or remove DIR/journal.db-head to accept what is there
    "#]].assert_eq(&format!("{}\n", shorten(&shown(&error, dir.path()))));
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_a_lost_one_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = journal_in(dir.path());
    let mut journal = SqliteJournal::open(&path).expect("opens");
    fill(&mut journal, 20);
    journal.put_snapshot(10, Hash::ZERO, b"state 10").expect("keeps");
    journal.put_snapshot(20, Hash::ZERO, b"state 20").expect("keeps");
    journal.compact(10).expect("compacts");
    let raw = Connection::open(&path).expect("opens");
    raw.execute_batch("UPDATE snapshot SET bytes = CAST('state 21' AS BLOB) WHERE seq = 20")
        .expect("runs");
    let snapshot = journal.latest_snapshot().expect("reads").expect("falls back");
    assert_eq!(snapshot.bytes, b"state 10");
    assert!(journal.compact(20).is_err(), "a damaged snapshot stands for nothing");
    raw.execute_batch("UPDATE snapshot SET digest = x'00' WHERE seq = 10").expect("runs");
    let error = journal.latest_snapshot().expect_err("nothing is left");
    expect![[r#"
        chain broken at entry 10: no whole snapshot stands for the compacted prefix (found none, expected a whole snapshot at or after entry 10): DIR/journal.db; keep a copy of the folder for analysis and restore a backup
    "#]].assert_eq(&format!("{}\n", shown(&error, dir.path())));
}
