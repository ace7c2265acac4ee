//! How many commits land in the next 4 and 12 weeks: forecasts every second week of the last three
//! years, beside the usual bootstrap and a Gaussian.

use onboard_analysis::accuracy::crps;
use onboard_analysis::calendar::WEEK_MS;
use onboard_analysis::distribution::normal_quantile;
use onboard_analysis::throughput::{Forecast, drawn, forecast};

use super::Table;
use super::history::History;

const ORIGINS_WEEKS: usize = 156;
const LEAST_WEEKS: usize = 104;

pub fn evaluate(history: &History, table: &mut Table) {
    let Some(first) = history.commits.first().map(|facts| facts.commit.committed_ms) else {
        return;
    };
    let week = |at_ms: i64| usize::try_from((at_ms - first).max(0) / WEEK_MS).unwrap_or(0);
    let mut weeks = vec![0.0; week(history.last_ms()) + 1];
    for facts in &history.commits {
        weeks[week(facts.commit.committed_ms)] += 1.0;
    }
    // The last week is not over.
    weeks.pop();
    type Method = fn(&[f64], usize) -> Option<Forecast>;
    let methods: [(&str, Method); 4] = [
        ("pooled", |past, horizon| forecast(past, horizon, 1)),
        ("drawn, 12 weeks", |past, horizon| drawn(past, horizon, 12, 1)),
        ("drawn, 52 weeks", |past, horizon| drawn(past, horizon, 52, 1)),
        ("Gaussian", gaussian),
    ];
    for (name, method) in methods {
        let mut measures = Vec::new();
        for (horizon, names) in [(4, ["CRPS 4", "cover80 4"]), (12, ["CRPS 12", "cover80 12"])] {
            let end = weeks.len().saturating_sub(horizon);
            let start = LEAST_WEEKS.max(end.saturating_sub(ORIGINS_WEEKS));
            let (mut sum, mut held, mut count) = (0.0, 0.0, 0.0);
            for origin in (start..end).step_by(2) {
                let past = &weeks[..origin];
                let actual: f64 = weeks[origin..origin + horizon].iter().sum();
                let usual = past[origin - 52..].iter().sum::<f64>() / 52.0 * horizon as f64;
                let Some(forecast) = method(past, horizon).filter(|_| usual > 0.0) else {
                    continue;
                };
                let (Some(score), Some((low, high))) =
                    (crps(&forecast.sample, actual), forecast.interval(0.8))
                else {
                    continue;
                };
                sum += score / usual;
                held += f64::from((low..=high).contains(&actual));
                count += 1.0;
            }
            if count > 0.0 {
                measures.extend([(names[0], sum / count), (names[1], held / count)]);
            }
        }
        if !measures.is_empty() {
            table.add(&history.name, name, measures);
        }
    }
}

/// The sum of the last weeks, with the spread of how such sums differed from the ones before.
fn gaussian(past: &[f64], horizon: usize) -> Option<Forecast> {
    let sums: Vec<f64> = past.windows(horizon).map(|window| window.iter().sum()).collect();
    let differences: Vec<f64> =
        sums.iter().zip(sums.iter().skip(horizon)).map(|(one, next)| next - one).collect();
    let squares = differences.iter().map(|one| one * one).sum::<f64>();
    let spread = (squares / differences.len().max(1) as f64).sqrt();
    let last = *sums.last()?;
    let at =
        |place: usize| (last + spread * normal_quantile((place as f64 + 0.5) / 200.0)).max(0.0);
    Some(Forecast { sample: (0..200).map(at).collect() })
}
