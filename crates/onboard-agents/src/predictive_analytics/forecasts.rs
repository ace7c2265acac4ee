//! Forecasts that are open, what became of earlier ones, and how far the next may be trusted.

use std::collections::BTreeMap;

use onboard_analysis::accuracy::brier;
use onboard_analysis::calendar::{DAY_MS, Day};
use onboard_analysis::conformal;
use serde::{Deserialize, Serialize};

/// Raised whenever a stored ledger would be misread; an older one is thrown away.
pub const VERSION: u32 = 1;
/// The share of outcomes that an interval is to hold.
pub const SHARE: f64 = 0.8;
/// Quantiles kept of a forecast: every twentieth, from the least to the most.
const LEVELS: usize = 21;
/// Open forecasts kept of one kind: one a week for three months each, and the commits of a month.
const MOST_OPEN: usize = 200;
/// Outcomes kept of one kind: as many as recalibration looks back on.
const MOST_CLOSED: usize = 200;
/// History that has not reached a forecast's end so long after it will not say what came.
const VOID_MS: i64 = 60 * DAY_MS;
/// An outcome that came after a forecast's upper end lies somewhere above its 90 % quantile: in the
/// middle of what is left, as far as is known.
const BEYOND: f64 = 0.95;

/// What a forecast is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Commits that land within so many weeks.
    Commits { weeks: usize },
    /// Days on which people land something, each person's counted, within so many weeks.
    PersonDays { weeks: usize },
    /// Days from this release to the next.
    Release { since: String },
    /// Whether a milestone is reached by its date.
    Milestone { id: String, due: Day },
    /// Whether a fix of one of its files follows a commit.
    Fix { commit: String },
    /// Fixes of commits that came after this moment and were not released when it was forecast.
    Unreleased { since_ms: i64 },
}

impl Subject {
    /// Forecasts of one kind are judged together.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Commits { weeks: 4 } => "commits in 4 weeks",
            Self::Commits { .. } => "commits in 12 weeks",
            Self::PersonDays { weeks: 4 } => "person-days in 4 weeks",
            Self::PersonDays { .. } => "person-days in 12 weeks",
            Self::Release { .. } => "next release",
            Self::Milestone { .. } => "milestones",
            Self::Fix { .. } => "fixes of commits",
            Self::Unreleased { .. } => "fixes of what is not released",
        }
    }
}

/// What is expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimate {
    /// An amount: four of five times within this interval. `spread` are the quantiles before they
    /// were corrected.
    Interval { low: f64, high: f64, spread: Vec<f64> },
    /// How likely it comes.
    Chance(f64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    pub subject: Subject,
    pub made_ms: i64,
    /// From then on it is known what came.
    pub resolve_by_ms: i64,
    pub estimate: Estimate,
}

/// What became of a forecast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub made_ms: i64,
    pub known_ms: i64,
    #[serde(flatten)]
    pub score: Score,
    /// Made afterwards, with what was known at that time.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub replayed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// Whether the interval held what came, and the share of the forecast below it.
    Interval {
        held: bool,
        pit: f64,
    },
    Chance {
        p: f64,
        came: bool,
    },
}

/// What a run leaves to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecasts {
    pub version: u32,
    pub open: Vec<Forecast>,
    /// By kind, oldest first.
    pub closed: BTreeMap<String, Vec<Outcome>>,
    /// Forecasts of which it will never be known what came: history ended, or a plan changed.
    pub void: u32,
    /// Kinds whose past was replayed.
    pub replayed: Vec<String>,
}

/// What is known by now of a forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known {
    NotYet,
    /// The amount that came.
    Amount(f64),
    /// More than the interval's upper end; how much is open.
    Beyond,
    Came(bool),
    /// It will never be known.
    Never,
}

impl Forecasts {
    /// Adds a forecast unless one like it was made within the last `every_ms`; false where it would be
    /// kept and there is no room.
    pub fn open(&mut self, forecast: Forecast, every_ms: i64) -> bool {
        let is_like = |known: &Forecast| match (&known.subject, &forecast.subject) {
            (Subject::Fix { commit }, Subject::Fix { commit: other }) => commit == other,
            (one, other) => {
                one == other && forecast.made_ms.saturating_sub(known.made_ms) < every_ms
            }
        };
        let is_of_kind = |known: &&Forecast| known.subject.kind() == forecast.subject.kind();
        if self.open.iter().any(is_like) {
            return true;
        }
        let has_room = self.open.iter().filter(is_of_kind).count() < MOST_OPEN;
        if has_room {
            self.open.push(forecast);
        }
        has_room
    }

