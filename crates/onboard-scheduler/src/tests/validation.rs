//! What is refused of a project's agents, and how it is told.

use super::world::{Utc, spec};
use crate::validate;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use expect_test::{Expect, expect};
use onboard_domain::{AgentName, AgentSpec};

/// Each line is `NAME: SCHEDULE: DEPENDENCIES`.
fn check(lines: &str, expect: Expect) {
    let specs: Vec<AgentSpec> = lines.lines().map(|line| parse(line.trim())).collect();
    let text: String = match validate(&specs, &Utc) {
        Ok(()) => "fine".into(),
        Err(problems) => problems.iter().map(|p| format!("{p} {:?}\n", p.span)).collect(),
    };
    expect.assert_eq(&text);
}

fn parse(line: &str) -> AgentSpec {
    let mut parts = line.split(": ");
    let (name, schedule) = (parts.next().expect("name"), parts.next().expect("schedule"));
    let names = parts.next().unwrap_or("").split(' ').filter(|name| !name.is_empty());
    let depends_on = names.map(|name| AgentName::new(name).expect("a name")).collect();
    AgentSpec { depends_on, ..spec(name, schedule) }
}

#[test]
fn sound_agents() {
    check(
        "a: hourly
         b: hourly: a
         c: hourly: a b",
        expect!["fine"],
    );
}

#[test]
fn problems_are_named() {
    check(
        "a: houry
         b: hourly: x
         a: every day at 25:00
         d: hourly in Mars/Olympus",
        expect![[r#"
            agent `a`, `name`: the project has two agents of this name None
            agent `a`, `schedule`: expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `houry`; did you mean `hourly`? Some(Span { offset: 0, len: 5 })
            agent `b`, `depends_on[0]`: no agent `x` in this project; there are a, b, d None
            agent `a`, `schedule`: hours run from 0 to 23; expected a time of day such as `14:30` or `9am` Some(Span { offset: 13, len: 5 })
            agent `d`, `schedule`: no such time zone; names look like Europe/Berlin Some(Span { offset: 10, len: 12 })
        "#]],
    );
}

/// `b` reads the facts of these; `a` shares them or not.
fn check_facts(shares_facts: bool, from: &str, expect: Expect) {
    let a = AgentSpec { shares_facts, ..spec("a", "hourly") };
    let facts_from = vec![AgentName::new(from).expect("a name")];
    let b = AgentSpec { facts_from, ..spec("b", "hourly") };
    let text = match validate(&[a, b], &Utc) {
        Ok(()) => "fine".into(),
        Err(problems) => format!("{}", problems[0]),
    };
    expect.assert_eq(&text);
}

#[test]
fn facts_are_shared_by_whom_they_are_read_from() {
    check_facts(true, "a", expect!["fine"]);
    check_facts(
        false,
        "a",
        expect!["agent `b`, `facts_from[0]`: `a` does not share its facts (`shares_facts: true`)"],
    );
    check_facts(
        true,
        "x",
        expect!["agent `b`, `facts_from[0]`: no agent `x` in this project; there are a, b"],
    );
}

#[test]
fn cycles_are_named() {
    check(
        "z: hourly: a
         a: hourly: b
         b: hourly: c
         c: hourly: a",
        expect![[r#"
            agent `c`, `depends_on[0]`: a cycle: a -> b -> c -> a None
        "#]],
    );
    check(
        "a: hourly: a",
        expect![[r#"
        agent `a`, `depends_on[0]`: a cycle: a -> a None
    "#]],
    );
}
