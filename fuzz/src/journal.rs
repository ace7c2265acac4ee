//! A record is what it was when it is written again; a history that can be folded gives a sound
//! state, the same each time, and one that is stored and read back alike.

use onboard_domain::{Batch, State, check as sound};

/// Batches of one input that are folded.
const BATCHES: usize = 64;

/// See the module: a batch a line, or a stored state.
pub fn check(bytes: &[u8]) {
    if let Ok(state) = State::decode(bytes) {
        let stored = state.encode();
        let read = State::decode(&stored).expect("what was stored is read");
        assert_eq!(read.digest(), state.digest());
    }
    let batches: Vec<Batch> = bytes
        .split(|b| *b == b'\n')
        .take(BATCHES)
        .filter_map(|line| Batch::decode(line).ok())
        .collect();
    for batch in &batches {
        let written = batch.encode();
        assert!(!written.contains(&b'\n'), "a record is one line");
        assert_eq!(Batch::decode(&written).as_ref(), Ok(batch));
    }
    let state = fold(&batches);
    assert_eq!(state.digest(), fold(&batches).digest(), "the same history, the same state");
    assert_eq!(sound::check(&state), Vec::<String>::new());
    let mut read = State::decode(&state.encode()).expect("a state is read back");
    assert_eq!(read.digest(), state.digest());
    read.reindex();
    assert_eq!(sound::check(&read), Vec::<String>::new());
}

/// The state after the batches that follow from the ones before them. One that does not is where a
/// daemon would stop: its half is thrown away.
fn fold(batches: &[Batch]) -> State {
    let mut state = State::default();
    for batch in batches {
        let mut next = state.clone();
        match next.apply_batch(batch) {
            Ok(()) => state = next,
            Err(_) => break,
        }
    }
    state
}
