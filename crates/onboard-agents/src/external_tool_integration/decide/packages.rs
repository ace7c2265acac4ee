//! What is known of packages, as findings: pure.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::super::packages::advisory::Advisory;
use super::super::packages::book::Key;
use super::super::packages::lock::{Kind, Locked};
use super::super::packages::version::{Ecosystem, Version};
use super::super::packages::{LockFile, Packages};
use super::{MANY, MOST_NAMED, date};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// A CVSS score below it is "low" (CVSS 3.1, section 5).
const MEDIUM_SCORE: f64 = 4.0;
/// How far behind is far, in major versions or in years, and of how many.
const FAR_MAJORS: usize = 2;
const FAR_YEARS: f64 = 2.0;
const FAR_MANY: usize = 3;
const YEAR_MS: f64 = 365.25 * 86_400_000.0;
/// Bytes of what to do: a host takes a thousand.
const MOST_BYTES: usize = 990;
/// Advisories named of one package, and mends named of many packages.
const MOST_HOLES: usize = 5;
const MOST_MENDS: usize = 3;

/// `tools/vulnerable-dependency`
pub const VULNERABLE_DEPENDENCY: Rule = Rule {
    id: "tools/vulnerable-dependency",
    says: "which locked package has a known vulnerability, in which version it is fixed, through \
           which package it comes, and the command that upgrades it.",
    why: "A hole that is published is looked for by others.",
    when: &[
        Bound::that(
            "an advisory of OSV's database means the version that is locked at HEAD, and is not withdrawn",
            "https://ossf.github.io/osv-schema/, evaluated by the database for the very version",
        ),
        Bound::that(
            "it is high where a version has the fix, medium where none has it or where the package is for \
             development alone; what is malicious is critical",
            "judgement: what can be mended today comes first",
        ),
        Bound::at(
            "or it is medium where its CVSS score is below {}",
            MEDIUM_SCORE,
            "CVSS 3.1, section 5: that is low",
        ),
        Bound::that(
            "not for notices that a package is unmaintained or unsound",
            "judgement: no hole is known of",
        ),
        Bound::that(
            "where to go is the first version with a fix that is not yanked and that the database was \
             asked about, too",
            "judgement: nobody wants to upgrade twice",
        ),
        Bound::at("more than {} packages are one finding", MANY as f64, "judgement"),
    ],
    silence: "upgrade it; it ends with the commit that changes the lock file.",
};

/// `tools/yanked-dependency`
pub const YANKED_DEPENDENCY: Rule = Rule {
    id: "tools/yanked-dependency",
    says: "which locked version was withdrawn by those who published it, and their reason.",
    why: "They say that nobody should begin to use it; it may vanish, and no mend will come.",
    when: &[
        Bound::that("crates.io or PyPI has it as yanked", "the registries' own word"),
        Bound::that(
            "or npm has it as deprecated, and the project itself asks for it",
            "judgement: what others ask for is theirs to change",
        ),
        Bound::at("more than {} are one finding", MANY as f64, "judgement"),
    ],
    silence: "upgrade it, or replace it.",
};

/// `tools/outdated-dependencies`
pub const OUTDATED_DEPENDENCIES: Rule = Rule {
    id: "tools/outdated-dependencies",
    says: "which of the project's own dependencies are far behind their newest versions.",
    why: "The further behind, the dearer the step when a mend is needed at once. The age between the \
          version in use and the newest one is what Cox and others measure (ICSE 2015).",
    when: &[
        Bound::at(
            "{} major versions behind",
            FAR_MAJORS as f64,
            "judgement: one behind is often a choice",
        ),
        Bound::at(
            "or {} years between the two, where the registry says when they came out",
            FAR_YEARS,
            "judgement: mends reach older versions seldom",
        ),
        Bound::at(
            "of {} dependencies at least that the project itself asks for",
            FAR_MANY as f64,
            "judgement: below that it is a choice",
        ),
    ],
    silence: "upgrade the oldest, one at a time.",
};

