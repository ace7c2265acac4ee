//! Proposals: as a list, and in full with what was checked and the change itself.

use super::table::Table;
use super::{Ink, Look, findings, when};
use onboard_domain::proposal::{Check, Status, Verdict};
use onboard_validation::show;
use onboard_web::api::{ProposalDetail, ProposalRow};

/// One line each.
pub fn list(rows: &[ProposalRow], look: &Look) -> String {
    let mut table = Table::new(&["ID", "STATUS", "AGENT", "MADE", "CHANGE", "TITLE"]);
    for row in rows {
        table.row(vec![
            (row.id.clone(), None),
            (row.status.word().into(), Some(ink(row.status))),
            (row.agent.clone(), None),
            (when::relative(look, row.made), None),
            (size(row), None),
            (row.title.clone(), None),
        ]);
    }
    table.draw(look)
}

fn ink(status: Status) -> Ink {
    match status {
        Status::Open => Ink::Yellow,
        Status::Written => Ink::Green,
        Status::Refused | Status::Stale => Ink::Red,
        Status::Checking | Status::Accepted | Status::Reverting => Ink::Blue,
        Status::Rejected | Status::Reverted => Ink::Dim,
    }
}

fn size(row: &ProposalRow) -> String {
    let (added, removed) = row.files.iter().fold((0_u64, 0_u64), |(a, r), file| {
        (a + u64::from(file.added), r + u64::from(file.removed))
    });
    let files = row.files.len();
    format!("{files} {}, +{added} -{removed}", if files == 1 { "file" } else { "files" })
}

/// One in full.
pub fn show(detail: &ProposalDetail, look: &Look) -> String {
    let row = &detail.proposal;
    let status = look.paint(ink(row.status), row.status.word());
    let mut out = format!("{}  {}  {status}\n", row.id, look.paint(Ink::Bold, &row.title));
    for line in row.reason.lines() {
        out.push_str(&look.paragraph(2, line));
    }
    for evidence in &row.evidence {
        out.push_str(&look.paragraph(4, &findings::evidence_line(evidence)));
    }
    let made = when::relative(look, row.made);
    out.push_str(&format!("  by {} in {}, {made}: {}\n", row.agent, row.run, size(row)));
    if let Some(branch) = &row.branch {
        let commit: String = branch.commit.chars().take(12).collect();
        out.push_str(&format!("  branch {}, commit {commit}\n", show::line(&branch.name)));
    }
    if !row.note.is_empty() {
        out.push_str(&look.paragraph(2, &format!("note: {}", row.note)));
    }
    out.push_str(&checks(&row.checks, look));
    out.push_str(&format!("\nPatch {}\n", row.patch_sha256));
    for line in detail.patch.lines() {
        out.push_str(&diff_line(line, look));
    }
    if row.status == Status::Open {
        out.push_str(&format!(
            "\nNext\n  ai_onboard proposals apply {0}\n  ai_onboard proposals reject {0} --reason TEXT\n",
            row.id
        ));
    }
    out
}

fn checks(checks: &[Check], look: &Look) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let mut out = String::from("\nChecks\n");
    for check in checks {
        let (symbol, ink) = match check.verdict {
            Verdict::Passed => ("✓", Ink::Green),
            Verdict::Failed => ("✗", Ink::Red),
            Verdict::Skipped => ("·", Ink::Dim),
        };
        let note = if check.note.is_empty() { String::new() } else { format!("  {}", check.note) };
        let (mark, name) = (look.paint(ink, symbol), show::line(&check.name));
        out.push_str(&format!("  {mark} {name}{}\n", show::line(&note)));
    }
    out
}

/// A line of a diff: what is added green, removed red; nothing in it steers the terminal, and a
/// line's own end is shown where it is not the usual one.
fn diff_line(line: &str, look: &Look) -> String {
    let shown = show::lines(line);
    let ink = match line.as_bytes().first() {
        _ if line.starts_with("+++ ") || line.starts_with("--- ") => Ink::Bold,
        _ if line.starts_with("diff --git ") => Ink::Bold,
        Some(b'+') => Ink::Green,
        Some(b'-') => Ink::Red,
        Some(b'@') => Ink::Blue,
        _ => return format!("  {shown}\n"),
    };
    // Painted by parts: a tab is shown as it is.
    let parts: Vec<String> = shown.split('\t').map(|part| look.paint(ink, part)).collect();
    format!("  {}\n", parts.join("\t"))
}

