//! The word that somebody probably meant.

use alloc::vec::Vec;

/// Words longer than this are not compared: no key or value here is.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, when it is near enough to be meant: at most a third of its
/// letters differ, two neighbours swapped counting as one.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(LONGEST).map(|c| c.to_ascii_lowercase()).collect();
    let (distance, found) = candidates
        .iter()
        .map(|candidate| (distance(&word, &candidate.chars().collect::<Vec<_>>()), *candidate))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= (found.chars().count() / 3).max(1)).then_some(found)
}

/// Edits (insert, delete, replace, swap neighbours) from one word to the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i);
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        let words = ["schedule", "name", "priority", "locks"];
        for (typed, meant) in [
            ("scheduel", Some("schedule")),
            ("Name", Some("name")),
            ("lock", Some("locks")),
            ("prio", None),
            ("", None),
            ("zone", None),
        ] {
            assert_eq!(nearest(typed, &words), meant, "{typed}");
        }
    }
}
