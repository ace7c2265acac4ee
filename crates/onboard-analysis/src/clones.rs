//! Code that was copied: fingerprints of a file's tokens, and the places where files share them.
//!
//! Winnowing (Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document
//! fingerprinting", SIGMOD 2003): of every 26 neighbouring hashes of 25 tokens the least is kept, so
//! 50 equal tokens always share one. Names and constants are alike in tokens, so a copy that was
//! renamed is found as well; what was added or taken out inside of it is stepped over.
//!
//! # How it is used
//!
//! [`fingerprints`] of a blob depend on its [tokens](crate::code::measure_with_tokens) alone: keep
//! them under its object id. Put those of every file into an [`Index`] by numbers of your own, then
//! ask for [`Index::clones`], which compares tokens again, so that two hashes that happen to be
//! equal are no clone. Memory is some 24 bytes for each thirteen tokens.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::code::Token;

/// Tokens in a hash.
pub const HASHED_TOKENS: usize = 25;
/// Neighbouring hashes of which one is kept: with the above, 50 equal tokens share one.
pub const WINDOW: usize = 26;
/// Equal tokens of the shortest clone: less is idiom.
pub const LEAST_TOKENS: usize = 50;
/// A stretch that repeats itself within this many tokens is a table, which nobody will unite.
const LONGEST_PERIOD: usize = 40;
/// Tokens that may differ at one place inside of a copy.
const LONGEST_GAP: usize = 20;
/// Tokens that must be equal after a gap, or it is no copy any more.
const LEAST_AFTER_GAP: usize = 12;
/// Lines of the shortest clone.
const LEAST_LINES: u32 = 5;
/// Places of one hash of which all pairs are compared; more are compared with the first only.
const MOST_ALL_PAIRS: usize = 8;
/// Places kept of one hash: more is boilerplate that nobody will unite.
const MOST_PLACES: usize = 64;
/// Pairs of places compared in all.
const MOST_SEEDS: usize = 2_000_000;
/// Clones given.
pub const MOST_CLONES: usize = 50_000;

/// One kept hash of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u32)", into = "(u64, u32)")]
pub struct Fingerprint {
    pub hash: u64,
    /// The place of its first token.
    pub at: u32,
}

impl From<(u64, u32)> for Fingerprint {
    fn from((hash, at): (u64, u32)) -> Self {
        Self { hash, at }
    }
}

impl From<Fingerprint> for (u64, u32) {
    fn from(print: Fingerprint) -> Self {
        (print.hash, print.at)
    }
}

/// The fingerprints of a file.
pub fn fingerprints(tokens: &[Token]) -> Vec<Fingerprint> {
    let hashes = hashes(tokens);
    let mut kept: Vec<Fingerprint> = Vec::new();
    let mut least: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    let window = WINDOW.min(hashes.len());
    for at in 0..hashes.len() {
        // The rightmost of equal hashes stays, as winnowing wants it.
        while least.back().is_some_and(|back| hashes[*back] >= hashes[at]) {
            least.pop_back();
        }
        least.push_back(at);
        while least.front().is_some_and(|front| front + window <= at) {
            least.pop_front();
        }
        let Some(&front) = least.front().filter(|_| at + 1 >= window) else { continue };
        let place = u32::try_from(front).unwrap_or(u32::MAX);
        if kept.last().is_none_or(|last| last.at != place) {
            kept.push(Fingerprint { hash: hashes[front], at: place });
        }
    }
    kept
}

