//! Whether the newest point of a series is unlike all before: in one pass, with no look ahead.
//!
//! Three measures of a point are each ranked among their own past: its value, its step from the point
//! before, and how far the mean of the last few is from what is usual at this time of day. How
//! surprising a measure is, is the negative decimal logarithm of the share of its past that was as far
//! out; beyond all of that it grows with the distance, as a tail that falls off with a power. The score
//! is the greatest, half of the second and a quarter of the third: that several say the same counts,
//! though they are not independent. What follows a greater surprise is part of it and scores nothing.
//!
//! Ranks make it independent of units and of the shape of the noise. How it does on the Numenta Anomaly
//! Benchmark (Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms", 2015) is in
//! `docs/evaluation.md`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::calendar::DAY_MS;

/// From this score on a point is unusual: the best threshold of that benchmark's standard profile, whose
/// rules have it chosen on the benchmark itself.
pub const UNUSUAL: f64 = 4.6;
/// Points that the benchmark lets pass before it judges, of its longer series.
pub const LEAST_PAST: usize = 750;

/// Points of the past that are ranked among: two weeks of one every five minutes.
const KEPT: usize = 4_032;
/// Fewer say nothing about what is rare.
const LEAST: usize = 20;
/// Points whose mean is compared with the time of day.
const NEAR: usize = 6;
/// A part of the day,
const SLOT_MS: i64 = DAY_MS / SLOTS as i64;
/// of so many: half-hours.
const SLOTS: usize = 48;
/// Means kept of each: a week of one every five minutes.
const KEPT_OF_SLOT: usize = 42;
/// Fewer in a slot and beside it say nothing about what is usual then,
const LEAST_OF_SLOT: usize = 12;
/// nor do fewer days.
const LEAST_MS: i64 = 2 * DAY_MS;
/// Points after a surprise in which a lesser one is part of it.
const SAME: u64 = 100;
/// The exponent of tails, beyond all of the past.
const TAIL: f64 = 2.0;

/// Past values of one measure.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Past {
    values: VecDeque<f32>,
    /// The same in order; made anew where it was not stored.
    #[serde(skip)]
    sorted: Vec<f32>,
}

impl Past {
    fn sort(&mut self) {
        if self.sorted.len() != self.values.len() {
            self.sorted = self.values.iter().copied().collect();
            self.sorted.sort_by(f32::total_cmp);
        }
    }

    /// How many are smaller.
    fn under(&self, value: f32) -> usize {
        self.sorted.partition_point(|other| *other < value)
    }

    fn push(&mut self, value: f32) {
        self.sort();
        self.sorted.insert(self.under(value), value);
        self.values.push_back(value);
        if self.values.len() > KEPT
            && let Some(oldest) = self.values.pop_front()
        {
            self.sorted.remove(self.under(oldest));
        }
    }

    /// The value that this share lies below.
    fn at(&self, share: f64) -> f64 {
        f64::from(self.sorted[((self.sorted.len() - 1) as f64 * share) as usize])
    }

    /// How many are as large.
    fn reached(&mut self, value: f32) -> usize {
        self.sort();
        self.sorted.len() - self.under(value)
    }

    /// How surprising so large a value is.
    fn above(&mut self, value: f32) -> f64 {
        let reach = self.reached(value);
        self.surprise(reach, |past| (f64::from(value) - past.at(1.0), [0.5, 0.975, 1.0]))
    }

    /// How surprising so small a value is.
    fn below(&mut self, value: f32) -> f64 {
        self.sort();
        let reach = self.sorted.partition_point(|other| *other <= value);
        self.surprise(reach, |past| (past.at(0.0) - f64::from(value), [0.5, 0.025, 0.0]))
    }

    /// Of a value that so many reach; `beyond` tells how far it is from all where none does, and the
    /// shares of the middle, of the tail and of the end on its side, which tell how wide the past is.
    fn surprise(&self, reach: usize, beyond: impl Fn(&Self) -> (f64, [f64; 3])) -> f64 {
        let count = self.sorted.len();
        if count < LEAST {
            return 0.0;
        }
        let ranked = -((reach + 1) as f64 / (count + 1) as f64).log10();
        if reach > 0 {
            return ranked;
        }
        let (distance, shares) = beyond(self);
        let [middle, tail, end] = shares.map(|share| self.at(share));
        let width = (tail - middle).abs().max((end - middle).abs() / 10.0).max(1e-9);
        ranked + TAIL * (1.0 + distance / width).log10()
    }
}

/// What was found of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// 0 is ordinary; see [`UNUSUAL`].
    pub score: f64,
    /// Points of the past that were as high,
    pub reached: usize,
    /// of so many.
    pub past: usize,
}

/// A series so far. What was serialised can be gone on with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Detector {
    first_ms: i64,
    count: u64,
    last: Option<f32>,
    /// The last few.
    near: VecDeque<f32>,
    values: Past,
    steps: Past,
    /// Distances from what is usual at a time of day.
    distances: Past,
    /// Past means by time of day.
    slots: Vec<VecDeque<f32>>,
    /// Scores of the latest points that no later one reached, with the number of their point.
    highest: VecDeque<(u64, f64)>,
}

