//! `cargo xtask eval`: runs the validation protocols on the repositories named and prints each
//! method's figures beside the aims. Links nothing of the product: it builds the examples that do
//! the work, and reads what they print.

mod code;
mod lizard;
mod miscounts;

use std::process::Command;

use crate::command;
use crate::tools;
use crate::workspace::Workspace;

const USAGE: &str =
    "usage: cargo xtask eval [--only PROTOCOL[,PROTOCOL…]] [--commits N] REPOSITORY…
       cargo xtask eval --train [--only PROTOCOL] [--commits N] REPOSITORY…";

/// A protocol and what its figures should be on repositories that nothing was tuned on.
struct Protocol {
    name: &'static str,
    about: &'static str,
    aims: &'static [&'static str],
    /// The file of weights that `--train` writes for it.
    weights: Option<&'static str>,
}

/// Where the examples are built.
const BUILT: &str = "target/release/examples";
/// More commits than any repository is read with.
const ALL: usize = 1_000_000_000;

/// Where weights are that the product is built with.
const WEIGHTS: &str = "crates/onboard-analysis/src/weights";

const PROTOCOLS: &[Protocol] = &[
    Protocol {
        name: "hotspots",
        about: "files with a fix in the next half-year, four cuts",
        aims: &["hotspot AUC ≥ .835", "hotspot P@20 ≥ time-weighted risk + .08"],
        weights: None,
    },
    Protocol {
        name: "risk",
        about: "commits that brought a fault, six half-years, labels known at the time",
        aims: &[
            "both's AUC ≥ lines added + .02",
            "both's capture@10% ≥ .31",
            "shipped model's AUC ≥ own model's - .01",
        ],
        weights: Some("commit-risk"),
    },
    Protocol {
        name: "co-change",
        about: "the other files of a commit, last quarter of history",
        aims: &["shipped ranker's hit@3 ≥ ROSE + .03", "warn P@1 ≥ .60 at feedback ≥ .30"],
        weights: Some("co-change"),
    },
    Protocol {
        name: "health",
        about: "releases mended, reverts, lost pace and people, month by month",
        aims: &[
            "events announced ≥ .70, half of them 7 days before",
            "2 alarms a month at most, precision ≥ .50",
            "Brier of mended releases 24 % under the running rate",
        ],
        weights: Some("outlook"),
    },
    Protocol {
        name: "merges",
        about: "how long finished branches wait for their merge, by the year before each",
        aims: &["held .83 to .87", "open a day later ≥ .60"],
        weights: None,
    },
    Protocol {
        name: "throughput",
        about: "commits of the next 4 and 12 weeks, three years",
        aims: &[
            "pooled cover80 .76 to .84",
            "pooled CRPS 7 % and 14 % under the bootstrap of 12 weeks",
        ],
        weights: None,
    },
    Protocol {
        name: "releases",
        about: "when the next release comes, weekly, the latest twenty gaps",
        aims: &["cover80 ≥ .75 in every phase", "CRPS 10 % under the Gaussian early, 15 % overdue"],
        weights: None,
    },
    Protocol {
        name: "change-points",
        about: "steps planted into noise; no repository is read",
        aims: &["found at 2 sigma ≥ .90 in independent noise", "false alarms near 0"],
        weights: None,
    },
    Protocol {
        name: "tcpd",
        about: "the Turing Change Point Dataset at the detector's defaults, by its benchmark's scores",
        aims: &["F1 ≥ .72 at a precision ≥ .75"],
        weights: None,
    },
    Protocol {
        name: "nab",
        about: "the Numenta Anomaly Benchmark, by its own scoring",
        aims: &["standard profile ≥ 58.2, the threshold chosen as its rules have it"],
        weights: None,
    },
    Protocol {
        name: "clones",
        about: "functions copied as they are, renamed, edited",
        aims: &["recall ≥ .98, .95, .80"],
        weights: None,
    },
    Protocol {
        name: "code",
        about: "cyclomatic complexity beside lizard, lines beside tokei",
        aims: &[
            "equal on ≥ 98 % of functions, known miscounts taken back",
            "equal lines on all files",
        ],
        weights: None,
    },
];

/// Protocols that read a data set, and no project's history: only by name.
const OF_DATA_SETS: &[&str] = &["tcpd", "nab"];

/// What the words after `eval` ask for.
#[derive(Debug, PartialEq)]
struct Asked {
    /// Protocols; none for all.
    only: Vec<String>,
    train: bool,
    /// The newest commits of a repository that are read, at most.
    commits: usize,
    repositories: Vec<String>,
}

