//! The forge that the project is on: its issues, pull or merge requests and milestones, read through a
//! door of the daemon, and its milestones made into a plan.

mod connection;
mod feed;
pub(super) mod limits;
pub(super) mod moment;
pub mod planned;
mod requested;
pub mod store;
pub mod sync;
pub mod wire;

pub use connection::{Connection, Settings, find};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::checkpoint::{self, encode};
use crate::host::{AgentError, Ask, Host, LARGEST_CHECKPOINT};
use crate::plan::forge::{SHARED_AS, Shared};
use crate::requests;
use store::{Item, Items, MOST_ITEMS, Milestone, Store};
use sync::{Run, Sync};
use wire::Flavour;

/// Checkpoints: how far everything is read, with the milestones; items of each kind.
const STATE: &str = "forge";
const ISSUES: &str = "forge-issues";
const MERGES: &str = "forge-merges";
/// What is only a newer "nothing has changed" is stored once an hour: every quarter of an hour would
/// fill the journal.
const STALE_MS: i64 = 3_600_000;

/// What is stored of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stored {
    sync: Sync,
    milestones: Vec<Milestone>,
}

/// What came of a run's reading.
#[derive(Clone, Debug)]
pub struct Read {
    /// How the connection is.
    pub sync: Sync,
    /// Issues, and pull or merge requests: open ones, and all that are known.
    pub open: usize,
    pub all: usize,
    pub milestones: usize,
    pub is_cut: bool,
    /// Requests of this run.
    pub asked: usize,
}

/// Reads on where the last run ended; what is read is stored, and its plan is shared.
///
/// # Errors
/// When the host is gone.
pub fn read(host: &mut dyn Host, connection: &Connection) -> Result<Option<Read>, AgentError> {
    let Some((mut sync, mut store)) = load(host, connection)? else { return Ok(None) };
    let before = Stored { sync: sync.clone(), milestones: store.milestones.clone() };
    let mut run = sync.begin(&store, host.task().now_ms);
    while let Some(request) = sync.next(&run) {
        host.progress(run.asked as u64, None, &format!("reading {}", connection.host))?;
        let (reply, passed_ms) = ask(host, connection, &request);
        sync.take(&mut run, &mut store, &request, &reply, passed_ms);
    }
    sync.finish(&run);
    save(host, &before, &sync, &mut store, &run)?;
    share(host, &planned::shared(connection, &store))?;
    if let Some(read_ms) = sync.read_ms {
        share_requests(host, &requested::shared(connection, &store, read_ms))?;
    }
    let items = || store.issues.list().chain(store.merges.list());
    Ok(Some(Read {
        sync,
        open: items().filter(|item| item.is_open()).count(),
        all: items().count(),
        milestones: store.milestones.len(),
        is_cut: store.issues.is_cut || store.merges.is_cut,
        asked: run.asked,
    }))
}

/// Takes back what was shared, where no forge is connected any more.
///
/// # Errors
/// When the host is gone.
pub fn forget(host: &mut dyn Host) -> Result<(), AgentError> {
    share(host, &Shared::of(String::new(), Vec::new()))?;
    let before: Option<requests::Shared> = checkpoint::load(host, requests::SHARED_AS)?;
    match before.filter(|before| !before.source.is_empty()) {
        Some(_) => share_requests(host, &requests::Shared::default()),
        None => Ok(()),
    }
}

/// Shares requests where they say more than what was shared before.
fn share_requests(host: &mut dyn Host, now: &requests::Shared) -> Result<(), AgentError> {
    let before: Option<requests::Shared> = checkpoint::load(host, requests::SHARED_AS)?;
    match before.is_none_or(|before| now.is_news(&before)) {
        true => Ok(checkpoint::save(host, requests::SHARED_AS, now)?),
        false => Ok(()),
    }
}

