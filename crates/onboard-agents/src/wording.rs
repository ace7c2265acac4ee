//! New findings put in other words by the user's language model, and how long they can wait, as it sees
//! it. The host holds its words against the finding, and shows the agent's own where they don't hold.

use onboard_analysis::code::MOST_BYTES;
use onboard_domain::finding::bounds;
use onboard_validation::secrets;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::git::Repository;
use crate::host::{AgentError, EvidenceKind, Finding, Host, Task, Urgency, Worded};
use crate::language_model::{self, Asking, Form, MATERIAL, NoAnswer, Question};
use crate::manual;

/// Questions of a run: as many new findings as people are told at a time.
const MOST_QUESTIONS: u32 = 5;
/// Tokens of an answer: a title, a few sentences, and what is around them.
const MOST_TOKENS: u32 = 500;
/// Lines of code that are sent with a finding about a place: before it and after it.
const LINES: (usize, usize) = (3, 60);
/// Bytes of them.
const CODE_BYTES: usize = 6 * 1024;

/// What one run asks.
pub struct Wording {
    /// Nothing where nobody gave this run a model.
    asking: Option<Asking>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    title: String,
    detail: String,
    urgency: Urgency,
}

impl Wording {
    /// # Errors
    /// When the host is gone.
    pub fn begin(host: &mut dyn Host) -> Result<Self, AgentError> {
        Ok(Self { asking: Asking::begin(host, MOST_QUESTIONS)? })
    }

    /// What the model makes of a finding; nothing where it was not asked.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn put(
        &mut self,
        host: &mut dyn Host,
        finding: &Finding,
    ) -> Result<Option<Worded>, AgentError> {
        let Some(asking) = &mut self.asking else { return Ok(None) };
        let question = question(host.task(), finding);
        let answer = asking.ask(host, &question)?;
        let answer = answer
            .and_then(|text| language_model::read::<Answer>(&text).map_err(NoAnswer::Unusable));
        let model = first_bytes(asking.model(), bounds::MODEL);
        Ok(match answer {
            Ok(answer) => Some(worded(model, answer)),
            Err(NoAnswer::Unusable(why)) => Some(refused(model, &why)),
            Err(_) => None,
        })
    }
}

fn worded(model: String, answer: Answer) -> Worded {
    let Answer { title, detail, urgency } = answer;
    if title.len() > bounds::TITLE || detail.len() > bounds::WORDED {
        return Worded { urgency: Some(urgency), ..refused(model, "its words are too many") };
    }
    // The host takes one line; a line break is as good as a space.
    let [title, detail] =
        [title, detail].map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    if title.chars().chain(detail.chars()).any(char::is_control)
        || title.is_empty()
        || detail.is_empty()
    {
        let why = "its words can't be shown";
        return Worded { urgency: Some(urgency), ..refused(model, why) };
    }
    let (title, detail) = (Some(title), Some(detail));
    Worded { model, urgency: Some(urgency), title, detail, refused: None }
}

fn refused(model: String, why: &str) -> Worded {
    let why: String = why.chars().filter(|letter| !letter.is_control()).collect();
    Worded { model, refused: Some(first_bytes(&why, bounds::REFUSED)), ..Worded::default() }
}

/// As many whole letters as fit.
fn first_bytes(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].to_owned()
}

const TASK: &str = "\
Put \"finding\" into better words for the developers of this project: what is wrong, and why it matters to \
them. Take every fact from \"finding\" alone, and every number, path, line, commit and name letter by letter \
as it stands there; add none. \"code\" is there for you to understand, not to be quoted. Write plain \
sentences without markup. Then judge how long acting on it can wait: now (each day makes it dearer), soon, \
or later (it can wait for months). Answer with one JSON object and nothing else: {\"title\": one line of at \
most 100 letters that names what the finding's title names, \"detail\": at most 400 letters, \"urgency\": \
\"now\", \"soon\" or \"later\"}.";

fn question(task: &Task, finding: &Finding) -> Question {
    let rule = manual::rule(&finding.rule);
    let evidence = finding.evidence.iter().map(|one| {
        json!({ "path": one.path, "line": one.line, "commit": one.oid, "value": one.value, "text": one.text })
    });
    let mut matter = json!({
        "finding": {
            "title": finding.title,
            "detail": finding.detail,
            "what to do": finding.action,
            "severity": finding.severity,
            "about": finding.target,
            "evidence": evidence.collect::<Vec<_>>(),
        },
        "rule": rule.map(|(_, rule)| format!("It says {} {}", rule.says, rule.why)),
    });
    if let Some(code) = code(task, finding) {
        matter["code"] = code;
    }
    Question {
        task: format!("{MATERIAL}{TASK}"),
        matter: language_model::material(&matter),
        most_tokens: MOST_TOKENS,
        form: Some(form()),
        within: language_model::PATIENCE,
    }
}

fn form() -> Form {
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["title", "detail", "urgency"],
        "properties": {
            "title": { "type": "string" },
            "detail": { "type": "string" },
            "urgency": { "enum": Urgency::ALL },
        },
    });
    Form { name: "wording", schema }
}

/// The lines around the first place that it names, as they are in the commit that is checked out; none
/// where they hold what looks like a secret.
fn code(task: &Task, finding: &Finding) -> Option<Value> {
    let named = finding.evidence.iter().find(|one| one.kind == EvidenceKind::File)?;
    let (path, line) = (named.path.as_deref()?, named.line?);
    let repository = Repository::open(&task.project_root, task.git_dir.as_deref()).ok()?;
    let blob = repository.blob_at_head(path)?;
    let content = repository.content(blob, MOST_BYTES as u64).ok()??;
    let text = String::from_utf8(content).ok()?;
    let first = (line as usize).saturating_sub(LINES.0).max(1);
    let lines: String =
        text.split_inclusive('\n').skip(first - 1).take(LINES.0 + LINES.1).collect();
    // Before they are cut: half of a secret is not recognised.
    let is_clean = secrets::scan(&lines).is_empty();
    let lines = first_bytes(&lines, CODE_BYTES);
    is_clean.then(|| json!({ "path": path, "first line": first, "text": lines }))
}
