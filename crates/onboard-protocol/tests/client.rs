//! The agent's client against the host's session, in memory, and the command line over it.

use expect_test::{Expect, expect};
use onboard_domain::{AgentCall, CallRefusal, Evidence, EvidenceKind, Finding, Severity, Time};
use onboard_protocol::arguments::fingerprint;
use onboard_protocol::{
    ClientError, HostAction, HostAnswer, HostCall, HostClient, HostSession, Stream, host_command,
};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};

/// A host in memory that keeps checkpoints and findings.
struct Host {
    session: HostSession,
    checkpoints: BTreeMap<String, Vec<u8>>,
    findings: Vec<Finding>,
    out: VecDeque<u8>,
}

impl Host {
    fn new() -> Host {
        Host {
            session: HostSession::new("1.0.0"),
            checkpoints: BTreeMap::new(),
            findings: Vec::new(),
            out: VecDeque::new(),
        }
    }

    fn answer(&mut self, call: HostCall) -> Result<HostAnswer, CallRefusal> {
        match call {
            HostCall::SaveCheckpoint { name, content, .. } => {
                self.checkpoints.insert(name, content);
                Ok(HostAnswer::Done)
            }
            HostCall::LoadCheckpoint { name } => {
                Ok(HostAnswer::Checkpoint(self.checkpoints.get(&name).cloned()))
            }
            HostCall::Agent(AgentCall::RecordFinding(finding)) => {
                let known = self.findings.iter().any(|f| f.fingerprint == finding.fingerprint);
                self.findings.push(finding);
                Ok(HostAnswer::Finding {
                    status: if known { "known" } else { "new" }.into(),
                    forecast: None,
                })
            }
            HostCall::Agent(AgentCall::TakeLease { .. }) => {
                Err(CallRefusal::new("held", "`report` is held by r7"))
            }
            HostCall::Agent(AgentCall::GetState { .. }) => Ok(HostAnswer::Value(None)),
            HostCall::ProposeChange { title, evidence, .. } => {
                assert_eq!((title.as_str(), evidence.len()), ("mend", 1));
                let status = onboard_domain::proposal::Status::Checking;
                Ok(HostAnswer::Proposal { id: onboard_domain::ProposalId(4), status })
            }
            _ => Ok(HostAnswer::Done),
        }
    }
}

impl Stream for &mut Host {
    type Error = String;

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        // Small pieces, so that frames arrive cut.
        let count = self.out.len().min(7).min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(self.out.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), String> {
        for action in self.session.on_bytes(bytes, Time(0)) {
            let line = match action {
                HostAction::Reply(line) => Some(line),
                HostAction::Call { id, call } => {
                    let outcome = self.answer(call);
                    self.session.reply_to(id, &outcome)
                }
            };
            self.out.extend(line.into_iter().flatten());
        }
        Ok(())
    }
}

