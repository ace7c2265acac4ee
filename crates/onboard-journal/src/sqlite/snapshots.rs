//! Snapshots as rows: keeping the last few, and trusting only what is whole.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::chain::{lost_snapshot, seal};
use crate::entry::{Head, Snapshot};
use crate::error::{Fault, JournalError};
use crate::journal::SNAPSHOTS_KEPT;
use crate::sqlite::rows;

/// Stores `snapshot` and drops all but the newest [`SNAPSHOTS_KEPT`].
pub(super) fn put(connection: &mut Connection, snapshot: &Snapshot) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT OR REPLACE INTO snapshot VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            rows::bound(snapshot.at.seq),
            snapshot.at.hash.as_bytes(),
            snapshot.digest.as_bytes(),
            seal(snapshot).as_bytes(),
            snapshot.bytes
        ],
    )?;
    transaction.execute(
        "DELETE FROM snapshot WHERE seq NOT IN
            (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?1)",
        [SNAPSHOTS_KEPT as i64],
    )?;
    transaction.commit()
}

/// The newest snapshot that is whole and stands on the chain.
pub(super) fn latest(
    connection: &Connection,
    path: &Path,
    anchor: &Head,
) -> Result<Option<Snapshot>, JournalError> {
    for seq in places(connection, path)? {
        if let Some(snapshot) = whole(connection, path, anchor, seq)? {
            return Ok(Some(snapshot));
        }
    }
    match anchor.seq {
        0 => Ok(None),
        _ => Err(JournalError::broken(path, lost_snapshot(anchor))),
    }
}

/// Whether a whole snapshot stands for the entries up to `up_to`.
pub(super) fn covers(
    connection: &Connection,
    path: &Path,
    anchor: &Head,
    up_to: u64,
) -> Result<bool, JournalError> {
    for seq in places(connection, path)? {
        if seq >= rows::bound(up_to) && whole(connection, path, anchor, seq)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The places of the whole snapshots, newest first.
pub(super) fn whole_places(
    connection: &Connection,
    path: &Path,
    anchor: &Head,
) -> Result<Vec<Head>, JournalError> {
    let mut found = Vec::new();
    for seq in places(connection, path)? {
        found.extend(whole(connection, path, anchor, seq)?.map(|snapshot| snapshot.at));
    }
    Ok(found)
}

/// Where there are snapshots, newest first.
fn places(connection: &Connection, path: &Path) -> Result<Vec<i64>, JournalError> {
    connection
        .prepare_cached("SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?1")
        .and_then(|mut select| {
            select.query_map([SNAPSHOTS_KEPT as i64], |row| row.get(0))?.collect()
        })
        .map_err(|error| JournalError::from_sqlite(path, &error))
}

/// The snapshot at `seq`; none when it is damaged or the chain has another entry there.
fn whole(
    connection: &Connection,
    path: &Path,
    anchor: &Head,
    seq: i64,
) -> Result<Option<Snapshot>, JournalError> {
    let Ok(place) = u64::try_from(seq) else { return Ok(None) };
    let snapshot = match load(connection, place) {
        Ok(snapshot) => snapshot,
        Err(error) => match JournalError::from_sqlite(path, &error).concerning(place) {
            JournalError::Storage { fault: Fault::Corrupt, .. } => None,
            error => return Err(error),
        },
    };
    let Some(snapshot) = snapshot else { return Ok(None) };
    let there = rows::hash_at(connection, path, anchor, place)?;
    Ok((there == Some(snapshot.at.hash)).then_some(snapshot))
}

fn load(connection: &Connection, seq: u64) -> rusqlite::Result<Option<Snapshot>> {
    let sql = "SELECT hash, digest, seal, bytes FROM snapshot WHERE seq = ?1";
    let snapshot = connection
        .prepare_cached(sql)?
        .query_row([rows::bound(seq)], |row| {
            let columns = || -> Result<_, String> {
                let at = Head { seq, hash: rows::hash(row, 0)? };
                let bytes = rows::blob(row, 3)?.to_vec();
                Ok((Snapshot { at, digest: rows::hash(row, 1)?, bytes }, rows::hash(row, 2)?))
            };
            Ok(columns().ok())
        })
        .optional()?
        .flatten();
    Ok(snapshot
        .filter(|(snapshot, stored)| seal(snapshot) == *stored)
        .map(|(snapshot, _)| snapshot))
}
