//! Writes the agents' pages into `docs`, and the table of their topics into `docs/agents.md`:
//! `cargo xtask docs` runs it.

use std::fs;
use std::path::Path;

use onboard_agents::manual;

/// The table stands between these lines.
const BEGIN: &str = "<!-- topics: written by `cargo xtask docs` -->\n";
const END: &str = "<!-- /topics -->";

fn main() -> Result<(), String> {
    let docs = std::env::args().nth(1).ok_or("which folder?")?;
    let docs = Path::new(&docs);
    let folder = docs.join("agents");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for manual in manual::all() {
        write(&folder.join(format!("{}.md", manual.name)), &manual::markdown(manual))?;
    }
    let path = docs.join("agents.md");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let missing = || format!("{}: there is no `{}`", path.display(), BEGIN.trim_end());
    let begin = text.find(BEGIN).ok_or_else(missing)? + BEGIN.len();
    let end = begin + text[begin..].find(END).ok_or_else(missing)?;
    write(&path, &format!("{}{}{}", &text[..begin], manual::topics(), &text[end..]))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    println!("wrote {}", path.display());
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
