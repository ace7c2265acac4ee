//! Files of the tip, an eighth of them at a time, so that memory holds an eighth.

use std::collections::HashMap;

use gix::ObjectId;
use onboard_analysis::code::{Exclusion, MOST_BYTES, Measured, measure};
use onboard_analysis::facts::{
    FILE_PARTS, FileRow, FilesPart, Index, VERSION, files_name, files_part,
};

use super::parts;
use crate::git::{Repository, TreeFile};
use crate::host::{AgentError, Host};
use crate::pace::Pace;

/// Measures what changed since the parts were stored.
pub fn bring_up(
    host: &mut dyn Host,
    repository: &Repository,
    tip: ObjectId,
    index: &mut Index,
    stride: usize,
) -> Result<(), AgentError> {
    let listing = match repository.files(tip) {
        Ok(listing) => listing,
        Err(damage) => {
            index.limits.push(format!("files can't be listed: {}", damage.why));
            return Ok(());
        }
    };
    if !listing.unreadable.is_empty() {
        index.limits.push(format!("{} folders can't be listed", listing.unreadable.len()));
    }
    index.limits.extend(listing.limits());
    let total = listing.files.len();
    let pace = Pace::new();
    let mut measuring = Measuring { host, repository, total, done: 0, pace, stride, unreadable: 0 };
    let mut is_trimmed = false;
    (index.files, index.measured) = (0, 0);
    for part in 0..FILE_PARTS {
        let is_here = |file: &&TreeFile| !file.link && files_part(file.key) == part;
        let files: Vec<&TreeFile> = listing.files.iter().filter(is_here).collect();
        let part = measuring.part(part, &files)?;
        is_trimmed |= part.trimmed;
        index.files += part.files.len();
        index.measured += part.files.iter().filter(|row| row.measured.file().is_some()).count();
    }
    if is_trimmed {
        index.limits.push("the simplest functions are left out: there are too many to keep".into());
    }
    if measuring.unreadable > 0 {
        index.limits.push(format!("{} files could not be read", measuring.unreadable));
    }
    Ok(())
}

struct Measuring<'a> {
    host: &'a mut dyn Host,
    repository: &'a Repository,
    total: usize,
    done: usize,
    pace: Pace,
    stride: usize,
    /// A partial clone does not have them, or they are damaged.
    unreadable: usize,
}

impl Measuring<'_> {
    fn part(&mut self, number: u64, files: &[&TreeFile]) -> Result<FilesPart, AgentError> {
        let name = files_name(number);
        let stored: FilesPart = parts::load(self.host, &name)?.unwrap_or_default();
        let stored = if stored.version == VERSION { stored } else { FilesPart::default() };
        let before = stored.files.len();
        let mut known: HashMap<(String, String), Measured> = HashMap::with_capacity(before);
        for row in stored.files {
            known.insert((row.path, row.blob), row.measured);
        }
        let files_here = Vec::with_capacity(files.len());
        let mut part = FilesPart { version: VERSION, trimmed: stored.trimmed, files: files_here };
        let mut fresh = 0;
        for file in files {
            if self.pace.is_due() {
                let (done, total) = (self.done as u64, Some(self.total as u64));
                self.host.progress(done, total, "measuring files")?;
            }
            self.done += 1;
            let key = (file.path.clone(), file.blob.to_string());
            let measured = match known.remove(&key) {
                Some(measured) => measured,
                None => {
                    let Some(measured) = self.measure(file) else { continue };
                    fresh += 1;
                    measured
                }
            };
            part.files.push(FileRow { path: key.0, blob: key.1, measured });
            if fresh > 0 && fresh % self.stride == 0 {
                // With what is not met yet, or a killed run would lose it.
                let rest = known.iter().map(|((path, blob), measured)| FileRow {
                    path: path.clone(),
                    blob: blob.clone(),
                    measured: measured.clone(),
                });
                let files = part.files.iter().cloned().chain(rest).collect();
                parts::save_files(self.host, &name, &mut FilesPart { files, ..part })?;
            }
        }
        if fresh > 0 || part.files.len() != before {
            parts::save_files(self.host, &name, &mut part)?;
        }
        Ok(part)
    }

    /// `None` where it can't be read: the next run tries again.
    fn measure(&mut self, file: &TreeFile) -> Option<Measured> {
        let content = match self.repository.content(file.blob, MOST_BYTES as u64) {
            Ok(Some(content)) => content,
            Ok(None) => return Some(Measured::Skipped(Exclusion::Huge)),
            Err(_) => {
                self.unreadable += 1;
                return None;
            }
        };
        let mut measured = measure(&file.path, &content);
        if let Measured::File(metrics) = &mut measured {
            for note in &mut metrics.notes {
                note.text = parts::clean(&note.text);
            }
        }
        Some(measured)
    }
}
