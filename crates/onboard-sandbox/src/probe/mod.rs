//! What this host can enforce, layer by layer, found by running into each wall.

pub(crate) mod inside;
mod mend;

use crate::cgroup::Layout;
use crate::launch::{AgentFiles, LaunchError, launch_profile};
use crate::layer::{Layer, Mechanism, Status};
use crate::network::Network;
use crate::profile::{Limits, PROJECT_DIR, Profile, ReadOnly};
use crate::record::How;
use crate::running::{Ended, Running};
use crate::sys;
use crate::tree;
use onboard_domain::Violation;
use onboard_domain::violation::{Rule, Sensor};
use serde::Serialize;
use std::io::{self, PipeReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Reads of the disk trial, and how many a second it is allowed: at least half a second if the
/// limit holds, microseconds if not.
const TRIAL_READS: u64 = 10;
const TRIAL_READS_PER_SECOND: u32 = 10;
/// Processes the trial of their limit is allowed.
const TRIAL_PROCESSES: u32 = 16;
/// The instance all trials belong to: one folder for their groups, however often it is tried.
const INSTANCE: &str = "probe";
/// What a trial prints when nothing stopped it.
const NO_END: &str = "no end";

/// How long one trial may take: none needs a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Names that are tried for a trial's folder: far more than one process can have left behind.
const NAMES_MAX: u32 = 10_000;

/// One layer as it stands on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capability {
    pub layer: Layer,
    /// The layer's word.
    pub name: &'static str,
    pub status: Status,
    /// Whether runs are refused without it.
    pub mandatory: bool,
    /// What holds it, or what was seen instead.
    pub how: String,
    /// What a person can do about it, if it is not enforced.
    pub mend: Option<&'static str>,
}

/// Tries every layer with throw-away runs of this program, about a second in all.
///
/// The program must call [`launcher_main_if_asked`](crate::launcher_main_if_asked) first in `main`.
pub fn probe(layout: &Layout) -> Vec<Capability> {
    let mut found: Vec<(Layer, Finding)> = match Ground::prepare() {
        Err(error) => {
            let why = format!("the trial could not be prepared: {error}");
            Layer::ALL.into_iter().map(|layer| (layer, Finding::absent(&why))).collect()
        }
        Ok(ground) => {
            // What still holds a process stays, and is in nobody's way.
            layout.sweep(INSTANCE, is_of_somebody);
            sweep_folders(&std::env::temp_dir());
            try_all(&ground, layout)
        }
    };
    found.sort_by_key(|(layer, _)| *layer);
    found.into_iter().map(|(layer, finding)| capability(layer, finding)).collect()
}

/// The layers without which every launch is refused.
pub fn missing_mandatory(capabilities: &[Capability]) -> Vec<&Capability> {
    capabilities.iter().filter(|c| c.mandatory && c.status == Status::Absent).collect()
}

/// What a trial found.
struct Finding {
    status: Status,
    how: String,
}

impl Finding {
    fn absent(how: &str) -> Self {
        Self { status: Status::Absent, how: how.to_owned() }
    }
}

fn capability(layer: Layer, Finding { status, how }: Finding) -> Capability {
    let mend = if status == Status::Enforced { None } else { mend::for_layer(layer) };
    let (name, mandatory) = (layer.word(), layer.is_mandatory());
    Capability { layer, name, status, mandatory, how, mend }
}

/// The folder a trial's runs see, removed afterwards.
struct Ground {
    folder: PathBuf,
    exe: PathBuf,
}

impl Ground {
    fn prepare() -> io::Result<Self> {
        let ground = Self { folder: new_folder()?, exe: std::env::current_exe()? };
        let at = |name: &str| ground.folder.join(name);
        // The run may have another user than we; what is masked must be readable but for the mask.
        std::fs::set_permissions(&ground.folder, std::fs::Permissions::from_mode(0o755))?;
        std::fs::create_dir(at("masked-folder"))?;
        for file in ["visible", "masked-file", "masked-folder/file"] {
            std::fs::write(at(file), "x")?;
        }
        Ok(ground)
    }
}

/// What the names of trials begin with: who makes them, as no other process was or will be.
const TRIAL: &str = "ai_onboard-probe-";

