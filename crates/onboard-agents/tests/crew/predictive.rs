//! Predictive analytics on real repositories, through time.

use expect_test::{Expect, expect};
use onboard_agents::host::{Finding, Host};
use onboard_agents::predictive_analytics::run;
use serde_json::Value;

use super::fixture::{Fixture, History, NOW_MS};
use super::readers::{Reader, told};

const DAY_MS: i64 = 86_400_000;

fn check(reader: &mut Reader, expected: Expect) {
    expected.assert_eq(&reader.judge(run));
}

/// Two to four commits a week from one day to another, both ago; a release every fourth Monday.
fn steady(history: &mut History, from: i64, to: i64) {
    for days_ago in (to..=from).rev() {
        let number = 1_000 - days_ago;
        let lands = days_ago % 7 < 2 + (days_ago / 7) % 3;
        if lands {
            let (path, text) = (format!("src/m{}.rs", number % 5), format!("// {number}\n"));
            let who = if number % 3 == 0 { "bob" } else { "ann" };
            let mark =
                history.commit("main", who, days_ago, &format!("more {number}"), &[(&path, &text)]);
            if days_ago % 28 == 0 {
                history.tag(&format!("v1.{}.0", number / 28), mark);
            }
        }
    }
}

fn forecasts(reader: &Reader) -> &Value {
    &reader.agent.state["forecasts"]
}

