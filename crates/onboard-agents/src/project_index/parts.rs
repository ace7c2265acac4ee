//! Parts of the index as checkpoints.

use onboard_analysis::code::Measured;
use onboard_analysis::facts::FilesPart;
use onboard_validation::secrets;

use crate::checkpoint::encode;
pub use crate::checkpoint::{load, save};
use crate::host::{AgentError, Host, LARGEST_CHECKPOINT};

/// Stores a part of the files, without as many of its simplest functions as are too many to fit.
pub fn save_files(host: &mut dyn Host, name: &str, part: &mut FilesPart) -> Result<(), AgentError> {
    for least in [0, 1, 5, 15, u32::MAX] {
        trim(part, least);
        let text = encode(part)?;
        if text.len() <= LARGEST_CHECKPOINT {
            return Ok(host.save_checkpoint(name, &text)?);
        }
    }
    // Paths alone do not fit: a hundred thousand files in an eighth of the project.
    let mut text = encode(part)?;
    while text.len() > LARGEST_CHECKPOINT {
        part.files.truncate(part.files.len() / 2);
        text = encode(part)?;
    }
    Ok(host.save_checkpoint(name, &text)?)
}

/// Leaves out functions that are simpler than this, and notes.
fn trim(part: &mut FilesPart, least_cognitive: u32) {
    if least_cognitive == 0 {
        return;
    }
    part.trimmed = true;
    for row in &mut part.files {
        if let Measured::File(file) = &mut row.measured {
            file.functions.retain(|function| function.cognitive >= least_cognitive);
            file.notes.clear();
        }
    }
}

/// A text that people wrote, without secrets: others read it.
pub fn clean(text: &str) -> String {
    secrets::redact(text).map_or_else(|| text.to_owned(), |(clean, _)| clean)
}
