//! A forge in memory that speaks the shapes of GitHub's and GitLab's APIs, and fails as it is told to.

use std::collections::BTreeMap;

use onboard_agents::external_tool_integration::forge::store::State;
use onboard_agents::external_tool_integration::forge::wire::Flavour;
use onboard_agents::host::{Answer, Unanswered};
use serde_json::{Value, json};

/// Thursday, 1 October 2026, 00:00 UTC: items begin here.
pub const BEGIN_S: i64 = 1_790_812_800;

/// An item as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub title: String,
    pub state: State,
    pub created_s: i64,
    pub updated_s: i64,
    pub closed_s: Option<i64>,
    pub milestone: Option<u64>,
    /// A pull or merge request.
    pub is_merge: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    pub title: String,
    pub is_open: bool,
    pub updated_s: i64,
    /// `YYYY-MM-DD`.
    pub due: Option<String>,
}

/// What goes wrong with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500, 502, 503 and their like.
    Status(u16),
    /// Nothing whole came.
    Broken,
    /// Half of the JSON, said to be all of it.
    Half,
    /// A page for people, with status 200.
    Page,
    /// What was asked for, in any order.
    Shuffled,
    /// 429 with so many seconds to wait, or the same as 403.
    TooMuch(u16, i64),
    /// 403 that says so in words only.
    Secondary,
    /// An answer, and with it the last request of this hour.
    Last(i64),
    /// It is as it should be, and takes half a minute.
    Slow,
    /// From a copy that lags behind.
    Stale,
}

/// All of them, for who draws one.
pub const FAULTS: [Fault; 13] = [
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Broken,
    Fault::Half,
    Fault::Page,
    Fault::Shuffled,
    Fault::TooMuch(429, 900),
    Fault::TooMuch(403, 60),
    Fault::Secondary,
    Fault::Last(1_800),
    Fault::Slow,
    Fault::Stale,
];

#[derive(Clone, Debug)]
pub struct Forge {
    pub flavour: Flavour,
    pub now_s: i64,
    /// By number; GitLab counts merge requests for themselves.
    pub issues: BTreeMap<u64, Item>,
    pub merges: BTreeMap<u64, Item>,
    /// By id.
    pub milestones: BTreeMap<u64, Milestone>,
    /// A page has no more, whatever is asked.
    pub most: usize,
    /// Items that fit an answer.
    pub fits: usize,
    /// It moved from `/repos/octo/loom` to a number.
    pub has_moved: bool,
    /// Nobody may ask before.
    pub closed_until_s: i64,
    /// How often somebody did.
    pub breaches: usize,
    pub asked: Vec<String>,
    /// What a copy that lags behind has.
    copy: Option<Box<Forge>>,
}

impl Forge {
    pub fn new(flavour: Flavour) -> Forge {
        Forge {
            flavour,
            now_s: BEGIN_S,
            issues: BTreeMap::new(),
            merges: BTreeMap::new(),
            milestones: BTreeMap::new(),
            most: 100,
            fits: 100,
            has_moved: false,
            closed_until_s: 0,
            breaches: 0,
            asked: Vec::new(),
            copy: None,
        }
    }

    /// Where an item of a kind belongs: GitHub has one list for both.
    pub fn list(&mut self, is_merge: bool) -> &mut BTreeMap<u64, Item> {
        match (self.flavour, is_merge) {
            (Flavour::GitLab, true) => &mut self.merges,
            _ => &mut self.issues,
        }
    }

    pub fn open(&mut self, title: &str, is_merge: bool, milestone: Option<u64>) -> u64 {
        let now_s = self.now_s;
        let list = self.list(is_merge);
        let number = list.keys().last().map_or(1, |last| last + 1);
        let state = if is_merge { State::Proposed } else { State::Open };
        let title = title.to_owned();
        let (created_s, updated_s) = (now_s, now_s);
        let item = Item { title, state, created_s, updated_s, closed_s: None, milestone, is_merge };
        list.insert(number, item);
        number
    }

    /// Remembers what a copy will answer with from now on.
    pub fn copy(&mut self) {
        let copy = Forge { copy: None, asked: Vec::new(), ..self.clone() };
        self.copy = Some(Box::new(copy));
    }

