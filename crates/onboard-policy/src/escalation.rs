//! When what an agent does has more than a refusal as its consequence: pure counting.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use onboard_domain::Time;
use onboard_domain::incident::{Conduct, Consequence, FULL_WEIGHT, Trigger};

/// Runs that the error rate is judged by, and failures among them that are unexpected: a program
/// that fails every second time does not do its work. Fewer runs say nothing yet.
const ERROR_RUNS: usize = 10;
const ERRORS: usize = 5;

/// Which triggers call, and how many attempts within the window have which consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    pub triggers: Vec<Trigger>,
    pub window_ms: i64,
    pub warn: u32,
    pub throttle: u32,
    pub pause: u32,
    pub quarantine: u32,
    /// Agents in quarantine at once that stop everything: then it is not one agent any more.
    pub emergency: u32,
}

/// A consequence that is due, and what was counted against what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub trigger: Trigger,
    pub consequence: Consequence,
    pub why: String,
}

impl Escalation {
    /// Every trigger, and each consequence at once: for a project that has no sound policy. Nothing
    /// is started there; this judges what was started before.
    pub fn strictest() -> Escalation {
        Escalation {
            triggers: Trigger::ALL.to_vec(),
            window_ms: crate::policy::WINDOW_MS,
            warn: 1,
            throttle: 1,
            pause: 1,
            quarantine: 1,
            emergency: u32::MAX,
        }
    }

    /// What is due by an agent's conduct and has not been drawn within the window, hardest first.
    pub fn due(&self, conduct: &Conduct, now: Time) -> Vec<Due> {
        let since = now.plus(-self.window_ms);
        let due = |trigger: &Trigger| {
            let count = conduct.marks_after(*trigger, since);
            let (consequence, threshold) = self.of(*trigger, count)?;
            self.is_new(conduct, *trigger, consequence, since).then(|| Due {
                trigger: *trigger,
                consequence,
                why: self.words(*trigger, count, threshold),
            })
        };
        let mut all: Vec<Due> = self.triggers.iter().filter_map(due).collect();
        all.sort_by_key(|due| core::cmp::Reverse(due.consequence));
        all
    }

    /// Whether an agent's ended runs and one more that failed are an unexpected error rate.
    pub fn errors(
        &self,
        failed: impl Iterator<Item = bool>,
        conduct: &Conduct,
        now: Time,
    ) -> Option<Due> {
        let trigger = Trigger::UnexpectedErrorRate;
        let runs: Vec<bool> = failed.take(ERROR_RUNS).collect();
        let failures = runs.iter().filter(|failed| **failed).count();
        let since = now.plus(-self.window_ms);
        let is_due = runs.len() >= ERROR_RUNS
            && failures >= ERRORS
            && self.triggers.contains(&trigger)
            && self.is_new(conduct, trigger, Consequence::Warn, since);
        is_due.then(|| Due {
            trigger,
            consequence: Consequence::Warn,
            why: format!("{failures} of its last {ERROR_RUNS} runs failed; {ERRORS} are too many"),
        })
    }

    fn is_new(&self, conduct: &Conduct, trigger: Trigger, due: Consequence, since: Time) -> bool {
        let reached = conduct.reached.get(&trigger).filter(|reached| reached.at > since);
        reached.is_none_or(|reached| reached.consequence < due)
    }

    /// The hardest consequence of so many attempts, with its threshold. Limits never lead beyond
    /// the throttle: an agent that only works too much is slowed down, not locked away.
    fn of(&self, trigger: Trigger, count: usize) -> Option<(Consequence, usize)> {
        let hardest = match trigger {
            Trigger::ResourceLimitExceeded => Consequence::Throttle,
            Trigger::ForbiddenActionAttempted | Trigger::SafetyPolicyViolation => {
                Consequence::Quarantine
            }
            // A request for people calls them; how its runs end is judged by `errors`.
            Trigger::HumanInterventionRequested => {
                return (count > 0).then_some((Consequence::Warn, 1));
            }
            Trigger::UnexpectedErrorRate => return None,
        };
        let rungs = [
            (Consequence::Quarantine, self.quarantine),
            (Consequence::Pause, self.pause),
            (Consequence::Throttle, self.throttle),
            (Consequence::Warn, self.warn),
        ];
        let rungs = rungs.into_iter().filter(|(consequence, _)| *consequence <= hardest);
        let rungs = rungs.map(|(consequence, count)| (consequence, count as usize * FULL_WEIGHT));
        rungs.into_iter().find(|(_, threshold)| count >= *threshold)
    }

    fn words(&self, trigger: Trigger, count: usize, threshold: usize) -> String {
        if trigger == Trigger::HumanInterventionRequested {
            return "it asks for a person".into();
        }
        let what = match trigger {
            Trigger::ResourceLimitExceeded => "limits reached",
            _ => "different attempts",
        };
        let hours = self.window_ms / 3_600_000;
        let (whole, fifths) = (count / FULL_WEIGHT, count % FULL_WEIGHT);
        let part =
            if fifths > 0 { format!(".{}", fifths * 10 / FULL_WEIGHT) } else { String::new() };
        let threshold = threshold / FULL_WEIGHT;
        format!(
            "{what} within {hours} h weigh {whole}{part}; from {threshold} on this is the consequence"
        )
    }
}
