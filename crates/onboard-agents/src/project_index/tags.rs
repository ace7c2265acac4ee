//! Tags, with when their commits were recorded: they move without the main line moving.

use onboard_analysis::facts::TagRow;

use crate::git::{MOST_REFERENCES, Repository};

/// Tags that name a commit that is here, by name; and what is left out of them, where there are more
/// than are read.
pub fn list(repository: &Repository) -> (Vec<TagRow>, Option<String>) {
    let found = repository.tags();
    let limit =
        found.cut.then(|| format!("of {} tags only {MOST_REFERENCES} are read", found.total));
    let row = |tag: crate::git::NamedCommit| {
        let at = repository.recorded_ms(tag.id)?.div_euclid(1_000);
        Some(TagRow { name: tag.name, at, commit: tag.id.to_string() })
    };
    let mut rows: Vec<TagRow> = found.list.into_iter().filter_map(row).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    (rows, limit)
}
