//! One policy file: every key known, every value in range, each with its place.

use crate::access::folder_or_not;
use crate::authority::Authority;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use onboard_text::{Document, Fields, Item, Problem, Span};

/// The commented defaults: the manual, and what holds where nobody has said anything.
pub const DEFAULT_POLICY: &str = include_str!("../default-policy.yaml");
/// The name under which people see the defaults.
pub const DEFAULT_FILE: &str = "default-policy.yaml";

/// Longest list: a policy is read by people.
pub const LIST: usize = 256;
/// Forbidden paths of all files together: each is a mask of every run, of which the sandbox takes 512;
/// one is left for the daemon's own folder.
pub const FORBIDDEN: usize = 511;
/// Bytes of a path; the kernel's own bound is four times that, and the root is before it.
pub const PATH: usize = 1_024;
/// Bytes of one part of a path: the kernel's bound.
const PART: usize = 255;
/// Bytes of a command's or protocol's name.
const NAME: usize = 64;
/// Characters of a host's name and of one part of it: DNS has no room for more.
const HOST: usize = 253;
const LABEL: usize = 63;

/// Keys of `resource_limits` with the range of each.
pub(crate) const LIMITS: [(&str, RangeInclusive<u64>); 10] = [
    ("max_cpu_percent", 1..=100_000),
    // Below that no interpreter starts.
    ("max_memory_mb", 8..=4_194_304),
    ("max_io_ops_per_sec", 1..=10_000_000),
    ("max_network_requests", 0..=1_000_000),
    // The sandbox's own first process is one.
    ("max_pids", 2..=4_194_304),
    // A week is no limit any more.
    ("max_run_minutes", 1..=10_080),
    // A thread each, or two, in the daemon.
    ("max_connections", 1..=4_096),
    ("max_bandwidth_kb_per_sec", 1..=10_000_000),
    ("max_transfer_mb", 1..=4_194_304),
    ("max_storage_mb", 1..=4_194_304),
];
/// Keys of `escalation` with the range of each: the largest is what is counted at most.
pub(crate) const ESCALATION: [(&str, RangeInclusive<u64>); 5] = [
    ("warn", 1..=200),
    ("throttle", 1..=200),
    ("pause", 1..=200),
    ("quarantine", 1..=200),
    ("emergency", 1..=200),
];
/// Range of `max_file_size_mb`.
pub(crate) const FILE_SIZE_MB: RangeInclusive<u64> = 1..=4_194_304;
/// Names of `escalation_triggers`.
pub(crate) const TRIGGERS: [&str; 5] = [
    "resource_limit_exceeded",
    "forbidden_action_attempted",
    "unexpected_error_rate",
    "safety_policy_violation",
    "human_intervention_requested",
];

/// A value of a layer, with the key's path and the place.
#[derive(Clone, Debug)]
pub(crate) struct Written<T> {
    pub value: T,
    pub span: Span,
}

/// A policy file that was read.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(crate) authority: Authority,
    pub(crate) document: Document,
    /// In the order of [`LIMITS`].
    pub(crate) limits: [Option<Written<u32>>; 10],
    pub(crate) file_size_mb: Option<Written<u32>>,
    pub(crate) read_only_paths: Vec<Written<String>>,
    pub(crate) forbidden_paths: Vec<Written<String>>,
    /// Nothing where the file doesn't say; an empty list says that none is allowed.
    pub(crate) allowed_domains: Option<Written<Vec<Written<String>>>>,
    pub(crate) forbidden_protocols: Vec<Written<String>>,
    pub(crate) forbidden_commands: Vec<Written<String>>,
    /// Nothing where the file doesn't say; an empty list says that none has consequences.
    pub(crate) escalation_triggers: Option<Written<Vec<Written<String>>>>,
    /// In the order of [`ESCALATION`].
    pub(crate) escalation: [Option<Written<u32>>; 5],
    pub(crate) deny_ech: Option<Written<bool>>,
    pub(crate) sandbox_mode: Option<Written<bool>>,
}

/// The embedded defaults, parsed as any other file is.
///
/// # Errors
/// When the embedded file is wrong: a mistake of this program, seen by its first test.
pub fn default_layer() -> Result<Layer, Problem> {
    parse_layer(DEFAULT_POLICY, DEFAULT_FILE, Authority::Defaults)
}

