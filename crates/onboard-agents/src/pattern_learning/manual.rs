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
expect; the last quarter of changes counts.

| repository | right | of |
|---|---|---|
| ripgrep 3fce3b5bb0 | 34 | 64 |
| flask 2ac89889f4 | 28 | 53 |
| rqlite df4edc42ba | 151 | 227 |
| tokio ea91b33ca5 | 135 | 228 |

In rqlite at 8a3be35937, "Fallback to IEEE CRC32 check during upgrade":

```text
· info  8a3be35937 changed internal/rsum/crc.go without internal/rsum/crc_test.go
  In 75 % of the changes of internal/rsum/crc.go (6 of 8) internal/rsum/crc_test.go changes with it, and
  no commit around this one brought it. Tried on the latest changes here, such habits were right 141 of
  213 times. Known as keb726361.
  → See whether internal/rsum/crc_test.go needs the same change; if not, dismiss this.
```

What it knows is kept as text, with the commits that show it, and shared:

```text
kdc171c23  When tokio/src/runtime/config.rs changes, tokio/src/runtime/builder.rs changes with it
           in 12 of 12 cases.
```

What no run finds again within 30 days is dropped. `ai_onboard knowledge list` shows the strongest,
`knowledge show ID` the commits behind one, and `knowledge forget ID` has it neither said nor kept again:
it writes the id into the project's `config.yaml`, where a person may write it as well.

```yaml
agents:
  pattern-learning:
    settings:
      forget: k1a2b3c4d k5e6f7a8b
```"#;
