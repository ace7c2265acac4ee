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
        "forecasts",
        "what is expected, with intervals, the risk of the newest commits, and how often earlier forecasts held.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"How much will land, when the next release comes, which milestone will be late, which commit will need a
fix. Each is an interval or a chance that the agent keeps, checks when its time has come, and learns
from. That a project goes on as it did is no finding; it is in the run's summary and in what is
shared (vite a98c8d95d5):

```text
61 to 155 commits in 4 weeks; 239 to 448 commits in 12 weeks; next release 2026-08-23 to 2026-09-10,
by 2026-09-03 with 85 %; 80 % intervals held 83 % of 336 replayed forecasts
```

| what | from | checked by |
|---|---|---|
| commits, and days on which people land them, of 4 and 12 weeks | weekly counts ([measured](../evaluation.md#throughput)) | what landed |
| the next release | days between releases, and since the last; nothing where they show no rhythm | the next tag |
| milestones of [the plan](../plan.md) that have a date, a `start` and three tasks done | a thousand simulations: what one commit did for its tasks so far, times the commits that may come, plus what the plan grows by | the plan, on that date |
| fixes of a commit, of all that is unreleased | a model of this and other repositories' past, where it is good enough | the next change of its files |

The first run replays three years of forecasts, each from what was known by then, so that intervals are
corrected, and how often they held is known, from the first day; those made since are counted apart.
Outcomes that overlap in time correct once, and twenty are needed: intervals of twelve weeks are hardly
ever corrected. A forecast whose end history never reaches is void. Where
nothing landed for longer than in the two years before, nothing is forecast: the project rests, or the clone is old.

A fix counts for one commit: of those that changed its code files last, within 30 days, the one with most
of them. Sweeps over more than 15 code files are not judged. The model begins with weights fitted to ten
open histories and becomes the project's own as its past grows ([measured](../evaluation.md#risk-of-commits)).
Where 40 commits of three years were fixed and 40 were not, it is tried on the latest, and where it does not
tell them apart no commit is judged, and the state says so. Where there are fewer, what it did on other
projects has to do, and the finding says that. In vite, before there were such weights:

```text
○ low  e38f29ee48 will need a fix, with 80 % chance: feat: use `import.meta.ROLLDOWN_FILE_URL_*` …
    earlier fixes of the files: 43, usually 11
    files changed: 7, usually 2
    most revised file: 49, usually 19
  Tried on the 591 commits before, which it had not seen: of 16 rated as high 15 were followed by such
  a fix, of all 32 %. This will be checked by 2026-09-20.
  → Let somebody else read it now, beginning with packages/vite/src/node/plugins/worker.ts.
```"#;
