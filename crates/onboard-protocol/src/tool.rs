//! The tools that a host offers: names, hints and schemas, as `tools/list` gives them.
//!
//! The schemas are written by hand, once, here; a test holds each against the reader of the
//! arguments, so that neither says what the other does not do.

use serde_json::{Value, json};

/// What an agent can ask of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    GetTask,
    GetMachine,
    ReportProgress,
    RecordFinding,
    SettleForecast,
    ResolveFinding,
    EmitEvent,
    SendMessage,
    ReadInbox,
    AckMessage,
    GetState,
    PutState,
    TakeLease,
    ReleaseLease,
    SaveCheckpoint,
    LoadCheckpoint,
    ProposeChange,
    AskPerson,
    RequestApproval,
    Log,
    Heartbeat,
    Finish,
}

/// Every tool, in the order of `tools/list`: what a run does first comes first.
pub const TOOLS: [Tool; 22] = [
    Tool::GetTask,
    Tool::LoadCheckpoint,
    Tool::SaveCheckpoint,
    Tool::ReportProgress,
    Tool::RecordFinding,
    Tool::SettleForecast,
    Tool::ResolveFinding,
    Tool::ProposeChange,
    Tool::EmitEvent,
    Tool::ReadInbox,
    Tool::AckMessage,
    Tool::SendMessage,
    Tool::GetState,
    Tool::PutState,
    Tool::TakeLease,
    Tool::ReleaseLease,
    Tool::GetMachine,
    Tool::AskPerson,
    Tool::RequestApproval,
    Tool::Log,
    Tool::Heartbeat,
    Tool::Finish,
];

impl Tool {
    /// The tool of a name.
    pub fn named(name: &str) -> Option<Tool> {
        TOOLS.into_iter().find(|tool| tool.name() == name)
    }

