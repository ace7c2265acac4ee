//! Forecasts: what a finding expects to come, by when it will be known, and what came.
//!
//! A finding that says what will be can be held against what was, without asking anybody. The first
//! estimate of a finding counts, not a later and better informed one, until it is settled; what came
//! is told by the agent, or decided from whether the finding still stands. By agent and rule a
//! [`Score`] adds up how good the estimates were.

use crate::ids::{AgentId, Time};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// Bounds of what is expected.
pub mod bounds {
    /// Open forecasts of a project: as many findings as it may have, and as many whose finding is
    /// gone already. One that would be one more is not kept; the agent is told so.
    pub const OPEN: usize = 2 * crate::state::bounds::FINDINGS;
    /// Bytes of what is expected: a sentence.
    pub const EXPECTS: usize = 200;
    /// The furthest that anybody may look ahead, in milliseconds: two years. Nobody waits longer to
    /// be proven wrong.
    pub const HORIZON_MS: i64 = 2 * 366 * 86_400_000;
    /// How long after its time it may still be told what came, in milliseconds: sixty days, after
    /// which a clone that nobody updates will not say.
    pub const GRACE_MS: i64 = 60 * 86_400_000;
}

/// What is expected, and by when it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// What will be, as a sentence without a final period: `a fix of what it changed follows`.
    pub expects: String,
    pub estimate: Estimate,
    /// From then on it is known what came; milliseconds since 1970.
    pub resolve_by: Time,
    #[serde(default, skip_serializing_if = "Decider::is_agent")]
    pub decided_by: Decider,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimate {
    /// The chance that it comes, 0 to 1.
    Chance(f64),
    /// An amount that lies within these ends, both included, in this share of cases.
    Interval { low: f64, high: f64, share: f64 },
}

/// Who says what came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// The agent, at a later look.
    #[default]
    Agent,
    /// The host: it came where the finding still stands when its time has come, and did not where a
    /// look before that no longer saw it. For chances only.
    Standing,
}

impl Decider {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    fn is_agent(&self) -> bool {
        *self == Decider::Agent
    }
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What was given a chance came.
    Came {
        /// When, if that is known; else when it was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Time>,
    },
    DidNotCome,
    /// The amount that came.
    Amount(f64),
    /// Nobody said what came, long after its time.
    Expired,
    /// It will never be known: the agent is gone, a plan was changed, people dismissed what it was of.
    Void,
}

/// A forecast whose time has not come, or of which nobody said yet what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub agent: AgentId,
    pub rule: String,
    pub made: Time,
    pub forecast: Forecast,
}

/// Millionths in one: squared errors are added up as whole numbers, so that every replay gives the
/// same sum.
const MILLION: f64 = 1_000_000.0;

/// How good the forecasts of a rule were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Chances that were settled, and how many of them came.
    #[serde(default)]
    pub chances: u32,
    #[serde(default)]
    pub came: u32,
    /// The sum of `(chance - outcome)²` in millionths (Brier, "Verification of forecasts expressed in
    /// terms of probability", 1950).
    #[serde(default)]
    pub squares: u64,
    /// The sum of how long before it came each was made, in milliseconds.
    #[serde(default)]
    pub lead_ms: u64,
    /// Intervals that were settled, and how many held what came.
    #[serde(default)]
    pub intervals: u32,
    #[serde(default)]
    pub held: u32,
    /// The sum of the shares that they were to hold, in millionths.
    #[serde(default)]
    pub shares: u64,
    /// Expired and void ones: they say nothing, and hide nothing.
    #[serde(default)]
    pub unknown: u32,
}

impl Forecast {
    /// Whether it can be held against what comes.
    ///
    /// # Errors
    /// Names the field and what it has to be.
    pub fn within_bounds(&self, now: Time) -> Result<(), String> {
        if self.expects.is_empty() || self.expects.len() > bounds::EXPECTS {
            let (len, most) = (self.expects.len(), bounds::EXPECTS);
            return Err(alloc::format!(
                "`forecast.expects` has {len} bytes, allowed are 1 to {most}"
            ));
        }
        let ahead = self.resolve_by.since(now);
        if !(1..=bounds::HORIZON_MS).contains(&ahead) {
            return Err("`forecast.resolve_by` is a time within the next two years".into());
        }
        match self.estimate {
            Estimate::Chance(chance) if (0.0..=1.0).contains(&chance) => Ok(()),
            Estimate::Chance(_) => Err("`forecast.estimate.chance` is from 0 to 1".into()),
            Estimate::Interval { .. } if self.decided_by == Decider::Standing => {
                Err("whether a finding stands decides a chance, no interval".into())
            }
            Estimate::Interval { low, high, share }
                if low.is_finite()
                    && low <= high
                    && high.is_finite()
                    && share > 0.0
                    && share < 1.0 =>
            {
                Ok(())
            }
            Estimate::Interval { .. } => {
                Err("`forecast.estimate.interval` has a `low` that is not \
                                              above `high`, and a `share` between 0 and 1"
                    .into())
            }
        }
    }

    /// Whether an outcome answers this estimate.
    pub fn is_answered_by(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Came { .. } | Outcome::DidNotCome => {
                matches!(self.estimate, Estimate::Chance(_))
            }
            Outcome::Amount(amount) => {
                amount.is_finite() && matches!(self.estimate, Estimate::Interval { .. })
            }
            Outcome::Expired | Outcome::Void => true,
        }
    }
}

