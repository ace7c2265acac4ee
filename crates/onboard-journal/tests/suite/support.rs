//! What the tests share: filling journals, chance with a seed, children of this test program.

use std::path::{Path, PathBuf};
use std::process::Command;

use onboard_journal::{Draft, Journal, JournalError, SqliteJournal, verify};

/// Names what a child is to do, and where: `kill-append /some/folder`.
const TASK: &str = "ONBOARD_JOURNAL_TEST_TASK";

/// The file the tests keep a journal in.
pub fn journal_in(dir: &Path) -> PathBuf {
    dir.join("journal.db")
}

/// A small generator (xorshift) whose sequence depends on the seed alone.
pub struct Chance(u64);

impl Chance {
    pub fn seeded(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    pub fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.below(256) as u8).collect()
    }
}

/// The body entry `seq` gets from [`fill`]; long ones now and then, so that pages overflow.
pub fn body(seq: u64) -> Vec<u8> {
    let text = format!("entry {seq} ");
    let repeats = if seq.is_multiple_of(17) { 700 } else { 3 };
    text.repeat(repeats).into_bytes()
}

/// Appends entries until there are `count`, in groups of 50.
pub fn fill(journal: &mut dyn Journal, count: u64) {
    let mut last = journal.head().expect("a head").seq;
    while last < count {
        let bodies: Vec<Vec<u8>> = (last + 1..=count.min(last + 50)).map(body).collect();
        let drafts: Vec<Draft<'_>> = (last + 1..)
            .zip(&bodies)
            .map(|(seq, body)| Draft { time_ms: 1_000 * seq as i64, body })
            .collect();
        last = journal.append_many(last, &drafts).expect("appends").seq;
    }
}

/// What a file turns out to be: refused, found broken, or all that was written and no less.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Refused(String),
    Found(String),
    Whole,
}

/// Opens the file and, if that works, proves the chain and compares it with what [`fill`] wrote.
pub fn judge(path: &Path, count: u64) -> Outcome {
    let journal = match SqliteJournal::open(path) {
        Ok(journal) => journal,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    if let Err(error) = verify(&journal, |_, _| {}) {
        return Outcome::Found(error.to_string());
    }
    let entries = journal.read(0, usize::MAX, usize::MAX).expect("a verified journal can be read");
    assert_eq!(entries.len() as u64, count, "verified, yet entries are missing");
    for entry in entries {
        assert_eq!(entry.body, body(entry.seq), "verified, yet entry {} is changed", entry.seq);
    }
    Outcome::Whole
}

/// Copies the files of a journal as they lie there, but not the memory its users share: what a
/// machine that lost power at this instant would find.
pub fn copy_as_crashed(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-head"] {
        let name = format!("journal.db{suffix}");
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).expect("copies");
        }
    }
}

/// Text of an error without the folder, which differs from run to run.
pub fn shown(error: &JournalError, dir: &Path) -> String {
    error.to_string().replace(dir.to_str().expect("a plain path"), "DIR")
}

/// This test program again, to do `task` in `dir`, started by the test function `function`
/// through `wrapper`.
#[allow(clippy::disallowed_methods, reason = "the test is the death of a writer, a process")]
pub fn child(wrapper: &[&str], function: &str, task: &str, dir: &Path) -> Command {
    let program = std::env::current_exe().expect("the test's own path");
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.args(["--exact", function, "--nocapture", "--test-threads=1"]);
    command.env(TASK, format!("{task} {}", dir.display()));
    command
}

/// The folder to work in, when this process is the child that has to do `task`.
#[allow(clippy::disallowed_methods, reason = "how the test program is told what to do as a child")]
pub fn called_for(task: &str) -> Option<PathBuf> {
    let value = std::env::var(TASK).ok()?;
    value.strip_prefix(task)?.strip_prefix(' ').map(PathBuf::from)
}

/// Runs a child to its end; answers what it printed, or panics with all it said.
pub fn output_of(mut command: Command) -> String {
    let output = command.output().expect("starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{said}", output.status);
    text
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