    /// The name in `tools/call`.
    pub fn name(self) -> &'static str {
        match self {
            Tool::GetTask => "get_task",
            Tool::GetMachine => "get_machine",
            Tool::ReportProgress => "report_progress",
            Tool::RecordFinding => "record_finding",
            Tool::SettleForecast => "settle_forecast",
            Tool::ResolveFinding => "resolve_finding",
            Tool::EmitEvent => "emit_event",
            Tool::SendMessage => "send_message",
            Tool::ReadInbox => "read_inbox",
            Tool::AckMessage => "ack_message",
            Tool::GetState => "get_state",
            Tool::PutState => "put_state",
            Tool::TakeLease => "take_lease",
            Tool::ReleaseLease => "release_lease",
            Tool::SaveCheckpoint => "save_checkpoint",
            Tool::LoadCheckpoint => "load_checkpoint",
            Tool::ProposeChange => "propose_change",
            Tool::AskPerson => "ask_person",
            Tool::RequestApproval => "request_approval",
            Tool::Log => "log",
            Tool::Heartbeat => "heartbeat",
            Tool::Finish => "finish",
        }
    }

    /// One sentence for people and models.
    pub fn description(self) -> &'static str {
        match self {
            Tool::GetTask => "What this run is for: project, trigger, deadline, settings.",
            Tool::GetMachine => {
                "What the machine does now (load, memory, disk, pressure), and how the newest runs of \
                 the project's agents went."
            }
            Tool::ReportProgress => "Say how far the run is; shown live, not kept.",
            Tool::RecordFinding => {
                "Report one thing about the project, with evidence and one suggested action. The \
                 same rule and target is the same finding: it is never shown twice."
            }
            Tool::SettleForecast => {
                "Say what came of what an earlier finding of yours expected. Its rule's record is made \
                 of this; where no such forecast is open, nothing changes."
            }
            Tool::ResolveFinding => {
                "Say that an earlier finding of yours is no longer so since a commit did what it \
                 suggested. What you no longer report ends by itself; this tells that somebody acted on \
                 it."
            }
            Tool::EmitEvent => "Publish an event; agents of the project that wake on it run.",
            Tool::SendMessage => "Send a message to another agent of the project.",
            Tool::ReadInbox => "Messages to this agent that are not acknowledged, oldest first.",
            Tool::AckMessage => "Acknowledge a message, so that it is not delivered again.",
            Tool::GetState => "Read a value that the project's agents share.",
            Tool::PutState => {
                "Write a shared value. The last writer wins, unless `expect` names the version \
                 that must be there (0: absent)."
            }
            Tool::TakeLease => {
                "Take an expiring right to a name, exclusive or shared; again to renew it. `file:PATH` \
                 stands for a path of the project and all that lies in it. With `wait_ms` the run \
                 stands in the queue while others have it: refused with `waits`, ask again."
            }
            Tool::ReleaseLease => "Give a lease back before it expires.",
            Tool::SaveCheckpoint => "Keep a text for this agent's next run; replaces the name's.",
            Tool::LoadCheckpoint => "The text that was kept under a name, or null.",
            Tool::ProposeChange => {
                "Propose a change of the project as a patch: a unified diff as git writes it. It is \
                 checked, shown to people, and written as a branch when they accept it. The same \
                 patch is the same proposal."
            }
            Tool::AskPerson => {
                "Ask for a person to look, saying why: it is put into this agent's incident, if the \
                 project's policy has people called."
            }
            Tool::RequestApproval => {
                "Ask people whether something may be done, in the exact words in which it will be \
                 done. Save a checkpoint first: the run ends here, and another starts with trigger \
                 `answered` when people have answered or the time is over. Asked again in the same \
                 words it gives the answer: approved (once, for this very answer), rejected or expired."
            }
            Tool::Log => "Write a line to this agent's log.",
            Tool::Heartbeat => "Say that the run is alive though it has nothing to tell.",
            Tool::Finish => {
                "Say how the run ended, in a sentence; the process's exit code decides whether it \
                 counts."
            }
        }
    }

    /// (only reads, again changes nothing more); no tool destroys or reaches outside the host.
    fn hints(self) -> (bool, bool) {
        match self {
            Tool::GetTask | Tool::GetMachine | Tool::GetState | Tool::LoadCheckpoint => {
                (true, true)
            }
            Tool::EmitEvent | Tool::SendMessage | Tool::ReadInbox | Tool::Log => (false, false),
            _ => (false, true),
        }
    }

    /// JSON Schema (2020-12) of the arguments.
    pub fn input_schema(self) -> &'static str {
        match self {
            Tool::GetTask | Tool::GetMachine | Tool::Heartbeat => NOTHING,
            Tool::ReportProgress => REPORT_PROGRESS,
            Tool::RecordFinding => RECORD_FINDING,
            Tool::SettleForecast => SETTLE_FORECAST,
            Tool::ResolveFinding => RESOLVE_FINDING,
            Tool::EmitEvent => EMIT_EVENT,
            Tool::SendMessage => SEND_MESSAGE,
            Tool::ReadInbox => READ_INBOX,
            Tool::AckMessage => ACK_MESSAGE,
            Tool::GetState => GET_STATE,
            Tool::PutState => PUT_STATE,
            Tool::TakeLease => TAKE_LEASE,
            Tool::ReleaseLease => RELEASE_LEASE,
            Tool::SaveCheckpoint => SAVE_CHECKPOINT,
            Tool::LoadCheckpoint => LOAD_CHECKPOINT,
            Tool::ProposeChange => PROPOSE_CHANGE,
            Tool::AskPerson => ASK_PERSON,
            Tool::RequestApproval => REQUEST_APPROVAL,
            Tool::Log => LOG,
            Tool::Finish => FINISH,
        }
    }

    /// JSON Schema (2020-12) of `structuredContent`.
    pub fn output_schema(self) -> &'static str {
        match self {
            Tool::GetTask => TASK,
            Tool::GetMachine => MACHINE,
            Tool::RecordFinding => RECORDED,
            Tool::SettleForecast | Tool::ResolveFinding => CHANGED,
            Tool::SendMessage => SENT,
            Tool::ReadInbox => MESSAGES,
            Tool::GetState => VALUE,
            Tool::PutState => STORED,
            Tool::TakeLease => LEASE,
            Tool::LoadCheckpoint => CHECKPOINT,
            Tool::ProposeChange => PROPOSED,
            Tool::RequestApproval => APPROVAL,
            _ => DONE,
        }
    }

    /// The tool's entry in `tools/list`.
    pub fn listing(self) -> Value {
        let (read_only, idempotent) = self.hints();
        json!({
            "name": self.name(),
            "description": self.description(),
            "inputSchema": schema(self.input_schema()),
            "outputSchema": schema(self.output_schema()),
            "annotations": {
                "readOnlyHint": read_only,
                "destructiveHint": false,
                "idempotentHint": idempotent,
                "openWorldHint": false,
            },
        })
    }
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("the schemas are constants, read by a test")
}

