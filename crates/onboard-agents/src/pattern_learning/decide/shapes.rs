//! Which shapes of commits are followed by fixes less often, at equal size.

use std::collections::HashSet;

use crate::manual::{Bound, Rule};
use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::facts::{History, PastCommit};
use onboard_analysis::follow_up::{MOST_FILES, WITHIN_MS, code_files, fixes, is_fix};
use onboard_analysis::path::{Class, class};
use onboard_analysis::risk_ratio::{RiskRatio, Stratum, pooled};

/// `patterns/what-works`
pub const WHAT_WORKS: Rule = Rule {
    id: "patterns/what-works",
    says: "what shape of commits holds here: with tests, or by somebody who changed the files before.",
    why: "It is the project's own past, not a rule of a book: what followed commits of its own people.",
    when: &[
        Bound::at(
            "{} commits of three years or more with the shape, and without",
            LEAST_COMMITS as f64,
            "judgement: of fewer a ratio is chance",
        ),
        Bound::at("{} or more of either were fixed within 30 days", LEAST_FIXED as f64, "as above"),
        Bound::at(
            "others of equal size are fixed a fifth more often, with {} % confidence",
            SHARE * 100.0,
            "a Mantel-Haenszel risk ratio over classes of size; three shapes are asked about, hence more than 95 %",
        ),
    ],
    silence: "`ai_onboard knowledge forget ID`. It is what was seen, not what made it so.",
};

/// Habits of the last three years are those of today.
const LEARNED_MS: i64 = 3 * 365 * DAY_MS;
/// With fewer commits on either side, or fewer of them fixed, a ratio is chance.
const LEAST_COMMITS: u32 = 30;
const LEAST_FIXED: u32 = 5;
/// Three shapes are asked about, so that each interval holds more than nineteen of twenty.
const SHARE: f64 = 0.99;
/// Lines of code that part small changes from larger ones.
const SIZES: [u32; 3] = [10, 50, 200];

/// What a commit may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It changes test files, too.
    Tested,
    /// Its code is in one folder.
    OneFolder,
    /// Its author changed each of its code files before.
    Known,
}

pub const SHAPES: [Shape; 3] = [Shape::Tested, Shape::OneFolder, Shape::Known];

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tested => "tested",
            Self::OneFolder => "one-folder",
            Self::Known => "known-files",
        }
    }

    /// Commits of this shape.
    pub fn words(self) -> &'static str {
        match self {
            Self::Tested => "commits that also change test files",
            Self::OneFolder => "commits whose code is in one folder",
            Self::Known => "commits by somebody who changed all of their code before",
        }
    }

    /// Whether people would not say so without having counted.
    pub fn is_news(self) -> bool {
        self != Self::OneFolder
    }

    /// What to do for a commit to have it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Tested => "Ask for a test in the same commit.",
            Self::OneFolder => "Split changes of several folders where they can be.",
            Self::Known => "Let somebody who changed the file before read changes of others.",
        }
    }
}

/// How often a shape was followed by a fix, and commits without it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesson {
    pub shape: Shape,
    pub with: (u32, u32),
    pub without: (u32, u32),
    pub ratio: RiskRatio,
}

/// What can be told for certain.
pub fn lessons(history: &History, now_ms: i64) -> Vec<Lesson> {
    let followed = fixes(history);
    let mut strata = [[Stratum::default(); SIZES.len() + 1]; SHAPES.len()];
    let mut knows: HashSet<(usize, usize)> = HashSet::new();
    for (place, commit) in history.commits.iter().enumerate() {
        let looks = looks(history, commit, &knows);
        knows.extend(commit.changes.iter().map(|change| (commit.author, change.path)));
        let age_ms = now_ms - commit.committed_ms;
        let Some((size, has)) = looks.filter(|_| (WITHIN_MS..LEARNED_MS).contains(&age_ms)) else {
            continue;
        };
        for (has, strata) in has.into_iter().zip(&mut strata) {
            let side = if has { &mut strata[size].with } else { &mut strata[size].without };
            side.0 += u32::from(followed[place].is_some());
            side.1 += 1;
        }
    }
    SHAPES.into_iter().zip(&strata).filter_map(|(shape, strata)| lesson(shape, strata)).collect()
}

/// The size of a commit, and which shapes it has; `None` where it is no change of code, or a fix.
fn looks(
    history: &History,
    commit: &PastCommit,
    knows: &HashSet<(usize, usize)>,
) -> Option<(usize, [bool; SHAPES.len()])> {
    // What mends something is judged by another measure.
    if commit.merge || is_fix(commit) || !(1..=MOST_FILES).contains(&code_files(history, commit)) {
        return None;
    }
    let of = |wanted: Class| {
        let fits = move |path: usize| class(&history.paths[path]) == wanted;
        commit.changes.iter().filter(move |change| fits(change.path))
    };
    let lines = of(Class::Code).filter_map(|change| change.lines);
    let lines = lines
        .fold(0_u32, |sum, lines| sum.saturating_add(lines.added).saturating_add(lines.removed));
    let size = SIZES.iter().filter(|most| lines > **most).count();
    let folder =
        |path: usize| history.paths[path].rsplit_once('/').map_or("", |(folder, _)| folder);
    let folders: HashSet<&str> = of(Class::Code).map(|change| folder(change.path)).collect();
    let is_known = of(Class::Code)
        .all(|change| knows.contains(&(commit.author, change.from.unwrap_or(change.path))));
    let has = SHAPES.map(|shape| match shape {
        Shape::Tested => of(Class::Test).next().is_some(),
        Shape::OneFolder => folders.len() == 1,
        Shape::Known => is_known,
    });
    Some((size, has))
}

fn lesson(shape: Shape, strata: &[Stratum]) -> Option<Lesson> {
    let sum = |side: fn(&Stratum) -> (u32, u32)| {
        strata.iter().map(side).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    let (with, without) = (sum(|stratum| stratum.with), sum(|stratum| stratum.without));
    let is_enough = |(fixed, all): (u32, u32)| all >= LEAST_COMMITS && fixed >= LEAST_FIXED;
    let ratio = pooled(strata, SHARE).filter(RiskRatio::differs)?;
    (is_enough(with) && is_enough(without)).then_some(Lesson { shape, with, without, ratio })
}
