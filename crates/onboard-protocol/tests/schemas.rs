//! Each tool's schema says what the reader of its arguments does, and its output schema what the
//! answers hold.

use onboard_domain::hook::Delivery;
use onboard_domain::state::Trigger;
use onboard_domain::{AgentName, MessageId, RunId, Time};
use onboard_protocol::machine::{Machine, MachineRun, Pressure, Space, Stall, Stalls};
use onboard_protocol::tool::{TOOLS, Tool};
use onboard_protocol::{HostAnswer, Letter, StateValue, Task, WorkCopy, arguments};
use serde_json::{Map, Value, json};

/// Arguments with every property there is.
fn full(tool: Tool) -> Value {
    match tool {
        Tool::GetTask | Tool::GetMachine | Tool::Heartbeat => json!({}),
        Tool::ReportProgress => json!({ "done": 1, "total": 2, "note": "n" }),
        Tool::RecordFinding => json!({
            "rule": "a/b", "title": "t", "severity": "high", "detail": "d", "action": "a",
            "target": "x", "fingerprint": "0123456789abcdef",
            "evidence": [{ "kind": "file", "text": "t", "path": "p", "line": 1, "oid": "ab", "value": 1.5 }],
            "forecast": {
                "expects": "e", "estimate": { "chance": 0.5 }, "resolve_by": 1, "decided_by": "agent",
            },
            "worded": {
                "model": "m", "urgency": "soon", "title": "t", "detail": "d", "refused": "r",
            },
        }),
        Tool::SettleForecast => json!({
            "rule": "a/b", "target": "x", "fingerprint": "0123456789abcdef", "outcome": "came",
            "value": 1.5,
        }),
        Tool::ResolveFinding => json!({
            "rule": "a/b", "target": "x", "fingerprint": "0123456789abcdef", "commit": "0123abcd",
        }),
        Tool::ProposeChange => json!({
            "title": "t", "reason": "r", "patch": "p",
            "under": { "name": "l", "token": 7 },
            "evidence": [{ "kind": "file", "text": "t", "path": "p", "line": 1, "oid": "ab", "value": 1.5 }],
        }),
        Tool::EmitEvent => json!({ "kind": "a.b", "data": 1 }),
        Tool::AskPerson => json!({ "text": "t" }),
        Tool::RequestApproval => json!({
            "action": "release.publish", "what": "publish 1.2.0", "reason": "r", "expires_ms": 60000,
        }),
        Tool::SendMessage => json!({ "to": "agent", "body": "b" }),
        Tool::ReadInbox => json!({ "limit": 3 }),
        Tool::AckMessage => json!({ "id": "m1" }),
        Tool::GetState => json!({ "key": "k" }),
        Tool::PutState => {
            json!({ "key": "k", "value": null, "expect": 0, "under": { "name": "l", "token": 7 } })
        }
        Tool::TakeLease => {
            json!({ "name": "n", "ttl_ms": 5000, "mode": "shared", "wait_ms": 1000, "tell": true })
        }
        Tool::ReleaseLease => json!({ "name": "n" }),
        Tool::SaveCheckpoint => {
            json!({ "name": "n", "content": "YWI=", "encoding": "text", "under": { "name": "l", "token": 7 } })
        }
        Tool::LoadCheckpoint => json!({ "name": "n" }),
        Tool::Log => json!({ "text": "t", "level": "warn" }),
        Tool::Finish => json!({ "summary": "s", "nothing_to_report": true }),
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

/// Checks one schema against a reader: keys, required keys, unknown keys, bounds.
fn hold(schema: &Value, full: &Map<String, Value>, read: &dyn Fn(Map<String, Value>) -> bool) {
    let properties = object(&schema["properties"]);
    let keys: Vec<&String> = properties.keys().collect();
    assert_eq!(keys, full.keys().collect::<Vec<_>>(), "{schema}");
    assert_eq!(schema["additionalProperties"], json!(false), "{schema}");
    assert!(read(full.clone()), "{full:?}");
    let mut more = full.clone();
    more.insert("unheard_of".into(), json!(1));
    assert!(!read(more), "{schema}");
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, property) in &properties {
        let with = |value: Option<Value>| {
            let mut changed = full.clone();
            match value {
                Some(value) => changed.insert(key.clone(), value),
                None => changed.remove(key),
            };
            read(changed)
        };
        assert_eq!(!with(None), required.contains(&key.as_str()), "{key} in {schema}");
        bounds(property, &with, key);
    }
}

fn bounds(property: &Value, with: &dyn Fn(Option<Value>) -> bool, key: &str) {
    let text = |len: u64| {
        let digit = if property["pattern"].as_str() == Some("^m?[0-9]+$") { "1" } else { "a" };
        Some(json!(digit.repeat(usize::try_from(len).expect("it fits"))))
    };
    if let Some(most) = property["maxLength"].as_u64() {
        let least = property["minLength"].as_u64().unwrap_or(0);
        // The largest ids are no longer numbers; every other text may have its longest.
        assert!(with(text(most)) || key == "id", "{key}: {most}");
        assert!(!with(text(most + 1)), "{key}: {}", most + 1);
        assert!(with(text(least)), "{key}: {least}");
        assert!(least == 0 || !with(text(least - 1)), "{key}: {}", least - 1);
    }
    if let Some(most) = property["maximum"].as_u64() {
        let least = property["minimum"].as_u64().expect("both or none");
        // Progress can't be further than its total, nor a total behind it.
        let own = if key == "done" { 2 } else { most };
        assert!(with(Some(json!(own))), "{key}: {own}");
        assert!(!with(Some(json!(most + 1))) && with(Some(json!(least))), "{key}");
        assert!(least == 0 || !with(Some(json!(least - 1))), "{key}");
        assert!(!with(Some(json!("1"))) && !with(Some(json!(-1))), "{key}");
    }
    for word in property["enum"].as_array().into_iter().flatten() {
        assert!(with(Some(word.clone())), "{word}");
        assert!(!with(Some(json!("unheard of"))), "{key}");
    }
    if property["pattern"].is_string() {
        assert!(!with(Some(json!("\u{7f}BAD !\u{7f}"))), "{key}");
    }
}

#[test]
fn input_schemas_say_what_is_read() {
    for tool in TOOLS {
        let schema: Value = serde_json::from_str(tool.input_schema()).expect("JSON");
        let read = |arguments| arguments::read(tool, arguments).is_ok();
        hold(&schema, &object(&full(tool)), &read);
    }
    let schema: Value = serde_json::from_str(Tool::RecordFinding.input_schema()).expect("JSON");
    let items = &schema["properties"]["evidence"]["items"];
    let sample = full(Tool::RecordFinding);
    let read = |evidence: Map<String, Value>| {
        let mut arguments = object(&sample);
        arguments.insert("evidence".into(), json!([evidence]));
        arguments::read(Tool::RecordFinding, arguments).is_ok()
    };
    hold(items, &object(&sample["evidence"][0]), &read);
    let forecast = &schema["properties"]["forecast"];
    let read = |forecast: Map<String, Value>| {
        let mut arguments = object(&sample);
        arguments.insert("forecast".into(), Value::Object(forecast));
        arguments::read(Tool::RecordFinding, arguments).is_ok()
    };
    hold(forecast, &object(&sample["forecast"]), &read);
    let estimate = |estimate: Map<String, Value>| {
        let mut forecast = object(&sample["forecast"]);
        forecast.insert("estimate".into(), Value::Object(estimate));
        read(forecast)
    };
    let read_worded = |worded: Map<String, Value>| {
        let mut arguments = object(&sample);
        arguments.insert("worded".into(), Value::Object(worded));
        arguments::read(Tool::RecordFinding, arguments).is_ok()
    };
    hold(&schema["properties"]["worded"], &object(&sample["worded"]), &read_worded);
    let [chance, interval] = [0, 1].map(|at| &forecast["properties"]["estimate"]["oneOf"][at]);
    hold(chance, &object(&json!({ "chance": 0.25 })), &estimate);
    let ends = json!({ "low": 1, "high": 2.5, "share": 0.8 });
    hold(interval, &object(&json!({ "interval": ends })), &estimate);
    let of_ends = |ends: Map<String, Value>| {
        estimate(Map::from_iter([("interval".to_string(), Value::Object(ends))]))
    };
    hold(&interval["properties"]["interval"], &object(&ends), &of_ends);
    assert!(!estimate(object(&json!({ "chance": 0.5, "interval": ends }))), "one or the other");
}

fn answer(tool: Tool) -> HostAnswer {
    let time = Time(1);
    match tool {
        Tool::GetTask => HostAnswer::Task(Box::new(Task {
            agent: AgentName::new("a").expect("a name"),
            project: "p".into(),
            root: "/p".into(),
            run: RunId(1),
            trigger: Trigger::Event { kind: "a.b".into() },
            attempt: 0,
            now: time,
            deadline: time,
            settings: [("k".to_string(), "v".to_string())].into(),
            leases: [("l".to_string(), 3)].into(),
            checkpoints: vec!["c".into()],
            facts: [("a".into(), [("n".into(), "/app/facts.a.n".into())].into())].into(),
            deliveries: vec![Delivery { at: time, data: r#"{"event":"issues"}"#.into() }],
            copy: Some(WorkCopy { patch: None, forbidden: vec![".env".into()], bytes_max: 1 }),
        })),
        Tool::GetMachine => {
            let stalls = Some(Stalls { full: Some(Stall::default()), ..Stalls::default() });
            let space = Some(Space { total_bytes: 2, available_bytes: 1 });
            HostAnswer::Machine(Box::new(Machine {
                at_ms: 1,
                cores: 2,
                load: Some([0.5, 0.25, 0.0]),
                memory: space,
                swap: space,
                disk: space,
                pressure: Pressure { cpu: stalls, memory: stalls, io: None },
                runs: vec![MachineRun {
                    agent: "a".into(),
                    run: "r1".into(),
                    queued_ms: 1,
                    started_ms: Some(2),
                    ended_ms: 3,
                    cpu_ms: 1,
                    memory_peak_bytes: 1,
                    throttled_ms: 0,
                    succeeded: true,
                }],
            }))
        }
        Tool::RecordFinding => {
            HostAnswer::Finding { status: "new".into(), forecast: Some("kept".into()) }
        }
        Tool::SettleForecast | Tool::ResolveFinding => HostAnswer::Changed(true),
        Tool::SendMessage => HostAnswer::Sent(MessageId(1)),
        Tool::ReadInbox => HostAnswer::Letters(vec![Letter {
            id: MessageId(1),
            from: "b".into(),
            sent: time,
            body: "x".into(),
            deliveries: 1,
        }]),
        Tool::GetState => HostAnswer::Value(Some(StateValue {
            value: "[1]".into(),
            version: 2,
            by: "b".into(),
            at: time,
        })),
        Tool::PutState => HostAnswer::Stored { version: 2 },
        Tool::TakeLease => HostAnswer::Lease { token: 1, expires: time },
        Tool::LoadCheckpoint => HostAnswer::Checkpoint(Some("c".into())),
        Tool::ProposeChange => {
            let status = onboard_domain::proposal::Status::Checking;
            HostAnswer::Proposal { id: onboard_domain::ProposalId(1), status }
        }
        Tool::RequestApproval => HostAnswer::Approval {
            id: onboard_domain::MotionId(1),
            status: onboard_domain::council::Status::Open,
            hash: "00ff".into(),
            note: "n".into(),
        },
        _ => HostAnswer::Done,
    }
}

/// Keys declared and given are the same, all the way down; required ones are declared.
fn same_keys(schema: &Value, value: &Value) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let given = object(value);
        assert_eq!(properties.keys().collect::<Vec<_>>(), given.keys().collect::<Vec<_>>());
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(given.contains_key(key.as_str().expect("a text")), "{key}");
        }
        for (key, property) in properties {
            same_keys(property, &given[key]);
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().for_each(|value| same_keys(items, value));
    }
    let of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => true,
    };
    assert!(of_type, "{value} for {schema}");
}

#[test]
fn output_schemas_say_what_is_answered() {
    for tool in TOOLS {
        let schema: Value = serde_json::from_str(tool.output_schema()).expect("JSON");
        same_keys(&schema, &answer(tool).structured());
        assert!(tool.listing()["annotations"]["readOnlyHint"].is_boolean());
        assert_eq!(Tool::named(tool.name()), Some(tool));
    }
}
