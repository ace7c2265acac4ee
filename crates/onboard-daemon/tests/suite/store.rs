//! The journal as the daemon uses it: whatever way it is folded, the state is the same.

use crate::stage::Stage;
use expect_test::{Expect, expect};
use onboard_daemon::store::{Store, replay};
use onboard_domain::State;
use onboard_journal::{Journal, MemoryJournal, SqliteJournal};

/// Enough happening to have something of everything.
const HISTORY: &str = r#"
    agent alpha = every 10 minutes | {"locks":["index"]}
    agent beta = manual
    register
    began
    start alpha
    run beta
    launched r0
    launched r1
    call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f"}}
    call r0 {"put_state":{"key":"k","value":"1","expect":null}}
    call r0 {"send_message":{"to":"beta","body":"hello"}}
    call r1 {"save_checkpoint":{"name":"c","blob":{"sha256":"aa","bytes":9}}}
    gone r0 exit 0
    wait 25m
"#;

fn history() -> Stage {
    Stage::play(HISTORY)
}

#[test]
fn folding_from_a_snapshot_is_folding_from_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let open = || Box::new(SqliteJournal::open(&path).unwrap());
    let stage = history();
    let (mut store, mut state) = Store::open(open()).unwrap();
    let half = stage.journal.len() / 2;
    for (index, batch) in stage.journal.iter().enumerate() {
        store.append(batch).unwrap();
        state.apply_batch(batch).unwrap();
        if index == half {
            store.snapshot(&state).unwrap();
        }
    }
    assert_eq!(store.durable().unwrap().digest(), stage.state.digest());
    drop(store);
    let (store, state) = Store::open(open()).unwrap();
    assert_eq!(store.seq(), stage.journal.len() as u64);
    assert_eq!(state.digest(), stage.state.digest());
    drop(store);
    let journal = open();
    assert_eq!(journal.latest_snapshot().unwrap().unwrap().at.seq, half as u64 + 1);
    assert_eq!(replay(journal.as_ref()).unwrap().digest(), stage.state.digest());
}

/// A journal of these bodies after a sound beginning, and why it can't be opened.
#[track_caller]
fn check(bodies: &[&str], expect: Expect) {
    let mut journal = MemoryJournal::new();
    let stage = history();
    let mut seq = 0;
    for batch in &stage.journal[..2] {
        seq = journal.append(seq, batch.time.0, &batch.encode()).unwrap().seq;
    }
    for body in bodies {
        seq = journal.append(seq, stage.state.time.0, body.as_bytes()).unwrap().seq;
    }
    let error = Store::open(Box::new(journal)).err().expect("a fault");
    // The list of events grows; what is wrong and where does not.
    let told = error.to_string();
    let told = match (told.find("one of `"), told.rfind("` at line")) {
        (Some(from), Some(to)) => {
            format!("{}one of the events there are{}", &told[..from], &told[to + 1..])
        }
        _ => told,
    };
    expect.assert_eq(&told);
}

#[test]
fn an_entry_that_cannot_be_folded_is_named() {
    check(
        &["not json"],
        expect!["journal entry 3: the batch can't be decoded: expected ident at line 1 column 2"],
    );
    check(
        &[
            r#"{"format":1,"time":9000000000000}"#,
            r#"{"format":1,"time":9000000000000,"events":[{"dreamt":{}}]}"#,
        ],
        expect![
            "journal entry 4: the batch can't be decoded: unknown variant `dreamt`, expected one of the events there are at line 1 column 52"
        ],
    );
    check(
        &[
            r#"{"format":1,"time":9000000000000,"events":["daemon_stopped",{"agent_started":{"agent":77}}]}"#,
        ],
        expect![
            "journal entry 3 does not follow from the ones before it (illegal event: event 1 of the batch: no agent a77); keep a copy of the state folder and report it"
        ],
    );
    check(
        &[r#"{"format":1,"time":5}"#],
        expect![
            "journal entry 3 does not follow from the ones before it (illegal event: time goes back from 1767571200000 to 5); keep a copy of the state folder and report it"
        ],
    );
}

#[test]
fn a_newer_format_says_so_whatever_it_holds() {
    check(
        &[r#"{"format":2,"time":9000000000000}"#],
        expect![
            "journal entry 3: the batch needs format 2, this version reads up to 1: update ai_onboard"
        ],
    );
    check(
        &[r#"{"format":9,"time":9000000000000,"events":[{"dreamt":{}}]}"#],
        expect![
            "journal entry 3: the batch needs format 9, this version reads up to 1: update ai_onboard"
        ],
    );
}

#[test]
fn a_snapshot_of_another_version_is_passed_over_while_the_entries_are_there() {
    let stage = history();
    let mut journal = MemoryJournal::new();
    for (index, batch) in stage.journal.iter().enumerate() {
        journal.append(index as u64, batch.time.0, &batch.encode()).unwrap();
    }
    let bytes = b"{\"state\":\"of old\"}";
    let seq = stage.journal.len() as u64;
    journal.put_snapshot(seq, onboard_journal::Hash::of(bytes), bytes).unwrap();
    let (_, state): (_, State) = Store::open(Box::new(journal)).unwrap();
    assert_eq!(state.digest(), stage.state.digest());
}
