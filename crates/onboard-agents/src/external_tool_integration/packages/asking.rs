//! What to ask of whom next, and what an answer means. Pure: whoever calls it does the asking, so that
//! every fault can be tried without a network.
//!
//! - [`Run::next`] says what to ask, [`Run::take`] takes what came. An answer is taken whole or not at
//!   all, and what was answered is asked again after a day.
//! - A failure ends the asking of that service for this run; the next run that asks it waits longer the
//!   more failed in a row, up to an hour, and as long as it asks for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::forge::limits;
use super::advisory::Advisory;
use super::book::{Book, DAY_MS, Key, MOST_OF_VERSION, Page, Said, Service, Standing};
use super::registry;
use super::version::Ecosystem;
use crate::host::{Answer, Unanswered};

/// Requests of one run: with those to the forge it stays below what a policy allows in a minute (50).
pub const MOST_REQUESTS: usize = 40;
/// Time that the asking of one run may take.
pub const MOST_MS: i64 = 60_000;
/// Versions of one question; the database takes a thousand at most.
const BATCH: usize = 500;
/// Pages of one question's answer that are read.
const MOST_PAGES: u32 = 20;
/// Requests of one run that are repeated at once, where an answer broke off or could not be read.
const REPEATS: usize = 1;
/// The first and the longest wait after failures, and the wait after a refusal.
const SHORTEST_MS: i64 = 60_000;
const LONGEST_MS: i64 = 3_600_000;
/// The longest mark of an answer that is sent back.
const ETAG: usize = 200;

/// A version that somebody has, and whether its registry is asked about it.
pub type Wanted = BTreeMap<Key, Interest>;

/// How much there is to ask about a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interest {
    /// Its registry, before others.
    Direct,
    /// Its registry, when there is time.
    Indirect,
    /// Advisories alone.
    Advisories,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub service: Service,
    pub path: String,
    pub accept: &'static str,
    /// For `If-None-Match`.
    pub etag: Option<String>,
    pub json: Option<Vec<u8>>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Versions(Vec<Page>),
    Advisory { id: String, modified: String },
    Package { ecosystem: Ecosystem, name: String },
}

/// One run's share.
#[derive(Debug)]
pub struct Run<'a> {
    wanted: &'a Wanted,
    may: BTreeSet<Service>,
    now_ms: i64,
    until_ms: i64,
    left: usize,
    pub asked: usize,
    repeats: usize,
    batch: usize,
    /// Of these nothing more is asked in this run.
    ended: BTreeSet<Service>,
}

