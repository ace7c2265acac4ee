//! Do the lock files still say what the manifests ask for, and are they ever refreshed?

use onboard_analysis::calendar::{DAY_MS, date_text, day_of};
use onboard_analysis::score::graded;
use onboard_text::counted;

use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::project_health_monitor::observe::ManifestFacts;

/// `health/lock-behind`
pub const LOCK_BEHIND: Rule = Rule {
    id: "health/lock-behind",
    says: "that a lock file lacks what its manifest declares.",
    why: "A locked install fails, and one that is not locked takes whatever is newest: what was tested \
          is not what is installed.",
    when: &[Bound::that(
        "a manifest of the last commit declares a dependency that the lock file beside it does not name",
        "a fact, not a judgement",
    )],
    silence: "commit the lock file that the package tool writes.",
};

/// `health/lock-stale`
pub const LOCK_STALE: Rule = Rule {
    id: "health/lock-stale",
    says: "that no dependency was updated for long, though the project is worked on.",
    why: "Security fixes are published for versions that are in use; whoever updates once a year takes \
          all changes at once.",
    when: &[
        Bound::at(
            "the lock file did not change for {} days",
            STALE_DAYS as f64,
            "judgement: a year of security updates",
        ),
        Bound::at(
            "{} commits or more landed in half a year",
            LEAST_RECENT as f64,
            "judgement: a project that rests needs none",
        ),
    ],
    silence: "an update of any dependency ends it.",
};

/// A lock file untouched for longer than this misses a year of security updates.
const STALE_DAYS: i64 = 365;
/// And only a project that moves needs them.
const LEAST_RECENT: usize = 30;
/// Files named in one run.
const MOST_NAMED: usize = 2;

pub fn judge(open: &OpenFacts) -> Verdict {
    let manifests = &open.manifests;
    if manifests.is_empty() {
        return Verdict::new("dependencies", 5, None, "no manifest with a lock file beside it");
    }
    let apart: Vec<&ManifestFacts> =
        manifests.iter().filter(|manifest| !manifest.not_locked.is_empty()).collect();
    let oldest = manifests.iter().filter_map(|manifest| age_days(open, manifest)).max();
    let value = if apart.is_empty() {
        oldest.map_or(1.0, |days| graded(days as f64, 180.0, 730.0))
    } else {
        0.0
    };
    let why = format!(
        "{}, {} at odds with its manifest{}",
        counted(manifests.len(), "lock file", "lock files"),
        apart.len(),
        oldest.map_or(String::new(), |days| format!("; the oldest changed {days} days ago"))
    );
    let stale = manifests
        .iter()
        .filter(|manifest| age_days(open, manifest).is_some_and(|days| days > STALE_DAYS))
        .filter(|_| open.ledger.recent.len() >= LEAST_RECENT && !open.shallow);
    Verdict::new("dependencies", 5, Some(value), why)
        .with(apart.iter().take(MOST_NAMED).map(|manifest| not_locked(manifest)))
        .with(stale.take(MOST_NAMED).map(|manifest| untouched(open, manifest)))
}

fn age_days(open: &OpenFacts, manifest: &ManifestFacts) -> Option<i64> {
    let changed = manifest.lock.changed.as_ref()?;
    Some((open.ledger.last_ms - changed.changed_ms) / DAY_MS)
}

fn not_locked(manifest: &ManifestFacts) -> Finding {
    let names = manifest.not_locked.join(", ");
    let mut evidence = vec![
        Evidence::file(&manifest.path, None, format!("declares {names}")),
        Evidence::file(&manifest.lock.path, None, "names none of them"),
    ];
    if let Some(changed) = &manifest.changed {
        evidence.push(Evidence::commit(&changed.id, "last change of the manifest"));
    }
    Finding::new(
        LOCK_BEHIND.id,
        Severity::Medium,
        &manifest.lock.path,
        format!("{} does not pin what {} declares", manifest.lock.path, manifest.path),
        format!(
            "Declared and not locked: {names}. A locked install fails or takes whatever is newest."
        ),
        format!("Run the package tool's install and commit {}.", manifest.lock.path),
        evidence,
    )
}

fn untouched(open: &OpenFacts, manifest: &ManifestFacts) -> Finding {
    let days = age_days(open, manifest).unwrap_or_default();
    let changed = manifest.lock.changed.as_ref();
    let day = changed.map_or(String::new(), |changed| date_text(day_of(changed.changed_ms)));
    Finding::new(
        LOCK_STALE.id,
        Severity::Low,
        &manifest.lock.path,
        format!("{} has not changed since {day}", manifest.lock.path),
        format!(
            "{days} days without an update of any dependency, while {} landed in the last half-year.",
            counted(open.ledger.recent.len(), "commit", "commits")
        ),
        "Update the dependencies, or let a program propose updates.",
        vec![
            Evidence::commit(changed.map_or("", |changed| &changed.id), "its last change"),
            Evidence::number(days as f64, "days ago"),
        ],
    )
}
