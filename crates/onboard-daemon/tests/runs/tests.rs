//! What real runs come to.

use crate::asked;
use crate::brokers;
use crate::hostile;
use crate::house::{House, lives};
use crate::networks;
use crate::silent::{Answered, Silent};
use onboard_daemon::handle::Published;
use onboard_daemon::latch::{self, Latch};
use onboard_domain::violation::Rule;
use onboard_domain::{Command, Event, Fingerprint, ProjectId, RefusalKind, RunId, State};
use onboard_sandbox::{Layer, Status};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::Receiver;

/// A test: its name and its body.
pub type Named = (&'static str, fn(House));

pub const ALL: [Named; 42] = [
    ("a_daemon_opens_as_many_files_as_it_may", a_daemon_opens_as_many_files_as_it_may),
    ("the_last_leaves_no_group", the_last_leaves_no_group),
    ("a_run_succeeds_with_its_finding", a_run_succeeds_with_its_finding),
    ("a_checkpoint_survives_a_crash_and_a_restart", a_checkpoint_survives_a_crash_and_a_restart),
    ("facts_are_files_of_those_who_read_them", facts_are_files_of_those_who_read_them),
    ("a_deadline_ends_the_whole_tree", a_deadline_ends_the_whole_tree),
    ("stopped_means_gone", stopped_means_gone),
    ("a_stop_gives_time_for_last_words", a_stop_gives_time_for_last_words),
    ("who_takes_no_notice_is_killed_in_time", who_takes_no_notice_is_killed_in_time),
    ("a_stop_can_be_hurried", a_stop_can_be_hurried),
    ("a_daemon_that_ends_gives_time_and_does_not_hang", a_daemon_that_ends_gives_time),
    ("a_shutdown_leaves_no_process", a_shutdown_leaves_no_process),
    ("what_a_killed_daemon_leaves_is_buried", what_a_killed_daemon_leaves_is_buried),
    ("a_journal_that_fails_ends_the_daemon", a_journal_that_fails_ends_the_daemon),
    ("each_end_has_its_words", each_end_has_its_words),
    ("a_program_that_is_not_there_is_refused", a_program_that_is_not_there_is_refused),
    ("an_agents_folder_shows_nothing_that_is_forbidden", an_agents_folder_shows_nothing_forbidden),
    ("a_policy_that_goes_bad_leaves_the_sound_one", a_policy_that_goes_bad_leaves_the_sound_one),
    ("a_first_policy_that_is_bad_starts_nothing", a_first_policy_that_is_bad_starts_nothing),
    ("a_project_that_falls_silent_holds_up_nobody", a_project_that_falls_silent_holds_up_nobody),
    ("a_latch_set_by_hand_stops_everything", a_latch_set_by_hand_stops_everything),
    ("who_waits_for_a_lease_is_told_when_it_is_free", who_waits_for_a_lease_is_told),
    ("a_second_daemon_is_refused_and_told_of_the_first", a_second_daemon_is_refused),
    ("folders_that_are_open_to_others_are_closed", folders_are_closed),
    ("a_flood_of_output_is_bounded", a_flood_of_output_is_bounded),
    ("a_run_can_not_fill_the_journal", a_run_can_not_fill_the_journal),
    ("what_an_agent_may_not_say_is_on_record", what_an_agent_may_not_say_is_on_record),
    ("a_network_has_allowed_hosts_only", a_network_has_allowed_hosts_only),
    (
        "names_are_answered_from_the_asked_address",
        networks::names_are_answered_from_the_asked_address,
    ),
    ("files_are_as_closed_with_a_network", files_are_as_closed_with_a_network),
    ("processes_are_as_held_with_a_network", processes_are_as_held_with_a_network),
    ("an_allowed_host_is_reached", networks::an_allowed_host_is_reached),
    ("other_protocols_are_told_and_closed", networks::other_protocols_are_told_and_closed),
    ("network_limits_hold", networks::network_limits_hold),
    ("a_network_that_fails_ends_the_run", networks::a_network_that_fails_ends_the_run),
    ("a_credential_is_used_and_never_seen", brokers::a_credential_is_used_and_never_seen),
    ("a_model_is_asked_inside_its_budget", brokers::a_model_is_asked_inside_its_budget),
    (
        "what_a_dead_daemon_set_aside_counts_in_full",
        brokers::what_a_dead_daemon_set_aside_counts_in_full,
    ),
    ("an_allowed_host_has_a_door", brokers::an_allowed_host_has_a_door),
    (
        "a_program_checks_for_itself_whom_it_speaks_to",
        brokers::a_program_checks_for_itself_whom_it_speaks_to,
    ),
    ("an_answer_is_what_the_kernel_does", asked::an_answer_is_what_the_kernel_does),
    ("what_can_not_run_may_nothing", asked::what_can_not_run_may_nothing),
];

const SUCCEEDED: &str = "succeeded: ";

/// The soft limit is what a session gives, and what ends at some sixty runs.
fn a_daemon_opens_as_many_files_as_it_may(mut house: House) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    house.end();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..limit }).unwrap();
    house.begin();
    assert_eq!(getrlimit(Resource::Nofile).current, limit.maximum);
    // Its agents have their own.
    house.script("counter", "", "ulimit -n");
    house.register();
    let run = house.run("counter").unwrap();
    house.ended(run);
    assert_eq!(house.log("counter", run), "info stdout 1024\n");
}

