//! Links of Markdown files lead to files that are there.

use std::collections::BTreeSet;

use super::{File, Problem, problem};

pub fn problems(file: &File, files: &[File]) -> Vec<Problem> {
    let there = places(files);
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let targets = if in_code { Vec::new() } else { targets(line) };
        for target in targets {
            let place = resolve(&file.path, target);
            if !place.is_empty() && !there.contains(&place) {
                let remedy = "mend the link or delete it";
                found.push(problem(file, number, format!("`{target}` leads nowhere"), remedy));
            }
        }
    }
    found
}

/// Every file and every folder.
fn places(files: &[File]) -> BTreeSet<String> {
    let mut there = BTreeSet::new();
    for file in files {
        let mut place = file.path.as_str();
        there.insert(place.to_string());
        while let Some((folder, _)) = place.rsplit_once('/') {
            there.insert(folder.to_string());
            place = folder;
        }
    }
    there
}

/// Link targets of a line that are meant as files: no scheme, no bare anchor, not in code.
fn targets(line: &str) -> Vec<&str> {
    let prose = line.split('`').step_by(2);
    prose
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|target| !target.contains(':') && !target.starts_with('#'))
        .collect()
}

/// The path from the root a link on the page `from` leads to; empty for the root itself.
fn resolve(from: &str, target: &str) -> String {
    let target = target.split('#').next().unwrap_or_default();
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> =
        if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn links_lead_to_files_and_folders() {
        check(
            "--- docs/a.md\n[up](../README.md), [gone](gone.md), [web](https://x.y/z), [here](#part)\n\
             [part](b.md#part) [folder](../docs/) [root](..)\n`[code](no.md)`\n```\n[code](no.md)\n```\n![picture](p.svg)\n\
             --- docs/b.md\nx\n--- README.md\n[b](docs/b.md) [c](docs/c.md)",
            expect![[r#"
                README.md:1: `docs/c.md` leads nowhere; mend the link or delete it
                README.md:1: the test command is missing; give `cargo xtask test` a line of its own
                docs/a.md:1: `gone.md` leads nowhere; mend the link or delete it
                docs/a.md:7: `p.svg` leads nowhere; mend the link or delete it"#]],
        );
    }
}
