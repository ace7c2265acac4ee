//! `ai_onboard host …`: the tools for scripts, as words of a command line.

use crate::tool::Tool;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use onboard_domain::lease::FILE;
use onboard_text::{duration, nearest};
use serde_json::{Value, json};

/// What `ai_onboard host --help` shows.
pub const USAGE: &str = "\
Ask the host of this run; for scripts that are agents.

usage: ai_onboard host COMMAND [--json]

  task                                 what this run is for
  progress DONE[/TOTAL] [NOTE]         how far it is
  finding --rule R --title T           report a finding
          [--severity info|low|medium|high|critical] [--target X] [--action A]
          [--detail D] [--fingerprint HEX] [--evidence KIND=TEXT]…
          evidence: file=PATH[:LINE], commit=ID, number=NAME:VALUE, branch=NAME, tag=NAME
          [--expects E --chance P|--interval LOW..HIGH:SHARE --resolve-by MS]
          [--decided-by standing]      what it expects to come, and when that is known
  settle --rule R [--target X]         what came of it: came, did_not_come, amount or void; with
          OUTCOME [VALUE]              the amount, or when it came
  resolve --rule R [--target X]        a commit did what a finding suggested
          --commit ID
  propose --title T --reason R         propose the change that standard input holds as a patch
          [--evidence KIND=TEXT]…
  checkpoint load NAME                 what an earlier run kept; exit 1 when nothing
  checkpoint save NAME                 keep standard input for the next run
  event KIND [JSON]                    publish an event
  inbox [--limit N]                    messages that are not acknowledged
  ack ID                               acknowledge a message
  send AGENT BODY                      send a message
  state get KEY                        a shared value; exit 1 when absent
  state put KEY JSON [--expect N]      write it, if its version is N
  lease take NAME --ttl 30s            an expiring right to a name
          [--mode shared] [--wait 1m]
  lease release NAME                   give it back
  lock PATH --ttl 30s                  the lease of a path of the project and all that lies in it
          [--mode shared] [--wait 1m]
  unlock PATH                          give it back
  ask-person TEXT                      a person should look, and why
  request-approval ACTION WHAT         may this be done? the run ends here and goes on in another
          --reason R [--expires 24h]   with the answer; exit 1 when that is no
  log TEXT [--level debug|info|warn|error]
  heartbeat                            the run is alive
  finish [--summary S] [--nothing-to-report]
";

const WORDS: [&str; 21] = [
    "task",
    "machine",
    "progress",
    "finding",
    "settle",
    "resolve",
    "propose",
    "checkpoint",
    "event",
    "inbox",
    "ack",
    "send",
    "state",
    "lease",
    "lock",
    "unlock",
    "ask-person",
    "request-approval",
    "log",
    "heartbeat",
    "finish",
];

/// A command line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for UsageError {}

/// A tool call made of words.
#[derive(Clone, Debug, PartialEq)]
pub struct HostCommand {
    tool: Tool,
    /// An object.
    arguments: Value,
    /// The argument that standard input is to fill.
    stdin: Option<&'static str>,
    json: bool,
}

/// What a command shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// For standard output, as it is.
    pub text: String,
    /// Whether there was something; a script's exit code is 1 when not.
    pub found: bool,
}

