//! Leases: what a name excludes, who has it, and who comes next.
//!
//! A name that begins with [`FILE`] is a path of the project: it overlaps what lies in it and what it
//! lies in. Every other name overlaps itself alone.
//!
//! Nothing waits for ever. A run may wait only for a name that comes after all that it holds and
//! overlaps none of that ([`may_wait`]): around a circle of runs of which each waits for the next, the
//! names waited for would only grow. And a run that holds something never stands behind others that only
//! wait, so the order of the queue adds no way round.

use crate::ids::{RunId, Time};
use crate::state::{Lease, Project};
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use serde::{Deserialize, Serialize};

/// The beginning of names that are paths of the project.
pub const FILE: &str = "file:";

/// Longest wait: an agent that has time for more asks again.
pub const WAIT_MAX_MS: i64 = 600_000;
/// Waits of one project at once, refused beyond: several for each run that can be at work.
pub const WAITING: usize = 256;

/// How a lease is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By one run: to change what it names.
    #[default]
    Exclusive,
    /// By any number of runs: to read what it names while nobody changes it.
    Shared,
}

impl Mode {
    /// The mode's word.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Exclusive => "exclusive",
            Mode::Shared => "shared",
        }
    }

    fn excludes(self, other: Mode) -> bool {
        self == Mode::Exclusive || other == Mode::Exclusive
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(crate) fn is_exclusive(&self) -> bool {
        *self == Mode::Exclusive
    }
}

/// A run that has a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub run: RunId,
    /// Grows with every grant, so that a late writer can be told from the present one.
    pub token: u64,
    pub since: Time,
    /// By journal time; `None`: until the run is proven ended.
    pub expires: Option<Time>,
}

impl Holder {
    /// Whether the lease is not over by itself.
    pub fn is_live(&self, now: Time) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

/// A run that waits for a lease, until it gives that up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    pub name: String,
    pub mode: Mode,
    pub run: RunId,
    pub since: Time,
    pub until: Time,
}

/// A name in the one way in which it is kept.
///
/// # Errors
/// What is wrong with a path.
pub fn plain(name: &str) -> Result<&str, &'static str> {
    let Some(path) = name.strip_prefix(FILE) else { return Ok(name) };
    let bare = path.strip_suffix('/').unwrap_or(path);
    if bare.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(
            "its path is written from the project's folder, without `.`, `..` and empty parts",
        );
    }
    Ok(&name[..FILE.len() + bare.len()])
}

/// Whether two names can't be held by two runs at once, unless both share.
pub fn overlap(one: &str, other: &str) -> bool {
    // Manifests that were read before had paths as they were written.
    let (one, other) = (plain(one).unwrap_or(one), plain(other).unwrap_or(other));
    let lies_in = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        outer.starts_with(FILE) && rest.is_some_and(|rest| rest.starts_with('/'))
    };
    one == other || lies_in(one, other) || lies_in(other, one)
}

/// The order in which names are taken: by their parts, so that all that lies in a folder stands together.
fn order(one: &str, other: &str) -> Ordering {
    one.split('/').cmp(other.split('/'))
}

/// Whether a run that holds these may wait for a name.
///
/// # Errors
/// The name that is in the way.
pub fn may_wait<'a>(name: &str, held: impl Iterator<Item = &'a str>) -> Result<(), &'a str> {
    let is_in_the_way = |held: &&str| overlap(name, held) || order(name, held) == Ordering::Less;
    let mut held = held;
    held.find(is_in_the_way).map_or(Ok(()), Err)
}

impl Lease {
    /// A lease of these; nothing where there is none.
    pub(crate) fn of_all(mode: Mode, holders: Vec<Holder>) -> Option<Lease> {
        let (first, others) = holders.split_first()?;
        let Holder { run, token, since, expires } = *first;
        Some(Lease { run, token, since, expires, mode, others: others.to_vec() })
    }

    /// Everybody who has it, in the order in which they got it.
    pub fn holders(&self) -> impl Iterator<Item = Holder> + '_ {
        let Lease { run, token, since, expires, .. } = *self;
        core::iter::once(Holder { run, token, since, expires }).chain(self.others.iter().copied())
    }

    /// What a run has of it.
    pub fn of(&self, run: RunId) -> Option<Holder> {
        self.holders().find(|holder| holder.run == run)
    }
}

