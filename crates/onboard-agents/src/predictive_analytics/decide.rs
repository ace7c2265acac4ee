//! What is to be expected, and what of it is worth a word: functions of what the index shows.

pub mod landing;
pub mod milestones;
pub mod release;
pub mod risk;

use std::collections::BTreeSet;

use onboard_analysis::calendar::{DAY_MS, Day, date_text, day_of, start_of};
use onboard_analysis::facts::History;
use onboard_analysis::follow_up::WITHIN_MS;
use onboard_analysis::milestone::{Milestone, Plan, Standing, progress};
use onboard_analysis::release::Tag;

use onboard_domain::Time;

use self::landing::Weeks;
use self::milestones::{Judged, Watched};
use self::release::Rhythm;
use self::risk::{Risks, Row};
use super::forecasts::{self, Estimate, Forecast, Forecasts, Known, Subject};
use crate::host::forecast::{self as expected, Decider};
use crate::host::{Evidence, Finding, Fingerprint, Severity};
use crate::manual::{Bound, Rule};

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] = &[&MILESTONE_LATE, &RISKY_COMMIT, &RELEASE_RISK];

/// `forecast/milestone-late`
pub const MILESTONE_LATE: Rule = Rule {
    id: "forecast/milestone-late",
    says: "that a milestone will miss its date, when it will end instead, and how many tasks fit.",
    why: "A date is moved more cheaply in time, and scope more cheaply still.",
    when: &[
        Bound::at(
            "it ends by its date in {} % of a thousand simulations or fewer",
            LATE * 100.0,
            "then the interval of four fifths excludes the date",
        ),
        Bound::that(
            "the milestone has a date, a `start` and three tasks done",
            "judgement: fewer say nothing about the next ones",
        ),
        Bound::at(
            "it is urgent {} days before the date",
            CLOSE_DAYS as f64,
            "judgement: a month is the last in which scope is moved",
        ),
    ],
    silence: "move tasks or the date in the plan; the forecast is checked on the date.",
};

/// `forecast/risky-commit`
pub const RISKY_COMMIT: Rule = Rule {
    id: "forecast/risky-commit",
    says: "which commit of the last week to read again, and why.",
    why: "A second look costs minutes on the day of the commit, and a fix days afterwards.",
    when: &[
        Bound::at(
            "the commit is at most {} days old",
            (NEWS_MS / DAY_MS) as f64,
            "judgement: then its author remembers it",
        ),
        Bound::that(
            "a fix is more likely than not, or it is among the riskiest tenth or twentieth",
            "the widest of the three that paid on commits before those that the model is tried on; days without \
             a fix lower the chance",
        ),
        Bound::that(
            "the model, tried on the latest 30 % of commits, which it had not seen, orders them with an AUC \
             of .65, beats the base rate, and those it rated as high were fixed twice as often as all",
            "tried anew at each run; what it gives on public repositories is in docs/evaluation.md",
        ),
        Bound::that(
            "or fewer than 40 commits of three years were followed by a fix, or were not, and it is rated as \
             high as the riskiest tenth of other projects, of which twice as many were fixed as of all",
            "judgement: with fewer there is nothing to try it on. The weights begin as those of ten \
             repositories and become the project's own as its past grows",
        ),
    ],
    silence: "it stands until a fix follows, which proves it right, or for 30 days, which prove it wrong.",
};

/// `forecast/release-risk`
pub const RELEASE_RISK: Rule = Rule {
    id: "forecast/release-risk",
    says: "to publish a release candidate first.",
    why: "What is not released yet needs more fixes than any release of late did when it came.",
    when: &[
        Bound::at(
            "a release is likely within {} days",
            SOON_DAYS,
            "judgement: a later one leaves time for the fixes",
        ),
        Bound::at(
            "the fixes still to be expected, at the lower end of their interval, exceed those of each of \
             the last {} releases",
            PAST_RANGES as f64,
            "judgement: not the mean alone, what is likely at least",
        ),
        Bound::at("{} of those are known", LEAST_RANGES as f64, "judgement: fewer are no habit"),
    ],
    silence: "it ends with the release, or when fixes land.",
};

