//! Which files get a fix in the next half-year: the hotspot score beside size, revisions, fixes and
//! time-weighted risk (Lewis et al., "Does bug prediction support human developers?", ICSE 2013).

use std::collections::{HashMap, HashSet};

use onboard_analysis::accuracy::{auc, average_precision, precision_at};
use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::code::{FileMetrics, MOST_BYTES, measure};
use onboard_analysis::history::BlobId;
use onboard_analysis::hotspot::{Decayed, Known as Seen, score};
use onboard_analysis::path::{Class, class};

use super::Table;
use super::history::{History, is_fix, object};

const HALF_YEAR_MS: i64 = 182 * DAY_MS;
const CUTS: i64 = 4;
/// Fewer files with a fix than this say nothing about an order.
const LEAST_POSITIVES: usize = 10;
/// Files that are named.
const NAMED: usize = 20;

#[derive(Default)]
struct File {
    blob: Option<BlobId>,
    decayed: Decayed,
    fixes: Decayed,
    revisions: f64,
    fixes_ms: Vec<i64>,
}

pub fn evaluate(history: &History, table: &mut Table) -> Result<(), Box<dyn std::error::Error>> {
    let methods =
        ["hotspot", "revisions and size", "size", "revisions", "fixes", "time-weighted risk"];
    let mut known = HashMap::new();
    let mut sums = vec![[0.0; 4]; methods.len()];
    let mut cuts = 0.0;
    for back in 1..=CUTS {
        let cut_ms = history.last_ms() - back * HALF_YEAR_MS;
        let (scores, truths) = at_cut(history, cut_ms, &mut known)?;
        let positives = truths.iter().filter(|truth| **truth).count();
        if positives < LEAST_POSITIVES {
            continue;
        }
        cuts += 1.0;
        for (method, sum) in sums.iter_mut().enumerate() {
            let scores: Vec<f64> = scores.iter().map(|row| row[method]).collect();
            sum[0] += auc(&scores, &truths).unwrap_or(0.5);
            sum[1] += average_precision(&scores, &truths).unwrap_or(0.0);
            sum[2] += precision_at(&scores, &truths, NAMED).unwrap_or(0.0);
            // More can't be right than there are.
            sum[3] += (positives as f64 / NAMED as f64).min(1.0);
        }
    }
    for (method, sum) in methods.iter().zip(sums).filter(|_| cuts > 0.0) {
        let measures =
            ["AUC", "AP", "P@20", "most P@20"].into_iter().zip(sum.map(|sum| sum / cuts)).collect();
        table.add(&history.name, method, measures);
    }
    Ok(())
}

type Scored = (Vec<[f64; 6]>, Vec<bool>);
/// Bytes and cognitive complexity by content.
type Known = HashMap<BlobId, (u64, u32)>;

fn at_cut(
    history: &History,
    cut_ms: i64,
    known: &mut Known,
) -> Result<Scored, Box<dyn std::error::Error>> {
    let mut files = HashMap::<String, File>::new();
    // What a file of the cut is called later, and which of them got a fix.
    let mut origin = HashMap::<String, String>::new();
    let mut fixed = HashSet::<String>::new();
    let first_ms = history.commits.first().map_or(0, |facts| facts.commit.committed_ms);
    for facts in &history.commits {
        let at_ms = facts.commit.committed_ms;
        for change in facts.changes.iter().flatten().filter(|one| class(&one.path) == Class::Code) {
            if at_ms > cut_ms {
                if at_ms > cut_ms + HALF_YEAR_MS {
                    continue;
                }
                let before = change.old_path.as_ref().unwrap_or(&change.path);
                let name = origin.remove(before).unwrap_or_else(|| before.clone());
                if is_fix(facts) {
                    fixed.insert(name.clone());
                }
                origin.insert(change.path.clone(), name);
                continue;
            }
            let before = change.old_path.as_ref().and_then(|old| files.remove(old));
            let file =
                files.entry(change.path.clone()).or_insert_with(|| before.unwrap_or_default());
            file.blob = change.new;
            file.decayed.add(at_ms);
            file.revisions += 1.0;
            if is_fix(facts) {
                file.fixes.add(at_ms);
                file.fixes_ms.push(at_ms);
            }
        }
    }
    let (mut scores, mut truths) = (Vec::new(), Vec::new());
    let span = (cut_ms - first_ms).max(1) as f64;
    let mut alive: Vec<_> = files.into_iter().filter(|(_, file)| file.blob.is_some()).collect();
    alive.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, file) in alive {
        let Some(blob) = file.blob else { continue };
        let (bytes, cognitive) =
            *known.entry(blob).or_insert_with(|| measured(history, &path, blob));
        let weight = |at_ms: &i64| {
            let age = (*at_ms - first_ms) as f64 / span;
            1.0 / (1.0 + (-12.0 * age + 12.0).exp())
        };
        scores.push([
            score(Seen {
                revisions: file.decayed.at(cut_ms),
                fixes: file.fixes.at(cut_ms),
                bytes,
                cognitive,
            }),
            file.decayed.at(cut_ms).ln_1p() + 0.5 * (bytes as f64).ln_1p(),
            bytes as f64,
            file.revisions,
            file.fixes_ms.len() as f64,
            file.fixes_ms.iter().map(weight).sum(),
        ]);
        truths.push(fixed.contains(&path));
    }
    Ok((scores, truths))
}

fn measured(history: &History, path: &str, blob: BlobId) -> (u64, u32) {
    let content = history.repository.content(object(blob), u64::MAX).ok().flatten();
    let content = content.unwrap_or_default();
    let cognitive = match content.len() <= MOST_BYTES {
        true => measure(path, &content).file().map_or(0, FileMetrics::cognitive),
        false => 0,
    };
    (content.len() as u64, cognitive)
}