    /// Closes what is known by now; gives back each of them with what is known.
    pub fn resolve(
        &mut self,
        now_ms: i64,
        known: impl Fn(&Forecast) -> Known,
    ) -> Vec<(Subject, Known)> {
        let open = std::mem::take(&mut self.open);
        let mut closed = Vec::new();
        for forecast in open {
            let is_known = known(&forecast);
            let score = match (is_known, &forecast.estimate) {
                (Known::NotYet, _) if now_ms.saturating_sub(forecast.resolve_by_ms) <= VOID_MS => {
                    self.open.push(forecast);
                    continue;
                }
                (Known::Amount(actual), Estimate::Interval { low, high, spread }) => {
                    let held = (*low..=*high).contains(&actual);
                    Score::Interval { held, pit: pit(spread, actual) }
                }
                (Known::Beyond, Estimate::Interval { .. }) => {
                    Score::Interval { held: false, pit: BEYOND }
                }
                (Known::Came(came), Estimate::Chance(p)) => Score::Chance { p: *p, came },
                _ => {
                    self.void += 1;
                    closed.push((forecast.subject, Known::Never));
                    continue;
                }
            };
            let (made_ms, known_ms) = (forecast.made_ms, forecast.resolve_by_ms.min(now_ms));
            let outcome = Outcome { made_ms, known_ms, score, replayed: false };
            self.close(forecast.subject.kind(), outcome);
            closed.push((forecast.subject, is_known));
        }
        closed
    }

    pub fn close(&mut self, kind: &str, outcome: Outcome) {
        let closed = self.closed.entry(kind.to_owned()).or_default();
        closed.push(outcome);
        let surplus = closed.len().saturating_sub(MOST_CLOSED);
        closed.drain(..surplus);
    }

    /// The interval that is to hold [`SHARE`] of what comes.
    pub fn interval(&self, kind: &str, spread: &[f64]) -> (f64, f64) {
        interval(&pits(self.of(kind)), spread)
    }

    /// The outcomes of a kind.
    pub fn of(&self, kind: &str) -> &[Outcome] {
        self.closed.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The quantile `q` of a forecast of this kind, corrected by how earlier ones fared.
    pub fn quantile(&self, kind: &str, spread: &[f64], q: f64) -> f64 {
        corrected(&pits(self.of(kind)), spread, q)
    }
}

/// Where outcomes fell within their forecasts, oldest first: of those that overlap in time, which
/// say the same again, the first.
fn pits(outcomes: &[Outcome]) -> Vec<f64> {
    let mut free_ms = i64::MIN;
    let pit = |outcome: &Outcome| match outcome.score {
        Score::Interval { pit, .. } if outcome.made_ms >= free_ms => {
            free_ms = outcome.known_ms;
            Some(pit)
        }
        Score::Interval { .. } | Score::Chance { .. } => None,
    };
    outcomes.iter().filter_map(pit).collect()
}

/// Beyond what nineteen of twenty draws hold, a forecast's ends are single draws.
const OUTERMOST: f64 = 0.025;

fn corrected(pits: &[f64], spread: &[f64], q: f64) -> f64 {
    at(spread, conformal::level(pits, q).clamp(OUTERMOST, 1.0 - OUTERMOST))
}

fn interval(pits: &[f64], spread: &[f64]) -> (f64, f64) {
    let tail = (1.0 - SHARE) / 2.0;
    (corrected(pits, spread, tail), corrected(pits, spread, 1.0 - tail))
}

/// Forecasts as they would have been made, in the order of what came: each with its quantiles and
/// the actual amount. Each is corrected by those that were known before it was made.
pub fn replay(past: &[Replayed]) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(past.len());
    for one in past {
        let known = outcomes.iter().filter(|earlier| earlier.known_ms <= one.made_ms);
        let known: Vec<Outcome> = known.copied().collect();
        let (low, high) = interval(&pits(&known), &one.spread);
        let held = (low..=high).contains(&one.actual);
        let score = Score::Interval { held, pit: pit(&one.spread, one.actual) };
        let (made_ms, known_ms) = (one.made_ms, one.known_ms);
        outcomes.push(Outcome { made_ms, known_ms, score, replayed: true });
    }
    outcomes
}

/// A forecast of the past and what came.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    pub made_ms: i64,
    pub known_ms: i64,
    pub spread: Vec<f64>,
    pub actual: f64,
}

/// The quantiles that are kept of a forecast; nothing of an empty one.
pub fn spread(forecast: &onboard_analysis::throughput::Forecast) -> Vec<f64> {
    let level = |place: usize| place as f64 / (LEVELS - 1) as f64;
    (0..LEVELS).filter_map(|place| forecast.quantile(level(place))).collect()
}

/// The same of a normal distribution that no amount of which is negative.
pub fn normal(mean: f64, deviation: f64) -> Vec<f64> {
    // The outermost levels have no quantile.
    let level = |place: usize| (place as f64 / (LEVELS - 1) as f64).clamp(0.001, 0.999);
    let quantile = |q: f64| mean + deviation * onboard_analysis::distribution::normal_quantile(q);
    (0..LEVELS).map(|place| quantile(level(place)).max(0.0)).collect()
}

