//! `config.yaml` of a project or a user: agents' settings given anew, and a user's settings of the
//! daemon.

use crate::manifest::{OVERRIDE_KEYS, Overrides, collect_places};
use alloc::collections::BTreeMap;
use alloc::string::String;
use onboard_domain::AgentName;
use onboard_text::{Document, Item, Problem, Span, edit};

/// Most agents that one file sets.
const AGENTS: usize = 1_000;

/// Most runs at a time that may be asked for: each costs the daemon a thread and five descriptors,
/// and a process may usually have a thousand of those.
const RUNNING_MAX: u64 = 150;

/// Where a problem of a whole file is.
const START: Span = Span { start: 0, end: 0, line: 1, column: 1 };

/// Settings that were read, and where each was written.
#[derive(Clone, Debug)]
pub struct Settings {
    agents: BTreeMap<AgentName, Overrides>,
    max_running: Option<u32>,
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
/// ```
///
/// # Errors
/// The first thing that is wrong, at its place, with what would be right.
pub fn parse_settings(text: &str, file: &str) -> Result<Settings, Problem> {
    let document = Document::parse(file, text)?;
    let mut agents = BTreeMap::new();
    let fields = document.root().fields(&["agents", "daemon"])?;
    let max_running = match fields.get("daemon") {
        Some(item) if !item.is_empty() => max_running(&item)?,
        _ => None,
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
    Ok(Settings { agents, max_running, document, places })
}

fn max_running(daemon: &Item<'_>) -> Result<Option<u32>, Problem> {
    let fields = daemon.fields(&["max_running"])?;
    let Some(item) = fields.get("max_running") else { return Ok(None) };
    Ok(u32::try_from(item.integer(1..=RUNNING_MAX)?).ok())
}

impl Settings {
    /// How many runs may have a process at a time; `None` leaves the daemon's own number. Only the
    /// user's file sets it: what comes with a repository doesn't decide about the machine.
    pub fn max_running(&self) -> Option<u32> {
        self.max_running
    }

    /// That a project's file sets something of the daemon, at its place.
    pub fn problem_of_daemon(&self, message: impl Into<String>) -> Problem {
        let place = self.places.get("daemon.max_running").copied();
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
    let settings = parse_settings(text, file)?;
    let path = ["agents", agent.as_str(), "schedule"];
    let edited = edit::set(&settings.document, &path, schedule);
    edited.filter(|text| parse_settings(text, file).is_ok()).ok_or_else(|| {
        settings
            .problem(agent, "schedule", "this place can't be edited without losing its layout")
            .mend(alloc::format!(
                "write under `agents:`, `{agent}:` the line `schedule: {schedule}`"
            ))
    })
}
