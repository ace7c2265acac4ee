//! What was learned, in words, with where it comes from: it is confirmed by every run that finds it
//! again, fades when none does, and stays away once a person had it forgotten.

use std::collections::{BTreeMap, BTreeSet};

use onboard_analysis::calendar::DAY_MS;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Raised whenever stored knowledge would be misread; older is thrown away and learned anew.
pub const VERSION: u32 = 1;
/// Entries kept: more than anybody reads, and 100 KB.
const MOST_ENTRIES: usize = 200;
/// What no run has found again for so long is no longer so.
const FORGOTTEN_AFTER_MS: i64 = 30 * DAY_MS;

/// What kind of thing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file that comes with another one.
    Companion,
    /// Files of two modules that change as one.
    Coupling,
    /// A shape of commits that is fixed less or more often.
    Lesson,
}

/// Something known, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub kind: Kind,
    pub statement: String,
    /// How often it was so, and of how many times.
    pub seen: (u32, u32),
    /// The newest commits that show it.
    pub commits: Vec<String>,
    /// How much evidence there is of late: each piece counts half as much after half a year.
    pub strength: f64,
    pub first_ms: i64,
    pub confirmed_ms: i64,
}

/// Everything known, by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Knowledge {
    pub version: u32,
    pub entries: BTreeMap<String, Entry>,
}

/// The name of what is known about these: the same in every run.
pub fn id(kind: Kind, about: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{kind:?}"));
    for part in about {
        hash.update([0]);
        hash.update(part);
    }
    let start = hash.finalize();
    format!("k{}", start[..4].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Ids in a setting: separated by commas or blanks.
pub fn ids(setting: &str) -> BTreeSet<String> {
    let parts = setting.split([',', ' ', '\n']).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl Knowledge {
    /// Takes in what a run found; lets go what faded and what people had forgotten.
    pub fn learn(
        &mut self,
        found: Vec<(String, Entry)>,
        forgotten: &BTreeSet<String>,
        now_ms: i64,
    ) {
        self.version = VERSION;
        for (id, entry) in found {
            let first_ms = self.entries.get(&id).map_or(now_ms, |known| known.first_ms);
            self.entries.insert(id, Entry { first_ms, confirmed_ms: now_ms, ..entry });
        }
        let is_fresh =
            |entry: &Entry| now_ms.saturating_sub(entry.confirmed_ms) <= FORGOTTEN_AFTER_MS;
        self.entries.retain(|id, entry| is_fresh(entry) && !forgotten.contains(id));
        if self.entries.len() > MOST_ENTRIES {
            let kept: BTreeSet<String> =
                self.strongest().take(MOST_ENTRIES).map(|(id, _)| id.clone()).collect();
            self.entries.retain(|id, _| kept.contains(id));
        }
    }

    /// The entries with the most evidence of late first; lessons before all, since there are few.
    pub fn strongest(&self) -> impl Iterator<Item = (&String, &Entry)> {
        let mut all: Vec<(&String, &Entry)> = self.entries.iter().collect();
        all.sort_by(|(_, a), (_, b)| b.kind.cmp(&a.kind).then(b.strength.total_cmp(&a.strength)));
        all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn entry(kind: Kind, strength: f64) -> Entry {
        Entry {
            kind,
            statement: String::new(),
            seen: (1, 2),
            commits: Vec::new(),
            strength,
            first_ms: 0,
            confirmed_ms: 0,
        }
    }

    fn check(knowledge: &Knowledge, expected: Expect) {
        let lines = knowledge.strongest().map(|(id, entry)| {
            let (first, confirmed) = (entry.first_ms / DAY_MS, entry.confirmed_ms / DAY_MS);
            format!("{id} {:?} from day {first} to {confirmed}", entry.kind)
        });
        expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn what_is_known_is_confirmed_fades_and_is_forgotten() {
        let mut knowledge = Knowledge::default();
        let found = |ids: &[&str]| -> Vec<(String, Entry)> {
            let kind = |id: &str| if id == "c" { Kind::Lesson } else { Kind::Companion };
            ids.iter().map(|id| ((*id).to_owned(), entry(kind(id), id.len() as f64))).collect()
        };
        let none = BTreeSet::new();
        knowledge.learn(found(&["a", "bb", "c"]), &none, 0);
        knowledge.learn(found(&["bb", "c"]), &none, 20 * DAY_MS);
        check(
            &knowledge,
            expect![[r#"
            c Lesson from day 0 to 20
            bb Companion from day 0 to 20
            a Companion from day 0 to 0"#]],
        );
        knowledge.learn(found(&["bb"]), &ids("c, x"), 40 * DAY_MS);
        check(&knowledge, expect!["bb Companion from day 0 to 40"]);
        knowledge.learn(found(&["bb", "c"]), &ids("c"), 41 * DAY_MS);
        check(&knowledge, expect!["bb Companion from day 0 to 41"]);
    }

    #[test]
    fn a_name_is_of_what_it_is_about() {
        let [one, other, same] =
            [["a", "b"], ["b", "a"], ["a", "b"]].map(|about| id(Kind::Companion, &about));
        assert!(one == same && one != other && one != id(Kind::Coupling, &["a", "b"]));
        assert_eq!(one.len(), 9);
    }
}
