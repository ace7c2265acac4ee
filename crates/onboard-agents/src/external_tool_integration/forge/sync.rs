//! Reading a forge's repository bit by bit: what to ask next, and what an answer means. Pure: whoever
//! calls it does the asking, so that every fault can be tried without a network.
//!
//! - [`Sync::next`] says what to ask, [`Sync::take`] takes what came.
//! - An answer is taken whole or not at all; nothing is marked as read before it is in the [`Store`].
//!   So a run may end at any moment, and the next goes on from what was stored.
//! - A run asks [`MOST_REQUESTS`] times at most. After a failure it ends; the next one waits longer the
//!   more failed in a row, up to an hour, and as long as the forge asks for.
//! - What was deleted or moved away shows in no list of changes. So all is read again from time to time,
//!   beside the reading of changes, and what that does not show is gone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::feed::{Feed, Step, Tail, mixed, nothing};
use super::limits;
use super::store::{Items, MOST_ITEMS, Milestone, Store};
use super::wire::{self, Flavour, Resource};
use crate::host::{Answer, Unanswered};

/// Requests of one run: a forge gives some thousand an hour, to all that share the credential.
pub const MOST_REQUESTS: usize = 40;
/// Time that the asking of one run may take: its deadline leaves room for its other work.
pub const MOST_MS: i64 = 120_000;
/// Requests of one run that are repeated at once, where an answer broke off or could not be read.
const REPEATS: usize = 1;
/// Milestones that are read: nobody plans further.
const MOST_MILESTONES: usize = 500;
/// Walks over their pages in one run, where none shows what the one before did; the next run, a quarter
/// of an hour later, looks again.
const MOST_WALKS: usize = 4;
/// How often all items are read again: every day where that is cheap, and every week.
const SWEEP_FEW_MS: i64 = 86_400_000;
const SWEEP_MANY_MS: i64 = 7 * SWEEP_FEW_MS;
/// Few: 20 requests.
const FEW: usize = 2_000;
/// What is not there is looked for again after a day.
const ABSENT_MS: i64 = 86_400_000;
/// Times that a repository may have moved, one after the other.
const MOST_MOVES: usize = 3;
/// The longest wait after failures, and the wait after a refusal, which no repetition mends.
const LONGEST_MS: i64 = 3_600_000;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    /// For `If-None-Match`.
    pub etag: Option<String>,
    what: What,
    /// The path below the base.
    below: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Milestones,
    Changes(usize),
    All(usize),
}

/// Of what kind a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// The credential is not good, or not for this, or there is no such repository.
    Refused,
    /// Nobody answers, or the forge has failed.
    Failing,
    /// What it says is not understood.
    Unreadable,
}

/// The last failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub class: Class,
    pub since_ms: i64,
    /// What was said last.
    pub why: String,
}

/// How far each resource is read, and how the connection is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sync {
    pub flavour: Flavour,
    pub host: String,
    /// `owner/name`.
    pub repository: String,
    /// What stands before the resources' paths; another where the repository has moved.
    base: String,
    milestones: Listing,
    streams: Vec<Stream>,
    /// Nothing is asked before.
    pub wait_until_ms: i64,
    /// Runs in a row that failed.
    pub failures: u32,
    /// Answers in a row that said that it was too much, without saying for how long.
    too_much: u32,
    pub trouble: Option<Trouble>,
    /// When all was read, to the end, at last.
    pub read_ms: Option<i64>,
    /// Since when there is more to read than there was time for.
    pub behind_since_ms: Option<i64>,
}

/// Milestones: few, and read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Listing {
    #[serde(default)]
    tail: Option<Tail>,
    absent_since_ms: Option<i64>,
}

/// Items of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stream {
    of: Resource,
    changes: Feed,
    /// All of them, once more, and those that it has not shown so far.
    sweep: Option<(Feed, BTreeSet<u64>)>,
    /// When all were read at last.
    swept_ms: Option<i64>,
    absent_since_ms: Option<i64>,
}

/// One run's share.
#[derive(Debug)]
pub struct Run {
    now_ms: i64,
    until_ms: i64,
    pub asked: usize,
    /// Of those, answers that nothing has changed.
    pub unchanged: usize,
    repeats: usize,
    moves: usize,
    is_over: bool,
    is_refused: bool,
    milestones: Walk,
    is_done: Vec<bool>,
}

/// A walk over the pages of milestones.
#[derive(Debug)]
struct Walk {
    is_done: bool,
    page: u32,
    found: Vec<Milestone>,
    digest: u64,
    before: Option<u64>,
    walks: usize,
}

