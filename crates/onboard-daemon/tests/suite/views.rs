//! The views: what they answer, and that they can always be had again from the journal.

use crate::stage::{MIDNIGHT, Stage};
use expect_test::expect;
use onboard_daemon::handle::Published;
use onboard_daemon::views::{Applied, ViewWriter, Views};
use onboard_domain::{AgentId, Batch, Event, FORMAT, Fingerprint, ProjectId, RunId, State, Time};
use onboard_journal::{Hash, Journal, MemoryJournal};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

const HISTORY: &str = r#"
    agent alpha = every 10 minutes | {"reads":["git"]}
    agent beta = manual
    register
    began
    start alpha
    run beta
    launched r0
    launched r1
    call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f"}}
    call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"g"}}
    call r0 {"finish":{"nothing_to_report":false,"summary":"two found"}}
    gone r0 exit 0
    cmd {"accept_finding":{"project":0,"fingerprint":"f"}}
    cmd {"dismiss_finding":{"project":0,"fingerprint":"g","reason":"as meant"}}
    wait 10s
    call r1 {"record_finding":{"rule":"r","severity":"high","title":"worse","fingerprint":"f"}}
    gone r1 exit 3 no such file
    wait 25m
"#;

struct Scene {
    folder: tempfile::TempDir,
    applied: Arc<Applied>,
    journal: MemoryJournal,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        Scene { folder, applied: Arc::default(), journal: MemoryJournal::new() }
    }

    /// A scene whose journal has the history.
    fn with_history() -> Scene {
        let mut scene = Scene::new();
        for batch in Stage::play(HISTORY).journal {
            scene.append(&batch);
        }
        scene
    }

    fn append(&mut self, batch: &Batch) -> Published {
        let before = self.journal.head().unwrap().seq;
        let seq = self.journal.append(before, batch.time.0, &batch.encode()).unwrap().seq;
        Published { seq, batch: Arc::new(batch.clone()) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("views.db")
    }

    fn writer(&self) -> ViewWriter {
        ViewWriter::open(&self.path(), Arc::clone(&self.applied)).unwrap()
    }

    fn caught_up(&self) -> ViewWriter {
        let mut writer = self.writer();
        writer.catch_up(&self.journal).unwrap();
        writer
    }

    fn views(&self) -> Views {
        Views::new(self.path(), Arc::clone(&self.applied))
    }

    /// Every row that people can ask for.
    fn rows(&self) -> String {
        let (views, mut out) = (self.views(), String::new());
        for agent in 0..3 {
            for run in views.runs(AgentId(agent), None, 100).unwrap() {
                writeln!(out, "{}", serde_json::to_string(&run).unwrap()).unwrap();
            }
        }
        for finding in views.findings(ProjectId(0), None, 100).unwrap() {
            writeln!(out, "{}", serde_json::to_string(&finding).unwrap()).unwrap();
        }
        for event in views.events(0, None, None, 10_000).unwrap() {
            let (agent, run) = (event.agent.map(|a| a.0), event.run.map(|r| r.0));
            writeln!(out, "{} {} {agent:?} {run:?}", event.seq, event.kind).unwrap();
        }
        for slot in views.slots(MIDNIGHT, MIDNIGHT).unwrap() {
            writeln!(out, "{} {} {}", slot.agent, slot.why, slot.count).unwrap();
        }
        out
    }
}

