//! The judge, case by case.

use expect_test::{Expect, expect};
use onboard_domain::spec::{
    AgentSpec, Classes, Limits, Missed, Overlap, Priority, Program, Retry, SharedKeys,
};
use onboard_domain::state::{Process, Trigger};
use onboard_domain::{AgentId, AgentName, Event, Generation, ProjectId, RunId, State, Time};
use onboard_policy::walls::WALLS;
use onboard_policy::{
    Authority, PolicyInForce, Request, Standing, Wall, Walls, assess, check_limits, default_layer,
    judge, layer, merge, parse_layer,
};
use std::collections::BTreeMap;

fn spec(limits: Limits) -> AgentSpec {
    AgentSpec {
        name: AgentName::new("todo-counter").expect("a name"),
        description: String::new(),
        program: Program::BuiltIn,
        schedule: "daily".into(),
        zone: None,
        priority: Priority::Medium,
        classes: Classes::default(),
        depends_on: vec![],
        locks: vec![],
        limits,
        missed: Missed::default(),
        overlap: Overlap::default(),
        retry: Retry::default(),
        reads: vec![],
        wakes_on: vec![],
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: "built-in".into(),
        hash: "aa".into(),
    }
}

/// A state in which agent 0 has run 0, placed once.
fn state() -> State {
    let mut state = State { time: Time(1), ..State::default() };
    for event in [
        Event::ProjectRegistered {
            project: ProjectId(state.next.project),
            root: "/p".into(),
            name: "p".into(),
        },
        Event::AgentRegistered {
            agent: AgentId(state.next.agent),
            project: ProjectId(state.next.project),
            spec: Box::new(spec(Limits::default())),
        },
        Event::RunQueued {
            run: RunId(state.next.run),
            agent: AgentId(state.next.agent),
            slot: Time(1),
            trigger: Trigger::Manual,
            attempt: 0,
            not_before: Time(1),
        },
        Event::RunPlaced {
            run: RunId(state.next.run),
            generation: Generation(1),
            leases: vec![],
            deadline_ms: 1_000,
        },
    ] {
        state.apply(&event).expect("a legal history");
    }
    state
}

fn sound() -> PolicyInForce {
    let defaults = default_layer().expect("the defaults are right");
    PolicyInForce::Sound(Box::new(merge(&[defaults]).expect("complete")))
}

struct Case {
    policy: PolicyInForce,
    state: State,
    spec: AgentSpec,
    run: RunId,
    generation: Generation,
    walls: Walls,
}

impl Case {
    fn new() -> Case {
        Case {
            policy: sound(),
            state: state(),
            spec: spec(Limits::default()),
            run: RunId(0),
            generation: Generation(1),
            walls: Walls::all(),
        }
    }
}

fn check(change: impl FnOnce(&mut Case), expected: Expect) {
    let mut case = Case::new();
    change(&mut case);
    let request = Request {
        agent: AgentId(0),
        spec: &case.spec,
        run: case.run,
        generation: case.generation,
        walls: &case.walls,
    };
    match judge(&case.policy, &case.state, &request) {
        Ok(permit) => expected.assert_debug_eq(&permit),
        Err(denial) => expected.assert_eq(&denial.to_string()),
    }
}

fn apply(case: &mut Case, event: Event) {
    case.state.apply(&event).expect("a legal event");
}