/// Reads the words after `ai_onboard host`.
///
/// # Errors
/// Says which word is wrong and how the command goes.
pub fn host_command(words: &[&str]) -> Result<HostCommand, UsageError> {
    let mut line = Line::split(words)?;
    let word = line.take("a command")?;
    let mut stdin = None;
    let (tool, arguments) = match word.as_str() {
        "task" => (Tool::GetTask, json!({})),
        "machine" => (Tool::GetMachine, json!({})),
        "heartbeat" => (Tool::Heartbeat, json!({})),
        "progress" => (Tool::ReportProgress, progress(&mut line)?),
        "finding" => (Tool::RecordFinding, finding(&mut line)?),
        "settle" => (Tool::SettleForecast, settle(&mut line)?),
        "resolve" => {
            let mut arguments = which_finding(&mut line)?;
            arguments["commit"] = line.needed("commit")?.into();
            (Tool::ResolveFinding, arguments)
        }
        "propose" => {
            stdin = Some("patch");
            (Tool::ProposeChange, propose(&mut line)?)
        }
        "event" => (Tool::EmitEvent, event(&mut line)?),
        "inbox" => (Tool::ReadInbox, inbox(&mut line)?),
        "ack" => (Tool::AckMessage, json!({ "id": line.take("a message's id")? })),
        "send" => {
            let to = line.take("an agent's name")?;
            (Tool::SendMessage, json!({ "to": to, "body": line.take("a body")? }))
        }
        "state" => state(&mut line)?,
        "lease" => lease(&mut line)?,
        "lock" => {
            let name = line.take("a path")?;
            (Tool::TakeLease, take_lease(&mut line, &alloc::format!("{FILE}{name}"))?)
        }
        "unlock" => {
            let name = alloc::format!("{FILE}{}", line.take("a path")?);
            (Tool::ReleaseLease, json!({ "name": name }))
        }
        "checkpoint" => match line.take("`load` or `save`")?.as_str() {
            "load" => (Tool::LoadCheckpoint, json!({ "name": line.take("a name")? })),
            "save" => {
                stdin = Some("content");
                let mut arguments = json!({ "name": line.take("a name")? });
                add_under(&mut line, &mut arguments)?;
                (Tool::SaveCheckpoint, arguments)
            }
            other => return Err(unknown(other, &["load", "save"])),
        },
        "ask-person" => (Tool::AskPerson, json!({ "text": line.take("a text")? })),
        "request-approval" => (Tool::RequestApproval, request_approval(&mut line)?),
        "log" => (Tool::Log, log(&mut line)?),
        "finish" => (Tool::Finish, finish(&mut line)?),
        other => return Err(unknown(other, &WORDS)),
    };
    line.nothing_else()?;
    Ok(HostCommand { tool, arguments, stdin, json: line.json })
}

impl HostCommand {
    /// The tool's name.
    pub fn tool(&self) -> &'static str {
        self.tool.name()
    }

    /// How long a refusal with `waits` is no answer yet, in milliseconds.
    pub fn waits_ms(&self) -> u64 {
        self.arguments["wait_ms"].as_u64().filter(|_| self.tool == Tool::TakeLease).unwrap_or(0)
    }

    /// Whether standard input is part of the call: then it is read and given to
    /// [`HostCommand::arguments`].
    pub fn reads_stdin(&self) -> bool {
        self.stdin.is_some()
    }

    /// The call's arguments, with what standard input held.
    pub fn arguments(&self, stdin: String) -> Value {
        let mut arguments = self.arguments.clone();
        if let Some(name) = self.stdin {
            arguments[name] = Value::String(stdin);
        }
        arguments
    }

    /// What to show of the structured answer: a script's words, or JSON when it was asked for.
    pub fn show(&self, answer: &Value) -> Shown {
        let found = match self.tool {
            Tool::LoadCheckpoint => !answer["content"].is_null(),
            Tool::GetState => answer["version"] != json!(0),
            Tool::RequestApproval => answer["status"] == json!("approved"),
            _ => true,
        };
        let text = if self.json { alloc::format!("{answer}\n") } else { self.words(answer) };
        Shown { text, found }
    }

    fn words(&self, answer: &Value) -> String {
        let part = |name: &str| plain(&answer[name]);
        match self.tool {
            Tool::LoadCheckpoint => answer["content"].as_str().unwrap_or("").to_string(),
            Tool::GetState if answer["version"] == json!(0) => String::new(),
            Tool::GetState => alloc::format!("{}\n", part("value")),
            Tool::PutState => alloc::format!("{}\n", part("version")),
            Tool::TakeLease => alloc::format!("{}\n", part("token")),
            Tool::RecordFinding => alloc::format!("{}\n", part("status")),
            Tool::SettleForecast | Tool::ResolveFinding => alloc::format!("{}\n", part("changed")),
            Tool::RequestApproval => {
                alloc::format!("{}\t{}\t{}\n", part("status"), part("id"), part("note"))
            }
            Tool::ProposeChange => alloc::format!("{}\t{}\n", part("id"), part("status")),
            Tool::SendMessage => alloc::format!("{}\n", part("id")),
            Tool::ReadInbox => messages(&answer["messages"]),
            Tool::GetTask | Tool::GetMachine => task(answer),
            _ => String::new(),
        }
    }
}

/// A text as it is, everything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToString::to_string)
}

/// One message a line: id, sender, body as JSON text, so that a body can't look like a line.
fn messages(list: &Value) -> String {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .map(|m| alloc::format!("{}\t{}\t{}\n", plain(&m["id"]), plain(&m["from"]), m["body"]))
        .collect()
}

