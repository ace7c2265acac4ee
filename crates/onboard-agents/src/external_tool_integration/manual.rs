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
its forge, and what is known of the packages in its lock files. At most three new findings a run.

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
  there, and each item once.

### Connecting package registries

Lock files are read at HEAD, without any network: `Cargo.lock`, `package-lock.json` (versions 2 and 3),
`pnpm-lock.yaml` (6 and 9), `yarn.lock` (1), `poetry.lock`, `uv.lock`, `requirements*.txt` as far as it has
pins, and `go.mod`; 20 of them, 16 MiB each, 5,000 packages, not those in folders of tests or of others'
code. What is known of them is asked where your `policy.yaml` allows the hosts; a run says which it lacks:

```yaml
background_agent_safety:
  action_restrictions:
    network:
      allowed_domains:
        - api.osv.dev            # vulnerabilities, of all ecosystems
        - index.crates.io        # yanked and newest versions of crates
        - registry.npmjs.org     # deprecated and newest versions, of npm, pnpm and Yarn
        - pypi.org               # yanked and newest versions, of Poetry, uv and pip
```

The names and versions of your packages go there, and nothing else. Packages from elsewhere (git, folders, a
registry of your own) are named to nobody, where the lock file says that they are from there: pnpm's never
names a registry, so don't allow npm's where a private one is set in `.npmrc`. All agents of a project may reach what `allowed_domains`
has. To let this one alone, or to ask a mirror, keep a credential for it and name its host:

```console
$ ai_onboard credentials add mirror --host osv.example.org --agent external-tool-integration < token
```

```yaml
agents:
  external-tool-integration:
    settings:
      advisories: osv.example.org    # and crates, npm, pypi
```

- At most 40 requests a run, and a minute: 500 versions in each question to OSV, then each advisory that is
  new or has changed, then registries, what the project itself asks for first. 400 crates take ten runs, a
  thousand npm packages without a hole two requests and one for each direct dependency.
- An answer holds a day; then it is asked with `If-None-Match`. `Retry-After` is obeyed; after a failure the
  next run waits, from a minute up to an hour. An answer that is cut off, too long or not understood is not
  used. Where a run ends in the middle, the next goes on there.
- Versions are compared as their ecosystem does: Semantic Versioning, PEP 440. Go modules are looked up for
  vulnerabilities only. npm's short form has no dates: there only major versions count. Of npm, what comes
  through others is looked up for vulnerabilities only.
- Advisories that are withdrawn, and RustSec's notices (unmaintained, unsound), say nothing here. Whether the
  code with the hole is ever called is not looked at.
- In the tests registries fail in twelve ways, at any request of 60 made-up histories of 40 runs, while
  advisories and lock files change and processes die; when they are well again, the same is known here as
  there, each advisory once, and nothing was asked twice a day."#;
