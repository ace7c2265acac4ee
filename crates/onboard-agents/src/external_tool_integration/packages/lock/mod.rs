//! Lock files: which versions of which packages a project is built with, and through which they come.
//! Pure: content in, packages out.

mod cargo;
mod go;
mod npm;
mod pnpm;
mod python;
mod yarn;

use std::collections::{BTreeMap, VecDeque};

use super::version::Ecosystem;

/// Packages of one lock file; the largest known have some thousand.
pub const MOST_PACKAGES: usize = 5_000;
/// Letters of a name and of a version; npm allows as many of the former.
const LONGEST_NAME: usize = 214;
const LONGEST_VERSION: usize = 100;
/// Packages on a way that is shown.
const LONGEST_WAY: usize = 4;

/// What writes a lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Cargo,
    Npm,
    Pnpm,
    Yarn,
    Poetry,
    Uv,
    /// `requirements.txt`, and others that begin so.
    Requirements,
    /// `go.mod`, which names the version of each module since Go 1.17.
    Go,
}

impl Kind {
    /// By a file's name.
    pub fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "Cargo.lock" => Self::Cargo,
            "package-lock.json" | "npm-shrinkwrap.json" => Self::Npm,
            "pnpm-lock.yaml" => Self::Pnpm,
            "yarn.lock" => Self::Yarn,
            "poetry.lock" => Self::Poetry,
            "uv.lock" => Self::Uv,
            "go.mod" => Self::Go,
            _ if name.starts_with("requirements") && name.ends_with(".txt") => Self::Requirements,
            _ => return None,
        })
    }

    pub fn ecosystem(self) -> Ecosystem {
        match self {
            Self::Cargo => Ecosystem::Crates,
            Self::Npm | Self::Pnpm | Self::Yarn => Ecosystem::Npm,
            Self::Poetry | Self::Uv | Self::Requirements => Ecosystem::PyPI,
            Self::Go => Ecosystem::Go,
        }
    }

    /// The file beside it that says what was asked for, where the lock file does not.
    pub fn manifest(self) -> Option<&'static str> {
        match self {
            Self::Yarn => Some("package.json"),
            Self::Poetry => Some("pyproject.toml"),
            _ => None,
        }
    }
}

/// A package as a lock file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    pub name: String,
    pub version: String,
    /// Where the lock file says so.
    pub line: Option<u32>,
    /// The project itself asks for it.
    pub is_direct: bool,
    /// Used for development alone, as far as the lock file says.
    pub is_dev: bool,
    /// Those through which it comes, the project's own dependency first; empty where it is one.
    pub through: Vec<String>,
}

impl Locked {
    /// How far from the project it is.
    fn distance(&self) -> usize {
        match (self.is_direct, self.through.len()) {
            (true, _) => 0,
            (false, 0) => usize::MAX,
            (false, length) => length,
        }
    }
}

/// What a lock file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub packages: Vec<Locked>,
    /// From elsewhere than the public registry: git, folders, a registry of one's own.
    pub elsewhere: usize,
    /// There were more than can be looked at.
    pub is_cut: bool,
}

/// Reads a lock file; `manifest` is [`Kind::manifest`]'s content.
///
/// # Errors
/// Why it can't be read, in words.
pub fn read(kind: Kind, text: &str, manifest: Option<&str>) -> Result<Contents, String> {
    let mut graph = match kind {
        Kind::Cargo => cargo::read(text)?,
        Kind::Npm => npm::read(text)?,
        Kind::Pnpm => pnpm::read(text)?,
        Kind::Yarn => yarn::read(text, manifest)?,
        Kind::Poetry => python::poetry(text, manifest)?,
        Kind::Uv => python::uv(text)?,
        Kind::Requirements => python::requirements(text),
        Kind::Go => go::read(text),
    };
    let is_cut = graph.nodes.len() > MOST_PACKAGES;
    let (packages, elsewhere) = graph.walk();
    Ok(Contents { packages, elsewhere, is_cut })
}

/// A package and those that it needs.
#[derive(Debug, Default)]
struct Node {
    name: String,
    version: String,
    line: Option<u32>,
    /// It is of the ecosystem's public registry.
    is_public: bool,
    /// It is of the project itself.
    is_own: bool,
    /// The lock file itself says that it is for development alone.
    is_dev: bool,
    needs: Vec<usize>,
}

