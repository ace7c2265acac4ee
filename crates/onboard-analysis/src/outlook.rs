//! What may go wrong with a project within a quarter of a year, as chances.
//!
//! Four events that history shows by itself, whoever looks: a minor release that is patched within a
//! week, a burst of reverts, commits that halve for two months, a key person who leaves. Each week
//! belongs to a class by what can be seen at its beginning. The chance is how often the event followed
//! the weeks of the same class: at other projects ([`Table`]), and at this one as its past grows.
//!
//! Nothing is fitted but shares of a table that can be read.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::calendar::{WEEK_MS, monday_of, start_of, week_of};
use crate::ledger::Ledger;
use crate::release::Releases;
use crate::statistics::{median, quantile};
use crate::weights::Source;

/// How far is looked ahead: a quarter of a year.
pub const HORIZON_WEEKS: u16 = 13;
/// Weeks between two looks at the past: about a month.
pub const STRIDE_WEEKS: u16 = 4;
/// A project younger than this shows no habits.
pub const LEAST_WEEKS: u16 = 52;
/// Classes of each event, the mildest first.
pub const CLASSES: usize = 4;
/// As many looks at other projects count beside the own ones. A judgement: of the own past some two
/// and a half years weigh as much, of which each month sees what the two before saw.
pub const WEIGHT_OF_OTHERS: f64 = 10.0;

/// What may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// x.y.0 is followed by x.y.1 within a week.
    MendedRelease,
    /// A week with two reverts or more, and more than 97 of the 100 weeks before.
    RevertBurst,
    /// The median of eight weeks is under half of that of the 26 before.
    ActivityDrop,
    /// One of the three most present people has been silent for 26 weeks.
    Departure,
}

impl Kind {
    pub const ALL: [Kind; 4] =
        [Kind::MendedRelease, Kind::RevertBurst, Kind::ActivityDrop, Kind::Departure];

    /// What may come, in words that follow "the chance of".
    pub fn words(self) -> &'static str {
        match self {
            Kind::MendedRelease => "a minor release that is patched within a week",
            Kind::RevertBurst => "a week with more reverts than usual",
            Kind::ActivityDrop => "commits under half of the usual for eight weeks",
            Kind::Departure => "a key person silent for half a year",
        }
    }
}

/// Something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    /// The week in which it became known.
    pub week: u16,
    /// A version, a person, a number of reverts.
    pub what: String,
}

/// Looks at other projects: how many, and how many of them the event followed; by class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub looks: [u32; CLASSES],
    pub followed: [u32; CLASSES],
}

/// What other projects teach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub rows: [Row; 4],
    pub counted_at: Vec<Source>,
}

impl Table {
    /// Takes another look into account.
    pub fn count(&mut self, kind: Kind, class: usize, followed: bool) {
        let row = &mut self.rows[kind as usize];
        row.looks[class] += 1;
        row.followed[class] += u32::from(followed);
    }

    /// How often the event followed; half a look of each outcome is added, so that nothing is sure.
    pub fn share(&self, kind: Kind, class: usize) -> f64 {
        let row = &self.rows[kind as usize];
        (f64::from(row.followed[class]) + 0.5) / (f64::from(row.looks[class]) + 1.0)
    }
}

/// The table that the program is built with. `None` only where it does not fit.
pub fn shipped() -> Option<&'static Table> {
    static READ: OnceLock<Option<Table>> = OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(include_str!("weights/outlook.json")).ok()).as_ref()
}

/// One event's chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    pub kind: Kind,
    pub chance: f64,
    pub class: usize,
}

/// The chance of any of them, taken to come independently of each other.
pub fn any(chances: &[Chance]) -> f64 {
    1.0 - chances.iter().map(|one| 1.0 - one.chance).product::<f64>()
}

/// A project's past, to be looked at as of any of its weeks.
pub struct Past<'a> {
    ledger: &'a Ledger,
    releases: &'a Releases,
    first: u16,
    /// The week that is not over yet.
    now: u16,
    /// By week.
    pub events: Vec<Event>,
}

