//! Accepting connections, each with its peer's identity, until told to stop.

use super::peer::Peer;
use super::routes::{self, App};
use super::{CONNECTIONS_MAX, DRAIN_TIMEOUT, HEAD_TIMEOUT, Sources};
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::io::Errno;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long to wait for descriptors or memory when there are none: short beside what a person
/// notices, and ten looks a second cost nothing, however long it lasts; so it doesn't grow.
const EXHAUSTED_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Serves until `stopped` holds a reason, then lets open answers end.
pub async fn accept(
    sources: Sources,
    listener: UnixListener,
    mut stopped: watch::Receiver<Option<String>>,
) {
    let listener = match tokio::net::UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("the API can't listen: {error}"),
    };
    let app = Arc::new(App::new(sources, stopped.clone()));
    let replies = Arc::clone(&app.replies);
    // Ends with the runtime, after the last connection.
    tokio::spawn(async move { replies.hand_on().await });
    let router = routes::router(app);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &room) => accepted,
            _ = stopped.wait_for(Option::is_some) => break,
        };
        while open.try_join_next().is_some() {}
        if let Some((stream, permit)) = accepted {
            let (router, stopped) = (router.clone(), stopped.clone());
            open.spawn(async move {
                serve(stream, router, stopped).await;
                drop(permit);
            });
        }
    }
    drop(listener);
    let drained = async { while open.join_next().await.is_some() {} };
    // What is still open after that is aborted with the set.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drained).await;
}

/// The next connection, once there is room. A failed accept (no descriptors left, a peer that
/// went away) concerns that one peer.
async fn next(
    listener: &tokio::net::UnixListener,
    room: &Arc<Semaphore>,
) -> Option<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            if is_exhausted(&error) {
                // It would fail at once, again and again, until somebody else gives something back.
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
            None
        }
    }
}

/// Whether a connection could not be taken for lack of descriptors or memory, so that it is still
/// there.
fn is_exhausted(error: &std::io::Error) -> bool {
    let lacks = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| lacks.iter().any(|lack| lack.raw_os_error() == code))
}

async fn serve(stream: UnixStream, router: Router, mut stopped: watch::Receiver<Option<String>>) {
    let Ok(credentials) = stream.peer_cred() else { return };
    let peer = Peer::of(credentials.uid());
    let router = if peer.is_ours() { router } else { routes::closed() };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // An error here is the peer's end of the connection going away.
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(Option::is_some) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_where_the_connection_is_still_there() {
        let is = |errno: Errno| is_exhausted(&std::io::Error::from(errno));
        for lack in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(is(lack), "{lack}");
        }
        assert!(!is(Errno::CONNABORTED), "that peer went away, the next is there at once");
        assert!(!is(Errno::AGAIN));
    }
}
