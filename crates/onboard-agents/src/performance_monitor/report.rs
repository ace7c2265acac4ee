//! Telling the host, and what is remembered between runs.

use serde_json::json;

use super::MOST_FINDINGS;
use super::benchmarks::{Benchmarks, OVER_MS};
use super::decide::{DISK_FULL, UNREADABLE};
use super::samples::Samples;
use crate::checkpoint;
use crate::host::{AgentError, Host, Level, Outcome};
use crate::telling::{Holds, Room, tell_within};

/// Benchmarks and agents in the shared state.
const MOST_SHARED: usize = 20;

/// Hands over what holds. The figures are shared when there is news of them: every five minutes would
/// fill the journal with what nobody reads.
pub fn deliver(
    host: &mut dyn Host,
    holds: &Holds,
    memory: &mut Samples,
    series: &Benchmarks,
    is_news: bool,
) -> Result<Outcome, AgentError> {
    let known = memory.reported.clone();
    let room = Room { new: MOST_FINDINGS, of_rule: &[] };
    let told = tell_within(host, holds, &mut memory.reported, room)?;
    for finding in holds.findings.iter().filter(|one| !known.contains(&one.fingerprint)) {
        if !memory.reported.contains(&finding.fingerprint) {
            continue;
        }
        let kind = match finding.rule.as_str() {
            rule if rule == DISK_FULL.id => "system.resource.exhausted",
            rule if rule == UNREADABLE.id => continue,
            _ => "system.performance.alert",
        };
        host.emit_event(kind, json!({ "rule": finding.rule, "target": finding.target }))?;
    }
    for name in &series.over {
        let days = OVER_MS / 86_400_000;
        let text = format!("{name}: no result for {days} days, and no longer watched");
        host.log(Level::Info, &text);
    }
    if is_news || told.new > 0 || told.gone > 0 {
        host.put_state("performance", figures(memory, series))?;
    }
    checkpoint::save(host, "samples", memory)?;
    let summary = format!("{}; {}", words(memory, series), told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

fn words(memory: &Samples, series: &Benchmarks) -> String {
    let percent = |share: Option<u32>| {
        share.map_or_else(|| "?".to_owned(), |share| format!("{:.0} %", f64::from(share) / 10.0))
    };
    let machine = memory.samples.back().map_or_else(
        || "first look at the machine".to_owned(),
        |last| {
            if [last.cpu, last.memory, last.io] == [None; 3] {
                return "the machine does not tell what tasks wait for".to_owned();
            }
            format!(
                "waited for cpu {}, memory {}, disk {} of the time",
                percent(last.cpu),
                percent(last.memory),
                percent(last.io)
            )
        },
    );
    let mut parts = vec![machine];
    match series.series.len() {
        0 => {}
        1 => parts.push(format!("1 series of results, {} slower", slower(series))),
        count => parts.push(format!("{count} series of results, {} slower", slower(series))),
    }
    parts.extend(over(&series.over));
    parts.join("; ")
}

fn slower(series: &Benchmarks) -> usize {
    series.series.values().filter(|series| !series.slower.is_empty()).count()
}

/// Which series ended: what was said of them is over because nobody measures it any more.
fn over(names: &[String]) -> Option<String> {
    let days = OVER_MS / 86_400_000;
    match names {
        [] => None,
        [one] => Some(format!("{one} had no result for {days} days and is no longer watched")),
        [one, rest @ ..] => Some(format!(
            "{one} and {} more had no result for {days} days and are no longer watched",
            rest.len()
        )),
    }
}

fn figures(memory: &Samples, series: &Benchmarks) -> serde_json::Value {
    let median = |values: Vec<f64>| onboard_analysis::statistics::median(&values).map(f64::round);
    let mut crew = serde_json::Map::new();
    for (agent, runs) in memory.crew.iter().take(MOST_SHARED) {
        let of =
            |value: fn(&super::samples::CrewRun) -> f64| median(runs.iter().map(value).collect());
        crew.insert(
            agent.clone(),
            json!({
                "runs": runs.len(),
                "waited_ms": of(|run| run.1 as f64),
                "took_ms": of(|run| run.2 as f64),
                "cpu_ms": of(|run| run.3 as f64),
            }),
        );
    }
    let worst: Vec<_> = series
        .slower()
        .into_iter()
        .take(MOST_SHARED)
        .map(
            |(name, slower)| json!({ "benchmark": name, "percent": (slower.size * 100.0).round() }),
        )
        .collect();
    json!({
        "schema_version": 1,
        "machine": memory.samples.back(),
        "crew": crew,
        "benchmarks": series.series.len(),
        "left_out": series.left_out,
        "slower": worst,
    })
}
