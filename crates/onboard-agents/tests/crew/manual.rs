//! The agents' pages: each rule's example is what its agent says of a planted project, every rule that
//! is told has its page, and the pages in `docs/agents` are as they would be written now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use expect_test::{ExpectFile, expect_file};
use onboard_agents::host::{Evidence, Finding};
use onboard_agents::manual::{self, Manual};

use super::fixture::{Fixture, History, NOW_MS};
use super::{
    PLAN, change, code_quality, forge_agent, patterns, performance, predictive, registry_agent,
    tools, workflow,
};
use super::{host, report, team, trouble, untested, untested_of_late};

const DAY_MS: i64 = 86_400_000;
/// Columns of an example: it is shown four further in, on eighty.
const WIDTH: usize = 76;

/// Compares the examples of a manual with what was told, the first finding of each rule.
fn check(manual: &Manual, told: &[Finding], expected: ExpectFile) {
    let mut text = String::new();
    for rule in manual.rules {
        let finding = told.iter().find(|finding| finding.rule == rule.id);
        let finding = finding.unwrap_or_else(|| panic!("no planted project shows {}", rule.id));
        text += &format!("=== {}\n{}\n", rule.id, example(finding));
    }
    expected.assert_eq(&text);
}

/// As a person sees it in the terminal.
fn example(finding: &Finding) -> String {
    let mut lines = wrapped(&format!("[{}] {}", finding.severity, finding.title), "");
    lines.extend(wrapped(&finding.detail, "  "));
    lines.extend(finding.evidence.iter().flat_map(|one| wrapped(&seen(one), "    ")));
    lines.extend(wrapped(&format!("→ {}", finding.action), "  "));
    lines.join("\n")
}

fn seen(evidence: &Evidence) -> String {
    let place = match (&evidence.path, evidence.line, &evidence.oid, evidence.value) {
        (Some(path), Some(line), ..) => format!("{path}:{line}"),
        (Some(path), None, ..) => path.clone(),
        (None, _, Some(oid), _) => oid.chars().take(10).collect(),
        (None, _, None, Some(value)) => format!("{}", (value * 100.0).round() / 100.0),
        (None, _, None, None) => String::new(),
    };
    format!("{place}  {}", evidence.text)
}

fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (at, word) in text.split(' ').enumerate() {
        let line = lines.last_mut().expect("one at least");
        let length = indent.chars().count() + line.chars().count() + word.chars().count();
        match at {
            0 => line.push_str(word),
            _ if length >= WIDTH => lines.push(word.to_owned()),
            _ => line.push_str(&format!(" {word}")),
        }
    }
    lines.into_iter().map(|line| format!("{indent}{line}").trim_end().to_owned()).collect()
}

#[test]
fn the_code_quality_optimizer_says_its_examples() {
    check(
        &onboard_agents::code_quality_optimizer::MANUAL,
        &code_quality::examples(),
        expect_file!["../../src/code_quality_optimizer/examples.txt"],
    );
}

#[test]
fn the_integration_of_tools_says_its_examples() {
    check(
        &onboard_agents::external_tool_integration::MANUAL,
        &[tools::examples(), registry_agent::examples(), forge_agent::examples()].concat(),
        expect_file!["../../src/external_tool_integration/examples.txt"],
    );
}

#[test]
fn pattern_learning_says_its_examples() {
    check(
        &onboard_agents::pattern_learning::MANUAL,
        &patterns::examples(),
        expect_file!["../../src/pattern_learning/examples.txt"],
    );
}

#[test]
fn the_performance_monitor_says_its_examples() {
    check(
        &onboard_agents::performance_monitor::MANUAL,
        &performance::examples(),
        expect_file!["../../src/performance_monitor/examples.txt"],
    );
}

#[test]
fn predictive_analytics_says_its_examples() {
    check(
        &onboard_agents::predictive_analytics::MANUAL,
        &predictive::examples(),
        expect_file!["../../src/predictive_analytics/examples.txt"],
    );
}

#[test]
fn the_workflow_optimizer_says_its_examples() {
    check(
        &onboard_agents::workflow_optimizer::MANUAL,
        &workflow::examples(),
        expect_file!["../../src/workflow_optimizer/examples.txt"],
    );
}

