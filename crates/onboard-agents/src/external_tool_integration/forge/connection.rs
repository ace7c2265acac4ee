//! Which forge the project is on, and which door leads there: pure.

use super::super::remotes::{Forge, Remote, forge};
use super::wire::Flavour;
use crate::host::{Door, Task};

/// What people may set for this agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `github` or `gitlab`: what the host's name does not say.
    pub forge: Option<String>,
    /// `owner/name`: what the remote's address does not say.
    pub repository: Option<String>,
}

impl Settings {
    pub fn of(task: &Task) -> Settings {
        let word = |name: &str| task.settings.get(name).cloned().filter(|text| !text.is_empty());
        Settings { forge: word("forge"), repository: word("repository") }
    }
}

/// Where to ask for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub door: Door,
    pub flavour: Flavour,
    /// As people know it: the remote's.
    pub host: String,
    pub repository: String,
}

/// The connection of a project with these remotes, the one that it is on first. Nothing where there is
/// no credential for any of them.
///
/// # Errors
/// What is missing for a connection that somebody seems to want, as a sentence for people.
pub fn find(
    remotes: &[&Remote],
    doors: &[Door],
    settings: &Settings,
) -> Result<Option<Connection>, String> {
    let doors: Vec<&Door> = doors.iter().filter(|door| door.has_credential).collect();
    let leads = |remote: &Remote| doors.iter().copied().find(|door| is_of(door, &remote.host));
    let found = remotes.iter().find_map(|remote| Some((Some(*remote), leads(remote)?)));
    // Somebody who names the repository may have the remote under a name that only SSH knows.
    let only = match (&*doors, &settings.repository) {
        ([door], Some(_)) => Some((None, *door)),
        _ => None,
    };
    let Some((remote, door)) = found.or(only) else { return Ok(None) };
    let host = remote.map_or_else(|| bare(&door.host).to_owned(), |remote| remote.host.clone());
    let named = settings.repository.clone();
    let repository = named.or_else(|| remote.map(|remote| remote.path.clone())).unwrap_or_default();
    let flavour = match settings.forge.as_deref() {
        Some("github") => Flavour::GitHub,
        Some("gitlab") => Flavour::GitLab,
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            return Err(format!("the setting `forge: {other}` is neither github nor gitlab"));
        }
        None => match remote.map_or_else(|| forge(&host), |remote| remote.forge) {
            Forge::GitHub => Flavour::GitHub,
            Forge::GitLab => Flavour::GitLab,
            Forge::Unknown => {
                return Err(format!(
                    "{host} has a credential; say `forge: github` or `forge: gitlab` in the settings"
                ));
            }
            // It speaks otherwise; the credential may be for somebody else.
            Forge::Bitbucket | Forge::Forgejo | Forge::Azure | Forge::Sourcehut => return Ok(None),
        },
    };
    if flavour.base(&door.host, &repository).is_none() {
        let path: String = repository.chars().take(100).collect();
        return Err(format!(
            "`{path}` is no repository of {host}; `repository: owner/name` in the settings says which"
        ));
    }
    Ok(Some(Connection { door: door.clone(), flavour, host, repository }))
}

/// Whether a door leads to the API of a remote's host.
fn is_of(door: &Door, host: &str) -> bool {
    let door = bare(&door.host);
    door == host || door.strip_prefix("api.") == Some(host)
}

/// A host without its port.
fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(remotes: &str, doors: &str, settings: &str, expected: Expect) {
        let remote = |text: &str| {
            let (host, path) = text.split_once('/').expect("host/path");
            let (host, path) = (host.to_owned(), path.to_owned());
            Remote { name: "r".into(), forge: forge(&host), host, path, holds_secret: false }
        };
        let remotes: Vec<Remote> = remotes.split_whitespace().map(remote).collect();
        let door = |text: &str| {
            let (host, has_credential) = match text.strip_prefix("bare:") {
                Some(host) => (host, false),
                None => (text, true),
            };
            Door { url: "http://d".into(), host: host.into(), has_credential }
        };
        let doors: Vec<Door> = doors.split_whitespace().map(door).collect();
        let word = |name: &str| {
            let mut words = settings.split_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let settings = Settings { forge: word("forge"), repository: word("repository") };
        let text = match find(&remotes.iter().collect::<Vec<_>>(), &doors, &settings) {
            Ok(None) => "none".to_owned(),
            Ok(Some(found)) => {
                let base = found.flavour.base(&found.door.host, &found.repository);
                format!("{}: {}{}", found.host, found.door.host, base.expect("it was looked at"))
            }
            Err(why) => why,
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn a_door_to_the_remotes_host_is_a_connection() {
        check(
            "github.com/octo/loom",
            "api.github.com",
            "",
            expect!["github.com: api.github.com/repos/octo/loom"],
        );
        check(
            "github.corp.example/octo/loom",
            "github.corp.example",
            "",
            expect!["github.corp.example: github.corp.example/api/v3/repos/octo/loom"],
        );
        check(
            "gitlab.com/a/b/loom",
            "registry.example gitlab.com:8443",
            "",
            expect!["gitlab.com: gitlab.com:8443/api/v4/projects/a%2Fb%2Floom"],
        );
        check(
            "x.example/o/r github.com/octo/loom",
            "api.github.com",
            "",
            expect!["github.com: api.github.com/repos/octo/loom"],
        );
        check(
            "git.example/o/r",
            "git.example",
            "forge=gitlab",
            expect!["git.example: git.example/api/v4/projects/o%2Fr"],
        );
        check(
            "work/o/r",
            "api.github.com",
            "repository=octo/loom",
            expect!["api.github.com: api.github.com/repos/octo/loom"],
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        check(
            "git.example/o/r",
            "git.example",
            "",
            expect![
                "git.example has a credential; say `forge: github` or `forge: gitlab` in the settings"
            ],
        );
        check(
            "git.example/o/r",
            "git.example",
            "forge=svn",
            expect!["the setting `forge: svn` is neither github nor gitlab"],
        );
        check(
            "github.com/octo",
            "api.github.com",
            "",
            expect![
                "`octo` is no repository of github.com; `repository: owner/name` in the settings says which"
            ],
        );
        check(
            "github.com/octo/../x",
            "api.github.com",
            "",
            expect![
                "`octo/../x` is no repository of github.com; `repository: owner/name` in the settings says which"
            ],
        );
        check("github.com/octo/loom", "evil-github.com", "", expect!["none"]);
        check("github.com/octo/loom", "bare:api.github.com", "", expect!["none"]);
        check("codeberg.org/ada/loom", "codeberg.org", "", expect!["none"]);
        check("", "api.github.com", "", expect!["none"]);
    }
}
