//! Functions that a change made harder to follow.

use std::collections::BTreeMap;

use gix::ObjectId;
use onboard_analysis::code::{Function, MOST_BYTES, measure};
use onboard_analysis::history::{BlobId, FileChange};
use onboard_analysis::path::{Class, class};

use crate::git::Repository;
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `change/complexity`
pub const COMPLEXITY: Rule = Rule {
    id: "change/complexity",
    says: "which function your change made harder to follow.",
    why: "Before it is pushed is the cheapest moment to split it: nobody else has built on it yet.",
    when: &[
        Bound::at(
            "cognitive complexity rose by {} or more",
            LEAST_RISE as f64,
            "judgement: less is one more condition",
        ),
        Bound::at("and by {} %", LEAST_SHARE * 100.0, "judgement: less is no change of kind"),
        Bound::at("to {} or more", LEAST as f64, "SonarSource's rule warns from here on"),
        Bound::at(
            "or a new function has {} or more",
            LEAST_OF_NEW as f64,
            "from here on reviewers agree that a function should be split",
        ),
    ],
    silence: "split it; or dismiss it in `ai_onboard recommendations` where the crew has told it, too.",
};

/// SonarSource's rule warns from here on.
const LEAST: u32 = 15;
/// From here on reviewers agree that a function should be split: a new one that is below is new
/// code like any other.
const LEAST_OF_NEW: u32 = 25;
/// A rise of less is one more condition, and of less than this share no change of kind.
const LEAST_RISE: u32 = 5;
const LEAST_SHARE: f64 = 0.25;
/// Worse than this is worth more than a remark.
const WORST: u32 = 60;
/// Files measured of one change, each before and after: some tenths of a second. A change of more
/// code files is a sweep.
const MOST_FILES: usize = 100;

/// A function before and after.
#[derive(Debug)]
struct Grown {
    path: String,
    /// `None` where it is new.
    before: Option<Function>,
    after: Function,
}

impl Grown {
    fn rise(&self) -> u32 {
        self.after.cognitive - self.before.as_ref().map_or(0, |before| before.cognitive)
    }

    fn is_marked(&self) -> bool {
        let after = self.after.cognitive;
        match &self.before {
            None => after >= LEAST_OF_NEW,
            Some(before) => {
                let rise = after.saturating_sub(before.cognitive);
                after >= LEAST
                    && rise >= LEAST_RISE
                    && f64::from(rise) >= LEAST_SHARE * f64::from(before.cognitive)
            }
        }
    }
}

/// One file's functions before and after.
struct Sides<'a> {
    path: &'a str,
    before: Vec<Function>,
    after: Vec<Function>,
}

/// What became harder to follow, the most first; and what was not measured, and why.
pub fn grown(repository: &Repository, files: &[FileChange]) -> (Vec<Finding>, Vec<String>) {
    let mut limits = Vec::new();
    let is_code = |file: &&FileChange| {
        // What was only moved is as it was.
        file.new.is_some() && file.new != file.old && class(&file.path) == Class::Code
    };
    let code: Vec<&FileChange> = files.iter().filter(is_code).collect();
    if code.len() > MOST_FILES {
        let left = code.len() - MOST_FILES;
        limits.push(format!("complexity: of the last {left} of {} code files", code.len()));
    }
    let mut unreadable = 0;
    let mut sides = Vec::new();
    for file in code.into_iter().take(MOST_FILES) {
        let old_path = file.old_path.as_ref().unwrap_or(&file.path);
        let before = functions(repository, old_path, file.old);
        let after = functions(repository, &file.path, file.new);
        match before.zip(after) {
            Some((before, after)) => sides.push(Sides { path: &file.path, before, after }),
            None => unreadable += 1,
        }
    }
    if unreadable > 0 {
        limits.push(format!("complexity: files that could not be read: {unreadable}"));
    }
    let mut grown = compare(&sides);
    grown.retain(Grown::is_marked);
    grown.sort_by(|a, b| b.rise().cmp(&a.rise()).then(a.path.cmp(&b.path)));
    (grown.iter().map(finding).collect(), limits)
}

