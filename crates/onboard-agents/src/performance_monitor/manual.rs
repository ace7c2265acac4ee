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
            "with a finding of what became slower, or of what the machine is short of.",
        ),
        ("system.resource.exhausted", "with a finding of a full disk."),
    ],
    shares: &[(
        "performance",
        "renewed every hour: the share of time in which tasks waited, what is slower, and how long the crew's runs wait, take and compute.",
    )],
    examples: include_str!("examples.txt"),
};

const ABOUT: &str = r#"Every five minutes: which benchmark, build or run of tests became slower for good, and what the machine
is short of for hours, or now as it was not before. Never a finding without size and persistence.

Each change that a series shows is judged by itself: what follows does not hide it, and a second one is
told beside the first. It stands until the newest four results are nearer to what was before. Where five
series and 60 % of all became slower within a day, that is one finding: hardly their code. What was said
of one of them before goes on standing.

| what | where |
|---|---|
| Criterion | `target/criterion/**/new/estimates.json` |
| pytest-benchmark | `.benchmarks/`; when it was measured, and of which commit, is what it says itself |
| hyperfine, JMH, pytest-benchmark | JSON files named after them, or `bench`, in the project's folder, `target`, `bench`, `benches`, `benchmark`, `benchmarks`, `build/results/jmh` |
| runs of tests | JUnit's XML there and in `build`, `out`, `target/nextest`, `target/surefire-reports`, `target/failsafe-reports`, `build/test-results`, `test-results`, `reports`, `junit` |
| builds | `.ninja_log` in the project's folder, `build` and `out`; `target/cargo-timings/cargo-timing.html` |

A series is of what is comparable: of one tool; of JMH one mode, number of threads and set of parameters;
of pytest-benchmark one processor; of tests and builds about as many tests, steps or units (a fifth more
at most, in fixed classes, so that a suite that grows is another series and not a slower one), and the sum
of their own times, where no test failed and it is a second at least. 300 series are kept, 120 results of each. One that gets no result for 30 days is over, and what was said of it with
it: the run's summary names it. Each file is read once as it is, at most 200 a run; a content that was read
before, under any name, was checked out or copied and counts once.

The commit of a result is the one that the tool wrote down; else the one that git's log of checkouts has
for the moment at which the file was written; else the one that was checked out when it was read. Only
with one of the first two it is said that no commit lies between two results. Of several those that
add code are named, the one that adds most first, with the file in which it adds most.

Where a level changed is found by splitting ranks, at a threshold that grows with autocorrelation; splits
that divide no two levels are taken away one by one, the least sure first. On made-up series around 100
with a step of 10 after the fortieth point, of 100 each, this many are found
within six points: noise of 1 %, 98 and more; of 2 %, 95; with bursts, 95; with a long tail or with values
that drag each other along, 80, and within fourteen points 95. Without a step, less than one false alarm
in a thousand points. Of forty series of 120 results with two
steps (10 % and 18 %) both are found in all under these five kinds of noise, and a drift of 30 % is called
one in 198 of 200; where each value drags the next along with .8, two thirds of the steps are found; under
noise of 10 % the smaller one is not. Of noise alone nothing is said. On annotated series that are
published it is [measured](../evaluation.md#change-points), too.

A look at the machine counts for the time since the one before, where that is no more than three hours:
an agent that runs hourly, or waits for its place on a busy machine, is not blind, and says how far apart
its looks were. What nobody looked at is not taken back, for a day at most.

Each look is scored beside the two weeks of looks before it, in one pass, with no look ahead: by rank among
them, by its step from the look before, and by what is usual at this time of day. The same detector is
[measured](../evaluation.md#unusual-points) on the Numenta Anomaly Benchmark.

An agent sees no machine: it asks its host ([`get_machine`](../agents-protocol.md#tools)). A run's summary has
the share of the time since the last look in which tasks waited."#;
