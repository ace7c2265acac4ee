//! The layer check: a crate depends on strictly lower layers only, and the edges that domain
//! knowledge forbids are absent, directly and through others.
//!
//! Dev-dependencies follow the same rule. A test that needs a higher crate tests that higher crate,
//! so it belongs there; an exemption would let fixtures pull the house together from below.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::workspace::Workspace;

/// The crate that stands apart: in no layer, depending on no other crate of the workspace.
const APART: &str = "xtask";

/// The top layer; see the map in `ARCHITECTURE.md`.
const LAYER_MAX: u64 = 5;

/// How far a forbidden edge reaches.
#[derive(PartialEq, Eq)]
enum Reach {
    /// The crate may not name the other; what it depends on may.
    Direct,
    /// Nor may anything it depends on.
    Through,
}

/// An edge that may not exist even where the layer numbers would allow it.
struct Forbidden {
    from: &'static str,
    to: &'static [&'static str],
    reach: Reach,
    why: &'static str,
}

/// Edges that break an invariant of `ARCHITECTURE.md`.
const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        from: "onboard-daemon",
        to: &["onboard-agents"],
        reach: Reach::Through,
        why: "the daemon knows no agent: an agent is a manifest and a protocol peer",
    },
    Forbidden {
        from: "onboard-agents",
        to: &["onboard-journal", "onboard-sandbox", "onboard-web", "onboard-daemon"],
        reach: Reach::Through,
        why: "an agent reaches the world through the protocol only",
    },
    Forbidden {
        from: "onboard-journal",
        to: &["*"],
        reach: Reach::Through,
        why: "the journal does not know what its bytes mean",
    },
    Forbidden {
        from: "onboard-web",
        to: &["onboard-agents"],
        reach: Reach::Through,
        why: "the web renders state and submits commands, it performs no effect",
    },
    Forbidden {
        from: "onboard-web",
        to: &["onboard-sandbox", "onboard-egress"],
        reach: Reach::Direct,
        why: "the web asks the daemon, whose part it is to start, to connect and to end a run",
    },
];

/// One crate of the workspace as the check sees it.
#[derive(Clone, Debug, Default)]
pub struct Crate {
    pub layer: Option<u64>,
    /// Names of workspace crates it depends on, of every kind of dependency.
    pub depends_on: BTreeSet<String>,
}

/// The workspace's crates by name.
pub type Graph = BTreeMap<String, Crate>;

