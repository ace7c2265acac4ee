//! What `check` says of a change.

use super::{Look, findings};
use onboard_domain::Finding;
use onboard_text::counted;
use serde::Serialize;

/// A change that was judged.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// What it was compared with.
    pub since: String,
    /// The commit where it parted from that, and the one that is checked out; empty where there is
    /// none yet.
    pub base: String,
    pub head: String,
    pub commits: usize,
    pub files: usize,
    /// `index` where the crew's was read, else `repository`; `none` where there was nothing to judge.
    pub history: &'static str,
    /// Commits before the change that it was judged by.
    pub history_commits: usize,
    /// What is left out of them, and why.
    pub history_limits: Vec<String>,
    /// At most three, the most useful first.
    pub findings: Vec<Finding>,
    /// What could not be judged, and why.
    pub not_judged: Vec<String>,
}

/// The findings, or that there are none.
pub fn text(checked: &Checked, look: &Look) -> String {
    let told: Vec<String> =
        checked.findings.iter().map(|finding| findings::said(finding, look)).collect();
    if told.is_empty() {
        return look.paragraph(0, &nothing(checked));
    }
    told.join("\n")
}

fn nothing(checked: &Checked) -> String {
    let since = &checked.since;
    if checked.head.is_empty() {
        return "nothing to judge: there are no commits yet".to_owned();
    }
    if checked.commits == 0 {
        return format!("nothing to judge: HEAD has no commit that {since} has not");
    }
    format!(
        "nothing worth saying about {} since {since} ({})",
        counted(checked.commits, "commit", "commits"),
        counted(checked.files, "file", "files")
    )
}

/// What was judged, by what, and what could not be: a line each, for stderr.
pub fn notes(checked: &Checked) -> Vec<String> {
    let mut notes = Vec::new();
    if checked.commits > 0 {
        let from = match checked.history {
            "index" => "from the crew's index",
            _ => "read from the repository",
        };
        let limits = match checked.history_limits.as_slice() {
            [] => String::new(),
            limits => format!(" ({})", limits.join("; ")),
        };
        let read = counted(checked.history_commits, "commit", "commits");
        notes.push(format!("judged by {read}, {from}{limits}"));
    }
    notes.extend(checked.not_judged.iter().map(|what| format!("not judged: {what}")));
    notes
}