fn the_last_leaves_no_group(mut house: House) {
    house.script("worker", "", "exit 0");
    house.register();
    assert_eq!(house.outcome("worker"), SUCCEEDED);
    let instance = onboard_daemon::start::instance(&house.paths().state);
    let layout = onboard_sandbox::cgroup::Layout::find().unwrap();
    let folders = || {
        let places = layout.places(&instance, "run").into_iter();
        places.map(|(_, place)| place.parent().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(folders().iter().all(|folder| folder.exists()));
    house.end();
    assert!(!folders().iter().any(|folder| folder.exists()), "{:?}", folders());
    house.begin();
}

fn a_run_succeeds_with_its_finding(house: House) {
    let script = "ai_onboard says finding a1b2c3d4 && ai_onboard says finish done 'one mark'";
    house.script("marker", "", script);
    house.register();
    let run = house.run("marker").unwrap();
    assert_eq!(house.ended(run), SUCCEEDED);
    let mark = Fingerprint("a1b2c3d4".into());
    house.handle().read(|state| {
        let project = &state.projects[&ProjectId(0)];
        assert_eq!(project.findings[&mark].finding.title, "a mark: a1b2c3d4");
        assert_eq!(state.agents[&project.agents["marker"]].recent[0].summary, "one mark");
    });
    assert_eq!(house.log("marker", run), "info stdout new\n");
    assert_eq!(house.records(), 0);
    assert_eq!(house.outcome("marker"), SUCCEEDED);
}

fn a_checkpoint_survives_a_crash_and_a_restart(mut house: House) {
    let script = "ai_onboard says load where; ai_onboard says save where there; kill -SEGV $$";
    house.script("crasher", "", script);
    house.register();
    let first = house.run("crasher").unwrap();
    assert_eq!(house.ended(first), "failed: ended by signal 11");
    assert_eq!(house.log("crasher", first), "info stdout None\n");
    house.begin_again();
    let second = house.run("crasher").unwrap();
    house.ended(second);
    assert_eq!(house.log("crasher", second), "info stdout Some(\"there\")\n");
}

fn facts_are_files_of_those_who_read_them(house: House) {
    let saves = "ai_onboard says save names a.rs; ai_onboard says save-bytes tree; \
                 cat /app/facts.index.names";
    house.script("index", "shares_facts: true", saves);
    let reads = "cat /app/facts.index.names; od -An -tx1 /app/facts.index.tree; \
                 echo more 2>/dev/null >/app/facts.index.names || echo read-only";
    house.script("reader", "facts_from: [index]", reads);
    house.script("stranger", "", "ls /app");
    house.register();
    let log_of = |name: &str| {
        let run = house.run(name).unwrap();
        house.ended(run);
        house.log(name, run)
    };
    assert!(log_of("index").contains("No such file"), "nothing is there before the first run");
    assert_eq!(log_of("index"), "info stdout a.rs\n", "its own are there, too");
    let read = "info stdout a.rs ff 00 0a\ninfo stdout read-only\n";
    assert_eq!(log_of("reader"), read);
    assert_eq!(log_of("stranger"), "info stdout agent\ninfo stdout ai_onboard\n");
}

fn a_deadline_ends_the_whole_tree(house: House) {
    house.script("late", "limits: { deadline: 1s }", "sleep 1000 & ai_onboard says wait");
    house.register();
    let run = house.run("late").unwrap();
    let process = house.process(run);
    assert!(lives(&process));
    assert_eq!(house.ended(run), "timed_out: its deadline passed");
    assert!(!lives(&process));
    assert_eq!(house.records(), 0);
}

fn stopped_means_gone(house: House) {
    house.script("idle", "", "ai_onboard says save at work; ai_onboard says wait");
    house.register();
    let run = house.run("idle").unwrap();
    house.checkpoint("idle");
    let process = house.process(run);
    assert_eq!(house.records(), 1);
    house.command(Command::Stop { agents: vec![house.agent("idle")], now: true }).unwrap();
    assert_eq!(house.ended(run), "killed: it was stopped");
    assert!(!lives(&process));
    assert_eq!(house.records(), 0);
}

/// Keeps what it has when it is told to end; what it waits in is told so, too. It is at work when its
/// shell waits: between two commands a shell would begin the second before it minds the signal.
const POLITE: &str = "trap 'ai_onboard says save late words; exit 0' TERM
    setsid -w sh -c 'ai_onboard says save at work; sleep 1000'";

/// Takes no notice, nor does any of its children.
const STUBBORN: &str = "trap '' TERM
    sleep 1000 &
    ai_onboard says save at work
    while :; do sleep 1000; done";

fn a_stop_gives_time_for_last_words(house: House) {
    house.script("polite", "stop_grace: 30s", POLITE);
    house.register();
    let run = house.run("polite").unwrap();
    house.checkpoint("polite");
    let process = house.process(run);
    house.command(Command::Stop { agents: vec![house.agent("polite")], now: false }).unwrap();
    assert_eq!(house.stopping(run), [30_000], "its end was its own");
    assert!(!lives(&process));
    let polite = house.agent("polite");
    house.handle().read(|state| {
        let kept = &state.agents[&polite].checkpoints;
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["at", "late"]);
        assert_eq!(state.agents[&polite].recent[0].outcome.explanation(), "it was stopped");
    });
}

fn who_takes_no_notice_is_killed_in_time(house: House) {
    house.script("stubborn", "stop_grace: 1s", STUBBORN);
    house.register();
    let run = house.run("stubborn").unwrap();
    house.checkpoint("stubborn");
    let process = house.process(run);
    house.command(Command::Stop { agents: vec![house.agent("stubborn")], now: false }).unwrap();
    assert_eq!(house.stopping(run), [1_000, 0], "told to end, then killed");
    assert!(!lives(&process));
    assert_eq!(house.records(), 0);
}

fn a_stop_can_be_hurried(house: House) {
    house.script("stubborn", "stop_grace: 30s", STUBBORN);
    house.register();
    let agents = || vec![house.agent("stubborn")];
    let hurry: [fn(Vec<_>) -> Command; 2] = [
        |agents| Command::Stop { agents, now: true },
        |_| Command::EmergencyShutdown { reason: "a trial".into() },
    ];
    for command in hurry {
        let run = house.run("stubborn").unwrap();
        house.process(run);
        house.command(Command::Stop { agents: agents(), now: false }).unwrap();
        house.command(command(agents())).unwrap();
        assert_eq!(house.stopping(run), [30_000, 0]);
    }
    house.command(Command::LiftEmergency { reason: "it was one".into() }).unwrap();
    let run = house.run("stubborn").unwrap();
    house.process(run);
    house.command(Command::Stop { agents: agents(), now: true }).unwrap();
    assert_eq!(house.stopping(run), [0]);
}

fn a_daemon_that_ends_gives_time(mut house: House) {
    house.script("polite", "stop_grace: 30s", POLITE);
    house.script("stubborn", "stop_grace: 1s", STUBBORN);
    house.register();
    let runs = ["polite", "stubborn"].map(|name| house.run(name).unwrap());
    ["polite", "stubborn"].iter().for_each(|name| house.checkpoint(name));
    let processes = runs.map(|run| house.process(run));
    house.end();
    assert!(!processes.iter().any(lives));
    house.begin();
    let polite = house.agent("polite");
    house.handle().read(|state| {
        let kept = &state.agents[&polite].checkpoints;
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["at", "late"]);
        assert_eq!(state.runs.len(), 0);
    });
}

