//! `audit log` and `audit verify`: read from the journal itself, with or without a daemon.

use super::Done;
use crate::arguments::{AuditCommand, Global};
use crate::failure::{Failure, Kind};
use crate::{output, paths, render};
use onboard_journal::{Journal, SqliteJournal, Verified, verify};
use onboard_web::api::Items;
use onboard_web::audit::{self, AuditPage};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

#[derive(Serialize)]
struct Proof {
    is_whole: bool,
    journal: String,
    entries: u64,
    first: u64,
    last: u64,
    last_hash: String,
    /// What was dropped, after it was folded into snapshots that stand for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<Dropped>,
    /// The first break, when it is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

/// The entries that are no longer kept.
#[derive(Serialize)]
struct Dropped {
    /// The last of them.
    up_to: u64,
    /// Its hash, which the first entry that is kept continues from.
    hash: String,
    /// The entries that snapshots were taken after, newest first; each is whole and stands on the
    /// chain.
    snapshots: Vec<u64>,
}

pub fn run(global: &Global, command: &AuditCommand) -> Done {
    let journal = paths::find()?.journal();
    match command {
        AuditCommand::Log { limit, before } => log(global, &journal, *before, *limit),
        AuditCommand::Verify => prove(global, &journal),
    }
}

fn log(global: &Global, journal: &Path, before: Option<u64>, limit: usize) -> Done {
    let AuditPage { rows, next } = audit::page(journal, before, None, limit)
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
    if global.is_json() {
        let next_cursor = next.map(|before| before.to_string());
        output::json(&Items { items: rows, next_cursor })?;
        return Ok(ExitCode::SUCCESS);
    }
    output::data(&render::daemon::audit(&rows, &output::look(global)))?;
    match (next, dropped(journal)) {
        (Some(next), _) => {
            output::note(&format!("older ones: ai_onboard audit log --before {next}"));
        }
        (None, Some(up_to)) => {
            output::note(&format!("entries 1 to {up_to} of the journal are no longer kept"));
        }
        (None, None) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The last entry that is no longer kept.
fn dropped(journal: &Path) -> Option<u64> {
    let anchor =
        SqliteJournal::open_read_only(journal).and_then(|journal| journal.anchor()).ok()?;
    (anchor.seq > 0).then_some(anchor.seq)
}

fn prove(global: &Global, path: &Path) -> Done {
    let shown = path.display().to_string();
    let proof = match walk(path) {
        Ok((verified, dropped)) => Proof {
            is_whole: true,
            journal: shown,
            entries: verified.entries,
            first: verified.anchor.seq + 1,
            last: verified.head.seq,
            last_hash: verified.head.hash.to_string(),
            dropped,
            broken: None,
        },
        Err(broken) => Proof {
            is_whole: false,
            journal: shown,
            entries: 0,
            first: 0,
            last: 0,
            last_hash: String::new(),
            dropped: None,
            broken: Some(broken),
        },
    };
    if global.is_json() {
        output::json(&proof)?;
    } else if proof.is_whole {
        output::data(&format!(
            "whole: {} entries, {} to {}, the last with hash {}\n",
            proof.entries, proof.first, proof.last, proof.last_hash
        ))?;
        if let Some(dropped) = &proof.dropped {
            output::data(&dropped.told())?;
        }
    }
    match proof.broken {
        None => Ok(ExitCode::SUCCESS),
        Some(broken) => Err(Failure::new(Kind::Failed, broken)),
    }
}

/// Walks the chain; where its beginning was dropped, a whole snapshot has to stand for that.
fn walk(path: &Path) -> Result<(Verified, Option<Dropped>), String> {
    let journal = SqliteJournal::open_read_only(path).map_err(|error| error.to_string())?;
    let verified = verify(&journal, |_, _| {}).map_err(|error| error.to_string())?;
    if verified.anchor.seq == 0 {
        return Ok((verified, None));
    }
    journal.latest_snapshot().map_err(|error| error.to_string())?;
    let snapshots = journal.snapshots().map_err(|error| error.to_string())?;
    let dropped = Dropped {
        up_to: verified.anchor.seq,
        hash: verified.anchor.hash.to_string(),
        snapshots: snapshots.iter().map(|at| at.seq).collect(),
    };
    Ok((verified, Some(dropped)))
}

impl Dropped {
    fn told(&self) -> String {
        let snapshots: Vec<String> = self.snapshots.iter().map(u64::to_string).collect();
        format!(
            "entries 1 to {} are no longer kept: the chain begins at hash {}, and the whole \
             snapshots after entries {} stand for them\n",
            self.up_to,
            self.hash,
            snapshots.join(" and ")
        )
    }
}