fn ask(
    host: &mut dyn Host,
    connection: &Connection,
    request: &sync::Request,
) -> crate::host::Reply {
    let mut fields = vec![("User-Agent", "ai-onboard")];
    fields.extend(match connection.flavour {
        Flavour::GitHub => {
            [("Accept", "application/vnd.github+json"), ("X-GitHub-Api-Version", "2022-11-28")]
                .as_slice()
        }
        Flavour::GitLab => [("Accept", "application/json")].as_slice(),
    });
    fields.extend(request.etag.as_deref().map(|etag| ("If-None-Match", etag)));
    let (door, path) = (&*connection.door.url, &*request.path);
    host.doors().ask(&Ask { door, path, fields: &fields, json: None })
}

/// What is known, or nothing of it where it is of another repository or a part of it is missing.
fn load(host: &mut dyn Host, connection: &Connection) -> Result<Option<(Sync, Store)>, AgentError> {
    let Connection { flavour, host: name, repository, .. } = connection;
    let Some(new) = Sync::new(*flavour, &connection.door.host, repository) else { return Ok(None) };
    let known: Option<Stored> = checkpoint::load(host, STATE)?;
    let is_same = |stored: &Stored| {
        let Sync { flavour, host, repository, .. } = &stored.sync;
        (flavour, host, repository) == (&new.flavour, &new.host, &new.repository)
    };
    let Some(stored) = known.filter(is_same) else { return Ok(Some((new, Store::default()))) };
    let issues: Option<Vec<Item>> = checkpoint::load(host, ISSUES)?;
    let merges: Option<Vec<Item>> = checkpoint::load(host, MERGES)?;
    let (Some(issues), Some(merges)) = (issues, merges) else {
        host.log(crate::host::Level::Warning, &format!("{name} is read anew: a part is missing"));
        return Ok(Some((new, Store::default())));
    };
    let store = Store {
        milestones: stored.milestones,
        issues: Items::of(issues),
        merges: Items::of(merges),
    };
    Ok(Some((stored.sync, store)))
}

/// Items first: what is marked as read must be there.
fn save(
    host: &mut dyn Host,
    before: &Stored,
    sync: &Sync,
    store: &mut Store,
    run: &Run,
) -> Result<(), AgentError> {
    let is_new = before.sync.read_ms.is_none();
    for (name, items) in [(ISSUES, &mut store.issues), (MERGES, &mut store.merges)] {
        if items.is_changed || is_new {
            host.save_checkpoint(name, &fitting(items)?)?;
            items.is_changed = false;
        }
    }
    let now = Stored { sync: sync.clone(), milestones: store.milestones.clone() };
    let mut unchanged = now.clone();
    unchanged.sync.read_ms = before.sync.read_ms;
    let is_news = unchanged != *before
        || now
            .sync
            .read_ms
            .zip(before.sync.read_ms)
            .is_some_and(|(now, old)| now - old >= STALE_MS);
    if run.asked > 0 && (is_news || is_new) {
        checkpoint::save(host, STATE, &now)?;
    }
    Ok(())
}

/// As text, with as many items as fit.
fn fitting(items: &mut Items) -> Result<String, AgentError> {
    let mut most = MOST_ITEMS;
    loop {
        items.shrink(most);
        let text = encode(&items.list().collect::<Vec<_>>())?;
        if text.len() <= LARGEST_CHECKPOINT || items.is_empty() {
            return Ok(text);
        }
        most = items.len() / 2;
    }
}

/// Shares a plan where it is another than before, and says so.
fn share(host: &mut dyn Host, plan: &Shared) -> Result<(), AgentError> {
    let text = encode(plan)?;
    let before = host.load_checkpoint(SHARED_AS)?;
    let is_same = match &before {
        Some(before) => *before == text,
        None => plan.milestones.is_empty(),
    };
    if !is_same {
        host.save_checkpoint(SHARED_AS, &text)?;
        let data = json!({ "source": plan.source, "milestones": plan.milestones.len() });
        host.emit_event("project.plan.updated", data)?;
    }
    Ok(())
}