impl<'a> Past<'a> {
    /// The past up to the beginning of the week `now`.
    pub fn of(ledger: &'a Ledger, releases: &'a Releases, now: u16) -> Self {
        let first = ledger.weeks.keys().next().copied().unwrap_or(now);
        let mut past = Self { ledger, releases, first, now, events: Vec::new() };
        let found = [past.mended(), past.bursts(), past.drops(), past.departures()];
        past.events = found.into_iter().flatten().filter(|event| event.week < now).collect();
        past.events.sort_by_key(|event| (event.week, event.kind));
        past
    }

    /// Whether an event of this kind became known in the quarter that begins with `week`.
    pub fn follows(&self, kind: Kind, week: u16) -> bool {
        let quarter = week..week.saturating_add(HORIZON_WEEKS);
        self.events.iter().any(|event| event.kind == kind && quarter.contains(&event.week))
    }

    /// The weeks from which on a quarter is over and enough was there to see, each a month before the
    /// next; the newest first.
    pub fn looks(&self) -> impl Iterator<Item = u16> + use<> {
        let oldest = self.first.saturating_add(LEAST_WEEKS);
        let newest = self.now.saturating_sub(HORIZON_WEEKS);
        (oldest..=newest).rev().step_by(usize::from(STRIDE_WEEKS))
    }

    /// The chances of the quarter that begins now; those that can't be told are left out.
    pub fn chances(&self, others: &Table) -> Vec<Chance> {
        if self.now < self.first.saturating_add(LEAST_WEEKS) {
            return Vec::new();
        }
        Kind::ALL.into_iter().filter_map(|kind| self.chance(kind, others)).collect()
    }

    fn chance(&self, kind: Kind, others: &Table) -> Option<Chance> {
        let class = self.class(kind, self.now)?;
        let alike = || self.looks().filter(|week| self.class(kind, *week) == Some(class));
        // Looks a month apart see the same quarter three times.
        let each = f64::from(STRIDE_WEEKS) / f64::from(HORIZON_WEEKS);
        let looks = each * alike().count() as f64;
        let followed = each * alike().filter(|week| self.follows(kind, *week)).count() as f64;
        let known = WEIGHT_OF_OTHERS * others.share(kind, class);
        Some(Chance { kind, chance: (followed + known) / (looks + WEIGHT_OF_OTHERS), class })
    }

    /// What is seen at the beginning of a week; `None` where the event can't come.
    pub fn class(&self, kind: Kind, week: u16) -> Option<usize> {
        match kind {
            Kind::MendedRelease => self.class_of_releases(week),
            Kind::RevertBurst => self.class_of_reverts(week),
            Kind::ActivityDrop => self.class_of_activity(week),
            Kind::Departure => self.class_of_people(week),
        }
    }

    /// By the chance that follows from how often minor releases come and are patched.
    fn class_of_releases(&self, week: u16) -> Option<usize> {
        let until_ms = start_of(monday_of(week));
        let minors: Vec<i64> = self.minors().map(|(_, at_ms)| at_ms).collect();
        let known = minors.partition_point(|at_ms| *at_ms < until_ms);
        let recent = &minors[known.saturating_sub(MINORS)..known];
        let year = recent.iter().filter(|at_ms| until_ms - **at_ms <= 52 * WEEK_MS).count();
        if year == 0 {
            return None;
        }
        let patched = |at_ms: &&i64| {
            let event = self.patches().find(|(minor_ms, ..)| minor_ms == *at_ms);
            event.is_some_and(|(_, patch_ms, _)| patch_ms < until_ms)
        };
        let mended = recent.iter().filter(patched).count() as f64;
        let share = (mended + 2.0 * USUAL_SHARE) / (recent.len() as f64 + 2.0);
        let expected = year as f64 / 4.0 * share;
        Some(place(1.0 - (-expected).exp(), [0.1, 0.25, 0.5]))
    }