const WEEK_MS: i64 = 7 * DAY_MS;
/// A release is forecast anew every so often.
const RELEASE_EVERY_MS: i64 = 14 * DAY_MS;
/// A milestone that ends by its date in no more simulations than this is late: its interval of four
/// fifths excludes the date.
const LATE: f64 = 0.1;
/// A milestone this close needs a decision now.
const CLOSE_DAYS: Day = 30;
/// Commits of the last days are news.
const NEWS_MS: i64 = 7 * DAY_MS;
/// Releases whose expected fixes a range is compared with, and the least that are a habit.
const PAST_RANGES: usize = 8;
const LEAST_RANGES: usize = 5;
/// An interval wider than a year and a half tells nobody anything.
const NO_RHYTHM_DAYS: f64 = 548.0;
/// Standard deviations from the middle of a normal distribution to its 90 % quantile.
const NORMAL_90: f64 = 1.2816;
/// A release that comes later leaves time for the fixes.
const SOON_DAYS: f64 = 14.0;

/// What a run has to go by.
pub struct Seen<'a> {
    pub now_ms: i64,
    pub history: &'a History,
    pub tags: &'a [Tag],
    pub plan: Option<&'a Plan>,
    /// Where a milestone is planned, with words on it.
    pub planned: &'a dyn Fn(&str, String) -> Evidence,
}

/// What is to be expected of a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub subject: Subject,
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// When the next release is to be expected.
#[derive(Clone, Debug, PartialEq)]
pub struct NextRelease {
    pub last: Tag,
    pub low: Day,
    pub middle: Day,
    /// 85 of a hundred come no later.
    pub sure: Day,
    pub high: Day,
    /// The chance that it comes within [`SOON_DAYS`].
    pub soon: f64,
}

/// Fixes that the unreleased commits will still need.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreleased {
    pub commits: usize,
    /// Mean, and the middle four fifths.
    pub fixes: (f64, f64, f64),
    /// The last release, and until when the last of these fixes may come.
    since_ms: i64,
    until_ms: i64,
    /// The same mean at the time of earlier releases, oldest first.
    pub before: Vec<f64>,
    riskiest: Option<usize>,
}

/// What came so far, in the form that is looked ahead from.
pub struct Past {
    pub weeks: Weeks,
    pub silent_days: Option<i64>,
    pub rhythm: Rhythm,
    pub risks: Risks,
    /// Milestones.
    reached: BTreeSet<String>,
}

/// Looks back.
pub fn look_back(seen: &Seen<'_>) -> Past {
    Past {
        weeks: landing::weeks(seen.history, seen.now_ms),
        silent_days: landing::silent_days(seen.history, seen.now_ms),
        rhythm: Rhythm::of(seen.tags),
        risks: risk::risks(seen.history, seen.now_ms),
        reached: reached(seen),
    }
}

/// Everything that a run expects.
pub struct Prospects<'a> {
    pub expected: Vec<Expected>,
    pub release: Option<NextRelease>,
    pub milestones: Vec<Judged<'a>>,
    /// Open milestones with a date that are not among them: they come later than many others.
    pub milestones_left_out: usize,
    /// The newest commits, in [`Risks::rows`], the riskiest first.
    pub newest: Vec<usize>,
    pub unreleased: Option<Unreleased>,
}

/// Looks ahead; what came of `forecasts` corrects what is said.
pub fn look_ahead<'a>(
    seen: &Seen<'a>,
    past: &Past,
    forecasts: &Forecasts,
    watched: &Watched,
) -> Prospects<'a> {
    let (newest, unreleased) =
        (newest(&past.risks, seen.now_ms), unreleased(&past.risks, &past.rhythm, seen.now_ms));
    let mut prospects = Prospects {
        expected: Vec::new(),
        release: None,
        milestones: Vec::new(),
        milestones_left_out: 0,
        newest,
        unreleased,
    };
    if past.silent_days.is_some() {
        return prospects;
    }
    prospects.expected = expected(&past.weeks, forecasts);
    prospects.release = next_release(&past.rhythm, forecasts, seen.now_ms);
    if let Some(plan) = seen.plan {
        let reached = |id: &str| past.reached.contains(id);
        (prospects.milestones, prospects.milestones_left_out) =
            milestones::judge(plan, &reached, watched, seen.history, &past.weeks, seen.now_ms);
    }
    prospects
}

