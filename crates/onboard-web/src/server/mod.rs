//! The API's server: one thread, one unix socket, known peers only.
//!
//! It reads the state through the daemon's handle and writes it only by submitting commands.

mod answer;
mod command;
mod connection;
mod coordination;
mod council;
mod crew;
mod explain;
mod feed;
mod follow_logs;
mod hooks;
mod incidents;
mod lines;
mod peer;
mod proposals;
mod query;
mod reads;
mod replies;
mod routes;
mod shared;
mod signals;
mod watch;

use crate::hooks::tally::Tallies;
use onboard_daemon::handle::Handle;
use onboard_domain::Time;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Open connections at once: beyond, new ones wait to be accepted. Sixty-four busy clients and
/// their watch streams are inside.
pub const CONNECTIONS_MAX: usize = 256;

/// Bytes of a request's body: an agent's whole settings are a few kilobytes.
pub const BODY_MAX: usize = 256 * 1024;

/// How long a command may take to become durable before the caller is told to look for itself.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a peer may take to send a request's head.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long open answers may take to end once the server is told to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Threads for reads that block on the disk, and how long an idle one is kept.
const DISK_THREADS: usize = 2;
const DISK_THREAD_KEPT: Duration = Duration::from_secs(2);

/// Gives the present time; the daemon's clock.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What the server renders.
#[derive(Clone)]
pub struct Sources {
    pub handle: Handle,
    pub clock: Clock,
    /// The version of the product.
    pub version: &'static str,
    /// Whether SIGTERM and SIGINT ask the daemon to end.
    pub ends_on_signals: bool,
    /// What became of requests to webhooks.
    pub hooks: Arc<Tallies>,
}

/// A running server. Dropping it without [`Server::stop`] leaves it running.
pub struct Server {
    thread: JoinHandle<()>,
    stop: tokio::sync::watch::Sender<Option<String>>,
    socket: PathBuf,
}

/// Why the server could not start.
#[derive(Debug)]
pub enum StartError {
    /// Another daemon answers at this socket.
    InUse(PathBuf),
    /// The folder of the socket belongs to somebody else.
    ForeignFolder(PathBuf),
    Io {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::InUse(path) => {
                write!(f, "another daemon answers at {}", path.display())
            }
            StartError::ForeignFolder(path) => write!(
                f,
                "the runtime folder {} belongs to another user; set AI_ONBOARD_HOME",
                path.display()
            ),
            StartError::Io { what, path, error } => {
                write!(f, "can't {what} {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for StartError {}

/// Makes the socket in the handle's runtime folder and serves on it. Peers can connect as soon as
/// this returns.
///
/// # Errors
/// When the socket can't be made, or another daemon answers there.
pub fn start(sources: Sources) -> Result<Server, StartError> {
    let socket = sources.handle.paths().socket();
    let listener = listen(&socket)?;
    let (stop, stopped) = tokio::sync::watch::channel(None);
    let thread = std::thread::Builder::new()
        .name("api".into())
        .spawn(move || serve(sources, listener, stopped))
        .map_err(|error| StartError::Io {
            what: "start a thread for",
            path: socket.clone(),
            error,
        })?;
    Ok(Server { thread, stop, socket })
}

impl Server {
    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Ends it: no new requests, streams get their last line, then the thread is joined. Takes at
    /// most [`DRAIN_TIMEOUT`] longer than the slowest answer may.
    pub fn stop(self, reason: &str) {
        self.stop.send_replace(Some(reason.to_string()));
        if self.thread.join().is_err() {
            // The thread's panic was reported on stderr when it happened; ending goes on.
            self.stop.send_replace(None);
        }
    }
}

fn serve(
    sources: Sources,
    listener: UnixListener,
    stopped: tokio::sync::watch::Receiver<Option<String>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(DISK_THREADS)
        .thread_keep_alive(DISK_THREAD_KEPT)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            if sources.ends_on_signals {
                tokio::spawn(signals::end(sources.handle.clone()));
            }
            connection::accept(sources, listener, stopped).await;
        }),
        Err(error) => eprintln!("the API can't start: {error}"),
    }
}

/// A listening socket that only its owner can reach.
fn listen(socket: &Path) -> Result<UnixListener, StartError> {
    let fail = |what| {
        let path = socket.to_path_buf();
        move |error| StartError::Io { what, path, error }
    };
    let folder = socket.parent().unwrap_or(Path::new("/"));
    make_private(folder)?;
    // A socket that nobody answers is what a killed daemon leaves; the state's lock says that
    // there is no other daemon, this only catches two state folders with one runtime folder.
    if UnixStream::connect(socket).is_ok() {
        return Err(StartError::InUse(socket.to_path_buf()));
    }
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(fail("remove the stale socket")(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(socket).map_err(fail("listen at"))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))
        .map_err(fail("set the mode of"))?;
    listener.set_nonblocking(true).map_err(fail("set up"))?;
    Ok(listener)
}

/// The folder exists, is ours and closed to others.
fn make_private(folder: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::MetadataExt;
    let fail = |what, error| StartError::Io { what, path: folder.to_path_buf(), error };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| fail("make the folder", error))?;
    let meta = fs::metadata(folder).map_err(|error| fail("look at", error))?;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(StartError::ForeignFolder(folder.to_path_buf()));
    }
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| fail("set the mode of", error))?;
    }
    Ok(())
}
