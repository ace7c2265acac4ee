//! The policy in force: layers merged, each value with its origin.

use crate::access::folder_or_not;
use crate::authority::{Authority, Origin, Settled};
use crate::escalation::Escalation;
use crate::layer::{ESCALATION, FORBIDDEN, LIMITS, Layer, Written};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use onboard_domain::incident::Trigger;
use onboard_text::{Problem, Span};
use sha2::Digest;

/// Time in which attempts are counted together: a day, so that an agent that runs once an hour and
/// tries something each time is noticed.
pub(crate) const WINDOW_MS: i64 = 24 * 3_600_000;

/// What holds for every run.
#[derive(Clone, Debug)]
pub struct Policy {
    /// In the order of [`LIMITS`].
    limits: [Settled<u32>; 10],
    file_size_mb: Settled<u32>,
    read_only_paths: Vec<Settled<String>>,
    forbidden_paths: Vec<Settled<String>>,
    allowed_domains: Vec<Settled<String>>,
    /// Who allowed them, or said first that none is.
    domains_origin: Origin,
    /// Whether somebody else than the user said which hosts there are.
    domains_bind: bool,
    forbidden_protocols: Vec<Settled<String>>,
    forbidden_commands: Vec<Settled<String>>,
    escalation_triggers: Vec<Settled<String>>,
    /// Who named them, or said first that none is.
    triggers_origin: Origin,
    /// In the order of [`ESCALATION`].
    escalation: [Settled<u32>; 5],
    deny_ech: Settled<bool>,
    sandbox_mode: Settled<bool>,
    /// What permits carry, made when the last layer was merged.
    lists: Arc<Lists>,
}

/// The policy's lists as permits carry them, shared by all of a policy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub read_only_paths: Vec<String>,
    pub forbidden_paths: Vec<String>,
    pub allowed_domains: Vec<String>,
    pub forbidden_protocols: Vec<String>,
    pub forbidden_commands: Vec<String>,
    pub domains_bind: bool,
    pub deny_ech: bool,
}

/// The policy that the daemon has, or why it has none.
#[derive(Clone, Debug)]
pub enum PolicyInForce {
    Sound(Box<Policy>),
    /// No file could be read since the start; nothing is permitted.
    Broken(String),
}

/// Limits of one run, all of them definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveLimits {
    /// Percent of one core.
    pub cpu_percent: u32,
    pub memory_mb: u32,
    pub pids: u32,
    /// Milliseconds from start to end.
    pub deadline_ms: i64,
    pub file_size_mb: u32,
    pub io_ops_per_sec: u32,
    pub network_requests_per_min: u32,
    /// At a time.
    pub connections: u32,
    /// In both directions together.
    pub bandwidth_kb_per_sec: u32,
    pub transfer_mb: u32,
}

/// How much is kept for one agent between its runs: `max_storage_mb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageQuota {
    pub bytes: u64,
    /// Who sets it, and where.
    pub source: String,
}

impl StorageQuota {
    /// The part that its logs have: the oldest are dropped beyond it. A log helps once and is long, what
    /// an agent remembers helps each time.
    pub fn of_logs(&self) -> u64 {
        self.bytes / 4
    }

    /// The part that everything else has; more is refused.
    pub fn of_rest(&self) -> u64 {
        self.bytes - self.of_logs()
    }
}

/// One value of the policy, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Without `background_agent_safety`.
    pub key: String,
    pub value: String,
    pub origin: Origin,
}

/// Merges layers in the order in which they bind: the first must be complete, as the defaults
/// are. Of organisation and user the first that names a key sets it, above the default too, for they
/// answer for the machine; whoever speaks after that may only tighten, and a project always so, for
/// whoever wrote it need not be trusted by who runs it.
///
/// # Errors
/// A key that the first layer lacks, or a value that loosens an earlier one, at its place, with
/// both values.
pub fn merge(layers: &[Layer]) -> Result<Policy, Problem> {
    let Some((first, rest)) = layers.split_first() else {
        let start = Span { start: 0, end: 0, line: 1, column: 1 };
        return Err(Problem::at("policy", "", start, "no policy at all"));
    };
    let mut policy = Policy::complete(first)?;
    for layer in rest {
        policy.merge(layer)?;
    }
    policy.lists = Arc::new(policy.collect_lists());
    Ok(policy)
}

