//! Fixes of fixes: one file mended again and again within days.

use std::collections::HashMap;

use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::follow_up::is_fix;

use super::past::Past;

/// The next fix comes within so long,
const GAP_MS: i64 = 3 * DAY_MS;
/// and is work of its own: what lands within the same hour is one.
const APART_MS: i64 = 3_600_000;
/// Two may be chance, and the second the rest of the first.
const LEAST_FIXES: usize = 3;
/// A chain that ended longer ago is over.
const NEWS_MS: i64 = 14 * DAY_MS;

/// Fixes of one file, oldest first, in [`onboard_analysis::facts::History::commits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub file: u64,
    pub fixes: Vec<usize>,
    pub days: i64,
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
    let chain = |(file, (last_ms, fixes)): (u64, (i64, Vec<usize>))| {
        let first =
            fixes.first().map_or(last_ms, |place| past.history.commits[*place].committed_ms);
        Chain { file, days: (last_ms - first + DAY_MS - 1) / DAY_MS, fixes }
    };
    let mut chains: Vec<Chain> =
        open.into_iter().filter(|(_, chain)| is_news(chain)).map(chain).collect();
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
