//! The workflow optimizer on real repositories.

use expect_test::{Expect, expect};
use onboard_agents::external_tool_integration;
use onboard_agents::host::Finding;
use onboard_agents::requests::{Merged, Request, SHARED_AS, Shared};
use onboard_agents::workflow_optimizer::{self, run, run_with_stride};
use onboard_analysis::draw::Draw;

use super::fixture::{Fixture, History, NOW_MS};
use super::readers::{Reader, told};

/// Runs the index and the optimizer; what that says.
fn check(history: &History, expected: Expect) {
    let fixture = Fixture::of(history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    expected.assert_eq(&reader.judge(run));
}

/// Branches by `bob` and others, merged by `ann`, on a main line with a release a month.
#[derive(Default)]
struct Team {
    history: History,
    main: usize,
    branches: usize,
}

/// A piece of work: who, where, and how many days ago it began, was finished, and was merged.
struct Work<'a> {
    who: &'a str,
    folder: &'a str,
    merger: &'a str,
    days: [i64; 3],
}

/// A number in letters: a message that differs by numbers alone is another rule's.
fn letters(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit + b'k' - b'0')).collect()
}

impl Team {
    fn new() -> Self {
        let mut team = Self::default();
        let files = [
            ("core/a.rs", "fn a() {}\n"),
            ("web/b.rs", "fn b() {}\n"),
            ("net/c.rs", "fn c() {}\n"),
        ];
        team.main = team.history.commit("main", "ann", 364, "begin", &files);
        team
    }

    /// Commits a branch and, where it was, merges it.
    fn work(&mut self, work: &Work<'_>) {
        self.branches += 1;
        let (number, [begun, finished, merged]) = (self.branches, work.days);
        let name = format!("work-{number}");
        let path = format!("{}/part{}.rs", work.folder, number % 5);
        let text = |step: usize| format!("fn part() -> usize {{ {number} * {step} }}\n");
        let first = format!("begin {}", letters(number));
        let first = self.history.commit_from(
            &name,
            work.who,
            begun,
            &first,
            &[self.main],
            &[(path.as_str(), &text(1))],
        );
        let last = format!("finish {}", letters(number));
        let last = self.history.commit_from(
            &name,
            work.who,
            finished,
            &last,
            &[first],
            &[(path.as_str(), &text(2))],
        );
        if merged >= 0 {
            let subject = format!("Merge branch '{name}'");
            let parents = [self.main, last];
            self.main = self.history.commit_from(
                "main",
                work.merger,
                merged,
                &subject,
                &parents,
                &[(path.as_str(), &text(2))],
            );
        }
    }

    /// A branch every five days, each merged after as many days as `wait` says, or one more.
    fn year(&mut self, wait: impl Fn(i64) -> i64) {
        for number in 0..68 {
            let finished = 350 - number * 5;
            let merged = finished - wait(finished) - number % 2;
            let folder = if number % 2 == 0 { "core" } else { "web" };
            if merged >= 1 {
                self.work(&Work {
                    who: "bob",
                    folder,
                    merger: "ann",
                    days: [finished + 2, finished, merged],
                });
            }
            if number % 6 == 5 {
                self.history.tag(&format!("v1.{}.0", number / 6), self.main);
            }
        }
    }
}

/// Of projects in which each rule has something to say.
pub fn examples() -> Vec<Finding> {
    let year = |wait: fn(i64) -> i64| {
        let mut team = Team::new();
        team.year(wait);
        team
    };
    let mut open = year(|_| 1);
    open.work(&Work { who: "cy", folder: "net", merger: "", days: [40, 30, -1] });
    let slower = year(|days_ago| if days_ago > 85 { 1 } else { 6 });
    let histories = [slower.history, year(|_| 9).history, open.history, one_merger(), repeated()];
    let mut findings = told(&histories, run);
    let mut reader = asked(&squashed());
    reader.0.judge(run);
    findings.append(&mut reader.0.agent.findings);
    findings
}

