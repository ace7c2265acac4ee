//! A journal in memory that stores bytes as the real one does: a snapshot, and the encoded batches
//! since. What a dead daemon leaves behind is folded from here.

use onboard_domain::{Batch, State};

/// Batches kept before a snapshot takes their place: enough to be a real replay, few enough that a
/// year of them doesn't stay in memory.
const SNAPSHOT_EVERY: usize = 4_096;

/// Encoded batches are compared with the live state for so many in a row, when not all are.
const SAMPLE: u64 = 512;

/// How much of the journal is kept as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// All of it: the daemon may die at any step.
    All,
    /// A stretch of `SAMPLE` batches out of each `every`: replay is checked by sample, for speed.
    Sample { every: u64 },
}

/// The journal.
#[derive(Debug)]
pub struct Journal {
    keeping: Keeping,
    /// `None` between two stretches of a sample.
    snapshot: Option<Vec<u8>>,
    batches: Vec<Vec<u8>>,
    appended: u64,
    bytes: u64,
}

impl Journal {
    /// An empty journal.
    pub fn new(keeping: Keeping) -> Journal {
        let snapshot = Some(State::default().encode());
        Journal { keeping, snapshot, batches: Vec::new(), appended: 0, bytes: 0 }
    }

    /// How many batches were ever appended.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// Bytes of the batches that were encoded.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a batch that folded to `live`.
    ///
    /// # Errors
    /// When replay gives another state than the live one.
    pub fn append(&mut self, batch: &Batch, live: &State) -> Result<(), String> {
        self.appended += 1;
        if self.snapshot.is_some() {
            let encoded = batch.encode();
            self.bytes += encoded.len() as u64;
            self.batches.push(encoded);
        }
        match self.keeping {
            Keeping::All if self.batches.len() >= SNAPSHOT_EVERY => self.renew(live),
            Keeping::All => Ok(()),
            Keeping::Sample { every } => match self.appended % every {
                0 => {
                    self.snapshot = Some(live.encode());
                    Ok(())
                }
                SAMPLE if self.snapshot.is_some() => {
                    self.compare(live)?;
                    self.snapshot = None;
                    self.batches.clear();
                    Ok(())
                }
                _ => Ok(()),
            },
        }
    }

    fn renew(&mut self, live: &State) -> Result<(), String> {
        self.compare(live)?;
        self.snapshot = Some(live.encode());
        self.batches.clear();
        Ok(())
    }

    /// Compares replay with the live state, byte for byte, where there is something to replay.
    ///
    /// # Errors
    /// When they differ.
    pub fn compare(&self, live: &State) -> Result<(), String> {
        if self.snapshot.is_none() {
            return Ok(());
        }
        let (mut folded, mut live) = (self.fold()?, live.clone());
        // A turn in which nothing happened moves the live state's time and leaves no batch.
        let time = folded.time.max(live.time);
        (folded.time, live.time) = (time, time);
        let (folded, live) = (folded.encode(), live.encode());
        if folded == live {
            return Ok(());
        }
        let at = folded.iter().zip(&live).take_while(|(a, b)| a == b).count();
        let near = |bytes: &[u8]| {
            let text = &bytes[at.saturating_sub(60)..bytes.len().min(at + 60)];
            String::from_utf8_lossy(text).into_owned()
        };
        Err(format!("replay differs from live state: `{}` is `{}`", near(&folded), near(&live)))
    }

    /// What a new daemon finds: the snapshot with all batches since.
    ///
    /// # Errors
    /// When bytes can't be read or don't fold.
    pub fn fold(&self) -> Result<State, String> {
        let snapshot = self.snapshot.as_ref().ok_or("this stretch of the journal was not kept")?;
        let mut state = State::decode(snapshot).map_err(|error| error.to_string())?;
        for bytes in &self.batches {
            let batch = Batch::decode(bytes).map_err(|error| error.to_string())?;
            state.apply_batch(&batch).map_err(|error| error.to_string())?;
        }
        Ok(state)
    }
}
