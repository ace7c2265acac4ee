//! Which paths a patch may touch, whatever a policy says.
//!
//! The files that are left out run by themselves: git's own, hooks, continuous integration, what an
//! editor or a shell executes when a folder is opened, and this program's configuration. Who changes
//! them is not proposing a text any more.

use crate::show;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// Why a path can't be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It leads out of the project, or is no path that every system reads alike.
    Form(&'static str),
    /// Of a git repository itself.
    Git,
    /// Runs by itself, as the word says.
    Protected(&'static str),
}

impl Refused {
    /// The reason, for people.
    pub fn why(self) -> String {
        match self {
            Refused::Form(why) => why.into(),
            Refused::Git => "it belongs to git itself".into(),
            Refused::Protected(what) => alloc::format!("it is protected: {what}"),
        }
    }
}

/// Whether a patch may touch a path of the project.
///
/// # Errors
/// Why not.
pub fn check(path: &str) -> Result<(), Refused> {
    if path.starts_with('/') {
        return Err(Refused::Form("it is absolute"));
    }
    if path.contains('\\') {
        return Err(Refused::Form("it has a backslash"));
    }
    if matches!(show::line(path), Cow::Owned(_)) {
        return Err(Refused::Form("it has characters that can't be seen"));
    }
    for part in path.split('/') {
        match part {
            "" => return Err(Refused::Form("it has an empty part")),
            "." | ".." => return Err(Refused::Form("it has `.` or `..`")),
            part if part.len() > 255 => {
                return Err(Refused::Form("a name has more than 255 bytes"));
            }
            part => name(part)?,
        }
    }
    beginning(path)
}

/// Names that are refused in every folder. As file systems see them that ignore case, and dots and
/// spaces at the end.
fn name(part: &str) -> Result<(), Refused> {
    let lower = part.to_lowercase();
    let bare = lower.trim_end_matches(['.', ' ']);
    // A stream of a file, where there are such.
    let bare = bare.split(':').next().unwrap_or(bare);
    match bare {
        ".git" | "git~1" => Err(Refused::Git),
        ".gitattributes" | ".gitmodules" | ".gitconfig" => {
            Err(Refused::Protected("it changes what git does"))
        }
        ".ai_onboard" => Err(Refused::Protected("it is configuration of ai_onboard")),
        ".envrc" | ".mcp.json" | ".vscode" | ".idea" | ".devcontainer" | ".devcontainer.json"
        | ".claude" | ".cursor" | ".codex" => {
            Err(Refused::Protected("a tool executes it when the folder is opened"))
        }
        ".husky"
        | ".githooks"
        | ".git-hooks"
        | ".lefthook"
        | ".pre-commit-config.yaml"
        | ".pre-commit-config.yml"
        | "lefthook.yml"
        | "lefthook.yaml"
        | ".lefthook.yml"
        | ".overcommit.yml"
        | "prek.toml" => Err(Refused::Protected("it is a hook")),
        _ => Ok(()),
    }
}

/// Continuous integration, where its services look for it.
fn beginning(path: &str) -> Result<(), Refused> {
    const PLACES: [&str; 26] = [
        ".appveyor.yml",
        ".azure-pipelines",
        ".buildkite",
        ".ci",
        ".circleci",
        ".cirrus.star",
        ".cirrus.yml",
        ".drone.yml",
        ".forgejo",
        ".gitea",
        ".github",
        ".gitlab",
        ".gitlab-ci.yml",
        ".semaphore",
        ".teamcity",
        ".travis.yml",
        ".woodpecker",
        ".woodpecker.yaml",
        ".woodpecker.yml",
        "appveyor.yml",
        "azure-pipelines.yml",
        "bitbucket-pipelines.yml",
        "buildspec.yml",
        "cloudbuild.yaml",
        "jenkinsfile",
        "wercker.yml",
    ];
    let first = path.split('/').next().unwrap_or_default().to_lowercase();
    match PLACES.binary_search(&first.as_str()) {
        Ok(_) => Err(Refused::Protected("it is continuous integration")),
        Err(_) => Ok(()),
    }
}

/// What a policy keeps from being changed, beside what is refused always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    pub forbidden: Vec<String>,
    pub read_only: Vec<String>,
    /// Whether what runs by itself may be touched: people decide on that. What belongs to git never.
    pub allows_protected: bool,
}

/// Why a path lies behind the fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The policy forbids this place.
    Forbidden(String),
    /// The policy keeps this place read-only.
    ReadOnly(String),
    Refused(Refused),
}

