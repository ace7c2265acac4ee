//! What registries say of a package: the index of crates.io, npm's short form, PyPI's simple form. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::forge::{limits::clean, moment};
use super::version::{Ecosystem, Version};

/// Withdrawn versions that are kept of a package, the newest ones.
const MOST_WITHDRAWN: usize = 50;
/// Letters of a version that are kept.
const VERSION: usize = 60;

/// What is kept of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// When it was asked for at last.
    pub read_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The newest that is meant for everybody, and when it came out where that is said.
    pub newest: Option<(String, Option<i64>)>,
    /// Major versions up to the newest.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub majors: BTreeSet<u64>,
    /// Of the versions that were locked: when they came out, and why they are withdrawn.
    pub locked: BTreeMap<String, (Option<i64>, Option<String>)>,
    /// Other versions that were withdrawn: nobody is sent to one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<String>,
}

/// One version as a registry lists it.
struct Listed {
    version: Version,
    text: String,
    at_ms: Option<i64>,
    withdrawn: Option<String>,
}

/// The path and the form that is asked for; nothing where a name could lead elsewhere.
pub fn question(ecosystem: Ecosystem, name: &str) -> Option<(String, &'static str)> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('.');
    let is_sound = name.len() <= 214
        && match name.strip_prefix('@').filter(|_| ecosystem == Ecosystem::Npm) {
            Some(scoped) => scoped.split_once('/').is_some_and(|(a, b)| is_word(a) && is_word(b)),
            None => is_word(name),
        };
    if !is_sound {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    Some(match ecosystem {
        Ecosystem::Crates => {
            let path = match lower.len() {
                length @ (1 | 2) => format!("/{length}/{lower}"),
                3 => format!("/3/{}/{lower}", &lower[..1]),
                _ => format!("/{}/{}/{lower}", &lower[..2], &lower[2..4]),
            };
            (path, "*/*")
        }
        Ecosystem::Npm => {
            (format!("/{}", name.replace('/', "%2f")), "application/vnd.npm.install-v1+json")
        }
        Ecosystem::PyPI => (format!("/simple/{name}/"), "application/vnd.pypi.simple.v1+json"),
        // Its proxy says nothing of what was withdrawn, and another major is another module.
        Ecosystem::Go => return None,
    })
}

/// Reads an answer, for who has these versions locked.
///
/// # Errors
/// Why it can't be understood, in words.
pub fn read(
    ecosystem: Ecosystem,
    name: &str,
    body: &[u8],
    locked: &BTreeSet<&str>,
) -> Result<Package, String> {
    let (listed, latest) = match ecosystem {
        Ecosystem::Crates => (crates(name, body)?, None),
        Ecosystem::Npm => npm(body)?,
        Ecosystem::PyPI => (pypi(body)?, None),
        Ecosystem::Go => return Err("nothing is asked".to_owned()),
    };
    let is_meant = |one: &&Listed| {
        one.withdrawn.is_none() && !one.version.is_prerelease()
            || latest.as_ref() == Some(&one.text)
    };
    let newest = match &latest {
        Some(latest) => listed.iter().find(|one| one.text == *latest),
        None => listed.iter().filter(is_meant).max_by(|one, two| one.version.order(&two.version)),
    };
    let is_reached =
        |one: &&Listed| newest.is_some_and(|newest| one.version.order(&newest.version).is_le());
    let meant = listed.iter().filter(is_meant).filter(is_reached);
    let majors = meant.map(|one| one.version.major()).collect();
    let find = |text: &&str| {
        let version = ecosystem.version(text);
        let is_it =
            |one: &&Listed| version.as_ref().is_some_and(|it| one.version.order(it).is_eq());
        let one = listed.iter().find(is_it);
        ((*text).to_owned(), one.map_or((None, None), |one| (one.at_ms, one.withdrawn.clone())))
    };
    // npm's word is a warning: whole packages have it, mended versions among them.
    let is_gone = |one: &&Listed| one.withdrawn.is_some() && ecosystem != Ecosystem::Npm;
    let mut withdrawn: Vec<&Listed> = listed.iter().filter(is_gone).collect();
    withdrawn.sort_by(|one, two| two.version.order(&one.version));
    Ok(Package {
        read_ms: 0,
        etag: None,
        newest: newest.map(|one| (one.text.clone(), one.at_ms)),
        majors,
        locked: locked.iter().map(find).collect(),
        withdrawn: withdrawn.into_iter().take(MOST_WITHDRAWN).map(|one| one.text.clone()).collect(),
    })
}

/// `None` for a version that can't be put into an order: nobody is sent to it.
fn listed(
    ecosystem: Ecosystem,
    text: &str,
    at: Option<&str>,
    withdrawn: Option<String>,
) -> Option<Listed> {
    let version = ecosystem.version(text).filter(|_| text.len() <= VERSION)?;
    let at_ms = at.and_then(moment::read);
    Some(Listed { version, text: text.to_owned(), at_ms, withdrawn })
}

/// A line of the index (<https://doc.rust-lang.org/cargo/reference/registry-index.html>).
#[derive(Deserialize)]
struct Line {
    name: String,
    vers: String,
    #[serde(default)]
    yanked: bool,
    pubtime: Option<String>,
}

fn crates(name: &str, body: &[u8]) -> Result<Vec<Listed>, String> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut found = Vec::new();
    for line in lines {
        let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if !line.name.eq_ignore_ascii_case(name) {
            return Err(format!("it is about {}", clean(&line.name)));
        }
        let withdrawn = line.yanked.then(String::new);
        found.extend(listed(Ecosystem::Crates, &line.vers, line.pubtime.as_deref(), withdrawn));
    }
    match found.is_empty() {
        true => Err("it lists no version".to_owned()),
        false => Ok(found),
    }
}

