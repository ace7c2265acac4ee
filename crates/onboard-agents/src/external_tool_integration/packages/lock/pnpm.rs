//! `pnpm-lock.yaml`, versions 6 and 9.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Graph, Node, first_lines};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    lockfile_version: String,
    #[serde(default)]
    importers: BTreeMap<String, Importer>,
    /// Of the only importer, where there are no others.
    #[serde(flatten)]
    only: Importer,
    #[serde(default)]
    packages: BTreeMap<String, Package>,
    /// What packages need, since version 9.
    #[serde(default)]
    snapshots: BTreeMap<String, Package>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Importer {
    dependencies: BTreeMap<String, Wanted>,
    dev_dependencies: BTreeMap<String, Wanted>,
    optional_dependencies: BTreeMap<String, Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Package {
    dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
    resolution: Resolution,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resolution {
    /// Where it does not come from a registry.
    tarball: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Graph, String> {
    let file: File =
        serde_saphyr::from_str(text).map_err(|error| first_line(&error.to_string()))?;
    let version = file.lockfile_version.split('.').next().unwrap_or_default();
    if !matches!(version, "6" | "9") {
        return Err(format!("version {} is not understood", file.lockfile_version));
    }
    let lines = first_lines(text, |line| {
        Some(bare(line.strip_prefix("  ")?.strip_suffix(':')?.trim_matches('\'')))
    });
    let listed = if version == "9" { &file.snapshots } else { &file.packages };
    let mut by_key: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, key) in listed.keys().enumerate() {
        by_key.insert(bare_with_peers(key), at);
    }
    let find = |(name, version): (&String, &String)| {
        // An alias names the package behind it.
        let is_whole =
            version.split('(').next().is_some_and(|it| it.chars().skip(1).any(|c| c == '@'));
        let key = if is_whole {
            bare_with_peers(version).to_owned()
        } else {
            format!("{name}@{version}")
        };
        by_key.get(key.as_str()).copied()
    };
    let mut graph = Graph::default();
    for (key, package) in listed {
        let key = bare(key);
        let (name, version) = key.rsplit_once('@').unwrap_or((key, ""));
        let known = file.packages.get(key).or_else(|| file.packages.get(&format!("/{key}")));
        let resolution = known.map_or(&package.resolution, |known| &known.resolution);
        graph.nodes.push(Node {
            name: name.to_owned(),
            version: version.to_owned(),
            line: lines.get(key).copied(),
            is_public: resolution.tarball.is_none() && resolution.kind.is_none(),
            is_own: false,
            is_dev: false,
            needs: package
                .dependencies
                .iter()
                .chain(&package.optional_dependencies)
                .filter_map(find)
                .collect(),
        });
    }
    for importer in file.importers.values().chain([&file.only]) {
        let plain = importer.dependencies.iter().chain(&importer.optional_dependencies);
        let plain = plain.filter_map(|(name, wanted)| find((name, &wanted.version)));
        graph.direct.extend(plain.map(|at| (at, false)));
        let dev = importer.dev_dependencies.iter();
        let dev = dev.filter_map(|(name, wanted)| find((name, &wanted.version)));
        graph.direct.extend(dev.map(|at| (at, true)));
    }
    Ok(graph)
}

/// `name@version` of `/name@version(peer@version)`.
fn bare(key: &str) -> &str {
    let key = bare_with_peers(key);
    key.find('(').map_or(key, |at| &key[..at])
}

fn bare_with_peers(key: &str) -> &str {
    key.strip_prefix('/').unwrap_or(key)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
