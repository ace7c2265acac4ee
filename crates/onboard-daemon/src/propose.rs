//! A patch that an agent proposes, looked over before it is kept: what it is, and which paths it may
//! touch. Against the project itself it is checked by the separate writer.

use onboard_domain::proposal::{ChangeKind, ChangedFile};
use onboard_domain::violation::{Rule, Sensor};
use onboard_domain::{CallRefusal, Violation};
use onboard_validation::patch::paths::{Denied, Fence, Refused};
use onboard_validation::patch::{Change, FilePatch, parse};

/// A patch that is refused, and what the agent tried with it, if it is more than a mistake.
#[derive(Debug, PartialEq)]
pub(crate) struct Rejected {
    pub(crate) refusal: CallRefusal,
    pub(crate) violation: Option<Box<Violation>>,
}

/// The files that a patch changes.
///
/// # Errors
/// Where the text is no patch, or the first path that it may not touch.
pub(crate) fn look_over(patch: &str, fence: &Fence) -> Result<Vec<ChangedFile>, Rejected> {
    let patch = parse(patch).map_err(|malformed| {
        let why = format!("`patch`: {malformed}");
        Rejected { refusal: CallRefusal::new("invalid", why), violation: None }
    })?;
    for file in &patch.files {
        for path in [Some(file.path.as_str()), file.source()].into_iter().flatten() {
            fence.check(path).map_err(|denied| {
                let shown = path.escape_debug();
                let text = format!("`patch` may not touch `{shown}`: {}", denied.why());
                Rejected {
                    refusal: CallRefusal::new("forbidden", text),
                    violation: Some(Box::new(Violation::new(
                        Sensor::Host,
                        rule(&denied),
                        "propose_change",
                        path.as_bytes(),
                    ))),
                }
            })?;
        }
    }
    Ok(patch.files.iter().map(changed).collect())
}

fn rule(denied: &Denied) -> Rule {
    match denied {
        Denied::Forbidden(_) | Denied::Refused(Refused::Git) => Rule::ForbiddenPath,
        Denied::ReadOnly(_) | Denied::Refused(Refused::Protected(_)) => Rule::ReadOnlyPath,
        Denied::Refused(Refused::Form(_)) => Rule::OutsidePath,
    }
}

fn changed(file: &FilePatch) -> ChangedFile {
    let (added, removed) = file.counts();
    let count = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
    let (change, from) = match &file.change {
        Change::Create { .. } => (ChangeKind::Create, None),
        Change::Modify { .. } => (ChangeKind::Modify, None),
        Change::Delete => (ChangeKind::Delete, None),
        Change::Rename { from, .. } => (ChangeKind::Rename, Some(from.clone())),
    };
    ChangedFile {
        path: file.path.clone(),
        change,
        from,
        added: count(added),
        removed: count(removed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn paths_that_a_patch_may_not_touch() {
        let fence = Fence {
            forbidden: vec!["secret".into(), ".env".into()],
            read_only: vec!["docs/law".into()],
            allows_protected: true,
        };
        let cases = [
            "src/x.rs",
            "secret/key",
            ".env",
            ".environment",
            "docs/law/a.md",
            "docs/lawless.md",
            "../up",
            ".git/hooks/pre-commit",
            ".github/workflows/ci.yml",
            ".ai_onboard/policy.yaml",
        ];
        let mut out = String::new();
        for path in cases {
            let patch = format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
            match look_over(&patch, &fence) {
                Ok(files) => out.push_str(&format!("{} taken\n", files[0].path)),
                Err(Rejected { refusal, violation }) => {
                    let rule = violation.map_or("", |violation| violation.rule.word());
                    out.push_str(&format!("{rule}: {}: {}\n", refusal.code, refusal.message));
                }
            }
        }
        expect![[r#"
            src/x.rs taken
            forbidden_path: forbidden: `patch` may not touch `secret/key`: the policy forbids `secret`
            forbidden_path: forbidden: `patch` may not touch `.env`: the policy forbids `.env`
            .environment taken
            read_only_path: forbidden: `patch` may not touch `docs/law/a.md`: the policy keeps `docs/law` read-only
            docs/lawless.md taken
            outside_path: forbidden: `patch` may not touch `../up`: it has `.` or `..`
            forbidden_path: forbidden: `patch` may not touch `.git/hooks/pre-commit`: it belongs to git itself
            .github/workflows/ci.yml taken
            .ai_onboard/policy.yaml taken
        "#]].assert_eq(&out);
        let renamed = "diff --git a/x b/.GIT/x\nrename from x\nrename to .GIT/x\n";
        let refused = look_over(renamed, &fence).unwrap_err();
        assert_eq!(refused.violation.unwrap().rule, Rule::ForbiddenPath);
        let wrong = look_over("--- a/x\n", &fence).unwrap_err();
        assert_eq!((wrong.refusal.code.as_str(), wrong.violation), ("invalid", None));
    }
}