impl<'a> Run<'a> {
    /// Begins a run that may ask these services, so many times at most.
    pub fn begin(
        book: &Book,
        wanted: &'a Wanted,
        may: impl IntoIterator<Item = Service>,
        most: usize,
        now_ms: i64,
    ) -> Run<'a> {
        let waits = |(service, standing): (&Service, &Standing)| {
            (now_ms < standing.wait_until_ms).then_some(*service)
        };
        Run {
            wanted,
            may: may.into_iter().collect(),
            now_ms,
            until_ms: now_ms + MOST_MS,
            left: most.min(MOST_REQUESTS),
            asked: 0,
            repeats: REPEATS,
            batch: BATCH,
            ended: book.services.iter().filter_map(waits).collect(),
        }
    }

    /// The same run, for who has these versions.
    pub fn with<'b>(self, wanted: &'b Wanted) -> Run<'b>
    where
        'a: 'b,
    {
        Run { wanted, ..self }
    }

    /// What to ask; nothing where this run is over.
    pub fn next(&self, book: &Book) -> Option<Question> {
        if self.asked >= self.left || self.now_ms >= self.until_ms {
            return None;
        }
        self.versions(book).or_else(|| self.advisory(book)).or_else(|| self.package(book))
    }

    fn asks(&self, service: Service) -> bool {
        self.may.contains(&service) && !self.ended.contains(&service)
    }

    /// Whether an answer of that moment has grown old.
    fn is_old(&self, read_ms: i64) -> bool {
        // What was read in the future was read before the clock was set back.
        self.now_ms - read_ms >= DAY_MS || read_ms > self.now_ms + DAY_MS
    }

    fn versions(&self, book: &Book) -> Option<Question> {
        if !self.asks(Service::Advisories) {
            return None;
        }
        let is_due = |key: &&Key| book.said(key).is_none_or(|said| self.is_old(said.read_ms));
        let since_ms = self.now_ms;
        let new = |key: &Key| Page {
            key: key.clone(),
            token: None,
            ids: BTreeMap::new(),
            count: 0,
            since_ms,
        };
        let pages: Vec<Page> = match book.pages.is_empty() {
            false => book.pages.iter().take(self.batch).cloned().collect(),
            true => self.wanted.keys().filter(is_due).take(self.batch).map(new).collect(),
        };
        if pages.is_empty() {
            return None;
        }
        let queries = pages.iter().map(Query::of).collect();
        Some(Question {
            service: Service::Advisories,
            path: "/v1/querybatch".to_owned(),
            accept: "application/json",
            etag: None,
            json: serde_json::to_vec(&Batch { queries }).ok(),
            what: What::Versions(pages),
        })
    }

    /// Advisories that are not known as they are now.
    fn advisory(&self, book: &Book) -> Option<Question> {
        if !self.asks(Service::Advisories) {
            return None;
        }
        let is_due = |(id, modified): &(&String, &String)| match book.advisory(id) {
            None => !book.is_full(),
            Some((read_ms, known)) => known.modified != **modified && self.is_old(*read_ms),
        };
        let said = self.wanted.keys().filter_map(|key| book.said(key));
        let (id, modified) = said.flat_map(|said| &said.ids).find(is_due)?;
        Some(Question {
            service: Service::Advisories,
            path: format!("/v1/vulns/{id}"),
            accept: "application/json",
            etag: None,
            json: None,
            what: What::Advisory { id: id.clone(), modified: modified.clone() },
        })
    }

    /// A package whose registry was not asked today, those first that the project asks for.
    fn package(&self, book: &Book) -> Option<Question> {
        let age = |key: &Key| book.package(key.ecosystem, &key.name).map_or(0, |it| it.read_ms);
        let is_due = |(key, interest): &(&Key, &Interest)| {
            let service = Service::of(key.ecosystem).filter(|_| **interest != Interest::Advisories);
            service.is_some_and(|service| self.asks(service))
                && registry::question(key.ecosystem, &key.name).is_some()
                && book.package(key.ecosystem, &key.name).is_none_or(|known| {
                    self.is_old(known.read_ms) || !known.locked.contains_key(&key.version)
                })
        };
        let due = self.wanted.iter().filter(is_due);
        let (key, _) = due.min_by_key(|(key, interest)| (**interest, age(key)))?;
        let (path, accept) = registry::question(key.ecosystem, &key.name)?;
        let known = book.package(key.ecosystem, &key.name);
        // "Nothing has changed" says nothing of a version that nobody had.
        let is_all_known = |known: &&registry::Package| {
            self.locked(key.ecosystem, &key.name).iter().all(|it| known.locked.contains_key(*it))
        };
        Some(Question {
            service: Service::of(key.ecosystem)?,
            path,
            accept,
            etag: known.filter(is_all_known).and_then(|known| known.etag.clone()),
            json: None,
            what: What::Package { ecosystem: key.ecosystem, name: key.name.clone() },
        })
    }

    /// Versions of a package that are locked.
    fn locked(&self, ecosystem: Ecosystem, name: &str) -> BTreeSet<&'a str> {
        let first = Key { ecosystem, name: name.to_owned(), version: String::new() };
        let from = self.wanted.range(first..).map(|(key, _)| key);
        let of = from.take_while(|key| key.ecosystem == ecosystem && key.name == name);
        of.map(|key| key.version.as_str()).collect()
    }

    /// Whether some of what may be asked is not answered yet.
    pub fn is_behind(mut self, book: &Book) -> bool {
        self.ended.clear();
        self.versions(book).is_some()
            || self.advisory(book).is_some()
            || self.package(book).is_some()
    }

    /// Takes what came; `passed_ms` since the one before, or since the run began.
    pub fn take(
        &mut self,
        book: &mut Book,
        question: &Question,
        reply: &Result<Answer, Unanswered>,
        passed_ms: i64,
    ) {
        self.asked += 1;
        self.now_ms += passed_ms.max(0);
        let service = question.service;
        let answer = match reply {
            Ok(answer) => answer,
            Err(Unanswered::TooLarge) => return self.too_large(book, question),
            Err(Unanswered::Broken(why)) => return self.repeat(book, service, why.clone()),
        };
        if let Some(until_ms) = limits::used_up(answer, self.now_ms) {
            self.wait(book, service, until_ms);
        }
        match answer.status {
            200 => match self.answered(book, question, answer) {
                Ok(()) => self.went_well(book, service),
                Err(why) => self.repeat(book, service, format!("{}: {why}", question.path)),
            },
            304 if question.etag.is_some() => {
                if let What::Package { ecosystem, name } = &question.what {
                    book.package_mut(*ecosystem, name).read_ms = self.now_ms;
                }
                self.went_well(book, service);
            }
            404 | 410 | 451 if !matches!(question.what, What::Versions(_)) => {
                self.absent(book, question);
                self.went_well(book, service);
            }
            403 | 429 if limits::is_too_much(answer) => {
                let standing = book.services.entry(service).or_default();
                let said = limits::said_wait(answer, self.now_ms);
                let unsaid = limits::unsaid_wait(self.now_ms, standing.too_much);
                standing.too_much += u32::from(said.is_none());
                self.wait(book, service, said.unwrap_or(unsaid));
            }
            401 | 403 => {
                self.fail(book, service, limits::words(answer));
                self.wait(book, service, self.now_ms + LONGEST_MS);
            }
            _ => {
                // It may not know its own mark of a page any more.
                if (400..500).contains(&answer.status) {
                    book.pages.clear();
                }
                let said = limits::said_wait(answer, self.now_ms);
                self.fail(book, service, limits::words(answer));
                self.wait(book, service, said.unwrap_or_default());
            }
        }
    }

    fn answered(
        &mut self,
        book: &mut Book,
        question: &Question,
        answer: &Answer,
    ) -> Result<(), String> {
        match &question.what {
            What::Versions(pages) => self.take_pages(book, pages, &answer.body),
            What::Advisory { id, modified } => {
                let mut advisory = Advisory::read(&answer.body)?;
                if advisory.id != *id {
                    return Err(format!("it is about {}", advisory.id));
                }
                let wanted = self.wanted;
                let is_wanted = |ecosystem: Ecosystem, name: &str| {
                    wanted.keys().any(|key| key.ecosystem == ecosystem && key.name == name)
                };
                advisory.keep(is_wanted);
                // The list's own moment is what the next list is compared with.
                advisory.modified.clone_from(modified);
                book.advise(id, self.now_ms, advisory);
                Ok(())
            }
            What::Package { ecosystem, name } => {
                let locked = self.locked(*ecosystem, name);
                let mut package = registry::read(*ecosystem, name, &answer.body, &locked)?;
                package.read_ms = self.now_ms;
                let etag = answer.field("etag").map(str::to_owned);
                package.etag = etag.filter(|etag| etag.len() <= ETAG);
                *book.package_mut(*ecosystem, name) = package;
                Ok(())
            }
        }
    }

    /// Advisories of versions, in the order in which they were asked for.
    fn take_pages(&mut self, book: &mut Book, pages: &[Page], body: &[u8]) -> Result<(), String> {
        let results: Results = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if results.results.len() != pages.len() {
            let (came, asked) = (results.results.len(), pages.len());
            return Err(format!("{came} answers to {asked} questions"));
        }
        if results.results.iter().flatten().flat_map(|it| &it.vulns).any(|it| !it.is_sound()) {
            return Err("an advisory has no proper name".to_owned());
        }
        book.pages.retain(|page| !pages.iter().any(|taken| taken.key == page.key));
        for (page, result) in pages.iter().zip(results.results) {
            let result = result.unwrap_or_default();
            let mut ids = page.ids.clone();
            ids.extend(result.vulns.into_iter().map(|it| (it.id, it.modified)));
            while ids.len() > MOST_OF_VERSION {
                ids.pop_first();
            }
            let token = result.next_page_token.filter(|token| !token.is_empty());
            let count = page.count + 1;
            match token.is_some() && token != page.token && count < MOST_PAGES {
                true => book.pages.push(Page { token, ids, count, ..page.clone() }),
                false => book.say(&page.key, Said { read_ms: self.now_ms, ids }),
            }
        }
        Ok(())
    }

    /// There is no such thing, and none is looked for before tomorrow.
    fn absent(&self, book: &mut Book, question: &Question) {
        match &question.what {
            What::Versions(_) => {}
            What::Advisory { id, modified } => {
                let (id_text, modified) = (id.clone(), modified.clone());
                let advisory =
                    Advisory { id: id_text, modified, is_void: true, ..Advisory::default() };
                book.advise(id, self.now_ms, advisory);
            }
            What::Package { ecosystem, name } => {
                let locked = self.locked(*ecosystem, name);
                let package = book.package_mut(*ecosystem, name);
                let nothing = |version: &str| (version.to_owned(), (None, None));
                let locked = locked.into_iter().map(nothing).collect();
                *package = registry::Package {
                    read_ms: self.now_ms,
                    locked,
                    ..registry::Package::default()
                };
            }
        }
    }

    /// Fewer at once, or without it.
    fn too_large(&mut self, book: &mut Book, question: &Question) {
        match &question.what {
            What::Versions(pages) if pages.len() > 1 => self.batch = pages.len().div_ceil(2),
            What::Versions(_) => {
                self.fail(book, question.service, format!("{}: it is too long", question.path));
            }
            What::Advisory { .. } | What::Package { .. } => self.absent(book, question),
        }
    }

    fn repeat(&mut self, book: &mut Book, service: Service, why: String) {
        match self.repeats.checked_sub(1) {
            Some(left) => self.repeats = left,
            None => self.fail(book, service, why),
        }
    }

    fn fail(&mut self, book: &mut Book, service: Service, why: String) {
        self.ended.insert(service);
        let standing = book.services.entry(service).or_default();
        let wait_ms = (SHORTEST_MS << standing.failures.min(6)).min(LONGEST_MS);
        standing.failures += 1;
        standing.wait_until_ms = standing.wait_until_ms.max(self.now_ms + wait_ms);
        let since_ms = standing.trouble.take().map_or(self.now_ms, |(since_ms, _)| since_ms);
        standing.trouble = Some((since_ms, limits::clean(&why)));
    }

    fn wait(&mut self, book: &mut Book, service: Service, until_ms: i64) {
        self.ended.insert(service);
        let standing = book.services.entry(service).or_default();
        standing.wait_until_ms = standing.wait_until_ms.max(until_ms);
    }

    fn went_well(&self, book: &mut Book, service: Service) {
        let is_ended = self.ended.contains(&service);
        if let Some(standing) = book.services.get_mut(&service) {
            let wait_until_ms = if is_ended { standing.wait_until_ms } else { 0 };
            *standing = Standing { wait_until_ms, ..Standing::default() };
        }
    }
}

#[derive(Serialize)]
struct Batch<'a> {
    queries: Vec<Query<'a>>,
}

#[derive(Serialize)]
struct Query<'a> {
    package: Named<'a>,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_token: Option<&'a str>,
}

#[derive(Serialize)]
struct Named<'a> {
    ecosystem: &'static str,
    name: &'a str,
}

impl<'a> Query<'a> {
    fn of(page: &'a Page) -> Query<'a> {
        let Key { ecosystem, name, version } = &page.key;
        let package = Named { ecosystem: ecosystem.osv(), name };
        Query { package, version, page_token: page.token.as_deref() }
    }
}

#[derive(Deserialize)]
struct Results {
    /// One for each question; an empty one may be `null`.
    results: Vec<Option<ResultOfOne>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResultOfOne {
    vulns: Vec<Found>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    id: String,
    #[serde(default)]
    modified: String,
}

impl Found {
    /// It becomes a part of a path.
    fn is_sound(&self) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (1..=80).contains(&self.id.len())
            && self.id.chars().all(is_plain)
            && !self.id.starts_with('.')
            && self.modified.len() <= 80
    }
}
