//! What is worth saying about the stages: one became slower, one holds slow branches up, what is
//! merged waits for a release.

use onboard_analysis::rank_test::{MannWhitney, mann_whitney};
use onboard_analysis::statistics::{median, quantile};
use onboard_text::counted;

use super::stages::{RECENT_DAYS, SLOW, Stage, Times, apart, halves, share};
use super::{LEAST_BRANCHES, Seen, span};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `workflow/slower`
pub const SLOWER: Rule = Rule {
    id: "workflow/slower",
    says: "which stage of the way to the main line takes longer than it did: writing, waiting or releasing.",
    why: "Nobody notices what becomes slower by a day in a quarter, and everybody pays for it.",
    when: &[
        Bound::at(
            "the median of 13 weeks is {} times that of the 39 before",
            LEAST_RATIO,
            "judgement: less is felt by nobody",
        ),
        Bound::at("and {} days more", LEAST_DAYS, "as above"),
        Bound::at(
            "each half of the 13 weeks is slower by {} times",
            HALF_RATIO,
            "judgement: one bad week is no habit",
        ),
        Bound::at(
            "a rank test calls it chance once in a hundred times: p ≤ {}",
            CHANCE,
            "Mann and Whitney's",
        ),
        Bound::at("{} branches since", LEAST_RECENT as f64, "judgement"),
        Bound::at("and {} before", LEAST_BEFORE as f64, "judgement"),
    ],
    silence: "it ends when the stage takes as long as before, or when that is how it always was.",
};

/// `workflow/bottleneck`
pub const BOTTLENECK: Rule = Rule {
    id: "workflow/bottleneck",
    says: "where slow branches spend their time.",
    why: "Only what is done about the stage that takes the time makes the whole faster.",
    when: &[
        Bound::at(
            "of the slowest 15 % of branches {} % of the time is waiting for the merge, or writing",
            LARGE_SHARE * 100.0,
            "judgement: the larger half",
        ),
        Bound::at(
            "and 15 % of all wait {} days or more",
            LEAST_WAIT_DAYS,
            "judgement: shorter holds nobody up",
        ),
        Bound::at(
            "or are written for {}",
            LEAST_WRITE_DAYS,
            "judgement: two weeks are no small piece",
        ),
        Bound::at(
            "or merged work waits {} days for a release, and releases have no rhythm",
            LEAST_RELEASE_DAYS,
            "judgement; a rhythm is what people chose",
        ),
    ],
    silence: "it ends when slow branches take their time elsewhere; a stage that has to take long is \
              dismissed once.",
};

/// Fewer branches say nothing about a quarter, and about the three before it.
const LEAST_RECENT: usize = 12;
const LEAST_BEFORE: usize = 30;
/// Slower by less is nothing that anybody feels.
const LEAST_RATIO: f64 = 1.5;
const LEAST_DAYS: f64 = 1.0;
/// Slower by this is worth more than a remark.
const GRAVE_RATIO: f64 = 3.0;
/// Each half of the quarter has to be slower by this, or it was one bad week; and of each so many
/// branches have to be known.
const HALF_RATIO: f64 = 1.25;
const LEAST_OF_HALF: usize = 4;
/// How often chance may look like a change.
const CHANCE: f64 = 0.01;
/// A stage holds slow branches up when it is half of their time,
const LARGE_SHARE: f64 = 0.5;
/// and shorter than this it holds nobody up.
const LEAST_WAIT_DAYS: f64 = 3.0;
const LEAST_WRITE_DAYS: f64 = 14.0;
const LEAST_RELEASE_DAYS: f64 = 60.0;
/// Releases are irregular when one in twenty gaps is so many times the usual one.
const IRREGULAR: f64 = 2.0;
/// Branches named.
const MOST_NAMED: usize = 4;

/// How a stage was, and how it is.
struct Change {
    was: f64,
    is: f64,
    before: usize,
    recent: usize,
    test: MannWhitney,
}

