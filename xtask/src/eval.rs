//! `cargo xtask eval`: runs the validation protocols on the repositories named and prints each
//! method's figures beside the aims. Links nothing of the product: it builds the examples that do
//! the work, and reads what they print.

mod code;

use std::path::Path;
use std::process::Command;

use crate::command;
use crate::workspace::Workspace;

const USAGE: &str = "usage: cargo xtask eval [--only PROTOCOL] REPOSITORY…
       cargo xtask eval --train risk|co-change REPOSITORY…";

/// A protocol and what its figures should be on repositories that nothing was tuned on.
struct Protocol {
    name: &'static str,
    about: &'static str,
    aims: &'static [&'static str],
}

const PROTOCOLS: &[Protocol] = &[
    Protocol {
        name: "hotspots",
        about: "files with a fix in the next half-year, four cuts",
        aims: &["hotspot AUC ≥ .835", "hotspot P@20 ≥ time-weighted risk + .08"],
    },
    Protocol {
        name: "risk",
        about: "commits that brought a fault, six half-years, labels known at the time",
        aims: &["own model's AUC ≥ lines added + .02", "own model's capture@10% ≥ .31"],
    },
    Protocol {
        name: "co-change",
        about: "the other files of a commit, last quarter of history",
        aims: &["own ranker's hit@3 ≥ ROSE + .03", "warn P@1 ≥ .60 at feedback ≥ .30"],
    },
    Protocol {
        name: "throughput",
        about: "commits of the next 4 and 12 weeks, three years",
        aims: &[
            "pooled cover80 .76 to .84",
            "pooled CRPS 7 % and 14 % under the bootstrap of 12 weeks",
        ],
    },
    Protocol {
        name: "change-points",
        about: "steps planted into noise; no repository is read",
        aims: &["found at 2 sigma ≥ .90 in independent noise", "false alarms near 0"],
    },
    Protocol {
        name: "tcpd",
        about: "the Turing Change Point Dataset at the detector's defaults, by its benchmark's scores",
        aims: &["F1 ≥ .72 at a precision ≥ .75"],
    },
    Protocol {
        name: "clones",
        about: "functions copied as they are, renamed, edited",
        aims: &["recall ≥ .98, .95, .80"],
    },
    Protocol {
        name: "code",
        about: "cyclomatic complexity beside lizard, lines beside tokei",
        aims: &["equal on ≥ 98 % of functions", "equal lines on all files"],
    },
];

/// Protocols that read a data set, and no project's history: only by name.
const OF_DATA_SETS: &[&str] = &["tcpd"];

/// What the words after `eval` ask for.
#[derive(Debug, PartialEq)]
struct Asked {
    only: Option<String>,
    train: Option<String>,
    repositories: Vec<String>,
}

impl Asked {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut asked = Self { only: None, train: None, repositories: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" => asked.only = Some(words.next().ok_or(USAGE)?.clone()),
                "--train" => asked.train = Some(words.next().ok_or(USAGE)?.clone()),
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
        let reads_none = asked.only.as_deref() == Some("change-points");
        if asked.repositories.is_empty() && !reads_none {
            return Err(format!("no repository is named; {USAGE}"));
        }
        Ok(asked)
    }
}

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let asked = Asked::parse(arguments)?;
    build(workspace, "onboard-agents", "evaluate")?;
    build(workspace, "onboard-analysis", "measure_code")?;
    let built = workspace.root.join("target/release/examples");
    if let Some(model) = &asked.train {
        return evaluate(&built, &format!("train-{model}"), &asked.repositories);
    }
    let wanted = |protocol: &&Protocol| match &asked.only {
        Some(only) => only == protocol.name,
        None => !OF_DATA_SETS.contains(&protocol.name),
    };
    for protocol in PROTOCOLS.iter().filter(wanted) {
        println!("\n# {}: {}", protocol.name, protocol.about);
        for aim in protocol.aims {
            println!("aim: {aim}");
        }
        match protocol.name {
            "code" => code::compare(&built.join("measure_code"), &asked.repositories)?,
            "change-points" => evaluate(&built, protocol.name, &[])?,
            name => evaluate(&built, name, &asked.repositories)?,
        }
    }
    Ok(())
}

fn build(workspace: &Workspace, package: &str, example: &str) -> Result<(), String> {
    let mut cargo = command::cargo(&workspace.root);
    cargo.args(["build", "--quiet", "--release", "--package", package, "--example", example]);
    command::output(&mut cargo).map(drop)
}

fn evaluate(built: &Path, protocol: &str, repositories: &[String]) -> Result<(), String> {
    let mut program = Command::new(built.join("evaluate"));
    match command::run(program.arg(protocol).args(repositories))?.success {
        true => Ok(()),
        false => Err(format!("the protocol {protocol} did not end well")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, USAGE};

    fn check(text: &str, expected: Result<(Option<&str>, usize), String>) {
        let words: Vec<String> = text.split_whitespace().map(Into::into).collect();
        let asked = Asked::parse(&words);
        let shown = asked.as_ref().map(|asked| (asked.only.as_deref(), asked.repositories.len()));
        assert_eq!(shown.map_err(Clone::clone), expected);
    }

    #[test]
    fn arguments() {
        check("a b", Ok((None, 2)));
        check("--only risk a", Ok((Some("risk"), 1)));
        check("--only tcpd data", Ok((Some("tcpd"), 1)));
        check("--only change-points", Ok((Some("change-points"), 0)));
        check("", Err(format!("no repository is named; {USAGE}")));
        check("--fast a", Err(format!("`--fast` is unknown; {USAGE}")));
        let names = "hotspots, risk, co-change, throughput, change-points, tcpd, clones, code";
        check("--only fun a", Err(format!("no protocol is called `fun`; they are {names}")));
    }
}
