//! Releases read from tags: versions, their rhythm, and how many needed mending at once.

use std::collections::BTreeMap;

use crate::calendar::DAY_MS;
use crate::statistics::{median, quantile};

/// A tag and when the commit it names was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub commit: String,
}

/// A version number in a tag's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// What stands before the number: empty, `v`, or the name of one package of several.
    pub prefix: String,
    pub numbers: [u64; 3],
    /// `-rc.1`, `beta2`: not yet a release.
    pub preliminary: bool,
}

/// Reads `v1.2.3`, `1.2`, `core-1.2.3`, `pkg@1.2.3`, `curl-8_1_0`; at least two numbers.
pub fn version(tag: &str) -> Option<Version> {
    let start = first_number(tag)?;
    let (prefix, rest) = tag.split_at(start);
    let end =
        rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(rest.len());
    let (numbers, tail) = rest.split_at(end);
    let numbers = numbers.trim_end_matches(['.', '_']);
    let parts: Vec<&str> = numbers.split(['.', '_']).collect();
    if !(2..=4).contains(&parts.len()) || (!tail.is_empty() && prefix.is_empty() && parts.len() < 3)
    {
        return None;
    }
    let mut read = [0; 3];
    for (slot, part) in read.iter_mut().zip(&parts) {
        *slot = part.parse().ok()?;
    }
    let prefix = prefix.trim_end_matches('v').to_owned();
    Some(Version { prefix, numbers: read, preliminary: !tail.is_empty() && !is_final(tail) })
}

fn is_final(tail: &str) -> bool {
    let lower = tail.trim_start_matches('-').to_ascii_lowercase();
    ["final", "release", "ga"].contains(&lower.as_str())
}

/// Where the version starts: the first digit after the beginning, a `v`, or a separator.
fn first_number(tag: &str) -> Option<usize> {
    let bytes = tag.as_bytes();
    bytes.iter().enumerate().position(|(at, byte)| {
        byte.is_ascii_digit()
            && (at == 0 || matches!(bytes[at - 1], b'v' | b'V' | b'-' | b'_' | b'@' | b'/'))
            && bytes[at..].iter().any(|byte| matches!(byte, b'.' | b'_'))
    })
}

/// The releases of the project's main line, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Releases {
    pub tags: Vec<(Version, Tag)>,
}

/// Picks the final releases of the plainest series of versions: without a package's name where
/// such exist, else of the name with the most. A series that ended while others go on is the past: the
/// project names its releases otherwise now.
pub fn releases(tags: &[Tag]) -> Releases {
    let mut series = BTreeMap::<String, Vec<(Version, Tag)>>::new();
    for tag in tags {
        if let Some(version) = version(&tag.name).filter(|version| !version.preliminary) {
            series.entry(version.prefix.clone()).or_default().push((version, tag.clone()));
        }
    }
    for tags in series.values_mut() {
        tags.sort_by(|a, b| (a.1.at_ms, &a.0).cmp(&(b.1.at_ms, &b.0)));
    }
    let newest_ms = series.values().flatten().map(|(_, tag)| tag.at_ms).max().unwrap_or(0);
    let chosen = series.into_values().map(|tags| Releases { tags }).max_by_key(|series| {
        // A main series may be younger than a package's; it wins once it has a rhythm.
        let count = series.tags.len();
        let is_plain = series.tags.iter().all(|(version, _)| version.prefix.is_empty());
        (series.goes_on(newest_ms), is_plain && count >= LEAST_GAPS, count)
    });
    chosen.unwrap_or_default()
}

/// A rhythm needs this many gaps between releases.
const LEAST_GAPS: usize = 5;
/// Gaps looked at: the habits of today, not of a project's youth.
const MOST_GAPS: usize = 20;

/// A series that rests for less may go on while others are busier: half a year.
const ENDED_DAYS: f64 = 182.0;

/// How often the project releases, in days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    pub median_days: f64,
    /// Nineteen of twenty gaps are shorter.
    pub longest_usual_days: f64,
}

impl Releases {
    pub fn last(&self) -> Option<&Tag> {
        self.tags.last().map(|(_, tag)| tag)
    }

    /// Whether this series is no longer ago than twice its own longest usual gap, and half a year.
    fn goes_on(&self, newest_ms: i64) -> bool {
        let usual_days = self.rhythm().map_or(0.0, |rhythm| rhythm.longest_usual_days);
        let most_days = (2.0 * usual_days).max(ENDED_DAYS);
        let days = |last: &Tag| (newest_ms - last.at_ms) as f64 / DAY_MS as f64;
        self.last().is_some_and(|last| days(last) <= most_days)
    }

