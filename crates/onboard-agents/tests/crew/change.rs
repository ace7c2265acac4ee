//! One change, judged at the bounds and against what people said before.

use expect_test::{Expect, expect};
use onboard_agents::change::{Crew, Judged, judge, learn, read};
use onboard_agents::git::Repository;
use onboard_agents::host::Finding;
use onboard_analysis::facts::Index;

use super::fixture::{Fixture, History, NOW_MS};

/// What is said, and what is not judged; with an index that ends at a revision where one is named.
fn judged(fixture: &Fixture, indexed: Option<&str>, crew: &Crew) -> Judged {
    let repository = Repository::open(fixture.root(), None).expect("it opens");
    let change = read(fixture.root(), &repository, Some("main")).expect("a change");
    let index = indexed.map(|tip| {
        let tip = fixture.git(&["rev-parse", tip]);
        (Index { tip, ..Index::default() }, Vec::new())
    });
    let learned =
        learn(fixture.root(), &repository, &change, index, &mut |_, _| {}).expect("it opens");
    let mut judged = judge(&repository, &change, &learned, crew, NOW_MS);
    judged.not_judged.push(format!("{:?}, {} commits", learned.origin, learned.first_new));
    judged.not_judged.extend(learned.limits);
    judged
}

fn check(judged: &Judged, expected: Expect) {
    let findings = judged.findings.iter().map(|one| format!("{}: {}", one.rule, one.title));
    let not = judged.not_judged.iter().map(|what| format!("not: {what}"));
    expected.assert_eq(&findings.chain(not).collect::<Vec<_>>().join("\n"));
}

fn nested(name: &str) -> String {
    let open: String = (0..8).map(|level| format!("if x > {level} {{ ")).collect();
    format!("fn {name}(x: u32) {{\n    {open}{}\n}}\n", " }".repeat(8))
}

#[test]
fn the_bounds_are_said() {
    let mut history = History::default();
    let mut mark = 0;
    for number in 0..2_001 {
        let text = format!("// {number}\n");
        mark = history.commit("main", "ann", 30, "work", &[("src/a.rs", &text)]);
    }
    let names: Vec<String> = (0..101).map(|number| format!("src/n{number}.rs")).collect();
    let files: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "fn f() {}\n")).collect();
    mark = history.commit_from("topic", "ann", 2, "many files", &[mark], &files);
    for number in 0..300 {
        let text = format!("{number}\n");
        mark = history.commit_from("topic", "ann", 1, "more", &[mark], &[("notes.md", &text)]);
    }
    let fixture = Fixture::new();
    fixture.import(&history);
    fixture.git(&["checkout", "-q", "topic"]);
    check(
        &judged(&fixture, None, &Crew::default()),
        expect![[r#"
            not: the oldest 1 of the change's 301 commits
            not: what usually changes together: too little of it yet to be tried; changes of few files so far: 2000
            not: complexity: of the last 1 of 101 code files
            not: Repository, 2000 commits
            not: only the newest 2000 commits were read"#]],
    );
    check(
        &judged(&fixture, Some("main~501"), &Crew::default()),
        expect![[r#"
            not: the oldest 1 of the change's 301 commits
            not: what usually changes together: too little of it yet to be tried; changes of few files so far: 500
            not: complexity: of the last 1 of 101 code files
            not: Index, 500 commits
            not: the index is 501 commits behind"#]],
    );
    check(
        &judged(&fixture, Some("main~500"), &Crew::default()),
        expect![[r#"
            not: the oldest 1 of the change's 301 commits
            not: what usually changes together: too little of it yet to be tried; changes of few files so far: 500
            not: complexity: of the last 1 of 101 code files
            not: Index, 500 commits"#]],
    );
    // The index may be of a later commit, or of the change itself.
    check(
        &judged(&fixture, Some("topic"), &Crew::default()),
        expect![[r#"
            not: the oldest 1 of the change's 301 commits
            not: what usually changes together: too little of it yet to be tried; changes of few files so far: 0
            not: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
            not: complexity: of the last 1 of 101 code files
            not: Index, 0 commits"#]],
    );
}

/// A change that makes a function hard to follow.
fn hard() -> Fixture {
    let mut history = History::default();
    let begin = history.commit("main", "ann", 9, "begin", &[("src/a.rs", "fn f() {}\n")]);
    let hard = nested("hard");
    history.commit_from("topic", "ann", 1, "hard", &[begin], &[("src/a.rs", &hard)]);
    let fixture = Fixture::new();
    fixture.import(&history);
    fixture.git(&["checkout", "-q", "topic"]);
    fixture
}

/// Of a change of which the command's own rule has something to say.
pub fn examples() -> Vec<Finding> {
    judged(&hard(), None, &Crew::default()).findings
}

#[test]
fn what_people_said_holds() {
    let fixture = hard();
    let said = judged(&fixture, None, &Crew::default()).findings;
    let [only] = &said[..] else { panic!("one: {said:?}") };
    assert_eq!((only.rule.as_str(), only.target.as_str()), ("change/complexity", "src/a.rs: hard"));
    let muted = Crew { muted: [only.rule.clone()].into(), ..Crew::default() };
    assert_eq!(judged(&fixture, None, &muted).findings, []);
    let answered = Crew { answered: [only.fingerprint.0.clone()].into(), ..Crew::default() };
    assert_eq!(judged(&fixture, None, &answered).findings, []);
}
