//! From a year of landings to figures and findings: pure, so that every rule is a function of what
//! was seen.

mod delays;
mod deployments;
mod mergers;
mod open_branches;
mod open_requests;
mod repeated;
mod stages;

use std::collections::HashMap;

use onboard_analysis::calendar::{DAY_MS, date_text, day_of};
use onboard_analysis::facts::PastCommit;
use onboard_text::counted;
use serde::Serialize;

use super::observe::Flow;
use crate::facts::ProjectFacts;
use crate::host::Finding;
use crate::manual::Rule;
use crate::requests;
use crate::telling::Holds;
pub use deployments::Deployments;
pub use mergers::{ONE_MERGER, Reviews};
pub use open_branches::{OVERDUE_BRANCH, usual_days};
pub use open_requests::{OVERDUE_REQUEST, Requests};
pub use repeated::REPEATED_COMMIT;
pub use stages::LeadTime;

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] = &[
    &delays::SLOWER,
    &delays::BOTTLENECK,
    &OVERDUE_REQUEST,
    &OVERDUE_BRANCH,
    &ONE_MERGER,
    &REPEATED_COMMIT,
];

/// Fewer branches in a year are no habit.
const LEAST_BRANCHES: usize = 20;
/// Of subjects that end in `(#12)`, this share says that pull requests are squashed.
const SQUASHED_SHARE: f64 = 0.3;

/// What a run concludes.
#[derive(Debug)]
pub struct Assessment {
    pub figures: Figures,
    pub holds: Holds,
    /// What could not be seen.
    pub limits: Vec<String>,
}

/// How work flows.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Branches of people that were merged within a year.
    pub merged: usize,
    pub open: usize,
    /// `None` where too few branches were merged.
    pub lead_time: Option<LeadTime>,
    /// Of the forge that is connected, where it is known.
    pub requests: Option<Requests>,
    pub deployments: Deployments,
    pub reviews: Option<Reviews>,
    /// Small commits that people made again and again.
    pub repeated: usize,
    /// Why branches can't be timed.
    pub untimed: Option<String>,
}

/// The index and what was seen beside it.
struct Seen<'a> {
    /// The moment of the run.
    now_ms: i64,
    facts: &'a ProjectFacts,
    flow: &'a Flow,
    commits: HashMap<&'a str, &'a PastCommit>,
}

impl<'a> Seen<'a> {
    fn of(facts: &'a ProjectFacts, flow: &'a Flow, now_ms: i64) -> Self {
        let commits = facts.history.commits.iter().map(|commit| (commit.id.as_str(), commit));
        Self { now_ms, facts, flow, commits: commits.collect() }
    }

    fn days_ago(&self, ms: i64) -> f64 {
        days(ms, self.flow.as_of_ms)
    }

    /// The day that all is seen from.
    fn as_of(&self) -> String {
        date(self.flow.as_of_ms)
    }
}

/// Applies every rule.
pub fn assess(
    facts: &ProjectFacts,
    flow: &Flow,
    asked: Option<&requests::Shared>,
    now_ms: i64,
) -> Assessment {
    let seen = Seen::of(facts, flow, now_ms);
    let mut limits = flow.limits.clone();
    let repeated = repeated::find(&seen);
    let mut figures = Figures {
        merged: flow.merged.len(),
        open: flow.open.len(),
        repeated: repeated.len(),
        deployments: deployments::count(&seen),
        ..Figures::default()
    };
    let mut holds = Holds::default();
    if let Some(judged) = asked.and_then(|asked| open_requests::judge(asked, now_ms)) {
        figures.requests = Some(judged.figures);
        holds.findings.extend(judged.findings);
        limits.extend(judged.limit);
    }
    if flow.merged.len() >= LEAST_BRANCHES {
        let stages = stages::judge(&seen);
        figures.lead_time = Some(stages.lead_time);
        let reviews = mergers::judge(&seen);
        figures.reviews = reviews.figures;
        // What became slower is said as that; where its stage was said to hold work up before, it
        // still does.
        let is_slower =
            |finding: &Finding| stages.slower.iter().any(|slower| slower.target == finding.target);
        let (standing, bottlenecks): (Vec<Finding>, Vec<Finding>) =
            stages.bottlenecks.into_iter().partition(is_slower);
        holds.standing = standing;
        holds.findings.extend(stages.slower);
        // A branch that was asked to be merged waits there, and is said there.
        if figures.requests.is_none() {
            holds.findings.extend(open_branches::judge(&seen));
        }
        holds.findings.extend(reviews.findings);
        holds.findings.extend(bottlenecks);
    } else {
        let why = untimed(&seen);
        if figures.requests.is_none() {
            limits.push(why.clone());
        }
        figures.untimed = Some(why);
    }
    holds.findings.extend(repeated);
    // A stable order: by severity, then as the rules stand here.
    holds.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Assessment { figures, holds, limits }
}

/// Why there are no branches to time.
fn untimed(seen: &Seen<'_>) -> String {
    let direct: Vec<&&PastCommit> =
        seen.flow.direct.iter().filter_map(|id| seen.commits.get(id.as_str())).collect();
    let squashed = direct.iter().filter(|commit| is_squashed(&commit.subject)).count();
    let merged = counted(seen.flow.merged.len(), "branch", "branches");
    if squashed as f64 >= SQUASHED_SHARE * direct.len() as f64 && squashed > 0 {
        return format!(
            "pull requests are squashed ({squashed} of {} commits): how long branches wait can't be \
             known from git alone",
            direct.len()
        );
    }
    format!("{merged} merged in a year: too few to time")
}

/// Whether a subject ends in the number of a pull request.
fn is_squashed(subject: &str) -> bool {
    let number = subject.trim_end().strip_suffix(')').and_then(|rest| rest.rsplit_once("(#"));
    number.is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

impl Figures {
    /// One line of it.
    pub fn words(&self) -> String {
        let branches = match (&self.requests, &self.lead_time, &self.untimed) {
            (Some(requests), ..) => format!(
                "{} requests merged in a year; half within {}, 85 % within {} of being opened, {} open",
                requests.merged,
                span(requests.median_days),
                span(requests.p85_days),
                requests.open,
            ),
            (None, Some(lead), _) => format!(
                "{} branches merged in a year; half within {}, 85 % within {} of their first commit",
                self.merged,
                span(lead.median_days),
                span(lead.p85_days),
            ),
            (None, None, Some(why)) => why.clone(),
            (None, None, None) => "no branches".to_owned(),
        };
        match self.deployments.releases {
            0 => branches,
            count => format!("{branches}; {}", counted(count, "release", "releases")),
        }
    }
}

fn date(ms: i64) -> String {
    date_text(day_of(ms))
}

fn days(from_ms: i64, to_ms: i64) -> f64 {
    // Clocks disagree; nothing takes less than no time.
    (to_ms.saturating_sub(from_ms) as f64 / DAY_MS as f64).max(0.0)
}

/// A length of time as people say it.
fn span(days: f64) -> String {
    let hours = days * 24.0;
    if hours < 1.0 {
        return format!("{:.0} min", hours * 60.0);
    }
    if hours < 23.5 {
        return format!("{hours:.0} h");
    }
    let text = if days < 9.95 { format!("{days:.1}") } else { format!("{days:.0}") };
    let number = text.trim_end_matches(".0");
    format!("{number} day{}", if number == "1" { "" } else { "s" })
}