/// One field a line: name, tab, value.
fn task(answer: &Value) -> String {
    let mut text = String::new();
    for (name, value) in answer.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(inner) if matches!(name.as_str(), "settings" | "leases") => {
                for (key, value) in inner {
                    text.push_str(&alloc::format!("{name}.{key}\t{}\n", plain(value)));
                }
            }
            _ => text.push_str(&alloc::format!("{name}\t{}\n", plain(value))),
        }
    }
    text
}

fn progress(line: &mut Line) -> Result<Value, UsageError> {
    let steps = line.take("`DONE/TOTAL`, such as 3/10")?;
    let number = |text: &str| {
        text.parse::<u64>().map_err(|_| UsageError(alloc::format!("`{text}` is no whole number")))
    };
    let mut arguments = match steps.split_once('/') {
        Some((done, total)) => json!({ "done": number(done)?, "total": number(total)? }),
        None => json!({ "done": number(&steps)? }),
    };
    if let Some(note) = line.next() {
        arguments["note"] = note.into();
    }
    Ok(arguments)
}

fn finding(line: &mut Line) -> Result<Value, UsageError> {
    let mut arguments = json!({ "rule": line.needed("rule")?, "title": line.needed("title")? });
    for name in ["severity", "target", "action", "detail", "fingerprint"] {
        if let Some(value) = line.flag(name)? {
            arguments[name] = value.into();
        }
    }
    add_evidence(line, &mut arguments)?;
    if let Some(expects) = line.flag("expects")? {
        arguments["forecast"] = forecast(line, &expects)?;
    }
    Ok(arguments)
}

/// What a finding expects: a chance or an interval, and when it is known.
fn forecast(line: &mut Line, expects: &str) -> Result<Value, UsageError> {
    let resolve_by = line.whole_number("resolve-by")?;
    let resolve_by = resolve_by.ok_or_else(|| UsageError("--resolve-by is missing".into()))?;
    let estimate = match (line.flag("chance")?, line.flag("interval")?) {
        (Some(chance), None) => json!({ "chance": number("--chance", &chance)? }),
        (None, Some(interval)) => json!({ "interval": self::interval(&interval)? }),
        _ => return Err(UsageError("--expects wants either --chance or --interval".into())),
    };
    let mut forecast =
        json!({ "expects": expects, "estimate": estimate, "resolve_by": resolve_by });
    if let Some(decider) = line.flag("decided-by")? {
        forecast["decided_by"] = decider.into();
    }
    Ok(forecast)
}

/// `LOW..HIGH:SHARE`
fn interval(text: &str) -> Result<Value, UsageError> {
    let parts = text.split_once("..").and_then(|(low, rest)| {
        let (high, share) = rest.rsplit_once(':')?;
        Some((low, high, share))
    });
    let wrong = || {
        UsageError(alloc::format!(
            "--interval wants LOW..HIGH:SHARE, such as 3..8:0.8, not `{text}`"
        ))
    };
    let (low, high, share) = parts.ok_or_else(wrong)?;
    let end = |text: &str| text.parse::<f64>().map_err(|_| wrong());
    Ok(json!({ "low": end(low)?, "high": end(high)?, "share": end(share)? }))
}

fn number(what: &str, text: &str) -> Result<f64, UsageError> {
    text.parse().map_err(|_| UsageError(alloc::format!("{what} wants a number, not `{text}`")))
}

/// A finding that was told before: by fingerprint, or by rule and target.
fn which_finding(line: &mut Line) -> Result<Value, UsageError> {
    let mut arguments = json!({});
    for name in ["rule", "target", "fingerprint"] {
        if let Some(value) = line.flag(name)? {
            arguments[name] = value.into();
        }
    }
    Ok(arguments)
}

fn settle(line: &mut Line) -> Result<Value, UsageError> {
    let mut arguments = which_finding(line)?;
    arguments["outcome"] = line.take("what came")?.into();
    if let Some(value) = line.next() {
        arguments["value"] = number("a value", &value)?.into();
    }
    Ok(arguments)
}

fn propose(line: &mut Line) -> Result<Value, UsageError> {
    let mut arguments = json!({ "title": line.needed("title")?, "reason": line.needed("reason")? });
    add_evidence(line, &mut arguments)?;
    add_under(line, &mut arguments)?;
    Ok(arguments)
}