/// A project whose pull requests are squashed.
fn squashed() -> History {
    let mut history = History::default();
    for day in 0..60 {
        let text = format!("fn a() {{}} // {day}\n");
        let subject = format!("feat: part {} (#{day})", ["one", "two", "three"][day as usize % 3]);
        history.commit("main", "ann", 120 - 2 * day, &subject, &[("src/a.rs", &text)]);
    }
    history
}

/// A reader of its index and of what the forge has: sixty requests merged within three days, one that is
/// open for two months and rests for one, and one of today.
fn asked(history: &History) -> (Reader, tempfile::TempDir, Fixture) {
    let fixture = Fixture::of(history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    let ago = |days: i64| NOW_MS - days * 86_400_000;
    let merged = |number: i64| Merged {
        id: format!("#{number}"),
        created_ms: ago(2 * number + 1 + number % 3),
        merged_ms: ago(2 * number),
    };
    let open = |(id, title, created, updated): (&str, &str, i64, i64)| Request {
        id: id.into(),
        title: title.into(),
        created_ms: ago(created),
        updated_ms: ago(updated),
    };
    let open = [("#70", "Parse dates", 60, 31), ("#71", "Say more", 0, 0)].map(open);
    let source = "octo/loom at github.com".to_owned();
    let shared = Shared::of(source, NOW_MS, open.into(), (1..=60).map(merged).collect());
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join(SHARED_AS);
    std::fs::write(&place, serde_json::to_string(&shared).expect("JSON")).expect("a file");
    let facts = [(SHARED_AS.to_owned(), place)].into();
    reader.agent.task.facts.insert(external_tool_integration::NAME.to_owned(), facts);
    (reader, folder, fixture)
}

/// Git alone can't time squashed pull requests; the forge can.
#[test]
fn requests_of_a_forge_are_timed_where_git_has_no_branch() {
    let (mut reader, _folder, _fixture) = asked(&squashed());
    let said = reader.judge(run);
    expect![[r#"
        succeeded: 60 requests merged in a year; half within 2 days, 85 % within 3 days of being opened, 2 open; 1 new
        [low] workflow/overdue-request of #70
          #70 has been waiting since 2026-10-23: Parse dates
          Opened on 2026-09-24. Of 60 requests merged in the year to 2026-11-23, 85 of 100 took at most 3 days. For whom it waits, its author or a reviewer, is not known.
          do: See whose turn it is at #70 in octo/loom at github.com, and answer, merge or close it.
          - Number 60: days since it was opened
          - Number 31: days since anything happened at it
          - Number 3: days that 85 of 100 merged requests took at most
          - Number 2: days that half of them took at most"#]].assert_eq(&said);
    let figures = &reader.agent.state["workflow"]["figures"]["requests"];
    expect![[r#"{"median_days":2.0,"merged":60,"open":2,"p85_days":3.0,"source":"octo/loom at github.com"}"#]].assert_eq(&figures.to_string());
    // What branches say is said of requests, once.
    let mut team = Team::new();
    team.year(|_| 1);
    team.work(&Work { who: "cy", folder: "net", merger: "", days: [40, 30, -1] });
    let (mut reader, _folder, _fixture) = asked(&team.history);
    reader.judge(run);
    let rules: Vec<&str> = reader.agent.findings.iter().map(|it| it.rule.as_str()).collect();
    expect!["workflow/overdue-request"].assert_eq(&rules.join(" "));
}

#[test]
fn a_team_whose_branches_flow_has_no_findings() {
    let mut team = Team::new();
    team.year(|_| 1);
    check(
        &team.history,
        expect![
            "nothing to report: 68 branches merged in a year; half within 4 days, 85 % within 4 days of their first commit; 11 releases; nothing new"
        ],
    );
}

#[test]
fn what_became_slower_is_said_with_the_branches() {
    let mut team = Team::new();
    team.year(|days_ago| if days_ago > 85 { 1 } else { 6 });
    check(
        &team.history,
        expect![[r#"
            succeeded: 68 branches merged in a year; half within 4 days, 85 % within 9 days of their first commit; 11 releases; 1 new
            [medium] workflow/slower of waiting
              Branches wait 6 days for their merge; it was 1 day
              Half of the branches merged into main in the 13 weeks to 2026-11-15 took 6 days or longer; in the 39 weeks before it was 1 day. The earlier and the later half of these weeks are both slower, and chance alone makes such a difference less than once in a hundred times.
              do: Look at the merges named here for what they waited for, and agree how soon a finished branch gets an answer.
              - Number 6: median days in the last quarter, of 17 branches
              - Number 1: median days in the three quarters before, of 51 branches
              - Number 94: of 100 pairs of a branch now and one before, the one now takes longer
              - Commit: 7 days: Merge branch 'work-54'
              - Commit: 7 days: Merge branch 'work-56'
              - Commit: 7 days: Merge branch 'work-58'
              - Commit: 7 days: Merge branch 'work-60'"#]],
    );
}

#[test]
fn what_always_waits_is_a_bottleneck() {
    let mut team = Team::new();
    team.year(|_| 9);
    check(
        &team.history,
        expect![[r#"
            succeeded: 68 branches merged in a year; half within 12 days, 85 % within 12 days of their first commit; 11 releases; 1 new
            [low] workflow/bottleneck of waiting
              Slow branches are finished for 83 % of their time and wait for their merge
              Of 37 branches merged into main in the half-year to 2026-11-18, the 19 slowest. Waiting is the time from a branch's last commit to its merge; what is reworked after a review does not count as waiting. For whom they waited, an author, a reviewer or a machine, git does not say.
              do: Go through the open branches once a week, oldest first, and answer, merge or close what has been finished for more than 10 days.
              - Number 83: percent of the time of the 19 slowest of 37 branches
              - Number 10: days that 85 of 100 branches stay below in this stage
              - Commit: 10 days: Merge branch 'work-32'
              - Commit: 10 days: Merge branch 'work-34'
              - Commit: 10 days: Merge branch 'work-36'
              - Commit: 10 days: Merge branch 'work-38'"#]],
    );
}

/// A year of branches that are written and that wait for about so many days, by chance twice or half as
/// many; merged in the order of their merges.
fn random_year(seed: u64, [writing, waiting]: [f64; 2]) -> History {
    let mut draw = Draw::new(seed);
    let mut about = |median: f64| (median * (0.7 * draw.normal()).exp()).round() as i64;
    let mut all: Vec<[i64; 3]> = (0..68)
        .map(|number| {
            let finished = 350 - number * 5;
            [finished + about(writing), finished, (finished - about(waiting)).max(1)]
        })
        .collect();
    all.sort_by_key(|[_, _, merged]| -merged);
    let mut team = Team::new();
    for days in all {
        team.work(&Work { who: "bob", folder: "core", merger: "ann", days });
    }
    team.history
}

/// What the first weekly run says of five such years.
fn bottlenecks(days: [f64; 2]) -> [usize; 2] {
    let mut found = [0; 2];
    for seed in 0..5 {
        let fixture = Fixture::of(&random_year(seed, days));
        let mut reader = Reader::of(fixture.root());
        reader.index();
        let said = reader.judge(run);
        for (count, stage) in found.iter_mut().zip(["waiting", "writing"]) {
            *count += usize::from(said.contains(&format!("workflow/bottleneck of {stage}")));
        }
    }
    found
}

#[test]
fn planted_bottlenecks_are_found() {
    let found = [[2.0, 12.0], [12.0, 2.0], [2.0, 0.5]].map(bottlenecks);
    expect!["[[5, 0], [0, 5], [0, 0]]"].assert_eq(&format!("{found:?}"));
    let [waiting, writing, none] = found;
    assert!(waiting[0] == 5 && writing[1] == 5, "all five");
    assert_eq!(none, [0, 0]);
}

#[test]
fn an_open_branch_that_waits_longer_than_others_is_overdue_until_it_lands() {
    let mut team = Team::new();
    team.year(|_| 1);
    // Forgotten, waiting, and just finished.
    for days in [[130, 120, -1], [40, 30, -1], [3, 1, -1]] {
        team.work(&Work { who: "cy", folder: "net", merger: "", days });
    }
    let fixture = Fixture::of(&team.history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    let mut log = vec![reader.judge(run), reader.judge(run)];
    // Squashed: the branch stays, its change is on the main line.
    let mut squashed = History::default();
    squashed.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
    let subject = format!("begin {} (#7)", letters(team.branches - 1));
    squashed.commit("main", "ann", 0, &subject, &[("net/part.rs", "fn part() {}\n")]);
    fixture.import(&squashed);
    reader.index();
    log.push(reader.judge(run));
    expect![[r#"
        succeeded: 68 branches merged in a year; half within 4 days, 85 % within 4 days of their first commit; 11 releases; 1 new
        [low] workflow/overdue-branch of work-70
          Branch work-70 has been waiting since 2026-10-24
          Its last commit is of that day, its first of 2026-10-14. Of 68 branches merged in the year to 2026-11-10 that are about as large, 85 of 100 waited at most 2 days after their last commit.
          do: Ask cy whether it is finished: then review and merge it, else close it.
          - Branch: work-70: finish rk
          - Number 16: days from its last commit to 2026-11-10
          - Number 2: days that 85 of 100 merged branches waited at most
          - Number 2: commits of its own
        nothing to report: 68 branches merged in a year; half within 4 days, 85 % within 4 days of their first commit; 11 releases; nothing new
        succeeded: 68 branches merged in a year; half within 3.5 days, 85 % within 4 days of their first commit; 11 releases; 1 resolved"#]].assert_eq(&log.join("\n"));
    // That it still waits is what the host will see.
    let forecast = reader.agent.findings[0].forecast.as_ref().expect("one");
    expect![[r#"Forecast { expects: "work-70 still waits", estimate: Chance(0.5), resolve_by: Time(1796558400000), decided_by: Standing }"#]].assert_eq(&format!("{forecast:?}"));
}

/// Two branches stand; one that rests longer waits for its place, and none of them is taken back.
#[test]
fn what_was_said_of_a_branch_stands_until_it_no_longer_holds() {
    let mut team = Team::new();
    team.year(|_| 1);
    for days in [[40, 20, -1], [41, 22, -1]] {
        team.work(&Work { who: "cy", folder: "net", merger: "", days });
    }
    let fixture = Fixture::of(&team.history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    let short = |words: String| {
        let lines: Vec<&str> = words.lines().filter(|line| !line.starts_with("  ")).collect();
        lines.join("\n")
    };
    let mut log = vec![short(reader.judge(run))];
    team.work(&Work { who: "cy", folder: "net", merger: "", days: [60, 50, -1] });
    fixture.import(&team.history);
    reader.index();
    log.push(short(reader.judge(run)));
    fixture.git(&["branch", "-D", "work-70"]);
    log.push(short(reader.judge(run)));
    expect![[r#"
        succeeded: 68 branches merged in a year; half within 4 days, 85 % within 4 days of their first commit; 11 releases; 2 new
        [low] workflow/overdue-branch of work-70
        [low] workflow/overdue-branch of work-69
        nothing to report: 68 branches merged in a year; half within 4 days, 85 % within 4 days of their first commit; 11 releases; 1 more to follow
        succeeded: 68 branches merged in a year; half within 4 days, 85 % within 4 days of their first commit; 11 releases; 1 new, 1 resolved
        [low] workflow/overdue-branch of work-71"#]].assert_eq(&log.join("\n"));
}

#[test]
fn of_many_open_branches_the_one_that_rests_longest_is_compared() {
    let mut team = Team::new();
    team.year(|_| 1);
    team.work(&Work { who: "cy", folder: "net", merger: "", days: [80, 75, -1] });
    for number in 0..45 {
        let days = [9 + number % 4, 8, -1];
        team.work(&Work { who: "dan", folder: "net", merger: "", days });
    }
    let fixture = Fixture::of(&team.history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    let said = reader.judge(run);
    assert!(said.contains("Branch work-69 has been waiting since 2026-09-"), "{said}");
}

/// All slow branches of the quarter are of its last weeks: that did not last yet.
#[test]
fn a_slow_month_is_no_slow_quarter() {
    let mut team = Team::new();
    let work = |team: &mut Team, finished: i64, wait: i64| {
        let days = [finished + 2, finished, finished - wait];
        team.work(&Work { who: "bob", folder: "core", merger: "ann", days });
    };
    (0..45).for_each(|number| work(&mut team, 350 - number * 5, 1));
    (0..14).for_each(|number| work(&mut team, 36 - number * 2, 8));
    let fixture = Fixture::of(&team.history);
    let mut reader = Reader::of(fixture.root());
    reader.index();
    let said = reader.judge(run);
    assert!(!said.contains("workflow/slower"), "{said}");
}

/// Work in `net` waits for one person.
fn one_merger() -> History {
    let mut team = Team::new();
    for number in 0..20 {
        let finished = 340 - number * 15;
        let merger = if number % 2 == 0 { "ann" } else { "dan" };
        let days = [finished + 1, finished, finished - 1];
        team.work(&Work { who: "bob", folder: "core", merger, days });
        let days = [finished + 1, finished, finished - 5 - number % 3];
        team.work(&Work { who: "bob", folder: "net", merger: "eve", days });
    }
    team.history
}

#[test]
fn a_module_that_waits_for_one_person_is_named() {
    check(
        &one_merger(),
        expect![[r#"
            succeeded: 40 branches merged in a year; half within 6 days, 85 % within 7.4 days of their first commit; 2 new
            [low] workflow/one-merger of net
              Work in net waits for eve: 6 days instead of 1 day
              eve merged 20 of 20 branches that others wrote for it; they waited 6 days after their last commit (median), those of the rest of main 1 day.
              do: Let a second person review and merge in net, beginning with what eve explains to them.
              - Number 20: of 20 branches that others wrote for net in a year
              - Number 6: median days from last commit to merge in net
              - Number 1: median days elsewhere, of 20 branches
              - Commit: 7 days: Merge branch 'work-6'
              - Commit: 7 days: Merge branch 'work-12'
              - Commit: 7 days: Merge branch 'work-18'
              - Commit: 7 days: Merge branch 'work-24'
            [low] workflow/bottleneck of waiting
              Slow branches are finished for 87 % of their time and wait for their merge
              Of 25 branches merged into main in the half-year to 2026-10-05, the 4 slowest. Waiting is the time from a branch's last commit to its merge; what is reworked after a review does not count as waiting. For whom they waited, an author, a reviewer or a machine, git does not say.
              do: Go through the open branches once a week, oldest first, and answer, merge or close what has been finished for more than 6.4 days.
              - Number 87: percent of the time of the 4 slowest of 25 branches
              - Number 6.4: days that 85 of 100 branches stay below in this stage
              - Commit: 7 days: Merge branch 'work-18'
              - Commit: 7 days: Merge branch 'work-24'
              - Commit: 7 days: Merge branch 'work-30'
              - Commit: 7 days: Merge branch 'work-36'"#]],
    );
}

/// Commits that are made again and again.
fn repeated() -> History {
    let mut history = History::default();
    history.commit("main", "ann", 364, "begin", &[("src/a.rs", "fn a() {}\n")]);
    for turn in 0..9 {
        let days_ago = 300 - turn * 30;
        let version = format!("version = \"1.{turn}.0\"\n");
        let files = [("Cargo.toml", version.as_str()), ("Cargo.lock", version.as_str())];
        history.commit("main", "ann", days_ago, &format!("release 1.{turn}.0 (#{turn})"), &files);
        let lock = format!("{version}# {turn}\n");
        let who = if turn % 2 == 0 { "ann" } else { "bob" };
        history.commit("main", who, days_ago - 3, "update lock", &[("Cargo.lock", &lock)]);
        // A program's, a repair, what is written by hand, and what is never the same.
        let bot = "renovate[bot]";
        history.commit("main", bot, days_ago - 4, "bump to 1", &[("a.lock", &lock)]);
        history.commit("main", "ann", days_ago - 5, "fix 2.0", &[("src/b.rs", &version)]);
        let long = format!("{turn}\n").repeat(40);
        history.commit("main", "ann", days_ago - 6, "news of 1.0", &[("CHANGELOG.md", &long)]);
        let path =
            format!("src/{}.rs", ["c", "d", "e", "f", "g", "h", "i", "j", "k"][turn as usize]);
        history.commit("main", "ann", days_ago - 7, "part 3", &[(&path, &version)]);
    }
    history
}

#[test]
fn the_same_small_commit_again_and_again() {
    let mut history = repeated();
    check(
        &history,
        expect![[r#"
            succeeded: 0 branches merged in a year: too few to time; 2 new
            [info] workflow/repeated-commit of release # in Cargo.lock Cargo.toml
              “release #” was committed on 9 days in a year, each time in the same 2 files
              9 commits in Cargo.lock and Cargo.toml, by 1 person. Message and files are the same each time but for numbers.
              do: Put its steps into one script or job, if they are in none yet; 3deb604d56 is what it has to make.
              - Number 9: commits of this shape in a year, on 9 days
              - Number 1: author
              - Commit: 2026-09-24: release 1.8.0 (#8)
              - Commit: 2026-08-25: release 1.7.0 (#7)
              - Commit: 2026-07-26: release 1.6.0 (#6)
              - Commit: 2026-06-26: release 1.5.0 (#5)
            [info] workflow/repeated-commit of update lock in Cargo.lock
              “update lock” was committed on 9 days in a year, each time in Cargo.lock
              9 commits in Cargo.lock, by 2 people. Message and files are the same each time but for numbers.
              do: Let a job of the continuous integration renew Cargo.lock on a schedule and ask for a merge; ea5c281fed is what it has to make.
              - Number 9: commits of this shape in a year, on 9 days
              - Number 2: authors
              - Commit: 2026-09-27: update lock
              - Commit: 2026-08-28: update lock
              - Commit: 2026-07-29: update lock
              - Commit: 2026-06-29: update lock"#]],
    );
    // With a tool that makes releases, its commits are no news.
    history.commit("main", "ann", 1, "tool", &[("scripts/release.sh", "#!/bin/sh\n")]);
    check(
        &history,
        expect![[r#"
            succeeded: 0 branches merged in a year: too few to time; 1 new
            [info] workflow/repeated-commit of update lock in Cargo.lock
              “update lock” was committed on 9 days in a year, each time in Cargo.lock
              9 commits in Cargo.lock, by 2 people. Message and files are the same each time but for numbers.
              do: Let a job of the continuous integration renew Cargo.lock on a schedule and ask for a merge; ea5c281fed is what it has to make.
              - Number 9: commits of this shape in a year, on 9 days
              - Number 2: authors
              - Commit: 2026-09-27: update lock
              - Commit: 2026-08-28: update lock
              - Commit: 2026-07-29: update lock
              - Commit: 2026-06-29: update lock"#]],
    );
}

#[test]
fn squashed_pull_requests_leave_no_branch_to_time() {
    check(
        &squashed(),
        expect![
            "nothing to report: pull requests are squashed (60 of 60 commits): how long branches wait can't be known from git alone; nothing new"
        ],
    );
    let mut few = History::default();
    few.commit("main", "ann", 3, "begin", &[("a", "a\n")]);
    check(
        &few,
        expect!["nothing to report: 0 branches merged in a year: too few to time; nothing new"],
    );
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let mut team = Team::new();
    team.year(|_| 9);
    let fixture = Fixture::of(&team.history);
    let mut whole = Reader::of(fixture.root());
    whole.index();
    let told = whole.judge(run);
    for saves in 0..3 {
        let mut reader = Reader::of(fixture.root());
        reader.index();
        reader.agent.saves_left = Some(saves);
        run_with_stride(&mut reader.agent, 20).expect_err("killed");
        reader.agent.saves_left = None;
        assert_eq!(reader.judge(run), told, "killed after {saves} checkpoints");
        assert_eq!(reader.agent.state, whole.agent.state);
    }
}

#[test]
fn without_an_index_there_is_nothing_to_judge() {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    expect!["nothing to report: the project has not been indexed yet"]
        .assert_eq(&reader.judge(run));
    assert!(
        workflow_optimizer::MANIFEST
            .contains("facts_from: [project-index, external-tool-integration]")
    );
}
