//! Ecosystems of packages, and the order of their versions: pure.

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where packages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ecosystem {
    Crates,
    Npm,
    PyPI,
    Go,
}

impl Ecosystem {
    /// As advisories name it (<https://ossf.github.io/osv-schema/#defined-ecosystems>).
    pub fn osv(self) -> &'static str {
        match self {
            Self::Crates => "crates.io",
            Self::Npm => "npm",
            Self::PyPI => "PyPI",
            Self::Go => "Go",
        }
    }

    /// A name in its one form: Python's are the same in any case and with any separator (PEP 503).
    pub fn name(self, text: &str) -> String {
        if self != Self::PyPI {
            return text.to_owned();
        }
        let parts = text.split(['-', '_', '.']).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
    }

    /// A version as the ecosystem orders it; nothing where it is none.
    pub fn version(self, text: &str) -> Option<Version> {
        match self {
            Self::PyPI => pep440_rs::Version::from_str(text).ok().map(Version::Pep440),
            Self::Go => semver(text.strip_prefix('v').unwrap_or(text)),
            Self::Crates | Self::Npm => semver(text),
        }
    }
}

/// A version that can be compared with others of its ecosystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    Semver(semver::Version),
    Pep440(pep440_rs::Version),
}

impl Version {
    /// Whether it is not meant for everybody.
    pub fn is_prerelease(&self) -> bool {
        match self {
            Self::Semver(version) => !version.pre.is_empty(),
            Self::Pep440(version) => version.any_prerelease(),
        }
    }

    /// The first number; 0 is the one before 1.
    pub fn major(&self) -> u64 {
        match self {
            Self::Semver(version) => version.major,
            Self::Pep440(version) => version.release().first().copied().unwrap_or_default(),
        }
    }

    /// Whether who asked for this one, in the way that Cargo and npm write by themselves, may get the
    /// other: the first number that is not 0 stays (<https://semver.org/>).
    pub fn is_compatible(&self, other: &Version) -> bool {
        let (Self::Semver(one), Self::Semver(two)) = (self, other) else {
            return self.major() == other.major();
        };
        match (one.major, one.minor) {
            (0, 0) => (two.major, two.minor, two.patch) == (0, 0, one.patch),
            (0, minor) => (two.major, two.minor) == (0, minor),
            (major, _) => two.major == major,
        }
    }

    /// Whether it is before the other, at the same place or behind it.
    pub fn order(&self, other: &Version) -> Ordering {
        match (self, other) {
            // What follows a `+` says how it was built, and nothing of its place.
            (Self::Semver(one), Self::Semver(two)) => one.cmp_precedence(two),
            (Self::Pep440(one), Self::Pep440(two)) => one.cmp(two),
            (Self::Semver(_), Self::Pep440(_)) => Ordering::Less,
            (Self::Pep440(_), Self::Semver(_)) => Ordering::Greater,
        }
    }
}

/// `1.2.3`; where advisories write less, zeros follow.
fn semver(text: &str) -> Option<Version> {
    if let Ok(version) = semver::Version::parse(text) {
        return Some(Version::Semver(version));
    }
    let numbers = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(numbers);
    let zeros = match core.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => return None,
    };
    semver::Version::parse(&format!("{core}{zeros}{rest}")).ok().map(Version::Semver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(ecosystem: Ecosystem, versions: &str, expected: Expect) {
        let known = |text: &str| ecosystem.version(text).map(|version| (version, text.to_owned()));
        let mut sorted: Vec<(Version, String)> =
            versions.split_whitespace().filter_map(known).collect();
        sorted.sort_by(|one, two| one.0.order(&two.0));
        let mut text = String::new();
        for (at, (version, written)) in sorted.iter().enumerate() {
            let sign = match at.checked_sub(1).map(|at| sorted[at].0.order(version)) {
                None => "",
                Some(Ordering::Equal) => " = ",
                Some(_) => " < ",
            };
            text.push_str(&format!("{sign}{written}"));
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn versions_stand_in_the_order_of_their_ecosystem() {
        // The chain of semver.org, 11.
        check(
            Ecosystem::Npm,
            "1.0.0 1.0.0-rc.1 1.0.0-beta.11 1.0.0-beta.2 1.0.0-alpha.beta 1.0.0-alpha.1 1.0.0-alpha 1.0.0+b 10.0.0 9.0.0 1.2 x",
            expect![
                "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0 = 1.0.0+b < 1.2 < 9.0.0 < 10.0.0"
            ],
        );
        // The chain of PEP 440, "Summary of permitted suffixes and relative ordering", and its epochs.
        check(
            Ecosystem::PyPI,
            "1.0 1.0.post456 1.0.15 1.1.dev1 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12 1.0b1.dev456 1.0rc1 1.0+abc.5 1!0.1 1.0.0 banana",
            expect![
                "1.0.dev456 < 1.0a1 < 1.0a2.dev456 < 1.0a12 < 1.0b1.dev456 < 1.0rc1 < 1.0 = 1.0.0 < 1.0+abc.5 < 1.0.post456 < 1.0.15 < 1.1.dev1 < 1!0.1"
            ],
        );
        check(
            Ecosystem::Go,
            "v1.2.3 1.2.3 v0.0.0-20210220033148-5ea612d1eb83 v0.0.1 v2.0.0+incompatible v1.10.0",
            expect![
                "v0.0.0-20210220033148-5ea612d1eb83 < v0.0.1 < v1.2.3 = 1.2.3 < v1.10.0 < v2.0.0+incompatible"
            ],
        );
    }

    #[test]
    fn a_name_has_one_form() {
        assert_eq!(Ecosystem::PyPI.name("Zope.Interface__x"), "zope-interface-x");
        assert_eq!(Ecosystem::Npm.name("@Scope/a_b"), "@Scope/a_b");
    }

    #[test]
    fn what_may_come_without_being_asked_for() {
        let may = |one: &str, two: &str| {
            let of = |text: &str| Ecosystem::Crates.version(text).expect("a version");
            of(one).is_compatible(&of(two))
        };
        assert!(may("1.2.3", "1.9.0") && !may("1.2.3", "2.0.0"));
        assert!(may("0.2.3", "0.2.9") && !may("0.2.3", "0.3.0"));
        assert!(!may("0.0.3", "0.0.4"));
    }
}