/// A rolling polynomial hash at each place where a hash's tokens begin, mixed so that the least is any.
fn hashes(tokens: &[Token]) -> Vec<u64> {
    const FACTOR: u64 = 0x0000_0100_0000_01b3;
    if tokens.len() < HASHED_TOKENS {
        return Vec::new();
    }
    let leaving = (1..HASHED_TOKENS).fold(1_u64, |power, _| power.wrapping_mul(FACTOR));
    let class = |at: usize| u64::from(tokens[at].class) + 1;
    let mut hash = 0_u64;
    let mut all = Vec::with_capacity(tokens.len() + 1 - HASHED_TOKENS);
    for at in 0..tokens.len() {
        if at >= HASHED_TOKENS {
            hash = hash.wrapping_sub(class(at - HASHED_TOKENS).wrapping_mul(leaving));
        }
        hash = hash.wrapping_mul(FACTOR).wrapping_add(class(at));
        if at + 1 >= HASHED_TOKENS {
            let mixed = (hash ^ (hash >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
            all.push(mixed ^ (mixed >> 29));
        }
    }
    all
}

/// One side of a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The caller's number of the file.
    pub file: u32,
    /// 1-based, both included.
    pub first_line: u32,
    pub last_line: u32,
}

/// Two places with the same code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClonePair {
    pub one: Place,
    pub other: Place,
    /// Tokens that both have.
    pub tokens: u32,
    /// Something was added or taken out in between.
    pub gapped: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clones {
    pub pairs: Vec<ClonePair>,
    /// There were more than are given or compared.
    pub cut: bool,
}

impl Clones {
    /// Places that are copies of one another, most copies first. A place belongs to a class if it
    /// overlaps one of its places by half.
    pub fn classes(&self) -> Vec<Vec<Place>> {
        let mut classes: Vec<Vec<Place>> = Vec::new();
        for pair in &self.pairs {
            let of = |place: &Place| {
                classes.iter().position(|class| class.iter().any(|known| overlaps(known, place)))
            };
            match (of(&pair.one), of(&pair.other)) {
                (None, None) => classes.push(vec![pair.one, pair.other]),
                (Some(class), None) => classes[class].push(pair.other),
                (None, Some(class)) => classes[class].push(pair.one),
                (Some(one), Some(other)) if one != other => {
                    let moved = classes.swap_remove(one.max(other));
                    classes[one.min(other)].extend(moved);
                }
                (Some(_), Some(_)) => {}
            }
        }
        classes.sort_by_key(|class| core::cmp::Reverse(class.len()));
        classes
    }

    /// Lines of each file that are in some clone.
    pub fn duplicated_lines(&self) -> BTreeMap<u32, u32> {
        let mut spans = BTreeMap::<u32, Vec<(u32, u32)>>::new();
        for place in self.pairs.iter().flat_map(|pair| [pair.one, pair.other]) {
            spans.entry(place.file).or_default().push((place.first_line, place.last_line));
        }
        let count = |mut spans: Vec<(u32, u32)>| {
            spans.sort_unstable();
            let (mut lines, mut end) = (0, 0);
            for (first, last) in spans {
                lines += (last + 1).saturating_sub(first.max(end + 1));
                end = end.max(last);
            }
            lines
        };
        spans.into_iter().map(|(file, spans)| (file, count(spans))).collect()
    }
}

fn overlaps(one: &Place, other: &Place) -> bool {
    let shared = (one.last_line.min(other.last_line) + 1)
        .saturating_sub(one.first_line.max(other.first_line));
    let shorter = (one.last_line - one.first_line).min(other.last_line - other.first_line) + 1;
    one.file == other.file && 2 * shared >= shorter
}

/// Fingerprints of many files.
#[derive(Clone, Debug, Default)]
pub struct Index {
    places: HashMap<u64, Vec<(u32, u32)>>,
}

impl Index {
    /// Adds a file under a number of the caller's.
    pub fn add(&mut self, file: u32, prints: &[Fingerprint]) {
        for print in prints {
            let places = self.places.entry(print.hash).or_default();
            if places.len() < MOST_PLACES {
                places.push((file, print.at));
            }
        }
    }

    /// The clones among the files. `tokens` gives a file's tokens; it is asked for the same file
    /// often in a row, and `None` leaves that file out.
    pub fn clones(&self, mut tokens: impl FnMut(u32) -> Option<Rc<[Token]>>) -> Clones {
        let mut found = Clones::default();
        for ((one, other), seeds) in self.seeds(&mut found.cut) {
            let (Some(a), Some(b)) = (tokens(one), tokens(other)) else { continue };
            for run in runs(&a, &b, seeds, one == other) {
                let (first, last) = (run.start, run.end);
                let place = |file, tokens: &[Token], from: usize, to: usize| Place {
                    file,
                    first_line: tokens[from].line,
                    last_line: tokens[to - 1].line,
                };
                let pair = ClonePair {
                    one: place(one, &a, first.0, last.0),
                    other: place(other, &b, first.1, last.1),
                    tokens: u32::try_from(run.equal).unwrap_or(u32::MAX),
                    gapped: run.gapped,
                };
                let is_long = |place: &Place| place.last_line - place.first_line + 1 >= LEAST_LINES;
                if found.pairs.len() >= MOST_CLONES {
                    found.cut = true;
                    return found;
                }
                if is_long(&pair.one) && is_long(&pair.other) {
                    found.pairs.push(pair);
                }
            }
        }
        found
    }

    /// Pairs of places with the same hash, by the pair of files.
    fn seeds(&self, cut: &mut bool) -> BTreeMap<(u32, u32), Vec<(u32, u32)>> {
        let mut seeds = BTreeMap::<(u32, u32), Vec<(u32, u32)>>::new();
        let mut left = MOST_SEEDS;
        let mut hashes: Vec<&u64> = self.places.keys().collect();
        hashes.sort_unstable();
        for hash in hashes {
            let places = &self.places[hash];
            let firsts = if places.len() <= MOST_ALL_PAIRS { places.len() } else { 1 };
            for (at, one) in places.iter().enumerate().take(firsts) {
                for other in &places[at + 1..] {
                    let Some(less) = left.checked_sub(1) else {
                        *cut = true;
                        return seeds;
                    };
                    left = less;
                    let (low, high) = if one <= other { (one, other) } else { (other, one) };
                    seeds.entry((low.0, high.0)).or_default().push((low.1, high.1));
                }
            }
        }
        seeds
    }
}

/// A stretch of equal tokens, gaps stepped over.
struct Run {
    start: (usize, usize),
    end: (usize, usize),
    equal: usize,
    gapped: bool,
}

fn runs(a: &[Token], b: &[Token], mut seeds: Vec<(u32, u32)>, same_file: bool) -> Vec<Run> {
    seeds.sort_unstable();
    let mut runs: Vec<Run> = Vec::new();
    for (in_a, in_b) in seeds {
        let at = (in_a as usize, in_b as usize);
        let inside = |run: &Run| {
            (run.start.0..run.end.0).contains(&at.0) && (run.start.1..run.end.1).contains(&at.1)
        };
        let is_equal = a
            .get(at.0..at.0 + HASHED_TOKENS)
            .map(classes)
            .zip(b.get(at.1..at.1 + HASHED_TOKENS).map(classes))
            .is_some_and(|(a, b)| a.eq(b));
        if !is_equal || runs.iter().any(inside) {
            continue;
        }
        let run = extended(a, b, at);
        // Code that repeats itself is no copy of itself shifted by a line.
        let overlapping = same_file && run.end.0 > run.start.1 && run.end.1 > run.start.0;
        let is_table = repeats(&a[run.start.0..run.end.0]);
        if !overlapping && run.equal >= LEAST_TOKENS && !is_table {
            runs.push(run);
        }
    }
    runs
}

/// Whether nearly every token is the one a fixed number of tokens before.
fn repeats(tokens: &[Token]) -> bool {
    (1..=LONGEST_PERIOD.min(tokens.len() / 2)).any(|period| {
        let pairs = tokens.iter().zip(&tokens[period..]);
        let equal = pairs.filter(|(one, next)| one.class == next.class).count();
        equal * 20 >= (tokens.len() - period) * 19
    })
}

fn classes(tokens: &[Token]) -> impl Iterator<Item = u32> + '_ {
    tokens.iter().map(|token| token.class)
}

