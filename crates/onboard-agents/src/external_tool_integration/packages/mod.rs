//! The packages that a project is built with: what its lock files say, and what registries and the
//! database of advisories say of that, where the policy lets somebody ask them.

pub mod advisory;
pub mod asking;
pub mod book;
pub mod lock;
pub mod registry;
pub mod version;

use std::collections::BTreeSet;

use onboard_analysis::path::{Class, class, file_name};

use crate::checkpoint::{self, encode};
use crate::git::Repository;
use crate::host::{AgentError, Ask, Door, Host, LARGEST_CHECKPOINT, Level, Reply, Task};
use asking::{Interest, MOST_REQUESTS, Question, Run, Wanted};
use book::{Book, Key, Service};
use lock::{Contents, Kind, Locked};
use version::Ecosystem;

/// The checkpoint's name.
const BOOK: &str = "packages";
/// Lock files of a project, those nearest to its root.
const MOST_LOCKS: usize = 20;
/// Letters of a path that is named to people.
const LONGEST_PATH: usize = 200;
/// Bytes of one; the largest known have some megabytes.
const LARGEST: u64 = 16 << 20;
/// Packages of a project that are asked about.
const MOST_WANTED: usize = 5_000;
/// Versions that a package could be upgraded to, and that are asked about.
const MOST_FIXES: usize = 8;
/// Requests to the forge and to registries in one run: a policy allows 50 in a minute, unless it says
/// otherwise.
const MOST_IN_ALL: usize = 48;
/// Commits that are looked at for the one that changed a lock file.
const MOST_COMMITS: usize = 200;

/// A lock file at the commit that is checked out.
#[derive(Clone, Debug)]
pub struct LockFile {
    pub path: String,
    pub kind: Kind,
    pub blob: String,
    pub contents: Result<Contents, String>,
}

impl LockFile {
    pub fn packages(&self) -> &[Locked] {
        self.contents.as_ref().map_or(&[], |contents| &contents.packages)
    }
}

/// What is known of a project's packages.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    pub locks: Vec<LockFile>,
    pub book: Book,
    /// Hosts that would have to be asked and may not.
    pub closed: Vec<String>,
    /// Those that are asked.
    pub open: Vec<String>,
    /// Some answers are missing yet.
    pub is_behind: bool,
}

impl Packages {
    /// A package as it is asked about.
    pub fn key(lock: &LockFile, locked: &Locked) -> Key {
        let (name, version) = (locked.name.clone(), locked.version.clone());
        Key { ecosystem: lock.kind.ecosystem(), name, version }
    }
}

/// Reads the lock files, and asks what is not known of them.
///
/// # Errors
/// When the host is gone.
pub fn read(
    host: &mut dyn Host,
    repository: Option<&Repository>,
    asked_before: usize,
) -> Result<Packages, AgentError> {
    let task = host.task().clone();
    let before: Book = checkpoint::load(host, BOOK)?.unwrap_or_default();
    let mut book = before.clone();
    let locks = repository.map(|it| locks(it, &mut book)).unwrap_or_default();
    let wanted = wanted(&locks);
    let needed = needed(&wanted);
    let ways: Vec<(Service, Option<Door>)> = needed
        .iter()
        .map(|service| (*service, way(*service, host.doors().list(), &task)))
        .collect();
    let name = |(service, door): &(Service, Option<Door>)| {
        door.as_ref().map_or_else(|| wanted_host(*service, &task), |door| door.host.clone())
    };
    let closed = ways.iter().filter(|(_, door)| door.is_none()).map(name).collect();
    let open = ways.iter().filter(|(_, door)| door.is_some()).map(name).collect();
    let may = ways.iter().filter(|(_, door)| door.is_some()).map(|(service, _)| *service);
    let most = MOST_REQUESTS.min(MOST_IN_ALL.saturating_sub(asked_before));
    let mut run = Run::begin(&book, &wanted, may, most, task.now_ms);
    pursue(host, &ways, &mut run, &mut book)?;
    // Where to go has to be as sound as it seems.
    let wanted = with_fixes(&wanted, &book);
    let mut run = run.with(&wanted);
    pursue(host, &ways, &mut run, &mut book)?;
    let is_behind = run.is_behind(&book);
    book.prune(&wanted.keys().cloned().collect(), task.now_ms);
    save(host, &before, &mut book)?;
    Ok(Packages { locks, book, closed, open, is_behind })
}

