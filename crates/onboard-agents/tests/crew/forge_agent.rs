//! The integration of external tools at a forge: what it says, what it keeps, and whose plan that is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use expect_test::expect;
use onboard_agents::external_tool_integration::forge::store::State;
use onboard_agents::external_tool_integration::forge::wire::Flavour;
use onboard_agents::external_tool_integration::{NAME, run};
use onboard_agents::host::{Ask, Door, Doors, Finding, Reply};
use onboard_agents::project_health_monitor;

use super::fixture::{Fixture, History, NOW_MS};
use super::forge::{Fault, Forge, Milestone};
use super::memory_host::MemoryHost;
use super::readers::Reader;

const QUARTER_MS: i64 = 900_000;

/// A door to a forge, that fails as long as it is told to.
struct Served {
    doors: Vec<Door>,
    forge: Rc<RefCell<Forge>>,
    fault: Rc<RefCell<Option<Fault>>>,
}

impl Doors for Served {
    fn list(&self) -> &[Door] {
        &self.doors
    }

    fn ask(&mut self, ask: &Ask<'_>) -> Reply {
        assert_eq!((ask.door, ask.json), (&*self.doors[0].url, None));
        let named = |wanted: &str| ask.fields.iter().find(|(name, _)| *name == wanted);
        assert!(named("User-Agent").is_some() && named("Accept").is_some(), "GitHub asks for both");
        let etag = named("If-None-Match").map(|(_, value)| *value);
        let fault = *self.fault.borrow();
        (self.forge.borrow_mut().ask(ask.path, etag, fault), 1_000)
    }
}

/// A project with a remote, and a credential for its forge.
struct Project {
    _fixture: Fixture,
    reader: Reader,
    forge: Rc<RefCell<Forge>>,
    fault: Rc<RefCell<Option<Fault>>>,
}

impl Project {
    fn new(remote: &str, door: &str, flavour: Flavour) -> Project {
        let mut history = History::default();
        history.commit("main", "ann", 30, "begin", &[("src/a.rs", "0\n")]);
        let fixture = Fixture::of(&history);
        fixture.git(&["remote", "add", "origin", remote]);
        let mut reader = Reader::of(fixture.root());
        let (forge, fault) = (Rc::new(RefCell::new(Forge::new(flavour))), Rc::default());
        let url = "http://forge.credential.onboard".into();
        let door = Door { url, host: door.into(), has_credential: true };
        let (served, doors) = (Rc::clone(&forge), vec![door]);
        let served = Served { doors, forge: served, fault: Rc::clone(&fault) };
        reader.agent.doors = Some(Box::new(served));
        Project { _fixture: fixture, reader, forge, fault }
    }

    fn look(&mut self) -> String {
        let said = self.reader.judge(run);
        self.reader.agent.task.now_ms += QUARTER_MS;
        let now_s = self.reader.agent.task.now_ms / 1_000;
        self.forge.borrow_mut().now_s = now_s;
        said
    }

    /// As [`Self::look`], so many times, while the forge fails.
    fn look_at(&mut self, fault: Fault, times: usize) -> String {
        *self.fault.borrow_mut() = Some(fault);
        let said: Vec<String> = (0..times).map(|_| self.look()).collect();
        *self.fault.borrow_mut() = None;
        said.join("\n")
    }
}

/// Two milestones, one of them over; the other late with half of its work.
fn fill(forge: &mut Forge) {
    let milestone = |title: &str, is_open, due: &str| Milestone {
        title: title.to_owned(),
        is_open,
        updated_s: NOW_MS / 1_000,
        due: Some(due.to_owned()),
    };
    forge.milestones.insert(101, milestone("v1.0", false, "2026-10-20"));
    forge.milestones.insert(102, milestone("v1.1", true, "2026-11-20"));
    for (title, is_merge, milestone, state) in [
        ("parse", false, 101, State::Done),
        ("print", false, 102, State::Done),
        ("count", false, 102, State::Open),
        ("count it", true, 102, State::Proposed),
        ("colours", false, 102, State::Dropped),
    ] {
        let number = forge.open(title, is_merge, Some(milestone));
        let now_s = forge.now_s;
        let item = forge.list(is_merge).get_mut(&number).expect("it was opened");
        item.state = state;
        item.closed_s = matches!(state, State::Done | State::Dropped).then_some(now_s);
        forge.now_s += 60;
    }
    forge.now_s = NOW_MS / 1_000;
}

