//! The protocols of `cargo xtask eval` on histories and on data sets: `evaluate PROTOCOL REPOSITORY…`.
//!
//! Strict time order everywhere: what is predicted at a time is computed from what was committed
//! before it, and a label counts for training only once it was known. Each protocol prints one row a
//! repository and method, tab-separated, and a mean; `train-…` print weights as JSON.

mod change_points;
mod clones;
mod co_change;
mod data_set;
mod history;
mod hotspots;
mod risk;
mod tcpd;
mod throughput;

use std::collections::BTreeMap;

use history::History;

/// Figures by their names.
pub type Measures = Vec<(&'static str, f64)>;

/// Rows of measures by method, to be averaged.
#[derive(Default)]
pub struct Table {
    rows: Vec<(String, String, Measures)>,
}

impl Table {
    pub fn add(&mut self, repository: &str, method: &str, measures: Measures) {
        self.rows.push((repository.to_owned(), method.to_owned(), measures));
    }

    fn print(&self) {
        let mut sums = BTreeMap::<String, Vec<(&'static str, f64, f64)>>::new();
        for (repository, method, measures) in &self.rows {
            println!("{repository}\t{method}\t{}", shown(measures.iter().copied()));
            let sums = sums.entry(method.clone()).or_default();
            for (name, value) in measures.iter().filter(|(_, value)| value.is_finite()) {
                match sums.iter_mut().find(|(known, ..)| known == name) {
                    Some((_, sum, count)) => (*sum, *count) = (*sum + value, *count + 1.0),
                    None => sums.push((name, *value, 1.0)),
                }
            }
        }
        for (method, sums) in sums {
            let means = sums.into_iter().map(|(name, sum, count)| (name, sum / count));
            println!("mean\t{method}\t{}", shown(means));
        }
    }
}

fn shown(measures: impl Iterator<Item = (&'static str, f64)>) -> String {
    let parts: Vec<String> = measures.map(|(name, value)| format!("{name} {value:.3}")).collect();
    parts.join("\t")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (protocol, paths) = words.split_first().ok_or("evaluate PROTOCOL REPOSITORY…")?;
    let mut table = Table::default();
    let mut rows = Vec::new();
    if protocol == "change-points" {
        change_points::evaluate(&mut table);
    }
    for path in paths {
        let by_itself: Option<fn(&str, &mut Table) -> _> = match protocol.as_str() {
            "clones" => Some(clones::evaluate),
            "tcpd" => Some(tcpd::evaluate),
            _ => None,
        };
        if let Some(evaluate) = by_itself {
            evaluate(path, &mut table)?;
            continue;
        }
        let history = History::read(path, matches!(protocol.as_str(), "risk" | "train-risk"))?;
        eprintln!("{} at {}: {} commits", history.name, history.head, history.commits.len());
        match protocol.as_str() {
            "hotspots" => hotspots::evaluate(&history, &mut table)?,
            "risk" => risk::evaluate(&history, &mut table),
            "co-change" => co_change::evaluate(&history, &mut table),
            "throughput" => throughput::evaluate(&history, &mut table),
            "train-risk" => rows.extend(risk::rows(&history)),
            "train-co-change" => rows.extend(co_change::rows(&history)),
            other => return Err(format!("no protocol is called {other}").into()),
        }
    }
    if protocol.starts_with("train-") {
        let (features, truths): (Vec<Vec<f64>>, Vec<bool>) = rows.into_iter().unzip();
        eprintln!(
            "{} rows, {} positive",
            truths.len(),
            truths.iter().filter(|truth| **truth).count()
        );
        let model = onboard_analysis::logistic::Logistic::fit(&features, &truths, 1.0);
        println!("{}", serde_json::to_string_pretty(&model.ok_or("nothing to fit")?)?);
    }
    table.print();
    Ok(())
}
