//! Reading beside a live writer, after it, and where nothing can be written.

use std::path::Path;

use onboard_journal::{Fault, Hash, Head, Journal, JournalError, SqliteJournal, verify};

use crate::support::{called_for, child, copy_as_crashed, fill, is_root, journal_in, output_of};

#[test]
fn a_reader_follows_a_live_writer() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = journal_in(dir.path());
    let mut writer = SqliteJournal::open(&path).expect("opens");
    fill(&mut writer, 10);
    let mut reader = SqliteJournal::open_read_only(&path).expect("opens beside");
    assert_eq!(reader.head(), writer.head());
    fill(&mut writer, 30);
    assert_eq!(reader.head(), writer.head());
    assert_eq!(verify(&reader, |_, _| {}).map(|verified| verified.entries), Ok(30));
    let refused = reader.append(30, 0, b"x").expect_err("may only read");
    assert!(matches!(refused, JournalError::Storage { fault: Fault::ReadOnly, .. }));
    drop(writer);
    assert_eq!(verify(&reader, |_, _| {}).map(|verified| verified.entries), Ok(30));
}

#[test]
fn a_second_writer_meets_a_conflict_and_not_a_broken_chain() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = journal_in(dir.path());
    let mut one = SqliteJournal::open(&path).expect("opens");
    let mut two = SqliteJournal::open(&path).expect("opens");
    fill(&mut one, 3);
    assert_eq!(two.append(0, 0, b"late"), Err(JournalError::Conflict { expected: 0, actual: 3 }));
    let head = two.append(3, 0, b"caught up").expect("appends");
    assert_eq!(one.append(3, 0, b"late"), Err(JournalError::Conflict { expected: 3, actual: 4 }));
    assert_eq!(one.head(), Ok(head));
    assert!(verify(&one, |_, _| {}).is_ok());
}

#[test]
fn compaction_gives_room_back_beside_a_reader() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = journal_in(dir.path());
    let length = || std::fs::metadata(&path).expect("is there").len();
    let mut writer = SqliteJournal::open(&path).expect("opens");
    // More than one transaction of a compaction drops.
    fill(&mut writer, 9_000);
    writer.checkpoint().expect("folds the log");
    let before = length();
    let reader = SqliteJournal::open_read_only(&path).expect("opens beside");
    writer.put_snapshot(8_990, Hash::ZERO, b"state").expect("keeps");
    writer.compact(8_990).expect("compacts");
    writer.checkpoint().expect("folds the log");
    assert!(length() * 20 < before, "{before} bytes became {}", length());
    assert_eq!(verify(&reader, |_, _| {}).map(|verified| verified.entries), Ok(10));
    assert!(matches!(reader.read(0, 1, 1), Err(JournalError::Compacted { first: 8_991, .. })));
    writer.append(9_000, 1, b"goes on").expect("appends");
}

#[test]
fn no_journal_is_said_and_none_is_made() {
    let dir = tempfile::tempdir().expect("a folder");
    let error = SqliteJournal::open_read_only(&journal_in(dir.path())).err().expect("none");
    assert!(matches!(error, JournalError::Storage { fault: Fault::Missing, .. }), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 0);
}

#[test]
fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = SqliteJournal::open(&journal_in(dir.path())).expect("opens");
    fill(&mut journal, 3);
    for file in std::fs::read_dir(dir.path()).expect("lists") {
        let file = file.expect("lists");
        let mode = file.metadata().expect("reads").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
    }
}

/// Makes the folder of its argument read-only for the program that follows, root included.
const READ_ONLY_MOUNT: &str =
    "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"";

/// Runs the child `function` where `dir` can't be written: root needs a mount for that, an
/// ordinary user only the folder's permissions.
fn where_nothing_can_be_written(dir: &Path, function: &str, task: &str) -> String {
    let place = dir.to_str().expect("a plain path");
    if is_root() {
        let wrapper = ["unshare", "--mount", "sh", "-c", READ_ONLY_MOUNT, place];
        return output_of(child(&wrapper, function, task, dir));
    }
    use std::os::unix::fs::PermissionsExt;
    let allow = |mode| {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode)).expect("sets");
    };
    allow(0o555);
    for file in std::fs::read_dir(dir).expect("lists") {
        let file = file.expect("lists").path();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o444)).expect("sets");
    }
    let output = output_of(child(&[], function, task, dir));
    allow(0o755);
    output
}

/// The child: opens what it finds, for writing and for reading, and tells what happened.
#[test]
fn opens_both_ways() {
    let Some(dir) = called_for("open") else { return };
    let path = journal_in(&dir);
    let told = |opened: Result<SqliteJournal, JournalError>| match opened {
        Ok(journal) => match verify(&journal, |_, _| {}) {
            Ok(verified) => format!("proven {}", verified.entries),
            Err(error) => error.to_string(),
        },
        Err(JournalError::Storage { fault, .. }) => format!("{fault:?}"),
        Err(error) => error.to_string(),
    };
    println!("\nwriting: {}", told(SqliteJournal::open(&path)));
    println!("reading: {}", told(SqliteJournal::open_read_only(&path)));
}

fn check_read_only(dir: &Path, reading: &str) {
    let output = where_nothing_can_be_written(dir, "readers::opens_both_ways", "open");
    let line = |start: &str| {
        let found = output.lines().find_map(|line| line.strip_prefix(start));
        found.unwrap_or_else(|| panic!("no line {start:?} in {output}")).to_owned()
    };
    let writing = line("writing: ");
    assert!(["ReadOnly", "Denied"].contains(&writing.as_str()), "{writing}");
    assert_eq!(line("reading: "), reading);
}

#[test]
fn a_read_only_folder_refuses_the_writer_and_serves_the_reader() {
    let dir = tempfile::tempdir().expect("a folder");
    fill(&mut SqliteJournal::open(&journal_in(dir.path())).expect("opens"), 25);
    check_read_only(dir.path(), "proven 25");
}

#[test]
fn a_read_only_folder_is_read_beside_the_live_writer() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = SqliteJournal::open(&journal_in(dir.path())).expect("opens");
    fill(&mut journal, 25);
    check_read_only(dir.path(), "proven 25");
}

#[test]
fn a_log_that_cannot_be_read_is_said_and_not_left_out() {
    let (live, dir) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let mut journal = SqliteJournal::open(&journal_in(live.path())).expect("opens");
    fill(&mut journal, 25);
    assert_ne!(journal.head(), Ok(Head::START));
    copy_as_crashed(live.path(), dir.path());
    check_read_only(dir.path(), "ReadOnly");
}
