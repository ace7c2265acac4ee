//! `Cargo.lock`, versions 1 to 4.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Graph, Lines, Node};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: Spanned<String>,
    version: String,
    /// Nothing for what is of the project itself.
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

pub(super) fn read(text: &str) -> Result<Graph, String> {
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let lines = Lines::of(text);
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, package) in file.package.iter().enumerate() {
        by_name.entry(package.name.as_ref()).or_default().push(at);
    }
    // `name`, `name version` or `name version (source)`, as little as tells them apart.
    let find = |written: &String| {
        let mut words = written.split(' ');
        let named = by_name.get(words.next()?)?;
        match words.next() {
            None => named.first().copied(),
            Some(version) => named.iter().copied().find(|at| file.package[*at].version == version),
        }
    };
    let mut graph = Graph::default();
    for package in &file.package {
        let needs: Vec<usize> = package.dependencies.iter().filter_map(find).collect();
        if package.source.is_none() {
            graph.direct.extend(needs.iter().map(|at| (*at, false)));
        }
        graph.nodes.push(Node {
            name: package.name.as_ref().clone(),
            version: package.version.clone(),
            line: lines.at(package.name.span().start),
            is_public: package.source.as_deref().is_some_and(is_public),
            is_own: package.source.is_none(),
            is_dev: false,
            needs,
        });
    }
    // A member of the workspace that another needs is the project's own.
    graph.direct.retain(|(at, _)| file.package[*at].source.is_some());
    Ok(graph)
}

fn is_public(source: &str) -> bool {
    source == "registry+https://github.com/rust-lang/crates.io-index"
        || source.trim_end_matches('/') == "sparse+https://index.crates.io"
}
