//! Every dependency is used: a crate's by a mention in its sources, the root table's by a crate.
//! What nobody uses is still downloaded, built and licensed.

use super::{File, Problem, manifest, problem};

pub fn problems(files: &[File]) -> Vec<Problem> {
    let manifests = files.iter().filter(|file| file.name() == "Cargo.toml");
    let (root, members): (Vec<&File>, Vec<&File>) =
        manifests.partition(|file| file.path == "Cargo.toml");
    let mut found: Vec<Problem> =
        members.iter().flat_map(|manifest| of_member(manifest, files)).collect();
    if !members.is_empty() {
        found.extend(root.into_iter().flat_map(|root| of_root(root, &members)));
    }
    found
}

/// The dependencies of a manifest that no source beside it names. A folder without a source is
/// not judged: there is nothing to read.
fn of_member(manifest: &File, files: &[File]) -> Vec<Problem> {
    let folder = manifest.path.trim_end_matches("Cargo.toml");
    let sources: Vec<&File> =
        files.iter().filter(|file| file.is_rust() && file.path.starts_with(folder)).collect();
    let is_used = |name: &str| {
        let name = name.replace('-', "_");
        sources.iter().any(|source| mentions(&source.text, &name))
    };
    manifest::dependencies(manifest)
        .into_iter()
        .filter(|(_, name)| !sources.is_empty() && !is_used(name))
        .map(|(line, name)| {
            problem(manifest, line, format!("no source here names `{name}`"), "delete the line")
        })
        .collect()
}

/// The entries of the root's table that no member takes.
fn of_root(root: &File, members: &[&File]) -> Vec<Problem> {
    let is_taken = |name: &str| {
        members.iter().any(|member| {
            manifest::dependencies(member).into_iter().any(|(_, taken)| taken == name)
        })
    };
    manifest::dependencies(root)
        .into_iter()
        .filter(|(_, name)| !is_taken(name))
        .map(|(line, name)| {
            problem(root, line, format!("no crate takes `{name}`"), "delete the line")
        })
        .collect()
}

/// Whether the word stands in the text where a path begins or a crate is brought in.
fn mentions(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(is_part) && ["::", ";", " as "].iter().any(|next| after.starts_with(next))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn what_nobody_uses() {
        check(
            "--- Cargo.toml\n[workspace.dependencies]\nserde = \"1\" # the encoding\nold = \"1\" # was it\n\
             --- crates/a/Cargo.toml\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n\
             is-used = { workspace = true }\n[dev-dependencies]\nonly.workspace = true\n\
             --- crates/a/src/a.rs\n//! X.\nuse serde::Serialize;\nuse is_used as other;\nfn only() { not_only::f() }\n\
             --- crates/b/Cargo.toml\n[lints]\nworkspace = true\n[dependencies]\nis-used.workspace = true",
            expect![[r#"
                Cargo.toml:3: no crate takes `old`; delete the line
                crates/a/Cargo.toml:7: no source here names `only`; delete the line"#]],
        );
    }
}