    /// By the bursts of two years.
    fn class_of_reverts(&self, week: u16) -> Option<usize> {
        let years = week.saturating_sub(PAST_WEEKS)..week;
        let is_burst =
            |event: &&Event| event.kind == Kind::RevertBurst && years.contains(&event.week);
        Some(place(self.events.iter().filter(is_burst).count() as f64, [1.0, 2.0, 3.0]))
    }

    /// By how far four weeks are below the half-year before. What has fallen already falls no more.
    fn class_of_activity(&self, week: u16) -> Option<usize> {
        if self.drop_at(week.checked_sub(1)?).is_some_and(|(_, is_low)| is_low) {
            return None;
        }
        let usual = self.usual_commits(week.checked_sub(4)?)?;
        let recent = self.commits(week - 4, week);
        let share = recent.iter().sum::<f64>() / 4.0 / usual;
        Some(CLASSES - 1 - place(share, [0.35, 0.65, 1.0]))
    }

    /// By the longest silence of the three most present people who have not left.
    fn class_of_people(&self, week: u16) -> Option<usize> {
        let key = self.key_people(week);
        let silences = key.iter().map(|author| {
            let seen = &self.ledger.authors[*author].weeks;
            let before = seen.partition_point(|known| *known < week);
            f64::from(week - 1 - seen[before - 1])
        });
        // Half a year's silence is not to be had in a quarter from less than a quarter's.
        Some(place(silences.reduce(f64::max)?, [13.0, 16.0, 20.0]))
    }

    /// People with a commit in the year before, in twelve weeks of it and in no fewer than all but
    /// two others; nobody where fewer than three people are at work.
    fn key_people(&self, week: u16) -> Vec<usize> {
        let oldest = week.saturating_sub(DEPARTED_WEEKS);
        let mut present: Vec<(usize, usize)> = Vec::new();
        for (index, author) in self.ledger.authors.iter().enumerate() {
            if author.bot {
                continue;
            }
            let until = author.weeks.partition_point(|known| *known < week);
            let last = author.weeks[..until].last().copied().filter(|last| *last >= oldest);
            let year = |last: u16| {
                let from = last.saturating_sub(51);
                author.weeks[..until].iter().filter(|known| **known >= from).count()
            };
            present.extend(last.map(|last| (year(last), index)).filter(|(weeks, _)| *weeks >= 2));
        }
        if present.len() < LEAST_PEOPLE {
            return Vec::new();
        }
        present.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
        let key = present.into_iter().take(3).filter(|(weeks, _)| *weeks >= KEY_WEEKS);
        key.map(|(_, index)| index).collect()
    }

    /// Minor releases: their versions' first numbers, and when they came.
    fn minors(&self) -> impl Iterator<Item = (&[u64], i64)> {
        let tags = self.releases.tags.iter();
        let minors = tags.filter(|(version, _)| version.numbers[2] == 0);
        minors.map(|(version, tag)| (&version.numbers[..2], tag.at_ms))
    }

    /// Minor releases that were patched within a week: when they came, when the patch did, its tag.
    fn patches(&self) -> impl Iterator<Item = (i64, i64, &str)> {
        self.minors().filter_map(|(numbers, at_ms)| {
            let patch = self.releases.tags.iter().find(|(version, tag)| {
                version.numbers[..2] == *numbers
                    && version.numbers[2] == 1
                    && (0..=WEEK_MS).contains(&(tag.at_ms - at_ms))
            });
            patch.map(|(_, tag)| (at_ms, tag.at_ms, tag.name.as_str()))
        })
    }

    fn mended(&self) -> Vec<Event> {
        let event = |(_, patch_ms, name): (i64, i64, &str)| Event {
            kind: Kind::MendedRelease,
            week: week_of(patch_ms),
            what: name.to_owned(),
        };
        self.patches().map(event).collect()
    }

