//! Which findings to show: few, useful, and learning from what people did with earlier ones.
//!
//! The chance that a finding is useful is the mean of a beta posterior over how often its rule's
//! findings were accepted; a rule with little history borrows from its agent, the agent from the
//! shipped prior. The greedy mean beats sampling at the few answers a project gives. One place of
//! five goes to the rule that was shown least, so that a new rule gets its chance.
//!
//! Who reads more than numbers, a person's language model, may say how long each can wait: of the best
//! [`MOST_REORDERED`], those of the same severity change places by it. Nothing comes in or goes out by it,
//! and no severity overtakes another.
//!
//! [`choose`] is a function of the candidates and the [`Record`]s; the caller keeps those, counts
//! shown, accepted and dismissed, and leaves out what was dismissed or snoozed by fingerprint before
//! calling.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Shipped prior of being useful: about four in ten.
const PRIOR: Beta = Beta { yes: 1.1, no: 1.8 };
/// Shown at a time: what a person reads.
pub const MOST_SHOWN: usize = 5;
/// A rule is judged after it was shown this often,
pub const SHOWN_BEFORE_MUTE: u32 = 8;
/// and mutes itself below this chance of being useful.
pub const MUTED_BELOW: f64 = 0.25;

/// Of the best so many, those of one class change places by their urgency.
pub const MOST_REORDERED: usize = 20;
/// After this long a finding that nobody answered is worth half: who has not acted on it by then
/// has seen it often enough.
const STALE_AFTER_MS: f64 = 30.0 * 86_400_000.0;

/// How new a finding is, 0 to 1.
pub fn freshness(age_ms: i64) -> f64 {
    1.0 / (1.0 + age_ms.max(0) as f64 / STALE_AFTER_MS)
}

/// What is acted on in silence counts as half of an accept: somebody who reads a finding and does what
/// it says looks the same as somebody who never saw it.
const ACTED: f64 = 0.5;

/// A beta distribution of a chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    pub yes: f64,
    pub no: f64,
}

impl Beta {
    pub fn mean(self) -> f64 {
        self.yes / (self.yes + self.no)
    }

    /// The middle `share` of where the chance may lie.
    pub fn interval(self, share: f64) -> (f64, f64) {
        let tail = (1.0 - share) / 2.0;
        let at = |q| crate::distribution::beta_quantile(q, self.yes, self.no);
        (at(tail), at(1.0 - tail))
    }

    fn observed(self, record: Record) -> Self {
        Self {
            yes: self.yes + f64::from(record.accepted) + ACTED * f64::from(record.acted),
            no: self.no + f64::from(record.dismissed),
        }
    }

    /// The same mean with the weight of the prior.
    fn as_prior(self) -> Self {
        let weight = PRIOR.yes + PRIOR.no;
        Self { yes: weight * self.mean(), no: weight * (1.0 - self.mean()) }
    }
}

/// What people did with the findings of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub shown: u32,
    /// Accepted in words.
    pub accepted: u32,
    /// Done by a commit, with no word.
    #[serde(default)]
    pub acted: u32,
    pub dismissed: u32,
}

impl Record {
    fn without(self, part: Self) -> Self {
        Self {
            shown: self.shown.saturating_sub(part.shown),
            accepted: self.accepted.saturating_sub(part.accepted),
            acted: self.acted.saturating_sub(part.acted),
            dismissed: self.dismissed.saturating_sub(part.dismissed),
        }
    }
}

/// How likely a rule's next finding is useful, given its record and its agent's (which includes
/// it).
pub fn posterior(rule: Record, agent: Record) -> Beta {
    PRIOR.observed(agent.without(rule)).as_prior().observed(rule)
}

/// Whether people found the rule useless; said once, and undone by forgetting its record.
pub fn is_muted(rule: Record, agent: Record) -> bool {
    rule.shown >= SHOWN_BEFORE_MUTE && posterior(rule, agent).mean() < MUTED_BELOW
}

/// A finding that could be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The caller's own name for it.
    pub id: usize,
    pub rule: Record,
    pub agent: Record,
    /// What is at stake, 0 to 1.
    pub impact: f64,
    /// How new it is, 0 to 1.
    pub freshness: f64,
    /// Its severity: only candidates of the same one change places by urgency.
    pub class: u8,
    /// The higher, the less it can wait; 0 where nobody said.
    pub urgency: i8,
}

impl Candidate {
    pub fn score(&self) -> f64 {
        posterior(self.rule, self.agent).mean() * self.impact * self.freshness
    }
}

/// The best first, by their scores alone.
pub fn by_score(candidates: &[Candidate]) -> Vec<&Candidate> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    order.sort_by(|a, b| b.score().total_cmp(&a.score()).then(a.id.cmp(&b.id)));
    order
}

/// Lets those of one class change places among the best. The places of each class stay its own.
pub fn reorder(order: &mut [&Candidate]) {
    let best = order.len().min(MOST_REORDERED);
    let best = &mut order[..best];
    let classes: BTreeSet<u8> = best.iter().map(|one| one.class).collect();
    for class in classes {
        let places: Vec<usize> = (0..best.len()).filter(|at| best[*at].class == class).collect();
        let mut members: Vec<&Candidate> = places.iter().map(|at| best[*at]).collect();
        members.sort_by_key(|one| Reverse(one.urgency));
        for (place, member) in places.into_iter().zip(members) {
            best[place] = member;
        }
    }
}

