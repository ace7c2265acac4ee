//! Where one reads on in a list that others change meanwhile: pure.
//!
//! Items come in the order of their changes, the oldest first, from a moment T on. An item that changes
//! while pages are read moves to the end, and everything behind it moves up by one, over the border of
//! a page that was read already: a reader of page after page misses it. So after a full page one
//! begins anew, with page 1 from just before that page's last change. Only where more items than a page
//! holds changed within about a second does T stand still; then pages are read one after the other, as
//! often as it takes for two walks to show the same items in the same order. Two such walks can't both
//! have missed one: what stands before it in the first stands before it in the second, so it was in
//! reach of the second.

use serde::{Deserialize, Serialize};

use super::store::Item;

/// Items of a page, as many as the forges give.
pub const PAGE: usize = 100;
/// How far before a page's last change one begins anew: moments are kept to the second by some.
const OVERLAP_MS: i64 = 1_000;

/// The last page, which is asked for again: unchanged, it costs one answer without a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// Below the base.
    pub path: String,
    pub etag: Option<String>,
}

/// How far one has read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    since_ms: Option<i64>,
    page: u32,
    /// Items of a page: fewer where a hundred are too long to be taken at once.
    size: usize,
    /// Of the items that this walk over a second has shown, and of those of the walk before.
    walk: u64,
    walk_before: Option<u64>,
    tail: Option<Tail>,
}

impl Default for Feed {
    fn default() -> Feed {
        Feed { since_ms: None, page: 1, size: PAGE, walk: SEED, walk_before: None, tail: None }
    }
}

/// Whether one has to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    More,
    /// All that there was is read.
    Over,
}

impl Feed {
    /// What to ask, with the mark of what is known of it.
    pub fn next(&self, path: impl Fn(Option<i64>, usize, u32) -> String) -> Tail {
        let new = || Tail { path: path(self.since_ms, self.size, self.page), etag: None };
        self.tail.clone().unwrap_or_else(new)
    }

    /// A page was too long to be taken: smaller ones, from where T stands. `false` where it was the
    /// smallest.
    pub fn smaller(&mut self) -> bool {
        if self.size == 1 {
            return false;
        }
        self.size /= 2;
        self.tail = None;
        self.restart();
        true
    }

    /// A page has come.
    pub fn take(&mut self, items: &[Item], has_next: bool, tail: Tail) -> Step {
        let was_tail = self.tail.take().is_some();
        if was_tail && self.page > 1 {
            // It is the last of several pages, and changed: so may have those before it.
            self.restart();
            return Step::More;
        }
        let has_more = !items.is_empty() && (has_next || items.len() >= self.size);
        let forward = items.last().map_or(i64::MIN, |last| last.updated_ms - OVERLAP_MS);
        let moves = has_more && self.since_ms.is_none_or(|since| forward > since);
        if self.page == 1 {
            self.walk = SEED;
            match (has_more, moves) {
                (false, _) => return self.end(tail),
                (true, true) => self.go_to(forward),
                (true, false) => {
                    self.note(items);
                    self.page = 2;
                }
            }
            return Step::More;
        }
        self.note(items);
        if has_more && !moves {
            self.page += 1;
            return Step::More;
        }
        if self.walk_before != Some(self.walk) {
            self.walk_before = Some(self.walk);
            self.page = 1;
            return Step::More;
        }
        match moves {
            true => {
                self.go_to(forward);
                Step::More
            }
            false => self.end(tail),
        }
    }

    fn go_to(&mut self, since_ms: i64) {
        self.since_ms = Some(since_ms);
        self.restart();
    }

    fn restart(&mut self) {
        self.page = 1;
        self.walk = SEED;
        self.walk_before = None;
    }

    fn end(&mut self, tail: Tail) -> Step {
        self.tail = Some(tail);
        self.size = PAGE;
        Step::Over
    }

    /// Items that keep T where it is, as they stand one after the other.
    fn note(&mut self, items: &[Item]) {
        let since_ms = self.since_ms.unwrap_or(i64::MIN);
        for item in items.iter().filter(|item| item.updated_ms - OVERLAP_MS <= since_ms) {
            for word in [item.number, item.updated_ms.cast_unsigned()] {
                self.walk = mixed(self.walk, word);
            }
        }
    }
}

/// FNV-1a's offset and prime, over words instead of bytes: walks of one reader are compared, and nobody
/// chooses their numbers to collide for gain.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// The digest of what came before and one word more.
pub fn mixed(digest: u64, word: u64) -> u64 {
    (digest ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
}

/// The digest of nothing.
pub const fn nothing() -> u64 {
    SEED
}
