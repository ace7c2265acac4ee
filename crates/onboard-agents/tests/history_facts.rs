//! History as facts, beside what git says of the same repositories.

mod support {
    pub mod fixture;
}

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use onboard_agents::git::{Ingest, Repository, Wanted, ingest};
use onboard_analysis::draw::Draw;
use onboard_analysis::history::{CommitFacts, LineChange};
use support::fixture::{Fixture, History};

fn facts(fixture: &Fixture, wanted: Wanted, threads: usize) -> Vec<CommitFacts> {
    let open = || Repository::open(fixture.root(), None);
    let repository = open().expect("it opens");
    let tip = repository.mainline().expect("a commit").tip;
    let ids = repository.ancestry(tip).ids;
    let mut all = Vec::new();
    let how = Ingest { wanted, threads, known: &|_, _| None };
    ingest(open, &ids, &how, |facts| {
        all.push(facts.expect("it can be read"));
        ControlFlow::Continue(())
    })
    .expect("it opens");
    assert_eq!(all.len(), ids.len());
    let order: Vec<String> = ids.iter().map(ToString::to_string).collect();
    assert!(all.iter().map(|facts| &facts.commit.id).eq(&order), "in order");
    all
}

/// `added removed path`, or `added removed old => new`, sorted, of each commit that is no merge.
type Numbers = BTreeMap<String, Vec<String>>;

fn ours(all: &[CommitFacts]) -> Numbers {
    let commits = all.iter().filter(|facts| !facts.commit.merge);
    commits.map(|facts| (facts.commit.id.clone(), rows(facts))).collect()
}

fn rows(facts: &CommitFacts) -> Vec<String> {
    let mut rows: Vec<String> = facts
        .changes
        .iter()
        .flatten()
        .map(|change| {
            let lines = change.lines.map_or("- -".to_owned(), |LineChange { added, removed }| {
                format!("{added} {removed}")
            });
            let from = change.old_path.as_ref().map(|old| format!("{old} => "));
            format!("{lines} {}{}", from.unwrap_or_default(), change.path)
        })
        .collect();
    rows.sort();
    rows
}