/// Reads a policy file that people know as `file`.
///
/// # Errors
/// The first thing that is wrong, at its place, with what would be right.
pub fn parse_layer(text: &str, file: &str, authority: Authority) -> Result<Layer, Problem> {
    let document = Document::parse(file, text)?;
    let empty = Layer {
        authority,
        document: document.clone(),
        limits: [const { None }; 10],
        file_size_mb: None,
        read_only_paths: Vec::new(),
        forbidden_paths: Vec::new(),
        allowed_domains: None,
        forbidden_protocols: Vec::new(),
        forbidden_commands: Vec::new(),
        escalation_triggers: None,
        escalation: [const { None }; 5],
        deny_ech: None,
        sandbox_mode: None,
    };
    let root = document.root().fields(&["background_agent_safety"])?;
    let safety = root.required("background_agent_safety")?.fields(&[
        "resource_limits",
        "action_restrictions",
        "escalation_triggers",
        "escalation",
    ])?;
    let mut layer = empty;
    layer.limits = numbers(&safety, "resource_limits", LIMITS)?;
    layer.escalation = numbers(&safety, "escalation", ESCALATION)?;
    layer.escalation_triggers = named(&safety, "escalation_triggers", trigger)?;
    if let Some(item) = safety.get("action_restrictions") {
        let restrictions = item.fields(&["file_system", "network", "system"])?;
        layer.file_system(&restrictions)?;
        layer.network(&restrictions)?;
        layer.system(&restrictions)?;
    }
    Ok(layer)
}

impl Layer {
    fn file_system(&mut self, restrictions: &Fields<'_>) -> Result<(), Problem> {
        let Some(item) = restrictions.get("file_system") else { return Ok(()) };
        let fields = item.fields(&["read_only_paths", "forbidden_paths", "max_file_size_mb"])?;
        self.read_only_paths = list(&fields, "read_only_paths", path)?;
        self.forbidden_paths = list(&fields, "forbidden_paths", path)?;
        self.file_size_mb = number(&fields, "max_file_size_mb", FILE_SIZE_MB)?;
        Ok(())
    }

    fn network(&mut self, restrictions: &Fields<'_>) -> Result<(), Problem> {
        let Some(item) = restrictions.get("network") else { return Ok(()) };
        let fields = item.fields(&["allowed_domains", "forbidden_protocols", "deny_ech"])?;
        self.allowed_domains = named(&fields, "allowed_domains", host)?;
        self.forbidden_protocols = list(&fields, "forbidden_protocols", protocol)?;
        self.deny_ech = boolean(&fields, "deny_ech")?;
        Ok(())
    }

    fn system(&mut self, restrictions: &Fields<'_>) -> Result<(), Problem> {
        let Some(item) = restrictions.get("system") else { return Ok(()) };
        let fields = item.fields(&["forbidden_commands", "sandbox_mode"])?;
        self.forbidden_commands = list(&fields, "forbidden_commands", command)?;
        self.sandbox_mode = boolean(&fields, "sandbox_mode")?;
        Ok(())
    }
}

fn numbers<const N: usize>(
    safety: &Fields<'_>,
    key: &str,
    known: [(&str, RangeInclusive<u64>); N],
) -> Result<[Option<Written<u32>>; N], Problem> {
    let mut numbers = [const { None }; N];
    let Some(item) = safety.get(key) else { return Ok(numbers) };
    let fields = item.fields(&known.clone().map(|(name, _)| name))?;
    for (place, (name, range)) in numbers.iter_mut().zip(known) {
        *place = number(&fields, name, range)?;
    }
    Ok(numbers)
}

fn number(
    fields: &Fields<'_>,
    name: &str,
    range: RangeInclusive<u64>,
) -> Result<Option<Written<u32>>, Problem> {
    let Some(item) = fields.get(name) else { return Ok(None) };
    let value = u32::try_from(item.integer(range)?).unwrap_or(u32::MAX);
    Ok(Some(Written { value, span: item.span() }))
}

fn boolean(fields: &Fields<'_>, name: &str) -> Result<Option<Written<bool>>, Problem> {
    let Some(item) = fields.get(name) else { return Ok(None) };
    Ok(Some(Written { value: item.boolean()?, span: item.span() }))
}