impl Layer {
    fn settled<T: Clone>(&self, written: &Written<T>) -> Settled<T> {
        Settled { value: written.value.clone(), origin: self.origin(written.span) }
    }

    fn all(&self, list: &[Written<String>]) -> Vec<Settled<String>> {
        list.iter().map(|written| self.settled(written)).collect()
    }

    fn needed<T: Clone>(
        &self,
        written: Option<&Written<T>>,
        key: &str,
    ) -> Result<Settled<T>, Problem> {
        written.map(|written| self.settled(written)).ok_or_else(|| self.lacks(key))
    }

    fn lacks(&self, key: &str) -> Problem {
        let start = Span { start: 0, end: 0, line: 1, column: 1 };
        let message = alloc::format!("`{key}` is missing: the first layer must be complete");
        self.document.problem(start, message)
    }

    fn origin(&self, span: Span) -> Origin {
        Origin { authority: self.authority, place: self.document.place(span) }
    }
}

impl Policy {
    fn complete(layer: &Layer) -> Result<Policy, Problem> {
        let limit = |at: usize| layer.needed(layer.limits[at].as_ref(), LIMITS[at].0);
        let domains = layer.allowed_domains.as_ref();
        let domains = domains.ok_or_else(|| layer.lacks("allowed_domains"))?;
        let triggers = layer.escalation_triggers.as_ref();
        let triggers = triggers.ok_or_else(|| layer.lacks("escalation_triggers"))?;
        let rung = |at: usize| layer.needed(layer.escalation[at].as_ref(), ESCALATION[at].0);
        Ok(Policy {
            limits: [
                limit(0)?,
                limit(1)?,
                limit(2)?,
                limit(3)?,
                limit(4)?,
                limit(5)?,
                limit(6)?,
                limit(7)?,
                limit(8)?,
                limit(9)?,
            ],
            file_size_mb: layer.needed(layer.file_size_mb.as_ref(), "max_file_size_mb")?,
            read_only_paths: layer.all(&layer.read_only_paths),
            forbidden_paths: layer.all(&layer.forbidden_paths),
            allowed_domains: layer.all(&domains.value),
            domains_origin: layer.origin(domains.span),
            domains_bind: false,
            forbidden_protocols: layer.all(&layer.forbidden_protocols),
            forbidden_commands: layer.all(&layer.forbidden_commands),
            escalation_triggers: layer.all(&triggers.value),
            triggers_origin: layer.origin(triggers.span),
            escalation: [rung(0)?, rung(1)?, rung(2)?, rung(3)?, rung(4)?],
            deny_ech: layer.needed(layer.deny_ech.as_ref(), "deny_ech")?,
            sandbox_mode: layer.needed(layer.sandbox_mode.as_ref(), "sandbox_mode")?,
            lists: Arc::default(),
        })
    }

    fn collect_lists(&self) -> Lists {
        let all = |list: &[Settled<String>]| -> Vec<String> {
            list.iter().map(|settled| folder_or_not(&settled.value).to_string()).collect()
        };
        Lists {
            read_only_paths: all(&self.read_only_paths),
            forbidden_paths: all(&self.forbidden_paths),
            allowed_domains: all(&self.allowed_domains),
            forbidden_protocols: all(&self.forbidden_protocols),
            forbidden_commands: all(&self.forbidden_commands),
            domains_bind: self.domains_bind,
            deny_ech: self.deny_ech.value,
        }
    }

    pub(crate) fn lists(&self) -> Arc<Lists> {
        Arc::clone(&self.lists)
    }

