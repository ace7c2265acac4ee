//! The seven built-in agents as the made-up world knows them: their manifests, how long they take,
//! what they need and what they say.

use onboard_domain::spec::{
    Class, Classes, Limits, Missed, Overlap, Priority, Program, Retry, SharedKeys, Source,
};
use onboard_domain::{AgentName, AgentSpec};
use std::collections::BTreeMap;

/// How an agent of one kind behaves.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    schedule: &'static str,
    priority: Priority,
    classes: Classes,
    reads: &'static [Source],
    depends_on: &'static [&'static str],
    locks: &'static [&'static str],
    wakes_on: &'static [&'static str],
    missed: Missed,
    overlap: Overlap,
    /// Shortest and longest ordinary run.
    pub takes_ms: (i64, i64),
    /// Share of a core.
    pub cpu_permille: u64,
    pub memory_mb: u64,
    /// How many in a thousand runs have something to say.
    pub finds_permille: u64,
    /// The event it emits when it finds something.
    pub emits: Option<&'static str>,
    /// To whom it writes now and then.
    pub writes_to: Option<&'static str>,
}

const fn classes(cpu: Class, memory: Class, io: Class) -> Classes {
    Classes { cpu, memory, io }
}

use Class::{High, Low, Medium};

/// The seven, with the schedules, priorities and classes that they are shipped with.
pub const KINDS: [Kind; 7] = [
    Kind {
        name: "project-health-monitor",
        schedule: "continuous",
        priority: Priority::High,
        classes: classes(Low, Medium, Low),
        reads: &[Source::Git, Source::Plan],
        depends_on: &[],
        locks: &[],
        wakes_on: &["project.quality.degraded"],
        missed: Missed::RunOnce,
        overlap: Overlap::QueueOne,
        takes_ms: (400, 8_000),
        cpu_permille: 70,
        memory_mb: 60,
        finds_permille: 200,
        emits: Some("project.task.started"),
        writes_to: None,
    },
    Kind {
        name: "performance-monitor",
        schedule: "every_5_minutes",
        priority: Priority::Medium,
        classes: classes(Low, Low, Medium),
        reads: &[],
        depends_on: &[],
        locks: &[],
        wakes_on: &[],
        missed: Missed::Skip,
        overlap: Overlap::Skip,
        takes_ms: (300, 4_000),
        cpu_permille: 30,
        memory_mb: 30,
        finds_permille: 8,
        emits: Some("system.performance.alert"),
        writes_to: None,
    },
    Kind {
        name: "code-quality-optimizer",
        schedule: "daily",
        priority: Priority::Medium,
        classes: classes(Medium, Medium, High),
        reads: &[Source::Git],
        depends_on: &[],
        locks: &["analysis"],
        wakes_on: &[],
        missed: Missed::RunOnce,
        overlap: Overlap::Skip,
        takes_ms: (20_000, 900_000),
        cpu_permille: 95,
        memory_mb: 300,
        finds_permille: 700,
        emits: Some("project.quality.degraded"),
        writes_to: Some("workflow-optimizer"),
    },
    Kind {
        name: "workflow-optimizer",
        schedule: "weekly",
        priority: Priority::Low,
        classes: classes(Low, Medium, Medium),
        reads: &[Source::Git, Source::Inbox],
        depends_on: &["code-quality-optimizer"],
        locks: &[],
        wakes_on: &[],
        missed: Missed::RunOnce,
        overlap: Overlap::QueueOne,
        takes_ms: (10_000, 300_000),
        cpu_permille: 60,
        memory_mb: 150,
        finds_permille: 500,
        emits: None,
        writes_to: Some("pattern-learning"),
    },
    Kind {
        name: "pattern-learning",
        schedule: "hourly",
        priority: Priority::Low,
        classes: classes(Medium, High, Low),
        reads: &[Source::Git, Source::Inbox],
        depends_on: &[],
        locks: &["knowledge"],
        wakes_on: &[],
        missed: Missed::RunAll { cap: 3 },
        overlap: Overlap::Skip,
        takes_ms: (3_000, 120_000),
        cpu_permille: 80,
        memory_mb: 400,
        finds_permille: 60,
        emits: None,
        writes_to: None,
    },
    Kind {
        name: "predictive-analytics",
        schedule: "daily",
        priority: Priority::Medium,
        classes: classes(High, High, Medium),
        reads: &[Source::Git, Source::Plan],
        depends_on: &["project-health-monitor"],
        locks: &["analysis", "knowledge"],
        wakes_on: &["project.milestone.completed"],
        missed: Missed::RunOnce,
        overlap: Overlap::Replace,
        takes_ms: (30_000, 600_000),
        cpu_permille: 99,
        memory_mb: 450,
        finds_permille: 300,
        emits: None,
        writes_to: None,
    },
    Kind {
        name: "external-tool-integration",
        schedule: "every_15_minutes",
        priority: Priority::High,
        classes: classes(Low, Medium, High),
        reads: &[],
        depends_on: &[],
        locks: &["network"],
        wakes_on: &["system.error.detected"],
        missed: Missed::Skip,
        overlap: Overlap::Skip,
        takes_ms: (500, 20_000),
        cpu_permille: 15,
        memory_mb: 80,
        finds_permille: 5,
        emits: Some("system.error.detected"),
        writes_to: None,
    },
];

/// The kind of a name.
pub fn kind(name: &AgentName) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name.as_str())
}

/// The manifests of a project's crew.
///
/// # Errors
/// When a name above is no agent's name.
pub fn crew() -> Result<Vec<AgentSpec>, String> {
    KINDS.iter().map(spec).collect()
}

fn names(texts: &[&str]) -> Result<Vec<AgentName>, String> {
    texts.iter().map(|text| AgentName::new(text)).collect()
}

fn spec(kind: &Kind) -> Result<AgentSpec, String> {
    Ok(AgentSpec {
        name: AgentName::new(kind.name)?,
        description: String::new(),
        program: Program::BuiltIn,
        schedule: kind.schedule.into(),
        zone: None,
        priority: kind.priority,
        classes: kind.classes,
        depends_on: names(kind.depends_on)?,
        locks: kind.locks.iter().map(|lock| (*lock).into()).collect(),
        limits: Limits::default(),
        missed: kind.missed,
        overlap: kind.overlap,
        retry: Retry::default(),
        reads: kind.reads.to_vec(),
        wakes_on: kind.wakes_on.iter().map(|topic| (*topic).into()).collect(),
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: "built-in".into(),
        hash: String::new(),
    })
}
