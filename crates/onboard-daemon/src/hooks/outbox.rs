//! What is still to be told to others, and how far in the journal that was looked for. It is kept in
//! SQLite: what is to be sent and the place up to which it was looked for are one transaction, so that
//! nothing is lost or made twice when the daemon dies.

use onboard_domain::Time;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use std::path::Path;

/// Posts of one webhook that wait: a day of one every minute and a half. One more is given up at once,
/// so that the newest, which is not told either, is the one that is seen to be missing.
pub const WAITING: i64 = 1_000;
/// Posts that were given up and are shown, oldest dropped.
const GIVEN_UP: i64 = 100;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS targets (
  hook TEXT PRIMARY KEY, seq INTEGER NOT NULL, delivered INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ways (hook TEXT PRIMARY KEY, way TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS posts (
  hook TEXT NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL, kind TEXT NOT NULL,
  time INTEGER NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  next INTEGER NOT NULL DEFAULT 0, given_up TEXT, PRIMARY KEY (hook, seq, idx)
) STRICT, WITHOUT ROWID;";

/// One event, to be told to one webhook. Its place in the journal is its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    pub seq: u64,
    pub index: u32,
    pub kind: String,
    /// Of the event.
    pub time: Time,
    pub body: Vec<u8>,
    /// How often it was tried and refused for itself.
    pub attempts: u32,
}

/// What is known of one webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub delivered: u64,
    pub waiting: u64,
    /// Attempts in a row in which nobody answered.
    pub failures: u32,
    /// When it is tried again, if it failed.
    pub next: Time,
    /// Of the newest attempt that failed; empty after one that didn't.
    pub why: String,
    /// Newest first, each with the reason.
    pub given_up: Vec<(Post, String)>,
}

/// The posts of all webhooks.
pub struct Outbox(Connection);

type Sql<T> = rusqlite::Result<T>;

