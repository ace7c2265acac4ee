//! What people can read about the agent.

use super::{DESCRIPTION, MANIFEST, NAME, decide};
use crate::manual::Manual;

pub const MANUAL: Manual = Manual {
    name: NAME,
    description: DESCRIPTION,
    manifest: Some(MANIFEST),
    about: ABOUT,
    rules: decide::RULES,
    publishes: &[
        (
            "system.performance.alert",
            "with a finding of a benchmark, or of what the machine is short of.",
        ),
        ("system.resource.exhausted", "with a finding of a full disk."),
    ],
    shares: &[(
        "performance",
        "renewed every hour: the share of time in which tasks waited, the slower benchmarks, and how long the crew's runs wait, take and compute.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"Every five minutes: which benchmark became slower for good, and what the machine is short of for hours.
Never a finding without size and persistence.

Results are read as JSON where tools put them, each file once when it was written: Criterion
(`target/criterion/**/new/estimates.json`), pytest-benchmark (`.benchmarks/`), and files named after
hyperfine, JMH or bench in the project's folder, `target`, `bench`, `benches`, `benchmark`, `benchmarks`
and `build/results/jmh`. 300 benchmarks are kept, 120 results of each. The commit of a result is the one
that was checked out when it was read, at most five minutes after it was written.

Where a level changed is found by splitting ranks, at a threshold that grows with autocorrelation. On
made-up series around 100 with a step of 10 after the fortieth point, of 100 each, this many are found
within six points: noise of 1 %, 98 and more; of 2 %, 95; with bursts, 95; with a long tail or with values
that drag each other along, 80, and within fourteen points 95. Without a step, less than one false alarm
in a thousand points. It was not measured on the annotated series that are published.

An agent sees no machine: it asks its host ([`get_machine`](../agents-protocol.md#tools)). A run's summary has
the share of the last five minutes in which tasks waited."#;