impl Denied {
    /// The reason, for people.
    pub fn why(&self) -> String {
        match self {
            Denied::Forbidden(place) => alloc::format!("the policy forbids `{place}`"),
            Denied::ReadOnly(place) => alloc::format!("the policy keeps `{place}` read-only"),
            Denied::Refused(refused) => refused.why(),
        }
    }
}

impl Fence {
    /// Whether a patch may touch a path.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, path: &str) -> Result<(), Denied> {
        let place = |places: &[String]| places.iter().find(|place| is_below(path, place)).cloned();
        if let Some(place) = place(&self.forbidden) {
            return Err(Denied::Forbidden(place));
        }
        match check(path) {
            Err(Refused::Protected(_)) if self.allows_protected => {}
            other => other.map_err(Denied::Refused)?,
        }
        place(&self.read_only).map_or(Ok(()), |place| Err(Denied::ReadOnly(place)))
    }
}

/// Whether `path` is `place` or lies below it.
pub fn is_below(path: &str, place: &str) -> bool {
    let place = place.trim_end_matches('/');
    path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_paths_are_refused_and_plain_ones_are_not() {
        let form = |why| Err(Refused::Form(why));
        let ci = Err(Refused::Protected("it is continuous integration"));
        let cases = [
            ("src/main.rs", Ok(())),
            ("docs/größe 日本.md", Ok(())),
            ("a.git/b", Ok(())),
            (".gitignore", Ok(())),
            ("git/hooks/x", Ok(())),
            ("src/.github/x", Ok(())),
            ("...", Ok(())),
            ("", form("it has an empty part")),
            ("/etc/passwd", form("it is absolute")),
            ("../x", form("it has `.` or `..`")),
            ("a/../../x", form("it has `.` or `..`")),
            ("a/./b", form("it has `.` or `..`")),
            ("a//b", form("it has an empty part")),
            ("a/", form("it has an empty part")),
            ("a\\..\\b", form("it has a backslash")),
            ("a\nb", form("it has characters that can't be seen")),
            ("a\u{202e}b", form("it has characters that can't be seen")),
            (".g\u{200c}it/config", form("it has characters that can't be seen")),
            (".git/config", Err(Refused::Git)),
            (".GIT/hooks/pre-commit", Err(Refused::Git)),
            ("vendor/x/.Git/config", Err(Refused::Git)),
            (".git", Err(Refused::Git)),
            (".git./config", Err(Refused::Git)),
            (".git /config", Err(Refused::Git)),
            ("GIT~1/config", Err(Refused::Git)),
            (".git::$INDEX_ALLOCATION/config", Err(Refused::Git)),
            ("sub/.gitattributes", Err(Refused::Protected("it changes what git does"))),
            (".gitmodules", Err(Refused::Protected("it changes what git does"))),
            (".github/workflows/x.yml", ci),
            (".GitHub/workflows/x.yml", ci),
            (".gitlab-ci.yml", ci),
            ("Jenkinsfile", ci),
            (".circleci/config.yml", ci),
            (".ci/run", ci),
            (".husky/pre-commit", Err(Refused::Protected("it is a hook"))),
            (".pre-commit-config.yaml", Err(Refused::Protected("it is a hook"))),
            (
                ".ai_onboard/policy.yaml",
                Err(Refused::Protected("it is configuration of ai_onboard")),
            ),
            (
                "sub/.AI_onboard/agents/x.yaml",
                Err(Refused::Protected("it is configuration of ai_onboard")),
            ),
            (
                ".vscode/tasks.json",
                Err(Refused::Protected("a tool executes it when the folder is opened")),
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(check(path), expected, "{path:?}");
        }
        let fence = Fence {
            allows_protected: true,
            read_only: alloc::vec![".ci".into()],
            ..Fence::default()
        };
        for path in [".github/workflows/x.yml", ".ai_onboard/policy.yaml", "sub/.gitattributes"] {
            assert_eq!(fence.check(path), Ok(()), "{path}");
            assert!(Fence::default().check(path).is_err(), "{path}");
        }
        for path in [".git/config", ".GIT/hooks/pre-commit", "sub/.git", "../.github/x", ".ci/run"]
        {
            assert!(fence.check(path).is_err(), "{path}");
        }
        assert!(is_below("a/b", "a") && is_below("a", "a/") && !is_below("ab", "a"));
    }
}
