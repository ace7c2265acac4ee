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
        "knowledge",
        "what is known, the strongest first, and how often the habits were right.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"What changes together here, and what holds. From history alone, file names followed through renames, and
said only where a new commit departs from it.

Tried means: in the order of time, from each file of a change the agent names the one that it would
expect, also where the change is of that file alone; the last quarter of changes counts. Where half of that
was wrong or more, nothing is said. How often the same is right in other projects is
[measured](../evaluation.md#co-change).

What it knows is kept as text, with the commits that show it, and shared:

```text
kdc171c23  When tokio/src/runtime/config.rs changes, tokio/src/runtime/builder.rs changes with it
           in 12 of 12 cases.
```

What no run finds again within 30 days is dropped. `ai_onboard knowledge list` shows the strongest and how
many more there are, `knowledge show ID` the commits behind one, and `knowledge forget ID` has it neither
said nor kept again: it writes the id into the project's `config.yaml`, where a person may write it as
well. An id in full, as findings name it, can be forgotten though the list doesn't show it.

```yaml
agents:
  pattern-learning:
    settings:
      forget: k1a2b3c4d k5e6f7a8b
```"#;
