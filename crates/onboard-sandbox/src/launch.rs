//! Starting a run: from a profile to a process behind its walls.

use crate::allowance::Allowance;
use crate::cgroup::{Group, Layout};
use crate::counted::Counted;
use crate::disk;
use crate::host::Host;
use crate::lacking::Lacking;
use crate::layer::{Layer, Mechanism, Status};
use crate::mask::{Folders, Masks};
use crate::network::End;
use crate::notify::{self, Notifier, Rules};
use crate::permit::Permitted;
use crate::plan::{Gift, Mechanisms, Plan, Step};
use crate::profile::{Limits, Profile, ProfileError};
use crate::record::RunRecord;
use crate::report::Reports;
use crate::running::{Descriptors, Running, Sensors, Weakness};
use crate::starter::{self, Request};
use crate::sys::{self, process, socket};
use crate::tree;
use crate::wire::{self, Message, Passed};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long each answer of the launcher may take. A start takes milliseconds; on a machine under
/// heavy load a thousand times that is still a start.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a launcher that is no longer wanted may take to end, and after that to die.
const END: Duration = Duration::from_secs(2);

/// Looks at folders that may wait for their file systems at once: each is a thread that nothing ends
/// but an answer.
const LOOKS: usize = 16;

/// A look's stack: it lists folders, without recursion.
const LOOK_STACK: usize = 256 * 1024;

/// The descriptors the agent gets.
#[derive(Debug)]
pub struct AgentFiles {
    /// Where its standard output goes.
    pub stdout: OwnedFd,
    /// Where its standard error goes.
    pub stderr: OwnedFd,
    /// Its end of the socket to its host, descriptor 3.
    pub host: OwnedFd,
}

/// Why a run was not started. Nothing of it is left.
#[derive(Debug)]
pub enum LaunchError {
    /// The profile itself, or a path it names.
    Profile(ProfileError),
    /// A layer this run insists on, or every run does, is not there.
    Missing { layer: Layer, status: Status, mechanism: Mechanism },
    /// A sensor that must work does not, or the way to end a run: nothing was started without it.
    Sensor { layer: Layer, error: io::Error },
    /// The launcher could not be started or spoken to.
    Launcher(io::Error),
    /// The run's control group could not be made.
    Group(io::Error),
    /// A step of the plan failed.
    Step { index: usize, step: String, layer: Layer, error: io::Error },
    /// The caller could not record the run.
    Record(io::Error),
    /// What is to be shown lies where nobody answers: a file system that is gone.
    Unanswered { project: String },
}

impl LaunchError {
    /// The layer that is to blame, if one is.
    pub fn layer(&self) -> Option<Layer> {
        match self {
            Self::Missing { layer, .. } | Self::Sensor { layer, .. } | Self::Step { layer, .. } => {
                Some(*layer)
            }
            _ => None,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(error) => write!(f, "profile: {error}"),
            Self::Missing { layer, status, mechanism } => {
                write!(f, "the layer {layer} is {status} on this host ({mechanism})")
            }
            Self::Sensor { layer, error } => {
                write!(f, "the layer {layer} failed its trial: {error}")
            }
            Self::Launcher(error) => write!(f, "launcher: {error}"),
            Self::Group(error) => write!(f, "control group: {error}"),
            Self::Step { index, step, layer, error } => {
                write!(f, "step {index} of the layer {layer} failed: {step}: {error}")
            }
            Self::Record(error) => write!(f, "recording the run: {error}"),
            Self::Unanswered { project } => write!(
                f,
                "the file system of {project}, or of what is shown beside it, does not answer: mount it anew"
            ),
        }
    }
}

impl std::error::Error for LaunchError {}

/// Starts a run and returns when its program runs.
///
/// `before_exec` gets the record with which any process can later end the run; the program starts
/// only after it returned, so what it wrote down is there before the program is.
pub fn launch(
    permitted: Permitted,
    files: AgentFiles,
    layout: &Layout,
    before_exec: impl FnOnce(&RunRecord) -> io::Result<()>,
) -> Result<Running, LaunchError> {
    launch_profile(permitted.into_profile(), files, layout, before_exec)
}