/// Reads the graph from the value `cargo metadata --no-deps` prints.
pub fn graph(metadata: &Value) -> Graph {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name_of = |value: &Value| value["name"].as_str().unwrap_or_default().to_string();
    let names: BTreeSet<String> = packages.iter().map(name_of).collect();
    let crate_of = |package: &Value| Crate {
        layer: package["metadata"]["onboard"]["layer"].as_u64(),
        depends_on: package["dependencies"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .map(name_of)
            .filter(|name| names.contains(name))
            .collect(),
    };
    packages.iter().map(|package| (name_of(package), crate_of(package))).collect()
}

/// Every breach, one line each: what, and what to do.
pub fn breaches(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (name, node) in graph {
        if name == APART {
            found.extend(apart_breaches(node));
        } else {
            found.extend(layer_breaches(graph, name, node));
            found.extend(forbidden_breaches(graph, name));
        }
    }
    found
}

fn apart_breaches(node: &Crate) -> Vec<String> {
    let edge = |to: &String| {
        format!("{APART} depends on {to}: it links nothing of the product, read the files instead")
    };
    node.depends_on.iter().map(edge).collect()
}

fn layer_breaches(graph: &Graph, name: &str, node: &Crate) -> Vec<String> {
    let Some(layer) = node.layer.filter(|layer| *layer <= LAYER_MAX) else {
        return vec![format!(
            "{name} has no layer from 0 to {LAYER_MAX}: \
             add `[package.metadata.onboard]` with `layer = N` to its Cargo.toml"
        )];
    };
    let breach = |to: &String| {
        if to == APART {
            return Some(format!("{name} depends on {APART}: chores are not part of the product"));
        }
        let lower = graph.get(to)?.layer?;
        (lower >= layer).then(|| {
            format!(
                "{name} (layer {layer}) depends on {to} (layer {lower}): only lower layers are \
                 allowed; move the shared part down or the using part up"
            )
        })
    };
    node.depends_on.iter().filter_map(breach).collect()
}

fn forbidden_breaches(graph: &Graph, name: &str) -> Vec<String> {
    let reached = reach(graph, name);
    let mut found = Vec::new();
    for rule in FORBIDDEN.iter().filter(|rule| rule.from == name) {
        for (to, path) in &reached {
            let is_named = rule.to.contains(&"*") || rule.to.contains(&to.as_str());
            if is_named && (rule.reach == Reach::Through || path.len() == 2) {
                found.push(format!("{}: forbidden, {}", path.join(" → "), rule.why));
            }
        }
    }
    found
}

/// Everything `from` depends on, directly or not, with a shortest path to it.
fn reach(graph: &Graph, from: &str) -> BTreeMap<String, Vec<String>> {
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut front = vec![vec![from.to_string()]];
    while !front.is_empty() {
        let mut next = Vec::new();
        for path in front {
            let last = path.last().and_then(|name| graph.get(name));
            for to in last.into_iter().flat_map(|node| &node.depends_on) {
                if to != from && !paths.contains_key(to) {
                    let longer = [path.as_slice(), std::slice::from_ref(to)].concat();
                    paths.insert(to.clone(), longer.clone());
                    next.push(longer);
                }
            }
        }
        front = next;
    }
    paths
}

/// `cargo xtask layers`.
pub fn run(workspace: &Workspace, _: &[String]) -> Result<(), String> {
    let graph = graph(&workspace.metadata()?);
    let found = breaches(&graph);
    if found.is_empty() {
        println!("layers: {} crates, each depends on lower layers only", graph.len());
        return Ok(());
    }
    Err(format!("layers are broken\n{}", found.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// One crate a line: `name layer: what it depends on`, `-` for no layer.
    fn parse(text: &str) -> Graph {
        let mut graph = Graph::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (head, tail) = line.split_once(':').unwrap();
            let (name, layer) = head.split_once(' ').unwrap();
            let depends_on = tail.split_whitespace().map(str::to_string).collect();
            graph.insert(name.to_string(), Crate { layer: layer.parse().ok(), depends_on });
        }
        graph
    }

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&breaches(&parse(text)).join("\n"));
    }

    #[test]
    fn the_house_as_designed_has_no_breach() {
        check(
            "onboard-domain 0:
             onboard-journal 0:
             onboard-policy 1: onboard-domain
             onboard-sandbox 2: onboard-policy
             onboard-agents 2: onboard-protocol
             onboard-protocol 1: onboard-domain
             onboard-daemon 3: onboard-journal onboard-sandbox
             onboard-web 4: onboard-daemon
             onboard-cli 5: onboard-daemon onboard-agents
             xtask -:",
            expect![""],
        );
    }

    #[test]
    fn upward_sideways_and_missing_layers() {
        check(
            "onboard-domain 0: onboard-policy
             onboard-policy 1: onboard-protocol
             onboard-protocol 1:
             onboard-new -: onboard-domain
             onboard-tall 9:",
            expect![[r#"
                onboard-domain (layer 0) depends on onboard-policy (layer 1): only lower layers are allowed; move the shared part down or the using part up
                onboard-new has no layer from 0 to 5: add `[package.metadata.onboard]` with `layer = N` to its Cargo.toml
                onboard-policy (layer 1) depends on onboard-protocol (layer 1): only lower layers are allowed; move the shared part down or the using part up
                onboard-tall has no layer from 0 to 5: add `[package.metadata.onboard]` with `layer = N` to its Cargo.toml"#]],
        );
    }

    #[test]
    fn forbidden_edges_direct_and_through_another() {
        check(
            "onboard-analysis 0:
             onboard-journal 1: onboard-analysis
             onboard-agents 2: onboard-journal
             onboard-daemon 4: onboard-between
             onboard-between 3: onboard-agents
             onboard-web 5: onboard-egress onboard-sandbox
             onboard-sandbox 2:
             onboard-egress 2:",
            expect![[r#"
                onboard-agents → onboard-journal: forbidden, an agent reaches the world through the protocol only
                onboard-daemon → onboard-between → onboard-agents: forbidden, the daemon knows no agent: an agent is a manifest and a protocol peer
                onboard-journal → onboard-analysis: forbidden, the journal does not know what its bytes mean
                onboard-web → onboard-egress: forbidden, the web asks the daemon, whose part it is to start, to connect and to end a run
                onboard-web → onboard-sandbox: forbidden, the web asks the daemon, whose part it is to start, to connect and to end a run"#]],
        );
    }

    #[test]
    fn xtask_stands_apart_in_both_directions() {
        check(
            "onboard-domain 0: xtask
             xtask -: onboard-domain",
            expect![[r#"
                onboard-domain depends on xtask: chores are not part of the product
                xtask depends on onboard-domain: it links nothing of the product, read the files instead"#]],
        );
    }

    #[test]
    fn dev_and_build_dependencies_count() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "onboard-domain", "metadata": { "onboard": { "layer": 0 } }, "dependencies": [
                { "name": "onboard-policy", "kind": "dev" },
                { "name": "serde", "kind": null },
            ] },
            { "name": "onboard-policy", "metadata": { "onboard": { "layer": 1 } }, "dependencies": [
                { "name": "onboard-daemon", "kind": "build" },
            ] },
            { "name": "onboard-daemon", "metadata": { "onboard": { "layer": 3 } }, "dependencies": [] },
        ] });
        assert_eq!(breaches(&graph(&metadata)).len(), 2);
    }

    #[test]
    fn this_workspace_keeps_its_layers() {
        let metadata = Workspace::find().unwrap().metadata().unwrap();
        assert_eq!(breaches(&graph(&metadata)), Vec::<String>::new());
    }
}
