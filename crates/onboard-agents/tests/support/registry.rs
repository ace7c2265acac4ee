//! Registries and a database of advisories in memory, which speak the shapes of crates.io's index, of npm,
//! of PyPI and of OSV, and fail as they are told to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use onboard_agents::external_tool_integration::packages::book::{Key, Service};
use onboard_agents::external_tool_integration::packages::version::Ecosystem;
use onboard_agents::host::{Answer, Unanswered};
use serde_json::{Value, json};

/// A version of three numbers.
pub type Triple = (u64, u64, u64);

/// A hole in versions from the first to before the second, or in all that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    pub ecosystem: Ecosystem,
    pub name: String,
    pub from: Triple,
    pub fixed: Option<Triple>,
    pub summary: String,
    pub aliases: Vec<String>,
    /// A CVSS vector.
    pub vector: String,
    pub modified_s: i64,
    pub is_withdrawn: bool,
}

/// A version as a registry has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    pub withdrawn: Option<String>,
    /// `YYYY-MM-DD`.
    pub day: String,
}

/// What goes wrong with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Status(u16),
    /// Nothing whole came.
    Broken,
    /// Half of the JSON, said to be all of it.
    Half,
    /// A page for people, with status 200.
    Page,
    /// JSON of another shape.
    Wrong,
    /// 429 with so many seconds to wait; without, where it is none.
    TooMuch(i64),
    /// It is as it should be, and takes half a minute.
    Slow,
    /// Each thing twice.
    Twice,
    /// Longer than anybody reads.
    TooLarge,
}

/// All of them, for who draws one.
pub const FAULTS: [Fault; 12] = [
    Fault::Status(500),
    Fault::Status(503),
    Fault::Status(403),
    Fault::Broken,
    Fault::Half,
    Fault::Page,
    Fault::Wrong,
    Fault::TooMuch(900),
    Fault::TooMuch(0),
    Fault::Slow,
    Fault::Twice,
    Fault::TooLarge,
];

#[derive(Clone, Debug, Default)]
pub struct Registry {
    pub now_s: i64,
    pub holes: BTreeMap<String, Hole>,
    pub packages: BTreeMap<(Ecosystem, String), BTreeMap<Triple, Release>>,
    /// Advisories of one version on a page.
    pub page: usize,
    /// Nobody may ask before.
    pub closed_until_s: BTreeMap<Service, i64>,
    /// How often somebody did.
    pub breaches: usize,
    pub asked: Vec<String>,
}

pub fn text((major, minor, patch): Triple) -> String {
    format!("{major}.{minor}.{patch}")
}

fn triple(text: &str) -> Triple {
    let mut numbers = text.split('.').map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("three numbers");
    (next(), next(), next())
}

impl Registry {
    /// Identifiers of the advisories that mean a version.
    pub fn about(&self, key: &Key) -> BTreeSet<String> {
        let version = triple(&key.version);
        let means = |hole: &Hole| {
            hole.ecosystem == key.ecosystem
                && hole.name == key.name
                && !hole.is_withdrawn
                && version >= hole.from
                && hole.fixed.is_none_or(|fixed| version < fixed)
        };
        let holes = self.holes.iter().filter(|(_, hole)| means(hole));
        holes.map(|(id, _)| id.clone()).collect()
    }

    pub fn ask(
        &mut self,
        service: Service,
        path: &str,
        json: Option<&[u8]>,
        etag: Option<&str>,
        fault: Option<Fault>,
    ) -> Result<Answer, Unanswered> {
        self.asked.push(format!("{} {path}", service.setting()));
        if self.closed_until_s.get(&service).is_some_and(|until_s| self.now_s < *until_s) {
            self.breaches += 1;
        }
        let fields = |list: &[(&str, String)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let plain = |status: u16| {
            let body = b"<html>the server has failed</html>".to_vec();
            Ok(Answer { status, fields: Vec::new(), body })
        };
        match fault {
            Some(Fault::Status(status)) => return plain(status),
            Some(Fault::Page) => return plain(200),
            Some(Fault::Broken) => return Err(Unanswered::Broken("it was cut off".to_owned())),
            Some(Fault::TooLarge) if json.is_some() => return Err(Unanswered::TooLarge),
            Some(Fault::Wrong) => {
                let body =
                    b"{\"results\": [], \"versions\": 3, \"files\": {}, \"id\": []}".to_vec();
                return Ok(Answer { status: 200, fields: Vec::new(), body });
            }
            Some(Fault::TooMuch(seconds)) => {
                let wait = [("retry-after", seconds.to_string())];
                let fields = if seconds > 0 { fields(&wait) } else { Vec::new() };
                let until_s = self.now_s + seconds.max(60);
                self.closed_until_s.insert(service, until_s);
                return Ok(Answer { status: 429, fields, body: Vec::new() });
            }
            Some(Fault::Slow) => self.now_s += 30,
            _ => {}
        }
        let is_twice = fault == Some(Fault::Twice);
        let Some(mut body) = self.body(service, path, json, is_twice) else { return plain(404) };
        let mark = format!(
            "\"{:x}\"",
            body.bytes().fold(7_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte))
        );
        if etag == Some(mark.as_str()) {
            return Ok(Answer { status: 304, fields: Vec::new(), body: Vec::new() });
        }
        if fault == Some(Fault::Half) {
            // Never at the end of a line, where nobody could see it.
            body.truncate(body.len() / 2 + 3);
        }
        Ok(Answer { status: 200, fields: fields(&[("etag", mark)]), body: body.into_bytes() })
    }