/// Of connections that are refused, dead, and too slow for what there is.
pub fn examples() -> Vec<Finding> {
    // As many runs as a day has, and one more.
    let faults = [(Fault::Status(401), 1), (Fault::Status(502), 4), (Fault::Last(60), 98)];
    let told = |(fault, times)| {
        let remote = "https://github.com/octo/loom.git";
        let mut project = Project::new(remote, "api.github.com", Flavour::GitHub);
        project.look_at(fault, times);
        project.reader.agent.findings
    };
    faults.into_iter().flat_map(told).collect()
}

#[test]
fn a_forges_milestones_are_the_projects_plan() {
    let mut project =
        Project::new("git@github.com:octo/loom.git", "api.github.com", Flavour::GitHub);
    fill(&mut project.forge.borrow_mut());
    let said = project.look();
    expect!["nothing to report: octo/loom at github.com: 2 of 5 open, 2 milestones; no results of tools; nothing new"].assert_eq(&said);
    expect![[r#"project.plan.updated {"milestones":2,"source":"octo/loom at github.com"}"#]]
        .assert_eq(&project.reader.agent.events.join("\n"));
    let plan: serde_json::Value =
        serde_json::from_str(&project.reader.agent.checkpoints["plan"]).expect("JSON");
    expect![[r##"
        {
          "milestones": [
            {
              "due": "2026-11-20",
              "id": "v1.1",
              "number": 2,
              "start": "2026-10-01",
              "tasks": [
                {
                  "id": "#2",
                  "state": "done",
                  "title": "print"
                },
                {
                  "id": "#3",
                  "state": "todo",
                  "title": "count"
                },
                {
                  "id": "#4",
                  "state": "doing",
                  "title": "count it"
                },
                {
                  "id": "#5",
                  "state": "dropped",
                  "title": "colours"
                }
              ]
            },
            {
              "due": "2026-10-20",
              "id": "v1.0",
              "number": 1,
              "start": "2026-10-01",
              "tasks": [
                {
                  "id": "#1",
                  "state": "done",
                  "title": "parse"
                }
              ]
            }
          ],
          "schema_version": 1,
          "source": "octo/loom at github.com"
        }"##]]
    .assert_eq(&serde_json::to_string_pretty(&plan).expect("JSON"));
    // Nothing is news, nothing is written.
    project.reader.agent.saves_left = Some(0);
    project.look();
    project.reader.agent.saves_left = None;
    // The health monitor measures it.
    let shared = tempfile::tempdir().expect("a folder");
    let place = shared.path().join("plan");
    std::fs::write(&place, &project.reader.agent.checkpoints["plan"]).expect("a file");
    let facts = [("plan".to_owned(), place)].into();
    let mut monitor = MemoryHost { task: project.reader.agent.task.clone(), ..Default::default() };
    monitor.task.facts = [(NAME.to_owned(), facts)].into();
    project_health_monitor::run(&mut monitor).expect("it is measured");
    let late = monitor.findings.iter().find(|finding| finding.rule.contains("milestone"));
    let late = late.expect("one is late");
    let evidence: Vec<String> =
        late.evidence.iter().map(|e| format!("{:?} {}", e.value, e.text)).collect();
    expect![[r#"
        Milestone v1.1 is 3 days overdue
        v1.1: 1 of 3 tasks done, due 2026-11-20.
        Move issues out of v1.1 or move its date, in octo/loom at github.com.
        Some(2.0) milestone v1.1: the milestone's number in octo/loom at github.com
        Some(33.0) per cent of the work done"#]]
    .assert_eq(&format!(
        "{}\n{}\n{}\n{}",
        late.title,
        late.detail,
        late.action,
        evidence.join("\n")
    ));
    // Without the credential it is nobody's plan any more.
    project.reader.agent.doors = None;
    let said = project.look();
    expect!["nothing to report: octo/loom at github.com; no results of tools; nothing new"]
        .assert_eq(&said);
    assert!(project.reader.agent.checkpoints["plan"].contains("\"milestones\":[]"));
    assert_eq!(project.reader.agent.events.len(), 2);
}

#[test]
fn merge_requests_and_issues_of_one_number_are_two() {
    let mut project =
        Project::new("https://gitlab.com/octo/loom.git", "gitlab.com", Flavour::GitLab);
    fill(&mut project.forge.borrow_mut());
    expect!["nothing to report: octo/loom at gitlab.com: 2 of 5 open, 2 milestones; no results of tools; nothing new"].assert_eq(&project.look());
    let plan: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&project.reader.agent.checkpoints["plan"]).expect("JSON");
    let tasks = plan["milestones"][0]["tasks"].as_array().expect("tasks");
    let ids: Vec<&str> = tasks.iter().filter_map(|task| task["id"].as_str()).collect();
    expect!["#2 #3 #4 !1"].assert_eq(&ids.join(" "));
}

#[test]
fn what_is_wrong_with_the_connection_is_said_and_over_when_it_is() {
    let mut project =
        Project::new("https://github.com/octo/loom.git", "api.github.com", Flavour::GitHub);
    fill(&mut project.forge.borrow_mut());
    let mut said = vec![project.look_at(Fault::Status(401), 1)];
    // An hour has to pass before it is asked again.
    said.push(project.look());
    project.reader.agent.task.now_ms += 4 * QUARTER_MS;
    said.push(project.look());
    said.push(project.look_at(Fault::Status(502), 3));
    said.push(project.look());
    expect![[r#"
        succeeded: octo/loom at github.com: 0 of 0 open, 0 milestones (401: the server has failed); no results of tools; 1 new
        [medium] tools/forge-refused of octo/loom at github.com
          github.com refuses octo/loom since 2026-11-23
          It says: 401: the server has failed. Not all of it was ever read.
          do: See that the remote is right and that the credential for api.github.com may read issues, pull or merge requests and milestones; `ai_onboard credentials add` replaces it.
          - Number 1: runs in a row that failed
        nothing to report: octo/loom at github.com: 0 of 0 open, 0 milestones (401: the server has failed); no results of tools; nothing new
        succeeded: octo/loom at github.com: 2 of 5 open, 2 milestones; no results of tools; 1 resolved
        nothing to report: octo/loom at github.com: 2 of 5 open, 2 milestones (502: the server has failed); no results of tools; nothing new
        nothing to report: octo/loom at github.com: 2 of 5 open, 2 milestones (502: the server has failed); no results of tools; nothing new
        succeeded: octo/loom at github.com: 2 of 5 open, 2 milestones (502: the server has failed); no results of tools; 1 new
        [low] tools/forge-failing of octo/loom at github.com
          github.com does not answer for octo/loom since 2026-11-23
          At last: 502: the server has failed. All was read at last on 2026-11-23. It is asked again, at least every hour or so.
          do: See whether api.github.com is up and reachable from this machine.
          - Number 3: runs in a row that failed
        succeeded: octo/loom at github.com: 2 of 5 open, 2 milestones; no results of tools; 1 resolved"#]].assert_eq(&said.join("\n"));
}

#[test]
fn what_is_not_known_of_a_credentials_host_is_said() {
    let mut project =
        Project::new("https://git.example.org/octo/loom.git", "git.example.org", Flavour::GitLab);
    fill(&mut project.forge.borrow_mut());
    let first = project.look();
    project.reader.agent.task.settings = [("forge".to_owned(), "gitlab".to_owned())].into();
    let second = project.look();
    project.reader.agent.task.settings.insert("repository".to_owned(), "octo/other".to_owned());
    let third = project.look();
    expect![[r#"
        nothing to report: git.example.org has a credential; say `forge: github` or `forge: gitlab` in the settings; no results of tools; nothing new
        nothing to report: octo/loom at git.example.org: 2 of 5 open, 2 milestones; no results of tools; nothing new
        succeeded: octo/other at git.example.org: 0 of 0 open, 0 milestones (404: Not Found); no results of tools; 1 new
        [medium] tools/forge-refused of octo/other at git.example.org
          git.example.org refuses octo/other since 2026-11-23
          It says: 404: Not Found. Not all of it was ever read.
          do: See that the remote is right and that the credential for git.example.org may read issues, pull or merge requests and milestones; `ai_onboard credentials add` replaces it.
          - Number 1: runs in a row that failed"#]].assert_eq(&[first, second, third].join("\n"));
}

#[test]
fn a_secret_in_a_title_is_not_kept() {
    let mut project =
        Project::new("https://github.com/octo/loom.git", "api.github.com", Flavour::GitHub);
    let token = format!("{}{}", "ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    project.forge.borrow_mut().open(&format!("works with {token} only"), false, None);
    project.look();
    let kept = format!("{:?}", project.reader.agent.checkpoints);
    assert!(kept.contains("works with [redacted") && !kept.contains(&token), "{kept}");
}
