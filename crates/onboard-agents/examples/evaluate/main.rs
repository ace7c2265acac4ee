//! The protocols of `cargo xtask eval` on histories and on data sets:
//! `evaluate PROTOCOL[,PROTOCOL…] MOST_COMMITS WEIGHTS_FOLDER REPOSITORY…`.
//!
//! Strict time order everywhere: what is predicted at a time is computed from what was committed
//! before it, and a label counts for training only once it was known. Each protocol prints one row a
//! repository and method, tab-separated, and a mean; `train-…` prints weights as JSON.

mod change_points;
mod clones;
mod co_change;
mod data_set;
mod health;
mod history;
mod hotspots;
mod merges;
mod nab;
mod releases;
mod risk;
mod tcpd;
mod throughput;
mod train;

use std::collections::BTreeMap;

use history::{History, Need};
use onboard_analysis::weights::Weights;
use onboard_analysis::{co_change as pairs, commit_risk, outlook};

/// Figures by their names.
pub type Measures = Vec<(&'static str, f64)>;

/// Rows of measures by method, to be averaged.
#[derive(Clone, Default)]
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

/// What the words say.
struct Asked<'a> {
    protocols: Vec<&'a str>,
    /// The newest commits of a repository that are read, at most.
    most: usize,
    shipped: Shipped,
    paths: &'a [String],
}

/// Weights as they are in the product's folder now, which may be later than this program.
pub struct Shipped {
    risk: Option<Weights>,
    pairs: Option<Weights>,
    outlook: outlook::Table,
}

impl Shipped {
    fn read(folder: &str) -> Self {
        let of = |name: &str, features: &[&str]| {
            let text = std::fs::read_to_string(format!("{folder}/{name}.json")).ok()?;
            Weights::read(&text, features)
        };
        Self {
            risk: of("commit-risk", &commit_risk::FEATURES),
            pairs: of("co-change", &pairs::FEATURES),
            outlook: std::fs::read_to_string(format!("{folder}/outlook.json"))
                .ok()
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
        }
    }
}

const USAGE: &str = "evaluate PROTOCOL[,PROTOCOL…] MOST_COMMITS WEIGHTS_FOLDER REPOSITORY…";

impl<'a> Asked<'a> {
    fn parse(words: &'a [String]) -> Result<Self, Box<dyn std::error::Error>> {
        let [protocols, most, folder, paths @ ..] = words else { return Err(USAGE.into()) };
        let protocols = protocols.split(',').collect();
        Ok(Self { protocols, most: most.parse()?, shipped: Shipped::read(folder), paths })
    }

    /// What all of its protocols need of a history.
    fn need(&self) -> Need {
        let of = |protocol: &&str| match protocol.trim_start_matches("train-") {
            "risk" if !protocol.starts_with("train-") => Need::Labels,
            "risk" | "hotspots" => Need::Lines,
            _ => Need::Names,
        };
        self.protocols.iter().map(of).max().unwrap_or(Need::Names)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = Asked::parse(&words)?;
    let mut tables = vec![Table::default(); asked.protocols.len()];
    let mut counted = outlook::Table::default();
    let mut training: Vec<Vec<train::Part>> = asked.protocols.iter().map(|_| Vec::new()).collect();
    for path in asked.paths {
        match asked.protocols[..] {
            ["tcpd"] => {
                tcpd::evaluate(path, &mut tables[0])?;
                continue;
            }
            ["nab"] => {
                nab::evaluate(path, &mut tables[0])?;
                continue;
            }
            _ => {}
        }
        let history = History::read(path, asked.need(), asked.most)?;
        eprintln!("{} at {}: {} commits", history.name, history.head, history.commits.len());
        for (at, protocol) in asked.protocols.iter().enumerate() {
            let table = &mut tables[at];
            match *protocol {
                "hotspots" => hotspots::evaluate(&history, table)?,
                "risk" => risk::evaluate(&history, asked.shipped.risk.as_ref(), table),
                "co-change" => co_change::evaluate(&history, asked.shipped.pairs.as_ref(), table),
                "health" => health::evaluate(&history, &asked.shipped.outlook, table),
                "merges" => merges::evaluate(&history.name, &history.repository, table),
                "train-health" => health::count(&history, &mut counted),
                "releases" => releases::evaluate(&history, table),
                "throughput" => throughput::evaluate(&history, table),
                "clones" => clones::evaluate(&history, table)?,
                "train-risk" => training[at].push(train::Part::of(&history, risk::rows(&history))),
                "train-co-change" => {
                    training[at].push(train::Part::of(&history, co_change::rows(&history)));
                }
                other => return Err(format!("no protocol reads a repository for {other}").into()),
            }
        }
    }
    for (at, protocol) in asked.protocols.iter().enumerate() {
        println!("# {protocol}");
        match protocol.strip_prefix("train-") {
            Some("health") => println!("{}", serde_json::to_string_pretty(&counted)?),
            Some(what) => println!("{}", fitted(what, &training[at])?),
            None if *protocol == "change-points" => change_points::evaluate(&mut tables[at]),
            None => {}
        }
        tables[at].print();
    }
    Ok(())
}

/// Weights of a model fitted to all of these, as JSON.
fn fitted(what: &str, parts: &[train::Part]) -> Result<String, Box<dyn std::error::Error>> {
    let weights = match what {
        "risk" => train::fit(parts, &commit_risk::FEATURES, risk::OUTCOME, risk::RIDGE),
        _ => train::fit(parts, &pairs::FEATURES, co_change::OUTCOME, co_change::RIDGE),
    };
    Ok(serde_json::to_string_pretty(&weights.ok_or("nothing to fit")?)?)
}
