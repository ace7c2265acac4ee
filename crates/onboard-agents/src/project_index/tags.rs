//! Tags, with when their commits were recorded: they move without the main line moving.

use onboard_analysis::facts::TagRow;

use crate::git::Repository;

/// All tags that name a commit that is here, by name.
pub fn list(repository: &Repository) -> Vec<TagRow> {
    let row = |tag: crate::git::NamedCommit| {
        let at = repository.recorded_ms(tag.id)?.div_euclid(1_000);
        Some(TagRow { name: tag.name, at, commit: tag.id.to_string() })
    };
    let mut rows: Vec<TagRow> = repository.tags().list.into_iter().filter_map(row).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}