    fn bursts(&self) -> Vec<Event> {
        let mut found: Vec<Event> = Vec::new();
        for (week, facts) in &self.ledger.weeks {
            let is_new = found.last().is_none_or(|last| *week - last.week > SAME_BURST_WEEKS);
            if facts.reverts < 2 || !is_new || *week < self.first + LEAST_WEEKS / 2 {
                continue;
            }
            let from = self.first.max(week.saturating_sub(PAST_WEEKS));
            let past = self.ledger.series(from, *week - 1, |week| f64::from(week.reverts));
            if f64::from(facts.reverts) > quantile(&past, 0.97).unwrap_or(0.0) {
                let what = format!("{} reverts", facts.reverts);
                found.push(Event { kind: Kind::RevertBurst, week: *week, what });
            }
        }
        found
    }

    fn drops(&self) -> Vec<Event> {
        let mut found = Vec::new();
        let mut is_low = false;
        for week in (self.first + 34)..self.now {
            let Some((what, now_low)) = self.drop_at(week) else {
                is_low = false;
                continue;
            };
            let was_low = std::mem::replace(&mut is_low, now_low);
            if is_low && !was_low {
                found.push(Event { kind: Kind::ActivityDrop, week, what });
            }
        }
        found
    }

    /// Eight weeks up to and with this one beside the half-year before them, and whether they are
    /// under half of it; `None` where that is hardly anything.
    fn drop_at(&self, week: u16) -> Option<(String, bool)> {
        let usual = self.usual_commits(week.checked_sub(7)?)?;
        let recent = median(&self.commits(week - 7, week + 1))?;
        let what = format!("{recent:.1} commits a week instead of {usual:.1}");
        Some((what, recent < usual / 2.0))
    }

    fn departures(&self) -> Vec<Event> {
        let mut found = Vec::new();
        for (index, author) in self.ledger.authors.iter().enumerate().filter(|(_, one)| !one.bot) {
            let ends = author.weeks.iter().skip(1).copied().chain([self.now]);
            for (last, next) in author.weeks.iter().copied().zip(ends) {
                let week = last.saturating_add(DEPARTED_WEEKS);
                if next > week && week < self.now && self.key_people(last + 1).contains(&index) {
                    found.push(Event { kind: Kind::Departure, week, what: author.name.clone() });
                }
            }
        }
        found
    }

    fn commits(&self, from: u16, until: u16) -> Vec<f64> {
        self.ledger.series(from, until - 1, |week| f64::from(week.commits))
    }

    /// The median of the half-year before a week; `None` where that is hardly anything.
    fn usual_commits(&self, week: u16) -> Option<f64> {
        let from = week.checked_sub(26).filter(|from| *from >= self.first)?;
        median(&self.commits(from, week)).filter(|usual| *usual >= LEAST_COMMITS)
    }
}

/// Minor releases that show a habit, and the share of them that is patched within a week: of 539 at 13
/// public projects.
const MINORS: usize = 8;
const USUAL_SHARE: f64 = 0.28;
/// What is usual is what two years show.
const PAST_WEEKS: u16 = 104;
/// Reverts this near to a burst belong to it.
const SAME_BURST_WEEKS: u16 = 4;
/// With fewer commits a week half of them is chance.
const LEAST_COMMITS: f64 = 2.0;
/// Silent for half a year, a person has left.
const DEPARTED_WEEKS: u16 = 26;
/// Present in a quarter of a year's weeks, a person is a key person.
const KEY_WEEKS: usize = 12;
/// The silence of one of two is the project's own.
const LEAST_PEOPLE: usize = 3;