    /// Answers a request, or fails; either takes its time.
    pub fn ask(
        &mut self,
        path: &str,
        etag: Option<&str>,
        fault: Option<Fault>,
    ) -> Result<Answer, Unanswered> {
        self.asked.push(path.to_owned());
        if self.now_s < self.closed_until_s {
            self.breaches += 1;
        }
        let mut answer = match (fault, &self.copy) {
            (Some(Fault::Stale), Some(copy)) => copy.answer(path, etag),
            _ => self.answer(path, etag),
        };
        let good = answer.as_ref().is_ok_and(|answer| answer.status == 200);
        let mut slow = 1;
        match fault {
            None | Some(Fault::Stale) => {}
            Some(Fault::Status(status)) => answer = Ok(said(status, "the server has failed")),
            Some(Fault::Broken) => answer = Err(Unanswered::Broken("it was cut off".to_owned())),
            Some(Fault::Slow) => slow = 29,
            Some(Fault::Half) if good => {
                let body = answer.as_mut().map(|answer| &mut answer.body).expect("it is good");
                let half = body.len() / 2;
                body.truncate(half);
            }
            Some(Fault::Page) => {
                answer = Ok(Answer {
                    body: b"<!doctype html><title>Back soon</title>".to_vec(),
                    ..said(200, "")
                });
            }
            Some(Fault::Shuffled) if good => {
                let answer = answer.as_mut().expect("it is good");
                let mut list: Vec<Value> = serde_json::from_slice(&answer.body).expect("a list");
                list.reverse();
                answer.body = serde_json::to_vec(&list).expect("JSON");
            }
            Some(Fault::Half | Fault::Shuffled) => {}
            Some(Fault::TooMuch(status, wait_s)) => {
                let mut refusal = said(status, "You have exceeded a rate limit.");
                refusal.fields.push(("retry-after".into(), wait_s.to_string()));
                answer = Ok(refusal);
                self.closed_until_s = self.now_s + wait_s;
            }
            Some(Fault::Secondary) => {
                answer = Ok(said(403, "You have exceeded a secondary rate limit."));
                self.closed_until_s = self.now_s + 60;
            }
            Some(Fault::Last(wait_s)) => {
                if let Ok(answer) = &mut answer {
                    let reset = (self.now_s + wait_s).to_string();
                    answer.fields.push(("x-ratelimit-remaining".into(), "0".into()));
                    answer.fields.push(("x-ratelimit-reset".into(), reset));
                    self.closed_until_s = self.now_s + wait_s;
                }
            }
        }
        if let Ok(answer) = &mut answer {
            answer.fields.push(("date".into(), field_date(self.now_s)));
        }
        self.now_s += slow;
        answer
    }

    fn answer(&self, path: &str, etag: Option<&str>) -> Result<Answer, Unanswered> {
        let (place, query) = path.split_once('?').unwrap_or((path, ""));
        let bases: &[&str] = match self.flavour {
            Flavour::GitHub if self.has_moved => &["/repositories/17"],
            Flavour::GitHub => &["/repos/octo/loom", "/api/v3/repos/octo/loom"],
            Flavour::GitLab => &["/api/v4/projects/octo%2Floom"],
        };
        let resource = bases.iter().find_map(|base| place.strip_prefix(base));
        let moved = place.strip_prefix("/repos/octo/loom").filter(|_| self.has_moved);
        let Some(resource) = resource else {
            let mut answer = said(404, "Not Found");
            if let Some(rest) = moved {
                answer = said(301, "Moved Permanently");
                let at = format!("http://forge.credential.onboard/repositories/17{rest}?{query}");
                answer.fields.push(("location".into(), at));
            }
            return Ok(answer);
        };
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        let number = |name: &str| value(name).and_then(|text| text.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(30).min(self.most);
        let page = number("page").unwrap_or(1).max(1);
        let since = value("since").or_else(|| value("updated_after")).map(seconds);
        let all: Vec<One<'_>> = match resource {
            "/milestones" => self.milestones.iter().map(One::Milestone).collect(),
            "/issues" => items(&self.issues, since),
            "/merge_requests" if self.flavour == Flavour::GitLab => items(&self.merges, since),
            _ => return Ok(said(404, "Not Found")),
        };
        let here = all.iter().skip((page - 1) * size).take(size);
        let list: Vec<Value> = here
            .map(|one| match one {
                One::Milestone((id, milestone)) => self.milestone(**id, milestone),
                One::Item((number, item)) => self.item(**number, item),
            })
            .collect();
        if list.len() > self.fits {
            return Err(Unanswered::TooLarge);
        }
        let body = serde_json::to_vec(&list).expect("JSON");
        let own = format!("W/\"{:x}\"", hash(&body));
        let mut fields = vec![("etag".to_owned(), own.clone())];
        if page * size < all.len() {
            let next = query.replace(&format!("&page={page}"), &format!("&page={}", page + 1));
            let link = format!("<https://forge{place}?{next}>; rel=\"next\", <x>; rel=\"last\"");
            fields.push(("link".to_owned(), link));
        }
        match etag == Some(own.as_str()) {
            true => Ok(Answer { status: 304, fields, body: Vec::new() }),
            false => Ok(Answer { status: 200, fields, body }),
        }
    }

