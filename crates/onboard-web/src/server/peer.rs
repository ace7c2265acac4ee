//! Who is at the other end of the socket, by what the kernel says.

use onboard_domain::Actor;
use std::io::Read;
use std::sync::OnceLock;

/// Bytes of the user database that are looked at: thousands of local users.
const USERS_BYTES_MAX: u64 = 1 << 20;

/// The name of the daemon's own user, looked up once: nearly every command is theirs.
static OWN_NAME: OnceLock<String> = OnceLock::new();

/// The user at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    uid: u32,
}

impl Peer {
    /// The user with this id.
    pub fn of(uid: u32) -> Peer {
        Peer { uid }
    }

    fn is_own(self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }

    /// Whether it may use the API: the daemon's own user, and root, who could anyway.
    pub fn is_ours(self) -> bool {
        self.uid == 0 || self.is_own()
    }

    /// The peer as audit entries name it.
    pub fn actor(self) -> Actor {
        let name = match self.is_own() {
            true => OWN_NAME.get_or_init(|| self.name()).clone(),
            false => self.name(),
        };
        Actor::Person { uid: self.uid, name }
    }

    /// The name in the local user database. A name is for reading; the number is what counts.
    fn name(self) -> String {
        let mut users = String::new();
        if let Ok(file) = std::fs::File::open("/etc/passwd") {
            let _ = file.take(USERS_BYTES_MAX).read_to_string(&mut users);
        }
        name_in(&users, self.uid).map_or_else(|| format!("uid {}", self.uid), str::to_string)
    }
}

fn name_in(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_third_field() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(name_in(users, 0), Some("root"));
        assert_eq!(name_in(users, 1000), Some("ann"));
        assert_eq!(name_in(users, 7), None);
    }
}
