//! The settings of an agent that a manifest gives and that a project or a user may give anew.

use super::agent_name;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use onboard_domain::AgentName;
use onboard_domain::lease::plain;
use onboard_domain::spec::{
    AgentSpec, Class, Classes, Limits, Missed, Overlap, Priority, SharedKeys,
};
use onboard_domain::state::bounds;
use onboard_text::{Fields, Item, Problem};

/// Keys of these settings.
pub(crate) const KEYS: [&str; 15] = [
    "schedule",
    "zone",
    "priority",
    "resources",
    "depends_on",
    "locks",
    "limits",
    "missed",
    "overlap",
    "retry",
    "wakes_on",
    "settings",
    "findings_per_day",
    "stop_grace",
    "shared_keys",
];

/// Longest list of names: a project has seven agents of ours and a handful of its own.
pub(crate) const LIST: usize = 64;
/// Most free settings of an agent, and bytes of each value.
pub(crate) const SETTINGS: usize = 64;
const SETTING: usize = 1_024;
/// A shorter deadline would end a run before its program has started on a loaded machine; a longer
/// one than a week is no deadline.
const DEADLINE_MS: RangeInclusive<i64> = 1_000..=604_800_000;

const CLASS: [(&str, Class); 3] =
    [("low", Class::Low), ("medium", Class::Medium), ("high", Class::High)];

/// Settings, each there or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    pub schedule: Option<String>,
    pub zone: Option<String>,
    pub priority: Option<Priority>,
    pub classes: ClassOverrides,
    pub depends_on: Option<Vec<AgentName>>,
    pub locks: Option<Vec<String>>,
    /// `None` leaves what is there.
    pub limits: Limits,
    pub missed: Option<Missed>,
    pub overlap: Option<Overlap>,
    pub retry: RetryOverrides,
    pub wakes_on: Option<Vec<String>>,
    pub settings: BTreeMap<String, String>,
    pub findings_per_day: Option<u32>,
    pub stop_grace_ms: Option<i64>,
    /// `None` leaves what is there.
    pub shared_keys: SharedKeys,
}

/// Classes given anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassOverrides {
    pub cpu: Option<Class>,
    pub memory: Option<Class>,
    pub io: Option<Class>,
}

/// Parts of the retry rule given anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryOverrides {
    pub attempts: Option<u32>,
    pub backoff_ms: Option<i64>,
    pub backoff_max_ms: Option<i64>,
}

impl Overrides {
    /// Reads the keys of [`KEYS`] from a map.
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Overrides, Problem> {
        Ok(Overrides {
            schedule: text(fields, "schedule")?,
            zone: text(fields, "zone")?,
            priority: priority(fields)?,
            classes: classes(fields)?,
            depends_on: names(fields, "depends_on", agent_name)?,
            locks: names(fields, "locks", lock)?,
            limits: limits(fields)?,
            missed: missed(fields)?,
            overlap: overlap(fields)?,
            retry: retry(fields)?,
            wakes_on: names(fields, "wakes_on", topic)?,
            settings: settings(fields)?,
            findings_per_day: findings_per_day(fields)?,
            stop_grace_ms: stop_grace(fields)?,
            shared_keys: shared_keys(fields)?,
        })
    }

    /// Sets what is given in `spec`.
    pub fn apply(&self, spec: &mut AgentSpec) {
        fn put<T: Clone>(given: &Option<T>, place: &mut T) {
            if let Some(value) = given {
                place.clone_from(value);
            }
        }
        put(&self.schedule, &mut spec.schedule);
        if self.zone.is_some() {
            spec.zone.clone_from(&self.zone);
        }
        put(&self.priority, &mut spec.priority);
        let Classes { cpu, memory, io } = &mut spec.classes;
        put(&self.classes.cpu, cpu);
        put(&self.classes.memory, memory);
        put(&self.classes.io, io);
        put(&self.depends_on, &mut spec.depends_on);
        put(&self.locks, &mut spec.locks);
        spec.limits = limits_over(self.limits, spec.limits);
        put(&self.missed, &mut spec.missed);
        put(&self.overlap, &mut spec.overlap);
        put(&self.retry.attempts, &mut spec.retry.attempts);
        put(&self.retry.backoff_ms, &mut spec.retry.backoff_ms);
        put(&self.retry.backoff_max_ms, &mut spec.retry.backoff_max_ms);
        put(&self.wakes_on, &mut spec.wakes_on);
        spec.settings.extend(self.settings.clone());
        spec.findings_per_day = self.findings_per_day.or(spec.findings_per_day);
        spec.stop_grace_ms = self.stop_grace_ms.or(spec.stop_grace_ms);
        let SharedKeys { read, write } = &self.shared_keys;
        if read.is_some() {
            spec.shared_keys.read.clone_from(read);
        }
        if write.is_some() {
            spec.shared_keys.write.clone_from(write);
        }
    }
}