/// `--under NAME=TOKEN`: the lease that a write relies on.
fn add_under(line: &mut Line, arguments: &mut Value) -> Result<(), UsageError> {
    let Some(text) = line.flag("under")? else { return Ok(()) };
    let under = text.rsplit_once('=').and_then(|(name, token)| {
        Some(json!({ "name": name, "token": token.parse::<u64>().ok()? }))
    });
    let wrong =
        || UsageError(alloc::format!("--under wants NAME=TOKEN, such as report=7, not `{text}`"));
    arguments["under"] = under.ok_or_else(wrong)?;
    Ok(())
}

fn add_evidence(line: &mut Line, arguments: &mut Value) -> Result<(), UsageError> {
    let mut evidence = Vec::new();
    while let Some(text) = line.flag_again("evidence") {
        evidence.push(one_evidence(&text)?);
    }
    if !evidence.is_empty() {
        arguments["evidence"] = Value::Array(evidence);
    }
    Ok(())
}

fn one_evidence(text: &str) -> Result<Value, UsageError> {
    let wrong = || {
        UsageError(alloc::format!(
            "`{text}` is no evidence: write file=PATH[:LINE], commit=ID, number=NAME:VALUE, \
             branch=NAME or tag=NAME"
        ))
    };
    let (kind, what) = text.split_once('=').ok_or_else(wrong)?;
    let mut evidence = json!({ "kind": kind, "text": what });
    match (kind, what.rsplit_once(':')) {
        ("file", Some((path, line))) if line.parse::<u32>().is_ok() => {
            evidence["path"] = path.into();
            evidence["line"] = line.parse::<u32>().map_err(|_| wrong())?.into();
        }
        ("file", _) => evidence["path"] = what.into(),
        ("commit", _) => evidence["oid"] = what.into(),
        ("number", Some((_, value))) => {
            evidence["value"] = value.parse::<f64>().map_err(|_| wrong())?.into();
        }
        ("branch" | "tag", _) => {}
        _ => return Err(wrong()),
    }
    Ok(evidence)
}

fn event(line: &mut Line) -> Result<Value, UsageError> {
    let mut arguments = json!({ "kind": line.take("a kind, such as project.task.started")? });
    if let Some(data) = line.next() {
        arguments["data"] = parse_json(&data)?;
    }
    Ok(arguments)
}

fn inbox(line: &mut Line) -> Result<Value, UsageError> {
    Ok(match line.whole_number("limit")? {
        Some(limit) => json!({ "limit": limit }),
        None => json!({}),
    })
}

fn state(line: &mut Line) -> Result<(Tool, Value), UsageError> {
    match line.take("`get` or `put`")?.as_str() {
        "get" => Ok((Tool::GetState, json!({ "key": line.take("a key")? }))),
        "put" => {
            let key = line.take("a key")?;
            let value = parse_json(&line.take("a value as JSON")?)?;
            let mut arguments = json!({ "key": key, "value": value });
            if let Some(expect) = line.whole_number("expect")? {
                arguments["expect"] = expect.into();
            }
            add_under(line, &mut arguments)?;
            Ok((Tool::PutState, arguments))
        }
        other => Err(unknown(other, &["get", "put"])),
    }
}

fn take_lease(line: &mut Line, name: &str) -> Result<Value, UsageError> {
    let length = |flag: &str, text: &str| {
        duration::parse(text).map_err(|why| UsageError(alloc::format!("--{flag}: {why}")))
    };
    let mut arguments = json!({ "name": name, "ttl_ms": length("ttl", &line.needed("ttl")?)? });
    if let Some(mode) = line.flag("mode")? {
        arguments["mode"] = mode.into();
    }
    if let Some(wait) = line.flag("wait")? {
        arguments["wait_ms"] = length("wait", &wait)?.into();
        arguments["tell"] = true.into();
    }
    Ok(arguments)
}

fn lease(line: &mut Line) -> Result<(Tool, Value), UsageError> {
    match line.take("`take` or `release`")?.as_str() {
        "take" => {
            let name = line.take("a name")?;
            Ok((Tool::TakeLease, take_lease(line, &name)?))
        }
        "release" => Ok((Tool::ReleaseLease, json!({ "name": line.take("a name")? }))),
        other => Err(unknown(other, &["take", "release"])),
    }
}