/// Whether a stage takes longer than it used to: by much, for long, and not by chance.
fn change(times: &[Times<'_>], stage: Stage) -> Option<Change> {
    let (before, recent) = apart(times, stage);
    if before.len() < LEAST_BEFORE || recent.len() < LEAST_RECENT {
        return None;
    }
    let (was, is) = (median(&before)?, median(&recent)?);
    let test = mann_whitney(&before, &recent)?;
    // Each half of the last quarter: what passed is no news.
    let is_slow = |half: &Vec<f64>| {
        half.len() >= LEAST_OF_HALF && median(half).is_some_and(|half| half >= HALF_RATIO * was)
    };
    let lasts = halves(times, stage).iter().all(is_slow);
    let is_much = is >= LEAST_RATIO * was && is - was >= LEAST_DAYS;
    let is_chance = test.p > CHANCE || test.superiority < 0.5;
    (is_much && lasts && !is_chance).then_some(Change {
        was,
        is,
        before: before.len(),
        recent: recent.len(),
        test,
    })
}

/// A stage that takes longer than it used to.
pub fn slower(seen: &Seen<'_>, times: &[Times<'_>], stage: Stage) -> Option<Finding> {
    let change = change(times, stage)?;
    let (is, was) = (span(change.is), span(change.was));
    let (target, title, action) = match stage {
        Stage::Waiting => (
            "waiting",
            format!("Branches wait {is} for their merge; it was {was}"),
            "Look at the merges named here for what they waited for, and agree how soon a finished \
             branch gets an answer.",
        ),
        Stage::Writing | Stage::Releasing => (
            "writing",
            format!("Branches take {is} from first to last commit; it was {was}"),
            "Look at the branches named here: were they larger, or sent back more often? Merge the \
             next ones in parts.",
        ),
    };
    let is_grave = change.is >= GRAVE_RATIO * change.was && change.is >= LEAST_WAIT_DAYS;
    let recent: Vec<&Times<'_>> =
        times.iter().filter(|times| times.merged_ago <= RECENT_DAYS).collect();
    let mut evidence = vec![
        Evidence::number(
            tenths(change.is),
            format!("median days in the last quarter, of {} branches", change.recent),
        ),
        Evidence::number(
            tenths(change.was),
            format!("median days in the three quarters before, of {} branches", change.before),
        ),
        Evidence::number(
            (change.test.superiority * 100.0).round(),
            "of 100 pairs of a branch now and one before, the one now takes longer",
        ),
    ];
    evidence.extend(longest(&recent, stage));
    Some(Finding::new(
        SLOWER.id,
        if is_grave { Severity::Medium } else { Severity::Low },
        target,
        title,
        format!(
            "Half of the branches merged into {} in the 13 weeks to {} took {is} or longer; in the 39 \
             weeks before it was {was}. The earlier and the later half of these weeks are both slower, \
             and chance alone makes such a difference less than once in a hundred times.",
            seen.flow.mainline,
            seen.as_of(),
        ),
        action,
        evidence,
    ))
}