fn limits_over(given: Limits, below: Limits) -> Limits {
    Limits {
        cpu_percent: given.cpu_percent.or(below.cpu_percent),
        memory_mb: given.memory_mb.or(below.memory_mb),
        pids: given.pids.or(below.pids),
        deadline_ms: given.deadline_ms.or(below.deadline_ms),
        file_size_mb: given.file_size_mb.or(below.file_size_mb),
        io_ops_per_sec: given.io_ops_per_sec.or(below.io_ops_per_sec),
    }
}

fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Problem> {
    let Some(item) = fields.get(name) else { return Ok(None) };
    let text = item.text()?.trim();
    if text.is_empty() || text.len() > bounds::KEY {
        return Err(item.problem(alloc::format!(
            "`{name}` has {} bytes, allowed are 1 to {}",
            text.len(),
            bounds::KEY
        )));
    }
    Ok(Some(text.to_string()))
}

fn priority(fields: &Fields<'_>) -> Result<Option<Priority>, Problem> {
    const WORDS: [(&str, Priority); 4] = [
        ("critical", Priority::Critical),
        ("high", Priority::High),
        ("medium", Priority::Medium),
        ("low", Priority::Low),
    ];
    fields.get("priority").map(|item| item.one_of(&WORDS)).transpose()
}

fn classes(fields: &Fields<'_>) -> Result<ClassOverrides, Problem> {
    let Some(item) = fields.get("resources") else { return Ok(ClassOverrides::default()) };
    let fields = item.fields(&["cpu", "memory", "io"])?;
    let class = |name: &str| fields.get(name).map(|item| item.one_of(&CLASS)).transpose();
    Ok(ClassOverrides { cpu: class("cpu")?, memory: class("memory")?, io: class("io")? })
}

