//! SIGTERM and SIGINT: the daemon ends as if it had been asked to.

use onboard_daemon::handle::{Handle, Request};
use onboard_domain::{Actor, Command, Via};
use tokio::signal::unix::{SignalKind, signal};

/// Waits for either signal, then asks the loop to end. Again for each further signal, should the
/// loop have been too busy to take the first.
pub async fn end(handle: Handle) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return eprintln!("signals can't be watched: end the daemon with `ai_onboard daemon stop`");
    };
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        let asked = handle.submit(Request {
            actor: Actor::Daemon,
            via: Via::Daemon,
            why: name.into(),
            command: Command::Shutdown,
            // The daemon's end is the answer.
            reply: Box::new(drop),
        });
        if asked.is_err() {
            eprintln!("{name} came while the daemon takes no requests; send it again");
        }
    }
}
