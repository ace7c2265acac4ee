//! Is every change checked by a machine, and can the machine read its orders?

use onboard_text::counted;

use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/ci-broken`
pub const CI_BROKEN: Rule = Rule {
    id: "health/ci-broken",
    says: "which configuration no build service can read, with line and column.",
    why: "Checks that don't run look like checks that pass.",
    when: &[Bound::that(
        "the YAML of a build service's configuration in the last commit can't be read",
        "a fact, not a judgement",
    )],
    silence: "mend the line.",
};

/// `health/ci-missing`
pub const CI_MISSING: Rule = Rule {
    id: "health/ci-missing",
    says: "that no build service checks the changes of the project.",
    why: "What only its author ran, only its author knows to work.",
    when: &[Bound::at(
        "the project has {} commits or more and no configuration of a build service",
        LEAST_COMMITS as f64,
        "judgement: a younger project may still be finding its shape",
    )],
    silence: "add a workflow; where builds are checked elsewhere, dismiss it once.",
};

/// A younger project may still be finding its shape.
const LEAST_COMMITS: u64 = 50;

pub fn judge(open: &OpenFacts) -> Verdict {
    let ci = &open.ci;
    if ci.files.is_empty() {
        if open.ledger.commits < LEAST_COMMITS {
            return Verdict::new("ci", 10, None, "no configuration, and few commits yet");
        }
        return Verdict::new("ci", 10, Some(0.0), "no configuration of a build service")
            .with([missing(open)]);
    }
    let broken = ci.broken.len();
    let value = if broken == 0 { 1.0 } else { 0.3 };
    let why = match broken {
        0 => format!(
            "{} that can be read",
            counted(ci.files.len(), "configuration", "configurations")
        ),
        _ => format!(
            "{broken} of {} cannot be read",
            counted(ci.files.len(), "configuration", "configurations")
        ),
    };
    Verdict::new("ci", 10, Some(value), why).with(ci.broken.iter().map(|broken| {
        let place = format!("{}:{}:{}", broken.path, broken.line, broken.column);
        Finding::new(
            CI_BROKEN.id,
            Severity::High,
            &broken.path,
            format!("{} cannot be read by its build service", broken.path),
            format!("{place}: {}", broken.what),
            format!("Mend {place}; until then its checks do not run."),
            vec![Evidence::file(&broken.path, Some(broken.line), broken.what.clone())],
        )
    }))
}

fn missing(open: &OpenFacts) -> Finding {
    let people = open.ledger.authors.iter().filter(|author| !author.bot).count();
    Finding::new(
        CI_MISSING.id,
        if people >= 3 { Severity::Medium } else { Severity::Low },
        "ci",
        "No build service checks the changes of this project",
        format!(
            "{} commits by {} and no configuration of a build service in the last commit of {}.",
            open.ledger.commits,
            counted(people, "author", "authors"),
            open.mainline
        ),
        "Add a workflow that builds and runs the tests on every change.",
        vec![
            Evidence::number(open.ledger.commits as f64, "commits"),
            Evidence::commit(&open.tip, "the tree that was searched"),
        ],
    )
}