/// Up to five ids, the best first; the last of five is the one whose rule was shown least.
pub fn choose(candidates: &[Candidate]) -> Vec<usize> {
    let mut heard = by_score(candidates);
    heard.retain(|one| !is_muted(one.rule, one.agent));
    reorder(&mut heard);
    let rest = heard.split_off(heard.len().min(MOST_SHOWN - 1));
    let explored = rest.iter().min_by_key(|one| one.rule.shown);
    heard.into_iter().chain(explored.copied()).map(|one| one.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;

    fn record(shown: u32, accepted: u32, dismissed: u32) -> Record {
        Record { shown, accepted, dismissed, acted: 0 }
    }

    #[test]
    fn borrowing_muting_and_exploring() {
        let fresh = posterior(Record::default(), Record::default());
        assert!((fresh.mean() - 1.1 / 2.9).abs() < 1e-9);
        // A deed is worth half a word.
        let acted = |accepted, acted| Record { shown: 4, accepted, acted, dismissed: 0 };
        let mean = |record| posterior(record, record).mean();
        assert!((mean(acted(0, 4)) - mean(acted(2, 0))).abs() < 1e-9);
        assert!(mean(acted(0, 0)) < mean(acted(0, 4)) && mean(acted(0, 4)) < mean(acted(4, 0)));
        // A good agent's new rule starts better than a bad one's.
        let good = posterior(Record::default(), record(40, 30, 5)).mean();
        let bad = posterior(Record::default(), record(40, 2, 30)).mean();
        assert!(good > 0.7 && bad < 0.15, "{good} {bad}");
        assert!(is_muted(record(8, 0, 8), record(8, 0, 8)));
        assert!(!is_muted(record(7, 0, 7), record(7, 0, 7)));
        let one = |id, rule: Record, impact| Candidate {
            id,
            rule,
            agent: rule,
            impact,
            freshness: 1.0,
            class: 0,
            urgency: 0,
        };
        let known = record(20, 10, 5);
        let mut candidates: Vec<Candidate> =
            (0..8).map(|id| one(id, known, 1.0 - id as f64 / 10.0)).collect();
        candidates.push(one(8, record(1, 0, 0), 0.1));
        candidates.push(one(9, record(30, 0, 30), 1.0));
        assert_eq!(choose(&candidates), [0, 1, 2, 3, 8]);
        assert_eq!(choose(&candidates[..2]), [0, 1]);
    }

    #[test]
    fn urgency_moves_within_a_class_and_among_the_best() {
        let one = |id: usize, class: u8, urgency: i8| Candidate {
            id,
            rule: Record::default(),
            agent: Record::default(),
            impact: 1.0 - id as f64 / 100.0,
            freshness: 1.0,
            class,
            urgency,
        };
        let ids = |candidates: &[Candidate]| {
            let mut order = by_score(candidates);
            reorder(&mut order);
            order.iter().map(|one| one.id).collect::<Vec<_>>()
        };
        let mixed = [one(0, 2, -1), one(1, 1, 0), one(2, 2, 1), one(3, 1, 1), one(4, 2, 0)];
        assert_eq!(ids(&mixed), [2, 3, 4, 1, 0]);
        // What is far behind stays there, however urgent it is said to be.
        let many: Vec<Candidate> = (0..30).map(|id| one(id, 1, i8::from(id >= 19))).collect();
        let order = ids(&many);
        assert_eq!((order[0], order[1], order[20]), (19, 0, 20));
        let mut all = order;
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>(), "none is added, none is lost");
    }

    /// The study's simulation: twelve rules of unknown use, five of forty findings shown a week.
    #[test]
    fn acceptance_grows_over_weeks() {
        let (mut first, mut last) = (0.0, 0.0);
        for seed in 0..60 {
            let mut draw = Draw::new(seed);
            let useful: Vec<f64> = (0..12)
                .map(|_| crate::distribution::beta_quantile(draw.unit(), 1.1, 1.8))
                .collect();
            let mut records = [Record::default(); 12];
            for week in 0..20 {
                let candidates: Vec<Candidate> = (0..40)
                    .map(|id| (id, draw.below(12)))
                    .map(|(id, rule)| Candidate {
                        id: id * 12 + rule,
                        rule: records[rule],
                        agent: Record::default(),
                        impact: 1.0,
                        freshness: 1.0,
                        class: 0,
                        urgency: 0,
                    })
                    .collect();
                for id in choose(&candidates) {
                    let rule = id % 12;
                    let accepted = draw.unit() < useful[rule];
                    records[rule].shown += 1;
                    records[rule].accepted += u32::from(accepted);
                    records[rule].dismissed += u32::from(!accepted);
                    first += f64::from(accepted && week == 0) / 300.0;
                    last += f64::from(accepted && week == 19) / 300.0;
                }
            }
        }
        assert!(last > first + 0.15, "{first} {last}");
    }
}