impl Outbox {
    /// Opens it; a file that is no outbox any more is begun anew.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(path: &Path) -> Sql<Outbox> {
        let open = || {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // What a power cut takes back is sent again, as the same.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(SCHEMA)?;
            Ok(Outbox(connection))
        };
        open().or_else(|error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                crate::views::remove(path);
                open()
            }
            // Locked, or no descriptor or room is left: what waits in it is still there.
            _ => Err(error),
        })
    }

    /// Up to which entry of the journal a webhook's events were looked for; nothing where it is new.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn seen(&self, hook: &str) -> Sql<Option<u64>> {
        let mut select = self.0.prepare_cached("SELECT seq FROM targets WHERE hook = ?1")?;
        select.query_row([hook], |row| row.get(0)).optional()
    }

    /// Puts in what is to be told, and notes up to where that was looked for.
    ///
    /// # Errors
    /// When it can't be written; then nothing is.
    pub fn put(&mut self, hook: &str, posts: &[Post], seen: u64) -> Sql<()> {
        let transaction = self.0.transaction()?;
        let count = "SELECT count(*) FROM posts WHERE hook = ?1 AND given_up IS NULL";
        let mut waiting: i64 = transaction.query_row(count, [hook], |row| row.get(0))?;
        for post in posts {
            let full = (waiting >= WAITING).then(|| format!("{WAITING} others waited"));
            transaction.execute(
                "INSERT OR IGNORE INTO posts (hook, seq, idx, kind, time, body, given_up)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![hook, post.seq, post.index, post.kind, post.time.0, post.body, full],
            )?;
            waiting += i64::from(full.is_none());
        }
        transaction.execute(
            "INSERT INTO targets (hook, seq) VALUES (?1, ?2)
             ON CONFLICT (hook) DO UPDATE SET seq = ?2",
            params![hook, seen],
        )?;
        prune(&transaction, hook)?;
        transaction.commit()
    }

    /// The oldest post of a webhook whose time has come, and in how many attempts in a row nobody
    /// answered there.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn due(&self, hook: &str, now: Time) -> Sql<Option<(Post, u32)>> {
        let mut select = self.0.prepare_cached(
            "SELECT posts.seq, idx, kind, time, body, attempts, failures
             FROM posts JOIN targets USING (hook)
             WHERE hook = ?1 AND given_up IS NULL AND posts.next <= ?2 AND targets.next <= ?2
             ORDER BY posts.seq, idx LIMIT 1",
        )?;
        let both = |row: &Row<'_>| Ok((post(row)?, row.get(6)?));
        select.query_row(params![hook, now.0], both).optional()
    }

    /// When the next post of a webhook is due.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn next(&self, hook: &str) -> Sql<Option<Time>> {
        let mut select = self.0.prepare_cached(
            "SELECT min(max(posts.next, targets.next))
             FROM posts JOIN targets USING (hook) WHERE hook = ?1 AND given_up IS NULL",
        )?;
        let next: Option<i64> = select.query_row([hook], |row| row.get(0))?;
        Ok(next.map(Time))
    }

    /// It was taken.
    ///
    /// # Errors
    /// When that can't be written: it is sent again then, as the same.
    pub fn delivered(&mut self, hook: &str, post: &Post) -> Sql<()> {
        let transaction = self.0.transaction()?;
        transaction.execute(
            "DELETE FROM posts WHERE hook = ?1 AND seq = ?2 AND idx = ?3",
            params![hook, post.seq, post.index],
        )?;
        transaction.execute(
            "UPDATE targets SET delivered = delivered + 1, failures = 0, next = 0, why = ''
             WHERE hook = ?1",
            [hook],
        )?;
        transaction.commit()
    }

    /// It was not taken for a reason of its own; others may be.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn put_off(&mut self, hook: &str, post: &Post, next: Time, why: &str) -> Sql<()> {
        let transaction = self.0.transaction()?;
        transaction.execute(
            "UPDATE posts SET attempts = attempts + 1, next = ?4
             WHERE hook = ?1 AND seq = ?2 AND idx = ?3",
            params![hook, post.seq, post.index, next.0],
        )?;
        transaction.execute(
            "UPDATE targets SET failures = 0, next = 0, why = ?2 WHERE hook = ?1",
            params![hook, why],
        )?;
        transaction.commit()
    }

    /// Nobody answered, or nobody has time: nothing is sent there before `next`.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn rest(&mut self, hook: &str, next: Time, why: &str) -> Sql<()> {
        self.0.execute(
            "UPDATE targets SET failures = failures + 1, next = ?2, why = ?3 WHERE hook = ?1",
            params![hook, next.0, why],
        )?;
        Ok(())
    }

    /// It is not tried any more.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn give_up(&mut self, hook: &str, post: &Post, why: &str) -> Sql<()> {
        self.0.execute(
            "UPDATE posts SET given_up = ?4 WHERE hook = ?1 AND seq = ?2 AND idx = ?3",
            params![hook, post.seq, post.index, why],
        )?;
        prune(&self.0, hook)
    }

    /// Gives up what is older than `than` and still waits.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn give_up_older(&mut self, hook: &str, than: Time, why: &str) -> Sql<usize> {
        let given_up = self.0.execute(
            "UPDATE posts SET given_up = ?3 WHERE hook = ?1 AND given_up IS NULL AND time < ?2",
            params![hook, than.0, why],
        )?;
        prune(&self.0, hook)?;
        Ok(given_up)
    }

    /// Forgets webhooks that are not among these.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn keep_only(&mut self, hooks: &[String]) -> Sql<()> {
        let known: Vec<String> = self
            .0
            .prepare_cached("SELECT hook FROM targets")?
            .query_map([], |row| row.get(0))?
            .collect::<Sql<_>>()?;
        for gone in known.iter().filter(|known| !hooks.contains(known)) {
            let transaction = self.0.transaction()?;
            forget(&transaction, gone)?;
            transaction.execute("DELETE FROM ways WHERE hook = ?1", [gone])?;
            transaction.commit()?;
        }
        Ok(())
    }

    /// Forgets what waits where the webhook of that name is another than before: what was to be told in
    /// another place, or by another choice, is not told here.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn belongs_to(&mut self, hook: &str, way: &str) -> Sql<()> {
        let transaction = self.0.transaction()?;
        let changed = transaction.execute(
            "INSERT INTO ways (hook, way) VALUES (?1, ?2)
             ON CONFLICT (hook) DO UPDATE SET way = ?2 WHERE way <> ?2",
            [hook, way],
        )?;
        if changed > 0 {
            forget(&transaction, hook)?;
        }
        transaction.commit()
    }

    /// What is known of one.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn standing(&self, hook: &str) -> Sql<Standing> {
        let select = "SELECT delivered, failures, next, why,
              (SELECT count(*) FROM posts WHERE posts.hook = targets.hook AND given_up IS NULL)
              FROM targets WHERE hook = ?1";
        let standing = self.0.query_row(select, [hook], |row| {
            Ok(Standing {
                delivered: row.get(0)?,
                failures: row.get(1)?,
                next: Time(row.get(2)?),
                why: row.get(3)?,
                waiting: row.get(4)?,
                given_up: Vec::new(),
            })
        });
        let Some(standing) = standing.optional()? else { return Ok(Standing::default()) };
        let mut select = self.0.prepare_cached(
            "SELECT seq, idx, kind, time, body, attempts, given_up FROM posts
             WHERE hook = ?1 AND given_up IS NOT NULL ORDER BY seq DESC, idx DESC",
        )?;
        let rows = select.query_map([hook], |row| Ok((post(row)?, row.get(6)?)))?;
        Ok(Standing { given_up: rows.collect::<Sql<_>>()?, ..standing })
    }
}

