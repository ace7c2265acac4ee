//! What a run leaves to the next, as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::{AgentError, Host, Level};

/// Reads what was saved under a name; what can't be used is as good as none, and said so.
///
/// # Errors
/// When the host is gone.
pub fn load<T: DeserializeOwned>(host: &mut dyn Host, name: &str) -> Result<Option<T>, AgentError> {
    let Some(text) = host.load_checkpoint(name)? else { return Ok(None) };
    match serde_json::from_str(&text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let why = format!("checkpoint {name} is unusable ({error}); starting anew");
            host.log(Level::Warning, &why);
            Ok(None)
        }
    }
}

/// Saves it under a name.
///
/// # Errors
/// When the host is gone or refuses it, or it can't be written as JSON.
pub fn save(host: &mut dyn Host, name: &str, value: &impl Serialize) -> Result<(), AgentError> {
    Ok(host.save_checkpoint(name, &encode(value)?)?)
}

/// As [`save`] writes it.
///
/// # Errors
/// When it can't be written as JSON.
pub fn encode(value: &impl Serialize) -> Result<String, AgentError> {
    serde_json::to_string(value).map_err(|error| AgentError::Encoding(error.to_string()))
}
