//! What people can read about the agent.

use super::{DESCRIPTION, MANIFEST, NAME, decide};
use crate::manual::Manual;

pub const MANUAL: Manual = Manual {
    name: NAME,
    description: DESCRIPTION,
    manifest: Some(MANIFEST),
    about: ABOUT,
    rules: decide::RULES,
    publishes: &[],
    shares: &[(
        "quality",
        "how many functions in how many files are hard to follow, and the twenty hottest files, each with its worst function.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"Simplifying code pays where it is hard to follow, changed often, and being worked on. One of the three
alone is no reason to act, so nothing is said then. At most three new findings a day.

Cognitive complexity is SonarSource's. Tests, and files that are generated, vendored or minified, do not
count."#;
