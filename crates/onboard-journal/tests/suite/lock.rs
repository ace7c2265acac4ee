//! One holder of a state folder at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use expect_test::expect;
use onboard_journal::{Holder, LockError, StateLock};

use crate::support::{called_for, child};

fn shown(error: &LockError, dir: &Path) -> String {
    format!("{error}\n").replace(dir.to_str().expect("a plain path"), "DIR")
}

fn holder(pid: u32) -> Holder {
    Holder {
        pid,
        since_ms: 1_700_000_000_123,
        socket: Some(PathBuf::from("/run/x y/onboard.sock")),
    }
}

/// The child: takes the lock, says so, and keeps it until it is killed or its input ends.
#[test]
fn holds_the_lock() {
    let Some(dir) = called_for("hold") else { return };
    let _lock = StateLock::acquire(&dir, &holder(std::process::id())).expect("takes the lock");
    println!("\nheld");
    std::io::stdout().flush().expect("flushes");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("waits");
}

#[test]
fn the_second_is_refused_and_told_who_is_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = StateLock::acquire(dir.path(), &holder(41)).expect("takes the lock");
    let error = StateLock::acquire(dir.path(), &holder(42)).expect_err("is refused");
    expect![[r#"
        process 41 holds the state folder since 1700000000123 ms and answers on /run/x y/onboard.sock: DIR/daemon.lock; use it, or stop it first
    "#]].assert_eq(&shown(&error, dir.path()));
    let LockError::Held { by, .. } = error else { panic!("{error}") };
    assert_eq!(by, Some(holder(41)));
    drop(first);
    StateLock::acquire(dir.path(), &holder(42)).expect("takes it after the first let go");
}

#[test]
fn a_killed_holder_is_no_obstacle() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut command = child(&[], "lock::holds_the_lock", "hold", dir.path());
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    assert!(lines.any(|line| line.expect("reads") == "held"));
    let error = StateLock::acquire(dir.path(), &holder(1)).expect_err("the child has it");
    let LockError::Held { by: Some(by), .. } = error else { panic!("{error}") };
    assert_eq!(by.pid, process.id());
    process.kill().expect("kills");
    process.wait().expect("ends");
    let text = std::fs::read_to_string(dir.path().join("daemon.lock")).expect("reads");
    assert!(text.contains(&format!("pid {}", by.pid)), "the name is stale: {text}");
    StateLock::acquire(dir.path(), &holder(2)).expect("takes it nevertheless");
}

#[test]
fn a_holder_without_a_name_is_still_a_holder() {
    let dir = tempfile::tempdir().expect("a folder");
    let _first = StateLock::acquire(dir.path(), &holder(41)).expect("takes the lock");
    for text in ["", "pid 41", "pid x\nsince_ms 1\nsocket \n", "\u{0}\u{0}"] {
        std::fs::write(dir.path().join("daemon.lock"), text).expect("writes");
        let error = StateLock::acquire(dir.path(), &holder(42)).expect_err("is refused");
        assert!(matches!(error, LockError::Held { by: None, .. }), "{error}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let error = StateLock::acquire(&dir.path().join("none"), &holder(1)).expect_err("is refused");
    expect![[r#"
        cannot lock the state folder: DIR/none/daemon.lock (No such file or directory (os error 2)); make sure the folder exists and can be written
    "#]].assert_eq(&shown(&error, dir.path()));
}