/// What holds of packages, the gravest first.
pub fn findings(packages: &Packages) -> Vec<Finding> {
    let mut found = vulnerable(packages);
    found.extend(yanked(packages));
    found.extend(outdated(packages));
    found
}

/// A package in a lock file.
#[derive(Clone, Copy)]
struct Place<'a> {
    lock: &'a LockFile,
    locked: &'a Locked,
}

impl Place<'_> {
    fn what(&self) -> String {
        format!("{} {}", self.locked.name, self.locked.version)
    }

    /// How it gets in.
    fn way(&self) -> String {
        let dev = if self.locked.is_dev { ", for development alone" } else { "" };
        let way = match (self.locked.is_direct, &*self.locked.through) {
            (true, _) => "a direct dependency".to_owned(),
            (false, []) => "it is not known through which".to_owned(),
            (false, way) => format!("through {}", way.join(" → ")),
        };
        format!("{way}{dev}")
    }

    fn evidence(&self, text: impl Into<String>) -> Evidence {
        Evidence::file(&self.lock.path, self.locked.line, text)
    }

    fn version(&self) -> Option<Version> {
        self.lock.kind.ecosystem().version(&self.locked.version)
    }
}

/// All packages, each version once: where the project asks for it first.
fn places(packages: &Packages) -> BTreeMap<Key, Place<'_>> {
    let mut found: BTreeMap<Key, Place<'_>> = BTreeMap::new();
    for lock in &packages.locks {
        for locked in lock.packages() {
            let key = Packages::key(lock, locked);
            let is_nearer = |known: &Place<'_>| {
                (known.locked.is_dev, !known.locked.is_direct) > (locked.is_dev, !locked.is_direct)
            };
            if found.get(&key).is_none_or(is_nearer) {
                found.insert(key, Place { lock, locked });
            }
        }
    }
    found
}

/// Advisories that say the same, under their several names.
struct Hole<'a> {
    advisories: Vec<&'a Advisory>,
    names: BTreeSet<&'a str>,
}

impl Hole<'_> {
    /// The name that most people know, and the database's own.
    fn name(&self) -> String {
        let id = self.advisories.first().map_or("", |one| one.id.as_str());
        match self.names.iter().find(|name| name.starts_with("CVE-")) {
            Some(cve) if *cve != id => format!("{cve} ({id})"),
            _ => id.to_owned(),
        }
    }

    fn score(&self) -> Option<f64> {
        self.advisories.iter().filter_map(|one| one.score).max_by(f64::total_cmp)
    }

    fn is_malicious(&self) -> bool {
        self.advisories.iter().any(|one| one.id.starts_with("MAL-"))
    }

    fn summary(&self) -> &str {
        self.advisories
            .iter()
            .map(|one| one.summary.as_str())
            .find(|it| !it.is_empty())
            .unwrap_or("")
    }

    /// The first version behind this one that none of its advisories means.
    fn fix(&self, key: &Key, version: &Version) -> Option<String> {
        let Key { ecosystem, name, .. } = key;
        let is_sound = |text: &&str| {
            let is_behind =
                ecosystem.version(text).is_some_and(|it| it.order(version) == Ordering::Greater);
            let means = |one: &&Advisory| one.affects(*ecosystem, name, text) != Some(false);
            is_behind && !self.advisories.iter().any(means)
        };
        let fixes = self.advisories.iter().flat_map(|one| one.fixes(*ecosystem, name));
        let mut fixes: Vec<&str> = fixes.filter(is_sound).collect();
        sort(key, &mut fixes);
        fixes.first().map(|fix| (*fix).to_owned())
    }
}

fn sort(key: &Key, versions: &mut [&str]) {
    versions.sort_by(|one, two| match (key.ecosystem.version(one), key.ecosystem.version(two)) {
        (Some(one), Some(two)) => one.order(&two),
        (one, two) => one.is_some().cmp(&two.is_some()),
    });
}