pub(super) fn names<T: PartialEq>(
    fields: &Fields<'_>,
    name: &str,
    read: impl Fn(&Item<'_>) -> Result<T, Problem>,
) -> Result<Option<Vec<T>>, Problem> {
    let Some(item) = fields.get(name) else { return Ok(None) };
    let mut values = Vec::new();
    for item in item.list(LIST)? {
        let value = read(&item)?;
        if values.contains(&value) {
            return Err(item.problem("given a second time"));
        }
        values.push(value);
    }
    Ok(Some(values))
}

/// A lock's name: any word without control characters.
fn key(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    if text.len() > bounds::KEY || text.chars().any(char::is_control) {
        let message = alloc::format!("a name has at most {} bytes, none of control", bounds::KEY);
        return Err(item.problem(message));
    }
    Ok(text.to_string())
}

/// A lease's name, in the one way in which it is kept.
fn lock(item: &Item<'_>) -> Result<String, Problem> {
    let text = key(item)?;
    plain(&text).map(ToString::to_string).map_err(|why| item.problem(why))
}

/// A topic or event kind: lower-case words joined by dots.
fn topic(item: &Item<'_>) -> Result<String, Problem> {
    let text = key(item)?;
    if crate::arguments::is_topic(&text) {
        Ok(text)
    } else {
        let mend = "write lower-case words joined by dots, such as `project.quality.degraded`";
        Err(item.problem(alloc::format!("`{text}` is no topic")).mend(mend))
    }
}

fn limits(fields: &Fields<'_>) -> Result<Limits, Problem> {
    let Some(item) = fields.get("limits") else { return Ok(Limits::default()) };
    let fields = item.fields(&[
        "cpu_percent",
        "memory_mb",
        "pids",
        "deadline",
        "file_size_mb",
        "io_ops_per_sec",
    ])?;
    let number = |name: &str, range: RangeInclusive<u64>| -> Result<Option<u32>, Problem> {
        let Some(item) = fields.get(name) else { return Ok(None) };
        Ok(u32::try_from(item.integer(range)?).ok())
    };
    Ok(Limits {
        cpu_percent: number("cpu_percent", 1..=100_000)?,
        // With less no sandbox is built: its own first process is one of the processes.
        memory_mb: number("memory_mb", 4..=4_194_304)?,
        pids: number("pids", 2..=4_194_304)?,
        deadline_ms: duration(&fields, "deadline")?,
        file_size_mb: number("file_size_mb", 1..=4_194_304)?,
        io_ops_per_sec: number("io_ops_per_sec", 1..=10_000_000)?,
    })
}

/// None at all silences an agent, and its errors with it: that is what stopping it is for.
fn findings_per_day(fields: &Fields<'_>) -> Result<Option<u32>, Problem> {
    let Some(item) = fields.get("findings_per_day") else { return Ok(None) };
    Ok(u32::try_from(item.integer(1..=bounds::FINDINGS as u64)?).ok())
}

/// No time at all is a choice, too: an agent that has nothing to keep.
fn stop_grace(fields: &Fields<'_>) -> Result<Option<i64>, Problem> {
    const GRACE_MS: RangeInclusive<i64> = 0..=bounds::STOP_GRACE_MAX_MS;
    fields.get("stop_grace").map(|item| item.duration_ms(GRACE_MS)).transpose()
}

fn shared_keys(fields: &Fields<'_>) -> Result<SharedKeys, Problem> {
    let Some(item) = fields.get("shared_keys") else { return Ok(SharedKeys::default()) };
    let fields = item.fields(&["read", "write"])?;
    Ok(SharedKeys { read: names(&fields, "read", key)?, write: names(&fields, "write", key)? })
}

fn duration(fields: &Fields<'_>, name: &str) -> Result<Option<i64>, Problem> {
    fields.get(name).map(|item| item.duration_ms(DEADLINE_MS)).transpose()
}

fn missed(fields: &Fields<'_>) -> Result<Option<Missed>, Problem> {
    /// More slots than this to catch up on help nobody.
    const CAP: u64 = 100;
    let Some(item) = fields.get("missed") else { return Ok(None) };
    if item.is_map() {
        let cap = item.fields(&["run_all"])?.required("run_all")?.integer(1..=CAP)?;
        return Ok(Some(Missed::RunAll { cap: u32::try_from(cap).unwrap_or(1) }));
    }
    item.one_of(&[("skip", Missed::Skip), ("run_once", Missed::RunOnce)])
        .map(Some)
        .map_err(|problem| problem.mend("write `skip`, `run_once` or `{run_all: 10}`"))
}

fn overlap(fields: &Fields<'_>) -> Result<Option<Overlap>, Problem> {
    const WORDS: [(&str, Overlap); 3] =
        [("skip", Overlap::Skip), ("queue_one", Overlap::QueueOne), ("replace", Overlap::Replace)];
    fields.get("overlap").map(|item| item.one_of(&WORDS)).transpose()
}

fn retry(fields: &Fields<'_>) -> Result<RetryOverrides, Problem> {
    /// Beyond ten retries with back-off the circuit breaker has long opened.
    const ATTEMPTS: u64 = 10;
    let Some(item) = fields.get("retry") else { return Ok(RetryOverrides::default()) };
    let fields = item.fields(&["attempts", "backoff", "backoff_max"])?;
    let attempts = fields.get("attempts").map(|item| item.integer(0..=ATTEMPTS)).transpose()?;
    let retry = RetryOverrides {
        attempts: attempts.and_then(|n| u32::try_from(n).ok()),
        backoff_ms: duration(&fields, "backoff")?,
        backoff_max_ms: duration(&fields, "backoff_max")?,
    };
    if let (Some(first), Some(most)) = (retry.backoff_ms, retry.backoff_max_ms) {
        in_order(&item, first, most)?;
    }
    Ok(retry)
}

/// The first wait of a retry rule is not longer than its longest.
pub(crate) fn in_order(retry: &Item<'_>, first_ms: i64, most_ms: i64) -> Result<(), Problem> {
    if first_ms <= most_ms {
        return Ok(());
    }
    let shown = onboard_text::duration::show(most_ms);
    Err(retry.problem(alloc::format!("`backoff` is longer than `backoff_max` ({shown})")))
}

fn settings(fields: &Fields<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let Some(item) = fields.get("settings") else { return Ok(BTreeMap::new()) };
    let mut settings = BTreeMap::new();
    for (name, _, value) in item.pairs(SETTINGS)? {
        let text = value.text()?;
        if text.len() > SETTING || name.len() > bounds::KEY {
            let message =
                alloc::format!("a setting has at most {SETTING} bytes, its name {}", bounds::KEY);
            return Err(value.problem(message));
        }
        settings.insert(name.to_string(), text.to_string());
    }
    Ok(settings)
}