fn extended(a: &[Token], b: &[Token], at: (usize, usize)) -> Run {
    let mut run = Run { start: at, end: at, equal: 0, gapped: false };
    let equal =
        |x: Option<&Token>, y: Option<&Token>| x.zip(y).is_some_and(|(x, y)| x.class == y.class);
    loop {
        while equal(a.get(run.end.0), b.get(run.end.1)) {
            run.end = (run.end.0 + 1, run.end.1 + 1);
            run.equal += 1;
        }
        let after = |gap: (usize, usize)| {
            (0..LEAST_AFTER_GAP)
                .all(|step| equal(a.get(run.end.0 + gap.0 + step), b.get(run.end.1 + gap.1 + step)))
        };
        let Some(gap) = gaps().find(|gap| after(*gap)) else { break };
        run.end = (run.end.0 + gap.0, run.end.1 + gap.1);
        run.gapped = true;
    }
    let before = |side: &'_ [Token], at: usize| at.checked_sub(1).map(|at| side[at]);
    let same = |x: usize, y: usize| {
        before(a, x).zip(before(b, y)).is_some_and(|(x, y)| x.class == y.class)
    };
    loop {
        while same(run.start.0, run.start.1) {
            run.start = (run.start.0 - 1, run.start.1 - 1);
            run.equal += 1;
        }
        let fits = |gap: (usize, usize)| {
            let from = run.start.0.checked_sub(gap.0).zip(run.start.1.checked_sub(gap.1));
            from.is_some_and(|(x, y)| {
                (0..LEAST_AFTER_GAP).all(|step| x >= step && y >= step && same(x - step, y - step))
            })
        };
        let Some(gap) = gaps().find(|gap| fits(*gap)) else { break };
        run.start = (run.start.0 - gap.0, run.start.1 - gap.1);
        run.gapped = true;
    }
    run
}

