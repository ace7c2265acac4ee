//! Cycles of starting, working, killing; what is compared after each.

use crate::clients::{self, Sent};
use crate::ledger::Ledger;
use crate::processes::{self, eventually};
use crate::random::Random;
use crate::world::{Daemon, FORKER, SAVER, SLEEPER, STUBBORN, World};
use onboard_daemon::records;
use onboard_daemon::store::{Store, replay};
use onboard_domain::state::Phase;
use onboard_domain::{Command, RunId};
use onboard_journal::{Journal, SqliteJournal, verify};
use onboard_sandbox::cgroup::Layout;
use onboard_web::api::DigestView;
use onboard_web::client::Client;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const AGENTS: [(&str, &str); 6] = [
    ("forker-a", FORKER),
    ("forker-b", FORKER),
    ("saver-a", SAVER),
    ("saver-b", SAVER),
    ("sleeper", SLEEPER),
    ("stubborn", STUBBORN),
];

/// Clients at a time.
const CLIENTS: u64 = 4;
/// Cycles between two comparisons of the whole journal from its beginning.
const WHOLE_EVERY: u64 = 10;
/// How long what has no event may take to be as it must.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);
/// The longest a daemon works before it is killed.
const WORK_MAX_MS: u64 = 250;
/// How many answers are waited for at most when the kill is to follow an answer.
const ANSWERS_MAX: u64 = 30;
/// How long a daemon lives at most that is killed while it starts, or while it ends.
const BRIEF_MS: u64 = 120;

/// Requests that fill the journal, and the bytes of each: together four fifths of its bound.
const PADDING: usize = 52;
const PADDING_BYTES: usize = 16 << 10;

/// Between two digests that are asked for.
const DIGEST_PAUSE: Duration = Duration::from_millis(2);

/// A home that is worked and killed again and again.
pub struct Trial {
    world: World,
    ledger: Ledger,
    random: Random,
    /// Runs that had, or may have had, a process when the last daemon died.
    abandoned: BTreeSet<RunId>,
    /// What was answered and not yet compared.
    sent: Vec<Sent>,
    /// The last entry that was dropped, as last looked at, and how often more were dropped.
    anchor: u64,
    pub drops: u64,
    pub answers: u64,
}

impl Trial {
    /// With a registered project whose savers are started.
    ///
    /// # Errors
    /// What went wrong.
    pub fn new(seed: u64) -> Result<Trial, String> {
        let world = World::forgetful(&AGENTS);
        let mut daemon = world.start()?;
        // The journal begins near its bound, so that the trial's own entries make it drop the oldest.
        let long = "the trial begins, at length; ".repeat(PADDING_BYTES / 29);
        for _ in 0..PADDING {
            let registered = world.client().register(&world.project(), &long);
            registered.map_err(|error| error.to_string())?;
        }
        daemon.kill();
        let mut ledger = Ledger::default();
        ledger.read_on(&world.paths().journal())?;
        let random = Random::new(seed, 0);
        let (abandoned, sent) = (BTreeSet::new(), Vec::new());
        Ok(Trial { world, ledger, random, abandoned, sent, anchor: 0, drops: 0, answers: 0 })
    }

    /// Keeps the home, to be looked at.
    pub fn keep(self) -> PathBuf {
        self.world.keep()
    }

    /// How many entries the journal has, and how many runs ended in it.
    pub fn sizes(&self) -> (u64, usize) {
        (self.ledger.seq, self.ledger.ended.len())
    }

    /// One cycle.
    ///
    /// # Errors
    /// What differed from what was promised.
    pub fn cycle(&mut self, number: u64) -> Result<(), String> {
        if self.random.one_in(8) {
            self.kill_while_starting();
        }
        let mut daemon = self.world.start()?;
        self.inherited(&daemon)?;
        let ends_well = self.work(&mut daemon, number)?;
        self.ledger.read_on(&self.world.paths().journal())?;
        self.compare_answers()?;
        self.compare_state()?;
        if ends_well {
            self.nothing_is_left()?;
        }
        if self.has_dropped()? || number.is_multiple_of(WHOLE_EVERY) {
            self.compare_whole()?;
        }
        self.abandoned = self.ledger.active();
        self.ledger.forget_entries();
        Ok(())
    }

    fn kill_while_starting(&mut self) {
        let mut starting = self.world.launch(self.world.program(&["daemon", "run"]));
        let life = Duration::from_millis(self.random.below(BRIEF_MS));
        let born = Instant::now();
        while born.elapsed() < life {
            std::thread::park_timeout(life.saturating_sub(born.elapsed()));
        }
        starting.daemon.kill();
    }