fn request_approval(line: &mut Line) -> Result<Value, UsageError> {
    let action = line.take("an action, such as release.publish")?;
    let what = line.take("what exactly will be done")?;
    let mut arguments = json!({ "action": action, "what": what, "reason": line.needed("reason")? });
    if let Some(text) = line.flag("expires")? {
        let ms =
            duration::parse(&text).map_err(|why| UsageError(alloc::format!("--expires: {why}")))?;
        arguments["expires_ms"] = ms.into();
    }
    Ok(arguments)
}

fn log(line: &mut Line) -> Result<Value, UsageError> {
    let mut arguments = json!({ "text": line.take("a text")? });
    if let Some(level) = line.flag("level")? {
        arguments["level"] = level.into();
    }
    Ok(arguments)
}

fn finish(line: &mut Line) -> Result<Value, UsageError> {
    let mut arguments = json!({ "nothing_to_report": line.nothing_to_report });
    if let Some(summary) = line.flag("summary")? {
        arguments["summary"] = summary.into();
    }
    line.nothing_to_report = false;
    Ok(arguments)
}

fn parse_json(text: &str) -> Result<Value, UsageError> {
    serde_json::from_str(text).map_err(|error| {
        UsageError(alloc::format!("`{text}` is no JSON ({error}); a text needs quotes: '\"…\"'"))
    })
}

fn unknown(word: &str, known: &[&str]) -> UsageError {
    let all = onboard_text::item::join(known);
    UsageError(match nearest(word, known) {
        Some(near) => alloc::format!("no command `{word}`; did you mean `{near}`? known: {all}"),
        None => alloc::format!("no command `{word}`; known: {all}"),
    })
}

/// Words, taken from the front, and flags with values, taken by name.
struct Line {
    words: Vec<String>,
    at: usize,
    flags: Vec<(String, String)>,
    json: bool,
    nothing_to_report: bool,
}

impl Line {
    fn split(words: &[&str]) -> Result<Line, UsageError> {
        let mut line = Line {
            words: Vec::new(),
            at: 0,
            flags: Vec::new(),
            json: false,
            nothing_to_report: false,
        };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match word.strip_prefix("--") {
                Some("") => line.words.extend(rest.by_ref().map(ToString::to_string)),
                Some("json") => line.json = true,
                Some("nothing-to-report") => line.nothing_to_report = true,
                Some(flag) => {
                    let (name, value) = match flag.split_once('=') {
                        Some((name, value)) => (name, value),
                        None => match rest.next() {
                            Some(value) => (flag, *value),
                            None => {
                                return Err(UsageError(alloc::format!("--{flag} wants a value")));
                            }
                        },
                    };
                    line.flags.push((name.to_string(), value.to_string()));
                }
                None => line.words.push((*word).to_string()),
            }
        }
        Ok(line)
    }

    fn next(&mut self) -> Option<String> {
        let word = self.words.get(self.at).cloned();
        self.at += usize::from(word.is_some());
        word
    }

    fn take(&mut self, what: &str) -> Result<String, UsageError> {
        self.next().ok_or_else(|| UsageError(alloc::format!("{what} is missing")))
    }

    fn flag_again(&mut self, name: &str) -> Option<String> {
        let at = self.flags.iter().position(|(flag, _)| flag == name)?;
        Some(self.flags.remove(at).1)
    }

    fn flag(&mut self, name: &str) -> Result<Option<String>, UsageError> {
        let value = self.flag_again(name);
        match self.flag_again(name) {
            Some(_) => Err(UsageError(alloc::format!("--{name} is given a second time"))),
            None => Ok(value),
        }
    }

    fn needed(&mut self, name: &str) -> Result<String, UsageError> {
        self.flag(name)?.ok_or_else(|| UsageError(alloc::format!("--{name} is missing")))
    }

    fn whole_number(&mut self, name: &str) -> Result<Option<u64>, UsageError> {
        let Some(text) = self.flag(name)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| UsageError(alloc::format!("--{name} wants a whole number, not `{text}`")))
    }

    fn nothing_else(&self) -> Result<(), UsageError> {
        if let Some(word) = self.words.get(self.at) {
            return Err(UsageError(alloc::format!(
                "`{word}` is too much; quote a text with spaces"
            )));
        }
        if let Some((name, _)) = self.flags.first() {
            return Err(UsageError(alloc::format!("--{name} is not known here")));
        }
        if self.nothing_to_report {
            return Err(UsageError("--nothing-to-report belongs to `finish`".into()));
        }
        Ok(())
    }
}
