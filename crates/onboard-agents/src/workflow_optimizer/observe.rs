//! What git knows beside the index: which commits came with which merge, which release has them
//! first, and which branches are open.

use std::collections::{BTreeMap, HashSet};

use gix::ObjectId;
use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::history::Commit;
use onboard_analysis::ledger::is_program;
use onboard_analysis::release::{Releases, releases};
use serde::{Deserialize, Serialize};

use super::report::{self, Memory};
use crate::facts::ProjectFacts;
use crate::git::{Landing, Landings, Repository, is_kept_apart};
use crate::host::{AgentError, Host};

/// Looked back on: a year holds a season once, and a change within it shows.
pub const LOOK_BACK_MS: i64 = 365 * DAY_MS;
/// Landings of that year; a project with more has merges enough in what is left.
const MOST_LANDINGS: usize = 20_000;
/// Merges remembered.
const MOST_MERGES: usize = 1_000;
/// Commits read to tell what came with one merge, or what an open branch has.
const MOST_STEPS: usize = 5_000;
/// Commits read for all merges of one run: some seconds. The next run goes on.
const MOST_STEPS_IN_ALL: usize = 300_000;
/// A branch of more is a line of its own (another project, a year of work), not a piece of work.
const MOST_COMMITS: usize = 200;
/// Commits of a branch that are kept by id, to know what it touched.
const MOST_KEPT: usize = 16;
/// Commits read from a release's tag to where it left the main line.
const MOST_RELEASE_STEPS: usize = 2_000;
/// Of a year's releases, so many have more of the main line than the one before.
const FROM_MAIN_LINE: f64 = 0.8;
/// Open branches compared, those that rest longest first: more in a quarter of a year are a habit of
/// leaving them, and no list of work.
const MOST_OPEN: usize = 200;
/// Commits read for all open branches of one run: some seconds.
const MOST_OPEN_STEPS: usize = 200_000;
/// Idle for less, somebody is at it; for more, it is forgotten.
const OPEN_IDLE_MS: core::ops::Range<i64> = DAY_MS..91 * DAY_MS;
/// A clone that was not updated for so long does not know which branches are still open.
const STALE_MS: i64 = 14 * DAY_MS;

/// A merge and the piece of work that came with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The merge's commit.
    pub id: String,
    /// Its place among the main line's commits.
    #[serde(skip)]
    pub landing: usize,
    pub subject: String,
    /// Who merged; of a merging program that says so, who told it to.
    pub by: String,
    pub merged_ms: i64,
    /// When its first commit was written, and its last one recorded: who amends or rebases is at work,
    /// and keeps the author's date.
    pub first_ms: i64,
    pub last_ms: i64,
    /// Without merges. None where this was no piece of work: another long line, a program's.
    pub commits: usize,
    pub authors: Vec<String>,
    /// Ids of its first commits.
    pub own: Vec<String>,
    /// The place of the first release that has it, in [`Flow::releases`].
    #[serde(skip)]
    pub release: Option<usize>,
}

/// A branch that is not merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub name: String,
    pub tip: String,
    /// When its first commit was written.
    pub first_ms: i64,
    /// When its last one was recorded.
    pub last_ms: i64,
    pub commits: usize,
    pub author: String,
    /// Of its first and its last commit.
    pub subjects: Vec<String>,
}

/// What happened in a year.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    pub mainline: String,
    /// The moment that all is seen from: of the last commit, or now.
    pub as_of_ms: i64,
    /// The main line's commits of the year that came with no branch, oldest first.
    pub direct: Vec<String>,
    /// Pieces of work that were merged, oldest first.
    pub merged: Vec<Merged>,
    pub releases: Releases,
    pub open: Vec<Open>,
    pub limits: Vec<String>,
}

