//! Telling the host, and what is remembered between runs.

use serde_json::json;

use super::MOST_FINDINGS;
use super::benchmarks::Benchmarks;
use super::decide::Slower;
use super::samples::Samples;
use crate::checkpoint;
use crate::host::{AgentError, Finding, Host, Outcome};
use crate::telling::tell;

/// Benchmarks and agents in the shared state.
const MOST_SHARED: usize = 20;

/// Hands over what holds. The figures are shared when there is news of them: every five minutes would
/// fill the journal with what nobody reads.
pub fn deliver(
    host: &mut dyn Host,
    findings: &[Finding],
    memory: &mut Samples,
    series: &Benchmarks,
    slower: &[Slower],
    is_news: bool,
) -> Result<Outcome, AgentError> {
    let known = memory.reported.clone();
    let told = tell(host, findings, &mut memory.reported, MOST_FINDINGS)?;
    for finding in findings.iter().filter(|one| !known.contains(&one.fingerprint)) {
        if !memory.reported.contains(&finding.fingerprint) {
            continue;
        }
        let is_disk = finding.rule == super::decide::DISK_FULL.id;
        let kind = if is_disk { "system.resource.exhausted" } else { "system.performance.alert" };
        host.emit_event(kind, json!({ "rule": finding.rule, "target": finding.target }))?;
    }
    if is_news || told.new > 0 || told.gone > 0 {
        host.put_state("performance", figures(memory, series, slower))?;
    }
    checkpoint::save(host, "samples", memory)?;
    let summary = format!("{}; {}", words(memory, series, slower), told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

fn words(memory: &Samples, series: &Benchmarks, slower: &[Slower]) -> String {
    let percent = |share: Option<u32>| {
        share.map_or_else(|| "?".to_owned(), |share| format!("{:.0} %", f64::from(share) / 10.0))
    };
    let machine = memory.samples.back().map_or_else(
        || "first look at the machine".to_owned(),
        |last| {
            format!(
                "waited for cpu {}, memory {}, disk {} of the time",
                percent(last.cpu),
                percent(last.memory),
                percent(last.io)
            )
        },
    );
    match series.series.len() {
        0 => machine,
        1 => format!("{machine}; 1 benchmark, {} slower", slower.len()),
        count => format!("{machine}; {count} benchmarks, {} slower", slower.len()),
    }
}

fn figures(memory: &Samples, series: &Benchmarks, slower: &[Slower]) -> serde_json::Value {
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
    let worst: Vec<_> = slower
        .iter()
        .take(MOST_SHARED)
        .map(|one| json!({ "benchmark": one.name, "percent": (one.change.size * 100.0).round() }))
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
