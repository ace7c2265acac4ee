//! The Numenta Anomaly Benchmark with its own scoring (Lavin and Ahmad, "Evaluating real-time anomaly
//! detection algorithms", 2015): series in which people marked windows around what is unusual.
//!
//! A detection in a window counts by how early it is, only the best one of each; one outside counts
//! against the detector, more the further behind a window it is; a window without any costs. The score
//! is 0 without a detection and 100 at best. Its rules have one threshold for all series chosen by the
//! score itself, for each profile of costs; beside that are the detector's own threshold, and, for what
//! such a choice is worth, the mean of two halves of the series, each at the threshold of the other.

use std::collections::BTreeMap;

use onboard_analysis::anomaly::{Detector, UNUSUAL};
use onboard_analysis::calendar::{DAY_MS, parse_date};
use onboard_analysis::distribution::normal_cdf;

use super::data_set::DataSet;
use super::{Measures, Table};

/// The part of each series that is not judged, of so many points at most.
const PROBATION: f64 = 0.15;
const MOST_PROBATION: f64 = 5_000.0;

struct Series {
    points: Vec<(i64, f64)>,
    /// First and last point of each window.
    windows: Vec<(usize, usize)>,
}

/// What a false alarm and a missed window cost, where a found window is worth one.
#[derive(Clone, Copy)]
struct Profile {
    name: &'static str,
    alarm: f64,
    missed: f64,
}

/// As `config/profiles.json` has them.
const PROFILES: [Profile; 3] = [
    Profile { name: "standard", alarm: 0.11, missed: 1.0 },
    Profile { name: "few false alarms", alarm: 0.22, missed: 1.0 },
    Profile { name: "few missed", alarm: 0.11, missed: 2.0 },
];

type Scores = Vec<Vec<f64>>;
/// Scores each point of a series by what came before it.
type Method = fn(&Series) -> Vec<f64>;

pub fn evaluate(path: &str, table: &mut Table) -> Result<(), Box<dyn std::error::Error>> {
    let data = DataSet::open(path);
    let all = read(&data)?;
    let windows: usize = all.iter().map(|series| series.windows.len()).sum();
    eprintln!("NAB at {}: {} series, {windows} windows", data.head(), all.len());
    let methods: [(&str, Method); 2] = [("ours", ours), ("Gaussian of a window", gaussian)];
    for (name, method) in methods {
        let scores: Scores = all.iter().map(method).collect();
        let mut measures: Measures = PROFILES
            .iter()
            .map(|profile| (profile.name, best(&all, &scores, *profile, |_| true).1))
            .collect();
        measures.push(("halves", halves(&all, &scores)));
        if name == "ours" {
            let own = judged(&all, &scores, PROFILES[0], |_| true).at(UNUSUAL);
            measures.push(("own threshold", own));
        }
        table.add("NAB", name, measures);
    }
    Ok(())
}

fn ours(series: &Series) -> Vec<f64> {
    let mut detector = Detector::default();
    series.points.iter().map(|(at_ms, value)| detector.push(*at_ms, *value).score).collect()
}

/// The benchmark's own baseline: how far out a value is of a Gaussian over the last 6,400 points, which
/// is fitted anew every hundred. Published with 39.6.
fn gaussian(series: &Series) -> Vec<f64> {
    const WINDOW: usize = 6_400;
    const EVERY: usize = 100;
    let values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
    let of = |number: usize| {
        let to = if number <= WINDOW { number } else { number - (number - WINDOW) % EVERY };
        let past = &values[to.saturating_sub(WINDOW)..to];
        if past.is_empty() {
            return 0.0;
        }
        let count = past.len() as f64;
        let mean = past.iter().sum::<f64>() / count;
        let squares = past.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let deviation = (squares / count).sqrt().max(1e-6);
        normal_cdf((values[number] - mean).abs() / deviation)
    };
    (0..values.len()).map(of).collect()
}

/// The half of the series that a place belongs to, judged at the best threshold of the other one.
fn halves(all: &[Series], scores: &Scores) -> f64 {
    let of = |rest: usize| {
        let (threshold, _) = best(all, scores, PROFILES[0], |place| place % 2 != rest);
        judged(all, scores, PROFILES[0], |place| place % 2 == rest).at(threshold)
    };
    (of(0) + of(1)) / 2.0
}

fn best(
    all: &[Series],
    scores: &Scores,
    profile: Profile,
    is_in: impl Fn(usize) -> bool,
) -> (f64, f64) {
    judged(all, scores, profile, is_in).best()
}

/// A judged point: its score, what it is worth, and the number of its window.
type Point = (f64, f64, Option<usize>);

struct Judged {
    /// The greatest score first.
    points: Vec<Point>,
    profile: Profile,
    /// All windows, and those that reach beyond the probation.
    windows: usize,
    judged: usize,
}

