//! `poetry.lock`, `uv.lock`, and requirements with pins.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use super::super::version::Ecosystem;
use super::{Graph, Lines, Node};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: Spanned<String>,
    /// A folder of the project may have none.
    #[serde(default)]
    version: String,
    #[serde(default)]
    source: BTreeMap<String, Value>,
    /// A table of names for Poetry, a list of tables for uv.
    dependencies: Option<Value>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Value>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Value>,
}

/// Versions of one package that are linked: a file of one name alone would be the square of itself.
const MOST_VERSIONS: usize = 16;

/// The packages of a file, and by their names where they are.
struct Read {
    graph: Graph,
    packages: Vec<Package>,
    by_name: BTreeMap<String, Vec<usize>>,
}

fn parse(text: &str, is_public: impl Fn(&Package) -> bool) -> Result<Read, String> {
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let lines = Lines::of(text);
    let mut graph = Graph::default();
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, package) in file.package.iter().enumerate() {
        let name = Ecosystem::PyPI.name(package.name.as_ref());
        by_name.entry(name.clone()).or_default().push(at);
        graph.nodes.push(Node {
            name,
            version: package.version.clone(),
            line: lines.at(package.name.span().start),
            is_public: is_public(package),
            is_own: is_own(package),
            ..Node::default()
        });
    }
    Ok(Read { graph, packages: file.package, by_name })
}

impl Read {
    /// All packages that a list or a table names: a lock file may hold one at several versions.
    fn named(&self, written: &Value) -> Vec<usize> {
        let find = |name: &str, version: Option<&str>| -> Vec<usize> {
            let all = self.by_name.get(&Ecosystem::PyPI.name(name)).into_iter().flatten().copied();
            let is_meant =
                |at: &usize| version.is_none_or(|version| self.packages[*at].version == version);
            all.filter(is_meant).take(MOST_VERSIONS).collect()
        };
        match written {
            Value::Table(names) => names.keys().flat_map(|name| find(name, None)).collect(),
            Value::Array(list) => {
                let one = |item: &Value| match item {
                    Value::Table(item) => {
                        let word = |key: &str| item.get(key).and_then(Value::as_str);
                        word("name").map(|name| find(name, word("version"))).unwrap_or_default()
                    }
                    Value::String(text) => {
                        required(text).map(|name| find(name, None)).unwrap_or_default()
                    }
                    _ => Vec::new(),
                };
                list.iter().flat_map(one).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What the project itself asks for.
    fn ask(&mut self, written: Option<&Value>, is_dev: bool) {
        let named = written.map(|written| self.named(written)).unwrap_or_default();
        self.graph.direct.extend(named.into_iter().map(|at| (at, is_dev)));
    }

    fn link(&mut self) {
        for at in 0..self.packages.len() {
            let package = &self.packages[at];
            let optional = package.optional_dependencies.values();
            let written: Vec<&Value> = package.dependencies.iter().chain(optional).collect();
            let needs = written.into_iter().flat_map(|written| self.named(written)).collect();
            self.graph.nodes[at].needs = needs;
        }
    }
}

pub(super) fn poetry(text: &str, manifest: Option<&str>) -> Result<Graph, String> {
    // Without a source it is of PyPI.
    let mut read = parse(text, |package| package.source.is_empty())?;
    read.link();
    let manifest: Table = match manifest {
        Some(text) => {
            toml::from_str(text).map_err(|error| format!("pyproject.toml: {}", error.message()))?
        }
        None => Table::default(),
    };
    let find = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(manifest.get(*first)?, |value, name| value.get(*name)).cloned()
    };
    read.ask(find(&["project", "dependencies"]).as_ref(), false);
    read.ask(find(&["tool", "poetry", "dependencies"]).as_ref(), false);
    read.ask(find(&["tool", "poetry", "dev-dependencies"]).as_ref(), true);
    let tables = |path: &[&str]| match find(path) {
        Some(Value::Table(table)) => table.into_iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    };
    for extra in tables(&["project", "optional-dependencies"]) {
        read.ask(Some(&extra), false);
    }
    for group in tables(&["tool", "poetry", "group"]) {
        read.ask(group.get("dependencies"), true);
    }
    for group in tables(&["dependency-groups"]) {
        read.ask(Some(&group), true);
    }
    Ok(read.graph)
}

pub(super) fn uv(text: &str) -> Result<Graph, String> {
    let mut read = parse(text, |package| {
        let registry = package.source.get("registry").and_then(Value::as_str);
        registry.is_some_and(|registry| registry.trim_end_matches('/') == "https://pypi.org/simple")
    })?;
    read.link();
    for at in 0..read.packages.len() {
        if !is_own(&read.packages[at]) {
            continue;
        }
        let needs = read.graph.nodes[at].needs.clone();
        read.graph.direct.extend(needs.into_iter().map(|at| (at, false)));
        let groups: Vec<Value> = read.packages[at].dev_dependencies.values().cloned().collect();
        for group in groups {
            read.ask(Some(&group), true);
        }
    }
    let packages = &read.packages;
    read.graph.direct.retain(|(at, _)| !is_own(&packages[*at]));
    Ok(read.graph)
}

/// A folder of the project, as uv writes it.
fn is_own(package: &Package) -> bool {
    ["editable", "virtual", "directory"].iter().any(|kind| package.source.contains_key(*kind))
}

/// Lines of the form `name==version`; others are no pins.
pub(super) fn requirements(text: &str) -> Graph {
    let mut graph = Graph::default();
    let is_public = !text.lines().any(is_other_index);
    for (line, text) in (1..).zip(text.lines()) {
        let words = text.split([';', '#']).next().unwrap_or_default();
        let words = words.split(" --").next().unwrap_or_default().trim_end_matches('\\').trim();
        let Some((name, version)) = words.split_once("==") else { continue };
        let version = version.trim_start_matches('=').trim();
        let Some(found) = required(name) else { continue };
        let rest = name.trim()[found.len()..].trim_start();
        let is_pin = (rest.is_empty() || rest.starts_with('['))
            && Ecosystem::PyPI.version(version).is_some();
        if !is_pin {
            continue;
        }
        graph.direct.push((graph.nodes.len(), false));
        graph.nodes.push(Node {
            name: Ecosystem::PyPI.name(found),
            version: version.to_owned(),
            line: Some(line),
            is_public,
            ..Node::default()
        });
    }
    graph
}

/// Whether a line sends pip to another place than PyPI, for all of the file.
fn is_other_index(line: &str) -> bool {
    let options = ["--index-url", "--extra-index-url", "--find-links", "-i", "-f"];
    let rest = options.iter().find_map(|option| line.trim().strip_prefix(option));
    let place = rest.filter(|rest| rest.starts_with([' ', '\t', '=']));
    place.is_some_and(|place| {
        let place = place.trim_start_matches(['=', ' ', '\t']).split_whitespace().next();
        place.map(|place| place.trim_end_matches('/')) != Some("https://pypi.org/simple")
    })
}

/// The name at the beginning of a requirement (PEP 508).
fn required(text: &str) -> Option<&str> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let name = &text[..end.unwrap_or(text.len())];
    (!name.is_empty() && !name.starts_with(['-', '.'])).then_some(name)
}