    fn merge(&mut self, layer: &Layer) -> Result<(), Problem> {
        for (at, (name, _)) in LIMITS.iter().enumerate() {
            number(&mut self.limits[at], layer, layer.limits[at].as_ref(), name)?;
        }
        for (at, (name, _)) in ESCALATION.iter().enumerate() {
            number(&mut self.escalation[at], layer, layer.escalation[at].as_ref(), name)?;
        }
        let size = layer.file_size_mb.as_ref();
        number(&mut self.file_size_mb, layer, size, "max_file_size_mb")?;
        switch(&mut self.sandbox_mode, layer, layer.sandbox_mode.as_ref(), "sandbox_mode")?;
        switch(&mut self.deny_ech, layer, layer.deny_ech.as_ref(), "deny_ech")?;
        self.narrow(layer)?;
        add(&mut self.read_only_paths, layer, &layer.read_only_paths);
        add(&mut self.forbidden_paths, layer, &layer.forbidden_paths);
        add(&mut self.forbidden_protocols, layer, &layer.forbidden_protocols);
        add(&mut self.forbidden_commands, layer, &layer.forbidden_commands);
        self.watch(layer);
        self.count_forbidden(layer)
    }

    /// By default everything has consequences; who may set a key says what has, and whoever speaks
    /// after that can only add.
    fn watch(&mut self, layer: &Layer) {
        let Some(written) = &layer.escalation_triggers else { return };
        if layer.authority.may_set(&self.triggers_origin) {
            self.escalation_triggers = layer.all(&written.value);
            self.triggers_origin = layer.origin(written.span);
        } else {
            add(&mut self.escalation_triggers, layer, &written.value);
        }
    }

    /// More masks than a run can have would refuse every run, so they refuse the file.
    fn count_forbidden(&self, layer: &Layer) -> Result<(), Problem> {
        let Some(beyond) = self.forbidden_paths.get(FORBIDDEN) else { return Ok(()) };
        let place = layer.forbidden_paths.iter().find(|path| path.value == beyond.value);
        let place = place.or(layer.forbidden_paths.last());
        let start = Span { start: 0, end: 0, line: 1, column: 1 };
        let message = alloc::format!(
            "`forbidden_paths` has {} entries with those of earlier files, and {FORBIDDEN} are the most",
            self.forbidden_paths.len()
        );
        let problem = layer.document.problem(place.map_or(start, |path| path.span), message);
        Err(problem.mend("name a folder in place of what lies in it"))
    }

    /// The defaults allow no host; who may set a key says which ones may be reached, and whoever
    /// speaks after that can only leave some out.
    fn narrow(&mut self, layer: &Layer) -> Result<(), Problem> {
        let Some(written) = &layer.allowed_domains else { return Ok(()) };
        if !layer.authority.may_set(&self.domains_origin) {
            let known = |host: &str| self.allowed_domains.iter().any(|known| known.value == host);
            if let Some(new) = written.value.iter().find(|written| !known(&written.value)) {
                let message =
                    alloc::format!("`allowed_domains` would be loosened by `{}`", new.value);
                let mend = alloc::format!(
                    "the list is set by {}; {} may only leave hosts out",
                    self.domains_origin,
                    layer.authority
                );
                return Err(layer.document.problem(new.span, message).mend(mend));
            }
        }
        self.allowed_domains = layer.all(&written.value);
        self.domains_origin = layer.origin(written.span);
        self.domains_bind |= layer.authority != Authority::User;
        Ok(())
    }

    /// What a run gets when its agent asks for nothing of its own.
    pub fn limits(&self) -> EffectiveLimits {
        EffectiveLimits {
            cpu_percent: self.limits[0].value,
            memory_mb: self.limits[1].value,
            io_ops_per_sec: self.limits[2].value,
            network_requests_per_min: self.limits[3].value,
            pids: self.limits[4].value,
            deadline_ms: i64::from(self.limits[5].value) * 60_000,
            file_size_mb: self.file_size_mb.value,
            connections: self.limits[6].value,
            bandwidth_kb_per_sec: self.limits[7].value,
            transfer_mb: self.limits[8].value,
        }
    }

