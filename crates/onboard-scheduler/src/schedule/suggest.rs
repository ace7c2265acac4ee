//! The nearest word to a mistyped one.

/// The longest word compared; the grammar's longest is `continuous`, and two slips add two letters.
const WORD_MAX: usize = 12;

/// The word of `vocabulary` that `word` is probably meant to be: at most one slip away for short
/// words, two for longer ones. The first of equals wins.
pub(super) fn closest(word: &str, vocabulary: &[&'static str]) -> Option<&'static str> {
    let allowed = if word.len() < 4 { 1 } else { 2 };
    vocabulary
        .iter()
        .map(|known| (slips(word.as_bytes(), known.as_bytes()), *known))
        .filter(|(slips, known)| *slips <= allowed && *slips < known.len())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

/// Letters dropped, added, changed or swapped with their neighbour between two words.
fn slips(typed: &[u8], known: &[u8]) -> usize {
    if typed.len() > WORD_MAX || known.len() > WORD_MAX {
        return usize::MAX;
    }
    let mut rows = [[0_usize; WORD_MAX + 1]; WORD_MAX + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    for (index, cell) in rows[0].iter_mut().enumerate() {
        *cell = index;
    }
    let same = |i: usize, j: usize| typed[i].eq_ignore_ascii_case(&known[j]);
    for i in 1..=typed.len() {
        for j in 1..=known.len() {
            let changed = rows[i - 1][j - 1] + usize::from(!same(i - 1, j - 1));
            let mut best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1) {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[typed.len()][known.len()]
}
