//! `config.yaml` of a project or a user: agents' settings given anew, and a user's settings of the
//! daemon.

use crate::manifest::{OVERRIDE_KEYS, Overrides, collect_places};
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::net::{Ipv4Addr, SocketAddr};
use onboard_domain::AgentName;
use onboard_text::{Document, Item, Problem, Span, edit};

/// Most agents that one file sets.
const AGENTS: usize = 1_000;

/// Most runs at a time that may be asked for: each costs the daemon a thread and five descriptors,
/// and a process may usually have a thousand of those.
const RUNNING_MAX: u64 = 150;

/// Where a problem of a whole file is.
const START: Span = Span { start: 0, end: 0, line: 1, column: 1 };

/// The most of the journal that may be asked to be kept, in MiB and in days: what one disk holds,
/// and ten years.
const JOURNAL_MIB_MAX: u64 = 65_536;
const JOURNAL_DAYS_MAX: u64 = 3_650;

/// The largest budget that may be asked for: percent of one core, and MiB; a thousand cores and 16 TiB
/// are beyond any machine that people work at.
const CPU_PERCENT_MAX: u64 = 100_000;
const MEMORY_MB_MAX: u64 = 16 * 1024 * 1024;

/// The daemon's keys, each in [`DaemonSettings`].
const DAEMON_KEYS: [&str; 7] = [
    "max_running",
    "cpu_percent",
    "memory_mb",
    "journal_mib",
    "journal_days",
    "hooks_listen",
    "certificates",
];

/// What a user's file says of the daemon; `None` leaves its own number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonSettings {
    /// How many runs may have a process at a time.
    pub max_running: Option<u32>,
    /// Percent of one core that the limits of all runs with a process may add up to.
    pub cpu_percent: Option<u32>,
    /// MiB that the limits of all runs with a process may add up to.
    pub memory_mb: Option<u32>,
    /// How many MiB of journal entries are kept.
    pub journal_mib: Option<u64>,
    /// How many days of journal entries are kept.
    pub journal_days: Option<u64>,
    /// Where webhooks are taken; nowhere by default.
    pub hooks_listen: Option<SocketAddr>,
    /// The full path of a file with certificates that are trusted besides the machine's own, in PEM.
    pub certificates: Option<String>,
}

/// Settings that were read, and where each was written.
#[derive(Clone, Debug)]
pub struct Settings {
    agents: BTreeMap<AgentName, Overrides>,
    daemon: DaemonSettings,
    document: Document,
    places: BTreeMap<String, Span>,
}

/// Reads settings that people know as `file`:
///
/// ```yaml
/// agents:
///   project-health-monitor:
///     schedule: daily
/// daemon:
///   max_running: 8
///   cpu_percent: 200
///   memory_mb: 4096
///   journal_mib: 512
///   journal_days: 400
///   hooks_listen: 127.0.0.1:8722
///   certificates: /etc/ssl/our-own.pem
/// ```
///
/// # Errors
/// The first thing that is wrong, at its place, with what would be right.
pub fn parse_settings(text: &str, file: &str) -> Result<Settings, Problem> {
    let document = Document::parse(file, text)?;
    let mut agents = BTreeMap::new();
    let fields = document.root().fields(&["agents", "daemon"])?;
    let daemon = match fields.get("daemon") {
        Some(item) if !item.is_empty() => daemon(&item)?,
        _ => DaemonSettings::default(),
    };
    if let Some(item) = fields.get("agents")
        && !item.is_empty()
    {
        for (name, span, value) in item.pairs(AGENTS)? {
            let name = AgentName::new(name).map_err(|why| document.problem(span, why))?;
            if !value.is_empty() {
                agents.insert(name, Overrides::read(&value.fields(&OVERRIDE_KEYS)?)?);
            }
        }
    }
    let mut places = BTreeMap::new();
    collect_places(&document.root(), &mut places)?;
    Ok(Settings { agents, daemon, document, places })
}

