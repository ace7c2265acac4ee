//! The daemon as the rest of the process sees it: submit a command, read the state, follow events.

use crate::bell::Bell;
use crate::blobs::Blobs;
use crate::input::Input;
use crate::ledger::Ledger;
use crate::manifests::{self, BuiltInManifest, LoadError};
use crate::observe::{Observed, observe};
use crate::policies::Policies;
use crate::step::models::Reserved;
use crate::views::{Applied, Views};
use crate::walls::Found;
use crate::zones::HostZones;
use crate::{clock, pressure};
use onboard_domain::model::{Budget, Spend};
use onboard_domain::state::BlobRef;
use onboard_domain::{
    Actor, AgentCall, AgentId, AgentSpec, Answer, Batch, CallAnswer, CallRefusal, Command,
    Generation, Refusal, RunId, State, Via,
};
use onboard_policy::{PolicyInForce, Walls};
use onboard_scheduler::{Explanation, Settings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// Requests that wait for the loop at most; beyond, the caller is told to come again. A full
/// queue of small commands is a few hundred kilobytes and is drained in one batch.
pub const QUEUE_MAX: usize = 4096;

/// Batches a slow follower may lag behind before it is dropped and has to catch up from views.
pub const FOLLOW_LAG_MAX: usize = 1024;

/// A request with the way to answer it. The answer comes after its batch is durable.
pub struct Request {
    pub actor: Actor,
    pub via: Via,
    pub why: String,
    pub command: Command,
    pub reply: Reply,
}

/// Delivers the answer to a request.
pub type Reply = Box<dyn FnOnce(Result<Answer, Refusal>) + Send>;

/// What is known of running agents but is no fact: it never enters the journal.
#[derive(Clone, Debug, Default)]
pub struct Live {
    pub progress: BTreeMap<RunId, Progress>,
    pub usage: BTreeMap<RunId, LiveUsage>,
    /// How each is told that a lease is free for it.
    pub(crate) bells: BTreeMap<RunId, Arc<Bell>>,
}

/// What an agent says it is doing.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub doing: String,
}

/// The newest sample of a running process tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveUsage {
    /// Percent of one core since the sample before.
    pub cpu_percent: f64,
    pub cpu_ms: u64,
    pub memory_bytes: u64,
}

/// A batch as it became durable.
#[derive(Clone, Debug)]
pub struct Published {
    pub seq: u64,
    pub batch: Arc<Batch>,
}

/// Where things are on disk.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Journal, blobs, views, logs.
    pub state: PathBuf,
    /// Socket, run records, lock.
    pub runtime: PathBuf,
    /// The user's configuration and policy.
    pub config: PathBuf,
}

/// What reaches the loop: a request of people, or news from the threads that attend to runs.
pub(crate) enum Wake {
    Request(Request),
    Input(Input),
    /// A call of a running agent, with the way to answer it.
    Call {
        run: RunId,
        generation: Generation,
        call: AgentCall,
        answer: CallAnswered,
    },
    /// A run asks a model, and waits until that is set aside.
    ReserveModel {
        run: RunId,
        generation: Generation,
        model: String,
        spend: Spend,
        budgets: Vec<Budget>,
        answer: ReservationAnswered,
    },
    /// What this host can enforce, as just probed.
    Probed(Walls),
}

/// Delivers the answer to an agent's call.
pub(crate) type CallAnswered = Box<dyn FnOnce(Result<CallAnswer, CallRefusal>) + Send>;

/// Delivers what was set aside, or why nothing was.
pub(crate) type ReservationAnswered = Box<dyn FnOnce(Reserved) + Send>;

/// The loop's end of a handle made with [`Handle::apart`].
pub struct LoopEnd {
    wakes: Receiver<Wake>,
    shared: Arc<Shared>,
}

impl LoopEnd {
    /// The next request of people; `None` when none came within `limit`.
    pub fn request_within(&self, limit: Duration) -> Option<Request> {
        match self.wakes.recv_timeout(limit) {
            Ok(Wake::Request(request)) => Some(request),
            _ => None,
        }
    }

