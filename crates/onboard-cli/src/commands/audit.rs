//! `audit log` and `audit verify`: read from the journal itself, with or without a daemon.

use super::Done;
use crate::arguments::{AuditCommand, Global};
use crate::failure::{Failure, Kind};
use crate::{output, paths, render};
use onboard_journal::{SqliteJournal, verify};
use onboard_web::api::Items;
use onboard_web::past;
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
    /// The first break, when it is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

pub fn run(global: &Global, command: &AuditCommand) -> Done {
    let journal = paths::find()?.journal();
    match command {
        AuditCommand::Log { limit } => log(global, &journal, *limit),
        AuditCommand::Verify => prove(global, &journal),
    }
}

fn log(global: &Global, journal: &Path, limit: usize) -> Done {
    let mut rows = past::audit(journal, None, None, limit)
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
    rows.truncate(limit);
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else {
        output::data(&render::daemon::audit(&rows, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn prove(global: &Global, path: &Path) -> Done {
    let shown = path.display().to_string();
    let walked = SqliteJournal::open_read_only(path)
        .map_err(|error| error.to_string())
        .and_then(|journal| verify(&journal, |_, _| {}).map_err(|error| error.to_string()));
    let proof = match walked {
        Ok(verified) => Proof {
            is_whole: true,
            journal: shown,
            entries: verified.entries,
            first: verified.anchor.seq + 1,
            last: verified.head.seq,
            last_hash: verified.head.hash.to_string(),
            broken: None,
        },
        Err(broken) => Proof {
            is_whole: false,
            journal: shown,
            entries: 0,
            first: 0,
            last: 0,
            last_hash: String::new(),
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
    }
    match proof.broken {
        None => Ok(ExitCode::SUCCESS),
        Some(broken) => Err(Failure::new(Kind::Failed, broken)),
    }
}
