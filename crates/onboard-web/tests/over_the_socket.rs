//! Client, server and handle over a real unix socket.

mod support;

use onboard_domain::{AgentId, Command, ProjectId};
use onboard_web::api::{
    AgentDetail, AgentRow, AuditRow, CrewView, DaemonView, EventRow, FindingRow, Items, LogLine,
    ProblemKind, Report, RunRow, StateWord, WatchLine,
};
use onboard_web::client::{Client, ClientError, Waited};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use support::{TestDaemon, spec};

struct World {
    folder: tempfile::TempDir,
    daemon: TestDaemon,
    client: Client,
}

/// A daemon with one project of two agents.
fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let daemon = TestDaemon::start(folder.path());
    let client = Client::new(&folder.path().join("run/daemon.sock")).unwrap();
    let command = Command::RegisterProject {
        root: "/src/thing".into(),
        name: "thing".into(),
        agents: vec![spec("monitor"), spec("optimizer")],
        git: String::new(),
        plan: String::new(),
    };
    let answer = client.command(command, "a test").unwrap();
    assert_eq!(answer.project.as_deref(), Some("p0"));
    assert_eq!(answer.agents.len(), 2);
    World { folder, daemon, client }
}

fn start(client: &Client) -> onboard_web::api::CommandAnswer {
    client.command(Command::Start { agents: vec![AgentId(0)] }, "a test").unwrap()
}

#[test]
fn the_socket_is_closed_to_others() {
    let world = world();
    let mode = |name: &str| std::fs::metadata(world.folder.path().join(name)).unwrap().mode();
    assert_eq!(mode("run") & 0o777, 0o700);
    assert_eq!(mode("run/daemon.sock") & 0o777, 0o600);
}

#[test]
fn a_command_is_answered_and_every_read_shows_it() {
    let world = world();
    let answer = start(&world.client);
    assert!(answer.changed);
    assert_eq!(
        (answer.agents[0].name.as_str(), answer.agents[0].run.as_deref()),
        ("monitor", Some("r0"))
    );
    assert!(!start(&world.client).changed, "starting twice changes nothing");

    let run: RunRow = eventually(|| {
        let run: RunRow = world.client.get("/runs/r0", &[]).ok()?;
        run.ended.is_some().then_some(run)
    });
    assert_eq!((run.result.as_str(), run.new_findings), ("succeeded", 1));

    let agents: Vec<AgentRow> =
        world.client.items("/agents", &[("project", "/src/thing")]).unwrap();
    let words: Vec<_> = agents.iter().map(|agent| (agent.name.as_str(), agent.state)).collect();
    assert_eq!(words, [("monitor", StateWord::Idle), ("optimizer", StateWord::Stopped)]);
    assert_eq!(agents[0].attention, ["1 high"]);

    let detail: AgentDetail = world.client.get("/agents/a0", &[]).unwrap();
    assert_eq!(detail.recent_runs.len(), 1);
    assert_eq!(detail.findings[0].title, "one person wrote 93 % of src/engine");

    let findings: Vec<FindingRow> = world.client.items("/findings", &[]).unwrap();
    assert_eq!(findings.len(), 1);
    let crew: CrewView = world.client.get("/crew", &[("project", "/src/thing")]).unwrap();
    let names: Vec<&str> = crew.agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!((names, crew.dismissed), (vec!["monitor", "optimizer"], Vec::new()));
    assert!(crew.agents.iter().all(|agent| agent.facts.is_empty()), "neither shares its facts");
    let unnamed = world.client.get::<CrewView>("/crew", &[]).unwrap_err();
    assert!(unnamed.to_string().contains("`project`"), "{unnamed}");
    let query = [("agent", "a0"), ("limit", "1")];
    let runs: Items<RunRow> = world.client.get("/runs", &query).unwrap();
    assert_eq!(runs.next_cursor.as_deref(), Some("r0"));
    let logs: Vec<LogLine> =
        world.client.items("/logs", &[("agent", "a0"), ("level", "warn")]).unwrap();
    assert_eq!(logs[0].message, "shallow clone");
    let events: Vec<EventRow> = world.client.items("/events", &[("agent", "a0")]).unwrap();
    let ended = events.last().unwrap();
    assert_eq!(ended.kind, "dev.ai-onboard.agent.run.ended.v1");
    assert_eq!(ended.source, "/projects/p0/agents/monitor");
    let report: Report = world.client.get("/report", &[]).unwrap();
    assert_eq!((report.agents[0].runs, report.new_findings.len()), (1, 1));
    let daemon: DaemonView = world.client.get("/daemon", &[]).unwrap();
    assert_eq!(daemon.agents[&StateWord::Idle], 1);
}