    /// What a daemon that was just started makes of the one before.
    fn inherited(&mut self, daemon: &Daemon) -> Result<(), String> {
        let journal = self.world.paths().journal();
        self.ledger.read_on(&journal)?;
        let lost = self.abandoned.iter().find(|run| !self.ledger.ended.contains(run));
        if let Some(run) = lost {
            return Err(format!("{run} had a process under the daemon before and is not ended"));
        }
        self.serve_digest()?;
        eventually(SETTLE_LIMIT, || {
            let orphans = processes::orphans(Some(daemon.pid()));
            none("orphans", orphans.iter().map(|process| format!("{process:?}")))
        })?;
        eventually(SETTLE_LIMIT, || self.nothing_stale())
    }

    /// Runs that are said to run do; records and control groups are of runs that have not ended.
    fn nothing_stale(&mut self) -> Result<(), String> {
        let paths = self.world.paths();
        let claimed = claimed(&self.world)?;
        self.ledger.read_on(&paths.journal())?;
        let ended = |run: &&String| match run.parse::<RunId>() {
            Ok(run) => self.ledger.ended.contains(&run),
            Err(_) => true,
        };
        none("records or control groups of ended runs", claimed.iter().filter(ended).cloned())?;
        let dead = self.ledger.state.runs.iter().filter(|(_, run)| match &run.phase {
            Phase::Running { process, .. } => {
                !processes::is_alive(process.pid.cast_signed(), process.start_ticks)
            }
            _ => false,
        });
        none("runs without a process", dead.map(|(id, _)| id.to_string()))
    }

    /// Asks for the digest of the state that is served; the ledger compares it when it is there.
    fn serve_digest(&mut self) -> Result<(), String> {
        let digest: Result<DigestView, _> = self.world.client().get("/daemon/digest", &[]);
        self.ledger.serve(digest.map_err(|error| format!("the digest: {error}"))?)
    }

    /// Works the daemon and ends it; true when it ended as it was asked to.
    fn work(&mut self, daemon: &mut Daemon, number: u64) -> Result<bool, String> {
        let workers = clients::workers(&self.ledger, &self.world.project(), CLIENTS);
        let stop = Arc::new(AtomicBool::new(false));
        let (answered, answers) = channel();
        let seed = self.random.next();
        let (sent, served, ended) = std::thread::scope(|scope| {
            let (client, stopped) = (self.world.client(), Arc::clone(&stop));
            let digests = scope.spawn(move || digests(&client, &stopped));
            let threads: Vec<_> = workers
                .iter()
                .map(|worker| {
                    let (answered, stop) = (answered.clone(), Arc::clone(&stop));
                    let client = self.world.client();
                    let random = Random::new(seed, worker.number + number.wrapping_mul(CLIENTS));
                    scope.spawn(move || worker.work(&client, random, &stop, &answered))
                })
                .collect();
            let ended = self.end(daemon, &answers);
            stop.store(true, Ordering::Relaxed);
            let sent: Vec<Sent> =
                threads.into_iter().flat_map(|thread| thread.join().expect("a client")).collect();
            (sent, digests.join().expect("a client"), ended)
        });
        self.sent = sent;
        served.into_iter().try_for_each(|digest| self.ledger.serve(digest))?;
        ended
    }

    /// Lets the clients work for a while, then ends the daemon in one of the ways there are.
    fn end(&mut self, daemon: &mut Daemon, answers: &Receiver<()>) -> Result<bool, String> {
        let wanted = match self.random.one_in(2) {
            true => 1 + self.random.below(ANSWERS_MAX),
            false => u64::MAX,
        };
        let work = Duration::from_millis(self.random.below(WORK_MAX_MS));
        wait(answers, wanted, work);
        match self.random.below(8) {
            0 => {
                daemon.signal(Signal::TERM);
                let status = daemon.ended()?;
                match status.success() {
                    true => Ok(true),
                    false => Err(format!("told to end, it ended with {status}: {}", daemon.said())),
                }
            }
            1 => {
                // Whether it comes to the answer before the kill is left to chance.
                let _ = self.world.client().command(Command::Shutdown, "");
                wait(answers, u64::MAX, Duration::from_millis(self.random.below(BRIEF_MS)));
                daemon.kill();
                Ok(false)
            }
            _ => {
                daemon.kill();
                Ok(false)
            }
        }
    }

    fn compare_answers(&mut self) -> Result<(), String> {
        for sent in std::mem::take(&mut self.sent) {
            sent.check(&self.ledger)?;
            self.answers += 1;
        }
        Ok(())
    }