    /// Shows a state whose events are durable.
    pub fn show(&self, state: State) {
        *self.shared.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Hands a durable batch to every follower, after its state is shown, and lets go of those
    /// that are full or gone.
    pub fn publish(&self, published: &Published) {
        let mut followers = self.shared.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.try_send(published.clone()).is_ok());
    }
}

/// Cheap to clone; safe from any thread.
#[derive(Clone)]
pub struct Handle {
    pub(crate) wakes: SyncSender<Wake>,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// Only ever holds what is durable: the loop writes it back after the append.
    pub(crate) state: RwLock<State>,
    /// The journal's entry that the state is the fold up to. Written under the state's lock.
    pub(crate) folded: AtomicU64,
    pub(crate) live: RwLock<Live>,
    pub(crate) followers: Mutex<Vec<SyncSender<Published>>>,
    pub(crate) paths: Paths,
    pub(crate) views: Views,
    pub(crate) settings: Settings,
    pub(crate) built_in: Vec<BuiltInManifest>,
    pub(crate) policies: Policies,
    /// What this host can enforce, layer by layer, once that was probed.
    pub(crate) layers: OnceLock<Vec<Found>>,
}

impl Shared {
    pub(crate) fn follow(&self) -> Receiver<Published> {
        let (send, receive) = std::sync::mpsc::sync_channel(FOLLOW_LAG_MAX);
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).push(send);
        receive
    }
}

/// The loop does not take requests: it is full, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    Busy,
    Ended,
}

impl Paths {
    /// One log file a run, by agent.
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal.db")
    }

    /// The views.
    pub fn views(&self) -> PathBuf {
        self.state.join("views.db")
    }

    /// The policies that people agreed to.
    pub(crate) fn policies(&self) -> PathBuf {
        self.state.join("policies")
    }

    /// The agents' checkpoints.
    pub fn blobs(&self) -> PathBuf {
        self.state.join("blobs")
    }

    /// Where the daemon answers.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("daemon.sock")
    }

    /// The user's settings of agents.
    pub fn user_config(&self) -> PathBuf {
        self.config.join("config.yaml")
    }

    /// The user's credentials: below what nobody else may look into, and apart from the configuration,
    /// which people copy and share.
    pub fn credentials(&self) -> PathBuf {
        self.state.join("credentials")
    }

    /// The user's webhooks, beside the credentials for the same reasons.
    pub fn hooks(&self) -> PathBuf {
        self.state.join("hooks")
    }

    /// What is still to be told to webhooks.
    pub fn outbox(&self) -> PathBuf {
        self.state.join("hooks.db")
    }

    /// The models that agents may ask.
    pub fn models(&self) -> PathBuf {
        self.config.join("models.yaml")
    }

    /// The user's policy.
    pub fn user_policy(&self) -> PathBuf {
        self.config.join("policy.yaml")
    }
}

impl Handle {
    /// A handle without a daemon behind it, and the end that answers it: for what is built on
    /// handles, to be tried without processes.
    pub fn apart(
        state: State,
        paths: Paths,
        applied: Arc<Applied>,
        built_in: Vec<BuiltInManifest>,
    ) -> (Handle, LoopEnd) {
        let (wake, wakes) = std::sync::mpsc::sync_channel(QUEUE_MAX);
        let shared = Arc::new(Shared {
            state: RwLock::new(state),
            folded: AtomicU64::new(0),
            live: RwLock::default(),
            followers: Mutex::default(),
            views: Views::new(paths.views(), applied),
            settings: Settings::default(),
            policies: Policies::new(paths.user_policy()),
            layers: OnceLock::new(),
            built_in,
            paths,
        });
        (Handle { wakes: wake, shared: Arc::clone(&shared) }, LoopEnd { wakes, shared })
    }