impl Score {
    /// One more that was settled at `now`.
    pub fn add(&mut self, open: &Open, outcome: Outcome, now: Time) {
        match (open.forecast.estimate, outcome) {
            (Estimate::Chance(chance), Outcome::Came { at }) => {
                self.chance(1.0 - chance);
                self.came = self.came.saturating_add(1);
                let lead = at.unwrap_or(now).since(open.made).max(0).unsigned_abs();
                self.lead_ms = self.lead_ms.saturating_add(lead);
            }
            (Estimate::Chance(chance), Outcome::DidNotCome) => self.chance(chance),
            (Estimate::Interval { low, high, share }, Outcome::Amount(amount)) => {
                self.intervals = self.intervals.saturating_add(1);
                self.held = self.held.saturating_add(u32::from((low..=high).contains(&amount)));
                self.shares = self.shares.saturating_add(millionths(share));
            }
            _ => self.unknown = self.unknown.saturating_add(1),
        }
    }

    fn chance(&mut self, error: f64) {
        self.chances = self.chances.saturating_add(1);
        self.squares = self.squares.saturating_add(millionths(error * error));
    }

    /// The mean squared error of its chances: 0 is sure and right, 0.25 says nothing.
    pub fn brier(&self) -> Option<f64> {
        mean(self.squares, self.chances).map(|sum| sum / MILLION)
    }

    /// The share of its chances that came.
    pub fn precision(&self) -> Option<f64> {
        mean(u64::from(self.came), self.chances)
    }

    /// The share of its intervals that held, and the share that they were to hold.
    pub fn coverage(&self) -> Option<(f64, f64)> {
        let held = mean(u64::from(self.held), self.intervals)?;
        Some((held, mean(self.shares, self.intervals)? / MILLION))
    }

    /// How long before it came it was said, in milliseconds, in the mean.
    pub fn lead_ms(&self) -> Option<f64> {
        mean(self.lead_ms, self.came)
    }
}

fn mean(sum: u64, count: u32) -> Option<f64> {
    (count > 0).then(|| sum as f64 / f64::from(count))
}

/// A share from 0 to 1, in millionths.
fn millionths(share: f64) -> u64 {
    // Halves up: rounding itself needs the standard library.
    (share.clamp(0.0, 1.0) * MILLION + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn open(estimate: Estimate) -> Open {
        let forecast = Forecast {
            expects: "it comes".into(),
            estimate,
            resolve_by: Time(30 * DAY),
            decided_by: Decider::Agent,
        };
        Open { agent: AgentId(1), rule: "r/x".into(), made: Time(0), forecast }
    }

    #[test]
    fn scores_by_hand() {
        let mut score = Score::default();
        let chance = |chance| open(Estimate::Chance(chance));
        let now = Time(10 * DAY);
        score.add(&chance(0.9), Outcome::Came { at: Some(Time(4 * DAY)) }, now);
        score.add(&chance(0.5), Outcome::Came { at: None }, now);
        score.add(&chance(0.2), Outcome::DidNotCome, now);
        score.add(&chance(0.7), Outcome::Void, now);
        let interval = open(Estimate::Interval { low: 2.0, high: 4.0, share: 0.8 });
        for amount in [2.0, 4.0, 4.5] {
            score.add(&interval, Outcome::Amount(amount), now);
        }
        score.add(&interval, Outcome::Expired, now);
        let close = |found: Option<f64>, wanted: f64| {
            assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-6), "{found:?} {wanted}");
        };
        close(score.brier(), (0.01 + 0.25 + 0.04) / 3.0);
        close(score.precision(), 2.0 / 3.0);
        close(score.lead_ms().map(|ms| ms / DAY as f64), 7.0);
        close(score.coverage().map(|(held, _)| held), 2.0 / 3.0);
        close(score.coverage().map(|(_, wanted)| wanted), 0.8);
        assert_eq!((score.unknown, score.chances, score.intervals), (2, 3, 3));
        assert_eq!(Score::default().brier(), None);
    }

    #[test]
    fn what_can_be_held_against_nothing_is_refused() {
        let sound = open(Estimate::Chance(0.5)).forecast;
        assert_eq!(sound.within_bounds(Time(0)), Ok(()));
        let with = |estimate| Forecast { estimate, ..sound.clone() };
        let interval = |low, high, share| with(Estimate::Interval { low, high, share });
        let wrong = [
            with(Estimate::Chance(1.1)),
            with(Estimate::Chance(f64::NAN)),
            interval(3.0, 2.0, 0.8),
            interval(1.0, f64::INFINITY, 0.8),
            interval(1.0, 2.0, 1.0),
            Forecast { decided_by: Decider::Standing, ..interval(1.0, 2.0, 0.8) },
            Forecast { resolve_by: Time(0), ..sound.clone() },
            Forecast { resolve_by: Time(bounds::HORIZON_MS + 1), ..sound.clone() },
            Forecast { expects: String::new(), ..sound.clone() },
            Forecast { expects: "x".repeat(bounds::EXPECTS + 1), ..sound.clone() },
        ];
        for forecast in wrong {
            assert!(forecast.within_bounds(Time(0)).is_err(), "{forecast:?}");
        }
        assert_eq!(interval(1.0, 2.0, 0.8).within_bounds(Time(0)), Ok(()));
        assert!(!sound.is_answered_by(Outcome::Amount(1.0)) && sound.is_answered_by(Outcome::Void));
    }
}
