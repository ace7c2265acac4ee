//! What a name stands for, and where two lines of work part.

use gix::ObjectId;
use gix::bstr::ByteSlice;

use super::{Mainline, Repository};

impl Repository {
    /// The commit that a revision names, as git spells them: a branch, a tag, `HEAD~3`, an id.
    pub fn commit_named(&self, revision: &str) -> Option<ObjectId> {
        let found = self.inner.rev_parse_single(revision).ok()?;
        Some(found.object().ok()?.peel_to_commit().ok()?.id)
    }

    /// Where the branch that is checked out is pushed to, as it was last seen.
    pub fn upstream(&self) -> Option<Mainline> {
        let branch = self.inner.head_name().ok()??;
        let direction = gix::remote::Direction::Fetch;
        let tracked =
            self.inner.branch_remote_tracking_ref_name(branch.as_ref(), direction)?.ok()?;
        self.resolve(tracked.as_bstr().to_str().ok()?)
    }

    /// The branch that `origin` gives to who clones it.
    pub fn remote_default(&self) -> Option<Mainline> {
        self.resolve("refs/remotes/origin/HEAD")
    }

    /// The newest commit that two lines share; `None` where they share none, or none that is here.
    ///
    /// # Errors
    /// What could not be read.
    pub fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, String> {
        let found = self.inner.merge_base(one, other).map_err(|error| error.to_string())?;
        Ok(found.map(gix::Id::detach))
    }
}