fn daemon(item: &Item<'_>) -> Result<DaemonSettings, Problem> {
    let fields = item.fields(&DAEMON_KEYS)?;
    let number = |key, max| fields.get(key).map(|item| item.integer(1..=max)).transpose();
    // Every such bound is far below what 32 bits hold.
    let small = |key, max| number(key, max).map(|n| n.and_then(|n| u32::try_from(n).ok()));
    Ok(DaemonSettings {
        max_running: small("max_running", RUNNING_MAX)?,
        cpu_percent: small("cpu_percent", CPU_PERCENT_MAX)?,
        memory_mb: small("memory_mb", MEMORY_MB_MAX)?,
        journal_mib: number("journal_mib", JOURNAL_MIB_MAX)?,
        journal_days: number("journal_days", JOURNAL_DAYS_MAX)?,
        hooks_listen: fields.get("hooks_listen").map(|item| listen(&item)).transpose()?,
        certificates: fields.get("certificates").map(|item| full_path(&item)).transpose()?,
    })
}

/// The daemon runs in another folder than who starts it.
fn full_path(item: &Item<'_>) -> Result<String, Problem> {
    match item.text()? {
        path if path.starts_with('/') => Ok(path.into()),
        path => {
            Err(item.problem(alloc::format!("`{path}` is no full path")).mend("begin with `/`"))
        }
    }
}

/// An address with its port; a port alone is this machine's own.
fn listen(item: &Item<'_>) -> Result<SocketAddr, Problem> {
    let text = item.text()?;
    let port = text.parse().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    port.ok().or_else(|| text.parse().ok()).ok_or_else(|| {
        item.problem(alloc::format!("`{text}` is neither a port nor an address with its port"))
            .mend("write `8722`, which only this machine reaches, or such as `192.0.2.7:8722`")
    })
}

impl Settings {
    /// What is said of the daemon. Only the user's file says it: what comes with a repository doesn't
    /// decide about the machine.
    pub fn daemon(&self) -> &DaemonSettings {
        &self.daemon
    }

    /// That a project's file sets something of the daemon, at its place.
    pub fn problem_of_daemon(&self, message: impl Into<String>) -> Problem {
        let place = |key: &&str| self.places.get(&alloc::format!("daemon.{key}")).copied();
        let place = DAEMON_KEYS.iter().find_map(place);
        self.document.problem(place.unwrap_or(START), message)
    }

    /// What is given anew for each agent.
    pub fn agents(&self) -> &BTreeMap<AgentName, Overrides> {
        &self.agents
    }

    /// Whether these settings give an agent's value at `path`.
    pub fn sets(&self, agent: &AgentName, path: &str) -> bool {
        self.places.contains_key(&alloc::format!("agents.{agent}.{path}"))
    }

    /// A problem with an agent's value at `path` (`schedule`, `limits.pids`; empty for all of the
    /// agent's), or with the whole file when it is not there.
    pub fn problem(&self, agent: &AgentName, path: &str, message: impl Into<String>) -> Problem {
        let path = alloc::format!("agents.{agent}.{path}");
        let path = path.trim_end_matches('.');
        self.document.problem(self.places.get(path).copied().unwrap_or(START), message)
    }
}

/// The text of a settings file with an agent's schedule set; comments, order and spacing stay.
///
/// # Errors
/// When the text is not a settings file, or the place can't be edited by a program (a value in
/// braces on one line): then people edit it.
pub fn set_schedule(
    text: &str,
    file: &str,
    agent: &AgentName,
    schedule: &str,
) -> Result<String, Problem> {
    let line = alloc::format!("write under `agents:`, `{agent}:` the line `schedule: {schedule}`");
    set(text, file, agent, &["schedule"], schedule, line)
}

/// The same with one of the agent's own settings.
///
/// # Errors
/// As [`set_schedule`].
pub fn set_setting(
    text: &str,
    file: &str,
    agent: &AgentName,
    name: &str,
    value: &str,
) -> Result<String, Problem> {
    let line = alloc::format!(
        "write under `agents:`, `{agent}:`, `settings:` the line `{name}: \"{value}\"`"
    );
    set(text, file, agent, &["settings", name], value, line)
}

fn set(
    text: &str,
    file: &str,
    agent: &AgentName,
    place: &[&str],
    value: &str,
    mend: String,
) -> Result<String, Problem> {
    let settings = parse_settings(text, file)?;
    let path: alloc::vec::Vec<&str> =
        ["agents", agent.as_str()].into_iter().chain(place.iter().copied()).collect();
    let edited = edit::set(&settings.document, &path, value);
    edited.filter(|text| parse_settings(text, file).is_ok()).ok_or_else(|| {
        settings
            .problem(agent, place[0], "this place can't be edited without losing its layout")
            .mend(mend)
    })
}
