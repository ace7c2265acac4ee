//! Pull and merge requests of a forge: as one agent shares them, and others read them.

use std::fs;

use onboard_analysis::calendar::DAY_MS;
use serde::{Deserialize, Serialize};

use crate::external_tool_integration;
use crate::host;

/// The checkpoint that they are shared as.
pub const SHARED_AS: &str = "requests";
const VERSION: u32 = 1;
/// Open ones, those that rest longest first.
const MOST_OPEN: usize = 500;
/// Merged ones, the newest: more show no other habits.
const MOST_MERGED: usize = 2_000;
/// Merged longer ago, they are no habit of today.
const LOOK_BACK_MS: i64 = 365 * DAY_MS;

/// Requests, as they are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub schema_version: u32,
    /// Where they are, such as `octo/loom at github.com`.
    pub source: String,
    /// When the forge was last read; within a day, since each new moment would be stored.
    pub as_of_ms: i64,
    /// Those that rest longest first.
    pub open: Vec<Request>,
    /// Of a year, the last merged one first.
    pub merged: Vec<Merged>,
}

/// An open request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// `#7`, and `!7` for a merge request.
    pub id: String,
    pub title: String,
    pub created_ms: i64,
    /// Anything that was said or done counts.
    pub updated_ms: i64,
}

/// A merged request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    pub id: String,
    pub created_ms: i64,
    pub merged_ms: i64,
}

impl Shared {
    /// These requests, as many as are shared.
    pub fn of(
        source: String,
        as_of_ms: i64,
        mut open: Vec<Request>,
        mut merged: Vec<Merged>,
    ) -> Shared {
        open.sort_by(|a, b| (a.updated_ms, &a.id).cmp(&(b.updated_ms, &b.id)));
        open.truncate(MOST_OPEN);
        merged.retain(|one| as_of_ms - one.merged_ms <= LOOK_BACK_MS);
        merged.sort_by(|a, b| (b.merged_ms, &a.id).cmp(&(a.merged_ms, &b.id)));
        merged.truncate(MOST_MERGED);
        Shared { schema_version: VERSION, source, as_of_ms, open, merged }
    }

    /// Whether this says more than what was shared before: else it need not be stored again.
    pub fn is_news(&self, before: &Shared) -> bool {
        let same = Shared { as_of_ms: self.as_of_ms, ..before.clone() };
        *self != same || self.as_of_ms - before.as_of_ms >= DAY_MS
    }
}

/// What is shared, where a run has such facts.
pub fn shared(task: &host::Task) -> Option<Shared> {
    let place = task.facts.get(external_tool_integration::NAME)?.get(SHARED_AS)?;
    let shared: Shared = serde_json::from_str(&fs::read_to_string(place).ok()?).ok()?;
    (shared.schema_version == VERSION && !shared.source.is_empty()).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_resting_and_the_last_merged_are_shared() {
        let open = |number: i64| Request {
            id: format!("#{number}"),
            title: String::new(),
            created_ms: 0,
            updated_ms: number,
        };
        let merged = |number: i64| Merged {
            id: format!("#{number}"),
            created_ms: 0,
            merged_ms: number * DAY_MS,
        };
        let at = |days: i64| {
            let (open, merged) = ((0..600).rev().map(open), (0..5_000).map(merged));
            Shared::of("s".into(), days * DAY_MS, open.collect(), merged.collect())
        };
        let shared = at(5_000);
        assert_eq!((shared.open.len(), shared.open[0].id.as_str()), (MOST_OPEN, "#0"));
        assert_eq!((shared.merged.len(), shared.merged[0].id.as_str()), (365, "#4999"));
        // What fell out of the year is news, an hour more is not.
        assert!(at(5_001).is_news(&shared));
        let later = Shared { as_of_ms: shared.as_of_ms + 1, ..shared.clone() };
        assert!(!later.is_news(&shared));
        let next_day = Shared { as_of_ms: shared.as_of_ms + DAY_MS, ..shared.clone() };
        assert!(next_day.is_news(&shared));
    }
}