impl Default for Walk {
    fn default() -> Walk {
        let found = Vec::new();
        Walk { is_done: false, page: 1, found, digest: nothing(), before: None, walks: 0 }
    }
}

impl Sync {
    /// From the beginning; `None` where a repository can't have this name.
    pub fn new(flavour: Flavour, host: &str, repository: &str) -> Option<Sync> {
        let stream = |of: &Resource| Stream {
            of: *of,
            changes: Feed::default(),
            sweep: None,
            swept_ms: None,
            absent_since_ms: None,
        };
        let items = flavour.resources().iter().filter(|of| **of != Resource::Milestones);
        Some(Sync {
            flavour,
            host: host.to_owned(),
            repository: repository.to_owned(),
            base: flavour.base(host, repository)?,
            milestones: Listing::default(),
            streams: items.map(stream).collect(),
            wait_until_ms: 0,
            failures: 0,
            too_much: 0,
            trouble: None,
            read_ms: None,
            behind_since_ms: None,
        })
    }

    /// Begins a run.
    pub fn begin(&mut self, store: &Store, now_ms: i64) -> Run {
        let is_absent = |since: Option<i64>| since.is_some_and(|at| now_ms - at < ABSENT_MS);
        for stream in &mut self.streams {
            let items = store_of(store, stream.of);
            let every_ms = if items.len() <= FEW { SWEEP_FEW_MS } else { SWEEP_MANY_MS };
            let is_due = stream.swept_ms.is_some_and(|at| now_ms - at >= every_ms);
            if is_due && stream.sweep.is_none() {
                stream.sweep = Some((Feed::default(), items.numbers().collect()));
            }
        }
        let milestones =
            Walk { is_done: is_absent(self.milestones.absent_since_ms), ..Walk::default() };
        Run {
            now_ms,
            until_ms: now_ms + MOST_MS,
            asked: 0,
            unchanged: 0,
            repeats: REPEATS,
            moves: MOST_MOVES,
            is_over: now_ms < self.wait_until_ms,
            is_refused: false,
            milestones,
            is_done: self.streams.iter().map(|s| is_absent(s.absent_since_ms)).collect(),
        }
    }

    /// What to ask; nothing where this run is over.
    pub fn next(&self, run: &Run) -> Option<Request> {
        if run.is_over || run.asked >= MOST_REQUESTS || run.now_ms >= run.until_ms {
            return None;
        }
        let (what, tail) = self.open(run)?;
        let path = format!("{}{}", self.base, tail.path);
        Some(Request { path, etag: tail.etag, what, below: tail.path })
    }

    /// What is not read to its end: milestones first, then what changed, then all once more.
    fn open(&self, run: &Run) -> Option<(What, Tail)> {
        let flavour = self.flavour;
        if !run.milestones.is_done {
            let page = run.milestones.page;
            let path = || flavour.page(Resource::Milestones, None, super::feed::PAGE, page);
            let known = self.milestones.tail.clone().filter(|_| page == 1);
            return Some((
                What::Milestones,
                known.unwrap_or_else(|| Tail { path: path(), etag: None }),
            ));
        }
        let ask = |stream: &Stream, feed: &Feed| {
            feed.next(|since_ms, size, page| flavour.page(stream.of, since_ms, size, page))
        };
        if let Some(at) = run.is_done.iter().position(|is_done| !is_done) {
            let stream = &self.streams[at];
            return Some((What::Changes(at), ask(stream, &stream.changes)));
        }
        let swept = |(at, stream): (usize, &Stream)| {
            let (feed, _) = stream.sweep.as_ref().filter(|_| stream.absent_since_ms.is_none())?;
            Some((What::All(at), ask(stream, feed)))
        };
        self.streams.iter().enumerate().find_map(swept)
    }