/// The branches that a stage took longest.
fn longest(times: &[&Times<'_>], stage: Stage) -> Vec<Evidence> {
    let mut known: Vec<(f64, &Times<'_>)> =
        times.iter().filter_map(|times| Some((times.of(stage)?, *times))).collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0));
    let named = known.iter().take(MOST_NAMED);
    named
        .map(|(days, times)| {
            Evidence::commit(&times.merged.id, format!("{}: {}", span(*days), times.merged.subject))
        })
        .collect()
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// What holds slow branches up before their merge.
pub fn hold_up(seen: &Seen<'_>, level: &[&Times<'_>], slow: &[&Times<'_>]) -> Option<Finding> {
    if level.len() < LEAST_BRANCHES {
        return None;
    }
    let of = |stage: Stage| -> Option<(f64, f64)> {
        let values: Vec<f64> = level.iter().filter_map(|times| times.of(stage)).collect();
        Some((share(stage, slow, false), quantile(&values, SLOW)?))
    };
    let (waiting_share, waiting) = of(Stage::Waiting)?;
    let (writing_share, writing) = of(Stage::Writing)?;
    let waits = waiting_share >= LARGE_SHARE && waiting >= LEAST_WAIT_DAYS;
    let is_written_long = writing_share >= LARGE_SHARE && writing >= LEAST_WRITE_DAYS;
    if !waits && !is_written_long {
        return None;
    }
    let (stage, part, p85) = match waits {
        true => (Stage::Waiting, waiting_share, waiting),
        false => (Stage::Writing, writing_share, writing),
    };
    let mut evidence = vec![
        Evidence::number(
            (part * 100.0).round(),
            format!(
                "percent of the time of the {} slowest of {} branches",
                slow.len(),
                level.len()
            ),
        ),
        Evidence::number(tenths(p85), "days that 85 of 100 branches stay below in this stage"),
    ];
    evidence.extend(longest(slow, stage));
    let percent = part * 100.0;
    let (target, title, action) = match stage {
        Stage::Waiting => (
            "waiting",
            format!("Slow branches are finished for {percent:.0} % of their time and wait for their merge"),
            format!(
                "Go through the open branches once a week, oldest first, and answer, merge or close \
                 what has been finished for more than {}.",
                span(p85)
            ),
        ),
        Stage::Writing | Stage::Releasing => (
            "writing",
            format!("Slow branches are slow in the making: {percent:.0} % of their time, before their last commit"),
            "Look at the branches named here for what could have been merged on its own, and merge \
             the next such ones in parts."
                .to_owned(),
        ),
    };
    let what = match stage {
        Stage::Waiting => {
            "Waiting is the time from a branch's last commit to its merge; what is reworked after a \
             review does not count as waiting. For whom they waited, an author, a reviewer or a \
             machine, git does not say."
        }
        Stage::Writing | Stage::Releasing => {
            "The time from a branch's first commit to its last, rework after a review included: git \
             can't tell them apart."
        }
    };
    let detail = format!(
        "Of {} merged into {} in the half-year to {}, the {} slowest. {what}",
        counted(level.len(), "branch", "branches"),
        seen.flow.mainline,
        seen.as_of(),
        slow.len(),
    );
    Some(Finding::new(BOTTLENECK.id, Severity::Low, target, title, detail, action, evidence))
}

/// What is merged waits long for a release, and not by a rhythm.
pub fn releases(seen: &Seen<'_>, released: &[&Times<'_>], largest: Stage) -> Option<Finding> {
    let rhythm = seen.flow.releases.rhythm()?;
    let waits: Vec<f64> = released.iter().filter_map(|times| times.releasing).collect();
    let p85 = quantile(&waits, SLOW)?;
    let is_irregular = rhythm.longest_usual_days >= IRREGULAR * rhythm.median_days;
    if largest != Stage::Releasing
        || waits.len() < LEAST_BRANCHES
        || p85 < LEAST_RELEASE_DAYS
        || !is_irregular
    {
        return None;
    }
    let mut evidence = vec![
        Evidence::number(
            tenths(p85),
            format!("days that 85 % of {} branches stay below", waits.len()),
        ),
        Evidence::number(tenths(rhythm.median_days), "median days between releases"),
        Evidence::number(
            tenths(rhythm.longest_usual_days),
            "days between releases at the longest, nineteen times of twenty",
        ),
    ];
    evidence.extend(longest(released, Stage::Releasing));
    Some(Finding::new(
        BOTTLENECK.id,
        Severity::Low,
        "releasing",
        format!("Merged work waits {} for a release", span(median(&waits)?)),
        format!(
            "Half of what was released in the half-year to {} waited longer, one branch in seven more \
             than {}: longer than writing and merging took. The gaps between releases have no rhythm.",
            seen.as_of(),
            span(p85)
        ),
        "Release on a day of the month instead of when it is worth it, or automate what makes a \
         release costly.",
        evidence,
    ))
}
