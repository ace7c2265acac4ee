//! A session with one agent, frame by frame: both lifecycles, every refusal, every bound.

use expect_test::{Expect, expect};
use onboard_domain::{CallRefusal, MessageId, Time};
use onboard_protocol::host::{BURST, PENDING, REQUESTS_PER_RUN, REQUESTS_PER_SECOND};
use onboard_protocol::{HostAction, HostAnswer, HostSession, Letter};

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn shown(action: &HostAction) -> String {
    match action {
        HostAction::Reply(bytes) => {
            assert_eq!(bytes.last(), Some(&b'\n'));
            assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
            format!("< {}", String::from_utf8_lossy(bytes))
        }
        HostAction::Call { call, .. } => format!("! {call:?}\n"),
    }
}

/// One line in, its actions out, in a session of its own that was initialized or not.
fn check(initialized: bool, line: &str, expected: Expect) {
    let mut host = HostSession::new("1.0.0");
    if initialized {
        host.on_bytes(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"}\n", Time(0));
    }
    let line = line.replace("META", META) + "\n";
    let actions = host.on_bytes(line.as_bytes(), Time(0));
    expected.assert_eq(&actions.iter().map(shown).collect::<String>());
}

#[test]
fn the_stateless_lifecycle() {
    check(
        false,
        r#"{"jsonrpc":"2.0","id":"d","method":"server/discover","params":{META}}"#,
        expect![[r#"
            < {"id":"d","jsonrpc":"2.0","result":{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"ai_onboard","version":"1.0.0"}},"cacheScope":"private","capabilities":{"tools":{"listChanged":false}},"instructions":"Start with get_task. Report what you find with record_finding, keep what the next run needs with save_checkpoint, and end with finish.","resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":3600000}}
        "#]],
    );
    check(
        false,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_task",META}}"#,
        expect![[r#"
            ! GetTask
        "#]],
    );
    check(
        false,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{META}}"#,
        expect![[r#"
        < {"error":{"code":-32601,"message":"no method `ping`"},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        false,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2031-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
        expect![[r#"
            < {"error":{"code":-32022,"data":{"requested":"2031-01-01","supported":["2026-07-28"]},"message":"Unsupported protocol version"},"id":1,"jsonrpc":"2.0"}
        "#]],
    );
    check(
        false,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
        expect![[r#"
            < {"error":{"code":-32602,"message":"`_meta` has no `io.modelcontextprotocol/clientCapabilities`"},"id":1,"jsonrpc":"2.0"}
        "#]],
    );
    check(
        false,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
        expect![[r#"
        < {"error":{"code":-32602,"message":"`_meta` has no `io.modelcontextprotocol/protocolVersion`, and nothing was initialized"},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        false,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x",META}}"#,
        expect![[r#"
            < {"error":{"code":-32602,"message":"the list has one page: no cursor"},"id":1,"jsonrpc":"2.0"}
        "#]],
    );
}

#[test]
fn the_lifecycle_with_a_handshake() {
    for (asked, given) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1", "2025-11-25"),
    ] {
        let mut host = HostSession::new("1.0.0");
        let line = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{{\"protocolVersion\":\"{asked}\"}}}}\n"
        );
        let shown: String = host.on_bytes(line.as_bytes(), Time(0)).iter().map(shown).collect();
        assert!(shown.contains(&format!("\"protocolVersion\":\"{given}\"")), "{shown}");
    }
    check(
        false,
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#,
        expect![[r#"
            < {"id":1,"jsonrpc":"2.0","result":{"capabilities":{"tools":{"listChanged":false}},"instructions":"Start with get_task. Report what you find with record_finding, keep what the next run needs with save_checkpoint, and end with finish.","protocolVersion":"2025-11-25","serverInfo":{"name":"ai_onboard","version":"1.0.0"}}}
        "#]],
    );
    check(true, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, expect![[""]]);
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{}}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"heartbeat","arguments":null}}"#,
        expect![[r#"
            ! Heartbeat
        "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#,
        expect![[r#"
        < {"error":{"code":-32601,"message":"no method `server/discover`"},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#,
        expect![[r#"
        < {"error":{"code":-32601,"message":"no method `resources/list`"},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
}

#[test]
fn what_is_no_request_is_answered_as_json_rpc_says() {
    check(
        true,
        "garbage",
        expect![[r#"
        < {"error":{"code":-32700,"message":"not JSON: expected value at line 1 column 1"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        "[]",
        expect![[r#"
        < {"error":{"code":-32600,"message":"batches are not accepted: send one message a line"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        expect![[r#"
        < {"error":{"code":-32600,"message":"batches are not accepted: send one message a line"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        "17",
        expect![[r#"
        < {"error":{"code":-32600,"message":"a message is a JSON object"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"id":1,"method":"ping"}"#,
        expect![[r#"
        < {"error":{"code":-32600,"message":"`jsonrpc` must be \"2.0\""},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        expect![[r#"
        < {"error":{"code":-32600,"message":"an id is a text or a whole number"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        expect![[r#"
        < {"error":{"code":-32600,"message":"an id is a text or a whole number"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        expect![[r#"
        < {"error":{"code":-32600,"message":"`method` is a text"},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1}"#,
        expect![[r#"
        < {"error":{"code":-32600,"message":"neither a method nor a result"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
        expect![[r#"
        < {"error":{"code":-32602,"message":"`params` is a JSON object"},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
    check(true, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, expect![[""]]);
    check(
        true,
        &"[".repeat(100_000),
        expect![[r#"
        < {"error":{"code":-32700,"message":"not JSON: recursion limit exceeded at line 1 column 128"},"id":null,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
        expect![[r#"
        < {"error":{"code":-32602,"message":"`name` is missing"},"id":1,"jsonrpc":"2.0"}
    "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"record_findings"}}"#,
        expect![[r#"
            < {"error":{"code":-32602,"message":"no tool `record_findings`; did you mean `record_finding`?"},"id":1,"jsonrpc":"2.0"}
        "#]],
    );
    check(
        true,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"log","arguments":[]}}"#,
        expect![[r#"
            < {"error":{"code":-32602,"message":"`arguments` is a JSON object"},"id":1,"jsonrpc":"2.0"}
        "#]],
    );
}

#[test]
fn arguments_become_calls_or_refusals() {
    let call = |name: &str, arguments: &str, expected: Expect| {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
        );
        check(true, &line, expected);
    };
    call(
        "record_finding",
        r#"{"rule":"todo/growth","title":"12 more TODOs","severity":"medium","evidence":[{"kind":"file","text":"src/a.rs:3","path":"src/a.rs","line":3},{"kind":"number","text":"todos","value":12}]}"#,
        expect![[r#"
            ! Agent(RecordFinding(Finding { rule: "todo/growth", severity: Medium, title: "12 more TODOs", detail: "", evidence: [Evidence { kind: File, text: "src/a.rs:3", path: Some("src/a.rs"), line: Some(3), oid: None, value: None }, Evidence { kind: Number, text: "todos", path: None, line: None, oid: None, value: Some(12.0) }], action: "", target: "", fingerprint: Fingerprint("034431b764579f4258c73a4431fab82e35b3fb7cbe66e54f1e8d357d553ee075"), forecast: None, worded: None }))
        "#]],
    );
    call(
        "record_finding",
        r#"{"rule":"Todo growth","title":"x"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"bounds: `rule` is made of a-z, 0-9, `.`, `_`, `-` and `/`, such as `todo/growth`","type":"text"}],"isError":true,"structuredContent":{"code":"bounds","message":"`rule` is made of a-z, 0-9, `.`, `_`, `-` and `/`, such as `todo/growth`"}}}
    "#]],
    );
    call(
        "record_finding",
        r#"{"rule":"todo","title":"two\nlines"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"bounds: `title` is one line, without control characters","type":"text"}],"isError":true,"structuredContent":{"code":"bounds","message":"`title` is one line, without control characters"}}}
    "#]],
    );
    call(
        "record_finding",
        r#"{"rule":"todo"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `title` is missing","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`title` is missing"}}}
    "#]],
    );
    call(
        "record_finding",
        r#"{"rule":"todo","title":"x","severity":"huge"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `severity` wants one of `info`, `low`, `medium`, `high`, `critical`","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`severity` wants one of `info`, `low`, `medium`, `high`, `critical`"}}}
    "#]],
    );
    call(
        "record_finding",
        r#"{"rule":"todo","title":"x","evidence":[{"kind":"file"}]}"#,
        expect![[r#"
            < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `evidence.text` is missing","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`evidence.text` is missing"}}}
        "#]],
    );
    call(
        "record_finding",
        r#"{"rule":"todo","title":"x","evidence":[{"kind":"file","text":"x","lien":3}]}"#,
        expect![[r#"
            < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `evidence.lien` is not known here","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`evidence.lien` is not known here"}}}
        "#]],
    );
    call(
        "report_progress",
        r#"{"done":3,"total":2}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `done` is more than `total`","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`done` is more than `total`"}}}
    "#]],
    );
    call(
        "report_progress",
        r#"{"done":3,"total":10,"note":"reading"}"#,
        expect![[r#"
        ! Progress { done: 3, total: Some(10), note: "reading" }
    "#]],
    );
    call(
        "emit_event",
        r#"{"kind":"project.quality.degraded","data":{"score":61}}"#,
        expect![[r#"
        ! Agent(EmitEvent { kind: "project.quality.degraded", data: "{\"score\":61}" })
    "#]],
    );
    call(
        "emit_event",
        r#"{"kind":"Bad Kind"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"bounds: `kind` is lower-case words joined by dots, such as `project.task.started`","type":"text"}],"isError":true,"structuredContent":{"code":"bounds","message":"`kind` is lower-case words joined by dots, such as `project.task.started`"}}}
    "#]],
    );
    call(
        "send_message",
        r#"{"to":"pattern-learning","body":"hello"}"#,
        expect![[r#"
        ! Agent(SendMessage { to: "pattern-learning", body: "hello" })
    "#]],
    );
    call(
        "send_message",
        r#"{"to":"../etc","body":"hello"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"bounds: an agent's name is made of a-z, 0-9 and `-`; `../etc` has '.'","type":"text"}],"isError":true,"structuredContent":{"code":"bounds","message":"an agent's name is made of a-z, 0-9 and `-`; `../etc` has '.'"}}}
    "#]],
    );
    call(
        "put_state",
        r#"{"key":"k","value":{"a":[1,2]},"expect":0}"#,
        expect![[r#"
            ! Agent(PutState { key: "k", value: "{\"a\":[1,2]}", expect: Some(0), under: None })
        "#]],
    );
    call(
        "put_state",
        r#"{"key":"k","value":1,"under":{"name":"file:x","token":7}}"#,
        expect![[r#"
            ! Agent(PutState { key: "k", value: "1", expect: None, under: Some(Under { name: "file:x", token: 7 }) })
        "#]],
    );
    call(
        "put_state",
        r#"{"key":"k","value":1,"under":{"name":"file:x"}}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `under.token` is missing","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`under.token` is missing"}}}
    "#]],
    );
    call(
        "put_state",
        r#"{"key":"k","value":1,"under":7}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `under` wants an object with `name` and `token`","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`under` wants an object with `name` and `token`"}}}
    "#]],
    );
    call(
        "put_state",
        r#"{"key":"k"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `value` is missing","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`value` is missing"}}}
    "#]],
    );
    call(
        "take_lease",
        r#"{"name":"report","ttl_ms":10}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"bounds: `ttl_ms` is 10, allowed are 1000 to 3600000","type":"text"}],"isError":true,"structuredContent":{"code":"bounds","message":"`ttl_ms` is 10, allowed are 1000 to 3600000"}}}
    "#]],
    );
    call(
        "save_checkpoint",
        r#"{"name":"../../x","content":""}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"bounds: `name` is made of letters, digits, `.`, `_` and `-`, and starts without `.`","type":"text"}],"isError":true,"structuredContent":{"code":"bounds","message":"`name` is made of letters, digits, `.`, `_` and `-`, and starts without `.`"}}}
    "#]],
    );
    call(
        "save_checkpoint",
        r#"{"name":"x","content":"/wA=","encoding":"base64"}"#,
        expect![[r#"
        ! SaveCheckpoint { name: "x", content: [255, 0], under: None }
    "#]],
    );
    call(
        "save_checkpoint",
        r#"{"name":"x","content":"/w","encoding":"base64"}"#,
        expect![[r#"
            < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"bounds: `content` is no base64 with padding: Invalid padding","type":"text"}],"isError":true,"structuredContent":{"code":"bounds","message":"`content` is no base64 with padding: Invalid padding"}}}
        "#]],
    );
    call(
        "save_checkpoint",
        r#"{"name":"x","content":"","encoding":"hex"}"#,
        expect![[r#"
            < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `encoding` wants one of `text`, `base64`","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`encoding` wants one of `text`, `base64`"}}}
        "#]],
    );
    call(
        "ack_message",
        r#"{"id":"m12"}"#,
        expect![[r#"
        ! Agent(AckMessage { id: MessageId(12) })
    "#]],
    );
    call(
        "ack_message",
        r#"{"id":"twelve"}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `id` wants a message's id, such as `m12`","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`id` wants a message's id, such as `m12`"}}}
    "#]],
    );
    call(
        "log",
        r#"{"text":"hi","level":"warn"}"#,
        expect![[r#"
        ! Log { level: Warn, text: "hi" }
    "#]],
    );
    call(
        "heartbeat",
        r#"{"why":1}"#,
        expect![[r#"
        < {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"invalid: `why` is not known here","type":"text"}],"isError":true,"structuredContent":{"code":"invalid","message":"`why` is not known here"}}}
    "#]],
    );
}

fn a_call(id: u32) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"read_inbox\",{META}}}}}\n"
    )
}

#[test]
fn answers_carry_structure_and_text_and_cancelled_calls_none() {
    let mut host = HostSession::new("1.0.0");
    let ask = |host: &mut HostSession, id| match host.on_bytes(a_call(id).as_bytes(), Time(0)).pop()
    {
        Some(HostAction::Call { id, .. }) => id,
        other => panic!("no call: {other:?}"),
    };
    let first = ask(&mut host, 1);
    let letter = Letter {
        id: MessageId(4),
        from: "other".into(),
        sent: Time(7),
        body: "hello".into(),
        deliveries: 1,
    };
    let line = host.reply_to(first, &Ok(HostAnswer::Letters(vec![letter]))).expect("it waits");
    expect![[r#"
        {"id":1,"jsonrpc":"2.0","result":{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"ai_onboard","version":"1.0.0"}},"content":[{"text":"{\"messages\":[{\"body\":\"hello\",\"deliveries\":1,\"from\":\"other\",\"id\":\"m4\",\"sent_ms\":7}]}","type":"text"}],"isError":false,"resultType":"complete","structuredContent":{"messages":[{"body":"hello","deliveries":1,"from":"other","id":"m4","sent_ms":7}]}}}
    "#]].assert_eq(&String::from_utf8_lossy(&line));
    let second = ask(&mut host, 2);
    let refusal = CallRefusal::new("ended", "the run is over");
    let line = host.reply_to(second, &Err(refusal)).expect("it waits");
    expect![[r#"
        {"id":2,"jsonrpc":"2.0","result":{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"ai_onboard","version":"1.0.0"}},"content":[{"text":"ended: the run is over","type":"text"}],"isError":true,"resultType":"complete","structuredContent":{"code":"ended","message":"the run is over"}}}
    "#]].assert_eq(&String::from_utf8_lossy(&line));
    let third = ask(&mut host, 3);
    let cancel = b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":3}}\n";
    assert!(host.on_bytes(cancel, Time(0)).is_empty());
    assert_eq!(host.reply_to(third, &Ok(HostAnswer::Done)), None);
    assert_eq!(host.reply_to(first, &Ok(HostAnswer::Done)), None);
    ask(&mut host, 5);
    let again: String = host.on_bytes(a_call(5).as_bytes(), Time(0)).iter().map(shown).collect();
    assert!(again.contains("waiting for its answer"), "{again}");
}

#[test]
fn calls_are_limited_at_once_per_second_and_per_run() {
    let mut host = HostSession::new("1.0.0");
    let calls = |host: &mut HostSession, count: u32, now: i64, answer: bool| {
        let mut taken = 0;
        for id in 0..count {
            for action in host.on_bytes(a_call(id).as_bytes(), Time(now)) {
                if let HostAction::Call { id, .. } = action {
                    taken += 1;
                    if answer {
                        host.reply_to(id, &Ok(HostAnswer::Done));
                    }
                }
            }
        }
        taken
    };
    assert_eq!(calls(&mut host, 100, 0, false), u32::try_from(PENDING).expect("small"));
    let mut host = HostSession::new("1.0.0");
    assert_eq!(calls(&mut host, BURST + 50, 0, true), BURST);
    assert_eq!(host.pause_ms(Time(0)), 11);
    assert_eq!(host.pause_ms(Time(11)), 0);
    let list = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{{{META}}}}}\n"
    );
    let refused: String = host.on_bytes(list.as_bytes(), Time(0)).iter().map(shown).collect();
    assert!(refused.contains("\"code\":429"), "{refused}");
    assert!(host.on_bytes(b"garbage\n", Time(0)).is_empty(), "no answer to a flood of garbage");
    assert_eq!(calls(&mut host, BURST, 1_000, true), REQUESTS_PER_SECOND);
    assert_eq!(calls(&mut host, BURST, 500, true), 0, "a clock that goes back gives nothing");
    let mut host = HostSession::new("1.0.0");
    let large = format!("{{\"x\":\"{}\"}}\n", "x".repeat(4 * 1024 * 1024));
    host.on_bytes(large.as_bytes(), Time(0));
    assert_eq!(calls(&mut host, BURST, 0, true), BURST - 65, "a large frame counts as many");
    let mut host = HostSession::new("1.0.0");
    let garbage = b"x\n".repeat(usize::try_from(BURST).expect("small"));
    let rounds = i64::from(REQUESTS_PER_RUN / BURST);
    for round in 0..rounds {
        assert_eq!(host.on_bytes(&garbage, Time(round * 10_000)).len(), garbage.len() / 2);
    }
    let last: String =
        host.on_bytes(a_call(1).as_bytes(), Time(rounds * 10_000)).iter().map(shown).collect();
    assert!(last.contains("limit: a run makes at most 100000 requests"), "{last}");
}

#[test]
fn mutated_frames_never_panic_and_are_always_answered() {
    let seeds = [
        a_call(1),
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#.to_string() + "\n",
        r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"record_finding","arguments":{"rule":"a/b","title":"é","evidence":[{"kind":"file","text":"x"}]}}}"#.to_string() + "\n",
    ];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).expect("it fits")
    };
    let mut host = HostSession::new("1.0.0");
    for round in 0..5_000 {
        let mut line = seeds[next(seeds.len())].clone().into_bytes();
        for _ in 0..=next(5) {
            let at = next(line.len() - 1);
            match next(3) {
                0 => line[at] = u8::try_from(next(256)).expect("a byte"),
                1 => drop(line.remove(at)),
                _ => line.insert(at, b"{}[]\",:0\n"[next(9)]),
            }
        }
        for action in host.on_bytes(&line, Time(round * 100)) {
            if let HostAction::Call { id, .. } = action {
                assert!(host.reply_to(id, &Ok(HostAnswer::Done)).is_some());
            }
        }
    }
    assert_eq!(host.waiting(), 0);
}