    /// The rhythm of the last releases; `None` where there are too few.
    ///
    /// Releases within a day of each other (several branches at once) are one event.
    pub fn rhythm(&self) -> Option<Rhythm> {
        let mut moments: Vec<i64> = self.tags.iter().map(|(_, tag)| tag.at_ms).collect();
        moments.dedup_by(|later, earlier| *later - *earlier < DAY_MS);
        let gaps: Vec<f64> =
            moments.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / DAY_MS as f64).collect();
        let gaps = &gaps[gaps.len().saturating_sub(MOST_GAPS)..];
        if gaps.len() < LEAST_GAPS {
            return None;
        }
        let longest_usual_days = quantile(gaps, 0.95)?;
        Some(Rhythm { median_days: median(gaps)?, longest_usual_days })
    }

    /// Of the last `most` x.y.0 releases, those followed by x.y.1 so soon that the patch mends
    /// the release itself: within a week, or within half the usual gap where a project patches
    /// more often than that as a matter of course.
    pub fn mended_at_once(&self, most: usize) -> Mended<'_> {
        let usual_days = self.rhythm().map_or(MENDED_DAYS, |rhythm| rhythm.median_days / 2.0);
        let within_days = usual_days.min(MENDED_DAYS);
        let within_ms = (within_days * DAY_MS as f64) as i64;
        let minors: Vec<&(Version, Tag)> =
            self.tags.iter().filter(|(version, _)| version.numbers[2] == 0).collect();
        let looked_at = &minors[minors.len().saturating_sub(most)..];
        let releases = looked_at
            .iter()
            .filter_map(|(minor, tag)| {
                let patch = self.tags.iter().find(|(version, patch)| {
                    version.numbers[..2] == minor.numbers[..2]
                        && version.numbers[2] == 1
                        && (0..=within_ms).contains(&(patch.at_ms - tag.at_ms))
                });
                patch.map(|(_, patch)| (tag, patch))
            })
            .collect();
        Mended { releases, looked_at: looked_at.len(), within_days }
    }
}

/// A patch within a week of its release was not planned.
const MENDED_DAYS: f64 = 7.0;

/// Releases that were patched at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Mended<'a> {
    /// Each with its patch.
    pub releases: Vec<(&'a Tag, &'a Tag)>,
    pub looked_at: usize,
    /// What counted as at once, in days.
    pub within_days: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(names: &[&str], expected: Expect) {
        let lines: Vec<String> = names
            .iter()
            .map(|name| match version(name) {
                Some(Version { prefix, numbers: [a, b, c], preliminary }) => {
                    let kind = if preliminary { "preliminary" } else { "release" };
                    format!("{name}: '{prefix}' {a}.{b}.{c} {kind}")
                }
                None => format!("{name}: no version"),
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn versions_are_read_from_tags() {
        check(
            &[
                "v1.2.3",
                "1.0",
                "0.4.0-rc.1",
                "grep-cli-0.1.11",
                "create-vite@5.2.0",
                "curl-8_1_0",
                "latest",
                "v2",
                "release/3.4.5",
                "v1.0.0.Final",
                "2024-01-31",
                "pre-2.0.0beta1",
            ],
            expect![[r#"
                v1.2.3: '' 1.2.3 release
                1.0: '' 1.0.0 release
                0.4.0-rc.1: '' 0.4.0 preliminary
                grep-cli-0.1.11: 'grep-cli-' 0.1.11 release
                create-vite@5.2.0: 'create-vite@' 5.2.0 release
                curl-8_1_0: 'curl-' 8.1.0 release
                latest: no version
                v2: no version
                release/3.4.5: 'release/' 3.4.5 release
                v1.0.0.Final: '' 1.0.0 release
                2024-01-31: no version
                pre-2.0.0beta1: 'pre-' 2.0.0 preliminary"#]],
        );
    }

    /// Plain versions to begin with, then a package's name before them, as in a repository that has come
    /// to hold several.
    #[test]
    fn a_series_that_ended_is_not_the_projects() {
        let chosen = |last_plain: i64| {
            let tag =
                |name: String, day: i64| Tag { name, at_ms: day * DAY_MS, commit: String::new() };
            let plain = (0..9).map(|at| tag(format!("v0.{at}.0"), last_plain - 240 + 30 * at));
            let named = (0..12).map(|at| tag(format!("loom-1.{at}.0"), 1_000 + 20 * at));
            let other = (0..3).map(|at| tag(format!("loom-util-1.{at}.0"), 1_000 + 20 * at));
            let found = releases(&plain.chain(named).chain(other).collect::<Vec<Tag>>());
            found.last().map(|last| last.name.clone()).unwrap_or_default()
        };
        let found = [300, 1_000, 1_100].map(chosen);
        expect!["loom-1.11.0 loom-1.11.0 v0.8.0"].assert_eq(&found.join(" "));
    }

    #[test]
    fn rhythm_and_mending_come_from_the_main_series() {
        let tag = |name: &str, day: i64| Tag {
            name: name.to_owned(),
            at_ms: day * DAY_MS,
            commit: String::new(),
        };
        let tags = [
            tag("v1.0.0", 0),
            tag("v1.0.1", 3),
            tag("v1.1.0", 30),
            tag("v1.2.0", 60),
            tag("v1.2.1", 61),
            tag("v1.3.0", 90),
            tag("v1.3.1", 130),
            tag("sub-1.0.0", 131),
            tag("v1.4.0-rc1", 140),
        ];
        let found = releases(&tags);
        let mended = found.mended_at_once(8);
        let of = mended.looked_at;
        let names: Vec<&str> = mended.releases.iter().map(|(tag, _)| tag.name.as_str()).collect();
        expect![[r#"Some(Rhythm { median_days: 28.0, longest_usual_days: 37.5 }), last Some("v1.3.1"), mended ["v1.0.0", "v1.2.0"] of 4"#]]
        .assert_eq(&format!(
            "{:?}, last {:?}, mended {names:?} of {of}",
            found.rhythm(),
            found.last().map(|tag| tag.name.as_str()),
        ));
    }
}