fn reached(seen: &Seen<'_>) -> BTreeSet<String> {
    let Some(plan) = seen.plan else { return BTreeSet::new() };
    let tags: BTreeSet<&str> = seen.tags.iter().map(|tag| tag.name.as_str()).collect();
    let all = progress(plan, &tags, day_of(seen.now_ms));
    let reached = all.into_iter().filter(|milestone| milestone.standing == Standing::Reached);
    reached.map(|milestone| milestone.id).collect()
}

fn expected(weeks: &Weeks, forecasts: &Forecasts) -> Vec<Expected> {
    let of = |subject: Subject| {
        let (past, horizon) = landing::series(&subject, weeks)?;
        let spread = forecasts::spread(&landing::forecast(past, horizon)?);
        let (low, high) = forecasts.interval(subject.kind(), &spread);
        Some(Expected { low, middle: forecasts::at(&spread, 0.5), high, subject })
    };
    landing::subjects().filter_map(of).collect()
}

fn next_release(rhythm: &Rhythm, forecasts: &Forecasts, now_ms: i64) -> Option<NextRelease> {
    let (last, last_ms) = (rhythm.last()?, rhythm.last_ms()?);
    let spread = forecasts::spread(&rhythm.forecast(now_ms)?);
    let (low, high) = forecasts.interval(RELEASE, &spread);
    if high - low > NO_RHYTHM_DAYS {
        return None;
    }
    let elapsed = release::days(last_ms, now_ms);
    let day = |days: f64| day_of(last_ms.saturating_add((days * DAY_MS as f64) as i64));
    let soon = forecasts::pit(&spread, elapsed + SOON_DAYS);
    Some(NextRelease {
        last: last.clone(),
        low: day(low.max(elapsed)),
        middle: day(forecasts::at(&spread, 0.5)),
        sure: day(forecasts.quantile(RELEASE, &spread, 0.85)),
        high: day(high),
        soon,
    })
}

const RELEASE: &str = "next release";

/// Commits of the last days that no fix has followed yet.
fn newest(risks: &Risks, now_ms: i64) -> Vec<usize> {
    let is_new = |row: &Row| now_ms - row.at_ms <= NEWS_MS && row.fixed_ms.is_none();
    let mut newest: Vec<usize> =
        (0..risks.rows.len()).filter(|at| is_new(&risks.rows[*at])).collect();
    newest.sort_by(|a, b| risks.rows[*b].chance.total_cmp(&risks.rows[*a].chance));
    newest
}

fn unreleased(risks: &Risks, rhythm: &Rhythm, now_ms: i64) -> Option<Unreleased> {
    let model = risks.model.as_ref().ok()?;
    let last_ms = rhythm.last_ms()?;
    let range = |from_ms: i64, to_ms: i64| {
        let within = move |row: &&Row| row.at_ms > from_ms && row.at_ms <= to_ms;
        let is_open = move |row: &&Row| row.fixed_ms.is_none_or(|fixed_ms| fixed_ms > to_ms);
        risks.rows.iter().filter(within).filter(is_open)
    };
    let still = |row: &Row, at_ms: i64| model.remaining(row.chance, at_ms - row.at_ms);
    let open: Vec<&Row> = range(last_ms, now_ms).collect();
    let chances: Vec<f64> = open.iter().map(|row| still(row, now_ms)).collect();
    let known_from = risks.rows.iter().map(|row| row.at_ms).min()?;
    let moments = rhythm.moments();
    let moments = &moments[moments.len().saturating_sub(PAST_RANGES + 1)..];
    let before = moments.windows(2).filter(|pair| pair[0] >= known_from);
    let before =
        before.map(|pair| range(pair[0], pair[1]).map(|row| still(row, pair[1])).sum()).collect();
    let riskiest = open.iter().max_by(|a, b| a.chance.total_cmp(&b.chance));
    Some(Unreleased {
        commits: open.len(),
        fixes: risk::expected(&chances),
        since_ms: last_ms,
        until_ms: open.iter().map(|row| row.at_ms + WITHIN_MS).max().unwrap_or(now_ms),
        before,
        riskiest: riskiest.map(|row| row.place),
    })
}

