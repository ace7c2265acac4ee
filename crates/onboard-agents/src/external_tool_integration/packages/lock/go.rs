//! `go.mod`: since Go 1.17 it names all that is built with, at the very version.

use std::collections::BTreeSet;

use super::{Graph, Node};

pub(super) fn read(text: &str) -> Graph {
    let mut graph = Graph { says_dev: true, ..Graph::default() };
    let mut replaced: BTreeSet<&str> = BTreeSet::new();
    for (line, directive, words, comment) in directives(text) {
        match (directive, &*words) {
            ("require", [name, version]) => {
                if comment.trim() != "indirect" {
                    graph.direct.push((graph.nodes.len(), false));
                }
                graph.nodes.push(Node {
                    name: (*name).to_owned(),
                    version: version.trim_start_matches('v').to_owned(),
                    line: Some(line),
                    is_public: true,
                    ..Node::default()
                });
            }
            ("replace", [name, ..]) => drop(replaced.insert(name)),
            _ => {}
        }
    }
    for node in &mut graph.nodes {
        node.is_public = !replaced.contains(node.name.as_str());
    }
    graph
}

/// Line, directive, its words and what follows `//`.
fn directives(text: &str) -> Vec<(u32, &str, Vec<&str>, &str)> {
    let mut found = Vec::new();
    let mut block: Option<&str> = None;
    for (line, text) in (1..).zip(text.lines()) {
        let (words, comment) = text.split_once("//").unwrap_or((text, ""));
        let words: Vec<&str> =
            words.split_whitespace().map(|word| word.trim_matches('"')).collect();
        match (block, &*words) {
            (_, []) => {}
            (Some(_), [")"]) => block = None,
            (Some(directive), words) => found.push((line, directive, words.to_vec(), comment)),
            (None, [directive, "("]) => block = Some(directive),
            (None, [directive, rest @ ..]) => {
                found.push((line, *directive, rest.to_vec(), comment))
            }
        }
    }
    found
}
