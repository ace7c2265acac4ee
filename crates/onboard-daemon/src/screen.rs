//! What an agent says, looked over for secrets before anything of it is kept or shown.
//!
//! What people read is kept with a mark in the secret's place. What the agent reads back as it was
//! (checkpoints, shared values) and what others refer to (names, keys) can't be kept changed: it is
//! refused, and the agent is told why.

use crate::cut::cut;
use onboard_domain::violation::{Rule, Sensor};
use onboard_domain::{AgentCall, CallRefusal, Evidence, Finding, Under, Violation, Worded};
use onboard_protocol::HostCall;
use onboard_validation::secrets::{redact, scan};

/// A call without secrets, or the refusal that it gets; and what was found in it.
pub(crate) struct Screened {
    pub(crate) call: Result<HostCall, CallRefusal>,
    pub(crate) violations: Vec<Violation>,
}

/// Looks a call over.
pub(crate) fn screen(mut call: HostCall) -> Screened {
    let mut over = LookOver { what: what(&call), violations: Vec::new(), refused: None };
    match &mut call {
        HostCall::Agent(call) => over.agent_call(call),
        HostCall::SaveCheckpoint { name, content, under } => {
            over.under(under.as_ref());
            over.must_be_clean("name", name);
            over.must_be_clean("content", &String::from_utf8_lossy(content));
        }
        HostCall::LoadCheckpoint { name } => over.must_be_clean("name", name),
        HostCall::ProposeChange { title, reason, patch, evidence, under } => {
            over.under(under.as_ref());
            over.clean("title", title);
            over.clean("reason", reason);
            over.evidence(evidence);
            over.must_be_clean("patch", patch);
        }
        HostCall::Progress { note, .. } => over.clean("note", note),
        // Its lines are looked over as they are written, with keys that span several.
        HostCall::Log { .. } | HostCall::GetTask | HostCall::GetMachine | HostCall::Heartbeat => {}
    }
    let call = over.refused.map_or(Ok(call), Err);
    Screened { call, violations: over.violations }
}

/// A violation for a secret that was found in what an agent said: never the secret itself.
pub(crate) fn secret_in(what: &str, place: &str, rule: &str) -> Violation {
    let target = if place.is_empty() { rule.to_string() } else { format!("{place}: {rule}") };
    Violation::new(Sensor::Host, Rule::OutputSecret, what, target.as_bytes())
}

/// The tool's name, for the record.
pub(crate) fn what(call: &HostCall) -> &'static str {
    match call {
        HostCall::Agent(AgentCall::RecordFinding(_)) => "record_finding",
        HostCall::Agent(AgentCall::SettleForecast { .. }) => "settle_forecast",
        HostCall::Agent(AgentCall::ResolveFinding { .. }) => "resolve_finding",
        HostCall::Agent(AgentCall::EmitEvent { .. }) => "emit_event",
        HostCall::Agent(AgentCall::SendMessage { .. }) => "send_message",
        HostCall::Agent(AgentCall::GetState { .. }) => "get_state",
        HostCall::Agent(AgentCall::PutState { .. }) => "put_state",
        HostCall::Agent(AgentCall::TakeLease { .. }) => "take_lease",
        HostCall::Agent(AgentCall::ReleaseLease { .. }) => "release_lease",
        HostCall::Agent(AgentCall::AskPerson { .. }) => "ask_person",
        HostCall::Agent(AgentCall::RequestApproval { .. }) => "request_approval",
        HostCall::Agent(AgentCall::Finish { .. }) => "finish",
        HostCall::SaveCheckpoint { .. } => "save_checkpoint",
        HostCall::LoadCheckpoint { .. } => "load_checkpoint",
        HostCall::ProposeChange { .. } => "propose_change",
        HostCall::Progress { .. } => "report_progress",
        HostCall::Log { .. } => "log",
        HostCall::Agent(
            AgentCall::ReadInbox { .. }
            | AgentCall::AckMessage { .. }
            | AgentCall::SaveCheckpoint { .. }
            | AgentCall::FindCheckpoint { .. }
            | AgentCall::ProposeChange(_),
        )
        | HostCall::GetTask
        | HostCall::GetMachine
        | HostCall::Heartbeat => "call",
    }
}

struct LookOver {
    what: &'static str,
    violations: Vec<Violation>,
    refused: Option<CallRefusal>,
}

impl LookOver {
    fn agent_call(&mut self, call: &mut AgentCall) {
        match call {
            AgentCall::RecordFinding(finding) => self.finding(finding),
            AgentCall::EmitEvent { kind, data } => {
                self.must_be_clean("kind", kind);
                self.clean("data", data);
            }
            AgentCall::SendMessage { body, .. } => self.clean("body", body),
            AgentCall::GetState { key } => self.must_be_clean("key", key),
            AgentCall::PutState { key, value, under, .. } => {
                self.under(under.as_ref());
                self.must_be_clean("key", key);
                self.must_be_clean("value", value);
            }
            AgentCall::TakeLease { name, .. } | AgentCall::ReleaseLease { name } => {
                self.must_be_clean("name", name);
            }
            AgentCall::AskPerson { text } => self.clean("text", text),
            AgentCall::RequestApproval { action, what, reason, .. } => {
                self.must_be_clean("action", action);
                // People approve it to the letter, so nothing of it is changed.
                self.must_be_clean("what", what);
                self.clean("reason", reason);
            }
            AgentCall::Finish { summary, .. } => self.clean("summary", summary),
            // Fingerprints and ids of commits are digits, by their readers.
            AgentCall::SettleForecast { .. }
            | AgentCall::ResolveFinding { .. }
            | AgentCall::ReadInbox { .. }
            | AgentCall::AckMessage { .. }
            | AgentCall::SaveCheckpoint { .. }
            | AgentCall::FindCheckpoint { .. }
            | AgentCall::ProposeChange(_) => {}
        }
    }