#[test]
fn history_can_be_asked_for() {
    let scene = Scene::with_history();
    scene.caught_up();
    let views = scene.views();
    let head = scene.journal.head().unwrap().seq;
    assert!(views.applied().wait(head, Duration::ZERO));
    assert!(!views.applied().wait(head + 1, Duration::ZERO));
    let run = |id| {
        let run = views.run(RunId(id)).unwrap().unwrap();
        let started = run.started.map(|at| at.since(MIDNIGHT));
        let ended = run.ended.map(|at| at.since(MIDNIGHT));
        format!(
            "{} {} {started:?} {ended:?} {:?} [{}] [{}] {}",
            run.run, run.trigger, run.outcome, run.why, run.summary, run.findings
        )
    };
    let finding = |mark: &str| {
        let row = views.finding(ProjectId(0), &Fingerprint(mark.into())).unwrap().unwrap();
        format!(
            "{mark} {} by {} in {} [{}] {} {}..{}",
            row.status,
            row.agent,
            row.run,
            row.reason,
            row.finding.title,
            row.first_seen.since(MIDNIGHT),
            row.last_seen.since(MIDNIGHT)
        )
    };
    let ids = |rows: Vec<onboard_daemon::views::RunRow>| {
        rows.iter().map(|row| row.run.to_string()).collect::<Vec<_>>().join(" ")
    };
    let kinds = |rows: Vec<onboard_daemon::views::EventRow>| {
        rows.iter().map(|row| row.kind.clone()).collect::<Vec<_>>().join(" ")
    };
    let told = [
        run(0),
        run(1),
        finding("f"),
        finding("g"),
        ids(views.runs(AgentId(0), None, 10).unwrap()),
        ids(views.runs(AgentId(0), Some(RunId(2)), 10).unwrap()),
        ids(views.runs_ended(MIDNIGHT, MIDNIGHT.plus(1)).unwrap()),
        views.findings(ProjectId(0), Some("dismissed"), 10).unwrap().len().to_string(),
        kinds(views.events(0, None, Some(AgentId(1)), 10).unwrap()),
        kinds(views.newest_events(Some(ProjectId(0)), None, 3).unwrap()),
        format!("{:?}", views.slots(MIDNIGHT, MIDNIGHT).unwrap()),
        format!("{:?}", views.run(RunId(99)).unwrap()),
    ];
    expect![[r#"
        r0 started Some(0) Some(0) Some("succeeded") [] [two found] 2
        r1 manual Some(0) Some(10000) Some("failed") [exit code 3: no such file] [] 1
        f accepted by a0 in r0 [] t 0..0
        g dismissed by a0 in r0 [as meant] t 0..0
        r0
        r0
        r0
        1
        agent_registered run_queued run_placed run_started finding_recorded run_ended
        finding_dismissed finding_recorded run_ended
        [SlotRow { agent: AgentId(0), why: "nothing_changed", count: 3 }]
        None"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn what_was_accepted_and_then_went_away_was_accepted() {
    let mut scene = Scene::with_history();
    let time = MIDNIGHT.plus(86_400_000);
    let fingerprint = Fingerprint("f".into());
    let project = ProjectId(0);
    let gone = Event::FindingResolved {
        project,
        fingerprint: fingerprint.clone(),
        by: Some("12ab".into()),
    };
    scene.append(&Batch { format: FORMAT, time, causes: Vec::new(), events: vec![gone] });
    scene.caught_up();
    let row = scene.views().finding(project, &fingerprint).unwrap().unwrap();
    assert_eq!((&*row.status, &*row.reason), ("resolved", "by 12ab after it was accepted"));
}

#[test]
fn pages_of_events_have_each_of_them_once() {
    let scene = Scene::with_history();
    scene.caught_up();
    let views = scene.views();
    let places = |rows: &[onboard_daemon::views::EventRow]| {
        rows.iter().map(|row| (row.seq, row.index)).collect::<Vec<_>>()
    };
    for agent in [None, Some(AgentId(0))] {
        let all = places(&views.events(0, None, agent, 10_000).unwrap());
        assert!(all.windows(2).any(|two| two[0].0 == two[1].0), "batches have several: {all:?}");
        for limit in 1..4 {
            let (mut read, mut after) = (Vec::new(), 0);
            loop {
                let page = places(&views.events(after, None, agent, limit).unwrap());
                let Some((last, _)) = page.last() else { break };
                after = *last;
                read.extend(page);
            }
            assert_eq!(read, all, "by {limit}");
        }
    }
    // The place is the one in the batch, whatever is left out.
    let of_one = views.events(0, None, Some(AgentId(1)), 1).unwrap();
    let batch = places(&views.events(of_one[0].seq - 1, None, None, 1).unwrap());
    assert_eq!(of_one[0].index, 2, "{batch:?}");
}

#[test]
fn the_newest_runs_are_the_newest() {
    let scene = Scene::with_history();
    scene.caught_up();
    let views = scene.views();
    let ids = |of: &[u32], limit: usize| {
        let of = (!of.is_empty()).then(|| of.iter().copied().map(AgentId).collect());
        let until = MIDNIGHT.plus(86_400_000);
        let rows = views.newest_runs(MIDNIGHT, until, of.as_ref(), limit).unwrap();
        rows.iter().map(|row| row.run.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        [ids(&[], 9), ids(&[], 1), ids(&[0], 1), ids(&[0, 1], 9), ids(&[7], 9)],
        ["r1 r0", "r1", "r0", "r1 r0", ""]
    );
}

#[test]
fn followed_is_the_same_as_rebuilt() {
    let rebuilt = Scene::with_history();
    rebuilt.caught_up();
    let mut followed = Scene::new();
    let (send, receive) = sync_channel(1_000);
    for batch in Stage::play(HISTORY).journal {
        send.send(followed.append(&batch)).unwrap();
    }
    drop(send);
    followed.writer().follow(&receive).unwrap();
    assert_eq!(followed.rows(), rebuilt.rows());
    assert!(rebuilt.rows().lines().count() > 20, "{}", rebuilt.rows());
}

#[test]
fn what_was_applied_is_not_applied_again() {
    let mut scene = Scene::new();
    let (send, receive) = sync_channel(1_000);
    for batch in Stage::play(HISTORY).journal {
        send.send(scene.append(&batch)).unwrap();
    }
    drop(send);
    let mut writer = scene.caught_up();
    let rows = scene.rows();
    writer.follow(&receive).unwrap();
    writer.catch_up(&scene.journal).unwrap();
    assert_eq!(scene.rows(), rows);
}

#[test]
fn a_follower_that_lagged_catches_up() {
    let mut scene = Scene::new();
    let mut writer = scene.writer();
    let (send, receive) = sync_channel(1_000);
    for (index, batch) in Stage::play(HISTORY).journal.iter().enumerate() {
        let published = scene.append(batch);
        // A few are lost on the way.
        if !(4..9).contains(&index) {
            send.send(published).unwrap();
        }
    }
    writer.follow(&receive).unwrap();
    writer.catch_up(&scene.journal).unwrap();
    drop(send);
    writer.follow(&receive).unwrap();
    let whole = Scene::with_history();
    whole.caught_up();
    assert_eq!(scene.rows(), whole.rows());
}

#[test]
fn views_that_are_lost_damaged_or_of_another_layout_are_rebuilt() {
    let scene = Scene::with_history();
    scene.caught_up();
    let rows = scene.rows();
    let damages: [&dyn Fn(); 3] = [
        &|| std::fs::remove_file(scene.path()).unwrap(),
        &|| std::fs::write(scene.path(), "no views".repeat(1_000)).unwrap(),
        &|| {
            let connection = rusqlite::Connection::open(scene.path()).unwrap();
            connection.pragma_update(None, "user_version", 99).unwrap();
            connection.execute_batch("DROP TABLE runs").unwrap();
        },
    ];
    for damage in damages {
        damage();
        scene.caught_up();
        assert_eq!(scene.rows(), rows);
    }
}

#[test]
fn views_of_another_journal_are_begun_anew() {
    let scene = Scene::with_history();
    scene.caught_up();
    let mut other = Scene { journal: MemoryJournal::new(), ..scene };
    other.append(&Stage::play("began").journal[0]);
    other.caught_up();
    assert_eq!(other.rows(), "1 daemon_started None None\n");
}

#[test]
fn damage_that_shows_later_is_mended_too() {
    let scene = Scene::with_history();
    let writer = scene.caught_up();
    let rows = scene.rows();
    let corrupt = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(11), None);
    let mut writer = writer.after(&corrupt.into(), &scene.path());
    assert!(!scene.views().applied().wait(1, Duration::ZERO), "begun anew");
    writer.catch_up(&scene.journal).unwrap();
    assert_eq!(scene.rows(), rows);
}

#[test]
fn old_rows_go() {
    let mut scene = Scene::with_history();
    let mut writer = scene.caught_up();
    let slot = |day: i64| Event::SlotPassed {
        agent: AgentId(0),
        slot: Time(day * 86_400_000),
        count: 1,
        why: onboard_domain::event::Passed::Paused,
        next: None,
    };
    // More batches than between two prunings, each a day later.
    for day in 0..5_001 {
        let events = vec![slot(30_000 + day)];
        let batch = Batch { format: FORMAT, time: MIDNIGHT.plus(day), causes: vec![], events };
        scene.append(&batch);
    }
    writer.catch_up(&scene.journal).unwrap();
    let counted = |days: i64| {
        let newest = 30_000 + 5_000;
        let (from, until) = (Time((newest - days) * 86_400_000), Time(newest * 86_400_000));
        let slots = scene.views().slots(from, until).unwrap();
        slots.iter().filter(|row| row.why == "paused").map(|row| row.count).sum::<u64>()
    };
    // Pruned at the end of a transaction, so that those after the last pruning may be more.
    assert!((400..=1_401).contains(&counted(4_999)), "{}", counted(4_999));
    assert_eq!(counted(99), 100);
}

#[test]
fn views_begun_anew_after_entries_were_dropped_know_what_is_open() {
    let mut scene = Scene::new();
    let (mut state, mut at) = (State::default(), 0);
    for batch in Stage::play(HISTORY).journal {
        scene.append(&batch);
        state.apply_batch(&batch).unwrap();
        at += 1;
    }
    scene.caught_up();
    let finding = |scene: &Scene| {
        let row = scene.views().finding(ProjectId(0), &Fingerprint("f".into())).unwrap();
        row.map(|row| (row.status, row.last_seen, row.finding.title))
    };
    let before = finding(&scene);
    assert!(before.is_some());
    let bytes = state.encode();
    scene.journal.put_snapshot(at, Hash::of(&bytes), &bytes).unwrap();
    scene.journal.compact(at).unwrap();
    std::fs::remove_file(scene.path()).unwrap();
    scene.caught_up();
    assert_eq!(finding(&scene), before);
    assert_eq!(scene.views().applied().seq(), at);
    let live = state.runs.len();
    let seeded = (0..3).map(|agent| scene.views().runs(AgentId(agent), None, 100).unwrap().len());
    assert_eq!(seeded.sum::<usize>(), live, "runs that have not ended are there");
}
