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
/// The first pause between two looks at it: a daemon that is about to answer does so within some of
/// these. Each look is a process, so the pauses double, and go apart where many commands wait.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest: what a person hardly notices after seconds of waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

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
    let mut looks = 0;
    loop {
        match spawn::daemon(paths)? {
            Started::Ready => return Ok(()),
            Started::Held(_) if answers(client)? => return Ok(()),
            Started::Held(failure) if Instant::now() >= given_up => return Err(failure),
            Started::Held(_) => {
                // Nothing tells of another command's daemon but that it answers.
                std::thread::sleep(pause(looks, std::process::id()));
                looks += 1;
            }
        }
    }
}

/// The pause after so many looks before: doubling, bounded, and up to a half longer by a hash of who
/// looks, so that commands which began together don't start their daemons together.
fn pause(looks: u32, who: u32) -> Duration {
    let base = FIRST_PAUSE.saturating_mul(1 << looks.min(16)).min(LONGEST_PAUSE);
    let hash = (u64::from(who) << 32 | u64::from(looks)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    base + base.mul_f64(hash as f64 / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_differ() {
        for who in [1, 7, 70_000] {
            for looks in 0..80 {
                let base = FIRST_PAUSE.saturating_mul(1 << looks.min(16)).min(LONGEST_PAUSE);
                let pause = pause(looks, who);
                assert!(pause >= base && pause <= base.mul_f64(1.5), "{looks}: {pause:?}");
            }
        }
        let all: std::collections::BTreeSet<Duration> = (0..50).map(|who| pause(9, who)).collect();
        assert!(all.len() > 40, "{all:?}");
    }
}