/// Forecasts of today that the ledger is to hold.
pub fn to_open(seen: &Seen<'_>, past: &Past, prospects: &Prospects<'_>) -> Vec<(Forecast, i64)> {
    let now_ms = seen.now_ms;
    let mut all = Vec::new();
    for one in &prospects.expected {
        let Some((weeks, horizon)) = landing::series(&one.subject, &past.weeks) else { continue };
        let Some(made) = landing::forecast(weeks, horizon) else { continue };
        let estimate =
            Estimate::Interval { low: one.low, high: one.high, spread: forecasts::spread(&made) };
        let resolve_by_ms = now_ms + horizon as i64 * WEEK_MS;
        let subject = one.subject.clone();
        all.push((Forecast { subject, made_ms: now_ms, resolve_by_ms, estimate }, WEEK_MS));
    }
    all.extend(release_to_open(past, prospects, now_ms));
    all.extend(unreleased_to_open(prospects, now_ms));
    for (milestone, prospect) in &prospects.milestones {
        let (Some(due), Ok(prospect)) = (milestone.due, prospect) else { continue };
        let subject = Subject::Milestone { id: milestone.id.clone(), due };
        let resolve_by_ms = start_of(due + 1);
        let estimate = Estimate::Chance(prospect.chance);
        all.push((Forecast { subject, made_ms: now_ms, resolve_by_ms, estimate }, WEEK_MS));
    }
    if let Ok(model) = &past.risks.model {
        for row in prospects.newest.iter().map(|at| &past.risks.rows[*at]) {
            let subject = Subject::Fix { commit: seen.history.commits[row.place].id.clone() };
            let resolve_by_ms = row.at_ms + WITHIN_MS;
            // What was fixed before now is not forecast any more, so the chance is of what is left.
            let estimate = Estimate::Chance(model.remaining(row.chance, now_ms - row.at_ms));
            all.push((Forecast { subject, made_ms: now_ms, resolve_by_ms, estimate }, WEEK_MS));
        }
    }
    all
}

fn unreleased_to_open(prospects: &Prospects<'_>, now_ms: i64) -> Option<(Forecast, i64)> {
    let range = prospects.unreleased.as_ref()?;
    if range.until_ms <= now_ms {
        return None;
    }
    let (mean, low, high) = range.fixes;
    // Evenly between the ends and beyond them, as the sum's normal approximation has it.
    let spread = forecasts::normal(mean, (high - mean) / NORMAL_90);
    let estimate = Estimate::Interval { low, high, spread };
    let subject = Subject::Unreleased { since_ms: range.since_ms };
    let resolve_by_ms = range.until_ms;
    Some((Forecast { subject, made_ms: now_ms, resolve_by_ms, estimate }, WEEK_MS))
}

fn release_to_open(past: &Past, prospects: &Prospects<'_>, now_ms: i64) -> Option<(Forecast, i64)> {
    let next = prospects.release.as_ref()?;
    let last_ms = past.rhythm.last_ms()?;
    let spread = forecasts::spread(&past.rhythm.forecast(now_ms)?);
    let days = |day: Day| (day - day_of(last_ms)) as f64;
    // To the end of the day that is said.
    let (low, high) = (days(next.low) - 1.0, days(next.high) + 1.0);
    let subject = Subject::Release { since: next.last.name.clone() };
    let resolve_by_ms = start_of(next.high + 1);
    let estimate = Estimate::Interval { low, high, spread };
    Some((Forecast { subject, made_ms: now_ms, resolve_by_ms, estimate }, RELEASE_EVERY_MS))
}

