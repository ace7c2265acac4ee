//! Who asked for what, read backwards from the journal. What one page costs doesn't depend on how long
//! the journal is, or how few of its entries anybody asked for.

use crate::api::AuditRow;
use crate::past::Unreadable;
use crate::view::event::audit_row;
use onboard_domain::{Batch, Time};
use onboard_journal::{Entry, Journal, JournalError, SqliteJournal};
use std::path::Path;

/// What is read for one page.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Entries read at once, and their bytes: what is in memory.
    window: u64,
    window_bytes: usize,
    /// Entries looked back over, most of which hold one, and bytes read for it: a second or two.
    entries: u64,
    bytes: usize,
}

const BOUNDS: Bounds =
    Bounds { window: 512, window_bytes: 4 << 20, entries: 100_000, bytes: 64 << 20 };

/// Some of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    /// Newest first. The rows of one entry are never parted, so there may be some more than were asked
    /// for; there may be fewer, or none, where much lies between them.
    pub rows: Vec<AuditRow>,
    /// What to read on before; nothing where the journal begins, or nothing older is wanted.
    pub next: Option<u64>,
}

/// Audit entries before entry `before` of the journal at `path`, and none before `since`; works beside
/// a daemon and without one.
///
/// # Errors
/// When the journal can't be read.
pub fn page(
    path: &Path,
    before: Option<u64>,
    since: Option<Time>,
    limit: usize,
) -> Result<AuditPage, Unreadable> {
    let journal = SqliteJournal::open_read_only(path).map_err(unreadable)?;
    page_of(&journal, &BOUNDS, before, since, limit)
}

fn unreadable(error: JournalError) -> Unreadable {
    Unreadable(error.to_string())
}

fn page_of(
    journal: &impl Journal,
    bounds: &Bounds,
    before: Option<u64>,
    since: Option<Time>,
    limit: usize,
) -> Result<AuditPage, Unreadable> {
    let anchor = journal.anchor().map_err(unreadable)?.seq;
    let head = journal.head().map_err(unreadable)?.seq;
    let newest = before.map_or(head, |before| head.min(before.saturating_sub(1)));
    let (mut end, mut window, mut read) = (newest, bounds.window, 0_usize);
    let mut rows = Vec::new();
    let ended = |rows| Ok(AuditPage { rows, next: None });
    while end > anchor {
        if newest - end >= bounds.entries || read >= bounds.bytes {
            return Ok(AuditPage { rows, next: Some(end + 1) });
        }
        let start = end.saturating_sub(window).max(anchor);
        let wanted = usize::try_from(end - start).unwrap_or(usize::MAX);
        let entries = match journal.read(start, wanted, bounds.window_bytes) {
            // Dropped since the anchor was asked for.
            Err(JournalError::Compacted { .. }) => return ended(rows),
            entries => entries.map_err(unreadable)?,
        };
        read += entries.iter().map(|entry| entry.body.len()).sum::<usize>();
        match entries.last() {
            None => return ended(rows),
            // Larger ones than one read takes: a window of one always fits.
            Some(last) if last.seq < end && window > 1 => {
                window = (window / 4).max(1);
                continue;
            }
            Some(_) => {}
        }
        for entry in entries.iter().rev() {
            let Some(found) = rows_of(entry, since)? else { return ended(rows) };
            rows.extend(found);
            if rows.len() >= limit {
                let next = (entry.seq > anchor + 1).then_some(entry.seq);
                return Ok(AuditPage { rows, next });
            }
        }
        end = start;
        window = (window * 2).min(bounds.window);
    }
    ended(rows)
}

/// The rows of an entry, the last first; nothing where it is too old.
fn rows_of(entry: &Entry, since: Option<Time>) -> Result<Option<Vec<AuditRow>>, Unreadable> {
    let batch = Batch::decode(&entry.body)
        .map_err(|error| Unreadable(format!("journal entry {}: {error}", entry.seq)))?;
    if since.is_some_and(|since| batch.time < since) {
        return Ok(None);
    }
    let causes = batch.causes.into_iter().rev();
    Ok(Some(causes.map(|cause| audit_row(entry.seq, batch.time, cause)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use onboard_domain::{Actor, Cause, Via};
    use onboard_journal::MemoryJournal;

    /// A journal of so many entries: every fifth was asked for by somebody, the tenth by two.
    fn journal(entries: u64, padding: usize) -> MemoryJournal {
        let mut journal = MemoryJournal::new();
        for seq in 1..=entries {
            let cause = |n: u64| Cause {
                actor: Actor::Daemon,
                via: Via::Daemon,
                what: format!("c{seq}.{n}"),
                why: "x".repeat(padding),
            };
            let causes = match seq {
                10 => vec![cause(1), cause(2)],
                seq if seq % 5 == 0 => vec![cause(1)],
                _ => Vec::new(),
            };
            let time = Time(i64::try_from(seq).unwrap() * 1_000);
            let body = Batch { format: 1, time, causes, events: Vec::new() }.encode();
            journal.append(seq - 1, time.0, &body).unwrap();
        }
        journal
    }

    fn check(
        journal: &MemoryJournal,
        bounds: &Bounds,
        since: Option<Time>,
        limit: usize,
        expect: Expect,
    ) {
        let (mut before, mut told) = (None, String::new());
        // Fewer pages than entries: each goes on from the last.
        for _ in 0..journal.head().unwrap().seq {
            let page = page_of(journal, bounds, before, since, limit).unwrap();
            let rows: Vec<&str> = page.rows.iter().map(|row| row.what.as_str()).collect();
            told += &format!("{} | {:?}\n", rows.join(" "), page.next);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        expect.assert_eq(&told);
    }

    #[test]
    fn pages_follow_one_another_to_the_beginning() {
        let journal = journal(23, 0);
        check(
            &journal,
            &BOUNDS,
            None,
            100,
            expect![[r#"
            c20.1 c15.1 c10.2 c10.1 c5.1 | None
        "#]],
        );
        check(
            &journal,
            &BOUNDS,
            None,
            2,
            expect![[r#"
            c20.1 c15.1 | Some(15)
            c10.2 c10.1 | Some(10)
            c5.1 | None
        "#]],
        );
        check(
            &journal,
            &BOUNDS,
            Some(Time(9_000)),
            100,
            expect![[r#"
            c20.1 c15.1 c10.2 c10.1 | None
        "#]],
        );
        check(&MemoryJournal::new(), &BOUNDS, None, 1, expect![[r#""#]]);
    }

    #[test]
    fn a_page_reads_so_much_and_says_where_it_stopped() {
        let bounds = Bounds { window: 4, window_bytes: 1_500, entries: 7, bytes: 1 << 20 };
        check(
            &journal(23, 0),
            &bounds,
            None,
            100,
            expect![[r#"
            c20.1 | Some(16)
            c15.1 c10.2 c10.1 | Some(8)
            c5.1 | None
        "#]],
        );
        // Entries of which few fit a window, and a bound of bytes.
        let bounds = Bounds { entries: 1_000, bytes: 8_000, ..bounds };
        check(
            &journal(23, 3_000),
            &bounds,
            None,
            100,
            expect![[r#"
            c20.1 | Some(17)
            c15.1 | Some(12)
            c10.2 c10.1 | Some(7)
            c5.1 | None
        "#]],
        );
    }
}