#[test]
fn the_check_of_a_change_says_its_examples() {
    check(
        &onboard_agents::change::MANUAL,
        &change::examples(),
        expect_file!["../../src/change/examples.txt"],
    );
}

/// What is said of a project within three days, five new findings a day.
fn days(fixture: &Fixture, now_ms: i64) -> Vec<Finding> {
    let mut host = host(fixture.root());
    for day in 0..3 {
        host.task.now_ms = now_ms + day * DAY_MS;
        report(&mut host);
    }
    host.findings
}

/// A plan alone, in a folder without git.
fn planned(plan: &str) -> Fixture {
    let fixture = Fixture::folder();
    fixture.write(".ai_onboard/plan.yaml", plan);
    fixture
}

/// Releases of which every other is patched within three days, by three people, without a build service.
fn mended() -> History {
    let mut history = History::default();
    for number in 0..60 {
        let who = ["ann", "bob", "cy"][number as usize % 3];
        let (path, text) = (format!("src/m{}.py", number % 9), format!("{number}\n"));
        let days_ago = 180 - 3 * number;
        let mark = history.commit("main", who, days_ago, "work", &[(&path, &text)]);
        match (number % 7, number / 7) {
            (3, minor) => history.tag(&format!("v1.{minor}.0"), mark),
            (4, minor) if minor % 2 == 1 => history.tag(&format!("v1.{minor}.1"), mark),
            _ => {}
        }
    }
    history
}

/// Work that was left lying on three branches.
fn forgotten() -> History {
    let mut history = team();
    for number in 0..3 {
        let (name, path) = (format!("idea{number}"), format!("core/idea{number}.py"));
        history.commit_from(&name, "bob", 120 + number, "idea", &[100], &[(&path, "x\n")]);
    }
    history
}

fn damaged() -> [Fixture; 3] {
    let [headless, lost, unborn] = [0; 3].map(|_| Fixture::of(&team()));
    std::fs::remove_file(headless.path(".git/HEAD")).expect("HEAD is there");
    lost.write(".git/refs/heads/lost", "1234567890123456789012345678901234567890\n");
    unborn.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
    [headless, lost, unborn]
}

#[test]
fn the_health_monitor_says_its_examples() {
    let late = Fixture::of(&team());
    late.write(".ai_onboard/plan.yaml", PLAN);
    let looped = Fixture::folder();
    std::fs::create_dir(looped.path(".ai_onboard")).expect("a folder");
    std::os::unix::fs::symlink("plan.yaml", looped.path(".ai_onboard/plan.yaml")).expect("a link");
    let mut fixtures = vec![
        Fixture::of(&trouble()),
        late,
        looped,
        planned("version: 1\nmilestones:\n  - id: a\n    owner: ann\n"),
        planned(
            "version: 1\nmilestones:\n  - id: a\n    depends_on: [b]\n  - id: b\n    depends_on: [a]\n",
        ),
        planned(
            "version: 1\nmilestones:\n  - id: a\n    due: 2027-02-01\n    depends_on: [b]\n  - id: b\n    due: 2027-03-01\n",
        ),
        Fixture::of(&untested()),
        Fixture::of(&untested_of_late()),
        Fixture::of(&mended()),
        Fixture::of(&forgotten()),
    ];
    fixtures.extend(damaged());
    let mut told: Vec<Finding> =
        fixtures.iter().flat_map(|fixture| days(fixture, NOW_MS)).collect();
    told.extend(days(&Fixture::of(&team()), NOW_MS + 200 * DAY_MS));
    check(
        &onboard_agents::project_health_monitor::MANUAL,
        &told,
        expect_file!["../../src/project_health_monitor/examples.txt"],
    );
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_pages_are_as_they_would_be_written_now() {
    let folder = workspace().join("docs/agents");
    let mut wanted = BTreeSet::new();
    for manual in manual::all() {
        let name = format!("{}.md", manual.name);
        let same = read(&folder.join(&name)) == manual::markdown(manual);
        assert!(same, "docs/agents/{name} is out of date: run `cargo xtask docs`");
        wanted.insert(name);
    }
    let entries = std::fs::read_dir(&folder).expect("the pages");
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let found: BTreeSet<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    assert_eq!(found, wanted, "a page is of no agent");
}

/// Texts in quotes below a folder that look like a rule's id or a topic: `a/b`, `a.b.c`.
fn quoted(folder: &Path, is_meant: &dyn Fn(&str) -> bool, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            quoted(&path, is_meant, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = read(&path);
            found.extend(text.split('"').filter(|text| is_meant(text)).map(str::to_owned));
        }
    }
}