/// What is known by now of a forecast that was made earlier.
pub fn known(seen: &Seen<'_>, past: &Past, forecast: &Forecast) -> Known {
    // A commit dated in the future says nothing of how far history is read.
    let newest_ms = landing::landed(seen.history).map(|commit| commit.committed_ms).max();
    let newest_ms = newest_ms.map(|newest_ms| newest_ms.min(seen.now_ms));
    let is_over = newest_ms.is_some_and(|newest_ms| newest_ms >= forecast.resolve_by_ms);
    match &forecast.subject {
        subject @ (Subject::Commits { .. } | Subject::PersonDays { .. }) => {
            let (from_ms, to_ms) = (forecast.made_ms, forecast.resolve_by_ms);
            let came = landing::between(seen.history, subject, from_ms, to_ms).filter(|_| is_over);
            came.map_or(Known::NotYet, Known::Amount)
        }
        Subject::Release { since } => {
            let last = seen.tags.iter().find(|tag| tag.name == *since);
            match last.map(|tag| past.rhythm.gap_after(tag.at_ms)) {
                Some(Some(days)) => Known::Amount(days),
                Some(None) if is_over => Known::Beyond,
                Some(None) => Known::NotYet,
                None => Known::Never,
            }
        }
        Subject::Milestone { id, due } => {
            let milestones = seen.plan.map_or(&[][..], |plan| &plan.milestones);
            let same = |one: &&Milestone| one.id == *id && one.due == Some(*due);
            match milestones.iter().find(same) {
                None => Known::Never,
                Some(_) if past.reached.contains(id) => Known::Came(true),
                Some(_) if day_of(seen.now_ms) > *due => Known::Came(false),
                Some(_) => Known::NotYet,
            }
        }
        Subject::Unreleased { since_ms } if is_over => {
            let of_range = |row: &&Row| row.at_ms > *since_ms && row.at_ms <= forecast.made_ms;
            let came =
                |row: &&Row| row.fixed_ms.is_some_and(|fixed_ms| fixed_ms > forecast.made_ms);
            let rows = past.risks.rows.iter().filter(of_range).filter(came);
            Known::Amount(rows.count() as f64)
        }
        Subject::Unreleased { .. } => Known::NotYet,
        Subject::Fix { commit } => {
            let row =
                past.risks.rows.iter().find(|row| seen.history.commits[row.place].id == *commit);
            match row.map(|row| row.fixed_ms) {
                Some(Some(_)) => Known::Came(true),
                Some(None) if is_over => Known::Came(false),
                Some(None) => Known::NotYet,
                None => Known::Never,
            }
        }
    }
}

/// What came of what findings expected, of which it is known now.
pub fn settled(
    seen: &Seen<'_>,
    past: &Past,
    closed: &[(Subject, Known)],
) -> Vec<(Fingerprint, expected::Outcome)> {
    let named = |rule: &str, severity: Severity, target: &str| {
        Finding::new(rule, severity, target, "", "", "", Vec::new()).fingerprint
    };
    let came = |at_ms: Option<i64>| expected::Outcome::Came { at: at_ms.map(Time) };
    let of = |(subject, known): &(Subject, Known)| -> Vec<(Fingerprint, expected::Outcome)> {
        match (subject, known) {
            (Subject::Fix { commit }, known) => {
                let is_of = |row: &&Row| seen.history.commits[row.place].id == *commit;
                let row = past.risks.rows.iter().find(is_of);
                let outcome = match known {
                    Known::Came(true) => came(row.and_then(|row| row.fixed_ms)),
                    Known::Came(false) => expected::Outcome::DidNotCome,
                    _ => expected::Outcome::Void,
                };
                vec![(named(RISKY_COMMIT.id, Severity::Low, commit), outcome)]
            }
            // The finding says that it will be late.
            (Subject::Milestone { id, due }, known) => {
                let outcome = match known {
                    Known::Came(true) => expected::Outcome::DidNotCome,
                    Known::Came(false) => came(Some(start_of(due + 1))),
                    _ => expected::Outcome::Void,
                };
                let severities = [Severity::Low, Severity::Medium];
                severities
                    .map(|severity| (named(MILESTONE_LATE.id, severity, id), outcome))
                    .to_vec()
            }
            (Subject::Unreleased { .. }, known) => {
                let outcome = match known {
                    Known::Amount(amount) => expected::Outcome::Amount(*amount),
                    _ => expected::Outcome::Void,
                };
                vec![(named(RELEASE_RISK.id, Severity::Low, "release"), outcome)]
            }
            _ => Vec::new(),
        }
    };
    closed.iter().flat_map(of).collect()
}

