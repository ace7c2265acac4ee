//! What a run goes without on this host though nothing refuses it: said with the run.

use crate::layer::Layer;

/// Parts that the launcher could not build and that no wall depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lacking(pub(crate) u64);

/// One such part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A `/proc` of its own.
    Proc,
    /// Masks that tell who tried.
    Masks,
    /// Folders whose names stay as they were when the run started.
    Names,
    /// A look at every forbidden file for second names.
    Links,
    /// A share of its own of what the kernel counts for a user.
    Counts,
}

/// What each part means for a person.
const WORDS: [(Part, Layer, &str); 5] = [
    (Part::Proc, Layer::Proc, "the host lets nobody mount one: the run has none"),
    (
        Part::Masks,
        Layer::ForbiddenPaths,
        "the host refuses masks that tell: attempts are refused and not reported",
    ),
    (
        Part::Names,
        Layer::ForbiddenPaths,
        "a folder could not be fixed: a forbidden path that appears in it during the run is seen",
    ),
    (
        Part::Links,
        Layer::ForbiddenPaths,
        "forbidden folders have more files than are looked at: one with a second name is seen there",
    ),
    (Part::Counts, Layer::User, "its watches of files count as its user's on the host"),
];

impl Lacking {
    pub(crate) fn add(&mut self, part: Part) {
        self.0 |= 1 << part as u64;
    }

    /// The layers concerned, and what is missing in words.
    pub(crate) fn words(self) -> impl Iterator<Item = (Layer, &'static str)> {
        let is_missing = move |part: Part| self.0 >> part as u64 & 1 == 1;
        let missing = WORDS.iter().filter(move |(part, ..)| is_missing(*part));
        missing.map(|(_, layer, words)| (*layer, *words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_told_by_itself() {
        assert_eq!(Lacking::default().words().count(), 0);
        for (part, layer, words) in WORDS {
            let mut lacking = Lacking::default();
            lacking.add(part);
            assert_eq!(lacking.words().collect::<Vec<_>>(), [(layer, words)]);
        }
    }
}
