//! Files that say something by being there: build services' configuration, manifests and locks.

use gix::ObjectId;
use onboard_analysis::dependency::{declared, is_locked, locks_of};
use onboard_analysis::ledger::{Ledger, Watched};
use onboard_analysis::path::file_name;

use crate::git::{Listing, Repository, TreeFile};
use crate::plan::without_place;

/// Configuration files are small; a larger one is not read.
const LARGEST_CONFIGURATION: u64 = 1024 * 1024;
/// Lock files are large; a larger one than this is left alone.
const LARGEST_LOCK: u64 = 16 * 1024 * 1024;
/// Workflows checked at most.
const MOST_WORKFLOWS: usize = 100;
/// Manifests with a lock beside them that are compared.
const MOST_MANIFESTS: usize = 20;
/// Names listed per manifest.
const MOST_NAMES: usize = 8;

/// Single files by which a build service is configured.
const CI_FILES: [&str; 16] = [
    ".gitlab-ci.yml",
    ".gitlab-ci.yaml",
    ".travis.yml",
    ".drone.yml",
    ".cirrus.yml",
    ".appveyor.yml",
    "appveyor.yml",
    "azure-pipelines.yml",
    ".azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile",
    "cloudbuild.yaml",
    ".woodpecker.yml",
    ".build.yml",
    "buildkite.yml",
    "wercker.yml",
];

/// Folders by which one is.
const CI_FOLDERS: [&str; 11] = [
    ".github/workflows/",
    ".gitea/workflows/",
    ".forgejo/workflows/",
    ".circleci/",
    ".buildkite/",
    ".woodpecker/",
    ".builds/",
    ".azure-pipelines/",
    ".semaphore/",
    ".teamcity/",
    ".ci/",
];

/// The configuration of build services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CiFacts {
    pub files: Vec<String>,
    pub broken: Vec<BrokenConfiguration>,
}

/// A configuration no build service can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenConfiguration {
    pub path: String,
    /// 1-based.
    pub line: u32,
    pub column: u32,
    pub what: String,
}

/// Finds the configurations and reads those that are YAML.
pub fn continuous_integration(repository: &Repository, listing: &Listing) -> CiFacts {
    let mut facts = CiFacts::default();
    for file in listing.files.iter().filter(|file| is_configuration(&file.path)) {
        if facts.files.len() == MOST_WORKFLOWS {
            break;
        }
        facts.files.push(file.path.clone());
        facts.broken.extend(broken(repository, file));
    }
    facts
}

fn is_configuration(path: &str) -> bool {
    CI_FILES.contains(&path)
        || CI_FOLDERS.iter().any(|folder| path.starts_with(folder))
        || path.starts_with("azure-pipelines")
}

fn broken(repository: &Repository, file: &TreeFile) -> Option<BrokenConfiguration> {
    let is_yaml = file.path.ends_with(".yml") || file.path.ends_with(".yaml");
    if !is_yaml || file.link {
        return None;
    }
    let content = repository.content(file.blob, LARGEST_CONFIGURATION).ok().flatten()?;
    let problem = |line: u32, column: u32, what: String| {
        Some(BrokenConfiguration { path: file.path.clone(), line, column, what })
    };
    let text = match String::from_utf8(content) {
        Ok(text) => text,
        Err(_) => return problem(1, 1, "it is not UTF-8 text".to_owned()),
    };
    let parsed = match serde_saphyr::from_multiple::<serde_json::Value>(&text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let place = error.location();
            let line = place.map_or(1, |place| u32::try_from(place.line()).unwrap_or(1));
            let column = place.map_or(1, |place| u32::try_from(place.column()).unwrap_or(1));
            let what = without_place(&error.without_snippet().to_string());
            return problem(line, column, what);
        }
    };
    let jobs = parsed.first().and_then(|root| root.get("jobs"));
    let is_workflow = file.path.contains("/workflows/") && file.path.matches('/').count() == 2;
    if is_workflow && jobs.is_none() {
        return problem(1, 1, "the workflow has no `jobs`".to_owned());
    }
    None
}

/// A lock file and when it last changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub path: String,
    pub changed: Option<Watched>,
}

/// A manifest with a lock file beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFacts {
    pub path: String,
    pub changed: Option<Watched>,
    pub lock: Lock,
    /// Names it declares that its lock does not have.
    pub not_locked: Vec<String>,
}

/// Compares each manifest with the lock file beside it.
pub fn manifests(
    repository: &Repository,
    listing: &Listing,
    ledger: &Ledger,
) -> Vec<ManifestFacts> {
    let mut found = Vec::new();
    for file in &listing.files {
        let name = file_name(&file.path);
        let folder = &file.path[..file.path.len() - name.len()];
        let beside = |lock: &&str| listing.by_path(&format!("{folder}{lock}"));
        let Some(lock) = locks_of(name).iter().find_map(beside) else { continue };
        if is_example(folder) || found.len() == MOST_MANIFESTS {
            continue;
        }
        found.push(ManifestFacts {
            path: file.path.clone(),
            changed: ledger.watched.get(&file.path).cloned(),
            lock: Lock {
                path: lock.path.clone(),
                changed: ledger.watched.get(&lock.path).cloned(),
            },
            not_locked: not_locked(repository, file, lock).unwrap_or_default(),
        });
    }
    found
}

fn is_example(folder: &str) -> bool {
    let example = [
        "test",
        "tests",
        "fixtures",
        "__fixtures__",
        "examples",
        "example",
        "playground",
        "fuzz",
        "vendor",
        "node_modules",
        "testdata",
    ];
    folder.split('/').any(|part| example.contains(&part))
}

fn not_locked(
    repository: &Repository,
    manifest: &TreeFile,
    lock: &TreeFile,
) -> Option<Vec<String>> {
    let text = |file: &TreeFile, most| {
        let content = repository.content(file.blob, most).ok().flatten()?;
        String::from_utf8(content).ok()
    };
    let mut names = declared(&manifest.path, &text(manifest, LARGEST_CONFIGURATION)?)?;
    let lock = text(lock, LARGEST_LOCK)?;
    names.retain(|name| !is_locked(&lock, name));
    names.truncate(MOST_NAMES);
    Some(names)
}

/// One file's content in a commit.
pub fn content_at(repository: &Repository, commit: ObjectId, path: &str) -> Option<Vec<u8>> {
    let listing = repository.files(commit).ok()?;
    repository.content(listing.by_path(path)?.blob, LARGEST_CONFIGURATION).ok().flatten()
}