#[test]
fn what_the_client_sends_is_what_the_host_takes() {
    let mut host = Host::new();
    let mut client = HostClient::new(&mut host, "test");
    let finding = Finding {
        rule: "todo/growth".into(),
        severity: Severity::High,
        title: "12 more TODOs".into(),
        detail: "of 40".into(),
        evidence: vec![Evidence {
            kind: EvidenceKind::File,
            text: "src/a.rs".into(),
            path: Some("src/a.rs".into()),
            line: Some(3),
            oid: None,
            value: Some(1.5),
        }],
        action: "write them down as tasks".into(),
        target: "src".into(),
        fingerprint: fingerprint("todo/growth", "src"),
        forecast: None,
        worded: None,
    };
    assert_eq!(client.record_finding(&finding).expect("taken"), "new");
    assert_eq!(client.record_finding(&finding).expect("taken"), "known");
    assert_eq!(client.load_checkpoint("seen").expect("answered"), None);
    let proposed = client.propose_change("mend", "why", "--- a/x\n", &finding.evidence);
    assert_eq!(proposed.expect("taken"), ("c4".into(), "checking".into()));
    let text = "line\n\"quoted\" \u{1} é 🎉".repeat(1_000);
    client.save_checkpoint("seen", &text).expect("kept");
    assert_eq!(client.load_checkpoint("seen").expect("answered"), Some(text));
    client.save_bytes("tree", &[0xff, 0]).expect("kept");
    let bytes = client.call("load_checkpoint", json!({ "name": "tree" })).expect("answered");
    assert_eq!(bytes, json!({ "content": "/wA=", "encoding": "base64" }));
    client.progress(0, 0, "starting").expect("taken");
    client.log("info", "hello").expect("taken");
    client.emit_event("project.task.started", &json!({})).expect("taken");
    client.finish(false, "done").expect("taken");
    let tools = client.request("tools/list", json!({})).expect("listed");
    assert_eq!(tools["tools"].as_array().map(Vec::len), Some(22));
    match client.call("take_lease", json!({ "name": "report", "ttl_ms": 5_000 })) {
        Err(ClientError::Refused(refusal)) => assert_eq!(refusal.code, "held"),
        other => panic!("not refused: {other:?}"),
    }
    match client.request("resources/list", json!({})) {
        Err(error @ ClientError::Protocol(_)) => {
            assert!(error.to_string().contains("-32601"), "{error}");
        }
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(host.findings[0], finding);
}

/// Words in; tool, arguments and what is shown of the answer out.
fn check(words: &[&str], expected: Expect) {
    let shown = match host_command(words) {
        Err(error) => format!("usage: {error}"),
        Ok(command) => {
            let arguments = command.arguments("from stdin".into());
            let mut host = Host::new();
            host.checkpoints.insert("kept".into(), "a\nb".into());
            let answer = HostClient::new(&mut host, "cli").call(command.tool(), arguments.clone());
            let shown = match &answer {
                Ok(answer) => format!("{:?}", command.show(answer)),
                Err(error) => error.to_string(),
            };
            format!("{} {arguments}\n{shown}", command.tool())
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_script_s_words_become_calls() {
    check(
        &["progress", "3/10", "reading"],
        expect![[r#"
        report_progress {"done":3,"note":"reading","total":10}
        Shown { text: "", found: true }"#]],
    );
    check(
        &[
            "finding",
            "--rule",
            "todo/growth",
            "--title=12 more",
            "--severity",
            "low",
            "--action",
            "A",
            "--target",
            "X",
            "--evidence",
            "file=src/a.rs:12",
            "--evidence",
            "number=todos:12",
        ],
        expect![[r#"
            record_finding {"action":"A","evidence":[{"kind":"file","line":12,"path":"src/a.rs","text":"src/a.rs:12"},{"kind":"number","text":"todos:12","value":12.0}],"rule":"todo/growth","severity":"low","target":"X","title":"12 more"}
            Shown { text: "new\n", found: true }"#]],
    );
    check(
        &["checkpoint", "save", "seen"],
        expect![[r#"
        save_checkpoint {"content":"from stdin","name":"seen"}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["checkpoint", "load", "kept"],
        expect![[r#"
        load_checkpoint {"name":"kept"}
        Shown { text: "a\nb", found: true }"#]],
    );
    check(
        &["checkpoint", "load", "absent"],
        expect![[r#"
        load_checkpoint {"name":"absent"}
        Shown { text: "", found: false }"#]],
    );
    check(
        &["checkpoint", "load", "kept", "--json"],
        expect![[r#"
            load_checkpoint {"name":"kept"}
            Shown { text: "{\"content\":\"a\\nb\",\"encoding\":\"text\"}\n", found: true }"#]],
    );
    check(
        &["state", "get", "k"],
        expect![[r#"
        get_state {"key":"k"}
        Shown { text: "", found: false }"#]],
    );
    check(
        &["state", "put", "k", "{\"a\":1}", "--expect", "2"],
        expect![[r#"
        put_state {"expect":2,"key":"k","value":{"a":1}}
        Shown { text: "null\n", found: true }"#]],
    );
    check(
        &["lease", "take", "report", "--ttl", "30s"],
        expect![[r#"
        take_lease {"name":"report","ttl_ms":30000}
        held: `report` is held by r7"#]],
    );
    check(
        &["lock", "src/", "--ttl", "30s", "--mode", "shared", "--wait", "1m"],
        expect![[r#"
        take_lease {"mode":"shared","name":"file:src/","tell":true,"ttl_ms":30000,"wait_ms":60000}
        held: `report` is held by r7"#]],
    );
    check(
        &["unlock", "src/"],
        expect![[r#"
        release_lease {"name":"file:src/"}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["event", "project.task.started", "{\"task\":\"x\"}"],
        expect![[r#"
        emit_event {"data":{"task":"x"},"kind":"project.task.started"}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["inbox", "--limit", "5"],
        expect![[r#"
        read_inbox {"limit":5}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["ack", "m3"],
        expect![[r#"
        ack_message {"id":"m3"}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["send", "other", "--", "--not-a-flag"],
        expect![[r#"
        send_message {"body":"--not-a-flag","to":"other"}
        Shown { text: "null\n", found: true }"#]],
    );
    check(
        &["ask-person", "may I?"],
        expect![[r#"
        ask_person {"text":"may I?"}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["log", "hello", "--level", "warn"],
        expect![[r#"
        log {"level":"warn","text":"hello"}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["finish", "--summary", "done", "--nothing-to-report"],
        expect![[r#"
        finish {"nothing_to_report":true,"summary":"done"}
        Shown { text: "", found: true }"#]],
    );
    check(
        &["heartbeat"],
        expect![[r#"
        heartbeat {}
        Shown { text: "", found: true }"#]],
    );
}

#[test]
fn wrong_words_say_what_would_be_right() {
    check(&[], expect!["usage: a command is missing"]);
    check(
        &["findng"],
        expect![
            "usage: no command `findng`; did you mean `finding`? known: `task`, `machine`, `progress`, `finding`, `settle`, `resolve`, `propose`, `checkpoint`, `event`, `inbox`, `ack`, `send`, `state`, `lease`, `lock`, `unlock`, `ask-person`, `request-approval`, `log`, `heartbeat`, `finish`"
        ],
    );
    check(&["finding", "--rule", "r"], expect!["usage: --title is missing"]);
    check(
        &["finding", "--rule", "r", "--title", "t", "--sevrity", "low"],
        expect!["usage: --sevrity is not known here"],
    );
    check(
        &["finding", "--rule", "r", "--title", "t", "--evidence", "src/a.rs"],
        expect![
            "usage: `src/a.rs` is no evidence: write file=PATH[:LINE], commit=ID, number=NAME:VALUE, branch=NAME or tag=NAME"
        ],
    );
    check(
        &["state", "put", "k", "hello"],
        expect![[
            r#"usage: `hello` is no JSON (expected value at line 1 column 1); a text needs quotes: '"…"'"#
        ]],
    );
    check(
        &["lease", "take", "n", "--ttl", "soon"],
        expect!["usage: --ttl: `soon` does not start with a whole number"],
    );
    check(
        &["log", "two", "words"],
        expect!["usage: `words` is too much; quote a text with spaces"],
    );
    check(&["log", "x", "--level"], expect!["usage: --level wants a value"]);
    check(&["progress", "many"], expect!["usage: `many` is no whole number"]);
    check(
        &["heartbeat", "--nothing-to-report"],
        expect!["usage: --nothing-to-report belongs to `finish`"],
    );
    check(
        &["finish", "--summary", "a", "--summary", "b"],
        expect!["usage: --summary is given a second time"],
    );
}
