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

/// What is shared of what is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The strongest.
    pub entries: Vec<Entry>,
    /// How many there are in all.
    pub all: usize,
}

impl Known {
    /// How many are known and not shown.
    pub fn hidden(&self) -> usize {
        self.all.saturating_sub(self.entries.len())
    }
}

/// How often it was so, in words that fit what is known.
fn seen(entry: &Entry) -> String {
    let (seen, of) = (entry.seen, entry.of);
    match entry.kind.as_str() {
        "companion" => format!("in {seen} of {of} changes"),
        "coupling" => format!("{seen} times together within a year, of {of} changes at most"),
        "lesson" => format!("{seen} of {of} such commits were followed by a fix"),
        _ => format!("{seen} of {of}"),
    }
}

/// Columns that an id takes.
const ID_COLUMNS: usize = 11;

/// A sentence each, the strongest first: cut off, it would say nothing.
pub fn list(known: &Known, look: &Look) -> String {
    let sentence = |entry: &Entry| {
        let text = look.paragraph(ID_COLUMNS, &entry.statement);
        let room = ID_COLUMNS;
        format!("{:room$}{}", entry.id, text.get(room..).unwrap_or_default())
    };
    let mut out: String = known.entries.iter().map(sentence).collect();
    if known.hidden() > 0 {
        let words = format!(
            "These are the strongest of {}; {} weaker ones are not listed.",
            known.all,
            known.hidden()
        );
        out.push('\n');
        out.push_str(&look.paragraph(0, &words));
    }
    out
}

/// One in full.
pub fn show(entry: &Entry, look: &Look) -> String {
    let mut out = format!("{}  {}\n", entry.id, look.paint(Ink::Dim, &show::line(&entry.kind)));
    out.push_str(&look.paragraph(2, &entry.statement));
    out.push_str(&format!("  {}; known since {}\n", seen(entry), show::line(&entry.since)));
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
        let entries = vec![entry("k1a2b3c4d", "flags"), entry("k5e6f7a8b", "net")];
        let known = |all: usize| Known { entries: entries.clone(), all };
        expect![[r#"
            k1a2b3c4d  When src/flags.rs changes, tests/flags.rs changes with it.
            k5e6f7a8b  When src/net.rs changes, tests/net.rs changes with it.
        "#]]
        .assert_eq(&list(&known(2), &look));
        expect![[r#"
            k1a2b3c4d  When src/flags.rs changes, tests/flags.rs changes with it.
            k5e6f7a8b  When src/net.rs changes, tests/net.rs changes with it.

            These are the strongest of 130; 128 weaker ones are not listed.
        "#]]
        .assert_eq(&list(&known(130), &look));
        expect![[r#"
            k1a2b3c4d  companion
              When src/flags.rs changes, tests/flags.rs changes with it.
              in 9 of 11 changes; known since 2026-11-26
                5e3bb6b6f1

            Next
              ai_onboard knowledge forget k1a2b3c4d
                  never know or say it again
        "#]]
        .assert_eq(&show(&entries[0], &look));
        let words = ["companion", "coupling", "lesson"]
            .map(|kind| seen(&Entry { kind: kind.into(), ..entries[0].clone() }));
        expect![[r#"
            in 9 of 11 changes
            9 times together within a year, of 11 changes at most
            9 of 11 such commits were followed by a fix"#]]
        .assert_eq(&words.join("\n"));
    }
}