/// Removes the folders of trials that were killed, as far as they are ours to remove.
fn sweep_folders(temporary: &Path) {
    let Ok(entries) = std::fs::read_dir(temporary) else { return };
    let own = sys::process::effective_uid();
    let trials = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let is_trial = name.to_str().is_some_and(|name| name.starts_with(TRIAL));
        // The entry itself is looked at, not what a link in a folder of everybody's points to.
        let is_own = || entry.metadata().is_ok_and(|it| it.is_dir() && it.uid() == own);
        is_trial && is_own() && !name.to_str().is_some_and(is_of_somebody)
    });
    for trial in trials.take(NAMES_MAX as usize) {
        // What stays is an empty trial in the folder for temporary files.
        let _ = std::fs::remove_dir_all(trial.path());
    }
}

/// A folder of nobody else's. A trial that was killed leaves its own behind until the next one, and
/// names that are taken are passed over.
fn new_folder() -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id();
    let start = tree::stat(own.cast_signed()).map_or(0, |stat| stat.start_ticks);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TRIAL}{own}-{start}-{number}");
        let folder = std::env::temp_dir().join(name);
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES_MAX => {}
            made => return made.map(|()| folder),
        }
    }
}

/// Whether the process that made a trial's groups lives. One that was killed leaves them behind.
fn is_of_somebody(run: &str) -> bool {
    let mut numbers = run.strip_prefix(TRIAL).unwrap_or_default().split('-');
    let pid = numbers.next().and_then(|pid| pid.parse::<i32>().ok());
    let start = numbers.next().and_then(|ticks| ticks.parse::<u64>().ok());
    let stat = pid.and_then(tree::stat);
    stat.is_some_and(|stat| !stat.is_dead() && Some(stat.start_ticks) == start)
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Left behind, it is an empty trial in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A run of the trial program.
struct Trial {
    running: Running,
    host: UnixStream,
    output: PipeReader,
}

impl Trial {
    fn start(
        ground: &Ground,
        layout: &Layout,
        arguments: &[&str],
        limits: Limits,
    ) -> Result<Self, LaunchError> {
        Self::start_with(ground, layout, arguments, limits, None)
    }

    fn start_with(
        ground: &Ground,
        layout: &Layout,
        arguments: &[&str],
        limits: Limits,
        network: Option<Network>,
    ) -> Result<Self, LaunchError> {
        let folder = ground.folder.file_name().unwrap_or_default().to_string_lossy();
        let profile = Profile {
            instance: INSTANCE.to_owned(),
            run: format!("{folder}-{}", arguments[0]),
            argv: [inside::PROGRAM].iter().chain(arguments).map(|a| (*a).to_owned()).collect(),
            env: Vec::new(),
            project: ground.folder.clone(),
            forbidden: vec!["masked-file".into(), "masked-folder".into()],
            forbidden_commands: Vec::new(),
            read_only: vec![ReadOnly { host: ground.exe.clone(), name: inside::NAME.into() }],
            network,
            limits,
            works_in_tmp: false,
            must_enforce: Vec::new(),
        };
        let (files, host, output) = trial_files().map_err(LaunchError::Launcher)?;
        let running = launch_profile(profile, files, layout, |_| Ok(()))?;
        Ok(Self { running, host, output })
    }

    /// Waits for the end: how it was, and what the program wrote.
    fn finish(mut self) -> io::Result<(Ended, String)> {
        self.end()
    }

    fn end(&mut self) -> io::Result<(Ended, String)> {
        let ended = self.running.wait_for_end(PATIENCE)?.ok_or(io::ErrorKind::TimedOut)?;
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        Ok((ended, text))
    }
}

fn trial_files() -> io::Result<(AgentFiles, UnixStream, PipeReader)> {
    let (output, stdout) = io::pipe()?;
    let stderr = std::fs::File::options().write(true).open("/dev/null")?;
    let (host, agent) = UnixStream::pair()?;
    Ok((
        AgentFiles { stdout: stdout.into(), stderr: stderr.into(), host: agent.into() },
        host,
        output,
    ))
}

/// Limits under which no other limit disturbs a trial.
fn roomy() -> Limits {
    Limits { cpu_percent: 100, reads_per_second: None, ..Limits::default() }
}

fn try_all(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    let walls = try_walls(ground, layout);
    if walls.iter().any(|(layer, f)| layer.is_mandatory() && f.status == Status::Absent) {
        // Without its walls no run starts, and no limit of a run can be tried.
        let rest = Layer::ALL.into_iter().filter(|l| walls.iter().all(|(w, _)| w != l));
        let untried: Vec<(Layer, Finding)> =
            rest.map(|l| (l, Finding::absent("not tried: a wall is missing"))).collect();
        return walls.into_iter().chain(untried).collect();
    }
    let limits: Vec<(Layer, Finding)> = std::thread::scope(|scope| {
        type Try = fn(&Ground, &Layout) -> Vec<(Layer, Finding)>;
        let tries: [Try; 6] =
            [try_memory, try_cpu, try_pids, try_reads, try_freeze_and_kill, try_network];
        let threads = tries.map(|t| scope.spawn(move || t(ground, layout)));
        threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
    });
    // A layer that was tried twice is what the second trial says.
    let again = |layer: &Layer| limits.iter().any(|(second, _)| second == layer);
    let walls: Vec<_> = walls.into_iter().filter(|(layer, _)| !again(layer)).collect();
    walls.into_iter().chain(limits).collect()
}

/// The network that a run has whose policy allows hosts: where it can't be made, such runs end, and
/// those that have none are as closed as ever.
fn try_network(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    let (words, network) = (["reach"], Some(Network::default()));
    let reached = Trial::start_with(ground, layout, &words, roomy(), network)
        .map_err(|error| error.to_string())
        .and_then(|trial| trial.finish().map_err(|error| error.to_string()))
        .and_then(|(_, text)| match text.trim() {
            inside::HELD => Ok(()),
            otherwise => Err(otherwise.to_owned()),
        });
    match reached {
        Ok(()) => Vec::new(),
        Err(error) => {
            let how =
                format!("no network at all; agents that may reach hosts don't start: {error}");
            vec![(Layer::Network, Finding { status: Status::Degraded, how })]
        }
    }
}

/// The layers one run tries from inside.
const WALLS: [Layer; 11] = [
    Layer::User,
    Layer::Files,
    Layer::ForbiddenPaths,
    Layer::Processes,
    Layer::Network,
    Layer::Names,
    Layer::Proc,
    Layer::Privileges,
    Layer::Landlock,
    Layer::SystemCalls,
    Layer::FileSize,
];

/// What the trial of the walls said and did.
struct Seen {
    text: String,
    masks_tell: bool,
}

fn try_walls(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    let limits = Limits { file_bytes: 1 << 20, ..roomy() };
    let started = Trial::start(ground, layout, &["walls"], limits);
    let (text, told) = match started {
        Ok(mut trial) => match trial.end() {
            Ok((_, text)) => (Ok(text), trial.running.take_violations()),
            Err(error) => (Err((None, error.to_string())), Vec::new()),
        },
        Err(error) => (Err((error.layer(), error.to_string())), Vec::new()),
    };
    let masks_tell = told.iter().any(|v| v.sensor == Sensor::Mask);
    let seen = text.map(|text| Seen { text, masks_tell });
    let reports = reports(sys::notify::is_available(), &told);
    // No run begins that could not be ended.
    let kill = match &seen {
        Err((Some(Layer::Kill), error)) => Some((Layer::Kill, Finding::absent(error))),
        _ => None,
    };
    WALLS
        .into_iter()
        .map(|layer| (layer, wall(layer, &seen)))
        .chain([(Layer::Reports, reports)])
        .chain(kill)
        .collect()
}

/// The trial made calls that are refused, and wrote where nothing can be written: what of it was told.
fn reports(is_available: bool, told: &[Violation]) -> Finding {
    let has = |rule: Rule| told.iter().any(|violation| violation.rule == rule);
    let place =
        told.iter().any(|v| v.rule == Rule::ReadOnlyPath && v.target.starts_with(PROJECT_DIR));
    match (is_available, has(Rule::DeniedSyscall), place) {
        (false, ..) => Finding {
            status: Status::Degraded,
            how: "this kernel hands no calls over: they are refused, and not told".into(),
        },
        (true, true, true) => Finding { status: Status::Enforced, how: "seccomp notifier".into() },
        (true, true, false) => Finding {
            status: Status::Degraded,
            how: "the notifier can't read what a call names: calls are told without it".into(),
        },
        (true, false, _) => Finding::absent("refused calls were not told"),
    }
}

fn wall(layer: Layer, seen: &Result<Seen, (Option<Layer>, String)>) -> Finding {
    match seen {
        Ok(Seen { text, masks_tell }) => {
            let said = text.lines().find_map(|l| l.strip_prefix(layer.word())?.strip_prefix(": "));
            match said {
                Some(inside::HELD) => {
                    // Closed they are; who tried is another question.
                    let is_silent = layer == Layer::ForbiddenPaths && !masks_tell;
                    let status = if is_silent { Status::Degraded } else { Status::Enforced };
                    Finding { status, how: kernel(layer, *masks_tell).into() }
                }
                Some(otherwise) => Finding::absent(otherwise),
                None => Finding::absent("the trial ended before it came to this"),
            }
        }
        Err((Some(failed), _)) if *failed != layer => {
            Finding::absent(&format!("not tried: the layer {failed} could not be built"))
        }
        Err((_, error)) => Finding::absent(error),
    }
}

/// What in the kernel holds a wall.
fn kernel(layer: Layer, masks_tell: bool) -> &'static str {
    match layer {
        Layer::User => "user namespace",
        Layer::Files => "mount namespace, read-only mounts",
        Layer::ForbiddenPaths if masks_tell => "masking file systems; attempts are reported",
        Layer::ForbiddenPaths => {
            "masking mounts: opens are told by what they name, looks are not, as /dev/fuse can't be used"
        }
        Layer::Processes => "pid namespace",
        Layer::Network => "network namespace, system call filter",
        Layer::Names => "uts, ipc and cgroup namespaces",
        Layer::Proc => "own /proc, hidepid, subset=pid",
        Layer::Privileges => "no capabilities, no_new_privs",
        Layer::Landlock => "landlock",
        Layer::SystemCalls => "seccomp",
        Layer::FileSize => "RLIMIT_FSIZE",
        _ => "control groups",
    }
}

