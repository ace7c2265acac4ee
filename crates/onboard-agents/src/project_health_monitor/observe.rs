//! What there is to see in a project. The only part of the monitor that touches the world, and it
//! only reads.

mod branches;
mod files;
mod history;
mod notes;

use std::path::Path;

use onboard_analysis::calendar::day_of;
use onboard_analysis::ledger::Ledger;
use onboard_analysis::path::Class;
use onboard_analysis::release::Tag;
use sha2::{Digest, Sha256};

use super::state;
use crate::git::{Head, Mainline, NamedCommit, OpenError, References, Repository};
use crate::host::{AgentError, Host, Task};
use crate::plan::{self, PLAN_PATH, PlanReading};

pub use branches::{Branch, BranchFacts};
pub use files::{CiFacts, ManifestFacts};
pub use notes::NoteFacts;

/// Commits read to tell how far one line is from another.
const MOST_STEPS: usize = 20_000;

/// Everything a run knows about its project.
#[derive(Debug)]
pub struct Facts {
    pub now_ms: i64,
    pub plan: PlanReading,
    pub repository: RepositoryFacts,
}

/// How much of a repository there is.
#[derive(Debug)]
pub enum RepositoryFacts {
    Closed(OpenError),
    /// It opens and there is no commit to start from.
    Empty {
        head: Head,
    },
    Open(Box<OpenFacts>),
}

/// A repository that could be read.
#[derive(Debug)]
pub struct OpenFacts {
    pub mainline: String,
    pub tip: String,
    pub head: Head,
    pub shallow: bool,
    /// A partial clone, some of whose objects are not here.
    pub partial: bool,
    pub bare: bool,
    pub ledger: Ledger,
    pub files: Vec<FileFacts>,
    pub submodules: usize,
    pub notes: NoteFacts,
    pub branches: BranchFacts,
    pub tags: Vec<Tag>,
    /// Commits on the main line since the last release, and whether that is all of them.
    pub since_release: Option<(usize, bool)>,
    pub ci: CiFacts,
    pub manifests: Vec<ManifestFacts>,
    /// Objects that could not be read: name and reason.
    pub unreadable: Vec<(String, String)>,
    pub broken_references: Vec<String>,
    /// What was left out, and why.
    pub limits: Vec<String>,
}

impl OpenFacts {
    /// A repository of which history and tags are known, and nothing else.
    pub fn of_history(ledger: Ledger, tags: Vec<Tag>) -> Self {
        Self {
            mainline: String::new(),
            tip: String::new(),
            head: Head::Unborn(String::new()),
            shallow: false,
            partial: false,
            bare: true,
            ledger,
            files: Vec::new(),
            submodules: 0,
            notes: NoteFacts::default(),
            branches: BranchFacts::default(),
            tags,
            since_release: None,
            ci: CiFacts::default(),
            manifests: Vec::new(),
            unreadable: Vec::new(),
            broken_references: Vec::new(),
            limits: Vec::new(),
        }
    }
}

/// A file of the main line's last commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    pub path: String,
    pub key: u64,
    pub class: Class,
    pub inline_tests: bool,
}

/// The cheap part of looking: enough to tell whether anything changed since the last run.
pub struct Glance {
    repository: Result<Repository, OpenError>,
    head: Option<Head>,
    mainline: Option<Mainline>,
    branches: References,
    tags: References,
    plan: PlanReading,
    /// Hash of all of the above.
    pub seen: String,
}

/// Looks at references and the plan only. The day is part of what is seen: dates pass by themselves.
pub fn glance(task: &Task) -> Glance {
    let (root, day) = (task.project_root.as_path(), day_of(task.now_ms));
    let repository = Repository::open(root, task.git_dir.as_deref());
    let mut hash = Sha256::new();
    hash.update(day.to_le_bytes());
    let mut head = None;
    let mut mainline = None;
    let (mut branches, mut tags) = (References::default(), References::default());
    match &repository {
        Err(error) => hash.update(error.to_string()),
        Ok(repository) => {
            let found = repository.head();
            hash.update(format!("{found:?}"));
            head = Some(found);
            mainline = repository.mainline();
            hash.update(format!("{mainline:?}"));
            branches = repository.branches();
            tags = repository.tags();
            for reference in branches.list.iter().chain(&tags.list) {
                hash.update(&reference.name);
                hash.update(reference.id.as_slice());
            }
            hash.update([branches.broken.len() as u8, tags.broken.len() as u8]);
        }
    }
    let plan = read_plan(root, repository.as_ref().ok().zip(mainline.as_ref()));
    let plan = plan::forge::join(plan, task);
    hash.update(format!("{plan:?}"));
    let seen = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Glance { repository, head, mainline, branches, tags, plan, seen }
}

