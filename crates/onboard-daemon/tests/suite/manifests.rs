//! A project's agents as people write them, and what is said of what they wrote wrong.

use expect_test::{Expect, expect};
use onboard_daemon::handle::{Handle, Paths};
use onboard_daemon::manifests::BuiltInManifest;
use onboard_daemon::views::Applied;
use onboard_domain::{Command, State};
use std::path::Path;
use std::sync::Arc;

const BUILT_IN: &str = "name: health\ndescription: d\nschedule: continuous\n";
const WELL: &str = "name: well\nschedule: daily\nprogram: ./well.sh\n";

struct Project {
    folder: tempfile::TempDir,
    handle: Handle,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Project {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let paths = Paths { state: at("state"), runtime: at("runtime"), config: at("config") };
        let built_in = vec![BuiltInManifest { name: "health", text: BUILT_IN }];
        let applied = Arc::new(Applied::default());
        let (handle, _) = Handle::apart(State::default(), paths, applied, built_in);
        std::fs::create_dir_all(at("loom/.ai_onboard/agents")).unwrap();
        let project = Project { folder, handle };
        project.write("loom/.ai_onboard/agents/well.sh", "exit 0\n");
        project.write("loom/.ai_onboard/agents/well.yaml", WELL);
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The agents with their schedules, or every problem.
    fn load(&self) -> String {
        let root = self.folder.path().join("loom");
        match self.handle.load_project(&root) {
            Ok(Command::RegisterProject { agents, .. }) => {
                let lines = agents.iter().map(|spec| {
                    format!("{} {} {:?}\n", spec.name, spec.schedule, spec.limits.memory_mb)
                });
                lines.collect()
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                let folder: &Path = self.folder.path();
                format!("{error}\n").replace(&*folder.to_string_lossy(), "")
            }
        }
    }
}

/// What loading a project with these files besides a sound one says.
#[track_caller]
fn check(files: &[(&str, &str)], expect: Expect) {
    expect.assert_eq(&Project::new(files).load());
}

/// A further agent's manifest.
#[track_caller]
fn check_agent(text: &str, expect: Expect) {
    check(&[("loom/.ai_onboard/agents/bad.yaml", text)], expect);
}

#[test]
fn manifests_and_settings_are_read_together_and_the_users_word_is_the_last() {
    check(
        &[
            (
                "loom/.ai_onboard/config.yaml",
                "agents:\n  well: { schedule: hourly, limits: { memory_mb: 64 } }\n",
            ),
            ("config/config.yaml", "agents:\n  well:\n    schedule: every 2 hours\n"),
        ],
        expect![[r#"
            health continuous None
            well every 2 hours Some(64)
        "#]],
    );
}

#[test]
fn a_schedule_that_cannot_be_read() {
    check_agent(
        "name: bad\nschedule: weekly on fryday\n",
        expect![[r#"
        /loom/.ai_onboard/agents/bad.yaml:2:11: expected a day such as `monday`, `weekdays` or `weekends`, found `fryday`
          2 | schedule: weekly on fryday
            |           ^^^^^^^^^^^^^^^^
            = did you mean `weekly on friday`?
    "#]],
    );
    check_agent(
        "name: bad\nschedule: daily\nzone: Europe/Berlim\n",
        expect![[r#"
        /loom/.ai_onboard/agents/bad.yaml:3:7: no such time zone: `Europe/Berlim`; names look like Europe/Berlin
          3 | zone: Europe/Berlim
            |       ^^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn a_lock_of_what_is_no_path_of_the_project() {
    check_agent(
        "name: bad\nschedule: daily\nprogram: ./well.sh\nlocks: [db, 'file:../x']\n",
        expect![[r#"
            /loom/.ai_onboard/agents/bad.yaml:4:13: its path is written from the project's folder, without `.`, `..` and empty parts
              4 | locks: [db, 'file:../x']
                |             ^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn dependencies_that_do_not_exist_or_go_round() {
    check_agent(
        "name: bad\nschedule: daily\ndepends_on: [wel]\n",
        expect![[r#"
        /loom/.ai_onboard/agents/bad.yaml:3:14: no agent `wel` in this project; there are bad, health, well
          3 | depends_on: [wel]
            |              ^^^
    "#]],
    );
    check(
        &[
            ("loom/.ai_onboard/agents/a.yaml", "name: a\nschedule: daily\ndepends_on: [b]\n"),
            ("loom/.ai_onboard/agents/b.yaml", "name: b\nschedule: daily\ndepends_on: [well, c]\n"),
            ("loom/.ai_onboard/agents/c.yaml", "name: c\nschedule: daily\ndepends_on: [a]\n"),
        ],
        expect![[r#"
            /loom/.ai_onboard/agents/c.yaml:3:14: a cycle: a -> b -> c -> a
              3 | depends_on: [a]
                |              ^
        "#]],
    );
}

#[test]
fn limits_above_the_policy() {
    check_agent(
        "name: bad\nschedule: daily\nlimits:\n  memory_mb: 4096\n  cpu_percent: 5\n",
        expect![[r#"
            /loom/.ai_onboard/agents/bad.yaml:4:14: the agent asks for 4096 MB, `max_memory_mb` allows 512 MB (max_memory_mb); ask for less in the manifest; 512 MB is set by the defaults (default-policy.yaml:20:20)
              4 |   memory_mb: 4096
                |              ^^^^
        "#]],
    );
    check(
        &[("config/config.yaml", "agents:\n  well:\n    limits: { cpu_percent: 90 }\n")],
        expect![[r#"
            /config/config.yaml:3:28: the agent asks for 90 %, `max_cpu_percent` allows 10 % (max_cpu_percent); ask for less in the manifest; 10 % is set by the defaults (default-policy.yaml:18:22)
              3 |     limits: { cpu_percent: 90 }
                |                            ^^
        "#]],
    );
}

#[test]
fn names_that_are_taken() {
    check_agent(
        "name: well\nschedule: daily\nprogram: [sh]\n",
        expect![[r#"
            /loom/.ai_onboard/agents/well.yaml:1:7: `well` is the name of the agent in /loom/.ai_onboard/agents/bad.yaml
              1 | name: well
                |       ^^^^
                = give it a name of its own
        "#]],
    );
    check_agent(
        "name: health\nschedule: daily\n",
        expect![[r#"
            /loom/.ai_onboard/agents/bad.yaml:1:7: `health` is the name of a built-in agent
              1 | name: health
                |       ^^^^^^
                = give it a name of its own
        "#]],
    );
}

#[test]
fn settings_that_are_wrong() {
    let settings = |text: &str, expect: Expect| {
        check(&[("loom/.ai_onboard/config.yaml", text)], expect);
    };
    settings(
        "agents:\n  wel: { schedule: daily }\n",
        expect![[r#"
        /loom/.ai_onboard/config.yaml:2:8: there is no agent `wel` here
          2 |   wel: { schedule: daily }
            |        ^^^^^^^^^^^^^^^^^^^
            = did you mean `well`?
    "#]],
    );
    settings(
        "agents:\n  well: { schedul: daily }\n",
        expect![[r#"
            /loom/.ai_onboard/config.yaml:2:11: unknown key `schedul`
              2 |   well: { schedul: daily }
                |           ^^^^^^^
                = did you mean `schedule`? known here: `schedule`, `zone`, `priority`, `resources`, `depends_on`, `locks`, `limits`, `missed`, `overlap`, `retry`, `wakes_on`, `settings`, `findings_per_day`, `stop_grace`, `shared_keys`
        "#]],
    );
    settings(
        "agents:\n  well: { schedule: dayly }\n",
        expect![[r#"
        /loom/.ai_onboard/config.yaml:2:21: expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `dayly`
          2 |   well: { schedule: dayly }
            |                     ^^^^^
            = did you mean `daily`?
    "#]],
    );
    settings(
        "agents: [\n",
        expect![[r#"
        /loom/.ai_onboard/config.yaml:1:9: not YAML: unclosed bracket '['
          1 | agents: [
            |         ^
    "#]],
    );
}

#[test]
fn files_that_are_none() {
    check_agent(
        "name: bad\nschedule: daily\nprogram: ./none.sh\n",
        expect![[r#"
            /loom/.ai_onboard/agents/bad.yaml:3:10: the program's file `./none.sh` can't be read: there is no such file beside the manifest
              3 | program: ./none.sh
                |          ^^^^^^^^^
        "#]],
    );
    check_agent(
        &"#".repeat(300_000),
        expect![[r#"
        /loom/.ai_onboard/agents/bad.yaml: more than 262144 bytes, the most that are read
    "#]],
    );
    let project = Project::new(&[]);
    let config = project.folder.path().join("loom/.ai_onboard/config.yaml");
    std::os::unix::fs::symlink("/dev/zero", config).unwrap();
    expect![[r#"
        /loom/.ai_onboard/config.yaml: not a plain file
    "#]]
    .assert_eq(&project.load());
}

#[test]
fn a_project_without_a_folder_has_the_built_in_agents() {
    let project = Project::new(&[]);
    std::fs::remove_dir_all(project.folder.path().join("loom/.ai_onboard")).unwrap();
    expect![[r#"
        health continuous None
    "#]]
    .assert_eq(&project.load());
}
