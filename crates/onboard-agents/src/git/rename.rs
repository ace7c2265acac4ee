//! Which added file is a deleted one that moved: the pairs that `git log -M` finds.
//!
//! As git does it (gitdiffcore(7), "diffcore-rename"): contents that are equal first, then files
//! whose name is unique on both sides and whose contents are 75 % alike, then the best of all pairs
//! that are at least half alike. How alike two contents are is the share of their bytes in lines
//! (or pieces of 64 bytes) that both have. Guessing from renamed folders is left out.

use std::collections::HashMap;

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};

/// Likeness of equal contents; git's own unit.
const EQUAL: u64 = 60_000;
/// The least likeness of a rename: half.
const LEAST: u64 = EQUAL / 2;
/// And of a pair that is first tried because of its name.
const LEAST_BY_NAME: u64 = LEAST + (EQUAL - LEAST) / 2;
/// Sources and targets are all compared only up to this many of each: git's `diff.renameLimit`.
const MOST_COMPARED: usize = 1_000;
/// The best pairs kept of one target.
const BEST_PAIRS: usize = 4;
/// Equal contents looked through for one with the same name.
const MOST_EQUAL: usize = 100;
/// Pieces kept of all contents that are compared: 16 MB. What comes after them did not move, as far
/// as is known.
const MOST_PIECES: usize = 2_000_000;
/// Pieces of a content are at most this long.
const LONGEST_PIECE: usize = 64;

/// One file that went or came.
pub(super) struct Side<'a> {
    pub path: &'a BStr,
    pub id: ObjectId,
}

/// The pieces of a content: each one's hash with the bytes in such pieces, ascending by hash.
pub(super) struct Pieces {
    size: u64,
    bytes: Vec<(u32, u32)>,
}