    /// Takes what came of a request; `passed_ms` since the one before, or since the run began.
    pub fn take(
        &mut self,
        run: &mut Run,
        store: &mut Store,
        request: &Request,
        reply: &Result<Answer, Unanswered>,
        passed_ms: i64,
    ) {
        run.asked += 1;
        run.now_ms += passed_ms.max(0);
        let answer = match reply {
            Ok(answer) => answer,
            Err(Unanswered::TooLarge) => return self.too_large(run, request),
            Err(Unanswered::Broken(why)) => return self.repeat(run, Class::Failing, why.clone()),
        };
        if let Some(until_ms) = limits::used_up(answer, run.now_ms) {
            self.wait_until_ms = self.wait_until_ms.max(until_ms);
            run.is_over = true;
        }
        match answer.status {
            200 => match self.page(run, store, request, answer) {
                Ok(()) => self.too_much = 0,
                Err(why) => {
                    self.repeat(run, Class::Unreadable, format!("{}: {why}", request.below));
                }
            },
            304 if request.etag.is_some() => {
                run.unchanged += 1;
                self.too_much = 0;
                self.end(run, store, request.what);
            }
            301 | 302 | 307 | 308 => self.moved(run, request, answer),
            403 | 429 if limits::is_too_much(answer) => {
                let said = limits::said_wait(answer, run.now_ms);
                let until_ms =
                    said.unwrap_or_else(|| limits::unsaid_wait(run.now_ms, self.too_much));
                self.too_much += u32::from(said.is_none());
                self.wait_until_ms = self.wait_until_ms.max(until_ms);
                run.is_over = true;
            }
            404 | 410 => self.absent(run, request.what, answer),
            401 | 403 => self.fail(run, Class::Refused, limits::words(answer)),
            _ => {
                let until_ms = limits::said_wait(answer, run.now_ms).unwrap_or_default();
                self.wait_until_ms = self.wait_until_ms.max(until_ms);
                self.fail(run, Class::Failing, limits::words(answer));
            }
        }
    }

    fn page(
        &mut self,
        run: &mut Run,
        store: &mut Store,
        request: &Request,
        answer: &Answer,
    ) -> Result<(), String> {
        let has_next = wire::has_next(answer.field("link"));
        let etag = answer.field("etag").map(str::to_owned).filter(|etag| etag.len() <= 200);
        let tail = Tail { path: request.below.clone(), etag };
        let at = match request.what {
            What::Milestones => {
                let found = wire::milestones(self.flavour, &answer.body)?;
                self.milestones.absent_since_ms = None;
                if run.milestones.take(found, has_next, store) {
                    self.milestones.tail = Some(tail).filter(|_| run.milestones.page == 1);
                    self.end(run, store, request.what);
                }
                return Ok(());
            }
            What::Changes(at) | What::All(at) => at,
        };
        let stream = &mut self.streams[at];
        let found = wire::items(self.flavour, stream.of, &answer.body)?;
        stream.absent_since_ms = None;
        let items = store_of_mut(store, stream.of);
        for item in &found {
            if let Some((_, unseen)) = &mut stream.sweep {
                unseen.remove(&item.number);
            }
            items.put(item.clone());
        }
        items.shrink(MOST_ITEMS);
        let feed = match (request.what, &mut stream.sweep) {
            (What::All(_), Some((feed, _))) => feed,
            _ => &mut stream.changes,
        };
        if feed.take(&found, has_next, tail) == Step::Over {
            self.end(run, store, request.what);
        }
        Ok(())
    }

    /// This is read to its end.
    fn end(&mut self, run: &mut Run, store: &mut Store, what: What) {
        match what {
            What::Milestones => run.milestones.is_done = true,
            What::Changes(at) => {
                run.is_done[at] = true;
                let stream = &mut self.streams[at];
                stream.swept_ms = stream.swept_ms.or(Some(run.now_ms));
            }
            What::All(at) => {
                let stream = &mut self.streams[at];
                let items = store_of_mut(store, stream.of);
                let gone = stream.sweep.take().map(|(_, unseen)| unseen).unwrap_or_default();
                gone.into_iter().for_each(|number| items.remove(number));
                stream.swept_ms = Some(run.now_ms);
            }
        }
    }

    fn too_large(&mut self, run: &mut Run, request: &Request) {
        let is_smaller = match request.what {
            What::Milestones => false,
            What::Changes(at) => self.streams[at].changes.smaller(),
            What::All(at) => {
                self.streams[at].sweep.as_mut().is_some_and(|(feed, _)| feed.smaller())
            }
        };
        if !is_smaller {
            self.fail(run, Class::Unreadable, format!("{}: it is too long", request.below));
        }
    }

