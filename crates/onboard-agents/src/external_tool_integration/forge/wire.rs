//! What the forges' answers say: pages of JSON to values. Pure.

use onboard_analysis::calendar::{Day, day_of, parse_date};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::moment;
use super::store::{Item, Milestone, State, Title};

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    GitHub,
    GitLab,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    Milestones,
    /// GitHub's are pull requests, too.
    Issues,
    /// GitLab's merge requests.
    Merges,
}

impl Flavour {
    /// What is read of it, in this order.
    pub fn resources(self) -> &'static [Resource] {
        match self {
            Flavour::GitHub => &[Resource::Milestones, Resource::Issues],
            Flavour::GitLab => &[Resource::Milestones, Resource::Issues, Resource::Merges],
        }
    }

    /// What stands before the resources' paths; `None` where a repository has no such name.
    pub fn base(self, host: &str, repository: &str) -> Option<String> {
        let parts: Vec<&str> = repository.split('/').collect();
        let is_sound = parts.iter().all(|part| !part.is_empty() && *part != "." && *part != "..");
        let name = |separator: &str| {
            let parts: Vec<String> = parts.iter().map(|part| encoded(part)).collect();
            parts.join(separator)
        };
        match self {
            Flavour::GitHub if is_sound && parts.len() == 2 => {
                // A server of one's own has its API below the address of its pages.
                let root = if host.starts_with("api.") { "" } else { "/api/v3" };
                Some(format!("{root}/repos/{}", name("/")))
            }
            Flavour::GitLab if is_sound && parts.len() >= 2 => {
                Some(format!("/api/v4/projects/{}", name("%2F")))
            }
            _ => None,
        }
    }

    /// Path and query of a page, below the base; `since_ms` is for items alone.
    pub fn page(self, of: Resource, since_ms: Option<i64>, size: usize, page: u32) -> String {
        let mut query = match (self, of) {
            (Flavour::GitHub, Resource::Milestones) => {
                "/milestones?state=all&sort=due_on&direction=asc".to_owned()
            }
            (Flavour::GitLab, Resource::Milestones) => "/milestones?include_ancestors=true".into(),
            (Flavour::GitHub, _) => "/issues?state=all&sort=updated&direction=asc".into(),
            (Flavour::GitLab, Resource::Issues) => {
                "/issues?scope=all&order_by=updated_at&sort=asc".into()
            }
            (Flavour::GitLab, Resource::Merges) => {
                "/merge_requests?scope=all&state=all&order_by=updated_at&sort=asc".into()
            }
        };
        if let Some(since_ms) = since_ms {
            let name = if self == Flavour::GitHub { "since" } else { "updated_after" };
            query.push_str(&format!("&{name}={}", moment::write(since_ms)));
        }
        format!("{query}&per_page={size}&page={page}")
    }
}

fn encoded(part: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    part.bytes().map(letter).collect()
}

/// A page of items, in the order that was asked for.
///
/// # Errors
/// What can't be understood in it.
pub fn items(flavour: Flavour, of: Resource, body: &[u8]) -> Result<Vec<Item>, String> {
    let items: Vec<Item> = match (flavour, of) {
        (Flavour::GitHub, _) => each(body, github_item)?,
        (Flavour::GitLab, _) => each(body, gitlab_item)?,
    };
    if items.is_sorted_by_key(|item| item.updated_ms) {
        return Ok(items);
    }
    Err("the items are not in the order of their changes, which was asked for".to_owned())
}

/// A page of milestones.
///
/// # Errors
/// What can't be understood in it.
pub fn milestones(flavour: Flavour, body: &[u8]) -> Result<Vec<Milestone>, String> {
    match flavour {
        Flavour::GitHub => each(body, github_milestone),
        Flavour::GitLab => each(body, gitlab_milestone),
    }
}

/// Whether an answer's `Link` says that another page follows (RFC 8288).
pub fn has_next(link: Option<&str>) -> bool {
    let parameters = link.unwrap_or_default().split([';', ',']).map(str::trim);
    parameters.into_iter().any(|parameter| matches!(parameter, "rel=\"next\"" | "rel=next"))
}

fn each<T: DeserializeOwned, V>(
    body: &[u8],
    value: impl Fn(T) -> Result<V, String>,
) -> Result<Vec<V>, String> {
    let raw: Vec<T> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let place = |(at, raw): (usize, T)| value(raw).map_err(|why| format!("entry {at}: {why}"));
    raw.into_iter().enumerate().map(place).collect()
}

fn at(text: &str, what: &str) -> Result<i64, String> {
    moment::read(text).ok_or_else(|| format!("`{what}` is no moment"))
}

