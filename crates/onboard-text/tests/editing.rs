//! A changed value leaves comments, order and spacing as they were.

use expect_test::{Expect, expect};
use onboard_text::{Document, edit};

fn check(text: &str, path: &[&str], value: &str, expected: Expect) {
    let document = Document::parse("config.yaml", text).expect("the text is YAML");
    expected.assert_eq(&edit::set(&document, path, value).unwrap_or("(by hand)".into()));
}

const PATH: [&str; 3] = ["agents", "health", "schedule"];

#[test]
fn a_value_is_replaced_where_it_stands() {
    check(
        "# mine\nagents:\n  # slow it down\n  health:\n    schedule:   hourly   # was daily\n    priority: low\n",
        &PATH,
        "weekly on friday",
        expect![[r#"
            # mine
            agents:
              # slow it down
              health:
                schedule:   weekly on friday   # was daily
                priority: low
        "#]],
    );
    check(
        "agents: {health: {schedule: 'hourly'}} # flow\n",
        &PATH,
        "*/5 * * * *",
        expect![[r#"
        agents: {health: {schedule: "*/5 * * * *"}} # flow
    "#]],
    );
    check(
        "agents:\n  health:\n    schedule:\n    priority: low\n",
        &PATH,
        "daily",
        expect!["(by hand)"],
    );
}

#[test]
fn what_is_missing_is_added() {
    check(
        "",
        &PATH,
        "daily",
        expect![[r#"
        agents:
          health:
            schedule: daily
    "#]],
    );
    check(
        "# only a comment\n",
        &PATH,
        "daily",
        expect![[r#"
        # only a comment
        agents:
          health:
            schedule: daily
    "#]],
    );
    check(
        "agents:\n",
        &PATH,
        "daily",
        expect![[r#"
        agents:
          health:
            schedule: daily
    "#]],
    );
    check(
        "agents:\n    other:   # four deep\n        priority: low # why\n\n# end\n",
        &PATH,
        "daily",
        expect![[r#"
            agents:
                other:   # four deep
                    priority: low # why
                health:
                  schedule: daily

            # end
        "#]],
    );
    check(
        "agents:\n  health:\n    priority: low",
        &PATH,
        "daily",
        expect![[r#"
        agents:
          health:
            priority: low
            schedule: daily"#]],
    );
    check(
        "zone: Europe/Berlin\n",
        &PATH,
        "daily",
        expect![[r#"
        zone: Europe/Berlin
        agents:
          health:
            schedule: daily
    "#]],
    );
}

#[test]
fn what_can_not_be_edited_safely_is_left_to_people() {
    check("agents: {other: {priority: low}}\n", &PATH, "daily", expect!["(by hand)"]);
    check("agents: [a]\n", &PATH, "daily", expect!["(by hand)"]);
    check("agents:\n  health:\n    schedule: {a: b}\n", &PATH, "daily", expect!["(by hand)"]);
}

#[test]
fn odd_values_are_quoted() {
    check(
        "a: b\n",
        &["a"],
        "say \"hi\" # no",
        expect![[r#"
        a: "say \"hi\" # no"
    "#]],
    );
    check(
        "a: b\n",
        &["a"],
        "null",
        expect![[r#"
        a: "null"
    "#]],
    );
}