/// A list of which it counts whether the file has it.
fn named(
    fields: &Fields<'_>,
    name: &str,
    read: impl Fn(&Item<'_>) -> Result<String, Problem>,
) -> Result<Option<Written<Vec<Written<String>>>>, Problem> {
    let Some(item) = fields.get(name) else { return Ok(None) };
    Ok(Some(Written { value: list(fields, name, read)?, span: item.span() }))
}

fn list(
    fields: &Fields<'_>,
    name: &str,
    read: impl Fn(&Item<'_>) -> Result<String, Problem>,
) -> Result<Vec<Written<String>>, Problem> {
    let Some(item) = fields.get(name) else { return Ok(Vec::new()) };
    let mut values: Vec<Written<String>> = Vec::new();
    for item in item.list(LIST)? {
        let value = read(&item)?;
        let is_same =
            |known: &Written<String>| folder_or_not(&known.value) == folder_or_not(&value);
        if let Some(first) = values.iter().find(|written| is_same(written)) {
            let mend = alloc::format!("the first is on line {}: keep one", first.span.line);
            return Err(item
                .problem(alloc::format!("`{value}` is given a second time"))
                .mend(mend));
        }
        values.push(Written { value, span: item.span() });
    }
    Ok(values)
}

fn trigger(item: &Item<'_>) -> Result<String, Problem> {
    item.one_of(&TRIGGERS.map(|name| (name, name))).map(ToString::to_string)
}

/// The exact name of one host.
fn host(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    match wrong_host(text) {
        None => Ok(text.to_string()),
        Some((why, mend)) => Err(item.problem(alloc::format!("a host {why}")).mend(mend)),
    }
}

/// What is wrong with a host's name, and the mend. Names are compared byte for byte with what a
/// connection asks for, so there is one way to write each.
fn wrong_host(text: &str) -> Option<(&'static str, &'static str)> {
    const BARE: &str = "write the host's name alone, such as `example.org`";
    let labels = || text.split('.');
    let letter = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    if text.contains('*') {
        Some(("with a pattern", "name each host: patterns are not understood"))
    } else if text.contains("://") {
        Some(("with a scheme", BARE))
    } else if text.contains('/') {
        Some(("with a path", BARE))
    } else if text.contains(['[', ']']) || text.matches(':').count() > 1 {
        Some(("that is an address", "write the host's name: addresses are not understood"))
    } else if text.contains(':') {
        Some(("with a port", BARE))
    } else if text.contains('@') {
        Some(("with a user", BARE))
    } else if !text.is_ascii() {
        Some(("with letters that DNS doesn't have", "write its ASCII form, which has `xn--` in it"))
    } else if text.chars().any(|c| c.is_ascii_uppercase()) {
        Some(("with capitals", "write it in lower case"))
    } else if text.len() > HOST || labels().any(|label| label.len() > LABEL) {
        Some(("that is too long for any name", "shorten it"))
    } else if labels().any(str::is_empty) {
        Some(("with an empty part", "write one dot between parts and none at the ends"))
    } else if !labels().all(|label| label.chars().all(letter)) {
        Some(("with a character that no name has", "letters, digits, `-` and `.` are possible"))
    } else if labels().any(|label| label.starts_with('-') || label.ends_with('-')) {
        Some(("with a part that starts or ends with `-`", "remove the `-`"))
    } else if labels().count() == 1 {
        Some(("without a domain", "write its full name, such as `example.org`"))
    } else if labels().next_back().is_some_and(numeric) {
        Some(("that is an address", "write the host's name: addresses are not understood"))
    } else {
        None
    }
}

/// Whether a name with this last part would be read as an IPv4 address: `10`, `0x7f`.
fn numeric(label: &str) -> bool {
    let hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    label.bytes().all(|byte| byte.is_ascii_digit())
        || label.strip_prefix("0x").is_some_and(hexadecimal)
}

fn protocol(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let form = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '+' | '-' | '.');
    if text.len() > NAME || !text.chars().all(form) {
        let problem = item.problem("no protocol's name");
        return Err(problem.mend("write a lower-case name, such as `ftp`"));
    }
    Ok(text.to_string())
}

fn command(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let form = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    if text.len() > NAME || !text.chars().all(form) {
        let problem = item.problem("no command's name");
        return Err(problem.mend("write a program's name without path and arguments, such as `rm`"));
    }
    Ok(text.to_string())
}

/// A path inside the project. A `/` at its end says that it is a folder.
fn path(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    match wrong_path(text) {
        None => Ok(text.to_string()),
        Some((why, mend)) => Err(item.problem(alloc::format!("a path {why}")).mend(mend)),
    }
}

/// What is wrong with a path, and the mend. Whatever could be read in two ways is refused: a rule
/// that protects nothing because it was misread would be worse than none.
fn wrong_path(text: &str) -> Option<(&'static str, &'static str)> {
    const RELATIVE: &str = "write it from the project's folder, such as `config/production.yaml`";
    let parts = || folder_or_not(text).split('/');
    if text.chars().any(char::is_control) {
        Some(("with a control character", "remove it"))
    } else if text.trim() != text {
        Some(("that starts or ends with a space", "remove the space"))
    } else if text.starts_with('/') {
        Some(("that is absolute", RELATIVE))
    } else if text.starts_with('~') {
        Some(("in somebody's home", RELATIVE))
    } else if parts().any(|part| part == "..") {
        Some(("that leaves the project", RELATIVE))
    } else if parts().any(|part| part == ".") {
        Some(("with `.` in it", "leave `.` out; the whole project can't be named"))
    } else if parts().any(str::is_empty) {
        Some(("with an empty part", "write one `/` between parts"))
    } else if text.contains(['*', '?', '[', '\\']) {
        Some(("with a pattern", "name each path: patterns are not understood"))
    } else if text.len() > PATH || parts().any(|part| part.len() > PART) {
        Some(("that is too long for any file", "shorten it"))
    } else {
        None
    }
}