fn a_shutdown_leaves_no_process(mut house: House) {
    house.script("idle", "", "ai_onboard says save at work; ai_onboard says wait");
    house.register();
    let run = house.run("idle").unwrap();
    house.checkpoint("idle");
    let process = house.process(run);
    house.end();
    assert!(!lives(&process));
    assert_eq!(house.records(), 0);
}

fn what_a_killed_daemon_leaves_is_buried(mut house: House) {
    house.script("idle", "", "ai_onboard says save at work; sleep 1000 & ai_onboard says wait");
    house.register();
    let process = house.die_at_work("idle");
    house.begin();
    assert!(!lives(&process), "dead before the daemon has started");
    assert_eq!(house.records(), 0);
    let outcome = house.wait_for(|state| {
        let agent = state.agents.values().find(|agent| !agent.recent.is_empty())?;
        Some(agent.recent[0].outcome.explanation())
    });
    assert_eq!(outcome, "the daemon ended while it ran");
    let idle = house.agent("idle");
    house.handle().read(|state| {
        assert_eq!(state.agents[&idle].checkpoints.keys().collect::<Vec<_>>(), ["at"]);
        assert_eq!(onboard_domain::check::check(state), Vec::<String>::new());
    });
}

fn a_journal_that_fails_ends_the_daemon(mut house: House) {
    house.script("worker", "", "exit 0");
    house.register();
    let handle = house.handle();
    let durable = handle.read(State::digest);
    let journal = house.lock_journal();
    let worker = house.agent("worker");
    assert!(house.is_unanswered(Command::Run { agent: worker }));
    let fault = house.fault();
    assert!(fault.contains("journal"), "{fault}");
    // Nobody sees what is not durable.
    assert_eq!(handle.read(State::digest), durable);
    drop(journal);
}

