//! What may go wrong within a quarter of a year, month by month from a project's third year on, with
//! nothing known that came later: the chances of `onboard_analysis::outlook` and what
//! `project-health-monitor` would have said, beside what came.

use std::collections::BTreeMap;

use onboard_agents::project_health_monitor::replay;
use onboard_analysis::calendar::{monday_of, start_of, week_of};
use onboard_analysis::ledger::Ledger;
use onboard_analysis::outlook::{
    Event, HORIZON_WEEKS, Kind, LEAST_WEEKS, Past, STRIDE_WEEKS, Table as Others,
};
use onboard_analysis::release::{Releases, Tag, releases};
use onboard_analysis::weights::Source;

use super::Table;
use super::history::History;

/// From this chance on an event is announced.
const ALARM: f64 = 0.5;
/// A finding has no date. It is right where the event comes within half a year.
const FINDING_WEEKS: u16 = 26;

/// What was known and expected at the beginning of a month.
struct Look {
    week: u16,
    /// By kind: the chance, the mean of all looks before, and whether it came.
    chances: BTreeMap<Kind, (f64, f64, bool)>,
    /// Kinds that the agent had new findings of, and that an alarm would have been of.
    said: Vec<Kind>,
}

/// A history by weeks, as it stood at the beginning of each look.
struct Replay {
    looks: Vec<Look>,
    events: Vec<Event>,
}

