//! What is looked at before people are asked: the patch itself, then the patch against the project.

use crate::edit;
use crate::order::Order;
use crate::repository::Repository;
use onboard_domain::proposal::{Check, Verdict, bounds};
use onboard_validation::patch::paths::check as check_path;
use onboard_validation::patch::{Patch, parse};
use onboard_validation::secrets;

/// The commit that it was checked against, and every check.
pub(crate) fn check(order: &Order) -> (Option<String>, Vec<Check>) {
    let mut checks = Vec::new();
    let mut note = |name: &str, result: Result<String, String>| {
        let verdict = if result.is_ok() { Verdict::Passed } else { Verdict::Failed };
        let note = cut(result.unwrap_or_else(|why| why));
        checks.push(Check { name: name.into(), verdict, note });
    };
    let patch = parsed(order);
    note("reads", patch.as_ref().map(summary).map_err(Clone::clone));
    note("secrets", no_secrets(order));
    if let Ok(patch) = &patch {
        note("paths", allowed(order, patch));
    }
    let base = head(order);
    let found = base.as_ref().map(|(_, id)| format!("against {id}")).map_err(Clone::clone);
    note("repository", found);
    if let (Ok(patch), Ok((repository, id))) = (&patch, &base) {
        let applies = repository
            .tree_of(*id)
            .and_then(|tree| edit::edits(repository, tree, patch, order.file_bytes_max));
        note("applies", applies.map(|_| String::new()));
    }
    (base.ok().map(|(_, id)| id.to_string()), checks)
}

/// The patch, as its text says.
pub(crate) fn parsed(order: &Order) -> Result<Patch, String> {
    parse(&order.patch).map_err(|malformed| malformed.to_string())
}

/// Whether every path of a patch lies on the right side of the fence.
pub(crate) fn allowed(order: &Order, patch: &Patch) -> Result<String, String> {
    let fence = order.fence();
    let mut notes: Vec<String> = Vec::new();
    for file in &patch.files {
        for path in [Some(file.path.as_str()), file.source()].into_iter().flatten() {
            fence
                .check(path)
                .map_err(|denied| format!("{}: {}", path.escape_debug(), denied.why()))?;
            if let Err(refused) = check_path(path) {
                notes.push(format!("{}: {}", path.escape_debug(), refused.why()));
            }
        }
    }
    Ok(notes.join("; "))
}

/// Whether nothing in a patch is a secret.
pub(crate) fn no_secrets(order: &Order) -> Result<String, String> {
    match secrets::scan(&order.patch).first() {
        None => Ok(String::new()),
        Some(secret) => Err(format!("it holds a secret ({})", secret.rule)),
    }
}

fn head(order: &Order) -> Result<(Repository, gix::ObjectId), String> {
    let repository = Repository::open(&order.root)?;
    let head = repository.head()?;
    Ok((repository, head))
}

fn summary(patch: &Patch) -> String {
    let (added, removed) = patch.files.iter().fold((0, 0), |(added, removed), file| {
        let (more, less) = file.counts();
        (added + more, removed + less)
    });
    let files = patch.files.len();
    format!("{files} {}, +{added} -{removed}", if files == 1 { "file" } else { "files" })
}

fn cut(text: String) -> String {
    match text.char_indices().find(|(at, c)| at + c.len_utf8() > bounds::CHECK - 3) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