#[test]
fn every_rule_that_the_sources_name_has_a_page() {
    let kinds: BTreeSet<&str> = manual::all()
        .flat_map(|manual| manual.rules)
        .filter_map(|rule| rule.id.split_once('/').map(|(kind, _)| kind))
        .collect();
    let is_rule = |text: &str| {
        text.split_once('/').is_some_and(|(kind, name)| {
            let plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            kinds.contains(kind) && !name.is_empty() && name.chars().all(plain)
        })
    };
    let mut named = BTreeSet::new();
    quoted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &is_rule, &mut named);
    assert!(named.len() > 40, "the sources name rules: {named:?}");
    let without: Vec<&String> = named.iter().filter(|id| manual::rule(id).is_none()).collect();
    assert_eq!(without, Vec::<&String>::new(), "rules without a page");
}

#[test]
fn a_rule_is_described_in_full() {
    for manual in manual::all() {
        for rule in manual.rules {
            let id = rule.id;
            let texts = [rule.says, rule.why, rule.silence];
            assert!(texts.iter().all(|text| text.ends_with('.')), "{id}: whole sentences");
            assert!(manual.example(id).is_some_and(|example| !example.is_empty()), "{id}");
            assert!(!rule.when.is_empty(), "{id} says when");
            for bound in rule.when {
                assert!(!bound.source.is_empty(), "{id}: where does `{}` come from?", bound.text);
                assert_eq!(
                    bound.text.contains("{}"),
                    bound.value.is_some(),
                    "{id}: {}",
                    bound.text
                );
            }
        }
    }
}

/// What others' webhooks are told by; no agent publishes it.
const FROM_OUTSIDE: &str = onboard_domain::hook::TOPIC;

/// What wakes an agent is published by one, or comes from outside, and the picture names what there is.
#[test]
fn the_picture_of_the_crew_shows_its_topics() {
    let text = read(&workspace().join("docs/agents.md"));
    let begin = text.find("```\n").expect("a picture") + 4;
    let picture = &text[begin..begin + text[begin..].find("```").expect("its end")];
    let own = manual::all().flat_map(|one| one.publishes).map(|(topic, _)| *topic);
    let topics: BTreeSet<&str> = own.chain([FROM_OUTSIDE]).collect();
    for manual in manual::all() {
        let manifest = manual.manifest.unwrap_or_default();
        for topic in manual::wakes_on(manifest) {
            assert!(topics.contains(topic.as_str()), "nobody publishes {topic}");
        }
    }
    let is_topic = |word: &&str| {
        (word.split('.').count() == 3 || *word == FROM_OUTSIDE)
            && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '.')
    };
    let drawn: BTreeSet<&str> = picture.split_whitespace().filter(is_topic).collect();
    let woken: BTreeSet<String> = manual::all()
        .flat_map(|manual| manual::wakes_on(manual.manifest.unwrap_or_default()))
        .collect();
    assert!(drawn.is_subset(&topics), "drawn and not published: {drawn:?}");
    let missing: Vec<&String> =
        woken.iter().filter(|topic| !drawn.contains(topic.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new(), "agents wake on these, and the picture lacks them");
    let shared: BTreeSet<&str> =
        manual::all().flat_map(|one| one.shares).map(|(name, _)| *name).collect();
    let drawn: BTreeSet<&str> = picture.split('"').skip(1).step_by(2).collect();
    assert_eq!(drawn, shared, "shared values");
    let table = manual::topics();
    assert!(text.contains(&table), "the table is out of date: run `cargo xtask docs`\n{table}");
}
