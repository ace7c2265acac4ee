//! Parts of the index as checkpoints.

use onboard_analysis::code::Measured;
use onboard_analysis::facts::FilesPart;
use onboard_validation::secrets;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::{AgentError, Host, LARGEST_CHECKPOINT, Level};

/// Reads a part; one that can't be used is as good as none, and said so.
pub fn load<T: DeserializeOwned>(host: &mut dyn Host, name: &str) -> Result<Option<T>, AgentError> {
    let Some(text) = host.load_checkpoint(name)? else { return Ok(None) };
    match serde_json::from_str(&text) {
        Ok(part) => Ok(Some(part)),
        Err(error) => {
            host.log(Level::Warning, &format!("checkpoint {name} is unusable ({error})"));
            Ok(None)
        }
    }
}

pub fn save(host: &mut dyn Host, name: &str, part: &impl Serialize) -> Result<(), AgentError> {
    Ok(host.save_checkpoint(name, &encode(part)?)?)
}

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

fn encode(part: &impl Serialize) -> Result<String, AgentError> {
    serde_json::to_string(part).map_err(|error| AgentError::Encoding(error.to_string()))
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