fn gits(fixture: &Fixture) -> Numbers {
    let text = fixture.git(&["log", "--no-merges", "--numstat", "-M", "-z", "--format=%x01%H"]);
    let mut all = Numbers::new();
    for commit in text.split('\u{1}').skip(1) {
        let mut words = commit.split('\0').map(|word| word.trim_start_matches('\n'));
        let id = words.next().expect("an id").trim().to_owned();
        let mut rows = Vec::new();
        while let Some(word) = words.next() {
            let mut parts = word.splitn(3, '\t');
            let (Some(added), Some(removed), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let path = match path {
                "" => format!("{} => {}", words.next().expect("old"), words.next().expect("new")),
                path => path.to_owned(),
            };
            rows.push(format!("{added} {removed} {path}"));
        }
        rows.sort();
        all.insert(id, rows);
    }
    all
}

/// A history of edits, moves, copies, removals, binary files and merges.
fn generated(seed: u64, commits: usize) -> History {
    let mut draw = Draw::new(seed);
    let mut history = History::default();
    let mut files = BTreeMap::<String, String>::new();
    let mut line = 0;
    for number in 0..commits {
        let mut changed: Vec<(String, String)> = Vec::new();
        for _ in 0..1 + draw.below(4) {
            let names: Vec<String> = files.keys().cloned().collect();
            let folder = ["src", "src/deep", "lib", "docs"][draw.below(4)];
            let name = format!("{folder}/{}.txt", ["mod", "a", "b", "main"][draw.below(4)]);
            match (draw.below(8), draw.of(&names).cloned()) {
                (0, _) | (_, None) => {
                    let count = draw.below(60);
                    let text: String = (0..count).map(|_| fresh(&mut line, &mut draw)).collect();
                    changed.push((name, text + ["end", ""][draw.below(2)]));
                }
                (1, Some(old)) => changed.push((old, String::new())),
                (2 | 3, Some(old)) => {
                    let text = edited(&files[&old], &mut line, &mut draw, 4);
                    changed.push((old, String::new()));
                    changed.push((name, text));
                }
                (4, Some(old)) => changed.push((old, format!("\0{number}\n"))),
                (_, Some(old)) => {
                    let text = edited(&files[&old], &mut line, &mut draw, 2);
                    changed.push((old, text));
                }
            }
        }
        for (path, text) in &changed {
            // An empty content deletes, and may delete what is not there.
            match text.is_empty() {
                true => drop(files.remove(path)),
                false => drop(files.insert(path.clone(), text.clone())),
            }
        }
        let changes: Vec<(&str, &str)> =
            changed.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let days = commits as i64 - number as i64;
        history.commit("main", "Ada", days, "change", &changes);
    }
    history
}

fn fresh(line: &mut usize, draw: &mut Draw) -> String {
    *line += 1;
    let end = ["\n", "\n", "\n", "\r\n"][draw.below(4)];
    // Some lines are all alike, as braces are.
    if draw.below(4) == 0 { format!("}}{end}") } else { format!("line {line} of text{end}") }
}

fn edited(text: &str, line: &mut usize, draw: &mut Draw, wildness: usize) -> String {
    let mut edited = String::new();
    for old in text.split_inclusive('\n') {
        match draw.below(10) {
            chance if chance < wildness => edited.push_str(&fresh(line, draw)),
            9 => {}
            _ => edited.push_str(old),
        }
    }
    edited
}

#[test]
fn lines_and_renames_equal_gits() {
    for seed in 1..=4 {
        let fixture = Fixture::of(&generated(seed, 150));
        let counted = facts(&fixture, Wanted::Lines, 2);
        let (ours, gits) = (ours(&counted), gits(&fixture));
        for (id, rows) in &gits {
            assert_eq!(Some(rows), ours.get(id), "seed {seed}, commit {id}");
        }
        assert_eq!(ours.len(), gits.len());
        let moved = counted.iter().flat_map(|facts| facts.changes.iter().flatten());
        assert!(moved.filter(|change| change.old_path.is_some()).count() > 10, "renames are met");
        assert_eq!(counted, facts(&fixture, Wanted::Lines, 1), "threads change nothing");
    }
}

#[test]
fn names_read_no_content_and_merges_have_no_changes() {
    let mut history = History::default();
    let first = history.commit("main", "Ada", 9, "one", &[("a", "1\n"), ("b", "2\n")]);
    let side = history.commit_from("side", "Bo", 8, "two", &[first], &[("c", "3\n")]);
    let main = history.commit("main", "Ada", 7, "three", &[("a", ""), ("d", "1\n")]);
    let merge = history.commit_from("main", "Ada", 6, "merge", &[main, side], &[("c", "3\n")]);
    history.tag("v1", merge);
    let fixture = Fixture::of(&history);
    // Neither the work tree nor how objects are stored changes history.
    fixture.write("e", "not committed\n");
    fixture.unpack();
    let shown: Vec<String> = facts(&fixture, Wanted::Names, 1)
        .iter()
        .map(|facts| {
            let changes = facts.changes.as_ref().map(|changes| {
                let one =
                    changes.iter().map(|change| format!("{:?} {}", change.kind(), change.path));
                one.collect::<Vec<_>>().join(", ")
            });
            let changes = changes.unwrap_or_else(|| "not told".to_owned());
            format!("{} of {}: {changes}", facts.commit.subject, facts.parents.len())
        })
        .collect();
    let expected = [
        "one of 0: Added a, Added b",
        "two of 1: Added c",
        "three of 1: Deleted a, Added d",
        "merge of 2: not told",
    ];
    assert_eq!(shown, expected);
    let lines = ours(&facts(&fixture, Wanted::Lines, 1));
    assert!(lines.values().any(|rows| rows == &["0 0 a => d".to_owned()]), "{lines:?}");
}

#[test]
fn a_later_reading_takes_up_where_the_last_ended() {
    let fixture = Fixture::of(&generated(9, 80));
    let repository = Repository::open(fixture.root(), None).expect("it opens");
    let tip = repository.mainline().expect("a commit").tip;
    let all = repository.ancestry(tip).ids;
    let known = &all[..60];
    assert_eq!(repository.unknown(tip, |id| known.contains(id)).ids, &all[60..]);
    assert!(repository.unknown(tip, |_| true).ids.is_empty());
    // A reader that breaks gets no more, whatever the threads were at.
    let open = || Repository::open(fixture.root(), None);
    let how = Ingest { wanted: Wanted::Lines, threads: 2, known: &|_, _| None };
    let mut passed = 0;
    let stopped = ingest(open, &all, &how, |_| {
        passed += 1;
        if passed == 40 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((stopped, passed), (Ok(()), 40));
    let none = || Repository::open(&fixture.path("nowhere"), None);
    assert!(ingest(none, &all, &how, |_| ControlFlow::Continue(())).is_err());
}

#[test]
fn a_known_pair_is_not_counted_again() {
    let mut history = History::default();
    history.commit("main", "Ada", 9, "one", &[("a", "1\n")]);
    history.commit("main", "Ada", 8, "two", &[("a", "2\n")]);
    let fixture = Fixture::of(&history);
    let open = || Repository::open(fixture.root(), None);
    let repository = open().expect("it opens");
    let ids = repository.ancestry(repository.mainline().expect("a commit").tip).ids;
    let told = LineChange { added: 77, removed: 1 };
    let how = Ingest { wanted: Wanted::Lines, threads: 1, known: &|_, _| Some(told) };
    let mut last = None;
    let each = |facts: Result<CommitFacts, _>| {
        last = facts.ok().and_then(|facts| facts.changes?.first()?.lines);
        ControlFlow::Continue(())
    };
    ingest(open, &ids, &how, each).expect("it opens");
    assert_eq!(last, Some(told));
}

/// What one line has and another has not, as git says it, whatever the commits' dates say.
#[test]
fn divergence_equals_gits_where_dates_disagree_with_the_order() {
    let mut draw = Draw::new(11);
    let mut history = History::default();
    let mut marks: Vec<usize> = Vec::new();
    for number in 0..60 {
        let mut parents: Vec<usize> =
            (0..=draw.below(2)).filter_map(|_| draw.of(&marks).copied()).collect();
        parents.dedup();
        let days_ago = i64::try_from(draw.below(4)).expect("few");
        let (branch, message) = (format!("b{number}"), format!("change {number}"));
        marks.push(history.commit_from(&branch, "ann", days_ago, &message, &parents, &[]));
    }
    let fixture = Fixture::new();
    fixture.import(&history);
    let repository = Repository::open(fixture.root(), None).expect("it opens");
    let tip = |number: usize| fixture.git(&["rev-parse", &format!("b{number}")]);
    let id = |text: &str| gix::ObjectId::from_hex(text.as_bytes()).expect("an id");
    // Of a range git itself may tell too much where dates are in disorder.
    let all = |tip: &str| -> BTreeSet<String> {
        fixture.git(&["rev-list", tip]).lines().map(str::to_owned).collect()
    };
    for _ in 0..40 {
        let (one, other) = (tip(draw.below(60)), tip(draw.below(60)));
        let found = repository.divergence(id(&one), id(&other), 1_000);
        let ahead: BTreeSet<String> = found.ahead.iter().map(ToString::to_string).collect();
        let (own, others) = (all(&one), all(&other));
        assert_eq!(ahead, &own - &others, "{one} over {other}");
        assert_eq!(found.behind, (&others - &own).len(), "{one} under {other}");
        assert!(found.complete);
    }
}
