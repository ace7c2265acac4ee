//! Policy files: what is read, what is refused and how that looks, and how layers merge.

use expect_test::{Expect, expect};
use onboard_policy::{
    Authority, Layer, Policy, Problem, default_layer, layer, merge, parse_layer, schema,
};
use serde_json::Value;

fn with(body: &str) -> Result<Layer, Problem> {
    let text = format!("background_agent_safety:\n{body}");
    parse_layer(&text, "policy.yaml", Authority::Project)
}

fn merged(layers: &[Layer]) -> Result<Policy, Problem> {
    let mut all = vec![default_layer().expect("the defaults are right")];
    all.extend_from_slice(layers);
    merge(&all)
}

fn shown(policy: &Policy) -> String {
    let line = |e: onboard_policy::Entry| format!("{} = {} [{}]\n", e.key, e.value, e.origin);
    policy.entries().into_iter().map(line).collect()
}

#[test]
fn the_embedded_defaults_are_the_manual_and_are_right() {
    expect![[r#"
        resource_limits.max_cpu_percent = 10 [the defaults (default-policy.yaml:18:22)]
        resource_limits.max_memory_mb = 512 [the defaults (default-policy.yaml:20:20)]
        resource_limits.max_io_ops_per_sec = 100 [the defaults (default-policy.yaml:21:25)]
        resource_limits.max_network_requests = 50 [the defaults (default-policy.yaml:23:27)]
        resource_limits.max_pids = 128 [the defaults (default-policy.yaml:25:15)]
        resource_limits.max_run_minutes = 15 [the defaults (default-policy.yaml:27:22)]
        resource_limits.max_connections = 64 [the defaults (default-policy.yaml:30:22)]
        resource_limits.max_bandwidth_kb_per_sec = 8192 [the defaults (default-policy.yaml:31:31)]
        resource_limits.max_transfer_mb = 1024 [the defaults (default-policy.yaml:32:22)]
        resource_limits.max_storage_mb = 128 [the defaults (default-policy.yaml:36:21)]
        action_restrictions.file_system.read_only_paths = .git [the defaults (default-policy.yaml:48:11)]
        action_restrictions.file_system.read_only_paths = .ai_onboard [the defaults (default-policy.yaml:49:11)]
        action_restrictions.file_system.forbidden_paths = .env [the defaults (default-policy.yaml:51:11)]
        action_restrictions.file_system.forbidden_paths = .env.local [the defaults (default-policy.yaml:52:11)]
        action_restrictions.file_system.forbidden_paths = .netrc [the defaults (default-policy.yaml:53:11)]
        action_restrictions.file_system.forbidden_paths = .ssh [the defaults (default-policy.yaml:54:11)]
        action_restrictions.file_system.forbidden_paths = .aws [the defaults (default-policy.yaml:55:11)]
        action_restrictions.network.allowed_domains = [] [the defaults (default-policy.yaml:64:24)]
        escalation_triggers = resource_limit_exceeded [the defaults (default-policy.yaml:89:7)]
        escalation_triggers = forbidden_action_attempted [the defaults (default-policy.yaml:90:7)]
        escalation_triggers = unexpected_error_rate [the defaults (default-policy.yaml:91:7)]
        escalation_triggers = safety_policy_violation [the defaults (default-policy.yaml:92:7)]
        escalation_triggers = human_intervention_requested [the defaults (default-policy.yaml:93:7)]
        escalation.warn = 1 [the defaults (default-policy.yaml:101:11)]
        escalation.throttle = 5 [the defaults (default-policy.yaml:103:15)]
        escalation.pause = 10 [the defaults (default-policy.yaml:105:12)]
        escalation.quarantine = 20 [the defaults (default-policy.yaml:107:17)]
        escalation.emergency = 3 [the defaults (default-policy.yaml:109:16)]
        action_restrictions.file_system.max_file_size_mb = 10 [the defaults (default-policy.yaml:57:25)]
        action_restrictions.network.deny_ech = true [the defaults (default-policy.yaml:69:17)]
        action_restrictions.system.sandbox_mode = true [the defaults (default-policy.yaml:78:21)]
    "#]].assert_eq(&shown(&merged(&[]).expect("complete")));
}

fn wrong(body: &str, expected: Expect) {
    let problem = match with(body) {
        Err(problem) => problem,
        Ok(layer) => merged(&[layer]).expect_err("it is wrong"),
    };
    expected.assert_eq(&problem.to_string());
}

#[test]
fn each_wrong_key_and_value_is_shown_at_its_place() {
    wrong(
        "  resource_limit: {}\n",
        expect![[r#"
            policy.yaml:2:3: unknown key `resource_limit`
              2 |   resource_limit: {}
                |   ^^^^^^^^^^^^^^
                = did you mean `resource_limits`? known here: `resource_limits`, `action_restrictions`, `escalation_triggers`, `escalation`"#]],
    );
    wrong(
        "  resource_limits:\n    max_cpu: 5\n",
        expect![[r#"
            policy.yaml:3:5: unknown key `max_cpu`
              3 |     max_cpu: 5
                |     ^^^^^^^
                = known here: `max_cpu_percent`, `max_memory_mb`, `max_io_ops_per_sec`, `max_network_requests`, `max_pids`, `max_run_minutes`, `max_connections`, `max_bandwidth_kb_per_sec`, `max_transfer_mb`, `max_storage_mb`"#]],
    );
    wrong(
        "  resource_limits:\n    max_cpu_percent: ten\n",
        expect![[r#"
        policy.yaml:3:22: `background_agent_safety.resource_limits.max_cpu_percent` wants a whole number from 1 to 100000, found `ten`
          3 |     max_cpu_percent: ten
            |                      ^^^"#]],
    );
    wrong(
        "  resource_limits:\n    max_cpu_percent: 5\n    max_cpu_percent: 6\n",
        expect![[r#"
        policy.yaml:4:5: `max_cpu_percent` is given a second time
          4 |     max_cpu_percent: 6
            |     ^^^^^^^^^^^^^^^
            = the first is on line 3: keep one"#]],
    );
    wrong(
        "  resource_limits: 5\n",
        expect![[r#"
        policy.yaml:2:20: `background_agent_safety.resource_limits` wants a map of keys and values, found `5`
          2 |   resource_limits: 5
            |                    ^"#]],
    );
    wrong(
        "  action_restrictions: {system: {sandbox_mode: yes}}\n",
        expect![[r#"
        policy.yaml:2:48: `background_agent_safety.action_restrictions.system.sandbox_mode` wants `true` or `false`, found `yes`
          2 |   action_restrictions: {system: {sandbox_mode: yes}}
            |                                                ^^^"#]],
    );
    wrong(
        "  action_restrictions: {network: {allowed_domains: ['*.example.org']}}\n",
        expect![[r#"
            policy.yaml:2:53: a host with a pattern
              2 |   action_restrictions: {network: {allowed_domains: ['*.example.org']}}
                |                                                     ^^^^^^^^^^^^^^^
                = name each host: patterns are not understood"#]],
    );
    wrong(
        "  action_restrictions: {system: {forbidden_commands: [rm -rf]}}\n",
        expect![[r#"
        policy.yaml:2:55: no command's name
          2 |   action_restrictions: {system: {forbidden_commands: [rm -rf]}}
            |                                                       ^^^^^^
            = write a program's name without path and arguments, such as `rm`"#]],
    );
    wrong(
        "  action_restrictions: {network: {forbidden_protocols: ['ftp://']}}\n",
        expect![[r#"
        policy.yaml:2:57: no protocol's name
          2 |   action_restrictions: {network: {forbidden_protocols: ['ftp://']}}
            |                                                         ^^^^^^^^
            = write a lower-case name, such as `ftp`"#]],
    );
    wrong(
        "  escalation_triggers: [resource_limits_exceeded]\n",
        expect![[r#"
        policy.yaml:2:25: unknown value `resource_limits_exceeded` for `background_agent_safety.escalation_triggers[0]`
          2 |   escalation_triggers: [resource_limits_exceeded]
            |                         ^^^^^^^^^^^^^^^^^^^^^^^^
            = did you mean `resource_limit_exceeded`? allowed are `resource_limit_exceeded`, `forbidden_action_attempted`, `unexpected_error_rate`, `safety_policy_violation`, `human_intervention_requested`"#]],
    );
    let bare = |text| parse_layer(text, "p.yaml", Authority::User).expect_err("wrong").to_string();
    expect![[r#"
        p.yaml:1:1: `background_agent_safety` is missing
          1 |
            | ^
            = add `background_agent_safety: …`"#]]
    .assert_eq(&bare(""));
    expect![[r#"
        p.yaml:1:1: unknown key `background_agent_safty`
          1 | background_agent_safty: {}
            | ^^^^^^^^^^^^^^^^^^^^^^
            = did you mean `background_agent_safety`? known here: `background_agent_safety`"#]]
    .assert_eq(&bare("background_agent_safty: {}\n"));
    expect![[r#"
        p.yaml:1:24: `background_agent_safety` wants a map of keys and values, found nothing
          1 | background_agent_safety:
            |                        ^"#]]
    .assert_eq(&bare("background_agent_safety:\n"));
}

#[test]
fn a_path_that_could_be_misread_is_refused() {
    let path = |text: &str| {
        let body = format!(
            "  action_restrictions:\n    file_system:\n      forbidden_paths: [docs, {text}]\n"
        );
        with(&body).map(drop).map_err(|problem| problem.message)
    };
    for (text, why) in [
        ("\"../x\"", "a path that leaves the project"),
        ("a/../../x", "a path that leaves the project"),
        ("/etc", "a path that is absolute"),
        ("~/.ssh", "a path in somebody's home"),
        (
            "\"\"",
            "`background_agent_safety.action_restrictions.file_system.forbidden_paths[1]` wants a text, found nothing",
        ),
        (".", "a path with `.` in it"),
        ("./x", "a path with `.` in it"),
        ("a//b", "a path with an empty part"),
        ("a//", "a path with an empty part"),
        ("docs/", "`docs/` is given a second time"),
        (
            "\"a\\0b\"",
            "`background_agent_safety.action_restrictions.file_system.forbidden_paths[1]` has a NUL character",
        ),
        ("\"a\\nb\"", "a path with a control character"),
        ("\"a \"", "a path that starts or ends with a space"),
        ("\"*.key\"", "a path with a pattern"),
        ("\"a\\\\b\"", "a path with a pattern"),
        ("docs", "`docs` is given a second time"),
        (&"x".repeat(256), "a path that is too long for any file"),
    ] {
        assert_eq!(path(text), Err(why.to_string()), "{text}");
    }
    assert_eq!(path("config/production.yaml"), Ok(()));
    assert_eq!(path("secrets/"), Ok(()), "a folder is meant");
    assert_eq!(path("\"with space/ünï\""), Ok(()));
}

#[test]
fn layers_tighten_and_say_who_did() {
    let organisation = parse_layer(
        "background_agent_safety:\n  resource_limits: {max_memory_mb: 256, max_cpu_percent: 10}\n",
        "/etc/ai_onboard/policy.yaml",
        Authority::Organisation,
    );
    let project = with(
        "  resource_limits: {max_memory_mb: 128}\n  action_restrictions:\n    file_system: \
         {forbidden_paths: [.env, secrets]}\n    system: {sandbox_mode: true}\n",
    );
    let layers = [organisation.expect("right"), project.expect("right")];
    let policy = merged(&layers).expect("each tightens");
    let changed: Vec<String> = policy
        .entries()
        .into_iter()
        .filter(|entry| entry.origin.authority != Authority::Defaults)
        .map(|entry| format!("{} = {} [{}]", entry.key, entry.value, entry.origin))
        .collect();
    expect![[r#"
        resource_limits.max_cpu_percent = 10 [the organisation (/etc/ai_onboard/policy.yaml:2:58)]
        resource_limits.max_memory_mb = 128 [the project (policy.yaml:2:36)]
        action_restrictions.file_system.forbidden_paths = .env [the project (policy.yaml:4:37)]
        action_restrictions.file_system.forbidden_paths = secrets [the project (policy.yaml:4:43)]
        action_restrictions.system.sandbox_mode = true [the project (policy.yaml:5:28)]"#]]
    .assert_eq(&changed.join("\n"));
    assert_eq!(policy.forbidden_paths().count(), 6, ".env is there once");
    assert_ne!(policy.hash(), merged(&[]).expect("complete").hash());
    assert_eq!(policy.hash(), merged(&layers).expect("each tightens").hash());
}

#[test]
fn who_answers_for_the_machine_says_what_has_consequences() {
    let layer = |list: &str, authority| {
        let text = format!("background_agent_safety:\n  escalation_triggers: {list}\n");
        parse_layer(&text, "policy.yaml", authority).expect("right")
    };
    use Authority::{Organisation, Project, User};
    let errors = "[unexpected_error_rate]";
    let mut shown = String::new();
    for (name, layers) in [
        ("the user sets it", vec![layer(errors, User)]),
        ("none", vec![layer("[]", User)]),
        ("a project can't leave any out", vec![layer("[]", Project)]),
        ("a project adds", vec![layer("[]", User), layer(errors, Project)]),
        ("the first sets it", vec![layer(errors, Organisation), layer("[]", User)]),
        (
            "whoever comes after adds",
            vec![layer("[]", Organisation), layer("[safety_policy_violation]", User)],
        ),
    ] {
        let policy = merged(&layers).expect("it merges");
        let words: Vec<&str> = policy.escalation().triggers.iter().map(|t| t.word()).collect();
        let entries = policy.entries();
        let said = entries.iter().filter(|entry| entry.key == "escalation_triggers");
        let by: Vec<String> = said.map(|entry| entry.origin.authority.to_string()).collect();
        shown += &format!("{name}: {words:?} by {by:?}\n");
    }
    expect![[r#"
        the user sets it: ["unexpected_error_rate"] by ["the user"]
        none: [] by ["the user"]
        a project can't leave any out: ["resource_limit_exceeded", "forbidden_action_attempted", "unexpected_error_rate", "safety_policy_violation", "human_intervention_requested"] by ["the defaults", "the defaults", "the defaults", "the defaults", "the defaults"]
        a project adds: ["unexpected_error_rate"] by ["the project"]
        the first sets it: ["unexpected_error_rate"] by ["the organisation"]
        whoever comes after adds: ["safety_policy_violation"] by ["the user"]
    "#]].assert_eq(&shown);
}

#[test]
fn more_forbidden_paths_than_a_run_has_masks_are_refused() {
    let layer = |of: &str, count: usize, authority| {
        let paths: Vec<String> = (0..count).map(|at| format!("{of}/{at}")).collect();
        let text = format!(
            "background_agent_safety:\n  action_restrictions:\n    file_system:\n      \
             forbidden_paths: [{}]\n",
            paths.join(", ")
        );
        parse_layer(&text, "policy.yaml", authority).expect("right")
    };
    let user = layer("a", layer::LIST, Authority::User);
    let room = layer::FORBIDDEN - layer::LIST - 5;
    assert!(merged(&[user.clone(), layer("b", room, Authority::Project)]).is_ok());
    let problem = merged(&[user, layer("b", room + 1, Authority::Project)]).expect_err("too many");
    expect!["policy.yaml:4:1665: `forbidden_paths` has 512 entries with those of earlier files, and 511 are the most"].assert_eq(problem.to_string().lines().next().unwrap_or_default());
}

#[test]
fn a_layer_that_loosens_is_refused_with_both_values() {
    wrong(
        "  resource_limits:\n    max_cpu_percent: 50\n",
        expect![[r#"
            policy.yaml:3:22: `max_cpu_percent` would loosen 10 to 50
              3 |     max_cpu_percent: 50
                |                      ^^
                = 10 is set by the defaults (default-policy.yaml:18:22); the project may only tighten it"#]],
    );
    wrong(
        "  action_restrictions: {system: {sandbox_mode: false}}\n",
        expect![[r#"
            policy.yaml:2:48: `sandbox_mode` would loosen true to false
              2 |   action_restrictions: {system: {sandbox_mode: false}}
                |                                                ^^^^^
                = true is set by the defaults (default-policy.yaml:78:21); the project may only tighten it"#]],
    );
    wrong(
        "  action_restrictions: {network: {deny_ech: false}}\n",
        expect![[r#"
            policy.yaml:2:45: `deny_ech` would loosen true to false
              2 |   action_restrictions: {network: {deny_ech: false}}
                |                                             ^^^^^
                = true is set by the defaults (default-policy.yaml:69:17); the project may only tighten it"#]],
    );
    wrong(
        "  resource_limits: {max_connections: 65}\n",
        expect![[r#"
            policy.yaml:2:38: `max_connections` would loosen 64 to 65
              2 |   resource_limits: {max_connections: 65}
                |                                      ^^
                = 64 is set by the defaults (default-policy.yaml:30:22); the project may only tighten it"#]],
    );
    wrong(
        "  resource_limits: {max_bandwidth_kb_per_sec: 8193}\n",
        expect![[r#"
            policy.yaml:2:47: `max_bandwidth_kb_per_sec` would loosen 8192 to 8193
              2 |   resource_limits: {max_bandwidth_kb_per_sec: 8193}
                |                                               ^^^^
                = 8192 is set by the defaults (default-policy.yaml:31:31); the project may only tighten it"#]],
    );
    wrong(
        "  action_restrictions: {file_system: {max_file_size_mb: 11}}\n",
        expect![[r#"
            policy.yaml:2:57: `max_file_size_mb` would loosen 10 to 11
              2 |   action_restrictions: {file_system: {max_file_size_mb: 11}}
                |                                                         ^^
                = 10 is set by the defaults (default-policy.yaml:57:25); the project may only tighten it"#]],
    );
    let first = with("  resource_limits: {max_pids: 5}\n").expect("right");
    expect![[r#"
        policy.yaml:1:1: `allowed_domains` is missing: the first layer must be complete
          1 | background_agent_safety:
            | ^"#]]
    .assert_eq(&merge(&[first]).expect_err("incomplete").to_string());
    expect![[r#"
        policy:1:1: no policy at all
          1 |
            | ^"#]]
    .assert_eq(&merge(&[]).expect_err("nothing").to_string());
}

#[test]
fn a_host_that_could_be_misread_is_refused() {
    let host = |text: &str| {
        let body = format!(
            "  action_restrictions: {{network: {{allowed_domains: [a.example, {text}]}}}}\n"
        );
        with(&body).map(drop).map_err(|problem| problem.message)
    };
    for (text, why) in [
        ("'*'", "a host with a pattern"),
        ("'*.example.org'", "a host with a pattern"),
        ("'https://example.org'", "a host with a scheme"),
        ("example.org/x", "a host with a path"),
        ("'example.org:443'", "a host with a port"),
        ("'me@example.org'", "a host with a user"),
        ("'::1'", "a host that is an address"),
        ("'[::1]'", "a host that is an address"),
        ("127.0.0.1", "a host that is an address"),
        ("'1.0x7f'", "a host that is an address"),
        ("bücher.example", "a host with letters that DNS doesn't have"),
        ("Example.org", "a host with capitals"),
        ("example.org.", "a host with an empty part"),
        (".example.org", "a host with an empty part"),
        ("'example.org '", "a host with a character that no name has"),
        ("under_score.example", "a host with a character that no name has"),
        ("-a.example", "a host with a part that starts or ends with `-`"),
        ("localhost", "a host without a domain"),
        (&format!("{}.example", "x".repeat(64)), "a host that is too long for any name"),
        ("a.example", "`a.example` is given a second time"),
    ] {
        assert_eq!(host(text), Err(why.to_string()), "{text}");
    }
    for text in ["example.org", "xn--bcher-kva.example", "a-1.b.example"] {
        assert_eq!(host(text), Ok(()), "{text}");
    }
}

#[test]
fn hosts_are_allowed_by_the_first_who_may_and_only_left_out_after() {
    let hosts = |list: &str, authority| {
        let text =
            format!("background_agent_safety:\n  action_restrictions: {{network: {{{list}}}}}\n");
        parse_layer(&text, "policy.yaml", authority).expect("right")
    };
    let domains = |layers: &[Layer]| -> Result<Vec<String>, String> {
        let policy = merged(layers).map_err(|problem| problem.to_string())?;
        Ok(policy.allowed_domains().map(str::to_string).collect())
    };
    let two = "allowed_domains: [a.example, b.example]";
    let (organisation, user) = (Authority::Organisation, Authority::User);
    let allowed = |layers: &[Layer]| domains(layers).expect("it merges").join(" ");
    assert_eq!(allowed(&[]), "");
    assert_eq!(allowed(&[hosts(two, organisation)]), "a.example b.example");
    assert_eq!(allowed(&[hosts(two, user)]), "a.example b.example");
    let silent = "forbidden_protocols: []";
    assert_eq!(allowed(&[hosts(two, organisation), hosts(silent, user)]), "a.example b.example");
    assert_eq!(allowed(&[hosts(silent, organisation), hosts(two, user)]), "a.example b.example");
    let one = "allowed_domains: [b.example]";
    assert_eq!(allowed(&[hosts(two, user), hosts(one, Authority::Project)]), "b.example");
    let none = "allowed_domains: []";
    assert_eq!(allowed(&[hosts(two, user), hosts(none, Authority::Project)]), "");
    expect![[r#"
        policy.yaml:2:53: `allowed_domains` would be loosened by `b.example`
          2 |   action_restrictions: {network: {allowed_domains: [b.example]}}
            |                                                     ^^^^^^^^^
            = the list is set by the organisation (policy.yaml:2:52); the user may only leave hosts out"#]]
        .assert_eq(&domains(&[hosts(none, organisation), hosts(one, user)]).expect_err("more"));
    expect![[r#"
        policy.yaml:2:53: `allowed_domains` would be loosened by `b.example`
          2 |   action_restrictions: {network: {allowed_domains: [b.example]}}
            |                                                     ^^^^^^^^^
            = the list is set by the defaults (default-policy.yaml:64:24); the project may only leave hosts out"#]].assert_eq(&domains(&[hosts(one, Authority::Project)]).expect_err("a project"));
}

#[test]
fn a_file_that_is_no_plain_policy_is_refused_at_its_place() {
    let head = |text: &str| {
        let problem = parse_layer(text, "p.yaml", Authority::User).err().map(|p| p.to_string());
        problem.map_or("right".into(), |text| text.lines().next().unwrap_or_default().to_string())
    };
    let safety = "background_agent_safety:\n";
    let bomb: String = (1..=12)
        .map(|at| format!("a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1))
        .fold("a0: &a0 [x, x]\n".into(), |all, line| all + &line);
    let cases = [
        ("an alias", format!("{safety}  resource_limits: &a {{}}\n  action_restrictions: *a\n")),
        ("an alias bomb", bomb),
        ("a tab", format!("{safety}\tresource_limits: {{}}\n")),
        ("a byte order mark", format!("\u{feff}{safety}  resource_limits: {{}}\n")),
        ("deep nesting", format!("{safety}  resource_limits: {}", "[".repeat(5_000))),
        ("a second document", format!("{safety}  resource_limits: {{}}\n---\n{safety}")),
        ("a NUL", format!("{safety}  resource_limits: {{}}\n\0")),
        ("a list for a map", "- background_agent_safety\n".into()),
        ("a tag", format!("{safety}  resource_limits: !!map {{max_pids: 5}}\n")),
        ("a merge key", format!("{safety}  <<: {{}}\n")),
        ("other case", "Background_Agent_Safety: {}\n".into()),
        ("a fraction", format!("{safety}  resource_limits: {{max_pids: 1.5}}\n")),
        ("a negative number", format!("{safety}  resource_limits: {{max_pids: -1}}\n")),
        ("a number as text", format!("{safety}  resource_limits: {{max_pids: '5'}}\n")),
        ("octal", format!("{safety}  resource_limits: {{max_pids: 0o17}}\n")),
        (
            "a number out of all range",
            format!("{safety}  resource_limits: {{max_pids: {}}}\n", "9".repeat(40)),
        ),
    ];
    let shown: String =
        cases.iter().map(|(name, text)| format!("{name}: {}\n", head(text))).collect();
    expect![[r#"
        an alias: p.yaml:2:23: an anchor
        an alias bomb: p.yaml:1:9: an anchor
        a tab: p.yaml:2:2: not YAML: tabs disallowed within this context (block indentation)
        a byte order mark: right
        deep nesting: p.yaml:2:36: not YAML: recursion limit exceeded
        a second document: p.yaml:3:1: a second document; only one is read
        a NUL: p.yaml:3:1: not YAML: unexpected character: `\u{0}'
        a list for a map: p.yaml:1:1: `the file` wants a map of keys and values, found a list
        a tag: p.yaml:2:26: a tag
        a merge key: p.yaml:2:3: a merge key
        other case: p.yaml:1:1: unknown key `Background_Agent_Safety`
        a fraction: p.yaml:2:31: `background_agent_safety.resource_limits.max_pids` wants a whole number from 2 to 4194304, found `1.5`
        a negative number: p.yaml:2:31: `background_agent_safety.resource_limits.max_pids` wants a whole number from 2 to 4194304, found `-1`
        a number as text: p.yaml:2:31: `background_agent_safety.resource_limits.max_pids` wants a whole number from 2 to 4194304, found `5`
        octal: p.yaml:2:31: `background_agent_safety.resource_limits.max_pids` wants a whole number from 2 to 4194304, found `0o17`
        a number out of all range: p.yaml:2:31: `background_agent_safety.resource_limits.max_pids` wants a whole number from 2 to 4194304, found `9999999999999999999999999999999999999999`
    "#]].assert_eq(&shown);
}

/// Every key of the manual is in the schema, with its default and its range, and no other.
#[test]
fn the_schema_is_the_parser_s() {
    let schema: Value = serde_json::from_str(schema()).expect("JSON");
    let properties = |value: &Value| -> Vec<String> {
        value["properties"].as_object().expect("a map").keys().cloned().collect()
    };
    let safety = &schema["properties"]["background_agent_safety"];
    // A wrong key names the known ones: that is the parser's list.
    let known = |body: &str| -> Vec<String> {
        let problem = with(body).expect_err("a wrong key");
        let (_, list) = problem.mend.split_once("known here: ").expect("a list");
        let mut keys: Vec<String> =
            list.split(", ").map(|word| word.trim_matches('`').to_string()).collect();
        keys.sort();
        keys
    };
    let restrictions = &safety["properties"]["action_restrictions"];
    for (body, part) in [
        ("  zzz: 1\n", safety),
        ("  resource_limits: {zzz: 1}\n", &safety["properties"]["resource_limits"]),
        ("  action_restrictions: {zzz: 1}\n", restrictions),
        (
            "  action_restrictions: {file_system: {zzz: 1}}\n",
            &restrictions["properties"]["file_system"],
        ),
        ("  action_restrictions: {network: {zzz: 1}}\n", &restrictions["properties"]["network"]),
        ("  action_restrictions: {system: {zzz: 1}}\n", &restrictions["properties"]["system"]),
    ] {
        assert_eq!(known(body), properties(part), "{body}");
        assert_eq!(part["additionalProperties"], Value::Bool(false));
    }
    let defaults = shown(&merged(&[]).expect("complete"));
    let limits = safety["properties"]["resource_limits"]["properties"].as_object().expect("a map");
    for (key, limit) in limits {
        let line = format!("resource_limits.{key} = {} [", limit["default"]);
        assert!(defaults.contains(&line), "{line}");
        for (edge, fits) in [("minimum", -1), ("maximum", 1)] {
            let edge = limit[edge].as_i64().expect("a number");
            let body = |value: i64| format!("  resource_limits: {{{key}: {value}}}\n");
            assert!(with(&body(edge)).is_ok(), "{key}: {edge}");
            assert!(with(&body(edge + fits)).is_err(), "{key}: {}", edge + fits);
        }
    }
    for word in
        safety["properties"]["escalation_triggers"]["items"]["enum"].as_array().expect("words")
    {
        assert!(with(&format!("  escalation_triggers: [{word}]\n")).is_ok(), "{word}");
        assert!(layer::DEFAULT_POLICY.contains(word.as_str().expect("a text")));
    }
}

#[test]
fn mutated_policies_never_panic_and_never_loosen() {
    let seed = layer::DEFAULT_POLICY;
    let base = merged(&[]).expect("complete").limits();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).expect("it fits")
    };
    for _ in 0..3_000 {
        let mut text = seed.as_bytes().to_vec();
        for _ in 0..=next(6) {
            let at = next(text.len());
            match next(3) {
                0 => text[at] = b"0123456789:-[]{}#\"'\n x"[next(22)],
                1 => drop(text.remove(at)),
                _ => text.insert(at, b"9:-[]{}\n "[next(9)]),
            }
        }
        let Ok(text) = String::from_utf8(text) else { continue };
        let outcome = parse_layer(&text, "policy.yaml", Authority::Project)
            .and_then(|layer| merged(&[layer]));
        match outcome {
            Ok(policy) => {
                let limits = policy.limits();
                assert!(limits.cpu_percent <= base.cpu_percent && limits.pids <= base.pids);
                assert!(policy.sandbox_mode());
                assert!(policy.forbidden_paths().count() >= 5);
            }
            Err(problem) => assert!(problem.to_string().starts_with("policy.yaml:"), "{problem}"),
        }
    }
}
