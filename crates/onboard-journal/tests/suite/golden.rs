//! A file of each format, kept for ever: it opens, verifies and goes on.

use std::path::{Path, PathBuf};

use expect_test::expect;
use onboard_journal::{Hash, Journal, SqliteJournal, verify};

use crate::support::{body, fill, journal_in};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Writes the file of format 1 when there is none. What is once committed is never written again:
/// a later format gets a file of its own.
fn write_format_1(to: &Path) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = SqliteJournal::open(&journal_in(dir.path())).expect("opens");
    fill(&mut journal, 40);
    journal.put_snapshot(10, Hash::of(b"state 10"), b"state 10").expect("keeps");
    journal.put_snapshot(20, Hash::of(b"state 20"), b"state 20").expect("keeps");
    journal.compact(10).expect("compacts");
    drop(journal);
    std::fs::copy(journal_in(dir.path()), to).expect("copies");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "who writes the file asks for it by a variable")]
fn format_1_opens_verifies_and_goes_on() {
    let file = golden("format-1.db");
    if std::env::var_os("WRITE_GOLDEN").is_some() && !file.exists() {
        write_format_1(&file);
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = journal_in(dir.path());
    std::fs::copy(&file, &path).expect("the file is in the repository");
    let mut journal = SqliteJournal::open(&path).expect("opens");
    let verified = verify(&journal, |_, _| {}).expect("verifies");
    let snapshot = journal.latest_snapshot().expect("reads").expect("is there");
    let told = format!(
        "entries {}\nanchor {} {}\nhead {} {}\nsnapshot {} {}\n",
        verified.entries,
        verified.anchor.seq,
        verified.anchor.hash,
        verified.head.seq,
        verified.head.hash,
        snapshot.at.seq,
        String::from_utf8_lossy(&snapshot.bytes),
    );
    expect![[r#"
        entries 30
        anchor 10 75aa12b3517d82e6d580c3ee3b1ecedc69b21df7f9910bd59e5576c744189774
        head 40 0e451a6ca97df086c7ee1df6f37bfd691a1412983a2adedb32311698b456c68c
        snapshot 20 state 20
    "#]]
    .assert_eq(&told);
    for entry in journal.read(10, 100, usize::MAX).expect("reads") {
        assert_eq!(entry.body, body(entry.seq));
        assert_eq!(entry.time_ms, 1_000 * entry.seq as i64);
    }
    journal.append(40, 1, b"on").expect("goes on");
    assert!(verify(&journal, |_, _| {}).is_ok());
}

#[test]
fn the_hash_of_an_entry_never_changes() {
    let first = Hash::of_entry(&Hash::ZERO, 1, 1_700_000_000_000, b"body");
    let second = Hash::of_entry(&first, 2, -1, b"");
    expect![[r#"
        9dc415d51d9f819e0f2e0fb0054de5845b963d683664fc46904bcfb72b8918b3
        ea0ed60fa1b9093b311554039ab10027b6a8a0feecf134c3a9b3287199ba3fb9
    "#]]
    .assert_eq(&format!("{first}\n{second}\n"));
}