/// Packages and what the project asks for.
#[derive(Debug, Default)]
struct Graph {
    nodes: Vec<Node>,
    /// What the project asks for, and whether for development alone.
    direct: Vec<(usize, bool)>,
    /// The lock file says of each whether it is for development alone; else the ways say it.
    says_dev: bool,
}

impl Node {
    /// Whether it may be said to people and to registries as it is.
    fn is_sound(&self) -> bool {
        let is_word = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        is_word(&self.name, LONGEST_NAME) && is_word(&self.version, LONGEST_VERSION)
    }
}

impl Graph {
    /// Packages of the public registry, each once, in the order of their names; and how many others
    /// there are.
    fn walk(&mut self) -> (Vec<Locked>, usize) {
        self.nodes.truncate(MOST_PACKAGES);
        let count = self.nodes.len();
        self.direct.retain(|(at, _)| *at < count);
        let used = self.ways(|is_dev| !is_dev);
        let all = self.ways(|_| true);
        let mut found: BTreeMap<(String, String), Locked> = BTreeMap::new();
        let mut elsewhere = 0;
        for (at, node) in self.nodes.iter().enumerate() {
            if !node.is_public || node.is_own || !node.is_sound() {
                elsewhere += usize::from(!node.is_own);
                continue;
            }
            let ways = if used[at].is_some() { &used } else { &all };
            let locked = Locked {
                name: node.name.clone(),
                version: node.version.clone(),
                line: node.line,
                is_direct: self.direct.iter().any(|(direct, _)| *direct == at),
                is_dev: match self.says_dev {
                    true => node.is_dev,
                    false => used[at].is_none() && all[at].is_some(),
                },
                through: self.through(at, ways),
            };
            let key = (node.name.clone(), node.version.clone());
            let Some(known) = found.get_mut(&key) else {
                found.insert(key, locked);
                continue;
            };
            // The same package at another place of the tree: its shortest way counts.
            let is_dev = known.is_dev && locked.is_dev;
            if locked.distance() < known.distance() {
                *known = locked;
            }
            known.is_dev = is_dev;
        }
        (found.into_values().collect(), elsewhere)
    }

    /// For each package the one before it on a shortest way from the project: itself where the project
    /// asks for it, nothing where no way leads there.
    fn ways(&self, follows: impl Fn(bool) -> bool) -> Vec<Option<usize>> {
        let mut before = vec![None; self.nodes.len()];
        let mut queue = VecDeque::new();
        for (at, is_dev) in &self.direct {
            if follows(*is_dev) && before[*at].is_none() {
                before[*at] = Some(*at);
                queue.push_back(*at);
            }
        }
        while let Some(at) = queue.pop_front() {
            for next in self.nodes[at].needs.iter().filter(|next| **next < self.nodes.len()) {
                if before[*next].is_none() {
                    before[*next] = Some(at);
                    queue.push_back(*next);
                }
            }
        }
        before
    }

    fn through(&self, at: usize, before: &[Option<usize>]) -> Vec<String> {
        let mut way = Vec::new();
        let mut at = at;
        while let Some(next) = before[at].filter(|next| *next != at) {
            let node = &self.nodes[next];
            way.push(if node.is_sound() { node.name.clone() } else { "…".to_owned() });
            at = next;
        }
        way.reverse();
        if way.len() > LONGEST_WAY {
            // Its beginning and its end say most.
            way.splice(2..way.len() - 1, ["…".to_owned()]);
        }
        way
    }
}

/// Lines of a text: which one a byte stands in.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// From 1 on.
    fn at(&self, byte: usize) -> Option<u32> {
        u32::try_from(self.0.partition_point(|end| *end < byte) + 1).ok()
    }
}

/// The first line of each text that `key` finds in one.
fn first_lines<'a>(
    text: &'a str,
    key: impl Fn(&'a str) -> Option<&'a str>,
) -> BTreeMap<&'a str, u32> {
    let mut found = BTreeMap::new();
    for (at, line) in (1..).zip(text.lines()) {
        if let Some(key) = key(line) {
            found.entry(key).or_insert(at);
        }
    }
    found
}

#[cfg(test)]
mod tests;
