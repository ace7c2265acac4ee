//! Is the next release due by the project's own rhythm?

use onboard_analysis::calendar::{DAY_MS, date_text, day_of};
use onboard_analysis::release::{Rhythm, Tag, releases};
use onboard_analysis::score::graded;

use super::activity::Pulse;
use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/release-overdue`
pub const RELEASE_OVERDUE: Rule = Rule {
    id: "health/release-overdue",
    says: "how many commits wait for a release that the project's rhythm would have brought.",
    why: "What is finished and not released helps nobody, and a large release is harder to mend.",
    when: &[
        Bound::at(
            "the last release is {} times as long ago as nineteen of twenty of the project's gaps, and \
             a fortnight",
            OVERDUE,
            "judgement: well beyond the project's own habit",
        ),
        Bound::at(
            "{} commits or more wait",
            LEAST_WAITING as f64,
            "judgement: fewer are not worth a release",
        ),
    ],
    silence: "a version tag ends it.",
};

/// Commits waiting for a release before waiting matters.
const LEAST_WAITING: usize = 20;
/// Overdue is this much longer than nineteen of twenty gaps.
const OVERDUE: f64 = 1.5;

/// The part is left out where a plan's milestones already fill it.
pub fn judge(open: &OpenFacts, pulse: &Pulse, now_ms: i64, with_part: bool) -> Verdict {
    let releases = releases(&open.tags);
    let (Some(last), Some(rhythm)) = (releases.last(), releases.rhythm()) else {
        let why = format!("{} version tags show no rhythm", releases.tags.len());
        return unscored(Verdict::new("milestones", 10, None, why), with_part);
    };
    let as_of = if pulse.asleep_days.is_some() { open.ledger.last_ms } else { now_ms };
    let days = (as_of - last.at_ms) as f64 / DAY_MS as f64;
    let (waiting, exact) = open.since_release.unwrap_or((0, false));
    let why = format!(
        "{} was {days:.0} days ago; releases come every {:.0} days, nearly always within {:.0}",
        last.name, rhythm.median_days, rhythm.longest_usual_days
    );
    let value = graded(days / rhythm.longest_usual_days.max(1.0), 1.0, 4.0);
    let overdue = days > OVERDUE * rhythm.longest_usual_days
        && days > 14.0
        && waiting >= LEAST_WAITING
        && pulse.asleep_days.is_none();
    let finding = overdue.then(|| overdue_release(last, &rhythm, days, waiting, exact));
    unscored(Verdict::new("milestones", 10, Some(value), why).with(finding), with_part)
}

fn unscored(mut verdict: Verdict, with_part: bool) -> Verdict {
    verdict.part = verdict.part.filter(|_| with_part);
    verdict
}

fn overdue_release(last: &Tag, rhythm: &Rhythm, days: f64, waiting: usize, exact: bool) -> Finding {
    let count = if exact { waiting.to_string() } else { format!("at least {waiting}") };
    Finding::new(
        RELEASE_OVERDUE.id,
        Severity::Low,
        "release",
        format!("{count} commits have waited for a release since {}", last.name),
        format!(
            "{} was tagged on {}, {days:.0} days ago. Releases used to come every {:.0} days, \
             nineteen of twenty within {:.0}.",
            last.name,
            date_text(day_of(last.at_ms)),
            rhythm.median_days,
            rhythm.longest_usual_days
        ),
        "Release what is ready, or say in the plan what it waits for.",
        vec![
            Evidence::tag(&last.commit, last.name.clone()),
            Evidence::number(days.round(), "days since"),
            Evidence::number(waiting as f64, "commits since"),
        ],
    )
}
