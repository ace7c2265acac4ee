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
    [slower.agent.findings, short(roomy, [30, 2, 60]), short(full, [0; 3])].concat()
}

#[test]
fn a_slower_benchmark_is_said_with_the_commits_between() {
    let (_, reader, said) = slower(40, 1.1);
    expect![[r#"
        after 33: succeeded: first look at the machine; 1 benchmark, 1 slower; 1 new
        [low] performance/regression of parse/small
          parse/small is 9 % slower since 2026-11-24
          From 999.365 ns to 1.093 µs (median): 9 to 10 % in nine of ten redrawn series. It has held for 4 results, the newest among them. One commit lies between its last good result and the first slow one, as far as what was checked out when they were read.
          do: Measure parse/small without this commit; if it is that, mend or revert it.
          - Number 999.365: ns before: 999.365 ns
          - Number 1093.271: ns since: 1.093 µs
          - Number 4: results since
          - Commit: change 30"#]].assert_eq(&said.join("\n"));
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
    // Written again as it was: it was not measured again.
    write(&fixture, "hyperfine.json", hyperfine, 2);
    log.push(at(&mut reader, 3));
    log.push(reader.agent.checkpoints["benchmarks"].clone());
    expect![[r#"
        nothing to report: first look at the machine; 3 benchmarks, 0 slower; nothing new
        nothing to report: first look at the machine; 3 benchmarks, 0 slower; nothing new
        {"newest_ms":1795442400000,"commits":[""],"series":{"a.B":[[1795435200000,2000000.0,0]],"cargo build":[[1795435200000,2500000000.0,0]],"t.py::t":[[1795435200000,500000000.0,0]]},"left_out":0}"#]].assert_eq(&log.join("\n"));
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
        let mut last = String::new();
        for _ in 0..minutes / 5 {
            for (total, percent) in self.total_us.iter_mut().zip(percents) {
                *total += percent * 10_000 * 300;
            }
            self.machine.at_ms += 300_000;
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
          For an hour at least. Builds fail half-way on a full disk, and what they leave is damaged.
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
fn a_machine_that_tells_nothing_has_no_findings() {
    let mut reader = Reader::of(Path::new("/nonexistent"));
    expect![[r#"
        nothing to report: first look at the machine; nothing new
        nothing to report: first look at the machine; nothing new"#]]
    .assert_eq(&[at(&mut reader, 0), at(&mut reader, 1)].join("\n"));
}
