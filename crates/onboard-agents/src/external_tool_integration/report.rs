//! Telling the host, and what is remembered between runs.

use std::collections::{BTreeMap, BTreeSet};

use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};

use super::MOST_FINDINGS;
use super::forge::{Connection, Read};
use super::packages::{LockFile, Packages, last_change};
use super::remotes::Remote;
use super::results::Results;
use crate::git::Repository;
use crate::host::{AgentError, EvidenceKind, Finding, Host, LARGEST_CHECKPOINT, Level, Outcome};
use crate::telling::{Holds, Room, tell_within};

/// The checkpoint's name.
const MEMORY: &str = "results";

/// What is kept between runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    #[serde(default)]
    pub results: Results,
    /// Fingerprints of what was said and still holds.
    #[serde(default)]
    pub reported: BTreeSet<Fingerprint>,
    /// Of those about packages: the lock file, and which content of it they are about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub locks: BTreeMap<Fingerprint, (String, String)>,
}

/// What a run knows, for its summary.
#[derive(Debug, Default)]
pub struct Words {
    pub forge: Option<String>,
    pub packages: Option<String>,
}

pub fn load(host: &mut dyn Host) -> Result<Memory, AgentError> {
    let Some(text) = host.load_checkpoint(MEMORY)? else { return Ok(Memory::default()) };
    serde_json::from_str(&text).or_else(|error| {
        let why = format!("checkpoint {MEMORY} is unusable ({error}); starting anew");
        host.log(Level::Warning, &why);
        Ok(Memory::default())
    })
}

fn save(host: &mut dyn Host, memory: &mut Memory) -> Result<(), AgentError> {
    let encode = |memory: &Memory| {
        serde_json::to_string(memory).map_err(|error| AgentError::Encoding(error.to_string()))
    };
    let mut text = encode(memory)?;
    if text.len() > LARGEST_CHECKPOINT {
        // Thousands of files in each of eight results: the sums do without them.
        for series in memory.results.coverage.values_mut() {
            series.before.clear();
            series.newest.clear();
        }
        text = encode(memory)?;
    }
    Ok(host.save_checkpoint(MEMORY, &text)?)
}