impl Project {
    /// What a run holds now.
    pub fn held_by(&self, run: RunId, now: Time) -> impl Iterator<Item = &str> + '_ {
        let is_held = move |lease: &Lease| lease.of(run).is_some_and(|own| own.is_live(now));
        let held = self.leases.iter().filter(move |(_, lease)| is_held(lease));
        held.map(|(name, _)| name.as_str())
    }

    /// Another run's lease that keeps this one from being given.
    pub fn held_against(
        &self,
        name: &str,
        mode: Mode,
        run: Option<RunId>,
        now: Time,
    ) -> Option<(&str, Holder)> {
        let against = |held: &'_ str, lease: &Lease| {
            if !overlap(name, held) || !mode.excludes(lease.mode) {
                return None;
            }
            lease.holders().find(|holder| Some(holder.run) != run && holder.is_live(now))
        };
        if !name.starts_with(FILE) {
            let (held, lease) = self.leases.get_key_value(name)?;
            return Some((held, against(held, lease)?));
        }
        self.leases.iter().find_map(|(held, lease)| Some((held.as_str(), against(held, lease)?)))
    }

    /// Those who wait for what overlaps this, and have not given up.
    pub fn waiting_for(
        &self,
        name: &str,
        mode: Mode,
        now: Time,
    ) -> impl Iterator<Item = &Waiter> + '_ {
        let name = String::from(name);
        self.waiting.iter().filter(move |waiter| {
            waiter.until > now && overlap(&name, &waiter.name) && mode.excludes(waiter.mode)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn paths_overlap_by_their_parts() {
        for (one, other, overlaps) in [
            ("file:src", "file:src", true),
            ("file:src", "file:src/a.rs", true),
            ("file:src/a.rs", "file:src", true),
            ("file:src", "file:srcs", false),
            ("file:src/a", "file:src/b", false),
            ("file:src/a", "file:src/a.rs", false),
            ("db", "db/x", false),
            ("file:src/", "file:src/a.rs", true),
            ("db", "db", true),
        ] {
            assert_eq!(overlap(one, other), overlaps, "{one} {other}");
        }
        assert_eq!(plain("file:src/"), Ok("file:src"));
        assert_eq!(plain("db/"), Ok("db/"));
        for wrong in ["file:", "file:/", "file:/etc", "file:a//b", "file:../x", "file:./x"] {
            assert!(plain(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wait_goes_upwards_only() {
        let may = |name, held: &[&'static str]| may_wait(name, held.iter().copied());
        assert_eq!(may("file:src/b", &[]), Ok(()));
        assert_eq!(may("file:src/b", &["file:src/a"]), Ok(()));
        assert_eq!(may("file:src/a", &["file:src/b"]), Err("file:src/b"));
        assert_eq!(may("file:src", &["file:src/b"]), Err("file:src/b"));
        assert_eq!(may("file:src/b", &["file:src"]), Err("file:src"));
        // By parts: `-` comes before `/` among letters.
        assert_eq!(may("file:src-x", &["file:src/b"]), Ok(()));
    }

    /// Every way in which three runs may hold and wait: none goes round.
    #[test]
    fn waits_never_go_round() {
        let names = ["file:a", "file:a/b", "file:a/c", "file:b", "file:b/c", "db"];
        let modes = [Mode::Shared, Mode::Exclusive];
        let mut kinds = vec![];
        for held in names {
            for holds in modes {
                for wanted in names {
                    for wants in modes {
                        if may_wait(wanted, core::iter::once(held)).is_ok() {
                            kinds.push((held, holds, wanted, wants));
                        }
                    }
                }
            }
        }
        type Kind = (&'static str, Mode, &'static str, Mode);
        let waits = |one: &Kind, other: &Kind| overlap(one.2, other.0) && one.3.excludes(other.1);
        let together =
            |one: &Kind, other: &Kind| !(overlap(one.0, other.0) && one.1.excludes(other.1));
        for a in &kinds {
            for b in kinds.iter().filter(|b| together(a, b)) {
                assert!(!(waits(a, b) && waits(b, a)), "{a:?} {b:?}");
                for c in kinds.iter().filter(|c| together(a, c) && together(b, c)) {
                    assert!(!(waits(a, b) && waits(b, c) && waits(c, a)), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }
}
