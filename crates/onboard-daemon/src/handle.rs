//! The daemon as the rest of the process sees it: submit a command, read the state, follow events.

use onboard_domain::{Actor, Answer, Batch, Command, Refusal, RunId, State, Via};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, RwLock};

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
    pub reply: Box<dyn FnOnce(Result<Answer, Refusal>) + Send>,
}

/// What is known of running agents but is no fact: it never enters the journal.
#[derive(Clone, Debug, Default)]
pub struct Live {
    pub progress: BTreeMap<RunId, Progress>,
    pub usage: BTreeMap<RunId, LiveUsage>,
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

/// Cheap to clone; safe from any thread.
#[derive(Clone)]
pub struct Handle {
    pub(crate) requests: SyncSender<Request>,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// Only ever holds what is durable: the loop writes it back after the append.
    pub(crate) state: RwLock<State>,
    pub(crate) live: RwLock<Live>,
    pub(crate) followers: Mutex<Vec<SyncSender<Published>>>,
    pub(crate) paths: Paths,
}

/// The loop does not take requests: it is full, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    Busy,
    Ended,
}

impl Handle {
    /// Puts a request before the loop; `request.reply` is called when it is durable.
    ///
    /// # Errors
    /// When the queue is full or the loop has ended; `reply` is then dropped uncalled.
    pub fn submit(&self, request: Request) -> Result<(), Unavailable> {
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Unavailable::Busy,
            TrySendError::Disconnected(_) => Unavailable::Ended,
        })
    }

    /// Looks at the durable state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.state.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Looks at what is known of running agents.
    pub fn live<T>(&self, look: impl FnOnce(&Live) -> T) -> T {
        look(&self.shared.live.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Every batch from now on; a follower that lags [`FOLLOW_LAG_MAX`] behind is cut off.
    pub fn follow(&self) -> Receiver<Published> {
        let (send, receive) = std::sync::mpsc::sync_channel(FOLLOW_LAG_MAX);
        self.shared.followers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(send);
        receive
    }

    /// Where things are on disk.
    pub fn paths(&self) -> &Paths {
        &self.shared.paths
    }
}
