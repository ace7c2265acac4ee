//! Rules for Cargo.toml: shared lints, and versions with their reason in the root's table only.

use super::{File, Problem, problem};

pub fn problems(file: &File) -> Vec<Problem> {
    if file.path == "Cargo.toml" {
        return root(file);
    }
    // A workspace of its own has a table of its own, for which the root's rules hold.
    let mut found = member(file);
    found.extend(root(file));
    found
}

/// The lines of a manifest with the section each stands in.
fn entries(file: &File) -> Vec<(usize, String, &str)> {
    let mut section = String::new();
    let mut entries = Vec::new();
    for (number, line) in file.lines() {
        let code = line.trim();
        if code.starts_with('[') {
            section = code.trim_matches(['[', ']']).to_string();
        } else if !code.is_empty() && !code.starts_with('#') {
            entries.push((number, section.clone(), code));
        }
    }
    entries
}

/// The dependencies a manifest lists, of every kind, with their lines.
pub fn dependencies(file: &File) -> Vec<(usize, &str)> {
    entries(file)
        .into_iter()
        .filter(|(_, section, _)| section.ends_with("dependencies"))
        .map(|(line, _, entry)| (line, name(entry)))
        .collect()
}

fn root(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, section, entry) in entries(file) {
        let is_ours = entry.contains("path = ");
        let has_reason =
            entry.rsplit_once("# ").is_some_and(|(_, reason)| !reason.trim().is_empty());
        if section == "workspace.dependencies" && !is_ours && !has_reason {
            let remedy = "say in a comment on the line why it is here";
            found.push(problem(file, number, format!("no reason for `{}`", name(entry)), remedy));
        }
    }
    found
}

fn member(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    let entries = entries(file);
    let shares = |(_, section, entry): &(usize, String, &str)| {
        (section == "lints" && entry.replace(' ', "") == "workspace=true")
            || (section.is_empty() && entry.replace(' ', "") == "lints.workspace=true")
    };
    if !entries.iter().any(shares) {
        found.push(problem(
            file,
            1,
            "the workspace's lints do not hold here",
            "add `[lints]` with `workspace = true`",
        ));
    }
    for (number, section, entry) in &entries {
        let is_table = section.ends_with("dependencies") && section != "workspace.dependencies";
        let inherits = entry.replace(' ', "").contains("workspace=true");
        let remedy = "write `NAME.workspace = true` and put the version into the root's table";
        if is_table && !inherits {
            found.push(problem(
                file,
                *number,
                format!("`{}` has its own version", name(entry)),
                remedy,
            ));
        }
        if section.contains("dependencies.")
            && (entry.starts_with("version") || entry.starts_with("git"))
        {
            found.push(problem(file, *number, format!("`{section}` has its own version"), remedy));
        }
    }
    found
}

/// The dependency an entry is about.
fn name(entry: &str) -> &str {
    entry.split(['=', '.', ' ']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn root_table_has_reasons() {
        check(
            "--- Cargo.toml\n[workspace.dependencies]\nours = { path = \"crates/ours\" }\n\
             serde = \"1\" # the encoding\nlibc = \"0.2\"\nbare = \"1\" # ",
            expect![[r#"
                Cargo.toml:4: no reason for `libc`; say in a comment on the line why it is here
                Cargo.toml:5: no reason for `bare`; say in a comment on the line why it is here
                Cargo.toml:5: white space ends the line; delete it"#]],
        );
    }

    #[test]
    fn members_share_lints_and_have_no_versions() {
        check(
            "--- crates/a/Cargo.toml\n[package]\nname = \"a\"\n[dependencies]\nserde = \"1\"\n\
             libc = { workspace = true }\n[dev-dependencies]\nx = { path = \"../x\" }\n[dependencies.y]\nversion = \"1\"\n\
             --- crates/b/Cargo.toml\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true",
            expect![[r#"
                crates/a/Cargo.toml:1: the workspace's lints do not hold here; add `[lints]` with `workspace = true`
                crates/a/Cargo.toml:4: `serde` has its own version; write `NAME.workspace = true` and put the version into the root's table
                crates/a/Cargo.toml:7: `x` has its own version; write `NAME.workspace = true` and put the version into the root's table
                crates/a/Cargo.toml:9: `dependencies.y` has its own version; write `NAME.workspace = true` and put the version into the root's table"#]],
        );
    }
}
