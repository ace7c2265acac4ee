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
count.

## With a language model

Where you name this agent in [models.yaml](../network.md#models), it has the model draft a split of the
function that its most worthwhile finding names, of those that you were told and did not dismiss, and
[proposes](../proposals.md) it. Without a model nothing is asked. A run asks for one draft at most, within
your budgets, and never twice of the same content by the same rule, whatever came of it; an endpoint that
does not answer is tried on three runs. Only the function's own lines are sent, and none that hold what
looks like a secret.

The answer is the code alone: the patch is made here, so that it applies and touches that one file, and
every figure is measured here. It is dropped, with the reason in the agent's log, unless

- the function is still there, with its name and number of parameters, and the rest of the file as it was;
- everything that it called is still called;
- the code is well-formed, and at most twice as long and 30 lines;
- the hardest function of what it was split into has a cognitive complexity lower by a quarter and by five
  at least, and the file as a whole is not harder to follow.

Whether it still does the same, none of that proves: the project's own check runs on it, and a person
decides. `ai_onboard background-agents logs code-quality-optimizer` has what became of each question."#;
