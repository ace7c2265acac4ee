//! Steps planted into noise, plain and autocorrelated: how many are found, and how often there is
//! an alarm where nothing was planted.

use onboard_analysis::draw::Draw;
use onboard_analysis::trend::change_points;

use super::Table;

const SERIES: u64 = 400;
const POINTS: usize = 120;
/// A change found this near to the planted one is it.
const TOLERANCE: usize = 5;

pub fn evaluate(table: &mut Table) {
    for (name, memory) in [("independent noise", 0.0), ("autocorrelated noise", 0.5)] {
        for (step, what) in [(0.0, "none"), (1.0, "1 sigma"), (2.0, "2 sigma"), (4.0, "4 sigma")] {
            let (mut found, mut alarms) = (0.0, 0.0);
            for seed in 0..SERIES {
                let mut draw = Draw::new(seed);
                let at = 30 + draw.below(POINTS - 60);
                let mut last = 0.0;
                let series: Vec<f64> = (0..POINTS)
                    .map(|point| {
                        last = memory * last + (1.0_f64 - memory * memory).sqrt() * draw.normal();
                        last + if point >= at { step } else { 0.0 }
                    })
                    .collect();
                let changes = change_points(&series);
                let near = |change: &&usize| step > 0.0 && change.abs_diff(at) <= TOLERANCE;
                found += f64::from(changes.iter().any(|change| near(&change)));
                alarms += changes.iter().filter(|change| !near(change)).count() as f64;
            }
            let count = SERIES as f64;
            let measures = vec![("found", found / count), ("false alarms", alarms / count)];
            table.add(name, what, measures);
        }
    }
}