    fn body(
        &self,
        service: Service,
        path: &str,
        json: Option<&[u8]>,
        twice: bool,
    ) -> Option<String> {
        match service {
            Service::Advisories => match (path, json) {
                ("/v1/querybatch", Some(json)) => Some(self.batch(json, twice)),
                _ => self.advisory(path.strip_prefix("/v1/vulns/")?),
            },
            Service::Crates => self.crates(path.rsplit('/').next()?, twice),
            Service::Npm => self.npm(&path[1..].replace("%2f", "/")),
            Service::PyPI => self.pypi(path.trim_matches('/').rsplit('/').next()?, twice),
        }
    }

    fn batch(&self, json: &[u8], twice: bool) -> String {
        let asked: Value = serde_json::from_slice(json).expect("JSON");
        let queries = asked["queries"].as_array().expect("queries");
        assert!(queries.len() <= 1_000, "the database takes no more");
        let one = |query: &Value| {
            let word = |value: &Value| value.as_str().expect("a word").to_owned();
            let all = [Ecosystem::Crates, Ecosystem::Npm, Ecosystem::PyPI, Ecosystem::Go];
            let ecosystem = word(&query["package"]["ecosystem"]);
            let ecosystem = all.into_iter().find(|it| it.osv() == ecosystem).expect("an ecosystem");
            let (name, version) = (word(&query["package"]["name"]), word(&query["version"]));
            let ids: Vec<String> =
                self.about(&Key { ecosystem, name, version }).into_iter().collect();
            let first: usize = match &query["page_token"] {
                Value::String(token) => token.parse().expect("the token of a page"),
                _ => 0,
            };
            let listed = ids
                .iter()
                .skip(first)
                .take(self.page)
                .map(|id| json!({ "id": id, "modified": moment(self.holes[id].modified_s) }));
            let listed: Vec<Value> =
                listed.flat_map(|it| if twice { vec![it.clone(), it] } else { vec![it] }).collect();
            let mut result = json!({});
            if !listed.is_empty() {
                result["vulns"] = Value::Array(listed);
            }
            if first + self.page < ids.len() {
                result["next_page_token"] = (first + self.page).to_string().into();
            }
            result
        };
        json!({ "results": queries.iter().map(one).collect::<Vec<_>>() }).to_string()
    }

    fn advisory(&self, id: &str) -> Option<String> {
        let hole = self.holes.get(id)?;
        let mut events = vec![json!({ "introduced": text(hole.from) })];
        events.extend(hole.fixed.map(|fixed| json!({ "fixed": text(fixed) })));
        let kind = if hole.ecosystem == Ecosystem::PyPI { "ECOSYSTEM" } else { "SEMVER" };
        let mut body = json!({
            "id": id, "aliases": hole.aliases, "summary": hole.summary, "modified": moment(hole.modified_s),
            "severity": [{ "type": "CVSS_V3", "score": hole.vector }],
            "affected": [{
                "package": { "ecosystem": hole.ecosystem.osv(), "name": hole.name },
                "ranges": [{ "type": kind, "events": events }],
            }],
        });
        if hole.is_withdrawn {
            body["withdrawn"] = moment(hole.modified_s).into();
        }
        Some(body.to_string())
    }

    fn releases(&self, ecosystem: Ecosystem, name: &str) -> Option<&BTreeMap<Triple, Release>> {
        self.packages.get(&(ecosystem, name.to_owned()))
    }

    fn crates(&self, name: &str, twice: bool) -> Option<String> {
        let mut lines = String::new();
        for (version, release) in self.releases(Ecosystem::Crates, name)? {
            let line = json!({
                "name": name, "vers": text(*version), "deps": [], "cksum": "00", "features": {},
                "yanked": release.withdrawn.is_some(), "pubtime": format!("{}T00:00:00Z", release.day),
            });
            for _ in 0..=usize::from(twice) {
                writeln!(lines, "{line}").expect("a string");
            }
        }
        Some(lines)
    }

    fn npm(&self, name: &str) -> Option<String> {
        let releases = self.releases(Ecosystem::Npm, name)?;
        let one = |(version, release): (&Triple, &Release)| {
            let mut body = json!({ "name": name, "version": text(*version), "dist": {} });
            if let Some(why) = &release.withdrawn {
                body["deprecated"] = why.as_str().into();
            }
            (text(*version), body)
        };
        let versions: BTreeMap<String, Value> = releases.iter().map(one).collect();
        let latest = releases.keys().last().map(|version| text(*version));
        Some(
            json!({ "name": name, "dist-tags": { "latest": latest }, "versions": versions })
                .to_string(),
        )
    }

    fn pypi(&self, name: &str, twice: bool) -> Option<String> {
        let mut files = Vec::new();
        for (version, release) in self.releases(Ecosystem::PyPI, name)? {
            let yanked = release.withdrawn.as_ref().map_or(json!(false), |why| json!(why));
            for end in [".tar.gz", "-py3-none-any.whl"] {
                for _ in 0..=usize::from(twice) {
                    files.push(json!({
                        "filename": format!("{}-{}{end}", name.replace('-', "_"), text(*version)), "url": "u",
                        "hashes": {}, "yanked": yanked, "upload-time": format!("{}T00:00:00.5Z", release.day),
                    }));
                }
            }
        }
        Some(json!({ "meta": { "api-version": "1.1" }, "name": name, "files": files }).to_string())
    }
}

fn moment(s: i64) -> String {
    format!("2026-01-01T00:00:00.{s}Z")
}