/// Pairs (source, target) by their places, for sides in the order of their paths. `read` gives a
/// content's pieces; `None` where it cannot be had.
pub(super) fn pairs(
    sources: &[Side<'_>],
    targets: &[Side<'_>],
    mut read: impl FnMut(ObjectId) -> Option<Pieces>,
) -> Vec<(usize, usize)> {
    let mut found =
        Found { of_source: vec![None; sources.len()], of_target: vec![None; targets.len()] };
    found.equal(sources, targets);
    let (old, new) = (found.open(&found.of_source), found.open(&found.of_target));
    if old.is_empty() || new.is_empty() {
        return found.list();
    }
    let (mut known, mut kept) = (HashMap::new(), 0);
    let mut alike = |source: &Side<'_>, target: &Side<'_>| {
        for id in [source.id, target.id] {
            known.entry(id).or_insert_with(|| {
                let pieces = if kept < MOST_PIECES { read(id) } else { None };
                kept += pieces.as_ref().map_or(0, |pieces: &Pieces| pieces.bytes.len());
                pieces
            });
        }
        match (&known[&source.id], &known[&target.id]) {
            (Some(source), Some(target)) => likeness(source, target),
            _ => 0,
        }
    };
    if old.len().saturating_mul(new.len()) <= MOST_COMPARED * MOST_COMPARED {
        found.by_name(sources, targets, &mut alike);
        found.best(sources, targets, &mut alike);
    }
    found.list()
}

struct Found {
    of_source: Vec<Option<usize>>,
    of_target: Vec<Option<usize>>,
}

impl Found {
    fn open(&self, side: &[Option<usize>]) -> Vec<usize> {
        (0..side.len()).filter(|place| side[*place].is_none()).collect()
    }

    fn list(&self) -> Vec<(usize, usize)> {
        let pair = |(source, target): (usize, &Option<usize>)| Some((source, (*target)?));
        self.of_source.iter().enumerate().filter_map(pair).collect()
    }

    fn record(&mut self, source: usize, target: usize) {
        self.of_source[source] = Some(target);
        self.of_target[target] = Some(source);
    }

    fn equal(&mut self, sources: &[Side<'_>], targets: &[Side<'_>]) {
        let mut by_id = HashMap::<ObjectId, Vec<usize>>::new();
        for (place, source) in sources.iter().enumerate() {
            by_id.entry(source.id).or_default().push(place);
        }
        for (place, target) in targets.iter().enumerate() {
            let Some(alike) = by_id.get(&target.id) else { continue };
            let free = || {
                let places = alike.iter().take(MOST_EQUAL).copied();
                places.filter(|source| self.of_source[*source].is_none())
            };
            let named = free().find(|source| same_name(&sources[*source], target));
            if let Some(source) = named.or_else(|| free().next()) {
                self.record(source, place);
            }
        }
    }

    fn by_name(
        &mut self,
        sources: &[Side<'_>],
        targets: &[Side<'_>],
        alike: &mut impl FnMut(&Side<'_>, &Side<'_>) -> u64,
    ) {
        let unique = |places: Vec<usize>, sides: &[Side<'_>]| {
            let mut names = HashMap::<Vec<u8>, Option<usize>>::new();
            for place in places {
                let name = name(sides[place].path).to_vec();
                names.entry(name).and_modify(|one| *one = None).or_insert(Some(place));
            }
            names
        };
        let old = unique(self.open(&self.of_source), sources);
        let new = unique(self.open(&self.of_target), targets);
        for source in self.open(&self.of_source) {
            let name = name(sources[source].path);
            let (Some(Some(_)), Some(Some(target))) = (old.get(name), new.get(name)) else {
                continue;
            };
            if alike(&sources[source], &targets[*target]) >= LEAST_BY_NAME {
                self.record(source, *target);
            }
        }
    }

    fn best(
        &mut self,
        sources: &[Side<'_>],
        targets: &[Side<'_>],
        alike: &mut impl FnMut(&Side<'_>, &Side<'_>) -> u64,
    ) {
        let old = self.open(&self.of_source);
        let mut all = Vec::new();
        for target in self.open(&self.of_target) {
            let mut best: Vec<(u64, bool, usize, usize)> = Vec::new();
            for &source in &old {
                let score = alike(&sources[source], &targets[target]);
                let named = same_name(&sources[source], &targets[target]);
                best.push((score, named, source, target));
                if best.len() > BEST_PAIRS {
                    // The worst goes; of equals the one that came last.
                    best.sort_by_key(|pair| std::cmp::Reverse((pair.0, pair.1)));
                    best.truncate(BEST_PAIRS);
                }
            }
            all.extend(best);
        }
        all.sort_by_key(|pair| std::cmp::Reverse((pair.0, pair.1)));
        for (score, _, source, target) in all {
            let free = self.of_source[source].is_none() && self.of_target[target].is_none();
            if score >= LEAST && free {
                self.record(source, target);
            }
        }
    }
}

fn name(path: &BStr) -> &[u8] {
    path.rfind_byte(b'/').map_or(path, |at| path[at + 1..].as_bstr())
}

fn same_name(one: &Side<'_>, other: &Side<'_>) -> bool {
    name(one.path) == name(other.path)
}

impl Pieces {
    /// Cuts a content into lines, or pieces of 64 bytes where lines are longer.
    pub fn of(content: &[u8]) -> Self {
        let is_text = !super::line_count::is_binary(content);
        let mut counts = HashMap::<u32, u32>::new();
        let (mut low, mut high, mut length) = (0_u32, 0_u32, 0_u32);
        for (at, &byte) in content.iter().enumerate() {
            let is_line_end = byte == b'\r' && content.get(at + 1) == Some(&b'\n');
            if is_text && is_line_end {
                continue;
            }
            let before = low;
            low = (low << 7) ^ (high >> 25);
            high = (high << 7) ^ (before >> 25);
            low = low.wrapping_add(u32::from(byte));
            length += 1;
            if length as usize >= LONGEST_PIECE || byte == b'\n' {
                *counts.entry(piece(low, high)).or_default() += length;
                (low, high, length) = (0, 0, 0);
            }
        }
        if length > 0 {
            *counts.entry(piece(low, high)).or_default() += length;
        }
        let mut bytes: Vec<(u32, u32)> = counts.into_iter().collect();
        bytes.sort_unstable();
        Self { size: content.len() as u64, bytes }
    }
}

/// The bucket of a piece; the prime is git's.
fn piece(low: u32, high: u32) -> u32 {
    low.wrapping_add(high.wrapping_mul(0x61)) % 107_927
}

fn likeness(source: &Pieces, target: &Pieces) -> u64 {
    let (most, least) = (source.size.max(target.size), source.size.min(target.size));
    if most == 0 || most * (EQUAL - LEAST) < (most - least) * EQUAL {
        return 0;
    }
    let mut other = target.bytes.iter().peekable();
    let mut kept = 0;
    for (hash, bytes) in &source.bytes {
        while other.next_if(|(next, _)| next < hash).is_some() {}
        if let Some((_, theirs)) = other.next_if(|(next, _)| next == hash) {
            kept += u64::from(*bytes.min(theirs));
        }
    }
    kept * EQUAL / most
}
