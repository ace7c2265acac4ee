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
        "workflow",
        "requests of the forge and how long they took, branches merged in a year, the stages' medians and 85 % quantiles of half a year and their share of slow branches' time, releases, those mended at once (within a week, or half the usual time between releases where that is shorter), reverts and the median time to either, how unevenly merging is spread (Gini), and the limits of all that.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"How work gets from its first commit to the main line and into a release, where it waits, and what is
done by hand again and again. From git, and from the requests of a forge where one is
[connected](external-tool-integration.md); weekly, at most three new findings a run.

A branch's stages: *writing*, from its first commit to its last (amending, rebasing and rework after a
review count here);
*waiting*, from there to its merge; *releasing*, from the merge to the first release tag that contains
it, where releases come from the main line. Merges of the main line itself and of release lines are no branches, nor are those of programs.
Who merged is the merge's author, or whom a merging program names (`r=ann`).

Two overdue branches, two repeated commits and one part with one merger stand at a time; others wait
until one of these no longer holds, and never take its place. Days are counted to the last commit of the
main line, which is named; branches that could not all be compared are said in the shared value's `limits`.

Where pull requests are squashed, no branch is left: the rules of branches say nothing, and the run's
summary says so. With a forge connected, requests are timed from being opened to being merged all the
same, and `overdue-request` speaks in place of `overdue-branch`; for whom a request waits, a first review
or what a build service takes is not read from the forge. What it says of [ripgrep](https://github.com/BurntSushi/ripgrep) at `3fce3b5bb0`:

```text
[info] “ignore-#” was committed on 10 days in a year, each time in the same 2 files
  10 commits in Cargo.lock and crates/ignore/Cargo.toml, by 1 person. Message and files are the
  same each time but for numbers.
  do: Put its steps into one script or job, if they are in none yet; 3fce3b5bb0 is what it has to make.
```

Of [cargo](https://github.com/rust-lang/cargo) at `af373f761a`: 704 branches merged in a year, half within
9 hours of their first commit and 85 % within 6 days; of the slowest, 95 % of the time is writing.
None of that is worth a finding."#;
