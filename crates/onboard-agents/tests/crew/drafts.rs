//! The drafted split: asked of a scripted model, proposed only where it holds.

use expect_test::{Expect, expect};
use onboard_agents::code_quality_optimizer::run;

use super::code_quality::project;
use super::fixture::{Fixture, History};
use super::memory_host::ScriptedModel;
use super::readers::Reader;

/// What an endpoint says around a text.
fn said(text: &str) -> Result<(u16, String), String> {
    let choice = serde_json::json!({ "message": { "content": text }, "finish_reason": "stop" });
    Ok((200, serde_json::json!({ "choices": [choice] }).to_string()))
}

/// The same behaviour, in two functions that are easy to follow.
const SPLIT: &str = "Here it is:\n```rust\nfn hot(x: u32) {\n    if x <= 2 {\n        return;\n    }\n    deep(x);\n}\n\nfn deep(x: u32) {\n    if x > 5 {\n        if x > 6 {\n        }\n    }\n}\n```\n";

struct Drafting {
    fixture: Fixture,
    reader: Reader,
}

impl Drafting {
    fn of(history: &History) -> Self {
        let fixture = Fixture::of(history);
        let mut reader = Reader::of(fixture.root());
        reader.index();
        // What is new is put in the model's words first, which is another test's business.
        run(&mut reader.agent).expect("a run");
        Self { fixture, reader }
    }

    /// One run with what the model says; the log, and what was asked and proposed.
    fn run(&mut self, answers: Vec<Result<(u16, String), String>>) -> String {
        let agent = &mut self.reader.agent;
        let model = ScriptedModel { answers: answers.into(), ..ScriptedModel::default() };
        agent.model = Some(model);
        let logged = agent.log.len();
        run(agent).expect("a run");
        let asked = agent.model.as_ref().map_or(0, |model| model.asked.len());
        let mut lines = vec![format!("asked {asked}, proposed {}", agent.changes.len())];
        lines.extend(agent.log[logged..].iter().cloned());
        lines.join("\n")
    }
}