/// The launch itself; without a permit only this crate's own trials come here.
pub(crate) fn launch_profile(
    profile: Profile,
    files: AgentFiles,
    layout: &Layout,
    before_exec: impl FnOnce(&RunRecord) -> io::Result<()>,
) -> Result<Running, LaunchError> {
    profile.check().map_err(LaunchError::Profile)?;
    // First, so that the launcher comes up while the rest is prepared.
    let start = Start::fork(&profile.run, files.stdout, files.stderr);
    let mut start = start.map_err(LaunchError::Launcher)?;
    let (host, disks) = look(&profile)?;
    let limits = &profile.limits;
    let mechanisms = layout.mechanisms(!disks.is_empty());
    insist(&profile, &host, &mechanisms)?;
    start.group = Group::create(layout, &profile.instance, &profile.run, limits, &disks)
        .map_err(LaunchError::Group)?;
    let groups = layout.entries(&profile.instance, &profile.run);
    start.plan = Plan::compile(&profile, &host, &mechanisms, &groups);
    start.meet_launcher()?;
    start.send_plan(files.host).map_err(LaunchError::Launcher)?;
    let record = start.record(&profile)?;
    let mut given = start.given()?;
    let masks = start.serve(&mut given, record.pid, limits)?;
    start.group.limit_cpu(limits.cpu_percent).map_err(LaunchError::Group)?;
    before_exec(&record).map_err(LaunchError::Record)?;
    wire::send(start.init.as_fd(), Message::Go).map_err(LaunchError::Launcher)?;
    let notifier = start.watch_calls(&profile)?;
    let notifier = start.await_program(notifier)?;
    let is_blind = notifier.as_ref().is_some_and(Notifier::is_blind);
    let mut degraded = degraded(&profile, &host, &mechanisms, given.lacking);
    if is_blind {
        let how = "the notifier can't read what a call names: calls are told without it".into();
        degraded.push(Weakness { layer: Layer::Reports, how });
    }
    let pids_uncounted = mechanisms.pids == Mechanism::ProcessLimit;
    let counted = Counted::new(*limits, pids_uncounted, given.tmp);
    start.finish(record, (mechanisms, degraded), given.network, (counted, notifier, masks))
}

/// Looks at the host in a thread of its own, for a file system that is gone keeps whoever asks it: for
/// ever, and no signal helps. Such a thread is left behind, and ends with an answer.
fn look(profile: &Profile) -> Result<(Host, Vec<String>), LaunchError> {
    static WAITING: AtomicUsize = AtomicUsize::new(0);
    let unanswered = || LaunchError::Unanswered { project: profile.project.display().to_string() };
    if WAITING.fetch_add(1, Ordering::SeqCst) >= LOOKS {
        WAITING.fetch_sub(1, Ordering::SeqCst);
        return Err(unanswered());
    }
    let (found, looked) = std::sync::mpsc::sync_channel(1);
    let of = profile.clone();
    let looking = std::thread::Builder::new().name("look".into()).stack_size(LOOK_STACK);
    let looking = looking.spawn(move || {
        let host = Host::survey(&of);
        let disks = match (&host, of.limits.reads_per_second) {
            (Ok(host), Some(_)) => disk::behind(visible(host)),
            _ => Vec::new(),
        };
        WAITING.fetch_sub(1, Ordering::SeqCst);
        // Who asked may have given up.
        let _ = found.send((host, disks));
    });
    if let Err(error) = looking {
        WAITING.fetch_sub(1, Ordering::SeqCst);
        return Err(LaunchError::Launcher(error));
    }
    match looked.recv_timeout(START_TIMEOUT) {
        Ok((host, disks)) => Ok((host.map_err(LaunchError::Profile)?, disks)),
        Err(_) => Err(unanswered()),
    }
}

/// What of this run the kernel does not hold, or nobody tells of.
fn degraded(
    profile: &Profile,
    host: &Host,
    mechanisms: &Mechanisms,
    built: Lacking,
) -> Vec<Weakness> {
    let mut weak: Vec<Weakness> = Vec::new();
    let mut add = |layer, how: &str| weak.push(Weakness { layer, how: how.to_owned() });
    if !host.can_notify {
        add(Layer::Reports, "this kernel hands no calls over: they are refused, and not told");
    }
    if !host.can_watch && !profile.forbidden.is_empty() {
        add(
            Layer::ForbiddenPaths,
            match host.can_notify {
                true => "/dev/fuse can't be used: opens are told by what they name, looks are not",
                false => "/dev/fuse can't be used: attempts are refused and not reported",
            },
        );
    }
    if host.landlock.is_none() {
        add(Layer::Landlock, "this kernel has none");
    }
    for (layer, mechanism) in mechanisms.pairs() {
        if mechanism.status() != Status::Enforced {
            add(layer, mechanism.explanation());
        }
    }
    host.lacking.words().chain(built.words()).for_each(|(layer, words)| add(layer, words));
    weak.sort_by_key(|weakness| weakness.layer);
    weak
}