fn holes<'a>(advisories: Vec<&'a Advisory>) -> Vec<Hole<'a>> {
    let mut holes: Vec<Hole<'a>> = Vec::new();
    for advisory in advisories {
        let mut hole = Hole { advisories: vec![advisory], names: advisory.names() };
        // One that names two others makes the three one.
        let (same, others) =
            holes.into_iter().partition(|known: &Hole<'a>| !known.names.is_disjoint(&hole.names));
        holes = others;
        for known in same {
            hole.advisories.splice(0..0, known.advisories);
            hole.names.extend(known.names);
        }
        holes.push(hole);
    }
    holes.sort_by(|one, two| {
        let score = |hole: &Hole<'_>| hole.score().unwrap_or_default();
        score(two).total_cmp(&score(one)).then_with(|| one.name().cmp(&two.name()))
    });
    holes
}

/// A package with what is wrong with it, and where to go.
struct Vulnerable<'a> {
    key: Key,
    place: Place<'a>,
    holes: Vec<Hole<'a>>,
    /// A version that none of what is known means.
    to: Option<String>,
}

fn vulnerable(packages: &Packages) -> Vec<Finding> {
    let mut found: Vec<Vulnerable<'_>> = places(packages)
        .into_iter()
        .filter_map(|(key, place)| {
            let holes = holes(packages.book.about(&key));
            let to = target(packages, &key, &place);
            (!holes.is_empty()).then_some(Vulnerable { key, place, holes, to })
        })
        .collect();
    let score = |one: &Vulnerable<'_>| one.holes[0].score().unwrap_or_default();
    found.sort_by(|one, two| {
        let order = two.severity().cmp(&one.severity());
        order.then(score(two).total_cmp(&score(one))).then_with(|| one.key.cmp(&two.key))
    });
    match found.len() {
        0..=MANY => found.iter().map(|one| one.finding(packages)).collect(),
        _ => vec![all_vulnerable(packages, &found)],
    }
}

/// The first version behind it with a fix that was not withdrawn and has no hole that is known.
fn target(packages: &Packages, key: &Key, place: &Place<'_>) -> Option<String> {
    let current = place.version()?;
    let ecosystem = key.ecosystem;
    let fixes = packages.book.fixes(ecosystem, &key.name);
    let mut fixes: Vec<&str> = fixes.into_iter().collect();
    sort(key, &mut fixes);
    let withdrawn = packages.book.package(ecosystem, &key.name).map(|it| &it.withdrawn);
    let is_good = |fix: &&str| {
        let Some(version) = ecosystem.version(fix) else { return false };
        let is_kept = withdrawn.is_none_or(|all| !all.iter().any(|one| one == fix));
        let to = Key { version: (*fix).to_owned(), ..key.clone() };
        let is_sound = packages.book.about(&to).is_empty();
        let is_meant = current.is_prerelease() || !version.is_prerelease();
        version.order(&current).is_gt() && is_kept && is_sound && is_meant
    };
    fixes.into_iter().find(is_good).map(|fix| fix.trim_start_matches('v').to_owned())
}