fn each_end_has_its_words(house: House) {
    house.script("three", "", "echo no such thing >&2; exit 3");
    house.script("quiet", "", "exit 4");
    house.script("hungry", "limits: { memory_mb: 64 }", "exec ai_onboard says eat");
    house.script("nothing", "", "ai_onboard says finish nothing 'all is well'");
    house.register();
    assert_eq!(house.outcome("three"), "failed: exit code 3: no such thing");
    assert_eq!(house.outcome("quiet"), "failed: exit code 4");
    // Without a group of its own its allocation fails, and it ends itself.
    let by_kernel = "failed: memory limit of 64 MB reached";
    let expected = if kernel_holds_memory() { by_kernel } else { "failed: ended by signal 6: " };
    let outcome = house.outcome("hungry");
    assert!(outcome.starts_with(expected), "{outcome}");
    assert_eq!(house.outcome("nothing"), "nothing_to_report: ");
}

pub fn kernel_holds_memory() -> bool {
    let layout = onboard_sandbox::cgroup::Layout::find().unwrap();
    let pairs = layout.mechanisms(true).pairs();
    pairs.iter().any(|(layer, held)| *layer == Layer::Memory && held.status() == Status::Enforced)
}

fn a_program_that_is_not_there_is_refused(house: House) {
    let manifest = "name: ghost\nschedule: manual\nprogram: [no-such-program]\n";
    house.file(".ai_onboard/agents/ghost.yaml", manifest);
    house.register();
    assert_eq!(
        house.outcome("ghost"),
        "refused: there is no program `no-such-program` on this machine (program)"
    );
}