/// Gaps on both sides, the small ones first.
fn gaps() -> impl Iterator<Item = (usize, usize)> {
    (1..=LONGEST_GAP).flat_map(|sum| (0..=sum).map(move |in_a| (in_a, sum - in_a)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::measure_with_tokens;
    use expect_test::{Expect, expect};

    /// A function of a hundred and more tokens, with its names and numbers drawn from `seed`.
    fn function(seed: u64, extra: &str) -> String {
        let name = |part: &str| format!("{part}_{seed}");
        let (list, sum, item) = (name("list"), name("sum"), name("item"));
        format!(
            "fn {}({list}: &[u64], most: u64) -> Option<u64> {{\n    let mut {sum} = {seed};\n    \
             for {item} in {list}.iter().copied() {{\n        if {item} > most {{\n            \
             {sum} += {item} * 2;\n        }} else if {item} == {seed} {{\n            continue;\n        \
             }}\n{extra}        {sum} = {sum}.checked_add({item})?;\n        while {sum} > 1_000 {{\n            \
             {sum} -= most / 3 + {seed};\n        }}\n    }}\n    let total = {list}.len() as u64 + {sum};\n    \
             if total % 2 == 0 {{\n        return None;\n    }}\n    Some(total)\n}}\n",
            name("f")
        )
    }

    fn check(texts: &[String], expected: Expect) {
        let mut index = Index::default();
        let mut all = Vec::new();
        for (file, text) in (0..).zip(texts) {
            let (_, tokens) = measure_with_tokens("a.rs", text.as_bytes());
            index.add(file, &fingerprints(&tokens));
            all.push(Rc::<[Token]>::from(tokens));
        }
        let clones = index.clones(|file| all.get(file as usize).cloned());
        let shown: Vec<String> = clones
            .pairs
            .iter()
            .map(|pair| {
                let place = |p: &Place| format!("{}:{}-{}", p.file, p.first_line, p.last_line);
                let gap = if pair.gapped { ", gapped" } else { "" };
                format!(
                    "{} = {}, {} tokens{gap}",
                    place(&pair.one),
                    place(&pair.other),
                    pair.tokens
                )
            })
            .collect();
        let lines = clones.duplicated_lines();
        expected.assert_eq(&format!(
            "{}\n{} classes, lines {lines:?}",
            shown.join("\n"),
            clones.classes().len()
        ));
    }

    #[test]
    fn copies_exact_renamed_and_edited() {
        let other =
            "fn other(a: u8) -> u8 {\n    match a {\n        1 => 2,\n        _ => 3,\n    }\n}\n";
        check(
            &[function(1, ""), other.to_owned() + &function(1, "")],
            expect![[r#"
            0:1-19 = 1:7-25, 114 tokens
            1 classes, lines {0: 19, 1: 19}"#]],
        );
        check(
            &[function(1, ""), other.to_owned() + &function(77, "")],
            expect![[r#"
            0:1-19 = 1:7-25, 114 tokens
            1 classes, lines {0: 19, 1: 19}"#]],
        );
        check(
            &[function(1, ""), function(2, "        log(\"more\", 3);\n")],
            expect![[r#"
                0:1-19 = 1:1-20, 114 tokens, gapped
                1 classes, lines {0: 19, 1: 20}"#]],
        );
        check(
            &[function(1, "") + other + &function(5, ""), other.to_owned()],
            expect![[r#"
            0:1-19 = 0:26-44, 114 tokens
            1 classes, lines {0: 38}"#]],
        );
        check(
            &[other.to_owned(), other.to_owned()],
            expect![[r#"

            0 classes, lines {}"#]],
        );
    }

    #[test]
    fn repeated_lines_are_no_clone_of_themselves() {
        let table: String =
            (0..60).map(|at| format!("    insert({at}, \"x\", &mut t);\n")).collect();
        check(
            &[format!("fn t() {{\n{table}}}\n")],
            expect![[r#"

                0 classes, lines {}"#]],
        );
    }
}