impl Vulnerable<'_> {
    fn is_malicious(&self) -> bool {
        self.holes.iter().any(Hole::is_malicious)
    }

    fn severity(&self) -> Severity {
        let is_low = self.holes.iter().all(|hole| hole.score().is_some_and(|it| it < MEDIUM_SCORE));
        match () {
            () if self.is_malicious() => Severity::Critical,
            () if self.to.is_none() || self.place.locked.is_dev || is_low => Severity::Medium,
            () => Severity::High,
        }
    }

    fn finding(&self, packages: &Packages) -> Finding {
        let count = match self.holes.len() {
            1 => "a known vulnerability".to_owned(),
            count => format!("{count} known vulnerabilities"),
        };
        let title = match (&self.to, self.is_malicious()) {
            (_, true) => format!("{} is known to be malicious", self.place.what()),
            (Some(to), _) => format!("{} has {count}, fixed in {to}", self.place.what()),
            (None, _) => format!("{} has {count}", self.place.what()),
        };
        let mut evidence = vec![self.place.evidence(words(&self.place, ""))];
        let version = self.place.version();
        evidence.extend(self.holes.iter().take(MOST_HOLES).map(|hole| {
            let fix = version.as_ref().and_then(|version| hole.fix(&self.key, version));
            let fix = fix.map(|fix| format!("; fixed in {fix}")).unwrap_or_default();
            let text = format!("{}: {}{fix}", hole.name(), hole.summary());
            match hole.score() {
                Some(score) => Evidence::number(score, format!("CVSS of {text}")),
                None => self.place.evidence(text),
            }
        }));
        Finding::new(
            VULNERABLE_DEPENDENCY.id,
            self.severity(),
            &self.place.what(),
            title,
            self.source(packages),
            self.mend(),
            evidence,
        )
    }

    /// Who said so, and when.
    fn source(&self, packages: &Packages) -> String {
        match packages.book.said(&self.key) {
            Some(said) => format!("The OSV database said so on {}.", date(said.read_ms)),
            None => "Known advisories mean it; the database was not asked about this version yet."
                .to_owned(),
        }
    }

    fn mend(&self) -> String {
        match &self.to {
            _ if self.is_malicious() => {
                let name = &self.key.name;
                format!("Remove {name}, and treat what it could read as known to others.")
            }
            Some(to) => upgrade(&self.place, to),
            None => {
                "No version is known in which all of it is fixed: see whether the advisory names a \
                     way around it, or replace the package."
                    .to_owned()
            }
        }
    }

    /// In one line, beside others.
    fn line(&self) -> Evidence {
        let names: Vec<String> = self.holes.iter().take(2).map(Hole::name).collect();
        let more = match self.holes.len().saturating_sub(2) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let fix = self.to.as_ref().map(|to| format!("; fixed in {to}")).unwrap_or_default();
        let score = self.holes[0].score().map(|it| format!(", CVSS {it}")).unwrap_or_default();
        let text = format!(
            "{} ({}): {}{more}{score}{fix}",
            self.place.what(),
            self.place.way(),
            names.join(", ")
        );
        self.place.evidence(text)
    }
}

