//! A writer dies by SIGKILL at any moment: what it acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use onboard_journal::{Draft, Hash, Journal, SqliteJournal, verify};

use crate::support::{Chance, called_for, child, journal_in};

const CYCLES: u64 = 30;

/// The child: appends single entries and groups without end, folds the log and compacts now and
/// then, and tells each acknowledged place.
#[test]
fn appends_until_it_is_killed() {
    let Some(dir) = called_for("append") else { return };
    let mut journal = SqliteJournal::open(&journal_in(&dir)).expect("opens after every kill");
    let mut out = std::io::stdout().lock();
    let mut chance = Chance::seeded(u64::from(std::process::id()));
    loop {
        let last = journal.head().expect("a head").seq;
        let bodies: Vec<Vec<u8>> = (0..=chance.below(4)).map(|_| chance.bytes(6000)).collect();
        let drafts: Vec<Draft<'_>> = bodies.iter().map(|body| Draft { time_ms: 1, body }).collect();
        let head = journal.append_many(last, &drafts).expect("appends");
        writeln!(out, "ack {} {}", head.seq, head.hash).expect("tells");
        match chance.below(40) {
            0 => journal.checkpoint().expect("folds"),
            1 => journal.put_snapshot(head.seq, head.hash, b"state").expect("keeps"),
            2 if journal.latest_snapshot().expect("reads").is_some() => {
                let covered = journal.latest_snapshot().expect("reads").expect("is there").at.seq;
                journal.compact(covered.saturating_sub(50)).expect("compacts");
            }
            _ => {}
        }
    }
}

/// Lets a child acknowledge some appends, kills it a moment later; answers the last acknowledged.
fn cycle(dir: &Path, chance: &mut Chance) -> (u64, String) {
    let mut command = child(&[], "kill::appends_until_it_is_killed", "append", dir);
    let mut process = command.stdout(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let enough = 1 + chance.below(60);
    let mut acknowledged = Vec::new();
    while (acknowledged.len() as u64) < enough {
        let line = lines.next().expect("the child appends until it is killed").expect("reads");
        acknowledged.extend(acknowledgement(&line));
    }
    // Somewhere within the next appends, not at the instant of an acknowledgement.
    (0..chance.below(200_000)).for_each(|_| std::hint::spin_loop());
    process.kill().expect("kills");
    process.wait().expect("ends");
    acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| acknowledgement(&line)));
    acknowledged.pop().expect("there were acknowledgements")
}

fn acknowledgement(line: &str) -> Option<(u64, String)> {
    // The first one may follow the test runner's own words on the same line. The last line may be
    // cut off: then its hash is short.
    let (seq, hash) = line.split_once("ack ")?.1.split_once(' ')?;
    (hash.len() == 64).then(|| Some((seq.parse().ok()?, hash.to_owned())))?
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    let dir = tempfile::tempdir().expect("a folder");
    let seed = u64::from(std::process::id());
    let mut chance = Chance::seeded(seed);
    for number in 1..=CYCLES {
        let (seq, hash) = cycle(dir.path(), &mut chance);
        let why = format!("cycle {number} of seed {seed}, acknowledged {seq}");
        let journal = SqliteJournal::open(&journal_in(dir.path())).expect(&why);
        let verified = verify(&journal, |_, _| {}).expect(&why);
        assert!(verified.head.seq >= seq, "{why}: the last is {}", verified.head.seq);
        let there = journal.read(seq - 1, 1, usize::MAX).expect(&why);
        assert_eq!(there[0].hash.to_string(), hash, "{why}");
        journal.quick_check().expect(&why);
        if verified.anchor.seq > 0 {
            let snapshot = journal.latest_snapshot().expect(&why).expect(&why);
            assert_ne!(snapshot.digest, Hash::ZERO);
        }
    }
}
