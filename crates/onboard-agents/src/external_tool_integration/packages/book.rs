//! What was answered, kept between runs: nothing is asked twice a day.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::advisory::Advisory;
use super::registry::Package;
use super::version::Ecosystem;

/// How long an answer holds.
pub const DAY_MS: i64 = 86_400_000;
/// Advisories that are kept, and names of them for each version.
pub const MOST_ADVISORIES: usize = 1_000;
pub const MOST_OF_VERSION: usize = 100;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Advisories,
    Crates,
    Npm,
    PyPI,
}

impl Service {
    pub const ALL: [Service; 4] = [Self::Advisories, Self::Crates, Self::Npm, Self::PyPI];

    /// The registry of an ecosystem, where it is asked.
    pub fn of(ecosystem: Ecosystem) -> Option<Service> {
        match ecosystem {
            Ecosystem::Crates => Some(Self::Crates),
            Ecosystem::Npm => Some(Self::Npm),
            Ecosystem::PyPI => Some(Self::PyPI),
            Ecosystem::Go => None,
        }
    }

    /// The setting that names another host for it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Advisories => "advisories",
            Self::Crates => "crates",
            Self::Npm => "npm",
            Self::PyPI => "pypi",
        }
    }

    /// Where everybody asks.
    pub fn host(self) -> &'static str {
        match self {
            Self::Advisories => "api.osv.dev",
            Self::Crates => "index.crates.io",
            Self::Npm => "registry.npmjs.org",
            Self::PyPI => "pypi.org",
        }
    }
}

/// A version of a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    pub ecosystem: Ecosystem,
    pub name: String,
    pub version: String,
}

impl Key {
    /// As the book has it.
    fn text(&self) -> String {
        format!("{}@{}", package(self.ecosystem, &self.name), self.version)
    }
}

fn package(ecosystem: Ecosystem, name: &str) -> String {
    format!("{}:{name}", ecosystem.osv())
}

/// What is said of one version: when, and advisories with the moment of their last change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub read_ms: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, String>,
}

/// A version whose advisories are not all read yet: what the pages so far said, and which is next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub key: Key,
    pub token: Option<String>,
    pub ids: BTreeMap<String, String>,
    /// Pages so far, and when the first came.
    pub count: u32,
    pub since_ms: i64,
}

/// How it went with a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Nothing is asked before.
    pub wait_until_ms: i64,
    /// Runs in a row that failed.
    pub failures: u32,
    /// Answers in a row that said that it was too much, without saying for how long.
    pub too_much: u32,
    /// Since when, and in whose words, where it fails.
    pub trouble: Option<(i64, String)>,
}

/// All that is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    #[serde(default)]
    versions: BTreeMap<String, Said>,
    /// With the moment of reading.
    #[serde(default)]
    advisories: BTreeMap<String, (i64, Advisory)>,
    #[serde(default)]
    packages: BTreeMap<String, Package>,
    /// What a run began and did not end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<Page>,
    #[serde(default)]
    pub services: BTreeMap<Service, Standing>,
    /// Lock files at a commit, so that not every run looks through its tree.
    #[serde(default)]
    pub places: (String, Vec<String>),
}

impl Book {
    pub fn said(&self, key: &Key) -> Option<&Said> {
        self.versions.get(&key.text())
    }

    pub fn say(&mut self, key: &Key, said: Said) {
        self.versions.insert(key.text(), said);
    }

    pub fn advisory(&self, id: &str) -> Option<&(i64, Advisory)> {
        self.advisories.get(id)
    }

    pub fn advise(&mut self, id: &str, read_ms: i64, advisory: Advisory) {
        if self.advisories.len() < MOST_ADVISORIES || self.advisories.contains_key(id) {
            self.advisories.insert(id.to_owned(), (read_ms, advisory));
        }
    }

    pub fn is_full(&self) -> bool {
        self.advisories.len() >= MOST_ADVISORIES
    }

    pub fn package(&self, ecosystem: Ecosystem, name: &str) -> Option<&Package> {
        self.packages.get(&package(ecosystem, name))
    }

    pub fn package_mut(&mut self, ecosystem: Ecosystem, name: &str) -> &mut Package {
        self.packages.entry(package(ecosystem, name)).or_default()
    }

    /// Advisories about a version: those that it was said to have, or, where it was not asked about yet,
    /// those that mean it by what they say themselves.
    pub fn about(&self, key: &Key) -> Vec<&Advisory> {
        let Key { ecosystem, name, version } = key;
        let known = self.advisories.values().map(|(_, advisory)| advisory);
        match self.said(key) {
            Some(said) => {
                let said = said.ids.keys().filter_map(|id| self.advisories.get(id));
                said.map(|(_, advisory)| advisory).filter(|advisory| !advisory.is_void).collect()
            }
            None => {
                known.filter(|one| one.affects(*ecosystem, name, version) == Some(true)).collect()
            }
        }
    }

    /// Versions of a package in which something that is known was fixed.
    pub fn fixes<'a>(&'a self, ecosystem: Ecosystem, name: &'a str) -> BTreeSet<&'a str> {
        let known = self.advisories.values().filter(|(_, one)| !one.is_void);
        known.flat_map(|(_, one)| one.fixes(ecosystem, name)).collect()
    }

    /// Forgets what no lock file asks for and is older than a day.
    pub fn prune(&mut self, wanted: &BTreeSet<Key>, now_ms: i64) {
        let keys: BTreeSet<String> = wanted.iter().map(Key::text).collect();
        let names: BTreeSet<String> =
            wanted.iter().map(|key| package(key.ecosystem, &key.name)).collect();
        let is_fresh = |read_ms: i64| now_ms - read_ms < DAY_MS;
        self.pages.retain(|page| wanted.contains(&page.key) && is_fresh(page.since_ms));
        self.versions.retain(|key, said| keys.contains(key) || is_fresh(said.read_ms));
        self.packages.retain(|key, package| names.contains(key) || is_fresh(package.read_ms));
        let said: BTreeSet<&String> =
            self.versions.values().flat_map(|said| said.ids.keys()).collect();
        self.advisories.retain(|id, (read_ms, advisory)| {
            let mut about = advisory.affected.iter();
            said.contains(id)
                || is_fresh(*read_ms)
                || about.any(|it| names.contains(&package(it.ecosystem, &it.name)))
        });
    }

    /// Lets go of what can be asked for again, where all of it is too long to be kept.
    pub fn shrink(&mut self) {
        self.packages.clear();
    }
}