const NOTHING: &str = r#"{"type":"object","properties":{},"additionalProperties":false}"#;

const REPORT_PROGRESS: &str = r#"{"type":"object","additionalProperties":false,
"required":["done"],"properties":{
"done":{"type":"integer","minimum":0,"maximum":1000000000000,"description":"steps done"},
"total":{"type":"integer","minimum":1,"maximum":1000000000000,"description":"steps in all, if known"},
"note":{"type":"string","maxLength":500,"description":"what is being done"}}}"#;

const RECORD_FINDING: &str = r#"{"type":"object","additionalProperties":false,
"required":["rule","title"],"properties":{
"rule":{"type":"string","minLength":1,"maxLength":80,"pattern":"^[a-z0-9][a-z0-9._/-]*$","description":"stable name of the rule, such as todo/growth"},
"title":{"type":"string","minLength":1,"maxLength":200,"description":"one line that names the thing"},
"severity":{"enum":["info","low","medium","high","critical"],"default":"low"},
"detail":{"type":"string","maxLength":4000},
"action":{"type":"string","maxLength":1000,"description":"one sentence: what to do about it"},
"target":{"type":"string","maxLength":400,"description":"what it is about: a path, a branch, a milestone"},
"fingerprint":{"type":"string","minLength":8,"maxLength":64,"pattern":"^[0-9a-f]*$","description":"what makes it the same finding; made of rule and target when absent"},
"evidence":{"type":"array","maxItems":20,"items":{"type":"object","additionalProperties":false,
"required":["kind","text"],"properties":{
"kind":{"enum":["file","commit","number","branch","tag"]},
"text":{"type":"string","minLength":1,"maxLength":400},
"path":{"type":"string","minLength":1,"maxLength":400},
"line":{"type":"integer","minimum":1,"maximum":4294967295},
"oid":{"type":"string","minLength":1,"maxLength":64},
"value":{"type":"number"}}}},
"forecast":{"type":"object","additionalProperties":false,"required":["expects","estimate","resolve_by"],"description":"what it expects to come, to be held against what comes: the first one of a finding counts until it is settled","properties":{
"expects":{"type":"string","minLength":1,"maxLength":200,"description":"what will be, such as: a fix of it follows"},
"estimate":{"type":"object","description":"how sure it is","oneOf":[
{"additionalProperties":false,"required":["chance"],"properties":{"chance":{"type":"number","minimum":0,"maximum":1}}},
{"additionalProperties":false,"required":["interval"],"properties":{"interval":{"type":"object","additionalProperties":false,"required":["low","high","share"],"properties":{
"low":{"type":"number"},"high":{"type":"number"},"share":{"type":"number","description":"in how many cases it is to hold what comes, such as 0.8"}}}}}]},
"resolve_by":{"type":"integer","minimum":0,"maximum":9007199254740991,"description":"from then on it is known what came: milliseconds since 1970, within two years"},
"decided_by":{"enum":["agent","standing"],"default":"agent","description":"standing: the host decides; it came where the finding still stands then"}}},
"worded":{"type":"object","additionalProperties":false,"required":["model"],"description":"what a language model made of it; the host keeps its words only where every number, path, line, commit and name in them stands in the finding","properties":{
"model":{"type":"string","minLength":1,"maxLength":120},
"urgency":{"enum":["later","soon","now"],"description":"moves it among those of its severity"},
"title":{"type":"string","minLength":1,"maxLength":200,"description":"only with a detail"},
"detail":{"type":"string","minLength":1,"maxLength":1000},
"refused":{"type":"string","minLength":1,"maxLength":300,"description":"why there are no words of its"}}}}}"#;

const SETTLE_FORECAST: &str = r#"{"type":"object","additionalProperties":false,
"required":["outcome"],"properties":{
"rule":{"type":"string","minLength":1,"maxLength":80,"pattern":"^[a-z0-9][a-z0-9._/-]*$","description":"of the finding; not needed with a fingerprint"},
"target":{"type":"string","maxLength":400},
"fingerprint":{"type":"string","minLength":8,"maxLength":64,"pattern":"^[0-9a-f]*$"},
"outcome":{"enum":["came","did_not_come","amount","void"],"description":"void: it will never be known"},
"value":{"type":"number","description":"with amount, what came; with came, when: milliseconds since 1970"}}}"#;

