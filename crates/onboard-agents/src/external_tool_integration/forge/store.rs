//! What is known of a forge's repository: each item once, as it was when it was last seen.

use std::collections::BTreeMap;

use onboard_analysis::calendar::Day;
use onboard_validation::secrets;
use serde::{Deserialize, Serialize};

/// Bytes of a title that are kept.
const TITLE: usize = 120;
/// Items of a kind: as text, with the longest titles, they fit a checkpoint of 4 MiB.
pub const MOST_ITEMS: usize = 20_000;

/// A title as it may be kept: one line, not long, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Title(String);

impl Title {
    pub fn of(text: &str) -> Title {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line: String = words.chars().filter(|letter| !letter.is_control()).collect();
        let line = secrets::redact(&line).map_or(line, |(clean, _)| clean);
        let mut end = line.len().min(TITLE);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        Title(line[..end].trim_end().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// An open issue.
    Open,
    /// An open pull or merge request.
    Proposed,
    /// Closed as done; of what was stored before [`State::Merged`], merged, too.
    Done,
    /// A pull or merge request that was merged.
    Merged,
    /// Closed without being done.
    Dropped,
}

/// An issue, or a pull or merge request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Item {
    pub number: u64,
    pub title: Title,
    pub state: State,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub closed_ms: Option<i64>,
    /// [`Milestone::id`].
    pub milestone: Option<u64>,
}

/// An item as it is stored, without names of its fields.
type Row = (u64, Title, State, i64, i64, Option<i64>, Option<u64>);

impl From<Row> for Item {
    fn from((number, title, state, created_ms, updated_ms, closed_ms, milestone): Row) -> Item {
        Item { number, title, state, created_ms, updated_ms, closed_ms, milestone }
    }
}

impl From<Item> for Row {
    fn from(item: Item) -> Row {
        let Item { number, title, state, created_ms, updated_ms, closed_ms, milestone } = item;
        (number, title, state, created_ms, updated_ms, closed_ms, milestone)
    }
}

impl Item {
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::Proposed)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// One in the whole forge.
    pub id: u64,
    /// As people know it.
    pub number: u64,
    pub title: Title,
    pub is_open: bool,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub start: Option<Day>,
    pub due: Option<Day>,
}

/// Items of one kind, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    known: BTreeMap<u64, Item>,
    /// Changed since it was last stored.
    pub is_changed: bool,
    /// Some were dropped for want of room.
    pub is_cut: bool,
}

impl Items {
    pub fn of(items: Vec<Item>) -> Items {
        let known = items.into_iter().map(|item| (item.number, item)).collect();
        Items { known, ..Items::default() }
    }

    pub fn list(&self) -> impl Iterator<Item = &Item> {
        self.known.values()
    }

    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.known.keys().copied()
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Takes an item as it is now; one that is older than what is known is left alone: a server may
    /// answer from a copy that lags behind.
    pub fn put(&mut self, item: Item) {
        let known = self.known.get(&item.number);
        if known.is_some_and(|known| known.updated_ms > item.updated_ms || *known == item) {
            return;
        }
        self.is_changed = true;
        self.known.insert(item.number, item);
    }

    /// Forgets what is no longer there.
    pub fn remove(&mut self, number: u64) {
        self.is_changed |= self.known.remove(&number).is_some();
    }

    /// Drops the closed items that changed longest ago, until there is room.
    pub fn shrink(&mut self, most: usize) {
        let surplus = self.known.len().saturating_sub(most);
        if surplus == 0 {
            return;
        }
        let mut oldest: Vec<(bool, i64, u64)> = self
            .known
            .values()
            .map(|item| (item.is_open(), item.updated_ms, item.number))
            .collect();
        oldest.sort_unstable();
        for (_, _, number) in oldest.into_iter().take(surplus) {
            self.known.remove(&number);
        }
        self.is_cut = true;
        self.is_changed = true;
    }
}

/// All that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    pub milestones: Vec<Milestone>,
    pub issues: Items,
    pub merges: Items,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u64, state: State) -> Item {
        let at_ms = i64::try_from(number).expect("small");
        Item {
            number,
            title: Title::of("t"),
            state,
            created_ms: at_ms,
            updated_ms: at_ms,
            closed_ms: None,
            milestone: None,
        }
    }

    #[test]
    fn what_is_open_is_kept_when_there_is_no_room() {
        let states = [State::Open, State::Done, State::Dropped, State::Proposed, State::Done];
        let items = (1..).zip(states).map(|(number, state)| item(number, state)).collect();
        let mut items = Items::of(items);
        items.shrink(3);
        assert_eq!(items.numbers().collect::<Vec<_>>(), [1, 4, 5]);
        assert_eq!((items.is_cut, items.is_changed), (true, true));
    }

    #[test]
    fn what_is_older_than_what_is_known_is_no_news() {
        let mut items = Items::of(vec![item(7, State::Open)]);
        items.put(Item { updated_ms: 6, ..item(7, State::Done) });
        items.put(item(7, State::Open));
        assert!(!items.is_changed);
        items.put(Item { updated_ms: 8, ..item(7, State::Done) });
        assert!(items.is_changed && items.list().all(|item| item.state == State::Done));
    }

    #[test]
    fn a_title_is_one_short_line_without_secrets() {
        let token = format!("{}{}", "ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let title = Title::of(&format!("a\n\tb {token} {}", "ü".repeat(200)));
        assert!(title.as_str().starts_with("a b [redacted") && title.as_str().len() <= TITLE);
        assert_eq!(Title::of("\u{1b}[31m\0").as_str(), "[31m");
    }

    #[test]
    fn a_full_store_of_longest_titles_fits_a_checkpoint() {
        let full = |number: u64| Item {
            number: 1_000_000_000 + number,
            title: Title::of(&"\u{fc}".repeat(TITLE)),
            created_ms: 1_795_435_200_000,
            updated_ms: 1_795_435_200_000,
            closed_ms: Some(1_795_435_200_000),
            milestone: Some(1_000_000_000),
            ..item(number, State::Proposed)
        };
        let items: Vec<Item> = (0..MOST_ITEMS as u64).map(full).collect();
        let text = serde_json::to_string(&items).expect("JSON");
        assert!(text.len() <= crate::host::LARGEST_CHECKPOINT, "{}", text.len());
    }
}