/// What came of a decision, in one line.
pub fn outcome(row: &ProposalRow) -> String {
    let id = &row.id;
    match (&row.status, &row.branch) {
        (Status::Written, Some(branch)) => {
            let commit: String = branch.commit.chars().take(12).collect();
            format!("{id} written as branch {}, commit {commit}\n", branch.name)
        }
        (Status::Reverted, None) => format!("{id} reverted: its branch is deleted\n"),
        (Status::Reverted, Some(branch)) => {
            format!("{id} undone on branch {}: merge it to take the change back\n", branch.name)
        }
        (status, _) => format!("{id} {}\n", status.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;
    use expect_test::expect;
    use onboard_domain::proposal::{Branch, ChangeKind};
    use onboard_web::api::FileRow;

    fn detail() -> ProposalDetail {
        let finding = samples::finding(onboard_domain::Severity::Low, "x");
        let check = |name: &str, verdict, note: &str| Check {
            name: name.into(),
            verdict,
            note: note.into(),
        };
        let proposal = ProposalRow {
            id: "c3".into(),
            project: "app".into(),
            project_id: "p0".into(),
            agent: "typo-fixer".into(),
            run: "r7".into(),
            status: Status::Open,
            made: finding.first_seen,
            since: finding.first_seen,
            title: "mend a typo \u{1b}[2J".into(),
            reason: "`teh` is no word.\nIt was seen twice.".into(),
            evidence: finding.evidence[..1].to_vec(),
            files: vec![FileRow {
                path: "README.md".into(),
                change: ChangeKind::Modify,
                from: None,
                added: 1,
                removed: 1,
            }],
            patch_sha256: "ab12".into(),
            patch_bytes: 90,
            base: Some("8606705aab".into()),
            checks: vec![
                check("applies", Verdict::Passed, ""),
                check("paths", Verdict::Failed, "x: it belongs to git itself"),
                check("project_check", Verdict::Skipped, "not run"),
            ],
            branch: None,
            note: String::new(),
        };
        let patch =
            "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-\tteh \u{202e}end\r\n+\tthe end\n";
        ProposalDetail { proposal, patch: patch.into() }
    }

    #[test]
    fn a_list_and_one_in_full() {
        let look = samples::look(None, true);
        let detail = detail();
        let drawn = format!(
            "{}\n{}",
            list(std::slice::from_ref(&detail.proposal), &look),
            show(&detail, &look)
        );
        expect![[r#"
            ␛[2mID␛[0m  ␛[2mSTATUS␛[0m  ␛[2mAGENT␛[0m       ␛[2mMADE␛[0m    ␛[2mCHANGE␛[0m         ␛[2mTITLE␛[0m
            c3  ␛[33mopen␛[0m    typo-fixer  5s ago  1 file, +1 -1  mend a typo \u{1b}[2J

            c3  ␛[1mmend a typo \u{1b}[2J␛[0m  ␛[33mopen␛[0m
              `teh` is no word.
              It was seen twice.
                src/engine/step.rs:12  largest file that one person wrote
              by typo-fixer in r7, 5s ago: 1 file, +1 -1

            Checks
              ␛[32m✓␛[0m applies
              ␛[31m✗␛[0m paths  x: it belongs to git itself
              ␛[2m·␛[0m project_check  not run

            Patch ab12
              ␛[1m--- a/README.md␛[0m
              ␛[1m+++ b/README.md␛[0m
              ␛[34m@@ -1 +1 @@␛[0m
              ␛[31m-␛[0m	␛[31mteh \u{202e}end␛[0m
              ␛[32m+␛[0m	␛[32mthe end␛[0m

            Next
              ai_onboard proposals apply c3
              ai_onboard proposals reject c3 --reason TEXT
        "#]].assert_eq(&drawn.replace('\x1b', "␛"));
    }

    #[test]
    fn outcomes() {
        let mut row = detail().proposal;
        let mut out = String::new();
        let branch =
            Some(Branch { name: "ai-onboard/x/c3".into(), commit: "12ab34cd56ef78".into() });
        for (status, branch) in [
            (Status::Written, branch.clone()),
            (Status::Reverted, None),
            (Status::Reverted, branch),
            (Status::Rejected, None),
        ] {
            row.status = status;
            row.branch = branch;
            out.push_str(&outcome(&row));
        }
        expect![[r#"
            c3 written as branch ai-onboard/x/c3, commit 12ab34cd56ef
            c3 reverted: its branch is deleted
            c3 undone on branch ai-onboard/x/c3: merge it to take the change back
            c3 rejected
        "#]]
        .assert_eq(&out);
    }
}
