//! How the connection to the forge is: pure.

use super::super::forge::Connection;
use super::super::forge::sync::{Class, Sync};
use super::date;
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// A failure that is over before this is nobody's business: three runs, a quarter of an hour apart.
const FAILING_MS: i64 = 25 * 60_000;
const FAILING_RUNS: u32 = 3;
/// Without anything new for so long, what is made of it is old.
const OLD_MS: i64 = 86_400_000;

/// `tools/forge-refused`
pub const FORGE_REFUSED: Rule = Rule {
    id: "tools/forge-refused",
    says: "that the forge refuses what the credential asks for, in the forge's words.",
    why: "What is made of its milestones grows old, and no repetition mends it.",
    when: &[
        Bound::that(
            "it answers 401, 403 or 404 to all that is asked, and not because of how much that was",
            "a fact, not a judgement",
        ),
        Bound::that("it is asked again after an hour", "judgement: who asks on is locked out"),
    ],
    silence: "renew the credential or mend the remote's address, or remove the credential.",
};

/// `tools/forge-failing`
pub const FORGE_FAILING: Rule = Rule {
    id: "tools/forge-failing",
    says: "that the forge does not answer, or can't be understood, and since when.",
    why: "What is made of its milestones grows old, and nobody else may see it.",
    when: &[
        Bound::at(
            "{} runs in a row failed",
            FAILING_RUNS as f64,
            "judgement: forges restart, and one run may meet that",
        ),
        Bound::at(
            "for {} minutes",
            (FAILING_MS / 60_000) as f64,
            "judgement: three runs, a quarter of an hour apart",
        ),
        Bound::at(
            "or it is medium where nothing was read for {} hours",
            (OLD_MS / 3_600_000) as f64,
            "judgement: a day's work is missing then",
        ),
    ],
    silence: "it ends with the next run that reads something.",
};

/// `tools/forge-behind`
pub const FORGE_BEHIND: Rule = Rule {
    id: "tools/forge-behind",
    says: "that there is more to read than the forge lets one ask for.",
    why: "What is made of its milestones is not what is there.",
    when: &[Bound::at(
        "for {} hours no run came to the end",
        (OLD_MS / 3_600_000) as f64,
        "judgement: a first reading of 10,000 items takes three runs",
    )],
    silence: "give it a credential that nothing else uses.",
};

/// What is wrong with it.
pub fn findings(connection: &Connection, sync: &Sync, now_ms: i64) -> Option<Finding> {
    let Connection { host, repository, door, .. } = connection;
    let target = format!("{repository} at {host}");
    let read = match sync.read_ms {
        Some(at_ms) => format!("All was read at last on {}.", date(at_ms)),
        None => "Not all of it was ever read.".to_owned(),
    };
    let is_old = sync.read_ms.is_none_or(|at_ms| now_ms - at_ms >= OLD_MS);
    let runs = || vec![Evidence::number(f64::from(sync.failures), "runs in a row that failed")];
    let Some(trouble) = &sync.trouble else {
        let since_ms = sync.behind_since_ms.filter(|since_ms| now_ms - since_ms >= OLD_MS)?;
        return Some(Finding::new(
            FORGE_BEHIND.id,
            Severity::Low,
            &target,
            format!("{repository} is not read to the end since {}", date(since_ms)),
            format!("{host} has more to read than it lets one ask for. {read}"),
            "See what else uses the credential; one of its own has limits of its own.",
            vec![Evidence::number((now_ms - since_ms) as f64 / 3_600_000.0, "hours behind")],
        ));
    };
    let (since, why) = (date(trouble.since_ms), &trouble.why);
    let is_long = now_ms - trouble.since_ms >= FAILING_MS && sync.failures >= FAILING_RUNS;
    match trouble.class {
        Class::Refused => Some(Finding::new(
            FORGE_REFUSED.id,
            Severity::Medium,
            &target,
            format!("{host} refuses {repository} since {since}"),
            format!("It says: {why}. {read}"),
            format!(
                "See that the remote is right and that the credential for {} may read issues, pull \
                 or merge requests and milestones; `ai_onboard credentials add` replaces it.",
                door.host
            ),
            runs(),
        )),
        Class::Failing if is_long => Some(Finding::new(
            FORGE_FAILING.id,
            if is_old { Severity::Medium } else { Severity::Low },
            &target,
            format!("{host} does not answer for {repository} since {since}"),
            format!("At last: {why}. {read} It is asked again, at least every hour or so."),
            format!("See whether {} is up and reachable from this machine.", door.host),
            runs(),
        )),
        Class::Unreadable if is_long => Some(Finding::new(
            FORGE_FAILING.id,
            if is_old { Severity::Medium } else { Severity::Low },
            &target,
            format!("What {host} says of {repository} is not understood since {since}"),
            format!("At last: {why}. {read} Nothing of such an answer is used."),
            "See whether something between answers in its place; else report it with this text.",
            runs(),
        )),
        Class::Failing | Class::Unreadable => None,
    }
}
