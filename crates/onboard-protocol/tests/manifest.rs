//! Manifests and settings files: what is read, and what people see when it is wrong.

use expect_test::{Expect, expect};
use onboard_domain::AgentName;
use onboard_protocol::{manifest, parse_manifest, parse_settings, set_schedule, set_setting};
use serde_json::Value;

const GOOD: &str = "\
# yaml-language-server: $schema=agent.schema.json
name: todo-counter
description: Counts TODO and FIXME
program: [sh, ./todo.sh, --all]
schedule: every 2h
zone: Europe/Berlin
priority: low
resources: {cpu: low, io: medium}
depends_on: [project-health-monitor]
locks: [report]
limits: {cpu_percent: 5, memory_mb: 64, pids: 16, deadline: 10m, file_size_mb: 1, io_ops_per_sec: 50}
missed: {run_all: 3}
overlap: queue_one
retry: {attempts: 1, backoff: 30s}
reads: [git, inbox]
shares_facts: true
facts_from: [index]
wakes_on: [project.quality.degraded]
settings: {words: TODO, growth: 10}
";

#[test]
fn a_manifest_becomes_an_agent() {
    let manifest = parse_manifest(GOOD, "agents/todo.yaml").expect("it is right");
    assert_eq!(manifest.program_files(), ["todo.sh"]);
    let problem = manifest.problem("limits.pids", "16 is above the policy's 8");
    expect![[r#"
        agents/todo.yaml:11:47: 16 is above the policy's 8
         11 | limits: {cpu_percent: 5, memory_mb: 64, pids: 16, deadline: 10m, file_size_mb: 1, io_ops_per_sec: 50
            |                                               ^^"#]]
    .assert_eq(&problem.to_string());
    let spec = manifest.into_spec("/p/agents", &[b"echo"]);
    expect![[r#"
        AgentSpec {
            name: AgentName(
                "todo-counter",
            ),
            description: "Counts TODO and FIXME",
            program: Command {
                argv: [
                    "sh",
                    "./todo.sh",
                    "--all",
                ],
                folder: "/p/agents",
            },
            schedule: "every 2h",
            zone: Some(
                "Europe/Berlin",
            ),
            priority: Low,
            classes: Classes {
                cpu: Low,
                memory: Medium,
                io: Medium,
            },
            depends_on: [
                AgentName(
                    "project-health-monitor",
                ),
            ],
            locks: [
                "report",
            ],
            limits: Limits {
                cpu_percent: Some(
                    5,
                ),
                memory_mb: Some(
                    64,
                ),
                pids: Some(
                    16,
                ),
                deadline_ms: Some(
                    600000,
                ),
                file_size_mb: Some(
                    1,
                ),
                io_ops_per_sec: Some(
                    50,
                ),
            },
            missed: RunAll {
                cap: 3,
            },
            overlap: QueueOne,
            retry: Retry {
                attempts: 1,
                backoff_ms: 30000,
                backoff_max_ms: 900000,
            },
            reads: [
                Git,
                Inbox,
            ],
            wakes_on: [
                "project.quality.degraded",
            ],
            settings: {
                "growth": "10",
                "words": "TODO",
            },
            findings_per_day: None,
            shares_facts: true,
            facts_from: [
                AgentName(
                    "index",
                ),
            ],
            stop_grace_ms: None,
            checks_proposals: false,
            shared_keys: SharedKeys {
                read: None,
                write: None,
            },
            origin: "agents/todo.yaml",
            hash: "5d86e31f4375370ae3d926e2041e92fa5ca9c0925b0b65d986dccd015a6ce322",
        }
    "#]]
    .assert_debug_eq(&spec);
}

#[test]
fn a_changed_program_is_a_changed_agent() {
    let hash = |text: &str, file: &[u8]| {
        parse_manifest(text, "a").expect("it is right").into_spec("/p", &[file]).hash
    };
    assert_eq!(hash(GOOD, b"one"), hash(GOOD, b"one"));
    assert_ne!(hash(GOOD, b"one"), hash(GOOD, b"two"));
    assert_ne!(hash(GOOD, b"one"), hash(&GOOD.replace("low", "high"), b"one"));
}

fn wrong(change: &str, to: &str, expected: Expect) {
    let text = GOOD.replace(change, to);
    assert_ne!(text, GOOD, "`{change}` is in the text");
    let problem = parse_manifest(&text, "agent.yaml").expect_err("it is wrong");
    expected.assert_eq(&problem.to_string());
}

#[test]
fn each_wrong_key_and_value_is_shown_at_its_place() {
    wrong(
        "priority: low",
        "priorty: low",
        expect![[r#"
            agent.yaml:7:1: unknown key `priorty`
              7 | priorty: low
                | ^^^^^^^
                = did you mean `priority`? known here: `name`, `description`, `program`, `reads`, `shares_facts`, `facts_from`, `checks_proposals`, `schedule`, `zone`, `priority`, `resources`, `depends_on`, `locks`, `limits`, `missed`, `overlap`, `retry`, `wakes_on`, `settings`, `findings_per_day`, `stop_grace`, `shared_keys`"#]],
    );
    wrong(
        "priority: low",
        "priority: lowest",
        expect![[r#"
            agent.yaml:7:11: unknown value `lowest` for `priority`
              7 | priority: lowest
                |           ^^^^^^
                = allowed are `critical`, `high`, `medium`, `low`"#]],
    );
    wrong(
        "name: todo-counter",
        "name: Todo",
        expect![[r#"
        agent.yaml:2:7: an agent's name is made of a-z, 0-9 and `-`; `Todo` has 'T'
          2 | name: Todo
            |       ^^^^"#]],
    );
    wrong(
        "name: todo-counter\n",
        "",
        expect![[r#"
        agent.yaml:2:1: `name` is missing
          2 | description: Counts TODO and FIXME
            | ^
            = add `name: …`"#]],
    );
    wrong(
        "schedule: every 2h\n",
        "",
        expect![[r#"
        agent.yaml:2:1: `schedule` is missing
          2 | name: todo-counter
            | ^
            = add `schedule: …`"#]],
    );
    wrong(
        "./todo.sh",
        "./../todo.sh",
        expect![[r#"
        agent.yaml:4:15: `program` has a path that leaves the folder
          4 | program: [sh, ./../todo.sh, --all]
            |               ^^^^^^^^^^^^
            = name a file beside the manifest, such as `./agent.py`; a program of the system goes into a list, such as `[python3, ./agent.py]`"#]],
    );
    wrong(
        "./todo.sh",
        ".//etc/passwd",
        expect![[r#"
        agent.yaml:4:15: `program` has an absolute path
          4 | program: [sh, .//etc/passwd, --all]
            |               ^^^^^^^^^^^^^
            = name a file beside the manifest, such as `./agent.py`; a program of the system goes into a list, such as `[python3, ./agent.py]`"#]],
    );
    wrong(
        "[sh, ./todo.sh, --all]",
        "/usr/bin/todo",
        expect![[r#"
        agent.yaml:4:10: `program` has an absolute path
          4 | program: /usr/bin/todo
            |          ^^^^^^^^^^^^^
            = name a file beside the manifest, such as `./agent.py`; a program of the system goes into a list, such as `[python3, ./agent.py]`"#]],
    );
    wrong(
        "[sh, ./todo.sh, --all]",
        "[]",
        expect![[r#"
        agent.yaml:4:10: an empty command line
          4 | program: []
            |          ^^
            = write `[python3, ./agent.py]`"#]],
    );
    wrong(
        "cpu_percent: 5",
        "cpu_percent: 0",
        expect![[r#"
        agent.yaml:11:23: `limits.cpu_percent` wants a whole number from 1 to 100000, found `0`
         11 | limits: {cpu_percent: 0, memory_mb: 64, pids: 16, deadline: 10m, file_size_mb: 1, io_ops_per_sec: 50
            |                       ^"#]],
    );
    wrong(
        "cpu_percent: 5",
        "cpu_percent: 5%",
        expect![[r#"
        agent.yaml:11:23: `limits.cpu_percent` wants a whole number from 1 to 100000, found `5%`
         11 | limits: {cpu_percent: 5%, memory_mb: 64, pids: 16, deadline: 10m, file_size_mb: 1, io_ops_per_sec: 5
            |                       ^^"#]],
    );
    wrong(
        "deadline: 10m",
        "deadline: 10",
        expect![[r#"
        agent.yaml:11:61: `limits.deadline`: `10` has no unit
         11 | limits: {cpu_percent: 5, memory_mb: 64, pids: 16, deadline: 10, file_size_mb: 1, io_ops_per_sec: 50}
            |                                                             ^^
            = write a duration from 1s to 1w, such as `10m` or `1h 30m`"#]],
    );
    wrong(
        "deadline: 10m",
        "deadline: 8d",
        expect![[r#"
            agent.yaml:11:61: `limits.deadline` is out of range
             11 | limits: {cpu_percent: 5, memory_mb: 64, pids: 16, deadline: 8d, file_size_mb: 1, io_ops_per_sec: 50}
                |                                                             ^^
                = write a duration from 1s to 1w, such as `10m` or `1h 30m`"#]],
    );
    wrong(
        "{run_all: 3}",
        "sometimes",
        expect![[r#"
            agent.yaml:12:9: unknown value `sometimes` for `missed`
             12 | missed: sometimes
                |         ^^^^^^^^^
                = write `skip`, `run_once` or `{run_all: 10}`"#]],
    );
    wrong(
        "{run_all: 3}",
        "{run_all: 1000}",
        expect![[r#"
        agent.yaml:12:19: `missed.run_all` wants a whole number from 1 to 100, found `1000`
         12 | missed: {run_all: 1000}
            |                   ^^^^"#]],
    );
    wrong(
        "queue_one",
        "queue",
        expect![[r#"
            agent.yaml:13:10: unknown value `queue` for `overlap`
             13 | overlap: queue
                |          ^^^^^
                = allowed are `skip`, `queue_one`, `replace`"#]],
    );
    wrong(
        "backoff: 30s",
        "backoff: 1h",
        expect![[r#"
        agent.yaml:14:8: `backoff` is longer than `backoff_max` (15m)
         14 | retry: {attempts: 1, backoff: 1h}
            |        ^^^^^^^^^^^^^^^^^^^^^^^^^^"#]],
    );
    wrong(
        "reads: [git, inbox]",
        "reads: [git, git]",
        expect![[r#"
        agent.yaml:15:14: given a second time
         15 | reads: [git, git]
            |              ^^^"#]],
    );
    wrong(
        "reads: [git, inbox]",
        "reads: [gti]",
        expect![[r#"
            agent.yaml:15:9: unknown value `gti` for `reads[0]`
             15 | reads: [gti]
                |         ^^^
                = did you mean `git`? allowed are `git`, `plan`, `inbox`"#]],
    );
    wrong(
        "project.quality.degraded",
        "Project Degraded",
        expect![[r#"
            agent.yaml:18:12: `Project Degraded` is no topic
             18 | wakes_on: [Project Degraded]
                |            ^^^^^^^^^^^^^^^^
                = write lower-case words joined by dots, such as `project.quality.degraded`"#]],
    );
    wrong(
        "[project-health-monitor]",
        "[todo-counter]",
        expect![[r#"
        agent.yaml:9:14: an agent can't depend on itself
          9 | depends_on: [todo-counter]
            |              ^^^^^^^^^^^^"#]],
    );
    wrong(
        "facts_from: [index]",
        "facts_from: [todo-counter]",
        expect![[r#"
        agent.yaml:17:14: an agent has its own facts
         17 | facts_from: [todo-counter]
            |              ^^^^^^^^^^^^"#]],
    );
    wrong(
        "shares_facts: true",
        "shares_facts: some",
        expect![[r#"
        agent.yaml:16:15: `shares_facts` wants `true` or `false`, found `some`
         16 | shares_facts: some
            |               ^^^^"#]],
    );
    wrong(
        "locks: [report]",
        "locks: report",
        expect![[r#"
        agent.yaml:10:8: `locks` wants a list, found `report`
         10 | locks: report
            |        ^^^^^^
            = write `[first, second]`, or `[]` for none"#]],
    );
    wrong(
        "memory_mb: 64",
        "memory: 64",
        expect![[r#"
        agent.yaml:11:26: unknown key `memory`
         11 | limits: {cpu_percent: 5, memory: 64, pids: 16, deadline: 10m, file_size_mb: 1, io_ops_per_sec: 50}
            |                          ^^^^^^
            = did you mean `memory_mb`? known here: `cpu_percent`, `memory_mb`, `pids`, `deadline`, `file_size_mb`, `io_ops_per_sec`"#]],
    );
    wrong(
        "growth: 10",
        "growth: [10]",
        expect![[r#"
            agent.yaml:19:33: `settings.growth` wants a text, found a list
             19 | settings: {words: TODO, growth: [10]}
                |                                 ^^^^"#]],
    );
}

#[test]
fn settings_give_values_anew() {
    let text = "agents:\n  todo-counter:\n    schedule: daily\n    limits: {pids: 8}\n    \
                settings: {words: XXX}\n";
    let settings = parse_settings(text, "config.yaml").expect("it is right");
    let mut spec = parse_manifest(GOOD, "a").expect("it is right").into_spec("/p", &[]);
    settings.agents()["todo-counter"].apply(&mut spec);
    assert_eq!((spec.schedule.as_str(), spec.limits.pids), ("daily", Some(8)));
    assert_eq!(spec.limits.memory_mb, Some(64));
    assert_eq!(spec.settings["words"], "XXX");
    assert_eq!(spec.settings["growth"], "10");
    let name = AgentName::new("todo-counter").expect("a name");
    expect![[r#"
        config.yaml:3:15: no schedule
          3 |     schedule: daily
            |               ^^^^^"#]]
    .assert_eq(&settings.problem(&name, "schedule", "no schedule").to_string());
    expect![[r#"
        config.yaml:3:5: no agent of this name
          3 |     schedule: daily
            |     ^^^^^^^^^^^^^^^"#]]
    .assert_eq(&settings.problem(&name, "", "no agent of this name").to_string());
    let longer = "agents:\n  todo-counter:\n    retry: {backoff: 30m}\n";
    assert!(parse_settings(longer, "c").is_ok(), "the manifest's longest wait is not known here");
    let problem = |text| parse_settings(text, "config.yaml").expect_err("wrong").to_string();
    expect![[r#"
        config.yaml:3:5: unknown key `program`
          3 |     program: ./x
            |     ^^^^^^^
            = known here: `schedule`, `zone`, `priority`, `resources`, `depends_on`, `locks`, `limits`, `missed`, `overlap`, `retry`, `wakes_on`, `settings`, `findings_per_day`, `stop_grace`, `shared_keys`"#]].assert_eq(&problem("agents:\n  todo-counter:\n    program: ./x\n"));
    expect![[r#"
        config.yaml:2:3: an agent's name is made of a-z, 0-9 and `-`; `Todo` has 'T'
          2 |   Todo: {}
            |   ^^^^"#]]
    .assert_eq(&problem("agents:\n  Todo: {}\n"));
    expect![[r#"
        config.yaml:1:1: unknown key `agnets`
          1 | agnets: {}
            | ^^^^^^
            = did you mean `agents`? known here: `agents`, `daemon`"#]]
    .assert_eq(&problem("agnets: {}\n"));
    assert!(parse_settings("", "config.yaml").expect("empty is right").agents().is_empty());
    assert!(parse_settings("agents:\n", "config.yaml").is_ok());
}

#[test]
fn a_schedule_is_set_and_comments_stay() {
    let name = AgentName::new("project-health-monitor").expect("a name");
    let set = |text| set_schedule(text, "config.yaml", &name, "weekly on friday around 5pm");
    let text = "# ours\nagents:\n  # calm\n  project-health-monitor:\n    schedule: daily # was \
                hourly\n  other:\n    priority: low\n";
    expect![[r#"
        # ours
        agents:
          # calm
          project-health-monitor:
            schedule: weekly on friday around 5pm # was hourly
          other:
            priority: low
    "#]]
    .assert_eq(&set(text).expect("it is edited"));
    expect![[r#"
        agents:
          project-health-monitor:
            schedule: weekly on friday around 5pm
    "#]]
    .assert_eq(&set("").expect("it is edited"));
    let by_hand = set("agents: {other: {priority: low}}\n").expect_err("braces");
    expect![[r#"
        config.yaml:1:1: this place can't be edited without losing its layout
          1 | agents: {other: {priority: low}}
            | ^
            = write under `agents:`, `project-health-monitor:` the line `schedule: weekly on friday around 5pm`"#]].assert_eq(&by_hand.to_string());
    assert!(set("agents: [").is_err());
    let setting = |text| set_setting(text, "config.yaml", &name, "forget", "k1a2b3c4d k5e6f7a8b");
    expect![[r#"
        # ours
        agents:
          # calm
          project-health-monitor:
            schedule: daily # was hourly
            settings:
              forget: k1a2b3c4d k5e6f7a8b
          other:
            priority: low
    "#]]
    .assert_eq(&setting(text).expect("it is edited"));
    expect![[r#"
        agents:
          project-health-monitor:
            settings:
              forget: k1a2b3c4d k5e6f7a8b
    "#]]
    .assert_eq(&setting("").expect("it is edited"));
    expect![[r#"
        config.yaml:1:1: this place can't be edited without losing its layout
          1 | agents: {other: {priority: low}}
            | ^
            = write under `agents:`, `project-health-monitor:`, `settings:` the line `forget: "k1a2b3c4d k5e6f7a8b"`"#]]
        .assert_eq(&setting("agents: {other: {priority: low}}\n").expect_err("braces").to_string());
}

#[test]
fn mutated_manifests_never_panic() {
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..3_000 {
        let mut text = GOOD.as_bytes().to_vec();
        for _ in 0..3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = usize::try_from(random % text.len() as u64).expect("it fits");
            text[at] = u8::try_from(random >> 56).expect("a byte");
        }
        if let Ok(text) = String::from_utf8(text)
            && let Err(problem) = parse_manifest(&text, "agent.yaml")
        {
            assert!(problem.to_string().starts_with("agent.yaml:"), "{problem}");
        }
    }
}

/// The keys and words that the parser names when it is given a wrong one.
fn known(text: &str) -> Vec<String> {
    let problem = parse_manifest(text, "agent.yaml").expect_err("a wrong word");
    let list = problem.mend.split_once("known here: ").or(problem.mend.split_once("allowed are "));
    let (_, list) = list.expect("a list");
    let mut words: Vec<String> =
        list.split(", ").map(|word| word.trim_matches('`').to_string()).collect();
    words.sort();
    words
}

#[test]
fn the_schema_is_the_parser_s() {
    let schema: Value = serde_json::from_str(manifest::schema()).expect("JSON");
    let keys = |value: &Value| -> Vec<String> {
        value["properties"].as_object().expect("a map").keys().cloned().collect()
    };
    let part = |name: &str| schema["properties"][name].clone();
    assert_eq!(known("zzz: 1\n"), keys(&schema));
    for name in ["resources", "limits", "retry"] {
        assert_eq!(
            known(&format!("name: a\nschedule: b\n{name}: {{zzz: 1}}\n")),
            keys(&part(name))
        );
        assert_eq!(part(name)["additionalProperties"], Value::Bool(false));
    }
    let class = &schema["$defs"]["class"];
    for (text, words) in [
        ("priority: zzz", &part("priority")["enum"]),
        ("overlap: zzz", &part("overlap")["enum"]),
        ("reads: [zzz]", &part("reads")["items"]["enum"]),
        ("resources: {cpu: zzz}", &class["enum"]),
    ] {
        let mut words: Vec<String> = serde_json::from_value(words.clone()).expect("words");
        words.sort();
        assert_eq!(known(&format!("name: a\nschedule: b\n{text}\n")), words, "{text}");
    }
    let retry = part("retry");
    let bounds = part("limits")["properties"].as_object().expect("a map").clone();
    let numbers = bounds.into_iter().map(|(key, value)| ("limits", key, value));
    let attempts = ("retry", "attempts".to_string(), retry["properties"]["attempts"].clone());
    for (map, key, value) in numbers.chain([attempts]).filter(|(_, _, v)| v["maximum"].is_u64()) {
        for (edge, beyond) in [("minimum", -1), ("maximum", 1)] {
            let edge = value[edge].as_i64().expect("a number");
            let text = |n: i64| format!("name: a\nschedule: b\n{map}: {{{key}: {n}}}\n");
            assert!(parse_manifest(&text(edge), "a").is_ok(), "{key}: {edge}");
            assert!(parse_manifest(&text(edge + beyond), "a").is_err(), "{key}: {}", edge + beyond);
        }
    }
    for name in schema["required"].as_array().expect("names") {
        let without = GOOD.replace(&format!("{}: ", name.as_str().expect("a text")), "zone: ");
        assert!(parse_manifest(&without, "a").is_err(), "{name}");
    }
    parse_manifest("name: a\nschedule: b\n", "a").expect("nothing else is required");
}

#[test]
fn a_user_may_say_how_many_runs_go_at_a_time() {
    let check = |text: &str, expected: Expect| {
        let told = match parse_settings(text, "config.yaml") {
            Ok(settings) => format!(
                "{:?}\n{}",
                settings.daemon().max_running,
                settings.problem_of_daemon("not for a project")
            ),
            Err(problem) => problem.to_string(),
        };
        expected.assert_eq(&told);
    };
    check(
        "agents:\n",
        expect![[r#"
        None
        config.yaml:1:1: not for a project
          1 | agents:
            | ^"#]],
    );
    check(
        "daemon:\n  max_running: 4\n",
        expect![[r#"
        Some(4)
        config.yaml:2:16: not for a project
          2 |   max_running: 4
            |                ^"#]],
    );
    check(
        "daemon:\n  journal_mib: 4\n",
        expect![[r#"
        None
        config.yaml:2:16: not for a project
          2 |   journal_mib: 4
            |                ^"#]],
    );
    check(
        "daemon: {max_running: 0}\n",
        expect![[r#"
        config.yaml:1:23: `daemon.max_running` wants a whole number from 1 to 150, found `0`
          1 | daemon: {max_running: 0}
            |                       ^"#]],
    );
    check(
        "daemon: {memory_mb: 0}\n",
        expect![[r#"
        config.yaml:1:21: `daemon.memory_mb` wants a whole number from 1 to 16777216, found `0`
          1 | daemon: {memory_mb: 0}
            |                     ^"#]],
    );
    let read = parse_settings("daemon: {cpu_percent: 150, memory_mb: 3000}\n", "config.yaml");
    let read = read.expect("it is right").daemon().clone();
    assert_eq!((read.cpu_percent, read.memory_mb), (Some(150), Some(3000)));
    check(
        "daemon: {running: 4}\n",
        expect![[r#"
            config.yaml:1:10: unknown key `running`
              1 | daemon: {running: 4}
                |          ^^^^^^^
                = known here: `max_running`, `cpu_percent`, `memory_mb`, `journal_mib`, `journal_days`, `hooks_listen`, `certificates`"#]],
    );
    let text = "daemon: {hooks_listen: 8722, certificates: /own.pem}\n";
    let read = parse_settings(text, "config.yaml").expect("it is right").daemon().clone();
    assert_eq!(read.hooks_listen, Some("127.0.0.1:8722".parse().expect("an address")));
    assert_eq!(read.certificates.as_deref(), Some("/own.pem"));
    check(
        "daemon: {hooks_listen: localhost}\n",
        expect![[r#"
        config.yaml:1:24: `localhost` is neither a port nor an address with its port
          1 | daemon: {hooks_listen: localhost}
            |                        ^^^^^^^^^
            = write `8722`, which only this machine reaches, or such as `192.0.2.7:8722`"#]],
    );
    check(
        "daemon: {certificates: own.pem}\n",
        expect![[r#"
        config.yaml:1:24: `own.pem` is no full path
          1 | daemon: {certificates: own.pem}
            |                        ^^^^^^^
            = begin with `/`"#]],
    );
}