fn all_vulnerable(packages: &Packages, found: &[Vulnerable<'_>]) -> Finding {
    let mended = found.iter().filter(|one| one.to.is_some()).count();
    let mends: Vec<String> = found
        .iter()
        .filter(|one| one.to.is_some() || one.is_malicious())
        .take(MOST_MENDS)
        .map(Vulnerable::mend)
        .collect();
    let action = match mends.is_empty() {
        true => found[0].mend(),
        false => mends.join(" "),
    };
    Finding::new(
        VULNERABLE_DEPENDENCY.id,
        found[0].severity(),
        "dependencies",
        format!(
            "{} packages have known vulnerabilities, {mended} of them with a fixed version",
            found.len()
        ),
        format!("The gravest first. {}", found[0].source(packages)),
        fitting(&action),
        found.iter().take(MOST_NAMED).map(Vulnerable::line).collect(),
    )
}

fn fitting(text: &str) -> String {
    let letters = text.char_indices();
    letters.take_while(|(at, c)| at + c.len_utf8() <= MOST_BYTES).map(|(_, c)| c).collect()
}

/// The exact step to a version.
fn upgrade(place: &Place<'_>, to: &str) -> String {
    let Place { lock, locked } = place;
    let Locked { name, version, is_direct, is_dev, through, .. } = locked;
    let ecosystem = lock.kind.ecosystem();
    let is_compatible = match (place.version(), ecosystem.version(to)) {
        (Some(current), Some(to)) => current.is_compatible(&to),
        _ => false,
    };
    let parent = through.last().map_or("what brings it", String::as_str);
    let words = match (lock.kind, is_direct, is_compatible) {
        (Kind::Cargo, _, true) => format!("Run `cargo update {name}@{version} --precise {to}`"),
        (Kind::Cargo, true, false) => {
            format!("Ask for {name} {to} in Cargo.toml, and run `cargo update {name}@{version}`")
        }
        (Kind::Cargo, false, false) => {
            format!(
                "Upgrade {parent} to one that takes {name} {to}: the one that is locked may not"
            )
        }
        (Kind::Npm, true, _) if *is_dev => format!("Run `npm install --save-dev {name}@{to}`"),
        (Kind::Npm, true, _) => format!("Run `npm install {name}@{to}`"),
        (Kind::Npm, false, true) => format!(
            "Run `npm update {name}`; where {parent} holds it back, set it to {to} in `overrides` of package.json"
        ),
        (Kind::Npm, false, false) => {
            format!("Upgrade {parent}, or set {name} to {to} in `overrides` of package.json")
        }
        (Kind::Pnpm, true, _) if *is_dev => format!("Run `pnpm add --save-dev {name}@{to}`"),
        (Kind::Pnpm, true, _) => format!("Run `pnpm add {name}@{to}`"),
        (Kind::Pnpm, false, _) => {
            format!("Upgrade {parent}, or set {name} to {to} in pnpm's `overrides`")
        }
        (Kind::Yarn, true, _) => format!("Run `yarn upgrade {name}@{to}`"),
        (Kind::Yarn, false, _) => {
            format!("Upgrade {parent}, or set {name} to {to} in `resolutions` of package.json")
        }
        (Kind::Poetry, _, _) => {
            format!(
                "Allow {name} {to} in pyproject.toml where it is held back, and run `poetry update {name}`"
            )
        }
        (Kind::Uv, _, _) => format!("Run `uv lock --upgrade-package {name}=={to}`"),
        (Kind::Requirements, _, _) => format!("Write `{name}=={to}`"),
        (Kind::Go, _, _) => format!("Run `go get {name}@v{to}`, then `go mod tidy`"),
    };
    let place = match (lock.kind, lock.path.rsplit_once('/')) {
        (Kind::Requirements, _) => {
            let line = locked.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!(" in {}{line}", lock.path)
        }
        (_, Some((folder, _))) => format!(" in `{folder}`"),
        (_, None) => String::new(),
    };
    format!("{words}{place}.")
}

/// A version that was withdrawn, and why.
fn yanked(packages: &Packages) -> Vec<Finding> {
    let places = places(packages).into_iter();
    let found: Vec<Withdrawn<'_>> =
        places.filter_map(|(key, place)| withdrawn(packages, &key, place)).collect();
    match found.len() {
        0..=MANY => found.iter().map(Withdrawn::finding).collect(),
        count => vec![Finding::new(
            YANKED_DEPENDENCY.id,
            Severity::Low,
            "dependencies",
            format!("{count} locked versions were withdrawn by their publishers"),
            "They say that nobody should begin to use them.",
            "Upgrade those first that the project itself asks for.",
            found.iter().take(MOST_NAMED).map(|one| one.evidence.clone()).collect(),
        )],
    }
}

fn withdrawn<'a>(packages: &Packages, key: &Key, place: Place<'a>) -> Option<Withdrawn<'a>> {
    let package = packages.book.package(key.ecosystem, &key.name)?;
    let (_, why) = package.locked.get(&key.version)?;
    let why = why.clone()?;
    // What comes through others is theirs to change.
    if key.ecosystem == Ecosystem::Npm && !place.locked.is_direct {
        return None;
    }
    let newest = package.newest.as_ref().map(|(newest, _)| newest.clone());
    Some(Withdrawn { evidence: place.evidence(words(&place, &why)), place, why, newest })
}

struct Withdrawn<'a> {
    place: Place<'a>,
    why: String,
    newest: Option<String>,
    evidence: Evidence,
}

fn words(place: &Place<'_>, why: &str) -> String {
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!("{}, {}{why}", place.what(), place.way())
}