impl Detector {
    /// Scores the next point and takes it in; one that is no number is left out.
    pub fn push(&mut self, at_ms: i64, value: f64) -> Found {
        let value = value as f32;
        if !value.is_finite() {
            return Found::default();
        }
        if self.count == 0 {
            self.first_ms = at_ms;
        }
        self.count += 1;
        let step = self.last.map_or(0.0, |last| (value - last).abs());
        self.last = Some(value);
        let level = self.values.above(value).max(self.values.below(value));
        let mut surprises = [level, self.steps.above(step), self.by_time_of_day(at_ms, value)];
        surprises.sort_by(|a, b| b.total_cmp(a));
        let [first, second, third] = surprises;
        let (reached, past) = (self.values.reached(value), self.values.values.len());
        self.values.push(value);
        self.steps.push(step);
        Found { score: self.news(first + second / 2.0 + third / 4.0), reached, past }
    }

    /// How surprising the distance is from what is usual at this time of day.
    fn by_time_of_day(&mut self, at_ms: i64, value: f32) -> f64 {
        self.near.push_back(value);
        if self.near.len() > NEAR {
            self.near.pop_front();
        }
        let mean = self.near.iter().sum::<f32>() / self.near.len() as f32;
        self.slots.resize(SLOTS, VecDeque::new());
        let slot = at_ms.div_euclid(SLOT_MS);
        let place = |slot: i64| slot.rem_euclid(SLOTS as i64) as usize;
        let beside = [slot - 1, slot, slot + 1].map(place);
        let mut usual: Vec<f32> =
            beside.iter().flat_map(|slot| &self.slots[*slot]).copied().collect();
        let own = &mut self.slots[place(slot)];
        own.push_back(mean);
        if own.len() > KEPT_OF_SLOT {
            own.pop_front();
        }
        if usual.len() < LEAST_OF_SLOT || at_ms.saturating_sub(self.first_ms) < LEAST_MS {
            return 0.0;
        }
        let middle = usual.len() / 2;
        let (_, median, _) = usual.select_nth_unstable_by(middle, f32::total_cmp);
        let distance = (mean - *median).abs();
        let surprise = self.distances.above(distance);
        self.distances.push(distance);
        surprise
    }

    /// The score, where none of the latest is as great.
    fn news(&mut self, score: f64) -> f64 {
        let number = self.count;
        while self.highest.front().is_some_and(|(at, _)| at + SAME < number) {
            self.highest.pop_front();
        }
        let is_part = self.highest.front().is_some_and(|(_, other)| *other >= score);
        while self.highest.back().is_some_and(|(_, other)| *other <= score) {
            self.highest.pop_back();
        }
        self.highest.push_back((number, score));
        if is_part { 0.0 } else { score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
    use expect_test::{Expect, expect};

    const STEP_MS: i64 = 300_000;

    /// Two weeks of a daily swing with noise, changed by `plant`; the points from the fourth day on
    /// that are unusual.
    fn check(plant: impl Fn(i64, f64) -> f64, expected: Expect) {
        let mut draw = Draw::new(5);
        let (mut detector, mut stored) = (Detector::default(), Detector::default());
        let mut found = Vec::new();
        for number in 0..14 * 288 {
            let of_day = (number % 288) as f64 / 288.0;
            let usual = 100.0 + 40.0 * (of_day * std::f64::consts::TAU).sin() + 2.0 * draw.normal();
            let value = plant(number, usual);
            let one = detector.push(number * STEP_MS, value);
            // What was stored on the way goes on the same.
            if number == 2_000 {
                let text = serde_json::to_string(&detector).expect("JSON");
                stored = serde_json::from_str(&text).expect("the same");
            } else if number > 2_000 {
                assert_eq!(stored.push(number * STEP_MS, value), one);
            }
            if number > 4 * 288 && one.score >= UNUSUAL {
                found.push(format!("{number}: {} of {} as high", one.reached, one.past));
            }
        }
        expected.assert_eq(&found.join("\n"));
    }

    #[test]
    fn a_daily_swing_is_usual_and_a_spike_is_not() {
        check(|_, value| value, expect![""]);
        // The second spike is part of the first.
        check(
            |number, value| if number == 3_000 || number == 3_010 { 300.0 } else { value },
            expect!["3000: 0 of 3000 as high"],
        );
    }

    #[test]
    fn what_is_usual_at_another_time_of_day_is_unusual() {
        // A day without its swing: neither its values nor its steps are rare.
        let flat = |number: i64, value: f64| {
            if (2_880..3_168).contains(&number) {
                100.0 + f64::from(number as i32 % 5)
            } else {
                value
            }
        };
        check(flat, expect!["2910: 1481 of 2910 as high"]);
        check(|number, value| if number == 3_000 { f64::NAN } else { value }, expect![""]);
    }
}