#[test]
fn a_sound_request_is_permitted_inside_definite_limits() {
    check(
        |_| {},
        expect![[r#"
            Permit {
                agent: AgentId(
                    0,
                ),
                run: RunId(
                    0,
                ),
                generation: Generation(
                    1,
                ),
                bounds: Assessment {
                    limits: EffectiveLimits {
                        cpu_percent: 10,
                        memory_mb: 512,
                        pids: 128,
                        deadline_ms: 900000,
                        file_size_mb: 10,
                        io_ops_per_sec: 100,
                        network_requests_per_min: 50,
                        connections: 64,
                        bandwidth_kb_per_sec: 8192,
                        transfer_mb: 1024,
                    },
                    lists: Lists {
                        read_only_paths: [
                            ".git",
                            ".ai_onboard",
                        ],
                        forbidden_paths: [
                            ".env",
                            ".env.local",
                            ".netrc",
                            ".ssh",
                            ".aws",
                        ],
                        allowed_domains: [],
                        forbidden_protocols: [],
                        forbidden_commands: [],
                        domains_bind: false,
                        deny_ech: true,
                    },
                    missing_walls: [],
                },
            }
        "#]],
    );
    check(
        |case| {
            case.spec.limits =
                Limits { memory_mb: Some(64), deadline_ms: Some(5_000), ..Limits::default() }
        },
        expect![[r#"
            Permit {
                agent: AgentId(
                    0,
                ),
                run: RunId(
                    0,
                ),
                generation: Generation(
                    1,
                ),
                bounds: Assessment {
                    limits: EffectiveLimits {
                        cpu_percent: 10,
                        memory_mb: 64,
                        pids: 128,
                        deadline_ms: 5000,
                        file_size_mb: 10,
                        io_ops_per_sec: 100,
                        network_requests_per_min: 50,
                        connections: 64,
                        bandwidth_kb_per_sec: 8192,
                        transfer_mb: 1024,
                    },
                    lists: Lists {
                        read_only_paths: [
                            ".git",
                            ".ai_onboard",
                        ],
                        forbidden_paths: [
                            ".env",
                            ".env.local",
                            ".netrc",
                            ".ssh",
                            ".aws",
                        ],
                        allowed_domains: [],
                        forbidden_protocols: [],
                        forbidden_commands: [],
                        domains_bind: false,
                        deny_ech: true,
                    },
                    missing_walls: [],
                },
            }
        "#]],
    );
}

#[test]
fn each_rule_denies() {
    check(
        |case| case.policy = PolicyInForce::Broken("policy.yaml:3:1: unknown key".into()),
        expect!["policy.yaml:3:1: unknown key (policy); mend the policy file; nothing runs before"],
    );
    check(
        |case| apply(case, Event::EmergencyDeclared { reason: "drill".into() }),
        expect![
            "an emergency shutdown is in force: drill (emergency); a person lifts it with `ai_onboard background-agents resume --reason …`"
        ],
    );
    check(
        |case| apply(case, Event::AgentQuarantined { agent: AgentId(0), why: "it forked".into() }),
        expect![
            "`todo-counter` is in quarantine: it forked (quarantine); a person lifts it after looking into it, with a reason"
        ],
    );
    check(
        |case| case.state = State::default(),
        expect![
            "`todo-counter` (a0) is not registered (unknown_agent); register its project again"
        ],
    );
    check(
        |case| case.spec.hash = "bb".into(),
        expect![
            "`todo-counter` is not the program that was registered (changed_program); register its project again"
        ],
    );
    check(
        |case| case.run = RunId(9),
        expect![
            "r9 is not a run that waits or works (stale_run); nothing to do: the run was placed anew or has ended"
        ],
    );
    check(
        |case| {
            let process = Process { pid: 7, start_ticks: 7 };
            let (run, generation) = (RunId(0), Generation(1));
            apply(
                case,
                Event::RunStarted {
                    run,
                    generation,
                    process,
                    deadline: Time(9),
                    degraded: Vec::new(),
                },
            );
        },
        expect![
            "r0 is not waiting to be started (stale_run); nothing to do: the run was placed anew or has ended"
        ],
    );
    check(
        |case| case.generation = Generation(2),
        expect![
            "r0 is at g1, this asks for g2 (stale_run); nothing to do: the run was placed anew or has ended"
        ],
    );
    check(
        |case| {
            case.walls =
                Walls::all().with(Wall::Memory, Standing::Absent { why: "no cgroup".into() })
        },
        expect![
            "this host can't hold the wall `memory`: no cgroup (sandbox_mode); `ai_onboard doctor` says what is missing and the mend"
        ],
    );
}

#[test]
fn every_wall_is_needed_and_a_degraded_one_is_enough() {
    for wall in WALLS {
        let mut case = Case::new();
        let assess =
            |case: &Case| assess(&case.policy, &case.state, AgentId(0), &case.spec, &case.walls);
        case.walls = Walls::all().with(wall, Standing::Degraded { why: "weaker".into() });
        assert!(assess(&case).is_ok(), "{wall}");
        case.walls = Walls::all().with(wall, Standing::Absent { why: "gone".into() });
        assert_eq!(assess(&case).expect_err("a wall is missing").rule, "sandbox_mode");
    }
    let case = Case { walls: Walls::none(), ..Case::new() };
    assert!(assess(&case.policy, &case.state, AgentId(0), &case.spec, &case.walls).is_err());
}

#[test]
fn a_base_without_sandbox_mode_permits_and_names_what_is_missing() {
    let text = layer::DEFAULT_POLICY.replace("sandbox_mode: true\n", "sandbox_mode: false\n");
    let base = parse_layer(&text, "policy.yaml", Authority::Organisation).expect("right");
    check(
        |case| {
            case.policy = PolicyInForce::Sound(Box::new(merge(&[base]).expect("complete")));
            case.walls = Walls::all().with(Wall::Cpu, Standing::Absent { why: "no cgroup".into() });
        },
        expect![[r#"
            Permit {
                agent: AgentId(
                    0,
                ),
                run: RunId(
                    0,
                ),
                generation: Generation(
                    1,
                ),
                bounds: Assessment {
                    limits: EffectiveLimits {
                        cpu_percent: 10,
                        memory_mb: 512,
                        pids: 128,
                        deadline_ms: 900000,
                        file_size_mb: 10,
                        io_ops_per_sec: 100,
                        network_requests_per_min: 50,
                        connections: 64,
                        bandwidth_kb_per_sec: 8192,
                        transfer_mb: 1024,
                    },
                    lists: Lists {
                        read_only_paths: [
                            ".git",
                            ".ai_onboard",
                        ],
                        forbidden_paths: [
                            ".env",
                            ".env.local",
                            ".netrc",
                            ".ssh",
                            ".aws",
                        ],
                        allowed_domains: [],
                        forbidden_protocols: [],
                        forbidden_commands: [],
                        domains_bind: false,
                        deny_ech: true,
                    },
                    missing_walls: [
                        Cpu,
                    ],
                },
            }
        "#]],
    );
}

#[test]
fn an_assessment_says_what_of_network_and_commands_is_allowed() {
    let text = "background_agent_safety:\n  action_restrictions:\n    network: {allowed_domains: \
                [a.example], forbidden_protocols: [ftp]}\n    system: {forbidden_commands: [rm]}\n";
    let user = parse_layer(text, "policy.yaml", Authority::User).expect("right");
    let layers = [default_layer().expect("right"), user];
    let mut case = Case::new();
    case.policy = PolicyInForce::Sound(Box::new(merge(&layers).expect("complete")));
    let bounds = assess(&case.policy, &case.state, AgentId(0), &case.spec, &case.walls);
    let bounds = bounds.expect("it is permitted");
    assert_eq!(bounds.allowed_domains(), ["a.example"]);
    assert_eq!(bounds.forbidden_protocols(), ["ftp"]);
    assert_eq!(bounds.forbidden_commands(), ["rm"]);
    assert_eq!(bounds.limits().network_requests_per_min, 50);
}

#[test]
fn a_limit_above_the_policy_is_denied_by_its_name() {
    let none = Limits::default();
    let PolicyInForce::Sound(policy) = sound() else { panic!("the defaults are sound") };
    for (asked, key, text) in [
        (
            Limits { cpu_percent: Some(11), ..none },
            "limits.cpu_percent",
            expect![
                "the agent asks for 11 %, `max_cpu_percent` allows 10 % (max_cpu_percent); ask for less in the manifest; 10 % is set by the defaults (default-policy.yaml:18:22)"
            ],
        ),
        (
            Limits { memory_mb: Some(513), ..none },
            "limits.memory_mb",
            expect![
                "the agent asks for 513 MB, `max_memory_mb` allows 512 MB (max_memory_mb); ask for less in the manifest; 512 MB is set by the defaults (default-policy.yaml:20:20)"
            ],
        ),
        (
            Limits { pids: Some(129), ..none },
            "limits.pids",
            expect![
                "the agent asks for 129, `max_pids` allows 128 (max_pids); ask for less in the manifest; 128 is set by the defaults (default-policy.yaml:25:15)"
            ],
        ),
        (
            Limits { deadline_ms: Some(900_001), ..none },
            "limits.deadline",
            expect![
                "the agent asks for 15m 1ms, `max_run_minutes` allows 15m (max_run_minutes); ask for less in the manifest; 15m is set by the defaults (default-policy.yaml:27:22)"
            ],
        ),
        (
            Limits { file_size_mb: Some(11), ..none },
            "limits.file_size_mb",
            expect![
                "the agent asks for 11 MB, `max_file_size_mb` allows 10 MB (max_file_size_mb); ask for less in the manifest; 10 MB is set by the defaults (default-policy.yaml:57:25)"
            ],
        ),
        (
            Limits { io_ops_per_sec: Some(101), ..none },
            "limits.io_ops_per_sec",
            expect![
                "the agent asks for 101/s, `max_io_ops_per_sec` allows 100/s (max_io_ops_per_sec); ask for less in the manifest; 100/s is set by the defaults (default-policy.yaml:21:25)"
            ],
        ),
    ] {
        let (place, denial) = check_limits(&policy, &asked).expect_err("above");
        assert_eq!(place, key);
        text.assert_eq(&denial.to_string());
        let case = Case { spec: spec(asked), ..Case::new() };
        let request = Request {
            agent: AgentId(0),
            spec: &case.spec,
            run: case.run,
            generation: case.generation,
            walls: &case.walls,
        };
        assert_eq!(judge(&case.policy, &case.state, &request).err(), Some(denial));
    }
}

/// What caused a run does not enter the judgement.
#[test]
fn a_person_s_run_is_judged_as_any_other() {
    for trigger in [Trigger::Manual, Trigger::Schedule, Trigger::Message] {
        let mut case = Case::new();
        case.state.runs.get_mut(&RunId(0)).expect("it is there").trigger = trigger;
        case.state.emergency = state_in_emergency().emergency;
        let request = Request {
            agent: AgentId(0),
            spec: &case.spec,
            run: case.run,
            generation: case.generation,
            walls: &case.walls,
        };
        let denial = judge(&case.policy, &case.state, &request).expect_err("an emergency");
        assert_eq!(denial.rule, "emergency");
    }
}

fn state_in_emergency() -> State {
    let mut state = state();
    state.apply(&Event::EmergencyDeclared { reason: "drill".into() }).expect("legal");
    state
}
