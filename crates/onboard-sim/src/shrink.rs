//! Making a failing simulation small: fewer days, fewer projects, fewer faults, as long as it
//! still breaks a rule that it broke before.

use crate::report::Report;
use crate::simulation::Simulation;

/// Simulations run while shrinking, at most: halving of days and projects, then one for each
/// fault, twice over.
const TRIALS_MAX: u32 = 60;

/// The smallest failing simulation that was found.
#[derive(Debug)]
pub struct Shrunk {
    pub simulation: Simulation,
    pub report: Report,
    pub trials: u32,
}

/// Shrinks a simulation whose report is `found`, telling of each smaller one that still fails.
///
/// # Errors
/// When the made-up world itself can't be set up.
pub fn shrink(
    simulation: &Simulation,
    found: Report,
    tell: &mut dyn FnMut(&Simulation),
) -> Result<Shrunk, String> {
    let mut smallest = Shrunk { simulation: simulation.clone(), report: found, trials: 0 };
    while smallest.trials < TRIALS_MAX {
        let Some(smaller) = smallest.smaller()? else { break };
        tell(&smaller.simulation);
        smallest = smaller;
    }
    Ok(smallest)
}

impl Shrunk {
    /// The first of the smaller simulations that fails the same rule; `None` when none does.
    fn smaller(&mut self) -> Result<Option<Shrunk>, String> {
        for simulation in candidates(&self.simulation) {
            if self.trials >= TRIALS_MAX {
                return Ok(None);
            }
            self.trials += 1;
            let report = simulation.run(&mut |_| {})?;
            let same = self
                .report
                .violations
                .iter()
                .any(|broken| report.violations.iter().any(|again| again.rule == broken.rule));
            if same {
                return Ok(Some(Shrunk { simulation, report, trials: self.trials }));
            }
        }
        Ok(None)
    }
}

/// Smaller simulations, boldest first.
fn candidates(from: &Simulation) -> Vec<Simulation> {
    let mut found = Vec::new();
    let mut numbers = |value: u32, put: &dyn Fn(u32) -> Simulation| {
        for smaller in [value / 4, value / 2, value.saturating_sub(1)] {
            let bolder = found.iter().any(|known| *known == put(smaller));
            if smaller > 0 && smaller < value && !bolder {
                found.push(put(smaller));
            }
        }
    };
    numbers(from.days, &|days| Simulation { days, ..from.clone() });
    numbers(from.projects, &|projects| Simulation { projects, ..from.clone() });
    let fewer = from.faults.iter().map(|fault| from.faults.without(fault));
    found.extend(fewer.map(|faults| Simulation { faults, ..from.clone() }));
    found
}

#[cfg(test)]
mod tests {
    use super::candidates;
    use crate::faults::Faults;
    use crate::simulation::Simulation;

    #[test]
    fn candidates_are_smaller() {
        let faults = "crash,kill".parse().unwrap_or_else(|_| Faults::none());
        let from = Simulation { seed: 1, projects: 3, days: 8, faults };
        let texts: Vec<String> = candidates(&from)
            .iter()
            .map(|s| format!("{}d {}p {}", s.days, s.projects, s.faults))
            .collect();
        let expected = "2d 3p crash,kill|4d 3p crash,kill|7d 3p crash,kill|8d 1p crash,kill|\
                        8d 2p crash,kill|8d 3p kill|8d 3p crash";
        assert_eq!(texts.join("|"), expected);
        let least = Simulation { seed: 1, projects: 1, days: 1, faults: Faults::none() };
        assert_eq!(candidates(&least), []);
    }
}