const RESOLVE_FINDING: &str = r#"{"type":"object","additionalProperties":false,
"required":["commit"],"properties":{
"rule":{"type":"string","minLength":1,"maxLength":80,"pattern":"^[a-z0-9][a-z0-9._/-]*$","description":"of the finding; not needed with a fingerprint"},
"target":{"type":"string","maxLength":400},
"fingerprint":{"type":"string","minLength":8,"maxLength":64,"pattern":"^[0-9a-f]*$"},
"commit":{"type":"string","minLength":7,"maxLength":64,"pattern":"^[0-9a-f]*$","description":"its id, that did what the finding suggested"}}}"#;

const EMIT_EVENT: &str = r#"{"type":"object","additionalProperties":false,
"required":["kind"],"properties":{
"kind":{"type":"string","minLength":1,"maxLength":128,"pattern":"^[a-z0-9_-]+(\\.[a-z0-9_-]+)*$","description":"such as project.quality.degraded"},
"data":{"description":"any JSON, at most 16384 bytes as text"}}}"#;

const SEND_MESSAGE: &str = r#"{"type":"object","additionalProperties":false,
"required":["to","body"],"properties":{
"to":{"type":"string","minLength":1,"maxLength":64,"pattern":"^[a-z0-9][a-z0-9-]*$","description":"an agent's name"},
"body":{"type":"string","minLength":1,"maxLength":16384}}}"#;

const READ_INBOX: &str = r#"{"type":"object","additionalProperties":false,"properties":{
"limit":{"type":"integer","minimum":1,"maximum":100,"default":20}}}"#;

const ACK_MESSAGE: &str = r#"{"type":"object","additionalProperties":false,
"required":["id"],"properties":{
"id":{"type":"string","minLength":1,"maxLength":21,"pattern":"^m?[0-9]+$","description":"a message's id, such as m12"}}}"#;

const GET_STATE: &str = r#"{"type":"object","additionalProperties":false,
"required":["key"],"properties":{
"key":{"type":"string","minLength":1,"maxLength":128}}}"#;

const PUT_STATE: &str = r#"{"type":"object","additionalProperties":false,
"required":["key","value"],"properties":{
"key":{"type":"string","minLength":1,"maxLength":128},
"value":{"description":"any JSON, at most 16384 bytes as text"},
"expect":{"type":"integer","minimum":0,"maximum":9007199254740991,"description":"the version that must be there; 0: absent"},
"under":{"type":"object","additionalProperties":false,"required":["name","token"],"description":"the lease that this relies on: refused when its token is not the one in force","properties":{
"name":{"type":"string","minLength":1,"maxLength":128},
"token":{"type":"integer","minimum":0,"maximum":9007199254740991}}}}}"#;

const TAKE_LEASE: &str = r#"{"type":"object","additionalProperties":false,
"required":["name","ttl_ms"],"properties":{
"name":{"type":"string","minLength":1,"maxLength":128},
"ttl_ms":{"type":"integer","minimum":1000,"maximum":3600000,"description":"milliseconds until it expires"},
"mode":{"enum":["exclusive","shared"],"default":"exclusive"},
"wait_ms":{"type":"integer","minimum":0,"maximum":600000,"default":0,"description":"how long to stand in the queue"},
"tell":{"type":"boolean","default":false,"description":"send notifications/ai_onboard/lease_is_free when it is this run's turn"}}}"#;

const RELEASE_LEASE: &str = r#"{"type":"object","additionalProperties":false,
"required":["name"],"properties":{
"name":{"type":"string","minLength":1,"maxLength":128}}}"#;

const SAVE_CHECKPOINT: &str = r#"{"type":"object","additionalProperties":false,
"required":["name","content"],"properties":{
"name":{"type":"string","minLength":1,"maxLength":128,"pattern":"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"},
"content":{"type":"string","maxLength":4194304},
"encoding":{"enum":["text","base64"],"default":"text","description":"base64: content stands for any bytes"},
"under":{"type":"object","additionalProperties":false,"required":["name","token"],"description":"the lease that this relies on: refused when its token is not the one in force","properties":{
"name":{"type":"string","minLength":1,"maxLength":128},
"token":{"type":"integer","minimum":0,"maximum":9007199254740991}}}}}"#;

