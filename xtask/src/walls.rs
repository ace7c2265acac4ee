//! `cargo xtask walls`: hostile agents behind the real walls, as root and as an ordinary user, and
//! the table of what comes of each in `docs/safety.md`.

use std::fs;

use crate::command;
use crate::packages;
use crate::workspace::Workspace;

/// The page, and what the table stands between there.
const PAGE: &str = "docs/safety.md";
const BEGIN: &str = "<!-- attacks: written by `cargo xtask walls` -->\n";
const END: &str = "<!-- attacks: end -->";

/// Writes the table as root alone, who can try both users.
pub fn run(workspace: &Workspace, _: &[String]) -> Result<(), String> {
    let mut cargo = command::cargo(&workspace.root);
    cargo.args(["test", "--quiet", "--package", "onboard-daemon", "--test", "runs", "--"]);
    let ended = command::run(cargo.arg("--attacks"))?;
    if !ended.success {
        return Err("a case failed; what differs is said above".to_string());
    }
    if !packages::is_root() {
        println!("(tried as an ordinary user alone: {PAGE} is left as it was)");
        return Ok(());
    }
    let path = workspace.root.join(PAGE);
    let say = |error: std::io::Error| format!("{PAGE}: {error}");
    let page = fs::read_to_string(&path).map_err(say)?;
    fs::write(&path, with_table(&page, &table(&ended.stdout))?).map_err(say)?;
    println!("wrote the table in {PAGE}");
    Ok(())
}

/// The lines of the output that are of a table.
fn table(output: &str) -> String {
    let lines = output.lines().filter(|line| line.starts_with('|'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The page with another table.
fn with_table(page: &str, table: &str) -> Result<String, String> {
    let place = page.split_once(BEGIN);
    let place = place.and_then(|(above, rest)| Some((above, rest.split_once(END)?.1)));
    let (above, below) = place.ok_or(format!("{PAGE}: the lines that the table is between"))?;
    Ok(format!("{above}{BEGIN}{table}{END}{below}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    /// Whatever the page calls a proof is a name in the sources of the crates.
    #[test]
    fn what_the_page_names_is_there() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let page = fs::read_to_string(root.join(PAGE)).unwrap();
        let (_, rows) = page.split_once("| proven by |").unwrap();
        let last = rows.lines().filter_map(|line| line.trim_end_matches('|').rsplit('|').next());
        let words: Vec<&str> = last.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert!(words.len() > 10, "{words:?}");
        let sources = sources(&root.join("crates"));
        for word in words {
            let is_there = match word.contains('/') {
                true => root.join(word).exists(),
                false => sources.contains(word),
            };
            assert!(is_there, "{word}");
        }
    }

    fn sources(folder: &std::path::Path) -> String {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let text = |path: std::path::PathBuf| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(end) if end == "rs" => fs::read_to_string(path).unwrap(),
            _ => String::new(),
        };
        entries.map(text).collect()
    }

    #[test]
    fn the_table_takes_the_place_of_the_last_one() {
        let page = format!("above\n{BEGIN}| old |\n{END}\nbelow\n");
        let made = with_table(&page, &table("building\n| a | b |\n|---|---|\nend\n")).unwrap();
        expect![[r#"
            above
            <!-- attacks: written by `cargo xtask walls` -->
            | a | b |
            |---|---|
            <!-- attacks: end -->
            below
        "#]]
        .assert_eq(&made);
        assert!(with_table("no place", "| a |").is_err());
    }
}
