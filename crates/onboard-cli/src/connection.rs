//! The way to the daemon.

use crate::failure::{Failure, Kind};
use crate::spawn::Started;
use crate::{output, paths, spawn};
use onboard_daemon::Paths;
use onboard_web::api::DaemonView;
use onboard_web::client::{Client, ClientError};
use std::time::{Duration, Instant};

/// How long a daemon that has the state folder may take to answer, or to end: as long as the command
/// that started it waits for it.
const OTHERS_PATIENCE: Duration = spawn::START_TIMEOUT;
const OTHERS_PAUSE: Duration = Duration::from_millis(50);

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
    if !answers(&client)? {
        output::note("starting the daemon …");
        start(&client, &paths)?;
    }
    Ok((client, paths))
}

/// Whether there is a daemon; one that is there and does not answer is an error.
fn answers(client: &Client) -> Result<bool, Failure> {
    match client.get::<DaemonView>("/daemon", &[]) {
        Ok(_) => Ok(true),
        Err(ClientError::Absent(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Starts a daemon. Where somebody else does so at the same time, theirs is waited for.
#[allow(
    clippy::disallowed_methods,
    reason = "a daemon that another command started tells that command alone when it is ready"
)]
fn start(client: &Client, paths: &Paths) -> Result<(), Failure> {
    let given_up = Instant::now() + OTHERS_PATIENCE;
    loop {
        match spawn::daemon(paths)? {
            Started::Ready => return Ok(()),
            Started::Held(_) if answers(client)? => return Ok(()),
            Started::Held(failure) if Instant::now() >= given_up => return Err(failure),
            Started::Held(_) => {
                // Nothing tells of another command's daemon but that it answers.
                std::thread::sleep(OTHERS_PAUSE);
            }
        }
    }
}