const LOAD_CHECKPOINT: &str = r#"{"type":"object","additionalProperties":false,
"required":["name"],"properties":{
"name":{"type":"string","minLength":1,"maxLength":128,"pattern":"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"}}}"#;

const PROPOSE_CHANGE: &str = r#"{"type":"object","additionalProperties":false,
"required":["title","reason","patch"],"properties":{
"title":{"type":"string","minLength":1,"maxLength":200,"description":"one line: what it changes"},
"reason":{"type":"string","minLength":1,"maxLength":4000,"description":"why it should be changed"},
"patch":{"type":"string","minLength":1,"maxLength":262144,"description":"a unified diff with a/ and b/ before the paths; text only; no links, submodules or copies; of modes only 100644 to 100755"},
"under":{"type":"object","additionalProperties":false,"required":["name","token"],"description":"the lease that this relies on: refused when its token is not the one in force","properties":{
"name":{"type":"string","minLength":1,"maxLength":128},
"token":{"type":"integer","minimum":0,"maximum":9007199254740991}}},
"evidence":{"type":"array","maxItems":20,"items":{"type":"object","additionalProperties":false,
"required":["kind","text"],"properties":{
"kind":{"enum":["file","commit","number","branch","tag"]},
"text":{"type":"string","minLength":1,"maxLength":400},
"path":{"type":"string","minLength":1,"maxLength":400},
"line":{"type":"integer","minimum":1,"maximum":4294967295},
"oid":{"type":"string","minLength":1,"maxLength":64},
"value":{"type":"number"}}}}}}"#;

const ASK_PERSON: &str = r#"{"type":"object","additionalProperties":false,
"required":["text"],"properties":{
"text":{"type":"string","minLength":1,"maxLength":2000,"description":"what a person should look at or decide"}}}"#;

const REQUEST_APPROVAL: &str = r#"{"type":"object","additionalProperties":false,
"required":["action","what","reason"],"properties":{
"action":{"type":"string","minLength":1,"maxLength":80,"pattern":"^[a-z0-9_-]+(\\.[a-z0-9_-]+)*$","description":"the kind of action, such as release.publish; people see those of one kind together"},
"what":{"type":"string","minLength":1,"maxLength":4000,"description":"exactly what will be done: the command, the request, the text"},
"reason":{"type":"string","minLength":1,"maxLength":2000,"description":"why it should be done"},
"expires_ms":{"type":"integer","minimum":1000,"maximum":604800000,"default":86400000,"description":"milliseconds that people have to answer"}}}"#;

const LOG: &str = r#"{"type":"object","additionalProperties":false,
"required":["text"],"properties":{
"text":{"type":"string","minLength":1,"maxLength":4096},
"level":{"enum":["debug","info","warn","error"],"default":"info"}}}"#;

const FINISH: &str = r#"{"type":"object","additionalProperties":false,"properties":{
"summary":{"type":"string","maxLength":2000},
"nothing_to_report":{"type":"boolean","default":false}}}"#;

const DONE: &str = r#"{"type":"object","required":["done"],"properties":{"done":{"const":true}}}"#;

const TASK: &str = r#"{"type":"object","required":["agent","project","root","run","trigger","attempt","now_ms","deadline_ms","settings","leases","checkpoints","facts"],
"properties":{
"agent":{"type":"string"},"project":{"type":"string"},
"root":{"type":"string","description":"where the project is for this process, read-only"},
"run":{"type":"string"},"trigger":{"description":"why it runs now"},
"attempt":{"type":"integer","description":"0 for the first"},
"now_ms":{"type":"integer","description":"milliseconds since 1970, UTC"},
"deadline_ms":{"type":"integer","description":"the run is stopped then"},
"settings":{"type":"object","additionalProperties":{"type":"string"}},
"leases":{"type":"object","description":"leases given with the run, with their fencing tokens","additionalProperties":{"type":"integer"}},
"checkpoints":{"type":"array","items":{"type":"string"}},
"facts":{"type":"object","description":"files with what agents share: by agent, by checkpoint's name","additionalProperties":{"type":"object","additionalProperties":{"type":"string"}}},
"deliveries":{"type":"array","description":"what the webhook brought that woke the run, oldest first; said by whoever sent it","items":{"type":"object","required":["at_ms","said"],"properties":{"at_ms":{"type":"integer"},"said":{}}}},
"copy":{"type":"object","description":"of a check of proposals: what its private copy is made of"}}}"#;

