//! `package-lock.json`, versions 2 and 3.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Graph, Node, first_lines};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    lockfile_version: u32,
    #[serde(default)]
    packages: BTreeMap<String, Package>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Package {
    /// Where it is another than its folder's.
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    link: bool,
    dev: bool,
    dev_optional: bool,
    dependencies: BTreeMap<String, String>,
    dev_dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
    peer_dependencies: BTreeMap<String, String>,
}

const FOLDER: &str = "node_modules/";

pub(super) fn read(text: &str) -> Result<Graph, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if !(2..=3).contains(&file.lockfile_version) {
        return Err(format!("version {} is not understood", file.lockfile_version));
    }
    let lines = first_lines(text, |line| line.trim().strip_prefix('"')?.strip_suffix("\": {"));
    let places: Vec<(&String, &Package)> = file.packages.iter().collect();
    let at = |place: &str| places.binary_search_by(|(known, _)| known.as_str().cmp(place)).ok();
    let mut graph = Graph { says_dev: true, ..Graph::default() };
    for (place, package) in &places {
        let find = |name: &String| resolve(place, name, &at);
        let plain = package.dependencies.keys().chain(package.optional_dependencies.keys());
        let plain: Vec<usize> = plain.filter_map(find).collect();
        let peers = package.peer_dependencies.keys().filter_map(find);
        let needs: Vec<usize> = plain.iter().copied().chain(peers).collect();
        let name = place.rsplit_once(FOLDER).map(|(_, name)| name);
        // What lies outside of such folders is the project itself.
        if name.is_none() {
            graph.direct.extend(plain.iter().map(|at| (*at, false)));
            let dev = package.dev_dependencies.keys().filter_map(find);
            graph.direct.extend(dev.map(|at| (at, true)));
        }
        let resolved = package.resolved.as_deref();
        graph.nodes.push(Node {
            name: package.name.as_deref().or(name).unwrap_or_default().to_owned(),
            version: package.version.clone().unwrap_or_default(),
            line: lines.get(place.as_str()).copied(),
            is_public: resolved.is_none_or(is_public),
            is_own: name.is_none() || package.link,
            is_dev: package.dev || package.dev_optional,
            needs,
        });
    }
    let is_own = |at: usize| places[at].1.link || !places[at].0.contains(FOLDER);
    graph.direct.retain(|(at, _)| !is_own(*at));
    Ok(graph)
}

/// As Node finds it: in the package's own folder, then in each one above.
fn resolve(place: &str, name: &str, at: &impl Fn(&str) -> Option<usize>) -> Option<usize> {
    let mut folder = place;
    loop {
        let inside = match folder {
            "" => format!("{FOLDER}{name}"),
            folder => format!("{folder}/{FOLDER}{name}"),
        };
        if let Some(found) = at(&inside) {
            return Some(found);
        }
        if folder.is_empty() {
            return None;
        }
        folder = match folder.rsplit_once(FOLDER) {
            Some((above, _)) => above.trim_end_matches('/'),
            None => folder.rsplit_once('/').map_or("", |(above, _)| above),
        };
    }
}

/// Whether an address is of the public registry or of a name that leads there.
pub(super) fn is_public(resolved: &str) -> bool {
    ["https://registry.npmjs.org/", "https://registry.yarnpkg.com/"]
        .iter()
        .any(|registry| resolved.starts_with(registry))
}
