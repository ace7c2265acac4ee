//! How long finished branches wait for their merge: what 85 of 100 stay below by the year before, and
//! what became of those that were overdue by it. Branches that were never merged leave no trace in git
//! and are not counted, so that more are still open than it seems here.

use onboard_agents::git::Repository;
use onboard_agents::workflow_optimizer::replay::{Wait, waits};
use onboard_analysis::statistics::quantile;

use super::Table;

/// Nobody is asked before.
const LEAST_DAYS: f64 = 3.0;

pub fn evaluate(name: &str, repository: &Repository, table: &mut Table) {
    let waits = waits(repository);
    let share = |part: usize, of: usize| part as f64 / of as f64;
    let held = |usual: &dyn Fn(&Wait) -> f64| {
        share(waits.iter().filter(|one| one.days <= usual(one)).count(), waits.len())
    };
    // What a project that never changes would say: of all of its branches, the later ones included.
    let all: Vec<f64> = waits.iter().map(|one| one.days).collect();
    let Some(ever) = quantile(&all, 0.85) else { return };
    // From the last commit to the moment at which both the wait and the age were unusual.
    let asked = |one: &Wait| {
        let since_first = one.usual_lead_days - (one.lead_days - one.days);
        one.usual_days.max(LEAST_DAYS).max(since_first)
    };
    let overdue: Vec<&Wait> = waits.iter().filter(|one| one.days > asked(one)).collect();
    let still = |days: f64| {
        share(overdue.iter().filter(|one| one.days > asked(one) + days).count(), overdue.len())
    };
    table.add(
        name,
        "year before, by size",
        vec![
            ("branches", waits.len() as f64),
            ("held", held(&|one| one.usual_days)),
            ("overdue", overdue.len() as f64),
            ("open a day later", still(1.0)),
            ("open a week later", still(7.0)),
        ],
    );
    // A branch of the same project on any day of its wait: how many are open a day later.
    let days: f64 = waits.iter().map(|one| one.days.floor()).sum();
    let any = days / waits.iter().map(|one| one.days.ceil().max(1.0)).sum::<f64>();
    table.add(
        name,
        "all time, any day",
        vec![("held", held(&|_| ever)), ("open a day later", any)],
    );
}