const MACHINE: &str = r#"{"type":"object","required":["at_ms","cores","load","memory","swap","disk","pressure","runs"],
"properties":{
"at_ms":{"type":"integer","description":"milliseconds since 1970, UTC"},
"cores":{"type":"integer"},
"load":{"type":["array","null"],"items":{"type":"number"},"description":"over 1, 5 and 15 minutes; null, here and below: the machine does not tell"},
"memory":{"type":["object","null"],"properties":{"total_bytes":{"type":"integer"},"available_bytes":{"type":"integer"}}},
"swap":{"type":["object","null"],"properties":{"total_bytes":{"type":"integer"},"available_bytes":{"type":"integer"}}},
"disk":{"type":["object","null"],"description":"the one that the project is on","properties":{"total_bytes":{"type":"integer"},"available_bytes":{"type":"integer"}}},
"pressure":{"type":"object","description":"of cpu, memory and io: some and full, each avg10, avg60, avg300 in percent and total_us","properties":{"cpu":{"type":["object","null"]},"memory":{"type":["object","null"]},"io":{"type":["object","null"]}}},
"runs":{"type":"array","description":"that ended, oldest first","items":{"type":"object","required":["agent","run","queued_ms","started_ms","ended_ms","cpu_ms","memory_peak_bytes","throttled_ms","succeeded"],"properties":{
"agent":{"type":"string"},"run":{"type":"string"},"queued_ms":{"type":"integer"},
"started_ms":{"type":["integer","null"],"description":"null: no process was started"},
"ended_ms":{"type":"integer"},"cpu_ms":{"type":"integer"},"memory_peak_bytes":{"type":"integer"},
"throttled_ms":{"type":"integer","description":"the processor limit held it back"},
"succeeded":{"type":"boolean"}}}}}}"#;

const RECORDED: &str = r#"{"type":"object","required":["status"],"properties":{
"status":{"type":"string","description":"new, known, dismissed or suppressed"},
"forecast":{"type":"string","description":"of a forecast that came with it: kept; known, an earlier one counts; full, the project has too many; over, its time has come; none, the finding is not kept"}}}"#;

const CHANGED: &str = r#"{"type":"object","required":["changed"],"properties":{
"changed":{"type":"boolean","description":"false: there was no such thing of this agent's, or no longer"}}}"#;

const PROPOSED: &str = r#"{"type":"object","required":["id","status"],"properties":{
"id":{"type":"string"},
"status":{"type":"string","description":"checking when it is new; else where it is: refused, open, accepted, rejected, written"}}}"#;

const APPROVAL: &str = r#"{"type":"object","required":["id","status","hash"],"properties":{
"id":{"type":"string"},
"status":{"type":"string","description":"waiting: the run ends; approved: do it now, once; rejected; expired: nobody answered; withdrawn: the agent changed or was stopped"},
"hash":{"type":"string","description":"of exactly what was asked"},
"note":{"type":"string","description":"what people or rules said"}}}"#;

const SENT: &str = r#"{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}}"#;

const MESSAGES: &str = r#"{"type":"object","required":["messages"],"properties":{
"messages":{"type":"array","items":{"type":"object","required":["id","from","sent_ms","body","deliveries"],"properties":{
"id":{"type":"string"},"from":{"type":"string"},"sent_ms":{"type":"integer"},
"body":{"type":"string"},"deliveries":{"type":"integer"}}}}}}"#;

const VALUE: &str = r#"{"type":"object","required":["value","version"],"properties":{
"value":{"description":"null when absent"},
"version":{"type":"integer","description":"0 when absent"},
"by":{"type":"string"},"at_ms":{"type":"integer"}}}"#;

const STORED: &str =
    r#"{"type":"object","required":["version"],"properties":{"version":{"type":"integer"}}}"#;

const LEASE: &str = r#"{"type":"object","required":["token","expires_ms"],"properties":{
"token":{"type":"integer","description":"grows with every grant"},
"expires_ms":{"type":"integer"}}}"#;

const CHECKPOINT: &str = r#"{"type":"object","required":["content","encoding"],"properties":{
"content":{"type":["string","null"],"description":"null when there is none"},
"encoding":{"type":"string","description":"text, or base64 for what is no text"}}}"#;
