//! What the walls and their sensors cost a program at work.

use super::spread::Spread;
use super::{Bench, Line};

/// Why a work that starts programs takes longer.
const STARTS: &str = "Each program that is started is looked at before it runs, and each system call passes a filter.";

/// The works of the example, what each is called in the table, and what is in its way.
const WORKS: [(&str, &str, &str); 3] = [
    ("python", "ten starts of Python behind the walls, with every sensor", STARTS),
    (
        "find",
        "three walks of `find` behind the walls, with every sensor",
        "Every open of a folder goes up all folders above it once more, for Landlock: more than half \
         of what is more in a profile; the filter of system calls is a sixth of it. Landlock looks for \
         the right to cut a file off with every open, so no rule further down ends its way sooner, and \
         without it the mounts would be the only thing that holds files.",
    ),
    ("compile", "three compilations behind the walls, with every sensor", STARTS),
];

/// Programs at work behind ours and `bwrap`'s walls, in turns.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let rounds = bench.rounds(15, 3).to_string();
    let told = bench.example("inside_cost", &[&rounds])?;
    let line = |(name, what, why_missed): (&str, _, _)| -> Result<Line, String> {
        let spread = |side: usize| {
            let times = told[name][side].as_array().into_iter().flatten();
            Spread::of(times.filter_map(|ms| ms.as_f64()).collect())
        };
        let (ours, other) = (spread(0)?, spread(1)?);
        Ok(Line {
            what,
            ours: ours.show("ms"),
            reference: format!("`bwrap`, which watches nothing: {}", other.show("ms")),
            aim: "≤ 1.05 × `bwrap`",
            limit: 1.05,
            judged: ours.median() / other.median(),
            why_missed,
        })
    };
    WORKS.into_iter().map(line).collect()
}
