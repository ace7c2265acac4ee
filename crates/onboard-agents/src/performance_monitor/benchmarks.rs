//! A series of each benchmark, build and run of tests, and the regressions in it that stand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use onboard_analysis::regression::{Change, lasting};
use onboard_analysis::statistics::median;
use serde::{Deserialize, Serialize};

use super::look::{Files, Look};
use crate::git::Checkouts;

const DAY_MS: i64 = 86_400_000;
/// Series kept, and results of each.
const MOST_SERIES: usize = 300;
const MOST_POINTS: usize = 120;
/// A series that got no result for so long is over: its benchmark was renamed or is not run any more.
pub const OVER_MS: i64 = 30 * DAY_MS;
/// Regressions of one series that stand at a time.
const MOST_KNOWN: usize = 8;
/// The beginning of a change moves by so many results at most while more of them come.
const MOVES: usize = 4;
/// Slower by this is worth more than a remark, and by this still so.
const GRAVE: f64 = 0.5;
const STILL_GRAVE: f64 = 0.4;
/// The newest results, which tell whether a regression is over.
const NEWEST: usize = 4;

/// How it is known which commit was checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Known {
    /// The tool wrote it down with the result.
    #[serde(rename = "t")]
    Told,
    /// Git noted when it was checked out, and it was before the result was written.
    #[serde(rename = "l")]
    Logged,
    /// It was checked out when the result was read.
    #[serde(rename = "r")]
    WhenRead,
}

/// What a result was measured of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Empty where there was none.
    pub commit: String,
    pub known: Known,
    /// The tool saw that there was more than the commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_dirty: bool,
}

/// A result, in short: when, how long in nanoseconds, and the place of what it was measured of.
pub type Point = (i64, f64, usize);

/// A regression that was found and is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slower {
    /// Where it was found first: its name, while its beginning is known better.
    pub found_ms: i64,
    /// The first slow result; of what came little by little, the first and the last of it.
    pub since_ms: i64,
    pub until_ms: i64,
    pub before: f64,
    pub after: f64,
    /// As shares of what it was.
    pub size: f64,
    pub interval: (f64, f64),
    /// Results at the new level.
    pub points: usize,
    /// Whether it is worse than a remark; so until it is clearly less, or it would be told again and
    /// again.
    pub is_grave: bool,
    /// What the last good and the first slow result were measured of; of what came little by little,
    /// the first and the last.
    pub good: Option<usize>,
    pub bad: usize,
}

impl Slower {
    fn new(change: &Change, points: &VecDeque<Point>) -> Option<Self> {
        let (since, until) = (points.get(change.at)?, points.get(change.until)?);
        let is_drift = change.is_drift();
        let good = if is_drift { Some(change.at) } else { change.at.checked_sub(1) };
        Some(Self {
            found_ms: since.0,
            since_ms: since.0,
            until_ms: until.0,
            before: change.before,
            after: change.after,
            size: change.size,
            interval: change.interval,
            points: change.points,
            is_grave: change.size >= GRAVE,
            good: good.and_then(|at| points.get(at)).map(|point| point.2),
            bad: until.2,
        })
    }

    pub fn is_drift(&self) -> bool {
        self.until_ms > self.since_ms
    }

    /// Whether what is found now is this, seen with more results.
    fn is(&self, now: &Self, points: &VecDeque<Point>) -> bool {
        let place = |ms: i64| points.partition_point(|point| point.0 < ms);
        let (begin, end) = (place(self.since_ms), place(self.until_ms));
        place(now.since_ms) <= end + MOVES && begin <= place(now.until_ms) + MOVES
    }

    fn is_over(&self, points: &VecDeque<Point>) -> bool {
        let newest: Vec<f64> = points.iter().rev().take(NEWEST).map(|point| point.1).collect();
        median(&newest).is_none_or(|newest| newest <= f64::midpoint(self.before, self.after))
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Series {
    /// In the order of time.
    pub points: VecDeque<Point>,
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slower: Vec<Slower>,
}

impl Series {
    /// Adds a result where its time is; says whether it was measured anew.
    fn add(&mut self, point: Point) -> bool {
        let place = self.points.partition_point(|known| known.0 <= point.0);
        let is_same = |known: &Point| known.1.to_bits() == point.1.to_bits();
        // To the last digit the same: it was not measured again, but written again.
        let beside = [place.checked_sub(1), Some(place)].into_iter().flatten();
        if beside.filter_map(|place| self.points.get(place)).any(is_same) {
            return false;
        }
        self.points.insert(place, point);
        if self.points.len() > MOST_POINTS {
            self.points.pop_front();
        }
        true
    }

    /// Judges every change that the series shows: what is known and has not gone away stands, though
    /// the results before it are kept no longer.
    fn judge(&mut self) {
        let values: Vec<f64> = self.points.iter().map(|point| point.1).collect();
        self.slower.retain(|slower| !slower.is_over(&self.points));
        for change in lasting(&values).iter().filter(|change| change.size > 0.0) {
            let Some(now) = Slower::new(change, &self.points) else { continue };
            match self.slower.iter().position(|known| known.is(&now, &self.points)) {
                Some(place) => {
                    let Slower { found_ms, is_grave, .. } = self.slower[place];
                    let is_grave = now.is_grave || (is_grave && now.size >= STILL_GRAVE);
                    self.slower[place] = Slower { found_ms, is_grave, ..now };
                }
                None if self.slower.len() < MOST_KNOWN => self.slower.push(now),
                None => {}
            }
        }
    }
}

/// What is kept between runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Benchmarks {
    pub files: Files,
    /// What points name by its place.
    pub sources: Vec<Source>,
    pub series: BTreeMap<String, Series>,
    /// Since when many are slower at once, while they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together_ms: Option<i64>,
    /// Series that are over since the last run.
    #[serde(skip)]
    pub over: Vec<String>,
    /// Results that were left out: there are too many series.
    #[serde(skip)]
    pub left_out: usize,
}

/// What is known of the project's commits.
pub struct Commits<'a> {
    pub checkouts: &'a Checkouts,
    /// The commit that is checked out now.
    pub head: &'a str,
}

