//! The performance monitor on real results and repositories.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use expect_test::{Expect, expect};
use onboard_agents::host::{Finding, Machine};
use onboard_agents::performance_monitor::run;
use onboard_analysis::draw::Draw;
use onboard_protocol::machine::{MachineRun, Pressure, Space, Stall, Stalls};

use super::fixture::{Fixture, History, NOW_MS};
use super::readers::Reader;

const HOUR_MS: i64 = 3_600_000;

/// Writes a file as of so many hours after the beginning.
fn write(fixture: &Fixture, name: &str, text: &str, hour: i64) {
    fixture.write(name, text);
    let at = u64::try_from(NOW_MS + hour * HOUR_MS).expect("after 1970");
    let file = File::options().write(true).open(fixture.path(name)).expect("it is there");
    file.set_modified(UNIX_EPOCH + Duration::from_millis(at)).expect("a time");
}

/// Runs at this hour; what was said.
fn at(reader: &mut Reader, hour: i64) -> String {
    reader.agent.task.now_ms = NOW_MS + hour * HOUR_MS;
    reader.agent.machine.at_ms = reader.agent.task.now_ms;
    reader.judge(run)
}

fn criterion(nanoseconds: f64) -> String {
    format!(r#"{{"mean":{{"point_estimate":{nanoseconds}}},"slope":null}}"#)
}

/// A result an hour of `parse/small`, with a commit before each; a tenth slower from the thirtieth.
fn slower(count: i64, step: f64) -> (Fixture, Reader, Vec<String>) {
    let mut history = History::default();
    history.commit("main", "ann", 30, "begin", &[("src/a.rs", "0\n")]);
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    let mut draw = Draw::new(7);
    let mut said = Vec::new();
    for hour in 0..count {
        if hour % 3 == 0 {
            let mut more = History::default();
            more.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
            let (subject, text) = (format!("change {hour}"), format!("{hour}\n"));
            more.commit("main", "ann", 20, &subject, &[("src/a.rs", &text)]);
            fixture.import(&more);
        }
        let level = if hour < 30 { 1_000.0 } else { 1_000.0 * step };
        let value = level + 10.0 * draw.normal();
        let folder = "target/criterion/parse/small/new";
        write(&fixture, &format!("{folder}/benchmark.json"), r#"{"full_id":"parse/small"}"#, hour);
        write(&fixture, &format!("{folder}/estimates.json"), &criterion(value), hour);
        let words = at(&mut reader, hour);
        if words.contains('\n') || words.contains("resolved") {
            said.push(format!("after {hour}: {words}"));
        }
    }
    (fixture, reader, said)
}

/// Of a project and machines in which each rule has something to say.
pub fn examples() -> Vec<Finding> {
    let (_, slower, _) = slower(40, 1.1);
    let fixture = Fixture::folder();
    let short = |disk: Space, percents| {
        let mut reader = Reader::of(fixture.root());
        let mut waits = Waits::new();
        waits.machine.at_ms = NOW_MS;
        waits.machine.disk = Some(disk);
        waits.minutes(&mut reader, 200, percents);
        reader.agent.findings
    };
    let roomy = Space { total_bytes: 1 << 40, available_bytes: 1 << 39 };
    let full = Space { total_bytes: 100 << 30, available_bytes: 2 << 30 };
    write(&fixture, "hyperfine.json", r#"{"results":[{"command":"x","#, 0);
    let mut reader = Reader::of(fixture.root());
    at(&mut reader, 1);
    let damaged = reader.agent.findings;
    let (unusual, _) = unusual_day(&fixture);
    [slower.agent.findings, short(roomy, [30, 2, 60]), unusual, short(full, [0; 3]), damaged]
        .concat()
}

/// Days of looks with little to wait for, and then much, twice; what was found and what was said.
fn unusual_day(fixture: &Fixture) -> (Vec<Finding>, Vec<String>) {
    let mut reader = Reader::of(fixture.root());
    let mut waits = Waits::new();
    waits.machine.at_ms = NOW_MS;
    for look in 0..800 {
        waits.looks(&mut reader, 1, 5, [3 + look % 4, 0, 2 + look % 3]);
    }
    let said = vec![
        waits.looks(&mut reader, 1, 5, [5, 0, 45]),
        waits.looks(&mut reader, 2, 5, [5, 0, 40]),
        waits.looks(&mut reader, 1, 5, [5, 0, 3]),
        // A moment is none.
        waits.looks(&mut reader, 1, 5, [95, 0, 3]),
        waits.looks(&mut reader, 1, 5, [5, 0, 3]),
    ];
    (reader.agent.findings, said)
}

#[test]
fn a_slower_benchmark_is_said_with_the_commits_between() {
    let (_, reader, said) = slower(40, 1.1);
    expect![[r#"
        after 33: succeeded: the machine does not tell what tasks wait for; 1 series of results, 1 slower; 1 new
        [low] performance/regression of parse/small (Criterion) since 2026-11-24 18:00
          parse/small (Criterion) is 9 % slower since 2026-11-24
          From 999.365 ns to 1.093 µs (median): 9 to 10 % in nine of ten redrawn series. It has held for 4 results, the newest among them. One commit lies between its last good result and the first slow one.
          do: Measure parse/small (Criterion) without this commit; if it is that, mend or revert it.
          - Number 999.365: ns before: 999.365 ns
          - Number 1093.271: ns since: 1.093 µs
          - Number 4: results since
          - Commit: change 30
          - File: 91dec5f18a added 1 line here"#]].assert_eq(&said.join("\n"));
    assert_eq!(reader.agent.events.len(), 1, "{:?}", reader.agent.events);
}

#[test]
fn what_is_within_five_percent_is_not_said() {
    let (_, _, said) = slower(60, 1.03);
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn results_are_read_once_and_where_tools_put_them() {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    let hyperfine = r#"{"results":[{"command":"cargo build","median":2.5}]}"#;
    write(&fixture, "hyperfine.json", hyperfine, 0);
    write(
        &fixture,
        "target/jmh-result.json",
        r#"[{"benchmark":"a.B","primaryMetric":{"score":2,"scoreUnit":"ms/op"}}]"#,
        0,
    );
    let pytest =
        r#"{"machine_info":{},"benchmarks":[{"fullname":"t.py::t","stats":{"median":0.5}}]}"#;
    write(&fixture, ".benchmarks/Linux-3/0001_run.json", pytest, 0);
    write(&fixture, "bench/bench.json", "not json", 0);
    write(&fixture, "package.json", hyperfine, 0);
    // From the future, and a link out of the project.
    write(&fixture, "bench-2.json", hyperfine, 900);
    std::os::unix::fs::symlink("/", fixture.path("target/criterion")).expect("a link");
    let mut log = vec![at(&mut reader, 1)];
    // Written again as it was: it was not measured again. And one that is older than what was read.
    write(&fixture, "hyperfine.json", hyperfine, 2);
    write(&fixture, "bench/hyperfine-2.json", &hyperfine.replace("2.5", "2.75"), -1);
    log.push(at(&mut reader, 3));
    log.push(at(&mut reader, 4));
    log.extend(points(&reader));
    expect![[r#"
        succeeded: first look at the machine; 3 series of results, 0 slower; 1 new
        [low] performance/unreadable-result of bench/bench.json
          bench/bench.json can't be read at 1:2: expected ident
          By its name it holds results of a benchmark; what it says is in no series.
          do: Have it written anew, or delete it; a run that is cut off leaves half a file.
          - File: expected ident
        nothing to report: the machine does not tell what tasks wait for; 3 series of results, 0 slower; nothing new
        nothing to report: the machine does not tell what tasks wait for; 3 series of results, 0 slower; nothing new
        a.B (JMH): 0 h: 2 ms
        cargo build (hyperfine): -1 h: 2750 ms, 0 h: 2500 ms
        t.py::t (pytest-benchmark): 0 h: 500 ms"#]].assert_eq(&log.join("\n"));
}

/// Each series with its points: when, in hours, and how long.
fn points(reader: &Reader) -> Vec<String> {
    let kept: serde_json::Value =
        serde_json::from_str(&reader.agent.checkpoints["benchmarks"]).expect("JSON");
    let series = kept["series"].as_object().expect("series");
    let words = |point: &serde_json::Value| {
        let hour = (point[0].as_i64().expect("a moment") - NOW_MS) / HOUR_MS;
        format!("{hour} h: {} ms", point[1].as_f64().expect("nanoseconds") / 1e6)
    };
    series
        .iter()
        .map(|(name, one)| {
            let points = one["points"].as_array().expect("points");
            format!("{name}: {}", points.iter().map(words).collect::<Vec<_>>().join(", "))
        })
        .collect()
}

#[test]
fn a_damaged_result_is_said_once_and_until_it_is_mended() {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    write(&fixture, "hyperfine.json", r#"{"results":[{"command":"x","#, 0);
    let mut log = vec![at(&mut reader, 0), at(&mut reader, 1), at(&mut reader, 2)];
    write(&fixture, "hyperfine.json", r#"{"results":[{"command":"x","median":1}]}"#, 3);
    log.push(at(&mut reader, 3));
    expect![[r#"
        nothing to report: first look at the machine; nothing new
        succeeded: the machine does not tell what tasks wait for; 1 new
        [low] performance/unreadable-result of hyperfine.json
          hyperfine.json can't be read at 1:27: EOF while parsing a value
          By its name it holds results of a benchmark; what it says is in no series.
          do: Have it written anew, or delete it; a run that is cut off leaves half a file.
          - File: EOF while parsing a value
        nothing to report: the machine does not tell what tasks wait for; nothing new
        succeeded: the machine does not tell what tasks wait for; 1 series of results, 0 slower; 1 resolved"#]].assert_eq(&log.join("\n"));
}

#[test]
fn a_series_without_results_is_over_and_what_was_said_of_it_too() {
    let (fixture, mut reader, said) = slower(40, 1.1);
    assert_eq!(said.len(), 1, "{said:?}");
    std::fs::remove_dir_all(fixture.path("target")).expect("it goes");
    let log = [at(&mut reader, 40), at(&mut reader, 39 + 30 * 24), at(&mut reader, 40 + 30 * 24)];
    expect![[r#"
        nothing to report: the machine does not tell what tasks wait for; 1 series of results, 1 slower; nothing new
        nothing to report: the machine does not tell what tasks wait for; 1 series of results, 1 slower; nothing new
        succeeded: the machine does not tell what tasks wait for; parse/small (Criterion) had no result for 30 days and is no longer watched; 1 resolved
        Info: parse/small (Criterion): no result for 30 days, and no longer watched"#]].assert_eq(&format!("{}\n{}", log.join("\n"), reader.agent.log.join("\n")));
}

/// Writes a result of each of `count` benchmarks, so many times as long as usual.
fn many(fixture: &Fixture, count: usize, hour: i64, draw: &mut Draw, times: impl Fn(usize) -> f64) {
    for number in 0..count {
        let value = 1_000.0 * times(number) * (1.0 + 0.01 * draw.normal());
        let folder = format!("target/criterion/parse/{number}/new");
        write(fixture, &format!("{folder}/estimates.json"), &criterion(value), hour);
    }
}

#[test]
fn what_was_said_of_one_stands_while_many_are_slower() {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    let mut draw = Draw::new(3);
    let mut log = Vec::new();
    for hour in 0..130 {
        // The first one from hour 20 on, and all from hour 60 to 80.
        let slow = |number| match (number, hour) {
            (_, 60..80) => 1.5,
            (0, 20..) => 1.3,
            _ => 1.0,
        };
        many(&fixture, 6, hour, &mut draw, slow);
        let words = at(&mut reader, hour);
        let words: Vec<&str> = words.lines().filter(|line| !line.starts_with("  ")).collect();
        if !words[0].ends_with("nothing new") {
            log.push(format!("{hour} h: {}", words.join("\n")));
        }
    }
    expect![[r#"
        23 h: succeeded: the machine does not tell what tasks wait for; 6 series of results, 1 slower; 1 new
        [low] performance/regression of parse/0 (Criterion) since 2026-11-24 08:00
        62 h: succeeded: the machine does not tell what tasks wait for; 6 series of results, 2 slower; 1 new
        [low] performance/regression of parse/5 (Criterion) since 2026-11-25 23:00
        63 h: succeeded: the machine does not tell what tasks wait for; 6 series of results, 6 slower; 1 new
        [low] performance/regression of benchmarks since 2026-11-25 23:00
        81 h: succeeded: the machine does not tell what tasks wait for; 6 series of results, 3 slower; 1 resolved
        82 h: succeeded: the machine does not tell what tasks wait for; 6 series of results, 1 slower; 1 resolved"#]].assert_eq(&log.join("\n"));
}

#[test]
fn what_lies_between_is_only_said_where_it_is_known() {
    // No repository at all, one commit, and an older one that was checked out.
    let begin = || {
        let mut history = History::default();
        history.commit("main", "ann", 30, "begin", &[("src/a.rs", "0\n")]);
        history.commit("main", "ann", 20, "next", &[("src/a.rs", "1\n")]);
        Fixture::of(&history)
    };
    let check = |fixture: Fixture, logs: bool, older: bool| {
        if !logs {
            let _ = std::fs::remove_dir_all(fixture.path(".git/logs"));
        }
        let mut reader = Reader::of(fixture.root());
        let mut draw = Draw::new(7);
        for hour in 0..40 {
            if hour == 30 && older {
                fixture.git(&["checkout", "--quiet", "HEAD~1"]);
            }
            many(&fixture, 1, hour, &mut draw, |_| if hour < 30 { 1.0 } else { 1.2 });
            at(&mut reader, hour);
        }
        let finding = reader.agent.findings.first().expect("one");
        format!("{}\n  {}", finding.detail.split(". ").last().unwrap_or_default(), finding.action)
    };
    let said = [
        check(Fixture::folder(), true, false),
        check(begin(), true, false),
        check(begin(), false, false),
        check(begin(), false, true),
    ];
    expect![[r#"
        Which commits lie between its last good result and the first slow one is not known.
          Measure parse/0 (Criterion) again at a commit from before 2026-11-24, and compare.
        No commit lies between its last good result and the first slow one: a dependency, a toolchain, the machine, or what was not committed.
          Measure parse/0 (Criterion) again with the toolchain and on the machine of before.
        The same commit was checked out when its last good result and the first slow one were read; whether it was when they were measured is not known.
          Measure parse/0 (Criterion) at this commit and at the one before it, and compare.
        The first slow result is of a commit that the last good one has already: an older one was checked out, or something else changed.
          Measure parse/0 (Criterion) again at the newest commit, and compare."#]].assert_eq(&said.join("\n"));
}

#[test]
fn of_several_commits_those_that_add_code_are_named_the_one_that_adds_most_first() {
    let mut history = History::default();
    let begin = history.commit("main", "ann", 30, "begin", &[("src/a.rs", "0\n")]);
    let fixture = Fixture::of(&history);
    let mut reader = Reader::of(fixture.root());
    let mut draw = Draw::new(7);
    for hour in 0..40 {
        if hour == 30 {
            history.commit_from(
                "main",
                "ann",
                3,
                "say more",
                &[begin],
                &[("README.md", "x\ny\nz\n")],
            );
            history.commit("main", "bob", 2, "cache it", &[("src/b.rs", "1\n2\n3\n")]);
            history.commit("main", "cy", 1, "mend a name", &[("src/a.rs", "1\n")]);
            fixture.import(&history);
        }
        many(&fixture, 1, hour, &mut draw, |_| if hour < 30 { 1.0 } else { 1.2 });
        at(&mut reader, hour);
    }
    let finding = reader.agent.findings.first().expect("one");
    let evidence: Vec<&str> = finding.evidence.iter().map(|one| one.text.as_str()).collect();
    let (_, detail) = finding.detail.split_once("among them. ").expect("what lies between");
    expect![[r#"
        3 commits lie between its last good result and the first slow one. 2 of them add code; the one that adds most comes first.
        Measure parse/0 (Criterion) before and after a5879d18cc first, then halve what is left.
        cache it
        mend a name
        a5879d18cc added 3 lines here"#]].assert_eq(&format!("{detail}\n{}\n{}", finding.action, evidence[3..].join("\n")));
}

#[test]
fn tests_that_take_longer_are_said() {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    let mut draw = Draw::new(5);
    let mut log = Vec::new();
    for hour in 0..40 {
        let seconds = (if hour < 30 { 4.0 } else { 6.5 }) + 0.05 * draw.normal();
        let case = |time: f64| format!("<testcase name='a' classname='b' time='{time:.3}'/>");
        let cases = format!("{}{}", case(seconds), case(1.0));
        // A run of a part of the tests is no faster run.
        let all = if hour % 4 == 1 { case(0.9 * seconds) } else { cases };
        let text = format!("<testsuites><testsuite name='loom'>{all}</testsuite></testsuites>");
        write(&fixture, "target/nextest/default/junit.xml", &text, hour);
        let words = at(&mut reader, hour);
        if words.contains('\n') {
            log.push(format!("{hour} h: {words}"));
        }
    }
    expect![[r#"
        34 h: succeeded: the machine does not tell what tasks wait for; 2 series of results, 1 slower; 1 new
        [medium] performance/regression of tests of loom (JUnit, up to 2 tests) since 2026-11-24 18:00
          tests of loom (JUnit, up to 2 tests) is 50 % slower since 2026-11-24
          From 5.001 s to 7.503 s (median): 48 to 52 % in nine of ten redrawn series. It has held for 4 results, the newest among them. Which commits lie between its last good result and the first slow one is not known.
          do: Measure tests of loom (JUnit, up to 2 tests) again at a commit from before 2026-11-24, and compare.
          - Number 5001000000: ns before: 5.001 s
          - Number 7502500000: ns since: 7.503 s
          - Number 4: results since"#]].assert_eq(&log.join("\n"));
}

/// A machine on which tasks waited for these percents of the time since the hour before.
struct Waits {
    machine: Machine,
    total_us: [u64; 3],
}

impl Waits {
    fn new() -> Self {
        let disk = Some(Space { total_bytes: 1 << 40, available_bytes: 1 << 39 });
        let machine = Machine { cores: 4, disk, ..Machine::default() };
        Self { machine, total_us: [0; 3] }
    }

    fn minutes(&mut self, reader: &mut Reader, minutes: i64, percents: [u64; 3]) -> String {
        self.looks(reader, minutes / 5, 5, percents)
    }

    /// So many looks, so many minutes apart.
    fn looks(
        &mut self,
        reader: &mut Reader,
        count: i64,
        minutes: i64,
        percents: [u64; 3],
    ) -> String {
        let mut last = String::new();
        for _ in 0..count {
            for (total, percent) in self.total_us.iter_mut().zip(percents) {
                *total += percent * 10_000 * 60 * minutes.unsigned_abs();
            }
            self.machine.at_ms += minutes * 60_000;
            let stalls = |total_us| {
                Some(Stalls { some: Stall { total_us, ..Stall::default() }, full: None })
            };
            let [cpu, memory, io] = self.total_us.map(stalls);
            self.machine.pressure = Pressure { cpu, memory, io };
            reader.agent.machine = self.machine.clone();
            reader.agent.task.now_ms = self.machine.at_ms;
            let words = reader.judge(run);
            if words.contains('\n') || words.contains("resolved") || last.is_empty() {
                last = words;
            }
        }
        last
    }
}

fn check_machine(steps: &[(i64, [u64; 3])], expected: Expect) {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    let mut waits = Waits::new();
    waits.machine.at_ms = NOW_MS;
    let said: Vec<String> = steps
        .iter()
        .map(|(minutes, percents)| waits.minutes(&mut reader, *minutes, *percents))
        .collect();
    expected.assert_eq(&said.join("\n"));
}

#[test]
fn what_the_machine_waits_for_is_said_when_it_lasts_and_is_over_when_it_is() {
    // An hour is a build, and three hours are not.
    check_machine(
        &[(60, [5, 0, 40]), (120, [5, 0, 0])],
        expect![[r#"
        nothing to report: first look at the machine; nothing new
        nothing to report: waited for cpu 5 %, memory 0 %, disk 0 % of the time; nothing new"#]],
    );
    check_machine(
        &[(200, [30, 2, 60]), (60, [2, 0, 2])],
        expect![[r#"
        succeeded: waited for cpu 30 %, memory 2 %, disk 60 % of the time; 1 new
        [medium] performance/bottleneck of io
          For three hours tasks have waited for the disk 60 % of the time
          In each of the three hours. The agents of this project used 0.0 % of the processor in that time.
          do: See who reads and writes most, with `iotop` or `pidstat -d`.
          - Number 30: percent of the time some task waited for the processor
          - Number 2: percent of the time some task waited for memory
          - Number 60: percent of the time some task waited for the disk
          - Number 0: percent of the processor that this project's agents used
        succeeded: waited for cpu 2 %, memory 0 %, disk 2 % of the time; 1 resolved"#]],
    );
}

#[test]
fn what_tasks_wait_for_as_they_did_not_before_is_said_while_it_lasts() {
    let (_, said) = unusual_day(&Fixture::folder());
    expect![[r#"
        nothing to report: waited for cpu 5 %, memory 0 %, disk 45 % of the time; nothing new
        succeeded: waited for cpu 5 %, memory 0 %, disk 40 % of the time; 1 new
        [info] performance/unusual of io
          Tasks wait for the disk as they did not before
          At the look that was unlike those before, some task had waited 45 % of the time; 0 of 799 looks before had as much. Every look since had 10 % or more.
          do: See who reads and writes now, with `iotop` or `pidstat -d`.
          - Number 45: percent of the time some task waited for the disk
          - Number 0: looks before with as much
          - Number 799: looks before
        succeeded: waited for cpu 5 %, memory 0 %, disk 3 % of the time; 1 resolved
        nothing to report: waited for cpu 95 %, memory 0 %, disk 3 % of the time; nothing new
        nothing to report: waited for cpu 5 %, memory 0 %, disk 3 % of the time; nothing new"#]].assert_eq(&said.join("\n"));
}

#[test]
fn a_full_disk_is_said() {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    let mut waits = Waits::new();
    waits.machine.at_ms = NOW_MS;
    waits.machine.disk = Some(Space { total_bytes: 100 << 30, available_bytes: 2 << 30 });
    waits.machine.runs = vec![MachineRun {
        agent: "a".into(),
        run: "r1".into(),
        queued_ms: NOW_MS,
        started_ms: Some(NOW_MS + 10),
        ended_ms: NOW_MS + 2_000,
        cpu_ms: 700,
        memory_peak_bytes: 0,
        throttled_ms: 0,
        succeeded: true,
    }];
    expect![[r#"
        succeeded: waited for cpu 0 %, memory 0 %, disk 0 % of the time; 1 new
        [medium] performance/disk-full of disk
          The project's disk has 2.0 GB left (2.0 %)
          Seen at each of 13 looks in 60 minutes, 5 minutes apart at most. Builds fail half-way on a full disk, and what they leave is damaged.
          do: Delete what can be made anew, such as build folders and caches.
          - Number 2048: megabytes that are free
          - Number 2: percent of the disk"#]]
    .assert_eq(&waits.minutes(&mut reader, 70, [0, 0, 0]));
    expect![[r#"system.resource.exhausted {"rule":"performance/disk-full","target":"disk"}"#]]
        .assert_eq(&reader.agent.events.join("\n"));
    expect![[r#"{"a":{"cpu_ms":700.0,"runs":1,"took_ms":1990.0,"waited_ms":10.0}}"#]]
        .assert_eq(&reader.agent.state["performance"]["crew"].to_string());
}

#[test]
fn looks_that_are_hours_apart_say_what_they_saw_and_no_more() {
    let fixture = Fixture::folder();
    let mut reader = Reader::of(fixture.root());
    let mut waits = Waits::new();
    waits.machine.at_ms = NOW_MS;
    waits.machine.disk = Some(Space { total_bytes: 100 << 30, available_bytes: 2 << 30 });
    let mut log = vec![
        waits.looks(&mut reader, 1, 5, [5, 30, 0]),
        waits.looks(&mut reader, 3, 100, [5, 30, 0]),
        // A night: what is not known to be over is not taken back, and is not said again.
        waits.looks(&mut reader, 1, 600, [5, 0, 0]),
        waits.looks(&mut reader, 3, 20, [5, 30, 0]),
    ];
    waits.machine.disk = Some(Space { total_bytes: 100 << 30, available_bytes: 90 << 30 });
    log.push(waits.looks(&mut reader, 1, 60, [5, 0, 0]));
    expect![[r#"
        nothing to report: first look at the machine; nothing new
        succeeded: waited for cpu 5 %, memory 30 %, disk 0 % of the time; 1 new
        [low] performance/bottleneck of memory
          Over three hours tasks have waited for memory 30 % of the time
          From 2 looks, 100 minutes apart at most: how it was spread between them is not known. The agents of this project used 0.0 % of the processor in that time, at least.
          do: Close what holds most memory, or give the machine more: `ps --sort=-rss`.
          - Number 5: percent of the time some task waited for the processor
          - Number 30: percent of the time some task waited for memory
          - Number 0: percent of the time some task waited for the disk
          - Number 0: percent of the processor that this project's agents used
        nothing to report: waited for cpu 5 %, memory 30 %, disk 0 % of the time; nothing new
        nothing to report: waited for cpu 5 %, memory 30 %, disk 0 % of the time; nothing new
        succeeded: waited for cpu 5 %, memory 0 %, disk 0 % of the time; 2 resolved"#]].assert_eq(&log.join("\n"));
}

#[test]
fn a_machine_that_tells_nothing_has_no_findings() {
    let mut reader = Reader::of(Path::new("/nonexistent"));
    expect![[r#"
        nothing to report: first look at the machine; nothing new
        nothing to report: the machine does not tell what tasks wait for; nothing new"#]]
    .assert_eq(&[at(&mut reader, 0), at(&mut reader, 1)].join("\n"));
}