/// An agent's folder is seen beside the project, without its masks: whatever it is made to be, no run
/// reads by it what the policy forbids.
fn an_agents_folder_shows_nothing_forbidden(house: House) {
    let words =
        "name: snoop\nschedule: manual\nprogram: [sh, ./agent.sh]\nretry: { attempts: 0 }\n";
    let script = "cat /app/agent/.env /app/agent/key\nexit 0\n";
    let own = house.project().join(".ai_onboard/agents/snoop");
    let forbid = |path: &str| {
        let text = format!(
            "background_agent_safety:\n  action_restrictions:\n    file_system:\n      \
             forbidden_paths: [{path}]\n"
        );
        house.file(".ai_onboard/policy.yaml", &text);
    };
    // The program stands in the project's folder, where a link will lead to.
    for folder in ["", ".ai_onboard/agents/snoop/"] {
        house.file(&format!("{folder}agent.yaml"), words);
        house.file(&format!("{folder}agent.sh"), script);
    }
    house.file(".env", "of the project");
    house.file(".ai_onboard/agents/snoop/key", "of the agent");
    house.register();
    let said = || {
        let run = house.run("snoop").expect("a run");
        let end = house.ended(run);
        // A run that was refused has no log.
        let log = if end.starts_with("refused") { String::new() } else { house.log("snoop", run) };
        let log = log.lines().filter(|line| line.contains("of the")).collect::<String>();
        format!("{}\n{log}\n", end.trim_end()).replace(&*house.project().to_string_lossy(), "")
    };
    let mut all = said();
    forbid(".ai_onboard/agents/snoop/key");
    all += &said();
    forbid(".ai_onboard/agents");
    all += &said();
    forbid("nothing");
    std::fs::rename(&own, house.project().join("elsewhere")).expect("a move");
    for target in ["../..", "../../elsewhere"] {
        std::os::unix::fs::symlink(target, &own).expect("a link");
        all += &said();
        all += &house.handle().load_project(house.project()).map_or_else(
            |error| format!("{error}\n").replace(&*house.project().to_string_lossy(), ""),
            |_| "loaded\n".into(),
        );
        std::fs::remove_file(&own).expect("no link");
    }
    expect_test::expect![[r#"
        succeeded:
        info stdout of the agent
        refused: the agent's folder /.ai_onboard/agents/snoop is shown to its runs without masks, and `.ai_onboard/agents/snoop/key` is forbidden: keep them apart (agent_folder)

        refused: the agent's folder /.ai_onboard/agents/snoop is shown to its runs without masks, and `.ai_onboard/agents` is forbidden: keep them apart (agent_folder)

        refused: /.ai_onboard/agents/snoop is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder itself there (agent_folder)

        /.ai_onboard/agents/snoop is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder itself there
        refused: /.ai_onboard/agents/snoop is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder itself there (agent_folder)

        /.ai_onboard/agents/snoop is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder itself there
    "#]].assert_eq(&all);
}

fn policy(memory_mb: &str) -> String {
    format!("background_agent_safety:\n  resource_limits:\n    max_memory_mb: {memory_mb}\n")
}

fn a_policy_that_goes_bad_leaves_the_sound_one(house: House) {
    house.script("worker", "", "exit 0");
    house.file(".ai_onboard/policy.yaml", &policy("128"));
    house.register();
    assert_eq!(house.outcome("worker"), SUCCEEDED);
    house.wait_for(|state| state.policy.clone());
    let published = house.handle().follow();
    house.file(".ai_onboard/policy.yaml", &policy("lots"));
    // Said when the file changes, before a run meets it.
    assert!(refused_policy(&published).contains("policy.yaml:3:20"));
    assert_eq!(house.outcome("worker"), SUCCEEDED);
    house.script("worker", "limits: { memory_mb: 256 }", "exit 0");
    let root = house.handle().read(|state| state.projects[&ProjectId(0)].root.clone());
    let refused = house.handle().load_project(root.as_ref()).unwrap_err().to_string();
    assert!(refused.contains("worker/agent.yaml:6:22"), "{refused}");
    assert!(refused.contains("128"), "{refused}");
}

/// Why a policy's files were refused, as it is published.
fn refused_policy(published: &Receiver<Published>) -> String {
    loop {
        for event in &published.recv().expect("a daemon").batch.events {
            if let Event::PolicyRefused { why, .. } = event {
                return why.clone();
            }
        }
    }
}

fn a_first_policy_that_is_bad_starts_nothing(house: House) {
    house.script("worker", "", "exit 0");
    house.file(".ai_onboard/policy.yaml", &policy("lots"));
    let published = house.handle().follow();
    house.register();
    assert!(refused_policy(&published).contains("policy.yaml:3:20"));
    let outcome = house.outcome("worker");
    assert!(outcome.starts_with("refused: "), "{outcome}");
    assert!(outcome.contains("policy.yaml:3:20"), "{outcome}");
    house.file(".ai_onboard/policy.yaml", &policy("128"));
    assert_eq!(house.outcome("worker"), SUCCEEDED);
}

/// Its file system says what there is, and nothing of what is in it.
fn a_project_that_falls_silent_holds_up_nobody(house: House) {
    // Only root mounts file systems.
    if !crate::is_root() {
        return;
    }
    house.script("quick", "", "exit 0");
    house.file("signs/wait", "");
    let at_work = "until [ -e signs/go ]; do sleep 0.05; done\nai_onboard says finding a1b2c3d4";
    house.script("at-work", "", at_work);
    house.register();
    assert_eq!(house.outcome("quick"), SUCCEEDED);
    let working = house.run("at-work").expect("it runs");
    house.process(working);
    let names = Answered { own: false, names: true };
    let silent = Silent::mount(&house.project().join(".ai_onboard"), names);
    let refused = house.outcome("quick");
    let why = "does not answer: mount it anew, or remove the project";
    assert!(refused.starts_with("refused: ") && refused.contains(why), "{refused}");
    // What is said by a run that works meanwhile is decided by what its project's files said last.
    house.file("signs/go", "");
    assert_eq!(house.ended(working), SUCCEEDED);
    let mark = Fingerprint("a1b2c3d4".into());
    let told = |state: &State| state.projects[&ProjectId(0)].findings.contains_key(&mark);
    assert!(house.handle().read(told));
    silent.await_request();
    drop(silent);
    // The thread that waited has to come back first.
    let again = (0..1_000).map(|_| house.outcome("quick")).find(|outcome| !outcome.contains(why));
    assert_eq!(again.as_deref(), Some(SUCCEEDED));
}

fn a_latch_set_by_hand_stops_everything(house: House) {
    house.script("idle", "", "ai_onboard says save at work; ai_onboard says wait");
    house.script("worker", "", "exit 0");
    house.register();
    let running = house.run("idle").unwrap();
    house.checkpoint("idle");
    house.command(Command::EmergencyShutdown { reason: "a trial".into() }).unwrap();
    house.command(Command::LiftEmergency { reason: "it was one".into() }).unwrap();
    house.ended(running);
    let running = house.run("idle").unwrap();
    house.process(running);
    // Whatever its time is: clocks are set back.
    let latch = Latch { reason: "smoke".into(), since_ms: 0 };
    latch::set(&house.paths(), &latch).unwrap();
    let (kind, why) = house.run("worker").unwrap_err();
    assert_eq!(kind, RefusalKind::Forbidden);
    assert!(why.contains("smoke"), "{why}");
    assert_eq!(house.ended(running), "killed: an emergency shutdown");
    assert_eq!(house.records(), 0);
    house.command(Command::LiftEmergency { reason: "it was toast".into() }).unwrap();
    assert!(!latch::is_set(&house.paths()));
    assert_eq!(house.outcome("worker"), SUCCEEDED);
}

fn who_waits_for_a_lease_is_told(house: House) {
    house.script(
        "holder",
        "",
        "ai_onboard says lock x; ai_onboard says save at work; ai_onboard says wait",
    );
    house.script("waiter", "", "ai_onboard says lock x");
    house.register();
    let holder = house.run("holder").unwrap();
    house.checkpoint("holder");
    let waiter = house.run("waiter").unwrap();
    house.wait_for(|state| {
        let waiting = &state.projects[&ProjectId(0)].waiting;
        waiting.iter().any(|waits| waits.run == waiter).then_some(())
    });
    house.command(Command::Stop { agents: vec![house.agent("holder")], now: true }).unwrap();
    house.ended(holder);
    // It asks again only when it is told to.
    assert_eq!(house.ended(waiter), SUCCEEDED);
    assert!(house.log("waiter", waiter).contains("held by"), "{}", house.log("waiter", waiter));
}

fn a_second_daemon_is_refused(house: House) {
    let refused = onboard_daemon::start(house.options()).err().expect("a refusal").to_string();
    assert!(refused.contains(&std::process::id().to_string()), "{refused}");
}

fn folders_are_closed(mut house: House) {
    house.end();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    let paths = house.paths();
    for folder in [&paths.state, &paths.runtime, &paths.config] {
        std::fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
    }
    house.begin();
    let modes = [&paths.state, &paths.runtime, &paths.config].map(|path| mode(path) & 0o777);
    assert_eq!(modes, [0o700, 0o700, 0o755]);
}

fn a_flood_of_output_is_bounded(house: House) {
    house.script("loud", "", "head -c 5000000 /dev/zero | tr '\\0' 'x' | fold -w 100");
    house.register();
    let run = house.run("loud").unwrap();
    assert_eq!(house.ended(run), SUCCEEDED);
    let bytes = std::fs::metadata(house.log_file("loud", run)).unwrap().len();
    let most = onboard_daemon::logs::RUN_BYTES_MAX;
    assert!((most - 10_000..most + 200).contains(&bytes), "{bytes}");
    assert!(house.log("loud", run).ends_with(&format!("left out: a run keeps {most} bytes\n")));
}

fn what_an_agent_may_not_say_is_on_record(house: House) {
    let script = r#"token="gh""p_x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi"
        echo "$token"; echo "$token"; echo "$token" >&2
        ai_onboard says save kept "$token"
        ai_onboard says finding "no hexadecimal mark"
        head -c 3000000 /dev/zero | tr '\0' x | fold -w 4000
        ai_onboard says finish done "used $token""#;
    house.script("leaky", "", script);
    house.register();
    let published = house.handle().follow();
    let run = house.run("leaky").unwrap();
    assert_eq!(house.ended(run), SUCCEEDED);
    let batches = until_published(&published, run);
    let recorded = batches.iter().flat_map(|published| &published.batch.events);
    let mut counts = std::collections::BTreeMap::new();
    for event in recorded {
        if let Event::ViolationRecorded { violation, .. } = event {
            let key = format!("{} {} {}", violation.rule, violation.what, violation.target);
            *counts.entry(key).or_insert(0) += violation.count;
        }
    }
    let of = |key: &str| counts.get(key).copied().unwrap_or_default();
    assert_eq!(of("output_secret stdout github-token"), 2, "{counts:?}");
    assert_eq!(of("output_secret stderr github-token"), 1, "{counts:?}");
    assert_eq!(of("output_secret save_checkpoint content: github-token"), 1, "{counts:?}");
    assert_eq!(of("output_secret finish summary: github-token"), 1, "{counts:?}");
    assert_eq!(of("output_invalid record_finding bounds"), 1, "{counts:?}");
    assert!(of("output_too_large stdout a run's log of 1048576 bytes") > 100, "{counts:?}");
    let text = serde_json::to_string(&batches.iter().map(|p| &p.batch).collect::<Vec<_>>());
    assert!(!text.unwrap().contains("x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi"));
    house.handle().read(|state| {
        let agent = &state.agents[&state.projects[&ProjectId(0)].agents["leaky"]];
        assert_eq!(agent.recent[0].summary, "used [redacted: github-token]");
        assert!(agent.totals.violations > 100);
    });
}

/// Everything that was published up to a run's end: it is seen in the state a moment before.
fn until_published(published: &Receiver<Published>, run: RunId) -> Vec<Published> {
    let is_end =
        |event: &Event| matches!(event, Event::RunEnded { run: ended, .. } if *ended == run);
    let mut batches: Vec<Published> = Vec::new();
    while !batches.iter().any(|published| published.batch.events.iter().any(is_end)) {
        batches.push(published.recv().unwrap());
    }
    batches
}

fn a_run_can_not_fill_the_journal(house: House) {
    house.script("filler", "", "ai_onboard says fill; true");
    house.register();
    let published = house.handle().follow();
    let run = house.run("filler").unwrap();
    assert_eq!(house.ended(run), SUCCEEDED);
    let log = house.log("filler", run);
    assert!(log.contains("limit: a run adds at most 4194304 bytes to the journal"), "{log}");
    let batches = until_published(&published, run);
    let events: Vec<_> = batches.iter().flat_map(|published| &published.batch.events).collect();
    let puts = events.iter().filter(|event| matches!(event, Event::StatePut { .. })).count();
    assert!((200..270).contains(&puts), "{puts}");
    let flood = events.iter().any(|event| match event {
        Event::ViolationRecorded { violation, .. } => {
            violation.rule == Rule::OutputFlood && violation.what == "put_state"
        }
        _ => false,
    });
    assert!(flood, "no record of it");
}

fn files_are_as_closed_with_a_network(_: House) {
    alike_with_a_network(|number| number < 31);
}

fn processes_are_as_held_with_a_network(_: House) {
    alike_with_a_network(|number| number >= 31);
}

fn alike_with_a_network(is_one: impl Fn(u32) -> bool) {
    let all = hostile::all();
    let number = |case: &hostile::Case| {
        case.number.trim_end_matches(char::is_alphabetic).parse().unwrap_or(0)
    };
    let cases: Vec<&hostile::Case> =
        all.iter().filter(|case| case.is_alike() && is_one(number(case))).collect();
    assert!(cases.len() > 10);
    hostile::with_a_network(&cases);
}

fn a_network_has_allowed_hosts_only(house: House) {
    let ask = "exec 3<>/dev/tcp/127.0.0.1/3128 && printf 'CONNECT evil.example:443 HTTP/1.1\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && echo $status at $https_proxy";
    house.script("caller", "", &format!("exec bash -c \"{}\"", ask.replace('$', "\\$")));
    let user = house.paths().user_policy();
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    let list = |hosts| {
        format!(
            "background_agent_safety:\n  action_restrictions:\n    network:\n      allowed_domains: [{hosts}]\n"
        )
    };
    std::fs::write(&user, list("good.example")).unwrap();
    house.register();
    let run = house.run("caller").unwrap();
    assert_eq!(house.ended(run), SUCCEEDED);
    assert_eq!(house.log("caller", run), "info stdout 403 at http://127.0.0.1:3128\n");
    std::fs::write(&user, list("")).unwrap();
    assert_ne!(house.outcome("caller"), SUCCEEDED, "without a host there is no network");
}
