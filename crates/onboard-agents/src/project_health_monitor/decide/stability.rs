//! How much is taken back, and how many releases need mending at once?

use onboard_analysis::calendar::{DAY_MS, date_text, day_of};
use onboard_analysis::ledger::RecentCommit;
use onboard_analysis::release::releases;
use onboard_analysis::score::graded;
use onboard_analysis::statistics::quantile;

use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/release-mended`
pub const RELEASE_MENDED: Rule = Rule {
    id: "health/release-mended",
    says: "that every other minor release needs a patch at once.",
    why: "What users run into first is then not what is tested before: a release candidate would have \
          shown it.",
    when: &[
        Bound::at(
            "half of the last {} minor releases were patched within a week, or half the usual gap \
             between releases where that is shorter",
            MINORS as f64,
            "over 539 minor releases of 13 public projects 28 % were, from 11 % to 75 % by project",
        ),
        Bound::at(
            "{} of them at least are known",
            LEAST_MINORS as f64,
            "judgement: fewer are no habit",
        ),
    ],
    silence: "releases that need no patch end it.",
};

/// `health/revert-burst`
pub const REVERT_BURST: Rule = Rule {
    id: "health/revert-burst",
    says: "that more commits were taken back within a week than the project is used to.",
    why: "Changes reach the main line before they are ready: something that used to stop them does not.",
    when: &[
        Bound::at(
            "{} reverts or more within a week",
            BURST as f64,
            "judgement: one is an accident",
        ),
        Bound::that(
            "and more than in 97 of 100 weeks of the last two years",
            "over 15 public projects reverts are well under one in a hundred commits",
        ),
        Bound::at(
            "the last of them within {} days",
            (BURST_NEWS_MS / DAY_MS) as f64,
            "judgement: an older burst is over",
        ),
    ],
    silence: "it is no longer said a fortnight after the last revert.",
};

/// Commits that make a share of reverts mean something.
const LEAST_COMMITS: usize = 30;
/// A burst is this many reverts within a week.
const BURST: usize = 2;
/// A burst older than this is over.
const BURST_NEWS_MS: i64 = 14 * DAY_MS;
/// Minor releases looked at, and the least that show a habit.
const MINORS: usize = 8;
const LEAST_MINORS: usize = 4;

pub fn judge(open: &OpenFacts) -> Verdict {
    let recent: Vec<&RecentCommit> = open.ledger.recent.iter().collect();
    let reverts: Vec<&RecentCommit> =
        recent.iter().copied().filter(|commit| commit.revert.is_some()).collect();
    let releases = releases(&open.tags);
    let mended = releases.mended_at_once(MINORS);
    let (count, minors, days) = (mended.releases.len(), mended.looked_at, mended.within_days);
    let mended_share = (minors >= LEAST_MINORS).then(|| count as f64 / minors as f64);
    if recent.len() < LEAST_COMMITS {
        let why = format!("{} commits in the last half-year are too few", recent.len());
        return Verdict::new("stability", 15, None, why);
    }
    let share = reverts.len() as f64 / recent.len() as f64;
    let of_reverts = graded(share, 0.01, 0.08);
    let value =
        mended_share.map_or(of_reverts, |mended| (of_reverts + graded(mended, 0.2, 0.9)) / 2.0);
    let mut why =
        format!("{} of the last {} commits take another one back", reverts.len(), recent.len());
    if minors >= LEAST_MINORS {
        why += &format!(
            "; {count} of the last {minors} minor releases were patched within {days:.1} days"
        );
    }
    let habit = mended_share.filter(|share| *share >= 0.5).map(|_| {
        let evidence = mended.releases.iter().map(|(tag, _)| {
            let day = date_text(day_of(tag.at_ms));
            Evidence::tag(&tag.commit, format!("{} of {day}", tag.name))
        });
        Finding::new(
            RELEASE_MENDED.id,
            Severity::Low,
            "releases",
            format!("{count} of the last {minors} minor releases needed a patch within {days:.0} days"),
            "A patch that soon mends the release itself. Where it happens every other time, what \
             users run into first is not what is tested before."
                .to_owned(),
            "Publish a release candidate a week before the next minor release, and add a test for what the last patches fixed.",
            evidence.collect(),
        )
    });
    Verdict::new("stability", 15, Some(value), why).with(burst(open, &reverts)).with(habit)
}

/// More commits taken back in a week than the project is used to.
fn burst(open: &OpenFacts, reverts: &[&RecentCommit]) -> Option<Finding> {
    let last = reverts.last()?.at_ms;
    if open.ledger.last_ms - last > BURST_NEWS_MS {
        return None;
    }
    let week: Vec<&&RecentCommit> =
        reverts.iter().filter(|commit| last - commit.at_ms <= 7 * DAY_MS).collect();
    let weekly: Vec<f64> = open
        .ledger
        .weeks
        .values()
        .rev()
        .skip(2)
        .take(104)
        .map(|week| f64::from(week.reverts))
        .collect();
    let usual = quantile(&weekly, 0.97).unwrap_or(0.0);
    if week.len() < BURST || week.len() as f64 <= usual {
        return None;
    }
    let evidence = week
        .iter()
        .rev()
        .map(|commit| Evidence::commit(&commit.id, commit.revert.clone().unwrap_or_default()));
    Some(Finding::new(
        REVERT_BURST.id,
        if week.len() >= 4 { Severity::High } else { Severity::Medium },
        "reverts",
        format!("{} commits were taken back within a week", week.len()),
        format!(
            "Until {}; in all but three of a hundred weeks it was at most {usual:.0}. Changes reach \
             the main line before they are ready.",
            date_text(day_of(last))
        ),
        "Find out what let these through, and hold the next release until it is closed.",
        evidence.collect(),
    ))
}
