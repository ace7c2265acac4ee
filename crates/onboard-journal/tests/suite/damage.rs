//! Bits rot and files are cut: found or harmless, never a panic, never silently less.

use std::path::Path;

use expect_test::{Expect, expect};
use onboard_journal::{Journal, JournalError, SqliteJournal};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{Chance, Outcome, copy_as_crashed, fill, journal_in, judge, shown};

const COUNT: u64 = 120;

/// SQLite's page.
const PAGE: usize = 4096;

/// A journal that was closed: all of it in the one file.
fn closed() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fill(&mut SqliteJournal::open(&journal_in(dir.path())).expect("opens"), COUNT);
    dir
}

/// A journal as a crash leaves it: the newest entries in the write-ahead log.
fn crashed() -> TempDir {
    let (live, dir) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let mut journal = SqliteJournal::open(&journal_in(live.path())).expect("opens");
    fill(&mut journal, COUNT / 2);
    journal.checkpoint().expect("folds the log back");
    fill(&mut journal, COUNT);
    copy_as_crashed(live.path(), dir.path());
    dir
}

/// Damages a copy of `source`'s `file` with `damage` and judges it.
fn after(source: &Path, file: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Outcome {
    let dir = tempfile::tempdir().expect("a folder");
    copy_as_crashed(source, dir.path());
    let path = dir.path().join(file);
    let mut bytes = std::fs::read(&path).expect("reads");
    damage(&mut bytes);
    std::fs::write(&path, bytes).expect("writes");
    judge(&journal_in(dir.path()), COUNT)
}

fn length(source: &Path, file: &str) -> usize {
    std::fs::read(source.join(file)).expect("reads").len()
}

#[test]
fn what_is_not_damaged_is_whole() {
    assert_eq!(after(closed().path(), "journal.db", |_| {}), Outcome::Whole);
    assert_eq!(after(crashed().path(), "journal.db", |_| {}), Outcome::Whole);
}

#[test]
fn a_cut_file_is_found_at_every_length() {
    let source = closed();
    let full = length(source.path(), "journal.db");
    let odd = [1, 15, 16, 99, 100, 101, 511, 512, 513, PAGE - 1, PAGE + 1, full - 1];
    for cut in (0..full).step_by(PAGE).chain(odd) {
        let outcome = after(source.path(), "journal.db", |bytes| bytes.truncate(cut));
        assert_ne!(outcome, Outcome::Whole, "cut to {cut} of {full}");
    }
}

#[test]
fn a_cut_log_is_found_at_every_length() {
    let source = crashed();
    let full = length(source.path(), "journal.db-wal");
    for cut in (0..full).step_by(1999).chain([1, 31, 32, 33, full - 1]) {
        let outcome = after(source.path(), "journal.db-wal", |bytes| bytes.truncate(cut));
        assert_ne!(outcome, Outcome::Whole, "cut to {cut} of {full}");
    }
}

#[test]
fn a_zeroed_page_is_found_or_was_not_in_use() {
    let source = closed();
    for page in 0..length(source.path(), "journal.db") / PAGE {
        let outcome = after(source.path(), "journal.db", |bytes| {
            bytes[page * PAGE..][..PAGE].fill(0);
        });
        // The second page is SQLite's account of which page belongs to which, the last ones hold
        // no entry: the tables of snapshots and the like. `judge` has compared the entries.
        assert!(outcome != Outcome::Whole || page < 5, "page {page} is zeroed: {outcome:?}");
    }
}

#[test]
fn a_flipped_bit_is_found_or_harmless() {
    let mut chance = Chance::seeded(4);
    let mut found = 0;
    for (source, file) in [(closed(), "journal.db"), (crashed(), "journal.db-wal")] {
        let full = length(source.path(), file);
        for _ in 0..300 {
            let (at, bit) = (chance.below(full as u64) as usize, chance.below(8));
            // `judge` panics when the entries differ and nothing was said.
            let outcome = after(source.path(), file, |bytes| bytes[at] ^= 1 << bit);
            found += u32::from(outcome != Outcome::Whole);
        }
    }
    assert!(found > 400, "only {found} of 600 flips were noticed: most bytes are entries");
}

#[test]
fn a_damaged_witness_proves_nothing_and_stops_nothing() {
    let source = closed();
    for at in [0, 8, 40, 71] {
        let outcome = after(source.path(), "journal.db-head", |bytes| bytes[at] ^= 1);
        assert_eq!(outcome, Outcome::Whole);
    }
    assert_eq!(after(source.path(), "journal.db-head", Vec::clear), Outcome::Whole);
}

#[test]
fn quick_check_finds_a_damaged_index_of_pages() {
    let source = closed();
    let path = journal_in(source.path());
    SqliteJournal::open(&path).expect("opens").quick_check().expect("is whole");
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes[PAGE..][..PAGE].fill(0);
    std::fs::write(&path, bytes).expect("writes");
    let error = SqliteJournal::open(&path).and_then(|journal| journal.quick_check());
    let error = error.expect_err("the second page says which page belongs to which");
    assert!(error.to_string().starts_with("journal damaged: "), "{error}");
}

/// Tells why the file that `prepare` leaves is refused.
fn check_refused(prepare: impl FnOnce(&Path), expected: Expect) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = journal_in(dir.path());
    prepare(&path);
    let before = std::fs::read(&path).ok();
    let said = |opened: Result<SqliteJournal, JournalError>| {
        shown(&opened.err().expect("is refused"), dir.path())
    };
    let read_only = said(SqliteJournal::open_read_only(&path));
    let writing = said(SqliteJournal::open(&path));
    assert_eq!(std::fs::read(&path).ok(), before, "a refused file is left alone");
    expected.assert_eq(&format!("writing: {writing}\nreading: {read_only}\n"));
}

