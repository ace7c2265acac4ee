//! What people can read about the agent.

use super::{DESCRIPTION, MANIFEST, NAME, decide};
use crate::manual::Manual;

pub const MANUAL: Manual = Manual {
    name: NAME,
    description: DESCRIPTION,
    manifest: Some(MANIFEST),
    about: ABOUT,
    rules: decide::RULES,
    publishes: &[
        ("project.milestone.completed", "when a milestone of the plan is reached."),
        ("project.task.started", "when a task of the plan is under way."),
        (
            "project.quality.degraded",
            "once, when the score falls ten points below its median of two weeks.",
        ),
    ],
    shares: &[(
        "health",
        "the score with its parts, the chances of what may go wrong within 13 weeks, the milestones, the findings that hold, and what could not be seen.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"Milestones, activity, ownership, open work, and a score whose parts are shown:
[how it is computed](../health-score.md), [the plan file](../plan.md)."#;
