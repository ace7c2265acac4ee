//! Coverage that fell and stays so.

use std::collections::BTreeSet;

use super::date;
use crate::external_tool_integration::results::{Coverage, FALL, Point, Results, level};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `tools/coverage-fallen`
pub const COVERAGE_FALLEN: Rule = Rule {
    id: "tools/coverage-fallen",
    says: "that tests cover less than they did, from what to what, and in which files.",
    why: "What was added without tests is named while it is new.",
    when: &[
        Bound::at(
            "{} % less of the lines",
            crate::external_tool_integration::results::FALL,
            "judgement: less is the noise of moved code",
        ),
        Bound::at(
            "in the newest {} results, of two commits at least",
            STAYS as f64,
            "judgement: one may be a part of the tests",
        ),
        Bound::that(
            "than the results before at the median; half or twice the lines are of something else",
            "judgement",
        ),
    ],
    silence: "test what is new, or delete what nothing needs.",
};

/// Results for which it has to stay.
const STAYS: usize = 3;
/// Files named.
const MOST_FILES: usize = 4;

pub fn fallen(results: &Results) -> Vec<Finding> {
    results.coverage.values().filter_map(fall).collect()
}

fn fall(series: &Coverage) -> Option<Finding> {
    let path = &series.artefact;
    let points: Vec<Point> = series.points.iter().cloned().collect();
    let (before, newest) = points.split_at(points.len().checked_sub(STAYS)?);
    let level = level(before)?;
    let highest = newest.iter().map(Point::percent).fold(0.0, f64::max);
    let commits: BTreeSet<&str> = newest.iter().map(|point| point.commit.as_str()).collect();
    let (first, last) = (newest.first()?, newest.last()?);
    let usual = before.last()?.all;
    // Half or twice the lines are another selection of tests or files.
    let is_same = newest.iter().all(|point| point.all / 2 < usual && usual / 2 < point.all);
    if highest > level - FALL || commits.len() < 2 || !is_same {
        return None;
    }
    let mut evidence = vec![
        Evidence::number(tenth(level), "percent of the lines before, at the median"),
        Evidence::number(tenth(last.percent()), "percent of the lines now"),
    ];
    if !first.commit.is_empty() {
        evidence
            .push(Evidence::commit(&first.commit, "checked out at the first result that is lower"));
    }
    let mut worse = worse(series);
    worse.truncate(MOST_FILES);
    let files: Vec<&str> = worse.iter().map(|(_, file, _)| file.as_str()).collect();
    let action = match files.first() {
        Some(file) => format!("Test what is new in {file} first, or delete what nothing needs."),
        None => "See which files' lines are not reached any more, and test them.".to_owned(),
    };
    evidence.extend(worse.iter().map(|(_, file, words)| Evidence::file(file, None, words.clone())));
    Some(Finding::new(
        COVERAGE_FALLEN.id,
        Severity::Low,
        path,
        format!("Tests cover {:.1} % of the lines, {:.1} % before", last.percent(), level),
        format!(
            "Since {}, in the newest {STAYS} results in `{path}`, at {} commits.",
            date(first.at_ms),
            commits.len()
        ),
        action,
        evidence,
    ))
}

/// Files with more lines that are not reached than before, the worst first.
fn worse(series: &Coverage) -> Vec<(u32, String, String)> {
    let mut worse: Vec<(u32, String, String)> = series
        .newest
        .iter()
        .filter_map(|(file, (reached, all))| {
            let (old_reached, old_all) = series.before.get(file).copied().unwrap_or_default();
            let more =
                (all - reached).checked_sub(old_all - old_reached).filter(|more| *more > 0)?;
            let now = format!("{more} more lines are not reached: {reached} of {all} are");
            Some((more, file.clone(), format!("{now}, {old_reached} of {old_all} before")))
        })
        .collect();
    worse.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    worse
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