    /// The fold is sound, and every checkpoint that was kept can be read and is the newest.
    fn compare_state(&self) -> Result<(), String> {
        none("faults of the state", onboard_domain::check::check(&self.ledger.state).into_iter())?;
        if let Some(seq) = self.ledger.unseen() {
            return Err(format!("the daemon served entry {seq}, the journal ends before"));
        }
        for (agent, saved) in &self.ledger.saved {
            let blob = &self.ledger.state.agents[agent].checkpoints["count"];
            let path = self.world.paths().blobs().join(&blob.sha256);
            let kept = std::fs::read_to_string(&path).map_err(|error| {
                format!("the checkpoint of {agent}, {}: {error}", path.display())
            })?;
            if kept != saved.to_string() {
                return Err(format!("{agent} kept its checkpoint {saved} times and counts {kept}"));
            }
        }
        Ok(())
    }

    /// After an end in order: no run, no process, no record, no control group.
    fn nothing_is_left(&self) -> Result<(), String> {
        none("active runs", self.ledger.active().into_iter().map(|run| run.to_string()))?;
        none("records or control groups", claimed(&self.world)?.into_iter())?;
        let marked = processes::marked(&self.world.marker);
        none("processes", marked.iter().map(|process| format!("{process:?}")))
    }

    /// Whether entries were dropped since this was last asked.
    fn has_dropped(&mut self) -> Result<bool, String> {
        let journal = SqliteJournal::open_read_only(&self.world.paths().journal());
        let anchor = journal.and_then(|journal| journal.anchor()).map_err(|e| e.to_string())?.seq;
        let more = anchor > self.anchor;
        self.anchor = anchor;
        self.drops += u64::from(more);
        Ok(more)
    }

    /// The chain is whole; a fold from the beginning, where that is kept, one from the newest
    /// snapshot and the one that was made beside the daemon come to the same state.
    fn compare_whole(&self) -> Result<(), String> {
        let open = || SqliteJournal::open_read_only(&self.world.paths().journal());
        let journal = open().map_err(|error| error.to_string())?;
        verify(&journal, |_, _| {}).map_err(|error| error.to_string())?;
        let beside = self.ledger.state.digest();
        let replayed = match self.anchor {
            0 => replay(&journal).map_err(|error| error.to_string())?.digest(),
            _ => beside.clone(),
        };
        let (_, restored) = Store::open(Box::new(journal)).map_err(|error| error.to_string())?;
        let restored = restored.digest();
        match replayed == beside && restored == beside {
            true => Ok(()),
            false => Err(format!(
                "at entry {}: replayed {replayed}, from the snapshot {restored}, beside the \
                 daemon {beside}",
                self.ledger.seq
            )),
        }
    }

    /// The last cycle: the daemon ends in order and leaves nothing.
    ///
    /// # Errors
    /// What is left, or differs.
    pub fn finish(&mut self) -> Result<(), String> {
        let mut daemon = self.world.start()?;
        self.inherited(&daemon)?;
        daemon.signal(Signal::TERM);
        daemon.ended()?;
        self.ledger.read_on(&self.world.paths().journal())?;
        self.compare_state()?;
        self.nothing_is_left()?;
        self.compare_whole()
    }
}

/// The digests that are served meanwhile, one after the other.
fn digests(client: &Client, stop: &AtomicBool) -> Vec<DigestView> {
    let mut digests = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(digest) = client.get("/daemon/digest", &[]) else { break };
        digests.push(digest);
        std::thread::park_timeout(DIGEST_PAUSE);
    }
    digests
}

/// Waits for so many answers, but no longer than `limit`.
fn wait(answers: &Receiver<()>, wanted: u64, limit: Duration) {
    let start = Instant::now();
    for _ in 0..wanted {
        let left = limit.saturating_sub(start.elapsed());
        if let Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) =
            answers.recv_timeout(left)
        {
            return;
        }
    }
}

/// Runs that a record or a control group is of.
fn claimed(world: &World) -> Result<Vec<String>, String> {
    let paths = world.paths();
    let records = records::all(&paths.state).map_err(|error| error.to_string())?;
    let mut claimed: Vec<String> = records.iter().map(|(run, _)| run.to_string()).collect();
    let layout = Layout::find().map_err(|error| error.to_string())?;
    let instance = onboard_daemon::start::instance(&paths.state);
    for (_, place) in layout.places(&instance, "any") {
        let Some(folder) = place.parent() else { continue };
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let groups = entries.flatten().filter(|entry| entry.path().is_dir());
        claimed.extend(groups.map(|group| group.file_name().to_string_lossy().into_owned()));
    }
    Ok(claimed)
}

/// That there are none.
fn none(what: &str, found: impl Iterator<Item = String>) -> Result<(), String> {
    let found: Vec<String> = found.collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("{what}: {}", found.join(", "))),
    }
}
