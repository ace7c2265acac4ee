//! Starting the daemon: everything is proven or recovered before the first decision.

use crate::answering::Answering;
use crate::attend::House;
use crate::blobs::{self, Blobs};
use crate::brokerage::Trust;
use crate::clock::{self, Clock};
use crate::effects::Effects;
use crate::handle::{Handle, Live, Paths, QUEUE_MAX, Shared, Wake};
use crate::hooks::messenger::{self, Render};
use crate::input::Input;
use crate::latch::{self, AtStart, Latch};
use crate::manifests::BuiltInManifest;
use crate::network::{self, Meters};
use crate::policies::Policies;
use crate::pressure;
use crate::records;
use crate::retention::Retention;
use crate::run_loop::{Fault, Loop, Waiting};
use crate::store::{Store, StoreError};
use crate::views::{Applied, ViewError, ViewWriter, Views};
use crate::walls;
use crate::watch::{Watch, Watching};
use crate::writing::Writing;
use crate::zones::HostZones;
use onboard_domain::{RunId, State, Time};
use onboard_journal::{Holder, JournalError, LockError, SqliteJournal, StateLock};
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::{is_alive, kill_all};
use onboard_scheduler::{ScheduleCache, Settings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a dead holder's lock may stay with a process it was just starting, and the pause between
/// looks: such a process executes within milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(2);
/// How long the processes of the daemon before may take to be proven dead.
const INHERITED_PATIENCE: Duration = Duration::from_secs(10);
/// Between attempts to go on with views that failed, doubling: a disk is full for a while.
const VIEWS_PAUSE: Duration = Duration::from_secs(1);
const VIEWS_PAUSE_MAX: Duration = Duration::from_secs(300);
/// The views' thread folds rows, nothing deep.
const SMALL_STACK: usize = 512 * 1024;

/// What a daemon is started with.
pub struct Options {
    pub paths: Paths,
    pub version: String,
    /// This program's file, for agents to see.
    pub program: PathBuf,
    pub built_in: Vec<BuiltInManifest>,
    pub settings: Settings,
    /// How much of the journal is kept.
    pub kept: Retention,
    /// What serves the networks of runs.
    pub network: network::Serve,
    /// What is told to webhooks.
    pub told: Render,
    /// Certificates of authorities that are trusted besides the machine's own, in PEM.
    pub certificates: Option<PathBuf>,
}

/// Why a daemon could not start. Nothing was changed.
#[derive(Debug)]
pub enum StartError {
    Folder {
        path: PathBuf,
        error: io::Error,
    },
    Lock(LockError),
    Store(StoreError),
    Views(ViewError),
    /// Processes of the daemon before are not proven dead.
    Inherited {
        runs: Vec<String>,
    },
    Records(io::Error),
    Groups(io::Error),
    Blobs(io::Error),
    Latch(io::Error),
    Begin(Fault),
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Folder { path, error } => {
                write!(f, "the folder {} can't be used: {error}", path.display())
            }
            StartError::Lock(error) => write!(f, "{error}"),
            StartError::Store(error) => write!(f, "{error}"),
            StartError::Views(error) => write!(f, "{error}"),
            StartError::Inherited { runs } => write!(
                f,
                "processes of the daemon before are not proven dead: {}; kill them, then start again",
                runs.join("; ")
            ),
            StartError::Records(error) => {
                write!(f, "the records of running processes can't be read: {error}")
            }
            StartError::Groups(error) => write!(f, "the control groups can't be used: {error}"),
            StartError::Blobs(error) => write!(f, "the checkpoints can't be used: {error}"),
            StartError::Latch(error) => write!(f, "the emergency latch can't be used: {error}"),
            StartError::Begin(fault) => write!(f, "{fault}"),
            StartError::Thread(error) => write!(f, "no thread can be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> StartError {
        StartError::Store(error)
    }
}

impl From<JournalError> for StartError {
    fn from(error: JournalError) -> StartError {
        StartError::Store(StoreError::Journal(error))
    }
}

/// A daemon that runs.
pub struct Daemon {
    pub handle: Handle,
    running: JoinHandle<Result<(), Fault>>,
}

impl Daemon {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it ended because the journal could not be appended to, or a decision was illegal.
    pub fn wait(self) -> Result<(), Fault> {
        match self.running.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.running.is_finished()
    }
}

/// Starts a daemon on a state folder.
///
/// # Errors
/// When another daemon has the folder (it is named), or anything it must rely on can't be used.
pub fn start(options: Options) -> Result<Daemon, StartError> {
    let Options { paths, version, program, built_in, settings, kept, network, told, certificates } =
        options;
    for (folder, closed) in
        [(&paths.state, NOT_OTHERS), (&paths.runtime, NOT_OTHERS), (&paths.config, NOT_WRITABLE)]
    {
        make_private(folder, closed)?;
    }
    let lock = lock(&paths)?;
    open_many_files();
    let (store, state) =
        Store::open_keeping(Box::new(SqliteJournal::open(&paths.journal())?), kept)?;
    let instance = instance(&paths.state);
    let layout = Arc::new(Layout::find().map_err(StartError::Groups)?);
    bury_inherited(&paths.state, &instance)?;
    layout.sweep(&instance, |_| false);
    let blobs = Blobs::open(paths.blobs()).map_err(StartError::Blobs)?;
    blobs.sweep(|| blobs::named(&state)).map_err(StartError::Blobs)?;
    let first = first_inputs(&paths, &state, version)?;
    let (applied, views_done) = views(&paths)?;
    let (wakes, woken) = sync_channel(QUEUE_MAX);
    let policies = Policies::new(paths.user_policy()).keeping(paths.policies());
    let newest = state.time;
    let projects: Vec<_> = state.projects.iter().map(|(id, p)| (*id, p.root.clone())).collect();
    let shared = Arc::new(Shared {
        state: RwLock::new(state),
        folded: AtomicU64::new(store.seq()),
        live: RwLock::new(Live::default()),
        followers: Mutex::new(Vec::new()),
        views: Views::new(paths.views(), applied),
        paths,
        settings: settings.clone(),
        built_in,
        policies: policies.clone(),
        layers: OnceLock::new(),
    });
    let handle = Handle { wakes: wakes.clone(), shared: Arc::clone(&shared) };
    follow(views_done, &handle)?;
    let trust = Trust::with(certificates);
    messenger::start(handle.clone(), told, trust.clone()).map_err(StartError::Thread)?;
    let watch = watch(wakes.clone())?;
    for (project, root) in projects {
        // The thread was just started.
        drop(watch.send(Watch::Project { project, root: root.into() }));
    }
    probe(Arc::clone(&layout), &shared, &program, wakes.clone())?;
    let writing = Writing::start(program.clone(), shared.paths.clone(), wakes.clone())
        .map_err(StartError::Thread)?;
    let house = House {
        shared: Arc::clone(&shared),
        layout,
        blobs,
        wakes,
        meters: Arc::new(Meters::new()),
        trust,
        serve: network,
    };
    let effects = Effects {
        house,
        policies,
        walls: None,
        unprobed: Vec::new(),
        program,
        instance,
        grips: BTreeMap::new(),
        adopted: BTreeMap::new(),
        refused: BTreeMap::new(),
        answering: Answering::default(),
        writing,
        news: Vec::new(),
        latch_seen: latch::Seen::default(),
    };
    let mut clock = Clock::after(newest);
    let host = pressure::sample(clock.now());
    let mut turning = Loop {
        wakes: woken,
        store,
        shared,
        clock,
        settings,
        effects,
        zones: HostZones::default(),
        cache: ScheduleCache::default(),
        host,
        waiting: Waiting::default(),
        told_turns: BTreeSet::new(),
        watch,
    };
    let begun = turning.begin(first).map_err(StartError::Begin)?;
    let running = spawn("loop", move || {
        let ended = turning.run(begun);
        // Held as long as anything is written.
        drop(lock);
        ended
    })?;
    Ok(Daemon { handle, running })
}

fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    std::thread::Builder::new().name(name.into()).spawn(body).map_err(StartError::Thread)
}

