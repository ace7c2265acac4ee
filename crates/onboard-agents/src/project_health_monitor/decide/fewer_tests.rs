//! Does code come with tests as often as it used to?

use onboard_analysis::calendar::{date_text, monday_of, start_of};
use onboard_analysis::ledger::RecentCommit;
use onboard_analysis::trend::{SHORTEST_SEGMENT, last_shift};
use onboard_text::counted;

use super::OpenFacts;
use super::activity::{NEWS_WEEKS, Pulse};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/fewer-tests`
pub const FEWER_TESTS: Rule = Rule {
    id: "health/fewer-tests",
    says: "that changes of code come with tests less often than they used to, and since when.",
    why: "A habit that goes is not noticed in any single change. What is written without tests now is \
          written with them later at a multiple of the time.",
    when: &[
        Bound::at(
            "the weekly share of commits to code that change tests, too, changed its level, and stayed so \
             for {} weeks",
            SHORTEST_SEGMENT as f64,
            "binary segmentation on ranks, its threshold raised with autocorrelation: about one false \
             alarm in a hundred series",
        ),
        Bound::at("it fell by {} points or more", LEAST_FALL, "judgement: a fifth of all commits"),
        Bound::at("from {} % or more", LEAST_BEFORE, "judgement: less was no habit"),
        Bound::at(
            "{} weeks with three such commits or more are known",
            LEAST_WEEKS as f64,
            "judgement: half a year shows what is usual",
        ),
        Bound::at(
            "it is no longer ago than {} weeks",
            NEWS_WEEKS as f64,
            "judgement: what is older is how the project is now",
        ),
    ],
    silence: "it is no longer said half a year after the change, or when tests come back. Files that hold \
              their own tests are code here: dismiss it where tests moved into them.",
};

/// Points of a hundred.
const LEAST_FALL: f64 = 20.0;
const LEAST_BEFORE: f64 = 30.0;
/// Weeks, and commits of each, that make a share mean something.
const LEAST_WEEKS: usize = 26;
const LEAST_COMMITS: u32 = 3;
/// Commits named.
const MOST_NAMED: usize = 4;

pub fn judge(open: &OpenFacts, pulse: &Pulse) -> Option<Finding> {
    let last = pulse.from + u16::try_from(pulse.commits.len()).unwrap_or(u16::MAX);
    let weeks = open.ledger.weeks.range(pulse.from..last);
    let (weeks, shares): (Vec<u16>, Vec<f64>) = weeks
        .filter(|(_, week)| week.code >= LEAST_COMMITS)
        .map(|(at, week)| (*at, 100.0 * f64::from(week.tested) / f64::from(week.code)))
        .unzip();
    let shift = last_shift(&shares).filter(|_| shares.len() >= LEAST_WEEKS)?;
    let since = weeks[shift.at];
    let has_fallen = shift.before - shift.after >= LEAST_FALL && shift.before >= LEAST_BEFORE;
    if !has_fallen || last - since > NEWS_WEEKS {
        return None;
    }
    let day = date_text(monday_of(since));
    let begun_ms = start_of(monday_of(since));
    let mut without: Vec<&RecentCommit> = open
        .ledger
        .recent
        .iter()
        .filter(|commit| commit.at_ms >= begun_ms && !commit.tests && commit.revert.is_none())
        .filter(|commit| !commit.files.is_empty())
        .collect();
    without.sort_by_key(|commit| std::cmp::Reverse((commit.files.len(), commit.at_ms)));
    let mut evidence = vec![
        Evidence::number(
            shift.before.round(),
            "% of a week's commits to code had tests, half of the weeks before",
        ),
        Evidence::number(shift.after.round(), "% since, half of the weeks"),
        Evidence::number(f64::from(last - since), "weeks it has lasted"),
    ];
    evidence.extend(without.iter().take(MOST_NAMED).map(|commit| {
        let files = counted(commit.files.len(), "code file", "code files");
        Evidence::commit(&commit.id, format!("{files} changed, and no test"))
    }));
    Some(Finding::new(
        FEWER_TESTS.id,
        if shift.after * 2.0 <= shift.before { Severity::Medium } else { Severity::Low },
        "tests",
        format!(
            "Since {day} {:.0} % of the commits to code come with tests; it was {:.0} %",
            shift.after, shift.before
        ),
        format!(
            "Half of the weeks until then had more, half of those since have less; it has lasted {}, so \
             it is no hasty week. The commits named here changed the most code without a test.",
            counted(usize::from(last - since), "week", "weeks")
        ),
        "Add tests to what the commits named here changed, and ask for them in reviews again.",
        evidence,
    ))
}