/// Asks until the run is over.
fn pursue(
    host: &mut dyn Host,
    ways: &[(Service, Option<Door>)],
    run: &mut Run<'_>,
    book: &mut Book,
) -> Result<(), AgentError> {
    while let Some(question) = run.next(book) {
        let door = ways.iter().find(|(service, _)| *service == question.service);
        let Some((_, Some(door))) = door else { return Ok(()) };
        host.progress(run.asked as u64, None, &format!("asking {}", door.host))?;
        let (reply, passed_ms) = ask(host, door, &question);
        run.take(book, &question, &reply, passed_ms);
    }
    Ok(())
}

/// The same, with the versions that those with holes could be upgraded to.
fn with_fixes(wanted: &Wanted, book: &Book) -> Wanted {
    let mut all = wanted.clone();
    for key in wanted.keys().filter(|key| !book.about(key).is_empty()) {
        let Some(current) = key.ecosystem.version(&key.version) else { continue };
        let known = book.fixes(key.ecosystem, &key.name).into_iter();
        let mut fixes: Vec<_> = known
            .filter_map(|fix| Some((key.ecosystem.version(fix)?, fix)))
            .filter(|(version, _)| version.order(&current).is_gt())
            .map(|(version, fix)| (version, Key { version: fix.to_owned(), ..key.clone() }))
            // Nobody is sent to one of which a hole is known.
            .filter(|(_, fix)| book.about(fix).is_empty())
            .collect();
        // In the order in which one is chosen.
        fixes.sort_by(|one, two| one.0.order(&two.0));
        for (_, fix) in fixes.into_iter().take(MOST_FIXES) {
            all.entry(fix).or_insert(Interest::Advisories);
        }
    }
    all
}

fn ask(host: &mut dyn Host, door: &Door, question: &Question) -> Reply {
    let mut fields = vec![("User-Agent", "ai-onboard"), ("Accept", question.accept)];
    fields.extend(question.etag.as_deref().map(|etag| ("If-None-Match", etag)));
    let (path, json) = (&*question.path, question.json.as_deref());
    host.doors().ask(&Ask { door: &door.url, path, fields: &fields, json })
}

fn save(host: &mut dyn Host, before: &Book, book: &mut Book) -> Result<(), AgentError> {
    if book == before {
        return Ok(());
    }
    let mut text = encode(book)?;
    if text.len() > LARGEST_CHECKPOINT {
        book.shrink();
        text = encode(book)?;
    }
    if text.len() > LARGEST_CHECKPOINT {
        host.log(Level::Warning, "what is known of packages is too long to be kept");
        return Ok(());
    }
    Ok(host.save_checkpoint(BOOK, &text)?)
}

/// The host that a service is asked at: a mirror of one's own where the settings name one.
fn wanted_host(service: Service, task: &Task) -> String {
    let said = task.settings.get(service.setting()).filter(|host| !host.is_empty());
    said.map_or_else(|| service.host().to_owned(), Clone::clone)
}

fn way(service: Service, doors: &[Door], task: &Task) -> Option<Door> {
    let host = wanted_host(service, task);
    let leads = doors.iter().filter(|door| door.host == host);
    leads.max_by_key(|door| door.has_credential).cloned()
}

/// Who has to be asked about these.
fn needed(wanted: &Wanted) -> BTreeSet<Service> {
    let of = |(key, interest): (&Key, &Interest)| {
        Service::of(key.ecosystem).filter(|_| *interest != Interest::Advisories)
    };
    let mut needed: BTreeSet<Service> = wanted.iter().filter_map(of).collect();
    if !wanted.is_empty() {
        needed.insert(Service::Advisories);
    }
    needed
}