/// The plan a launch would carry out, for people and tests.
pub fn plan(profile: &Profile, layout: &Layout) -> Result<Plan, LaunchError> {
    profile.check().map_err(LaunchError::Profile)?;
    let host = Host::survey(profile).map_err(LaunchError::Profile)?;
    let disks = !disk::behind(visible(&host)).is_empty();
    let groups = layout.entries(&profile.instance, &profile.run);
    Ok(Plan::compile(profile, &host, &layout.mechanisms(disks), &groups))
}

fn visible(host: &Host) -> impl Iterator<Item = &str> {
    let folders = host.read_only.iter().chain([&host.project]).map(|source| source.path.as_str());
    folders.chain(host.system.iter().map(|entry| entry.path.as_str()))
}

/// Refuses where a layer is not there that must be.
fn insist(profile: &Profile, host: &Host, mechanisms: &Mechanisms) -> Result<(), LaunchError> {
    for (layer, mechanism) in mechanisms.pairs() {
        let status = mechanism.status();
        let missing = layer.is_mandatory() && status == Status::Absent;
        let too_weak = profile.must_enforce.contains(&layer) && status != Status::Enforced;
        if missing || too_weak {
            return Err(LaunchError::Missing { layer, status, mechanism });
        }
    }
    if host.landlock.is_none() && profile.must_enforce.contains(&Layer::Landlock) {
        let (layer, status, mechanism) = (Layer::Landlock, Status::Absent, Mechanism::Nothing);
        return Err(LaunchError::Missing { layer, status, mechanism });
    }
    Ok(())
}

/// What the run's first process gave its caller.
#[derive(Default)]
struct Given {
    network: Vec<End>,
    tmp: Option<OwnedFd>,
    masks: Vec<(String, OwnedFd)>,
    folders: Folders,
    lacking: Lacking,
}

/// A launch under way. Dropped before it is finished, it leaves nothing behind.
struct Start {
    run: String,
    plan: Plan,
    group: Group,
    /// To the launcher; `None` once the run is started.
    control: Option<OwnedFd>,
    /// The launcher, once it was announced.
    launcher: Option<(i32, OwnedFd)>,
    pidfd: Option<OwnedFd>,
    reports: Reports,
    init: OwnedFd,
    /// Init's end, until it is sent.
    init_end: Option<OwnedFd>,
}

impl Start {
    fn fork(run: &str, stdout: OwnedFd, stderr: OwnedFd) -> io::Result<Self> {
        let (control, launcher_end) = socket::pair()?;
        let (init, init_end) = socket::pair()?;
        for socket in [&control, &init] {
            socket::set_receive_timeout(socket.as_fd(), START_TIMEOUT)?;
        }
        let reports = Reports::new()?;
        let (stdout, stderr) = (stdout.as_fd(), stderr.as_fd());
        starter::fork_launcher(&Request { control: launcher_end.as_fd(), stdout, stderr })?;
        Ok(Self {
            run: run.to_owned(),
            plan: Plan::default(),
            group: Group::default(),
            control: Some(control),
            launcher: None,
            pidfd: None,
            reports,
            init,
            init_end: Some(init_end),
        })
    }