impl Withdrawn<'_> {
    fn finding(&self) -> Finding {
        let said = match self.place.lock.kind.ecosystem() {
            Ecosystem::Npm => "deprecated",
            Ecosystem::Crates | Ecosystem::PyPI | Ecosystem::Go => "yanked",
        };
        let why = match &*self.why {
            "" => "Its publishers give no reason.".to_owned(),
            why => format!("They say: {why}"),
        };
        let action = match (&self.newest, self.place.lock.kind) {
            (_, Kind::Cargo) => {
                let Locked { name, version, .. } = self.place.locked;
                format!("Run `cargo update {name}@{version}`, which takes one that is not yanked.")
            }
            (Some(newest), _) if *newest != self.place.locked.version => {
                upgrade(&self.place, newest)
            }
            _ => "Replace it: there is no newer version.".to_owned(),
        };
        Finding::new(
            YANKED_DEPENDENCY.id,
            Severity::Low,
            &self.place.what(),
            format!("{} is {said}", self.place.what()),
            why,
            action,
            vec![self.evidence.clone()],
        )
    }
}

/// How far a package is behind.
struct Behind<'a> {
    place: Place<'a>,
    newest: String,
    majors: usize,
    /// Nothing where the registry doesn't say when versions came out.
    years: Option<f64>,
}

impl Behind<'_> {
    fn is_far(&self) -> bool {
        self.majors >= FAR_MAJORS || self.years.is_some_and(|years| years >= FAR_YEARS)
    }

    fn evidence(&self) -> Evidence {
        let majors = match self.majors {
            0 => None,
            1 => Some("1 major version".to_owned()),
            majors => Some(format!("{majors} major versions")),
        };
        let years = self.years.map(|years| format!("{years:.1} years"));
        let far: Vec<String> = majors.into_iter().chain(years).collect();
        let text = format!("{}, newest {}: {}", self.place.what(), self.newest, far.join(", "));
        self.place.evidence(text)
    }
}

fn outdated(packages: &Packages) -> Option<Finding> {
    let places = places(packages);
    let direct = places.iter().filter(|(_, place)| place.locked.is_direct);
    let known: Vec<Behind<'_>> =
        direct.filter_map(|(key, place)| behind(packages, key, *place)).collect();
    let years: Vec<f64> = known.iter().filter_map(|one| one.years).collect();
    let total = match years.is_empty() {
        true => String::new(),
        false => format!(" In all they are {:.1} libyears behind.", years.iter().sum::<f64>()),
    };
    let count = known.len();
    let mut far: Vec<Behind<'_>> = known.into_iter().filter(Behind::is_far).collect();
    far.sort_by(|one, two| {
        let years = |one: &Behind<'_>| one.years.unwrap_or_default();
        (two.majors.cmp(&one.majors)).then(years(two).total_cmp(&years(one)))
    });
    if far.len() < FAR_MANY {
        return None;
    }
    let first = far.first()?;
    Some(Finding::new(
        OUTDATED_DEPENDENCIES.id,
        Severity::Info,
        "dependencies",
        format!(
            "{} of {count} direct dependencies are far behind their newest versions",
            far.len()
        ),
        format!(
            "Far is {FAR_MAJORS} major versions or {FAR_YEARS:.0} years; the furthest first.{total}"
        ),
        format!(
            "Begin with {}: read what changed up to {}, and upgrade it alone.",
            first.place.locked.name, first.newest
        ),
        far.iter().take(MOST_NAMED).map(Behind::evidence).collect(),
    ))
}

fn behind<'a>(packages: &Packages, key: &Key, place: Place<'a>) -> Option<Behind<'a>> {
    let package = packages.book.package(key.ecosystem, &key.name)?;
    let (newest, newest_ms) = package.newest.clone()?;
    let (current_ms, _) = package.locked.get(&key.version)?;
    let current = place.version()?;
    let is_older = key.ecosystem.version(&newest)?.order(&current).is_gt();
    let years = newest_ms.zip(*current_ms).map(|(newest_ms, current_ms)| {
        if is_older { ((newest_ms - current_ms) as f64 / YEAR_MS).max(0.0) } else { 0.0 }
    });
    let majors =
        package.majors.iter().filter(|major| is_older && **major > current.major()).count();
    Some(Behind { place, newest, majors, years })
}
