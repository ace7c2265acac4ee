//! The main line as its own commits, from first parent to first parent: what landed on it, and when.

use std::collections::{HashMap, HashSet, VecDeque};

use gix::ObjectId;

use super::Repository;

/// A commit of the main line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    pub id: ObjectId,
    /// The last commit of the branch that came with it; `None` where it is no merge of two.
    pub branch: Option<ObjectId>,
    /// What the main line was before.
    pub before: Option<ObjectId>,
    /// When it was recorded, milliseconds since 1970.
    pub at_ms: i64,
}

/// The main line's commits since some day, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landings {
    pub list: Vec<Landing>,
    /// Older ones of these days were left out: there were too many, or they are not here.
    pub cut: bool,
    places: HashMap<ObjectId, usize>,
}

impl Repository {
    /// Follows first parents back from `tip` to `since_ms`, at most `most` of them.
    pub fn landings(&self, tip: ObjectId, since_ms: i64, most: usize) -> Landings {
        let mut found = Landings::default();
        let mut buffer = Vec::new();
        let mut next = Some(tip);
        while let Some(id) = next {
            let Ok((seconds, parents)) = self.parents(id, &mut buffer) else {
                found.cut = true;
                break;
            };
            let at_ms = seconds.saturating_mul(1_000);
            if at_ms < since_ms {
                break;
            }
            if found.list.len() == most {
                found.cut = true;
                break;
            }
            next = parents.first().copied();
            found.cut |= next.is_none() && self.is_shallow();
            let branch = (parents.len() == 2).then(|| parents[1]);
            found.list.push(Landing { id, branch, before: next, at_ms });
        }
        found.list.reverse();
        found.places = found.list.iter().map(|landing| landing.id).zip(0..).collect();
        found
    }

    /// The newest landing that a commit builds on, itself included, after reading at most `most`
    /// commits that are not on the main line.
    pub fn newest_landing(&self, id: ObjectId, among: &Landings, most: usize) -> Option<usize> {
        let oldest_ms = among.list.first()?.at_ms;
        let mut newest = None;
        let mut seen = HashSet::from([id]);
        let mut open = VecDeque::from([id]);
        let mut buffer = Vec::new();
        for _ in 0..most {
            let Some(id) = open.pop_front() else { break };
            if let Some(place) = among.places.get(&id) {
                // What it builds on is older.
                newest = newest.max(Some(*place));
                continue;
            }
            let Ok((seconds, parents)) = self.parents(id, &mut buffer) else { continue };
            if seconds.saturating_mul(1_000) >= oldest_ms {
                open.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
            }
        }
        newest
    }
}
