//! Leases: what a name excludes, who has it, and who comes next.
//!
//! A name that begins with [`FILE`] is a path of the project: it overlaps what lies in it and what it
//! lies in. Every other name overlaps itself alone.
//!
//! Nothing waits for ever. A run may wait only for a name that comes after all that it holds and
//! overlaps none of that ([`may_wait`]): around a circle of runs of which each waits for what the next
//! holds, the names waited for would only grow. And a run that holds what somebody waits for never stands
//! behind others that only wait ([`Project::in_the_way`]): a circle that goes through both would come from
//! a wait for what a run holds to a run's place in a queue, and there is no such run. Around a circle of
//! queues alone, each would come before the next.

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
/// Waits of one run at once, refused beyond: a run does one thing after another, so one is the rule, and
/// a project's queue has room for 64 runs that each wait for this many.
pub const WAITS_PER_RUN: usize = 4;

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

/// What keeps a run from a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InTheWay<'a> {
    /// Another run has a lease of this name.
    Held { name: &'a str, holder: Holder },
    /// Another run waits for it and comes first.
    Queue(&'a Waiter),
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

/// Those of these who wait for what overlaps this, and have not given up.
fn among<'a>(
    waiters: &'a [Waiter],
    name: &str,
    mode: Mode,
    now: Time,
) -> impl Iterator<Item = &'a Waiter> + use<'a> {
    let name = String::from(name);
    waiters.iter().filter(move |waiter| {
        waiter.until > now && overlap(&name, &waiter.name) && mode.excludes(waiter.mode)
    })
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
        among(&self.waiting, name, mode, now)
    }

    /// Whether another run waits for something that this one holds.
    fn is_waited_for(&self, run: RunId, queued: &[Waiter], now: Time) -> bool {
        let held = |lease: &Lease| lease.of(run).is_some_and(|own| own.is_live(now));
        self.leases.iter().filter(|(_, lease)| held(lease)).any(|(name, lease)| {
            let waiting = self.waiting_for(name, lease.mode, now);
            waiting.chain(among(queued, name, lease.mode, now)).any(|waiter| waiter.run != run)
        })
    }

    /// Why a run that works can't have a lease now. `queued` are runs without a place that have waited
    /// long for theirs and hold nothing. `rank` orders all who wait, the first first, by the run and since
    /// when it waits; no two runs have the same.
    pub fn in_the_way<'a, R: Ord>(
        &'a self,
        (name, mode): (&str, Mode),
        run: RunId,
        now: Time,
        queued: &'a [Waiter],
        rank: impl Fn(RunId, Time) -> R,
    ) -> Option<InTheWay<'a>> {
        if let Some((name, holder)) = self.held_against(name, mode, Some(run), now) {
            return Some(InTheWay::Held { name, holder });
        }
        let own = self.waiting.iter().find(|waiter| waiter.run == run && waiter.name == name);
        let since = own.filter(|own| own.until > now).map_or(now, |own| own.since);
        let own = rank(run, since);
        let others = self.waiting_for(name, mode, now).chain(among(queued, name, mode, now));
        let others = others.filter(|waiter| waiter.run != run);
        let first = others.min_by_key(|waiter| rank(waiter.run, waiter.since))?;
        // Whoever others wait for goes on: they would wait for as long as it waits.
        let comes_first =
            rank(first.run, first.since) < own && !self.is_waited_for(run, queued, now);
        comes_first.then_some(InTheWay::Queue(first))
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

    /// A project in which each run may hold something and waits for something, as `may_wait` allows.
    type Kind = (Option<(&'static str, Mode)>, (&'static str, Mode));

    fn project(kinds: &[&Kind]) -> Project {
        let mut project = Project::default();
        for (run, (held, (name, mode))) in (0..).map(RunId).zip(kinds) {
            let holder = Holder { run, token: run.0, since: Time(0), expires: None };
            if let Some((held, mode)) = held {
                let lease = project.leases.remove(*held);
                let mut all: Vec<Holder> =
                    lease.iter().flat_map(|lease| lease.holders().collect::<Vec<_>>()).collect();
                all.push(holder);
                project.leases.extend(Lease::of_all(*mode, all).map(|l| ((*held).into(), l)));
            }
            let (name, mode) = ((*name).into(), *mode);
            let waiter = Waiter { name, mode, run, since: Time(0), until: Time(9) };
            project.waiting.push(waiter);
        }
        project
    }

    /// Whether one of the runs gets what it waits for, the first of the list being the first in every
    /// queue.
    fn goes_on(kinds: &[&Kind]) -> bool {
        let mut project = project(kinds);
        // Who holds nothing and wants one for itself may as well be without a place yet.
        let is_queued = |waiter: &Waiter| {
            let (held, (_, mode)) = kinds[usize::try_from(waiter.run.0).unwrap()];
            held.is_none() && *mode == Mode::Exclusive
        };
        let goes_on = |project: &Project, queued: &[Waiter]| {
            project.waiting.iter().chain(queued).any(|Waiter { name, mode, run, .. }| {
                let way = project.in_the_way((name, *mode), *run, Time(1), queued, |run, _| run);
                way.is_none()
            })
        };
        let placed = goes_on(&project, &[]);
        let (queued, waiting) = project.waiting.drain(..).partition::<Vec<_>, _>(is_queued);
        project.waiting = waiting;
        placed && goes_on(&project, &queued)
    }

    fn may_hold_together(one: &Kind, other: &Kind) -> bool {
        let (Some(one), Some(other)) = (one.0, other.0) else { return true };
        !(overlap(one.0, other.0) && one.1.excludes(other.1))
    }

    /// Every way in which up to three runs may hold, wait and stand in queues: one of them goes on.
    #[test]
    fn queues_never_go_round() {
        let things = ["file:a", "file:a/b", "file:b", "db"];
        let all = things.iter().flat_map(|name| [(*name, Mode::Shared), (*name, Mode::Exclusive)]);
        let mut kinds: Vec<Kind> = vec![];
        for held in all.clone().map(Some).chain([None]) {
            let may = |wanted: &(&str, Mode)| may_wait(wanted.0, held.iter().map(|h| h.0)).is_ok();
            kinds.extend(all.clone().filter(may).map(|wanted| (held, wanted)));
        }
        for a in &kinds {
            for b in kinds.iter().filter(|b| may_hold_together(a, b)) {
                assert!(goes_on(&[a, b]), "{a:?} {b:?}");
                let fits = |c: &&Kind| may_hold_together(a, c) && may_hold_together(b, c);
                for c in kinds.iter().filter(fits) {
                    assert!(goes_on(&[a, b, c]), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    #[test]
    fn who_holds_what_nobody_waits_for_passes_no_queue() {
        let free = (None, ("db", Mode::Exclusive));
        let holds = (Some(("cache", Mode::Exclusive)), ("db", Mode::Exclusive));
        let wants = (None, ("cache", Mode::Shared));
        let way = |kinds: &[&Kind]| {
            let project = project(kinds);
            let wanted = ("db", Mode::Exclusive);
            let way = project.in_the_way(wanted, RunId(1), Time(1), &[], |run, _| run);
            way.map(|way| alloc::format!("{way:?}").contains("Queue"))
        };
        assert_eq!(way(&[&free, &holds]), Some(true), "behind who came first");
        assert_eq!(way(&[&free, &holds, &wants]), None, "the third waits for what it holds");
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