/// What is asked about: what the project asks for itself comes first where there is not room for all.
fn wanted(locks: &[LockFile]) -> Wanted {
    let mut wanted = Wanted::new();
    let interest = |lock: &LockFile, locked: &Locked| match lock.kind.ecosystem() {
        Ecosystem::Go => Interest::Advisories,
        _ if locked.is_direct => Interest::Direct,
        // Who withdraws a version there means everybody; npm's word is for who asked for it.
        Ecosystem::Crates | Ecosystem::PyPI => Interest::Indirect,
        Ecosystem::Npm => Interest::Advisories,
    };
    let all = || locks.iter().flat_map(|lock| lock.packages().iter().map(move |it| (lock, it)));
    for is_direct in [true, false] {
        for (lock, locked) in all().filter(|(_, locked)| locked.is_direct == is_direct) {
            let key = Packages::key(lock, locked);
            if wanted.len() < MOST_WANTED || wanted.contains_key(&key) {
                let interest = interest(lock, locked);
                let known = wanted.entry(key).or_insert(interest);
                *known = interest.min(*known);
            }
        }
    }
    wanted
}

/// The lock files of the commit that is checked out; not those of tests and of what others wrote.
fn locks(repository: &Repository, book: &mut Book) -> Vec<LockFile> {
    let Some(head) = repository.head_id() else { return Vec::new() };
    if book.places.0 != head {
        let places = places(repository, &head);
        book.places = (head, places);
    }
    book.places.1.iter().filter_map(|path| lock(repository, path)).collect()
}

fn places(repository: &Repository, head: &str) -> Vec<String> {
    let Ok(Ok(listing)) = gix::ObjectId::from_hex(head.as_bytes()).map(|id| repository.files(id))
    else {
        return Vec::new();
    };
    let is_own = |path: &str| {
        path.len() <= LONGEST_PATH && matches!(class(path), Class::Code | Class::Other)
    };
    let mut paths: Vec<String> = listing
        .files
        .into_iter()
        .filter(|file| {
            !file.link && Kind::of(file_name(&file.path)).is_some() && is_own(&file.path)
        })
        .map(|file| file.path)
        .collect();
    paths.sort_by_key(|path| (path.matches('/').count(), path.clone()));
    let folder = |path: &str| path[..path.len() - file_name(path).len()].to_owned();
    // Beside a lock file they are written from it.
    let locked: BTreeSet<String> = paths
        .iter()
        .filter(|path| matches!(Kind::of(file_name(path)), Some(Kind::Poetry | Kind::Uv)))
        .map(|path| folder(path))
        .collect();
    paths.retain(|path| {
        Kind::of(file_name(path)) != Some(Kind::Requirements) || !locked.contains(&folder(path))
    });
    paths.truncate(MOST_LOCKS);
    paths
}

fn lock(repository: &Repository, path: &str) -> Option<LockFile> {
    let kind = Kind::of(file_name(path))?;
    let blob = repository.blob_at_head(path)?;
    let text = |blob| match repository.content(blob, LARGEST) {
        Ok(Some(bytes)) => String::from_utf8(bytes).map_err(|_| "it is no text".to_owned()),
        Ok(None) => Err(format!("it is larger than {} MiB", LARGEST >> 20)),
        Err(unreadable) => Err(unreadable.why),
    };
    let folder = &path[..path.len() - file_name(path).len()];
    let manifest = kind
        .manifest()
        .and_then(|name| text(repository.blob_at_head(&format!("{folder}{name}"))?).ok());
    let contents = text(blob).and_then(|text| lock::read(kind, &text, manifest.as_deref()));
    Some(LockFile { path: path.to_owned(), kind, blob: blob.to_string(), contents })
}

/// The commit that made a file what it is, on the way of first parents.
pub fn last_change(repository: &Repository, path: &str) -> Option<String> {
    repository.last_change(path, MOST_COMMITS)
}