/// What is worth a word, the most urgent first.
pub fn judge(seen: &Seen<'_>, past: &Past, prospects: &Prospects<'_>) -> Vec<Finding> {
    let late = prospects.milestones.iter().filter_map(|(_, prospect)| prospect.as_ref().ok());
    let mut findings: Vec<Finding> =
        late.filter_map(|prospect| late_milestone(seen, prospect)).collect();
    findings.extend(risky_release(seen, prospects));
    findings.extend(risky_commits(seen, &past.risks, prospects));
    findings
}

fn late_milestone(seen: &Seen<'_>, prospect: &milestones::Prospect) -> Option<Finding> {
    if prospect.chance > LATE {
        return None;
    }
    let today = day_of(seen.now_ms);
    let due = date_text(prospect.due);
    let close = prospect.due - today <= CLOSE_DAYS;
    let severity = if close { Severity::Medium } else { Severity::Low };
    let text = |day: Option<Day>| day.map_or("in more than a year".to_owned(), date_text);
    let [first, _, sure, last] = prospect.ends;
    let growth = match prospect.growth_per_week {
        growth if growth >= 0.05 => format!(" It grew by {growth:.1} tasks a week."),
        _ => String::new(),
    };
    let action = match prospect.done_by_due {
        0 => format!(
            "Move the date of {} to {}, or its tasks to a later one.",
            prospect.id,
            text(sure)
        ),
        fits => format!(
            "Move {} of its {} open tasks to a later milestone, or its date to {}.",
            prospect.tasks_open - fits,
            prospect.tasks_open,
            text(sure)
        ),
    };
    let forecast = expected::Forecast {
        expects: format!("{} is not reached by {due}", prospect.id),
        estimate: expected::Estimate::Chance(1.0 - prospect.chance),
        resolve_by: Time(start_of(prospect.due + 1)),
        decided_by: Decider::Agent,
    };
    let finding = Finding::new(
        MILESTONE_LATE.id,
        severity,
        &prospect.id,
        format!(
            "Milestone {} ends by {due} in {:.0} of 100 simulations",
            prospect.id,
            prospect.chance * 100.0
        ),
        format!(
            "{} of {} tasks were done with {} commits since {}. At that pace, which differs from week \
             to week as it did before, the rest ends between {} and {} (80 %).{growth} This will be \
             checked on {due}.",
            prospect.tasks_done,
            prospect.tasks_done + prospect.tasks_open,
            prospect.commits,
            date_text(prospect.since),
            text(first),
            text(last),
        ),
        action,
        vec![
            (seen.planned)(&prospect.id, format!("due {due}")),
            Evidence::number(prospect.tasks_open as f64, "tasks open"),
            Evidence::number(
                (prospect.chance * 100.0).round(),
                "per cent of the simulations end by then",
            ),
        ],
    );
    Some(finding.expecting(forecast))
}

fn risky_release(seen: &Seen<'_>, prospects: &Prospects<'_>) -> Option<Finding> {
    let unreleased = prospects.unreleased.as_ref()?;
    let next = prospects.release.as_ref().filter(|next| next.soon >= 0.5)?;
    let (mean, low, high) = unreleased.fixes;
    let most = unreleased.before.iter().copied().fold(0.0, f64::max);
    // Not the mean alone: what is likely at least must exceed what was usual.
    if unreleased.before.len() < LEAST_RANGES || low <= most {
        return None;
    }
    let riskiest = &seen.history.commits[unreleased.riskiest?];
    let forecast = expected::Forecast {
        expects: "fixes of what is not released".to_owned(),
        estimate: expected::Estimate::Interval { low, high, share: forecasts::SHARE },
        resolve_by: Time(unreleased.until_ms),
        decided_by: Decider::Agent,
    };
    let finding = Finding::new(
        RELEASE_RISK.id,
        Severity::Low,
        "release",
        format!("What is not released yet will need {low:.0} to {high:.0} fixes"),
        format!(
            "{} commits since {} whose files no fix has touched yet; at the last {} releases {most:.0} \
             fixes at most were still to come. The next release is likely within two weeks: by {} \
             with 85 %.",
            unreleased.commits,
            next.last.name,
            unreleased.before.len(),
            date_text(next.sure),
        ),
        "Publish a release candidate first, or wait until the riskiest commit was looked at again.",
        vec![
            Evidence::number((mean * 10.0).round() / 10.0, "fixes still to be expected"),
            Evidence::number((most * 10.0).round() / 10.0, "the most at an earlier release"),
            Evidence::commit(&riskiest.id, format!("the riskiest: {}", riskiest.subject)),
        ],
    );
    Some(finding.expecting(forecast))
}

