//! A branch is taken back: deleted as long as nobody built on it, undone by a commit otherwise.

use crate::edit::{self, Edits, File};
use crate::order::Order;
use crate::repository::Repository;
use crate::{check, write};
use gix::ObjectId;
use onboard_domain::proposal::Branch;

/// Takes the branch back: `None` when it is gone, otherwise the branch with the commit that undoes
/// it. A branch that a person has touched, checked out or merged is left as it is.
pub(crate) fn revert(order: &Order) -> Result<Option<Branch>, String> {
    let branch = order.branch.as_ref().ok_or("it has no branch")?;
    let written: ObjectId = branch.commit.parse().map_err(|_| "its commit's id is wrong")?;
    let repository = Repository::open(&order.root)?;
    let tip = repository.branch(&branch.name)?;
    let is_merged = match tip {
        // It was deleted before; what was merged of it is still there.
        None => repository.message(written).is_ok() && is_merged(&repository, order, written)?,
        Some(_) => is_merged(&repository, order, written)?,
    };
    match tip {
        None if !is_merged => Ok(None),
        Some(tip) if tip == written && !is_merged && !repository.is_checked_out(&branch.name) => {
            repository.delete_branch(&branch.name, written, &write::author(order))?;
            Ok(None)
        }
        Some(tip) if !is_merged => undo(&repository, order, written, tip).map(Some),
        _ => {
            let head = repository.head()?;
            undo(&repository, order, written, head).map(Some)
        }
    }
}

fn is_merged(repository: &Repository, order: &Order, written: ObjectId) -> Result<bool, String> {
    let name = order.branch.as_ref().map_or("", |branch| &branch.name);
    repository.is_merged(written, name, order.accepted_s)
}

/// A commit on top of `onto` that gives the files of the patch back what they were, on a branch of
/// its own.
fn undo(
    repository: &Repository,
    order: &Order,
    written: ObjectId,
    onto: ObjectId,
) -> Result<Branch, String> {
    let name = format!("{}-revert", order.branch_name());
    let message = format!(
        "Revert \"{}\"\n\nThis takes back commit {written}.\n\nProposal: {}\n",
        onboard_validation::show::line(&order.title),
        order.proposal
    );
    if let Some(there) = repository.branch(&name)? {
        if repository.message(there)? == message {
            return Ok(Branch { name, commit: there.to_string() });
        }
        return Err(format!("there is another branch `{name}`; rename or delete it first"));
    }
    let edits = restored(repository, order, written, onto)?;
    let tree = edit::write_tree(repository, Some(repository.tree_of(onto)?), &edits)?;
    let tree = tree.ok_or("nothing would be left")?;
    let by = write::author(order);
    let commit = write::commit(repository, &by, tree, onto, message)?;
    repository.create_branch(&name, commit, &by)?;
    Ok(Branch { name, commit: commit.to_string() })
}

/// Each file of the patch as it was before, where it is still as the patch made it.
fn restored(
    repository: &Repository,
    order: &Order,
    written: ObjectId,
    onto: ObjectId,
) -> Result<Edits, String> {
    let after = repository.tree_of(written)?;
    let before = repository.tree_of(repository.first_parent(written)?)?;
    let now = repository.tree_of(onto)?;
    let most = order.file_bytes_max;
    let mut edits = Edits::new();
    for file in &check::parsed(order)?.files {
        for path in [Some(file.path.as_str()), file.source()].into_iter().flatten() {
            let at = |tree| edit::plain(repository, tree, path, most);
            let (was, made, is): (Option<File>, _, _) = (at(before)?, at(after)?, at(now)?);
            if is == was {
                continue;
            }
            if is != made {
                let short = written.to_hex_with_len(12);
                return Err(format!(
                    "{path}: it was changed since; undo it by hand, with `git revert {short}`"
                ));
            }
            edits.insert(path.to_string(), was);
        }
    }
    if edits.is_empty() {
        return Err("nothing of it is left to undo".into());
    }
    Ok(edits)
}
