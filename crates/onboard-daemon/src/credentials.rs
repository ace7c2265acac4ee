//! Secrets that a user gave to the daemon: each in a file that only that user can read, bound to one
//! host, and to agents and projects that the user named. No agent ever sees one.

use crate::binding::Binding;
use crate::kept::{Kept, KeptError, check_name, wrong};
use onboard_egress::broker::secret::base64;
use onboard_egress::broker::{Credential, Secret, Target};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Credentials of one user at most: each may be a host of a run's network.
pub const CREDENTIALS: usize = 64;
/// Bytes of a secret: keys of today have some hundred, signed tokens some thousand.
pub const SECRET_MAX: usize = 8 * 1024;
/// A shorter one would be found in ordinary text, and guessed.
pub const SECRET_MIN: usize = 8;

/// Where a credential stands in a request when nobody says otherwise.
pub const HEADER: &str = "Authorization: Bearer {}";

/// A credential, and whom it is for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Stored {
    format: u32,
    /// `example.org`, `example.org:8443`, or `http://127.0.0.1:8080`.
    pub host: String,
    /// The field of a request that carries it.
    pub field: String,
    /// The field's value, `{}` in the place of the secret.
    pub value: String,
    #[serde(flatten)]
    pub binding: Binding,
    secret: String,
}

/// What a user gives.
#[derive(Clone, Debug)]
pub struct New {
    pub name: String,
    pub host: String,
    pub header: String,
    /// A user's name: the credential is then sent as that user's password.
    pub user: Option<String>,
    pub binding: Binding,
    pub secret: Secret,
}

/// A user's credentials.
#[derive(Clone, Debug)]
pub struct Credentials(Kept);

impl Credentials {
    /// Those in `folder`.
    pub fn new(folder: PathBuf) -> Credentials {
        Credentials(Kept::new(folder, "credentials", CREDENTIALS))
    }

    /// Keeps a credential; one of that name is replaced. Says whether there was one.
    ///
    /// # Errors
    /// What is wrong with it, or why it can't be written.
    pub fn add(&self, new: New) -> Result<bool, KeptError> {
        let name = new.name.clone();
        self.0.put(&name, &stored(new)?)
    }

    /// Forgets a credential; says whether there was one.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self, name: &str) -> Result<bool, KeptError> {
        self.0.remove(name)
    }

    /// The names of all, in their order.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn names(&self) -> Result<Vec<String>, KeptError> {
        self.0.names()
    }

    /// One of them, without its secret in anything that prints.
    ///
    /// # Errors
    /// When there is none, others can read it, or it is not what was written.
    pub fn get(&self, name: &str) -> Result<Stored, KeptError> {
        self.0.get(name, |stored: &Stored| stored.format == FORMAT)
    }
}

const FORMAT: u32 = 1;

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {:?}", self.field, self.host, self.binding)
    }
}

impl Stored {
    /// Where it may go.
    ///
    /// # Errors
    /// When that is no host.
    pub fn target(&self) -> Result<Target, KeptError> {
        target(&self.host)
    }

    /// What the broker puts into requests.
    pub fn credential(&self, name: &str) -> Credential {
        Credential {
            name: name.into(),
            field: self.field.to_ascii_lowercase(),
            value: Secret::new(self.value.replace("{}", &self.secret)),
            secret: Secret::new(self.secret.clone()),
        }
    }
}

fn target(host: &str) -> Result<Target, KeptError> {
    let target = if host.contains("://") { Target::url(host) } else { Target::host(host) };
    target.map_err(|error| {
        let mend = "write a host such as `api.example.org`, reached by TLS, or an address of this \
                    machine with its port, such as `http://127.0.0.1:8080`";
        wrong(format!("`{}`: {error}", host.escape_debug()), mend)
    })
}

fn stored(new: New) -> Result<Stored, KeptError> {
    check_name(&new.name)?;
    target(&new.host)?;
    let secret = new.secret.reveal();
    let visible = |c: char| c.is_ascii_graphic() || c == ' ';
    if !(SECRET_MIN..=SECRET_MAX).contains(&secret.len()) {
        let what = format!("the secret has {} bytes", secret.len());
        return Err(wrong(what, format!("give {SECRET_MIN} to {SECRET_MAX}")));
    }
    if !secret.chars().all(visible) || secret.trim() != secret {
        return Err(wrong(
            "the secret has a character that no field of a request can carry",
            "give one line of printable ASCII, without spaces around it",
        ));
    }
    let (field, value) = match &new.user {
        Some(user) => {
            if user.contains(':') || !user.chars().all(visible) {
                return Err(wrong("the user has a character that no user has", "leave it out"));
            }
            // The pair is what is kept: it is what must not come back.
            let pair = base64(format!("{user}:{secret}").as_bytes());
            return Ok(Stored {
                format: FORMAT,
                host: new.host,
                field: "authorization".into(),
                value: "Basic {}".into(),
                binding: new.binding,
                secret: pair,
            });
        }
        None => new.header.split_once(": ").ok_or_else(header)?,
    };
    let token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = !field.is_empty() && field.len() <= 64 && field.chars().all(token);
    let is_own = ["host", "connection", "content-length", "transfer-encoding", "accept-encoding"]
        .iter()
        .any(|own| field.eq_ignore_ascii_case(own));
    let is_whole = value.matches("{}").count() == 1 && value.chars().all(visible);
    if !fits || is_own || !is_whole || value.len() > 256 {
        return Err(header());
    }
    Ok(Stored {
        format: FORMAT,
        field: field.to_ascii_lowercase(),
        value: value.into(),
        host: new.host,
        binding: new.binding,
        secret: secret.into(),
    })
}

