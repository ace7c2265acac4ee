//! Whether an order of findings is better with somebody's word on their urgency: the list as it stood at
//! each answer, put in both orders, held against what became of each finding on it.
//!
//! Only findings whose end is known are on these lists (condensed lists: Sakai, "Alternatives to Bpref",
//! SIGIR 2007), and the order is made of what was known at that moment: no rule's record holds an answer
//! that came later. Both are scored by nDCG (Järvelin and Kekäläinen, 2002), useful as 1 and useless as 0.

use std::collections::BTreeMap;

use crate::ranking::{Candidate, MOST_REORDERED, Record, by_score, freshness, reorder};

/// Answers that lists are made of: the newest.
const MOST_LISTS: usize = 500;

/// A finding and what became of it.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    pub agent: u32,
    pub rule: &'a str,
    /// As of [`Candidate`].
    pub impact: f64,
    pub class: u8,
    /// What was said of it; nothing where nobody was asked.
    pub urgency: Option<i8>,
    pub told_ms: i64,
    /// When it was answered, and how.
    pub answer: Option<(i64, Answer)>,
}

/// What people made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// Done by a commit, with no word.
    Acted,
    Dismissed,
}

/// Both orders.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gain {
    pub answered: usize,
    /// Lists with something useful, something useless, and somebody's word on one of them.
    pub lists: usize,
    /// Mean nDCG of these, without and with the word; 0 where there is no list.
    pub without: f64,
    pub with: f64,
}

/// Holds both orders against all that is known.
pub fn gain(told: &[Told<'_>]) -> Gain {
    let mut moments: Vec<i64> = told.iter().filter_map(|one| Some(one.answer?.0)).collect();
    let answered = moments.len();
    moments.sort_unstable_by(|a, b| b.cmp(a));
    let scored: Vec<(f64, f64)> =
        moments.into_iter().take(MOST_LISTS).filter_map(|at| both(told, at)).collect();
    let lists = scored.len();
    let mean = |which: fn(&(f64, f64)) -> f64| {
        scored.iter().map(which).sum::<f64>() / (lists.max(1) as f64)
    };
    Gain { answered, lists, without: mean(|one| one.0), with: mean(|one| one.1) }
}

/// The scores of the list as it stood at a moment, in both orders.
fn both(told: &[Told<'_>], at_ms: i64) -> Option<(f64, f64)> {
    let stood = |one: &&Told<'_>| {
        one.told_ms <= at_ms && one.answer.is_some_and(|(answered_ms, _)| answered_ms >= at_ms)
    };
    let list: Vec<&Told<'_>> = told.iter().filter(stood).collect();
    let useful: Vec<bool> = list.iter().map(|one| is_useful(one)).collect();
    let is_telling = useful.contains(&true)
        && useful.contains(&false)
        && list.iter().any(|one| one.urgency.is_some());
    if !is_telling {
        return None;
    }
    let records = records(told, at_ms);
    let candidates: Vec<Candidate> = list
        .iter()
        .enumerate()
        .map(|(id, one)| Candidate {
            id,
            rule: records.get(&(one.agent, Some(one.rule))).copied().unwrap_or_default(),
            agent: records.get(&(one.agent, None)).copied().unwrap_or_default(),
            impact: one.impact,
            freshness: freshness(at_ms - one.told_ms),
            class: one.class,
            urgency: one.urgency.unwrap_or(0),
        })
        .collect();
    let without = by_score(&candidates);
    let mut with = without.clone();
    reorder(&mut with);
    let score = |order: &[&Candidate]| ndcg(order.iter().map(|one| useful[one.id]));
    Some((score(&without), score(&with)))
}

fn is_useful(one: &Told<'_>) -> bool {
    one.answer.is_some_and(|(_, answer)| answer != Answer::Dismissed)
}

/// What was known of each rule, and of each agent, before a moment.
fn records<'a>(told: &[Told<'a>], at_ms: i64) -> BTreeMap<(u32, Option<&'a str>), Record> {
    let mut records: BTreeMap<(u32, Option<&str>), Record> = BTreeMap::new();
    for one in told.iter().filter(|one| one.told_ms <= at_ms) {
        let answer = one.answer.filter(|(answered_ms, _)| *answered_ms < at_ms);
        for whose in [Some(one.rule), None] {
            let record = records.entry((one.agent, whose)).or_default();
            record.shown += 1;
            match answer {
                Some((_, Answer::Accepted)) => record.accepted += 1,
                Some((_, Answer::Acted)) => record.acted += 1,
                Some((_, Answer::Dismissed)) => record.dismissed += 1,
                None => {}
            }
        }
    }
    records
}

/// nDCG at the number of places that urgency can change.
fn ndcg(useful: impl Iterator<Item = bool>) -> f64 {
    let useful: Vec<bool> = useful.collect();
    let discount = |place: usize| 1.0 / ((place + 2) as f64).log2();
    let places = useful.iter().take(MOST_REORDERED).enumerate();
    let found: f64 = places.filter(|(_, is)| **is).map(|(place, _)| discount(place)).sum();
    let all = useful.iter().filter(|is| **is).count().min(MOST_REORDERED);
    let ideal: f64 = (0..all).map(discount).sum();
    if ideal > 0.0 { found / ideal } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// `told answered what urgency`, a line each; `-` where nobody said.
    fn check(text: &str, expected: Expect) {
        let told: Vec<Told<'_>> = text
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let answer = match words[2] {
                    "accepted" => Some(Answer::Accepted),
                    "acted" => Some(Answer::Acted),
                    "dismissed" => Some(Answer::Dismissed),
                    _ => None,
                };
                Told {
                    agent: 0,
                    rule: "r",
                    impact: 0.35,
                    class: 2,
                    urgency: words[3].parse().ok(),
                    told_ms: words[0].parse().expect("a time"),
                    answer: words[1].parse().ok().zip(answer),
                }
            })
            .collect();
        let Gain { answered, lists, without, with } = gain(&told);
        expected.assert_eq(&format!("{answered} {lists} {without:.3} {with:.3}"));
    }

    #[test]
    fn who_is_right_gains_and_who_is_wrong_loses() {
        let open = "0 1000 dismissed -1\n0 1001 accepted 1\n";
        check(open, expect!["2 1 0.631 1.000"]);
        check("0 1000 dismissed 1\n0 1001 accepted -1\n", expect!["2 1 0.631 0.631"]);
        check("0 1000 acted -1\n0 1001 dismissed 1\n", expect!["2 1 1.000 0.631"]);
        // Nobody was asked; all are useful; what has no answer yet counts not.
        check("0 1000 dismissed -\n0 1001 accepted -\n", expect!["2 0 -0.000 -0.000"]);
        check("0 1000 accepted -1\n0 1001 accepted 1\n", expect!["2 0 -0.000 -0.000"]);
        check(&format!("{open}0 - none 1\n"), expect!["2 1 0.631 1.000"]);
        // Never on a list together.
        check("0 1000 dismissed -1\n1001 1002 accepted 1\n", expect!["2 0 -0.000 -0.000"]);
    }
}