/// Runs with each of these answers, one after the other.
fn check(answers: &[Result<(u16, String), String>], expected: Expect) {
    let mut drafting = Drafting::of(&project());
    let runs = answers.iter().map(|answer| drafting.run(vec![answer.clone()]));
    expected.assert_eq(&runs.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_split_that_holds_is_proposed_once() {
    let mut drafting = Drafting::of(&project());
    let first = drafting.run(vec![said(SPLIT)]);
    let asked = drafting.reader.agent.model.as_ref().map(|model| model.asked.concat());
    expect![[r#"{"max_tokens":1222,"messages":[{"content":"You refactor one function so that people follow it more easily. Keep its name, its parameters and all of its behaviour. Give its most deeply nested parts functions of their own, with names that say what they do, directly before or after it. Use early returns. Add no dependency, no comment about the refactoring, and change nothing else. Answer with exactly one fenced code block that replaces the given lines whole, indented as they are, and nothing else.","role":"system"},{"content":"File: src/hot.rs\nLines 2 to 17, the function `hot`: cognitive complexity 28, nesting 7.\n\n```\nfn hot(x: u32) {\n    if x > 0 {\n        if x > 1 {\n            if x > 2 {\n                if x > 3 {\n                    if x > 4 {\n                        if x > 5 {\n                            if x > 6 {\n                            }\n                        }\n                    }\n                }\n            }\n        }\n    }\n}\n```\n","role":"user"}],"model":"m-1","temperature":0}"#]].assert_eq(&asked.unwrap_or_default());
    let change = drafting.reader.agent.changes[0].clone();
    expect![[r#"
        split hot in src/hot.rs
        20 changes in a year, the last 6 days ago: number 1 of 3 source files by changes and size. One function is hard to follow here (cognitive complexity of 25 or nesting of 5 and more). hot goes from cognitive complexity 28 to 1; the hardest function of the change has 3. Drafted by the language model m-1, measured by this agent; whether it still does the same, the project's tests and you decide.
        --- a/src/hot.rs
        +++ b/src/hot.rs
        @@ -1,17 +1,14 @@
         // 19
         fn hot(x: u32) {
        -    if x > 0 {
        -        if x > 1 {
        -            if x > 2 {
        -                if x > 3 {
        -                    if x > 4 {
        -                        if x > 5 {
        -                            if x > 6 {
        -                            }
        -                        }
        -                    }
        -                }
        -            }
        +    if x <= 2 {
        +        return;
        +    }
        +    deep(x);
        +}
        +
        +fn deep(x: u32) {
        +    if x > 5 {
        +        if x > 6 {
                 }
             }
         }
    "#]].assert_eq(&format!("{}\n{}\n{}", change.title, change.reason, change.patch));
    // The same content is not asked about again.
    let second = drafting.run(vec![said(SPLIT)]);
    expect![[r#"
        asked 1, proposed 1
        Info: draft for hot in src/hot.rs: proposed as c0, checking
        asked 0, proposed 1"#]]
    .assert_eq(&format!("{first}\n{second}"));
    // What git makes of it.
    drafting.fixture.write("split.patch", &change.patch);
    drafting.fixture.git(&["apply", "--check", "split.patch"]);
}

#[test]
fn what_does_not_hold_is_dropped_and_not_asked_again() {
    check(
        &[said("I would rather not."), said(SPLIT)],
        expect![[r#"
        asked 1, proposed 0
        Info: draft for hot in src/hot.rs: dropped: the answer has no code block
        asked 0, proposed 0"#]],
    );
    check(
        &[Ok((200, "{".to_owned())), said(SPLIT)],
        expect![[r#"
        asked 1, proposed 0
        Info: draft for hot in src/hot.rs: dropped: its answer is no JSON
        asked 0, proposed 0"#]],
    );
}

#[test]
fn an_endpoint_that_is_out_of_order_is_tried_on_three_days() {
    let refusal = Ok((503, "{\"error\":{\"message\":\"overloaded\"}}".to_owned()));
    let cut = Err("its answer was cut off".to_owned());
    check(
        &[refusal.clone(), cut, refusal, said(SPLIT)],
        expect![[r#"
            asked 1, proposed 0
            Info: draft for hot in src/hot.rs: no answer: it answers 503: overloaded
            asked 1, proposed 0
            Info: draft for hot in src/hot.rs: no answer: its answer was cut off
            asked 1, proposed 0
            Info: draft for hot in src/hot.rs: no answer: it answers 503: overloaded
            asked 0, proposed 0"#]],
    );
    let budget = Ok((402, "{\"error\":{\"message\":\"no room\"}}".to_owned()));
    check(
        &[budget, said(SPLIT)],
        expect![[r#"
            asked 1, proposed 0
            Info: draft for hot in src/hot.rs: no answer: it answers 402: no room
            asked 1, proposed 1
            Info: draft for hot in src/hot.rs: proposed as c0, checking"#]],
    );
}

#[test]
fn without_a_model_nothing_is_asked_and_nothing_is_noted() {
    let mut drafting = Drafting::of(&project());
    run(&mut drafting.reader.agent).expect("a run");
    assert_eq!(drafting.reader.agent.log, Vec::<String>::new());
    assert!(!drafting.reader.agent.checkpoints.contains_key("drafts"));
}

#[test]
fn what_people_dismissed_is_left_alone() {
    let mut drafting = Drafting::of(&project());
    drafting.reader.agent.dismissed = vec!["quality/hotspot".to_owned()];
    expect!["asked 0, proposed 0"].assert_eq(&drafting.run(vec![said(SPLIT)]));
    drafting.reader.agent.dismissed.clear();
    expect![[r#"
        asked 1, proposed 1
        Info: draft for hot in src/hot.rs: proposed as c0, checking"#]]
    .assert_eq(&drafting.run(vec![said(SPLIT)]));
}

#[test]
fn a_secret_leaves_for_no_model() {
    let mut history = project();
    let token = ["ghp", "_", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"].concat();
    let text = format!("fn hot(x: u32) {{\n    let key = \"{token}\";\n{}}}\n", {
        let open: String = (0..8).map(|level| format!("    if x > {level} {{\n")).collect();
        format!("{open}    use_it(key);\n{}", "    }\n".repeat(8))
    });
    history.commit("main", "ann", 1, "use it", &[("src/hot.rs", &text)]);
    expect![[r#"
        asked 0, proposed 0
        Info: no draft for src/hot.rs: it holds what looks like a secret, which no model is sent"#]]
    .assert_eq(&Drafting::of(&history).run(vec![said(SPLIT)]));
}

#[test]
fn another_version_that_is_checked_out_is_left_alone() {
    let mut drafting = Drafting::of(&project());
    drafting.fixture.git(&["checkout", "--quiet", "-b", "topic"]);
    drafting.fixture.write("src/hot.rs", "fn hot() {}\n");
    drafting.fixture.git(&["commit", "--quiet", "--all", "--message=simpler"]);
    expect![[r#"
        asked 0, proposed 0
        Info: no draft for src/hot.rs: the commit that is checked out has another version of it"#]]
    .assert_eq(&drafting.run(vec![said(SPLIT)]));
}