/// One limit: what holds it here, and whether it did.
fn limit(layer: Layer, mechanism: Mechanism, trial: Result<(), String>) -> Vec<(Layer, Finding)> {
    let finding = match trial {
        Ok(()) => Finding { status: mechanism.status(), how: mechanism.explanation().into() },
        Err(seen) => Finding::absent(&format!("{}: {seen}", mechanism.explanation())),
    };
    vec![(layer, finding)]
}

/// Runs a trial to its end.
fn run(
    ground: &Ground,
    layout: &Layout,
    arguments: &[&str],
    limits: Limits,
) -> Result<(Ended, String), String> {
    let trial = Trial::start(ground, layout, arguments, limits).map_err(|e| e.to_string())?;
    trial.finish().map_err(|e| e.to_string())
}

fn try_memory(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    let limits = Limits { memory_bytes: 32 << 20, ..roomy() };
    let held = run(ground, layout, &["memory"], limits).and_then(|(ended, text)| {
        let stopped = ended.oom || ended.memory_limit_kill || !text.contains(NO_END);
        if stopped { Ok(()) } else { Err("256 MiB could be taken under a limit of 32".into()) }
    });
    limit(Layer::Memory, layout.mechanisms(false).memory, held)
}

fn try_cpu(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    /// A tenth is allowed; half means that nothing held it back. Between them lies what a short
    /// trial may have saved up.
    const HALF: u64 = 2;
    let limits = Limits { cpu_percent: 10, ..roomy() };
    let start = Instant::now();
    let held = run(ground, layout, &["cpu"], limits).and_then(|(ended, _)| {
        let elapsed = start.elapsed().as_micros() as u64;
        if ended.cpu_us * HALF <= elapsed {
            return Ok(());
        }
        Err(format!("{} ms of {} ms could be used", ended.cpu_us / 1000, elapsed / 1000))
    });
    limit(Layer::Cpu, layout.mechanisms(false).cpu, held)
}

