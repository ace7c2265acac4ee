//! Advisories in the form of OSV (<https://ossf.github.io/osv-schema/>): read, kept as far as they are
//! about packages of the project, and asked which versions they mean. Pure.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::forge::limits::clean;
use super::version::{Ecosystem, Version};

/// Ranges of one advisory that are kept, events of each, and versions that are listed one by one.
const MOST_RANGES: usize = 64;
const MOST_EVENTS: usize = 64;
const MOST_VERSIONS: usize = 2_000;
/// Other names that are kept.
const MOST_ALIASES: usize = 16;
/// Letters of a name.
const NAME: usize = 80;

/// What is kept of an advisory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    pub id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// As its source wrote it, to know a newer one.
    pub modified: String,
    pub summary: String,
    /// The CVSS base score, where it has one.
    pub score: Option<f64>,
    /// Nothing is to be made of it any more, or it says something else than that there is a hole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_void: bool,
    pub affected: Vec<Affected>,
}

/// Which versions of one package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    pub ecosystem: Ecosystem,
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Vec<Event>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}

/// A border of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Introduced(String),
    Fixed(String),
    LastAffected(String),
}

impl Advisory {
    /// Reads one as the database sends it.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn read(body: &[u8]) -> Result<Advisory, String> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let informational = |it: &WireAffected| it.database_specific.informational.is_some();
        let is_informational = !wire.affected.is_empty() && wire.affected.iter().all(informational);
        let vectors = wire.severity.iter().chain(wire.affected.iter().flat_map(|it| &it.severity));
        let scores = vectors.filter_map(|it| cvss::Cvss::from_str(&it.score).ok());
        let score = scores.map(|vector| vector.score()).max_by(f64::total_cmp);
        let words = wire.database_specific.severity.as_deref().and_then(score_of_word);
        Ok(Advisory {
            id: short(&wire.id),
            aliases: wire.aliases.iter().take(MOST_ALIASES).map(|alias| short(alias)).collect(),
            modified: short(&wire.modified),
            summary: clean(&summary(&wire)),
            score: score.or(words),
            is_void: wire.withdrawn.is_some() || is_informational,
            affected: wire.affected.into_iter().filter_map(WireAffected::kept).collect(),
        })
    }

    /// Only what is about packages that are asked for is kept.
    pub fn keep(&mut self, is_wanted: impl Fn(Ecosystem, &str) -> bool) {
        self.affected.retain(|it| is_wanted(it.ecosystem, &it.name));
    }

    /// Whether a version is meant; nothing where that can't be told here.
    pub fn affects(&self, ecosystem: Ecosystem, name: &str, version: &str) -> Option<bool> {
        if self.is_void {
            return Some(false);
        }
        let mut can_tell = true;
        for affected in self.of(ecosystem, name) {
            match affected.holds(version) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => can_tell = false,
            }
        }
        can_tell.then_some(false)
    }

    /// All versions in which it is mended.
    pub fn fixes<'a>(
        &'a self,
        ecosystem: Ecosystem,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        self.of(ecosystem, name).flat_map(|it| it.ranges.iter().flatten()).filter_map(|event| {
            match event {
                Event::Fixed(version) => Some(version.as_str()),
                Event::Introduced(_) | Event::LastAffected(_) => None,
            }
        })
    }

    fn of<'a>(&'a self, ecosystem: Ecosystem, name: &'a str) -> impl Iterator<Item = &'a Affected> {
        self.affected.iter().filter(move |it| it.ecosystem == ecosystem && it.name == name)
    }

    /// Its name and all others that it is known by.
    pub fn names(&self) -> BTreeSet<&str> {
        self.aliases.iter().map(String::as_str).chain([self.id.as_str()]).collect()
    }
}

impl Affected {
    fn holds(&self, version: &str) -> Option<bool> {
        if self.versions.iter().any(|listed| listed == version) {
            return Some(true);
        }
        let version = self.ecosystem.version(version)?;
        let is_listed = |listed: &String| {
            self.ecosystem.version(listed).is_some_and(|it| it.order(&version) == Ordering::Equal)
        };
        if self.versions.iter().any(is_listed) {
            return Some(true);
        }
        let mut can_tell = true;
        for range in &self.ranges {
            match holds(self.ecosystem, range, &version) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => can_tell = false,
            }
        }
        can_tell.then_some(false)
    }
}

