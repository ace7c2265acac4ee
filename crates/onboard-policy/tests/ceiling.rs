//! Who may set a value above its default, and up to what.

use expect_test::{Expect, expect};
use onboard_policy::{Authority, Layer, Machine, default_layer, merge, parse_layer};

fn layer(authority: Authority, body: &str) -> Layer {
    let file = format!("{authority:?}.yaml").to_lowercase();
    let text = format!("background_agent_safety:\n{body}");
    parse_layer(&text, &file, authority).expect("right by itself")
}

/// What the layers give for the keys that any of them has, or the problem.
fn check(layers: &[(Authority, &str)], expected: Expect) {
    let mut all = vec![default_layer().expect("the defaults are right")];
    all.extend(layers.iter().map(|(authority, body)| layer(*authority, body)));
    let text = match merge(&all) {
        Err(problem) => format!("{problem}\n"),
        Ok(policy) => policy
            .entries()
            .iter()
            .filter(|entry| entry.origin.authority != Authority::Defaults)
            .map(|entry| format!("{} = {} [{}]\n", entry.key, entry.value, entry.origin))
            .collect(),
    };
    expected.assert_eq(&text);
}

use Authority::{Organisation, Project, User};

#[test]
fn the_first_who_answers_for_the_machine_sets_a_key() {
    let cpu = |percent| match percent {
        50 => "  resource_limits: { max_cpu_percent: 50 }\n",
        40 => "  resource_limits: { max_cpu_percent: 40 }\n",
        _ => "  resource_limits: { max_cpu_percent: 60 }\n",
    };
    check(
        &[(Organisation, cpu(50))],
        expect![[r#"
        resource_limits.max_cpu_percent = 50 [the organisation (organisation.yaml:2:39)]
    "#]],
    );
    check(
        &[(User, cpu(50))],
        expect![[r#"
        resource_limits.max_cpu_percent = 50 [the user (user.yaml:2:39)]
    "#]],
    );
    check(
        &[(Organisation, cpu(50)), (User, cpu(40))],
        expect![[r#"
        resource_limits.max_cpu_percent = 40 [the user (user.yaml:2:39)]
    "#]],
    );
    check(
        &[(Organisation, cpu(50)), (User, cpu(60))],
        expect![[r#"
        user.yaml:2:39: `max_cpu_percent` would loosen 50 to 60
          2 |   resource_limits: { max_cpu_percent: 60 }
            |                                       ^^
            = 50 is set by the organisation (organisation.yaml:2:39); the user may only tighten it
    "#]],
    );
    // A key that the organisation leaves open is the user's.
    check(
        &[
            (Organisation, "  resource_limits: { max_pids: 64 }\n"),
            (User, cpu(50)),
            (Project, cpu(40)),
        ],
        expect![[r#"
            resource_limits.max_cpu_percent = 40 [the project (project.yaml:2:39)]
            resource_limits.max_pids = 64 [the organisation (organisation.yaml:2:32)]
        "#]],
    );
    check(
        &[(User, cpu(50)), (Project, cpu(60))],
        expect![[r#"
        project.yaml:2:39: `max_cpu_percent` would loosen 50 to 60
          2 |   resource_limits: { max_cpu_percent: 60 }
            |                                       ^^
            = 50 is set by the user (user.yaml:2:39); the project may only tighten it
    "#]],
    );
}

#[test]
fn a_value_that_is_the_default_s_is_whose_file_says_it() {
    let same = "  resource_limits: { max_cpu_percent: 10 }\n  action_restrictions:\n    file_system: \
                { forbidden_paths: [.env] }\n    system: { sandbox_mode: true }\n";
    check(
        &[(Project, same)],
        expect![[r#"
        resource_limits.max_cpu_percent = 10 [the project (project.yaml:2:39)]
        action_restrictions.file_system.forbidden_paths = .env [the project (project.yaml:4:38)]
        action_restrictions.system.sandbox_mode = true [the project (project.yaml:5:29)]
    "#]],
    );
    check(
        &[(Organisation, same), (User, same)],
        expect![[r#"
        resource_limits.max_cpu_percent = 10 [the organisation (organisation.yaml:2:39)]
        action_restrictions.file_system.forbidden_paths = .env [the organisation (organisation.yaml:4:38)]
        action_restrictions.system.sandbox_mode = true [the organisation (organisation.yaml:5:29)]
    "#]],
    );
    // Said at its default it is said: nobody after may raise it.
    check(
        &[(Organisation, same), (User, "  resource_limits: { max_cpu_percent: 11 }\n")],
        expect![[r#"
            user.yaml:2:39: `max_cpu_percent` would loosen 10 to 11
              2 |   resource_limits: { max_cpu_percent: 11 }
                |                                       ^^
                = 10 is set by the organisation (organisation.yaml:2:39); the user may only tighten it
        "#]],
    );
}

#[test]
fn switches_and_thresholds_are_keys_as_well() {
    let off = "  action_restrictions: { system: { sandbox_mode: false } }\n";
    let on = "  action_restrictions: { system: { sandbox_mode: true } }\n";
    check(
        &[(User, off)],
        expect![[r#"
        action_restrictions.system.sandbox_mode = false [the user (user.yaml:2:50)]
    "#]],
    );
    check(
        &[(User, off), (Project, on)],
        expect![[r#"
        action_restrictions.system.sandbox_mode = true [the project (project.yaml:2:50)]
    "#]],
    );
    check(
        &[(Organisation, on), (User, off)],
        expect![[r#"
        user.yaml:2:50: `sandbox_mode` would loosen true to false
          2 |   action_restrictions: { system: { sandbox_mode: false } }
            |                                                  ^^^^^
            = true is set by the organisation (organisation.yaml:2:50); the user may only tighten it
    "#]],
    );
    check(
        &[(User, "  escalation: { pause: 30, quarantine: 50 }\n")],
        expect![[r#"
        escalation.pause = 30 [the user (user.yaml:2:24)]
        escalation.quarantine = 50 [the user (user.yaml:2:40)]
    "#]],
    );
    // What is forbidden by default stays forbidden, whoever makes a list of his own.
    let list = "  action_restrictions: { file_system: { forbidden_paths: [secrets/] } }\n";
    check(
        &[(Organisation, list)],
        expect![[r#"
        action_restrictions.file_system.forbidden_paths = secrets/ [the organisation (organisation.yaml:2:59)]
    "#]],
    );
}

#[test]
fn a_limit_above_what_the_machine_has_is_refused() {
    let machine = Machine { cores: 2, memory_mb: 4_000, pids: 32_768 };
    let held = |authority, body: &str| match layer(authority, body).check_machine(&machine) {
        Ok(()) => "fits\n".to_string(),
        Err(problem) => format!("{problem}\n"),
    };
    let lines: String = [
        "  resource_limits: { max_cpu_percent: 200, max_memory_mb: 4000, max_pids: 32768 }\n",
        "  resource_limits: { max_cpu_percent: 201 }\n",
        "  resource_limits: { max_memory_mb: 4001 }\n",
        "  resource_limits: { max_pids: 32769 }\n",
        "  action_restrictions: { file_system: { max_file_size_mb: 5000 } }\n",
    ]
    .iter()
    .map(|body| held(Authority::User, body))
    .collect();
    expect![[r#"
        fits
        user.yaml:2:39: `max_cpu_percent` is 201, and this machine has 2 cores
          2 |   resource_limits: { max_cpu_percent: 201 }
            |                                       ^^^
            = write at most 200: more would never trip
        user.yaml:2:37: `max_memory_mb` is 4001, and this machine has 4000 MB of memory
          2 |   resource_limits: { max_memory_mb: 4001 }
            |                                     ^^^^
            = write at most 4000: more would never trip
        user.yaml:2:32: `max_pids` is 32769, and this machine has 32768 process numbers
          2 |   resource_limits: { max_pids: 32769 }
            |                                ^^^^^
            = write at most 32768: more would never trip
        user.yaml:2:59: `max_file_size_mb` is 5000, and this machine has 4000 MB of memory
          2 |   action_restrictions: { file_system: { max_file_size_mb: 5000 } }
            |                                                           ^^^^
            = write at most 4000: more would never trip
    "#]]
    .assert_eq(&lines);
    // The defaults are the same on every machine, and a small one runs agents too.
    let small = Machine { cores: 1, memory_mb: 256, pids: 100 };
    assert!(default_layer().expect("right").check_machine(&small).is_ok());
}
