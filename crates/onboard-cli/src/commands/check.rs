//! `check`: what is worth saying about the commits that are about to be pushed.
//!
//! It runs in the foreground as the person's own command, reads the repository through a library and
//! starts nothing. What the crew knows is asked of the daemon where one runs; none is needed.

use super::Done;
use crate::arguments::{CheckArgs, CheckForm, Global};
use crate::failure::{Failure, Kind};
use crate::render::check::Checked;
use crate::{output, paths, project, render};
use onboard_agents::change::{self, Change, Crew, Origin, Refusal};
use onboard_agents::git::{OpenError, Repository};
use onboard_agents::host::LARGEST_CHECKPOINT;
use onboard_agents::{facts, pattern_learning, project_index};
use onboard_analysis::facts::{HistoryPart, Index};
use onboard_daemon::Paths;
use onboard_daemon::blobs::Blobs;
use onboard_domain::state::BlobRef;
use onboard_domain::{Finding, Fingerprint};
use onboard_validation::show;
use onboard_web::api::{CrewMember, CrewView, FactRow, FindingRow, FindingStatus};
use onboard_web::client::{Client, ClientError};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long the daemon may take to answer: it is asked for a convenience.
const PATIENCE: Duration = Duration::from_millis(500);

pub fn run(global: &Global, args: &CheckArgs) -> Done {
    let root = project::find(global)?.root;
    let repository = Repository::open(&root, None).map_err(unopened)?;
    let change = match change::read(&root, &repository, args.since.as_deref()) {
        Ok(change) => change,
        Err(Refusal::Unborn) => return tell(global, args, &unborn(args)),
        Err(refusal) => return Err(refused(&refusal)),
    };
    let checked = match change.ids.is_empty() {
        true => empty(&change),
        false => judged(global, args, &root, &repository, &change)?,
    };
    tell(global, args, &checked)
}

fn judged(
    global: &Global,
    args: &CheckArgs,
    root: &Path,
    repository: &Repository,
    change: &Change,
) -> Result<Checked, Failure> {
    let asked = ask(root);
    let crew = asked.as_ref().map(|asked| asked.crew()).unwrap_or_default();
    let index = asked.as_ref().filter(|_| !args.no_index).and_then(|asked| match asked.index() {
        Ok(index) => Some(index),
        Err(why) => {
            tell_note(global, &format!("{why}; reading the repository"));
            None
        }
    });
    let mut progress = |done: usize, total: usize| {
        tell_note(global, &format!("reading history {done}/{total}"));
    };
    let learned =
        change::learn(root, repository, change, index, &mut progress).map_err(unopened)?;
    let now_ms = crate::clock::now().0;
    let judged = change::judge(repository, change, &learned, &crew, now_ms);
    Ok(Checked {
        history: match learned.origin {
            Origin::Index => "index",
            Origin::Repository => "repository",
        },
        history_commits: learned.first_new,
        history_limits: learned.limits,
        findings: judged.findings,
        not_judged: judged.not_judged,
        ..empty(change)
    })
}

fn empty(change: &Change) -> Checked {
    Checked {
        since: change.since.clone(),
        base: change.base.to_string(),
        head: change.head.to_string(),
        commits: change.ids.len(),
        files: change.files.len(),
        history: "none",
        history_commits: 0,
        history_limits: Vec::new(),
        findings: Vec::new(),
        not_judged: Vec::new(),
    }
}

fn unborn(args: &CheckArgs) -> Checked {
    Checked {
        since: args.since.clone().unwrap_or_else(|| "origin/HEAD".to_owned()),
        base: String::new(),
        head: String::new(),
        commits: 0,
        files: 0,
        history: "none",
        history_commits: 0,
        history_limits: Vec::new(),
        findings: Vec::new(),
        not_judged: Vec::new(),
    }
}

fn tell(global: &Global, args: &CheckArgs, checked: &Checked) -> Done {
    for note in render::check::notes(checked) {
        tell_note(global, &note);
    }
    let form = args.form.or_else(|| global.is_json().then_some(CheckForm::Json));
    match form.unwrap_or(CheckForm::Text) {
        CheckForm::Json => output::json(checked)?,
        CheckForm::Sarif => {
            let log = render::sarif::of_change(&checked.findings);
            let text = serde_json::to_string_pretty(&log)
                .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
            output::data(&format!("{text}\n"))?;
        }
        CheckForm::Text if global.is_quiet() => {
            let line = |finding: &Finding| {
                format!("{} {}\n", show::line(&finding.rule), show::line(&finding.target))
            };
            output::data(&checked.findings.iter().map(line).collect::<String>())?;
        }
        CheckForm::Text => output::data(&render::check::text(checked, &output::look(global)))?,
    }
    let worst = checked.findings.iter().map(|finding| finding.severity).max();
    let fails = args.fail_on.is_some_and(|least| worst >= Some(least.severity()));
    Ok(if fails { Kind::Found.exit_code() } else { ExitCode::SUCCESS })
}

fn tell_note(global: &Global, text: &str) {
    if !global.is_quiet() {
        output::note(&show::line(text));
    }
}