/// The quantile `q` of what was kept.
pub fn at(spread: &[f64], q: f64) -> f64 {
    let Some(last) = spread.len().checked_sub(1) else { return 0.0 };
    let position = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    spread[below] + (spread[above] - spread[below]) * (position - below as f64)
}

/// The share of a forecast that lies below an amount; the middle of where it equals it.
pub fn pit(spread: &[f64], actual: f64) -> f64 {
    let Some(last) = spread.len().checked_sub(1).filter(|last| *last > 0) else { return 0.5 };
    let below = spread.iter().filter(|value| **value < actual).count();
    let through = spread.iter().filter(|value| **value <= actual).count();
    if through > below {
        return ((below + through - 1) as f64 / 2.0) / last as f64;
    }
    if below == 0 || below > last {
        return if below == 0 { 0.0 } else { 1.0 };
    }
    let (under, over) = (spread[below - 1], spread[below]);
    ((below - 1) as f64 + (actual - under) / (over - under)) / last as f64
}

/// How forecasts of one kind fared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Record {
    pub kind: String,
    /// Made while the agent ran, and how many of their intervals held what came.
    pub made: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<usize>,
    /// As they would have been made before.
    pub replayed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed_held: Option<usize>,
    /// The mean squared error of chances, and what saying their mean each time would have given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brier: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brier_of_mean: Option<f64>,
}

/// The records of all kinds that have an outcome.
pub fn records(forecasts: &Forecasts) -> Vec<Record> {
    let kinds = forecasts.closed.iter().filter(|(_, outcomes)| !outcomes.is_empty());
    kinds.map(|(kind, outcomes)| record(kind, outcomes)).collect()
}

/// With fewer outcomes their mean, known only afterwards, is hard to beat.
const LEAST_COMPARED: usize = 20;

fn record(kind: &str, outcomes: &[Outcome]) -> Record {
    let of = |replayed: bool| outcomes.iter().filter(move |outcome| outcome.replayed == replayed);
    let held = |replayed: bool| {
        let held = of(replayed).filter_map(|outcome| match outcome.score {
            Score::Interval { held, .. } => Some(usize::from(held)),
            Score::Chance { .. } => None,
        });
        held.reduce(|sum, held| sum + held)
    };
    let (chances, truths): (Vec<f64>, Vec<bool>) = outcomes
        .iter()
        .filter_map(|outcome| match outcome.score {
            Score::Interval { .. } => None,
            Score::Chance { p, came } => Some((p, came)),
        })
        .unzip();
    let came = truths.iter().filter(|came| **came).count();
    let mean = vec![came as f64 / truths.len().max(1) as f64; truths.len()];
    Record {
        kind: kind.to_owned(),
        made: of(false).count(),
        held: held(false),
        replayed: of(true).count(),
        replayed_held: held(true),
        brier: brier(&chances, &truths),
        brier_of_mean: brier(&mean, &truths).filter(|_| truths.len() >= LEAST_COMPARED),
    }
}