/// Looks at everything. Progress and checkpoints go to the host as the walk goes on.
pub fn observe(host: &mut dyn Host, glance: Glance, stride: usize) -> Result<Facts, AgentError> {
    let now_ms = host.task().now_ms;
    let plan = glance.plan;
    let repository = match glance.repository {
        Ok(repository) => repository,
        Err(error) => {
            let repository = RepositoryFacts::Closed(error);
            return Ok(Facts { now_ms, plan, repository });
        }
    };
    let head = glance.head.unwrap_or(Head::Broken("HEAD cannot be read".to_owned()));
    let Some(mainline) = glance.mainline else {
        return Ok(Facts { now_ms, plan, repository: RepositoryFacts::Empty { head } });
    };
    let mut limits = Vec::new();
    let listing = match repository.files(mainline.tip) {
        Ok(listing) => listing,
        Err(damage) => {
            let what = format!("{} cannot be read: {}", damage.id, damage.why);
            let repository = RepositoryFacts::Closed(OpenError::broken(what));
            return Ok(Facts { now_ms, plan, repository });
        }
    };
    let mut history = history::follow(host, &repository, &mainline, &listing, stride, &mut limits)?;
    let mut contents = state::load_contents(host)?;
    host.progress(0, None, "reading notes in the code")?;
    let scan = notes::scan(&repository, &mainline, &listing, &mut contents, &history.ledger);
    limits.extend(scan.limits);
    state::save_contents(host, &mut contents)?;
    host.progress(0, None, "comparing branches")?;
    let branches = branches::observe(&repository, &mainline, &glance.branches, &mut limits);
    let tags = dated(&repository, &glance.tags.list, now_ms);
    let last = onboard_analysis::release::releases(&tags).last().cloned();
    let since_release = last.and_then(|tag| {
        let id = glance.tags.list.iter().find(|known| known.name == tag.name)?.id;
        let apart = repository.divergence(mainline.tip, id, MOST_STEPS);
        Some((apart.ahead.len(), apart.complete))
    });
    history.unreadable.extend(
        listing
            .unreadable
            .iter()
            .chain(&scan.unreadable)
            .map(|damage| (damage.id.to_string(), damage.why.clone())),
    );
    // One damaged object is met on many ways; the reason names it.
    history.unreadable.sort_by(|a, b| a.1.cmp(&b.1));
    history.unreadable.dedup_by(|a, b| a.1 == b.1);
    let partial = repository.is_partial();
    if partial {
        history.unreadable.clear();
    }
    limits.extend(listing.limits());
    let broken_references = glance.branches.broken.into_iter().chain(glance.tags.broken).collect();
    let open = OpenFacts {
        mainline: mainline.name.clone(),
        tip: mainline.tip.to_string(),
        head,
        shallow: repository.is_shallow(),
        partial,
        bare: repository.is_bare(),
        ci: files::continuous_integration(&repository, &listing),
        manifests: files::manifests(&repository, &listing, &history.ledger),
        ledger: history.ledger,
        files: scan.files,
        submodules: listing.submodules,
        notes: scan.notes,
        branches,
        tags,
        since_release,
        unreadable: history.unreadable,
        broken_references,
        limits,
    };
    Ok(Facts { now_ms, plan, repository: RepositoryFacts::Open(Box::new(open)) })
}

/// Tags with their times; one that a broken clock dates in the future is of now.
fn dated(repository: &Repository, tags: &[NamedCommit], now_ms: i64) -> Vec<Tag> {
    tags.iter()
        .filter_map(|tag| {
            let at_ms = repository.recorded_ms(tag.id)?.min(now_ms);
            Some(Tag { name: tag.name.clone(), at_ms, commit: tag.id.to_string() })
        })
        .collect()
}

/// The plan in the work tree, or in the last commit where there is none.
fn read_plan(root: &Path, repository: Option<(&Repository, &Mainline)>) -> PlanReading {
    let found = plan::of_work_tree(root);
    let Some((repository, mainline)) = repository.filter(|(found, _)| found.is_bare()) else {
        return found;
    };
    if found != PlanReading::Absent {
        return found;
    }
    let Some(content) = files::content_at(repository, mainline.tip, PLAN_PATH) else {
        return PlanReading::Absent;
    };
    let text = String::from_utf8(content).map_err(|error| error.to_string());
    text.map_or_else(PlanReading::Unreadable, |text| plan::read(&text))
}