/// What others may not do: anything, and writing.
const NOT_OTHERS: u32 = 0o077;
const NOT_WRITABLE: u32 = 0o022;

/// A folder of this user, or of the administrator, in which nobody else may do what is `closed`.
fn make_private(path: &Path, closed: u32) -> Result<(), StartError> {
    let close = || {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let meta = fs::metadata(path)?;
        if ![rustix::process::geteuid().as_raw(), 0].contains(&meta.uid()) {
            let why = format!("it belongs to user {}", meta.uid());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        let mode = meta.mode() & 0o7777;
        if mode & closed == 0 {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode & !closed))
    };
    close().map_err(|error| StartError::Folder { path: path.into(), error })
}

/// Takes the state folder. A daemon that was killed while it started a process leaves its lock with
/// that process until it executes: a holder that is dead is waited for, a living one is named.
#[allow(
    clippy::disallowed_methods,
    reason = "the kernel tells nobody that a lock is free but by taking it"
)]
fn lock(paths: &Paths) -> Result<StateLock, StartError> {
    let holder =
        Holder { pid: std::process::id(), since_ms: clock::wall().0, socket: Some(paths.socket()) };
    let given_up = Instant::now() + LOCK_PATIENCE;
    loop {
        match StateLock::acquire(&paths.state, &holder) {
            Err(LockError::Held { by, .. })
                if !by.as_ref().is_some_and(|by| is_alive(by.pid)) && Instant::now() < given_up =>
            {
                // Nothing tells of a lock that was let go of but another try.
                std::thread::sleep(LOCK_PAUSE);
            }
            taken => return taken.map_err(StartError::Lock),
        }
    }
}

