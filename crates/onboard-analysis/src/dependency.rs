//! Dependency manifests and the lock files that pin them: do they still agree?

use crate::path::file_name;

/// Manifests and the lock files that may stand beside them.
const PAIRS: [(&str, &[&str]); 8] = [
    ("Cargo.toml", &["Cargo.lock"]),
    (
        "package.json",
        &["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"],
    ),
    ("pyproject.toml", &["poetry.lock", "uv.lock", "pdm.lock"]),
    ("Pipfile", &["Pipfile.lock"]),
    ("go.mod", &["go.sum"]),
    ("Gemfile", &["Gemfile.lock"]),
    ("composer.json", &["composer.lock"]),
    ("mix.exs", &["mix.lock"]),
];

/// The lock files that pin what a manifest of this name declares; empty for anything else.
pub fn locks_of(manifest: &str) -> &'static [&'static str] {
    PAIRS.iter().find(|(name, _)| *name == manifest).map_or(&[], |(_, locks)| locks)
}

/// Whether the date of a path's last change matters by itself.
pub fn is_watched(path: &str) -> bool {
    let name = file_name(path);
    PAIRS.iter().any(|(manifest, locks)| *manifest == name || locks.contains(&name))
}

/// The names a manifest declares as dependencies. `None` for a kind that is not read: only the
/// kinds whose names must appear word for word in their lock file are.
pub fn declared(manifest: &str, text: &str) -> Option<Vec<String>> {
    match file_name(manifest) {
        "Cargo.toml" => Some(declared_by_cargo(text)),
        "package.json" => declared_by_json(text, &JSON_TABLES),
        "go.mod" => Some(declared_by_go(text)),
        _ => None,
    }
}

/// Peers are left out: what they name is installed by somebody else.
const JSON_TABLES: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

fn declared_by_json(text: &str, tables: &[&str]) -> Option<Vec<String>> {
    let root: serde_json::Value = serde_json::from_str(text).ok()?;
    let names = tables
        .iter()
        .filter_map(|table| root.get(table)?.as_object())
        .flat_map(|table| table.keys().cloned())
        .collect();
    Some(names)
}

/// Reads `[dependencies]`, `[dev-dependencies]`, `[target.….dependencies]` and their dotted
/// tables. `[workspace.dependencies]` and `[patch]` only offer, and are skipped.
fn declared_by_cargo(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_start_matches('[').split(']').next().unwrap_or("");
            let (table, dotted) = split_table(header);
            inside = table && dotted.is_none();
            names.extend(dotted.filter(|_| table).map(clean));
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            names.push(cargo_name(name, value));
        } else if let Some(rest) = line.strip_prefix("package").filter(|_| !inside) {
            // A dotted table may rename its package; the lock file knows the package's own name.
            if let (Some(last), Some(name)) = (names.last_mut(), rest.split('"').nth(1))
                && rest.trim_start().starts_with('=')
            {
                *last = name.to_owned();
            }
        }
    }
    names.retain(|name| !name.is_empty() && !name.starts_with('#'));
    names
}

/// Whether a header names a table of dependencies, and the dependency where it is a dotted one.
fn split_table(header: &str) -> (bool, Option<&str>) {
    if header.starts_with("workspace") || header.starts_with("patch") {
        return (false, None);
    }
    for kind in ["dev-dependencies", "build-dependencies", "dependencies"] {
        if let Some(at) = header.find(kind)
            && (at == 0 || header[..at].ends_with('.'))
        {
            return (true, header[at + kind.len()..].strip_prefix('.'));
        }
    }
    (false, None)
}

fn cargo_name(name: &str, value: &str) -> String {
    let renamed = value
        .split_once("package")
        .filter(|(_, rest)| rest.trim_start().starts_with('='))
        .and_then(|(_, rest)| rest.split('"').nth(1));
    // `serde.workspace = true` and `serde.version = "1"` are the same dependency.
    clean(renamed.unwrap_or_else(|| name.split('.').next().unwrap_or(name)))
}

fn clean(name: &str) -> String {
    name.trim().trim_matches('"').to_owned()
}

fn declared_by_go(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut replaced = Vec::new();
    let mut block = "";
    for line in text.lines().map(|line| line.split("//").next().unwrap_or("").trim()) {
        let (kind, rest) = if block.is_empty() {
            line.split_once(char::is_whitespace).unwrap_or((line, ""))
        } else {
            (block, line)
        };
        if rest == "(" {
            block = if kind == "require" {
                "require"
            } else if kind == "replace" {
                "replace"
            } else {
                "other"
            };
        } else if line == ")" {
            block = "";
        } else if let Some(name) = rest.split_whitespace().next() {
            match kind {
                "require" => names.push(name.to_owned()),
                "replace" => replaced.push(name.to_owned()),
                _ => {}
            }
        }
    }
    // A replacement by a folder has no line in go.sum.
    names.retain(|name| !replaced.contains(name));
    names
}

/// Whether a lock file mentions a name, as a whole name and not as a part of a longer one.
pub fn is_locked(lock: &str, name: &str) -> bool {
    lock.match_indices(name).any(|(at, _)| {
        let before = lock[..at].chars().next_back();
        let after = lock[at + name.len()..].chars().next();
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
        !part(before) && !part(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(manifest: &str, text: &str, lock: &str, expected: Expect) {
        let declared = declared(manifest, text).unwrap_or_default();
        let missing: Vec<&String> = declared.iter().filter(|name| !is_locked(lock, name)).collect();
        expected.assert_eq(&format!("{declared:?}, not locked {missing:?}"));
    }

    #[test]
    fn what_is_declared_but_not_locked_is_named() {
        check(
            "Cargo.toml",
            "[package]\nname = \"x\"\n[workspace.dependencies]\nidle = \"1\"\n[dependencies]\n\
             # a comment = no\nserde = { version = \"1\" }\nserde_json.workspace = true\n\
             old = { package = \"new-name\", version = \"2\" }\n[dependencies.clap]\nversion = \"4\"\n\
             [target.'cfg(unix)'.dev-dependencies]\nlibc = \"0.2\"\n[features]\ndefault = []",
            "name = \"serde\"\nname = \"new-name\"\nname = \"clap\"\nname = \"libc\"",
            expect![[
                r#"["serde", "serde_json", "new-name", "clap", "libc"], not locked ["serde_json"]"#
            ]],
        );
        check(
            "web/package.json",
            r#"{"dependencies":{"@x/y":"1","a":"2"},"peerDependencies":{"p":"1"}}"#,
            "packages:\n  '@x/y@1.0.0':\n  a-b@2:",
            expect![[r#"["@x/y", "a"], not locked ["a"]"#]],
        );
        check(
            "go.mod",
            "module m\ngo 1.22\nrequire (\n\tgithub.com/a/b v1.0.0 // indirect\n\tlocal.dev/c v0.0.0\n)\n\
             require x.org/d v2\nreplace local.dev/c => ../c\n",
            "github.com/a/b v1.0.0 h1:x=\n",
            expect![[r#"["github.com/a/b", "x.org/d"], not locked ["x.org/d"]"#]],
        );
        check("package.json", "{broken", "", expect!["[], not locked []"]);
    }
}