#[test]
fn a_rhythm_is_forecast_and_nothing_is_wrong_with_it() {
    let mut history = History::default();
    steady(&mut history, 900, 3);
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    check(
        &mut reader,
        expect![
            "nothing to report: 11 to 13 commits in 4 weeks; 33 to 38 commits in 12 weeks; next release 2026-11-23 to 2026-11-27, by 2026-11-26 with 85 %; 80 % intervals held 100 % of 156 replayed forecasts; nothing new"
        ],
    );
    let state = forecasts(&reader);
    let shown = [&state["expected"], &state["release"], &state["risk"]].map(Value::to_string);
    expect![[r#"
        [{"high":13.0,"low":11.0,"middle":12.0,"of":"commits in 4 weeks"},{"high":13.0,"low":11.0,"middle":12.0,"of":"person-days in 4 weeks"},{"high":38.0,"low":33.0,"middle":35.0,"of":"commits in 12 weeks"},{"high":38.0,"low":33.0,"middle":35.0,"of":"person-days in 12 weeks"}]
        {"high":"2026-11-27","last":"v1.34.0","low":"2026-11-23","middle":"2026-11-23","with_85_percent":"2026-11-26"}
        {"auc":0.68,"base":0.16,"fixed":0,"newest":[{"chance":0.0,"commit":"24e0081b2a693424329c41570d0fca3ab6140de9"}],"riskiest_fixed_share":0.4,"settled":373,"tried_on_other_projects":10,"warns":true}"#]].assert_eq(&shown.join("\n"));
    // The same day again: nothing is forecast twice.
    let open = state["open_forecasts"].clone();
    check(
        &mut reader,
        expect![
            "nothing to report: 11 to 13 commits in 4 weeks; 33 to 38 commits in 12 weeks; next release 2026-11-23 to 2026-11-27, by 2026-11-26 with 85 %; 80 % intervals held 100 % of 156 replayed forecasts; nothing new"
        ],
    );
    assert_eq!(forecasts(&reader)["open_forecasts"], open);
}

#[test]
fn forecasts_are_checked_when_their_time_has_come() {
    let mut history = History::default();
    steady(&mut history, 400, 60);
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    reader.agent.task.now_ms = NOW_MS - 60 * DAY_MS;
    reader.index();
    let before = reader.judge(run);
    // A week later nothing is known yet; then the project goes on as before.
    reader.agent.task.now_ms = NOW_MS - 53 * DAY_MS;
    let open = reader.judge(run);
    let mut more = History::default();
    more.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
    steady(&mut more, 59, 1);
    fixture.import(&more);
    reader.agent.task.now_ms = NOW_MS;
    reader.index();
    let after = reader.judge(run);
    expect![[r#"
        nothing to report: 11 to 13 commits in 4 weeks; 33 to 38 commits in 12 weeks; next release 2026-09-26 to 2026-09-30, by 2026-09-30 with 85 %; 80 % intervals held 100 % of 8 replayed forecasts; nothing new
        nothing to report: 10 to 13 commits in 4 weeks; 32 to 38 commits in 12 weeks; next release 2026-10-01 to 2026-10-05, by 2026-10-05 with 85 %; 80 % intervals held 100 % of 8 replayed forecasts; nothing new
        nothing to report: 10 to 13 commits in 4 weeks; 33 to 38 commits in 12 weeks; next release 2026-11-23 to 2026-11-28, by 2026-11-27 with 85 %; 80 % intervals held 100 % of 7 forecasts and 10 replayed ones; nothing new"#]].assert_eq(&[before, open, after].join("\n"));
    let record: Vec<&Value> = forecasts(&reader)["track_record"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|record| record["made"] != 0)
        .collect();
    expect![[r#"[{"held":2,"kind":"commits in 4 weeks","made":2,"replayed":1,"replayed_held":1},{"brier":0.00004202910931964275,"kind":"fixes of commits","made":2,"replayed":0},{"held":2,"kind":"fixes of what is not released","made":2,"replayed":0},{"held":1,"kind":"next release","made":1,"replayed":8,"replayed_held":8},{"held":2,"kind":"person-days in 4 weeks","made":2,"replayed":1,"replayed_held":1}]"#]].assert_eq(&format!("{}", serde_json::json!(record)));
}

/// Sixty commits in two months, half of them fixes, and a large one that says it is a fix: too young a
/// past for a model of its own.
fn young() -> History {
    let mut history = History::default();
    for number in 0..60 {
        let days_ago = 62 - number;
        let (path, text) = (format!("src/m{}.rs", number % 4), format!("// {number}\n"));
        let subject =
            if number % 2 == 0 { format!("fix {number}") } else { format!("add {number}") };
        history.commit("main", "ann", days_ago, &subject, &[(&path, &text)]);
    }
    let large = "let x = 1;\n".repeat(300);
    let paths: Vec<String> = (0..4).map(|number| format!("src/m{number}.rs")).collect();
    let files: Vec<(&str, &str)> =
        paths.iter().map(|path| (path.as_str(), large.as_str())).collect();
    history.commit("main", "bob", 1, "fix all of it", &files);
    history
}

#[test]
fn a_young_project_is_judged_by_what_others_showed() {
    let fixture = Fixture::of(&young());
    let mut reader = Reader::of(fixture.root());
    reader.index();
    check(
        &mut reader,
        expect![[r#"
        succeeded: too little history for a forecast; 2 new
        [low] forecast/risky-commit of 3b0d439f3cc3a0b4ca24be79f9bdc05856a05d36
          3b0d439f3c will need a fix, with 89 % chance: fix all of it
          A fix within 30 days that changes what it changed, before anything else does. This project's past is too short to try it on: 16 of 32 commits were followed by such a fix. Tried on each of 10 other projects with what the rest taught: of commits rated as high 40 % were followed by one, of all 16 %. This will be checked by 2026-12-22.
          do: Let somebody else read it now, beginning with src/m3.rs.
          - Commit: fix all of it
          - Commit: earlier fixes of the files: 27, usually 0
          - Commit: lines added: 1200, usually 1
          - Commit: files changed: 4, usually 1
          - Number 89: per cent: the chance of a fix
          - Number 16: per cent of all commits
        [low] forecast/risky-commit of d812818b47a0dcc633e05c48870fba14005af6c1
          d812818b47 will need a fix, with 78 % chance: fix 58
          A fix within 30 days that changes what it changed, before anything else does. This project's past is too short to try it on: 16 of 32 commits were followed by such a fix. Tried on each of 10 other projects with what the rest taught: of commits rated as high 40 % were followed by one, of all 16 %. This will be checked by 2026-12-19.
          do: Let somebody else read it now, beginning with src/m2.rs.
          - Commit: fix 58
          - Commit: earlier fixes of the files: 12, usually 0
          - Number 78: per cent: the chance of a fix
          - Number 16: per cent of all commits"#]],
    );
}

/// Three of nine tasks in two months, and six in two weeks to go.
const PLAN: &str = "version: 1
milestones:
  - id: beta
    title: The beta
    start: 2026-09-20
    due: 2026-12-07
    tasks:
      - {id: a, state: done}
      - {id: b, state: done}
      - {id: c, state: done}
      - {id: d, state: doing}
      - {id: e}
      - {id: f}
      - {id: g}
      - {id: h}
      - {id: i}
  - id: next
    title: What comes then
    start: 2026-11-01
    due: 2027-03-01
    tasks: [{id: j}]
  - id: easy
    title: Nearly there
    start: 2026-09-20
    due: 2027-01-20
    tasks:
      - {id: k, state: done}
      - {id: l, state: done}
      - {id: m, state: done}
      - {id: n}
";

#[test]
fn a_milestone_that_hardly_any_simulation_reaches_is_said() {
    let mut history = History::default();
    steady(&mut history, 500, 2);
    let fixture = Fixture::of(&history);
    fixture.write(".ai_onboard/plan.yaml", PLAN);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    check(
        &mut reader,
        expect![[r#"
        succeeded: 10 to 13 commits in 4 weeks; 34 to 38 commits in 12 weeks; next release 2026-11-23 to 2026-11-27, by 2026-11-26 with 85 %; 80 % intervals held 100 % of 39 replayed forecasts; 1 new
        [medium] forecast/milestone-late of beta
          Milestone beta ends by 2026-12-07 in 0 of 100 simulations
          3 of 9 tasks were done with 27 commits since 2026-09-20. At that pace, which differs from week to week as it did before, the rest ends between 2027-02-08 and 2027-11-08 (80 %). This will be checked on 2026-12-07.
          do: Move 5 of its 6 open tasks to a later milestone, or its date to 2027-09-06.
          - File: due 2026-12-07
          - Number 6: tasks open
          - Number 0: per cent of the simulations end by then"#]],
    );
    expect![[r#"[{"chance":0.0,"due":"2026-12-07","ends":[{"by":"2027-02-08","share":0.1},{"by":"2027-04-19","share":0.5},{"by":"2027-09-06","share":0.85},{"by":"2027-11-08","share":0.9}],"id":"beta"},{"chance":0.89,"due":"2027-01-20","ends":[{"by":"2026-12-07","share":0.1},{"by":"2026-12-21","share":0.5},{"by":"2027-01-11","share":0.85},{"by":"2027-01-25","share":0.9}],"id":"easy"},{"id":"next","not_forecast":"fewer than three of its tasks are done"}]"#]].assert_eq(&forecasts(&reader)["milestones"].to_string());
    // The date was moved: the forecast of the old one is void, and the finding is gone.
    fixture.write(".ai_onboard/plan.yaml", &PLAN.replace("2026-12-07", "2027-07-07"));
    check(
        &mut reader,
        expect![
            "succeeded: 10 to 13 commits in 4 weeks; 34 to 38 commits in 12 weeks; next release 2026-11-23 to 2026-11-27, by 2026-11-26 with 85 %; 80 % intervals held 100 % of 39 replayed forecasts; 1 resolved"
        ],
    );
    assert_eq!(forecasts(&reader)["void_forecasts"], 1);
    expect!["forecast/milestone-late of beta: Void"].assert_eq(&reader.agent.settled.join("\n"));
}

#[test]
fn of_many_milestones_the_next_ones_are_forecast_and_the_rest_is_counted() {
    let mut history = History::default();
    steady(&mut history, 200, 2);
    let fixture = Fixture::of(&history);
    let milestone = |number: usize| {
        format!(
            "  - {{id: m{number}, title: M, due: 2027-01-{number:02}, tasks: [{{id: t{number}}}]}}\n"
        )
    };
    let plan: String = (1..=13).map(milestone).collect();
    fixture.write(".ai_onboard/plan.yaml", &format!("version: 1\nmilestones:\n{plan}"));
    let mut reader = Reader::of(fixture.root());
    reader.index();
    reader.judge(run);
    let state = forecasts(&reader);
    assert_eq!(state["milestones"].as_array().map(Vec::len), Some(10));
    assert_eq!(state["milestones_left_out"], 3);
}

/// Some lines that differ from all others.
fn lines(number: i64, count: i64) -> String {
    (0..count).map(|line| format!("let x{number}_{line} = {line};\n")).collect()
}

/// Every fifth change is large, and two days later fixed; the others are small, and are not. With
/// releases every four weeks, where they are asked for.
fn past(history: &mut History, with_fixes: bool, with_releases: bool) {
    for number in 0..720 {
        let days_ago = 1_085 - number * 3 / 2;
        let path = format!("src/m{}.rs", number % 7);
        let is_large = number % 5 == 0;
        let text = lines(number, if is_large { 150 + number % 40 } else { 3 + number % 4 });
        let who = if number % 2 == 0 { "ann" } else { "bob" };
        let subject = format!("change {number}");
        let mut mark = history.commit("main", who, days_ago, &subject, &[(&path, &text)]);
        if is_large && number % 25 != 0 && with_fixes {
            let text = lines(number, 148);
            let subject = format!("fix: what {number} broke");
            mark = history.commit("main", who, days_ago - 2, &subject, &[(&path, &text)]);
        }
        if with_releases && number % 19 == 0 {
            history.tag(&format!("v1.{}.0", number / 19), mark);
        }
    }
}

/// More large changes than before any release, and the next one is due.
fn crowded() -> History {
    let mut history = History::default();
    past(&mut history, true, true);
    for number in 0..14 {
        let (path, text) = (format!("src/n{number}.rs"), lines(2_000 + number, 170));
        let days_ago = 3 - number / 5;
        history.commit("main", "ann", days_ago, &format!("rework {number}"), &[(&path, &text)]);
    }
    history
}

fn troubled(with_fixes: bool) -> History {
    let mut history = History::default();
    past(&mut history, with_fixes, false);
    history.commit("main", "ann", 1, "rework all", &[("src/m3.rs", &lines(999, 190))]);
    history.commit("main", "ann", 1, "touch up", &[("src/m4.rs", &lines(998, 4))]);
    history
}

/// Of projects in which each rule has something to say.
pub fn examples() -> Vec<Finding> {
    let mut history = History::default();
    steady(&mut history, 500, 2);
    let fixture = Fixture::of(&history);
    fixture.write(".ai_onboard/plan.yaml", PLAN);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    reader.judge(run);
    [reader.agent.findings, told(&[troubled(true), crowded()], run)].concat()
}

#[test]
fn a_commit_like_those_that_were_fixed_is_said() {
    let fixture = Fixture::of(&troubled(true));
    let mut reader = Reader::of(fixture.root());
    reader.index();
    check(
        &mut reader,
        expect![[r#"
            succeeded: 20 to 22 commits in 4 weeks; 61 to 67 commits in 12 weeks; 80 % intervals held 95 % of 192 replayed forecasts; 1 new
            [low] forecast/risky-commit of aa3eb5a4121c689838edebd4fa9131899feb7c77
              aa3eb5a412 will need a fix, with 69 % chance: rework all
              A fix within 30 days that changes what it changed, before anything else does. Tried on 244 commits of this project that it had not seen: of 42 rated as high 33 were followed by such a fix, of all 14 %. This will be checked by 2026-12-22.
              do: Let somebody else read it now, beginning with src/m3.rs.
              - Commit: rework all
              - Commit: lines added: 190, usually 5
              - Number 69: per cent: the chance of a fix
              - Number 14: per cent of all commits"#]],
    );
    expect![[r#"{"auc":0.97,"base":0.14,"brier":0.04,"brier_of_base":0.12,"newest":[{"chance":0.69,"commit":"aa3eb5a4121c689838edebd4fa9131899feb7c77"},{"chance":0.06,"commit":"8d0e524ef38edca1ad74d1a7662462804bafd4dc"},{"chance":0.04,"commit":"1423f2808691f78018343ee852fce0607caf3a20"}],"riskiest":{"fixed":33,"of":42},"tried_on":244,"warns":true}"#]].assert_eq(&forecasts(&reader)["risk"].to_string());
    // It was fixed: what was said is over, and was right.
    let mut fix = History::default();
    fix.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
    fix.commit("main", "bob", 0, "fix the rework", &[("src/m3.rs", &lines(999, 180))]);
    fixture.import(&fix);
    reader.index();
    reader.agent.task.now_ms += DAY_MS;
    check(
        &mut reader,
        expect![
            "succeeded: 20 to 22 commits in 4 weeks; 62 to 67 commits in 12 weeks; 80 % intervals held 95 % of 192 replayed forecasts; 1 resolved"
        ],
    );
    let record = forecasts(&reader)["track_record"].as_array().expect("a list");
    let fixes = record.iter().find(|record| record["kind"] == "fixes of commits");
    // What the finding expected came, and the host is told when.
    expect!["forecast/risky-commit of aa3eb5a4121c689838edebd4fa9131899feb7c77: Came { at: Some(Time(1795435201000)) }"].assert_eq(&reader.agent.settled.join("\n"));
    expect![[r#"{"brier":0.09660810091686711,"kind":"fixes of commits","made":1,"replayed":0}"#]]
        .assert_eq(&fixes.expect("it was checked").to_string());
}

/// What was said of a commit stands while commits that are riskier come, until its 30 days are over.
#[test]
fn what_is_said_of_a_commit_stands_for_thirty_days() {
    let fixture = Fixture::of(&troubled(true));
    let mut reader = Reader::of(fixture.root());
    reader.index();
    let head = |text: String| {
        let lines = text.lines().filter(|line| !line.starts_with("   ") && !line.contains("do: "));
        let lines = lines.map(|line| line.rsplit("; ").next().unwrap_or(line).to_owned());
        lines.filter(|line| !line.contains("  - ")).collect::<Vec<_>>().join("\n")
    };
    let mut said = vec![head(reader.judge(run))];
    for days in [3, 8, 20, 29, 30] {
        // More of the same, so that the project does not rest.
        let mut more = History::default();
        more.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
        let path = format!("src/n{days}.rs");
        more.commit("main", "bob", -days, "small", &[(&path, &lines(2_000 + days, 3))]);
        fixture.import(&more);
        reader.index.task.now_ms = NOW_MS + days * DAY_MS;
        reader.agent.task.now_ms = NOW_MS + days * DAY_MS;
        reader.index();
        said.push(format!("after {days} days: {}", head(reader.judge(run))));
    }
    expect![[r#"
        1 new
        [low] forecast/risky-commit of aa3eb5a4121c689838edebd4fa9131899feb7c77
          aa3eb5a412 will need a fix, with 69 % chance: rework all
          A fix within 30 days that changes what it changed, before anything else does. Tried on 244 commits of this project that it had not seen: of 42 rated as high 33 were followed by such a fix, of all 14 %. This will be checked by 2026-12-22.
        after 3 days: nothing new
        after 8 days: nothing new
        after 20 days: nothing new
        after 29 days: nothing new
        after 30 days: 1 resolved"#]].assert_eq(&said.join("\n"));
}

/// Days without a fix make one less likely; what is said is the chance of what is left.
#[test]
fn the_chance_of_a_fix_decays() {
    let fixture = Fixture::of(&troubled(true));
    let mut reader = Reader::of(fixture.root());
    reader.index();
    // All fixes came two days after; the commit is three days old.
    reader.agent.task.now_ms = NOW_MS + 2 * DAY_MS;
    check(
        &mut reader,
        expect![
            "nothing to report: 19 to 23 commits in 4 weeks; 60 to 66 commits in 12 weeks; 80 % intervals held 98 % of 192 replayed forecasts; nothing new"
        ],
    );
}

/// A clock that is years ahead neither makes a release of today nor closes what is open.
#[test]
fn what_is_dated_in_the_future_is_no_news_forever() {
    let mut history = History::default();
    steady(&mut history, 900, 31);
    let mark = history.commit("main", "ann", -4_000, "broken clock", &[("src/c.rs", "// c\n")]);
    history.tag("v1.35.0", mark);
    for days_ago in (1..30).rev().filter(|day| day % 3 == 0) {
        let text = format!("// {days_ago}\n");
        history.commit("main", "ann", days_ago, "on", &[("src/d.rs", &text)]);
    }
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    let first = reader.judge(run);
    let release = forecasts(&reader)["release"].to_string();
    let record = forecasts(&reader)["track_record"].as_array().expect("a list").clone();
    let made = record.iter().filter_map(|record| record["made"].as_u64()).sum::<u64>();
    assert_eq!(made, 0, "nothing is known yet of what was forecast a moment ago");
    expect![[r#"
        nothing to report: 10 to 13 commits in 4 weeks; 32 to 38 commits in 12 weeks; next release 2026-11-23 to 2026-11-27, by 2026-11-26 with 85 %; 80 % intervals held 96 % of 156 replayed forecasts; nothing new
        {"high":"2026-11-27","last":"v1.35.0","low":"2026-11-23","middle":"2026-11-24","with_85_percent":"2026-11-26"}"#]].assert_eq(&[first, release].join("\n"));
}

#[test]
fn without_labels_no_commit_is_judged() {
    let fixture = Fixture::of(&troubled(false));
    let mut reader = Reader::of(fixture.root());
    reader.index();
    check(
        &mut reader,
        expect![
            "nothing to report: 17 to 18 commits in 4 weeks; 54 to 57 commits in 12 weeks; 80 % intervals held 98 % of 192 replayed forecasts; nothing new"
        ],
    );
    expect![[r#"{"auc":0.68,"base":0.16,"fixed":0,"newest":[{"chance":0.0,"commit":"e835e1b322731a0549869f5c8b9f6151a1cb57b1"},{"chance":0.0,"commit":"7c20030425a407df01898f27317c9588018da5d5"},{"chance":0.0,"commit":"949f8ae632626e17f63057c69eec8432d687ce4f"}],"riskiest_fixed_share":0.4,"settled":704,"tried_on_other_projects":10,"warns":true}"#]].assert_eq(&forecasts(&reader)["risk"].to_string());
}

#[test]
fn where_there_is_nothing_to_go_by() {
    let fixture = Fixture::new();
    let mut reader = Reader::of(fixture.root());
    reader.agent.task.facts.clear();
    check(&mut reader, expect!["nothing to report: the project has not been indexed yet"]);
    let mut history = History::default();
    history.commit("main", "ann", 3, "begin", &[("src/a.rs", "// a\n")]);
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    check(
        &mut reader,
        expect!["nothing to report: too little history for a forecast; nothing new"],
    );
    // A project that rests, or a clone that nobody keeps up.
    let mut history = History::default();
    steady(&mut history, 900, 200);
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    check(
        &mut reader,
        expect![
            "nothing to report: nothing landed for 202 days, longer than in the two years before: no forecast; nothing new"
        ],
    );
    assert_eq!(forecasts(&reader)["silent_days"], 202);
}

#[test]
fn a_replay_that_was_cut_short_is_gone_on_with() {
    let mut history = History::default();
    steady(&mut history, 500, 3);
    let fixture = Fixture::of(&history);
    let mut whole = Reader::of(fixture.root());
    whole.index();
    whole.judge(run);
    for saves in [0, 2, 5] {
        let mut reader = Reader::of(fixture.root());
        reader.index();
        reader.agent.saves_left = Some(saves);
        assert!(
            run(&mut reader.agent).is_err(),
            "{saves} checkpoints are not enough for all of it"
        );
        reader.agent.saves_left = None;
        reader.judge(run);
        assert_eq!(reader.agent.checkpoints, whole.agent.checkpoints, "after {saves}");
    }
    // What can't be used is as good as none, and said.
    whole.agent.save_checkpoint("forecasts", "{").expect("kept");
    whole.judge(run);
    expect!["Warning: checkpoint forecasts is unusable (EOF while parsing an object at line 1 column 1); starting anew"]
        .assert_eq(&whole.agent.log.join("\n"));
}

#[test]
fn a_tag_alone_is_news_to_the_index() {
    let mut history = History::default();
    history.commit("main", "ann", 3, "begin", &[("src/a.rs", "// a\n")]);
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    reader.index();
    assert_eq!(reader.index.events.len(), 1);
    fixture.git(&["tag", "v1.0.0"]);
    reader.index();
    assert_eq!(reader.index.events.len(), 2);
    let index: Value = serde_json::from_str(&reader.index.checkpoints["index"]).expect("JSON");
    expect![[
        r#"[{"at":1795176001,"commit":"ec4a0554f24e19152c8207559810e6e9427d60bf","name":"v1.0.0"}]"#
    ]]
    .assert_eq(&index["tags"].to_string());
}