/// Looks; the reason, where there is nothing to see.
///
/// # Errors
/// When the host is gone.
pub fn observe(
    host: &mut dyn Host,
    facts: &ProjectFacts,
    memory: &mut Memory,
    stride: usize,
) -> Result<Result<Flow, String>, AgentError> {
    let task = host.task().clone();
    let repository = match Repository::open(&task.project_root, task.git_dir.as_deref()) {
        Ok(repository) => repository,
        Err(error) => return Ok(Err(error.to_string())),
    };
    // The commit that the index is of: what came since has no facts yet.
    let tip = ObjectId::from_hex(facts.index.tip.as_bytes()).ok();
    let newest = tip.and_then(|tip| Some((tip, repository.recorded_ms(tip)?)));
    let Some((tip, newest_ms)) = newest else {
        return Ok(Err("the commit that the index is of is not here any more".to_owned()));
    };
    let as_of_ms = task.now_ms.min(newest_ms);
    let landings = repository.landings(tip, as_of_ms - LOOK_BACK_MS, MOST_LANDINGS);
    let mut flow = Flow { mainline: facts.index.mainline.clone(), as_of_ms, ..Flow::default() };
    if landings.cut {
        flow.limits.push(format!(
            "only the last {} commits of the main line are known",
            landings.list.len()
        ));
    }
    follow(host, &repository, &landings, &mut flow, memory, stride)?;
    release(&repository, facts, &landings, &mut flow);
    if task.now_ms - newest_ms < STALE_MS {
        open(&repository, tip, &mut flow);
    }
    Ok(Ok(flow))
}

/// Compares the merges that no run has compared yet, newest first, and keeps what they brought.
fn follow(
    host: &mut dyn Host,
    repository: &Repository,
    landings: &Landings,
    flow: &mut Flow,
    memory: &mut Memory,
    stride: usize,
) -> Result<(), AgentError> {
    let merges: Vec<usize> =
        (0..landings.list.len()).filter(|at| landings.list[*at].branch.is_some()).collect();
    let merges = &merges[merges.len().saturating_sub(MOST_MERGES)..];
    let mut known: BTreeMap<String, Merged> =
        memory.merges.drain(..).map(|merged| (merged.id.clone(), merged)).collect();
    let (mut steps, mut fresh, mut left) = (0, 0, 0);
    for at in merges.iter().rev() {
        let landing = &landings.list[*at];
        let id = landing.id.to_string();
        let merged = match known.remove(&id) {
            Some(merged) => merged,
            None if steps >= MOST_STEPS_IN_ALL => {
                left += 1;
                continue;
            }
            None => {
                fresh += 1;
                compare(repository, landing, &flow.mainline, &mut steps)
            }
        };
        memory.merges.push(Merged { landing: *at, ..merged });
        if fresh > 0 && fresh % stride == 0 {
            host.progress(
                memory.merges.len() as u64,
                Some(merges.len() as u64),
                "following merges",
            )?;
            // With what is not met yet, or a killed run would lose it.
            let mut kept = memory.clone();
            kept.merges.extend(known.values().cloned());
            report::save(host, &mut kept)?;
            fresh = 0;
        }
    }
    memory.merges.reverse();
    if left > 0 {
        flow.limits.push(format!("{left} merges are left for the next run"));
    }
    flow.merged = memory.merges.iter().filter(|merged| merged.commits > 0).cloned().collect();
    let is_direct = |landing: &&Landing| landing.branch.is_none();
    flow.direct = landings.list.iter().filter(is_direct).map(|one| one.id.to_string()).collect();
    Ok(())
}