    fn control(&self) -> io::Result<BorrowedFd<'_>> {
        Ok(self.control.as_ref().ok_or(io::ErrorKind::NotConnected)?.as_fd())
    }

    /// Waits until the launcher is there.
    fn meet_launcher(&mut self) -> Result<(), LaunchError> {
        let answer = self.control().and_then(wire::receive_with_files);
        // A starter that is silent would fork later, what nobody waits for.
        match answer.inspect_err(|_| starter::give_up()).map_err(timed_out)? {
            Some((Message::Forked { pid }, mut fds)) => match fds.pop() {
                Some(pidfd) => {
                    self.launcher = Some((pid, pidfd));
                    Ok(())
                }
                None => Err(self.reap_unnamed(pid)),
            },
            Some((Message::Failed { step, errno }, _)) => Err(self.failed(step, errno)),
            _ => Err(unexpected_end()),
        }
    }

    /// Ends a launcher for whose descriptor this process had none left.
    fn reap_unnamed(&mut self, pid: i32) -> LaunchError {
        // Without a caller it ends; it has built nothing that it could wait for.
        self.control = None;
        let _ = process::wait(pid);
        let _ = self.group.remove();
        LaunchError::Launcher(io::Error::from_raw_os_error(libc::EMFILE))
    }

    /// The launcher's copies of both descriptors are the only ones afterwards.
    fn send_plan(&mut self, host: OwnedFd) -> io::Result<()> {
        let init_end = self.init_end.take().ok_or(io::ErrorKind::NotConnected)?;
        let passed = Passed { host: host.as_fd(), init: init_end.as_fd() };
        wire::send_plan(self.control()?, &self.plan, &passed)
    }

    /// Waits for the sandbox's first process and describes the run.
    fn record(&mut self, profile: &Profile) -> Result<RunRecord, LaunchError> {
        let answer = self.control().and_then(wire::receive_with_files);
        match answer.map_err(timed_out)? {
            Some((Message::Created { pid }, mut fds)) => {
                self.pidfd = fds.pop();
                self.see_mortal()?;
                RunRecord::of(pid, profile, self.group.clone())
                    .map_err(|error| self.said().unwrap_or(LaunchError::Launcher(error)))
            }
            // The run's first process ended before it was let go on.
            Some((Message::Failed { step, errno: libc::EPIPE }, _))
                if matches!(self.plan.steps.get(step), Some(Step::MapUser { .. })) =>
            {
                Err(self.said().unwrap_or_else(|| self.failed(step, libc::EPIPE)))
            }
            Some((Message::Failed { step, errno }, _)) => Err(self.failed(step, errno)),
            _ => Err(unexpected_end()),
        }
    }

    /// Why the run's first process ended, if it said so.
    fn said(&self) -> Option<LaunchError> {
        self.hear().err()
    }

    /// What can't be ended is not begun: a signal would reach the run's first process.
    fn see_mortal(&self) -> Result<(), LaunchError> {
        let pidfd = self.pidfd.as_ref().ok_or_else(unexpected_end)?;
        match process::signal_pidfd(pidfd.as_fd(), 0) {
            // It ended by itself, and said why.
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                Err(LaunchError::Sensor { layer: Layer::Kill, error })
            }
            _ => Ok(()),
        }
    }

    /// The descriptors that came with the message that is wanted.
    fn expect(&self, wanted: Message) -> Result<Vec<OwnedFd>, LaunchError> {
        match self.hear()? {
            (message, fds) if message == wanted => Ok(fds),
            _ => Err(unexpected_end()),
        }
    }

    /// What the run's first process says next, if it is no failure, and the descriptors with it.
    fn hear(&self) -> Result<(Message, Vec<OwnedFd>), LaunchError> {
        match wire::receive_with_files(self.init.as_fd()).map_err(timed_out)? {
            Some((Message::Failed { step, errno }, _)) => Err(self.failed(step, errno)),
            Some(said) => Ok(said),
            None => Err(unexpected_end()),
        }
    }

    /// Waits until everything is built, and takes the descriptors that come then, each by what it
    /// is.
    fn given(&self) -> Result<Given, LaunchError> {
        let (Message::Ready { folders, lacking }, fds) = self.hear()? else {
            return Err(unexpected_end());
        };
        let gifts: Vec<Gift> = self.plan.gifts().collect();
        if gifts.len() != fds.len() {
            return Err(unexpected_end());
        }
        let mut given = Given { folders, lacking, ..Given::default() };
        for (gift, socket) in gifts.into_iter().zip(fds) {
            match gift {
                Gift::End(place) => given.network.push(End { place, socket }),
                Gift::Tmp => given.tmp = Some(socket),
                Gift::Mask(path) => given.masks.push((path, socket)),
            }
        }
        Ok(given)
    }

    /// Hears of the run's calls from the first one on, which is that its program starts: without an
    /// answer there is no start.
    fn watch_calls(&self, profile: &Profile) -> Result<Option<Notifier>, LaunchError> {
        if !self.plan.is_watched() {
            return Ok(None);
        }
        let listener = self.expect(Message::Watched)?.pop().ok_or_else(unexpected_end)?;
        let rules = Rules::of(profile);
        let run = self.pidfd.as_ref().ok_or_else(unexpected_end)?;
        let allowance = Allowance::of(profile.limits.cpu_percent);
        let listening = run
            .try_clone()
            .and_then(|run| notify::listen(listener, rules, self.reports.clone(), run, allowance));
        listening.map(Some).map_err(LaunchError::Launcher)
    }

    /// Waits until the program runs. Where it never does because its first call was not heard, that
    /// is the reason, and no other.
    fn await_program(&self, notifier: Option<Notifier>) -> Result<Option<Notifier>, LaunchError> {
        match (self.expect(Message::Started), notifier) {
            (Ok(_), notifier) => Ok(notifier),
            (Err(error), None) => Err(error),
            (Err(error), Some(notifier)) => {
                // By now its run is dead or dying, and its thread ends with that.
                if let Some(pidfd) = &self.pidfd {
                    let _ = process::signal_pidfd(pidfd.as_fd(), libc::SIGKILL);
                }
                let layer = Layer::Reports;
                Err(notifier
                    .join()
                    .err()
                    .map_or(error, |error| LaunchError::Sensor { layer, error }))
            }
        }
    }

    /// Before the agent is there, so that it never waits for an answer.
    fn serve(
        &self,
        given: &mut Given,
        init: i32,
        limits: &Limits,
    ) -> Result<Option<Masks>, LaunchError> {
        if given.masks.is_empty() {
            return Ok(None);
        }
        let masks = std::mem::take(&mut given.masks);
        let allowance = Allowance::of(limits.cpu_percent);
        let reports = self.reports.clone();
        let served = Masks::serve(masks, given.folders, init, reports, allowance);
        served.map(Some).map_err(LaunchError::Launcher)
    }

    fn failed(&self, index: usize, errno: i32) -> LaunchError {
        let error = io::Error::from_raw_os_error(errno);
        match self.plan.steps.get(index) {
            Some(Step::Take { source, is: Some(_), .. }) if errno == libc::ESTALE => {
                LaunchError::Profile(ProfileError::Replaced(source.into()))
            }
            Some(step) => {
                LaunchError::Step { index, step: step.to_string(), layer: step.layer(), error }
            }
            None => LaunchError::Launcher(error),
        }
    }

    fn finish(
        mut self,
        record: RunRecord,
        (mechanisms, degraded): (Mechanisms, Vec<Weakness>),
        network: Vec<End>,
        (counted, notifier, masks): (Counted, Option<Notifier>, Option<Masks>),
    ) -> Result<Running, LaunchError> {
        let init = self.init.try_clone().map_err(LaunchError::Launcher)?;
        let ends = (self.launcher.take(), self.control.take(), self.pidfd.take());
        let (Some((_, launcher)), Some(control), Some(pidfd)) = ends else {
            return Err(unexpected_end());
        };
        let sensors = Sensors {
            reports: self.reports.clone(),
            counted: Mutex::new(counted),
            notifier: Mutex::new(notifier),
            masks: Mutex::new(masks),
        };
        let ends = Descriptors { pidfd, control, init };
        Ok(Running::new(record, (mechanisms, degraded), ends, network, sensors, launcher))
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        // Started: the run has them.
        if self.control.is_none() {
            return;
        }
        // Not waited for so far, and ours to reap all the same.
        if self.launcher.is_none() {
            let _ = self.meet_launcher();
        }
        // Without a caller the launcher ends, and the run with it.
        self.control = None;
        self.init_end = None;
        // Errors here have nowhere to go: what matters was reported, and a sweep finds the rest.
        if let Some((pid, launcher)) = self.launcher.take() {
            self.see_gone(pid, launcher.as_fd());
            let _ = process::reap(launcher.as_fd());
        }
        let _ = self.group.remove();
    }
}