fn unopened(error: OpenError) -> Failure {
    let failure = Failure::new(Kind::Failed, show::line(&error.to_string()));
    match error {
        OpenError::Absent => {
            failure.hint("run it inside of a git repository, or name one with --project")
        }
        OpenError::Broken { mend, .. } => failure.hint(mend),
        OpenError::Unsupported(_) => failure,
    }
}

fn refused(refusal: &Refusal) -> Failure {
    let message = show::line(&refusal.to_string()).into_owned();
    let usage = Failure::new(Kind::Usage, message.clone());
    let failed = Failure::new(Kind::Failed, message);
    match refusal {
        Refusal::Unborn => failed,
        Refusal::NoUpstream { .. } => usage.hint(
            "say with what: --since origin/main; `git branch --set-upstream-to` and `git remote \
             set-head origin --auto` make it the default",
        ),
        Refusal::UnknownRevision { revision, names, is_shallow } => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let nearest = onboard_text::nearest(revision, &names);
            usage.hint(match (nearest, is_shallow) {
                (Some(name), _) => format!("did you mean `{}`?", show::line(name)),
                (None, true) => "this clone is shallow: `git fetch --unshallow`, and `git fetch \
                                 origin BRANCH` for a branch that is not here"
                    .to_owned(),
                (None, false) => {
                    "a branch, a tag or a commit; `git fetch` brings what is not here \
                                  yet"
                    .to_owned()
                }
            })
        }
        Refusal::Apart { is_shallow: true, .. } => failed.hint("git fetch --unshallow"),
        Refusal::Apart { is_shallow: false, .. } => {
            failed.hint("name a revision with --since that this branch was begun from")
        }
        Refusal::Unreadable(_) => failed.hint(onboard_agents::git::MEND_OBJECTS),
    }
}

/// What a daemon knows of the project.
struct Asked {
    paths: Paths,
    crew: CrewView,
    findings: Vec<FindingRow>,
}

/// Asks a daemon, where one runs and knows the project. CI has none.
fn ask(root: &Path) -> Option<Asked> {
    let paths = paths::find().ok()?;
    let client = Client::new(&paths.socket()).ok()?.with_timeout(PATIENCE);
    let root = root.to_string_lossy().into_owned();
    let query = [("project", root.as_str())];
    let known: Result<(CrewView, Vec<FindingRow>), ClientError> =
        client.get("/crew", &query).and_then(|crew| Ok((crew, client.items("/findings", &query)?)));
    match known {
        Ok((crew, findings)) => Some(Asked { paths, crew, findings }),
        Err(ClientError::TimedOut(_)) => {
            output::note("the daemon does not answer; judging without what the crew knows");
            None
        }
        Err(_) => None,
    }
}

impl Asked {
    /// What people and agents said.
    fn crew(&self) -> Crew {
        let is_open = |row: &&FindingRow| row.status == FindingStatus::Open;
        // What is judged here is what ours look at: an answer to another agent is no word on that.
        let is_ours = |name: &str| onboard_agents::builtins().iter().any(|ours| ours.name == name);
        let answered = self.findings.iter().filter(|row| !is_open(row) && is_ours(&row.agent));
        let answered = answered.map(|row| row.fingerprint.clone());
        let ours = self.crew.agents.iter().filter(|agent| is_ours(&agent.name));
        let learner = self.member(pattern_learning::NAME);
        let forgotten = learner.and_then(|agent| agent.settings.get(pattern_learning::FORGET));
        Crew {
            muted: ours.flat_map(|agent| agent.muted.clone()).collect(),
            answered: self.crew.dismissed.iter().cloned().chain(answered).collect(),
            forgotten: forgotten.map(|ids| pattern_learning::ids(ids)).unwrap_or_default(),
            open: self.findings.iter().filter(is_open).map(finding).collect(),
        }
    }

    fn member(&self, name: &str) -> Option<&CrewMember> {
        self.crew.agents.iter().find(|agent| agent.name == name)
    }

    /// The index as it stands; the reason where there is none that can be used.
    fn index(&self) -> Result<(Index, Vec<HistoryPart>), String> {
        let shared = self.member(project_index::NAME).map(|agent| &agent.facts);
        let blobs = Blobs::at(self.paths.blobs());
        facts::history(&mut |name| match shared.and_then(|facts| facts.get(name)) {
            Some(fact) => text(&blobs, fact).map(Some),
            None => Ok(None),
        })
    }
}

/// A shared checkpoint's text, if it is what was stored and no larger than one may be.
fn text(blobs: &Blobs, fact: &FactRow) -> Result<String, String> {
    let is_name = fact.sha256.len() == 64 && fact.sha256.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_name || fact.bytes > LARGEST_CHECKPOINT as u64 {
        return Err("it is no checkpoint".to_owned());
    }
    let blob = BlobRef { sha256: fact.sha256.clone(), bytes: fact.bytes };
    let content = blobs.get(&blob).map_err(|error| error.to_string())?;
    String::from_utf8(content).map_err(|error| error.to_string())
}

fn finding(row: &FindingRow) -> Finding {
    Finding {
        rule: row.rule.clone(),
        severity: row.severity,
        title: row.title.clone(),
        detail: row.detail.clone(),
        evidence: row.evidence.clone(),
        action: row.action.clone(),
        target: row.target.clone(),
        fingerprint: Fingerprint(row.fingerprint.clone()),
        forecast: None,
        worded: None,
    }
}