impl Judged {
    /// Each threshold at which something changes, with the score there.
    fn by_threshold(&self) -> Vec<(f64, f64)> {
        let missed = -self.profile.missed;
        let mut best = vec![missed; self.windows];
        let nothing = missed * self.judged as f64;
        let (mut sum, mut at) = (nothing, Vec::new());
        let of_all = |sum: f64| 100.0 * (sum - nothing) / (self.windows as f64 - nothing);
        for (place, (score, worth, window)) in self.points.iter().enumerate() {
            match window {
                None => sum += worth,
                Some(window) => {
                    let known = &mut best[*window];
                    sum += (worth - *known).max(0.0);
                    *known = known.max(*worth);
                }
            }
            if self.points.get(place + 1).is_none_or(|next| next.0 < *score) {
                at.push((*score, of_all(sum)));
            }
        }
        at
    }

    fn best(&self) -> (f64, f64) {
        let at = self.by_threshold().into_iter();
        at.fold((f64::INFINITY, 0.0), |best, one| if one.1 > best.1 { one } else { best })
    }

    fn at(&self, threshold: f64) -> f64 {
        let at = self.by_threshold();
        at.iter().take_while(|(score, _)| *score >= threshold).last().map_or(0.0, |one| one.1)
    }
}

fn judged(
    all: &[Series],
    scores: &Scores,
    profile: Profile,
    is_in: impl Fn(usize) -> bool,
) -> Judged {
    let mut judged = Judged { points: Vec::new(), profile, windows: 0, judged: 0 };
    for (_, (series, scores)) in all.iter().zip(scores).enumerate().filter(|(at, _)| is_in(*at)) {
        let count = series.points.len();
        let probation = (PROBATION * count as f64).floor().min(PROBATION * MOST_PROBATION) as usize;
        for (number, score) in scores.iter().enumerate().skip(probation) {
            let (worth, window) = worth(series, number, profile.alarm);
            judged.points.push((*score, worth, window.map(|window| judged.windows + window)));
        }
        judged.windows += series.windows.len();
        judged.judged += series.windows.iter().filter(|(_, last)| *last >= probation).count();
    }
    judged.points.sort_by(|a, b| b.0.total_cmp(&a.0));
    judged
}

/// What a detection at this point is worth, and the window that it is in.
fn worth(series: &Series, number: usize, alarm: f64) -> (f64, Option<usize>) {
    let at = number as f64;
    let windows = || series.windows.iter().map(|(first, last)| (*first as f64, *last as f64));
    let holds = |(first, last): (f64, f64)| (first..=last).contains(&at);
    if let Some(window) = windows().position(holds) {
        let (first, last) = (series.windows[window].0 as f64, series.windows[window].1 as f64);
        let place = -(last - at + 1.0) / (last - first + 1.0);
        return (by_place(place) / by_place(-1.0), Some(window));
    }
    let before = windows().rfind(|(_, last)| *last < at);
    let place = before.map(|(first, last)| (at - last) / (last - first));
    (alarm * place.map_or(-1.0, by_place), None)
}

/// From a window's left edge at -1 over its right one at 0 to far behind it.
fn by_place(place: f64) -> f64 {
    if place > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * place).exp()) - 1.0 }
}

fn read(data: &DataSet) -> Result<Vec<Series>, Box<dyn std::error::Error>> {
    let marks = data.json("labels/combined_windows.json").ok_or("there are no labels")?;
    let marks: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_value(marks)?;
    let series = |(name, marks): (&String, &Vec<[String; 2]>)| {
        let text = data.text(&format!("data/{name}")).ok_or(format!("{name} is not here"))?;
        let points = text.lines().skip(1).map(|line| {
            let (at, value) = line.split_once(',')?;
            Some((moment(at)?, value.trim().parse().ok()?))
        });
        let points: Option<Vec<(i64, f64)>> = points.collect();
        let points = points.ok_or(format!("{name} can't be read"))?;
        let place = |at: &str| points.iter().position(|(at_ms, _)| Some(*at_ms) == moment(at));
        let windows = marks.iter().map(|[first, last]| Some((place(first)?, place(last)?)));
        let windows: Option<Vec<(usize, usize)>> = windows.collect();
        let windows = windows.ok_or(format!("a window of {name} is of no point"))?;
        Ok(Series { points, windows })
    };
    marks.iter().map(series).collect()
}

/// Milliseconds since 1970 of `YYYY-MM-DD hh:mm:ss`, with anything behind it.
fn moment(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(' ')?;
    let mut seconds = 0;
    for part in time.get(..8)?.split(':') {
        seconds = seconds * 60 + part.parse::<i64>().ok()?;
    }
    Some(parse_date(day)? * DAY_MS + seconds * 1_000)
}
