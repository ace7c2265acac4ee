//! Fixes of fixes: one file mended again and again within days.

use std::collections::HashMap;

use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::follow_up::is_fix;

use super::past::Past;
use crate::manual::{Bound, Rule};

/// `patterns/fix-on-fix`
pub const FIX_ON_FIX: Rule = Rule {
    id: "patterns/fix-on-fix",
    says: "what to test before it is fixed again.",
    why: "What was mended did not stay mended, or was not tried where it failed. A test that would have \
          failed for all of the fixes ends the chain.",
    when: &[
        Bound::at(
            "{} fixes or more of one file",
            LEAST_FIXES as f64,
            "judgement: the second may be the rest of the first",
        ),
        Bound::at(
            "each within {} days of the one before, and not within the same hour",
            (GAP_MS / DAY_MS) as f64,
            "judgement: what lands within an hour is one piece of work",
        ),
        Bound::at(
            "the last at most {} days ago",
            (NEWS_MS / DAY_MS) as f64,
            "judgement: an older chain is over",
        ),
        Bound::at(
            "at the file's rate of the year before, or of all the time before in a younger project, that is less \
             likely than {}",
            LEAST_SURPRISE,
            "a file that is fixed every week has such chains by chance",
        ),
    ],
    silence: "two weeks without a fix of the file end it.",
};

/// The next fix comes within so long,
const GAP_MS: i64 = 3 * DAY_MS;
/// and is work of its own: what lands within the same hour is one.
const APART_MS: i64 = 3_600_000;
/// Two may be chance, and the second the rest of the first.
const LEAST_FIXES: usize = 3;
/// A chain that ended longer ago is over.
const NEWS_MS: i64 = 14 * DAY_MS;
/// Fixes of a file that is fixed often come close to each other by chance: a chain is seen where that
/// is less likely than this.
const LEAST_SURPRISE: f64 = 0.001;
const YEAR_DAYS: i64 = 365;

/// Fixes of one file, oldest first, in [`onboard_analysis::facts::History::commits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub file: u64,
    pub fixes: Vec<usize>,
    pub days: i64,
    /// Fixes of the file in the time before: days of it, a year at most, and of a younger project
    /// all that there is.
    pub before: usize,
    pub days_before: i64,
}

/// Chains of the last days, the longest first.
pub fn chains(past: &Past<'_>, now_ms: i64) -> Vec<Chain> {
    let mut open: HashMap<u64, (i64, Vec<usize>)> = HashMap::new();
    let fixes = past.changes.iter().filter(|change| is_fix(&past.history.commits[change.place]));
    for change in fixes {
        for key in change.files.iter().filter(|key| past.is_code(**key)) {
            let (last_ms, chain) = open.entry(*key).or_default();
            let gap_ms = change.at_ms - *last_ms;
            if gap_ms > GAP_MS {
                chain.clear();
            }
            if chain.is_empty() || gap_ms >= APART_MS {
                chain.push(change.place);
                *last_ms = change.at_ms;
            }
        }
    }
    let is_news = |(last_ms, chain): &(i64, Vec<usize>)| {
        chain.len() >= LEAST_FIXES && now_ms - last_ms <= NEWS_MS
    };
    let oldest_ms = past.changes.first().map_or(now_ms, |change| change.at_ms);
    let before = |file: u64, first_ms: i64| {
        let days = ((first_ms - oldest_ms) / DAY_MS).clamp(1, YEAR_DAYS);
        let time = first_ms - days * DAY_MS..first_ms;
        let of_time = past.changes.iter().filter(|change| time.contains(&change.at_ms));
        let fixes = of_time.filter(|change| is_fix(&past.history.commits[change.place]));
        (fixes.filter(|change| change.files.contains(&file)).count(), days)
    };
    let chain = |(file, (last_ms, fixes)): (u64, (i64, Vec<usize>))| {
        let at_ms = |place: &usize| past.history.commits[*place].committed_ms.min(now_ms);
        let first = fixes.first().map_or(last_ms, at_ms);
        let days = (last_ms - first + DAY_MS - 1) / DAY_MS;
        let (before, days_before) = before(file, first);
        Chain { file, days, before, days_before, fixes }
    };
    let is_surprising = |chain: &Chain| {
        // One more than was counted, so that a time without any still allows for some.
        let a_day = (chain.before as f64 + 1.0) / chain.days_before as f64;
        // The first is given; the others came within the time that a chain allows.
        let time = (chain.fixes.len() - 1) as f64 * (GAP_MS / DAY_MS) as f64;
        at_least(chain.fixes.len() - 1, a_day * time) < LEAST_SURPRISE
    };
    let mut chains: Vec<Chain> = open
        .into_iter()
        .filter(|(_, chain)| is_news(chain))
        .map(chain)
        .filter(is_surprising)
        .collect();
    chains.sort_by(|a, b| b.fixes.len().cmp(&a.fixes.len()).then(a.file.cmp(&b.file)));
    // The same fixes of several files are one story.
    let mut told: Vec<Vec<usize>> = Vec::new();
    chains.retain(|chain| {
        let is_new = !told.iter().any(|known| known == &chain.fixes);
        told.push(chain.fixes.clone());
        is_new
    });
    chains
}

/// The chance of so many or more where `mean` are expected (Poisson).
fn at_least(count: usize, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut less = 0.0;
    for k in 0..count {
        less += term;
        term *= mean / (k + 1) as f64;
    }
    (1.0 - less).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::at_least;

    #[test]
    fn chances_by_hand() {
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-4, "{found}");
        close(at_least(0, 2.0), 1.0);
        close(at_least(1, 2.0), 1.0 - (-2.0_f64).exp());
        close(at_least(3, 1.0), 0.0803);
    }
}