/// What came with a merge.
pub fn compare(
    repository: &Repository,
    landing: &Landing,
    mainline: &str,
    steps: &mut usize,
) -> Merged {
    let mut found =
        Merged { id: landing.id.to_string(), merged_ms: landing.at_ms, ..Merged::default() };
    let mut buffer = Vec::new();
    *steps += 1;
    let (Some(branch), Some(before)) = (landing.branch, landing.before) else { return found };
    let Ok(merge) = repository.commit(landing.id, &mut buffer) else { return found };
    found.by = merger(&merge);
    found.subject = merge.subject;
    if merges_long_line(&found.subject, mainline) {
        return found;
    }
    let apart = repository.divergence(branch, before, MOST_STEPS);
    *steps += apart.ahead.len() + apart.behind;
    if !apart.complete || apart.ahead.len() > MOST_COMMITS {
        return found;
    }
    let commits = work(repository, &apart.ahead);
    let Some(first) = commits.iter().map(|commit| commit.authored_ms).min() else { return found };
    found.first_ms = first;
    found.last_ms = commits.iter().map(|commit| commit.committed_ms).max().unwrap_or(first);
    found.commits = commits.len();
    for commit in commits {
        if found.own.len() < MOST_KEPT {
            found.own.push(commit.id);
        }
        if !found.authors.contains(&commit.author.name) && found.authors.len() < MOST_KEPT {
            found.authors.push(commit.author.name);
        }
    }
    found
}

/// Commits that people wrote, without merges.
fn work(repository: &Repository, ids: &[ObjectId]) -> Vec<Commit> {
    let mut buffer = Vec::new();
    let read = ids.iter().filter_map(|id| repository.commit(*id, &mut buffer).ok());
    read.filter(|commit| !commit.merge && !is_program(&commit.author)).collect()
}

/// Who merged. A merging program names who told it to: `Auto merge of #12 - ann:fix, r=bob`.
fn merger(merge: &Commit) -> String {
    if !is_program(&merge.author) {
        return merge.author.name.clone();
    }
    let told = merge.subject.split_once(" r=").map(|(_, rest)| rest);
    let name = told.and_then(|rest| rest.split([' ', ',']).next()).unwrap_or_default();
    // `r=<try>` and the like name nobody.
    if name.starts_with('<') { String::new() } else { name.trim_start_matches('@').to_owned() }
}

/// Whether what was merged is the main line itself, as others had it, or a line that lives long.
fn merges_long_line(subject: &str, mainline: &str) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let quoted = subject
        .strip_prefix("Merge branch '")
        .or_else(|| subject.strip_prefix("Merge remote-tracking branch '"))
        .and_then(|rest| rest.split('\'').next());
    let asked = subject
        .strip_prefix("Merge pull request ")
        .and_then(|rest| rest.split_once(" from "))
        .and_then(|(_, name)| name.split_once('/'))
        .map(|(_, branch)| branch);
    // Somebody's fork may call a piece of work what it likes, even `main`.
    quoted.is_some_and(|name| last(name) == last(mainline) || is_kept_apart(name))
        || asked.is_some_and(is_kept_apart)
}

/// The first release that has each of the merges.
fn release(repository: &Repository, facts: &ProjectFacts, landings: &Landings, flow: &mut Flow) {
    flow.releases = releases(&facts.index.tags());
    let mut first: Vec<(usize, usize)> = Vec::new();
    let mut of_year = 0;
    for (place, (_, tag)) in flow.releases.tags.iter().enumerate() {
        of_year += usize::from(tag.at_ms >= flow.as_of_ms - LOOK_BACK_MS);
        let id = ObjectId::from_hex(tag.commit.as_bytes()).ok();
        let newest = id.and_then(|id| repository.newest_landing(id, landings, MOST_RELEASE_STEPS));
        // Oldest first: what an earlier release has is not new in a later one.
        let is_further = |at: &usize| first.last().is_none_or(|(last, _)| last < at);
        first.extend(newest.filter(is_further).map(|at| (at, place)));
    }
    if (first.len() as f64) < FROM_MAIN_LINE * of_year as f64 {
        let why = "releases come from other lines, with copies of commits: when merged work is \
                   released can't be told";
        return flow.limits.push(why.to_owned());
    }
    for merged in &mut flow.merged {
        let found = first.partition_point(|(at, _)| *at < merged.landing);
        merged.release = first.get(found).map(|(_, place)| *place);
    }
}

