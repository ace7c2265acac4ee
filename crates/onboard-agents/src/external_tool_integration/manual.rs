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
        "tools",
        "the remotes (host, path and forge, as far as the host says), how many tests passed, failed and were skipped, what is covered, and each scanner's alerts.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"What tools wrote into the project, read by one who remembers what they wrote before. At most three new
findings a run.

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
written; what was not committed is not seen. Names are taken as the tools write them."#;
