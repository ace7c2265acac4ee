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
