//! What one run's sensors saw, on its way to the loop: something new at once, repetitions with the
//! end, so that an agent in a loop does not fill the journal.

use onboard_domain::Violation;

/// Of one run. Bounded by what the sensors keep.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    /// Each with how often it was seen since it was told.
    known: Vec<Violation>,
}

impl Sightings {
    /// What is new of what was seen.
    pub(crate) fn new_among(&mut self, seen: Vec<Violation>) -> Vec<Violation> {
        let mut new = Vec::new();
        for violation in seen {
            match self.known.iter_mut().find(|known| known.is_like(&violation)) {
                Some(known) => known.count = known.count.saturating_add(violation.count),
                None => {
                    self.known.push(violation.clone().times(0));
                    new.push(violation);
                }
            }
        }
        new
    }

    /// What is still to be told.
    pub(crate) fn rest(&mut self) -> Vec<Violation> {
        let rest = self.known.iter_mut().filter(|known| known.count > 0);
        rest.map(|known| known.clone().times(std::mem::take(&mut known.count))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onboard_domain::violation::{Rule, Sensor};

    fn read(path: &str) -> Violation {
        Violation::new(Sensor::Mask, Rule::ForbiddenPath, "open", path.as_bytes())
    }

    fn words(violations: &[Violation]) -> String {
        violations.iter().map(|v| format!("{} x{} ", v.target, v.count)).collect()
    }

    #[test]
    fn a_repetition_is_told_once_at_the_end() {
        let mut sightings = Sightings::default();
        assert_eq!(words(&sightings.new_among(vec![read("/a").times(3)])), "/a x3 ");
        assert_eq!(words(&sightings.new_among(vec![read("/a").times(4), read("/b")])), "/b x1 ");
        assert_eq!(words(&sightings.new_among(vec![read("/a").times(5)])), "");
        assert_eq!(words(&sightings.rest()), "/a x9 ");
        assert_eq!(words(&sightings.rest()), "");
    }
}
