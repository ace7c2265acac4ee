//! Who knows which file, and how many people would have to leave before nobody knows half of them.
//!
//! Degree of authorship and the greedy truck factor follow Avelino et al., "A novel approach for
//! estimating truck factors" (ICPC 2016): the weights were fitted on developers' own answers.

use std::collections::BTreeMap;

use crate::ledger::FileHistory;

/// An author of a file has at least this share of its highest degree of authorship.
const NORMALISED: f64 = 0.75;
/// And at least this degree: what a creator has who was followed by nobody.
const ABSOLUTE: f64 = 3.293;
/// The project is in trouble once less than this share of its files has an author left.
const COVERAGE: f64 = 0.5;

/// How few people hold most of the knowledge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TruckFactor {
    /// Files that have at least one author.
    pub authored: usize,
    /// The people, in the order the knowledge hangs on them: author and the files of which they
    /// are an author. Their number is the truck factor.
    pub people: Vec<(u32, usize)>,
}

/// A file's degree of authorship of one author who made `own` of its `all` commits.
pub fn degree(created: bool, own: u32, all: u32) -> f64 {
    let others = f64::from(all.saturating_sub(own));
    ABSOLUTE + if created { 1.098 } else { 0.0 } + 0.164 * f64::from(own) - 0.321 * others.ln_1p()
}

/// The people who know a file; `counts` says who is a person (programs are not).
pub fn authors_of(file: &FileHistory, counts: impl Fn(u32) -> bool) -> Vec<u32> {
    let people = || file.authors.iter().filter(|(author, _)| counts(*author));
    let all = people().map(|(_, commits)| *commits).sum();
    let degrees: Vec<(u32, f64)> = people()
        .map(|(author, own)| (*author, degree(file.creator == Some(*author), *own, all)))
        .collect();
    let highest = degrees.iter().map(|(_, degree)| *degree).fold(0.0, f64::max);
    degrees
        .into_iter()
        .filter(|(_, degree)| *degree >= NORMALISED * highest && *degree >= ABSOLUTE)
        .map(|(author, _)| author)
        .collect()
}

/// Removes the author of most files again and again until under half of the files has an author.
pub fn truck_factor<'a>(
    files: impl Iterator<Item = &'a FileHistory>,
    counts: impl Fn(u32) -> bool,
) -> TruckFactor {
    let mut left: Vec<Vec<u32>> =
        files.map(|file| authors_of(file, &counts)).filter(|authors| !authors.is_empty()).collect();
    let authored = left.len();
    let mut covered = authored;
    let mut people = Vec::new();
    while covered > 0 && covered as f64 >= COVERAGE * authored as f64 {
        let mut files_of = BTreeMap::<u32, usize>::new();
        for author in left.iter().flatten() {
            *files_of.entry(*author).or_default() += 1;
        }
        let Some((author, count)) =
            files_of.into_iter().max_by_key(|(author, count)| (*count, std::cmp::Reverse(*author)))
        else {
            break;
        };
        people.push((author, count));
        for authors in &mut left {
            authors.retain(|other| *other != author);
        }
        left.retain(|authors| !authors.is_empty());
        covered = left.len();
    }
    TruckFactor { authored, people }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(files: &[(u32, &[(u32, u32)])], expected: Expect) {
        let files: Vec<FileHistory> = files
            .iter()
            .map(|(creator, authors)| FileHistory {
                creator: Some(*creator),
                authors: authors.to_vec(),
                week: 0,
            })
            .collect();
        let factor = truck_factor(files.iter(), |author| author != 9);
        expected.assert_eq(&format!("{} of {:?}", factor.people.len(), factor));
    }

    #[test]
    fn one_person_can_hold_a_project() {
        check(
            &[(0, &[(0, 9), (1, 1)]), (0, &[(0, 4)]), (0, &[(0, 2), (1, 1)]), (1, &[(1, 3)])],
            expect!["1 of TruckFactor { authored: 4, people: [(0, 3)] }"],
        );
    }

    #[test]
    fn shared_files_survive_the_first_leaver() {
        check(
            &[(0, &[(0, 9), (1, 9)]), (1, &[(1, 4), (2, 4)]), (2, &[(2, 2)]), (2, &[(9, 30)])],
            expect!["2 of TruckFactor { authored: 3, people: [(1, 2), (2, 2)] }"],
        );
        check(&[], expect!["0 of TruckFactor { authored: 0, people: [] }"]);
    }
}
