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

/// Files between two words about progress.
const PROGRESS_EVERY: usize = 50;

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
    if listing.cut {
        index.limits.push(format!("only the first {} files are kept", listing.files.len()));
    }
    let mut measuring =
        Measuring { host, repository, total: listing.files.len(), done: 0, stride, trimmed: false };
    (index.files, index.measured) = (0, 0);
    for part in 0..FILE_PARTS {
        let is_here = |file: &&TreeFile| !file.link && files_part(file.key) == part;
        let files: Vec<&TreeFile> = listing.files.iter().filter(is_here).collect();
        let rows = measuring.part(part, &files)?;
        index.files += rows.files.len();
        index.measured += rows.files.iter().filter(|row| row.measured.file().is_some()).count();
    }
    if measuring.trimmed {
        index.limits.push("the simplest functions are left out: there are too many to keep".into());
    }
    Ok(())
}

struct Measuring<'a> {
    host: &'a mut dyn Host,
    repository: &'a Repository,
    total: usize,
    done: usize,
    stride: usize,
    trimmed: bool,
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
        let mut part = FilesPart { version: VERSION, files: Vec::with_capacity(files.len()) };
        let mut fresh = 0;
        for file in files {
            if self.done.is_multiple_of(PROGRESS_EVERY) {
                let (done, total) = (self.done as u64, Some(self.total as u64));
                self.host.progress(done, total, "measuring files")?;
            }
            self.done += 1;
            let (path, blob) = (file.path.clone(), file.blob.to_string());
            let key = (path, blob);
            let measured = known.remove(&key).unwrap_or_else(|| {
                fresh += 1;
                self.measure(file)
            });
            part.files.push(FileRow { path: key.0, blob: key.1, measured });
            if fresh > 0 && fresh % self.stride == 0 {
                // What is not met yet is kept beside, or the next run would measure it anew.
                self.save(&name, &part)?;
            }
        }
        if fresh > 0 || part.files.len() != before {
            self.save(&name, &part)?;
        }
        Ok(part)
    }

    fn save(&mut self, name: &str, part: &FilesPart) -> Result<(), AgentError> {
        self.trimmed |= parts::save_files(self.host, name, part)?;
        Ok(())
    }

    fn measure(&self, file: &TreeFile) -> Measured {
        let content = match self.repository.content(file.blob, MOST_BYTES as u64) {
            Ok(Some(content)) => content,
            Ok(None) => return Measured::Skipped(Exclusion::Huge),
            // A partial clone does not have it, or it is damaged.
            Err(_) => return Measured::Unknown,
        };
        let mut measured = measure(&file.path, &content);
        if let Measured::File(metrics) = &mut measured {
            for note in &mut metrics.notes {
                note.text = parts::clean(&note.text);
            }
        }
        measured
    }
}