    /// How much is kept for one agent, and who says so.
    pub fn storage(&self) -> StorageQuota {
        let Settled { value, origin } = &self.limits[9];
        StorageQuota { bytes: u64::from(*value) << 20, source: origin.to_string() }
    }

    /// Paths of the project that stay read-only.
    pub fn read_only_paths(&self) -> impl Iterator<Item = &str> {
        self.lists.read_only_paths.iter().map(String::as_str)
    }

    /// Paths of the project that can't be read.
    pub fn forbidden_paths(&self) -> impl Iterator<Item = &str> {
        self.lists.forbidden_paths.iter().map(String::as_str)
    }

    /// Hosts that may be reached, by exact lower-case name; none where it is empty.
    pub fn allowed_domains(&self) -> impl Iterator<Item = &str> {
        self.lists.allowed_domains.iter().map(String::as_str)
    }

    /// Whether an organisation or a project said which hosts may be reached: then that holds for what
    /// the user's own credentials and models are for, too.
    pub fn domains_bind(&self) -> bool {
        self.domains_bind
    }

    /// Protocols that may not be spoken, by lower-case name.
    pub fn forbidden_protocols(&self) -> impl Iterator<Item = &str> {
        self.lists.forbidden_protocols.iter().map(String::as_str)
    }

    /// Programs that may not be started, by name.
    pub fn forbidden_commands(&self) -> impl Iterator<Item = &str> {
        self.lists.forbidden_commands.iter().map(String::as_str)
    }

    /// What calls people, and what follows.
    pub fn escalation(&self) -> Escalation {
        let named = |trigger: &Trigger| {
            self.escalation_triggers.iter().any(|settled| settled.value == trigger.word())
        };
        let [warn, throttle, pause, quarantine, emergency] =
            core::array::from_fn(|at| self.escalation[at].value);
        Escalation {
            triggers: Trigger::ALL.iter().copied().filter(named).collect(),
            window_ms: WINDOW_MS,
            warn,
            throttle,
            pause,
            quarantine,
            emergency,
        }
    }

    /// Whether TLS that hides a second host is refused.
    pub fn deny_ech(&self) -> bool {
        self.deny_ech.value
    }

    /// Whether a missing wall forbids a run.
    pub fn sandbox_mode(&self) -> bool {
        self.sandbox_mode.value
    }

    /// Who said which hosts are allowed, or that none is.
    pub fn domains_origin(&self) -> &Origin {
        &self.domains_origin
    }

    /// Where the value of a key comes from (the key's last part is enough), or, of a list, this value.
    pub fn origin_of(&self, key: &str, value: Option<&str>) -> Option<Origin> {
        let is = |entry: &Entry| {
            let value_is = |value| folder_or_not(&entry.value) == value;
            entry.key.rsplit('.').next() == Some(key) && value.is_none_or(value_is)
        };
        self.entries().into_iter().find(is).map(|entry| entry.origin)
    }