#[test]
fn the_audit_names_the_peer_as_the_kernel_does() {
    let world = world();
    let audit: Vec<AuditRow> = world.client.items("/audit", &[]).unwrap();
    let onboard_domain::Actor::Person { uid, .. } = &audit[0].actor else {
        panic!("{:?} is no person", audit[0].actor)
    };
    let own = std::fs::metadata(world.folder.path()).unwrap().uid();
    assert_eq!(*uid, own);
    assert_eq!((audit[0].what.as_str(), audit[0].why.as_str()), ("register_project", "a test"));
}

#[test]
fn a_page_of_the_audit_has_as_many_entries_as_were_asked_for() {
    let world = world();
    for _ in 0..3 {
        start(&world.client);
        let stop = Command::Stop { agents: vec![AgentId(0)], now: false };
        world.client.command(stop, "a test").unwrap();
    }
    let (mut read, mut cursor) = (0, String::new());
    loop {
        let query = [("limit", "2"), ("cursor", cursor.as_str())];
        let query = if cursor.is_empty() { &query[..1] } else { &query[..] };
        let page: Items<AuditRow> = world.client.get("/audit", query).unwrap();
        assert!(page.items.len() <= 2, "{:?}", page.items);
        read += page.items.len();
        let Some(next) = page.next_cursor else { break };
        cursor = next;
    }
    let all: Items<AuditRow> = world.client.get("/audit", &[]).unwrap();
    assert_eq!(read, all.items.len());
}

#[test]
fn errors_are_problems_with_a_stable_type() {
    let world = world();
    let check = |told: Result<RunRow, ClientError>, kind| match told {
        Err(ClientError::Problem(problem)) => assert_eq!(problem.kind, kind, "{problem}"),
        other => panic!("{other:?}"),
    };
    check(world.client.get("/agents/a9", &[]), ProblemKind::UnknownAgent);
    check(world.client.get("/runs/r9", &[]), ProblemKind::Unknown);
    check(world.client.get("/runs", &[("project", "/none")]), ProblemKind::UnknownProject);
    check(world.client.get("/runs", &[("limit", "many")]), ProblemKind::Invalid);
    check(world.client.get("/runs", &[("nonsense", "1")]), ProblemKind::Invalid);
    check(world.client.get("/nowhere", &[]), ProblemKind::Unknown);
    check(world.client.post("/agents", &1), ProblemKind::Invalid);
    check(world.client.post("/commands", &"x".repeat(300_000)), ProblemKind::TooLarge);
    let adopt = Command::AdoptPolicy { hash: "0".into(), origin: "x".into(), project: None };
    let told = world.client.command(adopt, "");
    check(told.map(|_| unreachable!()), ProblemKind::Forbidden);
    let stop = Command::Stop { agents: vec![AgentId(7)], now: false };
    check(world.client.command(stop, "").map(|_| unreachable!()), ProblemKind::UnknownAgent);
}

