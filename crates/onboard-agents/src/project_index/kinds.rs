//! What commits are for, where their subjects leave that open: asked of the user's language model, many
//! at a time, the newest first. Its answer is a kind and no more; without one, words decide as before.
//!
//! Commits that declare their type, whose other words would leave it open too, are asked about with the
//! type hidden: so it is known how often the model is right, and how often words alone are.

use std::collections::{BTreeMap, BTreeSet};

use onboard_analysis::commit_kind::{CommitKind, is_unsure, kind, undeclared};
use onboard_analysis::facts::{CommitRow, HistoryPart, Index, history_name};
use onboard_analysis::follow_up::MOST_FIX_FILES;
use onboard_analysis::path::{Class, class};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parts;
use crate::host::{AgentError, Host, Level};
use crate::language_model::{self, Asking, Form, MATERIAL, NoAnswer, Question};

/// The checkpoint, which those who judge read, too.
pub const NAME: &str = "kinds";
/// The shared value with how it went.
pub const SHARED: &str = "commit_kinds";
/// Commits kept; the ones asked about first go.
const MOST_KEPT: usize = 4_000;
/// Questions of a run, and commits of a question.
const MOST_QUESTIONS: u32 = 4;
const IN_A_QUESTION: usize = 20;
/// Of these, commits whose type is known and hidden; and how many of them in all.
const HIDDEN: usize = 4;
const MOST_HIDDEN: u32 = 400;
/// What is older no rule goes by.
const RECENT_S: i64 = 180 * 24 * 3_600;
/// Paths of a commit that are sent.
const MOST_PATHS: usize = 8;
/// Letters of a subject that are sent.
const MOST_SUBJECT: usize = 300;
/// Tokens of an answer's part about one commit.
const TOKENS_EACH: u32 = 24;

/// What was asked so far.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kinds {
    /// By commit.
    commits: BTreeMap<String, Asked>,
    trial: Trial,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    at_ms: i64,
    /// What the model said, if it said anything of this one.
    said: Option<CommitKind>,
    model: String,
}

/// How it went with commits whose type is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Trial {
    commits: u32,
    model_right: u32,
    words_right: u32,
}

impl Kinds {
    /// What the model said of a commit.
    pub fn of(&self, commit: &str) -> Option<CommitKind> {
        self.commits.get(commit)?.said
    }

    fn keep(&mut self, commit: &str, asked: Asked) {
        self.commits.insert(commit.to_owned(), asked);
        while self.commits.len() > MOST_KEPT {
            let oldest = self.commits.iter().min_by_key(|(_, one)| one.at_ms);
            let Some(oldest) = oldest.map(|(commit, _)| commit.clone()) else { break };
            self.commits.remove(&oldest);
        }
    }

    /// For people: whether asking pays.
    fn figures(&self, model: &str) -> Value {
        let said = self.commits.values().filter(|one| one.said.is_some()).count();
        let Trial { commits, model_right, words_right } = self.trial;
        json!({
            "schema_version": 1,
            "model": model,
            "asked": self.commits.len(),
            "said": said,
            "trial": { "commits": commits, "model_right": model_right, "words_right": words_right },
        })
    }
}

/// A commit to ask about; of one whose type is hidden, the kind and what is left of its subject.
struct Subject<'a> {
    row: &'a CommitRow,
    subject: &'a str,
    hidden: Option<CommitKind>,
}

/// Asks about the newest commits that nobody was asked about.
///
/// # Errors
/// When the host is gone. What the model can't say is as if it were not there.
pub fn ask(host: &mut dyn Host, index: &Index) -> Result<(), AgentError> {
    let Some(mut asking) = Asking::begin(host, MOST_QUESTIONS)? else { return Ok(()) };
    let Some(newest) = index.history.last() else { return Ok(()) };
    let Some(part) = parts::load::<HistoryPart>(host, &history_name(*newest))? else {
        return Ok(());
    };
    let mut kinds: Kinds = parts::load(host, NAME)?.unwrap_or_default();
    for _ in 0..MOST_QUESTIONS {
        let subjects = open(&kinds, &part, host.task().now_ms);
        // Those whose type is known are no reason to ask.
        if subjects.iter().all(|one| one.hidden.is_some()) {
            break;
        }
        let answer = asking.ask(host, &question(&part, &subjects))?;
        let answer =
            answer.and_then(|text| read(&text, subjects.len()).map_err(NoAnswer::Unusable));
        let answer = match answer {
            Ok(answer) => answer,
            Err(NoAnswer::Unusable(why)) => {
                host.log(Level::Warning, &format!("what commits are for stays open: {why}"));
                vec![None; subjects.len()]
            }
            // Said in the log already; another run asks again.
            Err(_) => break,
        };
        note(&mut kinds, &subjects, &answer, (asking.model(), host.task().now_ms));
        parts::save(host, NAME, &kinds)?;
        host.put_state(SHARED, kinds.figures(asking.model()))?;
    }
    Ok(())
}

