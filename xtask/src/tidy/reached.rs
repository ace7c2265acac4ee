//! Every file under a crate's `tests/` is reached by a test: a forgotten one tests nothing.

use super::{File, Problem, problem};

pub fn problems(files: &[File]) -> Vec<Problem> {
    files.iter().filter_map(|file| forgotten(file, files)).collect()
}

fn forgotten(file: &File, files: &[File]) -> Option<Problem> {
    let (home, inside) = split(&file.path)?;
    let is_target = file.is_rust() && (!inside.contains('/') || is_folder_target(inside));
    let mut sources = files.iter().filter(|source| {
        source.is_rust() && source.path.starts_with(home) && source.path != file.path
    });
    let reached = (is_target && !home.is_empty()) || sources.any(|source| mentions(source, inside));
    (!reached).then(|| {
        let remedy = "read it in a test (by its name or its folder's), or delete it";
        problem(file, 1, "no test reaches this file", remedy)
    })
}

/// `crates/x/tests/a/b.txt` → (`crates/x/`, `a/b.txt`).
fn split(path: &str) -> Option<(&str, &str)> {
    if let Some(inside) = path.strip_prefix("tests/") {
        return Some(("", inside));
    }
    let at = path.find("/tests/")?;
    let is_source = path[..at].contains("/src");
    (!is_source).then(|| (&path[..=at], &path[at + "/tests/".len()..]))
}

/// Cargo makes a test of `tests/name/main.rs` too.
fn is_folder_target(inside: &str) -> bool {
    inside.strip_suffix("/main.rs").is_some_and(|folder| !folder.contains('/'))
}

/// Whether a source names the file, declares it as a module, or names a folder it is in.
fn mentions(source: &File, inside: &str) -> bool {
    let (folders, name) = inside.rsplit_once('/').unwrap_or(("", inside));
    let module = match name.strip_suffix(".rs") {
        Some("mod") => folders.rsplit('/').next().unwrap_or_default(),
        Some(stem) => stem,
        None => "",
    };
    if name.ends_with(".rs") {
        return source.text.contains(&format!("mod {module};")) || source.text.contains(name);
    }
    let mut names = folders.split('/').filter(|folder| !folder.is_empty());
    source.text.contains(name)
        || names.any(|folder| {
            let quoted = [format!("/{folder}"), format!("\"{folder}"), format!("{folder}/")];
            quoted.iter().any(|text| source.text.contains(text.as_str()))
        })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn forgotten_files() {
        check(
            "--- crates/a/tests/run.rs\n//! X.\nmod world;\nlet text = read(\"tests/scenarios\");\n\
             --- crates/a/tests/world/mod.rs\n//! X.\n--- crates/a/tests/lost/mod.rs\n//! X.\n\
             --- crates/a/tests/scenarios/one.txt\nx\n--- crates/a/tests/old/two.txt\nx\n\
             --- crates/a/tests/big/main.rs\n//! X.\n--- crates/a/src/tests/unit.rs\n//! X.\n\
             --- tests/orphan.rs\n//! X.",
            expect![[r#"
                crates/a/tests/lost/mod.rs:1: no test reaches this file; read it in a test (by its name or its folder's), or delete it
                crates/a/tests/old/two.txt:1: no test reaches this file; read it in a test (by its name or its folder's), or delete it
                tests/orphan.rs:1: no test reaches this file; read it in a test (by its name or its folder's), or delete it"#]],
        );
    }
}
