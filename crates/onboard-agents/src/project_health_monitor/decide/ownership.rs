//! How many people would have to leave before nobody knows half of a module?

use std::collections::BTreeMap;

use onboard_analysis::calendar::WEEK_MS;
use onboard_analysis::ledger::FileHistory;
use onboard_analysis::ownership::{TruckFactor, authors_of, truck_factor};
use onboard_analysis::path::{Class, modules};
use onboard_text::counted;

use super::activity::Pulse;
use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/bus-factor`
pub const BUS_FACTOR: Rule = Rule {
    id: "health/bus-factor",
    says: "that the project, or a module that is worked on, hangs on one person, and who comes next.",
    why: "When that person leaves, nobody who wrote the code is left to say why it is as it is. A \
          second person learns it most cheaply while the first is there to review.",
    when: &[
        Bound::that(
            "without one person more than half of the code files have no author left",
            "the truck factor of Avelino and others, ICPC 2016, with their weights",
        ),
        Bound::at(
            "{} code files or more have a known author",
            LEAST_FILES as f64,
            "judgement: fewer say nothing about who knows a module",
        ),
        Bound::at(
            "a module had {} commits or more in half a year",
            LEAST_RECENT as f64,
            "judgement: nobody needs to know what nobody changes",
        ),
        Bound::at(
            "{} people or more committed within a year",
            LEAST_PEOPLE as f64,
            "judgement: two people know whom their project hangs on",
        ),
    ],
    silence: "it goes away once a second person has changed enough of the files.",
};

/// Fewer files say nothing about who knows a module.
const LEAST_FILES: usize = 15;
/// Commits in the last half-year that make a module one people work on.
const LEAST_RECENT: usize = 10;
/// Modules named in one run.
const MOST_MODULES: usize = 2;
/// With fewer people in a year everybody knows whom the project hangs on.
const LEAST_PEOPLE: usize = 3;
/// Someone unseen for half a year may not come back to explain.
const GONE_MS: i64 = 26 * WEEK_MS;

/// Share of a module's changes that makes a second person know it.
const NOTABLE_SHARE: f64 = 0.05;

struct Module<'a> {
    name: String,
    files: Vec<&'a FileHistory>,
    factor: TruckFactor,
    /// Commits of the last half-year that changed it.
    recent: usize,
}

pub fn judge(open: &OpenFacts, pulse: &Pulse) -> Verdict {
    let counts = |author: u32| !open.ledger.authors[author as usize].bot;
    let modules = measure(open, counts);
    let files = || modules.iter().flat_map(|module| module.files.iter().copied());
    let all = truck_factor(files(), counts);
    let cut = open.shallow || !open.unreadable.is_empty();
    if all.authored < LEAST_FILES || cut {
        let why = if cut {
            "history that is cut off does not show who wrote what".to_owned()
        } else {
            format!(
                "{} with a known author are too few",
                counted(all.authored, "code file", "code files")
            )
        };
        return Verdict::new("ownership", 15, None, why);
    }
    let alone: usize = modules
        .iter()
        .filter(|module| module.factor.people.len() == 1)
        .map(|module| module.factor.authored)
        .sum();
    let share = alone as f64 / all.authored as f64;
    let people = all.people.len();
    let base = match people {
        0 | 1 => 0.4,
        2 => 0.7,
        _ => 1.0,
    };
    let why = format!(
        "{} would have to leave before half of the code has no author left; {:.0} % of it is in \
         modules that hang on one",
        if people == 1 { "1 person".to_owned() } else { format!("{people} people") },
        share * 100.0
    );
    let verdict = Verdict::new("ownership", 15, Some(base * (1.0 - 0.5 * share)), why);
    if pulse.people_of_year(&open.ledger) < LEAST_PEOPLE {
        return verdict;
    }
    if people == 1 {
        // The whole hangs on one; saying it of every part as well would be noise.
        let whole = Module {
            name: "the project".to_owned(),
            files: files().collect(),
            factor: all,
            recent: 0,
        };
        return verdict.with([hangs_on_one(open, &whole, true)]);
    }
    let mut risky: Vec<&Module<'_>> = modules
        .iter()
        .filter(|module| module.factor.people.len() == 1)
        .filter(|module| !module.name.starts_with('.'))
        .filter(|module| module.factor.authored >= LEAST_FILES && module.recent >= LEAST_RECENT)
        .collect();
    risky.sort_by_key(|module| std::cmp::Reverse(module.recent * module.factor.authored));
    verdict
        .with(risky.into_iter().take(MOST_MODULES).map(|module| hangs_on_one(open, module, false)))
}

fn measure<'a>(open: &'a OpenFacts, counts: impl Fn(u32) -> bool + Copy) -> Vec<Module<'a>> {
    let code: Vec<_> = open.files.iter().filter(|file| file.class == Class::Code).collect();
    let names = modules(code.iter().map(|file| file.path.as_str()));
    let mut found: BTreeMap<String, (Vec<&FileHistory>, Vec<u64>)> = BTreeMap::new();
    for (file, name) in code.iter().zip(names) {
        if let Some(history) = open.ledger.files.get(&file.key) {
            let module = found.entry(name).or_default();
            module.0.push(history);
            module.1.push(file.key);
        }
    }
    let modules = found.into_iter().map(|(name, (files, mut keys))| {
        keys.sort_unstable();
        let touches = |files: &[u64]| files.iter().any(|key| keys.binary_search(key).is_ok());
        let recent = open.ledger.recent.iter().filter(|commit| touches(&commit.files)).count();
        let factor = truck_factor(files.iter().copied(), counts);
        Module { name, files, factor, recent }
    });
    modules.collect()
}

/// Code files a person is a main author of.
pub fn files_of(open: &OpenFacts, author: u32) -> usize {
    let counts = |author: u32| !open.ledger.authors[author as usize].bot;
    open.files
        .iter()
        .filter(|file| file.class == Class::Code)
        .filter_map(|file| open.ledger.files.get(&file.key))
        .filter(|file| authors_of(file, counts).contains(&author))
        .count()
}

fn hangs_on_one(open: &OpenFacts, module: &Module<'_>, whole: bool) -> Finding {
    let (author, files) = module.factor.people.first().copied().unwrap_or_default();
    let person = &open.ledger.authors[author as usize];
    let gone = open.ledger.last_ms - person.last_ms > GONE_MS;
    let severity = if gone { Severity::Medium } else { Severity::Low };
    let share = 100.0 * files as f64 / module.factor.authored.max(1) as f64;
    let others = others(open, module, author);
    let next = match others.first() {
        Some(name) => format!("{name} is the next who changed much of it."),
        None => "Nobody else changed much of it.".to_owned(),
    };
    let mut evidence = vec![
        Evidence::number(files as f64, format!("files {} is a main author of", person.name)),
        Evidence::number(module.factor.authored as f64, "files with a known author"),
    ];
    if !whole {
        evidence.push(Evidence::file(&module.name, None, "the module"));
        evidence
            .push(Evidence::number(module.recent as f64, "commits to it in the last half-year"));
    }
    Finding::new(
        BUS_FACTOR.id,
        severity,
        if whole { "project" } else { &module.name },
        format!("{} hangs on one person: {}", upper_first(&module.name), person.name),
        format!(
            "{} is a main author of {files} of {} ({share:.0} %); without them more than half has no \
             author left. {next}{}",
            person.name,
            counted(module.factor.authored, "code file", "code files"),
            if gone { " They have not committed for half a year." } else { "" }
        ),
        match others.first() {
            Some(name) => {
                format!("Let {name} take the next changes here, with {} as reviewer.", person.name)
            }
            None => format!(
                "Let a second person take the next changes here, with {} as reviewer.",
                person.name
            ),
        },
        evidence,
    )
}

/// Who else changed a module's files, most commits first.
fn others(open: &OpenFacts, module: &Module<'_>, author: u32) -> Vec<String> {
    let mut commits: BTreeMap<u32, u32> = BTreeMap::new();
    for (other, count) in module.files.iter().flat_map(|file| &file.authors) {
        let person = &open.ledger.authors[*other as usize];
        let here = open.ledger.last_ms - person.last_ms <= GONE_MS;
        if *other != author && !person.bot && here {
            *commits.entry(*other).or_default() += count;
        }
    }
    let mut list: Vec<(u32, u32)> = commits.into_iter().map(|(who, count)| (count, who)).collect();
    list.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
    let all: u32 = module.files.iter().flat_map(|file| &file.authors).map(|(_, n)| *n).sum();
    list.retain(|(count, _)| f64::from(*count) >= NOTABLE_SHARE * f64::from(all));
    list.into_iter().map(|(_, who)| open.ledger.authors[who as usize].name.clone()).collect()
}

fn upper_first(name: &str) -> String {
    if name == "the project" { "The project".to_owned() } else { format!("`{name}`") }
}