/// The newest that are unsure and were not asked about, and some whose type is hidden among them.
fn open<'a>(kinds: &Kinds, part: &'a HistoryPart, now_ms: i64) -> Vec<Subject<'a>> {
    let since = now_ms.div_euclid(1_000) - RECENT_S;
    let rows = part.commits.iter().rev().filter(|row| {
        row.committed >= since && !kinds.commits.contains_key(&row.id) && may_mend(part, row)
    });
    let (mut subjects, mut hidden) = (Vec::new(), Vec::new());
    let is_tried = kinds.trial.commits >= MOST_HIDDEN;
    for row in rows {
        if is_unsure(&row.subject) && subjects.len() < IN_A_QUESTION - HIDDEN {
            subjects.push(Subject { row, subject: &row.subject, hidden: None });
        }
        let declared = undeclared(&row.subject).filter(|(_, rest)| is_unsure(rest));
        if let Some((kind, subject)) = declared.filter(|_| !is_tried && hidden.len() < HIDDEN) {
            hidden.push(Subject { row, subject, hidden: Some(kind) });
        }
    }
    // By their ids, so that the hidden are anywhere among the others.
    subjects.extend(hidden);
    subjects.sort_by(|a, b| a.row.id.cmp(&b.row.id));
    subjects
}

/// Only such a commit counts as a fix, whatever it is called.
fn may_mend(part: &HistoryPart, row: &CommitRow) -> bool {
    let is_code = |path: &&String| class(path) == Class::Code;
    let code = row.changes.iter().filter_map(|change| part.paths.get(change.0)).filter(is_code);
    !row.merge && !row.revert && (1..=MOST_FIX_FILES).contains(&code.count())
}

const TASK: &str = "\
For each commit in \"commits\", say what it is for: fix (it mends wrong behaviour of the program), feature \
(something new), change (the same behaviour in another way: refactoring, speed, style), test, docs, chore \
(building, dependencies, releases), or unknown where its subject and files do not tell. Answer with one \
JSON object and nothing else: {\"kinds\": [{\"n\": the commit's number, \"kind\": one of these words}, …].";

fn question(part: &HistoryPart, subjects: &[Subject<'_>]) -> Question {
    let commits = subjects.iter().zip(1..).map(|(Subject { row, subject, .. }, n)| {
        let counted = |lines: i64| u64::try_from(lines).unwrap_or(0);
        let paths = row.changes.iter().filter_map(|change| part.paths.get(change.0));
        json!({
            "n": n,
            "subject": subject.chars().take(MOST_SUBJECT).collect::<String>(),
            "files": paths.take(MOST_PATHS).collect::<Vec<_>>(),
            "added": row.changes.iter().map(|change| counted(change.2)).sum::<u64>(),
            "removed": row.changes.iter().map(|change| counted(change.3)).sum::<u64>(),
        })
    });
    let commits: Vec<Value> = commits.collect();
    let most_tokens = u32::try_from(subjects.len()).unwrap_or(u32::MAX).saturating_mul(TOKENS_EACH);
    Question {
        task: format!("{MATERIAL}{TASK}"),
        matter: language_model::material(&json!({ "commits": commits })),
        most_tokens: most_tokens.saturating_add(TOKENS_EACH),
        form: Some(form()),
        within: language_model::PATIENCE,
    }
}

const WORDS: [&str; 7] = ["fix", "feature", "change", "test", "docs", "chore", "unknown"];

fn form() -> Form {
    let one = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["n", "kind"],
        "properties": { "n": { "type": "integer" }, "kind": { "enum": WORDS } },
    });
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kinds"],
        "properties": { "kinds": { "type": "array", "items": one } },
    });
    Form { name: "commit_kinds", schema }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    kinds: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    n: usize,
    kind: CommitKind,
}

/// What is said of each; an answer that names others, or one of them twice, is none.
fn read(text: &str, count: usize) -> Result<Vec<Option<CommitKind>>, String> {
    let answer: Answer = language_model::read(text)?;
    let mut said = vec![None; count];
    let mut seen = BTreeSet::new();
    for Named { n, kind } in answer.kinds {
        let place = n.checked_sub(1).and_then(|at| said.get_mut(at));
        let Some(place) = place.filter(|_| seen.insert(n)) else {
            return Err(format!(
                "its answer names a commit {n} that it was not asked for, or twice"
            ));
        };
        // Nobody asks it for what names say.
        *place = Some(kind).filter(|kind| *kind != CommitKind::Revert);
    }
    Ok(said)
}

/// Keeps what was said, and counts it where the type is known.
fn note(
    kinds: &mut Kinds,
    subjects: &[Subject<'_>],
    said: &[Option<CommitKind>],
    (model, at_ms): (&str, i64),
) {
    for (one, said) in subjects.iter().zip(said) {
        // What its author declared is believed, whoever says something else.
        let kept = said.filter(|kind| one.hidden.is_none() && *kind != CommitKind::Unknown);
        kinds.keep(&one.row.id, Asked { at_ms, said: kept, model: model.to_owned() });
        let Some((declared, said)) = one.hidden.zip(*said) else { continue };
        // What matters of a kind here is whether it is a fix.
        let is_right = |kind: CommitKind| {
            u32::from((kind == CommitKind::Fix) == (declared == CommitKind::Fix))
        };
        kinds.trial.commits += 1;
        kinds.trial.model_right += is_right(said);
        kinds.trial.words_right += is_right(kind(one.subject).0);
    }
}
