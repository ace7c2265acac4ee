//! What the crew learned: as a list, and in full.

use super::{Ink, Look};
use onboard_validation::show;
use serde::{Deserialize, Serialize};

/// Something known, as its agent shares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub id: String,
    pub kind: String,
    pub statement: String,
    pub seen: u32,
    pub of: u32,
    /// The newest that show it.
    pub commits: Vec<String>,
    /// The day on which it was first known.
    pub since: String,
}

/// Columns that an id takes.
const ID_COLUMNS: usize = 11;

/// A sentence each, the strongest first: cut off, it would say nothing.
pub fn list(entries: &[Entry], look: &Look) -> String {
    let sentence = |entry: &Entry| {
        let text = look.paragraph(ID_COLUMNS, &entry.statement);
        let room = ID_COLUMNS;
        format!("{:room$}{}", entry.id, text.get(room..).unwrap_or_default())
    };
    entries.iter().map(sentence).collect()
}

/// One in full.
pub fn show(entry: &Entry, look: &Look) -> String {
    let mut out = format!("{}  {}\n", entry.id, look.paint(Ink::Dim, &show::line(&entry.kind)));
    out.push_str(&look.paragraph(2, &entry.statement));
    out.push_str(&format!(
        "  seen {} of {} times, known since {}\n",
        entry.seen,
        entry.of,
        show::line(&entry.since)
    ));
    for commit in &entry.commits {
        out.push_str(&format!("    {}\n", show::line(commit)));
    }
    out.push_str(&format!(
        "\nNext\n  ai_onboard knowledge forget {}\n      never know or say it again\n",
        entry.id
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;
    use expect_test::expect;

    #[test]
    fn entries() {
        let entry = |id: &str, what: &str| Entry {
            id: id.into(),
            kind: "companion".into(),
            statement: format!("When src/{what}.rs changes, tests/{what}.rs changes with it."),
            seen: 9,
            of: 11,
            commits: vec!["5e3bb6b6f1".into()],
            since: "2026-11-26".into(),
        };
        let look = samples::look(Some(80), false);
        let entries = [entry("k1a2b3c4d", "flags"), entry("k5e6f7a8b", "net")];
        expect![[r#"
            k1a2b3c4d  When src/flags.rs changes, tests/flags.rs changes with it.
            k5e6f7a8b  When src/net.rs changes, tests/net.rs changes with it.
        "#]]
        .assert_eq(&list(&entries, &look));
        expect![[r#"
            k1a2b3c4d  companion
              When src/flags.rs changes, tests/flags.rs changes with it.
              seen 9 of 11 times, known since 2026-11-26
                5e3bb6b6f1

            Next
              ai_onboard knowledge forget k1a2b3c4d
                  never know or say it again
        "#]]
        .assert_eq(&show(&entries[0], &look));
    }
}
