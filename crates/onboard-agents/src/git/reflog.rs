//! What was checked out when, as git noted it down.

use std::io::{Read, Seek, SeekFrom};

use super::Repository;
use crate::places;

/// The end of the log that is read: some thousand checkouts.
const MOST_BYTES: u64 = 256 * 1024;

/// Commits that were checked out here, each with the moment from which on, in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkouts(Vec<(i64, String)>);

impl Repository {
    /// What was checked out in this work tree, as far back as its log is kept; nothing where there is
    /// none.
    pub fn checkouts(&self) -> Checkouts {
        let tail = || -> std::io::Result<Vec<u8>> {
            let mut file = places::open(&self.inner.git_dir().join("logs/HEAD"))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(MOST_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(MOST_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        Checkouts::parse(&String::from_utf8_lossy(&tail().unwrap_or_default()))
    }
}

impl Checkouts {
    /// `OLD NEW Name <address> SECONDS ZONE<tab>why`, a line each, oldest first.
    fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let head = line.split('\t').next()?;
            let id = head.split(' ').nth(1)?;
            let seconds: i64 = head.rsplit(' ').nth(1)?.parse().ok()?;
            let is_id = id.len() == 40 && id.bytes().all(|letter| letter.is_ascii_hexdigit());
            is_id.then(|| (seconds.saturating_mul(1_000), id.to_owned()))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    /// The commit that was checked out at this moment.
    pub fn at(&self, ms: i64) -> Option<&str> {
        let before = self.0.iter().rev().find(|(since_ms, _)| *since_ms <= ms);
        before.map(|(_, id)| id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_between_two_checkouts() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let zero = "0".repeat(40);
        let text = format!(
            "cut off\n{zero} {a} Ann B <a@b> 100 +0200\tcommit (initial): x y\n{a} {b} C D <> 200 +0000\tcheckout\n{b} short C <> 300 +0000\tx\n"
        );
        let found = Checkouts::parse(&text);
        let said: Vec<Option<&str>> =
            [99_999, 100_000, 199_999, 200_000, 900_000].map(|ms| found.at(ms)).to_vec();
        let (a, b) = (Some(a.as_str()), Some(b.as_str()));
        assert_eq!(said, [None, a, a, b, b]);
        assert_eq!(Checkouts::parse("").at(5), None);
    }
}
