//! Open pull and merge requests that wait longer than those that were merged ever did.

use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::statistics::{median, quantile};
use onboard_text::counted;
use serde::Serialize;

use super::open_branches::WHY_ASK;
use super::{date, days, span};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::requests::{Request, Shared};

/// `workflow/overdue-request`
pub const OVERDUE_REQUEST: Rule = Rule {
    id: "workflow/overdue-request",
    says: "which open pull or merge request to answer.",
    why: WHY_ASK,
    when: &[
        Bound::that(
            "a forge is connected, and external-tool-integration has read its requests",
            "else branches are looked at: workflow/overdue-branch",
        ),
        Bound::at(
            "it is open for longer than {} % of those that were merged within a year",
            OVERDUE * 100.0,
            "judgement: what nearly all stay below is the project's own usual",
        ),
        Bound::at("nothing happened at it for {} days", LEAST_IDLE, "judgement: nobody minds less"),
        Bound::at(
            "and less than {} ago something did",
            MOST_IDLE,
            "judgement: what rests for a quarter of a year is forgotten, and asking about it is no help",
        ),
        Bound::at(
            "{} requests were merged within a year",
            LEAST_MERGED as f64,
            "judgement: fewer show nothing that is usual",
        ),
    ],
    silence: "answer, merge or close it. Two stand at a time.",
};

/// Longer than 85 of 100 that were merged.
const OVERDUE: f64 = 0.85;
/// Days without a word.
const LEAST_IDLE: f64 = 3.0;
const MOST_IDLE: f64 = 91.0;
/// Fewer are no habit.
const LEAST_MERGED: usize = 20;
/// Read longer ago, it is not known which are still open.
const STALE_MS: i64 = 14 * DAY_MS;

/// How long requests take from being opened to being merged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Requests {
    pub source: String,
    pub open: usize,
    /// Within a year.
    pub merged: usize,
    pub median_days: f64,
    pub p85_days: f64,
}

pub(super) struct Judged {
    pub figures: Requests,
    pub findings: Vec<Finding>,
    pub limit: Option<String>,
}

/// `None` where there are too few to say anything.
pub(super) fn judge(shared: &Shared, now_ms: i64) -> Option<Judged> {
    if shared.merged.len() < LEAST_MERGED {
        return None;
    }
    let took: Vec<f64> =
        shared.merged.iter().map(|one| days(one.created_ms, one.merged_ms)).collect();
    let (middle, usual) = (median(&took)?, quantile(&took, OVERDUE)?);
    let figures = Requests {
        source: shared.source.clone(),
        open: shared.open.len(),
        merged: took.len(),
        median_days: (middle * 100.0).round() / 100.0,
        p85_days: (usual * 100.0).round() / 100.0,
    };
    if now_ms - shared.as_of_ms > STALE_MS {
        let when = date(shared.as_of_ms);
        let limit = Some(format!("{} was last read on {when}", shared.source));
        return Some(Judged { figures, findings: Vec::new(), limit });
    }
    let mut overdue: Vec<&Request> = shared
        .open
        .iter()
        .filter(|one| {
            let idle = days(one.updated_ms, shared.as_of_ms);
            days(one.created_ms, shared.as_of_ms) > usual && (LEAST_IDLE..MOST_IDLE).contains(&idle)
        })
        .collect();
    // The one that rests for the shortest time is the likeliest to be gone on with.
    overdue.sort_by_key(|one| std::cmp::Reverse(one.updated_ms));
    let findings = overdue.iter().map(|one| finding(shared, &figures, one, overdue.len()));
    Some(Judged { findings: findings.collect(), figures, limit: None })
}