#[test]
fn a_project_is_registered_with_the_agents_of_its_manifests() {
    let world = world();
    let root = world.folder.path().join("project");
    std::fs::create_dir_all(root.join(".ai_onboard/agents")).unwrap();
    let answer = world.client.register(&root, "").unwrap();
    let names: Vec<_> = answer.agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!((answer.project.as_deref(), names.as_slice()), (Some("p1"), &["monitor"][..]));
    std::fs::write(
        root.join(".ai_onboard/config.yaml"),
        "agents:\n  monitor:\n    schedul: daily\n",
    )
    .unwrap();
    match world.client.register(&root, "") {
        Err(ClientError::Problem(problem)) => {
            assert_eq!(problem.kind, ProblemKind::Invalid);
            assert!(problem.detail.contains("config.yaml:3:5"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_http_is_refused_and_hurts_nobody() {
    let world = world();
    let socket = world.folder.path().join("run/daemon.sock");
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"\x00\xffnonsense\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    start(&world.client);
}

#[test]
fn a_watcher_sees_everything_after_ready_and_the_end() {
    let mut world = world();
    let mut lines = world.client.stream("/watch", &[("project", "p0")]).unwrap();
    let mut next = || match lines.next::<WatchLine>(Some(Duration::from_secs(20))).unwrap() {
        Waited::Line(line) => Some(line),
        Waited::Over => None,
        Waited::Nothing => panic!("no line within 20 s"),
    };
    assert_eq!(next(), Some(WatchLine::Ready));
    let starter = Client::new(&world.folder.path().join("run/daemon.sock")).unwrap();
    start(&starter);
    let mut kinds = Vec::new();
    while let Some(WatchLine::Event(event)) = next() {
        kinds.push(event.kind.replace("dev.ai-onboard.", ""));
        if kinds.last().is_some_and(|kind| kind == "agent.run.ended.v1") {
            break;
        }
    }
    assert_eq!(
        kinds,
        [
            "agent.started.v1",
            "agent.run.queued.v1",
            "agent.run.placed.v1",
            "agent.run.started.v1",
            "finding.recorded.v1",
            "agent.run.finished.v1",
            "agent.run.ended.v1"
        ]
    );
    world.daemon.server.take().unwrap().stop("for a test");
    assert_eq!(next(), Some(WatchLine::End { reason: "for a test".into() }));
    assert_eq!(next(), None);
}

#[test]
fn a_log_is_followed_from_what_is_there_to_what_is_added() {
    let world = world();
    let query = [("agent", "a0"), ("limit", "5")];
    let mut lines = world.client.stream("/logs/follow", &query).unwrap();
    let starter = Client::new(&world.folder.path().join("run/daemon.sock")).unwrap();
    start(&starter);
    let mut texts = Vec::new();
    while texts.len() < 2 {
        match lines.next::<LogLine>(Some(Duration::from_secs(20))).unwrap() {
            Waited::Line(line) => texts.push(line.message),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(texts, ["reading history", "shallow clone"]);
}

#[test]
fn a_loop_that_ended_is_said_so() {
    let mut world = world();
    world.daemon.end_loop();
    match world.client.command(Command::Start { agents: vec![AgentId(0)] }, "") {
        Err(ClientError::Problem(problem)) => assert_eq!(problem.kind, ProblemKind::Ended),
        other => panic!("{other:?}"),
    }
    assert!(world.client.get::<DaemonView>("/daemon", &[]).is_ok(), "reads still work");
}

#[test]
fn a_second_daemon_is_refused_and_a_stale_socket_is_not_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("run")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("run/daemon.sock")).unwrap());
    let first = TestDaemon::start(folder.path());
    let second = onboard_web::server::start(onboard_web::server::Sources {
        handle: first.handle.clone(),
        clock: std::sync::Arc::new(|| support::NOW),
        version: "0",
        ends_on_signals: false,
        hooks: std::sync::Arc::default(),
    });
    assert!(matches!(second, Err(onboard_web::server::StartError::InUse(_))));
}

#[test]
fn no_daemon_and_a_hung_daemon_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("daemon.sock");
    let client = || Client::new(&socket).unwrap().with_timeout(Duration::from_millis(100));
    assert!(matches!(client().get::<DaemonView>("/daemon", &[]), Err(ClientError::Absent(_))));
    let _hung = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(matches!(client().get::<DaemonView>("/daemon", &[]), Err(ClientError::TimedOut(_))));
}

#[test]
fn sixty_four_clients_at_once_are_all_answered() {
    let world = world();
    let socket = world.folder.path().join("run/daemon.sock");
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let client = Client::new(&socket).unwrap();
                let accept = Command::RegisterProject {
                    root: "/src/thing".into(),
                    name: "thing".into(),
                    agents: vec![],
                    git: String::new(),
                    plan: String::new(),
                };
                let answer = client.command(accept, "").unwrap();
                assert_eq!(answer.project, Some(ProjectId(0).to_string()));
            });
        }
    });
}

/// What `look` finds, once it does; asks again for at most 20 s.
fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..20_000 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::yield_now();
    }
    panic!("it never came");
}
