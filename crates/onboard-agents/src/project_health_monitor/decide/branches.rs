//! Which lines of work grow apart from the main line, and which were forgotten?

use onboard_analysis::calendar::{DAY_MS, date_text, day_of};
use onboard_analysis::score::graded;
use onboard_text::counted;

use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::project_health_monitor::observe::Branch;

/// `health/diverged-branch`
pub const DIVERGED_BRANCH: Rule = Rule {
    id: "health/diverged-branch",
    says: "which branch grows apart from the main line while both go on.",
    why: "The longer two lines of work go on apart, the more of their changes meet in one merge.",
    when: &[
        Bound::at(
            "it began {} days ago or earlier, and was worked on within a quarter of a year",
            (LONG_MS / DAY_MS) as f64,
            "judgement: two months are longer than a piece of work",
        ),
        Bound::at(
            "it has {} commits or more of its own",
            LEAST_AHEAD as f64,
            "judgement: fewer are merged in an afternoon",
        ),
        Bound::at(
            "the main line has {} or more that it lacks",
            LEAST_BEHIND as f64,
            "judgement: fewer are merged in an afternoon",
        ),
    ],
    silence: "merge the main line into it, or merge it.",
};

/// `health/forgotten-branches`
pub const FORGOTTEN_BRANCHES: Rule = Rule {
    id: "health/forgotten-branches",
    says: "which unmerged branches nobody touched for long, and whom to ask.",
    why: "Each holds work that is not on the main line, and its authors remember less of it every month.",
    when: &[
        Bound::at(
            "{} branches or more have commits that the main line lacks",
            LEAST_FORGOTTEN as f64,
            "judgement: one or two are seen without help",
        ),
        Bound::at(
            "they were idle for {} days",
            (FORGOTTEN_MS / DAY_MS) as f64,
            "judgement: a quarter of a year",
        ),
        Bound::at(
            "and for no more than {}",
            (HISTORY_MS / DAY_MS) as f64,
            "judgement: after three years a branch is history",
        ),
    ],
    silence: "merge or delete them until fewer are left.",
};

/// Nobody touched it for a quarter of a year.
const FORGOTTEN_MS: i64 = 91 * DAY_MS;
/// Forgotten branches that are worth a tidy-up.
const LEAST_FORGOTTEN: usize = 3;
/// Forgotten longer than this, a branch is history; listing it again helps nobody.
const HISTORY_MS: i64 = 3 * 365 * DAY_MS;
/// Work that goes on apart for longer than this meets a hard merge.
const LONG_MS: i64 = 60 * DAY_MS;
/// And only when both sides moved this much.
const LEAST_AHEAD: usize = 15;
const LEAST_BEHIND: usize = 50;
/// Branches named one by one.
const MOST_NAMED: usize = 2;

pub fn judge(open: &OpenFacts, now_ms: i64) -> Verdict {
    let facts = &open.branches;
    if facts.total <= 1 {
        return Verdict::new("branches", 5, None, "no branch beside the main line");
    }
    let as_of = now_ms.min(open.ledger.last_ms);
    let idle = |branch: &&Branch| as_of - branch.last_ms > FORGOTTEN_MS;
    let forgotten: Vec<&Branch> = facts
        .unmerged
        .iter()
        .filter(idle)
        .filter(|branch| as_of - branch.last_ms <= HISTORY_MS)
        .collect();
    let apart: Vec<&Branch> =
        facts.unmerged.iter().filter(|branch| !idle(branch) && is_apart(branch, as_of)).collect();
    let why = format!(
        "{}: {} forgotten for a quarter of a year, {} worked on for long apart",
        counted(facts.total, "branch", "branches"),
        forgotten.len(),
        apart.len()
    );
    let value = graded(forgotten.len() as f64 + 5.0 * apart.len() as f64, 2.0, 25.0);
    Verdict::new("branches", 5, Some(value), why)
        .with(apart.iter().take(MOST_NAMED).map(|branch| diverged(open, branch, as_of)))
        .with((forgotten.len() >= LEAST_FORGOTTEN).then(|| tidy_up(&forgotten, facts.cut)))
}

fn is_apart(branch: &Branch, as_of: i64) -> bool {
    as_of - branch.first_ms > LONG_MS
        && branch.ahead >= LEAST_AHEAD
        && branch.behind >= LEAST_BEHIND
}

fn diverged(open: &OpenFacts, branch: &Branch, as_of: i64) -> Finding {
    let days = (as_of - branch.first_ms) / DAY_MS;
    Finding::new(
        DIVERGED_BRANCH.id,
        if branch.behind >= 500 { Severity::Medium } else { Severity::Low },
        &branch.name,
        format!("Branch {} has grown apart from {} for {days} days", branch.name, open.mainline),
        format!(
            "It has {} of its own and misses {} of {}; the last is by {} on {}.",
            counted(branch.ahead, "commit", "commits"),
            branch.behind,
            open.mainline,
            branch.last_author,
            date_text(day_of(branch.last_ms))
        ),
        format!("Merge {} into {} now, or split off what is finished.", open.mainline, branch.name),
        vec![
            Evidence::branch(&branch.tip, branch.name.clone()),
            Evidence::number(branch.ahead as f64, "commits ahead"),
            Evidence::number(branch.behind as f64, "commits behind"),
        ],
    )
}

fn tidy_up(forgotten: &[&Branch], cut: bool) -> Finding {
    let evidence = forgotten.iter().map(|branch| {
        let text = format!(
            "{}: +{} −{}, last by {} on {}",
            branch.name,
            branch.ahead,
            branch.behind,
            branch.last_author,
            date_text(day_of(branch.last_ms))
        );
        Evidence::branch(&branch.tip, text)
    });
    Finding::new(
        FORGOTTEN_BRANCHES.id,
        Severity::Low,
        "branches",
        format!(
            "{}{} unmerged branches were last touched a quarter of a year ago or more",
            if cut { "At least " } else { "" },
            forgotten.len()
        ),
        "Each holds commits the main line does not have, or has only as one squashed commit. The \
         longer they wait, the less their authors remember of them."
            .to_owned(),
        format!(
            "Ask the authors named here: merge or delete, beginning with {}.",
            forgotten[0].name
        ),
        evidence.collect(),
    )
}