#[derive(Deserialize)]
struct Packument {
    #[serde(rename = "dist-tags", default)]
    tags: BTreeMap<String, String>,
    versions: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    /// Words for people; some registries write `false` or nothing where it is not.
    #[serde(default)]
    deprecated: serde_json::Value,
}

fn npm(body: &[u8]) -> Result<(Vec<Listed>, Option<String>), String> {
    let packument: Packument = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let words = |release: Release| match release.deprecated {
        serde_json::Value::String(words) if !words.is_empty() => Some(clean(&words)),
        serde_json::Value::Bool(true) => Some(String::new()),
        _ => None,
    };
    let one =
        |(text, release): (String, Release)| listed(Ecosystem::Npm, &text, None, words(release));
    let versions: Vec<Listed> = packument.versions.into_iter().filter_map(one).collect();
    let latest = packument.tags.get("latest").cloned();
    Ok((versions, latest))
}

/// PEP 691 and PEP 700.
#[derive(Deserialize)]
struct Simple {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    /// `false`, `true` or the reason (PEP 592).
    #[serde(default)]
    yanked: serde_json::Value,
    #[serde(rename = "upload-time")]
    upload_time: Option<String>,
}

fn pypi(body: &[u8]) -> Result<Vec<Listed>, String> {
    let simple: Simple = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut found: BTreeMap<String, Listed> = BTreeMap::new();
    for file in &simple.files {
        let words = match &file.yanked {
            serde_json::Value::String(words) => Some(clean(words)),
            serde_json::Value::Bool(true) => Some(String::new()),
            _ => None,
        };
        let Some(text) = version_of(&file.filename) else { continue };
        let one = listed(Ecosystem::PyPI, text, file.upload_time.as_deref(), words);
        let Some(one) = one else { continue };
        match found.get_mut(text) {
            // A release is withdrawn when all of its files are; it came out with the first one.
            Some(known) => {
                known.withdrawn = known.withdrawn.take().filter(|_| one.withdrawn.is_some());
                known.at_ms = known.at_ms.into_iter().chain(one.at_ms).min();
            }
            None => drop(found.insert(text.to_owned(), one)),
        }
    }
    Ok(found.into_values().collect())
}

/// `1.2` of `name-1.2-py3-none-any.whl` and of `na-me-1.2.tar.gz`.
fn version_of(file: &str) -> Option<&str> {
    if let Some(wheel) = file.strip_suffix(".whl") {
        return wheel.split('-').nth(1);
    }
    let ends = [".tar.gz", ".zip", ".tar.bz2", ".tgz"];
    let stem = ends.iter().find_map(|end| file.strip_suffix(end))?;
    stem.rsplit_once('-').map(|(_, version)| version)
}

#[cfg(test)]
mod tests;
