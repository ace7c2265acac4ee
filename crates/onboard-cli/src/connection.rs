//! The way to the daemon.

use crate::failure::{Failure, Kind};
use crate::{output, paths, spawn};
use onboard_daemon::Paths;
use onboard_web::api::DaemonView;
use onboard_web::client::{Client, ClientError};

/// A client of this user's daemon; nothing is sent yet.
///
/// # Errors
/// When the folders can't be found.
pub fn client() -> Result<(Client, Paths), Failure> {
    let paths = paths::find()?;
    let client = Client::new(&paths.socket())
        .map_err(|error| Failure::new(Kind::Failed, format!("no connection: {error}")))?;
    Ok((client, paths))
}

/// A client of a daemon that runs; it is started when there is none.
///
/// # Errors
/// When it can't be started, or is there and does not answer.
pub fn client_of_running() -> Result<(Client, Paths), Failure> {
    let (client, paths) = client()?;
    match client.get::<DaemonView>("/daemon", &[]) {
        Ok(_) => {}
        Err(ClientError::Absent(_)) => {
            output::note("starting the daemon …");
            spawn::daemon(&paths)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok((client, paths))
}