impl Start {
    /// Waits until the launcher and the run's first process are gone; they are killed when that takes
    /// long. Who waits in the kernel for a file system that is gone dies with its answer alone; until
    /// then nobody is told that the run has ended, and the log says why.
    fn see_gone(&self, pid: i32, launcher: BorrowedFd<'_>) {
        let ends: Vec<BorrowedFd<'_>> =
            [launcher].into_iter().chain(self.pidfd.as_ref().map(AsFd::as_fd)).collect();
        let gone = |patience| {
            let deadline = Instant::now() + patience;
            ends.iter().all(|end| {
                let left = || Some(deadline.saturating_duration_since(Instant::now()));
                let state = sys::retry(|| process::poll_readable(&[*end], left()));
                state.is_ok_and(|state| state[0].readable)
            })
        };
        if gone(END) {
            return;
        }
        for end in &ends {
            // One that ended meanwhile needs none.
            let _ = process::signal_pidfd(*end, libc::SIGKILL);
        }
        if !gone(END) {
            let run = &self.run;
            let stuck = tree::left_with(pid);
            let how = if stuck.iter().any(|left| left.is_stuck) {
                "waits in the kernel, uninterruptibly"
            } else {
                "is not seen to be gone"
            };
            eprintln!("run {run}: its launcher (process {pid}) was killed and {how}");
        }
    }
}

fn timed_out(error: io::Error) -> LaunchError {
    LaunchError::Launcher(match error.kind() {
        io::ErrorKind::WouldBlock => {
            let why = "no answer came; a file system that it needs may be gone";
            io::Error::new(io::ErrorKind::TimedOut, why)
        }
        _ => error,
    })
}

fn unexpected_end() -> LaunchError {
    LaunchError::Launcher(io::Error::other(
        "ended before the run started; does the program call launcher_main_if_asked first?",
    ))
}