/// Open branches with work that rests, but is not forgotten; those that rest longest first.
fn open(repository: &Repository, tip: ObjectId, flow: &mut Flow) {
    let mut candidates: Vec<(i64, String, ObjectId)> = Vec::new();
    let mut tips = HashSet::from([tip]);
    for branch in repository.branches().list {
        if is_kept_apart(&branch.name) || !tips.insert(branch.id) {
            continue;
        }
        let last_ms = repository.recorded_ms(branch.id).unwrap_or(i64::MAX);
        if OPEN_IDLE_MS.contains(&flow.as_of_ms.saturating_sub(last_ms)) {
            candidates.push((last_ms, branch.name, branch.id));
        }
    }
    candidates.sort();
    let all = candidates.len();
    let (mut steps, mut compared) = (0, 0);
    // A branch here and one of a remote may be the same work, one of them behind: the later counts.
    let mut begun: BTreeMap<String, Open> = BTreeMap::new();
    for (last_ms, name, id) in candidates.into_iter().take(MOST_OPEN) {
        if steps > MOST_OPEN_STEPS {
            break;
        }
        compared += 1;
        let apart = repository.divergence(id, tip, MOST_STEPS);
        steps += apart.ahead.len() + apart.behind;
        if !apart.complete || apart.ahead.len() > MOST_COMMITS {
            continue;
        }
        let commits = work(repository, &apart.ahead);
        let (Some(first), Some(last)) = (commits.first(), commits.last()) else { continue };
        let open = Open {
            name,
            tip: id.to_string(),
            first_ms: commits.iter().map(|commit| commit.authored_ms).min().unwrap_or(last_ms),
            last_ms,
            commits: commits.len(),
            author: last.author.name.clone(),
            subjects: vec![first.subject.clone(), last.subject.clone()],
        };
        begun.insert(first.id.clone(), open);
    }
    if compared < all {
        flow.limits.push(format!(
            "of {all} open branches only the {compared} that rest longest are compared"
        ));
    }
    flow.open = begun.into_values().collect();
    flow.open.sort_by(|a, b| (a.last_ms, &a.name).cmp(&(b.last_ms, &b.name)));
}

#[cfg(test)]
mod tests {
    use onboard_analysis::history::{Commit, Person};

    use super::{merger, merges_long_line};

    /// A program that merges says who told it to, or nobody did.
    #[test]
    fn who_merged_is_a_person() {
        let merge = |name: &str, subject: &str| Commit {
            id: String::new(),
            author: Person { name: name.to_owned(), email: format!("{name}@example.org") },
            authored_ms: 0,
            committed_ms: 0,
            merge: true,
            subject: subject.to_owned(),
            names_reverted: false,
        };
        let cases = [
            ("ann", "Merge pull request #7 from eve/fix", "ann"),
            ("ann", "Auto merge of #12 - eve:fix, r=bob", "ann"),
            ("bors", "Auto merge of #12 - eve:fix, r=bob", "bob"),
            ("bors", "Auto merge of #12 - eve:fix, r=bob,cy", "bob"),
            ("bors", "Auto merge of #12 - eve:fix, r=<try>", ""),
            ("mergify[bot]", "Merge pull request #7 from eve/fix", ""),
            ("bors", "Merge #12 #13", ""),
        ];
        let found = cases.map(|(by, subject, _)| merger(&merge(by, subject)));
        assert_eq!(found, cases.map(|(.., person)| person.to_owned()));
    }

    #[test]
    fn merges_of_long_lines_are_no_pieces_of_work() {
        let lines = [
            "Merge branch 'main' of host:project",
            "Merge remote-tracking branch 'origin/main'",
            "Merge branch 'stable'",
            "Merge branch 'release/2.1' into main",
            "Merge branch 'parser'",
            "Merge pull request #7 from eve/main",
            "Merge pull request #8 from eve/v2.x",
            "fix: the parser (#9)",
        ];
        let (long, work): (Vec<_>, Vec<_>) =
            lines.iter().partition(|subject| merges_long_line(subject, "origin/main"));
        assert_eq!((long.len(), work), (5, vec![&lines[4], &lines[5], &lines[7]]));
    }
}