pub fn evaluate(history: &History, others: &Others, table: &mut Table) {
    let replay = replay(history, others);
    let months = replay.looks.len() as f64;
    if months == 0.0 {
        return;
    }
    for (name, kinds) in [
        ("mended release", &[Kind::MendedRelease][..]),
        ("revert burst", &[Kind::RevertBurst]),
        ("activity drop", &[Kind::ActivityDrop]),
        ("departure", &[Kind::Departure]),
        ("all", &Kind::ALL),
    ] {
        let chances = |look: &Look| {
            let of = |kind: &Kind| look.chances.get(kind).map(|(chance, ..)| *chance >= ALARM);
            kinds.iter().copied().filter(|kind| of(kind) == Some(true)).collect::<Vec<_>>()
        };
        let findings = |look: &Look| {
            look.said.iter().copied().filter(|kind| kinds.contains(kind)).collect::<Vec<_>>()
        };
        let recent = |look: &Look| {
            let known = |kind: &&Kind| {
                let quarter = look.week.saturating_sub(HORIZON_WEEKS)..look.week;
                replay.events.iter().any(|it| it.kind == **kind && quarter.contains(&it.week))
            };
            kinds.iter().filter(known).copied().collect::<Vec<_>>()
        };
        type Alarms<'a> = &'a dyn Fn(&Look) -> Vec<Kind>;
        let methods: [(&str, u16, Alarms<'_>); 3] = [
            ("chance of half", HORIZON_WEEKS, &chances),
            ("findings", FINDING_WEEKS, &findings),
            ("came lately", HORIZON_WEEKS, &recent),
        ];
        for (method, weeks, alarms) in methods {
            let measures = replay.alarms(kinds, weeks, alarms);
            table.add(&history.name, &format!("{name}, {method}"), measures);
        }
        table.add(&history.name, &format!("{name}, chances"), replay.scores(kinds));
    }
}

/// Counts the looks of a history, by class.
pub fn count(history: &History, table: &mut Others) {
    let (ledger, tags) = whole(history);
    let releases = releases(&tags);
    let past = Past::of(&ledger, &releases, week_of(history.last_ms()));
    let (mut rows, mut positives) = (0, 0);
    for week in past.looks() {
        for kind in Kind::ALL {
            if let Some(class) = past.class(kind, week) {
                let followed = past.follows(kind, week);
                table.count(kind, class, followed);
                rows += 1;
                positives += usize::from(followed);
            }
        }
    }
    let repository = history.name.clone();
    table.counted_at.push(Source { repository, commit: history.head.clone(), rows, positives });
}

fn whole(history: &History) -> (Ledger, Vec<Tag>) {
    let mut ledger = Ledger::default();
    for facts in &history.commits {
        ledger.fold(&facts.commit, None, history.last_ms());
    }
    (ledger, tags(history))
}

fn tags(history: &History) -> Vec<Tag> {
    let dated = |tag: onboard_agents::git::NamedCommit| {
        let at_ms = history.repository.recorded_ms(tag.id)?;
        Some(Tag { name: tag.name, at_ms, commit: tag.id.to_string() })
    };
    history.repository.tags().list.into_iter().filter_map(dated).collect()
}

fn replay(history: &History, others: &Others) -> Replay {
    let (ledger, tags) = whole(history);
    let now = week_of(history.last_ms());
    let all = releases(&tags);
    let truth = Past::of(&ledger, &all, now);
    let Some(first) = ledger.weeks.keys().next() else {
        return Replay { looks: Vec::new(), events: Vec::new() };
    };
    let mut known = Ledger::default();
    let mut commits = history.commits.iter().peekable();
    let mut means: BTreeMap<Kind, (f64, f64)> = BTreeMap::new();
    let mut standing: Vec<String> = Vec::new();
    let mut looks = Vec::new();
    let begin = first + 2 * LEAST_WEEKS;
    for week in (begin..now.saturating_sub(HORIZON_WEEKS)).step_by(usize::from(STRIDE_WEEKS)) {
        let now_ms = start_of(monday_of(week));
        while let Some(facts) = commits.next_if(|facts| facts.commit.committed_ms < now_ms) {
            known.fold(&facts.commit, None, now_ms);
        }
        known.prune(|_| true);
        let tags: Vec<Tag> = tags.iter().filter(|tag| tag.at_ms < now_ms).cloned().collect();
        let releases = releases(&tags);
        let chances = chances(&known, &releases, week, others, &truth, &mut means);
        let findings = replay::said(&known, &tags, now_ms);
        let new = findings.iter().filter(|finding| !standing.contains(&finding.0));
        let said = new.filter_map(|(_, rule)| kind_of(rule)).collect();
        standing = findings.into_iter().map(|(fingerprint, _)| fingerprint).collect();
        looks.push(Look { week, chances, said });
    }
    let events = truth.events.into_iter().filter(|event| event.week >= begin).collect();
    Replay { looks, events }
}

fn chances(
    known: &Ledger,
    releases: &Releases,
    week: u16,
    others: &Others,
    truth: &Past<'_>,
    means: &mut BTreeMap<Kind, (f64, f64)>,
) -> BTreeMap<Kind, (f64, f64, bool)> {
    let past = Past::of(known, releases, week);
    let mut found = BTreeMap::new();
    // What the quarters that are over teach, whatever was seen at their beginning.
    for kind in Kind::ALL {
        let looks: Vec<bool> = past.looks().map(|look| past.follows(kind, look)).collect();
        let came = looks.iter().filter(|came| **came).count() as f64;
        means.insert(kind, (came + 0.5, looks.len() as f64 + 1.0));
    }
    for one in past.chances(others) {
        let (came, looks) = means[&one.kind];
        let comes = truth.follows(one.kind, week);
        found.insert(one.kind, (one.chance, came / looks, comes));
    }
    // What can't be told has no chance; it may come all the same.
    for kind in Kind::ALL {
        let (came, looks) = means[&kind];
        found.entry(kind).or_insert((0.0, came / looks, truth.follows(kind, week)));
    }
    found
}

fn kind_of(rule: &str) -> Option<Kind> {
    match rule {
        "health/release-mended" => Some(Kind::MendedRelease),
        "health/revert-burst" => Some(Kind::RevertBurst),
        "health/activity-drop" => Some(Kind::ActivityDrop),
        "health/key-author-silent" => Some(Kind::Departure),
        _ => None,
    }
}

impl Replay {
    /// How alarms did that hold for some weeks: of a kind there is one at a time.
    fn alarms(
        &self,
        kinds: &[Kind],
        weeks: u16,
        alarms: impl Fn(&Look) -> Vec<Kind>,
    ) -> Vec<(&'static str, f64)> {
        let mut raised: Vec<(Kind, u16)> = Vec::new();
        for look in &self.looks {
            for kind in alarms(look) {
                let stands = |it: &&(Kind, u16)| it.0 == kind && look.week - it.1 < weeks;
                if raised.iter().find(stands).is_none() {
                    raised.push((kind, look.week));
                }
            }
        }
        let covers = |(kind, week): &(Kind, u16), event: &Event| {
            event.kind == *kind && (*week..*week + weeks).contains(&event.week)
        };
        let events: Vec<&Event> =
            self.events.iter().filter(|event| kinds.contains(&event.kind)).collect();
        let mut leads: Vec<f64> = Vec::new();
        for event in &events {
            let first = raised.iter().find(|alarm| covers(alarm, event));
            leads.extend(first.map(|(_, week)| f64::from(event.week - week) * 7.0));
        }
        let right =
            raised.iter().filter(|alarm| events.iter().any(|event| covers(alarm, event))).count();
        let share = |part: usize, of: usize| part as f64 / of as f64;
        vec![
            ("events", events.len() as f64),
            ("announced", share(leads.len(), events.len())),
            ("lead days", onboard_analysis::statistics::median(&leads).unwrap_or(f64::NAN)),
            ("alarms", raised.len() as f64),
            ("alarms a month", share(raised.len(), self.looks.len())),
            ("precision", share(right, raised.len())),
        ]
    }

    /// Brier scores of the chance that any of these comes.
    fn scores(&self, kinds: &[Kind]) -> Vec<(&'static str, f64)> {
        let (mut ours, mut running, mut came) = (0.0, 0.0, 0.0);
        let mut all: Vec<(f64, bool)> = Vec::new();
        for look in &self.looks {
            let of = || kinds.iter().map(|kind| look.chances[kind]);
            let any = |value: fn((f64, f64, bool)) -> f64| {
                1.0 - of().map(|one| 1.0 - value(one)).product::<f64>()
            };
            let comes = of().any(|(.., comes)| comes);
            let truth = f64::from(u8::from(comes));
            let chance = any(|(chance, ..)| chance);
            ours += (chance - truth).powi(2);
            running += (any(|(_, mean, _)| mean) - truth).powi(2);
            came += truth;
            all.push((chance, comes));
        }
        let count = self.looks.len() as f64;
        let mean = came / count;
        let (scores, truths): (Vec<f64>, Vec<bool>) = all.into_iter().unzip();
        vec![
            ("looks", count),
            ("came", mean),
            ("mean chance", scores.iter().sum::<f64>() / count),
            ("Brier", ours / count),
            ("Brier, running rate", running / count),
            ("Brier, rate in hindsight", mean * (1.0 - mean)),
            ("AUC", onboard_analysis::accuracy::auc(&scores, &truths).unwrap_or(f64::NAN)),
        ]
    }
}
