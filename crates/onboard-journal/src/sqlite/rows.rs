//! Entries as rows: the statements, and reading a row with suspicion.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::chain::{Break, Why};
use crate::entry::{Draft, Entry, Head};
use crate::error::JournalError;
use crate::hash::Hash;

/// The tables of format 1. `anchor` has exactly one row.
pub(super) const SCHEMA: &str = "
    CREATE TABLE entry (
        seq INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        prev BLOB NOT NULL,
        hash BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE snapshot (
        seq INTEGER PRIMARY KEY,
        hash BLOB NOT NULL,
        digest BLOB NOT NULL,
        seal BLOB NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE anchor (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    INSERT INTO anchor VALUES (1, 0, zeroblob(32));
";

/// Writes `drafts` after `last`; answers the place of the last one.
pub(super) fn insert(
    connection: &Connection,
    mut last: Head,
    drafts: &[Draft<'_>],
) -> rusqlite::Result<Head> {
    let mut insert = connection.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for Draft { time_ms, body } in drafts {
        let seq = last.seq + 1;
        let hash = Hash::of_entry(&last.hash, seq, *time_ms, body);
        insert.execute(params![
            seq as i64,
            time_ms,
            last.hash.as_bytes(),
            hash.as_bytes(),
            body
        ])?;
        last = Head { seq, hash };
    }
    Ok(last)
}

/// The place up to which entries were dropped.
pub(super) fn anchor(connection: &Connection, path: &Path) -> Result<Head, JournalError> {
    place(connection, path, "SELECT seq, hash FROM anchor")?
        .ok_or_else(|| undecodable(path, 0, "no anchor".to_owned(), "one row"))
}

/// The place of the last entry, or the anchor when there is none.
pub(super) fn head(connection: &Connection, path: &Path) -> Result<Head, JournalError> {
    match place(connection, path, "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1")? {
        Some(head) => Ok(head),
        None => anchor(connection, path),
    }
}

/// The sequence of the first row.
pub(super) fn first(connection: &Connection, path: &Path) -> Result<Option<i64>, JournalError> {
    connection
        .query_row("SELECT min(seq) FROM entry", [], |row| row.get(0))
        .map_err(|error| JournalError::from_sqlite(path, &error))
}

/// The hash the chain has at `seq`, as far as it is known.
pub(super) fn hash_at(
    connection: &Connection,
    path: &Path,
    anchor: &Head,
    seq: u64,
) -> Result<Option<Hash>, JournalError> {
    if seq == anchor.seq {
        return Ok(Some(anchor.hash));
    }
    let hash = connection
        .prepare_cached("SELECT hash FROM entry WHERE seq = ?1 AND seq > ?2")
        .and_then(|mut select| {
            select
                .query_row(params![bound(seq), bound(anchor.seq)], |row| Ok(hash(row, 0)))
                .optional()
        })
        .map_err(|error| JournalError::from_sqlite(path, &error).concerning(seq))?;
    hash.transpose().map_err(|found| undecodable(path, seq, found, "a hash of 32 bytes"))
}

/// The entries after `after` within the limits. Their chain is not yet checked.
pub(super) fn page(
    connection: &Connection,
    path: &Path,
    after: u64,
    limit: usize,
    max_bytes: usize,
) -> Result<Vec<Entry>, JournalError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut seq = after;
    let failed =
        |seq: u64, error| JournalError::from_sqlite(path, &error).concerning(seq.saturating_add(1));
    let mut select = connection
        .prepare_cached(
            "SELECT seq, time_ms, prev, hash, body FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )
        .map_err(|error| failed(seq, error))?;
    let mut rows = select
        .query(params![bound(after), i64::try_from(limit).unwrap_or(i64::MAX)])
        .map_err(|error| failed(seq, error))?;
    let mut bytes = 0usize;
    while let Some(row) = rows.next().map_err(|error| failed(seq, error))? {
        let entry = decode(row).map_err(|found| {
            undecodable(
                path,
                seq + 1,
                found,
                "a sequence, a time, two hashes of 32 bytes and a body",
            )
        })?;
        bytes = bytes.saturating_add(entry.body.len());
        if bytes > max_bytes && !entries.is_empty() {
            break;
        }
        seq = entry.seq;
        entries.push(entry);
    }
    Ok(entries)
}

/// The sequence after which the last entries lie, at most `limit` and `max_bytes` of them, counted
/// without reading their bodies.
pub(super) fn before_tail(
    connection: &Connection,
    path: &Path,
    limit: u32,
    max_bytes: i64,
) -> Result<Option<u64>, JournalError> {
    let sql = "SELECT min(seq) FROM (
            SELECT seq, sum(length(body)) OVER (ORDER BY seq DESC) AS bytes
            FROM (SELECT seq, body FROM entry ORDER BY seq DESC LIMIT ?1)
        ) WHERE bytes <= ?2";
    let first: Option<i64> = connection
        .query_row(sql, params![limit, max_bytes], |row| row.get(0))
        .map_err(|error| JournalError::from_sqlite(path, &error))?;
    Ok(first.and_then(|first| u64::try_from(first).ok()).map(|first| first.saturating_sub(1)))
}

/// Drops everything up to `anchor` and remembers it as what the rest continues from.
pub(super) fn set_anchor(connection: &Connection, anchor: Head) -> rusqlite::Result<()> {
    let seq = bound(anchor.seq);
    connection.execute("DELETE FROM entry WHERE seq <= ?1", [seq])?;
    connection.execute("DELETE FROM snapshot WHERE seq < ?1", [seq])?;
    connection
        .execute("UPDATE anchor SET seq = ?1, hash = ?2", params![seq, anchor.hash.as_bytes()])?;
    Ok(())
}

/// A sequence as SQLite counts, which is signed. Beyond that there are no entries.
pub(super) fn bound(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Reads a hash out of a column, or says what is there instead.
pub(super) fn hash(row: &Row<'_>, column: usize) -> Result<Hash, String> {
    let bytes = blob(row, column)?;
    let bytes = bytes.try_into().map_err(|_| format!("{} bytes for a hash", bytes.len()))?;
    Ok(Hash::from_bytes(bytes))
}

/// Reads bytes out of a column, or says what is there instead.
pub(super) fn blob<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row [u8], String> {
    match row.get_ref(column) {
        Ok(ValueRef::Blob(bytes)) => Ok(bytes),
        Ok(other) => Err(format!("{} in column {column}", other.data_type())),
        Err(error) => Err(error.to_string()),
    }
}

fn integer(row: &Row<'_>, column: usize) -> Result<i64, String> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(value)) => Ok(value),
        Ok(other) => Err(format!("{} in column {column}", other.data_type())),
        Err(error) => Err(error.to_string()),
    }
}

fn sequence(row: &Row<'_>, column: usize) -> Result<u64, String> {
    let value = integer(row, column)?;
    u64::try_from(value).map_err(|_| format!("sequence {value}"))
}

fn decode(row: &Row<'_>) -> Result<Entry, String> {
    Ok(Entry {
        seq: sequence(row, 0)?,
        time_ms: integer(row, 1)?,
        prev: hash(row, 2)?,
        hash: hash(row, 3)?,
        body: blob(row, 4)?.to_vec(),
    })
}

fn place(connection: &Connection, path: &Path, sql: &str) -> Result<Option<Head>, JournalError> {
    let head = connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            select
                .query_row([], |row| {
                    Ok(sequence(row, 0)
                        .and_then(|seq| Ok(Head { seq, hash: hash(row, 1)? }))
                        .map_err(|found| (row.get::<_, i64>(0).unwrap_or(0), found)))
                })
                .optional()
        })
        .map_err(|error| JournalError::from_sqlite(path, &error))?;
    head.transpose().map_err(|(seq, found)| {
        undecodable(path, u64::try_from(seq).unwrap_or(0), found, "a sequence and a hash")
    })
}

fn undecodable(path: &Path, seq: u64, found: String, expected: &str) -> JournalError {
    let expected = expected.to_owned();
    JournalError::broken(path, Break { seq, why: Why::Undecodable, found, expected })
}
