//! `agent.yaml`: what an agent is, as its author writes it.

mod overrides;
mod schema;

pub(crate) use overrides::KEYS as OVERRIDE_KEYS;
pub use overrides::{ClassOverrides, Overrides, RetryOverrides};
pub use schema::schema;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use onboard_domain::AgentName;
use onboard_domain::spec::{AgentSpec, Classes, Limits, Program, SharedKeys, Source};
use onboard_text::{Document, Fields, Item, Problem, Span};
use sha2::Digest;

/// Bytes of a description: it is one line in a list and a paragraph in a detail view.
pub const DESCRIPTION: usize = 500;
/// Words of a command line, and bytes of each: programs are started, not scripts passed inline.
pub const ARGV: usize = 64;
/// See [`ARGV`].
pub const ARGUMENT: usize = 4_096;

/// Keys that only a manifest has; the others may also be set per project or user.
const OWN_KEYS: [&str; 7] =
    ["name", "description", "program", "reads", "shares_facts", "facts_from", "checks_proposals"];

/// A manifest that was read: the agent's settings, and where each was written.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// As the manifest says; the program's folder and the hash are still empty.
    spec: AgentSpec,
    document: Document,
    places: BTreeMap<String, Span>,
}

/// Reads a manifest that people know as `file`.
///
/// Schedule and zone are not judged here, names in `depends_on` are not looked up, and limits are
/// not held against a policy: whoever does, errs with [`Manifest::problem`].
///
/// # Errors
/// The first thing that is wrong, at its place, with what would be right.
pub fn parse_manifest(text: &str, file: &str) -> Result<Manifest, Problem> {
    let document = Document::parse(file, text)?;
    let (spec, places) = read(&document, file)?;
    Ok(Manifest { spec, document, places })
}

fn read(document: &Document, file: &str) -> Result<(AgentSpec, BTreeMap<String, Span>), Problem> {
    let known: Vec<&str> = OWN_KEYS.into_iter().chain(overrides::KEYS).collect();
    let root = document.root();
    let fields = root.fields(&known)?;
    let name = agent_name(&fields.required("name")?)?;
    let overrides = Overrides::read(&fields)?;
    let mut spec = AgentSpec {
        name,
        description: description(&fields)?,
        program: program(&fields)?,
        schedule: fields.required("schedule")?.text()?.to_string(),
        zone: None,
        priority: onboard_domain::spec::Priority::default(),
        classes: Classes::default(),
        depends_on: Vec::new(),
        locks: Vec::new(),
        limits: Limits::default(),
        missed: onboard_domain::spec::Missed::default(),
        overlap: onboard_domain::spec::Overlap::default(),
        retry: onboard_domain::spec::Retry::default(),
        reads: reads(&fields)?,
        wakes_on: Vec::new(),
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: fields.get("shares_facts").map_or(Ok(false), |item| item.boolean())?,
        facts_from: overrides::names(&fields, "facts_from", agent_name)?.unwrap_or_default(),
        stop_grace_ms: None,
        checks_proposals: checks_proposals(&fields)?,
        shared_keys: SharedKeys::default(),
        origin: file.to_string(),
        hash: String::new(),
    };
    overrides.apply(&mut spec);
    if let Some(item) = fields.get("retry") {
        overrides::in_order(&item, spec.retry.backoff_ms, spec.retry.backoff_max_ms)?;
    }
    let (depends_on, facts_from) = (&spec.depends_on, &spec.facts_from);
    not_itself(&fields, "depends_on", depends_on, &spec.name, "an agent can't depend on itself")?;
    not_itself(&fields, "facts_from", facts_from, &spec.name, "an agent has its own facts")?;
    let mut places = BTreeMap::new();
    collect_places(&root, &mut places)?;
    Ok((spec, places))
}

fn not_itself(
    fields: &Fields<'_>,
    key: &str,
    named: &[AgentName],
    own: &AgentName,
    why: &str,
) -> Result<(), Problem> {
    let Some(at) = named.iter().position(|other| other == own) else { return Ok(()) };
    let item = &fields.required(key)?.list(overrides::LIST)?[at];
    Err(item.problem(why))
}

/// The place of every value, by its path: `schedule`, `limits.pids`, `depends_on[1]`.
pub(crate) fn collect_places(
    item: &Item<'_>,
    places: &mut BTreeMap<String, Span>,
) -> Result<(), Problem> {
    places.insert(item.path().to_string(), item.span());
    if item.is_map() {
        for (_, _, value) in item.pairs(onboard_text::yaml::NODES)? {
            collect_places(&value, places)?;
        }
    } else if item.is_list() {
        for value in item.list(onboard_text::yaml::NODES)? {
            collect_places(&value, places)?;
        }
    }
    Ok(())
}