    /// Puts a request before the loop; `request.reply` is called when it is durable.
    ///
    /// # Errors
    /// When the queue is full or the loop has ended; `reply` is then dropped uncalled.
    pub fn submit(&self, request: Request) -> Result<(), Unavailable> {
        self.wakes.try_send(Wake::Request(request)).map_err(|error| match error {
            TrySendError::Full(_) => Unavailable::Busy,
            TrySendError::Disconnected(_) => Unavailable::Ended,
        })
    }

    /// Looks at the durable state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The durable state's digest, and the entry of the journal that it is the fold up to: whoever
    /// folds the journal up to there must come to the same digest.
    pub fn digest(&self) -> (u64, String) {
        self.read(|state| (self.shared.folded.load(Ordering::Relaxed), state.digest()))
    }

    /// The journal's entry that the durable state is the fold up to: what a read that follows a
    /// write waits for in the views.
    pub fn folded(&self) -> u64 {
        self.read(|_| self.shared.folded.load(Ordering::Relaxed))
    }

    /// Looks at what is known of running agents.
    pub fn live<T>(&self, look: impl FnOnce(&Live) -> T) -> T {
        look(&self.shared.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every batch from now on; a follower that lags [`FOLLOW_LAG_MAX`] behind is cut off.
    pub fn follow(&self) -> Receiver<Published> {
        self.shared.follow()
    }

    /// What happened, for people.
    pub fn views(&self) -> &Views {
        &self.shared.views
    }

    /// Why an agent runs, or does not; `None` when there is no such agent.
    pub fn explain(&self, agent: AgentId) -> Option<Explanation> {
        let zones = HostZones::default();
        // Files are read before the state is held.
        let mut host = pressure::sample(clock::wall());
        self.read(|state| {
            let now = clock::wall().max(state.time);
            host.at = now;
            onboard_scheduler::explain(state, now, &host, &self.shared.settings, &zones, agent)
        })
    }

    /// The numbers that the scheduler decides by.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The policies that judge.
    pub fn policies(&self) -> &Policies {
        &self.shared.policies
    }

    /// What this host can enforce, layer by layer; empty until the probe has ended.
    pub fn layers(&self) -> &[Found] {
        self.shared.layers.get().map_or(&[], Vec::as_slice)
    }

    /// Reads a project's manifests and settings: what registering it would say.
    ///
    /// # Errors
    /// Every problem, at its file, line and column; the agents that run stay as they are.
    pub fn load_project(&self, root: &Path) -> Result<Command, LoadError> {
        let policy = self.shared.policies.of(root).in_force;
        let check = |spec: &AgentSpec| above_policy(&policy, spec);
        let user = self.shared.paths.user_config();
        let agents = manifests::load(root, &self.shared.built_in, &user, &check)?;
        let name = root.file_name().map_or("/".into(), |name| name.to_string_lossy().into_owned());
        let Observed { git, plan } = observe(root);
        let root = root.to_string_lossy().into_owned();
        Ok(Command::RegisterProject { root, name, agents, git, plan })
    }

    /// The text of a proposal's patch.
    ///
    /// # Errors
    /// When it can't be read, or is not what was stored.
    pub fn patch(&self, blob: &BlobRef) -> Result<String, String> {
        let blobs = Blobs::open(self.shared.paths.blobs()).map_err(|error| error.to_string())?;
        let bytes = blobs.get(blob).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    /// What one run may spend on models.
    pub fn ledger(&self, run: RunId, generation: Generation) -> Ledger {
        Ledger { wakes: self.wakes.clone(), run, generation }
    }

    /// Where things are on disk.
    pub fn paths(&self) -> &Paths {
        &self.shared.paths
    }
}

/// Limits that the policy would deny, at their keys in a manifest. A policy that can't be read
/// denies every run; that is said by `status`, not by each manifest.
fn above_policy(policy: &PolicyInForce, spec: &AgentSpec) -> Vec<(String, String)> {
    let PolicyInForce::Sound(policy) = policy else { return Vec::new() };
    match onboard_policy::check_limits(policy, &spec.limits) {
        Ok(_) => Vec::new(),
        Err((key, denial)) => vec![(key.into(), denial.to_string())],
    }
}
