//! No room: the append that doesn't fit is refused, the rest stays, and it goes on afterwards.

use std::path::Path;

use onboard_journal::{Fault, Hash, Journal, JournalError, SqliteJournal, verify};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{called_for, child, is_root, journal_in, output_of};

/// How large a file may be while room is short.
const LIMIT_BYTES: u64 = 600 << 10;

/// Appends until it is refused, and looks at what is there; then makes room and goes on.
fn fill_up_and_go_on(dir: &Path, make_room: impl FnOnce()) -> Fault {
    let path = journal_in(dir);
    let mut journal = SqliteJournal::open(&path).expect("opens");
    let body = vec![5; 20_000];
    let (mut last, fault) = loop {
        let head = journal.head().expect("a head");
        assert!(head.seq < 1000, "room never runs out");
        match journal.append(head.seq, 1, &body) {
            Ok(_) => {}
            Err(JournalError::Storage { fault, seq, .. }) => {
                assert_eq!(seq, Some(head.seq + 1));
                break (head, fault);
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(journal.head(), Ok(last), "a refused append changes nothing");
    assert_eq!(verify(&journal, |_, _| {}).map(|verified| verified.head), Ok(last));
    assert!(journal.put_snapshot(last.seq, Hash::ZERO, &vec![1; 400_000]).is_err());
    assert_eq!(journal.latest_snapshot(), Ok(None));
    let beside = SqliteJournal::open_read_only(&path).expect("opens for reading");
    assert_eq!(verify(&beside, |_, _| {}).map(|verified| verified.head), Ok(last));
    drop(beside);

    make_room();
    for _ in 0..10 {
        last = journal.append(last.seq, 2, &body).expect("appends again");
    }
    assert_eq!(verify(&journal, |_, _| {}).map(|verified| verified.head), Ok(last));
    drop(journal);
    let journal = SqliteJournal::open(&path).expect("opens again");
    assert_eq!(verify(&journal, |_, _| {}).map(|verified| verified.head), Ok(last));
    journal.quick_check().expect("is whole");
    fault
}

/// The child on a small file system; a ballast file is what can be removed.
#[test]
fn fills_a_small_device() {
    let Some(dir) = called_for("device") else { return };
    let ballast = dir.join("ballast");
    std::fs::write(&ballast, vec![0; 2 << 20]).expect("writes");
    let fault = fill_up_and_go_on(&dir, || std::fs::remove_file(&ballast).expect("removes"));
    println!("\nfault: {fault:?}");
}

/// The child under a limit of file size.
#[test]
fn fills_up_to_a_limit() {
    let Some(dir) = called_for("limit") else { return };
    let most = getrlimit(Resource::Fsize).maximum;
    let limit = |current| {
        setrlimit(Resource::Fsize, Rlimit { current, maximum: most }).expect("sets");
    };
    limit(Some(LIMIT_BYTES));
    let fault = fill_up_and_go_on(&dir, || limit(most));
    println!("\nfault: {fault:?}");
}

fn check(output: &str, fault: Fault) {
    assert!(output.contains(&format!("fault: {fault:?}\n")), "{output}");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a full device needs a mount of its own")]
fn a_full_device_is_survived() {
    let dir = tempfile::tempdir().expect("a folder");
    let mount = "mount -t tmpfs -o size=4m journal \"$0\" && exec \"$@\"";
    let place = dir.path().to_str().expect("a plain path");
    // An ordinary user may mount in a user namespace of its own, where the host allows one; where
    // not, the limit of file size below is what such a user can run into, and is tested.
    let user: &[&str] = if is_root() { &[] } else { &["--user", "--map-root-user"] };
    let allowed = std::process::Command::new("unshare")
        .args(user)
        .args(["--mount", "mount", "-t", "tmpfs", "probe", place])
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(allowed || !is_root(), "root can mount");
    if allowed {
        let mut wrapper = vec!["unshare"];
        wrapper.extend(user);
        wrapper.extend(["--mount", "sh", "-c", mount, place]);
        let output = output_of(child(&wrapper, "room::fills_a_small_device", "device", dir.path()));
        check(&output, Fault::Full);
    }
}

#[test]
fn a_limit_of_file_size_is_survived() {
    let dir = tempfile::tempdir().expect("a folder");
    // The signal that comes with the refusal would end the process; a shell can have it ignored.
    let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let output = output_of(child(&wrapper, "room::fills_up_to_a_limit", "limit", dir.path()));
    check(&output, Fault::WriteRefused);
}
