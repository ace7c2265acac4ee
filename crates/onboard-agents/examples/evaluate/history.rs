//! A repository's history with its labels: which commits were found, later, to have brought a
//! fault.
//!
//! The labels are those of SZZ (Śliwerski, Zimmermann and Zeller, "When do changes induce fixes?",
//! 2005): the commits that wrote the lines which a fix removed. Lines' origins are carried forward
//! through every change, which needs one pass and no blame.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use gix::ObjectId;
use gix_imara_diff::{Algorithm, Diff, InternedInput, sources::byte_lines};
use onboard_agents::git::{Ingest, Repository, Wanted, ingest};
use onboard_analysis::commit_kind::{CommitKind, kind};
use onboard_analysis::history::{BlobId, CommitFacts};
use onboard_analysis::path::{Class, class};

/// A fix over more files than this says little about any line.
const MOST_FIX_FILES: usize = 8;
/// Contents whose lines' origins are remembered.
const MOST_REMEMBERED: usize = 30_000;
const MOST_BYTES: u64 = 1024 * 1024;

pub struct History {
    pub name: String,
    pub head: String,
    pub repository: Repository,
    /// Without merges, by the time they were recorded.
    pub commits: Vec<CommitFacts>,
    /// When it became known that a commit brought a fault.
    pub known_ms: Vec<Option<i64>>,
}

/// What is read of a history; each costs some times what the one before does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Names,
    /// And renames, and lines.
    Lines,
    /// And which commits brought a fault.
    Labels,
}

impl History {
    /// Reads the newest commits of a repository, this many at most.
    pub fn read(path: &str, need: Need, most: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let open = || Repository::open(Path::new(path), None);
        let repository = open()?;
        let tip = repository.mainline().ok_or("there is no commit")?.tip;
        let ids = repository.newest(tip, most).ids;
        let wanted = if need == Need::Names { Wanted::Names } else { Wanted::Lines };
        let how = Ingest { wanted, threads: 2, known: &|_, _| None };
        let mut commits = Vec::new();
        ingest(open, &ids, &how, |facts| {
            commits.extend(facts.ok().filter(|facts| facts.changes.is_some()));
            ControlFlow::Continue(())
        })?;
        commits.sort_by_key(|facts: &CommitFacts| facts.commit.committed_ms);
        let known_ms = match need {
            Need::Labels => labels(&repository, &commits),
            _ => vec![None; commits.len()],
        };
        let name = name(path);
        Ok(Self { name, head: tip.to_string(), repository, commits, known_ms })
    }

    pub fn last_ms(&self) -> i64 {
        self.commits.last().map_or(0, |facts| facts.commit.committed_ms)
    }
}

/// What a repository is called: the folder it is in, and its owner where a mirror's folder has that.
pub fn name(path: &str) -> String {
    let folder = path.trim_end_matches('/').trim_end_matches("/repo").trim_end_matches("/.git");
    folder.rsplit('/').next().unwrap_or(path).trim_end_matches(".git").replace('+', "/")
}

pub fn is_fix(facts: &CommitFacts) -> bool {
    kind(&facts.commit.subject).0 == CommitKind::Fix
}

pub fn object(id: BlobId) -> ObjectId {
    ObjectId::Sha1(id)
}

fn labels(repository: &Repository, commits: &[CommitFacts]) -> Vec<Option<i64>> {
    let mut known = vec![None; commits.len()];
    let mut origins = Origins::default();
    for (number, facts) in commits.iter().enumerate() {
        let changes = facts.changes.as_deref().unwrap_or_default();
        let files = || changes.iter().filter(|change| class(&change.path) == Class::Code);
        let judges = is_fix(facts) && files().count() <= MOST_FIX_FILES;
        for change in files() {
            let read = |id: Option<BlobId>| match id {
                Some(id) => repository.content(object(id), MOST_BYTES).ok().flatten(),
                None => Some(Vec::new()),
            };
            let (Some(old), Some(new)) = (read(change.old), read(change.new)) else { continue };
            let blamed = origins.carry(number, (change.old, &old), (change.new, &new));
            for origin in blamed.into_iter().filter(|_| judges) {
                let first: &mut Option<i64> = &mut known[origin as usize];
                first.get_or_insert(facts.commit.committed_ms);
            }
        }
    }
    known
}

/// The commit that wrote each line of a content.
#[derive(Default)]
struct Origins {
    of: HashMap<BlobId, Rc<Vec<u32>>>,
    order: VecDeque<BlobId>,
}

impl Origins {
    /// Works out the new content's origins and gives those of the removed lines that say something.
    fn carry(
        &mut self,
        number: usize,
        (old_id, old): (Option<BlobId>, &[u8]),
        (new_id, new): (Option<BlobId>, &[u8]),
    ) -> Vec<u32> {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let before = old_id.and_then(|id| self.of.get(&id).cloned());
        let input = InternedInput::new(byte_lines(old), byte_lines(new));
        let diff = Diff::compute(Algorithm::Histogram, &input);
        let mut removed = Vec::new();
        let mut after = Vec::with_capacity(input.after.len());
        let origin = |line: usize| before.as_ref().and_then(|list| list.get(line)).copied();
        let mut at = 0;
        for hunk in diff.hunks() {
            after.extend(
                (at..hunk.before.start).map(|line| origin(line as usize).unwrap_or(u32::MAX)),
            );
            for line in hunk.before.clone() {
                let text: &[u8] = input.interner[input.before[line as usize]];
                if says_something(text.trim_ascii()) {
                    removed.extend(origin(line as usize).filter(|origin| *origin != u32::MAX));
                }
            }
            after.extend(hunk.after.clone().map(|_| number));
            at = hunk.before.end;
        }
        let rest = at as usize..input.before.len();
        after.extend(rest.map(|line| origin(line).unwrap_or(u32::MAX)));
        if let Some(id) = new_id {
            self.of.insert(id, Rc::new(after));
            self.order.push_back(id);
            if self.order.len() > MOST_REMEMBERED
                && let Some(id) = self.order.pop_front()
            {
                self.of.remove(&id);
            }
        }
        removed
    }
}

fn says_something(line: &[u8]) -> bool {
    let comment = [&b"//"[..], b"#", b"*", b"/*"].iter().any(|start| line.starts_with(start));
    line.len() > 2 && !comment
}