fn try_pids(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    let limits = Limits { pids: TRIAL_PROCESSES, ..roomy() };
    let held = run(ground, layout, &["pids"], limits)
        .and_then(|(_, text)| if text.contains(NO_END) { Err(text) } else { Ok(()) });
    limit(Layer::Pids, layout.mechanisms(false).pids, held)
}

fn try_reads(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    let limits = Limits { reads_per_second: Some(TRIAL_READS_PER_SECOND), ..roomy() };
    let mechanism = match ground.exe.to_str() {
        Some(exe) => {
            layout.mechanisms(!crate::disk::behind([exe].into_iter()).is_empty()).disk_reads
        }
        None => Mechanism::Nothing,
    };
    if mechanism == Mechanism::Nothing {
        return vec![(Layer::DiskReads, Finding::absent("no io controller, or no disk to limit"))];
    }
    let held = run(ground, layout, &["reads", inside::PROGRAM], limits).and_then(|(_, text)| {
        match text.trim().parse::<u64>() {
            Ok(ms) if ms >= 1000 * TRIAL_READS / u64::from(TRIAL_READS_PER_SECOND) / 2 => Ok(()),
            Ok(ms) => Err(format!("{TRIAL_READS} reads in {ms} ms")),
            Err(_) => Err("this program's file cannot be read past the cache".into()),
        }
    });
    limit(Layer::DiskReads, mechanism, held)
}