/// How many of the edges a value reaches.
fn place(value: f64, edges: [f64; CLASSES - 1]) -> usize {
    edges.iter().filter(|edge| value >= **edge).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::DAY_MS;
    use crate::history::{Commit, Person};
    use crate::release::{Tag, releases};
    use expect_test::{Expect, expect};

    const FIRST: u16 = 2_000;

    /// Three people, five commits a week each.
    struct History {
        ledger: Ledger,
        tags: Vec<Tag>,
    }

    impl History {
        fn weeks(count: u16, commits: impl Fn(u16, &str) -> u16) -> Self {
            let mut history = Self { ledger: Ledger::default(), tags: Vec::new() };
            for week in 0..count {
                for who in ["ann", "bob", "cy"] {
                    for _ in 0..commits(week, who) {
                        history.commit(week, who, "work");
                    }
                }
            }
            history
        }

        fn commit(&mut self, week: u16, who: &str, subject: &str) {
            let at_ms = start_of(monday_of(FIRST + week)) + DAY_MS;
            let commit = Commit {
                id: String::new(),
                author: Person { name: who.into(), email: format!("{who}@example.org") },
                authored_ms: at_ms,
                committed_ms: at_ms,
                merge: false,
                subject: subject.into(),
                names_reverted: false,
            };
            self.ledger.fold(&commit, None, at_ms);
        }

        fn tag(&mut self, name: &str, day: i64) {
            let at_ms = start_of(monday_of(FIRST) + day);
            self.tags.push(Tag { name: name.into(), at_ms, commit: String::new() });
        }

        fn check(&self, now: u16, expected: Expect) {
            let releases = releases(&self.tags);
            let past = Past::of(&self.ledger, &releases, FIRST + now);
            let mut text = String::new();
            for event in &past.events {
                let week = event.week - FIRST;
                text += &format!("week {week}: {:?}, {}\n", event.kind, event.what);
            }
            // Other projects: one in ten of the mildest class, four of the gravest.
            let row = Row { looks: [99; 4], followed: [10, 20, 30, 40] };
            let table = Table { rows: std::array::from_fn(|_| row.clone()), ..Table::default() };
            let chances = past.chances(&table);
            for one in &chances {
                text += &format!("{:?}: class {}, {:.3}\n", one.kind, one.class, one.chance);
            }
            expected.assert_eq(&format!("{text}any: {:.3}", any(&chances)));
        }
    }

    #[test]
    fn a_quiet_project_has_other_projects_chances_and_then_its_own() {
        let history = History::weeks(120, |_, _| 5);
        history.check(40, expect!["any: 0.000"]);
        history.check(
            60,
            expect![[r#"
            RevertBurst: class 0, 0.105
            ActivityDrop: class 0, 0.105
            Departure: class 0, 0.105
            any: 0.283"#]],
        );
        history.check(
            120,
            expect![[r#"
            RevertBurst: class 0, 0.073
            ActivityDrop: class 0, 0.073
            Departure: class 0, 0.073
            any: 0.204"#]],
        );
    }

    #[test]
    fn each_event_is_found_once_when_it_is_known() {
        let mut history = History::weeks(110, |week, who| match (week, who) {
            (60.., "cy") => 0,
            (80.., _) => 1,
            _ => 5,
        });
        for week in [70, 70, 71, 71, 90] {
            history.commit(week, "ann", "Revert \"work\"");
        }
        history.tag("v1.0.0", 350);
        history.tag("v1.0.1", 353);
        history.tag("v1.1.0", 400);
        history.tag("v1.1.1", 420);
        history.check(
            75,
            expect![[r#"
                week 50: MendedRelease, v1.0.1
                week 70: RevertBurst, 2 reverts
                MendedRelease: class 1, 0.188
                RevertBurst: class 1, 0.205
                ActivityDrop: class 1, 0.199
                Departure: class 1, 0.205
                any: 0.589"#]],
        );
        history.check(
            110,
            expect![[r#"
            week 50: MendedRelease, v1.0.1
            week 70: RevertBurst, 2 reverts
            week 84: ActivityDrop, 2.0 commits a week instead of 10.0
            week 85: Departure, cy
            RevertBurst: class 1, 0.169
            ActivityDrop: class 0, 0.099
            any: 0.251"#]],
        );
    }

    #[test]
    fn what_is_shipped_fits() {
        let table = shipped().expect("a table of today's shape");
        assert!(table.counted_at.len() >= 8, "{:?}", table.counted_at);
        for kind in Kind::ALL {
            let [mildest, gravest] = [0, CLASSES - 1].map(|class| table.share(kind, class));
            assert!(gravest > 2.0 * mildest, "{kind:?}: {mildest} and {gravest}");
        }
    }
}