fn finding(shared: &Shared, usual: &Requests, request: &Request, all: usize) -> Finding {
    let age = days(request.created_ms, shared.as_of_ms);
    let idle = days(request.updated_ms, shared.as_of_ms);
    let others = match all - 1 {
        0 => String::new(),
        more => format!(" {} so, too.", counted(more, "other one waits", "other ones wait")),
    };
    let Request { id, title, .. } = request;
    Finding::new(
        OVERDUE_REQUEST.id,
        Severity::Low,
        id,
        format!("{id} has been waiting since {}: {title}", date(request.updated_ms)),
        format!(
            "Opened on {}. Of {} merged in the year to {}, 85 of 100 took at most {}. For whom it \
             waits, its author or a reviewer, is not known.{others}",
            date(request.created_ms),
            counted(usual.merged, "request", "requests"),
            date(shared.as_of_ms),
            span(usual.p85_days),
        ),
        format!(
            "See whose turn it is at {id} in {}, and answer, merge or close it.",
            shared.source
        ),
        vec![
            Evidence::number(age.floor(), "days since it was opened"),
            Evidence::number(idle.floor(), "days since anything happened at it"),
            Evidence::number(usual.p85_days, "days that 85 of 100 merged requests took at most"),
            Evidence::number(usual.median_days, "days that half of them took at most"),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::Merged;
    use expect_test::{Expect, expect};

    const NOW_MS: i64 = 20_780 * DAY_MS;

    /// Merged requests took 1 to `merged` tenths of a day; open ones are days old and idle.
    fn check(merged: i64, open: &[(i64, i64)], read_days_ago: i64, expected: Expect) {
        let as_of_ms = NOW_MS - read_days_ago * DAY_MS;
        let done = |number: i64| Merged {
            id: format!("#{number}"),
            created_ms: as_of_ms - (number + 100) * DAY_MS / 10,
            merged_ms: as_of_ms - 10 * DAY_MS,
        };
        let request = |(number, (age, idle)): (usize, &(i64, i64))| Request {
            id: format!("#{}", 100 + number),
            title: format!("change {number}"),
            created_ms: as_of_ms - age * DAY_MS,
            updated_ms: as_of_ms - idle * DAY_MS,
        };
        let open = open.iter().enumerate().map(request).collect();
        let shared =
            Shared::of("octo/loom".into(), as_of_ms, open, (1..=merged).map(done).collect());
        let text = match judge(&shared, NOW_MS) {
            None => "nothing".to_owned(),
            Some(judged) => {
                let told = |finding: &Finding| {
                    format!("{}\n  {}\n  {}\n", finding.title, finding.detail, finding.action)
                };
                let findings: String = judged.findings.iter().map(told).collect();
                let limit = judged.limit.unwrap_or_default();
                let Requests { merged, median_days, p85_days, .. } = judged.figures;
                format!("{findings}{merged} merged, {median_days} and {p85_days} days; {limit}")
            }
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn what_is_open_for_longer_than_usual_and_rests_is_named() {
        check(19, &[(60, 30)], 0, expect!["nothing"]);
        // Young, spoken about, forgotten; two that wait.
        let open = [(3, 3), (40, 1), (400, 120), (60, 30), (50, 10)];
        check(
            40,
            &open,
            0,
            expect![[r#"
            #104 has been waiting since 2026-11-13: change 4
              Opened on 2026-10-04. Of 40 requests merged in the year to 2026-11-23, 85 of 100 took at most 3.4 days. For whom it waits, its author or a reviewer, is not known. 1 other one waits so, too.
              See whose turn it is at #104 in octo/loom, and answer, merge or close it.
            #103 has been waiting since 2026-10-24: change 3
              Opened on 2026-09-24. Of 40 requests merged in the year to 2026-11-23, 85 of 100 took at most 3.4 days. For whom it waits, its author or a reviewer, is not known. 1 other one waits so, too.
              See whose turn it is at #103 in octo/loom, and answer, merge or close it.
            40 merged, 2.05 and 3.41 days; "#]],
        );
        check(
            40,
            &open,
            20,
            expect!["40 merged, 2.05 and 3.41 days; octo/loom was last read on 2026-11-03"],
        );
        check(40, &[], 0, expect!["40 merged, 2.05 and 3.41 days; "]);
    }
}