/// A short name of this installation for its control groups: two daemons on two state folders
/// don't meet.
pub fn instance(state: &Path) -> String {
    use sha2::{Digest, Sha256};
    let path = fs::canonicalize(state).unwrap_or_else(|_| state.into());
    crate::blobs::hex(&Sha256::digest(path.as_os_str().as_encoded_bytes())[..6])
}

/// Proves every process of the daemon before dead.
fn bury_inherited(state: &Path, instance: &str) -> Result<(), StartError> {
    let mut found = records::all(state).map_err(StartError::Records)?;
    // A state folder that was copied brings records of another installation's processes.
    found.retain(|(_, record)| record.instance == instance);
    let (runs, records): (Vec<RunId>, Vec<_>) = found.into_iter().unzip();
    let proofs = kill_all(&records, INHERITED_PATIENCE);
    let alive: Vec<String> = records
        .iter()
        .zip(&proofs)
        .filter_map(|(record, proof)| {
            proof
                .as_ref()
                .err()
                .map(|error| format!("{} (pid {}): {error}", record.run, record.pid))
        })
        .collect();
    if !alive.is_empty() {
        return Err(StartError::Inherited { runs: alive });
    }
    for run in runs {
        records::remove(state, run);
    }
    Ok(())
}

/// Lets this process have as many files open as its host allows: a run takes a dozen, and one more for
/// each forbidden path, so the usual soft limit of 1,024 would end at some sixty runs. Agents have a
/// limit of their own.
fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, fewer runs go on at a time, and each that does not says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// What is decided first: the start, and what the latch file says.
fn first_inputs(paths: &Paths, state: &State, version: String) -> Result<Vec<Input>, StartError> {
    let mut inputs = vec![Input::Began { version, pid: std::process::id() }];
    match latch::at_start(state, latch::read(paths)) {
        AtStart::Agree => {}
        AtStart::Declare(latch) => {
            let why = "the latch file was set while no daemon could record it";
            inputs.push(latch::declaration(latch, why));
        }
        AtStart::SetFile => {
            let reason = state.emergency.as_ref().map_or_else(String::new, |e| e.reason.clone());
            let since_ms = state.emergency.as_ref().map_or(Time(0), |e| e.since).0;
            latch::set(paths, &Latch { reason, since_ms }).map_err(StartError::Latch)?;
        }
    }
    Ok(inputs)
}

/// Opens the views and lets them catch up.
fn views(paths: &Paths) -> Result<(Arc<Applied>, ViewWriter), StartError> {
    let applied = Arc::new(Applied::default());
    let writer =
        ViewWriter::open(&paths.views(), Arc::clone(&applied)).map_err(StartError::Views)?;
    Ok((applied, writer))
}

/// The views' own thread: they catch up from the journal, then follow the loop; one that lagged too
/// far behind catches up again.
fn follow(mut writer: ViewWriter, handle: &Handle) -> Result<(), StartError> {
    let shared = Arc::downgrade(&handle.shared);
    let (journal, path) = (handle.paths().journal(), handle.paths().views());
    let mut published = handle.follow();
    let mut pause = VIEWS_PAUSE;
    let body = move || loop {
        let caught_up = SqliteJournal::open_read_only(&journal)
            .map_err(ViewError::from)
            .and_then(|journal| writer.catch_up(&journal));
        if caught_up.is_ok() {
            pause = VIEWS_PAUSE;
        }
        if let Err(error) = caught_up.and_then(|()| writer.follow(&published)) {
            eprintln!("{error}; history stands still and is tried again in {pause:?}");
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(VIEWS_PAUSE_MAX);
            writer = writer.after(&error, &path);
        }
        match shared.upgrade() {
            Some(shared) => published = shared.follow(),
            None => return,
        }
    };
    let thread = std::thread::Builder::new().name("views".into()).stack_size(SMALL_STACK);
    thread.spawn(body).map(drop).map_err(StartError::Thread)
}

/// Finds out about the walls while the daemon already answers; runs wait for what is found.
fn probe(
    layout: Arc<Layout>,
    shared: &Arc<Shared>,
    program: &Path,
    wakes: SyncSender<Wake>,
) -> Result<(), StartError> {
    let (shared, program) = (Arc::clone(shared), program.to_path_buf());
    let body = move || {
        let found = walls::of_this_boot(&shared.paths.runtime, &program, &layout);
        let found = shared.layers.get_or_init(|| found);
        // Without the loop there is nobody to tell.
        drop(wakes.send(Wake::Probed(walls::walls(found))));
    };
    spawn("probe", body).map(drop)
}

fn watch(wakes: SyncSender<Wake>) -> Result<Arc<Sender<Watch>>, StartError> {
    let (send, receive) = channel();
    let send = Arc::new(send);
    let own = Arc::downgrade(&send);
    spawn("watch", move || Watching::new(receive, own, wakes).run())?;
    Ok(send)
}