    fn finding(&mut self, finding: &mut Finding) {
        self.must_be_clean("rule", &finding.rule);
        self.clean("title", &mut finding.title);
        self.clean("detail", &mut finding.detail);
        self.clean("action", &mut finding.action);
        self.clean("target", &mut finding.target);
        self.evidence(&mut finding.evidence);
        if let Some(forecast) = &mut finding.forecast {
            self.clean("forecast", &mut forecast.expects);
        }
        if let Some(Worded { model, title, detail, refused, .. }) = finding.worded.as_deref_mut() {
            self.must_be_clean("worded", model);
            for text in [title, detail, refused].into_iter().flatten() {
                self.clean("worded", text);
            }
        }
    }

    fn evidence(&mut self, evidence: &mut [Evidence]) {
        for Evidence { text, path, oid, .. } in evidence {
            self.clean("evidence", text);
            for text in [path, oid].into_iter().flatten() {
                self.clean("evidence", text);
            }
        }
    }

    /// Puts a mark in the place of each secret, inside of the bound that the text kept.
    fn clean(&mut self, place: &str, text: &mut String) {
        let Some((clean, rules)) = redact(text) else { return };
        *text = cut(&clean, text.len()).to_string();
        self.note(place, &rules);
    }

    fn must_be_clean(&mut self, place: &str, text: &str) {
        let rules: Vec<&'static str> = scan(text).into_iter().map(|secret| secret.rule).collect();
        if rules.is_empty() {
            return;
        }
        self.note(place, &rules);
        let why = format!("`{place}` holds a secret ({}): nothing was kept", rules[0]);
        self.refused.get_or_insert(CallRefusal::new("secret", why));
    }

    fn under(&mut self, under: Option<&Under>) {
        if let Some(under) = under {
            self.must_be_clean("under", &under.name);
        }
    }

    fn note(&mut self, place: &str, rules: &[&'static str]) {
        self.violations.extend(rules.iter().map(|rule| secret_in(self.what, place, rule)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use onboard_protocol::arguments;
    use onboard_protocol::tool::Tool;
    use serde_json::{Value, json};

    /// Joined here, so that this file itself has none.
    fn token() -> String {
        format!("{}_{}", "ghp", "x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi")
    }

    fn check(tool: Tool, arguments: &Value, expect: Expect) {
        let text = arguments.to_string().replace("TOKEN", &token());
        let Value::Object(arguments) = serde_json::from_str(&text).unwrap() else { panic!() };
        let Screened { call, violations } = screen(arguments::read(tool, arguments).unwrap());
        let mut out = match call {
            Ok(call) => format!("{call:?}\n"),
            Err(refusal) => format!("{}: {}\n", refusal.code, refusal.message),
        };
        for violation in violations {
            out.push_str(&format!("{}: {}\n", violation.what, violation.target));
        }
        assert!(!out.contains(&token()), "{out}");
        expect.assert_eq(&out);
    }

    #[test]
    fn what_people_read_is_kept_with_a_mark() {
        check(
            Tool::RecordFinding,
            &json!({ "rule": "leak/token", "title": "a token TOKEN in a.env", "target": "a.env",
                "evidence": [{ "kind": "file", "text": "TOKEN", "path": "a.env", "line": 3 }] }),
            expect![[r#"
                Agent(RecordFinding(Finding { rule: "leak/token", severity: Low, title: "a token [redacted: github-token] in a.env", detail: "", evidence: [Evidence { kind: File, text: "[redacted: github-token]", path: Some("a.env"), line: Some(3), oid: None, value: None }], action: "", target: "a.env", fingerprint: Fingerprint("7bb4cc10d0ba95c79eacdde518272ee577183df404dd53de5535ec47dadba024"), forecast: None, worded: None }))
                record_finding: title: github-token
                record_finding: evidence: github-token
            "#]],
        );
        check(
            Tool::Finish,
            &json!({ "summary": "used TOKEN twice: TOKEN" }),
            expect![[r#"
            Agent(Finish { nothing_to_report: false, summary: "used [redacted: github-token] twice: [redacted: github-token]" })
            finish: summary: github-token
            finish: summary: github-token
        "#]],
        );
        check(
            Tool::EmitEvent,
            &json!({ "kind": "x.y", "data": { "said": "one\nTOKEN\ntwo" } }),
            expect![[r#"
                Agent(EmitEvent { kind: "x.y", data: "{\"said\":\"one\\n[redacted: github-token]\\ntwo\"}" })
                emit_event: data: github-token
            "#]],
        );
        check(
            Tool::ReportProgress,
            &json!({ "done": 1, "note": "TOKEN" }),
            expect![[r#"
            Progress { done: 1, total: None, note: "[redacted: github-token]" }
            report_progress: note: github-token
        "#]],
        );
    }

    #[test]
    fn what_is_read_back_is_refused() {
        check(
            Tool::SaveCheckpoint,
            &json!({ "name": "seen", "content": "TOKEN" }),
            expect![[r#"
                secret: `content` holds a secret (github-token): nothing was kept
                save_checkpoint: content: github-token
            "#]],
        );
        check(
            Tool::PutState,
            &json!({ "key": "k", "value": { "t": "TOKEN" } }),
            expect![[r#"
            secret: `value` holds a secret (github-token): nothing was kept
            put_state: value: github-token
        "#]],
        );
        check(
            Tool::TakeLease,
            &json!({ "name": "TOKEN", "ttl_ms": 5000 }),
            expect![[r#"
            secret: `name` holds a secret (github-token): nothing was kept
            take_lease: name: github-token
        "#]],
        );
    }
}
