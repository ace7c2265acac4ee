//! What people can read about the agent.

use super::{DESCRIPTION, MANIFEST, NAME, decide};
use crate::manual::Manual;

pub const MANUAL: Manual = Manual {
    name: NAME,
    description: DESCRIPTION,
    manifest: Some(MANIFEST),
    about: ABOUT,
    rules: decide::RULES,
    publishes: &[(
        "project.plan.updated",
        "when milestones of the project's forge, or what they hold, changed",
    )],
    shares: &[],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"What tools wrote into the project, read by one who remembers what they wrote before, and what is planned at
its forge. At most three new findings a run.

More than three of a kind are one finding. Each file is read once when it was written: JUnit's XML
(nextest, pytest, Surefire, Gradle, Jest and others; what they repeat counts where it is written as
`flakyFailure`), SARIF 2.1 (`*.sarif`, `*.sarif.json`), LCOV (`lcov.info`, `*.lcov`) and Cobertura
(`coverage.xml`). Looked for in the project's folder and in `artifacts`, `build/reports`,
`build/test-results`, `coverage`, `junit`, `reports`, `results`, `target/failsafe-reports`,
`target/llvm-cov`, `target/nextest`, `target/site/cobertura`, `target/surefire-reports`,
`target/tarpaulin` and `test-results`; other XML there is left alone. Files that differ in a date or a
number of six digits and more are one series; a version (`junit-3.10.xml`) makes another. At most 16 MiB
a file, 300 files a run, 1,000 in all; 500 tests that failed within 30 days are remembered. The commit of
a result is the one that was checked out when it was read, at most a quarter of an hour after it was
written; what was not committed is not seen. Names are taken as the tools write them.

### Connecting a forge

Give the agent a credential for the host of a remote, and it reads that repository's issues, pull or merge
requests and milestones. It reads and never writes; a token that may only read is enough:

```console
$ ai_onboard credentials add forge --host api.github.com --agent external-tool-integration < token
$ ai_onboard credentials add forge --host gitlab.example.org --agent external-tool-integration < token
```

GitHub (`api.github.com`, or a server of your own) and GitLab are understood. The remote is `upstream`,
else `origin`, else the first that a credential is for. Where names don't tell, the agent's `settings` do:

```yaml
agents:
  external-tool-integration:
    settings:
      forge: gitlab               # or github: where the host's name has neither in it
      repository: group/loom      # where the remote's address is a name that only SSH knows
```

The token stays with the daemon. Milestones become part of the plan, which the health monitor and the
forecasts read. What is kept of an item is its number, title (120 bytes, secrets taken out), state,
milestone, and when it was opened, changed and closed; 20,000 issues and 20,000 merge requests at most,
the oldest closed ones go first.

- At most 40 requests a run, of 100 items each, and at most two minutes; the next run goes on from there.
  10,000 issues take three runs. Where nothing changed, a run is one request for each of milestones,
  issues and merge requests, answered with 304, which GitHub doesn't count.
- `Retry-After` and the `RateLimit` fields are obeyed, by the forge's clock. After a failure the next run
  waits, from a minute up to an hour; after a refusal, an hour. An answer that is cut off or can't be
  understood is repeated once, and nothing of it is used.
- Items that change while pages are read are not missed: reading begins anew at the last change of each
  full page. What was deleted or moved away is found when everything is read once more, every day (every
  week beyond 2,000 items). A repository that was renamed is followed.
- In the tests a forge fails in thirteen ways, at any request of 60 made-up histories of 24 runs each,
  while items change between requests and processes die; when it is well again, the same is known here as
  there, and each item once."#;