fn risky_commits(seen: &Seen<'_>, risks: &Risks, prospects: &Prospects<'_>) -> Vec<Finding> {
    let Ok(model) = &risks.model else { return Vec::new() };
    if !model.proof.warns() {
        return Vec::new();
    }
    let rows = prospects.newest.iter().map(|at| &risks.rows[*at]);
    // Some days without a fix make one less likely: what is no longer risky is not said anew.
    let still = |row: &Row| model.remaining(row.chance, seen.now_ms - row.at_ms);
    let risky = rows.filter(|row| still(row) >= model.threshold);
    risky.map(|row| risky_commit(seen, model, row)).collect()
}

/// Risky commits whose time for a fix is not over: what was said of them stands until it is checked,
/// however little is left of their chance by now.
pub fn standing(seen: &Seen<'_>, risks: &Risks) -> Vec<Finding> {
    let Ok(model) = &risks.model else { return Vec::new() };
    if !model.proof.warns() {
        return Vec::new();
    }
    let is_open = |row: &&Row| {
        let age_ms = seen.now_ms - row.at_ms;
        row.fixed_ms.is_none() && age_ms < WITHIN_MS
    };
    let risky = risks.rows.iter().filter(is_open).filter(|row| row.chance >= model.threshold);
    risky.map(|row| risky_commit(seen, model, row)).collect()
}

fn risky_commit(seen: &Seen<'_>, model: &risk::Model, row: &Row) -> Finding {
    let commit = &seen.history.commits[row.place];
    let chance = model.remaining(row.chance, seen.now_ms - row.at_ms) * 100.0;
    let short = commit.id.get(..10).unwrap_or(&commit.id);
    let size = |change: &&onboard_analysis::facts::PastChange| {
        change.lines.map_or(0, |lines| lines.added + lines.removed)
    };
    let is_code = |change: &&onboard_analysis::facts::PastChange| {
        let path = &seen.history.paths[change.path];
        onboard_analysis::path::class(path) == onboard_analysis::path::Class::Code
    };
    let largest = commit.changes.iter().filter(is_code).max_by_key(size);
    let largest = largest.map(|change| seen.history.paths[change.path].as_str());
    let mut evidence = vec![Evidence::commit(&commit.id, commit.subject.clone())];
    evidence
        .extend(model.reasons(row).into_iter().map(|reason| Evidence::commit(&commit.id, reason)));
    let base = model.proof.base() * 100.0;
    evidence.push(Evidence::number(chance.round(), "per cent: the chance of a fix"));
    evidence.push(Evidence::number(base.round(), "per cent of all commits"));
    let forecast = expected::Forecast {
        expects: format!("a fix of what {short} changed follows"),
        estimate: expected::Estimate::Chance(chance / 100.0),
        resolve_by: Time(row.at_ms + WITHIN_MS),
        decided_by: Decider::Agent,
    };
    let finding = Finding::new(
        RISKY_COMMIT.id,
        Severity::Low,
        &commit.id,
        format!("{short} will need a fix, with {chance:.0} % chance: {}", commit.subject),
        format!(
            "A fix within 30 days that changes what it changed, before anything else does. {} This \
             will be checked by {}.",
            model.proof.words(),
            date_text(day_of(row.at_ms + WITHIN_MS)),
        ),
        match largest {
            Some(path) => format!("Let somebody else read it now, beginning with {path}."),
            None => "Let somebody else read it now.".to_owned(),
        },
        evidence,
    );
    finding.expecting(forecast)
}
