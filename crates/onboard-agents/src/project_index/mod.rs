//! The project's index: what every commit changed, and what every file amounts to, read once and
//! shared with the agents that judge. Content that was read before is not read again.

mod files;
mod history;
pub(crate) mod kinds;
mod manual;
mod parts;
mod tags;

use onboard_analysis::facts::{Index, VERSION};

use crate::git::{Mainline, OpenError, Repository};
use crate::host::{AgentError, Host, Outcome, Task};

pub use kinds::SHARED as COMMIT_KINDS;
pub use manual::MANUAL;

pub const NAME: &str = "project-index";
pub const DESCRIPTION: &str =
    "Reads history and files once, so that the other agents need not; says nothing itself.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// Commits and files between two checkpoints: some seconds of work lost to a kill.
pub const STRIDE: usize = 2_000;

/// One run: brings the index up to the main line's last commit.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    run_with_stride(host, STRIDE)
}

/// As [`run`], with a checkpoint every `stride` commits or files.
pub fn run_with_stride(host: &mut dyn Host, stride: usize) -> Result<Outcome, AgentError> {
    let task = host.task().clone();
    let quiet = |why: String| {
        let summary = format!("nothing to index: {why}");
        Ok(Outcome::NothingToReport { summary })
    };
    // What is the matter with a repository is the health monitor's to say.
    let repository = match open(&task) {
        Ok(repository) => repository,
        Err(error) => return quiet(error.to_string()),
    };
    let Some(mainline) = repository.mainline() else { return quiet("no commits yet".into()) };
    let before: Index = parts::load(host, "index")?.unwrap_or_default();
    let before = if before.version == VERSION { before } else { Index::default() };
    let tip = mainline.tip.to_string();
    let (tags, cut) = tags::list(&repository);
    if before.walk.is_none() && before.tip == tip && before.tags == tags {
        kinds::ask(host, &before)?;
        return Ok(Outcome::NothingToReport { summary: standing(&before) });
    }
    let source = Source { task: &task, repository };
    let index = bring_up(host, &source, &mainline, before, stride.max(1))?;
    let mut index = Index { tags, ..index };
    index.limits.extend(cut);
    parts::save(host, "index", &index)?;
    let data =
        serde_json::json!({ "tip": index.tip, "commits": index.commits, "files": index.files });
    host.emit_event("project.index.updated", data)?;
    // Last: the others go on meanwhile, and go by what is said from their next look on.
    kinds::ask(host, &index)?;
    Ok(Outcome::Succeeded { summary: standing(&index) })
}

/// The repository, and how it is opened once more.
struct Source<'a> {
    task: &'a Task,
    repository: Repository,
}

fn open(task: &Task) -> Result<Repository, OpenError> {
    Repository::open(&task.project_root, task.git_dir.as_deref())
}

fn bring_up(
    host: &mut dyn Host,
    source: &Source<'_>,
    mainline: &Mainline,
    before: Index,
    stride: usize,
) -> Result<Index, AgentError> {
    let mut index = history::follow(host, source, mainline.tip, before, stride)?;
    index.limits.clear();
    let dropped = index.history.first().is_some_and(|first| *first > 0);
    if dropped {
        index.limits.push("the oldest commits are left out: history is too long to keep".into());
    }
    files::bring_up(host, &source.repository, mainline.tip, &mut index, stride)?;
    if source.repository.is_shallow() {
        index.limits.push("a shallow clone: older commits are not here".into());
    }
    if index.damaged > 0 {
        index.limits.push(format!("{} commits could not be read", index.damaged));
    }
    index.mainline.clone_from(&mainline.name);
    if index.cut > 0 {
        index.limits.push(format!("of {} commits not all changes are kept", index.cut));
    }
    index.walk = None;
    Ok(index)
}

fn standing(index: &Index) -> String {
    let limits = match index.limits.as_slice() {
        [] => String::new(),
        limits => format!("; {}", limits.join("; ")),
    };
    format!(
        "{} commits, {} files, {} of them with metrics{limits}",
        index.commits, index.files, index.measured
    )
}
