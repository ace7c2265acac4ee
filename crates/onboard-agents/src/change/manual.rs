//! What people can read about the command that judges one change.

use super::grown;
use crate::manual::Manual;

pub const MANUAL: Manual = Manual {
    name: "check",
    description: "Judges one change before it is pushed, in the foreground.",
    manifest: None,
    about: ABOUT,
    rules: &[&grown::COMPLEXITY],
    publishes: &[],
    shares: &[],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"`ai_onboard check` says at most three things about the commits that are not pushed yet
([check](../check.md)). It judges by two rules of the crew, of the change as a whole, and by one of its
own:

- `patterns/left-out`, of [pattern-learning](pattern-learning.md), where its habits were tried on the
  latest changes and were right in half of the cases or more;
- `forecast/risky-commit`, of [predictive-analytics](predictive-analytics.md), of the riskiest commit,
  where its model was tried on commits that it had not seen and found fit, or the project is too young
  for that.

What is open of a file that the change touches keeps its agent's rule."#;