    /// A repository that was renamed or moved is asked for where it is now.
    fn moved(&mut self, run: &mut Run, request: &Request, answer: &Answer) {
        let location = answer.field("location").unwrap_or_default();
        let path = location
            .split_once("://")
            .map_or(location, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let resource = request.below.split('?').next().unwrap_or_default();
        let base = path.split('?').next().unwrap_or_default().strip_suffix(resource);
        match base.filter(|base| run.moves > 0 && is_base(base)) {
            Some(base) if base != self.base => {
                run.moves -= 1;
                self.base = base.to_owned();
            }
            _ => self.fail(run, Class::Refused, "it leads elsewhere, and in circles".to_owned()),
        }
    }

    /// There are no such things here: switched off, or not for this credential to see.
    fn absent(&mut self, run: &mut Run, what: What, answer: &Answer) {
        match what {
            What::Milestones => {
                self.milestones = Listing { tail: None, absent_since_ms: Some(run.now_ms) };
                run.milestones.is_done = true;
            }
            What::Changes(at) | What::All(at) => {
                self.streams[at].absent_since_ms = Some(run.now_ms);
                run.is_done[at] = true;
            }
        }
        let is_nothing = self.milestones.absent_since_ms.is_some()
            && self.streams.iter().all(|stream| stream.absent_since_ms.is_some());
        if is_nothing {
            // All of it is looked for again where it was at first, after the wait of a refusal.
            self.base = self.flavour.base(&self.host, &self.repository).unwrap_or_default();
            self.milestones.absent_since_ms = None;
            self.streams.iter_mut().for_each(|stream| stream.absent_since_ms = None);
            self.fail(run, Class::Refused, limits::words(answer));
        }
    }

    fn repeat(&mut self, run: &mut Run, class: Class, why: String) {
        match run.repeats.checked_sub(1) {
            Some(left) => run.repeats = left,
            None => self.fail(run, class, why),
        }
    }

    fn fail(&mut self, run: &mut Run, class: Class, why: String) {
        run.is_over = true;
        run.is_refused = true;
        self.failures = self.failures.saturating_add(1);
        let doubled = 60_000_i64 << self.failures.saturating_sub(1).min(6);
        let wait_ms = if class == Class::Refused { LONGEST_MS } else { doubled.min(LONGEST_MS) };
        self.wait_until_ms = self.wait_until_ms.max(run.now_ms + wait_ms);
        let known = self.trouble.take().filter(|trouble| trouble.class == class);
        let since_ms = known.map_or(run.now_ms, |trouble| trouble.since_ms);
        self.trouble = Some(Trouble { class, since_ms, why: limits::clean(&why) });
    }

    /// Ends a run. Says whether all was read.
    pub fn finish(&mut self, run: &Run) -> bool {
        let is_read = run.asked > 0 && !run.is_refused && self.open(run).is_none();
        if is_read {
            self.read_ms = Some(run.now_ms);
        }
        if run.asked > 0 && !run.is_refused {
            self.failures = 0;
            self.trouble = None;
        }
        self.behind_since_ms = match is_read {
            true => None,
            false => self.behind_since_ms.or(Some(run.now_ms)),
        };
        is_read
    }

    /// Whether the repository is somewhere else than its address says.
    pub fn has_moved(&self) -> bool {
        self.flavour.base(&self.host, &self.repository).as_deref() != Some(&self.base)
    }
}

/// What may stand before a resource's path.
fn is_base(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
    text.starts_with('/') && text.len() <= 300 && text.bytes().all(is_plain)
}

fn store_of(store: &Store, of: Resource) -> &Items {
    match of {
        Resource::Merges => &store.merges,
        Resource::Issues | Resource::Milestones => &store.issues,
    }
}

fn store_of_mut(store: &mut Store, of: Resource) -> &mut Items {
    match of {
        Resource::Merges => &mut store.merges,
        Resource::Issues | Resource::Milestones => &mut store.issues,
    }
}

impl Walk {
    /// A page has come; when the last one has, what is stored is what was found. `true` then. Of several
    /// pages, two walks have to show the same.
    fn take(&mut self, found: Vec<Milestone>, has_next: bool, store: &mut Store) -> bool {
        let has_more = !found.is_empty() && (has_next || found.len() >= super::feed::PAGE);
        for milestone in &found {
            let updated = milestone.updated_ms.cast_unsigned();
            self.digest = mixed(mixed(self.digest, milestone.id), updated);
        }
        self.found.extend(found);
        if has_more && self.found.len() < MOST_MILESTONES {
            self.page += 1;
            return false;
        }
        self.walks += 1;
        let is_sure = self.page == 1 || self.before == Some(self.digest);
        if !is_sure && self.walks < MOST_WALKS {
            let (before, walks) = (Some(self.digest), self.walks);
            *self = Walk { before, walks, ..Walk::default() };
            return false;
        }
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|milestone| milestone.id);
        found.dedup_by_key(|milestone| milestone.id);
        found.truncate(MOST_MILESTONES);
        store.milestones = found;
        true
    }
}
