//! An accepted proposal becomes a commit on a branch of its own.

use crate::check;
use crate::edit;
use crate::order::Order;
use crate::repository::Repository;
use gix::ObjectId;
use gix::actor::Signature;
use onboard_domain::proposal::Branch;
use onboard_validation::show;
use sha2::{Digest, Sha256};

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotWritten {
    /// The project has moved on: it won't apply later either.
    pub(crate) stale: bool,
    pub(crate) why: String,
}

impl From<String> for NotWritten {
    fn from(why: String) -> NotWritten {
        NotWritten { stale: false, why }
    }
}

/// Writes the branch: a commit on top of what HEAD names now. What was checked before people were
/// asked is checked again, against the policy and the project as they are.
pub(crate) fn write(order: &Order) -> Result<Branch, NotWritten> {
    let patch = check::parsed(order)?;
    check::no_secrets(order)?;
    check::allowed(order, &patch)?;
    let repository = Repository::open(&order.root)?;
    let name = order.branch_name();
    if let Some(there) = repository.branch(&name)? {
        return already(&repository, order, &name, there);
    }
    let head = repository.head()?;
    let tree = repository.tree_of(head)?;
    let edits = edit::edits(&repository, tree, &patch, order.file_bytes_max)
        .map_err(|why| NotWritten { stale: true, why: format!("{why} (in {head})") })?;
    let tree = edit::write_tree(&repository, Some(tree), &edits)?
        .map_or_else(|| repository.write_object(gix::objs::Tree { entries: Vec::new() }), Ok)?;
    let by = author(order);
    let commit = commit(&repository, &by, tree, head, message(order))?;
    if let Err(why) = repository.create_branch(&name, commit, &by) {
        // Another writer with the same order may have been a moment faster.
        return match repository.branch(&name)? {
            Some(there) => already(&repository, order, &name, there),
            None => Err(why.into()),
        };
    }
    Ok(Branch { name, commit: commit.to_string() })
}

/// A branch of this name: written by an earlier attempt, or somebody's own.
fn already(
    repository: &Repository,
    order: &Order,
    name: &str,
    there: ObjectId,
) -> Result<Branch, NotWritten> {
    if repository.message(there)? == message(order) {
        return Ok(Branch { name: name.into(), commit: there.to_string() });
    }
    let why = format!("there is another branch `{name}`; rename or delete it, then apply again");
    Err(NotWritten { stale: false, why })
}

pub(crate) fn commit(
    repository: &Repository,
    by: &Signature,
    tree: ObjectId,
    parent: ObjectId,
    message: String,
) -> Result<ObjectId, String> {
    repository.write_object(gix::objs::Commit {
        tree,
        parents: [parent].into_iter().collect(),
        author: by.clone(),
        committer: by.clone(),
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    })
}

/// The agent, at the time when people accepted: the same each time.
pub(crate) fn author(order: &Order) -> Signature {
    Signature {
        name: format!("{} (ai_onboard)", order.agent).into(),
        email: format!("{}@ai-onboard.invalid", order.agent).into(),
        time: gix::date::Time::new(order.accepted_s, 0),
    }
}

fn message(order: &Order) -> String {
    let hash: String =
        Sha256::digest(&order.patch).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}\n\n{}\n\nProposed-by: {} (ai_onboard)\nProposal: {}\nPatch-sha256: {hash}\n",
        show::line(&order.title),
        show::lines(order.reason.trim()),
        order.agent,
        order.proposal,
    )
}