pub(crate) fn agent_name(item: &Item<'_>) -> Result<AgentName, Problem> {
    AgentName::new(item.text()?).map_err(|why| item.problem(why))
}

fn description(fields: &Fields<'_>) -> Result<String, Problem> {
    let Some(item) = fields.get("description") else { return Ok(String::new()) };
    let text = item.text()?.trim();
    if text.len() > DESCRIPTION {
        let message = alloc::format!("{} bytes, at most {DESCRIPTION} are kept", text.len());
        return Err(item.problem(message));
    }
    Ok(text.to_string())
}

/// Absent: a built-in agent. One text: a file beside the manifest. A list: a command line, in
/// which words that start with `./` are files beside the manifest.
fn program(fields: &Fields<'_>) -> Result<Program, Problem> {
    let Some(item) = fields.get("program") else { return Ok(Program::BuiltIn) };
    let argv = if item.is_list() {
        let words = item.list(ARGV)?;
        if words.is_empty() {
            return Err(item
                .problem("an empty command line")
                .mend("write `[python3, ./agent.py]`"));
        }
        words.iter().map(argument).collect::<Result<_, _>>()?
    } else {
        let path = item.text()?;
        beside(&item, path)?;
        let path = path.strip_prefix("./").unwrap_or(path);
        alloc::vec![alloc::format!("./{path}")]
    };
    Ok(Program::Command { argv, folder: String::new() })
}

fn argument(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    if text.len() > ARGUMENT {
        return Err(item.problem(alloc::format!("{} bytes, at most {ARGUMENT}", text.len())));
    }
    if text.starts_with("./") {
        beside(item, text)?;
    }
    Ok(text.to_string())
}

fn beside(item: &Item<'_>, path: &str) -> Result<(), Problem> {
    // `.//etc` would be absolute once its beginning is taken off.
    let wrong = if path.strip_prefix("./").unwrap_or(path).starts_with('/') {
        "an absolute path"
    } else if path.split('/').any(|part| part == "..") {
        "a path that leaves the folder"
    } else if path.ends_with('/') || path == "." {
        "a folder"
    } else {
        return Ok(());
    };
    let mend = "name a file beside the manifest, such as `./agent.py`; \
                a program of the system goes into a list, such as `[python3, ./agent.py]`";
    Err(item.problem(alloc::format!("`program` has {wrong}")).mend(mend))
}

fn reads(fields: &Fields<'_>) -> Result<Vec<Source>, Problem> {
    const WORDS: [(&str, Source); 3] =
        [("git", Source::Git), ("plan", Source::Plan), ("inbox", Source::Inbox)];
    let Some(item) = fields.get("reads") else { return Ok(Vec::new()) };
    let mut sources = Vec::new();
    for item in item.list(WORDS.len())? {
        let source = item.one_of(&WORDS)?;
        if sources.contains(&source) {
            return Err(item.problem("given a second time"));
        }
        sources.push(source);
    }
    Ok(sources)
}

/// Only a command can be one: a built-in agent has its own work.
fn checks_proposals(fields: &Fields<'_>) -> Result<bool, Problem> {
    let Some(item) = fields.get("checks_proposals") else { return Ok(false) };
    let checks = item.boolean()?;
    if checks && fields.get("program").is_none() {
        return Err(item.problem("only an agent with a `program` can check proposals"));
    }
    Ok(checks)
}

impl Manifest {
    /// The settings as written, without the program's folder and the hash.
    pub fn spec(&self) -> &AgentSpec {
        &self.spec
    }

    /// A problem with the value at `path` (`schedule`, `limits.pids`, `depends_on[1]`), or with
    /// the whole file when the manifest has no such value.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        let start = Span { start: 0, end: 0, line: 1, column: 1 };
        self.document.problem(self.places.get(path).copied().unwrap_or(start), message)
    }

    /// Files beside the manifest that the command line names, in its order, without `./`.
    pub fn program_files(&self) -> Vec<&str> {
        match &self.spec.program {
            Program::BuiltIn => Vec::new(),
            Program::Command { argv, .. } => {
                argv.iter().filter_map(|word| word.strip_prefix("./")).collect()
            }
        }
    }

    /// The settings, complete: `folder` is the manifest's own, absolute; `files` are the contents
    /// of [`Manifest::program_files`], so that a changed program is a changed agent.
    pub fn into_spec(self, folder: &str, files: &[&[u8]]) -> AgentSpec {
        let mut hash = sha2::Sha256::new();
        for part in core::iter::once(self.document.text().as_bytes()).chain(files.iter().copied()) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut spec = self.spec;
        spec.hash = hash.finalize().iter().map(|byte| alloc::format!("{byte:02x}")).collect();
        if let Program::Command { folder: place, .. } = &mut spec.program {
            *place = folder.to_string();
        }
        spec
    }
}