/// The schema's evaluation of one range: events in the order of their versions, each of which begins or
/// ends what is affected. Nothing where a border is no version here.
fn holds(ecosystem: Ecosystem, range: &[Event], version: &Version) -> Option<bool> {
    let mut events: Vec<(Option<Version>, &Event)> = Vec::new();
    for event in range {
        let (Event::Introduced(text) | Event::Fixed(text) | Event::LastAffected(text)) = event;
        // `0` is before everything.
        let at = if text == "0" { None } else { Some(ecosystem.version(text)?) };
        events.push((at, event));
    }
    events.sort_by(|one, two| match (&one.0, &two.0) {
        (Some(one), Some(two)) => one.order(two),
        (one, two) => one.is_some().cmp(&two.is_some()),
    });
    let mut is_affected = false;
    for (at, event) in events {
        let order = at.map_or(Ordering::Greater, |at| version.order(&at));
        match event {
            Event::Introduced(_) if order.is_ge() => is_affected = true,
            Event::Fixed(_) if order.is_ge() => is_affected = false,
            Event::LastAffected(_) if order.is_gt() => is_affected = false,
            _ => {}
        }
    }
    Some(is_affected)
}

/// The lower ends of the ratings of CVSS 3.1 (section 5), for who writes a word and no vector.
fn score_of_word(word: &str) -> Option<f64> {
    match word.to_ascii_uppercase().as_str() {
        "LOW" => Some(0.1),
        "MODERATE" | "MEDIUM" => Some(4.0),
        "HIGH" => Some(7.0),
        "CRITICAL" => Some(9.0),
        _ => None,
    }
}

/// Its summary, or the first line of its text.
fn summary(wire: &Wire) -> String {
    match wire.summary.trim() {
        "" => {
            let mut lines = wire.details.lines().map(|line| line.trim_start_matches(['#', ' ']));
            lines.find(|line| !line.is_empty()).unwrap_or_default().into()
        }
        summary => summary.into(),
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic()).take(NAME).collect()
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    modified: String,
    withdrawn: Option<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    severity: Vec<WireSeverity>,
    #[serde(default)]
    affected: Vec<WireAffected>,
    #[serde(default)]
    database_specific: WireSpecific,
}

#[derive(Deserialize)]
struct WireSeverity {
    #[serde(default)]
    score: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireSpecific {
    severity: Option<String>,
    /// RustSec's: `unmaintained`, `unsound` or `notice`.
    informational: Option<String>,
}

#[derive(Deserialize)]
struct WireAffected {
    package: Option<WirePackage>,
    #[serde(default)]
    severity: Vec<WireSeverity>,
    #[serde(default)]
    ranges: Vec<WireRange>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    database_specific: WireSpecific,
}

#[derive(Deserialize)]
struct WirePackage {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct WireRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<WireEvent>,
}

#[derive(Deserialize)]
struct WireEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

impl WireAffected {
    fn kept(self) -> Option<Affected> {
        if self.database_specific.informational.is_some() {
            return None;
        }
        let WirePackage { ecosystem, name } = self.package?;
        let all = [Ecosystem::Crates, Ecosystem::Npm, Ecosystem::PyPI, Ecosystem::Go];
        let ecosystem = all.into_iter().find(|known| known.osv() == ecosystem)?;
        let is_ordered = |range: &WireRange| matches!(range.kind.as_str(), "SEMVER" | "ECOSYSTEM");
        let events = |range: WireRange| -> Vec<Event> {
            range.events.into_iter().filter_map(WireEvent::kept).take(MOST_EVENTS).collect()
        };
        let ranges: Vec<Vec<Event>> =
            self.ranges.into_iter().filter(is_ordered).take(MOST_RANGES).map(events).collect();
        // Ranges say the same in less; a list is kept where there are none.
        let most = if ranges.is_empty() { MOST_VERSIONS } else { 0 };
        let versions = self.versions.into_iter().take(most).collect();
        Some(Affected { ecosystem, name: ecosystem.name(&name), ranges, versions })
    }
}

impl WireEvent {
    fn kept(self) -> Option<Event> {
        let WireEvent { introduced, fixed, last_affected } = self;
        introduced
            .map(Event::Introduced)
            .or(fixed.map(Event::Fixed))
            .or(last_affected.map(Event::LastAffected))
    }
}

#[cfg(test)]
mod tests;
