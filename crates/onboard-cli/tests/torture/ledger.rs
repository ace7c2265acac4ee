//! What the journal says, read entry by entry beside the daemon, and what must never be in it.

use onboard_domain::state::Desired;
use onboard_domain::{AgentId, Batch, Event, Generation, RunId, State};
use onboard_journal::{Journal, SqliteJournal};
use onboard_web::api::DigestView;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Entries read at once, and their bytes.
const PAGE: (usize, usize) = (1024, 16 << 20);

/// One entry as far as answers are compared with it.
pub struct Entry {
    pub events: Vec<Event>,
    /// What was wanted of each agent after it.
    pub desired: BTreeMap<AgentId, Desired>,
}

/// The journal, folded so far.
#[derive(Default)]
pub struct Ledger {
    pub state: State,
    pub seq: u64,
    /// Where each reason was found; trials give each command a reason of its own.
    pub causes: BTreeMap<String, Vec<u64>>,
    pub entries: BTreeMap<u64, Entry>,
    pub ended: BTreeSet<RunId>,
    started: BTreeSet<(RunId, Generation)>,
    /// How often each agent has kept its checkpoint.
    pub saved: BTreeMap<AgentId, u64>,
    /// Digests that the daemon served, by the entry they are to stand at.
    served: BTreeMap<u64, String>,
}

impl Ledger {
    /// Reads on, to the end of the journal.
    ///
    /// # Errors
    /// What must not be there.
    pub fn read_on(&mut self, path: &Path) -> Result<(), String> {
        let journal = SqliteJournal::open_read_only(path).map_err(|error| error.to_string())?;
        loop {
            self.compare_served()?;
            let page = journal.read(self.seq, PAGE.0, PAGE.1).map_err(|e| e.to_string())?;
            if page.is_empty() {
                return Ok(());
            }
            for entry in page {
                let batch = Batch::decode(&entry.body).map_err(|error| error.to_string())?;
                self.fold(entry.seq, batch).map_err(|why| format!("entry {}: {why}", entry.seq))?;
                self.compare_served()?;
            }
        }
    }

    fn fold(&mut self, seq: u64, batch: Batch) -> Result<(), String> {
        for cause in batch.causes.iter().filter(|cause| !cause.why.is_empty()) {
            self.causes.entry(cause.why.clone()).or_default().push(seq);
        }
        self.state.advance(batch.time).map_err(|illegal| illegal.to_string())?;
        for event in &batch.events {
            self.judge(event)?;
            self.state.apply(event).map_err(|illegal| illegal.to_string())?;
        }
        self.seq = seq;
        let desired = self.state.agents.iter().map(|(id, agent)| (*id, agent.desired)).collect();
        self.entries.insert(seq, Entry { events: batch.events, desired });
        Ok(())
    }

    /// What `apply` does not forbid, and what it does as well, found independently.
    fn judge(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::RunStarted { run, generation, .. }
                if !self.started.insert((*run, *generation)) =>
            {
                return Err(format!("{run} started twice as {generation}"));
            }
            Event::RunEnded { run, .. } if !self.ended.insert(*run) => {
                return Err(format!("{run} ended twice"));
            }
            Event::FindingRecorded { project, agent, finding, .. } => {
                let project = &self.state.projects[project];
                let known = project.findings.get(&finding.fingerprint);
                if known.is_some_and(|known| {
                    known.agent == *agent && known.finding.severity == finding.severity
                }) {
                    return Err(format!("finding `{}` is recorded twice", finding.title));
                }
                if project.dismissed.contains_key(&finding.fingerprint) {
                    return Err(format!("finding `{}` was dismissed", finding.title));
                }
            }
            Event::CheckpointSaved { agent, .. } => *self.saved.entry(*agent).or_default() += 1,
            _ => {}
        }
        Ok(())
    }

    /// Holds the fold against what the daemon served when it stood at the same entry.
    fn compare_served(&mut self) -> Result<(), String> {
        let Some(served) = self.served.remove(&self.seq) else { return Ok(()) };
        let folded = self.state.digest();
        if served == folded {
            return Ok(());
        }
        Err(format!("at entry {} the daemon served {served}, a fold gives {folded}", self.seq))
    }

    /// Takes a digest that the daemon served, to be compared when the fold is there.
    ///
    /// # Errors
    /// When it served another one at the same entry.
    pub fn serve(&mut self, served: DigestView) -> Result<(), String> {
        let DigestView { sequence, digest } = served;
        match self.served.insert(sequence, digest.clone()) {
            Some(before) if before != digest => {
                Err(format!("at entry {sequence} the daemon served {before}, then {digest}"))
            }
            _ => Ok(()),
        }
    }

    /// The first entry that a digest was served of and that is not in the journal.
    pub fn unseen(&self) -> Option<u64> {
        self.served.keys().next().copied()
    }

    /// Runs that have, or may have, a process.
    pub fn active(&self) -> BTreeSet<RunId> {
        self.state.active.clone()
    }

    /// Forgets entries that no answer will be compared with any more.
    pub fn forget_entries(&mut self) {
        self.entries.clear();
    }
}