impl Asked {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut asked =
            Self { only: Vec::new(), train: false, commits: ALL, repositories: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" => {
                    let names = words.next().ok_or(USAGE)?;
                    asked.only = names.split(',').map(str::to_owned).collect();
                }
                "--commits" => {
                    let count = words.next().and_then(|word| word.parse().ok());
                    asked.commits = count.filter(|count| *count > 0).ok_or(USAGE)?;
                }
                "--train" => asked.train = true,
                option if option.starts_with('-') => {
                    return Err(format!("`{option}` is unknown; {USAGE}"));
                }
                path => asked.repositories.push(path.to_owned()),
            }
        }
        let known = |name: &String| PROTOCOLS.iter().any(|protocol| protocol.name == name);
        if let Some(name) = asked.only.iter().find(|name| !known(name)) {
            let names: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
            return Err(format!("no protocol is called `{name}`; they are {}", names.join(", ")));
        }
        if asked.only.len() > 1
            && let Some(name) =
                OF_DATA_SETS.iter().find(|name| asked.only.iter().any(|it| it == *name))
        {
            let why = "a data set is read by itself, not beside repositories";
            return Err(format!("{why}: --only {name}"));
        }
        let reads_none = asked.only == ["change-points"] && !asked.train;
        if asked.repositories.is_empty() && !reads_none {
            return Err(format!("no repository is named; {USAGE}"));
        }
        Ok(asked)
    }
}

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let asked = Asked::parse(arguments)?;
    build(workspace, "onboard-agents", "evaluate")?;
    if !asked.train {
        build(workspace, "onboard-analysis", "measure_code")?;
    }
    let is_wanted = |protocol: &&Protocol| match asked.only.is_empty() {
        true => !OF_DATA_SETS.contains(&protocol.name),
        false => asked.only.iter().any(|name| name == protocol.name),
    };
    let wanted: Vec<&Protocol> = PROTOCOLS.iter().filter(is_wanted).collect();
    if asked.train {
        return train(workspace, &wanted, &asked);
    }
    for protocol in &wanted {
        println!("# {}: {}", protocol.name, protocol.about);
        protocol.aims.iter().for_each(|aim| println!("aim: {aim}"));
    }
    // One reading of each repository serves all protocols.
    let is_of_history = |name: &&str| *name != "code";
    let names: Vec<&str> = wanted.iter().map(|one| one.name).filter(is_of_history).collect();
    if !names.is_empty() {
        let ended = command::run(&mut evaluate(workspace, &names.join(","), &asked))?;
        if !ended.success {
            return Err("a protocol did not end well".to_owned());
        }
    }
    match wanted.iter().any(|protocol| protocol.name == "code") {
        true => {
            let program = workspace.root.join(BUILT).join("measure_code");
            code::compare(&program, &tools::folder(workspace)?, &asked.repositories)
        }
        false => Ok(()),
    }
}

fn evaluate(workspace: &Workspace, protocols: &str, asked: &Asked) -> Command {
    let mut program = Command::new(workspace.root.join(BUILT).join("evaluate"));
    program.args([protocols, &asked.commits.to_string()]);
    program.arg(workspace.root.join(WEIGHTS)).args(&asked.repositories);
    program
}

fn build(workspace: &Workspace, package: &str, example: &str) -> Result<(), String> {
    let mut cargo = command::cargo(&workspace.root);
    cargo.args(["build", "--quiet", "--release", "--package", package, "--example", example]);
    command::output(&mut cargo).map(drop)
}

/// Fits the weights of those protocols that have any, and writes them where the next build finds
/// them.
fn train(workspace: &Workspace, wanted: &[&Protocol], asked: &Asked) -> Result<(), String> {
    let fitted: Vec<(String, &str)> = wanted
        .iter()
        .filter_map(|protocol| Some((format!("train-{}", protocol.name), protocol.weights?)))
        .collect();
    let names: Vec<&str> = fitted.iter().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return Err(
            "none of these protocols has weights; those of risk, co-change and health have".into(),
        );
    }
    let ended = command::run(&mut evaluate(workspace, &names.join(","), asked))?;
    if !ended.success {
        return Err("the weights could not be fitted".to_owned());
    }
    for (name, file) in fitted {
        let text = section(&ended.stdout, &name).ok_or("no weights came")?;
        let path = workspace.root.join(WEIGHTS).join(format!("{file}.json"));
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("written: {WEIGHTS}/{file}.json");
    }
    Ok(())
}

/// The lines after `# name`, up to the next such line.
fn section(text: &str, name: &str) -> Option<String> {
    let heading = format!("# {name}");
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("# ")).collect();
    (!lines.is_empty()).then(|| format!("{}\n", lines.join("\n").trim_end()))
}

#[cfg(test)]
mod tests {
    use super::{Asked, USAGE, section};

    fn check(text: &str, expected: Result<(&str, usize), String>) {
        let words: Vec<String> = text.split_whitespace().map(Into::into).collect();
        let asked = Asked::parse(&words);
        let is_train = asked.as_ref().is_ok_and(|asked| asked.train);
        assert_eq!(is_train, text.contains("--train"));
        let shown = asked.map(|asked| (asked.only.join(","), asked.repositories.len()));
        assert_eq!(shown, expected.map(|(only, count)| (only.to_owned(), count)));
    }

    #[test]
    fn arguments() {
        check("a b", Ok(("", 2)));
        check("--only risk,co-change --commits 100 a", Ok(("risk,co-change", 1)));
        check("--train --only risk a b", Ok(("risk", 2)));
        check("--only tcpd data", Ok(("tcpd", 1)));
        check(
            "--only tcpd,risk data",
            Err("a data set is read by itself, not beside repositories: --only tcpd".to_owned()),
        );
        check("--only nab data", Ok(("nab", 1)));
        check("--only change-points", Ok(("change-points", 0)));
        check("", Err(format!("no repository is named; {USAGE}")));
        check("--commits none a", Err(USAGE.to_owned()));
        check("--fast a", Err(format!("`--fast` is unknown; {USAGE}")));
        let names = "hotspots, risk, co-change, health, merges, throughput, releases, change-points, tcpd, \
                     nab, clones, code";
        check("--only fun a", Err(format!("no protocol is called `fun`; they are {names}")));
    }

    #[test]
    fn sections_of_what_was_printed() {
        let text = "# train-risk\n{\n  \"a\": 1\n}\n# train-co-change\n{}\n";
        assert_eq!(section(text, "train-risk").as_deref(), Some("{\n  \"a\": 1\n}\n"));
        assert_eq!(section(text, "train-co-change").as_deref(), Some("{}\n"));
        assert_eq!(section(text, "train-fun"), None);
    }
}