/// The functions of a content that count by themselves; none where it is not measured, `None`
/// where it can't be read.
fn functions(repository: &Repository, path: &str, blob: Option<BlobId>) -> Option<Vec<Function>> {
    let Some(blob) = blob else { return Some(Vec::new()) };
    let content = repository.content(ObjectId::from(blob), MOST_BYTES as u64).ok()?;
    let measured = content.map(|content| measure(path, &content));
    let functions = measured.iter().filter_map(|measured| measured.file());
    let functions = functions.flat_map(|file| &file.functions);
    Some(functions.filter(|function| !function.included).cloned().collect())
}

/// Functions by their full names, in the order in which they stand.
fn by_name(functions: &[Function]) -> BTreeMap<String, Vec<&Function>> {
    let mut names: BTreeMap<String, Vec<&Function>> = BTreeMap::new();
    let mut ordered: Vec<&Function> = functions.iter().collect();
    ordered.sort_by_key(|function| function.first_line);
    for function in ordered {
        names.entry(function.full_name()).or_default().push(function);
    }
    names
}

fn compare(sides: &[Sides<'_>]) -> Vec<Grown> {
    let (mut pairs, mut new, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for side in sides {
        let (mut before, after) = (by_name(&side.before), by_name(&side.after));
        for (name, after) in after {
            match before.remove(&name) {
                // Of several of one name, which is which is told by their order alone.
                Some(before) if before.len() == after.len() => {
                    pairs.extend(before.into_iter().zip(after).map(|pair| (side.path, pair)));
                }
                Some(_) => {}
                None => new.extend(after.into_iter().map(|after| (side.path, after))),
            }
        }
        gone.extend(before.into_values().flatten());
    }
    let changed = pairs.into_iter().map(|(path, (before, after))| Grown {
        path: path.to_owned(),
        before: Some(before.clone()),
        after: after.clone(),
    });
    let came = new.into_iter().map(|(path, after)| {
        // One that went elsewhere in the change under the same name was moved.
        let moved = gone.iter().filter(|before| before.name == after.name);
        let before = moved.max_by_key(|before| before.cognitive).map(|before| (*before).clone());
        Grown { path: path.to_owned(), before, after: after.clone() }
    });
    changed.chain(came).filter(is_harder).collect()
}

fn is_harder(one: &Grown) -> bool {
    one.before.as_ref().is_none_or(|before| before.cognitive < one.after.cognitive)
}

fn finding(grown: &Grown) -> Finding {
    let (name, after) = (grown.after.full_name(), &grown.after);
    let severity = if after.cognitive >= WORST { Severity::Medium } else { Severity::Low };
    let title = match &grown.before {
        Some(before) => format!(
            "{name} became harder to follow: cognitive complexity {} → {}",
            before.cognitive, after.cognitive
        ),
        None => {
            format!("{name} is new and hard to follow: cognitive complexity {}", after.cognitive)
        }
    };
    let mut evidence = vec![Evidence::file(
        &grown.path,
        Some(after.first_line),
        format!("cognitive complexity {}, {}", after.cognitive, shape(after)),
    )];
    if let Some(before) = &grown.before {
        let text = format!("was its cognitive complexity before, {}", shape(before));
        evidence.push(Evidence::number(f64::from(before.cognitive), text));
    }
    Finding::new(
        COMPLEXITY.id,
        severity,
        &format!("{}: {name}", grown.path),
        title,
        format!(
            "Warned of from {LEAST}, where the change adds {LEAST_RISE} and a quarter of what it \
             was; a new function from {LEAST_OF_NEW}."
        ),
        format!(
            "Give the most deeply nested parts of {name} (lines {} to {}) functions of their own \
             while the change is fresh.",
            after.first_line, after.last_line
        ),
        evidence,
    )
}

fn shape(function: &Function) -> String {
    format!("nesting {}, {} lines", function.nesting, function.length())
}