    fn item(&self, number: u64, item: &Item) -> Value {
        let Item { title, state, is_merge, .. } = item;
        let (created, updated) = (date(item.created_s), date(item.updated_s));
        let closed = item.closed_s.map(date);
        let is_open = matches!(state, State::Open | State::Proposed);
        let milestone = item.milestone.map(|id| json!({ "id": id, "title": "m" }));
        let merged = closed.clone().filter(|_| *is_merge && *state == State::Done);
        if self.flavour == Flavour::GitLab {
            let word = match state {
                State::Open | State::Proposed => "opened",
                State::Done if *is_merge => "merged",
                State::Merged => "merged",
                State::Done | State::Dropped => "closed",
            };
            let mut value = json!({
                "id": 9_000 + number, "iid": number, "project_id": 17, "title": title,
                "description": "…", "state": word, "created_at": created, "updated_at": updated,
                "closed_at": closed, "labels": [], "milestone": milestone, "author": { "id": 1 },
            });
            if *is_merge {
                value["target_branch"] = json!("main");
                value["merged_at"] = json!(merged);
            }
            return value;
        }
        let reason = match state {
            State::Done if !is_merge => Some("completed"),
            State::Dropped if !is_merge => Some("not_planned"),
            _ => None,
        };
        let mut value = json!({
            "id": 9_000 + number, "node_id": "x", "number": number, "title": title, "body": "…",
            "state": if is_open { "open" } else { "closed" }, "state_reason": reason,
            "created_at": created, "updated_at": updated, "closed_at": closed, "labels": [],
            "milestone": milestone, "user": { "login": "ada" },
        });
        if *is_merge {
            value["pull_request"] = json!({ "url": "x", "merged_at": merged });
        }
        value
    }

    fn milestone(&self, id: u64, milestone: &Milestone) -> Value {
        let Milestone { title, is_open, updated_s, due } = milestone;
        let (created, updated) = (date(BEGIN_S), date(*updated_s));
        match self.flavour {
            Flavour::GitHub => json!({
                "id": id, "number": id - 100, "title": title, "created_at": created,
                "updated_at": updated, "state": if *is_open { "open" } else { "closed" },
                "due_on": due.as_ref().map(|due| format!("{due}T08:00:00Z")),
            }),
            Flavour::GitLab => json!({
                "id": id, "iid": id - 100, "title": title, "created_at": created,
                "updated_at": updated, "state": if *is_open { "active" } else { "closed" },
                "due_date": due, "start_date": null,
            }),
        }
    }
}

/// An entry of a list.
enum One<'a> {
    Milestone((&'a u64, &'a Milestone)),
    Item((&'a u64, &'a Item)),
}

/// In the order of their changes.
fn items(list: &BTreeMap<u64, Item>, since: Option<i64>) -> Vec<One<'_>> {
    let is_asked = |item: &Item| since.is_none_or(|since| item.updated_s >= since);
    let mut items: Vec<(&u64, &Item)> = list.iter().filter(|(_, i)| is_asked(i)).collect();
    items.sort_by_key(|(number, item)| (item.updated_s, **number));
    items.into_iter().map(One::Item).collect()
}

fn said(status: u16, message: &str) -> Answer {
    let body = serde_json::to_vec(&json!({ "message": message })).expect("JSON");
    Answer { status, fields: Vec::new(), body }
}

fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// `YYYY-MM-DDTHH:MM:SSZ`.
pub fn date(at_s: i64) -> String {
    let day = onboard_analysis::calendar::day_of(at_s * 1_000);
    let of_day = at_s.rem_euclid(86_400);
    let date = onboard_analysis::calendar::date_text(day);
    format!("{date}T{:02}:{:02}:{:02}Z", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

fn seconds(text: &str) -> i64 {
    let day = onboard_analysis::calendar::parse_date(&text[..10]).expect("a date");
    let part = |at: usize| text[at..at + 2].parse::<i64>().expect("digits");
    day * 86_400 + part(11) * 3_600 + part(14) * 60 + part(17)
}

fn field_date(at_s: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = date(at_s);
    let month: usize = text[5..7].parse().expect("digits");
    format!("Thu, {} {} {} {} GMT", &text[8..10], MONTHS[month - 1], &text[..4], &text[11..19])
}