/// Hands over what holds. Memory is saved when there is news: every quarter of an hour would fill the
/// journal with what nobody reads.
pub fn deliver(
    host: &mut dyn Host,
    holds: Holds,
    memory: &mut Memory,
    packages: &Packages,
    words: Words,
) -> Result<Outcome, AgentError> {
    let room = Room { new: MOST_FINDINGS, of_rule: &[] };
    let told = tell_within(host, &holds, &mut memory.reported, room)?;
    let locks = about(&holds.findings, memory, packages);
    if memory.results.is_changed || told.new + told.gone > 0 || locks != memory.locks {
        memory.locks = locks;
        save(host, memory)?;
    }
    let summary = format!("{}; {}", in_words(&memory.results, words), told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

/// The lock files that standing findings are about.
fn about(
    findings: &[Finding],
    memory: &Memory,
    packages: &Packages,
) -> BTreeMap<Fingerprint, (String, String)> {
    let of = |finding: &Finding| {
        let place = finding.evidence.iter().find(|it| it.kind == EvidenceKind::File)?;
        let lock = packages.locks.iter().find(|lock| Some(&lock.path) == place.path.as_ref())?;
        Some((finding.fingerprint.clone(), (lock.path.clone(), lock.blob.clone())))
    };
    let said = findings.iter().filter(|finding| memory.reported.contains(&finding.fingerprint));
    said.filter_map(of).collect()
}

/// Of what was said of lock files that have changed since: the commits that changed them.
pub fn done(
    memory: &Memory,
    repository: Option<&Repository>,
    packages: &Packages,
) -> BTreeMap<Fingerprint, String> {
    let Some(repository) = repository else { return BTreeMap::new() };
    let has_moved = |path: &str, blob: &str| {
        !packages.locks.iter().any(|lock| lock.path == path && lock.blob == blob)
    };
    let moved = memory.locks.iter().filter(|(_, (path, blob))| has_moved(path, blob));
    moved.filter_map(|(of, (path, _))| Some((of.clone(), last_change(repository, path)?))).collect()
}

/// What is known of the project's packages; nothing where it has none.
pub fn packages_words(packages: &Packages) -> Option<String> {
    let locks = &packages.locks;
    let of = match locks.as_slice() {
        [] => return None,
        [lock] => lock.path.clone(),
        locks => count(locks.len(), "lock file", "lock files"),
    };
    let all: usize = locks.iter().map(|lock| lock.packages().len()).sum();
    let mut words = format!("{} in {of}", count(all, "package", "packages"));
    let elsewhere: usize =
        locks.iter().filter_map(|lock| Some(lock.contents.as_ref().ok()?.elsewhere)).sum();
    if elsewhere > 0 {
        words.push_str(&format!(", {elsewhere} from elsewhere left out"));
    }
    if !packages.closed.is_empty() {
        let hosts = packages.closed.join(", ");
        words.push_str(&format!(", `allowed_domains` lacks {hosts} to look them up"));
    }
    if packages.is_behind {
        words.push_str(", more to be asked");
    }
    for (service, standing) in &packages.book.services {
        if let Some((_, why)) = &standing.trouble {
            words.push_str(&format!(" ({}: {why})", service.setting()));
        }
    }
    let unread = |lock: &LockFile| {
        let why = lock.contents.as_ref().err()?;
        Some(format!(" ({} can't be read: {why})", lock.path))
    };
    words.extend(locks.iter().filter_map(unread));
    Some(words)
}

/// What is known of the forge.
pub fn forge_words(connection: &Connection, read: &Read) -> String {
    let Connection { host, repository, .. } = connection;
    let milestones = count(read.milestones, "milestone", "milestones");
    let mut words =
        format!("{repository} at {host}: {} of {} open, {milestones}", read.open, read.all);
    if read.is_cut {
        words.push_str(", the oldest closed ones left out");
    }
    if read.sync.has_moved() {
        words.push_str(", moved to another address");
    }
    match (&read.sync.trouble, read.sync.behind_since_ms) {
        (Some(trouble), _) => words.push_str(&format!(" ({})", trouble.why)),
        (None, Some(_)) => words.push_str(", more to be read"),
        (None, None) => {}
    }
    words
}

fn count(number: usize, one: &str, more: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    }
}

fn in_words(results: &Results, words: Words) -> String {
    let mut parts: Vec<String> = words.forge.into_iter().chain(words.packages).collect();
    if results.seen.is_empty() {
        parts.push("no results of tools".to_owned());
    } else {
        parts.push(count(results.seen.len(), "file of results", "files of results"));
    }
    let (passed, failed, _) = results.tests_now();
    if passed + failed > 0 {
        let all = count(passed + failed, "test", "tests");
        parts.push(format!("{all}, {failed} failed"));
    }
    for series in results.coverage.values() {
        parts.extend(series.points.back().map(|last| format!("{:.1} % covered", last.percent())));
    }
    let alerts: usize = results.scans.values().map(|scan| scan.count()).sum();
    if !results.scans.is_empty() {
        parts.push(count(alerts, "alert", "alerts"));
    }
    if results.waiting > 0 {
        parts.push(format!("{} to be read", results.waiting));
    }
    if results.left_out > 0 {
        parts.push(format!("{} left out", results.left_out));
    }
    parts.join("; ")
}

/// The remote that the project is on.
pub fn own(remotes: &[Remote]) -> Option<&Remote> {
    let named = ["upstream", "origin"].iter();
    let mut named = named.filter_map(|name| remotes.iter().find(|remote| remote.name == *name));
    named.next().or_else(|| remotes.first())
}