fn try_freeze_and_kill(ground: &Ground, layout: &Layout) -> Vec<(Layer, Finding)> {
    let trial = match Trial::start(ground, layout, &["echo"], roomy()) {
        Ok(trial) => trial,
        Err(error) => {
            let how = error.to_string();
            return [Layer::Freeze, Layer::Kill].map(|l| (l, Finding::absent(&how))).into();
        }
    };
    let frozen = try_freeze(&trial).map_err(|e| e.to_string());
    let mut found = limit(Layer::Freeze, layout.mechanisms(false).freeze, frozen);
    let kill = match trial.running.kill_and_prove(PATIENCE) {
        Ok(proof) if proof.how == How::Killed => Finding {
            status: Status::Enforced,
            how: format!("pid namespace, seen gone after {} ms", proof.elapsed.as_millis()),
        },
        Ok(_) => Finding::absent("the trial was gone before it was killed"),
        Err(error) => Finding::absent(&error.to_string()),
    };
    found.push((Layer::Kill, kill));
    found
}

/// A frozen run does not answer; a thawed one does.
fn try_freeze(trial: &Trial) -> io::Result<()> {
    const SILENCE: Duration = Duration::from_millis(100);
    let mut host = &trial.host;
    trial.running.freeze()?;
    host.write_all(b"a")?;
    host.set_read_timeout(Some(SILENCE))?;
    let answered_frozen = host.read(&mut [0]).is_ok();
    trial.running.thaw()?;
    host.set_read_timeout(Some(PATIENCE))?;
    if answered_frozen {
        return Err(io::Error::other("a frozen run answered"));
    }
    host.read_exact(&mut [0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_removes_what_killed_trials_left() {
        let temporary = tempfile::tempdir().expect("folder");
        let own = std::process::id();
        let start = tree::stat(own.cast_signed()).expect("our own state").start_ticks;
        let [living, dead, linked] = [
            format!("{TRIAL}{own}-{start}-0"),
            format!("{TRIAL}{own}-1-0"),
            format!("{TRIAL}1-1-0"),
        ];
        for name in [&living, &dead, "somebody-else-s"] {
            std::fs::create_dir_all(temporary.path().join(name).join("masked-folder")).expect("it");
        }
        let other = temporary.path().join("somebody-else-s");
        std::os::unix::fs::symlink(&other, temporary.path().join(&linked)).expect("link");
        sweep_folders(temporary.path());
        let left = |name: &str| std::fs::symlink_metadata(temporary.path().join(name)).is_ok();
        assert_eq!([&living, &dead, &linked].map(|name| left(name)), [true, false, true]);
        assert!(other.join("masked-folder").exists());
    }
}