impl Benchmarks {
    /// Adds what a look found, and judges the series that got more; says whether something has to be
    /// remembered.
    pub fn take(&mut self, look: Look, commits: &Commits<'_>, now_ms: i64) -> bool {
        self.left_out = look.left_out;
        let mut touched = BTreeSet::new();
        for result in look.results {
            let super::look::Result { written_ms, measured } = result;
            let told = measured.told.unwrap_or_default();
            let at_ms = told.at_ms.filter(|at_ms| *at_ms <= written_ms).unwrap_or(written_ms);
            let is_over = now_ms - at_ms > OVER_MS;
            let is_new = !self.series.contains_key(&measured.name);
            if is_new && (is_over || self.series.len() == MOST_SERIES) {
                self.left_out += usize::from(!is_over);
                continue;
            }
            let nanoseconds = (measured.nanoseconds * 1e3).round() / 1e3;
            let source = self.place_of(commits.source(told.commit, at_ms));
            let series = self.series.entry(measured.name.clone()).or_default();
            if series.add((at_ms, nanoseconds, source)) {
                touched.insert(measured.name);
            }
        }
        for name in &touched {
            if let Some(series) = self.series.get_mut(name) {
                series.judge();
            }
        }
        self.end_series(now_ms);
        self.forget_sources();
        look.is_news || !self.over.is_empty()
    }

    fn place_of(&mut self, source: Source) -> usize {
        self.sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        })
    }

    fn end_series(&mut self, now_ms: i64) {
        let is_over =
            |series: &Series| series.points.back().is_none_or(|newest| now_ms - newest.0 > OVER_MS);
        let over = self.series.iter().filter(|(_, series)| is_over(series));
        self.over = over.map(|(name, _)| name.clone()).collect();
        self.series.retain(|_, series| !is_over(series));
    }

    /// Drops what no point and no regression names any more.
    fn forget_sources(&mut self) {
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        let named = self.series.values().flat_map(|series| {
            let points = series.points.iter().map(|point| point.2);
            points.chain(
                series.slower.iter().flat_map(|slower| slower.good.into_iter().chain([slower.bad])),
            )
        });
        places.extend(named.map(|place| (place, 0)));
        let kept: Vec<Source> =
            places.keys().filter_map(|place| self.sources.get(*place).cloned()).collect();
        for (new, place) in places.values_mut().enumerate() {
            *place = new;
        }
        for series in self.series.values_mut() {
            series.points.iter_mut().for_each(|point| point.2 = places[&point.2]);
            for slower in &mut series.slower {
                slower.bad = places[&slower.bad];
                slower.good = slower.good.map(|place| places[&place]);
            }
        }
        self.sources = kept;
    }

    /// Series with a regression that stands, and these, the largest first.
    pub fn slower(&self) -> Vec<(&str, &Slower)> {
        let mut found: Vec<(&str, &Slower)> = self
            .series
            .iter()
            .flat_map(|(name, series)| series.slower.iter().map(move |one| (name.as_str(), one)))
            .collect();
        found.sort_by(|a, b| b.1.size.total_cmp(&a.1.size).then_with(|| a.0.cmp(b.0)));
        found
    }
}

impl Commits<'_> {
    fn source(&self, told: Option<(String, bool)>, at_ms: i64) -> Source {
        if let Some((commit, is_dirty)) = told {
            return Source { commit, known: Known::Told, is_dirty };
        }
        // A log that does not end in what is checked out now is not kept any more.
        let is_kept = self.checkouts.at(i64::MAX) == Some(self.head);
        let (commit, known) = match self.checkouts.at(at_ms).filter(|_| is_kept) {
            Some(commit) => (commit.to_owned(), Known::Logged),
            None => (self.head.to_owned(), Known::WhenRead),
        };
        Source { commit, known, is_dirty: false }
    }
}