/// How often the intervals of these kinds held, in words: none where nothing came yet.
pub fn coverage_words(records: &[Record]) -> Option<String> {
    let intervals = || records.iter().filter(|record| record.brier.is_none());
    let sum = |of: fn(&Record) -> usize| intervals().map(of).sum::<usize>();
    let (made, held) = (sum(|record| record.made), sum(|record| record.held.unwrap_or(0)));
    let replayed = sum(|record| record.replayed);
    let replayed_held = sum(|record| record.replayed_held.unwrap_or(0));
    let all = made + replayed;
    if all == 0 {
        return None;
    }
    let share = (held + replayed_held) as f64 / all as f64 * 100.0;
    let of = match (made, replayed) {
        (0, _) => format!("{replayed} replayed forecasts"),
        (_, 0) => format!("{made} forecasts"),
        _ => format!("{made} forecasts and {replayed} replayed ones"),
    };
    Some(format!("80 % intervals held {share:.0} % of {of}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn interval(weeks: usize, made_day: i64, low: f64, high: f64) -> Forecast {
        let spread = (0..LEVELS).map(|place| low + (high - low) * place as f64 / 20.0).collect();
        Forecast {
            subject: Subject::Commits { weeks },
            made_ms: made_day * DAY_MS,
            resolve_by_ms: (made_day + 7 * weeks as i64) * DAY_MS,
            estimate: Estimate::Interval { low, high, spread },
        }
    }

    #[test]
    fn forecasts_are_opened_once_a_week_and_closed_when_their_time_has_come() {
        let mut forecasts = Forecasts::default();
        for day in 0..20 {
            forecasts.open(interval(4, day, 10.0, 30.0), 7 * DAY_MS);
        }
        assert_eq!(forecasts.open.len(), 3);
        let known = |forecast: &Forecast| match forecast.made_ms / DAY_MS {
            0 => Known::Amount(20.0),
            7 => Known::Beyond,
            _ => Known::NotYet,
        };
        forecasts.resolve(40 * DAY_MS, known);
        assert_eq!(forecasts.open.len(), 1);
        forecasts.resolve(200 * DAY_MS, |_| Known::NotYet);
        let text = serde_json::to_string(&forecasts).expect("it is text");
        expect![[r#"{"version":0,"open":[],"closed":{"commits in 4 weeks":[{"made_ms":0,"known_ms":2419200000,"interval":{"held":true,"pit":0.5}},{"made_ms":604800000,"known_ms":3024000000,"interval":{"held":false,"pit":0.95}}]},"void":1,"replayed":[]}"#]]
            .assert_eq(&text);
        let read: Forecasts = serde_json::from_str(&text).expect("it is a ledger");
        assert_eq!(read, forecasts);
        expect!["80 % intervals held 50 % of 2 forecasts"]
            .assert_eq(&coverage_words(&records(&forecasts)).expect("outcomes"));
    }

    #[test]
    fn what_there_is_no_room_for_is_told_apart_from_what_is_known() {
        let mut forecasts = Forecasts::default();
        let fix = |number: usize| Forecast {
            subject: Subject::Fix { commit: number.to_string() },
            made_ms: 0,
            resolve_by_ms: 0,
            estimate: Estimate::Chance(0.5),
        };
        let kept = (0..MOST_OPEN + 3).filter(|number| forecasts.open(fix(*number), 0)).count();
        assert_eq!((kept, forecasts.open.len()), (MOST_OPEN, MOST_OPEN));
        assert!(forecasts.open(fix(7), 0), "it is known");
        assert!(forecasts.open(interval(4, 0, 1.0, 2.0), 0), "another kind has room of its own");
    }

    #[test]
    fn chances_are_scored_by_their_squared_error() {
        let mut forecasts = Forecasts::default();
        for (number, p) in [(0, 0.9), (1, 0.2), (2, 0.1)] {
            let subject = Subject::Fix { commit: number.to_string() };
            let estimate = Estimate::Chance(p);
            let forecast = Forecast { subject, made_ms: 0, resolve_by_ms: 0, estimate };
            forecasts.open(forecast.clone(), 0);
            forecasts.open(forecast, 0);
        }
        forecasts.resolve(1, |forecast| {
            Known::Came(forecast.subject == Subject::Fix { commit: "0".to_owned() })
        });
        let records = records(&forecasts);
        assert_eq!((records[0].made, records[0].brier), (3, Some((0.01 + 0.04 + 0.01) / 3.0)));
        assert_eq!(coverage_words(&records), None);
    }

    #[test]
    fn where_an_amount_falls_within_what_was_kept() {
        let spread: Vec<f64> = (0..LEVELS).map(|place| (place as f64 / 4.0).floor()).collect();
        let shown: Vec<String> = [-1.0, 0.0, 0.5, 2.0, 5.0, 9.0]
            .map(|actual| format!("{:.3}", pit(&spread, actual)))
            .to_vec();
        expect!["0.000 0.075 0.175 0.475 1.000 1.000"].assert_eq(&shown.join(" "));
        assert!((at(&spread, 0.5) - 2.0).abs() < 1e-9 && at(&[], 0.5) == 0.0);
    }

    /// Forecasts that were too sure are widened by what came of them.
    #[test]
    fn a_replay_learns_from_what_was_known_by_then() {
        let mut draw = onboard_analysis::draw::Draw::new(1);
        let level = |place: usize| (place as f64 / 20.0).clamp(0.001, 0.999);
        let normal = |q: f64| 100.0 + 3.0 * onboard_analysis::distribution::normal_quantile(q);
        let sure: Vec<f64> = (0..LEVELS).map(|place| normal(level(place))).collect();
        let past: Vec<Replayed> = (0..200)
            .map(|week| Replayed {
                made_ms: week,
                known_ms: week + 4,
                spread: sure.clone(),
                actual: 100.0 + 5.0 * draw.normal(),
            })
            .collect();
        let share = |held: usize| held as f64 / 150.0;
        let held = |o: &&Outcome| matches!(o.score, Score::Interval { held: true, .. });
        let corrected = share(replay(&past)[50..].iter().filter(held).count());
        let (low, high) = (at(&sure, 0.1), at(&sure, 0.9));
        let is_in = |one: &&Replayed| (low..=high).contains(&one.actual);
        let raw = share(past[50..].iter().filter(is_in).count());
        assert!(raw < 0.65 && (0.74..0.9).contains(&corrected), "{raw} {corrected}");
    }
}
