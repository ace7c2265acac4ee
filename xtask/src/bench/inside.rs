//! What the walls and their sensors cost a program at work.

use super::spread::Spread;
use super::{Bench, Line};

/// The works of the example, and what each is called in the table.
const WORKS: [(&str, &str); 3] = [
    ("python", "ten starts of Python behind the walls, with every sensor"),
    ("find", "three walks of `find` behind the walls, with every sensor"),
    ("compile", "three compilations behind the walls, with every sensor"),
];

/// Programs at work behind ours and `bwrap`'s walls, in turns.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let rounds = bench.rounds(15, 3).to_string();
    let told = bench.example("inside_cost", &[&rounds])?;
    let line = |(name, what): (&str, &'static str)| -> Result<Line, String> {
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
            why_missed: "Each program that is started is looked at before it runs, and each system \
                         call passes a filter.",
        })
    };
    WORKS.into_iter().map(line).collect()
}
