//! When the next release comes: forecasts every week between the latest releases, from the gaps before
//! them alone, beside a Gaussian; by how much of the usual gap had passed.

use onboard_analysis::accuracy::crps;
use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::distribution::normal_quantile;
use onboard_analysis::release::{Tag, releases};
use onboard_analysis::release_date;
use onboard_analysis::statistics::median;
use onboard_analysis::throughput::Forecast;

use super::Table;
use super::history::History;

/// Gaps that are forecast, and those that a forecast has behind it at least.
const FORECAST: usize = 20;
const LEAST_GAPS: usize = 5;
const WEEK: f64 = 7.0;
/// Gaps whose mean errors are measured by.
const MEASURED_BY: usize = 12;

/// The first half of the usual gap, the second, and after it.
const PHASES: [[&str; 2]; 3] = [
    ["cover80 early", "CRPS early"],
    ["cover80 mid", "CRPS mid"],
    ["cover80 overdue", "CRPS overdue"],
];

#[derive(Clone, Copy, Default)]
struct Sum {
    count: f64,
    held: f64,
    score: f64,
}

pub fn evaluate(history: &History, table: &mut Table) {
    let dated = history.repository.tags().list.into_iter().filter_map(|tag| {
        let at_ms = history.repository.recorded_ms(tag.id)?;
        Some(Tag { name: tag.name, at_ms, commit: tag.id.to_string() })
    });
    let tags: Vec<Tag> = dated.collect();
    let mut moments: Vec<i64> = releases(&tags).tags.iter().map(|(_, tag)| tag.at_ms).collect();
    moments.dedup_by(|later, earlier| *later - *earlier < DAY_MS);
    let gaps: Vec<f64> =
        moments.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / DAY_MS as f64).collect();
    type Method = fn(&[f64], f64) -> Option<Forecast>;
    let methods: [(&str, Method); 2] = [
        ("ours", |gaps, elapsed| release_date::forecast(gaps, elapsed, gaps.len() as u64)),
        ("Gaussian", gaussian),
    ];
    for (name, method) in methods {
        let mut measures = Vec::new();
        for (sum, names) in by_phase(&gaps, method).into_iter().zip(PHASES) {
            if sum.count > 0.0 {
                let [cover, score] = names;
                measures.extend([(cover, sum.held / sum.count), (score, sum.score / sum.count)]);
                measures.push(("forecasts", sum.count));
            }
        }
        if !measures.is_empty() {
            table.add(&history.name, name, measures);
        }
    }
}

fn by_phase(gaps: &[f64], method: impl Fn(&[f64], f64) -> Option<Forecast>) -> [Sum; 3] {
    let mut phases = [Sum::default(); 3];
    for at in LEAST_GAPS.max(gaps.len().saturating_sub(FORECAST))..gaps.len() {
        let (past, actual) = (&gaps[..at], gaps[at]);
        let usual = median(past).unwrap_or(1.0).max(1.0);
        let recent = &past[past.len().saturating_sub(MEASURED_BY)..];
        let mean = recent.iter().sum::<f64>() / recent.len() as f64;
        let weeks = (0..).map(|week| 1.0 + f64::from(week) * WEEK);
        for elapsed in weeks.take_while(|elapsed| *elapsed < actual) {
            let Some(made) = method(past, elapsed) else { continue };
            let (Some(score), Some((low, high))) = (crps(&made.sample, actual), made.interval(0.8))
            else {
                continue;
            };
            let phase = &mut phases[((elapsed / usual * 2.0) as usize).min(2)];
            phase.count += 1.0;
            phase.held += f64::from((low..=high).contains(&actual));
            phase.score += score / mean;
        }
    }
    phases
}

/// Of the mean and the deviation of all gaps; what has passed can't be any more.
fn gaussian(gaps: &[f64], elapsed: f64) -> Option<Forecast> {
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let squares = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>();
    let deviation = (squares / (count - 1.0)).sqrt();
    let at = |place: usize| mean + deviation * normal_quantile((place as f64 + 0.5) / 200.0);
    Some(Forecast { sample: (0..200).map(|place| at(place).max(elapsed)).collect() })
}
