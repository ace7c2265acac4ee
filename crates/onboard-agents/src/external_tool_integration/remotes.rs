//! Where the project's remotes are, and on which forge, without what opens them.

use gix::url::Scheme;
use onboard_validation::secrets;

use crate::git::Repository;

/// Remotes that are looked at: nobody has more by hand.
const MOST_REMOTES: usize = 20;

/// What serves a remote, as its host says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    GitHub,
    GitLab,
    Bitbucket,
    Forgejo,
    Azure,
    Sourcehut,
    /// A host that doesn't say.
    Unknown,
}

/// A remote by host and path. Its secrets are known to be there, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub name: String,
    pub host: String,
    /// `owner/name`, or longer where groups are in groups.
    pub path: String,
    pub forge: Forge,
    pub holds_secret: bool,
}

pub fn of_repository(repository: &Repository) -> Vec<Remote> {
    let addresses = repository.remotes().into_iter().take(MOST_REMOTES);
    addresses.filter_map(|(name, address)| of_address(name, &address)).collect()
}

/// `None` for what is no host: a folder, a bundle, a helper of the user's own.
fn of_address(name: String, address: &str) -> Option<Remote> {
    let url = gix::url::parse(address).ok()?;
    let is_network = matches!(url.scheme, Scheme::Ssh | Scheme::Http | Scheme::Https | Scheme::Git);
    let host = url.host().filter(|_| is_network)?.to_ascii_lowercase();
    let path = String::from_utf8_lossy(&url.path).into_owned();
    let path = path.trim_matches('/').trim_end_matches(".git").to_owned();
    let holds_secret = url.password().is_some_and(|password| !password.is_empty())
        || !secrets::scan(address).is_empty();
    let forge = forge(&host);
    let is_sound = |text: &str| !text.is_empty() && text.len() <= 200 && text.is_ascii();
    (is_sound(&host) && is_sound(&path) && is_sound(&name)).then_some(Remote {
        name,
        host,
        path,
        forge,
        holds_secret,
    })
}

/// What serves a host, as its name says.
pub fn forge(host: &str) -> Forge {
    let is_at = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    let has_label = |word: &str| host.split('.').any(|label| label == word);
    match () {
        () if is_at("github.com") || has_label("github") => Forge::GitHub,
        () if is_at("gitlab.com") || has_label("gitlab") => Forge::GitLab,
        () if is_at("bitbucket.org") => Forge::Bitbucket,
        () if is_at("codeberg.org") || has_label("forgejo") || has_label("gitea") => Forge::Forgejo,
        () if is_at("dev.azure.com") || is_at("visualstudio.com") => Forge::Azure,
        () if is_at("sr.ht") => Forge::Sourcehut,
        () => Forge::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(addresses: &[&str], expected: Expect) {
        let line = |address: &&str| match of_address("origin".to_owned(), address) {
            None => "none".to_owned(),
            Some(Remote { host, path, forge, holds_secret, .. }) => {
                let secret = if holds_secret { ", with a secret" } else { "" };
                format!("{path} at {host}: {forge:?}{secret}")
            }
        };
        expected.assert_eq(&addresses.iter().map(line).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_remote_is_known_by_its_host_and_without_its_secret() {
        let token = format!(
            "https://{}{}@github.com/o/r.git",
            "ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
        );
        check(
            &[
                "git@github.com:octo/loom.git",
                "ssh://git@gitlab.example.org:2222/group/sub/loom",
                "https://ada:hunter2hunter2@codeberg.org/ada/loom.git",
                &token,
                "https://ssh.dev.azure.com/v3/org/project/repo",
                "https://git.example.org/loom",
                "/srv/git/loom.git",
                "file:///srv/git/loom.git",
                "../loom",
                "",
                "https://",
            ],
            expect![[r#"
                octo/loom at github.com: GitHub
                group/sub/loom at gitlab.example.org: GitLab
                ada/loom at codeberg.org: Forgejo, with a secret
                o/r at github.com: GitHub, with a secret
                v3/org/project/repo at ssh.dev.azure.com: Azure
                loom at git.example.org: Unknown
                none
                none
                none
                none
                none"#]],
        );
    }
}