fn optional(text: Option<&String>, what: &str) -> Result<Option<i64>, String> {
    text.map(|text| at(text, what)).transpose()
}

#[derive(Deserialize)]
struct Named {
    id: u64,
}

#[derive(Deserialize)]
struct GitHubItem {
    number: u64,
    title: String,
    state: String,
    state_reason: Option<String>,
    created_at: String,
    updated_at: String,
    closed_at: Option<String>,
    milestone: Option<Named>,
    pull_request: Option<GitHubPull>,
}

#[derive(Deserialize)]
struct GitHubPull {
    merged_at: Option<String>,
}

fn github_item(raw: GitHubItem) -> Result<Item, String> {
    let state = match (raw.state.as_str(), &raw.pull_request) {
        ("open", None) => State::Open,
        ("open", Some(_)) => State::Proposed,
        ("closed", Some(pull)) if pull.merged_at.is_some() => State::Merged,
        ("closed", Some(_)) => State::Dropped,
        ("closed", None) => match raw.state_reason.as_deref() {
            Some("not_planned" | "duplicate") => State::Dropped,
            _ => State::Done,
        },
        (other, _) => return Err(format!("the state `{}` is unknown", cut(other))),
    };
    Ok(Item {
        number: raw.number,
        title: Title::of(&raw.title),
        state,
        created_ms: at(&raw.created_at, "created_at")?,
        updated_ms: at(&raw.updated_at, "updated_at")?,
        closed_ms: optional(raw.closed_at.as_ref(), "closed_at")?,
        milestone: raw.milestone.map(|milestone| milestone.id),
    })
}

#[derive(Deserialize)]
struct GitLabItem {
    iid: u64,
    title: String,
    state: String,
    created_at: String,
    updated_at: String,
    closed_at: Option<String>,
    merged_at: Option<String>,
    milestone: Option<Named>,
    /// Merge requests alone have one.
    target_branch: Option<String>,
}

fn gitlab_item(raw: GitLabItem) -> Result<Item, String> {
    let is_merge = raw.target_branch.is_some();
    let state = match (raw.state.as_str(), is_merge) {
        ("opened" | "locked", true) => State::Proposed,
        ("opened" | "reopened", _) => State::Open,
        ("merged", _) => State::Merged,
        ("closed", false) => State::Done,
        ("closed", true) => State::Dropped,
        (other, _) => return Err(format!("the state `{}` is unknown", cut(other))),
    };
    let closed = raw.merged_at.as_ref().or(raw.closed_at.as_ref());
    Ok(Item {
        number: raw.iid,
        title: Title::of(&raw.title),
        state,
        created_ms: at(&raw.created_at, "created_at")?,
        updated_ms: at(&raw.updated_at, "updated_at")?,
        closed_ms: optional(closed, "closed_at")?,
        milestone: raw.milestone.map(|milestone| milestone.id),
    })
}

#[derive(Deserialize)]
struct GitHubMilestone {
    id: u64,
    number: u64,
    title: String,
    state: String,
    created_at: String,
    updated_at: String,
    due_on: Option<String>,
}

fn github_milestone(raw: GitHubMilestone) -> Result<Milestone, String> {
    Ok(Milestone {
        id: raw.id,
        number: raw.number,
        title: Title::of(&raw.title),
        is_open: raw.state == "open",
        created_ms: at(&raw.created_at, "created_at")?,
        updated_ms: at(&raw.updated_at, "updated_at")?,
        start: None,
        // A day that somebody chose, written as a moment of it.
        due: optional(raw.due_on.as_ref(), "due_on")?.map(day_of),
    })
}

#[derive(Deserialize)]
struct GitLabMilestone {
    id: u64,
    iid: u64,
    title: String,
    state: String,
    created_at: String,
    updated_at: String,
    due_date: Option<String>,
    start_date: Option<String>,
}

fn gitlab_milestone(raw: GitLabMilestone) -> Result<Milestone, String> {
    let day = |text: Option<&String>, what: &str| -> Result<Option<Day>, String> {
        let day = |text: &String| parse_date(text).ok_or_else(|| format!("`{what}` is no date"));
        text.map(day).transpose()
    };
    Ok(Milestone {
        id: raw.id,
        number: raw.iid,
        title: Title::of(&raw.title),
        is_open: raw.state == "active",
        created_ms: at(&raw.created_at, "created_at")?,
        updated_ms: at(&raw.updated_at, "updated_at")?,
        start: day(raw.start_date.as_ref(), "start_date")?,
        due: day(raw.due_date.as_ref(), "due_date")?,
    })
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}
