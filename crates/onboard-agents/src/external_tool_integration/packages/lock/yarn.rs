//! `yarn.lock`, version 1: a list of blocks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::npm::is_public;
use super::{Graph, Node};

/// What `package.json` asks for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Manifest {
    dependencies: BTreeMap<String, String>,
    dev_dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
}

/// A block: what was asked for, and what it became.
#[derive(Default)]
struct Block<'a> {
    line: u32,
    asked: Vec<&'a str>,
    version: &'a str,
    resolved: Option<&'a str>,
    needs: Vec<String>,
}

pub(super) fn read(text: &str, manifest: Option<&str>) -> Result<Graph, String> {
    if text.lines().any(|line| line == "__metadata:") {
        return Err("it is of Yarn 2 or newer, which is not understood".to_owned());
    }
    let blocks = blocks(text);
    let mut by_asked: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, block) in blocks.iter().enumerate() {
        by_asked.extend(block.asked.iter().map(|asked| (*asked, at)));
    }
    let find = |asked: &String| by_asked.get(asked.as_str()).copied();
    let mut graph = Graph::default();
    for block in &blocks {
        let name = block.asked.first().and_then(|asked| name(asked)).unwrap_or_default();
        graph.nodes.push(Node {
            name: name.to_owned(),
            version: block.version.to_owned(),
            line: Some(block.line),
            is_public: block.resolved.is_some_and(is_public),
            is_own: false,
            is_dev: false,
            needs: block.needs.iter().filter_map(find).collect(),
        });
    }
    let manifest: Manifest = match manifest {
        Some(text) => {
            serde_json::from_str(text).map_err(|error| format!("package.json: {error}"))?
        }
        None => Manifest::default(),
    };
    let asked = |(name, range): (&String, &String)| format!("{name}@{range}");
    let plain = manifest.dependencies.iter().chain(&manifest.optional_dependencies).map(asked);
    graph.direct.extend(plain.filter_map(|asked| Some((find(&asked)?, false))));
    let dev = manifest.dev_dependencies.iter().map(asked);
    graph.direct.extend(dev.filter_map(|asked| Some((find(&asked)?, true))));
    Ok(graph)
}

/// `name@range`, `@scope/name@range`, or with another package behind the name: `alias@npm:name@range`.
fn name(asked: &str) -> Option<&str> {
    let split =
        |text: &'_ str| text.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(at, _)| at);
    let at = split(asked)?;
    match asked[at + 1..].strip_prefix("npm:") {
        Some(real) => Some(split(real).map_or(real, |at| &real[..at])),
        None => Some(&asked[..at]),
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut lists_needs = false;
    for (line, text) in (1..).zip(text.lines()) {
        let words = text.trim();
        if words.is_empty() || words.starts_with('#') {
            continue;
        }
        let depth = text.len() - text.trim_start().len();
        if depth == 0 {
            let asked = words.trim_end_matches(':').split(", ").map(unquoted).collect();
            blocks.push(Block { line, asked, ..Block::default() });
            continue;
        }
        let Some(block) = blocks.last_mut() else { continue };
        let Some((key, value)) = words.split_once(' ').map(|(key, value)| (key, unquoted(value)))
        else {
            lists_needs = matches!(words, "dependencies:" | "optionalDependencies:");
            continue;
        };
        match (depth, key) {
            (2, "version") => block.version = value,
            (2, "resolved") => block.resolved = Some(value),
            (4, name) if lists_needs => block.needs.push(format!("{}@{value}", unquoted(name))),
            _ => {}
        }
    }
    blocks
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}