fn header() -> KeptError {
    wrong(
        "that is no header that could carry a secret",
        format!("write it as `{HEADER}`, with `{{}}` in the place of the secret"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::write;
    use expect_test::expect;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn new(name: &str, host: &str, header: &str, secret: &str) -> New {
        New {
            name: name.into(),
            host: host.into(),
            header: header.into(),
            user: None,
            binding: Binding { agents: vec!["a".into()], projects: Vec::new() },
            secret: Secret::new(secret),
        }
    }

    #[test]
    fn what_is_kept_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let credentials = Credentials::new(home.path().join("credentials"));
        assert_eq!(credentials.names().unwrap(), Vec::<String>::new());
        let one = || new("forge", "forge.example", "PRIVATE-TOKEN: {}", "canary-123");
        assert!(!credentials.add(one()).unwrap());
        assert!(credentials.add(one()).unwrap());
        let mode = |path: &str| fs::metadata(home.path().join(path)).unwrap().mode() & 0o777;
        assert_eq!((mode("credentials"), mode("credentials/forge.json")), (0o700, 0o600));
        assert_eq!(credentials.names().unwrap(), ["forge"]);
        let stored = credentials.get("forge").unwrap();
        let used = stored.credential("forge");
        assert_eq!((used.field.as_str(), used.value.reveal()), ("private-token", "canary-123"));
        assert!(!format!("{used:?}").contains("canary"));
        let path = home.path().join("credentials/forge.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(credentials.get("forge").unwrap_err().to_string().contains("others may read it"));
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(credentials.get("forge").is_err());
        fs::remove_file(&path).unwrap();
        write(&path, b"{\"secret\":\"canary-123\"").unwrap();
        let why = credentials.get("forge").unwrap_err().to_string();
        assert!(!why.contains("canary"), "{why}");
        assert!(credentials.remove("forge").unwrap());
        assert!(!credentials.remove("forge").unwrap());
    }

    #[test]
    fn a_user_and_a_password_are_one_field() {
        let pair = New { user: Some("x".into()), ..new("git", "forge.example", "", "canary-123") };
        let used = stored(pair).unwrap().credential("git");
        assert_eq!(used.value.reveal(), "Basic eDpjYW5hcnktMTIz");
    }

    #[test]
    fn what_can_not_be_kept_is_said() {
        let cases = [
            new("Forge", "forge.example", HEADER, "canary-123"),
            new("../x", "forge.example", HEADER, "canary-123"),
            new("forge", "http://forge.example", HEADER, "canary-123"),
            new("forge", "10.1.2.3", HEADER, "canary-123"),
            new("forge", "forge.example", "Authorization: Bearer", "canary-123"),
            new("forge", "forge.example", "Host: {}", "canary-123"),
            new("forge", "forge.example", "A: b\r\nX: {}", "canary-123"),
            new("forge", "forge.example", HEADER, "canary"),
            new("forge", "forge.example", HEADER, "canary-123\nX: y"),
        ];
        let texts: Vec<String> =
            cases.into_iter().map(|case| stored(case).unwrap_err().to_string()).collect();
        let text = texts.join("\n");
        assert!(!text.contains("canary"), "{text}");
        expect![[r#"
            `Forge` is no name; write up to 32 lower-case letters, digits and `-`, a letter first
            `../x` is no name; write up to 32 lower-case letters, digits and `-`, a letter first
            `http://forge.example`: it begins with `https://`, or with `http://`, the loopback address and a port, such as `http://127.0.0.1:11434`; write a host such as `api.example.org`, reached by TLS, or an address of this machine with its port, such as `http://127.0.0.1:8080`
            `10.1.2.3`: an address is no name, and only names can be allowed; write a host such as `api.example.org`, reached by TLS, or an address of this machine with its port, such as `http://127.0.0.1:8080`
            that is no header that could carry a secret; write it as `Authorization: Bearer {}`, with `{}` in the place of the secret
            that is no header that could carry a secret; write it as `Authorization: Bearer {}`, with `{}` in the place of the secret
            that is no header that could carry a secret; write it as `Authorization: Bearer {}`, with `{}` in the place of the secret
            the secret has 6 bytes; give 8 to 8192
            the secret has a character that no field of a request can carry; give one line of printable ASCII, without spaces around it"#]].assert_eq(&text);
    }
}