    /// Where a limit's value comes from; `key` as in the file.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        match LIMITS.iter().position(|(name, _)| *name == key) {
            Some(at) => &self.limits[at].origin,
            None => &self.file_size_mb.origin,
        }
    }

    /// Every value with its origin, in the order of the manual.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut put = |key: String, value: String, origin: &Origin| {
            entries.push(Entry { key, value, origin: origin.clone() });
        };
        for ((name, _), settled) in LIMITS.iter().zip(&self.limits) {
            let key = alloc::format!("resource_limits.{name}");
            put(key, settled.value.to_string(), &settled.origin);
        }
        for (key, list) in [
            ("action_restrictions.file_system.read_only_paths", &self.read_only_paths),
            ("action_restrictions.file_system.forbidden_paths", &self.forbidden_paths),
            ("action_restrictions.network.allowed_domains", &self.allowed_domains),
            ("action_restrictions.network.forbidden_protocols", &self.forbidden_protocols),
            ("action_restrictions.system.forbidden_commands", &self.forbidden_commands),
            ("escalation_triggers", &self.escalation_triggers),
        ] {
            for settled in list {
                put(key.to_string(), settled.value.clone(), &settled.origin);
            }
            // That there is none is a value as well, and somebody's.
            let said_by = match key.rsplit('.').next() {
                Some("allowed_domains") => Some(&self.domains_origin),
                Some("escalation_triggers") => Some(&self.triggers_origin),
                _ => None,
            };
            if let Some(origin) = said_by.filter(|_| list.is_empty()) {
                put(key.to_string(), "[]".into(), origin);
            }
        }
        for ((name, _), settled) in ESCALATION.iter().zip(&self.escalation) {
            let key = alloc::format!("escalation.{name}");
            put(key, settled.value.to_string(), &settled.origin);
        }
        let size = &self.file_size_mb;
        let key = "action_restrictions.file_system.max_file_size_mb";
        put(key.to_string(), size.value.to_string(), &size.origin);
        let ech = &self.deny_ech;
        put("action_restrictions.network.deny_ech".into(), ech.value.to_string(), &ech.origin);
        let mode = &self.sandbox_mode;
        put("action_restrictions.system.sandbox_mode".into(), mode.value.to_string(), &mode.origin);
        entries
    }

    /// What makes two policies the same: SHA-256 of every key and value, hexadecimal.
    pub fn hash(&self) -> String {
        let mut hash = sha2::Sha256::new();
        for entry in self.entries() {
            hash.update(alloc::format!("{}={}\n", entry.key, entry.value));
        }
        hash.finalize().iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }
}

fn number(
    settled: &mut Settled<u32>,
    layer: &Layer,
    written: Option<&Written<u32>>,
    key: &str,
) -> Result<(), Problem> {
    let Some(written) = written else { return Ok(()) };
    settle(settled, layer, written, key, |now, before| now < before)
}

/// Takes what a layer says for a key: whatever it is by the first who may set it, and only what
/// `is_tighter` after that. The value is then whose file says it, also where it is the default's.
fn settle<T: Copy + PartialEq + ToString>(
    settled: &mut Settled<T>,
    layer: &Layer,
    written: &Written<T>,
    key: &str,
    is_tighter: impl Fn(T, T) -> bool,
) -> Result<(), Problem> {
    let (before, now) = (settled.value, written.value);
    let sets = layer.authority.may_set(&settled.origin);
    if !sets && now != before && !is_tighter(now, before) {
        let (before, now) = (before.to_string(), now.to_string());
        return Err(loosened(layer, written.span, key, &before, &now, &settled.origin));
    }
    if now != before || settled.origin.authority == Authority::Defaults {
        *settled = layer.settled(written);
    }
    Ok(())
}

/// A switch that protects: on is tighter.
fn switch(
    settled: &mut Settled<bool>,
    layer: &Layer,
    written: Option<&Written<bool>>,
    key: &str,
) -> Result<(), Problem> {
    let Some(written) = written else { return Ok(()) };
    settle(settled, layer, written, key, |now, before| now && !before)
}

/// Lists of what is forbidden only grow, whoever speaks: an organisation that adds a path doesn't
/// mean to open what the defaults close.
fn add(settled: &mut Vec<Settled<String>>, layer: &Layer, more: &[Written<String>]) {
    for written in more {
        let same = |known: &&mut Settled<String>| {
            folder_or_not(&known.value) == folder_or_not(&written.value)
        };
        match settled.iter_mut().find(same) {
            None => settled.push(layer.settled(written)),
            Some(known) if known.origin.authority == Authority::Defaults => {
                *known = layer.settled(written);
            }
            Some(_) => {}
        }
    }
}

fn loosened(
    layer: &Layer,
    span: Span,
    key: &str,
    before: &str,
    now: &str,
    origin: &Origin,
) -> Problem {
    layer.document.problem(span, alloc::format!("`{key}` would loosen {before} to {now}")).mend(
        alloc::format!("{before} is set by {origin}; {} may only tighten it", layer.authority),
    )
}