#[test]
fn files_of_others_are_refused_and_left_alone() {
    check_refused(
        |path| std::fs::write(path, "just some text\n".repeat(500)).expect("writes"),
        expect![[r#"
            writing: not a journal: DIR/journal.db (file is not a database); check the path; nothing was changed
            reading: not a journal: DIR/journal.db (file is not a database); check the path; nothing was changed
        "#]],
    );
    check_refused(
        |path| {
            let other = Connection::open(path).expect("opens");
            other.execute_batch("CREATE TABLE theirs (x)").expect("creates");
        },
        expect![[r#"
            writing: not a journal: DIR/journal.db (a database of application 0x0); check the path; nothing was changed
            reading: not a journal: DIR/journal.db (a database of application 0x0); check the path; nothing was changed
        "#]],
    );
    check_refused(
        |path| std::fs::create_dir(path).expect("creates"),
        expect![[r#"
            writing: not a journal: DIR/journal.db (Is a directory (os error 21)); check the path; nothing was changed
            reading: not a journal: DIR/journal.db (it is a folder); check the path; nothing was changed
        "#]],
    );
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    check_refused(
        |path| {
            SqliteJournal::open(path).expect("opens").append(0, 1, b"x").expect("appends");
            let raw = Connection::open(path).expect("opens");
            raw.execute_batch("PRAGMA user_version = 2").expect("sets");
        },
        expect![[r#"
            writing: journal of format 2, this program knows up to 1: DIR/journal.db; use a newer version of this program
            reading: journal of format 2, this program knows up to 1: DIR/journal.db; use a newer version of this program
        "#]],
    );
}

#[test]
fn an_emptied_file_is_not_taken_for_a_new_journal() {
    check_refused(
        |path| {
            SqliteJournal::open(path).expect("opens").append(0, 1, b"x").expect("appends");
            std::fs::write(path, "").expect("empties");
        },
        expect![[r#"
            writing: chain broken at entry 1: acknowledged entries are missing at the end (found an empty file, expected entry 1 with hash 33333b79f3279a55ef90519aa2788416bd7e6f736b1e4dd63ba8c7e046d211cd): DIR/journal.db; keep a copy of the folder for analysis and restore a backup, or remove DIR/journal.db-head to accept what is there
            reading: chain broken at entry 1: acknowledged entries are missing at the end (found an empty file, expected entry 1 with hash 33333b79f3279a55ef90519aa2788416bd7e6f736b1e4dd63ba8c7e046d211cd): DIR/journal.db; keep a copy of the folder for analysis and restore a backup, or remove DIR/journal.db-head to accept what is there
        "#]],
    );
}

#[test]
fn a_log_without_its_file_is_not_thrown_away() {
    let (source, dir) = (crashed(), tempfile::tempdir().expect("a folder"));
    let log = dir.path().join("journal.db-wal");
    std::fs::copy(source.path().join("journal.db-wal"), &log).expect("copies");
    let error = SqliteJournal::open(&journal_in(dir.path())).err().expect("is refused");
    expect![[r#"
        journal damaged: DIR/journal.db (the file is empty but its write-ahead log is not); keep a copy of the folder for analysis and restore a backup
    "#]].assert_eq(&format!("{}\n", shown(&error, dir.path())));
    assert!(log.exists());
}

#[test]
fn a_lost_end_is_accepted_by_removing_the_witness() {
    let source = crashed();
    std::fs::write(source.path().join("journal.db-wal"), "").expect("cuts the log");
    let path = journal_in(source.path());
    let error = SqliteJournal::open(&path).err().expect("the end is missing");
    assert!(error.to_string().contains("acknowledged entries are missing at the end"), "{error}");
    std::fs::remove_file(source.path().join("journal.db-head")).expect("removes");
    let mut journal = SqliteJournal::open(&path).expect("opens");
    assert_eq!(journal.head().map(|head| head.seq), Ok(COUNT / 2));
    journal.append(COUNT / 2, 1, b"goes on").expect("appends");
}