fn post(row: &Row<'_>) -> Sql<Post> {
    Ok(Post {
        seq: row.get(0)?,
        index: row.get(1)?,
        kind: row.get(2)?,
        time: Time(row.get(3)?),
        body: row.get(4)?,
        attempts: row.get(5)?,
    })
}

fn forget(connection: &Connection, hook: &str) -> Sql<()> {
    connection.execute("DELETE FROM posts WHERE hook = ?1", [hook])?;
    connection.execute("DELETE FROM targets WHERE hook = ?1", [hook])?;
    Ok(())
}

fn prune(connection: &Connection, hook: &str) -> Sql<()> {
    connection.execute(
        "DELETE FROM posts WHERE hook = ?1 AND (seq, idx) IN (SELECT seq, idx FROM posts
         WHERE hook = ?1 AND given_up IS NOT NULL ORDER BY seq DESC, idx DESC LIMIT -1 OFFSET ?2)",
        params![hook, GIVEN_UP],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posts(seqs: std::ops::Range<u64>) -> Vec<Post> {
        let post = |seq| Post {
            seq,
            index: 0,
            kind: "finding.recorded".into(),
            time: Time(i64::try_from(seq).unwrap()),
            body: b"{}".to_vec(),
            attempts: 0,
        };
        seqs.map(post).collect()
    }

    fn open() -> (tempfile::TempDir, Outbox) {
        let home = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&home.path().join("hooks.db")).unwrap();
        (home, outbox)
    }

    #[test]
    fn what_waits_comes_in_order_and_once() {
        let (home, mut outbox) = open();
        assert_eq!((outbox.seen("a").unwrap(), outbox.next("a").unwrap()), (None, None));
        outbox.put("a", &posts(1..4), 7).unwrap();
        outbox.put("a", &posts(1..4), 7).unwrap();
        drop(outbox);
        let mut outbox = Outbox::open(&home.path().join("hooks.db")).unwrap();
        assert_eq!(outbox.seen("a").unwrap(), Some(7));
        assert_eq!(outbox.standing("a").unwrap().waiting, 3);
        let (mut first, _) = outbox.due("a", Time(0)).unwrap().unwrap();
        assert_eq!(first, posts(1..2)[0]);
        // It is put off alone: the second is next; then everything rests.
        outbox.put_off("a", &first, Time(50), "400").unwrap();
        let (second, _) = outbox.due("a", Time(10)).unwrap().unwrap();
        assert_eq!(second.seq, 2);
        outbox.rest("a", Time(60), "nobody").unwrap();
        assert_eq!(outbox.due("a", Time(59)).unwrap(), None);
        assert_eq!(outbox.next("a").unwrap(), Some(Time(60)));
        let failures;
        (first, failures) = outbox.due("a", Time(60)).unwrap().unwrap();
        assert_eq!((first.seq, first.attempts, failures), (1, 1, 1));
        outbox.delivered("a", &first).unwrap();
        outbox.give_up("a", &second, "too often").unwrap();
        let standing = outbox.standing("a").unwrap();
        assert_eq!((standing.delivered, standing.waiting, standing.failures), (1, 1, 0));
        assert_eq!(standing.given_up, [(second, "too often".to_string())]);
        outbox.keep_only(&["b".into()]).unwrap();
        assert_eq!(outbox.standing("a").unwrap(), Standing::default());
    }

    #[test]
    fn what_waits_and_what_was_given_up_have_bounds() {
        let (_home, mut outbox) = open();
        let most = u64::try_from(WAITING).unwrap();
        outbox.put("a", &posts(0..most + 300), 9).unwrap();
        let standing = outbox.standing("a").unwrap();
        assert_eq!((standing.waiting, standing.given_up.len()), (most, 100));
        assert_eq!(standing.given_up[0].0.seq, most + 299);
        assert_eq!(outbox.give_up_older("a", Time(10), "a day is over").unwrap(), 10);
        assert_eq!(outbox.standing("a").unwrap().waiting, most - 10);
    }

    #[test]
    fn a_damaged_file_is_begun_anew() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("hooks.db");
        std::fs::write(&path, "this is no database, and long enough to be taken for none").unwrap();
        let mut outbox = Outbox::open(&path).unwrap();
        outbox.put("a", &posts(0..1), 1).unwrap();
        assert_eq!(outbox.seen("a").unwrap(), Some(1));
    }
}
